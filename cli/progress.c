#include "cli/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/message.h"
#include "cli/terminal.h"

enum {
    PROGRESS_LINE_MAX = 1000, /* bytes */
    PROGRESS_PATH_COLUMNS_MIN = 12,
    PROGRESS_REPORT_COLUMNS = 200,
    PROGRESS_PER_SECOND = 5
};

struct progress {
    progress_sample_fn *sample; /* immutable, as are the next four */
    void *arg;
    enum progress_show show;
    struct signals *signals;
    int64_t start_ns;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stop;                 /* locked, as is the next */
    struct progress_rate rate; /* two threads may sample */
};

/* ---- the line ---------------------------------------------------------- */

static void progress_add(struct buf *out, const char *text)
{
    buf_add_bytes(out, bytes_of_str(text));
}

/* "about 3-5 min left"; the range comes rounded up to whole units. */
static void progress_add_left(struct buf *out, double low_s, double high_s)
{
    static const struct {
        double s;
        const char *name;
    } unit[] = {{3600, "h"}, {60, "min"}, {1, "s"}};
    size_t u = 0;
    uint64_t low, high;
    char text[80];

    while (u < 2 && high_s < 2 * unit[u].s)
        u++;
    low = (uint64_t)(low_s / unit[u].s + 0.5);
    high = (uint64_t)(high_s / unit[u].s + 0.5);
    low = low ? low : 1;
    high = high < low ? low : high;
    if (low == high)
        (void)snprintf(text, sizeof text, "  about %" PRIu64 " %s left", high,
                       unit[u].name);
    else
        (void)snprintf(text, sizeof text,
                       "  about %" PRIu64 "-%" PRIu64 " %s left", low, high,
                       unit[u].name);
    progress_add(out, text);
}

static void progress_add_time_left(struct buf *out,
                                   const struct progress_rate *r)
{
    double low_s, high_s;

    if (progress_rate_left(r, &low_s, &high_s))
        progress_add_left(out, low_s, high_s);
}

/* Percent of bytes, or of files where bytes are unknown; never 100 before the
 * end. */
static void progress_add_percent(struct buf *out,
                                 const struct progress_sample *s)
{
    uint64_t done = s->n.bytes_total ? s->n.bytes_done : s->n.files_done;
    uint64_t total = s->n.bytes_total ? s->n.bytes_total : s->n.files_total;
    char text[16];

    if (total == 0)
        return;
    if (done >= total)
        done = total - 1;
    (void)snprintf(text, sizeof text, "  %d %%",
                   (int)(100.0 * (double)done / (double)total));
    progress_add(out, text);
}

static void progress_add_files(struct buf *out, const struct progress_sample *s)
{
    char text[64];

    (void)snprintf(text, sizeof text, "  %" PRIu64, s->n.files_done);
    progress_add(out, text);
    if (s->n.files_total > s->n.files_done) {
        (void)snprintf(text, sizeof text, "/%" PRIu64, s->n.files_total);
        progress_add(out, text);
    }
    progress_add(out, " files  ");
    text_size(out, s->n.bytes_done);
}

static void progress_add_rate(struct buf *out, const struct progress_rate *r)
{
    uint64_t rate = progress_rate_moved(r);

    if (rate == 0)
        return;
    progress_add(out, "  ");
    text_size(out, rate);
    progress_add(out, "/s");
}

void progress_line(struct buf *out, const struct progress_sample *s,
                   const struct progress_rate *r, size_t columns)
{
    size_t start = out->n, used;

    progress_add(out, s->phase);
    progress_add_percent(out, s);
    progress_add_files(out, s);
    progress_add_rate(out, r);
    progress_add_time_left(out, r);
    used = out->n - start; /* ASCII so far: bytes are columns */
    if (used > columns) {
        buf_truncate(out, start + columns);
        return;
    }
    if (s->path_n && used + 2 + PROGRESS_PATH_COLUMNS_MIN <= columns) {
        progress_add(out, "  ");
        text_escape_cut(out, bytes_of(s->path, s->path_n), columns - used - 2);
    }
}

/* ---- the thread -------------------------------------------------------- */

