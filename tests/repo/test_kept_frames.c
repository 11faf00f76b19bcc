#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/kept_frames.h"
#include "tests/repo/codec_loops.h"

/* The key of the i-th frame; salts do not ascend with i. */
static struct frame_kept key_of(uint32_t i)
{
    struct frame_kept k = {.suite = i % 2 ? CRYPTO_AES256_GCM
                                          : CRYPTO_CHACHA20_POLY1305};

    memset(k.salt, (int)(i * 37 % 251), sizeof k.salt);
    memcpy(k.salt + 8, &i, sizeof i);
    memset(k.key.b, (int)i + 1, sizeof k.key.b);
    return k;
}

/* A frame that is sealed in this run. */
static uint32_t seal(struct kept_frames *k, uint32_t i)
{
    struct frame_kept key = key_of(i);
    uint32_t no;

    assert_int_equal(kept_frames_reserve(k, &no), 0);
    assert_int_equal(kept_frames_use(k, no), 0);
    assert_int_equal(kept_frames_sealed(k, no, &key), 0);
    return no;
}

static uint32_t find(struct kept_frames *k, uint32_t i)
{
    struct frame_kept key = key_of(i);
    struct frame_kept out;
    uint32_t no = kept_frames_find(k, key.salt, &out);

    if (no != KEPT_FRAMES_NONE) {
        assert_memory_equal(out.key.b, key.key.b, sizeof key.key.b);
        assert_int_equal(out.suite, key.suite);
    }
    return no;
}

/* What goes into a keepsake and comes out of it again. */
static struct kept_frames *next(struct kept_frames *k, size_t room)
{
    struct kept_frames *to = kept_frames_new();
    struct buf b;

    assert_non_null(to);
    buf_init(&b, 1 << 20);
    assert_true(kept_frames_bytes(k) <= b.max);
    kept_frames_put(k, room, &b);
    assert_int_equal(buf_status(&b), 0);
    assert_true(b.n <= room && b.n <= kept_frames_bytes(k));
    assert_int_equal(kept_frames_load(to, buf_bytes(&b)), 0);
    buf_release(&b);
    kept_frames_free(k);
    return to;
}

static void test_kept_frames__hold_what_was_sealed(void **state)
{
    struct kept_frames *k = kept_frames_new();

    (void)state;
    assert_non_null(k);
    for (uint32_t i = 0; i < 300; i++)
        (void)seal(k, i);
    for (int run = 0; run < 2; run++) {
        for (uint32_t i = 0; i < 300; i++)
            assert_int_not_equal(find(k, i), KEPT_FRAMES_NONE);
        assert_int_equal(find(k, 300), KEPT_FRAMES_NONE);
        if (run == 0)
            k = next(k, 1 << 20);
    }
    kept_frames_free(k);
}

/* Of those that came from a keepsake only the ones go on in which the tree
 * lies. */
static void test_kept_frames__that_are_not_used_close(void **state)
{
    struct kept_frames *k = kept_frames_new();

    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        (void)seal(k, i);
    k = next(k, 1 << 20);
    for (uint32_t i = 0; i < 10; i += 3)
        assert_int_equal(kept_frames_use(k, find(k, i)), 0);
    (void)seal(k, 10);
    k = next(k, 1 << 20);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(find(k, i) != KEPT_FRAMES_NONE, i % 3 == 0);
    assert_int_not_equal(find(k, 10), KEPT_FRAMES_NONE);
    kept_frames_free(k);
}

/* A frame that was begun and never sealed is nothing to keep. */
static void test_kept_frames__that_were_not_sealed_are_not_kept(void **state)
{
    struct kept_frames *k = kept_frames_new();
    struct buf b;
    uint32_t no;

    (void)state;
    assert_int_equal(kept_frames_reserve(k, &no), 0);
    assert_int_equal(kept_frames_use(k, no), 0);
    buf_init(&b, 100);
    kept_frames_put(k, 100, &b);
    assert_int_equal(buf_status(&b), 0);
    assert_int_equal(b.n, 1);
    buf_release(&b);
    kept_frames_free(k);
}

