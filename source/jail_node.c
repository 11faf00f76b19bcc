/* What has no content of its own: links, symlinks, devices, fifos, sockets. */
#include <errno.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "base/mem.h"
#include "source/jail_core.h"
#include "source/jail_made.h"
#include "source/jail_meta.h"
#include "source/stat_entry.h"

struct jail_made {
    struct jail_dir *dir;
    char *name;
    uint64_t dev;
    uint64_t inode;
};

struct jail_deferred {
    struct jail_deferred *next;
    struct jail_made *made;
    uint32_t flags;
};

/* ---- what was made ---------------------------------------------------- */

int jail_made_new(struct jail_dir *dir, const char *name, uint64_t dev,
                  uint64_t inode, struct jail_made **out)
{
    struct jail_made *made = mem_alloc(sizeof *made);

    if (made)
        made->name = mem_dup(bytes_of_str(name));
    if (!made || !made->name) {
        free(made);
        return err_set(E_NOMEM, "out of memory for a hard link");
    }
    made->dir = jail_dir_ref(dir);
    made->dev = dev;
    made->inode = inode;
    *out = made;
    return 0;
}

void jail_made_free(struct jail_made *made)
{
    if (!made)
        return;
    jail_dir_unref(made->dir);
    free(made->name);
    free(made);
}

int jail_made_defer(const struct jail_made *made, uint32_t flags)
{
    struct jail *jail = made->dir->jail;
    struct jail_deferred *d = mem_alloc(sizeof *d);
    int rc = 0;

    if (!d)
        return err_set(E_NOMEM, "out of memory for inode flags");
    rc = jail_made_new(made->dir, made->name, made->dev, made->inode, &d->made);
    if (rc < 0) {
        free(d);
        return rc;
    }
    d->flags = flags;
    (void)pthread_mutex_lock(&jail->lock);
    d->next = jail->deferred;
    jail->deferred = d;
    (void)pthread_mutex_unlock(&jail->lock);
    return 0;
}

/* A descriptor of the very object; -1 and errno when it is not there. */
static int made_open(const struct jail_made *made, int flags)
{
    struct statx st;
    int at = dirfd_pin(made->dir->d);
    int e = ESTALE;
    int fd;

    if (at < 0)
        return -1;
    fd = fileop_openat(at, made->name, flags | O_NOFOLLOW, 0);
    dirfd_unpin(made->dir->d);
    if (fd < 0)
        return -1;
    if (fileop_statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) < 0)
        e = errno;
    else if (stat_entry_dev(&st) == made->dev && st.stx_ino == made->inode)
        return fd;
    (void)fileop_close(fd);
    errno = e;
    return -1;
}

static int deferred_apply(const struct jail_deferred *d, unsigned *lost)
{
    struct entry e = {.has_inode_flags = true, .inode_flags = d->flags};
    struct jail_object o = {.fd = made_open(d->made, O_RDONLY | O_NONBLOCK)};
    struct fsxattr fsx;
    int r;

    if (o.fd < 0)
        return jail_err(d->made->dir, d->made->name, errno,
                        "cannot be opened for its inode flags");
    if (fileop_get_fsxattr(o.fd, &fsx) == 0)
        e.project = fsx.fsx_projid;
    r = jail_meta_late(&o, &e, lost);
    (void)fileop_close(o.fd);
    return r < 0 ? jail_err(d->made->dir, d->made->name, errno,
                            "inode flags cannot be set")
                 : 0;
}

static void deferred_pop(struct jail *jail)
{
    struct jail_deferred *d = jail->deferred;

    jail->deferred = d->next;
    jail_made_free(d->made);
    free(d);
}

int jail_finish(struct jail *jail, unsigned *lost)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    struct err_record first = {0};

    *lost = 0;
    for (; jail->deferred; deferred_pop(jail)) {
        unsigned one = 0;
        int rc = deferred_apply(jail->deferred, &one);

        if (rc < 0 && first.code == 0)
            err_save(rc, &first);
        *lost |= one;
    }
    (void)fileop_enter(domain);
    return first.code ? err_load(&first) : 0;
}

void jail_free(struct jail *jail)
{
    if (!jail)
        return;
    while (jail->deferred)
        deferred_pop(jail);
    jail_dir_unref(jail->root);
    dirfd_pool_free(jail->pool);
    attrs_cache_free(jail->attrs);
    (void)pthread_mutex_destroy(&jail->lock);
    free(jail);
}

/* ---- hard links ------------------------------------------------------- */

