#include "source/dirfd.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"
#include "source/stat_entry.h"

struct dirfd {
    struct dirfd_pool *pool;
    struct dirfd *parent; /* holds a reference; NULL: a root */
    char *name;
    uint64_t dev;
    uint64_t inode;
    struct statx_timestamp born; /* 0: not known */
    int flags;                   /* to open it with */
    bool kept; /* cannot be opened again by its name: is never closed */
    atomic_size_t refs;

    /* under the pool's lock */
    int fd;              /* -1: closed */
    size_t pins;         /* begin at 1 where it is kept */
    struct dirfd *older; /* among the open and unpinned ones */
    struct dirfd *newer;
};

struct dirfd_pool {
    int flags;
    size_t max_open;
    atomic_bool no_openat2;
    pthread_mutex_t lock;
    size_t open_n;
    struct dirfd *oldest;
    struct dirfd *newest;
};

int dirfd_pool_new(int flags, size_t max_open, struct dirfd_pool **out)
{
    struct dirfd_pool *pool = mem_alloc(sizeof *pool);

    ASSERT(max_open >= DIRFD_OPEN_MIN);
    if (!pool)
        return err_set(E_NOMEM, "out of memory for directories");
    pool->flags = flags | O_DIRECTORY | O_NOFOLLOW;
    pool->max_open = max_open;
    thread_mutex_brief(&pool->lock);
    *out = pool;
    return 0;
}

void dirfd_pool_free(struct dirfd_pool *pool)
{
    if (!pool)
        return;
    ASSERT(pool->open_n == 0);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* ---- the list of what may be closed (under the lock) ------------------ */

static void idle_push(struct dirfd *d)
{
    struct dirfd_pool *pool = d->pool;

    d->newer = NULL;
    d->older = pool->newest;
    if (pool->newest)
        pool->newest->newer = d;
    else
        pool->oldest = d;
    pool->newest = d;
}

static void idle_remove(struct dirfd *d)
{
    struct dirfd_pool *pool = d->pool;

    *(d->older ? &d->older->newer : &pool->oldest) = d->newer;
    *(d->newer ? &d->newer->older : &pool->newest) = d->older;
    d->older = NULL;
    d->newer = NULL;
}

/* Takes the descriptor of what was used longest ago, to be closed, where there
 * would be too many with `more`; else -1. */
static int idle_take(struct dirfd_pool *pool, size_t more)
{
    struct dirfd *d = pool->oldest;
    int fd;

    if (pool->open_n + more <= pool->max_open || !d)
        return -1;
    idle_remove(d);
    fd = d->fd;
    d->fd = -1;
    pool->open_n--;
    return fd;
}

/* d has just been opened as fd. Returns a descriptor to be closed for it, if
 * possible without the lock, since others need not wait for that; or -1. */
static int idle_opened(struct dirfd *d, int fd)
{
    int instead = idle_take(d->pool, 1);

    d->fd = fd;
    d->pool->open_n++;
    if (d->pins == 0)
        idle_push(d);
    return instead;
}

/* ---- opening ---------------------------------------------------------- */

/*
 * One component. For one component that is no ".." O_NOFOLLOW alone already
 * stays below dir; openat2 makes the kernel enforce it whatever name says.
 */
static int component_open(struct dirfd_pool *pool, int dir, const char *name,
                          int flags)
{
    struct open_how how = {
        .flags = (unsigned)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    int fd;

    if (!atomic_load_explicit(&pool->no_openat2, memory_order_relaxed)) {
        fd = fileop_openat2(dir, name, &how);
        if (fd >= 0 || errno != ENOSYS)
            goto opened;
        atomic_store(&pool->no_openat2, true);
    }
    fd = fileop_openat(dir, name, flags, 0);
opened:
    /* O_NOATIME belongs to a file's owner; a filter may refuse openat2. */
    if (fd < 0 && errno == EPERM)
        fd = fileop_openat(dir, name, flags & ~O_NOATIME, 0);
    return fd;
}

static int fd_stat(int fd, struct statx *st)
{
    return fileop_statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
                        STAT_ENTRY_MASK, st);
}

static struct dirfd *dirfd_alloc(struct dirfd_pool *pool, struct bytes name,
                                 const struct statx *st)
{
    struct dirfd *d = mem_alloc(sizeof *d);

    if (!d)
        return NULL;
    d->name = mem_dup(name);
    if (!d->name) {
        free(d);
        return NULL;
    }
    d->pool = pool;
    d->dev = stat_entry_dev(st);
    d->inode = st->stx_ino;
    if (st->stx_mask & STATX_BTIME)
        d->born = st->stx_btime;
    d->fd = -1;
    atomic_init(&d->refs, 1);
    return d;
}

int dirfd_root(struct dirfd_pool *pool, int fd, const struct statx *st,
               struct bytes label, struct dirfd **out)
{
    struct dirfd *d = dirfd_alloc(pool, label, st);

    if (!d) {
        (void)fileop_close(fd);
        return err_set(E_NOMEM, "out of memory for a directory");
    }
    d->kept = true;
    d->pins = 1;
    (void)pthread_mutex_lock(&pool->lock);
    fd = idle_opened(d, fd);
    (void)pthread_mutex_unlock(&pool->lock);
    (void)fileop_close(fd);
    *out = d;
    return 0;
}

int dirfd_root_at(struct dirfd_pool *pool, const char *path, struct statx *st,
                  struct dirfd **out)
{
    int fd = fileop_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    int rc;

    if (fd < 0)
        return err_set_errno(E_SOURCE, errno, "%s: cannot be opened", path);
    if (fileop_statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, st) < 0) {
        rc = err_set_errno(E_SOURCE, errno, "%s: cannot be looked at", path);
        (void)fileop_close(fd);
        return rc;
    }
    return dirfd_root(pool, fd, st, bytes_of(NULL, 0), out);
}

