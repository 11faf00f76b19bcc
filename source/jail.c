#include "source/jail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "source/jail_core.h"
#include "source/jail_meta.h"
#include "source/stat_entry.h"

enum { JAIL_OPEN_DEFAULT = 512, JAIL_PATH_MAX = 1 << 22 };

const char *jail_lost_name(unsigned i)
{
    static const char *const names[JAIL_LOST_KINDS] = {
        "owner", "mode",        "times",      "ACL",
        "xattr", "inode flags", "project id", "object"};

    return i < JAIL_LOST_KINDS ? names[i] : "";
}

struct jail_dir *jail_root(struct jail *jail)
{
    return jail->root;
}

/* ---- paths and errors ------------------------------------------------- */

void jail_dir_path(const struct jail_dir *dir, struct bytes name,
                   struct buf *out)
{
    if (dir->d) {
        dirfd_path(dir->d, name, out);
        return;
    }
    if (dir->parent)
        jail_dir_path(dir->parent, bytes_of_str(dir->name), out);
    else
        buf_add_bytes(out, bytes_of_str(dir->name));
    if (name.n) {
        buf_add(out, "/", 1);
        buf_add_bytes(out, name);
    }
}

int jail_err(const struct jail_dir *dir, const char *name, int errnum,
             const char *what)
{
    struct buf path;
    int code = errnum == ENOSPC || errnum == EDQUOT ? E_NOSPACE : E_TARGET;
    int shown;
    int rc;

    buf_init(&path, JAIL_PATH_MAX);
    jail_dir_path(dir, bytes_of_str(name), &path);
    shown = (int)(path.n < 700 ? path.n : 700);
    if (errnum)
        rc = err_set_errno(code, errnum, "%.*s: %s", shown,
                           path.p ? (const char *)path.p : name, what);
    else
        rc = err_set(code, "%.*s: %s", shown,
                     path.p ? (const char *)path.p : name, what);
    buf_release(&path);
    return rc;
}

int jail_check(const struct jail_dir *dir, const struct entry *e,
               char name[ENTRY_NAME_MAX + 1])
{
    int rc = entry_check(e);
    struct buf path;

    name[0] = 0;
    if (rc == 0) {
        memcpy(name, e->name.p, e->name.n);
        name[e->name.n] = 0;
        return 0;
    }
    buf_init(&path, JAIL_PATH_MAX);
    jail_dir_path(dir, (struct bytes){0}, &path);
    rc = err_add(rc, "in %.*s", (int)(path.n < 700 ? path.n : 700),
                 path.p ? (const char *)path.p : "");
    buf_release(&path);
    return rc;
}

int jail_want(const struct jail *jail, const struct entry *e,
              struct jail_want *want)
{
    return jail_meta_want(jail->options.owners, &jail->options.choice, e, want);
}

int jail_pin(const struct jail_dir *dir, int *fd)
{
    *fd = dirfd_pin(dir->d);
    if (*fd >= 0)
        return 0;
    return jail_err(dir, "", errno,
                    errno == ESTALE ? "was moved during the restore"
                                    : "cannot be opened again");
}

/* ---- the target ------------------------------------------------------- */

/* errno is kept. */
static bool is_there(const char *path)
{
    int errnum = errno;
    struct statx st;
    bool there = fileop_statx(AT_FDCWD, path, 0, STAT_ENTRY_MASK, &st) == 0;

    errno = errnum;
    return there;
}

/* Makes path and what is above it, as mkdir -p does. *made: path itself. */
static int make_path(const char *path, bool *made)
{
    char *copy = mem_dup(bytes_of_str(path));
    int rc = 0;

    *made = false;
    if (!copy)
        return err_set(E_NOMEM, "out of memory for a path");
    for (char *p = copy + 1; rc == 0 && p[-1]; p++) {
        char c = *p;

        if (c != '/' && c != 0)
            continue;
        *p = 0;
        if (fileop_mkdirat(AT_FDCWD, copy, 0777) == 0)
            *made = true;
        else if (errno == EEXIST || errno == EISDIR ||
                 (errno == EROFS && is_there(copy)))
            *made = *made && p[-1] == '/'; /* "made/": the same once more */
        else
            rc = err_set_errno(errno == ENOSPC || errno == EDQUOT ? E_NOSPACE
                                                                  : E_TARGET,
                               errno, "%s: cannot be made", copy);
        *p = c;
        if (c == 0)
            break;
    }
    free(copy);
    return rc;
}

