#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "repo/envelope.h"
#include "tests/repo/codec_loops.h"

static struct keyring *ring;
static const char name[] = "log/0000000000000042";

static const enum envelope_kind kinds[] = {ENVELOPE_SEGMENT, ENVELOPE_SNAPSHOT,
                                           ENVELOPE_LOG, ENVELOPE_JOURNAL};

struct open {
    const struct keyring *k;
    enum envelope_kind kind;
};

static struct bytes name_of(enum envelope_kind kind)
{
    bool named = kind == ENVELOPE_LOG || kind == ENVELOPE_JOURNAL;

    return named ? bytes_of_str(name) : bytes_of(NULL, 0);
}

static int decode(void *ctx, struct bytes in)
{
    struct open *o = ctx;
    struct envelope e;
    struct buf plain;
    int rc;

    buf_init(&plain, envelope_max_bytes(o->kind));
    rc = envelope_open(o->k, o->kind, name_of(o->kind), in, &plain, &e);
    buf_release(&plain);
    return rc;
}

static void seal(enum envelope_kind kind, struct bytes content, struct buf *b)
{
    buf_init(b, envelope_max_bytes(kind));
    assert_int_equal(envelope_seal(ring, kind, name_of(kind), content, b), 0);
}

static void test_envelope__gives_back_content_and_signer(void **state)
{
    static const size_t size[] = {0, 1, 300, 5000, 100000};
    uint8_t *content = calloc(1, 100000);

    (void)state;
    crypto_random(content, 100000);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (size_t j = 0; j < sizeof size / sizeof size[0]; j++) {
            size_t step =
                kinds[i] == ENVELOPE_LOG || kinds[i] == ENVELOPE_JOURNAL ? 512
                                                                         : 4096;
            struct envelope e;
            struct buf b;
            struct buf plain;

            seal(kinds[i], bytes_of(content, size[j]), &b);
            assert_int_equal(b.n % step, 0);
            buf_init(&plain, envelope_max_bytes(kinds[i]));
            assert_int_equal(envelope_open(ring, kinds[i], name_of(kinds[i]),
                                           buf_bytes(&b), &plain, &e),
                             0);
            assert_true(bytes_equal(e.content, bytes_of(content, size[j])));
            assert_memory_equal(e.signer.b, ring->member.b, 32);
            buf_release(&b);
            buf_release(&plain);
        }
    free(content);
}

static void test_envelope__damage_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct open o = {ring, kinds[i]};
        struct buf b;

        seal(kinds[i], bytes_of_str("some content"), &b);
        codec_loops_truncate(decode, &o, buf_bytes(&b), 0);
        codec_loops_longer(decode, &o, buf_bytes(&b));
        assert_int_equal(codec_loops_flip(decode, &o, buf_bytes(&b), 0), 0);
        buf_release(&b);
    }
}

/* Who holds the keys may still not move a record, or pass one kind off as
 * another. */
static void test_envelope__is_bound_to_its_place(void **state)
{
    struct envelope e;
    struct buf plain;
    struct buf b;
    struct open o = {ring, ENVELOPE_LOG};

    (void)state;
    seal(ENVELOPE_LOG, bytes_of_str("x"), &b);
    buf_init(&plain, envelope_max_bytes(ENVELOPE_LOG));
    assert_int_equal(decode(&o, buf_bytes(&b)), 0);
    assert_int_equal(envelope_open(ring, ENVELOPE_LOG,
                                   bytes_of_str("log/0000000000000043"),
                                   buf_bytes(&b), &plain, &e),
                     E_CORRUPT);
    o.kind = ENVELOPE_JOURNAL;
    assert_int_equal(decode(&o, buf_bytes(&b)), E_CORRUPT);
    buf_release(&plain);
    buf_release(&b);
}

/* The hash that a file's signature is over, as docs/format.md 6 has it. */
static void signed_hash(struct bytes file, struct bytes place,
                        struct object_id *out)
{
    struct blake3 h;

    blake3_init(&h);
    blake3_update(&h, bytes_of(file.p, file.n - CRYPTO_SIGNATURE_BYTES));
    blake3_update(&h, place);
    blake3_final(&h, out->b);
}

/* Its own signer signs the file anew, as changed, for that place. */
static void resign(struct buf *b, struct bytes place)
{
    struct object_id hash;

    signed_hash(buf_bytes(b), place, &hash);
    assert_int_equal(
        crypto_signature_make(&ring->signer, "dedup 1 envelope", &hash,
                              b->p + b->n - CRYPTO_SIGNATURE_BYTES),
        0);
}

