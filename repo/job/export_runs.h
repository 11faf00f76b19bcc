/*
 * export_runs: which parts of a file hold data, and which are holes. Confined
 * to one thread.
 */
#ifndef REPO_JOB_EXPORT_RUNS_H
#define REPO_JOB_EXPORT_RUNS_H

#include "repo/fetch.h"
#include "repo/tree_entry.h"

enum {
    EXPORT_RUNS_MAX = 1 << 20 /* of one file: what follows counts as data */
};

struct export_run {
    uint64_t off; /* in the file */
    uint64_t n;   /* bytes, >= 1 */
};

/* Zeroed: nothing. */
struct export_runs {
    struct export_run *run; /* ascending, with holes between them */
    size_t n;
    size_t cap;
    uint64_t bytes; /* of them all */
};

void export_runs_release(struct export_runs *r);

/* export_runs_whole: the file has no holes. Returns 0 or E_NOMEM. */
MUST_CHECK int export_runs_whole(struct export_runs *r, uint64_t size);

/*
 * export_runs_read: find the holes of a file. Of the short ones (short_hole.h)
 * the content is looked at: one that is not zero is none.
 *   content  to read its extents with; stands anywhere afterwards
 *   lane     to read what lies in short holes with
 * Returns 0; E_NOMEM; what the two returned.
 */
MUST_CHECK int export_runs_read(struct export_runs *r,
                                struct content_reader *content,
                                struct fetch_lane *lane,
                                const struct tree_entry *te);

#endif
