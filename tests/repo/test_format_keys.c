/* Keys and associated data as docs/format.md has them, taken from the page and
 * not from the code: whatever goes in, and whatever is left out, is seen here.
 * What other tests flip is caught by signatures first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "repo/envelope.h"
#include "repo/epoch.h"
#include "repo/keepsake.h"
#include "repo/pack_layout.h"
#include "tests/repo/pack_fixture.h"

static struct pack_fixture fix;
static const char name[] = "log/0000000000000042";

/* What a key is derived from, one thing after the other. */
struct input {
    uint8_t b[512];
    size_t n;
};

static void add(struct input *in, const void *p, size_t n)
{
    assert_true(in->n + n <= sizeof in->b);
    memcpy(in->b + in->n, p, n);
    in->n += n;
}

static void add_u8(struct input *in, uint8_t v)
{
    add(in, &v, 1);
}

static struct crypto_key kdf(const struct crypto_key *k, const char *label,
                             const struct input *in)
{
    struct bytes x = bytes_of(in->b, in->n);
    struct crypto_key out;

    crypto_kdf(&out, k, label, &x, 1);
    return out;
}

/* The key of a base; commitment is that base's. */
static struct crypto_key key_of(const struct crypto_key *base,
                                const uint8_t *commitment)
{
    struct input none = {.n = 0};
    struct crypto_key c = kdf(base, "dedup 1 commit", &none);

    assert_memory_equal(c.b, commitment, sizeof c.b);
    return kdf(base, "dedup 1 key", &none);
}

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

/* --- section 6 --- */

enum {
    REPO_AT = 9 + 1 + 2,
    ENVELOPE_SALT_AT = REPO_AT + 16 + 32,
    ENVELOPE_SEALED_AT = ENVELOPE_SALT_AT + 32
};

static void check_envelope(enum envelope_kind kind, bool sealed, bool named)
{
    const struct keyring *k = fix.keys;
    const struct keyring_epoch *e = &k->epoch[0];
    struct bytes place = bytes_of_str(named ? name : "");
    size_t at = ENVELOPE_SEALED_AT + (sealed ? 80 : 0);
    struct input in = {.n = 0};
    struct input ad = {.n = 0};
    struct crypto_key secret;
    struct crypto_key base;
    struct crypto_key key;
    struct bytes cipher;
    uint8_t *plain;
    struct buf b;

    buf_init(&b, envelope_max_bytes(kind));
    assert_int_equal(envelope_seal(k, kind, place, bytes_of_str("content"), &b),
                     0);
    if (sealed) {
        assert_int_equal(crypto_unlock(&e->meta_public, &e->meta_secret,
                                       b.p + ENVELOPE_SEALED_AT, &secret),
                         0);
        add(&in, secret.b, sizeof secret.b);
    }
    add(&in, k->repo.b, sizeof k->repo.b);
    add_u8(&in, (uint8_t)kind);
    add(&in, b.p + ENVELOPE_SALT_AT, 32);
    base = sealed ? kdf(&e->k_repo, "dedup 1 sealed", &in)
                  : kdf(&e->k_index, "dedup 1 envelope", &in);
    key = key_of(&base, b.p + at);
    at += 32;
    cipher = bytes_of(b.p + at + 4, u32_at(b.p + at));
    assert_int_equal(at + 4 + cipher.n + 64, b.n);
    add(&ad, b.p, at + 4);
    add(&ad, place.p, place.n);
    plain = malloc(cipher.n);
    assert_non_null(plain);
    assert_int_equal(
        crypto_chacha_open(&key, bytes_of(ad.b, ad.n), cipher, plain), 0);
    assert_int_equal(u32_at(plain), 7);
    assert_memory_equal(plain + 4, "content", 7);
    free(plain);
    buf_release(&b);
}

static void test_format_keys__of_envelopes(void **state)
{
    (void)state;
    check_envelope(ENVELOPE_LOG, false, true);
    check_envelope(ENVELOPE_JOURNAL, false, true);
    check_envelope(ENVELOPE_SEGMENT, false, false);
    check_envelope(ENVELOPE_SNAPSHOT, true, false);
}

/* --- section 7 --- */

enum {
    PACK_REPO_AT = 9 + 1 + 2 + 2,
    PACK_ENTRY_AT = PACK_REPO_AT + 16 + 32,
    PACK_SEALED_AT = PACK_ENTRY_AT + 1 + 3 + 4,
    PACK_FRAMES_AT = PACK_SEALED_AT + 80 + 32,
    TRAILER_BYTES = 32 + 88 + 8,
    CHUNK_BYTES = 700
};

