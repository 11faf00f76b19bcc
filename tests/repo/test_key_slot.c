#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/key_slot.h"
#include "tests/repo/codec_loops.h"

static struct keyring *ring; /* a full one, with its public keys */

static const struct key_slot_secret file_secret = {
    KEY_SLOT_FILE, {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32}};

static struct key_slot_info info_of(enum key_slot_kdf kdf,
                                    enum keyring_role role)
{
    struct key_slot_info i = {.kdf = kdf, .role = role, .label = "laptop"};

    if (kdf == KEY_SLOT_PASSPHRASE) {
        i.passes = 1;
        i.kib = 8192;
    }
    return i;
}

static void seal(const struct key_slot_secret *secret, enum keyring_role role,
                 struct buf *b)
{
    struct keyring *k = keyring_new();
    struct key_slot_info i = info_of(secret->kind, role);

    assert_non_null(k);
    memcpy(k, ring, sizeof *k);
    k->role = role;
    buf_init(b, KEY_SLOT_BYTES_MAX);
    assert_int_equal(key_slot_seal(k, &i, secret, b), 0);
    keyring_free(k);
}

static void test_key_slot__opens_with_its_secret(void **state)
{
    struct key_slot_secret pass = {KEY_SLOT_PASSPHRASE,
                                   bytes_of_str("correct horse")};
    struct key_slot_secret wrong = {KEY_SLOT_PASSPHRASE,
                                    bytes_of_str("correct horsf")};
    struct keyring *k = keyring_new();
    struct key_slot_info info;
    struct buf b;
    bool opened;

    (void)state;
    seal(&pass, KEYRING_FULL, &b);
    assert_int_equal(key_slot_open(buf_bytes(&b), &pass, k, &opened), 0);
    assert_true(opened);
    assert_int_equal(keyring_set_public(k, &ring->epoch[0].data_public,
                                        &ring->epoch[0].meta_public),
                     0);
    assert_memory_equal(k, ring, sizeof *k);
    assert_int_equal(key_slot_open(buf_bytes(&b), &wrong, k, &opened), 0);
    assert_false(opened);
    assert_int_equal(key_slot_open(buf_bytes(&b), &file_secret, k, &opened), 0);
    assert_false(opened);
    assert_int_equal(key_slot_info_get(buf_bytes(&b), &info), 0);
    assert_string_equal(info.label, "laptop");
    assert_int_equal(info.role, KEYRING_FULL);
    assert_int_equal(info.kib, 8192);
    buf_release(&b);
    keyring_free(k);
}

/* A role's slot does not hold what the role may not have. */
static void test_key_slot__roles_hold_what_they_may(void **state)
{
    static const struct {
        enum keyring_role role;
        bool data, meta;
    } t[] = {{KEYRING_FULL, true, true},
             {KEYRING_READ, true, true},
             {KEYRING_WRITE, false, false},
             {KEYRING_MAINTAIN, false, true}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct keyring *k = keyring_new();
        struct crypto_key none = {{0}};
        struct buf b;
        bool opened;

        seal(&file_secret, t[i].role, &b);
        assert_int_equal(key_slot_open(buf_bytes(&b), &file_secret, k, &opened),
                         0);
        assert_true(opened);
        assert_int_equal(k->role, t[i].role);
        assert_int_equal(keyring_can_open(k, PACK_DATA), t[i].data);
        assert_int_equal(keyring_can_open(k, PACK_META), t[i].meta);
        assert_memory_equal(k->epoch[0].data_secret.b,
                            t[i].data ? ring->epoch[0].data_secret.b : none.b,
                            32);
        assert_memory_equal(k->epoch[0].meta_secret.b,
                            t[i].meta ? ring->epoch[0].meta_secret.b : none.b,
                            32);
        buf_release(&b);
        keyring_free(k);
    }
}

