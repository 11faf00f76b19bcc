/*
 * limit: how fast this process reads and writes at most, all its threads
 * together. Two token buckets over the monotonic clock, one for each side.
 *
 * What has been read or written is charged where it happens, also below locks,
 * and never waits there. The wait comes before the next transfer, in places
 * that hold no lock: until what was charged so far would have taken its time.
 * So a burst is what all threads charge between two waits: a piece each, and
 * LIMIT_BURST_NS's worth that idle time has saved up.
 *
 * Without a limit each call costs one load. Any thread; no lock is taken.
 */
#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"

enum limit_side {
    LIMIT_READ, /* from the source, and from the repository */
    LIMIT_WRITE /* to the repository, and to what is restored */
};

#define LIMIT_RATE_MIN  UINT64_C(16384)     /* bytes a second */
#define LIMIT_RATE_MAX  (UINT64_C(1) << 33) /* more is no limit */
#define LIMIT_BURST_NS  INT64_C(100000000)  /* what idle time saves up */
#define LIMIT_LOOK_NS   INT64_C(20000000)   /* a wait sees a stop this late */
#define LIMIT_PIECE_MIN (UINT64_C(1) << 16) /* limit_piece(): no less */

/*
 * limit_set: from now on at most so many bytes a second; what was charged
 * before is forgotten. While no other thread uses limits.
 *   read, write  0: no limit; else at least LIMIT_RATE_MIN
 *   cancel       ends all waits while it asks to stop; NULL: nothing does.
 *                Lent until the next limit_set()
 */
void limit_set(uint64_t read, uint64_t write, const struct cancel *cancel);

/* limit_charge: n bytes went that way. */
void limit_charge(enum limit_side side, uint64_t n);

/* limit_wait: until more may go that way; at once without a limit, or while
 * the run is asked to stop. The caller holds no lock. */
void limit_wait(enum limit_side side);

/* limit_piece: how much of n bytes to transfer before the next wait: n without
 * a limit, else an eighth of a second's, not below LIMIT_PIECE_MIN. */
size_t limit_piece(enum limit_side side, size_t n);

#endif
