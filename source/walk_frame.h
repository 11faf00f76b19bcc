/*
 * walk_frame: the directories that a walk stands in, one below the other: the
 * descriptor of the one at hand, its names, what it says about them. Confined
 * to the walk.
 */
#ifndef SOURCE_WALK_FRAME_H
#define SOURCE_WALK_FRAME_H

#include "source/walk_impl.h"

/* walk_frame_top: the directory at hand; there must be one. */
static inline struct walk_frame *walk_frame_top(const struct walk *w)
{
    return &w->frame[w->depth - 1];
}

/* walk_frame_fd: its descriptor; -1 and errno, as dirfd_pin(). What has been
 * looked at ahead is not opened again without need. */
MUST_CHECK int walk_frame_fd(struct walk *w);

/*
 * walk_frame_push: enters a directory, whose path is set, and lists its names.
 *   dir    a reference, taken also on failure
 *   frame  what is known of it; its look is taken, also on failure
 * What kept it from being read is in w->problem_errno then, else 0. Returns 0
 * or E_NOMEM.
 */
MUST_CHECK int walk_frame_push(struct walk *w, struct dirfd *dir,
                               struct walk_frame frame);

/* walk_frame_pop: leaves it. */
void walk_frame_pop(struct walk *w);

#endif