/* A list's frames stay as long as its file is taken over, and no longer. */
static void test_kept_frames__of_a_list_stay_with_its_file(void **state)
{
    static const struct chunk_id a = {{1, 2, 3}};
    static const struct chunk_id b = {{1, 2, 4}};
    struct kept_frames *k = kept_frames_new();

    (void)state;
    kept_frames_list_begin(k);
    (void)seal(k, 0);
    (void)seal(k, 1);
    assert_int_equal(kept_frames_list_end(k, &a), 0);
    kept_frames_list_begin(k);
    assert_int_equal(kept_frames_use(k, 1), 0);
    (void)seal(k, 2);
    assert_int_equal(kept_frames_list_end(k, &b), 0);
    kept_frames_list_begin(k);
    (void)seal(k, 3);
    assert_int_equal(kept_frames_list_end(k, NULL), 0);
    (void)seal(k, 4);
    for (int run = 0; run < 3; run++) {
        k = next(k, 1 << 20);
        kept_frames_list_keep(k, &a);
    }
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(find(k, i) != KEPT_FRAMES_NONE, i < 2);
    k = next(k, 1 << 20);
    kept_frames_list_keep(k, &b);
    k = next(k, 1 << 20);
    assert_int_equal(find(k, 0), KEPT_FRAMES_NONE);
    kept_frames_free(k);
}

static void test_kept_frames__that_do_not_fit_are_left_out(void **state)
{
    enum { MANY = 100, ROOM = 2000 };
    struct kept_frames *k = kept_frames_new();
    uint32_t n = 0;

    (void)state;
    for (uint32_t i = 0; i < MANY; i++)
        (void)seal(k, i);
    k = next(k, ROOM);
    for (uint32_t i = 0; i < MANY; i++)
        n += find(k, i) != KEPT_FRAMES_NONE;
    assert_in_range(n, ROOM / 80, ROOM / 64);
    kept_frames_free(k);
}

static int load(void *ctx, struct bytes in)
{
    struct kept_frames *k = kept_frames_new();
    int dry = kept_frames_load(NULL, in);
    int rc = kept_frames_load(k, in);

    (void)ctx;
    assert_int_equal(dry, rc);
    kept_frames_free(k);
    return rc;
}

static void test_kept_frames__cut_or_changed_ones_are_refused(void **state)
{
    static const struct chunk_id a = {{1, 2, 3}};
    static const struct chunk_id c = {{0xff, 2, 4}};
    struct kept_frames *k = kept_frames_new();
    struct buf b;

    (void)state;
    kept_frames_list_begin(k);
    for (uint32_t i = 0; i < 3; i++)
        (void)seal(k, i);
    assert_int_equal(kept_frames_list_end(k, &a), 0);
    assert_int_equal(kept_frames_list_end(k, &c), 0);
    buf_init(&b, 4096);
    kept_frames_put(k, 4096, &b);
    assert_int_equal(load(NULL, buf_bytes(&b)), 0);
    codec_loops_truncate(load, NULL, buf_bytes(&b), 0);
    (void)codec_loops_flip(load, NULL, buf_bytes(&b), 1);
    codec_loops_longer(load, NULL, buf_bytes(&b));
    /* a cipher that there is, behind count and salt */
    for (int suite = 0; suite < 256; suite++) {
        bool known =
            suite == CRYPTO_AES256_GCM || suite == CRYPTO_CHACHA20_POLY1305;

        b.p[1 + CRYPTO_SALT_BYTES] = (uint8_t)suite;
        assert_int_equal(load(NULL, buf_bytes(&b)), known ? 0 : E_CORRUPT);
    }
    b.p[1 + CRYPTO_SALT_BYTES] = CRYPTO_AES256_GCM;
    /* order: what comes first must be less */
    for (size_t i = 0; i < 32; i++)
        b.p[1 + i] = 0xff;
    assert_int_equal(load(NULL, buf_bytes(&b)), E_CORRUPT);
    buf_release(&b);
    kept_frames_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_frames__hold_what_was_sealed),
        cmocka_unit_test(test_kept_frames__that_are_not_used_close),
        cmocka_unit_test(test_kept_frames__that_were_not_sealed_are_not_kept),
        cmocka_unit_test(test_kept_frames__of_a_list_stay_with_its_file),
        cmocka_unit_test(test_kept_frames__that_do_not_fit_are_left_out),
        cmocka_unit_test(test_kept_frames__cut_or_changed_ones_are_refused),
    };

    if (crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
