#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cli/progress_rate.h"

#define S CLOCK_SECOND_NS

static void test_progress_rate__says_nothing_before_it_means_something(
    void **state)
{
    static const struct {
        struct progress_counts n;
        int64_t elapsed_ns;
        bool said;
    } row[] = {
        {{10, 100, 10, 100, 0}, 2 * S, true},
        {{10, 100, 10, 100, 0}, 2 * S - 1, false}, /* too early */
        {{1, 101, 1, 101, 0}, 9 * S, false},       /* too little */
        {{0, 0, 0, 0, 0}, 9 * S, false},           /* nothing known */
        {{10, 0, 10, 0, 10}, 9 * S, false},        /* of how many? */
        {{100, 100, 100, 100, 0}, 9 * S, false},   /* all done */
        {{0, 0, 50, 100, 0}, 9 * S, true},         /* bytes alone */
        {{50, 100, 0, 0, 0}, 9 * S, true},         /* files alone */
        {{120, 100, 50, 100, 50}, 9 * S, true},    /* more than expected */
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct progress_rate r = {.last_ns = 0};
        double low, high;

        progress_rate_note(&r, &row[i].n, row[i].elapsed_ns);
        if (progress_rate_left(&r, &low, &high) != row[i].said)
            fail_msg("row %zu", i);
    }
}

/* Goes on for so many steps of a fifth of a second, with so many files and
 * bytes in each. */
static void go_on(struct progress_rate *r, struct progress_counts *n, int steps,
                  uint64_t files, uint64_t bytes, uint64_t moved)
{
    for (int i = 0; i < steps; i++) {
        n->files_done += files;
        n->bytes_done += bytes;
        n->bytes_moved += moved;
        progress_rate_note(r, n, r->last_ns + S / 5);
    }
}

/* 100 GB in 100,000 files, of which the first 10 GB had changed: 10 MB/s
 * there, 1000 files a second behind. */
static void test_progress_rate__keeps_two_rates_apart(void **state)
{
    struct progress_counts n = {.files_total = 100000,
                                .bytes_total = 100000000000};
    struct progress_rate r = {.last_ns = 0};
    double low, high, before;

    (void)state;
    go_on(&r, &n, 5000, 2, 2000000, 2000000);
    assert_true(progress_rate_left(&r, &low, &high));
    /* nothing else was seen yet: 90 GB at 10 MB/s */
    assert_true(low > 8900 && high < 9100);
    before = high;
    go_on(&r, &n, 150, 200, 200000000, 0);
    assert_true(progress_rate_left(&r, &low, &high));
    /* 60,000 files at 1000 a second, unless as much of them has changed as of
     * the whole: a quarter, of 60 GB */
    assert_true(low > 60 && low < 600);
    assert_true(high > 1400 && high < 1700);
    assert_true(high < before);
    go_on(&r, &n, 290, 200, 200000000, 0);
    assert_true(progress_rate_left(&r, &low, &high));
    assert_true(low < 10 && high < 40);
}

static void test_progress_rate__follows_what_is_recent(void **state)
{
    struct progress_counts n = {.bytes_total = 1};
    struct progress_rate r = {.last_ns = 0};

    (void)state;
    go_on(&r, &n, 4, 1, 20, 20);
    assert_int_equal(progress_rate_moved(&r), 0); /* too early */
    go_on(&r, &n, 3000, 1, 20000000, 20000000);
    assert_in_range(progress_rate_moved(&r), 99000000, 100000001);
    go_on(&r, &n, 1500, 1, 2000000, 2000000);
    assert_in_range(progress_rate_moved(&r), 10000000, 20000000);
}

static void test_progress_rate__bears_what_goes_backwards(void **state)
{
    struct progress_counts n = {100, 200, 1000, 2000, 1000};
    struct progress_rate r = {.last_ns = 0};
    double low, high;

    (void)state;
    progress_rate_note(&r, &n, 10 * S);
    n = (struct progress_counts){90, 200, 900, 2000, 900}; /* a file dropped */
    progress_rate_note(&r, &n, 11 * S);
    progress_rate_note(&r, &n, 11 * S);
    assert_true(progress_rate_left(&r, &low, &high));
    assert_true(low > 0 && low <= high && high < 100);
}

static void test_progress_rate__plain_lines_become_rare(void **state)
{
    int64_t at = S;
    int n = 0;

    (void)state;
    for (; at < 3600 * S; at = progress_rate_plain_next(at))
        n++;
    assert_in_range(n, 60, 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_progress_rate__says_nothing_before_it_means_something),
        cmocka_unit_test(test_progress_rate__keeps_two_rates_apart),
        cmocka_unit_test(test_progress_rate__follows_what_is_recent),
        cmocka_unit_test(test_progress_rate__bears_what_goes_backwards),
        cmocka_unit_test(test_progress_rate__plain_lines_become_rare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
