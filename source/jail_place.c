/* What stands in a jail already: looking at it, replacing it, removing it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "source/jail_core.h"
#include "source/jail_meta.h"
#include "source/stat_entry.h"

enum { PLACE_DENTS = 32 << 10 };

int jail_look_at(const struct jail_dir *dir, int fd, const char *name,
                 struct entry *e, struct statx *st, bool *exists, char *target)
{
    ssize_t n;

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
    if (e->type != ENTRY_SYMLINK)
        return 0;
    n = fileop_readlinkat(fd, name, target, ENTRY_TARGET_MAX + 1);
    if (n < 0)
        return jail_err(dir, name, errno, "cannot be read");
    e->target = bytes_of(target, (size_t)n);
    return 0;
}

bool jail_protects(const struct jail *jail, bool existed)
{
    return !existed && (jail->options.overwrite == JAIL_NEVER ||
                        jail->options.overwrite == JAIL_IF_NEWER);
}

int jail_place(const struct jail_dir *dir, int fd, const char *temp,
               const char *name, bool fresh)
{
    int r = fileop_renameat2(fd, temp, fd, name, fresh ? RENAME_NOREPLACE : 0);

    /* a file system without that flag */
    if (r < 0 && fresh && (errno == EINVAL || errno == ENOSYS))
        r = fileop_renameat2(fd, temp, fd, name, 0);
    if (r == 0)
        return 0;
    if (fresh && errno == EEXIST)
        return jail_err(dir, name, 0, "appeared during the restore: kept");
    if (errno != EISDIR && errno != EEXIST && errno != ENOTEMPTY)
        return jail_err(dir, name, errno, "cannot be put in place");
    if (fileop_unlinkat(fd, name, AT_REMOVEDIR) < 0)
        return jail_err(dir, name, errno,
                        "a directory in its place cannot be removed");
    if (fileop_renameat2(fd, temp, fd, name, 0) < 0)
        return jail_err(dir, name, errno, "cannot be put in place");
    return 0;
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
                 const struct entry *e, const struct statx *st, unsigned *lost,
                 bool *done)
{
    struct jail_object o = {.is_path = !S_ISREG(st->stx_mode)};
    struct arena arena = {0};
    struct entry now;
    uint32_t uid;
    uint32_t gid;
    bool known;
    int rc = jail_meta_ids(dir->jail->options.owners, e, &uid, &gid);

    *done = false;
    if (rc < 0 || (e->nlink > 1 && st->stx_nlink != e->nlink))
        return rc;
    o.fd = jail_object_open(fd, name, st);
    if (o.fd < 0)
        return 0;
    (void)stat_entry_fill(st, false, &now);
    known = refresh_attrs(dir, fd, o.fd, name, &now, &arena, &rc);
    if (known && jail_meta_same(e, uid, gid, &now)) {
        *done = true;
    } else if (known && st->stx_nlink == 1 && !dir->jail->options.dry_run) {
        if (jail_meta_apply(&o, e, uid, gid, lost) < 0 ||
            jail_meta_late(&o, e, lost) < 0)
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
        rc = jail_refresh(dir, fd, name, e, &st, &res->lost, &done);
        if (done || dir->jail->options.dry_run)
            res->outcome = JAIL_SAME;
    }
    *write = rc == 0 && !done && !dir->jail->options.dry_run;
    return rc;
}

/* ---- listing and removing --------------------------------------------- */

/* The names in fd from its start, appended to names. dead: NULL, or to add only
 * what dead restores left. */
static int list_names(const struct jail_dir *dir, int fd,
                      const struct jail_temp *dead, struct buf *names)
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
        rc = list_names(dir, fd, &dir->jail->temp, &names);
        for (size_t at = 0; rc == 0 && at < names.n;) {
            const char *name = (const char *)names.p + at;
            int r = fileop_unlinkat(fd, name, 0);

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

/* One directory on the way down of a removal, and what is still in it. */
struct removal {
    struct removal *above;
    struct dirfd *d;
    struct buf names;
    size_t at; /* of names */
};

/*
 * Removes name from d. What turns out to be a directory with something in it
 * is opened instead: *below.
 */
static int remove_one(const struct jail_dir *dir, struct dirfd *d,
                      const char *name, struct dirfd **below)
{
    struct statx st;
    int open_errno = 0;
    int fd = dirfd_pin(d);
    int e;
    int rc = 0;

    *below = NULL;
    if (fd < 0)
        return jail_err(dir, name, errno, "cannot be removed");
    e = fileop_unlinkat(fd, name, 0) < 0 ? errno : 0;
    if (e == EISDIR)
        e = fileop_unlinkat(fd, name, AT_REMOVEDIR) < 0 ? errno : 0;
    if (e == ENOTEMPTY || e == EEXIST) {
        rc = dirfd_open(d, name, 0, &st, below, &open_errno);
        e = open_errno;
    }
    dirfd_unpin(d);
    if (rc == 0 && e && e != ENOENT)
        rc = jail_err(dir, name, e, "cannot be removed");
    return rc;
}

static void removal_pop(struct removal **top)
{
    struct removal *r = *top;

    *top = r->above;
    buf_release(&r->names);
    dirfd_unref(r->d);
    free(r);
}

/* Puts d, a reference taken, on top, with the names in it. */
static int removal_push(const struct jail_dir *dir, struct removal **top,
                        struct dirfd *d)
{
    struct removal *r = mem_alloc(sizeof *r);
    int fd = -1;
    int rc;

    if (!r) {
        dirfd_unref(d);
        return err_set(E_NOMEM, "out of memory for a removal");
    }
    r->d = d;
    r->above = *top;
    buf_init(&r->names, (size_t)1 << 40);
    *top = r;
    fd = dirfd_pin(d);
    if (fd < 0)
        return jail_err(dir, "", errno, "cannot be removed");
    rc = list_names(dir, fd, NULL, &r->names);
    dirfd_unpin(d);
    return rc;
}

/* Empties d, a reference taken, and all below it. */
static int remove_below(const struct jail_dir *dir, struct dirfd *d)
{
    struct removal *top = NULL;
    int rc = removal_push(dir, &top, d);

    while (rc == 0 && top) {
        const char *name;
        struct dirfd *below;

        if (top->at == top->names.n) {
            /* its name is removed, once more, from the one above */
            removal_pop(&top);
            continue;
        }
        name = (const char *)top->names.p + top->at;
        rc = remove_one(dir, top->d, name, &below);
        if (rc == 0 && below)
            rc = removal_push(dir, &top, below);
        else if (rc == 0)
            top->at += strlen(name) + 1;
    }
    while (top)
        removal_pop(&top);
    return rc;
}

int jail_remove(struct jail_dir *dir, struct bytes name)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    char plain[ENTRY_NAME_MAX + 1];
    struct dirfd *below = NULL;
    int rc = 0;

    ASSERT(entry_name_ok(name));
    memcpy(plain, name.p, name.n);
    plain[name.n] = 0;
    /* A second round when something came into it while it was emptied; more
     * is somebody working there. */
    for (int round = 0; dir->d && !dir->jail->options.dry_run && round < 2;
         round++) {
        rc = remove_one(dir, dir->d, plain, &below);
        if (rc < 0 || !below)
            break;
        rc = remove_below(dir, below);
        if (rc < 0)
            break;
        rc = remove_one(dir, dir->d, plain, &below);
        dirfd_unref(below);
        if (rc < 0 || !below)
            break;
        rc = jail_err(dir, plain, ENOTEMPTY, "cannot be removed");
    }
    (void)fileop_enter(domain);
    return rc;
}
