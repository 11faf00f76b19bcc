/*
 * snapshot_job: one backup run, from the roots to the committed snapshot: the
 * pipeline of docs/overview.md.
 */
#ifndef REPO_JOB_SNAPSHOT_JOB_H
#define REPO_JOB_SNAPSHOT_JOB_H

#include "base/cancel.h"
#include "repo/job/snap_build.h"
#include "repo/job/snap_change.h"
#include "repo/repo.h"
#include "source/stream.h"
#include "source/walk.h"

struct snapshot_job_result;

struct snapshot_job_options {
    const struct bytes *root; /* absolute canonical paths */
    size_t root_n;
    const char *from; /* where the one root really stands: see source/walk.h */
    /* NULL: a walk is made; else one of these roots, with snapshot_job_walk(),
     * that has not begun but was perhaps begun with (source/walk_prime.h). Lent
     * until the free, and used up */
    struct walk *walk;
    /* NULL: the roots are walked; else the one root is a file with what this
     * yields, and nothing of the last snapshot is taken over unread */
    const struct stream_input *stream;
    struct bytes series; /* see manifest_series_ok() */
    const struct bytes *tag;
    size_t tag_n;
    const struct pattern_set *patterns; /* NULL: none */
    const struct walk_marker *marker;
    size_t marker_n;
    uint64_t larger;      /* leave out files of more bytes; 0: none */
    bool ignore_files;    /* heed .dedupignore */
    struct bytes options; /* text kept in the snapshot */
    struct bytes program; /* name and version */
    struct bytes host;
    struct bytes user;
    const struct walk_skip_dir *skip; /* repository and cache */
    size_t skip_n;
    bool one_fs;
    bool force;                     /* no parent: read every file */
    struct snap_change_rules rules; /* what is no change */
    /* no snapshot when all that is below the roots is as in the newest one of
     * the series, and nothing was amiss */
    bool skip_unchanged;
    bool has_time; /* the snapshot is to say that it began at time, which is not
                      to come */
    struct entry_time time;
    int level;              /* zstd; 0: the repository's */
    uint64_t publish_bytes; /* what a kill -9 may cost; 0: 1 GiB */
    unsigned threads;       /* 0: one for each core */
    size_t unit_items;      /* entries handed on at once; 0: as usual */
    /* of paths, a checkpoint is due after so long; one is left too when cancel
     * asks to stop. 0: none is */
    int64_t checkpoint_ns;
    const struct cancel *cancel; /* may be NULL */
    /* a checkpoint is committed: its id and what it holds are in so_far; on the
     * thread that runs the job. 0, or what ends the run. NULL: nothing */
    int (*on_checkpoint)(void *ctx, const struct snapshot_job_result *so_far);
    void *ctx; /* lent to it */
};

/* What a run did. */
struct snapshot_job_result {
    struct object_id id;
    struct manifest_stats stats;
    struct entry_time begin;
    struct entry_time end;
    int64_t took_ns; /* all of it, whatever begin says; after the run */
    bool skipped; /* nothing had changed: id is that of the snapshot before */
    bool has_parent;
    bool foreign_parent; /* one was passed over: its member is not to be relied
                            on */
    bool has_resumed;    /* a parent is a checkpoint: ... */
    struct object_id resumed;
    uint64_t resumed_files; /* of kept_files, those from a checkpoint */
    uint64_t resumed_bytes;
    uint64_t checkpoints;        /* this run has left so many ... */
    struct object_id checkpoint; /* ... the last of which is this */
    uint64_t kept_files;         /* not opened */
    uint64_t kept_bytes;
    uint64_t excluded;       /* left out, as walk_counts has it ... */
    uint64_t ignored;        /* ... and of these by a .dedupignore */
    uint64_t parent_damaged; /* directories of the parent that could not be
                                read; what is in them was read again */
};

/* snapshot_job_walk: how the paths of o are walked. owners: lent. */
struct walk_options snapshot_job_walk(const struct snapshot_job_options *o,
                                      struct owner_cache *owners);

struct snapshot_job;

/* snapshot_job_new: everything in options is lent until the free. */
MUST_CHECK int snapshot_job_new(struct repo *r,
                                const struct snapshot_job_options *options,
                                struct snapshot_job **out);
void snapshot_job_free(struct snapshot_job *j);

/* snapshot_job_progress: counters that run while the job does; any thread. */
struct snap_progress *snapshot_job_progress(struct snapshot_job *j);

/* snapshot_job_problems: what went wrong with single files. After the run. */
struct problems *snapshot_job_problems(struct snapshot_job *j);

/* snapshot_job_result: valid after a successful run; of one that was canceled
 * the checkpoints are. */
const struct snapshot_job_result *snapshot_job_result(
    const struct snapshot_job *j);

/*
 * snapshot_job_run: do it, once.
 * Returns 0: the snapshot is committed and durable, single files may have
 * failed (problems); E_CANCELED: if anything new had ended by then, the last
 * checkpoint has it; what the stream returned; E_FENCED; or what
 * made the run fail: nothing was committed but earlier checkpoints, and what
 * was published serves the next run. E_STORE can also mean that the store
 * failed while it took the commit record and could not be asked any more: then
 * the snapshot exists, whole, or does not.
 */
MUST_CHECK int snapshot_job_run(struct snapshot_job *j);

#endif
