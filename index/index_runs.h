/*
 * index_runs: an external sort of chunks by index_sort's order: sorted runs in
 * a temporary file without a name, then a merge. Memory: about 50 MB while
 * adding to runs of the usual size, 32 MB while merging. Confined to one
 * thread.
 */
#ifndef INDEX_INDEX_RUNS_H
#define INDEX_INDEX_RUNS_H

#include "index/index.h"

struct index_runs;

enum {
    INDEX_RUNS_CHUNKS = 1 << 19 /* in one run, when nothing speaks against it */
};

/* index_runs_new: runs of chunks (>= 1), in a file in directory dir. E_NOMEM;
 * E_IO; E_NOSPACE. */
MUST_CHECK int index_runs_new(const char *dir, size_t chunks,
                              struct index_runs **out);

/* index_runs_add: one chunk; copied. */
MUST_CHECK int index_runs_add(struct index_runs *r,
                              const struct index_chunk *c);

/* index_runs_merge: no more to add; from here on index_runs_next. */
MUST_CHECK int index_runs_merge(struct index_runs *r);

/* index_runs_next: the next chunk in order; more false: none is left. */
MUST_CHECK int index_runs_next(struct index_runs *r, struct index_chunk *c,
                               bool *more);

/* index_runs_free: NULL is fine. */
void index_runs_free(struct index_runs *r);

#endif
