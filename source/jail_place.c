/* What stands in a jail already: looking at it, replacing it, sweeping. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "source/jail_core.h"
#include "source/jail_meta.h"
#include "source/stat_entry.h"

enum { PLACE_DENTS = 32 << 10 };

int jail_stat_at(const struct jail_dir *dir, int fd, const char *name,
                 struct entry *e, struct statx *st, bool *exists)
{
    *exists = false;
    if (fileop_statx(fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                     STAT_ENTRY_MASK, st) < 0)
        return errno == ENOENT
                   ? 0
                   : jail_err(dir, name, errno, "cannot be looked at");
    if (!stat_entry_fill(st, false, e))
        return jail_err(dir, name, 0, "is of an unknown type");
    e->name = bytes_of_str(name);
    *exists = true;
    return 0;
}

int jail_look_at(const struct jail_dir *dir, int fd, const char *name,
                 struct entry *e, struct statx *st, bool *exists, char *target)
{
    ssize_t n;
    int rc = jail_stat_at(dir, fd, name, e, st, exists);

    if (rc < 0 || !*exists || e->type != ENTRY_SYMLINK)
        return rc;
    n = fileop_readlinkat(fd, name, target, ENTRY_TARGET_MAX + 1);
    if (n < 0)
        return jail_err(dir, name, errno, "cannot be read");
    e->target = bytes_of(target, (size_t)n);
    return 0;
}

bool jail_protects(const struct jail *jail, bool existed)
{
    return !existed &&
           (jail->options.overwrite == JAIL_NEVER ||
            jail->options.overwrite == JAIL_IF_NEWER || jail->options.safety);
}

/* The object at temp takes the place of an empty directory. */
static int place_over_dir(struct jail_dir *dir, int fd, const char *temp,
                          const char *name, struct jail_kept *kept)
{
    if (fileop_unlinkat(fd, name, AT_REMOVEDIR) < 0)
        return jail_err(dir, name, errno,
                        "a directory in its place cannot be removed");
    kept->in = NULL; /* whatever comes now, it has to stay in the copy */
    if (fileop_renameat2(fd, temp, fd, name, 0) < 0)
        return jail_err(dir, name, errno, "cannot be put in place");
    return 0;
}

static int place_over(struct jail_dir *dir, int fd, const char *temp,
                      const char *name)
{
    struct jail_kept kept = {.in = NULL};
    int rc = 0;

    if (dir->jail->options.safety)
        rc = jail_keep_object(dir->held, dir, fd, name, false, &kept);
    if (rc < 0 || fileop_renameat2(fd, temp, fd, name, 0) == 0)
        return rc;
    if (errno == EISDIR || errno == EEXIST || errno == ENOTEMPTY)
        rc = place_over_dir(dir, fd, temp, name, &kept);
    else
        rc = jail_err(dir, name, errno, "cannot be put in place");
    return rc < 0 ? jail_keep_drop(&kept, fd, name, rc) : 0;
}