static void check_frame(const uint8_t *file, enum pack_kind kind)
{
    const struct keyring *k = fix.keys;
    const struct keyring_epoch *e = &k->epoch[0];
    bool data = kind == PACK_DATA;
    enum crypto_suite suite = (enum crypto_suite)file[PACK_ENTRY_AT];
    const uint8_t *frame = file + PACK_FRAMES_AT;
    uint8_t ad[] = {(uint8_t)kind, CHUNK_BYTES & 0xff, CHUNK_BYTES >> 8, 0, 0};
    struct input in = {.n = 0};
    struct crypto_ctx *x = NULL;
    struct crypto_key secret;
    struct crypto_key base;
    struct crypto_key key;
    uint8_t want[CHUNK_BYTES];
    uint8_t got[CHUNK_BYTES];

    assert_int_equal(crypto_unlock(data ? &e->data_public : &e->meta_public,
                                   data ? &e->data_secret : &e->meta_secret,
                                   file + PACK_SEALED_AT, &secret),
                     0);
    add(&in, secret.b, sizeof secret.b);
    add(&in, k->repo.b, sizeof k->repo.b);
    add_u8(&in, (uint8_t)kind);
    add_u8(&in, (uint8_t)suite);
    base = kdf(&e->k_repo, "dedup 1 pack", &in);
    key = key_of(&base, file + PACK_SEALED_AT + 80);
    in.n = 0;
    add(&in, k->repo.b, sizeof k->repo.b);
    add_u8(&in, (uint8_t)kind);
    add(&in, frame, 32);
    key = kdf(&key, "dedup 1 frame", &in);
    assert_int_equal(crypto_ctx_new(&x), 0);
    /* an even number does not compress: stored as it is */
    pack_fixture_bytes(2, want, sizeof want);
    assert_int_equal(crypto_open(x, suite, &key, bytes_of(ad, sizeof ad),
                                 bytes_of(frame + 32, CHUNK_BYTES + 16), got),
                     0);
    assert_memory_equal(got, want, sizeof got);
    crypto_ctx_free(x);
}

static uint32_t check_directory(const uint8_t *file, size_t n,
                                struct bytes content)
{
    const struct keyring *k = fix.keys;
    const struct keyring_epoch *e = &k->epoch[0];
    const uint8_t *salt = file + n - TRAILER_BYTES;
    struct input in = {.n = 0};
    struct crypto_key base;
    struct crypto_key key;
    uint8_t place[72];
    const uint8_t *dir;
    struct bytes cipher;
    struct object_id hash;
    struct blake3 h;
    uint8_t *plain;

    assert_memory_equal(file + n - 8, "\x89pack\r\n\x1a", 8);
    add(&in, k->repo.b, sizeof k->repo.b);
    add(&in, salt, 32);
    key = kdf(&e->k_index, "dedup 1 trailer", &in);
    assert_int_equal(crypto_chacha_open(&key, bytes_of(NULL, 0),
                                        bytes_of(salt + 32, 88), place),
                     0);
    dir = file + u32_at(place);
    assert_ptr_equal(dir + u32_at(place + 4), salt);
    base = kdf(&e->k_index, "dedup 1 directory", &in);
    key = key_of(&base, dir);
    cipher = bytes_of(dir + 32, u32_at(place + 4) - 32);
    plain = malloc(cipher.n);
    assert_non_null(plain);
    assert_int_equal(
        crypto_chacha_open(&key, bytes_of(file, PACK_FRAMES_AT), cipher, plain),
        0);
    assert_int_equal(u32_at(plain), content.n);
    assert_memory_equal(plain + 4, content.p, content.n);
    free(plain);
    blake3_init(&h);
    blake3_update(&h, bytes_of(file, PACK_FRAMES_AT));
    blake3_update(&h, bytes_of(dir, u32_at(place + 4)));
    blake3_update(&h, bytes_of(place, 8));
    blake3_final(&h, hash.b);
    assert_true(
        crypto_signature_ok(&k->member, "dedup 1 pack", &hash, place + 8));
    return u32_at(place);
}

/* The directory's commitment is sealed nowhere, and its header says what it
 * says in clear: both are looked at. */
static void check_refusals(const uint8_t *file, size_t n, uint32_t dir_off)
{
    struct pack_layout_header h;
    uint8_t head[PACK_LAYOUT_HEAD_BYTES];
    const uint8_t *salt = file + n - TRAILER_BYTES;
    struct bytes header = bytes_of(file, PACK_FRAMES_AT);
    size_t dir_n = n - TRAILER_BYTES - dir_off;
    uint8_t *dir = malloc(dir_n);
    struct buf content;

    assert_non_null(dir);
    memcpy(head, file, sizeof head);
    memcpy(dir, file + dir_off, dir_n);
    assert_int_equal(
        pack_layout_get_header(bytes_of(head, sizeof head), fix.keys, &h), 0);
    buf_init(&content, PACK_FULL_BYTES);
    for (int i = 0; i < 2; i++) {
        dir[0] ^= i == 1;
        assert_int_equal(pack_layout_open_dir(fix.keys, &h, salt, header,
                                              bytes_of(dir, dir_n), &content),
                         i == 0 ? 0 : E_CORRUPT);
    }
    assert_non_null(strstr(err_text(), "another key"));
    head[PACK_REPO_AT] ^= 1;
    assert_int_equal(
        pack_layout_get_header(bytes_of(head, sizeof head), fix.keys, &h),
        E_CORRUPT);
    assert_non_null(strstr(err_text(), "another repository"));
    buf_release(&content);
    free(dir);
}