/* What a signature covers is sealed besides: each of them would do. */
static void test_envelope__a_signature_alone_is_not_enough(void **state)
{
    enum { REPO_AT = 9 + 1 + 2, COMMITMENT_AT = REPO_AT + 16 + 32 + 32 };
    static const struct {
        size_t at;
        const char *why;
    } t[] = {{REPO_AT, "another repository"},
             {COMMITMENT_AT, "another key"},
             {REPO_AT + 16 + 32, "another key"}, /* salt */
             {COMMITMENT_AT + 32 + 4, "the seal does not fit"}};
    const char *moved = "log/0000000000000043";
    struct open o = {ring, ENVELOPE_LOG};
    struct envelope e;
    struct buf plain;
    struct buf b;

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        seal(ENVELOPE_LOG, bytes_of_str("x"), &b);
        b.p[t[i].at] ^= 1;
        resign(&b, bytes_of_str(name));
        assert_int_equal(decode(&o, buf_bytes(&b)), E_CORRUPT);
        assert_non_null(strstr(err_text(), t[i].why));
        buf_release(&b);
    }
    seal(ENVELOPE_LOG, bytes_of_str("x"), &b);
    resign(&b, bytes_of_str(moved));
    buf_init(&plain, envelope_max_bytes(ENVELOPE_LOG));
    assert_int_equal(envelope_open(ring, ENVELOPE_LOG, bytes_of_str(moved),
                                   buf_bytes(&b), &plain, &e),
                     E_CORRUPT);
    buf_release(&plain);
    buf_release(&b);
}

/* Padding is zeros, and the content's length within what was sealed. */
static void test_envelope__what_is_sealed_has_one_form(void **state)
{
    enum { SALT_AT = 9 + 1 + 2 + 16 + 32, CIPHER_AT = SALT_AT + 32 + 32 + 4 };
    uint8_t kind = ENVELOPE_LOG;
    struct open o = {ring, ENVELOPE_LOG};

    (void)state;
    for (int i = 0; i < 3; i++) {
        uint8_t ad[CIPHER_AT + sizeof name - 1];
        uint8_t commitment[CRYPTO_KEY_BYTES];
        struct crypto_key key;
        struct bytes cipher;
        struct bytes x[3];
        uint8_t *plain;
        struct buf b;

        seal(ENVELOPE_LOG, bytes_of_str("x"), &b);
        x[0] = bytes_of(ring->repo.b, sizeof ring->repo.b);
        x[1] = bytes_of(&kind, 1);
        x[2] = bytes_of(b.p + SALT_AT, CRYPTO_SALT_BYTES);
        crypto_kdf(&key, &ring->epoch[0].k_index, "dedup 1 envelope", x, 3);
        crypto_base_split(&key, &key, commitment);
        memcpy(ad, b.p, CIPHER_AT);
        memcpy(ad + CIPHER_AT, name, sizeof name - 1);
        plain = b.p + CIPHER_AT;
        cipher = bytes_of(plain, b.n - CIPHER_AT - CRYPTO_SIGNATURE_BYTES);
        assert_int_equal(
            crypto_chacha_open(&key, bytes_of(ad, sizeof ad), cipher, plain),
            0);
        if (i == 1)
            plain[cipher.n - CRYPTO_TAG_BYTES - 1] = 1;
        if (i == 2)
            plain[1] = 0xff; /* the second byte of the length */
        crypto_chacha_seal(&key, bytes_of(ad, sizeof ad),
                           bytes_of(plain, cipher.n - CRYPTO_TAG_BYTES), plain);
        resign(&b, bytes_of_str(name));
        assert_int_equal(decode(&o, buf_bytes(&b)), i == 0 ? 0 : E_CORRUPT);
        buf_release(&b);
    }
}

/* A member seals a log record so that only some roles could read it: nobody
 * takes it, or they would not agree on what the log says. */