static void test_key_slot__key_files_have_two_forms(void **state)
{
    static const char hex[] = "303132333435363738396162636465663031323334353637"
                              "38396162636465660a";
    static const struct {
        const char *p;
        size_t n;
        int rc;
    } t[] = {
        {"3031323334353637383961626364656630313233343536373839616263646566\n",
         65, 0},
        {"3031323334353637383961626364656630313233343536373839616263646566", 64,
         0},
        {"303132333435363738396162636465663031323334353637383961626364656g", 64,
         E_USAGE},
        {"0123456789abcdef0123456789abcde", 31, E_USAGE},
        {hex, 0, E_USAGE},
    };
    struct keyring *k = keyring_new();
    struct buf b;

    (void)state;
    seal(&file_secret, KEYRING_FULL, &b);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct key_slot_secret s = {KEY_SLOT_FILE, bytes_of(t[i].p, t[i].n)};
        bool opened = false;

        assert_int_equal(key_slot_open(buf_bytes(&b), &s, k, &opened), t[i].rc);
        assert_int_equal(opened, t[i].rc == 0);
    }
    buf_release(&b);
    keyring_free(k);
}

/* Not opened counts as refused here: a flipped commitment or salt is a wrong
 * passphrase as far as anybody can tell. */
static int decode(void *ctx, struct bytes in)
{
    struct keyring *k = ctx;
    bool opened = false;
    int rc = key_slot_open(in, &file_secret, k, &opened);

    return rc == 0 && !opened ? E_CORRUPT : rc;
}

static void test_key_slot__damage_is_noticed(void **state)
{
    struct keyring *k = keyring_new();
    struct buf b;

    (void)state;
    seal(&file_secret, KEYRING_FULL, &b);
    codec_loops_truncate(decode, k, buf_bytes(&b), 0);
    codec_loops_longer(decode, k, buf_bytes(&b));
    assert_int_equal(codec_loops_flip(decode, k, buf_bytes(&b), 0), 0);
    buf_release(&b);
    keyring_free(k);
}

/* A slot that its secret opens, but to other keys than were meant, is none. */
static void test_key_slot__is_proved_to_hold_just_these_keys(void **state)
{
    static const struct key_slot_secret other_secret = {
        KEY_SLOT_FILE,
        {(const uint8_t *)"0123456789abcdef0123456789abcdeg", 32}};
    struct keyring *k = keyring_new();
    uint8_t *key[] = {k->k_data.b, k->k_cut, k->config.b, k->epoch[0].root.b};
    struct buf b;

    (void)state;
    seal(&file_secret, KEYRING_FULL, &b);
    memcpy(k, ring, sizeof *k);
    assert_int_equal(key_slot_prove(buf_bytes(&b), &file_secret, k), 0);
    assert_int_equal(key_slot_prove(buf_bytes(&b), &other_secret, k),
                     E_CORRUPT);
    for (size_t i = 0; i < sizeof key / sizeof key[0]; i++) {
        key[i][0] ^= 1;
        assert_int_equal(key_slot_prove(buf_bytes(&b), &file_secret, k),
                         E_CORRUPT);
        assert_non_null(strstr(err_text(), "other keys"));
        key[i][0] ^= 1;
    }
    buf_release(&b);
    keyring_free(k);
}

/* Parameters are checked before anything is allocated for them. */
static void test_key_slot__kdf_has_a_window(void **state)
{
    struct key_slot_secret pass = {KEY_SLOT_PASSPHRASE, bytes_of_str("x")};
    struct keyring *k = keyring_new();
    struct buf b;
    bool opened;

    (void)state;
    seal(&pass, KEYRING_FULL, &b);
    memset(b.p + 14, 0xff, 4); /* 4 TiB of memory */
    assert_int_equal(key_slot_open(buf_bytes(&b), &pass, k, &opened), E_LIMIT);
    buf_release(&b);
    keyring_free(k);
}

enum { SALT_AT = 18 /* behind magic, version, kdf, passes, memory */ };

/* Where a slot's commitment stands; the wrapped bundle is behind it. */
static const uint8_t *commitment_of(const struct buf *b)
{
    return b->p + b->n - 1024 - CRYPTO_TAG_BYTES - 4 - CRYPTO_KEY_BYTES;
}

/* One key file for two slots, of two repositories perhaps, is the owner's
 * affair: who stores them cannot tell. */
