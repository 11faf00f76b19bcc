#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/compress.h"
#include "repo/frame.h"
#include "tests/support/prng.h"

static const struct bytes what; /* what frames here are known by */
static struct frame_ctx *ctx;
static uint8_t *raw;    /* FRAME_RAW_MAX */
static uint8_t *stored; /* FRAME_STORED_MAX */
static uint8_t *back;   /* FRAME_RAW_MAX */

static struct frame_key key_of(enum crypto_suite suite)
{
    struct frame_key k = {.suite = suite, .kind = PACK_DATA};

    memset(k.key.b, 0x42, sizeof k.key.b);
    memset(k.repo.b, 0x24, sizeof k.repo.b);
    return k;
}

/* Keeps the frame in `stored`, where it can be damaged. */
static int seal(const struct frame_key *k, struct frame *f)
{
    int rc = frame_seal(ctx, k, what, f);

    if (rc < 0)
        return rc;
    memcpy(stored, f->stored.p, f->stored.n);
    f->stored.p = stored;
    return 0;
}

static void fill_random(size_t n)
{
    struct prng r;

    prng_init(&r, 1);
    prng_fill(&r, raw, n);
}

static void fill_text(size_t n)
{
    static const uint8_t text[] = "all work and no play ";

    for (size_t i = 0; i < n; i++)
        raw[i] = (uint8_t)((size_t)text[i % (sizeof text - 1)] ^ (i / 999 & 7));
}

static void test_frame__gives_back_what_went_in(void **state)
{
    static const size_t size[] = {1, 2, 1000, 65536, 262144, FRAME_RAW_MAX};

    (void)state;
    for (int s = CRYPTO_AES256_GCM; s <= CRYPTO_CHACHA20_POLY1305; s++)
        for (size_t i = 0; i < sizeof size / sizeof size[0]; i++)
            for (int text = 0; text < 2; text++)
                for (int level = 1; level <= 9; level += 4) {
                    struct frame_key k = key_of((enum crypto_suite)s);
                    struct bytes in = bytes_of(raw, size[i]);
                    struct frame f;

                    if (text)
                        fill_text(size[i]);
                    else
                        fill_random(size[i]);
                    assert_int_equal(frame_prepare(ctx, in, level), 0);
                    assert_int_equal(seal(&k, &f), 0);
                    assert_int_equal(f.stored.n, frame_stored_bytes(ctx));
                    assert_int_equal(f.raw_bytes, size[i]);
                    assert_int_equal(
                        frame_open(ctx, &k, f.stored, f.raw_bytes, back), 0);
                    assert_memory_equal(back, raw, size[i]);
                }
}

static void test_frame__random_data_is_stored_as_it_is(void **state)
{
    (void)state;
    fill_random(FRAME_RAW_MAX);
    for (int level = 1; level <= 19; level += 3)
        for (int again = 0; again < 2; again++) {
            assert_int_equal(
                frame_prepare(ctx, bytes_of(raw, FRAME_RAW_MAX), level), 0);
            assert_int_equal(frame_stored_bytes(ctx), FRAME_STORED_MAX);
        }
    /* and what follows it is compressed all the same */
    fill_text(FRAME_RAW_MAX);
    assert_int_equal(frame_prepare(ctx, bytes_of(raw, FRAME_RAW_MAX), 3), 0);
    assert_true(frame_stored_bytes(ctx) < FRAME_RAW_MAX / 10);
}

static void test_frame__no_two_seals_are_alike(void **state)
{
    struct frame_key k = key_of(CRYPTO_AES256_GCM);
    struct frame f;
    struct frame g;

    (void)state;
    fill_text(5000);
    assert_int_equal(frame_prepare(ctx, bytes_of(raw, 5000), 3), 0);
    assert_int_equal(seal(&k, &f), 0);
    assert_int_equal(frame_seal(ctx, &k, what, &g), 0);
    assert_int_equal(f.stored.n, g.stored.n);
    assert_memory_not_equal(f.stored.p, g.stored.p, 32);
    assert_memory_not_equal(f.stored.p + 32, g.stored.p + 32, f.stored.n - 32);
    /* under another pack's key it is another frame, with the same content */
    k.key.b[0] ^= 1;
    assert_int_equal(frame_seal(ctx, &k, what, &g), 0);
    assert_int_equal(frame_open(ctx, &k, g.stored, 5000, back), 0);
    assert_memory_equal(back, raw, 5000);
    assert_int_equal(frame_open(ctx, &k, f.stored, 5000, back), E_CORRUPT);
}

