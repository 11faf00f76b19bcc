/*
 * A cache from nothing: chunks are collected in memory, sorted into runs in an
 * unlinked file, merged, and appended in order, so that LMDB fills its pages
 * one after the other. The new directory then takes the old one's place.
 */
#include "index/index.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fileop.h"
#include "base/mem.h"
#include "index/index_dir.h"
#include "index/index_env.h"
#include "index/index_lock.h"
#include "index/index_record.h"
#include "index/index_runs.h"
#include "index/index_update.h"

enum {
    INDEX_REBUILD_TURN = 100000, /* chunks per transaction: 7 MB of pages */
    INDEX_REBUILD_SIGNS = 8      /* of life, in the time that others wait */
};

struct index_rebuild {
    char path[PATH_MAX];
    char fresh[PATH_MAX]; /* "<path>.new" */
    uint32_t wait_ms;
    int lock_fd;
    bool begun;       /* what stands at `fresh` is ours */
    int64_t shown_ns; /* when index_rebuild_show() last left a sign */
    struct index *ix;
    struct index_update *u;
    struct index_runs *runs;
};

static int index_rebuild_start(struct index_rebuild *rb,
                               const struct repo_id *repo,
                               const struct index_options *opt)
{
    struct index_options fresh = *opt;
    enum index_fate fate;
    int rc = index_dir_remove(rb->fresh); /* of one that was killed */

    rb->begun = true;
    fresh.create = true;
    if (rc == 0)
        rc = index_dir_make(rb->fresh);
    if (rc == 0)
        rc = index_env_open(rb->fresh, repo, &fresh, &rb->ix, &fate);
    if (rc == 0 && !rb->ix)
        rc = err_set(E_IO, "index cache %s: cannot be made", rb->fresh);
    if (rc == 0)
        rc = index_update_begin(rb->ix, 0, &rb->u);
    if (rc == 0)
        rc = index_runs_new(rb->fresh, INDEX_RUNS_CHUNKS, &rb->runs);
    if (rc == 0)
        rb->u->runs = rb->runs;
    return rc;
}

static int index_rebuild_new(const char *path, const struct index_options *opt,
                             struct index_rebuild **out)
{
    struct index_rebuild *rb = mem_alloc(sizeof *rb);
    int n;

    if (!rb)
        return err_set(E_NOMEM, "index cache %s: rebuild", path);
    rb->lock_fd = -1;
    rb->wait_ms = opt->wait_ms;
    n = snprintf(rb->fresh, sizeof rb->fresh, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof rb->fresh) {
        free(rb);
        return err_set(E_LIMIT, "index cache %s: path too long", path);
    }
    memcpy(rb->path, path, strlen(path) + 1);
    *out = rb;
    return 0;
}

/* How far another process has come, as its data file shows. */
struct index_rebuild_sign {
    ino_t ino;
    off_t size;
    struct timespec mtime;
};

static struct index_rebuild_sign index_rebuild_look(const char *fresh)
{
    struct index_rebuild_sign sign = {.ino = 0};
    char name[PATH_MAX];
    struct stat st;
    int n = snprintf(name, sizeof name, "%s/data.mdb", fresh);

