#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>

#include "base/cores.h"
#include "base/pipe.h"

/* Runs first: what is found is found once. */
static void test_cores__heed_the_affinity_mask(void **state)
{
    cpu_set_t all, one;
    size_t first = 0;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(cores_count(), 1);
    assert_int_equal(pipe_threads(0), 1);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    /* found once */
    assert_int_equal(cores_count(), 1);
}

static void test_cores__a_cap_never_adds(void **state)
{
    unsigned n = cores_count();

    (void)state;
    cores_cap(n + 7);
    assert_int_equal(cores_count(), n);
    cores_cap(1);
    assert_int_equal(cores_count(), 1);
    /* who asks for a number gets it */
    assert_int_equal(pipe_threads(3), 3);
    cores_cap(0);
    assert_int_equal(cores_count(), n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cores__heed_the_affinity_mask),
        cmocka_unit_test(test_cores__a_cap_never_adds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