static void test_envelope__a_record_is_for_all_or_none(void **state)
{
    enum {
        LOCK_AT = 9,
        SALT_AT = 9 + 1 + 2 + 16 + 32,
        SEALED_AT = SALT_AT + 32,
        COMMITMENT_AT = SEALED_AT + 80,
        CIPHER_AT = COMMITMENT_AT + 32 + 4
    };
    const struct keyring_epoch *e = &ring->epoch[0];
    struct open o = {ring, ENVELOPE_LOG};
    uint8_t kind = ENVELOPE_LOG;
    uint8_t plain[5] = {1, 0, 0, 0, 'x'};
    uint8_t ad[CIPHER_AT + sizeof name - 1];
    struct crypto_key secret;
    struct crypto_key key;
    struct bytes x[4];
    struct buf b;

    (void)state;
    seal(ENVELOPE_SNAPSHOT, bytes_of_str("x"), &b);
    b.n = CIPHER_AT + sizeof plain + CRYPTO_TAG_BYTES + CRYPTO_SIGNATURE_BYTES;
    b.p[7] = kind;
    assert_int_equal(b.p[LOCK_AT], 1);
    assert_int_equal(crypto_unlock(&e->meta_public, &e->meta_secret,
                                   b.p + SEALED_AT, &secret),
                     0);
    x[0] = bytes_of(secret.b, sizeof secret.b);
    x[1] = bytes_of(ring->repo.b, sizeof ring->repo.b);
    x[2] = bytes_of(&kind, 1);
    x[3] = bytes_of(b.p + SALT_AT, CRYPTO_SALT_BYTES);
    crypto_kdf(&key, &e->k_repo, "dedup 1 sealed", x, 4);
    crypto_base_split(&key, &key, b.p + COMMITMENT_AT);
    memset(b.p + CIPHER_AT - 4, 0, 4);
    b.p[CIPHER_AT - 4] = sizeof plain + CRYPTO_TAG_BYTES;
    memcpy(ad, b.p, CIPHER_AT);
    memcpy(ad + CIPHER_AT, name, sizeof name - 1);
    crypto_chacha_seal(&key, bytes_of(ad, sizeof ad),
                       bytes_of(plain, sizeof plain), b.p + CIPHER_AT);
    resign(&b, bytes_of_str(name));
    assert_int_equal(decode(&o, buf_bytes(&b)), E_CORRUPT);
    buf_release(&b);
}

/* All members hold the key of the seal: what one said in its place is told by
 * the signature. */
static void test_envelope__the_signature_names_the_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct bytes place = name_of(kinds[i]);
        const uint8_t *signature;
        struct object_id hash;
        struct buf b;

        seal(kinds[i], bytes_of_str("x"), &b);
        signature = b.p + b.n - CRYPTO_SIGNATURE_BYTES;
        signed_hash(buf_bytes(&b), place, &hash);
        assert_true(crypto_signature_ok(&ring->member, "dedup 1 envelope",
                                        &hash, signature));
        signed_hash(buf_bytes(&b), bytes_of_str("log/0000000000000043"), &hash);
        assert_false(crypto_signature_ok(&ring->member, "dedup 1 envelope",
                                         &hash, signature));
        /* nor does it pass for a pack's */
        signed_hash(buf_bytes(&b), place, &hash);
        assert_false(crypto_signature_ok(&ring->member, "dedup 1 pack", &hash,
                                         signature));
        buf_release(&b);
    }
}

/* Somebody who holds no key of the repository, and signs anew what is
 * changed: each byte in front of the ciphertext is sealed with it. */
static void test_envelope__the_seal_binds_its_head(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct open o = {ring, kinds[i]};
        /* behind magic, version, lock, epoch and repository */
        const size_t signer = 8 + 1 + 1 + 2 + 16;
        struct crypto_key seed;
        struct crypto_signer s;
        struct member_id thief;
        struct object_id hash;
        struct buf b;

        crypto_random(seed.b, sizeof seed.b);
        crypto_signer_load(&seed, &s, &thief);
        seal(kinds[i], bytes_of_str("x"), &b);
        assert_memory_equal(b.p + signer, ring->member.b, ID_BYTES);
        memcpy(b.p + signer, thief.b, ID_BYTES);
        signed_hash(buf_bytes(&b), name_of(kinds[i]), &hash);
        assert_int_equal(
            crypto_signature_make(&s, "dedup 1 envelope", &hash,
                                  b.p + b.n - CRYPTO_SIGNATURE_BYTES),
            0);
        assert_int_equal(decode(&o, buf_bytes(&b)), E_CORRUPT);
        assert_null(strstr(err_text(), "signature"));
        buf_release(&b);
    }
}

static void test_envelope__other_keys_do_not_open_it(void **state)
{
    struct keyring *other = keyring_new();
    struct open o = {other, ENVELOPE_LOG};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct buf b;

        o.kind = kinds[i];
        seal(kinds[i], bytes_of_str("x"), &b);
        memcpy(other, ring, sizeof *other);
        other->repo.b[0] ^= 1;
        assert_int_equal(decode(&o, buf_bytes(&b)), E_CORRUPT);
        memcpy(other, ring, sizeof *other);
        other->epoch[0].k_index.b[0] ^= 1;
        other->epoch[0].k_repo.b[0] ^= 1;
        assert_int_equal(decode(&o, buf_bytes(&b)), E_CORRUPT);
        buf_release(&b);
    }
    keyring_free(other);
}

