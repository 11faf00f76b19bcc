#include "cli/message.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/fileop.h"
#include "base/text.h"

enum { MESSAGE_STATUS_MAX = 1024, MESSAGE_FOLLOW_CHARS = 256 };

static struct {
    pthread_mutex_t lock;
    int fd;
    const char *command;
    enum message_level level;
    bool watched;
    bool log;                        /* to the system's log, not to fd */
    char status[MESSAGE_STATUS_MAX]; /* what stands on the terminal; "" */
    char follow[MESSAGE_FOLLOW_MAX][MESSAGE_FOLLOW_CHARS];
    size_t follow_n;
    char all[MESSAGE_LINE_MAX + 2 * MESSAGE_STATUS_MAX]; /* one write */
} message_sink = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .fd = 2, .level = MESSAGE_NORMAL};

void message_setup(int fd, const char *command, enum message_level level,
                   bool watched)
{
    message_sink.fd = fd;
    message_sink.command = command;
    message_sink.level = level;
    message_sink.watched = watched;
}

void message_to_log(void)
{
    (void)pthread_mutex_lock(&message_sink.lock);
    openlog("dedup", LOG_PID, LOG_DAEMON);
    message_sink.log = true;
    (void)pthread_mutex_unlock(&message_sink.lock);
}

static void message_write(const char *p, size_t n)
{
    if (message_sink.log) {
        syslog(LOG_WARNING, "%.*s", (int)n, p);
        return;
    }
    if (fileop_write_full(message_sink.fd, p, n) < 0)
        return; /* nobody is left to tell */
}

/* One write for the old status, the line and the status again. Called with
 * the lock held; line ends with its newline. */
static void message_put(const char *line, size_t n)
{
    char *all = message_sink.all;
    int k;

    if (!message_sink.status[0]) {
        message_write(line, n);
        return;
    }
    k = snprintf(all, sizeof message_sink.all, "\r\033[K%.*s%s", (int)n, line,
                 message_sink.status);
    if (k > 0)
        message_write(all, strlen(all));
}

/* Escapes as much of text as fits, and ends the line. */
static size_t message_escape(char *line, size_t n, const char *text)
{
    struct bytes rest = bytes_of_str(text);

    while (rest.n) {
        struct text_unit unit;

        text_next(rest, &unit);
        if (n + unit.n + 1 > MESSAGE_LINE_MAX)
            break;
        memcpy(line + n, unit.s, unit.n);
        n += unit.n;
        rest = bytes_of(rest.p + unit.used, rest.n - unit.used);
    }
    line[n++] = '\n';
    return n;
}

/* kind is "" or ends with ": ". Called with the lock held. */
static void message_say(const char *kind, const char *text)
{
    char line[MESSAGE_LINE_MAX];
    int n = snprintf(line, sizeof line / 2, "dedup: %s%s%s",
                     message_sink.command ? message_sink.command : "",
                     message_sink.command ? ": " : "", kind);

    if (n < 0)
        return;
    message_put(line, message_escape(line, (size_t)n, text));
}

static void message_format(const char *kind, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void message_format(const char *kind, const char *fmt, va_list ap)
{
    char text[MESSAGE_LINE_MAX / 2];

    (void)vsnprintf(text, sizeof text, fmt, ap);
    message_say(kind, text);
}

void message_error(void)
{
    (void)pthread_mutex_lock(&message_sink.lock);
    message_say("", err_text());
    for (size_t i = 0; i < message_sink.follow_n; i++)
        message_say("", message_sink.follow[i]);
    message_sink.follow_n = 0;
    (void)pthread_mutex_unlock(&message_sink.lock);
}

void message_follow(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)pthread_mutex_lock(&message_sink.lock);
    if (message_sink.follow_n < MESSAGE_FOLLOW_MAX)
        (void)vsnprintf(message_sink.follow[message_sink.follow_n++],
                        MESSAGE_FOLLOW_CHARS, fmt, ap);
    (void)pthread_mutex_unlock(&message_sink.lock);
    va_end(ap);
}

void message_warn(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)pthread_mutex_lock(&message_sink.lock);
    message_format("warning: ", fmt, ap);
    (void)pthread_mutex_unlock(&message_sink.lock);
    va_end(ap);
}

void message_damage(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)pthread_mutex_lock(&message_sink.lock);
    message_format("damaged: ", fmt, ap);
    (void)pthread_mutex_unlock(&message_sink.lock);
    va_end(ap);
}

void message_note(const char *fmt, ...)
{
    va_list ap;

    if (message_sink.level == MESSAGE_QUIET ||
        (message_sink.level == MESSAGE_NORMAL && !message_sink.watched))
        return;
    va_start(ap, fmt);
    (void)pthread_mutex_lock(&message_sink.lock);
    message_format("", fmt, ap);
    (void)pthread_mutex_unlock(&message_sink.lock);
    va_end(ap);
}

void message_detail(const char *fmt, ...)
{
    va_list ap;

    if (message_sink.level != MESSAGE_VERBOSE)
        return;
    va_start(ap, fmt);
    (void)pthread_mutex_lock(&message_sink.lock);
    message_format("", fmt, ap);
    (void)pthread_mutex_unlock(&message_sink.lock);
    va_end(ap);
}

void message_problem(struct message_problems *p, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)pthread_mutex_lock(&message_sink.lock);
    if (p->n++ < MESSAGE_PROBLEMS_SHOWN)
        message_format("warning: ", fmt, ap);
    (void)pthread_mutex_unlock(&message_sink.lock);
    va_end(ap);
}

void message_problems_end(const struct message_problems *p, const char *what)
{
    if (p->n > MESSAGE_PROBLEMS_SHOWN)
        message_warn("%zu %s, of which the first %d are named above", p->n,
                     what, MESSAGE_PROBLEMS_SHOWN);
}

void message_status(const char *line)
{
    char all[MESSAGE_STATUS_MAX + 16];

    (void)pthread_mutex_lock(&message_sink.lock);
    if (message_sink.status[0] || line[0]) {
        (void)snprintf(message_sink.status, sizeof message_sink.status, "%s",
                       line);
        (void)snprintf(all, sizeof all, "\r\033[K%s", message_sink.status);
        message_write(all, strlen(all));
    }
    (void)pthread_mutex_unlock(&message_sink.lock);
}

void message_line(const char *line)
{
    char all[MESSAGE_STATUS_MAX];

    (void)snprintf(all, sizeof all, "%.*s\n", MESSAGE_STATUS_MAX - 2, line);
    (void)pthread_mutex_lock(&message_sink.lock);
    message_put(all, strlen(all));
    (void)pthread_mutex_unlock(&message_sink.lock);
}