static void test_format_keys__of_packs(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        enum pack_kind kind = i ? PACK_META : PACK_DATA;
        char pack[PACK_LAYOUT_NAME_MAX];
        struct pack_info info;
        struct buf file;
        bool found;

        assert_int_equal(
            pack_fixture_pack(&fix, kind, 2, 1, 1, CHUNK_BYTES, &info), 0);
        pack_layout_name(&info.id, pack);
        buf_init(&file, PACK_FULL_BYTES);
        assert_int_equal(store_get(fix.store, pack, &file, &found), 0);
        assert_memory_equal(file.p + PACK_REPO_AT, fix.keys->repo.b, 16);
        check_frame(file.p, kind);
        check_refusals(file.p, file.n,
                       check_directory(file.p, file.n, buf_bytes(&info.dir)));
        buf_release(&file);
        pack_info_release(&info);
    }
}

/* --- section 8.3 --- */

static void test_format_keys__of_shares(void **state)
{
    const struct keyring *k = fix.keys;
    struct epoch_member m = {k->member, KEYRING_FULL};
    const uint8_t number[] = {0x34, 0};
    struct input in = {.n = 0};
    struct keyring_epoch e;
    struct record_epoch says;
    struct record_share share;
    struct crypto_public pub;
    struct crypto_key secret_key;
    struct crypto_key secret;
    struct crypto_key key;
    struct buf shares;

    (void)state;
    keyring_new_epoch(&e);
    buf_init(&shares, 1000);
    assert_int_equal(epoch_draft(k, 0x34, &e, &m, 1, &shares, &says), 0);
    assert_true(record_epoch_next(&says.shares, &share));
    assert_memory_equal(share.member.b, k->member.b, 32);
    assert_int_equal(share.share.n, 80 + 32 + 16);
    assert_int_equal(crypto_member_box(&k->member, &pub), 0);
    crypto_signer_box(&k->signer, &secret_key);
    assert_int_equal(crypto_unlock(&pub, &secret_key, share.share.p, &secret),
                     0);
    add(&in, k->repo.b, sizeof k->repo.b);
    add(&in, k->member.b, sizeof k->member.b);
    add(&in, number, sizeof number);
    key = kdf(&secret, "dedup 1 share", &in);
    assert_int_equal(crypto_chacha_open(&key, bytes_of(NULL, 0),
                                        bytes_of(share.share.p + 80, 48),
                                        key.b),
                     0);
    assert_memory_equal(key.b, e.root.b, sizeof key.b);
    in.n = 0;
    add(&in, e.k_repo.b, sizeof e.k_repo.b);
    key = kdf(&e.k_index, "dedup 1 epoch", &in);
    assert_memory_equal(key.b, says.proof.b, sizeof key.b);
    buf_release(&shares);
}

/* --- keepsake.md --- */

static void test_format_keys__of_keepsakes(void **state)
{
    enum { HEAD = 9 + 16 + 32, WRAPPED_AT = HEAD + 24 + 32 + 4 };
    const struct keyring *k = fix.keys;
    const struct object_id id = {{4, 5, 6}};
    struct manifest m = {.series = bytes_of_str("web@srv"),
                         .number = 1,
                         .root = bytes_of_str("the root"),
                         .complete = true};
    struct kept_frames *kept = kept_frames_new();
    struct input in = {.n = 0};
    struct crypto_key base;
    struct crypto_key key;
    uint8_t *plain;
    struct buf b;

    (void)state;
    assert_non_null(kept);
    buf_init(&b, KEEPSAKE_BYTES_MAX);
    assert_int_equal(keepsake_seal(k, &id, &m, kept, &b), 0);
    add(&in, k->repo.b, sizeof k->repo.b);
    base = kdf(&k->seed, "dedup 1 keepsake", &in);
    key = key_of(&base, b.p + HEAD + 24);
    plain = malloc(b.n);
    assert_non_null(plain);
    assert_memory_equal(b.p + 9, k->repo.b, 16);
    assert_memory_equal(b.p + 9 + 16, k->member.b, 32);
    assert_int_equal(crypto_unwrap(&key, b.p + HEAD, bytes_of(b.p, HEAD),
                                   bytes_of(b.p + WRAPPED_AT, b.n - WRAPPED_AT),
                                   plain),
                     0);
    assert_memory_equal(plain, id.b, sizeof id.b);
    free(plain);
    kept_frames_free(kept);
    buf_release(&b);
}

static int setup(void **state)
{
    (void)state;
    pack_fixture_open(&fix);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pack_fixture_close(&fix);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_keys__of_envelopes),
        cmocka_unit_test(test_format_keys__of_packs),
        cmocka_unit_test(test_format_keys__of_shares),
        cmocka_unit_test(test_format_keys__of_keepsakes),
    };

    return crypto_init() < 0 ? 1
                             : cmocka_run_group_tests(tests, setup, teardown);
}
