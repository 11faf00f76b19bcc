#include "store/local.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cold.h"
#include "base/fileop.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/room.h"
#include "store/local_impl.h"

enum { LOCAL_READ_LARGE = 1 << 20 };

static const char *local_advice(int errnum)
{
    switch (errnum) {
    case EROFS:
        return "; the file system is read-only: a file system turns so by "
               "itself after disk errors, see the kernel log";
    case EACCES:
    case EPERM:
        return "; run as the user who owns the repository";
    case EIO:
    case EUCLEAN:
        return "; the disk or its connection may be failing, see the kernel "
               "log and do not write there before it is repaired";
    case EMFILE:
    case ENFILE:
        return "; raise the limit of open files (ulimit -n)";
    case ELOOP:
    case ENOTDIR:
        return "; inside a repository symbolic links are refused";
    default:
        return "";
    }
}

static int local_full(const struct local *l, const char *doing,
                      const char *name, const char *reason)
{
    struct statvfs st;
    uint64_t bytes = 0;

    if (fileop_statvfs(l->root, &st) == 0)
        bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return err_set(E_NOSPACE,
                   "%s: cannot %s %s: %s (%" PRIu64 " bytes free); make room "
                   "there and run it again: nothing that is stored is lost",
                   l->base.place, doing, name, reason, bytes);
}

int local_fail(const struct local *l, int errnum, const char *doing,
               const char *name)
{
    char text[128];
    const char *reason = strerror_r(errnum, text, sizeof text);

    if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG)
        return local_full(l, doing, name, reason);
    return err_set(errnum == ENOMEM ? E_NOMEM : E_STORE,
                   "%s: cannot %s %s: %s%s", l->base.place, doing, name, reason,
                   local_advice(errnum));
}

int local_trust(const struct local *l)
{
    if (!atomic_load(&l->distrust))
        return 0;
    return err_set(E_STORE,
                   "%s: writing to disk failed earlier, and what is asked now "
                   "could not be believed; start the program again",
                   l->base.place);
}

int local_sync_named(struct local *l, int fd, bool is_dir, const char *name)
{
    int r = is_dir ? fileop_sync_dir(fd) : fileop_sync(fd);

    if (r == 0)
        return 0;
    atomic_store(&l->distrust, true);
    return local_fail(l, errno, is_dir ? "sync the directory of" : "sync",
                      name);
}

