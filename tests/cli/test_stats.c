#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/stats.h"
#include "cli/when.h"

enum { DAY_S = 86400, WEEK_S = 7 * DAY_S };

/* 2026-11-28, a Saturday, 12:00 UTC; its week began on the 23rd. */
#define SATURDAY INT64_C(1795867200)
#define MONDAY   (SATURDAY - 5 * DAY_S - DAY_S / 2)

static void test_stats__weeks_begin_on_monday(void **state)
{
    static const int64_t now[] = {MONDAY, SATURDAY, MONDAY + WEEK_S - 1};
    struct stats_week w[STATS_WEEKS];
    char name[WHEN_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof now / sizeof now[0]; i++) {
        stats_weeks(now[i], w);
        assert_int_equal(w[STATS_WEEKS - 1].monday, MONDAY);
        assert_int_equal(w[0].monday, MONDAY - 11 * (int64_t)WEEK_S);
    }
    assert_string_equal(when_week(MONDAY, name), "2026-W48");
    stats_weeks(-1, w); /* a clock that was never set */
    assert_int_equal(w[STATS_WEEKS - 1].monday, -3 * DAY_S);
}

static void test_stats__what_ended_outside_is_in_no_week(void **state)
{
    struct stats_week w[STATS_WEEKS];
    uint64_t n = 0;

    (void)state;
    stats_weeks(SATURDAY, w);
    stats_in_week(w, w[0].monday - 1, 1, true);
    stats_in_week(w, MONDAY + WEEK_S, 1, true);
    stats_in_week(w, INT64_MAX, 1, true);
    stats_in_week(w, INT64_MIN, 1, true);
    for (int i = 0; i < STATS_WEEKS; i++)
        n += w[i].stored.n;
    assert_int_equal(n, 0);
    stats_in_week(w, MONDAY - 1, 5, true);
    stats_in_week(w, MONDAY, 7, true);
    stats_in_week(w, MONDAY + WEEK_S - 1, 7, true);
    assert_int_equal(w[STATS_WEEKS - 2].stored.bytes, 5);
    assert_int_equal(w[STATS_WEEKS - 1].stored.bytes, 14);
    assert_int_equal(w[STATS_WEEKS - 1].stored.n, 2);
}

/* A run of 3 checkpoints and its snapshot; one that was killed behind two; and
 * one that --time says is old. All began in one instant, to make it hard. */
static void test_stats__a_byte_of_a_run_counts_once(void **state)
{
    static const struct {
        const char *series;
        uint64_t number;
        int64_t begin_s;
        uint64_t bytes, stored;
        bool complete;
    } rows[] = {
        {"old", 1, 0, 1000, 3, true},      {"a", 7, MONDAY, 100, 10, false},
        {"b", 7, MONDAY, 100, 100, false}, {"a", 7, MONDAY, 200, 20, false},
        {"b", 7, MONDAY, 200, 200, false}, {"a", 7, MONDAY, 300, 30, false},
        {"a", 7, MONDAY, 400, 40, true},   {"a", 8, MONDAY + 1, 400, 5, true},
    };
    enum { N = sizeof rows / sizeof rows[0] };
    struct snapshot_item item[N] = {0};
    struct snapshot_list l = {.item = item, .n = N};
    struct stats s = {0};

    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct manifest *m = &item[i].manifest.m;

        m->series = bytes_of_str(rows[i].series);
        m->number = rows[i].number;
        m->begin.s = rows[i].begin_s;
        m->end.s = SATURDAY;
        m->stats.bytes = rows[i].bytes;
        m->stats.stored_bytes = rows[i].stored;
        m->complete = rows[i].complete;
    }
    stats_weeks(SATURDAY, s.week);
    stats_snapshots(&l, &s);
    assert_int_equal(s.snapshots.n, 3);
    assert_int_equal(s.snapshots.bytes, 1000 + 400 + 400);
    assert_int_equal(s.latest.n, 2);
    assert_int_equal(s.latest.bytes, 1000 + 400);
    assert_int_equal(s.checkpoints, 5);
    assert_int_equal(s.week[STATS_WEEKS - 1].stored.n, 3);
    assert_int_equal(s.week[STATS_WEEKS - 1].stored.bytes, 3 + 200 + 40 + 5);
}

static void test_stats__sums_do_not_wrap(void **state)
{
    struct stats_sum s = {0};

    (void)state;
    stats_add(&s, UINT64_MAX - 1);
    stats_add(&s, 7);
    assert_int_equal(s.n, 2);
    assert_true(s.bytes == UINT64_MAX);
}

static void test_stats__a_ratio_of_nothing_is_none(void **state)
{
    (void)state;
    assert_int_equal(stats_ratio_percent(5, 0), 0);
    assert_int_equal(stats_ratio_percent(0, 5), 0);
    assert_int_equal(stats_ratio_percent(5, 2), 250);
    assert_int_equal(stats_ratio_percent(UINT64_MAX, 1), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats__weeks_begin_on_monday),
        cmocka_unit_test(test_stats__what_ended_outside_is_in_no_week),
        cmocka_unit_test(test_stats__a_byte_of_a_run_counts_once),
        cmocka_unit_test(test_stats__sums_do_not_wrap),
        cmocka_unit_test(test_stats__a_ratio_of_nothing_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
