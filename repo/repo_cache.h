/* repo_cache: which cache a repository works with, and what is done when that
 * one cannot be used. For repo.c alone, but for repo_cache_beside(). */
#ifndef REPO_REPO_CACHE_H
#define REPO_REPO_CACHE_H

#include "repo/repo.h"

/* How long another process that holds the cache is waited for. */
enum { REPO_CACHE_WAIT_MS = 20000 };

/*
 * repo_cache_open: open r->cache and r->index below root; when the file system
 * or another process forbids it, a private one, which lasts as long as r.
 * Returns 0; E_NOMEM; E_NOSPACE; E_IO. repo_close() cleans up in any case.
 */
MUST_CHECK int repo_cache_open(struct repo *r, const char *root);

/*
 * repo_cache_retry: make catching up possible again: what it failed with
 * decides how. No reader or update of the index may be open.
 *   rc     what it returned
 *   stale  it returned 0, but the cache does not follow from the repository
 * Returns 0: try again; rc, or what replacing the cache returned: r->index may
 * then be NULL.
 */
MUST_CHECK int repo_cache_retry(struct repo *r, int rc, bool stale);

/*
 * repo_cache_beside: the cache was removed beside us: take the one that is
 * there now, brought up to date, while readers still use ours. old  out: ours;
 * for index_close() once they have ended Returns 0; E_BUSY: it was replaced
 * where it stood, and this process has it open; else as index_open() and
 * repo_refresh_in_use(). After an error all is as before.
 */
MUST_CHECK int repo_cache_beside(struct repo *r, struct index **old);

#endif
