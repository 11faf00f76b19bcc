#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "repo/crypto.h"

static struct crypto_ctx *ctx;

static struct crypto_key key_of(uint8_t first)
{
    struct crypto_key k = {{0}};

    for (size_t i = 0; i < sizeof k.b; i++)
        k.b[i] = (uint8_t)(first + i);
    return k;
}

static void test_crypto__aead_opens_what_it_sealed(void **state)
{
    static const size_t size[] = {0, 1, 15, 16, 17, 4096, 70000};
    struct crypto_key k = key_of(3);
    struct bytes ad = bytes_of_str("ad");

    (void)state;
    for (int s = CRYPTO_AES256_GCM; s <= CRYPTO_CHACHA20_POLY1305; s++)
        for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
            uint8_t *plain = calloc(1, size[i] + 1);
            uint8_t *sealed = calloc(1, size[i] + CRYPTO_TAG_BYTES);
            uint8_t *back = calloc(1, size[i] + 1);

            crypto_random(plain, size[i]);
            assert_int_equal(crypto_seal(ctx, (enum crypto_suite)s, &k, ad,
                                         bytes_of(plain, size[i]), sealed),
                             0);
            assert_int_equal(
                crypto_open(ctx, (enum crypto_suite)s, &k, ad,
                            bytes_of(sealed, size[i] + CRYPTO_TAG_BYTES), back),
                0);
            assert_memory_equal(back, plain, size[i] + 1);
            free(plain);
            free(sealed);
            free(back);
        }
}

/* Whether a change anywhere, in key, ad or text, is noticed; and no plaintext
 * is left behind. */
static void test_crypto__aead_notices_every_change(void **state)
{
    uint8_t sealed[64 + CRYPTO_TAG_BYTES];
    uint8_t plain[64] = "the quick brown fox";
    uint8_t zeros[64] = {0};
    uint8_t back[64];
    struct crypto_key k = key_of(3);
    struct crypto_key other = key_of(4);
    struct bytes ad = bytes_of_str("ad");

    (void)state;
    for (int i = CRYPTO_AES256_GCM; i <= CRYPTO_CHACHA20_POLY1305; i++) {
        enum crypto_suite s = (enum crypto_suite)i;
        struct bytes all = bytes_of(sealed, sizeof sealed);

        assert_int_equal(
            crypto_seal(ctx, s, &k, ad, bytes_of(plain, sizeof plain), sealed),
            0);
        for (size_t n = 0; n < sizeof sealed; n++) {
            sealed[n] ^= 1;
            memset(back, 0xee, sizeof back);
            assert_int_equal(crypto_open(ctx, s, &k, ad, all, back), E_CORRUPT);
            assert_memory_equal(back, zeros, sizeof back);
            sealed[n] ^= 1;
        }
        assert_int_equal(crypto_open(ctx, s, &other, ad, all, back), E_CORRUPT);
        assert_int_equal(crypto_open(ctx, s, &k, bytes_of_str("aD"), all, back),
                         E_CORRUPT);
        assert_int_equal(
            crypto_open(ctx, s, &k, ad, bytes_of(sealed, 15), back), E_CORRUPT);
        assert_int_equal(crypto_open(ctx, s, &k, ad, all, back), 0);
        assert_memory_equal(back, plain, sizeof back);
    }
}

/* One algorithm in two libraries, one of which has no context. */
static void test_crypto__chacha_is_suite_2(void **state)
{
    uint8_t a[100 + CRYPTO_TAG_BYTES];
    uint8_t b[100 + CRYPTO_TAG_BYTES];
    uint8_t plain[100];
    struct crypto_key k = key_of(9);
    struct bytes ad = bytes_of_str("associated");

    (void)state;
    crypto_random(plain, sizeof plain);
    assert_int_equal(crypto_seal(ctx, CRYPTO_CHACHA20_POLY1305, &k, ad,
                                 bytes_of(plain, sizeof plain), a),
                     0);
    crypto_chacha_seal(&k, ad, bytes_of(plain, sizeof plain), b);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(crypto_chacha_open(&k, ad, bytes_of(a, sizeof a), a), 0);
    assert_memory_equal(a, plain, sizeof plain);
    b[3] ^= 1;
    assert_int_equal(crypto_chacha_open(&k, ad, bytes_of(b, sizeof b), a),
                     E_CORRUPT);
}

