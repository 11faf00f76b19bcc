#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pipe.h"

enum { NEVER = 1000000 };

/* Squares the numbers 0.. and sums them in order, and watches every rule. */
struct job {
    unsigned count;
    unsigned fail_produce; /* the unit at which each callback fails */
    unsigned fail_work;
    unsigned fail_work_too; /* another one, which fails at once */
    unsigned fail_consume;
    unsigned fail_end;   /* the how-manieth work_end fails, from 1 */
    unsigned fail_state; /* the how-manieth state_init fails, from 1 */
    unsigned cancel_at;  /* consume asks to stop here */
    unsigned meet;       /* work waits until this many are in work */
    bool jitter;         /* work takes unequal times */
    struct cancel cancel;

    unsigned produced; /* touched by produce only */
    unsigned consumed; /* touched by consume only */
    uint64_t sum;
    atomic_int producing;
    atomic_int consuming;
    atomic_uint in_flight;
    atomic_uint in_flight_max;
    atomic_uint in_work;
    atomic_uint in_work_max;
    atomic_uint states;
    atomic_uint states_freed;
    atomic_uint units_freed;
    atomic_uint ends;
    atomic_uint worked;  /* units that work_end has seen in the states */
    atomic_uint buffers; /* allocated by produce */
};

struct unit {
    unsigned n;
    uint64_t *square; /* allocated once, kept */
    pthread_t producer;
    bool in_use;
};

struct state {
    atomic_int busy;
    unsigned worked;
    bool ended;
    unsigned char zero[3];
};

static void raise_max(atomic_uint *max, unsigned value)
{
    unsigned old = atomic_load(max);

    while (value > old && !atomic_compare_exchange_weak(max, &old, value))
        ;
}

static int job_produce(void *ctx, void *arg, bool *end)
{
    struct job *job = ctx;
    struct unit *unit = arg;

    assert_int_equal(atomic_fetch_add(&job->producing, 1), 0);
    assert_false(unit->in_use);
    assert_false(*end);
    if (job->produced == job->fail_produce) {
        (void)atomic_fetch_sub(&job->producing, 1);
        return err_set(E_SOURCE, "produce %u", job->produced);
    }
    if (job->produced == job->count) {
        *end = true;
    } else {
        if (!unit->square) {
            unit->square = calloc(1, sizeof *unit->square);
            (void)atomic_fetch_add(&job->buffers, 1);
        }
        unit->n = job->produced++;
        unit->in_use = true;
        unit->producer = pthread_self();
        raise_max(&job->in_flight_max,
                  atomic_fetch_add(&job->in_flight, 1) + 1);
    }
    (void)atomic_fetch_sub(&job->producing, 1);
    return 0;
}

static void wait_for(struct job *job)
{
    struct timespec pause = {0, 100000};

    for (int i = 0; i < 50000 && atomic_load(&job->in_work_max) < job->meet;
         i++)
        (void)nanosleep(&pause, NULL);
}

static int job_work(void *ctx, void *arg_state, void *arg)
{
    struct job *job = ctx;
    struct state *state = arg_state;
    struct unit *unit = arg;

    assert_int_equal(atomic_fetch_add(&state->busy, 1), 0);
    assert_false(state->ended);
    state->worked++;
    assert_true(pthread_equal(unit->producer, pthread_self()));
    raise_max(&job->in_work_max, atomic_fetch_add(&job->in_work, 1) + 1);
    if (job->meet > 0)
        wait_for(job);
    if (job->jitter)
        (void)usleep((unit->n * 7919) % 97);
    if (unit->n == job->fail_work)
        (void)usleep(3000);
    *unit->square = (uint64_t)unit->n * unit->n;
    (void)atomic_fetch_sub(&job->in_work, 1);
    (void)atomic_fetch_sub(&state->busy, 1);
    if (unit->n == job->fail_work || unit->n == job->fail_work_too)
        return err_set(E_LIMIT, "work %u", unit->n);
    return 0;
}

static int job_work_end(void *ctx, void *arg)
{
    struct job *job = ctx;
    struct state *state = arg;
    unsigned n = atomic_fetch_add(&job->ends, 1) + 1;

    assert_int_equal(atomic_load(&state->busy), 0);
    assert_false(state->ended);
    state->ended = true;
    (void)atomic_fetch_add(&job->worked, state->worked);
    return n == job->fail_end ? err_set(E_NOSPACE, "end %u", n) : 0;
}

