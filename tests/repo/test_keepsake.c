#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/keepsake.h"
#include "tests/repo/codec_loops.h"

static struct keyring *ring;

static const struct frame_kept frame = {
    .salt = {1, 2, 3}, .suite = CRYPTO_AES256_GCM, .key = {{0xb7, 0x5a, 9}}};

static struct manifest manifest(void)
{
    return (struct manifest){.series = bytes_of_str("web@srv"),
                             .number = 12,
                             .root = bytes_of_str("the root"),
                             .complete = true,
                             .host = bytes_of_str("a-host-of-ours")};
}

static void seal(struct buf *out)
{
    static const struct object_id id = {{4, 5, 6}};
    struct kept_frames *kept = kept_frames_new();
    struct manifest m = manifest();
    uint32_t no;

    assert_int_equal(kept_frames_reserve(kept, &no), 0);
    assert_int_equal(kept_frames_sealed(kept, no, &frame), 0);
    buf_init(out, KEEPSAKE_BYTES_MAX);
    assert_int_equal(keepsake_seal(ring, &id, &m, kept, out), 0);
    kept_frames_free(kept);
}

/* ctx: the series, or NULL for the right one. */
static int decode(void *ctx, struct bytes in)
{
    struct bytes series = ctx ? bytes_of_str(ctx) : manifest().series;
    struct keepsake k;
    int rc = keepsake_open(ring, series, in, NULL, &k);

    if (rc == 0)
        keepsake_release(&k);
    return rc;
}

static void test_keepsake__gives_back_what_was_kept(void **state)
{
    struct kept_frames *kept = kept_frames_new();
    struct frame_kept key;
    struct keepsake k;
    struct buf b;

    (void)state;
    seal(&b);
    assert_int_equal(
        keepsake_open(ring, manifest().series, buf_bytes(&b), kept, &k), 0);
    assert_int_equal(k.id.b[1], 5);
    assert_int_equal(k.manifest.m.number, 12);
    assert_true(bytes_equal(k.manifest.m.root, bytes_of_str("the root")));
    assert_int_not_equal(kept_frames_find(kept, frame.salt, &key),
                         KEPT_FRAMES_NONE);
    assert_memory_equal(key.key.b, frame.key.b, sizeof key.key.b);
    keepsake_release(&k);
    kept_frames_free(kept);
    buf_release(&b);
}

static bool holds(const struct buf *b, const void *what, size_t n)
{
    for (size_t i = 0; i + n <= b->n; i++)
        if (memcmp(b->p + i, what, n) == 0)
            return true;
    return false;
}

static void test_keepsake__shows_nothing(void **state)
{
    struct buf b;
    struct buf again;

    (void)state;
    seal(&b);
    seal(&again);
    assert_false(holds(&b, "a-host-of-ours", 14));
    assert_false(holds(&b, "web@srv", 7));
    assert_false(holds(&b, frame.key.b, 8));
    /* the same things, another nonce, other bytes */
    assert_int_equal(b.n, again.n);
    assert_memory_not_equal(b.p + 57, again.p + 57, 24);
    assert_memory_not_equal(b.p + b.n - 64, again.p + b.n - 64, 64);
    buf_release(&b);
    buf_release(&again);
}

static void test_keepsake__is_refused_where_it_is_foreign(void **state)
{
    struct keyring *mine = ring;
    char other[] = "web@srw";
    struct buf b;

    (void)state;
    seal(&b);
    assert_int_equal(decode(other, buf_bytes(&b)), E_CORRUPT);
    /* of another repository, of another member: head, then key */
    ring = keyring_new();
    memcpy(ring, mine, sizeof *ring);
    ring->repo.b[0] ^= 1;
    assert_int_equal(decode(NULL, buf_bytes(&b)), E_CORRUPT);
    ring->repo.b[0] ^= 1;
    assert_int_equal(decode(NULL, buf_bytes(&b)), 0);
    ring->member.b[0] ^= 1;
    assert_int_equal(decode(NULL, buf_bytes(&b)), E_CORRUPT);
    ring->member.b[0] ^= 1;
    ring->seed.b[0] ^= 1;
    assert_int_equal(decode(NULL, buf_bytes(&b)), E_CORRUPT);
    keyring_free(ring);
    ring = mine;
    /* of a later version */
    b.p[8] = 2;
    assert_int_equal(decode(NULL, buf_bytes(&b)), E_UNSUPPORTED);
    buf_release(&b);
}