static void test_frame__every_changed_byte_is_noticed(void **state)
{
    struct frame_key k = key_of(CRYPTO_AES256_GCM);
    struct frame f;

    (void)state;
    fill_text(300);
    assert_int_equal(frame_prepare(ctx, bytes_of(raw, 300), 3), 0);
    assert_int_equal(seal(&k, &f), 0);
    for (size_t i = 0; i < f.stored.n; i++) {
        stored[i] ^= 0x20;
        assert_int_equal(frame_open(ctx, &k, f.stored, 300, back), E_CORRUPT);
        stored[i] ^= 0x20;
    }
    for (size_t n = 0; n < f.stored.n; n++)
        assert_int_equal(
            frame_open(ctx, &k, bytes_of(f.stored.p, n), 300, back), E_CORRUPT);
    assert_int_equal(frame_open(ctx, &k, f.stored, 301, back), E_CORRUPT);
    assert_int_equal(frame_open(ctx, &k, f.stored, 0, back), E_CORRUPT);
    assert_int_equal(frame_open(ctx, &k, f.stored, UINT32_MAX, back),
                     E_CORRUPT);
    k.kind = PACK_META;
    assert_int_equal(frame_open(ctx, &k, f.stored, 300, back), E_CORRUPT);
    k.kind = PACK_DATA;
    k.repo.b[15] ^= 1;
    assert_int_equal(frame_open(ctx, &k, f.stored, 300, back), E_CORRUPT);
    k.repo.b[15] ^= 1;
    assert_int_equal(frame_open(ctx, &k, f.stored, 300, back), 0);
}

/* Damage once is repaired by doing it again; damage twice is reported as what
 * it is, and never stored. */
static void test_frame__damaged_work_is_noticed(void **state)
{
    struct frame_key k = key_of(CRYPTO_AES256_GCM);
    struct frame f;

    (void)state;
    fill_text(70000);
    frame_ctx_damage(ctx, 1);
    assert_int_equal(frame_prepare(ctx, bytes_of(raw, 70000), 3), 0);
    frame_ctx_damage(ctx, 1);
    assert_int_equal(seal(&k, &f), 0);
    assert_int_equal(frame_open(ctx, &k, f.stored, 70000, back), 0);
    assert_memory_equal(back, raw, 70000);

    frame_ctx_damage(ctx, 2);
    assert_int_equal(frame_prepare(ctx, bytes_of(raw, 70000), 3), E_INTERNAL);
    assert_int_equal(frame_prepare(ctx, bytes_of(raw, 70000), 3), 0);
    frame_ctx_damage(ctx, 2);
    assert_int_equal(seal(&k, &f), E_INTERNAL);
    frame_ctx_damage(ctx, 0);
}

/* A form that zstd would stretch over more than it should never gets through,
 * and neither does one that is several. */
static void test_frame__decompression_is_bounded(void **state)
{
    struct compress_ctx *x = NULL;
    uint8_t form[4096];
    size_t n;

    (void)state;
    assert_int_equal(compress_ctx_new(&x), 0);
    memset(raw, 0, 100000);
    assert_int_equal(compress_pack(x, bytes_of(raw, 100000), 3, form, &n), 0);
    assert_true(n > 0 && n < 2000);
    assert_int_equal(compress_unpack(x, bytes_of(form, n), back, 100000), 0);
    assert_int_equal(compress_unpack(x, bytes_of(form, n), back, 99999),
                     E_CORRUPT);
    assert_int_equal(compress_unpack(x, bytes_of(form, n), back, 100001),
                     E_CORRUPT);
    memcpy(form + n, form, n);
    assert_int_equal(compress_unpack(x, bytes_of(form, 2 * n), back, 200000),
                     E_CORRUPT);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(compress_unpack(x, bytes_of(form, i), back, 100000),
                         E_CORRUPT);
    compress_ctx_free(x);
}

static void test_frame__context_survives_lack_of_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 20; n++) {
        struct frame_ctx *x = NULL;
        int rc;

        mem_fail_after(n, 0);
        rc = frame_ctx_new(&x);
        mem_fail_after(0, 0);
        frame_ctx_free(x);
        if (rc == 0)
            return;
        assert_int_equal(rc, E_NOMEM);
    }
    fail();
}

static int setup(void **state)
{
    (void)state;
    raw = malloc(FRAME_RAW_MAX);
    back = malloc(FRAME_RAW_MAX);
    stored = malloc(FRAME_STORED_MAX);
    return !raw || !back || !stored || crypto_init() < 0 ||
           frame_ctx_new(&ctx) < 0;
}

static int teardown(void **state)
{
    (void)state;
    frame_ctx_free(ctx);
    free(raw);
    free(back);
    free(stored);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame__gives_back_what_went_in),
        cmocka_unit_test(test_frame__random_data_is_stored_as_it_is),
        cmocka_unit_test(test_frame__no_two_seals_are_alike),
        cmocka_unit_test(test_frame__every_changed_byte_is_noticed),
        cmocka_unit_test(test_frame__damaged_work_is_noticed),
        cmocka_unit_test(test_frame__decompression_is_bounded),
        cmocka_unit_test(test_frame__context_survives_lack_of_memory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
