/*
 * snap_pipe: the three stages of a snapshot, wired to each other and to the
 * repository: snap_plan produces units from the walk and the parent, or
 * snap_stream from a stream, snap_store
 * works on them, snap_build makes the tree of them; base/pipe.h runs it all.
 *
 * It runs in stretches: where a checkpoint is due, or it is asked to stop, no
 * more is produced, what is in flight is finished, and all threads come to
 * rest; the next run goes on where the last one stopped. A large file stays
 * open over that, half read.
 */
#ifndef REPO_JOB_SNAP_PIPE_H
#define REPO_JOB_SNAP_PIPE_H

#include "repo/job/snap_build.h"
#include "repo/job/snap_previous.h"
#include "repo/job/snapshot_job.h"
#include "repo/writer.h"

struct snap_pipe;

/* Everything is lent until snap_pipe_free(). */
struct snap_pipe_config {
    struct repo *r;
    struct writer *writer;
    const struct snapshot_job_options *opt; /* no value left to a default */
    const struct snap_previous *previous;
    struct problems *problems;
    struct snap_progress *progress;
    int64_t begun_ns; /* monotonic: when the run began */
};

/*
 * snap_pipe_open: config is copied; nothing has been read or stored yet.
 * Returns 0; E_NOMEM; E_SOURCE, E_USAGE as walk_new(); what the repository
 * returned.
 */
MUST_CHECK int snap_pipe_open(const struct snap_pipe_config *config,
                              struct snap_pipe **out);
void snap_pipe_free(struct snap_pipe *p);

/*
 * snap_pipe_run: run on.
 *   done  out: whether the source has ended; else a checkpoint is due, or it
 *         was asked to stop: nothing may run on then
 * Returns 0 or what failed; E_FENCED; E_CANCELED: asked to stop, without
 * checkpoints.
 */
MUST_CHECK int snap_pipe_run(struct snap_pipe *p, bool *done);

/* snap_pipe_salvage: after a run that failed: publish what it has stored. */
MUST_CHECK int snap_pipe_salvage(struct snap_pipe *p);

/* snap_pipe_has_news: between two runs: whether anything has ended that
 * neither a parent nor the last checkpoint holds as it is. */
bool snap_pipe_has_news(const struct snap_pipe *p);

/* snap_pipe_root: between two runs, or after the last: the encoded entry of `/`
 * of all that has ended, lent. Returns 0: all that it reaches is durable and
 * published; else as snap_pipe_run(). */
MUST_CHECK int snap_pipe_root(struct snap_pipe *p, struct bytes *root);

/* snap_pipe_kept: what snap_pipe_root() gave is committed: the time to the next
 * checkpoint begins. */
void snap_pipe_kept(struct snap_pipe *p);

/* snap_pipe_stats: after a run: what it did, but for ids and times. */
void snap_pipe_stats(struct snap_pipe *p, struct snapshot_job_result *result);

#endif
