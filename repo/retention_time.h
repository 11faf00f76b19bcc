/*
 * retention_time: the calendar that retention goes by: that of local time, as
 * TZ or /etc/localtime say. Pure but for these; any thread.
 */
#ifndef REPO_RETENTION_TIME_H
#define REPO_RETENTION_TIME_H

#include <stdint.h>

#include "base/err.h"

enum retention_unit {
    RETENTION_LAST, /* each snapshot is a period of its own */
    RETENTION_HOURLY,
    RETENTION_DAILY,
    RETENTION_WEEKLY, /* from Monday */
    RETENTION_MONTHLY,
    RETENTION_QUARTERLY,
    RETENTION_YEARLY
};
enum { RETENTION_UNITS = 7 };

/* retention_unit_name: "last", "hourly", ... "yearly". */
const char *retention_unit_name(enum retention_unit unit);

/*
 * retention_period: the number of the period that s (seconds since 1970) is in:
 * equal for times in the same one, greater for later ones. Where clocks are set
 * back, both of the hours that bear the same name count. Not of RETENTION_LAST.
 */
int64_t retention_period(enum retention_unit unit, int64_t s);

/* A time back from another one: so many months, then days, by the calendar and
 * at the same time of day, then seconds. Zeroed: none. */
struct retention_span {
    uint32_t months;
    uint32_t days;
    uint32_t seconds;
};

/*
 * retention_span_parse: one or more of digits followed by y, mo, w, d, h, m or
 * s, in that order, each at most once: "30d", "1y6mo", "36h".
 * Returns 0; E_USAGE, quoting text, also for a span of nothing or of more than
 * 1,000 years (out unchanged).
 */
MUST_CHECK int retention_span_parse(const char *text,
                                    struct retention_span *out);

/* retention_before: the second that lies span before s. A day that a shorter
 * month has not is its last one. */
int64_t retention_before(int64_t s, const struct retention_span *span);

#endif
