#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/retention_simulate.h"

enum { HOUR = 3600, DAY = 86400, ITEMS = 200000, ROWS = 40 };

/* 2026-11-20, 12:00 */
static const struct entry_time now = {.s = INT64_C(1795176000)};

/* What there is, and what a simulation tells. */
struct world {
    struct retention_item item[ITEMS];
    size_t n;
    struct retention_policy policy;
    struct retention_simulate_row row[ROWS];
    size_t row_n;
};

static struct world *fresh(void)
{
    static struct world w;

    memset(&w, 0, sizeof w);
    return &w;
}

static struct retention_item *put(struct world *w, const char *series,
                                  uint64_t number, int64_t s)
{
    struct retention_item *it = &w->item[w->n];

    assert_true(w->n < ITEMS);
    *it = (struct retention_item){.group = bytes_of_str(series),
                                  .series = bytes_of_str(series),
                                  .number = number,
                                  .time = {.s = s},
                                  .complete = true};
    it->id.b[0] = (uint8_t)w->n;
    it->id.b[1] = (uint8_t)(w->n >> 8);
    it->id.b[2] = (uint8_t)(w->n++ >> 16);
    return it;
}

/* n snapshots, the newest an hour ago. */
static void put_each(struct world *w, const char *series, size_t n,
                     int64_t every)
{
    for (size_t i = 0; i < n; i++)
        put(w, series, i + 1, now.s - HOUR - (int64_t)(n - 1 - i) * every);
}

static void keep(struct world *w, enum retention_unit unit, uint32_t n)
{
    w->policy.rule[unit] =
        (struct retention_rule){.reach = RETENTION_COUNT, .count = n};
}

static int told(void *ctx, const struct retention_simulate_row *row)
{
    struct world *w = ctx;

    assert_true(w->row_n < ROWS);
    w->row[w->row_n++] = *row;
    return 0;
}

static void run(struct world *w, uint32_t days)
{
    w->row_n = 0;
    assert_int_equal(
        retention_simulate(&w->policy, now, w->item, w->n, days, told, w), 0);
}

static const struct retention_simulate_row *last(const struct world *w)
{
    return &w->row[w->row_n - 1];
}

/* Between them kept and gone account for what was and what came. */
static size_t all_gone(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->row_n; i++)
        n += w->row[i].gone;
    return n;
}

static void test_retention_simulate__rows(void **state)
{
    static const struct {
        uint32_t days;
        uint32_t every;
    } want[] = {{1, 1},   {2, 1},    {24, 1},    {25, 2},     {48, 2},
                {100, 5}, {365, 16}, {1000, 42}, {3649, 153}, {3650, 153}};
    struct world *w = fresh();

    (void)state;
    put_each(w, "s", 3, DAY);
    keep(w, RETENTION_LAST, 3);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        uint32_t days = want[i].days;

        run(w, days);
        assert_in_range(w->row_n, 2, RETENTION_SIMULATE_ROWS + 1);
        for (size_t k = 0; k + 1 < w->row_n; k++)
            assert_int_equal(w->row[k].time.s,
                             now.s + (int64_t)k * want[i].every * DAY);
        assert_int_equal(last(w)->time.s, now.s + (int64_t)days * DAY);
    }
}

static void test_retention_simulate__a_daily_series(void **state)
{
    struct world *w = fresh();

    (void)state;
    put_each(w, "s", 10, DAY);
    keep(w, RETENTION_DAILY, 7);
    run(w, 20);
    /* at once all but seven; then each day one comes, and one goes */
    assert_int_equal(w->row[0].gone, 3);
    for (size_t i = 0; i < w->row_n; i++) {
        const struct retention_simulate_row *row = &w->row[i];

        assert_int_equal(row->kept, 7);
        assert_int_equal(row->by_unit[RETENTION_DAILY], 7);
        assert_int_equal(row->by_unit[RETENTION_WEEKLY], 0);
        assert_int_equal(row->oldest.s, row->time.s - HOUR - 6 * DAY);
        assert_int_equal(i ? row->gone : 1, 1);
        assert_false(row->refused);
    }
}

