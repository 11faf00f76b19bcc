/*
 * epoch: epochs of keys as the log tells of them: what a full key says when it
 * begins one, and how each member takes its share; docs/format.md 8.3,
 * docs/adr/0010. Confined to one thread at a time; the keyring that an epoch is
 * added to may be in use by others.
 */
#ifndef REPO_EPOCH_H
#define REPO_EPOCH_H

#include "repo/keyring.h"
#include "repo/record_log.h"
#include "repo/state.h"

/* Whom a new epoch is for. */
struct epoch_member {
    struct member_id id;
    enum keyring_role role;
};

/* epoch_members: the active and leaving members of a state, ascending by id,
 * in an array that is the caller's to free. Returns 0 or E_NOMEM. */
MUST_CHECK int epoch_members(const struct state *s, struct epoch_member **out,
                             size_t *n);

/*
 * epoch_draft: what the record says that begins an epoch.
 *   number  of the epoch
 *   e       its keys, from a fresh root
 *   m       n members, ascending by id, k's own among them
 *   shares  empty; holds what out borrows
 * k's own share is opened again and proved.
 * Returns 0; E_CORRUPT (a member's id that is no key; a share that went wrong);
 * E_NOMEM.
 */
MUST_CHECK int epoch_draft(const struct keyring *k, uint32_t number,
                           const struct keyring_epoch *e,
                           const struct epoch_member *m, size_t n,
                           struct buf *shares, struct record_epoch *out);

/*
 * epoch_take: a record that counts has begun an epoch: its keys, as far as they
 * are for this key, into the keyring. Once more is fine: then it is proved.
 *   s       the state after the record
 *   accept  the log outweighs what a slot holds of an epoch that it had not
 *           begun: it was set back, and that is right
 * Returns 0, also when this key was removed before and has no share of it;
 * E_ROLLBACK: the slot holds others, and accept is not said; E_CORRUPT: the
 * share is missing, does not open or does not fit; E_NOMEM.
 */
MUST_CHECK int epoch_take(struct keyring *k, const struct state *s,
                          const struct chain_record *r, bool accept);

#endif
