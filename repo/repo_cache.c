#include "repo/repo_cache.h"

#include <stdlib.h>

#include "repo/cache_dir.h"

static int repo_cache_open_index(struct repo *r)
{
    struct index_options opt = {.create = true, .wait_ms = REPO_CACHE_WAIT_MS};
    char path[CACHE_DIR_PATH_MAX];
    enum index_fate fate = INDEX_CREATED;
    int rc = cache_dir_index(r->cache, path);

    if (rc == 0)
        rc = index_open(path, &r->config.repo, &opt, &r->index, &fate);
    if (rc < 0)
        return rc;
    r->index_rebuilt = fate != INDEX_OPENED;
    return 0;
}

/* The cache cannot be used, for the reason rc: one of our own, for this process
 * only. */
static int repo_cache_private(struct repo *r, int rc)
{
    err_save(rc, &r->cache_trouble);
    index_close(r->index);
    r->index = NULL;
    free(r->cache);
    r->cache = NULL;
    rc = cache_dir_private(&r->cache, &r->cache_held);
    if (rc < 0)
        return rc;
    r->private_cache = true;
    return repo_cache_open_index(r);
}

/* Whether rc is trouble with the cache that a private one does not have: the
 * file system, or a process that holds it and was stopped. */
static bool repo_cache_wants_private(const struct repo *r, int rc)
{
    return !r->private_cache && (rc == E_UNSUPPORTED || rc == E_BUSY ||
                                 rc == E_IO || rc == E_NOSPACE);
}

int repo_cache_open(struct repo *r, const char *root)
{
    int rc = cache_dir_open(root, &r->config.repo, &r->cache);

    if (rc == 0)
        rc = repo_cache_open_index(r);
    return repo_cache_wants_private(r, rc) ? repo_cache_private(r, rc) : rc;
}

/* Closes the index and sets it aside. */
static int repo_cache_set_aside(struct repo *r)
{
    char path[CACHE_DIR_PATH_MAX];
    int rc = cache_dir_index(r->cache, path);

    index_close(r->index);
    r->index = NULL;
    return rc < 0 ? rc : index_discard(path, REPO_CACHE_WAIT_MS);
}

/* Starts with an empty one. */
static int repo_cache_discard(struct repo *r)
{
    int rc = repo_cache_set_aside(r);

    return rc < 0 ? rc : repo_cache_open_index(r);
}

/* Whether the cache itself is damaged. What it remembers guards against old
 * copies of the repository, so damage in the repository must not cost it. */
static bool repo_cache_is_damaged(struct repo *r)
{
    struct index_reader *reader = NULL;
    struct err_record why;
    int rc;

    err_save(E_CORRUPT, &why);
    rc = index_reader_new(r->index, &reader);
    if (rc == 0)
        rc = index_check(reader);
    index_reader_free(reader);
    err_ignore(err_load(&why), "the first error stands");
    return rc == E_CORRUPT;
}

/* Another process has replaced the cache, or it outgrew our map: the one that
 * is there now. */
static int repo_cache_reopen(struct repo *r)
{
    index_close(r->index);
    r->index = NULL;
    return repo_cache_open_index(r);
}

int repo_cache_beside(struct repo *r, struct index **old)
{
    struct index_options opt = {.create = true};
    char path[CACHE_DIR_PATH_MAX];
    enum index_fate fate = INDEX_CREATED;
    struct index *fresh = NULL;
    int rc = cache_dir_index(r->cache, path);

    *old = NULL;
    if (rc == 0)
        rc = index_open(path, &r->config.repo, &opt, &fresh, &fate);
    if (rc < 0)
        return rc;
    *old = r->index;
    r->index = fresh;
    rc = repo_refresh_in_use(r);
    if (rc < 0) {
        index_close(fresh);
        r->index = *old;
        *old = NULL;
    }
    return rc;
}

int repo_cache_retry(struct repo *r, int rc, bool stale)
{
    if (stale || (rc == E_CORRUPT && repo_cache_is_damaged(r)))
        rc = repo_cache_discard(r);
    else if (rc == E_LATER || rc == E_LIMIT)
        rc = repo_cache_reopen(r);
    else if (rc == E_UNSUPPORTED)
        return rc;
    return repo_cache_wants_private(r, rc) ? repo_cache_private(r, rc) : rc;
}
