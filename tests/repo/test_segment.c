#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "repo/segment.h"
#include "tests/repo/codec_loops.h"

/* A directory of two frames with three chunks. */
static void put_dir(struct buf *b)
{
    static const struct pack_dir_chunk one[] = {{{{1}}, 1000}, {{{2}}, 24}};
    static const struct pack_dir_chunk two[] = {{{{3}}, FRAME_RAW_MAX}};
    struct pack_dir_frame f = {.key = 0,
                               .off = 212,
                               .stored_bytes = 500,
                               .raw_bytes = 1024,
                               .hash = {{9}},
                               .chunk_n = 2};
    struct pack_dir d;

    pack_dir_init(&d);
    assert_int_equal(pack_dir_add(&d, &f, one), 0);
    f = (struct pack_dir_frame){.key = 3,
                                .off = 712,
                                .stored_bytes = FRAME_STORED_MAX,
                                .raw_bytes = FRAME_RAW_MAX,
                                .hash = {{8}},
                                .chunk_n = 1};
    assert_int_equal(pack_dir_add(&d, &f, two), 0);
    pack_dir_put(&d, b);
    assert_int_equal(b->n, pack_dir_bytes(&d));
    pack_dir_release(&d);
}

static const struct pack_dir_bounds bounds = {
    .first = 212, .end = 712 + FRAME_STORED_MAX, .key_n = 4};

static int decode_dir(void *ctx, struct bytes in)
{
    (void)ctx;
    return pack_dir_check(in, &bounds, NULL, NULL);
}

static void test_segment__directory_round_trip(void **state)
{
    struct pack_dir_reader r;
    struct pack_dir_frame f;
    struct pack_dir_chunk c;
    struct buf b;
    uint32_t frames;
    uint32_t chunks;

    (void)state;
    buf_init(&b, 10000);
    put_dir(&b);
    assert_int_equal(pack_dir_check(buf_bytes(&b), &bounds, &frames, &chunks),
                     0);
    assert_int_equal(frames, 2);
    assert_int_equal(chunks, 3);
    pack_dir_read(&r, buf_bytes(&b));
    assert_true(pack_dir_next_frame(&r, &f));
    assert_int_equal(f.off, 212);
    assert_true(pack_dir_next_chunk(&r, &c));
    assert_int_equal(c.id.b[0], 1);
    assert_int_equal(c.bytes, 1000);
    /* the second chunk is skipped */
    assert_true(pack_dir_next_frame(&r, &f));
    assert_int_equal(f.key, 3);
    assert_int_equal(f.hash.b[0], 8);
    assert_int_equal(f.stored_bytes, FRAME_STORED_MAX);
    assert_true(pack_dir_next_chunk(&r, &c));
    assert_int_equal(c.bytes, FRAME_RAW_MAX);
    assert_false(pack_dir_next_chunk(&r, &c));
    assert_false(pack_dir_next_frame(&r, &f));
    buf_release(&b);
}

static void test_segment__damaged_directory_is_noticed(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10000);
    put_dir(&b);
    codec_loops_truncate(decode_dir, NULL, buf_bytes(&b), 0);
    codec_loops_longer(decode_dir, NULL, buf_bytes(&b));
    (void)codec_loops_flip(decode_dir, NULL, buf_bytes(&b), 1);
    buf_release(&b);
}

