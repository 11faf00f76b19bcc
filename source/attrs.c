#include "source/attrs.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum {
    ATTRS_DEVICES = 64, /* more are not remembered */
    ATTRS_PATH_MAX = 32 + ENTRY_NAME_MAX,
    ATTRS_LIST_FIRST = 256,
    ATTRS_LIST_MAX = 65536, /* the kernel's own limit */
    ATTRS_VALUE_FIRST = 256
};

/* What a file system does not have. */
enum attrs_lack {
    LACKS_XATTR = 1,       /* on files and directories */
    LACKS_OTHER_XATTR = 2, /* on symlinks, devices, ... */
    LACKS_FLAGS = 4,
    LACKS_PROJECT = 8
};

/* Slots are filled in order, never emptied, and read without the lock. */
struct attrs_cache {
    pthread_mutex_t lock; /* for adding a slot */
    atomic_size_t n;
    struct {
        uint64_t dev;
        atomic_uint lacks;
    } slot[ATTRS_DEVICES];
};

/* What to ask: a descriptor, or a path that is not followed. */
struct attrs_object {
    int fd; /* -1: by path */
    char path[ATTRS_PATH_MAX];
    bool follow; /* path is /proc/self/fd/N: the descriptor itself */
};

int attrs_cache_new(struct attrs_cache **out)
{
    struct attrs_cache *cache = mem_alloc(sizeof *cache);

    if (!cache)
        return err_set(E_NOMEM, "out of memory for attributes");
    (void)pthread_mutex_init(&cache->lock, NULL);
    *out = cache;
    return 0;
}