static void test_keepsake__is_refused_when_damaged(void **state)
{
    struct buf b;

    (void)state;
    seal(&b);
    codec_loops_truncate(decode, NULL, buf_bytes(&b), 0);
    assert_int_equal(codec_loops_flip(decode, NULL, buf_bytes(&b), 0), 0);
    codec_loops_longer(decode, NULL, buf_bytes(&b));
    buf_release(&b);
}

static int decode_plain(void *ctx, struct bytes in)
{
    struct keepsake k = {.plain = NULL};
    int rc = keepsake_load(in, manifest().series, ctx, &k);

    if (rc == 0)
        keepsake_release(&k);
    return rc;
}

static void test_keepsake__what_is_inside_is_bounded(void **state)
{
    struct manifest m = manifest();
    struct kept_frames *kept = kept_frames_new();
    struct buf content;
    struct buf b;
    uint32_t no;

    (void)state;
    assert_int_equal(kept_frames_reserve(kept, &no), 0);
    assert_int_equal(kept_frames_sealed(kept, no, &frame), 0);
    buf_init(&content, 4096);
    buf_init(&b, 4096);
    manifest_put(&m, &content);
    buf_add_zeros(&b, 32);
    codec_put_string(&b, buf_bytes(&content));
    kept_frames_put(kept, 1000, &b);
    assert_int_equal(decode_plain(NULL, buf_bytes(&b)), 0);
    codec_loops_truncate(decode_plain, NULL, buf_bytes(&b), 0);
    (void)codec_loops_flip(decode_plain, NULL, buf_bytes(&b), 1);
    codec_loops_longer(decode_plain, NULL, buf_bytes(&b));
    buf_release(&b);
    buf_release(&content);
    kept_frames_free(kept);
}

/* A description that alone does not fit is none that can be kept. */
static void test_keepsake__has_a_limit(void **state)
{
    static const struct object_id id = {{1}};
    struct kept_frames *kept = kept_frames_new();
    struct manifest m = manifest();
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    assert_int_equal(keepsake_seal(ring, &id, &m, kept, &b), E_LIMIT);
    buf_release(&b);
    kept_frames_free(kept);
}

static void test_keepsake__names_tell_series_apart(void **state)
{
    char a[KEEPSAKE_NAME_MAX];
    char b[KEEPSAKE_NAME_MAX];

    (void)state;
    keepsake_name(ring, bytes_of_str("web@srv"), true, a);
    keepsake_name(ring, bytes_of_str("web@srw"), true, b);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 9 + 32);
    keepsake_name(ring, bytes_of_str("web@srv"), false, b);
    assert_int_equal(strlen(b), KEEPSAKE_NAME_MAX - 1);
    assert_memory_equal(a, b, 9 + 32);
    assert_memory_equal(a, "keepsake-", 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keepsake__gives_back_what_was_kept),
        cmocka_unit_test(test_keepsake__shows_nothing),
        cmocka_unit_test(test_keepsake__is_refused_where_it_is_foreign),
        cmocka_unit_test(test_keepsake__is_refused_when_damaged),
        cmocka_unit_test(test_keepsake__what_is_inside_is_bounded),
        cmocka_unit_test(test_keepsake__has_a_limit),
        cmocka_unit_test(test_keepsake__names_tell_series_apart),
    };

    if (crypto_init() < 0)
        return 1;
    ring = keyring_new();
    if (!ring)
        return 1;
    keyring_create(ring);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
