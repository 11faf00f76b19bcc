/*
 * catchup_journals: what journals say, into the index: segments, commits, ends.
 * A damaged record does not end the reading: docs/concurrency.md 13. Confined
 * to one thread.
 */
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

/*
 * catchup_journals_cut: M4, under the index's lock: whether it has taken what
 * does not stand, perhaps by another process that knew less of the log, since
 * catchup_journals_known().
 *   stale  set when it has; else left alone
 */
MUST_CHECK int catchup_journals_cut(struct catchup_update *up, bool *stale);

/*
 * catchup_journals_read: read each on from its mark. Records that cannot be
 * read, or are missing below later ones, are noted in the catch-up's journals,
 * at each run anew: the mark stays before the first; a scan is due when one is
 * met for the first time. What is of no known kind is one that cannot be read.
 * Returns 0; E_NOMEM; what store or index returned.
 */
MUST_CHECK int catchup_journals_read(struct catchup_update *up,
                                     const struct journal_list *list);

#endif
