/*
 * snap_previous: what a run follows in its series: the snapshot that gives it
 * its number, and those whose trees serve as parents, and how far on trust.
 * Confined to one thread.
 */
#ifndef REPO_JOB_SNAP_PREVIOUS_H
#define REPO_JOB_SNAP_PREVIOUS_H

#include "repo/job/parent.h"
#include "repo/keepsake.h"
#include "repo/repo.h"
#include "repo/snapshot_list.h"
#include "repo/tree_entry.h"

/* One whose tree is a parent. */
struct snap_parent {
    struct object_id id;
    bool checkpoint;
    bool must_check; /* the tree may not be taken over unasked (I6) */
    const struct manifest *manifest; /* in one of the next two */
    struct snapshot snapshot;
    struct keepsake keepsake;
    struct tree_entry root; /* borrows from the manifest */
};

/* Zeroed: the first of its series. */
struct snap_previous {
    struct snapshot_list list;
    const struct snapshot_item *item; /* the newest complete one, in the list;
                                         NULL: none */
    struct snap_parent parent[PARENT_MAX]; /* parent_n, the best one first */
    size_t parent_n;
    struct object_id trusted[PARENT_MAX]; /* ids of those that need not be
                                             checked */
    size_t trusted_n;
    /* where the key may not read trees, what the run can read and will keep;
     * NULL: it may */
    struct kept_frames *kept;
    bool foreign; /* others would be parents, were they not by a member that
                     ours may not rely on */
};

/*
 * snap_previous_find: those of a series; where the key may not read trees, what
 * this host has kept of its own.
 *   force  no parent, whatever there is
 *   p      zeroed; out; to be released in any case
 * A manifest that cannot be read is no parent, nor one whose signer our member
 * may not rely on (repo/trust.h). Returns 0; E_NOMEM; what the
 * index or the store returned.
 */
MUST_CHECK int snap_previous_find(struct repo *r, struct bytes series,
                                  bool force, struct snap_previous *p);
void snap_previous_release(struct snap_previous *p);

#endif