static void test_crypto__kdf_depends_on_all_of_its_input(void **state)
{
    struct crypto_key k = key_of(1);
    struct crypto_key l = key_of(2);
    struct bytes ab[] = {bytes_of_str("a"), bytes_of_str("b")};
    struct bytes joined[] = {bytes_of_str("ab")};
    struct bytes other[] = {bytes_of_str("ac")};
    struct crypto_key r[5];

    (void)state;
    crypto_kdf(&r[0], &k, "label", ab, 2);
    crypto_kdf(&r[1], &k, "label", joined, 1);
    assert_memory_equal(r[0].b, r[1].b, sizeof r[0].b);
    crypto_kdf(&r[1], &l, "label", ab, 2);
    crypto_kdf(&r[2], &k, "Label", ab, 2);
    crypto_kdf(&r[3], &k, "label", other, 1);
    crypto_kdf(&r[4], &k, "labelab", NULL, 0);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(r[i].b, r[j].b, sizeof r[i].b);
    crypto_kdf(&k, &k, "label", ab, 2);
    assert_memory_equal(k.b, r[0].b, sizeof k.b);
}

static void test_crypto__sealed_secret_opens_for_its_key_only(void **state)
{
    struct crypto_public pub[2];
    struct crypto_key sec[2] = {key_of(8), key_of(9)};
    struct crypto_key secret = key_of(7);
    struct crypto_key back;
    struct crypto_public zero = {{0}};
    uint8_t sealed[CRYPTO_SEALED_BYTES];

    (void)state;
    crypto_pair_public(&sec[0], &pub[0]);
    crypto_pair_public(&sec[1], &pub[1]);
    assert_int_equal(crypto_lock(&pub[0], &secret, sealed), 0);
    assert_int_equal(crypto_unlock(&pub[0], &sec[0], sealed, &back), 0);
    assert_memory_equal(back.b, secret.b, sizeof back.b);
    assert_int_equal(crypto_unlock(&pub[1], &sec[1], sealed, &back), E_CORRUPT);
    assert_memory_equal(back.b, zero.b, sizeof back.b);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 0x10;
        assert_int_equal(crypto_unlock(&pub[0], &sec[0], sealed, &back),
                         E_CORRUPT);
        sealed[i] ^= 0x10;
    }
    assert_int_equal(crypto_lock(&zero, &secret, sealed), E_CORRUPT);
}

static void test_crypto__signature_binds_signer_label_and_hash(void **state)
{
    struct crypto_key seed = key_of(11);
    struct crypto_key seed2 = key_of(12);
    struct crypto_signer signer;
    struct crypto_signer signer2;
    struct member_id member;
    struct member_id member2;
    struct object_id hash = {{1, 2, 3}};
    struct object_id hash2 = {{1, 2, 4}};
    uint8_t sig[CRYPTO_SIGNATURE_BYTES];

    (void)state;
    crypto_signer_load(&seed, &signer, &member);
    crypto_signer_load(&seed2, &signer2, &member2);
    assert_int_equal(crypto_signature_make(&signer, "label", &hash, sig), 0);
    assert_true(crypto_signature_ok(&member, "label", &hash, sig));
    assert_false(crypto_signature_ok(&member2, "label", &hash, sig));
    assert_false(crypto_signature_ok(&member, "labe1", &hash, sig));
    assert_false(crypto_signature_ok(&member, "label", &hash2, sig));
    for (size_t i = 0; i < sizeof sig; i++) {
        sig[i] ^= 1;
        assert_false(crypto_signature_ok(&member, "label", &hash, sig));
        sig[i] ^= 1;
    }
}

/* One bit of the signing key flips in memory, in either half: what is signed
 * would be void, and from a sound and a spoilt signature of one message the key
 * could be told. */
static void test_crypto__a_spoilt_key_signs_nothing(void **state)
{
    static const uint8_t none[CRYPTO_SIGNATURE_BYTES];
    struct crypto_key seed = key_of(11);
    struct object_id hash = {{1, 2, 3}};
    uint8_t sig[CRYPTO_SIGNATURE_BYTES];
    struct crypto_signer signer;
    struct member_id member;

    (void)state;
    crypto_signer_load(&seed, &signer, &member);
    for (size_t i = 0; i < sizeof signer.b; i++) {
        signer.b[i] ^= 16;
        assert_int_equal(crypto_signature_make(&signer, "label", &hash, sig),
                         E_INTERNAL);
        assert_memory_equal(sig, none, sizeof sig);
        signer.b[i] ^= 16;
    }
    assert_int_equal(crypto_signature_make(&signer, "label", &hash, sig), 0);
}