/* Samples, and gives the line to say. */
static void progress_say(struct progress *p, size_t columns,
                         void (*say)(const char *line))
{
    struct progress_sample s = {0};
    struct buf line;

    buf_init(&line, PROGRESS_LINE_MAX);
    (void)pthread_mutex_lock(&p->lock);
    p->sample(p->arg, &s);
    progress_rate_note(&p->rate, &s.n, clock_monotonic_ns() - p->start_ns);
    progress_line(&line, &s, &p->rate, columns);
    (void)pthread_mutex_unlock(&p->lock);
    buf_add(&line, "", 1);
    if (buf_status(&line) == 0) /* else memory is short: no line this time */
        say((const char *)line.p);
    buf_release(&line);
}

/* For SIGUSR1; in the signal thread. */
static void progress_report(void *arg)
{
    progress_say(arg, PROGRESS_REPORT_COLUMNS, message_line);
}

/* Waits until the next line is due; false when it is time to stop. */
static bool progress_wait(struct progress *p, int64_t until_ns)
{
    struct timespec ts = {.tv_sec = until_ns / CLOCK_SECOND_NS,
                          .tv_nsec = until_ns % CLOCK_SECOND_NS};
    bool go_on;
    int rc = 0;

    (void)pthread_mutex_lock(&p->lock);
    while (!p->stop && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&p->stopped, &p->lock, &ts);
    go_on = !p->stop;
    (void)pthread_mutex_unlock(&p->lock);
    return go_on;
}

static void *progress_thread(void *arg)
{
    struct progress *p = arg;
    int64_t due = p->start_ns;

    for (;;) {
        due += CLOCK_SECOND_NS / PROGRESS_PER_SECOND;
        if (!progress_wait(p, due))
            return NULL;
        progress_say(p, terminal_columns(2) - 1, message_status);
        if (due < clock_monotonic_ns()) /* slow terminal: no bursts */
            due = clock_monotonic_ns();
    }
}

static void *progress_plain_thread(void *arg)
{
    struct progress *p = arg;
    int64_t elapsed_ns = CLOCK_SECOND_NS;

    while (progress_wait(p, p->start_ns + elapsed_ns)) {
        progress_say(p, PROGRESS_REPORT_COLUMNS, message_line);
        elapsed_ns = progress_rate_plain_next(elapsed_ns);
    }
    return NULL;
}

static void progress_locks(struct progress *p)
{
    pthread_condattr_t attr;

    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&p->stopped, &attr);
    (void)pthread_condattr_destroy(&attr);
}

static void progress_free(struct progress *p)
{
    (void)pthread_cond_destroy(&p->stopped);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

static int progress_thread_start(struct progress *p)
{
    int errnum = pthread_create(
        &p->thread, NULL,
        p->show == PROGRESS_DRAW ? progress_thread : progress_plain_thread, p);

    return errnum ? err_set_errno(E_IO, errnum, "starting the progress line")
                  : 0;
}

enum progress_show progress_wanted(const struct opt_set *o)
{
    const char *how = opt_text(o, OPT_PROGRESS);

    if (opt_has(o, OPT_QUIET) || (how && strcmp(how, "none") == 0))
        return PROGRESS_NONE;
    if (how && strcmp(how, "plain") == 0)
        return PROGRESS_PLAIN;
    return terminal_can_redraw(2) ? PROGRESS_DRAW : PROGRESS_NONE;
}

int progress_start(struct progress **out, progress_sample_fn *fn, void *arg,
                   enum progress_show show, struct signals *signals)
{
    struct progress *p = mem_alloc(sizeof *p);
    int rc = 0;

    *out = NULL;
    if (!p)
        return err_set(E_NOMEM, "starting the progress line");
    p->sample = fn;
    p->arg = arg;
    p->show = show;
    p->signals = signals;
    p->start_ns = clock_monotonic_ns();
    progress_locks(p);
    if (show != PROGRESS_NONE)
        rc = progress_thread_start(p);
    if (rc < 0) {
        progress_free(p);
        return rc;
    }
    if (signals)
        signals_on_report(signals, progress_report, p);
    *out = p;
    return 0;
}

void progress_stop(struct progress *p)
{
    if (!p)
        return;
    if (p->signals)
        signals_on_report(p->signals, NULL, NULL);
    if (p->show != PROGRESS_NONE) {
        (void)pthread_mutex_lock(&p->lock);
        p->stop = true;
        (void)pthread_cond_signal(&p->stopped);
        (void)pthread_mutex_unlock(&p->lock);
        (void)pthread_join(p->thread, NULL);
        if (p->show == PROGRESS_DRAW)
            message_status("");
    }
    progress_free(p);
}
