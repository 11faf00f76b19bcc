/*
 * key_change: keys that come, change their secret, or change what they trust.
 * key_remove.h is for those that go. docs/concurrency.md 14.
 *
 * Confined to one thread; nothing else may use the repository meanwhile.
 */
#ifndef REPO_KEY_CHANGE_H
#define REPO_KEY_CHANGE_H

#include "repo/repo.h"

/* key_change_label_ok: [A-Za-z0-9._@+-]{1,100}. */
bool key_change_label_ok(const char *label);

struct key_change_new {
    enum keyring_role role;
    const char *label;
    const struct key_slot_secret *secret; /* what will open it */
    bool has_trust;
    enum record_trust trust; /* with has_trust; else a first write key makes it
                                "own" */
};

/* key_change_may_add: whether it is worth asking for the new key's secret:
 * E_ROLE; E_USAGE (the label); E_REFUSED (it is taken). */
MUST_CHECK int key_change_may_add(const struct repo *r,
                                  const struct key_change_new *n);

/*
 * key_change_add: a new member, with a slot.
 *   r   refreshed
 *   id  out: the new member
 * When it returns 0 the key works. Returns E_ROLE; E_REFUSED: the label is
 * taken; E_USAGE: the label or secret is none; E_BUSY; E_NOMEM; what the store
 * returned: the key may work then, and adding it again says that the label is
 * taken; as slot_list_put() when the slot does not open: no key came.
 */
MUST_CHECK int key_change_add(struct repo *r, const struct key_change_new *n,
                              struct member_id *id);

/*
 * key_change_secret: a new slot for the key in use; then all its others are
 * deleted. Returns 0: secret alone opens it; E_ROLE: it is no active member;
 * E_USAGE; E_NOMEM; what the store returned: the old secret opens it, or the
 * new one, or both.
 */
MUST_CHECK int key_change_secret(struct repo *r,
                                 const struct key_slot_secret *secret);

/* key_change_trust: whose packs writers may rely on. Returns 0; E_ROLE; E_BUSY;
 * E_NOMEM; what the store returned. */
MUST_CHECK int key_change_trust(struct repo *r, enum record_trust trust);

#endif