static struct jail_dir *dir_alloc(struct jail *jail, struct jail_dir *parent,
                                  const char *name)
{
    struct jail_dir *dir = mem_alloc(sizeof *dir);

    if (!dir)
        return NULL;
    dir->name = mem_dup(bytes_of_str(name));
    if (!dir->name) {
        free(dir);
        return NULL;
    }
    dir->jail = jail;
    dir->parent = parent ? jail_dir_ref(parent) : NULL;
    atomic_init(&dir->refs, 1);
    return dir;
}

/* Opens the target; may_miss: it need not be there. */
static int open_root(struct jail *jail, const char *target, bool may_miss)
{
    size_t n = strlen(target);
    struct statx st;
    int fd = fileop_openat(AT_FDCWD, target, O_RDONLY | O_DIRECTORY, 0);
    int rc;

    if (fd < 0 && may_miss && errno == ENOENT)
        return 0;
    if (fd < 0)
        return err_set_errno(E_TARGET, errno, "%s: cannot be opened", target);
    if (fileop_statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) < 0) {
        rc = err_set_errno(E_TARGET, errno, "%s: cannot be looked at", target);
        (void)fileop_close(fd);
        return rc;
    }
    while (n > 0 && target[n - 1] == '/')
        n--;
    jail->root->default_acl =
        fileop_fgetxattr(fd, "system.posix_acl_default", NULL, 0) > 0;
    rc = dirfd_root(jail->pool, fd, &st, bytes_of(target, n), &jail->root->d);
    return rc < 0 ? rc : jail_sweep(jail->root);
}

static int open_all(struct jail *jail, const char *target)
{
    size_t max_open =
        jail->options.max_open ? jail->options.max_open : JAIL_OPEN_DEFAULT;
    bool later;
    int rc;

    if (*target == 0)
        return err_set(E_USAGE, "an empty path is no target");
    if (max_open < DIRFD_OPEN_MIN)
        max_open = DIRFD_OPEN_MIN;
    rc = jail_temp_init(&jail->temp);
    if (rc == 0)
        rc = dirfd_pool_new(O_RDONLY | O_NONBLOCK, max_open, &jail->pool);
    if (rc == 0)
        rc = attrs_cache_new(&jail->attrs);
    if (rc < 0)
        return rc;
    jail->root = dir_alloc(jail, NULL, target);
    if (!jail->root)
        return err_set(E_NOMEM, "out of memory for the target");
    if (jail->options.safety)
        jail->root->held = jail->options.safety;
    later = jail->options.dry_run || jail->options.target_later;
    if (!later)
        rc = make_path(target, &jail->target_made);
    return rc < 0 ? rc : open_root(jail, target, later);
}

int jail_root_make(struct jail *jail)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    int rc = 0;

    if (!jail->root->d && !jail->options.dry_run) {
        rc = make_path(jail->root->name, &jail->target_made);
        if (rc == 0)
            rc = open_root(jail, jail->root->name, false);
    }
    (void)fileop_enter(domain);
    return rc;
}

int jail_open(const char *target, const struct jail_options *options,
              struct jail **out)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    struct jail *jail = mem_alloc(sizeof *jail);
    int rc;

    if (jail) {
        jail->options = *options;
        (void)pthread_mutex_init(&jail->lock, NULL);
        rc = open_all(jail, target);
    } else {
        rc = err_set(E_NOMEM, "out of memory for the target");
    }
    if (rc == 0)
        *out = jail;
    else
        jail_free(jail);
    (void)fileop_enter(domain);
    return rc;
}

int jail_sync_at(const struct jail_dir *dir, const char *name)
{
    int fd;
    int rc = jail_pin(dir, &fd);

    if (rc < 0)
        return rc;
    if (fileop_sync_fs(fd) < 0)
        rc = jail_err(dir, name, errno, "cannot be made durable");
    dirfd_unpin(dir->d);
    return rc;
}

int jail_sync(struct jail *jail)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    int rc = 0;

    if (!jail->options.dry_run && jail->root->d)
        rc = jail_sync_at(jail->root, "");
    (void)fileop_enter(domain);
    return rc;
}

