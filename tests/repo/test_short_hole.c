#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/short_hole.h"
#include "tests/repo/codec_loops.h"

static struct buf encoded(const struct short_hole_list *l)
{
    struct buf b;

    buf_init(&b, SHORT_HOLE_BYTES_MAX);
    short_hole_put(&b, l);
    assert_int_equal(buf_status(&b), 0);
    return b;
}

static void expect(struct bytes value, uint64_t size,
                   const struct short_hole *want, size_t n)
{
    struct short_hole_reader r;
    struct short_hole h;

    assert_true(short_hole_ok(value, size));
    short_hole_begin(&r, value, size);
    for (size_t i = 0; i < n; i++) {
        assert_true(short_hole_next(&r, &h));
        assert_int_equal(h.off, want[i].off);
        assert_int_equal(h.n, want[i].n);
    }
    assert_false(short_hole_next(&r, &h));
    assert_int_equal(h.n, 0);
}

static void test_short_hole__keeps_a_list(void **state)
{
    static const struct short_hole want[] = {
        {0, 4096}, {8192, 1}, {8194, 200000}, {INT64_MAX - 7, 7}};
    static const uint8_t start[] = {4, 0, 0x80, 0x20, 0x80, 0x20, 1, 1};
    struct short_hole_list l = {.n = 0};
    struct buf b;

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        assert_int_equal(short_hole_add(&l, want[i].off, want[i].n), 0);
    b = encoded(&l);
    assert_memory_equal(b.p, start, sizeof start);
    expect(buf_bytes(&b), INT64_MAX, want, sizeof want / sizeof want[0]);
    assert_false(short_hole_ok(buf_bytes(&b), INT64_MAX - 1));
    buf_release(&b);
    short_hole_release(&l);
}

/* A hole that a reader met in two parts is one hole. */
static void test_short_hole__joins_what_touches(void **state)
{
    static const struct short_hole want[] = {{0, 30}, {31, 10}};
    struct short_hole_list l = {.n = 0};
    struct buf b;

    (void)state;
    assert_int_equal(short_hole_add(&l, 5, 1), 0);
    short_hole_reset(&l);
    assert_int_equal(short_hole_add(&l, 0, 10), 0);
    assert_int_equal(short_hole_add(&l, 10, 20), 0);
    assert_int_equal(short_hole_add(&l, 31, 10), 0);
    b = encoded(&l);
    expect(buf_bytes(&b), 41, want, 2);
    buf_release(&b);
    short_hole_release(&l);
}

/* The first SHORT_HOLE_MAX are kept, however long the numbers; what continues
 * the last of them still does. */
static void test_short_hole__keeps_so_many(void **state)
{
    const uint64_t step = (uint64_t)INT64_MAX / (SHORT_HOLE_MAX + 10);
    struct short_hole_list l = {.n = 0};
    struct short_hole last;
    struct buf b;

    (void)state;
    for (uint64_t i = 0; i < SHORT_HOLE_MAX + 5; i++)
        assert_int_equal(short_hole_add(&l, i * step, step / 2), 0);
    assert_int_equal(l.n, SHORT_HOLE_MAX);
    last = l.hole[SHORT_HOLE_MAX - 1];
    assert_int_equal(last.off, (SHORT_HOLE_MAX - 1) * step);
    assert_int_equal(short_hole_add(&l, last.off + last.n, 3), 0);
    assert_int_equal(l.hole[SHORT_HOLE_MAX - 1].n, last.n + 3);
    b = encoded(&l);
    assert_true(short_hole_ok(buf_bytes(&b), INT64_MAX));
    buf_release(&b);
    short_hole_release(&l);
}

static void test_short_hole__refuses_what_nobody_writes(void **state)
{
    static const struct {
        const char *value;
        size_t n;
        bool ok;
    } table[] = {
        {"\x01\x00\x01", 3, true},
        {"\x01\x00\x64", 3, true}, /* the whole file */
        {"\x01\x63\x01", 3, true}, /* its last byte */
        {"\x02\x00\x01\x01\x01", 5, true},
        {"", 0, false},             /* no field at all */
        {"\x00", 1, false},         /* no holes */
        {"\x01\x00\x00", 3, false}, /* an empty one */
        {"\x01\x64\x01", 3, false}, /* behind the end */
        {"\x01\x00\x65", 3, false}, /* beyond it */
        {"\x01\x65\x01", 3, false},
        {"\x02\x00\x01\x00\x01", 5, false}, /* two that touch */
        {"\x02\x00\x32\x01\x32", 5, false},
        {"\x01\x00\x01\x00", 4, false}, /* a byte more */
        {"\x02\x00\x01", 3, false},     /* fewer than it says */
        {"\x81\x00\x00\x01", 4, false}, /* not the shortest form */
        {"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02", 12,
         false}, /* the sum would wrap */
    };
    uint8_t many[1 + 1 + 2 * (SHORT_HOLE_MAX + 1)];

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(
            short_hole_ok(bytes_of(table[i].value, table[i].n), 100),
            table[i].ok);
    memset(many, 1, sizeof many);
    for (unsigned more = 0; more <= 1; more++) {
        many[0] = (uint8_t)(0x80 | ((SHORT_HOLE_MAX + more) & 0x7f));
        many[1] = (uint8_t)((SHORT_HOLE_MAX + more) >> 7);
        assert_int_equal(
            short_hole_ok(
                bytes_of(many, 2 + (size_t)2 * (SHORT_HOLE_MAX + more)), 10000),
            !more);
    }
}

static int decode(void *ctx, struct bytes in)
{
    (void)ctx;
    return short_hole_ok(in, 1 << 20) ? 0 : E_CORRUPT;
}

static void test_short_hole__stands_every_input(void **state)
{
    struct short_hole_list l = {.n = 0};
    struct buf b;

    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(short_hole_add(&l, i * 8192, 1 + i * 40), 0);
    b = encoded(&l);
    codec_loops_truncate(decode, NULL, buf_bytes(&b), 0);
    (void)codec_loops_flip(decode, NULL, buf_bytes(&b), true);
    codec_loops_longer(decode, NULL, buf_bytes(&b));
    buf_release(&b);
    short_hole_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_hole__keeps_a_list),
        cmocka_unit_test(test_short_hole__joins_what_touches),
        cmocka_unit_test(test_short_hole__keeps_so_many),
        cmocka_unit_test(test_short_hole__refuses_what_nobody_writes),
        cmocka_unit_test(test_short_hole__stands_every_input),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
