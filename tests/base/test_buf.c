#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tests/support/prng.h"

static void test_buf__allocates_nothing_before_the_first_byte(void **state)
{
    struct buf b;
    uint64_t calls = mem_count();

    (void)state;
    buf_init(&b, 10);
    buf_add(&b, NULL, 0);
    buf_add_zeros(&b, 0);
    buf_add_bytes(&b, bytes_of(NULL, 0));
    assert_int_equal(buf_status(&b), 0);
    assert_int_equal(buf_bytes(&b).n, 0);
    buf_release(&b);
    assert_int_equal(mem_count(), calls);
}

/* Against a plain array that is large enough from the start. */
static void test_buf__holds_what_was_appended(void **state)
{
    enum { MAX = 100000 };
    static uint8_t want[MAX];
    struct buf b;
    struct prng r;
    size_t n = 0;

    (void)state;
    prng_init(&r, 7);
    buf_init(&b, MAX);
    for (;;) {
        uint8_t piece[2000];
        size_t len = (size_t)prng_below(&r, sizeof piece);
        uint8_t *to;

        if (len > MAX - n)
            break;
        prng_fill(&r, piece, len);
        memcpy(want + n, piece, len);
        switch (prng_below(&r, 4)) {
        case 0:
            buf_add(&b, piece, len);
            break;
        case 1:
            buf_add_bytes(&b, bytes_of(piece, len));
            break;
        case 2:
            buf_add_zeros(&b, len);
            memset(want + n, 0, len);
            break;
        default:
            to = len ? buf_extend(&b, len) : NULL;
            if (to)
                memcpy(to, piece, len);
            break;
        }
        n += len;
        assert_int_equal(b.n, n);
        assert_true(b.cap <= MAX);
    }
    assert_int_equal(buf_status(&b), 0);
    assert_memory_equal(b.p, want, n);
    buf_truncate(&b, n / 2);
    assert_int_equal(b.n, n / 2);
    assert_memory_equal(b.p, want, n / 2);
    buf_release(&b);
}

static void test_buf__paths(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_add_path(&b, bytes_of_str(""));
    assert_int_equal(b.n, 0);
    buf_add_path(&b, bytes_of_str("srv"));
    buf_add_path(&b, bytes_of_str(""));
    assert_true(bytes_equal(buf_bytes(&b), bytes_of_str("srv")));
    buf_add_path(&b, bytes_of_str("www/x"));
    assert_true(bytes_equal(buf_bytes(&b), bytes_of_str("srv/www/x")));
    buf_release(&b);
}

static void test_bytes__zeros(void **state)
{
    uint8_t x[67] = {0};

    (void)state;
    assert_true(bytes_is_zero(bytes_of(NULL, 0)));
    for (size_t n = 0; n <= sizeof x; n++)
        assert_true(bytes_is_zero(bytes_of(x, n)));
    for (size_t i = 0; i < sizeof x; i++) {
        x[i] = 1;
        assert_false(bytes_is_zero(bytes_of(x, sizeof x)));
        assert_true(bytes_is_zero(bytes_of(x, i)));
        x[i] = 0;
    }
}

static void test_buf__grows_to_its_maximum_and_no_further(void **state)
{
    static const size_t max[] = {1, 255, 256, 257, 1000, 4096};
    struct buf b;

    (void)state;
    for (size_t i = 0; i < sizeof max / sizeof max[0]; i++) {
        buf_init(&b, max[i]);
        for (size_t n = 0; n < max[i]; n++)
            buf_add(&b, "x", 1);
        assert_int_equal(buf_status(&b), 0);
        assert_int_equal(b.n, max[i]);
        assert_true(b.cap <= max[i]);
        buf_add(&b, "y", 1);
        assert_int_equal(buf_status(&b), E_LIMIT);
        assert_int_equal(b.n, max[i]);
        buf_release(&b);
        buf_add_zeros(&b, max[i]);
        assert_int_equal(buf_status(&b), 0);
        buf_release(&b);
    }
}

static void test_buf__failure_sticks_until_reset(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    buf_add(&b, "abc", 3);
    buf_add(&b, "de", 2);
    buf_add(&b, "f", 1); /* would fit, but must not close the gap */
    assert_null(buf_extend(&b, 1));
    assert_int_equal(buf_reserve(&b, 1), E_LIMIT);
    assert_int_equal(buf_status(&b), E_LIMIT);
    assert_true(bytes_equal(buf_bytes(&b), bytes_of_str("abc")));
    buf_reset(&b);
    assert_int_equal(buf_status(&b), 0);
    buf_add(&b, "wxyz", 4);
    assert_true(bytes_equal(buf_bytes(&b), bytes_of_str("wxyz")));
    buf_release(&b);
}

static void test_buf__no_memory_sticks_and_keeps_the_content(void **state)
{
    struct buf b;
    uint8_t big[1000] = {0};

    (void)state;
    buf_init(&b, 100000);
    buf_add(&b, "abc", 3);
    mem_fail_after(1, 0);
    buf_add(&b, big, sizeof big);
    mem_fail_after(0, 0);
    assert_int_equal(buf_status(&b), E_NOMEM);
    buf_add(&b, "d", 1);
    assert_int_equal(buf_status(&b), E_NOMEM);
    assert_true(bytes_equal(buf_bytes(&b), bytes_of_str("abc")));
    buf_reset(&b);
    buf_add(&b, big, sizeof big);
    assert_int_equal(buf_status(&b), 0);
    buf_release(&b);
}

static void test_buf__absurd_lengths_are_refused(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_add(&b, "abc", 3);
    assert_int_equal(buf_reserve(&b, SIZE_MAX), E_LIMIT);
    buf_reset(&b);
    assert_int_equal(buf_reserve(&b, SIZE_MAX - 2), E_LIMIT);
    buf_release(&b);
    buf_init(&b, SIZE_MAX);
    assert_int_equal(buf_reserve(&b, SIZE_MAX), E_NOMEM);
    buf_release(&b);
}

static void test_buf__reserved_room_needs_no_more_memory(void **state)
{
    struct buf b;
    uint64_t calls;

    (void)state;
    buf_init(&b, 5000);
    assert_int_equal(buf_reserve(&b, 5000), 0);
    calls = mem_count();
    for (int i = 0; i < 5000; i++)
        buf_add(&b, "x", 1);
    assert_int_equal(buf_status(&b), 0);
    assert_int_equal(mem_count(), calls);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf__allocates_nothing_before_the_first_byte),
        cmocka_unit_test(test_buf__holds_what_was_appended),
        cmocka_unit_test(test_buf__paths),
        cmocka_unit_test(test_bytes__zeros),
        cmocka_unit_test(test_buf__grows_to_its_maximum_and_no_further),
        cmocka_unit_test(test_buf__failure_sticks_until_reset),
        cmocka_unit_test(test_buf__no_memory_sticks_and_keeps_the_content),
        cmocka_unit_test(test_buf__absurd_lengths_are_refused),
        cmocka_unit_test(test_buf__reserved_room_needs_no_more_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