static bool errno_forbids_links(int errnum)
{
    return errnum == EXDEV || errnum == EMLINK || errnum == EPERM ||
           errnum == ENOTSUP || errnum == ENOENT || errnum == ENOSYS;
}

/* Errors of made_open that say: it is not there any more. */
static bool errno_is_gone(int errnum)
{
    return errnum == ENOENT || errnum == ELOOP || errnum == ENOTDIR ||
           errnum == ESTALE || errnum == EACCES;
}

/*
 * The object open as from gets one more name. Where nothing stands in its
 * place it gets it at once: a temporary one that a kill leaves over would be
 * a link too many.
 */
static int link_at(struct jail_dir *dir, int at, int from, const char *name,
                   bool existed, bool *linked)
{
    char temp[JAIL_TEMP_CHARS];
    int r = -1;
    int rc;

    if (!existed)
        r = fileop_link_fd(from, at, name);
    *linked = r == 0;
    if (r == 0)
        return 0;
    if (existed || errno == EEXIST) {
        jail_temp_next(&dir->jail->temp, temp);
        r = fileop_link_fd(from, at, temp);
    }
    if (r < 0)
        return errno_forbids_links(errno)
                   ? 0
                   : jail_err(dir, name, errno, "cannot be linked");
    rc = jail_place(dir, at, temp, name, jail_protects(dir->jail, existed));
    *linked = rc == 0;
    if (rc < 0 && fileop_unlinkat(at, temp, 0) < 0)
        rc = err_add(rc, "%s is left over", temp);
    return rc;
}

static int link_decide(struct jail_dir *dir, int at, const struct entry *e,
                       const char *name, const struct jail_made *made,
                       bool *linked, struct jail_result *res)
{
    char target[ENTRY_TARGET_MAX + 1];
    struct entry now;
    struct statx st;
    bool exists;
    int from;
    int rc = jail_look_at(dir, at, name, &now, &st, &exists, target);

    if (rc < 0)
        return rc;
    *linked = true;
    /* A rename of one name of a file over another does nothing. */
    if (exists && stat_entry_dev(&st) == made->dev &&
        st.stx_ino == made->inode) {
        res->outcome = JAIL_SAME;
        return 0;
    }
    res->outcome = exists ? JAIL_REPLACED : JAIL_MADE;
    /* Another file, however much like this one, is not this one. */
    if (jail_decide(dir->jail->options.overwrite, e, exists ? &now : NULL) ==
        JAIL_DO_KEEP) {
        res->outcome = JAIL_KEPT;
        return 0;
    }
    *linked = false;
    from = made_open(made, O_PATH);
    if (from < 0)
        return errno_is_gone(errno)
                   ? 0
                   : jail_err(dir, name, errno, "cannot be linked");
    rc = link_at(dir, at, from, name, exists, linked);
    (void)fileop_close(from);
    return rc;
}

int jail_link(struct jail_dir *dir, const struct entry *e,
              const struct jail_made *made, bool *linked,
              struct jail_result *res)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    char name[ENTRY_NAME_MAX + 1];
    int at;
    int rc = jail_check(dir, e, name);

    *linked = false;
    *res = (struct jail_result){JAIL_MADE, 0, false};
    if (rc < 0 || dir->jail->options.dry_run)
        goto out;
    rc = jail_pin(dir, &at);
    if (rc == 0) {
        rc = link_decide(dir, at, e, name, made, linked, res);
        dirfd_unpin(dir->d);
    }
out:
    (void)fileop_enter(domain);
    return rc;
}

int jail_link_late(struct jail_dir *dir, const struct entry *e,
                   const struct jail_made *made, bool *linked,
                   struct jail_result *res)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    struct timespec times[2];
    struct stat st;
    int fd;
    int rc = 0;

    *linked = false;
    if (!dir->d)
        goto out;
    rc = jail_pin(dir, &fd);
    if (rc < 0)
        goto out;
    if (fileop_fstat(fd, &st) < 0) {
        rc = jail_err(dir, "", errno, "cannot be looked at");
    } else {
        times[0] = st.st_atim;
        times[1] = st.st_mtim;
        rc = jail_link(dir, e, made, linked, res);
        if (rc == 0 && fileop_futimens(fd, times) < 0)
            rc = jail_err(dir, "", errno, "times cannot be set back");
    }
    dirfd_unpin(dir->d);
out:
    (void)fileop_enter(domain);
    return rc;
}

/* ---- nodes ------------------------------------------------------------ */

