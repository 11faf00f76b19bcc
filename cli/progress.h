/*
 * progress: how far a long command is: one line on the terminal, five times a
 * second, or plain lines now and then; and the same line whenever SIGUSR1 asks
 * for it, terminal or not. Nobody's work waits for it: it samples.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/cli.h"
#include "cli/progress_rate.h"
#include "cli/signals.h"

#define PROGRESS_PATH_MAX 512

/* How far things are. Totals are what is known now, 0 when nothing is. */
struct progress_sample {
    const char *phase;        /* "snapshot", "check"; printed first */
    struct progress_counts n; /* bytes: of the whole, moved or not; moved:
                                 really read or written */
    size_t path_n;
    uint8_t path[PROGRESS_PATH_MAX]; /* what is being worked on; may be cut */
};

/* Fills in a zeroed sample; called from other threads. */
typedef void progress_sample_fn(void *arg, struct progress_sample *out);

struct progress;

enum progress_show {
    PROGRESS_NONE,
    PROGRESS_DRAW, /* on the terminal behind standard error */
    PROGRESS_PLAIN /* lines now and then, on standard error */
};

/* progress_wanted: what --progress and --quiet say, and whether there is a
 * terminal that can draw. */
enum progress_show progress_wanted(const struct opt_set *o);

/*
 * progress_start: sample from now on.
 *   signals  for SIGUSR1; may be NULL
 * Returns 0; E_NOMEM, E_IO.
 */
MUST_CHECK int progress_start(struct progress **out, progress_sample_fn *fn,
                              void *arg, enum progress_show show,
                              struct signals *signals);

/* progress_stop: takes the line away; no sample is taken after it returns.
 * NULL is fine. */
void progress_stop(struct progress *p);

/*
 * progress_line: the line for s, in at most columns columns, escaped; the path
 * cut in the middle.
 *   r  has noted s last
 * Appends to out.
 */
void progress_line(struct buf *out, const struct progress_sample *s,
                   const struct progress_rate *r, size_t columns);

#endif