int local_file_open(const struct local *l, int dir, const char *leaf,
                    const char *name, int *out, uint64_t *size)
{
    struct stat st;
    /* not to hang on a FIFO that somebody put there */
    int fd = fileop_openat(dir, leaf,
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    int rc = 0;

    *out = -1;
    if (fd < 0)
        return errno == ENOENT ? 0 : local_fail(l, errno, "open", name);
    if (fileop_fstat(fd, &st) < 0) {
        rc = local_fail(l, errno, "look at", name);
    } else if (!S_ISREG(st.st_mode)) {
        rc = err_set(E_STORE, "%s: %s is not a regular file", l->base.place,
                     name);
    } else {
        *size = (uint64_t)st.st_size;
        *out = fd;
        fd = -1;
    }
    (void)fileop_close(fd);
    return rc;
}

/* The object for reading, or fd -1. */
static int local_find(struct local *l, const char *name, int *fd,
                      uint64_t *size)
{
    const char *leaf;
    int dir;
    int rc = local_dir_open(l, name, LOCAL_DIR_FIND, &dir, &leaf);

    *fd = -1;
    if (rc == 0 && dir >= 0)
        rc = local_file_open(l, dir, leaf, name, fd, size);
    local_dir_close(l, dir);
    return rc;
}

static int local_get(struct store *s, const char *name, struct buf *out,
                     bool *found)
{
    struct local *l = local_of(s);
    uint64_t size = 0;
    ssize_t got;
    int fd;
    int rc = local_find(l, name, &fd, &size);

    if (rc < 0 || fd < 0)
        return rc;
    if (size > out->max) {
        rc = err_set(E_LIMIT,
                     "%s: %s has %" PRIu64 " bytes; at most %zu were expected",
                     s->place, name, size, out->max);
        goto out;
    }
    if (size > 0 && !buf_extend(out, (size_t)size)) {
        rc = err_add(buf_status(out), "%s: %s", s->place, name);
        goto out;
    }
    got = fileop_pread_full(fd, out->p, (size_t)size, 0);
    if (got < 0)
        rc = local_fail(l, errno, "read", name);
    else if ((uint64_t)got < size)
        rc = err_set(E_CORRUPT, "%s: %s shrank while it was read", s->place,
                     name);
    else
        *found = true;
out:
    if (rc < 0)
        buf_reset(out);
    (void)fileop_close(fd);
    return rc;
}

/* Who reads so much at once goes through everything: where memory is short,
 * that leaves it again. */
static ssize_t local_read(int fd, void *to, size_t n, uint64_t off,
                          uint64_t size)
{
    struct cold c = {.size = size, .any = false};
    ssize_t got;

    if (n >= limit_piece(LIMIT_READ, LOCAL_READ_LARGE) && room_is_short())
        cold_look(&c, fd, size);
    got = fileop_pread_full(fd, to, n, off);
    if (c.any)
        cold_drop(&c, fd, off, off + n);
    return got;
}

static int local_get_range(struct store *s, const char *name, uint64_t off,
                           void *to, size_t n, bool *found)
{
    struct local *l = local_of(s);
    uint64_t size = 0;
    ssize_t got;
    int fd;
    int rc = local_find(l, name, &fd, &size);

    if (rc < 0 || fd < 0)
        return rc;
    *found = true;
    if (off > size || n > size - off) {
        rc = err_set(E_CORRUPT,
                     "%s: %s has %" PRIu64
                     " bytes; %zu were to be read at %" PRIu64,
                     s->place, name, size, n, off);
        goto out;
    }
    got = local_read(fd, to, n, off, size);
    if (got < 0)
        rc = local_fail(l, errno, "read", name);
    else if ((size_t)got < n)
        rc = err_set(E_CORRUPT, "%s: %s shrank while it was read", s->place,
                     name);
out:
    (void)fileop_close(fd);
    return rc;
}

static int local_size(struct store *s, const char *name, uint64_t *size,
                      bool *found)
{
    int fd;
    int rc = local_find(local_of(s), name, &fd, size);

    *found = fd >= 0;
    (void)fileop_close(fd);
    return rc;
}

static int local_remove(struct store *s, const char *name)
{
    struct local *l = local_of(s);
    const char *leaf;
    int dir;
    int rc = local_dir_open(l, name, LOCAL_DIR_FIND, &dir, &leaf);

    if (rc == 0 && dir >= 0 && fileop_unlinkat(dir, leaf, 0) < 0 &&
        errno != ENOENT)
        rc = local_fail(l, errno, "delete", name);
    local_dir_close(l, dir);
    return rc;
}

static int local_make_durable(struct store *s, const char *name, bool *found)
{
    struct local *l = local_of(s);
    const char *leaf;
    uint64_t size;
    int fd = -1;
    int dir = -1;
    int rc = local_trust(l);

    if (rc == 0)
        rc = local_dir_open(l, name, LOCAL_DIR_SETTLE, &dir, &leaf);
    if (rc < 0 || dir < 0)
        goto out;
    rc = local_file_open(l, dir, leaf, name, &fd, &size);
    if (rc == 0 && fd >= 0)
        rc = local_sync_named(l, fd, false, name);
    if (rc == 0)
        rc = local_sync_named(l, dir, true, name);
    *found = rc == 0 && fd >= 0;
out:
    (void)fileop_close(fd);
    local_dir_close(l, dir);
    return rc;
}

static int local_free_space(struct store *s, uint64_t *bytes)
{
    struct local *l = local_of(s);
    struct statvfs st;

    if (fileop_statvfs(l->root, &st) < 0)
        return local_fail(l, errno, "ask for the free space of", "it");
    *bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return 0;
}

static void local_close(struct store *s)
{
    struct local *l = local_of(s);

    local_dir_release(l);
    (void)fileop_close(l->tmp);
    (void)fileop_close(l->root);
    (void)pthread_mutex_destroy(&l->lock);
    free(l->base.place);
    free(l);
}

static const struct store_ops local_ops = {
    .close = local_close,
    .writer_open = local_writer_open,
    .writer_append = local_writer_append,
    .writer_commit = local_writer_commit,
    .writer_free = local_writer_free,
    .get = local_get,
    .get_range = local_get_range,
    .size = local_size,
    .list = local_list_run,
    .remove = local_remove,
    .make_durable = local_make_durable,
    .free_space = local_free_space,
};

static struct local *local_new(const char *path)
{
    struct local *l = mem_alloc(sizeof *l);
    size_t n = strlen(path);

    if (!l)
        return NULL;
    while (n > 1 && path[n - 1] == '/')
        n--;
    l->base.ops = &local_ops;
    l->base.place = mem_dup(bytes_of(path, n));
    l->root = -1;
    l->tmp = -1;
    l->namings = (1U << LOCAL_NAMINGS) - 1;
    (void)pthread_mutex_init(&l->lock, NULL);
    if (!l->base.place) {
        local_close(&l->base);
        return NULL;
    }
    return l;
}

static int local_open_root(struct local *l)
{
    struct stat st;

    l->root = fileop_openat(AT_FDCWD, l->base.place, O_RDONLY | O_DIRECTORY, 0);
    if (l->root < 0 && errno == ENOENT)
        return err_set(
            E_NOREPO,
            "%s: no such directory; is its file system mounted? Only "
            "'dedup init' makes a repository",
            l->base.place);
    if (l->root < 0 && errno == ENOTDIR)
        return err_set(E_NOREPO, "%s: not a directory; a repository is one",
                       l->base.place);
    if (l->root < 0)
        return local_fail(l, errno, "open", "it");
    if (fileop_fstat(l->root, &st) < 0)
        return local_fail(l, errno, "look at", "it");
    l->file_mode = st.st_mode & S_IWGRP ? 0440 : 0400;
    l->dir_mode = st.st_mode & S_IWGRP ? 0770 : 0700;
    return 0;
}

int local_open(const char *path, struct store **out)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);
    struct local *l = local_new(path);
    int rc;

    if (l)
        rc = local_open_root(l);
    else
        rc = err_set(E_NOMEM, "%s: out of memory", path);
    if (rc == 0)
        *out = &l->base;
    else if (l)
        local_close(&l->base);
    (void)fileop_enter(outer);
    return rc;
}

/* The parent is reached from the directory itself, so that a symbolic link as
 * the root leads to the place that holds the new name. */
static int local_sync_parent(struct local *l)
{
    int parent = fileop_openat(l->root, "..", O_RDONLY | O_DIRECTORY, 0);
    int rc;

    if (parent < 0)
        return local_fail(l, errno, "open the parent directory of", "it");
    rc = local_sync_named(l, parent, true, "it");
    (void)fileop_close(parent);
    return rc;
}

int local_create(const char *path)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);
    struct local *l = local_new(path);
    int rc = 0;

    if (!l) {
        rc = err_set(E_NOMEM, "%s: out of memory", path);
        goto out;
    }
    if (fileop_mkdirat(AT_FDCWD, l->base.place, 0700) < 0 && errno != EEXIST) {
        rc = local_fail(l, errno, "make", "the directory");
        goto out;
    }
    rc = local_open_root(l);
    if (rc == 0)
        rc = local_sync_parent(l);
out:
    if (l)
        local_close(&l->base);
    (void)fileop_enter(outer);
    return rc;
}

void local_use_naming(struct store *s, enum local_naming naming)
{
    local_of(s)->namings = 1U << naming;
}
