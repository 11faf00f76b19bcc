/*
 * index_dir: the directory that holds one cache, and what stands beside it:
 * whole directories are renamed, so that LMDB's data and lock file never part.
 * The caller holds the locks. Paths are local names.
 */
#ifndef INDEX_INDEX_DIR_H
#define INDEX_INDEX_DIR_H

#include <stdbool.h>

#include "base/err.h"

/* index_dir_check: 0, or E_UNSUPPORTED when path's parent is on a network or
 * FUSE file system, or E_IO when it cannot be asked. */
MUST_CHECK int index_dir_check(const char *path);

/* What marks a cache that must not be opened again, in its directory. */
#define INDEX_DIR_DAMAGED "/damaged"

/* The sort file of a rebuild or a recount, for the moment until it has no name.
 */
#define INDEX_DIR_RUNS "/runs"

/* index_dir_mark_damaged: leave that mark, as well as can be. */
void index_dir_mark_damaged(const char *path);

/* index_dir_damaged: whether it is there. */
bool index_dir_damaged(const char *path);

/* index_dir_there: whether a directory is at path. */
MUST_CHECK int index_dir_there(const char *path, bool *there);

/* index_dir_make: make it, mode 0700, durable in its parent. */
MUST_CHECK int index_dir_make(const char *path);

/* index_dir_set_aside: rename it to "<path>.bad", replacing that. */
MUST_CHECK int index_dir_set_aside(const char *path);

/* index_dir_remove: remove a cache directory and the files in it. Absent: 0. */
MUST_CHECK int index_dir_remove(const char *path);

/* index_dir_replace: put directory from in the place of to (which need not
 * exist), at once, durably; what was at to is removed. */
MUST_CHECK int index_dir_replace(const char *from, const char *to);

#endif
