/*
 * snap_pipe: the three stages of a snapshot, wired to each other and to the
 * repository: snap_plan produces units from the walk and the parent, or
 * snap_stream from a stream, snap_store
 * works on them, snap_build makes the tree of them; base/pipe.h runs it all.
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
};

/*
 * snap_pipe_open: config is copied; nothing has been read or stored yet.
 * Returns 0; E_NOMEM; E_SOURCE, E_USAGE as walk_new(); what the repository
 * returned.
 */
MUST_CHECK int snap_pipe_open(const struct snap_pipe_config *config,
                              struct snap_pipe **out);
void snap_pipe_free(struct snap_pipe *p);

/* snap_pipe_run: the whole source, once. Returns 0: all that the tree reaches
 * is durable and published; or what failed, E_CANCELED, E_FENCED. */
MUST_CHECK int snap_pipe_run(struct snap_pipe *p);

/* snap_pipe_salvage: after a run that failed: publish what it has stored. */
MUST_CHECK int snap_pipe_salvage(struct snap_pipe *p);

/* snap_pipe_root: after a run: the encoded entry of `/`, lent. */
MUST_CHECK int snap_pipe_root(struct snap_pipe *p, struct bytes *root);

/* snap_pipe_stats: after a run: what it did, but for ids and times. */
void snap_pipe_stats(struct snap_pipe *p, struct snapshot_job_result *result);

#endif