static void test_key_slot__slots_of_one_key_file_look_apart(void **state)
{
    struct bytes salt;
    struct crypto_key x;
    struct crypto_key c;
    struct buf b[2];

    (void)state;
    memcpy(x.b, file_secret.bytes.p, sizeof x.b);
    for (size_t i = 0; i < 2; i++) {
        seal(&file_secret, KEYRING_FULL, &b[i]);
        salt = bytes_of(b[i].p + SALT_AT, CRYPTO_SLOT_SALT_BYTES);
        crypto_kdf(&c, &x, "dedup 1 slot commit", &salt, 1);
        assert_memory_equal(c.b, commitment_of(&b[i]), sizeof c.b);
    }
    assert_memory_not_equal(commitment_of(&b[0]), commitment_of(&b[1]),
                            CRYPTO_KEY_BYTES);
    buf_release(&b[0]);
    buf_release(&b[1]);
}

/* What has no meaning for a key file is zero. */
static void test_key_slot__a_key_file_has_no_parameters(void **state)
{
    struct key_slot_info i = info_of(KEY_SLOT_FILE, KEYRING_FULL);
    struct keyring *k = keyring_new();
    bool opened;

    (void)state;
    for (int n = 0; n < 3; n++) {
        struct buf b;

        i.passes = n == 1;
        i.kib = n == 2 ? 8192 : 0;
        buf_init(&b, KEY_SLOT_BYTES_MAX);
        assert_int_equal(key_slot_seal(ring, &i, &file_secret, &b), 0);
        assert_int_equal(key_slot_open(buf_bytes(&b), &file_secret, k, &opened),
                         n > 0 ? E_CORRUPT : 0);
        assert_int_equal(opened, n == 0);
        buf_release(&b);
    }
    keyring_free(k);
}

static void test_key_slot__an_empty_passphrase_is_none(void **state)
{
    struct key_slot_secret empty = {KEY_SLOT_PASSPHRASE, bytes_of("", 0)};
    struct key_slot_info i = info_of(KEY_SLOT_PASSPHRASE, KEYRING_FULL);
    struct buf b;

    (void)state;
    buf_init(&b, KEY_SLOT_BYTES_MAX);
    assert_int_equal(key_slot_seal(ring, &i, &empty, &b), E_USAGE);
    buf_release(&b);
}

/* What a slot holds is padded in one way: with zeros, and no more than it
 * takes. */
static void test_key_slot__what_is_wrapped_has_one_form(void **state)
{
    enum { PLAIN = 1024, MORE = 2 * PLAIN };
    struct crypto_key x;

    (void)state;
    memcpy(x.b, file_secret.bytes.p, sizeof x.b);
    for (int i = 0; i < 4; i++) {
        size_t n = i == 1 ? MORE : PLAIN;
        uint8_t plain[MORE] = {0};
        struct keyring *k = keyring_new();
        struct crypto_key key;
        struct bytes salt;
        struct bytes head;
        uint8_t *commitment;
        struct buf b;
        bool opened;

        seal(&file_secret, KEYRING_FULL, &b);
        commitment = b.p + (commitment_of(&b) - b.p);
        head =
            bytes_of(b.p, (size_t)(commitment - b.p) - CRYPTO_SLOT_NONCE_BYTES);
        salt = bytes_of(b.p + SALT_AT, CRYPTO_SLOT_SALT_BYTES);
        crypto_kdf(&key, &x, "dedup 1 slot key", &salt, 1);
        b.n -= PLAIN + CRYPTO_TAG_BYTES;
        assert_int_equal(
            crypto_unwrap(&key, b.p + head.n, head,
                          bytes_of(b.p + b.n, PLAIN + CRYPTO_TAG_BYTES), plain),
            0);
        if (i == 2)
            plain[PLAIN - 1] = 1;
        if (i == 3)
            plain[1] = 0xff; /* of its length */
        commitment[CRYPTO_KEY_BYTES + 1] =
            (uint8_t)((n + CRYPTO_TAG_BYTES) >> 8);
        assert_non_null(buf_extend(&b, n + CRYPTO_TAG_BYTES));
        head.p = b.p;
        crypto_wrap(&key, b.p + head.n, head, bytes_of(plain, n),
                    b.p + b.n - n - CRYPTO_TAG_BYTES);
        assert_int_equal(key_slot_open(buf_bytes(&b), &file_secret, k, &opened),
                         i == 0 ? 0 : E_CORRUPT);
        assert_int_equal(opened, i == 0);
        buf_release(&b);
        keyring_free(k);
    }
}

/* A slot whose bundle is of another role or member than it says, made by
 * somebody who has the key: what it says decides who may do what, and which
 * slots a removal deletes. */
