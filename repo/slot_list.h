/* slot_list: the key slots that a repository has. What they say is signed by
 * nobody until they are opened. Confined to one thread. */
#ifndef REPO_SLOT_LIST_H
#define REPO_SLOT_LIST_H

#include "repo/key_slot.h"

struct store;

struct slot_list_item {
    struct object_id id; /* its name */
    struct key_slot_info info;
};

/* Zeroed: empty. In no order. */
struct slot_list {
    struct slot_list_item *item;
    size_t n;
    size_t cap;
    size_t unread; /* that are damaged, or a newer version's */
};

/* slot_list_load: all that can be read. l is zeroed. E_NOMEM, or what the
 * store returned; l may be released then too. */
MUST_CHECK int slot_list_load(struct store *s, struct slot_list *l);
void slot_list_release(struct slot_list *l);

/*
 * slot_list_put: make a durable slot for the keys k, read it again and open it.
 *   label  at most KEY_SLOT_LABEL_MAX bytes
 *   id     out: its name
 * Returns 0; E_USAGE (the secret is none); E_CORRUPT, E_UNSUPPORTED, E_LIMIT:
 * it did not open to k, and was deleted, if that could be done; E_LATER:
 * somebody else has removed it; E_NOMEM; what the store returned: it may be
 * there then.
 */
MUST_CHECK int slot_list_put(struct store *s, const struct keyring *k,
                             const char *label,
                             const struct key_slot_secret *secret,
                             struct object_id *id);

/* slot_list_name: "keys/<id>". */
enum { SLOT_LIST_NAME_MAX = 5 + ID_HEX_CHARS + 1 };
void slot_list_name(const struct object_id *id, char out[SLOT_LIST_NAME_MAX]);

/* slot_list_has: whether a slot is there. */
MUST_CHECK int slot_list_has(struct store *s, const struct object_id *id,
                             bool *there);

/* slot_list_delete: a slot is gone, durably. */
MUST_CHECK int slot_list_delete(struct store *s, const struct object_id *id);

/*
 * slot_list_try: whether a slot is one of a member's that a secret opens.
 *   held  out, when it opens: how many epochs it holds
 * One that is gone, damaged or a newer version's does not open. Returns 0;
 * E_NOMEM; what the store returned.
 */
MUST_CHECK int slot_list_try(struct store *s, const struct object_id *id,
                             const struct key_slot_secret *secret,
                             const struct member_id *member, uint32_t *held,
                             bool *opens);

/*
 * slot_list_drop: delete all slots of a member but one, until a list holds no
 * more: a rotation that puts one later sees that its old one has gone.
 *   keep  NULL: all
 * Returns 0; E_NOMEM; what the store returned: some may be gone then.
 */
MUST_CHECK int slot_list_drop(struct store *s, const struct member_id *member,
                              const struct object_id *keep);

/*
 * slot_list_drop_older: delete the slots of k's member that hold fewer epochs
 * than k does and that the same secret opens: of attempts that put a newer one
 * and died. Looks at 16 at most, and at none that costs more to open than those
 * that slot_list_put() makes: a host can put slots that say anything.
 *   keep  k's slot: not looked at
 * Returns as slot_list_drop().
 */
MUST_CHECK int slot_list_drop_older(struct store *s, const struct keyring *k,
                                    const struct key_slot_secret *secret,
                                    const struct object_id *keep);

#endif
