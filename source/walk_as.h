/*
 * walk_as: a directory that a walk yields under another path than the one at
 * which it stands: the steps from "/" down to it. Confined to the walk.
 *
 * Above it, a directory that is really at that path carries its own metadata,
 * as above any root, so that a restore to where it belongs changes nothing
 * around it; one that is not, that a link leads to, or that cannot be looked at
 * is root's, 0755, with the times of what it would be in.
 */
#ifndef SOURCE_WALK_AS_H
#define SOURCE_WALK_AS_H

#include <stdbool.h>

#include "source/dirfd.h"

/* One step: to the directory that is to be yielded as name in parent. */
struct walk_as_step {
    struct dirfd *parent; /* pinned */
    int parent_fd;
    const char *name;
    const char *from; /* where the root itself stands; NULL: one above it */
    bool bare;        /* in: of parent; out: nothing stands there */
    bool path;        /* out: it could be opened as a path only, and errnum
                         tells why */
    int errnum;       /* out: why there is none; else, or but for path, 0 */
};

/*
 * walk_as_open: take the step.
 *   st   out: what is to be told of the directory
 *   dir  out: one reference; NULL: the root cannot be had, see errnum
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int walk_as_open(struct walk_as_step *s, struct statx *st,
                            struct dirfd **dir);

#endif
