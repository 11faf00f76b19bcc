#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "repo/selftest.h"

static void test_selftest__passes_at_every_level(void **state)
{
    (void)state;
    for (int level = CPU_SCALAR; level <= CPU_AVX512; level++) {
        cpu_cap_level((enum cpu_level)level);
        assert_int_equal(selftest_run(), 0);
    }
}

/* It runs at the start of every command: the fastest of some runs, so that
 * other work on the machine does not matter. */
static void test_selftest__is_quick(void **state)
{
    int64_t best = INT64_MAX;

    (void)state;
    for (int i = 0; i < 20; i++) {
        int64_t start = clock_monotonic_ns();
        int64_t took;

        assert_int_equal(selftest_run(), 0);
        took = clock_monotonic_ns() - start;
        best = took < best ? took : best;
    }
    print_message("%lld us\n", (long long)(best / 1000));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if !defined(__has_feature)
    assert_true(best < 5000000);
#endif
#endif
}

static void test_selftest__lack_of_memory_is_no_wrong_result(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 50; n++) {
        int rc;

        mem_fail_after(n, 0);
        rc = selftest_run();
        mem_fail_after(0, 0);
        if (rc == 0)
            return;
        assert_int_equal(rc, E_NOMEM);
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selftest__passes_at_every_level),
        cmocka_unit_test(test_selftest__is_quick),
        cmocka_unit_test(test_selftest__lack_of_memory_is_no_wrong_result),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
