#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

/* In order; each is compared with each. */
static void test_bytes__order_by_value_prefixes_first(void **state)
{
    static const struct bytes sorted[] = {
        {NULL, 0},
        {(const uint8_t *)"\0", 1},
        {(const uint8_t *)"\0\0", 2},
        {(const uint8_t *)"A", 1},
        {(const uint8_t *)"a", 1},
        {(const uint8_t *)"a\0", 2},
        {(const uint8_t *)"aa", 2},
        {(const uint8_t *)"ab", 2},
        {(const uint8_t *)"b", 1},
        {(const uint8_t *)"\x7f", 1},
        {(const uint8_t *)"\x80", 1},
        {(const uint8_t *)"\xff", 1},
        {(const uint8_t *)"\xff\xff", 2},
    };
    enum { N = sizeof sorted / sizeof sorted[0] };

    (void)state;
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < N; k++) {
            int c = bytes_cmp(sorted[i], sorted[k]);

            assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
            assert_int_equal(bytes_equal(sorted[i], sorted[k]), i == k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes__order_by_value_prefixes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