void jail_inherits(struct jail_dir *dir, int fd)
{
    struct fsxattr fsx = {0};
    unsigned flags = 0;

    dir->default_acl =
        fileop_fgetxattr(fd, "system.posix_acl_default", NULL, 0) > 0;
    /* When in doubt it does: that costs only calls that find nothing. */
    dir->flags_given = fileop_get_flags(fd, &flags) < 0 ||
                       attrs_flags_kept(flags) != 0 ||
                       fileop_get_fsxattr(fd, &fsx) < 0 || fsx.fsx_projid != 0;
}

bool jail_needs_late(const struct jail_dir *dir, const struct entry *e)
{
    return dir->flags_given || e->project != 0 ||
           attrs_flags_kept(e->inode_flags) != 0;
}

/* ---- directories ------------------------------------------------------ */

struct jail_dir *jail_dir_ref(struct jail_dir *dir)
{
    (void)atomic_fetch_add(&dir->refs, 1);
    return dir;
}

void jail_dir_unref(struct jail_dir *dir)
{
    while (dir && atomic_fetch_sub(&dir->refs, 1) == 1) {
        struct jail_dir *parent = dir->parent;

        jail_keep_free(dir->held);
        dirfd_unref(dir->d);
        free(dir->name);
        free(dir);
        dir = parent;
    }
}

/*
 * A directory of ours that we may not enter or write: gives it what the
 * restore needs. The entry's own mode comes at the end.
 */
static int grant_access(struct jail_dir *dir, int fd, const struct statx *st)
{
    struct jail_object o = {.fd = fd, .is_path = dirfd_is_path(dir->d)};
    char path[32];
    mode_t mode = st->stx_mode & 07777U;

    if ((mode & 0700) == 0700 || geteuid() == 0 || st->stx_uid != geteuid())
        return 0;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (o.is_path ? fileop_fchmodat(AT_FDCWD, path, mode | 0700)
                  : fileop_fchmod(fd, mode | 0700))
        return jail_err(dir, "", errno, "cannot be written to");
    dir->reset_mode = !dir->made;
    dir->old_mode = mode;
    return 0;
}

/* Opens dir->name in the pinned parent; *errnum: why not. */
static int dir_try_open(struct jail_dir *dir, struct statx *st, int *errnum)
{
    struct dirfd *parent = dir->parent->d;
    int fd;
    int rc = dirfd_open(parent, dir->name, 0, st, &dir->d, errnum);

    if (rc < 0 || *errnum != EACCES || dir->jail->options.dry_run)
        return rc;
    rc = dirfd_open(parent, dir->name, O_PATH, st, &dir->d, errnum);
    if (rc < 0 || !dir->d) {
        *errnum = EACCES;
        return rc;
    }
    rc = jail_pin(dir, &fd);
    if (rc == 0) {
        rc = grant_access(dir, fd, st);
        dirfd_unpin(dir->d);
    }
    dirfd_unref(dir->d);
    dir->d = NULL;
    return rc < 0 ? rc : dirfd_open(parent, dir->name, 0, st, &dir->d, errnum);
}

/* A directory that was there: what it loses goes to the safety copy. */
static int dir_hold(struct jail_dir *dir)
{
    const struct jail *jail = dir->jail;
    const struct jail_keep *safety = jail->options.safety;
    int rc;

    if (!safety || jail->options.dry_run)
        return 0;
    if (jail_keep_is_copy(safety, dirfd_dev(dir->d), dirfd_inode(dir->d)))
        return jail_err(dir, "", 0, "holds the safety copy: left alone");
    if (!dir->parent->held)
        return 0;
    rc = jail_keep_new(dir->parent->held, jail->attrs, dir->d, dir->name,
                       &dir->held);
    if (rc == 0 && dir->reset_mode)
        dir->held->was.mode = dir->old_mode;
    return rc;
}

/* dir has been opened: what must be known and done before it is used. */
static int dir_opened(struct jail_dir *dir, const struct entry *e,
                      const struct statx *st)
{
    int fd;
    int rc = jail_pin(dir, &fd);

    if (rc < 0)
        return rc;
    if (dir->made) {
        struct jail_object o = {.fd = fd, .fresh = true};

        if (dir->parent->default_acl)
            jail_meta_strip_acl(&o);
        jail_meta_early(&o, e);
        dir->flags_given = dir->parent->flags_given || e->inode_flags != 0;
        rc = grant_access(dir, fd, st);
    } else {
        jail_inherits(dir, fd);
        if (!dir->jail->options.dry_run)
            rc = grant_access(dir, fd, st);
        if (rc == 0)
            rc = dir_hold(dir);
        if (rc == 0)
            rc = jail_sweep(dir);
    }
    dirfd_unpin(dir->d);
    return rc;
}