    if (n < 0 || (size_t)n >= sizeof name ||
        fileop_fstatat(AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return sign;
    sign.ino = st.st_ino;
    sign.size = st.st_size;
    sign.mtime = st.st_mtim;
    return sign;
}

/* Another process that gets on is waited for, however long it takes: a second
 * one of our own would take as long. */
static int index_rebuild_lock(struct index_rebuild *rb)
{
    struct index_rebuild_sign was = index_rebuild_look(rb->fresh);

    for (;;) {
        int rc = index_lock_take(rb->lock_fd, INDEX_LOCK_REBUILD, rb->wait_ms,
                                 rb->fresh);
        struct index_rebuild_sign now;

        if (rc != E_BUSY || rb->wait_ms == 0)
            return rc;
        now = index_rebuild_look(rb->fresh);
        if (now.ino == was.ino && now.size == was.size &&
            now.mtime.tv_sec == was.mtime.tv_sec &&
            now.mtime.tv_nsec == was.mtime.tv_nsec)
            return rc;
        was = now;
    }
}

int index_rebuild_begin(const char *path, const struct repo_id *repo,
                        const struct index_options *opt,
                        struct index_rebuild **out)
{
    enum fileop_domain was = fileop_enter(FILEOP_CACHE);
    struct index_rebuild *rb = NULL;
    int rc = index_dir_check(path);

    *out = NULL;
    if (rc == 0)
        rc = index_rebuild_new(path, opt, &rb);
    if (rc == 0)
        rc = index_lock_open(path, &rb->lock_fd);
    if (rc == 0)
        rc = index_rebuild_lock(rb);
    if (rc == 0)
        rc = index_rebuild_start(rb, repo, opt);
    (void)fileop_enter(was);
    if (rc < 0)
        index_rebuild_free(rb);
    else
        *out = rb;
    return rc;
}

struct index_update *index_rebuild_update(struct index_rebuild *rb)
{
    return rb->u;
}

struct index *index_rebuild_index(struct index_rebuild *rb)
{
    return rb->ix;
}

int index_rebuild_turn(struct index_rebuild *rb)
{
    enum fileop_domain was = fileop_enter(FILEOP_CACHE);
    int rc = index_update_alive(rb->u);

    if (rc == 0)
        rc = index_update_fail(rb->u, index_update_turn(rb->u));
    (void)fileop_enter(was);
    return rc;
}

void index_rebuild_show(struct index_rebuild *rb)
{
    const int64_t ms = CLOCK_SECOND_NS / 1000;
    int64_t now = clock_monotonic_ns();
    enum fileop_domain was;
    int fd;

    if (!rb || now - rb->shown_ns < rb->wait_ms * ms / INDEX_REBUILD_SIGNS ||
        mdb_env_get_fd(rb->ix->env, &fd) != 0)
        return;
    was = fileop_enter(FILEOP_CACHE);
    /* at worst somebody fills one of its own */
    if (fileop_futimens(fd, NULL) == 0)
        rb->shown_ns = now;
    (void)fileop_enter(was);
}

/* Append one chunk, whose n locations are in u->loc. */
static int index_rebuild_append(struct index_update *u, MDB_cursor *cursor,
                                const struct chunk_id *id, size_t n)
{
    MDB_val key = index_lmdb_val(bytes_of(id->b, sizeof id->b));
    MDB_val value = {0, NULL};
    int rc = index_update_value(u, id, index_sort_locs(u->loc, n));

    if (rc < 0)
        return rc;
    value = index_lmdb_val(buf_bytes(&u->scratch));
    rc = mdb_cursor_put(cursor, &key, &value, MDB_APPEND);
    return rc == 0 ? 0 : index_lmdb_error(u->ix, rc, "append");
}

/* Load up to INDEX_REBUILD_TURN chunk ids. next: the first location of the id
 * after them, carried from call to call; more: there is one. */
static int index_rebuild_part(struct index_rebuild *rb,
                              struct index_chunk *next, bool *more)
{
    struct index_update *u = rb->u;
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(u->txn, u->ix->chunks, &cursor);

    if (rc != 0)
        return index_lmdb_error(u->ix, rc, "append");
    for (int i = 0; rc == 0 && *more && i < INDEX_REBUILD_TURN; i++) {
        struct chunk_id id = next->id;
        size_t n = 0;

        while (rc == 0 && *more && chunk_id_equal(&id, &next->id)) {
            rc = index_update_room(u, n + 1);
            if (rc == 0) {
                u->loc[n++] = next->loc;
                rc = index_runs_next(rb->runs, next, more);
            }
        }
        if (rc == 0)
            rc = index_rebuild_append(u, cursor, &id, n);
    }
    mdb_cursor_close(cursor);
    return rc == 0 ? index_update_turn(u) : rc;
}

static int index_rebuild_load(struct index_rebuild *rb)
{
    struct index_chunk next;
    bool more = false;
    int rc = index_update_alive(rb->u);

    if (rc == 0)
        rc = index_runs_merge(rb->runs);
    if (rc == 0)
        rc = index_runs_next(rb->runs, &next, &more);
    while (rc == 0 && more)
        rc = index_rebuild_part(rb, &next, &more);
    return index_update_fail(rb->u, rc);
}

int index_rebuild_commit(struct index_rebuild *rb, index_rebuild_fn *still,
                         void *ctx)
{
    enum fileop_domain was = fileop_enter(FILEOP_CACHE);
    int rc = index_rebuild_load(rb);

    if (rc == 0) {
        rc = index_update_commit(rb->u);
        rb->u = NULL;
    }
    if (rc < 0)
        goto out;
    index_env_close(rb->ix);
    rb->ix = NULL;
    /* nobody may be between opening the data and the lock file, or updating */
    rc = index_lock_take(rb->lock_fd, INDEX_LOCK_OPEN, rb->wait_ms, rb->path);
    if (rc == 0)
        rc = index_lock_take(rb->lock_fd, INDEX_LOCK_UPDATE, rb->wait_ms,
                             rb->path);
    if (rc == 0 && still)
        rc = still(ctx);
    if (rc == 0) {
        rb->begun = false;
        rc = index_dir_replace(rb->fresh, rb->path);
    }
out:
    index_rebuild_free(rb);
    (void)fileop_enter(was);
    return rc;
}

void index_rebuild_free(struct index_rebuild *rb)
{
    if (!rb)
        return;
    index_runs_free(rb->runs);
    index_update_abort(rb->u);
    index_env_close(rb->ix);
    if (rb->begun)
        err_ignore(index_dir_remove(rb->fresh), "the next rebuild removes it");
    (void)fileop_close(rb->lock_fd);
    free(rb);
}
