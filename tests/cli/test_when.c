#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/when.h"

/* Rules are spelt out, so that no time zone files are needed. Berlin changes
 * on the last Sundays of March (02:00 -> 03:00) and October (03:00 -> 02:00);
 * the last zone changes at midnight, as some countries do: 00:00 -> 01:00 in
 * March, 00:00 -> 23:00 the day before in October. */
#define BERLIN   "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"
#define MIDNIGHT "XST-2XDT,M3.5.0/0,M10.5.0/0"
#define ALL_NS   999999999

static void zone(const char *tz)
{
    setenv("TZ", tz, 1);
    tzset();
}

static void test_when__reads_dates(void **state)
{
    static const struct {
        const char *tz, *text, *utc;
        uint32_t ns;
    } row[] = {
        /* a date means its last instant */
        {"UTC", "2026-11-20", "2026-11-20T23:59:59", ALL_NS},
        {"UTC", "2026-11-20T02:00", "2026-11-20T02:00:59", ALL_NS},
        {"UTC", "2026-11-20 02:00:03", "2026-11-20T02:00:03", ALL_NS},
        {"UTC", "2026-11-20T02:00:03.5", "2026-11-20T02:00:03", 500000000},
        {"UTC", "2026-11-20T02:00:03.000000001Z", "2026-11-20T02:00:03", 1},
        {"UTC", "2024-02-29", "2024-02-29T23:59:59", ALL_NS},
        {"UTC", "2025-12-31", "2025-12-31T23:59:59", ALL_NS},
        {"UTC", "1969-12-31", "1969-12-31T23:59:59", ALL_NS},
        /* a zone that was written beats the local one */
        {BERLIN, "2026-11-20T02:00Z", "2026-11-20T02:00:59", ALL_NS},
        {BERLIN, "2026-11-20T02:00+05:30", "2026-11-19T20:30:59", ALL_NS},
        {BERLIN, "2026-11-20T02:00:00-08:00", "2026-11-20T10:00:00", ALL_NS},
        /* winter, summer */
        {BERLIN, "2026-11-20", "2026-11-20T22:59:59", ALL_NS},
        {BERLIN, "2026-07-01", "2026-07-01T21:59:59", ALL_NS},
        {BERLIN, "2026-07-01T12:00", "2026-07-01T10:00:59", ALL_NS},
        {NEW_YORK, "2026-07-01", "2026-07-02T03:59:59", ALL_NS},
        {NEW_YORK, "2026-01-01T00:00", "2026-01-01T05:00:59", ALL_NS},
        /* the days on which clocks change, and the days around them */
        {BERLIN, "2026-03-28", "2026-03-28T22:59:59", ALL_NS},
        {BERLIN, "2026-03-29", "2026-03-29T21:59:59", ALL_NS},
        {BERLIN, "2026-10-25", "2026-10-25T22:59:59", ALL_NS},
        {BERLIN, "2026-03-29T01:59:59", "2026-03-29T00:59:59", ALL_NS},
        {BERLIN, "2026-03-29T03:00:00", "2026-03-29T01:00:00", ALL_NS},
        /* never shown: as if the clock still ran */
        {BERLIN, "2026-03-29T02:30:00", "2026-03-29T01:30:00", ALL_NS},
        /* shown twice: the second time */
        {BERLIN, "2026-10-25T02:30:00", "2026-10-25T01:30:00", ALL_NS},
        {BERLIN, "2026-10-25T01:59:59", "2026-10-24T23:59:59", ALL_NS},
        {BERLIN, "2026-10-25T03:00:00", "2026-10-25T02:00:00", ALL_NS},
        {NEW_YORK, "2026-11-01T01:30", "2026-11-01T06:30:59", ALL_NS},
        /* changes at midnight: the day ends when the next one begins */
        {MIDNIGHT, "2026-03-28", "2026-03-28T21:59:59", ALL_NS},
        {MIDNIGHT, "2026-10-24", "2026-10-24T21:59:59", ALL_NS},
        {MIDNIGHT, "2026-10-24T23:30", "2026-10-24T21:30:59", ALL_NS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct entry_time t;
        char utc[WHEN_TEXT_MAX];
        bool is_date;

        zone(row[i].tz);
        assert_int_equal(when_parse(row[i].text, &is_date, &t), 0);
        assert_true(is_date);
        when_utc(t, utc);
        if (strncmp(utc, row[i].utc, strlen(row[i].utc)) != 0)
            fail_msg("%s in %s: %s, not %s", row[i].text, row[i].tz, utc,
                     row[i].utc);
        assert_int_equal(t.ns, row[i].ns);
    }
}

static void test_when__tells_what_is_no_date(void **state)
{
    static const char *const text[] = {
        "",
        "latest",
        "2026",
        "2026-11",
        "20261120",
        "2026-11-2",
        "2026-11-20T",
        "2026-11-20T2",
        "2026-11-20T02",
        "2026-11-20T02:",
        "2026-11-20T02:00:",
        "2026-11-20T02:00:00.",
        "2026-11-20T02:00:00.0000000001",
        "2026-11-20x",
        "2026-11-20T02:00z",
        "2026-11-20T02:00+1",
        "2026-11-20T02:00+01",
        "2026-11-20T02:00+16:00",
        "2026-11-20T02:00+01:60",
        "2026-11-20T02:00Zx",
        "2026/11/20",
        "02026-11-20",
        "-2026-11-20",
        "2026-11-20Z",
    };
    struct entry_time t;
    bool is_date;

    (void)state;
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        assert_int_equal(when_parse(text[i], &is_date, &t), 0);
        if (is_date)
            fail_msg("'%s' passed for a date", text[i]);
    }
}