static int dir_make(struct jail_dir *dir, int fd, struct statx *st)
{
    int errnum;
    int rc;

    if (fileop_mkdirat(fd, dir->name, 0700) < 0)
        return jail_err(dir->parent, dir->name, errno, "cannot be made");
    dir->made = true;
    rc = dir_try_open(dir, st, &errnum);
    if (rc == 0 && !dir->d)
        rc = jail_err(dir->parent, dir->name, errnum, "cannot be opened");
    return rc;
}

/* dir_make, where something else has to give way. */
static int dir_make_over(struct jail_dir *dir, int fd, struct statx *st)
{
    struct jail_dir *parent = dir->parent;
    struct jail_kept kept = {.in = NULL};
    int rc = 0;

    if (dir->jail->options.safety)
        rc = jail_keep_object(parent->held, parent, fd, dir->name, true, &kept);
    if (rc < 0)
        return rc;
    if (!kept.moved && fileop_unlinkat(fd, dir->name, 0) < 0 &&
        errno != ENOENT) {
        rc = jail_err(parent, dir->name, errno, "cannot be replaced");
        return jail_keep_drop(&kept, fd, dir->name, rc);
    }
    rc = dir_make(dir, fd, st);
    if (rc < 0 && kept.moved && !dir->made)
        rc = jail_keep_drop(&kept, fd, dir->name, rc);
    else if (rc < 0 && kept.in)
        rc = err_add(rc, "what stood there is in the safety copy");
    return rc;
}

/* No directory stands at dir->name; *kept: and the rule keeps what does. */
static int dir_replace(struct jail_dir *dir, int fd, const struct entry *e,
                       struct statx *st, bool *kept, struct jail_result *res)
{
    char target[ENTRY_TARGET_MAX + 1];
    struct entry now;
    bool exists;
    int rc =
        jail_look_at(dir->parent, fd, dir->name, &now, st, &exists, target);

    if (rc < 0)
        return rc;
    dir->replaces = exists;
    res->outcome = exists ? JAIL_REPLACED : JAIL_MADE;
    *kept = jail_decide(dir->jail->options.overwrite, e,
                        exists ? &now : NULL) == JAIL_DO_KEEP;
    if (*kept)
        res->outcome = JAIL_KEPT;
    if (*kept || dir->jail->options.dry_run)
        return 0;
    return exists ? dir_make_over(dir, fd, st) : dir_make(dir, fd, st);
}

/* What jail_dir_enter does in a parent that exists; dir->d may stay NULL. */
static int dir_enter_at(struct jail_dir *dir, int fd, const struct entry *e,
                        bool *kept, struct jail_result *res)
{
    struct statx st = {0};
    struct entry now;
    int errnum;
    int rc = dir_try_open(dir, &st, &errnum);

    if (rc < 0)
        return rc;
    if (dir->d) {
        (void)stat_entry_fill(&st, false, &now);
        dir->keep =
            jail_decide(dir->jail->options.overwrite, e, &now) == JAIL_DO_KEEP;
        res->outcome = JAIL_SAME;
    } else if (errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP) {
        rc = dir_replace(dir, fd, e, &st, kept, res);
    } else {
        rc = jail_err(dir->parent, dir->name, errnum, "cannot be opened");
    }
    if (rc == 0 && dir->d)
        rc = dir_opened(dir, e, &st);
    return rc;
}

int jail_dir_enter(struct jail_dir *parent, const struct entry *e,
                   struct jail_dir **out, struct jail_result *res)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    char name[ENTRY_NAME_MAX + 1];
    struct jail_dir *dir = NULL;
    bool kept = false;
    int fd;
    int rc = jail_check(parent, e, name);

    ASSERT(e->type == ENTRY_DIR || rc < 0);
    *out = NULL;
    *res = (struct jail_result){JAIL_MADE, 0, false};
    if (rc < 0)
        goto out;
    dir = dir_alloc(parent->jail, parent, name);
    if (!dir) {
        rc = err_set(E_NOMEM, "out of memory for a directory");
        goto out;
    }
    if (parent->d) {
        rc = jail_pin(parent, &fd);
        if (rc < 0)
            goto out;
        rc = dir_enter_at(dir, fd, e, &kept, res);
        dirfd_unpin(parent->d);
    }
    if (rc == 0 && !kept) {
        *out = dir;
        dir = NULL;
    }
