/*
 * export_job: a snapshot, or a part of one, as a tar or zip archive. Entries
 * are met in the order of the tree; what they hold is read and packed by
 * several threads, and handed out in order, as it comes. Memory: three units
 * of about a megabyte for each of them; of tar one file's holes, and for each
 * inode with several names, of which not all were met, its path and entry; of
 * zip its directory, packed. Confined to one thread.
 */
#ifndef REPO_JOB_EXPORT_JOB_H
#define REPO_JOB_EXPORT_JOB_H

#include "base/cancel.h"
#include "repo/fetch.h"
#include "repo/tree_entry.h"

enum export_format { EXPORT_TAR, EXPORT_ZIP };

struct export_options {
    enum export_format format;
    const struct tree_entry *te; /* where it begins; lent */
    struct bytes name; /* of a te that is no directory; lent. What is in a
                          directory is named from there */
    struct bytes path; /* of te in the snapshot, for messages; lent */
    unsigned threads;  /* >= 1 */
    const struct cancel *cancel; /* may be NULL */
    /* Takes the archive, piece by piece, one call at a time, from any thread.
     * What it returns, but 0, ends the export. */
    int (*put)(void *ctx, struct bytes x);
    void *ctx;
};

struct export_result {
    uint64_t entries;
    uint64_t bytes; /* of the archive */
    uint64_t left;  /* entries of a type that the format has not */
    uint64_t
        linked; /* zip: names of what has several, each a file of its own */
    uint64_t slashed; /* zip: names with a backslash in them */
    uint64_t bare;    /* zip: entries with attributes, which it has not */
};

/*
 * export_job_run: all of it. The archive is complete only when 0 is returned;
 * else its end is one that no program takes for an archive's, unless put has
 * failed.
 *   f  lent; lanes are made of it
 * Returns 0; E_CORRUPT: damage, told with the path; E_LIMIT: something that the
 * format cannot hold; E_CANCELED; E_NOMEM; what fetching or put returned.
 */
MUST_CHECK int export_job_run(struct fetch *f, const struct export_options *o,
                              struct export_result *out);

#endif
