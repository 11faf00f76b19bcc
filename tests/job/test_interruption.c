/* Runs that are stopped at any moment: what is left is a checkpoint, or
 * nothing, or they had ended. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/job/checkpoint_kit.h"

/* Asks to stop when a pack has been begun. */
struct stopper {
    struct checkpoint_watch *w;
    unsigned after; /* operations of the store */
    atomic_uint n;  /* that there were */
};

static int stop_later(void *ctx, enum memory_point point, enum memory_op op,
                      const char *name)
{
    struct stopper *s = ctx;

    (void)point;
    (void)op;
    (void)name;
    if (atomic_fetch_add(&s->n, 1) + 1 == s->after)
        cancel_request(&s->w->cancel, 15);
    return 0;
}

/* A file that is being read is not in it, and is left within one unit. */
static void test_interruption__not_with_half_a_file(void **state)
{
    bool met = false;

    (void)state;
    for (unsigned after = 1; after < 60 && !met; after++) {
        struct checkpoint_watch w = {.n = 0};
        struct stopper stop = {.w = &w, .after = after};
        struct job_fixture f;
        struct job_snap s;
        struct job_entry e;

        job_fixture_open(&f);
        job_fixture_write(&f, "a", 1, 5000);
        job_fixture_write(&f, "huge", 2, 24 << 20);
        job_fixture_write(&f, "z", 3, 5000);
        w.opt = job_fixture_options(&f);
        w.opt.checkpoint_ns = INT64_MAX;
        w.opt.cancel = &w.cancel;
        w.opt.on_checkpoint = checkpoint_kit_note;
        w.opt.ctx = &w;
        memory_set_hook(f.store, stop_later, &stop);
        s = job_fixture_run(&f, &w.opt);
        memory_set_hook(f.store, NULL, NULL);
        met = s.rc == E_CANCELED && w.n == 1;
        if (met) {
            assert_false(job_fixture_find(&f, &w.id[0], "huge", &e));
            job_fixture_drop(&e);
            assert_false(job_fixture_find(&f, &w.id[0], "z", &e));
            job_fixture_drop(&e);
            assert_int_equal(checkpoint_kit_gives(&f, &w.id[0]), 1);
            assert_true(s.result.stats.new_bytes > 1 << 20);
            job_fixture_reopen(&f, false);
            s = job_fixture_snap(&f);
            assert_int_equal(s.result.kept_files, 1);
            /* what of it was stored is found */
            assert_true(s.result.stats.new_bytes < 24 << 20);
            job_fixture_returns(&f, &s.result.id);
            checkpoint_kit_clean(&f, 1);
        }
        job_fixture_close(&f);
    }
    assert_true(met);
}

/* Wherever it is stopped, it is a checkpoint or nothing, and never half a
 * snapshot for a whole one. */
static void test_interruption__stopped_anywhere(void **state)
{
    unsigned complete = 0;
    unsigned checkpoints = 0;
    unsigned nothing = 0;

    (void)state;
    for (unsigned after = 1; after < 400 && complete < 3; after += 2) {
        struct checkpoint_watch w = {.n = 0};
        struct stopper stop = {.w = &w, .after = after};
        struct job_fixture f;
        struct job_snap s;

        job_fixture_open(&f);
        for (char name[] = "a"; name[0] <= 'j'; name[0]++)
            job_fixture_write(&f, name, (uint64_t)name[0], 700000);
        w.opt = job_fixture_options(&f);
        w.opt.checkpoint_ns = INT64_MAX;
        w.opt.unit_items = SMALL_UNIT;
        w.opt.cancel = &w.cancel;
        w.opt.on_checkpoint = checkpoint_kit_note;
        w.opt.ctx = &w;
        memory_set_hook(f.store, stop_later, &stop);
        s = job_fixture_run(&f, &w.opt);
        memory_set_hook(f.store, NULL, NULL);
        complete += s.rc == 0;
        checkpoints += s.rc != 0 && w.n == 1;
        nothing += s.rc != 0 && w.n == 0;
        if (s.rc != 0)
            assert_int_equal(s.rc, E_CANCELED);
        if (w.n > 0)
            assert_int_equal(checkpoint_kit_gives(&f, &w.id[0]),
                             w.stats[0].files);
        if (s.rc == 0)
            job_fixture_returns(&f, &s.result.id);
        assert_int_equal(checkpoint_kit_census(&f).complete, s.rc == 0);
        s = job_fixture_snap(&f);
        assert_int_equal(s.result.resumed_files, w.n ? w.stats[0].files : 0);
        job_fixture_returns(&f, &s.result.id);
        job_fixture_close(&f);
    }
    print_message("%u complete, %u checkpoints, %u nothing\n", complete,
                  checkpoints, nothing);
    assert_true(complete > 0 && checkpoints > 0 && nothing > 0);
}

/* Asks to stop after a while. */
struct canceller {
    pthread_t thread;
    struct checkpoint_watch *w;
    int64_t after_ns;
};

static void *cancel_later(void *ctx)
{
    struct canceller *c = ctx;
    struct timespec t = {c->after_ns / 1000000000, c->after_ns % 1000000000};

    (void)nanosleep(&t, NULL);
    cancel_request(&c->w->cancel, 15);
    return NULL;
}

enum { MANY_FILES = 900, MANY_UNIT = 300, MANY_ROUNDS = 24, MANY_CYCLES = 10 };

/* Workers drop what they have not done of their units, wherever that is, and
 * also when the source has come to its end. */
static void test_interruption__stopped_in_the_middle_of_units(void **state)
{
    struct job_fixture f;
    struct timespec from;
    struct timespec to;
    unsigned complete = 0;
    unsigned cut = 0;

    (void)state;
    job_fixture_open(&f);
    for (unsigned i = 0; i < MANY_FILES; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "f%03u", i);
        job_fixture_write(&f, name, i, 2000);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    (void)job_fixture_snap(&f);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    for (unsigned i = 0; i < MANY_ROUNDS * (cut ? 1 : MANY_CYCLES); i++) {
        struct checkpoint_watch w = {.n = 0};
        struct canceller c = {.w = &w};
        char series[16];
        struct job_snap s;

        (void)snprintf(series, sizeof series, "r%u", i);
        w.opt = job_fixture_options(&f);
        w.opt.series = bytes_of_str(series);
        w.opt.checkpoint_ns = INT64_MAX;
        w.opt.unit_items = MANY_UNIT;
        w.opt.cancel = &w.cancel;
        w.opt.on_checkpoint = checkpoint_kit_note;
        w.opt.ctx = &w;
        c.after_ns = ((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec -
                      from.tv_nsec) *
                     (i % MANY_ROUNDS) / (2 * MANY_ROUNDS);
        assert_int_equal(pthread_create(&c.thread, NULL, cancel_later, &c), 0);
        s = job_fixture_run(&f, &w.opt);
        assert_int_equal(pthread_join(c.thread, NULL), 0);
        if (s.rc == 0) {
            job_fixture_returns(&f, &s.result.id);
            complete++;
            continue;
        }
        assert_int_equal(s.rc, E_CANCELED);
        if (w.n == 0)
            continue;
        assert_int_equal(checkpoint_kit_gives(&f, &w.id[0]), w.stats[0].files);
        cut += w.stats[0].files % MANY_UNIT != 0;
    }
    print_message("%u complete, %u cut in a unit\n", complete, cut);
    assert_true(cut > 0);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interruption__not_with_half_a_file),
        cmocka_unit_test(test_interruption__stopped_anywhere),
        cmocka_unit_test(test_interruption__stopped_in_the_middle_of_units),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