out:
    jail_dir_unref(dir);
    (void)fileop_enter(domain);
    return rc;
}

/* Takes back what grant_access gave to a directory that keeps its metadata. */
static int dir_reset(const struct jail_dir *dir, int fd)
{
    if (dir->reset_mode && fileop_fchmod(fd, dir->old_mode) < 0)
        return jail_err(dir, "", errno, "mode cannot be set back");
    return 0;
}

bool jail_dir_made(const struct jail_dir *dir)
{
    if (!dir->parent && dir->jail->target_made)
        return true;
    /* in a dry run what would be made has no descriptor */
    return dir->made || !dir->d;
}

int jail_dir_pass(struct jail_dir *dir)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    int fd;
    int rc = 0;

    if (dir->reset_mode) {
        rc = jail_pin(dir, &fd);
        if (rc == 0) {
            rc = dir_reset(dir, fd);
            dirfd_unpin(dir->d);
        }
    }
    (void)fileop_enter(domain);
    return rc;
}

static int dir_apply(struct jail_dir *dir, const struct entry *e, int fd,
                     unsigned *lost)
{
    struct jail_object o = {.fd = fd, .fresh = dir->made};
    struct jail_want want;
    bool late;
    int rc = jail_want(dir->jail, e, &want);

    if (rc < 0)
        return rc;
    if (dir->held && dir->parent && !jail_meta_same(&want, &dir->held->was))
        rc = jail_keep_dir(dir->held);
    if (rc < 0)
        return rc;
    late = !dir->made || jail_needs_late(dir->parent, e) ||
           jail_needs_late(dir, e);
    if (jail_meta_apply(&o, &want, lost) < 0 ||
        (late && jail_meta_late(&o, e, lost) < 0))
        rc = jail_err(dir, "", errno, "metadata cannot be set");
    return rc;
}

/* Whether a directory that stands there has other metadata than e. */
static int dir_compare(struct jail_dir *dir, const struct entry *e, bool *other)
{
    struct arena arena = {0};
    struct jail_want want;
    struct entry now;
    struct statx st;
    int fd;
    int rc = jail_pin(dir, &fd);

    if (rc < 0)
        return rc;
    rc = jail_want(dir->jail, e, &want);
    if (rc == 0 &&
        fileop_statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) < 0)
        rc = jail_err(dir, "", errno, "cannot be looked at");
    if (rc == 0) {
        (void)stat_entry_fill(&st, false, &now);
        rc = attrs_of_fd(dir->jail->attrs, fd, dirfd_dev(dir->d), dir->d,
                         (struct bytes){0}, &now, &arena);
        *other = rc < 0 || !jail_meta_same(&want, &now);
    }
    if (rc == E_SOURCE) {
        err_ignore(rc, "what cannot be read would be set");
        rc = 0;
    }
    arena_release(&arena);
    dirfd_unpin(dir->d);
    return rc;
}

int jail_dir_finish(struct jail_dir *dir, const struct entry *e,
                    struct jail_result *res)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    struct entry named = *e;
    /* the target counts as one that was there, also when it is made */
    bool made = dir->parent && jail_dir_made(dir);
    int fd;
    int rc;

    *res = (struct jail_result){made ? JAIL_MADE : JAIL_SAME, 0, false};
    if (made && dir->replaces)
        res->outcome = JAIL_REPLACED;
    named.name = bytes_of_str("root"); /* the name was checked on entering */
    rc = entry_check(&named);
    if (rc == 0 && dir->jail->options.dry_run && dir->keep)
        res->outcome = JAIL_KEPT;
    else if (rc == 0 && dir->jail->options.dry_run && dir->d && !dir->made)
        rc = dir_compare(dir, e, &res->meta);
    if (rc < 0 || dir->jail->options.dry_run)
        goto out;
    rc = jail_pin(dir, &fd);
    if (rc < 0)
        goto out;
    if (dir->keep) {
        res->outcome = JAIL_KEPT;
        rc = dir_reset(dir, fd);
    } else {
        rc = dir_apply(dir, e, fd, &res->lost);
    }
    dirfd_unpin(dir->d);
out:
    (void)fileop_enter(domain);
    return rc;
}
