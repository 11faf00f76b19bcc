/*
 * restore_job: writes a snapshot, or a part of it, back to a directory: the way
 * back of docs/overview.md.
 */
#ifndef REPO_JOB_RESTORE_JOB_H
#define REPO_JOB_RESTORE_JOB_H

#include <stdatomic.h>

#include "base/cancel.h"
#include "repo/job/current.h"
#include "repo/repo.h"
#include "repo/tree_entry.h"
#include "source/ignore.h"
#include "source/jail_remove.h"
#include "source/jail_safety.h"
#include "source/pattern.h"

/* What became of one entry. */
enum restore_event_kind {
    RESTORE_WRITTEN, /* made or replaced */
    RESTORE_SAME,    /* was there; its metadata is up to date now */
    RESTORE_KEPT,    /* the overwrite rule kept what stands there */
    RESTORE_FAILED,  /* could not be written: the target's trouble */
    RESTORE_DAMAGED, /* could not be read: the repository's trouble */
    RESTORE_SKIPPED, /* the file system has no such thing, or we may not */
    RESTORE_DELETED  /* stood in the target, not in the snapshot */
};

struct restore_event {
    enum restore_event_kind kind;
    struct bytes path;     /* in the snapshot: "srv/www/x"; lent */
    const struct entry *e; /* NULL: a directory whose entries are lost; of what
                              is deleted only type, times, size */
    const char *text;      /* FAILED, DAMAGED: why; else "" */
    bool made;             /* WRITTEN: nothing stood there */
    bool meta;             /* SAME: metadata differed; jail.h */
    unsigned lost;         /* enum jail_lost */
};

/*
 * What is deleted: what stands in a directory of the target and not in that of
 * the snapshot; only in directories that are selected themselves, lie in a root
 * of the snapshot, could be read to their end, and are on the file system of
 * the target; and only what the backup would not have left out. Include and
 * exclude hold for what is deleted as for what is written.
 */
struct restore_delete {
    const struct bytes *root; /* of the snapshot: "/srv/www" */
    size_t root_n;
    const struct bytes *unread; /* could not be backed up: stays; "/srv/x" */
    size_t unread_n;
    struct ignore_rules rules;  /* the backup left out what they omit */
    bool ignore_files;          /* ... and what files of patterns say */
    const struct bytes *marker; /* ... and all in a directory of which only a
                                   file of such a name was kept */
    size_t marker_n;
    const struct tree_entry *top; /* the snapshot's "/": what directories above
                                     the start say; NULL: nothing */
    /* Nothing in path and below is deleted, because of why; from any thread;
     * NULL: nobody is told. */
    void (*doubt)(void *ctx, struct bytes path, const char *why);
    void *ctx;
    const struct jail_spare *spare; /* never to be removed */
    size_t spare_n;
};

struct restore_job_options {
    const struct tree_entry *start; /* what is restored */
    struct bytes start_path; /* where that is in the snapshot: patterns and
                                events speak of whole paths; empty: the root */
    const char *target;
    const struct pattern_set *include; /* NULL: everything */
    const struct pattern_set *exclude; /* NULL: nothing */
    enum jail_overwrite overwrite;
    bool verify;      /* compare content of files that seem to be there */
    bool numeric_ids; /* owners by number */
    struct jail_choice choice;           /* of metadata; lent */
    const struct restore_delete *mirror; /* NULL: nothing is deleted; lent */
    struct jail_keep *safety; /* of jail_safety_at(): what is overwritten or
                                 deleted goes there first; NULL: it is lost */
    bool keep_whole; /* jail.h; to be set with safety, and in its dry run */
    bool dry_run;
    unsigned threads; /* 0: one for each core */
    const struct cancel *cancel;
    /* Called for each entry, in the order of the tree, never two at once; may
     * be NULL. */
    void (*event)(void *ctx, const struct restore_event *e);
    void *ctx;
};

/* Counters that run while the job does; any thread may read them. */
struct restore_progress {
    atomic_uint_fast64_t entries; /* of any kind, done */
    atomic_uint_fast64_t written; /* entries made or replaced */
    atomic_uint_fast64_t made;    /* ... of them, made */
    atomic_uint_fast64_t meta;    /* of those that are the same: metadata was
                                     set */
    atomic_uint_fast64_t same;
    atomic_uint_fast64_t kept;
    atomic_uint_fast64_t failed;
    atomic_uint_fast64_t damaged;
    atomic_uint_fast64_t skipped;
    atomic_uint_fast64_t deleted;
    atomic_uint_fast64_t bytes_deleted; /* sizes of the files among them */
    atomic_uint_fast64_t bytes;         /* sizes of the files that are done */
    atomic_uint_fast64_t bytes_written; /* ... of those made or replaced */
    atomic_uint_fast64_t lost[JAIL_LOST_KINDS]; /* entries, by what they lost */
    struct current current;                     /* the entry done last */
};

struct restore_job;

/* restore_job_new: everything in options is lent until the free. */
MUST_CHECK int restore_job_new(struct repo *r,
                               const struct restore_job_options *options,
                               struct restore_job **out);
void restore_job_free(struct restore_job *j);

struct restore_progress *restore_job_progress(struct restore_job *j);

/*
 * restore_job_run: do it, once.
 *   Start is a directory: what is in it appears in the target; the target gets
 *   the directory's metadata unless it stands for a whole snapshot. Anything
 *   else appears in the target under its name. A target that is missing is made
 *   when the first entry is to be written: not if include selects none
 *   (entries is 0 then).
 * Returns 0: done, but see failed and damaged; E_TARGET: the target itself
 * cannot be used; E_NOSPACE; E_STORE; E_CANCELED; E_NOMEM; E_ROLE.
 * What was written, and what was kept, is on disk when it returns 0. What was
 * kept is brought back by whoever called, when all jobs are freed.
 */
MUST_CHECK int restore_job_run(struct restore_job *j);

#endif
