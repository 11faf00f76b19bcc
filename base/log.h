/*
 * log: messages for whoever looks for a fault. Off until a sink is set; what
 * the user must know goes through errors and events instead. Never secrets,
 * never file content. Any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#define LOG_LINE_MAX 1024

/* A sink gets one line, with neither newline nor control characters, lent for
 * the call. Calls do not overlap. It must not log. */
typedef void log_sink(void *ctx, const char *line);

/* log_set_sink: send messages to sink from now on, with ctx; NULL: off. When
 * it returns no call of the former sink is under way. */
void log_set_sink(log_sink *sink, void *ctx);

/*
 * log_debug: one message: printf format, no newline at the end. The line is
 * "SECONDS [THREAD] MESSAGE", escaped as base/text.h says and cut to
 * LOG_LINE_MAX - 1 bytes. Leaves errno and this thread's error record alone
 * and allocates nothing; without a sink it costs one load.
 */
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
