/*
 * rotate: begin a new epoch of keys, for what is written from then on;
 * docs/format.md 8.3. What is old stays as it is: whoever held the keys may
 * have copied it. Confined to one thread, and to full keys.
 */
#ifndef REPO_ROTATE_H
#define REPO_ROTATE_H

#include "repo/repo.h"

struct rotate_result {
    uint32_t epoch; /* that has begun; 0: none has */
    size_t members; /* that were given its keys */
};

/*
 * rotate_run: put the record that begins the next epoch, on the log's tip
 * (I11), and write the slot that r was opened with anew, with all epochs, so
 * that the keys do not stand in the log alone. Older slots of the same secret,
 * which an attempt that died has left, go. Epochs that the slot holds and
 * the log has lost (it was rolled back, and that was accepted) begin again
 * before it.
 *   r       on return it writes under the new epoch
 *   secret  what r was opened with
 *   out     filled in as far as it went, also when it failed
 * Returns 0; E_ROLE: not a full key; E_REFUSED: a member is leaving; E_LIMIT:
 * the last epoch that there can be has begun; as repo_log_append(). After the
 * epoch has begun: E_LATER: no slot of this key is there any more that the
 * secret opens; E_NOMEM, or what the store returned: the old slot is there
 * then, or both.
 */
MUST_CHECK int rotate_run(struct repo *r, const struct key_slot_secret *secret,
                          struct rotate_result *out);

#endif
