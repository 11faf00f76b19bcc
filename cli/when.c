#include "cli/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WHEN_DAY_S = 86400, WHEN_NS = 1000000000 };

/* A date as written; what was left out is at its smallest. */
struct when_fields {
    int year, month, day; /* 1.. */
    int hour, minute, second;
    uint32_t ns;
    int64_t zone_s; /* east of Greenwich; valid with has_zone */
    int64_t span_s; /* how long the written date lasts; 0: one instant */
    bool has_zone;
    bool has_fraction;
};

/* Reads exactly n digits. */
static bool when_digits(const char **p, int n, int *value)
{
    int v = 0;

    for (int i = 0; i < n; i++) {
        if ((*p)[i] < '0' || (*p)[i] > '9')
            return false;
        v = v * 10 + ((*p)[i] - '0');
    }
    *p += n;
    *value = v;
    return true;
}

static bool when_letter(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

static bool when_fraction(const char **p, struct when_fields *f)
{
    uint32_t scale = WHEN_NS / 10;

    if (**p < '0' || **p > '9')
        return false;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        if (scale == 0)
            return false;
        f->ns += scale * (uint32_t)(**p - '0');
        scale /= 10;
    }
    f->has_fraction = true;
    return true;
}

static bool when_zone(const char **p, struct when_fields *f)
{
    int sign = **p == '-' ? -1 : 1;
    int hours, minutes;

    f->has_zone = true;
    if (when_letter(p, 'Z'))
        return true;
    (*p)++; /* the sign, which the caller saw */
    if (!when_digits(p, 2, &hours) || !when_letter(p, ':') ||
        !when_digits(p, 2, &minutes) || hours > 15 || minutes > 59)
        return false;
    f->zone_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool when_time(const char **p, struct when_fields *f)
{
    if (!when_digits(p, 2, &f->hour) || !when_letter(p, ':') ||
        !when_digits(p, 2, &f->minute))
        return false;
    f->span_s = 60;
    if (when_letter(p, ':')) {
        if (!when_digits(p, 2, &f->second))
            return false;
        f->span_s = 1;
        if (when_letter(p, '.') && !when_fraction(p, f))
            return false;
    }
    if (**p == 'Z' || **p == '+' || **p == '-')
        return when_zone(p, f);
    return true;
}

static bool when_fields_read(const char *text, struct when_fields *f)
{
    const char *p = text;

    memset(f, 0, sizeof *f);
    if (!when_digits(&p, 4, &f->year) || !when_letter(&p, '-') ||
        !when_digits(&p, 2, &f->month) || !when_letter(&p, '-') ||
        !when_digits(&p, 2, &f->day))
        return false;
    f->span_s = WHEN_DAY_S;
    if (*p == 'T' || *p == ' ') {
        p++;
        if (!when_time(&p, f))
            return false;
    }
    return *p == 0;
}

static struct tm when_tm(const struct when_fields *f)
{
    return (struct tm){.tm_year = f->year - 1900,
                       .tm_mon = f->month - 1,
                       .tm_mday = f->day,
                       .tm_hour = f->hour,
                       .tm_min = f->minute,
                       .tm_sec = f->second};
}

/* Whether the fields are those of a day and a time that exist: reading them
 * as UTC, which has no gaps, must give them back. */
static bool when_fields_exist(const struct when_fields *f)
{
    struct tm tm = when_tm(f);

    (void)timegm(&tm);
    return f->year >= 1 && tm.tm_mon == f->month - 1 && tm.tm_mday == f->day &&
           tm.tm_hour == f->hour && tm.tm_min == f->minute &&
           tm.tm_sec == f->second;
}

/* Seconds that local clocks are ahead of UTC at t. */
static int64_t when_offset(int64_t t)
{
    time_t at = (time_t)t;
    struct tm tm;

    return localtime_r(&at, &tm) ? tm.tm_gmtoff : 0;
}

/*
 * The instant at which local clocks show wall (seconds as if UTC). Clocks are
 * changed at most once within two days, so the offsets a day before and a day
 * after are the two candidates; each is right when it holds at its own instant.
 */
static int64_t when_from_local(int64_t wall, bool second_occurrence)
{
    int64_t before = wall - when_offset(wall - WHEN_DAY_S);
    int64_t after = wall - when_offset(wall + WHEN_DAY_S);
    bool before_holds = when_offset(before) == wall - before;
    bool after_holds = when_offset(after) == wall - after;

    if (before_holds && after_holds)
        return second_occurrence == (after > before) ? after : before;
    return after_holds ? after : before;
}

/* The last instant that f covers. */
static struct entry_time when_end(const struct when_fields *f)
{
    struct tm tm = when_tm(f);
    int64_t wall = timegm(&tm);
    struct entry_time end = {.ns = WHEN_NS - 1};

    if (f->span_s == WHEN_DAY_S) /* the first instant of the next day, less */
        end.s = when_from_local(wall + WHEN_DAY_S, false) - 1;
    else if (f->has_zone)
        end.s = wall - f->zone_s + f->span_s - 1;
    else
        end.s = when_from_local(wall, true) + f->span_s - 1;
    if (f->has_fraction)
        end.ns = f->ns;
    return end;
}

int when_parse(const char *text, bool *is_date, struct entry_time *until)
{
    struct when_fields f;

    *is_date = when_fields_read(text, &f);
    if (!*is_date)
        return 0;
    if (!when_fields_exist(&f))
        return err_set(E_USAGE, "'%s': there is no such date", text);
    *until = when_end(&f);
    return 0;
}

int when_parse_start(const char *text, bool *has_time, struct entry_time *start)
{
    struct when_fields f;

    *has_time = false;
    if (!when_fields_read(text, &f))
        return err_set(E_USAGE,
                       "'%s': not a date, such as 2026-11-20 or "
                       "2026-11-20T18:30",
                       text);
    if (!when_fields_exist(&f))
        return err_set(E_USAGE, "'%s': there is no such date", text);
    *start = when_end(&f);
    start->s -= f.span_s - 1;
    start->ns = f.has_fraction ? f.ns : 0;
    *has_time = f.span_s <= 60;
    return 0;
}

char *when_local(struct entry_time t, char out[WHEN_TEXT_MAX])
{
    time_t at = (time_t)t.s;
    struct tm tm;

    if (!localtime_r(&at, &tm))
        (void)snprintf(out, WHEN_TEXT_MAX, "@%lld", (long long)t.s);
    else
        (void)snprintf(out, WHEN_TEXT_MAX, "%04lld-%02d-%02d %02d:%02d:%02d",
                       tm.tm_year + 1900LL, tm.tm_mon + 1, tm.tm_mday,
                       tm.tm_hour, tm.tm_min, tm.tm_sec);
    return out;
}

char *when_utc(struct entry_time t, char out[WHEN_TEXT_MAX])
{
    time_t at = (time_t)t.s;
    struct tm tm;

    if (!gmtime_r(&at, &tm)) {
        (void)snprintf(out, WHEN_TEXT_MAX, "@%lld", (long long)t.s);
        return out;
    }
    (void)snprintf(out, WHEN_TEXT_MAX,
                   "%04lld-%02d-%02dT%02d:%02d:%02d.%09" PRIu32 "Z",
                   tm.tm_year + 1900LL, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                   tm.tm_min, tm.tm_sec, t.ns);
    return out;
}

char *when_week(int64_t s, char out[WHEN_TEXT_MAX])
{
    time_t at = (time_t)s;
    struct tm tm;

    if (!gmtime_r(&at, &tm) || strftime(out, WHEN_TEXT_MAX, "%G-W%V", &tm) == 0)
        (void)snprintf(out, WHEN_TEXT_MAX, "@%lld", (long long)s);
    return out;
}