/* d gets its place below parent, and its descriptor. */
static void dirfd_insert(struct dirfd *d, struct dirfd *parent, int fd,
                         int flags)
{
    d->flags = flags;
    d->parent = dirfd_ref(parent);
    (void)pthread_mutex_lock(&d->pool->lock);
    fd = idle_opened(d, fd);
    (void)pthread_mutex_unlock(&d->pool->lock);
    (void)fileop_close(fd);
}

int dirfd_open(struct dirfd *parent, const char *name, int extra,
               struct statx *st, struct dirfd **out, int *open_errno)
{
    struct dirfd_pool *pool = parent->pool;
    struct dirfd *d;
    int flags = pool->flags | extra;
    int fd;

    *out = NULL;
    *open_errno = 0;
    if (extra & O_PATH)
        flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    fd = component_open(pool, parent->fd, name, flags);
    if (fd < 0 || fd_stat(fd, st) < 0) {
        *open_errno = errno;
        (void)fileop_close(fd);
        return 0;
    }
    d = dirfd_alloc(pool, bytes_of_str(name), st);
    if (!d) {
        (void)fileop_close(fd);
        return err_set(E_NOMEM, "out of memory for a directory");
    }
    dirfd_insert(d, parent, fd, flags);
    *out = d;
    return 0;
}

int dirfd_graft(struct dirfd *parent, const char *name, int fd, int flags,
                const struct statx *st, struct dirfd **out)
{
    struct dirfd *d = dirfd_alloc(parent->pool, bytes_of_str(name), st);

    if (!d) {
        (void)fileop_close(fd);
        return err_set(E_NOMEM, "out of memory for a directory");
    }
    d->kept = true;
    d->pins = 1;
    dirfd_insert(d, parent, fd, flags);
    *out = d;
    return 0;
}

int dirfd_adopt(struct dirfd *parent, const char *name, int fd, int flags,
                const struct statx *st, struct dirfd **out)
{
    struct dirfd *d = dirfd_alloc(parent->pool, bytes_of_str(name), st);

    if (!d) {
        (void)fileop_close(fd);
        return err_set(E_NOMEM, "out of memory for a file");
    }
    dirfd_insert(d, parent, fd, flags | O_NOFOLLOW);
    *out = d;
    return 0;
}

/* A file system gives the number of an inode that went to the next one. */
static bool dirfd_is(const struct dirfd *d, const struct statx *st)
{
    if (stat_entry_dev(st) != d->dev || st->stx_ino != d->inode)
        return false;
    return !(st->stx_mask & STATX_BTIME) || d->born.tv_sec == 0 ||
           (st->stx_btime.tv_sec == d->born.tv_sec &&
            st->stx_btime.tv_nsec == d->born.tv_nsec);
}

/* Opens d, whose parent is open, again. -1 and errno. Under the lock. */
static int dirfd_reopen_one(struct dirfd *d)
{
    struct statx st;
    int fd = component_open(d->pool, d->parent->fd, d->name, d->flags);
    int e;

    if (fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
            errno = ESTALE;
        return -1;
    }
    e = fd_stat(fd, &st) < 0 ? errno : dirfd_is(d, &st) ? 0 : ESTALE;
    if (e) {
        (void)fileop_close(fd);
        errno = e;
        return -1;
    }
    (void)fileop_close(idle_opened(d, fd));
    return 0;
}

