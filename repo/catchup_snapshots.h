/* catchup_snapshots: the snapshots that commit records name, into the index.
 * Confined to one thread. */
#ifndef REPO_CATCHUP_SNAPSHOTS_H
#define REPO_CATCHUP_SNAPSHOTS_H

#include "repo/catchup_update.h"
#include "repo/record_journal.h"

/*
 * catchup_snapshots_commit: note a committed snapshot; one whose object cannot
 * be read is noted as damaged. One that is noted as sound is not read again. A
 * key that may not read snapshots notes what the record says.
 *   r, says  the commit record
 * Returns 0; E_NOMEM; what store or index returned.
 */
MUST_CHECK int catchup_snapshots_commit(struct catchup_update *up,
                                        const struct record *r,
                                        const struct record_journal *says);

/*
 * catchup_snapshots_again: ask for those that are noted without their manifest
 * and not forgotten, if the key may read snapshots: one get for each. What the
 * store cannot give just now stays so. Returns 0; E_NOMEM; what the index
 * returned.
 */
MUST_CHECK int catchup_snapshots_again(struct catchup_update *up);

#endif