int jail_place(struct jail_dir *dir, int fd, const char *temp, const char *name,
               bool fresh)
{
    if (!fresh)
        return place_over(dir, fd, temp, name);
    if (fileop_renameat2(fd, temp, fd, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EEXIST)
        return jail_err(dir, name, 0, "appeared during the restore: kept");
    /* a file system without that flag */
    if (errno == EINVAL || errno == ENOSYS)
        return place_over(dir, fd, temp, name);
    return jail_err(dir, name, errno, "cannot be put in place");
}

int jail_place_unseen(struct jail_dir *dir, int fd, const char *temp,
                      const char *name, bool *existed)
{
    int r = fileop_renameat2(fd, temp, fd, name, RENAME_NOREPLACE);

    *existed = r < 0 && errno == EEXIST;
    if (r == 0)
        return 0;
    /* a file system without that flag */
    if (*existed || errno == EINVAL || errno == ENOSYS)
        return place_over(dir, fd, temp, name);
    return jail_err(dir, name, errno, "cannot be put in place");
}

int jail_object_open(int fd, const char *name, const struct statx *st)
{
    bool is_file = S_ISREG(st->stx_mode);
    int flags =
        is_file ? O_RDONLY | O_NONBLOCK | O_NOFOLLOW : O_PATH | O_NOFOLLOW;
    struct statx now;
    int object = fileop_openat(fd, name, flags, 0);

    if (object < 0)
        return -1;
    if (fileop_statx(object, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &now) == 0 &&
        stat_entry_dev(&now) == stat_entry_dev(st) &&
        now.stx_ino == st->stx_ino &&
        ((now.stx_mode ^ st->stx_mode) & S_IFMT) == 0)
        return object;
    (void)fileop_close(object);
    errno = ESTALE;
    return -1;
}

/* What now has besides what stat told; false: not all of it can be read. */
static bool refresh_attrs(const struct jail_dir *dir, int fd, int object,
                          const char *name, struct entry *now,
                          struct arena *arena, int *rc)
{
    struct attrs_cache *cache = dir->jail->attrs;
    bool vanished = false;

    if (now->type == ENTRY_FILE)
        *rc = attrs_of_fd(cache, object, dirfd_dev(dir->d), dir->d,
                          bytes_of_str(name), now, arena);
    else
        *rc = attrs_of_name(cache, fd, dir->d, bytes_of_str(name), now, arena,
                            &vanished);
    if (*rc == E_SOURCE) {
        err_ignore(*rc, "it is written anew");
        *rc = 0;
        return false;
    }
    return *rc == 0 && !vanished;
}

int jail_refresh(const struct jail_dir *dir, int fd, const char *name,
                 const struct entry *e, const struct statx *st,
                 struct jail_result *res, bool *done)
{
    struct jail_object o = {.is_path = !S_ISREG(st->stx_mode)};
    struct arena arena = {0};
    struct entry now;
    struct jail_want want;
    bool known;
    int rc = jail_want(dir->jail, e, &want);

    *done = false;
    if (rc < 0 || (e->nlink > 1 && st->stx_nlink != e->nlink))
        return rc;
    o.fd = jail_object_open(fd, name, st);
    if (o.fd < 0)
        return 0;
    (void)stat_entry_fill(st, false, &now);
    known = refresh_attrs(dir, fd, o.fd, name, &now, &arena, &rc);
    if (known && jail_meta_same(&want, &now)) {
        *done = true;
    } else if (known && st->stx_nlink == 1 && !dir->jail->options.keep_whole) {
        res->meta = true;
        if (!dir->jail->options.dry_run &&
            (jail_meta_apply(&o, &want, &res->lost) < 0 ||
             jail_meta_late(&o, e, &res->lost) < 0))
            rc = jail_err(dir, name, errno, "metadata cannot be set");
        *done = true;
    }
    arena_release(&arena);
    (void)fileop_close(o.fd);
    return rc;
}

int jail_settle(struct jail_dir *dir, int fd, const struct entry *e,
                const char *name, enum jail_overwrite overwrite,
                struct jail_standing *standing, bool *write,
                struct jail_result *res)
{
    char target[ENTRY_TARGET_MAX + 1];
    enum jail_decision decision;
    struct entry now;
    struct statx st;
    bool exists;
    bool done = false;
    int rc = jail_look_at(dir, fd, name, &now, &st, &exists, target);

    *write = false;
    if (rc < 0)
        return rc;
    *standing = (struct jail_standing){exists, exists ? now.type : ENTRY_FILE};
    decision = jail_decide(overwrite, e, exists ? &now : NULL);
    res->outcome = exists ? JAIL_REPLACED : JAIL_MADE;
    if (decision == JAIL_DO_KEEP) {
        res->outcome = JAIL_KEPT;
        return 0;
    }
    if (decision == JAIL_DO_SAME) {
        rc = jail_refresh(dir, fd, name, e, &st, res, &done);
        if (done)
            res->outcome = JAIL_SAME;
    }
    *write = rc == 0 && !done && !dir->jail->options.dry_run;
    return rc;
}

/* ---- listing and sweeping --------------------------------------------- */

int jail_list(const struct jail_dir *dir, int fd, const struct jail_temp *dead,
              struct buf *names)
{
    uint8_t *dents = mem_alloc(PLACE_DENTS);
    ssize_t n = 0;
    int rc = 0;

    if (!dents)
        return err_set(E_NOMEM, "out of memory for names");
    if (fileop_seek(fd, 0, SEEK_SET) < 0)
        rc = jail_err(dir, "", errno, "cannot be listed");
    while (rc == 0 && (n = fileop_getdents(fd, dents, PLACE_DENTS)) > 0) {
        struct fileop_dirent dent;
        size_t at = 0;

        while (fileop_dirent_next(dents, (size_t)n, &at, &dent)) {
            if (!dead || jail_temp_is_dead(dead, dent.name))
                buf_add(names, dent.name, strlen(dent.name) + 1);
        }
        rc = buf_status(names);
    }
    if (rc == 0 && n < 0)
        rc = jail_err(dir, "", errno, "cannot be listed");
    free(dents);
    return rc;
}

int jail_sweep(struct jail_dir *dir)
{
    struct buf names;
    int fd = -1;
    int rc;

    if (dir->jail->options.dry_run)
        return 0;
    buf_init(&names, (size_t)1 << 40);
    rc = jail_pin(dir, &fd);
    if (rc == 0) {
        rc = jail_list(dir, fd, &dir->jail->temp, &names);
        for (size_t at = 0; rc == 0 && at < names.n;) {
            const char *name = (const char *)names.p + at;
            int r = fileop_unlinkat(fd, name, 0);

            if (r < 0) /* of a safety copy, from where it was brought back */
                r = fileop_unlinkat(fd, name, AT_REMOVEDIR);
            (void)r;
            at += strlen(name) + 1;
        }
        dirfd_unpin(dir->d);
    }
    buf_release(&names);
    if (rc == E_NOMEM)
        return rc;
    if (rc < 0)
        err_ignore(rc, "what is left over stays");
    return 0;
}
