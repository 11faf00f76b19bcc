/*
 * snap_stream: the produce stage of a snapshot of a stream, in the place of
 * snap_plan: fills units with the directories that lead to the one file and
 * with its parts, read and cut here. There is no parent to compare it with.
 *
 * One caller at a time; different threads may take turns.
 */
#ifndef REPO_JOB_SNAP_STREAM_H
#define REPO_JOB_SNAP_STREAM_H

#include "repo/job/snap_unit.h"
#include "source/stream.h"

struct snap_stream;

struct snap_stream_config {
    struct bytes path;             /* absolute, canonical */
    struct stream_input input;     /* what its ctx names is lent */
    struct owner_cache *owners;    /* lent */
    const struct chunker *chunker; /* lent */
};

/* snap_stream_new: config is copied. Returns 0, E_NOMEM, or E_USAGE for a
 * path that no stream can have. */
MUST_CHECK int snap_stream_new(const struct snap_stream_config *config,
                               struct snap_stream **out);
void snap_stream_free(struct snap_stream *s);

/*
 * snap_stream_next: fill the next unit; one that brings nothing new is a sign
 * of life.
 *   end  out: set when there is nothing more; the unit is then empty
 * Returns 0; E_NOMEM; what the stream returned: the run has failed.
 */
MUST_CHECK int snap_stream_next(struct snap_stream *s, struct snap_unit *u,
                                bool *end);

#endif