/* Opens d and what above it is closed, from the top. Under the lock. */
static int dirfd_reopen(struct dirfd *d)
{
    while (d->fd < 0) {
        struct dirfd *top = d;

        while (top->parent->fd < 0)
            top = top->parent;
        if (dirfd_reopen_one(top) < 0)
            return -1;
    }
    return 0;
}

int dirfd_pin(struct dirfd *d)
{
    struct dirfd_pool *pool = d->pool;
    int fd = -1;

    (void)pthread_mutex_lock(&pool->lock);
    if (d->fd >= 0 || dirfd_reopen(d) == 0) {
        if (d->pins++ == 0)
            idle_remove(d);
        fd = d->fd;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return fd;
}

void dirfd_unpin(struct dirfd *d)
{
    struct dirfd_pool *pool = d->pool;
    int e = errno;
    int fd;

    (void)pthread_mutex_lock(&pool->lock);
    ASSERT(d->pins > 0);
    if (--d->pins == 0)
        idle_push(d);
    /* each that is opened takes the place of one at most: pins may have kept
     * more */
    while ((fd = idle_take(pool, 0)) >= 0)
        (void)fileop_close(fd);
    (void)pthread_mutex_unlock(&pool->lock);
    errno = e;
}

bool dirfd_stands(struct dirfd *d)
{
    struct statx st;
    bool stands;
    int fd;

    (void)pthread_mutex_lock(&d->pool->lock);
    stands = d->fd >= 0;
    (void)pthread_mutex_unlock(&d->pool->lock);
    if (stands)
        return true;
    fd = dirfd_pin(d->parent);
    if (fd < 0)
        return false;
    stands = fileop_statx(fd, d->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                          STAT_ENTRY_MASK, &st) == 0 &&
             dirfd_is(d, &st);
    dirfd_unpin(d->parent);
    return stands;
}

struct dirfd *dirfd_ref(struct dirfd *d)
{
    (void)atomic_fetch_add(&d->refs, 1);
    return d;
}

void dirfd_unref(struct dirfd *d)
{
    while (d && atomic_fetch_sub(&d->refs, 1) == 1) {
        struct dirfd_pool *pool = d->pool;
        struct dirfd *parent = d->parent;

        (void)pthread_mutex_lock(&pool->lock);
        ASSERT(d->pins == (d->kept ? 1 : 0));
        if (d->fd >= 0) {
            if (!d->kept)
                idle_remove(d);
            pool->open_n--;
        }
        (void)pthread_mutex_unlock(&pool->lock);
        /* nobody else has d: others need not wait for this */
        (void)fileop_close(d->fd);
        free(d->name);
        free(d);
        d = parent;
    }
}

struct dirfd *dirfd_parent(const struct dirfd *d)
{
    return d->parent;
}

struct bytes dirfd_name(const struct dirfd *d)
{
    return bytes_of_str(d->name);
}

uint64_t dirfd_dev(const struct dirfd *d)
{
    return d->dev;
}

uint64_t dirfd_inode(const struct dirfd *d)
{
    return d->inode;
}

bool dirfd_is_path(const struct dirfd *d)
{
    return (d->flags & O_PATH) != 0;
}

void dirfd_path(const struct dirfd *d, struct bytes name, struct buf *out)
{
    size_t n = name.n ? name.n + 1 : 0;
    uint8_t *p;

    for (const struct dirfd *a = d; a; a = a->parent)
        n += strlen(a->name) + (a->parent != NULL);
    /* "/" itself has an empty label and nothing behind it */
    p = buf_extend(out, n ? n : 1);
    if (!p)
        return;
    p[0] = '/';
    if (name.n) {
        n -= name.n;
        memcpy(p + n, name.p, name.n);
        p[--n] = '/';
    }
    for (const struct dirfd *a = d; a; a = a->parent) {
        size_t k = strlen(a->name);

        n -= k;
        memcpy(p + n, a->name, k);
        if (a->parent)
            p[--n] = '/';
    }
}

int dirfd_err(int code, int errnum, const struct dirfd *d, struct bytes name,
              const char *what)
{
    struct buf path;
    int rc;

    buf_init(&path, 1 << 22);
    dirfd_path(d, name, &path);
    if (code == E_TARGET && (errnum == ENOSPC || errnum == EDQUOT))
        code = E_NOSPACE;
    rc = err_set_errno(code, errnum, "%.*s: %s",
                       (int)(path.n < 700 ? path.n : 700),
                       path.p ? (const char *)path.p : "", what);
    buf_release(&path);
    return rc;
}