/* Makes e's object at temp. 0, or -1 with errno. */
static int node_create(int at, const char *temp, const struct entry *e)
{
    mode_t type = stat_entry_mode(e->type);
    dev_t dev = 0;

    if (e->type == ENTRY_SYMLINK) {
        char *target = mem_dup(e->target);
        int r = -1;

        if (target)
            r = fileop_symlinkat(target, at, temp);
        else
            errno = ENOMEM;
        free(target);
        return r;
    }
    if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK)
        dev = makedev(e->rdev_major, e->rdev_minor);
    return fileop_mknodat(at, temp, type | 0600, dev);
}

/*
 * A descriptor of what was made at temp. Somebody who can write to the
 * directory may have put something else there, a second name of a file of
 * another's even: no metadata is set on that.
 */
static int node_open(const struct jail_dir *dir, int at, const char *temp,
                     const struct entry *e)
{
    struct statx st;
    int fd = fileop_openat(at, temp, O_PATH | O_NOFOLLOW, 0);

    if (fd < 0)
        return -1;
    if (fileop_statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) == 0 &&
        (st.stx_mode & S_IFMT) == stat_entry_mode(e->type) &&
        st.stx_nlink == 1 && (dir->made || st.stx_uid == geteuid()) &&
        st.stx_rdev_major == e->rdev_major &&
        st.stx_rdev_minor == e->rdev_minor)
        return fd;
    (void)fileop_close(fd);
    errno = ESTALE;
    return -1;
}

static int node_fill(struct jail_dir *dir, int at, const char *temp,
                     const struct entry *e, const char *name, bool existed,
                     struct jail_made **made, unsigned *lost)
{
    struct jail_object o = {.is_path = true, .fresh = true};
    struct statx st;
    struct jail_want want;
    int rc = jail_want(dir->jail, e, &want);

    if (rc < 0)
        return rc;
    o.fd = node_open(dir, at, temp, e);
    if (o.fd < 0)
        return jail_err(dir, name, errno, "was replaced during the restore");
    if (dir->default_acl && e->type != ENTRY_SYMLINK)
        jail_meta_strip_acl(&o);
    if (jail_meta_apply(&o, &want, lost) < 0)
        rc = jail_err(dir, name, errno, "metadata cannot be set");
    if (rc == 0 && made) {
        if (fileop_statx(o.fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) < 0)
            rc = jail_err(dir, name, errno, "cannot be looked at");
        else
            rc =
                jail_made_new(dir, name, stat_entry_dev(&st), st.stx_ino, made);
    }
    if (rc == 0)
        rc = jail_place(dir, at, temp, name, jail_protects(dir->jail, existed));
    (void)fileop_close(o.fd);
    return rc;
}

static int node_write(struct jail_dir *dir, int at, const struct entry *e,
                      const char *name, bool existed, struct jail_made **made,
                      struct jail_result *res)
{
    char temp[JAIL_TEMP_CHARS];
    int rc;

    jail_temp_next(&dir->jail->temp, temp);
    if (node_create(at, temp, e) < 0) {
        if (errno != EPERM && errno != ENOTSUP && errno != EINVAL &&
            errno != ENOSYS)
            return jail_err(dir, name, errno, "cannot be made");
        *res = (struct jail_result){JAIL_SKIPPED, JAIL_LOST_OBJECT, false};
        return 0;
    }
    rc = node_fill(dir, at, temp, e, name, existed, made, &res->lost);
    if (rc < 0 && fileop_unlinkat(at, temp, 0) < 0 && errno != ENOENT)
        rc = err_add(rc, "%s is left over", temp);
    return rc;
}

static int node_at(struct jail_dir *dir, int at, const struct entry *e,
                   const char *name, struct jail_made **made,
                   struct jail_result *res)
{
    struct jail_standing now;
    bool write;
    int rc = jail_settle(dir, at, e, name, dir->jail->options.overwrite, &now,
                         &write, res);

    if (rc < 0 || !write)
        return rc;
    return node_write(dir, at, e, name, now.exists, made, res);
}

int jail_node(struct jail_dir *dir, const struct entry *e,
              struct jail_made **made, struct jail_result *res)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    char name[ENTRY_NAME_MAX + 1];
    int at;
    int rc = jail_check(dir, e, name);

    ASSERT(rc < 0 || (e->type != ENTRY_FILE && e->type != ENTRY_DIR));
    *res = (struct jail_result){JAIL_MADE, 0, false};
    if (made)
        *made = NULL;
    if (rc == 0 && dir->d) {
        rc = jail_pin(dir, &at);
        if (rc == 0) {
            rc = node_at(dir, at, e, name, made, res);
            dirfd_unpin(dir->d);
        }
    }
    (void)fileop_enter(domain);
    return rc;
}