void attrs_cache_free(struct attrs_cache *cache)
{
    if (!cache)
        return;
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static unsigned attrs_lacks(struct attrs_cache *cache, uint64_t dev)
{
    size_t n = atomic_load(&cache->n);

    for (size_t i = 0; i < n; i++) {
        if (cache->slot[i].dev == dev)
            return atomic_load(&cache->slot[i].lacks);
    }
    return 0;
}

static void attrs_note(struct attrs_cache *cache, uint64_t dev,
                       enum attrs_lack lack)
{
    size_t n;
    size_t i = 0;

    (void)pthread_mutex_lock(&cache->lock);
    n = atomic_load(&cache->n);
    while (i < n && cache->slot[i].dev != dev)
        i++;
    if (i < ATTRS_DEVICES) {
        cache->slot[i].dev = dev;
        (void)atomic_fetch_or(&cache->slot[i].lacks, (unsigned)lack);
        if (i == n)
            atomic_store(&cache->n, n + 1);
    }
    (void)pthread_mutex_unlock(&cache->lock);
}

static bool errno_is_lack(int errnum)
{
    return errnum == ENOTSUP || errnum == ENOTTY || errnum == ENOSYS ||
           errnum == EINVAL;
}

/* ---- extended attributes ---------------------------------------------- */

static ssize_t object_list(const struct attrs_object *o, char *to, size_t n)
{
    if (o->fd >= 0)
        return fileop_flistxattr(o->fd, to, n);
    return o->follow ? fileop_listxattr(o->path, to, n)
                     : fileop_llistxattr(o->path, to, n);
}

static ssize_t object_get(const struct attrs_object *o, const char *name,
                          void *to, size_t n)
{
    if (o->fd >= 0)
        return fileop_fgetxattr(o->fd, name, to, n);
    return o->follow ? fileop_getxattr(o->path, name, to, n)
                     : fileop_lgetxattr(o->path, name, to, n);
}

/*
 * The names, each with a NUL behind it. *n is 0 and *errnum set when they
 * cannot be had.
 */
static int names_read(const struct attrs_object *o, struct arena *arena,
                      char **names, size_t *n, int *errnum)
{
    *errnum = 0;
    *n = 0;
    for (size_t cap = ATTRS_LIST_FIRST; cap <= ATTRS_LIST_MAX; cap *= 4) {
        ssize_t r;

        *names = arena_alloc(arena, cap);
        if (!*names)
            return err_set(E_NOMEM, "out of memory for attributes");
        r = object_list(o, *names, cap);
        *errnum = r < 0 ? errno : 0;
        if (r >= 0)
            *n = (size_t)r;
        if (*errnum != ERANGE)
            break;
    }
    return 0;
}

/* One value; *errnum says why not. */
static int value_read(const struct attrs_object *o, const char *name,
                      struct arena *arena, struct bytes *value, int *errnum)
{
    uint8_t first[ATTRS_VALUE_FIRST];
    uint8_t *p;
    ssize_t r = object_get(o, name, first, sizeof first);

    *errnum = 0;
    if (r >= 0)
        return arena_dup(arena, bytes_of(first, (size_t)r), value);
    *errnum = errno;
    if (*errnum != ERANGE)
        return 0;
    p = arena_alloc(arena, ENTRY_XATTR_VALUE_MAX);
    if (!p)
        return err_set(E_NOMEM, "out of memory for attributes");
    r = object_get(o, name, p, ENTRY_XATTR_VALUE_MAX);
    *errnum = r < 0 ? errno : 0;
    *value = bytes_of(p, r < 0 ? 0 : (size_t)r);
    return 0;
}

static int xattr_cmp(const void *a, const void *b)
{
    const struct entry_xattr *x = a;
    const struct entry_xattr *y = b;

    return bytes_cmp(x->name, y->name);
}

static size_t names_count(const char *names, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += names[i] == 0;
    return count;
}

/* The values of names into e, sorted. *lost: errno of one that was not had. */
static int values_read(const struct attrs_object *o, const char *names,
                       size_t names_n, struct entry *e, struct arena *arena,
                       int *lost)
{
    size_t count = names_count(names, names_n);
    struct entry_xattr *list =
        arena_alloc(arena, (count ? count : 1) * sizeof *list);
    size_t at = 0;
    size_t n = 0;

    if (!list)
        return err_set(E_NOMEM, "out of memory for attributes");
    for (size_t i = 0; i < count; i++) {
        const char *name = names + at;
        int errnum;
        int rc;

        at += strlen(name) + 1;
        if (n == ENTRY_XATTR_MAX || strlen(name) > ENTRY_XATTR_NAME_MAX) {
            *lost = E2BIG;
            continue;
        }
        rc = value_read(o, name, arena, &list[n].value, &errnum);
        if (rc < 0)
            return rc;
        /* ENODATA: removed since it was listed, or of a kind that only
         * appears in lists */
        if (errnum && errnum != ENODATA)
            *lost = errnum;
        if (errnum)
            continue;
        list[n++].name = bytes_of_str(name);
    }
    qsort(list, n, sizeof *list, xattr_cmp);
    e->xattr = list;
    e->xattr_n = n;
    return 0;
}

/* *errnum: why not all could be read. */
static int xattrs_read(struct attrs_cache *cache, const struct attrs_object *o,
                       uint64_t dev, enum attrs_lack lack, struct entry *e,
                       struct arena *arena, int *errnum)
{
    char *names = NULL;
    size_t n;
    int rc;

    *errnum = 0;
    if (attrs_lacks(cache, dev) & (unsigned)lack)
        return 0;
    rc = names_read(o, arena, &names, &n, errnum);
    if (rc < 0)
        return rc;
    if (errno_is_lack(*errnum)) {
        *errnum = 0;
        attrs_note(cache, dev, lack);
    }
    if (n == 0)
        return 0;
    return values_read(o, names, n, e, arena, errnum);
}

/* ---- flags ------------------------------------------------------------ */

uint32_t attrs_flags_kept(uint32_t flags)
{
    return flags & (FS_SECRM_FL | FS_UNRM_FL | FS_COMPR_FL | FS_SYNC_FL |
                    FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL |
                    FS_NOATIME_FL | FS_NOCOMP_FL | FS_JOURNAL_DATA_FL |
                    FS_NOTAIL_FL | FS_DIRSYNC_FL | FS_TOPDIR_FL | FS_NOCOW_FL |
                    FS_DAX_FL | FS_PROJINHERIT_FL | FS_CASEFOLD_FL);
}

/* Returns errno of a failure that is not a lack of the file system. */
static int flags_read(struct attrs_cache *cache, int fd, uint64_t dev,
                      struct entry *e)
{
    unsigned lacks = attrs_lacks(cache, dev);
    unsigned flags = 0;
    struct fsxattr fsx;
    int lost = 0;

    if (!(lacks & LACKS_FLAGS)) {
        if (fileop_get_flags(fd, &flags) == 0) {
            e->inode_flags = attrs_flags_kept(flags);
            e->has_inode_flags = true;
        } else if (errno_is_lack(errno)) {
            attrs_note(cache, dev, LACKS_FLAGS);
        } else {
            lost = errno;
        }
    }
    if (!(lacks & LACKS_PROJECT)) {
        if (fileop_get_fsxattr(fd, &fsx) == 0)
            e->project = fsx.fsx_projid;
        else if (errno_is_lack(errno))
            attrs_note(cache, dev, LACKS_PROJECT);
        else
            lost = errno;
    }
    return lost;
}

int attrs_of_fd(struct attrs_cache *cache, int fd, uint64_t dev,
                const struct dirfd *dir, struct bytes name, struct entry *e,
                struct arena *arena)
{
    struct attrs_object o = {.fd = fd};
    int lost;
    int lost_flags;
    int rc = xattrs_read(cache, &o, dev, LACKS_XATTR, e, arena, &lost);

    if (rc < 0)
        return rc;
    lost_flags = flags_read(cache, fd, dev, e);
    if (lost)
        return dirfd_err(E_SOURCE, lost, dir, name, "extended attributes");
    if (lost_flags)
        return dirfd_err(E_SOURCE, lost_flags, dir, name, "inode flags");
    return 0;
}

/* ---- what is no file -------------------------------------------------- */

int attrs_of_name(struct attrs_cache *cache, int fd, const struct dirfd *dir,
                  struct bytes name, struct entry *e, struct arena *arena,
                  bool *vanished)
{
    struct attrs_object o = {.fd = -1, .follow = name.n == 0};
    uint64_t dev = dirfd_dev(dir);
    int lost = 0;
    int rc;

    *vanished = false;
    if (name.n == 0 && !dirfd_is_path(dir))
        return attrs_of_fd(cache, fd, dev, dir, name, e, arena);
    (void)snprintf(o.path, sizeof o.path, "/proc/self/fd/%d%s%s", fd,
                   name.n ? "/" : "", name.n ? (const char *)name.p : "");
    rc = xattrs_read(cache, &o, dev, name.n ? LACKS_OTHER_XATTR : LACKS_XATTR,
                     e, arena, &lost);
    *vanished = rc == 0 && lost == ENOENT;
    if (rc == 0 && lost && !*vanished)
        rc = dirfd_err(E_SOURCE, lost, dir, name, "extended attributes");
    return rc;
}

int attrs_complete(struct attrs_cache *cache, struct dirfd *dir,
                   struct bytes name, struct entry *e, struct arena *arena,
                   bool *vanished)
{
    enum fileop_domain domain = fileop_enter(FILEOP_SOURCE);
    int fd = dirfd_pin(dir);
    int rc = 0;

    *vanished = fd < 0 && errno == ESTALE;
    if (fd >= 0) {
        rc = attrs_of_name(cache, fd, dir, name, e, arena, vanished);
        dirfd_unpin(dir);
    } else if (!*vanished) {
        rc = dirfd_err(E_SOURCE, errno, dir, name, "cannot be opened again");
    }
    (void)fileop_enter(domain);
    return rc;
}
