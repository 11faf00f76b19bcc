/*
 * cache_dir: where a repository's local cache lives: a directory of mode 0700,
 * named by the repository's id, below a common root. Any thread.
 */
#ifndef REPO_CACHE_DIR_H
#define REPO_CACHE_DIR_H

#include "base/err.h"
#include "base/id.h"

enum { CACHE_DIR_PATH_MAX = 4096 };

/*
 * cache_dir_open: make sure that root and the repository's directory in it are
 * there.
 *   out  the directory's path, to be freed
 * Returns 0; E_IO: it cannot be made; E_LIMIT: the path is too long; E_NOMEM.
 */
MUST_CHECK int cache_dir_open(const char *root, const struct repo_id *repo,
                              char **out);

/*
 * cache_dir_private: a fresh directory below TMPDIR (or /tmp), for this process
 * alone. Those of this user's processes that died are removed, if they hold
 * nothing but what a cache does.
 *   out   the directory's path, to be freed; NULL after an error
 *   held  out: a descriptor that shows that this process lives;
 *         cache_dir_remove() closes it
 * Returns 0; E_IO, also when others may write to TMPDIR and it is not sticky;
 * E_LIMIT: the path is too long; E_NOMEM.
 */
MUST_CHECK int cache_dir_private(char **out, int *held);

/* cache_dir_index: the path of the index in a cache directory. E_LIMIT. */
MUST_CHECK int cache_dir_index(const char *dir, char out[CACHE_DIR_PATH_MAX]);

/* cache_dir_remove: remove a private cache, as far as it goes, and let go of
 * held. */
void cache_dir_remove(const char *dir, int held);

#endif