static int job_consume(void *ctx, void *arg)
{
    struct job *job = ctx;
    struct unit *unit = arg;

    assert_int_equal(atomic_fetch_add(&job->consuming, 1), 0);
    assert_int_equal(unit->n, job->consumed);
    (void)atomic_fetch_sub(&job->consuming, 1);
    if (unit->n == job->fail_consume)
        return err_set(E_STORE, "consume %u", unit->n);
    job->sum += *unit->square * 3 + job->sum;
    job->consumed++;
    unit->in_use = false;
    (void)atomic_fetch_sub(&job->in_flight, 1);
    if (unit->n == job->cancel_at)
        cancel_request(&job->cancel, SIGTERM);
    return 0;
}

static int job_state_init(void *ctx, void *arg)
{
    struct job *job = ctx;
    struct state *state = arg;
    unsigned n = atomic_fetch_add(&job->states, 1) + 1;

    assert_int_equal(state->zero[0] | state->zero[1] | state->zero[2], 0);
    return n == job->fail_state ? err_set(E_NOMEM, "state %u", n) : 0;
}

static void job_state_free(void *ctx, void *state)
{
    struct job *job = ctx;

    (void)state;
    (void)atomic_fetch_add(&job->states_freed, 1);
}

static void job_unit_free(void *ctx, void *arg)
{
    struct job *job = ctx;
    struct unit *unit = arg;

    free(unit->square);
    (void)atomic_fetch_add(&job->units_freed, 1);
}

static struct job job_of(unsigned count)
{
    struct job job = {.count = count,
                      .fail_produce = NEVER,
                      .fail_work = NEVER,
                      .fail_work_too = NEVER,
                      .fail_consume = NEVER,
                      .cancel_at = NEVER};

    return job;
}

static int job_run(struct job *job, unsigned threads, unsigned depth)
{
    struct pipe_config config = {.produce = job_produce,
                                 .work = job_work,
                                 .work_end = job_work_end,
                                 .consume = job_consume,
                                 .state_init = job_state_init,
                                 .state_free = job_state_free,
                                 .unit_free = job_unit_free,
                                 .ctx = job,
                                 .unit_bytes = sizeof(struct unit),
                                 .state_bytes = sizeof(struct state),
                                 .threads = threads,
                                 .depth = depth,
                                 .cancel = &job->cancel};
    int rc = pipe_run(&config);

    assert_true(atomic_load(&job->in_flight_max) <= depth);
    assert_true(atomic_load(&job->in_work_max) <= threads);
    assert_true(atomic_load(&job->states) <= threads);
    assert_int_equal(atomic_load(&job->states),
                     atomic_load(&job->states_freed));
    return rc;
}

static uint64_t sum_of(unsigned count)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < count; i++)
        sum += i * i * 3 + sum;
    return sum;
}

static const struct {
    unsigned threads;
    unsigned depth;
} shapes[] = {{1, 1}, {1, 4}, {2, 1}, {2, 2}, {2, 16}, {3, 4}, {8, 3}, {8, 64}};

#define SHAPES (sizeof shapes / sizeof shapes[0])

static void test_pipe__gives_the_sequential_result(void **state)
{
    static const unsigned counts[] = {0, 1, 2, 3, 1000};

    (void)state;
    for (size_t s = 0; s < SHAPES; s++)
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
            for (int jitter = 0; jitter < 2; jitter++) {
                struct job job = job_of(counts[c]);

                job.jitter = jitter != 0;
                assert_int_equal(
                    job_run(&job, shapes[s].threads, shapes[s].depth), 0);
                assert_int_equal(job.consumed, counts[c]);
                assert_true(job.sum == sum_of(counts[c]));
                assert_int_equal(job.ends, job.states);
                assert_int_equal(job.worked, counts[c]);
                assert_true(job.buffers <= shapes[s].depth);
                assert_int_equal(job.units_freed, shapes[s].depth);
            }
}

static void test_pipe__fails_where_the_sequential_run_would(void **state)
{
    static const unsigned at[] = {0, 1, 7, 99};

    (void)state;
    for (size_t s = 0; s < SHAPES; s++)
        for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
            for (int kind = 0; kind < 3; kind++) {
                static const char *const name[] = {"produce", "work",
                                                   "consume"};
                static const int code[] = {E_SOURCE, E_LIMIT, E_STORE};
                struct job job = job_of(100);
                char text[32];

                job.jitter = true;
                job.fail_produce = kind == 0 ? at[i] : NEVER;
                job.fail_work = kind == 1 ? at[i] : NEVER;
                job.fail_consume = kind == 2 ? at[i] : NEVER;
                err_ignore(err_set(E_INTERNAL, "stale"), "must be replaced");
                assert_int_equal(
                    job_run(&job, shapes[s].threads, shapes[s].depth),
                    code[kind]);
                (void)snprintf(text, sizeof text, "%s %u", name[kind], at[i]);
                assert_string_equal(err_text(), text);
                assert_int_equal(job.consumed, at[i]);
                assert_true(job.sum == sum_of(at[i]));
                assert_int_equal(job.units_freed, shapes[s].depth);
            }
}

