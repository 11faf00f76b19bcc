/*
 * walk_ahead: looks at directories that a walk is about to enter, taken by a
 * second thread while the walk is busy with what comes before them. What the
 * thread has not begun when it is wanted, whoever wants it does; so the thread
 * is a help, and never one to wait for without need.
 *
 * All functions are called by the walk, one at a time.
 */
#ifndef SOURCE_WALK_AHEAD_H
#define SOURCE_WALK_AHEAD_H

#include "source/walk_look.h"

enum {
    WALK_AHEAD_LOW = 16,            /* looks that wait for the thread */
    WALK_AHEAD_MAX = 4096,          /* looks that wait for the walk */
    WALK_AHEAD_SPARE = 192,         /* that keep their memory for the next */
    WALK_AHEAD_HELD_MAX = 24 << 20, /* bytes that they hold, about */
};

struct walk_ahead;

/*
 * walk_ahead_new: starts the thread; where none can be had the walk does all.
 *   marker  as walk_look_run(); lent until walk_ahead_free
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int walk_ahead_new(const struct walk_marker *marker, size_t marker_n,
                              struct walk_ahead **out);

/* walk_ahead_free: every look must have been dropped. NULL is fine. */
void walk_ahead_free(struct walk_ahead *a);

/* walk_ahead_has_room: whether one more look has a place; walk_ahead_wants: and
 * the thread is soon out of work. */
bool walk_ahead_has_room(const struct walk_ahead *a);
bool walk_ahead_wants(const struct walk_ahead *a);

/*
 * walk_ahead_put: a look at the directory name in parent, to be had soon;
 * walk_ahead_now: and at once.
 *   dev  as walk_look_begin()
 *   out  out: to be taken, or dropped
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int walk_ahead_put(struct walk_ahead *a, struct dirfd *parent,
                              struct bytes name, uint64_t dev,
                              struct walk_look **out);
MUST_CHECK int walk_ahead_now(struct walk_ahead *a, struct dirfd *parent,
                              struct bytes name, uint64_t dev,
                              struct walk_look **out);

/* walk_ahead_done_n: looks that have been done so far. */
size_t walk_ahead_done_n(const struct walk_ahead *a);

/* walk_ahead_is_done: whether what it has found may be read. */
bool walk_ahead_is_done(const struct walk_look *l);

/* walk_ahead_take: it is wanted: returns when it has been done. What it found
 * may be as old as walk_ahead_put(). */
void walk_ahead_take(struct walk_ahead *a, struct walk_look *l);

/* walk_ahead_drop: it is not needed any more, taken or not. NULL is fine. */
void walk_ahead_drop(struct walk_ahead *a, struct walk_look *l);

#endif
