#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "repo/pad.h"

static void test_pad__follows_the_formula(void **state)
{
    static const struct {
        uint64_t n, padme;
    } t[] = {{2, 2},       {3, 3},         {8, 8},
             {9, 10},      {100, 104},     {1000, 1024},
             {1025, 1088}, {70000, 71680}, {1048577, 1081344}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        assert_int_equal(pad_padme(t[i].n), t[i].padme);
}

static void test_pad__is_monotonic_and_bounded(void **state)
{
    uint64_t last = 0;

    (void)state;
    for (uint64_t n = 2; n < 300000; n++) {
        uint64_t p = pad_padme(n);

        assert_true(p >= n && p >= last && p - n <= n / 8);
        assert_int_equal(pad_padme(p), p);
        last = p;
    }
}

static void test_pad__keeps_powers_of_two(void **state)
{
    (void)state;
    for (unsigned e = 1; e < 61; e++)
        assert_int_equal(pad_padme(1ULL << e), 1ULL << e);
    for (uint64_t n = 4096; n <= 65536; n += 77) {
        assert_int_equal(pad_size(n, 4096) % 4096, 0);
        assert_true(pad_size(n, 4096) >= pad_padme(n));
        assert_true(pad_size(n, 4096) < pad_padme(n) + 4096);
    }
    /* what bounds rely on: nothing below 64 MiB is padded beyond it */
    assert_int_equal(pad_size((64 << 20) - 1, 4096), 64 << 20);
    assert_int_equal(pad_size((16 << 20) - 1, 512), 16 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pad__follows_the_formula),
        cmocka_unit_test(test_pad__is_monotonic_and_bounded),
        cmocka_unit_test(test_pad__keeps_powers_of_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
