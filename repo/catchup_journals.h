/* catchup_journals: what journals say, into the index: segments, commits, ends.
 * Confined to one thread. */
#ifndef REPO_CATCHUP_JOURNALS_H
#define REPO_CATCHUP_JOURNALS_H

#include "repo/catchup_update.h"
#include "repo/journal_list.h"

/*
 * catchup_journals_known: each journal that the index knows must still be
 * there, as long as before.
 *   stale  set when one is not; else left alone
 * Returns 0; E_ROLLBACK; what the index returned.
 */
MUST_CHECK int catchup_journals_known(struct catchup_update *up,
                                      const struct journal_list *list,
                                      bool *stale);

/* catchup_journals_read: read each on from its mark. Returns 0; E_CORRUPT;
 * E_UNSUPPORTED; E_NOMEM; what store or index returned. */
MUST_CHECK int catchup_journals_read(struct catchup_update *up,
                                     const struct journal_list *list);

#endif
