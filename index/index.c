/* Where caches live: the directory, its locks, and the ways of replacing it. */
#include "index/index.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fileop.h"
#include "index/index_dir.h"
#include "index/index_env.h"
#include "index/index_lmdb.h"
#include "index/index_lock.h"

static int64_t index_pid_byte(void)
{
    return INDEX_LOCK_PID + (int64_t)getpid();
}

/* Open the environment; what cannot be used is set aside and made anew. */
static int index_open_env(const char *path, const struct repo_id *repo,
                          const struct index_options *opt, int lock_fd,
                          struct index **out, enum index_fate *fate)
{
    enum index_fate again;
    int rc = index_env_open(path, repo, opt, out, fate);

    if (rc < 0 || *out || !opt->create)
        return rc;
    /* not while an update of ours or of others is going on in it */
    rc = index_lock_take(lock_fd, INDEX_LOCK_UPDATE, opt->wait_ms, path);
    if (rc < 0)
        return rc;
    rc = index_dir_set_aside(path);
    if (rc == 0)
        rc = index_dir_make(path);
    if (rc == 0)
        rc = index_env_open(path, repo, opt, out, &again);
    if (rc == 0 && !*out)
        rc = err_set(E_IO, "index cache %s: a new one is unusable", path);
    index_lock_drop(lock_fd, INDEX_LOCK_UPDATE);
    return rc;
}

/* What a rebuild leaves that is killed before its end, or before it removed the
 * cache whose place it took. */
static void index_sweep_rebuild(const char *path, int lock_fd)
{
    char fresh[PATH_MAX];
    bool there = false;
    int n = snprintf(fresh, sizeof fresh, "%s.new", path);
    int rc = n < 0 || (size_t)n >= sizeof fresh
                 ? E_LIMIT
                 : index_dir_there(fresh, &there);

    if (rc < 0 || !there ||
        index_lock_take(lock_fd, INDEX_LOCK_REBUILD, 0, fresh) < 0)
        return;
    err_ignore(index_dir_remove(fresh), "the next rebuild removes it");
    index_lock_drop(lock_fd, INDEX_LOCK_REBUILD);
}

static int index_open_locked(const char *path, const struct repo_id *repo,
                             const struct index_options *opt, int lock_fd,
                             struct index **out, enum index_fate *fate)
{
    bool there;
    int rc = index_lock_take(lock_fd, index_pid_byte(), 0, path);

    if (rc < 0)
        return err_add(rc, "open already");
    rc = index_lock_take(lock_fd, INDEX_LOCK_OPEN, opt->wait_ms, path);
    if (rc < 0)
        return rc;
    rc = index_dir_there(path, &there);
    if (rc == 0 && !there && opt->create)
        rc = index_dir_make(path);
    if (rc == 0 && (there || opt->create))
        rc = index_open_env(path, repo, opt, lock_fd, out, fate);
    if (rc == 0 && opt->create)
        index_sweep_rebuild(path, lock_fd);
    index_lock_drop(lock_fd, INDEX_LOCK_OPEN);
    return rc;
}

int index_open(const char *path, const struct repo_id *repo,
               const struct index_options *opt, struct index **out,
               enum index_fate *fate)
{
    enum fileop_domain was = fileop_enter(FILEOP_CACHE);
    int lock_fd = -1;
    int rc = index_dir_check(path);

    *out = NULL;
    *fate = INDEX_CREATED;
    if (rc == 0)
        rc = index_lock_open(path, &lock_fd);
    if (rc == 0)
        rc = index_open_locked(path, repo, opt, lock_fd, out, fate);
    if (rc == 0 && *out) {
        (*out)->lock_fd = lock_fd;
        lock_fd = -1;
    }
    (void)fileop_close(lock_fd);
    (void)fileop_enter(was);
    return rc;
}

bool index_replaced(const struct index *ix)
{
    enum fileop_domain was = fileop_enter(FILEOP_CACHE);
    bool replaced = index_lmdb_replaced(ix);

    (void)fileop_enter(was);
    return replaced;
}

void index_close(struct index *ix)
{
    int lock_fd;

    if (!ix)
        return;
    lock_fd = ix->lock_fd;
    index_env_close(ix);
    /* last, for it says that this process has the cache open */
    (void)fileop_close(lock_fd);
}

int index_discard(const char *path, uint32_t wait_ms)
{
    enum fileop_domain was = fileop_enter(FILEOP_CACHE);
    bool there = false;
    int lock_fd = -1;
    int rc = index_dir_check(path);

    if (rc == 0)
        rc = index_lock_open(path, &lock_fd);
    if (rc == 0)
        rc = index_lock_take(lock_fd, INDEX_LOCK_OPEN, wait_ms, path);
    if (rc == 0)
        rc = index_lock_take(lock_fd, INDEX_LOCK_UPDATE, wait_ms, path);
    if (rc == 0)
        rc = index_dir_there(path, &there);
    if (rc == 0 && there)
        rc = index_dir_set_aside(path);
    (void)fileop_close(lock_fd);
    (void)fileop_enter(was);
    return rc;
}
