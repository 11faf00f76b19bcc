#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "repo/retention_time.h"

static void zone(const char *tz)
{
    assert_int_equal(setenv("TZ", tz, 1), 0);
    tzset();
}

/* Local time, the earlier one of two. */
static int64_t at(int year, int month, int day, int hour, int minute)
{
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_isdst = -1};
    int64_t t = mktime(&tm);
    time_t before = (time_t)(t - 3600);
    struct tm again;

    (void)localtime_r(&before, &again);
    return again.tm_hour == hour && again.tm_mday == day ? t - 3600 : t;
}

static int64_t back(int64_t t, const char *text)
{
    struct retention_span span;

    assert_int_equal(retention_span_parse(text, &span), 0);
    return retention_before(t, &span);
}

static void test_retention_time__periods(void **state)
{
    (void)state;
    zone("Europe/Berlin");
    /* a year's last second and the next one's first */
    for (unsigned unit = RETENTION_HOURLY; unit < RETENTION_UNITS; unit++) {
        int64_t last = at(2025, 12, 31, 23, 59) + 59;
        bool week = unit == RETENTION_WEEKLY; /* goes on over New Year */

        assert_int_equal(retention_period(unit, last + 1) -
                             retention_period(unit, last),
                         week ? 0 : 1);
        assert_int_equal(retention_period(unit, last),
                         retention_period(unit, last - 59));
    }
    /* 2026-11-29 was a Sunday */
    assert_int_equal(
        retention_period(RETENTION_WEEKLY, at(2026, 11, 29, 23, 59)),
        retention_period(RETENTION_WEEKLY, at(2026, 11, 23, 0, 0)));
    assert_int_equal(
        retention_period(RETENTION_WEEKLY, at(2026, 11, 30, 0, 0)),
        retention_period(RETENTION_WEEKLY, at(2026, 11, 29, 23, 59)) + 1);
    /* before 1970 */
    assert_int_equal(retention_period(RETENTION_DAILY, at(1969, 12, 31, 12, 0)),
                     -1);
    assert_int_equal(
        retention_period(RETENTION_WEEKLY, at(1969, 12, 28, 12, 0)), -1);
    /* quarters */
    assert_int_equal(
        retention_period(RETENTION_QUARTERLY, at(2026, 3, 31, 1, 1)),
        retention_period(RETENTION_QUARTERLY, at(2026, 1, 1, 1, 1)));
    assert_int_equal(
        retention_period(RETENTION_QUARTERLY, at(2026, 4, 1, 0, 0)),
        retention_period(RETENTION_QUARTERLY, at(2026, 3, 31, 1, 1)) + 1);
}

/* Each of the 25 hours of one day, and of the 23 of the other, is one. */
static void test_retention_time__clocks_change(void **state)
{
    (void)state;
    zone("Europe/Berlin");
    for (int i = 0; i < 2; i++) {
        int64_t begin = i ? at(2026, 3, 29, 0, 0) : at(2026, 10, 25, 0, 0);
        int64_t end = i ? at(2026, 3, 30, 0, 0) : at(2026, 10, 26, 0, 0);

        assert_int_equal(end - begin, (i ? 23 : 25) * 3600);
        for (int64_t t = begin; t < end; t += 3600) {
            assert_int_equal(retention_period(RETENTION_HOURLY, t + 3599),
                             retention_period(RETENTION_HOURLY, t));
            assert_int_equal(retention_period(RETENTION_HOURLY, t + 3600),
                             retention_period(RETENTION_HOURLY, t) + 1);
            assert_int_equal(retention_period(RETENTION_DAILY, t),
                             retention_period(RETENTION_DAILY, begin));
        }
    }
    /* hours that do not begin with those of UTC */
    zone("Asia/Kolkata");
    assert_int_equal(retention_period(RETENTION_HOURLY, at(2026, 5, 5, 10, 59)),
                     retention_period(RETENTION_HOURLY, at(2026, 5, 5, 10, 0)));
    assert_int_equal(
        retention_period(RETENTION_HOURLY, at(2026, 5, 5, 11, 0)),
        retention_period(RETENTION_HOURLY, at(2026, 5, 5, 10, 59)) + 1);
}

static void test_retention_time__back(void **state)
{
    (void)state;
    zone("Europe/Berlin");
    assert_int_equal(back(at(2026, 11, 28, 12, 0), "1d"),
                     at(2026, 11, 27, 12, 0));
    /* over the change of clocks: the same time of day */
    assert_int_equal(back(at(2026, 10, 26, 12, 0), "1w"),
                     at(2026, 10, 19, 12, 0));
    assert_int_equal(back(at(2026, 10, 26, 12, 0), "168h"),
                     at(2026, 10, 19, 13, 0));
    assert_int_equal(back(at(2026, 3, 31, 12, 0), "1mo"),
                     at(2026, 2, 28, 12, 0));
    assert_int_equal(back(at(2024, 2, 29, 12, 0), "1y"),
                     at(2023, 2, 28, 12, 0));
    assert_int_equal(back(at(2026, 1, 15, 12, 0), "1y2mo1w1d1h1m"),
                     at(2024, 11, 7, 10, 59));
    assert_int_equal(back(at(2026, 1, 1, 0, 0), "30s"),
                     at(2025, 12, 31, 23, 59) + 30);
    /* nothing overflows */
    assert_true(back(at(2026, 1, 1, 0, 0), "1000y") < at(1900, 1, 1, 0, 0));
    (void)back(INT64_MIN / 2, "1000y");
    (void)back(INT64_MAX, "1000y366000d2000000000s");
    for (unsigned unit = RETENTION_HOURLY; unit < RETENTION_UNITS; unit++) {
        (void)retention_period(unit, INT64_MAX - 86400);
        (void)retention_period(unit, INT64_MIN + 86400);
    }
}

static void test_retention_time__refused_spans(void **state)
{
    static const char *const bad[] = {
        "",    "0d",   "7",     "d",       "1d1w", "1d1d",         "-1d",
        "1 d", "1.5d", "1001y", "12001mo", "1D",   "99999999999s", "1mo1y",
        "1x",  "1m1h", "3M",    "+1d"};
    struct retention_span span = {1, 2, 3};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(retention_span_parse(bad[i], &span), E_USAGE);
        assert_int_equal(span.months * 100 + span.days * 10 + span.seconds,
                         123);
    }
    assert_int_equal(retention_span_parse("2y3mo4w5d6h7m8s", &span), 0);
    assert_int_equal(span.months, 27);
    assert_int_equal(span.days, 33);
    assert_int_equal(span.seconds, 6 * 3600 + 7 * 60 + 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retention_time__periods),
        cmocka_unit_test(test_retention_time__clocks_change),
        cmocka_unit_test(test_retention_time__back),
        cmocka_unit_test(test_retention_time__refused_spans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