/* The vector of libsodium's own tests (ed25519_convert). */
static void test_crypto__a_member_can_be_sent_a_secret(void **state)
{
    static const char seed_hex[] =
        "421151a459faeade3d247115f94aedae42318124095afabe4d1451a559faedee";
    static const char public_hex[] =
        "f1814f0e8ff1043d8a44d25babff3cedcae6c22c3edaa48f857ae70de2baae50";
    static const char secret_hex[] =
        "8052030376d47112be7f73ed7a019293dd12ad910b654455798b4667d73de166";
    const struct member_id none = {{0}};
    char hex[2 * 32 + 1];
    struct crypto_signer signer;
    struct crypto_public pub;
    struct crypto_key seed;
    struct crypto_key key;
    struct member_id member;

    (void)state;
    assert_true(id_from_hex(seed_hex, seed.b, sizeof seed.b));
    crypto_signer_load(&seed, &signer, &member);
    crypto_signer_box(&signer, &key);
    assert_string_equal(id_hex(key.b, sizeof key.b, hex), secret_hex);
    assert_int_equal(crypto_member_box(&member, &pub), 0);
    assert_string_equal(id_hex(pub.b, sizeof pub.b, hex), public_hex);
    assert_int_equal(crypto_member_box(&none, &pub), E_CORRUPT);
}

static void test_crypto__argon2id_has_a_window(void **state)
{
    static const struct {
        uint32_t passes, kib;
    } bad[] = {{0, 8192}, {21, 8192}, {1, 8191}, {1, 1048577}, {1, 0}};
    uint8_t salt[CRYPTO_SLOT_SALT_BYTES] = {1};
    struct crypto_key a;
    struct crypto_key b;
    struct bytes pass = bytes_of_str("correct horse");

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(
            crypto_argon2id(pass, salt, bad[i].passes, bad[i].kib, &a),
            E_LIMIT);
    assert_int_equal(crypto_argon2id(pass, salt, 1, 8192, &a), 0);
    salt[0] = 2;
    assert_int_equal(crypto_argon2id(pass, salt, 1, 8192, &b), 0);
    assert_memory_not_equal(a.b, b.b, sizeof a.b);
}

static void test_crypto__wrap_round_trip(void **state)
{
    struct crypto_key k = key_of(1);
    uint8_t nonce[CRYPTO_SLOT_NONCE_BYTES] = {5};
    uint8_t sealed[32 + CRYPTO_TAG_BYTES];
    uint8_t back[32];
    struct bytes ad = bytes_of_str("ad");

    (void)state;
    crypto_wrap(&k, nonce, ad, bytes_of(k.b, sizeof k.b), sealed);
    assert_int_equal(
        crypto_unwrap(&k, nonce, ad, bytes_of(sealed, sizeof sealed), back), 0);
    assert_memory_equal(back, k.b, sizeof back);
    nonce[0] = 6;
    assert_int_equal(
        crypto_unwrap(&k, nonce, ad, bytes_of(sealed, sizeof sealed), back),
        E_CORRUPT);
    assert_int_equal(crypto_unwrap(&k, nonce, ad, bytes_of(sealed, 3), back),
                     E_CORRUPT);
}

static int setup(void **state)
{
    (void)state;
    return crypto_init() < 0 || crypto_ctx_new(&ctx) < 0;
}

static int teardown(void **state)
{
    (void)state;
    crypto_ctx_free(ctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crypto__aead_opens_what_it_sealed),
        cmocka_unit_test(test_crypto__aead_notices_every_change),
        cmocka_unit_test(test_crypto__chacha_is_suite_2),
        cmocka_unit_test(test_crypto__kdf_depends_on_all_of_its_input),
        cmocka_unit_test(test_crypto__sealed_secret_opens_for_its_key_only),
        cmocka_unit_test(test_crypto__signature_binds_signer_label_and_hash),
        cmocka_unit_test(test_crypto__a_spoilt_key_signs_nothing),
        cmocka_unit_test(test_crypto__a_member_can_be_sent_a_secret),
        cmocka_unit_test(test_crypto__argon2id_has_a_window),
        cmocka_unit_test(test_crypto__wrap_round_trip),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
