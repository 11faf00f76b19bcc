/*
 * mount_way: goes to a path in one snapshot, by the names in it; for mount*.c
 * alone. Whoever is to tell the kernel of what is there enters each directory
 * as if the kernel had come by by-id/..., so that it knows the same thing by
 * the same number, whatever way it came.
 */
#ifndef FUSE_MOUNT_WAY_H
#define FUSE_MOUNT_WAY_H

#include "fuse/mount_impl.h"

/* A directory in a snapshot. Zeroed but for enter. */
struct mount_way {
    bool enter;
    bool held;     /* enter: slot is */
    uint32_t slot; /* enter: of the directory */
    struct dir_slot dir;
};

/*
 * mount_way_to: to the directory of a path, "a/b/c", in a snapshot.
 *   no  number of the snapshot; forgotten ones can be gone through, but not
 *       entered
 * Returns 0; E_NOTFOUND: it is not there, or is no directory; E_CORRUPT; what
 * the source returned. mount_way_end() follows in any case.
 */
MUST_CHECK int mount_way_to(struct mount *m, struct lane *lane, uint32_t no,
                            struct bytes path, struct mount_way *w);

/* mount_way_find: the entry of a name there, into lane->te, which borrows from
 * *leaf: give that back. at: its place. E_NOTFOUND: there is none. */
MUST_CHECK int mount_way_find(struct mount *m, struct lane *lane,
                              const struct mount_way *w, struct bytes name,
                              struct node_leaf *leaf, uint32_t *at);

/* mount_way_end: the directory is held no more. */
void mount_way_end(struct mount *m, const struct mount_way *w);

#endif
