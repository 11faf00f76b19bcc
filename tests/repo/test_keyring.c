#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/envelope.h"
#include "repo/fields.h"
#include "repo/key_slot.h"
#include "tests/repo/codec_loops.h"

enum { EPOCHS = 3, BUNDLE_MAX = 40000 };

static const enum keyring_role roles[] = {KEYRING_FULL, KEYRING_READ,
                                          KEYRING_WRITE, KEYRING_MAINTAIN};

static struct crypto_key root[KEYRING_EPOCHS_MAX];
static struct keyring *ring; /* full, with EPOCHS epochs, all begun */

static struct keyring *ring_new(void)
{
    struct keyring *k = keyring_new();

    assert_non_null(k);
    return k;
}

/* What a role's bundle loads to; the caller's to free. */
static struct keyring *as_role(enum keyring_role role)
{
    struct keyring *k = ring_new();
    struct buf b;

    memcpy(k, ring, sizeof *k);
    k->role = role;
    buf_init(&b, BUNDLE_MAX);
    keyring_put(k, &b);
    assert_int_equal(keyring_load(k, buf_bytes(&b)), 0);
    assert_int_equal(keyring_set_public(k, &ring->epoch[0].data_public,
                                        &ring->epoch[0].meta_public),
                     0);
    buf_release(&b);
    return k;
}

/* Literally what docs/format.md 3 says. */
static void test_keyring__all_follows_from_the_roots(void **state)
{
    struct crypto_key x;

    (void)state;
    for (size_t i = 0; i < EPOCHS; i++) {
        const struct keyring_epoch *e = &ring->epoch[i];
        struct crypto_public p;

        crypto_kdf(&x, &root[i], "dedup 1 root repo", NULL, 0);
        assert_memory_equal(&e->k_repo, &x, 32);
        crypto_kdf(&x, &root[i], "dedup 1 root index", NULL, 0);
        assert_memory_equal(&e->k_index, &x, 32);
        crypto_kdf(&x, &root[i], "dedup 1 root data", NULL, 0);
        assert_memory_equal(&e->data_secret, &x, 32);
        crypto_pair_public(&x, &p);
        assert_memory_equal(&e->data_public, &p, 32);
        crypto_kdf(&x, &root[i], "dedup 1 root meta", NULL, 0);
        assert_memory_equal(&e->meta_secret, &x, 32);
        crypto_pair_public(&x, &p);
        assert_memory_equal(&e->meta_public, &p, 32);
    }
    crypto_kdf(&x, &root[0], "dedup 1 root data ids", NULL, 0);
    assert_memory_equal(&ring->k_data, &x, 32);
    crypto_kdf(&x, &root[0], "dedup 1 root meta ids", NULL, 0);
    assert_memory_equal(&ring->k_meta, &x, 32);
    crypto_kdf(&x, &root[0], "dedup 1 root cut", NULL, 0);
    assert_memory_equal(ring->k_cut, &x, 16);
}

/* One bundle for each role and epoch: what the role may hold, and no more. */
static void test_keyring__roles_hold_what_they_may(void **state)
{
    static const struct {
        size_t bytes;
        bool root, data, meta;
    } t[] = {[KEYRING_FULL] = {32, true, true, true},
             [KEYRING_READ] = {128, false, true, true},
             [KEYRING_WRITE] = {64, false, false, false},
             [KEYRING_MAINTAIN] = {96, false, false, true}};
    static const struct crypto_key none;

    (void)state;
    for (size_t r = 0; r < sizeof roles / sizeof roles[0]; r++) {
        struct keyring *k = as_role(roles[r]);

        assert_int_equal(keyring_epoch_bytes(roles[r]), t[roles[r]].bytes);
        assert_int_equal(k->held, EPOCHS);
        assert_memory_equal(&k->k_data, &ring->k_data, 32);
        assert_memory_equal(&k->k_page, &ring->k_page, 32);
        assert_memory_equal(&k->member, &ring->member, 32);
        for (size_t i = 0; i < EPOCHS; i++) {
            const struct keyring_epoch *e = &k->epoch[i];
            const struct keyring_epoch *f = &ring->epoch[i];

            assert_memory_equal(&e->k_repo, &f->k_repo, 32);
            assert_memory_equal(&e->k_index, &f->k_index, 32);
            assert_memory_equal(&e->root, t[roles[r]].root ? &f->root : &none,
                                32);
            assert_memory_equal(&e->data_secret,
                                t[roles[r]].data ? &f->data_secret : &none, 32);
            assert_memory_equal(&e->meta_secret,
                                t[roles[r]].meta ? &f->meta_secret : &none, 32);
        }
        keyring_free(k);
    }
}

