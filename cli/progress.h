/*
 * progress: one line on the terminal, five times a second, about how far a
 * long command is; and the same line whenever SIGUSR1 asks for it, terminal or
 * not. Nobody's work waits for it: it samples.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/signals.h"

#define PROGRESS_PATH_MAX 512

/* How far things are. Totals are what is known now, 0 when nothing is. */
struct progress_sample {
    const char *phase; /* "snapshot", "check"; printed first */
    uint64_t files_done, files_total;
    uint64_t bytes_done, bytes_total; /* of the whole, moved or not */
    uint64_t bytes_moved;             /* really read or written: the rate */
    size_t path_n;
    uint8_t path[PROGRESS_PATH_MAX]; /* what is being worked on; may be cut */
};

/* Fills in a zeroed sample; called from other threads. */
typedef void progress_sample_fn(void *arg, struct progress_sample *out);

struct progress;

/*
 * progress_start: sample from now on.
 *   show     draw the line on the terminal behind standard error
 *   signals  for SIGUSR1; may be NULL
 * Returns 0; E_NOMEM, E_IO.
 */
MUST_CHECK int progress_start(struct progress **out, progress_sample_fn *fn,
                              void *arg, bool show, struct signals *signals);

/* progress_stop: takes the line away; no sample is taken after it returns.
 * NULL is fine. */
void progress_stop(struct progress *p);

/*
 * progress_line: the line for s, in at most columns columns, escaped.
 *   elapsed_ns  since the work began
 * Time left is a range: files and bytes are two rates, and where much of what
 * is left is unchanged or large they disagree. It is shown after two seconds
 * and one percent. Appends to out.
 */
void progress_line(struct buf *out, const struct progress_sample *s,
                   int64_t elapsed_ns, size_t columns);

#endif
