/*
 * snap_build: the consume stage of a snapshot: takes finished units in the
 * order of the walk and builds the tree. One caller at a time.
 */
#ifndef REPO_JOB_SNAP_BUILD_H
#define REPO_JOB_SNAP_BUILD_H

#include <stdatomic.h>

#include "repo/intake.h"
#include "repo/job/current.h"
#include "repo/job/problems.h"
#include "repo/job/snap_unit.h"

/* What a run has done so far. Written by the consume stage, read by anyone. */
struct snap_progress {
    atomic_uint_fast64_t expected_files; /* what the parent had; 0: unknown */
    atomic_uint_fast64_t expected_bytes;
    atomic_uint_fast64_t files;       /* ended, kept ones included */
    atomic_uint_fast64_t directories; /* left */
    atomic_uint_fast64_t others;
    atomic_uint_fast64_t bytes;      /* of the files' sizes */
    atomic_uint_fast64_t part_bytes; /* of the large file that is coming, which
                                        are not in bytes yet */
    atomic_uint_fast64_t kept_files; /* not opened */
    atomic_uint_fast64_t kept_bytes;
    atomic_uint_fast64_t resumed_files; /* of these, from a checkpoint */
    atomic_uint_fast64_t resumed_bytes;
    atomic_uint_fast64_t fresh;      /* entries ended that no parent had so */
    atomic_uint_fast64_t fresh_dirs; /* directories entered, the same, but for
                                        those above the roots */
    struct current current;          /* the entry that was taken last */
};

struct snap_build;

/*
 * snap_build_new: nothing built yet.
 *   meta      lane of kind PACK_META for the nodes; lent
 *   problems  lent
 *   progress  lent
 * Returns NULL when out of memory.
 */
struct snap_build *snap_build_new(const struct node_key *key,
                                  struct intake_lane *meta,
                                  struct problems *problems,
                                  struct snap_progress *progress);
void snap_build_free(struct snap_build *b);

/* snap_build_keep: tell kept, lent, which lists of files the tree holds. NULL:
 * nobody needs to know. */
void snap_build_keep(struct snap_build *b, struct kept_frames *kept);

/* snap_build_take: one unit; from one that was cut on nothing more is taken.
 * Returns 0 or what storing nodes returned. */
MUST_CHECK int snap_build_take(struct snap_build *b, struct snap_unit *u);

/* snap_build_is_cut: whether one was. */
bool snap_build_is_cut(const struct snap_build *b);

/* snap_build_root: after the last unit: the encoded entry of `/`, lent.
 * E_INTERNAL when the walk did not end where it began. */
MUST_CHECK int snap_build_root(struct snap_build *b, struct bytes *root);

/* snap_build_so_far: between two units: the same for what has ended by now,
 * with each directory that is open as far as it is; lent until the next call.
 * Returns 0 or what storing nodes returned. */
MUST_CHECK int snap_build_so_far(struct snap_build *b, struct bytes *root);

#endif