/* Nor does a new member's keyring, before it ever becomes a bundle, or get an
 * epoch that is not its role's. */
static void test_keyring__a_new_member_is_given_its_part(void **state)
{
    static const struct crypto_key none;

    (void)state;
    for (size_t r = 0; r < sizeof roles / sizeof roles[0]; r++) {
        bool full = roles[r] == KEYRING_FULL;
        bool data = full || roles[r] == KEYRING_READ;
        bool meta = data || roles[r] == KEYRING_MAINTAIN;
        struct keyring *few = ring_new();
        struct keyring *k = ring_new();

        memcpy(few, ring, sizeof *few);
        few->held = EPOCHS - 1;
        keyring_member(few, roles[r], k);
        keyring_member_epochs(ring, k);
        assert_int_equal(k->held, EPOCHS);
        assert_memory_not_equal(&k->seed, &ring->seed, sizeof k->seed);
        for (size_t i = 0; i < EPOCHS; i++) {
            const struct keyring_epoch *e = &k->epoch[i];
            const struct keyring_epoch *f = &ring->epoch[i];

            assert_memory_equal(&e->root, full ? &f->root : &none, 32);
            assert_memory_equal(&e->data_secret, data ? &f->data_secret : &none,
                                32);
            assert_memory_equal(&e->meta_secret, meta ? &f->meta_secret : &none,
                                32);
        }
        keyring_free(few);
        keyring_free(k);
    }
}

static int load(void *ctx, struct bytes in)
{
    return keyring_load(ctx, in);
}

static void test_keyring__bundles_are_cut_and_flipped(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof roles / sizeof roles[0]; r++) {
        struct keyring *k = as_role(roles[r]);
        struct buf b;

        buf_init(&b, BUNDLE_MAX);
        keyring_put(k, &b);
        codec_loops_truncate(load, k, buf_bytes(&b), 0);
        (void)codec_loops_flip(load, k, buf_bytes(&b), 1);
        buf_release(&b);
        keyring_free(k);
    }
}

/* The value of tag 25, replaced. */
static int load_epochs(enum keyring_role role, struct bytes epochs)
{
    struct keyring *k = ring_new();
    struct fields_out o;
    struct buf b;
    int rc;

    buf_init(&b, BUNDLE_MAX);
    fields_begin(&o, &b, bytes_of(NULL, 0));
    fields_put(&o, 1, bytes_of(ring->repo.b, sizeof ring->repo.b));
    fields_put_varint(&o, 3, (uint64_t)role);
    fields_put(&o, 9, bytes_of(ring->k_data.b, 32));
    fields_put(&o, 11, bytes_of(ring->k_meta.b, 32));
    fields_put(&o, 13, bytes_of(ring->k_cut, 16));
    fields_put(&o, 15, bytes_of(ring->seed.b, 32));
    fields_put(&o, 17, bytes_of(ring->config.b, 32));
    fields_put(&o, 25, epochs);
    fields_finish(&o);
    assert_int_equal(buf_status(&b), 0);
    rc = keyring_load(k, buf_bytes(&b));
    if (rc == 0)
        assert_int_equal(k->held, epochs.n / keyring_epoch_bytes(role));
    buf_release(&b);
    keyring_free(k);
    return rc;
}

static void test_keyring__epochs_have_bounds(void **state)
{
    static uint8_t x[(KEYRING_EPOCHS_MAX + 1) * KEYRING_EPOCH_BYTES_MAX];

    (void)state;
    memset(x, 1, sizeof x);
    memcpy(x, root[0].b, sizeof root[0]);
    for (size_t r = 0; r < sizeof roles / sizeof roles[0]; r++) {
        size_t each = keyring_epoch_bytes(roles[r]);

        assert_int_equal(load_epochs(roles[r], bytes_of(x, 0)), E_CORRUPT);
        assert_int_equal(load_epochs(roles[r], bytes_of(x, each)), 0);
        assert_int_equal(load_epochs(roles[r], bytes_of(x, each + 1)),
                         E_CORRUPT);
        assert_int_equal(
            load_epochs(roles[r], bytes_of(x, KEYRING_EPOCHS_MAX * each)), 0);
        assert_int_equal(
            load_epochs(roles[r], bytes_of(x, (KEYRING_EPOCHS_MAX + 1) * each)),
            E_CORRUPT);
    }
}