static void test_key_slot__it_says_what_its_bundle_is(void **state)
{
    static const struct {
        enum keyring_role said;
        bool other; /* member */
        const char *why;
    } t[] = {{KEYRING_FULL, false, NULL},
             {KEYRING_READ, false, "its roles disagree"},
             {KEYRING_WRITE, false, "its roles disagree"},
             {KEYRING_MAINTAIN, false, "its roles disagree"},
             {KEYRING_FULL, true, "not of the member it names"}};
    enum { PLAIN = 1024, WRAPPED = PLAIN + CRYPTO_TAG_BYTES };
    struct crypto_key x;

    (void)state;
    memcpy(x.b, file_secret.bytes.p, sizeof x.b);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct keyring *k = keyring_new();
        uint8_t plain[PLAIN];
        uint8_t *wrapped, *nonce, *role;
        struct crypto_key key;
        struct bytes salt;
        struct bytes head;
        struct buf b;
        bool opened;

        seal(&file_secret, KEYRING_FULL, &b);
        salt = bytes_of(b.p + SALT_AT, CRYPTO_SLOT_SALT_BYTES);
        crypto_kdf(&key, &x, "dedup 1 slot key", &salt, 1);
        wrapped = b.p + b.n - WRAPPED;
        nonce = wrapped - 4 - CRYPTO_KEY_BYTES - CRYPTO_SLOT_NONCE_BYTES;
        head = bytes_of(b.p, (size_t)(nonce - b.p));
        assert_int_equal(
            crypto_unwrap(&key, nonce, head, bytes_of(wrapped, WRAPPED), plain),
            0);
        /* in front of the member, and the label with its length */
        role = b.p + head.n - strlen("laptop") - 1 - ID_BYTES - 1;
        assert_int_equal(*role, KEYRING_FULL);
        assert_memory_equal(role + 1, ring->member.b, ID_BYTES);
        *role = (uint8_t)t[i].said;
        role[7] ^= t[i].other;
        crypto_wrap(&key, nonce, head, bytes_of(plain, sizeof plain), wrapped);
        assert_int_equal(key_slot_open(buf_bytes(&b), &file_secret, k, &opened),
                         t[i].why ? E_CORRUPT : 0);
        assert_int_equal(opened, !t[i].why);
        if (t[i].why)
            assert_non_null(strstr(err_text(), t[i].why));
        buf_release(&b);
        keyring_free(k);
    }
}

static void test_key_slot__other_public_keys_do_not_fit(void **state)
{
    struct crypto_public other = ring->epoch[0].data_public;
    struct keyring *k = keyring_new();

    (void)state;
    memcpy(k, ring, sizeof *k);
    other.b[0] ^= 1;
    assert_int_equal(keyring_set_public(k, &other, &ring->epoch[0].meta_public),
                     E_CORRUPT);
    assert_int_equal(keyring_set_public(k, &ring->epoch[0].data_public, &other),
                     E_CORRUPT);
    keyring_free(k);
}

static int setup(void **state)
{
    (void)state;
    if (crypto_init() < 0)
        return -1;
    ring = keyring_new();
    if (!ring)
        return -1;
    keyring_create(ring);
    memset(ring->config.b, 7, sizeof ring->config.b);
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
        cmocka_unit_test(test_key_slot__opens_with_its_secret),
        cmocka_unit_test(test_key_slot__roles_hold_what_they_may),
        cmocka_unit_test(test_key_slot__key_files_have_two_forms),
        cmocka_unit_test(test_key_slot__damage_is_noticed),
        cmocka_unit_test(test_key_slot__is_proved_to_hold_just_these_keys),
        cmocka_unit_test(test_key_slot__kdf_has_a_window),
        cmocka_unit_test(test_key_slot__slots_of_one_key_file_look_apart),
        cmocka_unit_test(test_key_slot__a_key_file_has_no_parameters),
        cmocka_unit_test(test_key_slot__an_empty_passphrase_is_none),
        cmocka_unit_test(test_key_slot__what_is_wrapped_has_one_form),
        cmocka_unit_test(test_key_slot__it_says_what_its_bundle_is),
        cmocka_unit_test(test_key_slot__other_public_keys_do_not_fit),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
