/*
 * progress_rate: how fast a command is, and how long it will take. Looking at
 * what is unchanged and moving what has changed are two works with two rates,
 * which are told apart by time: what passes without a byte moved is of the
 * first. Recent time counts more. Pure: time comes from the caller.
 */
#ifndef CLI_PROGRESS_RATE_H
#define CLI_PROGRESS_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* What a sample says, as progress.h has it. */
struct progress_counts {
    uint64_t files_done, files_total;
    uint64_t bytes_done, bytes_total;
    uint64_t bytes_moved;
};

/* Zeroed: at the beginning. Seconds, and what was done in them, fading. */
struct progress_rate {
    struct progress_counts last;
    int64_t last_ns;
    double look_s, looked_files; /* no byte moved */
    double move_s, moved_bytes;
    double seen_bytes; /* in both */
};

/* progress_rate_note: take a sample.
 *   elapsed_ns  since the work began; not less than the last time */
void progress_rate_note(struct progress_rate *r,
                        const struct progress_counts *now, int64_t elapsed_ns);

/* progress_rate_moved: bytes moved per second, of all recent time; 0: none, or
 * too early to say. */
uint64_t progress_rate_moved(const struct progress_rate *r);

/*
 * progress_rate_left: how long the rest takes, as a range: the lower and the
 * higher of what follows when as much of it is changed as was recently, and as
 * was all the time.
 * Returns false when nothing is meant by it yet: before two seconds and one
 * percent, or when no total is known.
 */
bool progress_rate_left(const struct progress_rate *r, double *low_s,
                        double *high_s);

/* progress_rate_plain_next: when the line after one at elapsed_ns is due,
 * where lines stay: often at first, then once a minute. */
int64_t progress_rate_plain_next(int64_t elapsed_ns);

#endif