/* Room for more periods keeps the beginning; then it goes. */
static void test_retention_simulate__rules_fill_up(void **state)
{
    struct world *w = fresh();

    (void)state;
    put_each(w, "s", 1, DAY);
    keep(w, RETENTION_DAILY, 7);
    keep(w, RETENTION_MONTHLY, 12);
    run(w, 360);
    assert_int_equal(w->row[0].kept, 1);
    assert_int_equal(w->row[0].gone, 0);
    assert_int_equal(last(w)->by_unit[RETENTION_DAILY], 7);
    assert_int_equal(last(w)->by_unit[RETENTION_MONTHLY], 12);
    assert_int_equal(last(w)->kept, 18); /* the newest is kept twice */
    assert_int_equal(all_gone(w) + last(w)->kept, 1 + 360);
}

/* What is gone of a history has left its numbers. */
static void test_retention_simulate__a_history_that_was_thinned(void **state)
{
    struct world *w = fresh();

    (void)state;
    for (uint64_t i = 1; i <= 400; i++) {
        if (i % 30 == 1 || i > 397)
            put(w, "s", i, now.s - HOUR - (int64_t)(400 - i) * DAY);
    }
    w->policy.rule[RETENTION_LAST].reach = RETENTION_ALL;
    run(w, 10);
    assert_int_equal(w->row[10].kept, w->n + 10);
}

static void test_retention_simulate__the_rhythm_is_the_median(void **state)
{
    struct world *w = fresh();

    (void)state;
    /* of the last 30; a gap of a month among them is none of it */
    put_each(w, "s", 60, 10 * DAY);
    for (uint64_t i = 1; i <= 14; i++)
        put(w, "t", i, now.s - (int64_t)(70 - i) * DAY);
    for (uint64_t i = 15; i <= 31; i++)
        put(w, "t", i, now.s - HOUR - (int64_t)(31 - i) * 12 * HOUR);
    w->policy.rule[RETENTION_LAST].reach = RETENTION_ALL;
    run(w, 20);
    assert_int_equal(last(w)->kept, 91 + 2 + 40);
}

static void test_retention_simulate__a_series_that_has_ended(void **state)
{
    struct world *w = fresh();

    (void)state;
    for (uint64_t i = 1; i <= 5; i++) {
        put(w, "daily", i, now.s - (int64_t)(36 - i) * DAY);
        put(w, "monthly", i, now.s - (int64_t)(205 - 30 * i) * DAY);
    }
    w->policy.rule[RETENTION_LAST].reach = RETENTION_ALL;
    run(w, 60);
    assert_int_equal(last(w)->kept, 10 + 2);
    /* one month more, and nobody expects the other either */
    for (size_t i = 0; i < w->n; i++)
        w->item[i].time.s -= 40 * (int64_t)DAY;
    run(w, 60);
    assert_int_equal(last(w)->kept, 10);
}

static void test_retention_simulate__what_would_be_refused(void **state)
{
    struct world *w = fresh();

    (void)state;
    put(w, "gone", 1, now.s - 300 * (int64_t)DAY);
    put(w, "gone", 2, now.s - 299 * (int64_t)DAY);
    put_each(w, "s", 3, DAY);
    w->policy.has_max_age = true;
    w->policy.max_age.days = 310;
    run(w, 24);
    for (size_t i = 0; i < w->row_n; i++) {
        assert_int_equal(w->row[i].refused, i >= 12);
        /* at first it loses its older one; then nothing goes any more */
        assert_int_equal(w->row[i].gone, i == 11);
        assert_int_equal(w->row[i].kept, 5 + i - (i >= 11));
    }
}

