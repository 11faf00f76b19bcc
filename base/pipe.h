/*
 * pipe: an ordered pipeline on a few threads.
 *
 * Units of work pass through three callbacks:
 *   produce  fills the next unit; one call at a time, in sequence
 *   work     transforms a unit; any number of units at once
 *   consume  takes the result; one call at a time, in the sequence of produce
 * The thread that produced a unit works on it too, so that its bytes stay in
 * that core's cache; whoever finishes the oldest unit in flight consumes it.
 *
 * The result is that of the sequential run (produce 0, work 0, consume 0,
 * produce 1, ...), which is what happens with one thread: when unit k fails,
 * all units before k have been consumed and none from k on, and k's error is
 * the one reported. Later units may have been produced and worked on.
 */
#ifndef BASE_PIPE_H
#define BASE_PIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cancel.h"
#include "base/err.h"

/*
 * Callbacks return 0 or a raised E_*. They are called without any lock held,
 * from any of the threads. Calls of produce are ordered among themselves, and
 * so are those of consume: each sees what the one before wrote. A unit is in
 * one callback at a time.
 */
struct pipe_config {
    /* Fill unit, or set *end (false before the call) and leave unit alone. */
    int (*produce)(void *ctx, void *unit, bool *end);
    /* state: this thread's own; never in two calls at once */
    int (*work)(void *ctx, void *state, void *unit);
    int (*consume)(void *ctx, void *unit); /* NULL: nothing to do in order */
    /* What a thread has gathered in its state: called once in each thread that
     * has worked, after its last unit, unless something has failed by then;
     * other threads may still work and consume. Its failure is reported when
     * no unit failed; all units have been consumed then. NULL: nothing */
    int (*work_end)(void *ctx, void *state);

    /* Make a zeroed state ready, in its thread, before its first work; several
     * threads may be here at once. NULL: zeroed will do. */
    int (*state_init)(void *ctx, void *state);
    /* Release what a state holds, also one whose state_init failed. */
    void (*state_free)(void *ctx, void *state);
    /* Release what a unit holds; called once for each at the end, also for
     * those still as zeroed. Until then units are reused as consume left
     * them, so that their buffers are allocated once. */
    void (*unit_free)(void *ctx, void *unit);

    void *ctx;
    size_t unit_bytes;  /* of the caller's unit struct, > 0 */
    size_t state_bytes; /* of the caller's state struct; 0: state is NULL */
    unsigned threads;   /* 1..PIPE_THREADS_MAX, the caller's included */
    unsigned depth;     /* units in flight at most; >= threads is sensible */
    const struct cancel *cancel; /* asked before each callback; may be NULL */
};

enum { PIPE_THREADS_MAX = 256, PIPE_DEPTH_MAX = 65536 };

/*
 * pipe_run: run a pipeline to its end, in the calling thread and threads - 1
 * more (fewer when the system refuses to start them; their signals are
 * blocked). Units and states are aligned for any type. Memory: depth units
 * and threads states, plus about 1 KiB each.
 * Returns 0 when everything produced was consumed; the first error in
 * sequence; E_CANCELED soon after cancel was set (units produced may be
 * unconsumed); E_NOMEM. No callback runs any more when it returns.
 */
MUST_CHECK int pipe_run(const struct pipe_config *config);

/* pipe_threads: how many threads to take when `asked` were asked for: at most
 * PIPE_THREADS_MAX; 0 asked: one for each core of cores_count(). */
unsigned pipe_threads(unsigned asked);

#endif
