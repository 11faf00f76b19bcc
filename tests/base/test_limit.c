#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>

#include "base/clock.h"
#include "base/limit.h"

enum { MIB = 1 << 20, SECOND_MS = 1000 };

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

static int begin(void **state)
{
    (void)state;
    clock_fake_set(0, 1000 * CLOCK_SECOND_NS);
    return 0;
}

static int end(void **state)
{
    (void)state;
    limit_set(0, 0, NULL);
    clock_fake_end();
    return 0;
}

/* Sends n pieces that way; returns how many milliseconds passed. */
static int64_t send(enum limit_side side, size_t n, uint64_t piece)
{
    int64_t from = now_ms();

    for (size_t i = 0; i < n; i++) {
        limit_wait(side);
        limit_charge(side, piece);
    }
    limit_wait(side);
    return now_ms() - from;
}

static void test_limit__none_never_waits(void **state)
{
    (void)state;
    limit_set(0, 0, NULL);
    assert_int_equal(send(LIMIT_READ, 100, UINT64_MAX), 0);
    limit_set(LIMIT_RATE_MAX, UINT64_MAX, NULL);
    assert_int_equal(send(LIMIT_READ, 100, MIB), 0);
    assert_int_equal(send(LIMIT_WRITE, 100, MIB), 0);
    assert_int_equal(limit_piece(LIMIT_WRITE, SIZE_MAX), SIZE_MAX);
}

/* Ten seconds' worth takes ten seconds, less what idle time has saved up. */
static void test_limit__holds_the_rate(void **state)
{
    static const struct {
        uint64_t rate;
        size_t n;
        uint64_t piece;
    } rows[] = {
        {MIB, 10, MIB},
        {MIB, 160, MIB / 16},
        {LIMIT_RATE_MIN, 10, LIMIT_RATE_MIN},
        {LIMIT_RATE_MIN, 1, 10 * LIMIT_RATE_MIN},
        {UINT64_C(4) << 30, 40960, MIB},
        {3000001, 10, 3000001},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        limit_set(rows[i].rate, 0, NULL);
        assert_in_range(send(LIMIT_READ, rows[i].n, rows[i].piece),
                        10 * SECOND_MS - 110, 10 * SECOND_MS);
    }
}

static void test_limit__sides_are_apart(void **state)
{
    (void)state;
    limit_set(MIB, 4 * MIB, NULL);
    limit_charge(LIMIT_READ, 8 * MIB);
    assert_int_equal(send(LIMIT_WRITE, 0, 0), 0);
    assert_in_range(send(LIMIT_WRITE, 4, MIB), 890, 1000);
    assert_in_range(send(LIMIT_READ, 0, 0), 6800, 7010);
}

static void test_limit__idle_time_saves_little(void **state)
{
    (void)state;
    limit_set(MIB, 0, NULL);
    clock_fake_advance(3600 * CLOCK_SECOND_NS);
    assert_in_range(send(LIMIT_READ, 1, MIB), 890, 1000);
}

static void test_limit__is_forgotten_by_the_next(void **state)
{
    (void)state;
    limit_set(LIMIT_RATE_MIN, 0, NULL);
    limit_charge(LIMIT_READ, UINT64_C(1) << 40);
    limit_set(MIB, 0, NULL);
    assert_in_range(send(LIMIT_READ, 1, MIB), 890, 1000);
}

static void test_limit__pieces_are_small(void **state)
{
    (void)state;
    limit_set(8 * MIB, LIMIT_RATE_MIN, NULL);
    assert_int_equal(limit_piece(LIMIT_READ, SIZE_MAX), MIB);
    assert_int_equal(limit_piece(LIMIT_READ, 17), 17);
    assert_int_equal(limit_piece(LIMIT_WRITE, SIZE_MAX), LIMIT_PIECE_MIN);
}

struct sender {
    size_t n;
    uint64_t piece;
};

static void *send_main(void *arg)
{
    const struct sender *s = arg;

    (void)send(LIMIT_WRITE, s->n, s->piece);
    return NULL;
}

/* What both charge counts, whoever charges it, and nobody's charge is lost. The
 * faked clock is moved on by each who sleeps, so that both see more time go
 * by than they ask for, never less than the sum needs. */
static void test_limit__two_threads_share_it(void **state)
{
    struct sender s = {.n = 2000, .piece = MIB / 200};
    pthread_t thread[2];
    int64_t from = now_ms();

    (void)state;
    limit_set(0, MIB, NULL);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, send_main, &s), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_in_range(now_ms() - from, 20 * SECOND_MS - 120, 40 * SECOND_MS);
}

static void *wait_main(void *arg)
{
    (void)arg;
    limit_wait(LIMIT_READ);
    return NULL;
}

/* By the real clock: the thread would wait for a year. */
static void test_limit__a_stop_ends_the_wait(void **state)
{
    struct cancel cancel = {0};
    pthread_t thread;

    (void)state;
    clock_fake_end();
    limit_set(LIMIT_RATE_MIN, LIMIT_RATE_MIN, &cancel);
    limit_charge(LIMIT_READ, LIMIT_RATE_MIN * 86400 * 365);
    assert_int_equal(pthread_create(&thread, NULL, wait_main, NULL), 0);
    clock_sleep_ns(5000000);
    cancel_request(&cancel, SIGINT);
    assert_int_equal(pthread_join(thread, NULL), 0);
    limit_wait(LIMIT_READ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_limit__none_never_waits, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_limit__holds_the_rate, begin, end),
        cmocka_unit_test_setup_teardown(test_limit__sides_are_apart, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_limit__idle_time_saves_little,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_limit__is_forgotten_by_the_next,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_limit__pieces_are_small, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_limit__two_threads_share_it, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_limit__a_stop_ends_the_wait, begin,
                                        end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