/* Only a full key can tell. */
static void test_keyring__a_full_bundle_is_rooted(void **state)
{
    (void)state;
    assert_int_equal(load_epochs(KEYRING_FULL, bytes_of(root[0].b, 32)), 0);
    assert_int_equal(load_epochs(KEYRING_FULL, bytes_of(root[1].b, 32)),
                     E_CORRUPT);
    assert_non_null(strstr(err_text(), "root"));
}

/* A slot of the role that holds most, with as many epochs as there can be. */
static void test_keyring__all_epochs_fit_a_slot(void **state)
{
    struct key_slot_info info = {.kdf = KEY_SLOT_FILE};
    struct key_slot_secret secret = {
        KEY_SLOT_FILE, bytes_of_str("0123456789abcdef0123456789abcdef")};

    (void)state;
    for (size_t i = 0; i < KEY_SLOT_LABEL_MAX; i++)
        info.label[i] = 'x';
    for (size_t r = 0; r < sizeof roles / sizeof roles[0]; r++) {
        struct keyring *k = ring_new();
        struct keyring *back = ring_new();
        struct buf b;
        bool opened;

        keyring_create_from(k, &ring->repo, root, KEYRING_EPOCHS_MAX,
                            &ring->seed);
        k->role = info.role = roles[r];
        buf_init(&b, KEY_SLOT_BYTES_MAX);
        assert_int_equal(key_slot_seal(k, &info, &secret, &b), 0);
        assert_int_equal(key_slot_open(buf_bytes(&b), &secret, back, &opened),
                         0);
        assert_true(opened);
        assert_int_equal(back->held, KEYRING_EPOCHS_MAX);
        for (size_t i = 0; i < KEYRING_EPOCHS_MAX; i++)
            assert_memory_equal(&back->epoch[i].k_index, &k->epoch[i].k_index,
                                32);
        buf_release(&b);
        keyring_free(back);
        keyring_free(k);
    }
}

static void test_keyring__an_epoch_is_known_begun_or_neither(void **state)
{
    const struct keyring_epoch *e;
    struct keyring *k = as_role(KEYRING_WRITE);

    (void)state;
    /* a slot may hold more than the log has told so far */
    assert_int_equal(keyring_newest(k), 0);
    k->begun = EPOCHS;
    assert_int_equal(keyring_newest(k), EPOCHS - 1);
    k->begun = EPOCHS + 2;
    assert_int_equal(keyring_newest(k), EPOCHS - 1);
    for (uint32_t i = 0; i < EPOCHS; i++) {
        assert_int_equal(keyring_find(k, i, &e), 0);
        assert_ptr_equal(e, &k->epoch[i]);
    }
    assert_int_equal(keyring_find(k, EPOCHS, &e), E_ROLE);
    assert_non_null(strstr(err_text(), "epoch 3"));
    assert_null(e);
    assert_int_equal(keyring_find(k, EPOCHS + 1, &e), E_ROLE);
    assert_int_equal(keyring_find(k, EPOCHS + 2, &e), E_CORRUPT);
    assert_int_equal(keyring_find(k, UINT32_MAX, &e), E_CORRUPT);
    keyring_free(k);
}

/* --- threads --- */

struct worker {
    struct keyring *k;
    _Atomic bool stop;
    uint64_t sealed;
    uint16_t last;
};

/* Seals under whatever is the newest, and opens that again. */
static void *seal_and_open(void *arg)
{
    struct worker *w = arg;
    struct bytes name = bytes_of_str("log/x");
    struct envelope e;
    struct buf file;
    struct buf plain;

    buf_init(&file, envelope_max_bytes(ENVELOPE_LOG));
    buf_init(&plain, envelope_max_bytes(ENVELOPE_LOG));
    do {
        buf_reset(&file);
        if (envelope_seal(w->k, ENVELOPE_LOG, name, name, &file) < 0 ||
            envelope_open(w->k, ENVELOPE_LOG, name, buf_bytes(&file), &plain,
                          &e) < 0 ||
            e.epoch < w->last)
            break;
        w->last = e.epoch;
        w->sealed++;
    } while (!w->stop);
    buf_release(&file);
    buf_release(&plain);
    return NULL;
}