static void test_envelope__write_role_reads_no_snapshot(void **state)
{
    struct keyring *writer = keyring_new();
    struct open o = {writer, ENVELOPE_SNAPSHOT};
    struct buf b;

    (void)state;
    memcpy(writer, ring, sizeof *writer);
    writer->role = KEYRING_WRITE;
    crypto_wipe(&writer->epoch[0].meta_secret, CRYPTO_KEY_BYTES);
    seal(ENVELOPE_SNAPSHOT, bytes_of_str("x"), &b);
    assert_int_equal(decode(&o, buf_bytes(&b)), E_ROLE);
    buf_release(&b);
    o.kind = ENVELOPE_LOG;
    seal(ENVELOPE_LOG, bytes_of_str("x"), &b);
    assert_int_equal(decode(&o, buf_bytes(&b)), 0);
    buf_release(&b);
    keyring_free(writer);
}

/* Under the newest; what is older opens as ever, what is newer does not. */
static void test_envelope__epochs_choose_the_keys(void **state)
{
    struct keyring *old = keyring_new();
    struct keyring *new = keyring_new();
    struct open o = {new, ENVELOPE_LOG};
    struct crypto_key root[2];

    (void)state;
    crypto_random(root, sizeof root);
    root[0] = ring->epoch[0].root;
    memcpy(old, ring, sizeof *old);
    keyring_create_from(new, &ring->repo, root, 2, &ring->seed);
    new->begun = 2;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct buf b;

        o.kind = kinds[i];
        o.k = new;
        seal(kinds[i], bytes_of_str("x"), &b);
        assert_int_equal(decode(&o, buf_bytes(&b)), 0);
        buf_reset(&b);
        assert_int_equal(envelope_seal(new, kinds[i], name_of(kinds[i]),
                                       bytes_of_str("x"), &b),
                         0);
        assert_int_equal(b.p[10], 1); /* behind magic, version, lock */
        assert_int_equal(decode(&o, buf_bytes(&b)), 0);
        o.k = old;
        old->begun = 1;
        assert_int_equal(decode(&o, buf_bytes(&b)), E_CORRUPT);
        old->begun = 2;
        assert_int_equal(decode(&o, buf_bytes(&b)), E_ROLE);
        assert_non_null(strstr(err_text(), "epoch 1"));
        /* other keys under that number */
        old->epoch[1] = old->epoch[0];
        old->held = 2;
        assert_int_equal(decode(&o, buf_bytes(&b)), E_CORRUPT);
        old->held = 1;
        buf_release(&b);
    }
    keyring_free(new);
    keyring_free(old);
}

static void test_envelope__content_has_a_limit(void **state)
{
    size_t max = envelope_content_max(ENVELOPE_LOG);
    uint8_t *content = calloc(1, max + 1);
    struct buf b;

    (void)state;
    buf_init(&b, envelope_max_bytes(ENVELOPE_LOG));
    assert_int_equal(envelope_seal(ring, ENVELOPE_LOG, bytes_of_str(name),
                                   bytes_of(content, max + 1), &b),
                     E_LIMIT);
    assert_int_equal(envelope_seal(ring, ENVELOPE_LOG, bytes_of_str(name),
                                   bytes_of(content, max), &b),
                     0);
    assert_int_equal(b.n, envelope_max_bytes(ENVELOPE_LOG));
    buf_release(&b);
    free(content);
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
        cmocka_unit_test(test_envelope__gives_back_content_and_signer),
        cmocka_unit_test(test_envelope__damage_is_noticed),
        cmocka_unit_test(test_envelope__is_bound_to_its_place),
        cmocka_unit_test(test_envelope__a_signature_alone_is_not_enough),
        cmocka_unit_test(test_envelope__what_is_sealed_has_one_form),
        cmocka_unit_test(test_envelope__a_record_is_for_all_or_none),
        cmocka_unit_test(test_envelope__the_signature_names_the_place),
        cmocka_unit_test(test_envelope__the_seal_binds_its_head),
        cmocka_unit_test(test_envelope__other_keys_do_not_open_it),
        cmocka_unit_test(test_envelope__write_role_reads_no_snapshot),
        cmocka_unit_test(test_envelope__epochs_choose_the_keys),
        cmocka_unit_test(test_envelope__content_has_a_limit),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
