/*
 * settle: I10, visible is not durable: whoever commits or deletes because of
 * what others published makes that durable first. Confined to one thread.
 */
#ifndef REPO_SETTLE_H
#define REPO_SETTLE_H

#include "repo/repo.h"

/*
 * settle_journals: what journals say, as far as it was read, lasts. Of a writer
 * that is still at it its last record alone may not: each of its puts had
 * returned before the next began. Of one that has ended, nothing that is relied
 * on. Returns what the store did; E_NOMEM.
 */
MUST_CHECK int settle_journals(const struct repo *r);

/* settle_tip: R4: the log's tip that was read is acted upon, so it must last: a
 * number lost in a power cut is given out again, to a condemn that we never
 * saw. Returns what the store did. */
MUST_CHECK int settle_tip(const struct repo *r);

#endif
