#include "repo/retention_time.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

enum {
    TIME_HOUR = 3600,
    TIME_DAY = 86400,
    TIME_MONTHS_MAX = 12000, /* of a span; as many years in days, seconds */
    TIME_DAYS_MAX = 366000,
    TIME_SECONDS_MAX = 2000000000
};

const char *retention_unit_name(enum retention_unit unit)
{
    static const char *const name[RETENTION_UNITS] = {
        "last", "hourly", "daily", "weekly", "monthly", "quarterly", "yearly"};

    return name[unit];
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970 of a date; of days that a month has not, those that follow
 * it. By H. Hinnant's days_from_civil: years that begin in March. */
static int64_t day_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = year + floor_div(month - 3, 12);
    int64_t m = month - 3 - 12 * floor_div(month - 3, 12);
    int64_t era = floor_div(y, 400);
    int64_t of_era = y - era * 400;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
           (153 * m + 2) / 5 + day - 1 - 719468;
}

/* A time that no calendar here goes to is the nearest that one does. */
static int64_t sane(int64_t s)
{
    const int64_t end = INT64_C(253402300799); /* of the year 9999 */

    return s > end ? end : s < -end ? -end : s;
}

static struct tm local(int64_t s)
{
    time_t t = (time_t)s;
    struct tm tm = {0};

    (void)localtime_r(&t, &tm);
    return tm;
}

/* The earliest second of that local time; mktime() alone takes, of two, the one
 * that earlier calls made it think of. */
static int64_t second_of(const struct tm *tm)
{
    struct tm copy = *tm;
    bool any = false;
    int64_t first = 0;

    for (int dst = 0; dst < 2; dst++) {
        int64_t t;

        copy = *tm;
        copy.tm_isdst = dst;
        t = mktime(&copy);
        if (copy.tm_isdst == dst && (!any || t < first)) {
            first = t;
            any = true;
        }
    }
    copy = *tm;
    copy.tm_isdst = -1;
    return any ? first : mktime(&copy);
}

int64_t retention_period(enum retention_unit unit, int64_t s)
{
    struct tm tm = local(s = sane(s));
    int64_t year = (int64_t)tm.tm_year + 1900;
    int64_t day = day_of(year, tm.tm_mon + 1, tm.tm_mday);

    switch (unit) {
    case RETENTION_HOURLY:
        /* not by its name, which another hour may bear */
        return floor_div(s + tm.tm_gmtoff % TIME_HOUR, TIME_HOUR);
    case RETENTION_DAILY:
        return day;
    case RETENTION_WEEKLY:
        return floor_div(day + 3, 7); /* 1970 began on a Thursday */
    case RETENTION_MONTHLY:
        return year * 12 + tm.tm_mon;
    case RETENTION_QUARTERLY:
        return year * 4 + tm.tm_mon / 3;
    case RETENTION_YEARLY:
        return year;
    case RETENTION_LAST:
        break;
    }
    return s;
}

/* ---- spans ------------------------------------------------------------- */

/* One letter's worth, added to one field. */
struct span_unit {
    const char *name;
    uint32_t times;
    size_t field; /* 0: months, 1: days, 2: seconds */
};

static const struct span_unit span_unit[] = {
    {"y", 12, 0},   {"mo", 1, 0}, {"w", 7, 1}, {"d", 1, 1},
    {"h", 3600, 2}, {"m", 60, 2}, {"s", 1, 2}};

enum { SPAN_UNITS = sizeof span_unit / sizeof *span_unit };

/* The digits at *p; false: none, or more than anybody means. */
static bool span_number(const char **p, uint64_t *n)
{
    const char *begin = *p;

    *n = 0;
    while (**p >= '0' && **p <= '9' && *n <= TIME_SECONDS_MAX)
        *n = *n * 10 + (uint64_t)(*(*p)++ - '0');
    return *p > begin && *n <= TIME_SECONDS_MAX;
}

/* The unit at *p, none before *at in the order; *at: behind it. */
static const struct span_unit *span_letters(const char **p, size_t *at)
{
    for (size_t i = *at; i < SPAN_UNITS; i++) {
        const char *name = span_unit[i].name;
        size_t n = name[1] ? 2 : 1;

        if ((*p)[0] != name[0] || (n == 2 && (*p)[1] != name[1]))
            continue;
        if (n == 1 && name[0] == 'm' && (*p)[1] == 'o')
            continue;
        *p += n;
        *at = i + 1;
        return &span_unit[i];
    }
    return NULL;
}

static bool span_read(const char *p, uint64_t sum[3])
{
    size_t at = 0;

    if (*p == 0)
        return false;
    while (*p) {
        const struct span_unit *u;
        uint64_t n;

        if (!span_number(&p, &n))
            return false;
        u = span_letters(&p, &at);
        if (!u)
            return false;
        sum[u->field] += n * u->times;
    }
    return sum[0] <= TIME_MONTHS_MAX && sum[1] <= TIME_DAYS_MAX &&
           sum[2] <= TIME_SECONDS_MAX && sum[0] + sum[1] + sum[2] > 0;
}

int retention_span_parse(const char *text, struct retention_span *out)
{
    uint64_t sum[3] = {0};

    if (!span_read(text, sum))
        return err_set(E_USAGE,
                       "'%.100s' is no time back: digits followed by y, mo, w, "
                       "d, h, m or s, in that order, like 30d or 1y6mo",
                       text);
    *out = (struct retention_span){(uint32_t)sum[0], (uint32_t)sum[1],
                                   (uint32_t)sum[2]};
    return 0;
}

static int days_in(int64_t year, int64_t month)
{
    return (int)(day_of(year, month + 1, 1) - day_of(year, month, 1));
}

int64_t retention_before(int64_t s, const struct retention_span *span)
{
    struct tm tm = local(s = sane(s));
    int64_t month = ((int64_t)tm.tm_year + 1900) * 12 + tm.tm_mon;
    int64_t year;
    int day;

    if (span->months == 0 && span->days == 0)
        return s - span->seconds;
    month -= span->months;
    year = floor_div(month, 12);
    day = days_in(year, month - year * 12 + 1);
    tm.tm_year = (int)(year - 1900);
    tm.tm_mon = (int)(month - year * 12);
    tm.tm_mday = (tm.tm_mday < day ? tm.tm_mday : day) - (int)span->days;
    return second_of(&tm) - span->seconds;
}
