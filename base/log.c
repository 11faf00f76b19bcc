#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

static atomic_bool log_on; /* a hint; log_to under the lock decides */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static log_sink *log_to;
static void *log_ctx;

void log_set_sink(log_sink *sink, void *ctx)
{
    (void)pthread_mutex_lock(&log_lock);
    log_to = sink;
    log_ctx = ctx;
    atomic_store(&log_on, sink != NULL);
    (void)pthread_mutex_unlock(&log_lock);
}

/* Escapes message behind the n chars of line, as far as it fits. */
static void log_escape(char line[LOG_LINE_MAX], size_t n, const char *message)
{
    struct bytes left = bytes_of_str(message);
    struct text_unit u;

    while (left.n > 0) {
        text_next(left, &u);
        if (u.n >= LOG_LINE_MAX - n)
            break;
        memcpy(line + n, u.s, u.n);
        n += u.n;
        left = bytes_of(left.p + u.used, left.n - u.used);
    }
    line[n] = 0;
}

void log_debug(const char *fmt, ...)
{
    int saved = errno;
    char message[LOG_LINE_MAX];
    char line[LOG_LINE_MAX];
    int64_t now;
    va_list ap;
    int n;

    if (!atomic_load_explicit(&log_on, memory_order_relaxed))
        return;
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    now = clock_monotonic_ns();
    n = snprintf(line, sizeof line, "%lld.%06lld [%d] ",
                 (long long)(now / CLOCK_SECOND_NS),
                 (long long)(now % CLOCK_SECOND_NS / 1000), (int)gettid());
    log_escape(line, (size_t)n, message);
    (void)pthread_mutex_lock(&log_lock);
    if (log_to)
        log_to(log_ctx, line);
    (void)pthread_mutex_unlock(&log_lock);
    errno = saved;
}
