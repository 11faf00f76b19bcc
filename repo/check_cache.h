/* check_cache: holds this host's cache against the view. */
#ifndef REPO_CHECK_CACHE_H
#define REPO_CHECK_CACHE_H

#include "repo/check_view.h"

/*
 * check_cache_run: what the cache says must be so, and of packs that it knows
 * it must know all. A difference is a note: the cache decides nothing, but a
 * program that believed it would dedup against what is not there.
 *   ix     the cache, caught up at some moment before the view was made
 *   state  what the log said then
 * Returns 0; E_CANCELED; E_NOMEM; what the report returned.
 */
MUST_CHECK int check_cache_run(struct check_view *v, struct index *ix,
                               const struct state *state);

#endif
