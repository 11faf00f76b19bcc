#include "tests/repo/epoch_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "repo/repo_log.h"

static struct key_slot_secret secret_of(const struct epoch_kit *k,
                                        enum keyring_role role)
{
    return role == KEYRING_FULL
               ? k->f.secret
               : (struct key_slot_secret){KEY_SLOT_FILE,
                                          bytes_of(k->file[role], 32)};
}

struct mine {
    struct epoch_kit *k;
    enum keyring_role role;
};

static int drop_if_mine(void *ctx, const char *name, uint64_t size)
{
    const struct mine *m = ctx;
    struct key_slot_secret secret = secret_of(m->k, m->role);
    struct keyring *k = keyring_new();
    struct buf file;
    bool found;
    bool opened;

    (void)size;
    assert_non_null(k);
    buf_init(&file, KEY_SLOT_BYTES_MAX);
    assert_int_equal(store_get(m->k->f.store, name, &file, &found), 0);
    assert_int_equal(key_slot_open(buf_bytes(&file), &secret, k, &opened), 0);
    if (opened)
        assert_int_equal(store_delete(m->k->f.store, name), 0);
    buf_release(&file);
    keyring_free(k);
    return 0;
}

void epoch_kit_put_slot(struct epoch_kit *k, const struct keyring *from,
                        enum keyring_role role)
{
    struct key_slot_info info = {.kdf = KEY_SLOT_FILE, .role = role};
    struct key_slot_secret secret = secret_of(k, role);
    struct mine mine = {k, role};
    struct keyring *ring = keyring_new();
    char name[5 + ID_HEX_CHARS + 1] = "keys/";
    enum store_outcome outcome;
    struct object_id id;
    struct buf file;

    assert_non_null(ring);
    assert_int_equal(store_list(k->f.store, "keys", drop_if_mine, &mine), 0);
    *ring = *from;
    ring->role = role;
    if (role != KEYRING_FULL) /* a seed that tells the roles apart */
        memset(ring->seed.b, (int)role, sizeof ring->seed.b);
    crypto_signer_load(&ring->seed, &ring->signer, &ring->member);
    k->member[role] = ring->member;
    buf_init(&file, KEY_SLOT_BYTES_MAX);
    assert_int_equal(key_slot_seal(ring, &info, &secret, &file), 0);
    blake3_hash(buf_bytes(&file), id.b);
    id_hex(id.b, sizeof id.b, name + 5);
    assert_int_equal(store_put(k->f.store, name, buf_bytes(&file), &outcome),
                     0);
    buf_release(&file);
    keyring_free(ring);
}

void epoch_kit_open(struct epoch_kit *k)
{
    *k = (struct epoch_kit){.r = NULL};
    repo_fixture_make(&k->f);
    assert_int_equal(repo_fixture_repo(&k->f, "a", &k->r), 0);
    k->member[KEYRING_FULL] = k->r->keys->member;
    for (int role = KEYRING_READ; role <= KEYRING_MAINTAIN; role++) {
        (void)snprintf(k->file[role], sizeof k->file[role], "%032d", role);
        epoch_kit_put_slot(k, k->r->keys, (enum keyring_role)role);
    }
}

void epoch_kit_close(struct epoch_kit *k)
{
    repo_close(k->r);
    repo_fixture_close(&k->f);
}

int epoch_kit_repo(struct epoch_kit *k, enum keyring_role role,
                   const char *cache, struct repo **r)
{
    struct key_slot_secret founder = k->f.secret;
    int rc;

    k->f.secret = secret_of(k, role);
    rc = repo_fixture_repo(&k->f, cache, r);
    k->f.secret = founder;
    return rc;
}

struct begin {
    struct epoch_kit *k;
    enum keyring_role without;
    epoch_kit_change *change;
    void *ctx;
    struct buf shares;
};

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct member_id));
}

static int compute(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    struct begin *b = ctx;
    struct epoch_member m[EPOCH_KIT_MEMBERS];
    struct keyring_epoch e;
    struct crypto_key root;
    size_t n = 0;
    int rc;

    for (int role = KEYRING_FULL; role <= KEYRING_MAINTAIN; role++)
        if ((enum keyring_role)role != b->without)
            m[n++] = (struct epoch_member){b->k->member[role],
                                           (enum keyring_role)role};
    qsort(m, n, sizeof m[0], by_id);
    crypto_random(root.b, sizeof root.b);
    keyring_epoch_make(&root, &e);
    buf_reset(&b->shares);
    d->type = RECORD_EPOCH;
    rc = epoch_draft(r->keys, r->state.epochs, &e, m, n, &b->shares,
                     &d->says.epoch);
    if (rc == 0 && b->change)
        b->change(b->ctx, &e, &d->says.epoch);
    return rc;
}

int epoch_kit_begin(struct epoch_kit *k, enum keyring_role without,
                    epoch_kit_change *change, void *ctx)
{
    struct begin b = {k, without, change, ctx, {.rc = 0}};
    int rc;

    buf_init(&b.shares, 100000);
    rc = repo_log_append(k->r, compute, &b, NULL);
    buf_release(&b.shares);
    return rc;
}