static void test_retention_simulate__tags_that_all_have(void **state)
{
    struct bytes tag[] = {bytes_of_str("nightly"), bytes_of_str("once")};
    struct retention_tags nightly = {&tag[0], 1};
    struct world *w = fresh();

    (void)state;
    put_each(w, "s", 5, DAY);
    for (size_t i = 0; i < w->n; i++) {
        w->item[i].tag = tag;
        w->item[i].tag_n = 1 + (i == 4);
    }
    w->policy.tags = &nightly;
    w->policy.tags_n = 1;
    run(w, 10);
    assert_int_equal(last(w)->kept, 15);
    assert_int_equal(last(w)->tagged, 15);
    nightly.tag = &tag[1];
    run(w, 10);
    assert_int_equal(last(w)->kept, 1);
    assert_int_equal(last(w)->tagged, 1);
}

static void test_retention_simulate__what_does_not_count(void **state)
{
    struct world *w = fresh();

    (void)state;
    put_each(w, "s", 3, DAY);
    put(w, "s", 4, now.s + 5 * DAY + 1); /* its time comes */
    put(w, "s", 5, now.s - 10)->complete = false;
    put(w, "", 0, 0)->damaged = true;
    w->item[w->n - 1].complete = false;
    w->item[0].named = true;
    keep(w, RETENTION_LAST, 1);
    run(w, 10);
    assert_int_equal(w->row[0].kept, 3);
    assert_int_equal(w->row[0].named, 1);
    assert_int_equal(w->row[5].kept, 3);
    assert_int_equal(w->row[7].kept, 2); /* the named one, and the newest */
    /* nothing at all */
    w->n = 0;
    run(w, 10);
    assert_int_equal(last(w)->kept, 0);
}

/* The plain way, day by day, for one series that comes at a known rhythm. */
static void plain(struct world *w, int64_t every, uint32_t days, size_t kept[])
{
    static struct retention_item it[ITEMS];
    struct retention_result result;
    struct entry_time at = now;
    size_t n = w->n;
    uint64_t number = w->item[n - 1].number;
    int64_t next = w->item[n - 1].time.s + every;

    memcpy(it, w->item, n * sizeof *it);
    for (uint32_t day = 0; day <= days; day++, at.s += DAY) {
        size_t left = 0;

        for (; next <= at.s; next += every) {
            it[n] = w->item[0];
            it[n].number = ++number;
            it[n++].time.s = next;
        }
        assert_int_equal(retention_apply(&w->policy, at, it, n, &result), 0);
        for (size_t i = 0; i < n; i++) {
            if (it[i].keep)
                it[left++] = it[i];
        }
        n = left;
        kept[day] = n;
    }
}

static void test_retention_simulate__equals_the_plain_way(void **state)
{
    static const struct {
        uint32_t n[RETENTION_UNITS];
        uint32_t within_days;
        uint32_t max_age_days;
        uint32_t max_count;
        int64_t every;
    } row[] = {
        {.n = {3, 0, 0, 0, 0, 0, 0}, .every = 2 * HOUR},
        {.n = {0, 24, 7, 5, 12, 0, 3}, .every = HOUR},
        {.n = {2, 0, 3, 0, 2, 2, 0}, .every = 31 * HOUR},
        {.n = {0, 0, 7, 4, 0, 0, 0}, .within_days = 3, .every = 5 * HOUR},
        {.n = {0, 0, 30, 0, 9, 0, 0}, .max_age_days = 60, .every = DAY},
        {.n = {0, 0, 14, 8, 0, 0, 0}, .max_count = 10, .every = 6 * HOUR},
    };
    enum { DAYS = 400 };
    size_t kept[DAYS + 1];

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct world *w = fresh();

        put_each(w, "s", 40, row[i].every);
        for (size_t unit = 0; unit < RETENTION_UNITS; unit++) {
            if (row[i].n[unit])
                keep(w, (enum retention_unit)unit, row[i].n[unit]);
        }
        w->policy.has_within = row[i].within_days > 0;
        w->policy.within.days = row[i].within_days;
        w->policy.has_max_age = row[i].max_age_days > 0;
        w->policy.max_age.days = row[i].max_age_days;
        w->policy.has_max_count = row[i].max_count > 0;
        w->policy.max_count = row[i].max_count;
        plain(w, row[i].every, DAYS, kept);
        run(w, DAYS);
        for (size_t k = 0; k < w->row_n; k++) {
            int64_t day = (w->row[k].time.s - now.s) / DAY;

            if (w->row[k].kept != kept[day])
                fail_msg("row %zu: day %ld keeps %zu, not %zu", i, (long)day,
                         w->row[k].kept, kept[day]);
        }
    }
}

