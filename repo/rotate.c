#include "repo/rotate.h"

#include <stdlib.h>

#include "repo/epoch.h"
#include "repo/repo_log.h"
#include "repo/slot_list.h"
#include "store/store.h"

/* One attempt's; what a taken number voids is made anew, the root too. */
struct rotate {
    uint32_t number;
    struct keyring_epoch *e; /* in locked memory */
    struct epoch_member *member;
    size_t member_n;
    struct buf shares;
};

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
    rc = epoch_members(&r->state, &t->member, &t->member_n);
    if (rc < 0)
        return rc;
    keyring_new_epoch(t->e);
    buf_reset(&t->shares);
    d->type = RECORD_EPOCH;
    return epoch_draft(r->keys, t->number, t->e, t->member, t->member_n,
                       &t->shares, &d->says.epoch);
}

static int rotate_begin(struct repo *r, struct rotate_result *out)
{
    struct rotate t = {.e = crypto_locked_new(sizeof *t.e)};
    uint64_t put = 0;
    int rc;

    if (!t.e)
        return err_set(E_NOMEM, "out of memory");
    buf_init(&t.shares, envelope_content_max(ENVELOPE_LOG));
    rc = repo_log_append(r, rotate_compute, &t, &put);
    if (put > 0)
        *out = (struct rotate_result){t.number, t.member_n};
    buf_release(&t.shares);
    free(t.member);
    crypto_locked_free(t.e);
    return rc;
}

/* --- the own slot --- */

/* A slot like the one that was opened, with all epochs, in its place. */
static int rotate_slot(struct repo *r, const struct key_slot_secret *secret)
{
    struct object_id old = r->slot_id;
    bool there;
    int rc = slot_list_has(r->store, &old, &there);

    if (rc == 0 && !there)
        /* with an old passphrase, perhaps: it must not come back */
        rc = err_set(E_LATER, "the key slot was replaced or removed meanwhile, "
                              "and is not written anew");
    if (rc == 0)
        rc = slot_list_put(r->store, r->keys, r->slot.label, secret,
                           &r->slot_id);
    if (rc == 0)
        rc = slot_list_delete(r->store, &old);
    /* one that died between the two left two */
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