static void test_when__refuses_dates_that_do_not_exist(void **state)
{
    static const char *const text[] = {
        "2026-02-29",       "2026-04-31",       "2026-13-01",
        "2026-00-10",       "2026-01-00",       "0000-01-01",
        "2026-11-20T24:00", "2026-11-20T23:60", "2026-11-20T23:59:60",
        "1900-02-29",
    };
    struct entry_time t;
    bool is_date;

    (void)state;
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        assert_int_equal(when_parse(text[i], &is_date, &t), E_USAGE);
        assert_true(is_date);
    }
}

static void test_when__writes_times(void **state)
{
    char text[WHEN_TEXT_MAX];

    (void)state;
    zone(BERLIN);
    assert_string_equal(when_local((struct entry_time){1795199403, 5}, text),
                        "2026-11-20 19:30:03");
    assert_string_equal(when_utc((struct entry_time){1795199403, 5}, text),
                        "2026-11-20T18:30:03.000000005Z");
    assert_string_equal(when_utc((struct entry_time){-1, 0}, text),
                        "1969-12-31T23:59:59.000000000Z");
    assert_string_equal(when_utc((struct entry_time){INT64_MAX, 0}, text),
                        "@9223372036854775807");
    assert_string_equal(when_local((struct entry_time){INT64_MIN, 0}, text),
                        "@-9223372036854775808");
}

static void test_when__reads_back_what_it_writes(void **state)
{
    static const struct entry_time times[] = {
        {0, 0}, {1795199403, 999999999}, {951782400, 1}, {-86400, 7}};

    (void)state;
    zone(NEW_YORK);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[WHEN_TEXT_MAX];
        struct entry_time t;
        bool is_date;

        assert_int_equal(when_parse(when_utc(times[i], text), &is_date, &t), 0);
        assert_true(is_date);
        assert_int_equal(entry_time_cmp(t, times[i]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when__reads_dates),
        cmocka_unit_test(test_when__tells_what_is_no_date),
        cmocka_unit_test(test_when__refuses_dates_that_do_not_exist),
        cmocka_unit_test(test_when__writes_times),
        cmocka_unit_test(test_when__reads_back_what_it_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
