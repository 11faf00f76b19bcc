/* catchup_log: the log's new records into the state, and what they say about
 * packs into the index. Confined to one thread. */
#ifndef REPO_CATCHUP_LOG_H
#define REPO_CATCHUP_LOG_H

#include "repo/catchup_update.h"

/*
 * catchup_log_fold: fold the records behind the state's tip in, and the epochs
 * that they begin into the keyring. The record that the run's mark names must
 * be the one that is there. For a key that is given no share of an epoch the
 * log ends at its record: an index that stands for more is ahead of it, and to
 * be left alone.
 *   stale  set when the index stands for another log; else left alone
 * Returns 0; E_CORRUPT (also: the log is empty); E_UNSUPPORTED; E_ROLLBACK;
 * E_NOMEM; what the store returned.
 */
MUST_CHECK int catchup_log_fold(struct catchup_update *up, bool *stale);

/*
 * catchup_log_still: whether the log still ends where it was folded to. Returns
 * 0; E_LATER: it does not (the run starts over); what the store returned.
 */
MUST_CHECK int catchup_log_still(struct catchup_update *up);

/* catchup_log_moved: whether the state is ahead of the index. */
bool catchup_log_moved(const struct catchup_update *up);

/* catchup_log_states: bring the states of all packs, and which of them may be
 * counted on, in line with the log.
 * catchup_log_suspects: the same for chunks that were found damaged. */
MUST_CHECK int catchup_log_states(struct catchup_update *up);
MUST_CHECK int catchup_log_suspects(struct catchup_update *up);

/* catchup_log_note: the index stands for the state's tip now, which is made
 * durable first (I10). */
MUST_CHECK int catchup_log_note(struct catchup_update *up);

#endif
