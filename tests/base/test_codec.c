#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/codec.h"

static const uint64_t values[] = {0,          1,         127,        128,
                                  16383,      16384,     UINT32_MAX, 1ULL << 56,
                                  1ULL << 63, UINT64_MAX};

static void put_all(struct buf *b)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        codec_put_varint(b, values[i]);
        codec_put_svarint(b, (int64_t)values[i]);
    }
    codec_put_u8(b, 0xfe);
    codec_put_u16(b, 0xfedc);
    codec_put_u32(b, 0xfedcba98);
    codec_put_u64(b, 0xfedcba9876543210);
    codec_put_string(b, bytes_of_str("name"));
}

static int get_all(struct bytes in)
{
    struct codec c;
    bool same = true;

    codec_init(&c, in);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        same &= codec_varint(&c) == values[i];
        same &= codec_svarint(&c) == (int64_t)values[i];
    }
    same &= codec_u8(&c) == 0xfe;
    same &= codec_u16(&c) == 0xfedc;
    same &= codec_u32(&c) == 0xfedcba98;
    same &= codec_u64(&c) == 0xfedcba9876543210;
    same &= bytes_equal(codec_string(&c, 4), bytes_of_str("name"));
    if (codec_end(&c, "test") < 0)
        return E_CORRUPT;
    assert_true(same);
    return 0;
}

static void test_codec__reads_back_what_it_wrote(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    put_all(&b);
    assert_int_equal(buf_status(&b), 0);
    assert_int_equal(get_all(buf_bytes(&b)), 0);
    buf_release(&b);
}

static void test_codec__every_prefix_fails(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    put_all(&b);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(get_all(bytes_of(b.p, n)), E_CORRUPT);
    buf_add(&b, "x", 1);
    assert_int_equal(get_all(buf_bytes(&b)), E_CORRUPT);
    buf_release(&b);
}

static void test_codec__refuses_long_forms(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {
        {"\x80\x00", 2},
        {"\xff\x80\x00", 3},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
        {"\x80", 1},
    };
    struct codec c;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        codec_init(&c, bytes_of(bad[i].bytes, bad[i].n));
        assert_int_equal(codec_varint(&c), 0);
        assert_int_equal(codec_ok(&c, "test"), E_CORRUPT);
    }
}

static void test_codec__count_is_bounded_by_what_is_left(void **state)
{
    struct codec c;

    (void)state;
    codec_init(&c, bytes_of("\x03"
                            "abcdef",
                            7));
    assert_int_equal(codec_count(&c, 2), 3);
    codec_init(&c, bytes_of("\x04"
                            "abcdef",
                            7));
    assert_int_equal(codec_count(&c, 2), 0);
    assert_int_equal(codec_ok(&c, "test"), E_CORRUPT);
}

static void test_codec__failure_sticks(void **state)
{
    struct codec c;
    uint8_t x[4];

    (void)state;
    codec_init(&c, bytes_of("ab", 2));
    assert_int_equal(codec_u32(&c), 0);
    assert_int_equal(codec_u8(&c), 0);
    codec_copy(&c, x, 4);
    assert_int_equal(x[0], 0);
    assert_int_equal(codec_left(&c), 0);
    assert_int_equal(codec_end(&c, "test"), E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec__reads_back_what_it_wrote),
        cmocka_unit_test(test_codec__every_prefix_fails),
        cmocka_unit_test(test_codec__refuses_long_forms),
        cmocka_unit_test(test_codec__count_is_bounded_by_what_is_left),
        cmocka_unit_test(test_codec__failure_sticks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