static void test_pipe__reports_the_first_in_sequence(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct job job = job_of(100);

        job.fail_work = 5;     /* takes a while */
        job.fail_work_too = 6; /* has failed long before */
        assert_int_equal(job_run(&job, 4, 8), E_LIMIT);
        assert_string_equal(err_text(), "work 5");
        assert_int_equal(job.consumed, 5);
    }
}

static void test_pipe__a_failed_end_comes_after_all_units(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        struct job job = job_of(100);

        job.jitter = true;
        job.fail_end = 1;
        assert_int_equal(job_run(&job, shapes[s].threads, shapes[s].depth),
                         E_NOSPACE);
        assert_string_equal(err_text(), "end 1");
        assert_int_equal(job.consumed, 100);
        assert_int_equal(job.worked, 100);

        /* the last unit fails while the ends of other threads are under way:
         * it came first */
        job = job_of(100);
        job.fail_end = 1;
        job.fail_work = 99;
        assert_int_equal(job_run(&job, shapes[s].threads, shapes[s].depth),
                         E_LIMIT);
        assert_int_equal(job.consumed, 99);
    }
}

static void test_pipe__works_in_parallel(void **state)
{
    (void)state;
    for (unsigned threads = 2; threads <= 8; threads *= 2) {
        struct job job = job_of(100);

        job.meet = threads;
        assert_int_equal(job_run(&job, threads, threads), 0);
        assert_int_equal(job.in_work_max, threads);
        assert_int_equal(job.states, threads);
    }
}

static void test_pipe__stops_when_asked(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        struct job job = job_of(NEVER);

        job.cancel_at = 10;
        assert_int_equal(job_run(&job, shapes[s].threads, shapes[s].depth),
                         E_CANCELED);
        assert_string_equal(err_text(), "stopped by SIGTERM");
        assert_int_equal(cancel_signal(&job.cancel), SIGTERM);
        assert_int_equal(job.consumed, 11);

        job = job_of(NEVER);
        cancel_request(&job.cancel, SIGINT);
        cancel_request(&job.cancel, SIGTERM);
        assert_int_equal(cancel_signal(&job.cancel), SIGINT);
        assert_int_equal(job_run(&job, shapes[s].threads, shapes[s].depth),
                         E_CANCELED);
        assert_int_equal(job.produced, 0);
    }
}

static void test_pipe__a_state_that_cannot_be_made_is_an_error(void **state)
{
    (void)state;
    for (unsigned k = 1; k <= 4; k++) {
        struct job job = job_of(100);

        job.fail_state = k;
        job.jitter = true;
        if (job_run(&job, 4, 8) == 0) /* fewer threads got a unit */
            assert_true(job.states < k);
        else
            assert_int_equal(job.states_freed, job.states);
    }
}

static void test_pipe__survives_every_failed_allocation(void **state)
{
    int rc = E_NOMEM;
    uint64_t n;

    (void)state;
    for (n = 1; rc == E_NOMEM; n++) {
        struct job job = job_of(10);

        assert_true(n < 100);
        mem_fail_after(n, 0);
        rc = job_run(&job, 2, 4);
        mem_fail_after(0, 0);
        assert_int_equal(job.consumed, rc == 0 ? 10 : 0);
    }
    assert_int_equal(rc, 0);
    assert_true(n > 2);
}

static int count_up(void *ctx, void *unit, bool *end)
{
    unsigned *left = ctx;

    (void)unit;
    *end = *left == 0;
    *left -= *left > 0;
    return 0;
}

static int do_nothing(void *ctx, void *state, void *unit)
{
    (void)ctx;
    (void)unit;
    assert_null(state);
    return 0;
}

static void test_pipe__needs_only_produce_and_work(void **state)
{
    unsigned left = 1000;
    struct pipe_config config = {.produce = count_up,
                                 .work = do_nothing,
                                 .ctx = &left,
                                 .unit_bytes = 1,
                                 .threads = 2,
                                 .depth = 4};

    (void)state;
    assert_int_equal(pipe_run(&config), 0);
    assert_int_equal(left, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipe__gives_the_sequential_result),
        cmocka_unit_test(test_pipe__fails_where_the_sequential_run_would),
        cmocka_unit_test(test_pipe__reports_the_first_in_sequence),
        cmocka_unit_test(test_pipe__a_failed_end_comes_after_all_units),
        cmocka_unit_test(test_pipe__works_in_parallel),
        cmocka_unit_test(test_pipe__stops_when_asked),
        cmocka_unit_test(test_pipe__a_state_that_cannot_be_made_is_an_error),
        cmocka_unit_test(test_pipe__survives_every_failed_allocation),
        cmocka_unit_test(test_pipe__needs_only_produce_and_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
