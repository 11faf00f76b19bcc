/*
 * when: dates as people write them, and times as we print them. Local time is
 * that of the TZ environment variable or /etc/localtime. Any thread.
 */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdbool.h>

#include "base/entry.h"
#include "base/err.h"

/* Room for the longest text that the two writers below make, with its NUL. */
#define WHEN_TEXT_MAX 48

/*
 * when_parse: the last instant that a written date covers, so that "at or
 * before 2026-11-20" includes that whole day.
 *   text     2026-11-20, 2026-11-20T18:30, 2026-11-20T18:30:05 or with a
 *            fraction of up to 9 digits; a space may stand for the T. After a
 *            time, Z or +hh:mm says the zone; without, it is local time
 *   is_date  out: whether text has that shape; false is no error
 *   until    out: set when is_date and 0 is returned
 * A local time that occurs twice (clocks set back) means its second occurrence;
 * one that never occurs (clocks set forward) is read as if the clock had not
 * been changed yet. Returns 0; E_USAGE for a date that no calendar has.
 */
MUST_CHECK int when_parse(const char *text, bool *is_date,
                          struct entry_time *until);

/*
 * when_parse_start: the first instant that a written date covers.
 *   has_time  out: it says a time of day
 * Returns 0; E_USAGE: it has not that shape, or no calendar has it.
 */
MUST_CHECK int when_parse_start(const char *text, bool *has_time,
                                struct entry_time *start);

/* when_local: "2026-11-20 18:30:05" in local time, for people. Returns out. */
char *when_local(struct entry_time t, char out[WHEN_TEXT_MAX]);

/* when_utc: "2026-11-20T17:30:05.000000001Z", RFC 3339, always nine digits,
 * for programs; when_parse() reads it back. Returns out. */
char *when_utc(struct entry_time t, char out[WHEN_TEXT_MAX]);

/* when_week: "2026-W48", the ISO 8601 week of a second since 1970, in UTC.
 * Returns out. */
char *when_week(int64_t s, char out[WHEN_TEXT_MAX]);

#endif
