/*
 * snap_commit: the last step of a run: the manifest of what was built, and the
 * record that makes the snapshot exist (I2).
 */
#ifndef REPO_JOB_SNAP_COMMIT_H
#define REPO_JOB_SNAP_COMMIT_H

#include "repo/job/problems.h"
#include "repo/job/snap_previous.h"
#include "repo/job/snapshot_job.h"
#include "repo/writer.h"

struct snap_commit {
    const struct repo *r;
    const struct snapshot_job_options *opt;
    const struct snap_previous *previous;
    struct problems *problems;
    struct bytes root; /* the encoded entry of `/`; its tree is published */
    bool complete;     /* else a checkpoint */
};

/* snap_commit_now: what the clock shows. */
struct entry_time snap_commit_now(void);

/*
 * snap_commit: commit c, all of it lent; and keep what the next run needs,
 * where the key cannot read the tree back.
 *   result  in: begin, stats; out: end, id
 * Returns as writer_commit().
 */
MUST_CHECK int snap_commit(struct writer *w, const struct snap_commit *c,
                           struct snapshot_job_result *result);

#endif
