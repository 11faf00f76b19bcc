#include "repo/rotate.h"

#include <stdlib.h>

#include "repo/epoch.h"
#include "repo/repo_log.h"
#include "repo/slot_list.h"
#include "store/store.h"

/* One attempt's; what a taken number voids is made anew, the root too. */
struct rotate {
    uint32_t number;
    bool again;              /* it is one that the slot held already */
    struct keyring_epoch *e; /* in locked memory */
    struct epoch_member *member;
    size_t member_n;
    struct buf shares;
};

/* Who is leaving would be given the new keys, which are begun for its sake more
 * often than not. */
static int rotate_nobody_leaves(const struct repo *r)
{
    const struct members *m = &r->state.members;

    for (size_t i = 0; i < m->n; i++) {
        if (m->one[i].standing == RECORD_LEAVING)
            return err_set(E_REFUSED,
                           "%s: the removal of the key '%s' is not finished, "
                           "and it would be given the new keys: run 'dedup key "
                           "remove %s' first",
                           store_place(r->store), m->one[i].label,
                           m->one[i].label);
    }
    return 0;
}

static int rotate_compute(void *ctx, const struct repo *r,
                          struct repo_log_draft *d)
{
    struct rotate *t = ctx;
    int rc;

    if (r->state.epochs >= KEYRING_EPOCHS_MAX)
        return err_set(E_LIMIT,
                       "%s: its keys have had %d epochs, and no more can "
                       "begin; 'dedup init' makes a new repository",
                       store_place(r->store), KEYRING_EPOCHS_MAX);
    t->number = r->state.epochs;
    free(t->member);
    t->member = NULL;
    rc = rotate_nobody_leaves(r);
    if (rc == 0)
        rc = epoch_members(&r->state, &t->member, &t->member_n);
    if (rc < 0)
        return rc;
    /* a log that was rolled back has lost the record: what was sealed since
     * under those keys may be there still */
    t->again = t->number < r->keys->held;
    if (t->again)
        *t->e = r->keys->epoch[t->number];
    else
        keyring_new_epoch(t->e);
    buf_reset(&t->shares);
    d->type = RECORD_EPOCH;
    return epoch_draft(r->keys, t->number, t->e, t->member, t->member_n,
                       &t->shares, &d->says.epoch);
}

static int rotate_begin(struct repo *r, struct rotate_result *out)
{
    struct rotate t = {.e = crypto_locked_new(sizeof *t.e), .again = true};
    int rc = 0;

    if (!t.e)
        return err_set(E_NOMEM, "out of memory");
    buf_init(&t.shares, envelope_content_max(ENVELOPE_LOG));
    while (rc == 0 && t.again) {
        uint64_t put = 0;

        rc = repo_log_append(r, rotate_compute, &t, &put);
        if (put > 0)
            *out = (struct rotate_result){t.number, t.member_n};
    }
    buf_release(&t.shares);
    free(t.member);
    crypto_locked_free(t.e);
    return rc;
}

/* --- the own slot --- */

/* The slot that the secret opened has gone: another rotation by this key may
 * have written the one that it opens now. found false: none but `not`. */
static int rotate_find_slot(const struct repo *r,
                            const struct key_slot_secret *secret,
                            const struct object_id * not, struct object_id *id,
                            uint32_t *held, bool *found)
{
    struct slot_list l = {.item = NULL};
    int rc = slot_list_load(r->store, &l);

    *found = false;
    for (size_t i = 0; i < l.n && rc == 0 && !*found; i++) {
        const struct slot_list_item *it = &l.item[i];

        if (it->info.kdf != secret->kind || object_id_equal(&it->id, not ) ||
            memcmp(it->info.member.b, r->keys->member.b,
                   sizeof it->info.member.b) != 0)
            continue;
        rc = slot_list_try(r->store, &it->id, secret, &r->keys->member, held,
                           found);
        *id = it->id;
    }
    slot_list_release(&l);
    return rc;
}

/* old is the slot that `new` was put beside, or had gone before. Where it has
 * gone and no other one that the secret opens came for it, the secret was
 * changed meanwhile: the old one must not come back. */
static int rotate_slot_settle(struct repo *r,
                              const struct key_slot_secret *secret,
                              const struct object_id *old,
                              const struct object_id *new)
{
    struct object_id other = *old;
    uint32_t held = 0;
    bool there;
    int rc = slot_list_has(r->store, old, &there);

    if (rc == 0 && !there)
        rc = rotate_find_slot(r, secret, new, &other, &held, &there);
    if (rc == 0 && !there) {
        rc = slot_list_delete(r->store, new);
        return rc < 0 ? rc
                      : err_set(E_LATER, "the key slot was replaced or removed "
                                         "meanwhile, and is not written anew");
    }
    if (rc == 0 && held > r->keys->held) {
        r->slot_id = other;
        r->slot_epochs = held;
        return slot_list_delete(r->store, new);
    }
    if (rc == 0) {
        r->slot_id = *new;
        r->slot_epochs = r->keys->held;
        rc = slot_list_delete(r->store, &other);
    }
    return rc;
}

/* A slot like the one that was opened, with all epochs, in its place. */
static int rotate_slot(struct repo *r, const struct key_slot_secret *secret)
{
    struct object_id old = r->slot_id;
    struct object_id new;
    int rc = slot_list_put(r->store, r->keys, r->slot.label, secret, &new);

    if (rc == 0)
        rc = rotate_slot_settle(r, secret, &old, &new);
    /* one that died between putting and deleting left two */
    return rc < 0
               ? rc
               : slot_list_drop_older(r->store, r->keys, secret, &r->slot_id);
}

int rotate_run(struct repo *r, const struct key_slot_secret *secret,
               struct rotate_result *out)
{
    int rc;

    *out = (struct rotate_result){.epoch = 0};
    rc = rotate_begin(r, out);
    return rc < 0 ? rc : rotate_slot(r, secret);
}