/* A key entry opens as the kind, and for the cipher, that it was made for. */
static void test_keyring__a_pack_key_has_one_use(void **state)
{
    static const enum pack_kind kinds[] = {PACK_DATA, PACK_META};
    uint8_t sealed[CRYPTO_SEALED_BYTES];
    uint8_t commitment[CRYPTO_KEY_BYTES];
    struct bytes what = bytes_of_str("chunks");
    struct keyring *other = ring_new();

    (void)state;
    memcpy(other, ring, sizeof *other);
    other->epoch[1].k_repo.b[0] ^= 1;
    /* so that nothing but the kind tells them apart */
    other->epoch[1].meta_secret = other->epoch[1].data_secret;
    other->epoch[1].meta_public = other->epoch[1].data_public;
    for (size_t i = 0; i < 2; i++) {
        struct frame_key made;
        struct frame_key got;
        enum crypto_suite wrong;

        assert_int_equal(keyring_frame_key_new(other, kinds[i], 1, what, &made,
                                               sealed, commitment),
                         0);
        wrong = made.suite == CRYPTO_AES256_GCM ? CRYPTO_CHACHA20_POLY1305
                                                : CRYPTO_AES256_GCM;
        assert_int_equal(keyring_frame_key(other, kinds[i], 1, made.suite,
                                           sealed, commitment, &got),
                         0);
        assert_memory_equal(&got.key, &made.key, sizeof got.key);
        assert_int_equal(keyring_frame_key(other, kinds[i], 1, wrong, sealed,
                                           commitment, &got),
                         E_CORRUPT);
        assert_int_equal(keyring_frame_key(other, kinds[1 - i], 1, made.suite,
                                           sealed, commitment, &got),
                         E_CORRUPT);
        /* nor in another repository of the same keys, or without K_repo */
        other->repo.b[0] ^= 1;
        assert_int_equal(keyring_frame_key(other, kinds[i], 1, made.suite,
                                           sealed, commitment, &got),
                         E_CORRUPT);
        other->repo.b[0] ^= 1;
        other->epoch[1].k_repo.b[0] ^= 2;
        assert_int_equal(keyring_frame_key(other, kinds[i], 1, made.suite,
                                           sealed, commitment, &got),
                         E_CORRUPT);
        other->epoch[1].k_repo.b[0] ^= 2;
    }
    keyring_free(other);
}

static void test_keyring__an_epoch_begins_while_others_seal(void **state)
{
    struct worker w = {.k = ring_new()};
    pthread_t thread;

    (void)state;
    keyring_create(w.k);
    assert_int_equal(pthread_create(&thread, NULL, seal_and_open, &w), 0);
    for (uint32_t i = 1; i < KEYRING_EPOCHS_MAX; i++) {
        struct keyring_epoch e;

        keyring_epoch_make(&root[i], &e);
        keyring_begin(w.k, &e);
        assert_int_equal(keyring_newest(w.k), i);
    }
    w.stop = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    w.stop = false;
    assert_int_equal(pthread_create(&thread, NULL, seal_and_open, &w), 0);
    w.stop = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(w.last, KEYRING_EPOCHS_MAX - 1);
    assert_true(w.sealed > 1);
    keyring_free(w.k);
}

static int setup(void **state)
{
    struct keyring *k;

    (void)state;
    if (crypto_init() < 0)
        return -1;
    for (size_t i = 0; i < KEYRING_EPOCHS_MAX; i++)
        crypto_random(root[i].b, sizeof root[i].b);
    ring = keyring_new();
    k = keyring_new();
    if (!ring || !k)
        return -1;
    keyring_create(k);
    keyring_create_from(ring, &k->repo, root, EPOCHS, &k->seed);
    memset(ring->config.b, 7, sizeof ring->config.b);
    keyring_free(k);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    keyring_free(ring);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyring__all_follows_from_the_roots),
        cmocka_unit_test(test_keyring__roles_hold_what_they_may),
        cmocka_unit_test(test_keyring__a_new_member_is_given_its_part),
        cmocka_unit_test(test_keyring__bundles_are_cut_and_flipped),
        cmocka_unit_test(test_keyring__epochs_have_bounds),
        cmocka_unit_test(test_keyring__a_full_bundle_is_rooted),
        cmocka_unit_test(test_keyring__all_epochs_fit_a_slot),
        cmocka_unit_test(test_keyring__a_pack_key_has_one_use),
        cmocka_unit_test(test_keyring__an_epoch_begins_while_others_seal),
        cmocka_unit_test(test_keyring__an_epoch_is_known_begun_or_neither),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