/* Each rule of the directory, broken alone. */
static void test_segment__directory_rules(void **state)
{
    static const struct {
        struct pack_dir_frame f;
        uint32_t chunk; /* bytes of its one chunk */
        int rc;
    } t[] = {
        {{.off = 212, .stored_bytes = 148, .raw_bytes = 100, .chunk_n = 1},
         100,
         0},
        {{.off = 211, .stored_bytes = 148, .raw_bytes = 100, .chunk_n = 1},
         100,
         E_CORRUPT}, /* inside the header */
        {{.off = 212, .stored_bytes = 149, .raw_bytes = 100, .chunk_n = 1},
         100,
         E_CORRUPT}, /* longer than uncompressed */
        {{.off = 212, .stored_bytes = 48, .raw_bytes = 100, .chunk_n = 1},
         100,
         E_CORRUPT}, /* nothing in it */
        {{.off = 212, .stored_bytes = 148, .raw_bytes = 100, .chunk_n = 1},
         99,
         E_CORRUPT}, /* chunks do not add up */
        {{.off = 212, .stored_bytes = 148, .raw_bytes = 100, .chunk_n = 1},
         101,
         E_CORRUPT},
        {{.off = 712 + FRAME_STORED_MAX - 147,
          .stored_bytes = 148,
          .raw_bytes = 100,
          .chunk_n = 1},
         100,
         E_CORRUPT}, /* beyond the end */
        {{.off = UINT32_MAX,
          .stored_bytes = 148,
          .raw_bytes = 100,
          .chunk_n = 1},
         100,
         E_CORRUPT},
        {{.key = 4,
          .off = 212,
          .stored_bytes = 148,
          .raw_bytes = 100,
          .chunk_n = 1},
         100,
         E_CORRUPT}, /* no such key */
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct pack_dir_chunk c = {{{1}}, t[i].chunk};
        struct pack_dir d;
        struct buf b;

        pack_dir_init(&d);
        buf_init(&b, 1000);
        assert_int_equal(pack_dir_add(&d, &t[i].f, &c), 0);
        pack_dir_put(&d, &b);
        assert_int_equal(decode_dir(NULL, buf_bytes(&b)), t[i].rc);
        /* the same frame twice overlaps itself */
        buf_reset(&b);
        assert_int_equal(pack_dir_add(&d, &t[i].f, &c), 0);
        pack_dir_put(&d, &b);
        assert_int_equal(decode_dir(NULL, buf_bytes(&b)), E_CORRUPT);
        buf_release(&b);
        pack_dir_release(&d);
    }
}

static void put_segment(struct buf *b, struct buf *dir)
{
    static const struct object_id old[] = {{{0x11}}, {{0x22}}};
    struct segment_pack p[] = {
        {{{1}}, PACK_DATA, PACK_FULL_BYTES, {{5}}, buf_bytes(dir)},
        {{{2}}, PACK_META, 2 << 20, {{6}}, buf_bytes(dir)},
    };

    segment_put(1, old, 2, p, 2, b);
}

static int decode(void *ctx, struct bytes in)
{
    struct segment s;

    (void)ctx;
    return segment_get(in, &s);
}

static void test_segment__round_trip(void **state)
{
    struct segment_reader r;
    struct segment_pack p;
    struct segment s;
    struct buf dir;
    struct buf b;

    (void)state;
    buf_init(&dir, 10000);
    buf_init(&b, 10000);
    put_dir(&dir);
    put_segment(&b, &dir);
    assert_int_equal(segment_get(buf_bytes(&b), &s), 0);
    assert_int_equal(s.level, 1);
    assert_int_equal(s.replace_n, 2);
    assert_int_equal(segment_replaced(&s, 1).b[0], 0x22);
    segment_read(&r, &s);
    assert_true(segment_next(&r, &p));
    assert_int_equal(p.id.b[0], 1);
    assert_int_equal(p.bytes, PACK_FULL_BYTES);
    assert_int_equal(p.writer.b[0], 5);
    assert_true(bytes_equal(p.dir, buf_bytes(&dir)));
    assert_true(segment_next(&r, &p));
    assert_int_equal(p.kind, PACK_META);
    assert_false(segment_next(&r, &p));
    assert_true(b.n <= 20 + 64 + 2 * segment_pack_bytes(dir.n));
    buf_release(&dir);
    buf_release(&b);
}

static void test_segment__damage_is_noticed(void **state)
{
    struct buf dir;
    struct buf b;

    (void)state;
    buf_init(&dir, 10000);
    buf_init(&b, 10000);
    put_dir(&dir);
    put_segment(&b, &dir);
    codec_loops_truncate(decode, NULL, buf_bytes(&b), 0);
    codec_loops_longer(decode, NULL, buf_bytes(&b));
    (void)codec_loops_flip(decode, NULL, buf_bytes(&b), 1);
    buf_release(&dir);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment__directory_round_trip),
        cmocka_unit_test(test_segment__damaged_directory_is_noticed),
        cmocka_unit_test(test_segment__directory_rules),
        cmocka_unit_test(test_segment__round_trip),
        cmocka_unit_test(test_segment__damage_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
