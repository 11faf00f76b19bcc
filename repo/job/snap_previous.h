/*
 * snap_previous: the snapshot that a run follows in its series, and whether,
 * and how far on trust, its tree serves as parent. Confined to one thread.
 */
#ifndef REPO_JOB_SNAP_PREVIOUS_H
#define REPO_JOB_SNAP_PREVIOUS_H

#include "repo/keepsake.h"
#include "repo/repo.h"
#include "repo/snapshot_list.h"
#include "repo/tree_entry.h"

/* Zeroed: the first of its series. */
struct snap_previous {
    struct snapshot_list list;
    const struct snapshot_item *item; /* in the list, also a checkpoint; NULL:
                                         none */
    bool is_parent;          /* what follows is valid: there is a parent tree */
    bool must_check;         /* the tree may not be taken over unasked (I6) */
    struct object_id parent; /* the item, or the keepsake's: the snapshot that
                                this host wrote last */
    const struct manifest *manifest; /* the parent's; below */
    struct tree_entry root;          /* borrows from the manifest */
    struct snapshot snapshot;
    struct keepsake keepsake;
    /* where the key may not read trees, what the run can read and will keep;
     * NULL: it may */
    struct kept_frames *kept;
};

/*
 * snap_previous_find: the newest of a series; with a key that may not read it,
 * what this host has kept serves as parent.
 *   force  no parent, whatever there is
 *   p      zeroed; out; to be released in any case
 * A manifest that cannot be read is no parent. Returns 0; E_NOMEM; what the
 * index or the store returned.
 */
MUST_CHECK int snap_previous_find(struct repo *r, struct bytes series,
                                  bool force, struct snap_previous *p);
void snap_previous_release(struct snap_previous *p);

#endif