/* Ten years of an hourly series, of which a hundred stay, or all. */
static void test_retention_simulate__long_ones_do_not_take_long(void **state)
{
    struct world *w = fresh();
    clock_t begun = clock();

    (void)state;
    put_each(w, "s", 200, HOUR);
    keep(w, RETENTION_HOURLY, 48);
    keep(w, RETENTION_DAILY, 14);
    keep(w, RETENTION_WEEKLY, 8);
    keep(w, RETENTION_MONTHLY, 24);
    keep(w, RETENTION_YEARLY, 10);
    run(w, RETENTION_SIMULATE_DAYS_MAX);
    assert_in_range(last(w)->kept, 90, 104);
    assert_int_equal(all_gone(w) + last(w)->kept, 200 + 3650 * 24);
    print_message("a hundred: %.2f s\n",
                  (double)(clock() - begun) / CLOCKS_PER_SEC);
    begun = clock();
    w->policy.rule[RETENTION_LAST].reach = RETENTION_ALL;
    run(w, RETENTION_SIMULATE_DAYS_MAX);
    assert_int_equal(last(w)->kept, 200 + 3650 * 24);
    print_message("all: %.2f s\n", (double)(clock() - begun) / CLOCKS_PER_SEC);
}

static int enough(void *ctx, const struct retention_simulate_row *row)
{
    struct world *w = ctx;

    (void)row;
    return ++w->row_n == 3 ? E_CANCELED : 0;
}

static void test_retention_simulate__what_each_returns_ends_it(void **state)
{
    struct world *w = fresh();

    (void)state;
    put_each(w, "s", 3, DAY);
    keep(w, RETENTION_LAST, 1);
    assert_int_equal(
        retention_simulate(&w->policy, now, w->item, w->n, 10, enough, w),
        E_CANCELED);
    assert_int_equal(w->row_n, 3);
}

static void test_retention_simulate__each_allocation_fails(void **state)
{
    struct bytes tag = bytes_of_str("t");
    struct world *w = fresh();
    uint64_t n = 1;
    int rc;

    (void)state;
    put_each(w, "s", 3, DAY);
    put_each(w, "t", 3, DAY);
    w->item[2].tag = &tag;
    w->item[2].tag_n = 1;
    w->policy.rule[RETENTION_LAST].reach = RETENTION_ALL;
    do {
        mem_fail_after(n, 0);
        w->row_n = 0;
        rc = retention_simulate(&w->policy, now, w->item, w->n, 20, told, w);
        mem_fail_after(0, 0);
        assert_true(rc == 0 || rc == E_NOMEM);
    } while (rc < 0 && n++ < 1000);
    assert_true(n > 20);
    assert_int_equal(last(w)->kept, 46);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retention_simulate__rows),
        cmocka_unit_test(test_retention_simulate__a_daily_series),
        cmocka_unit_test(test_retention_simulate__rules_fill_up),
        cmocka_unit_test(test_retention_simulate__a_history_that_was_thinned),
        cmocka_unit_test(test_retention_simulate__the_rhythm_is_the_median),
        cmocka_unit_test(test_retention_simulate__a_series_that_has_ended),
        cmocka_unit_test(test_retention_simulate__what_would_be_refused),
        cmocka_unit_test(test_retention_simulate__tags_that_all_have),
        cmocka_unit_test(test_retention_simulate__what_does_not_count),
        cmocka_unit_test(test_retention_simulate__equals_the_plain_way),
        cmocka_unit_test(test_retention_simulate__long_ones_do_not_take_long),
        cmocka_unit_test(test_retention_simulate__what_each_returns_ends_it),
        cmocka_unit_test(test_retention_simulate__each_allocation_fails),
    };

    if (setenv("TZ", "Europe/Berlin", 1) != 0)
        return 1;
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
