/*
 * snap_preview: what a snapshot would do, by what stat tells: nothing is
 * opened, read, stored or locked. Confined to one thread.
 */
#ifndef REPO_JOB_SNAP_PREVIEW_H
#define REPO_JOB_SNAP_PREVIEW_H

#include "repo/job/snapshot_job.h"

enum snap_preview_kind {
    SNAP_PREVIEW_NEW,      /* the last snapshot has no such path */
    SNAP_PREVIEW_CHANGED,  /* it has another one there */
    SNAP_PREVIEW_METADATA, /* by what stat tells, only mode, owner or times are
                              others: a file is read again to be sure */
    SNAP_PREVIEW_GONE      /* of the last snapshot, and not in this one; of a
                              directory what is in it is not told */
};

struct snap_preview_entry {
    enum snap_preview_kind kind;
    struct bytes path;     /* "/srv/www/x"; lent, not escaped */
    const struct entry *e; /* GONE: as it was */
};

/* Told as they are met; may be NULL. What they return ends the preview. */
struct snap_preview_events {
    int (*entry)(void *ctx, const struct snap_preview_entry *e);
    int (*problem)(void *ctx, const char *text);
    void *ctx;
};

struct snap_preview_result {
    uint64_t files, directories, others;
    uint64_t bytes;      /* of all files */
    uint64_t new_n;      /* entries but directories */
    uint64_t changed_n;  /* the same, also those with other metadata alone */
    uint64_t metadata_n; /* with other metadata alone, directories too */
    uint64_t gone_n;     /* as they are told */
    uint64_t read_bytes; /* of files that would be read; less is stored, since
                            what is there already is not stored again */
    uint64_t problems;
    uint64_t excluded; /* left out, as walk_counts has it */
    uint64_t ignored;
    bool has_parent;
};

/*
 * snap_preview_run: walk the paths of o beside the last snapshot of its series.
 *   o  as snapshot_job_new() has it; not a stream
 * Returns 0; E_CANCELED; E_USAGE; E_NOMEM; E_SOURCE; what the index or the
 * store returned; what an event returned.
 */
MUST_CHECK int snap_preview_run(struct repo *r,
                                const struct snapshot_job_options *o,
                                const struct snap_preview_events *events,
                                struct snap_preview_result *out);

#endif
