#include "repo/rotate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/blake3.h"
#include "repo/epoch.h"
#include "repo/repo_log.h"
#include "store/store.h"

enum { ROTATE_NAME_MAX = 5 + ID_HEX_CHARS + 1 };

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
    struct crypto_key root;
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
    crypto_random(root.b, sizeof root.b);
    keyring_epoch_make(&root, t->e);
    crypto_wipe(&root, sizeof root);
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

static int rotate_put_slot(struct repo *r, struct bytes file,
                           char name[ROTATE_NAME_MAX])
{
    char hex[ID_HEX_CHARS + 1];
    enum store_outcome outcome;
    struct object_id id;

    blake3_hash(file, id.b);
    (void)snprintf(name, ROTATE_NAME_MAX, "keys/%s",
                   id_hex(id.b, sizeof id.b, hex));
    return store_put(r->store, name, file, &outcome);
}

/* A slot like the one that was opened, with all epochs, in its place. */
static int rotate_slot(struct repo *r, const struct key_slot_secret *secret)
{
    char name[ROTATE_NAME_MAX];
    struct key_slot_info info;
    struct buf old;
    struct buf new;
    bool found;
    int rc;

    buf_init(&old, KEY_SLOT_BYTES_MAX);
    buf_init(&new, KEY_SLOT_BYTES_MAX);
    rc = store_get(r->store, r->slot_name, &old, &found);
    if (rc == 0 && !found)
        /* with an old passphrase, perhaps: it must not come back */
        rc = err_set(E_LATER, "was replaced or removed meanwhile, and is not "
                              "written anew");
    if (rc == 0)
        rc = key_slot_info_get(buf_bytes(&old), &info);
    if (rc == 0)
        rc = key_slot_seal(r->keys, &info, secret, &new);
    if (rc == 0)
        rc = rotate_put_slot(r, buf_bytes(&new), name);
    if (rc == 0)
        rc = store_delete(r->store, r->slot_name);
    if (rc == 0)
        memcpy(r->slot_name, name, sizeof name);
    buf_release(&old);
    buf_release(&new);
    return err_add(rc, "%s", r->slot_name);
}

int rotate_run(struct repo *r, const struct key_slot_secret *secret,
               struct rotate_result *out)
{
    int rc;

    *out = (struct rotate_result){.epoch = 0};
    rc = rotate_begin(r, out);
    return rc < 0 ? rc : rotate_slot(r, secret);
}
