#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "base/clock.h"

static int64_t system_ns(clockid_t id)
{
    struct timespec t;

    assert_int_equal(clock_gettime(id, &t), 0);
    return (int64_t)t.tv_sec * CLOCK_SECOND_NS + t.tv_nsec;
}

static void test_clock__tells_the_systems_time(void **state)
{
    static const struct {
        clockid_t id;
        int64_t (*get)(void);
    } rows[] = {
        {CLOCK_REALTIME, clock_realtime_ns},
        {CLOCK_MONOTONIC, clock_monotonic_ns},
    };

    (void)state;
    for (int i = 0; i < 2; i++) {
        int64_t before = system_ns(rows[i].id);
        int64_t now = rows[i].get();

        assert_true(before <= now && now <= system_ns(rows[i].id));
    }
}

static void test_clock__sleeps_at_least_as_long_as_asked(void **state)
{
    int64_t before = clock_monotonic_ns();

    (void)state;
    clock_sleep_ns(2000000);
    assert_true(clock_monotonic_ns() - before >= 2000000);
    clock_sleep_ns(0);
    clock_sleep_ns(-1);
    clock_sleep_ns(INT64_MIN);
}

static void test_clock__a_fake_stands_still_until_moved(void **state)
{
    (void)state;
    clock_fake_set(1000, 50);
    assert_int_equal(clock_realtime_ns(), 1000);
    assert_int_equal(clock_monotonic_ns(), 50);
    clock_fake_advance(7);
    assert_int_equal(clock_realtime_ns(), 1007);
    assert_int_equal(clock_monotonic_ns(), 57);
    clock_fake_set(1, 2);
    assert_int_equal(clock_realtime_ns(), 1);
    clock_fake_end();
    assert_true(clock_realtime_ns() > 1000000 * CLOCK_SECOND_NS);
}

static void test_clock__sleep_moves_a_fake(void **state)
{
    (void)state;
    clock_fake_set(1000, 50);
    clock_sleep_ns(3600 * CLOCK_SECOND_NS);
    assert_int_equal(clock_monotonic_ns(), 50 + 3600 * CLOCK_SECOND_NS);
    assert_int_equal(clock_realtime_ns(), 1000 + 3600 * CLOCK_SECOND_NS);
    clock_fake_end();
}

static void *sleep_for_ever(void *arg)
{
    (void)arg;
    clock_sleep_ns(INT64_MAX);
    return NULL;
}

/* Whether the thread waits already or only comes to it: it must end. */
static void test_clock__faking_ends_a_wait(void **state)
{
    pthread_t thread;

    (void)state;
    for (int64_t delay = 0; delay <= 4000000; delay += 2000000) {
        assert_int_equal(pthread_create(&thread, NULL, sleep_for_ever, NULL),
                         0);
        clock_sleep_ns(delay);
        clock_fake_set(0, 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        clock_fake_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock__tells_the_systems_time),
        cmocka_unit_test(test_clock__sleeps_at_least_as_long_as_asked),
        cmocka_unit_test(test_clock__a_fake_stands_still_until_moved),
        cmocka_unit_test(test_clock__sleep_moves_a_fake),
        cmocka_unit_test(test_clock__faking_ends_a_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
