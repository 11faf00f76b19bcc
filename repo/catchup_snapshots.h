/* catchup_snapshots: the snapshots that commit records name, into the index.
 * Confined to one thread. */
#ifndef REPO_CATCHUP_SNAPSHOTS_H
#define REPO_CATCHUP_SNAPSHOTS_H

#include "repo/catchup_update.h"
#include "repo/record_journal.h"

/*
 * catchup_snapshots_commit: note a snapshot that w's journal, which is owner's,
 * commits; one whose object cannot be read is noted as damaged, one that owner
 * did not sign is passed over. One that is noted as sound is not read again. Of
 * one that the key may not read what the record says is noted.
 *   r, says  the commit record
 * Returns 0; E_NOMEM; what store or index returned.
 */
MUST_CHECK int catchup_snapshots_commit(struct catchup_update *up,
                                        const struct writer_id *w,
                                        const struct members_one *owner,
                                        const struct record *r,
                                        const struct record_journal *says);

/*
 * catchup_snapshots_again: ask for those that are noted without their manifest,
 * though the key may read it, and are not forgotten: one get for each. What the
 * store cannot give just now stays so.
 *   stale  set when one turns out not to be of the member whose journal named
 *          it: perhaps another's names it too; or is sealed and whole again;
 *          else left alone
 * Returns 0; E_NOMEM; what the index returned.
 */
MUST_CHECK int catchup_snapshots_again(struct catchup_update *up, bool *stale);

#endif
