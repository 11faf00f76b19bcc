/*
 * index_env: opening the LMDB environment in a directory: the tables, the map,
 * and whether what is there may be believed. It knows nothing of locks and of
 * where caches live (index.c does).
 */
#ifndef INDEX_INDEX_ENV_H
#define INDEX_INDEX_ENV_H

#include "index/index_lmdb.h"

/*
 * index_env_open: open or make the environment in directory dir and decide
 * whether it can be believed. The caller keeps others from opening meanwhile.
 *   fate  OPENED or CREATED: *out is set; else the reason why it is not
 *         usable, and *out is NULL. CREATED only with opt->create.
 */
MUST_CHECK int index_env_open(const char *dir, const struct repo_id *repo,
                              const struct index_options *opt,
                              struct index **out, enum index_fate *fate);

/* index_env_close: frees ix; does not touch lock_fd. NULL is fine. */
void index_env_close(struct index *ix);

#endif
