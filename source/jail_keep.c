#include "source/jail_keep.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "source/jail_core.h"
#include "source/stat_entry.h"

/* ---- directories ------------------------------------------------------ */

static void keep_lost(struct jail_safety *s, unsigned lost)
{
    for (unsigned i = 0; i < JAIL_LOST_KINDS; i++) {
        if (lost >> i & 1)
            atomic_fetch_add(&s->progress.lost[i], 1);
    }
}

bool jail_keep_is_copy(const struct jail_keep *k, uint64_t dev, uint64_t inode)
{
    const struct jail_safety *s = k->safety;

    return (dev == s->dev && inode == s->inode) ||
           (dev == s->link_dev && inode == s->link_inode);
}

/* What a counterpart cannot have, or nothing more could be put into it. */
static void keep_tame(struct jail_keep *k)
{
    const uint32_t locks = FS_IMMUTABLE_FL | FS_APPEND_FL;

    if (!k->was.has_inode_flags || (k->was.inode_flags & locks) == 0)
        return;
    k->was.inode_flags &= ~locks;
    k->lost |= JAIL_LOST_FLAGS;
}

static int keep_fill(struct jail_keep *k, struct attrs_cache *cache,
                     struct dirfd *d)
{
    const struct bytes name = k->was.name;
    struct statx st;
    int fd = dirfd_pin(d);
    int rc = 0;

    if (fd < 0)
        return dirfd_err(E_TARGET, errno, d, (struct bytes){0},
                         "cannot be opened again");
    if (fileop_statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) < 0)
        rc = dirfd_err(E_TARGET, errno, d, (struct bytes){0},
                       "cannot be looked at");
    if (rc == 0) {
        (void)stat_entry_fill(&st, false, &k->was);
        k->was.name = name;
        rc = attrs_of_fd(cache, fd, dirfd_dev(d), d, (struct bytes){0}, &k->was,
                         &k->arena);
    }
    dirfd_unpin(d);
    if (rc == E_SOURCE) {
        err_ignore(rc, "counted");
        k->lost |= JAIL_LOST_XATTR;
        rc = 0;
    }
    return rc;
}

/* One that knows its name only; NULL: out of memory, raised. */
static struct jail_keep *keep_alloc(struct jail_keep *above, const char *name)
{
    struct jail_keep *k = mem_alloc(sizeof *k);
    int rc = 0;

    if (k) {
        k->safety = above->safety;
        k->above = above;
        k->was = (struct entry){.type = ENTRY_DIR, .mode = 0700};
        rc = arena_dup(&k->arena, bytes_of_str(name), &k->was.name);
        if (rc == 0)
            return k;
        jail_keep_free(k);
    }
    err_ignore(err_set(E_NOMEM, "out of memory for a directory"), "raised");
    return NULL;
}

int jail_keep_plain(struct jail_keep *above, const char *name,
                    struct jail_keep **out)
{
    *out = keep_alloc(above, name);
    return *out ? 0 : E_NOMEM;
}

int jail_keep_new(struct jail_keep *above, struct attrs_cache *cache,
                  struct dirfd *d, const char *name, struct jail_keep **out)
{
    struct jail_keep *k = keep_alloc(above, name);
    int rc;

    *out = NULL;
    if (!k)
        return E_NOMEM;
    rc = keep_fill(k, cache, d);
    keep_tame(k);
    if (rc == 0)
        *out = k;
    else
        jail_keep_free(k);
    return rc;
}

void jail_keep_free(struct jail_keep *k)
{
    struct jail_safety *s;
    struct jail_result res = {.lost = 0};
    int rc;

    if (!k || k->lent)
        return;
    s = k->safety;
    if (k->copy) {
        rc = jail_dir_finish(k->copy, &k->was, &res);
        keep_lost(s, res.lost);
        (void)pthread_mutex_lock(&s->lock);
        if (rc < 0 && s->first.code == 0)
            err_save(rc, &s->first);
        (void)pthread_mutex_unlock(&s->lock);
        jail_dir_unref(k->copy);
    }
    arena_release(&k->arena);
    free(k);
}

/* A directory at temp in up, with the metadata that k is to have. */
static int keep_make_at(struct jail_keep *k, struct jail_dir *up,
                        const char *temp)
{
    struct entry e = k->was;
    struct jail_dir *dir = NULL;
    struct jail_result res;
    int rc;

    e.name = bytes_of_str(temp);
    e.mode |= 0700; /* for what goes in; its own mode comes last */
    rc = jail_dir_enter(up, &e, &dir, &res);
    if (rc == 0)
        rc = jail_dir_finish(dir, &e, &res);
    jail_dir_unref(dir);
    return rc;
}

void *jail_keep_mark(bool changes)
{
    static char mark[2];

    return &mark[changes];
}

/* What was made is ours: the way back passes through it. */
static int keep_note(struct jail_keep *k)
{
    struct jail_safety *s = k->safety;
    const struct dirfd *d = k->copy->d;
    void **at = inode_map_at(&s->ours, dirfd_dev(d), dirfd_inode(d));

    if (!at)
        return err_set(E_NOMEM, "out of memory for a directory");
    *at = jail_keep_mark(k->changes);
    return 0;
}

/*
 * The counterpart of k, whose own upper one exists: it gets its name when it is
 * complete, so that whatever interrupts us, what has a name is as it was.
 */
static int keep_make(struct jail_keep *k)
{
    struct jail_dir *up = k->above->copy;
    const char *name = (const char *)k->was.name.p;
    char temp[JAIL_TEMP_CHARS];
    struct jail_result res;
    int fd;
    int rc = jail_pin(up, &fd);

    if (rc < 0)
        return rc;
    jail_temp_next(&up->jail->temp, temp);
    rc = keep_make_at(k, up, temp);
    if (rc == 0)
        rc = jail_place(up, fd, temp, name, true);
    if (rc < 0 && fileop_unlinkat(fd, temp, AT_REMOVEDIR) < 0 &&
        errno != ENOENT)
        rc = err_add(rc, "%s is left over", temp);
    dirfd_unpin(up->d);
    if (rc == 0)
        rc = jail_dir_enter(up, &k->was, &k->copy, &res);
    if (rc == 0 && !k->copy)
        rc = jail_err(up, name, 0, "was replaced during the restore");
    if (rc < 0)
        return rc;
    k->copy->keep = false; /* it is ours, although it was there */
    rc = keep_note(k);
    if (rc < 0) {
        jail_dir_unref(k->copy);
        k->copy = NULL;
        return rc;
    }
    atomic_fetch_add(&k->safety->progress.dirs, 1);
    keep_lost(k->safety, k->lost);
    return 0;
}

/* Makes all counterparts down to that of k. */
static int keep_reach(struct jail_keep *k)
{
    struct jail_safety *s = k->safety;
    int rc = 0;

    (void)pthread_mutex_lock(&s->lock);
    while (rc == 0 && !k->copy) {
        struct jail_keep *top = k;

        while (!top->above->copy)
            top = top->above;
        rc = keep_make(top);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

/* An original on dev may go: its counterpart on another file system is on
 * disk. */
static int keep_settle(const struct jail_keep *k, uint64_t dev)
{
    return dirfd_dev(k->copy->d) == dev ? 0 : jail_sync_at(k->copy, "");
}

int jail_keep_dir(struct jail_keep *k)
{
    struct jail_safety *s = k->safety;
    bool made = k->copy != NULL;
    int rc;

    k->changes = true;
    rc = keep_reach(k);
    if (rc < 0 || !made)
        return rc;
    (void)pthread_mutex_lock(&s->lock);
    rc = keep_note(k);
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

/* ---- what is in them -------------------------------------------------- */

/* An empty directory, which stands at name in dir. */
static int keep_empty(struct jail_keep *k, const struct jail_dir *dir,
                      const char *name, struct jail_kept *out)
{
    struct jail_keep *one = NULL;
    struct dirfd *d = NULL;
    struct statx st;
    int errnum = 0;
    int rc = dirfd_open(dir->d, name, 0, &st, &d, &errnum);

    if (rc == 0 && !d)
        rc = jail_err(dir, name, errnum, "cannot be opened");
    if (rc == 0)
        rc = jail_keep_new(k, dir->jail->attrs, d, name, &one);
    if (rc == 0)
        rc = keep_reach(one);
    if (rc == 0)
        rc = keep_settle(one, dirfd_dev(d));
    if (rc == 0)
        *out = (struct jail_kept){.in = k, .is_dir = true};
    jail_keep_free(one);
    dirfd_unref(d);
    return rc;
}

/* Errors that say: this pair of places knows no such call. */
static bool errno_is_refusal(int errnum)
{
    return errnum == EPERM || errnum == EMLINK || errnum == ENOTSUP ||
           errnum == ENOSYS || errnum == EINVAL;
}

/*
 * The object at name, once more at, or moved to, the same name in the open
 * directory to. 0, or -1 with errno: EXDEV: it has to be copied.
 */
static int keep_name(int fd, const char *name, int to, bool goes, bool *moved)
{
    int r = -1;

    *moved = false;
    if (!goes)
        r = fileop_linkat(fd, name, to, name, 0);
    if (goes || (r < 0 && errno_is_refusal(errno))) {
        r = fileop_renameat2(fd, name, to, name, RENAME_NOREPLACE);
        *moved = r == 0;
    }
    if (r < 0 && goes && (errno == EINVAL || errno == ENOSYS)) {
        /* a file system without that flag: what links do protects as well */
        r = fileop_linkat(fd, name, to, name, 0);
    }
    return r;
}

static int keep_file(struct jail_keep *k, const struct jail_dir *dir, int fd,
                     const char *name, uint64_t size, bool goes,
                     struct jail_kept *out)
{
    unsigned lost = 0;
    bool moved;
    int to;
    int r;
    int rc = jail_pin(k->copy, &to);

    if (rc < 0)
        return rc;
    r = keep_name(fd, name, to, goes, &moved);
    if (r < 0 && errno == EXDEV)
        rc = jail_copy(dir, fd, name, k->copy, &k->safety->links, &lost);
    else if (r < 0 && errno == EEXIST)
        rc = jail_err(k->copy, name, 0, "is there already");
    else if (r < 0)
        rc = jail_err(dir, name, errno, "cannot be kept");
    dirfd_unpin(k->copy->d);
    if (rc == 0)
        *out = (struct jail_kept){.in = k, .moved = moved, .size = size};
    keep_lost(k->safety, lost);
    return rc;
}

int jail_keep_object(struct jail_keep *k, const struct jail_dir *dir, int fd,
                     const char *name, bool goes, struct jail_kept *out)
{
    struct entry e;
    struct statx st;
    bool exists;
    int rc = jail_stat_at(dir, fd, name, &e, &st, &exists);

    *out = (struct jail_kept){.in = NULL};
    if (rc < 0 || !exists)
        return rc;
    if (!k)
        return jail_err(dir, name, 0, "appeared during the restore: kept");
    if (e.type == ENTRY_DIR) {
        rc = keep_empty(k, dir, name, out);
        out->dev = stat_entry_dev(&st);
        out->inode = st.stx_ino;
        return rc;
    }
    rc = keep_reach(k);
    if (rc == 0)
        rc = keep_file(k, dir, fd, name, e.size, goes, out);
    out->dev = stat_entry_dev(&st);
    out->inode = st.stx_ino;
    if (rc < 0)
        return err_add(rc, "the safety copy");
    atomic_fetch_add(&k->safety->progress.kept, 1);
    atomic_fetch_add(&k->safety->progress.bytes, e.size);
    return 0;
}

/* Whether the original is where it was: who was told of a failure cannot know
 * that nothing was done. */
static bool kept_stands(const struct jail_kept *kept, int fd, const char *name)
{
    struct statx st;

    return fileop_statx(fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                        STAT_ENTRY_MASK, &st) == 0 &&
           stat_entry_dev(&st) == kept->dev && st.stx_ino == kept->inode;
}

bool jail_keep_undo(const struct jail_kept *kept, int fd, const char *name)
{
    struct jail_safety_progress *p;
    struct jail_dir *copy;
    int r = -1;
    int at;

    if (!kept->in)
        return true;
    if (!kept->moved && !kept_stands(kept, fd, name))
        return false;
    copy = kept->in->copy;
    at = dirfd_pin(copy->d);
    if (at >= 0) {
        r = kept->moved
                ? fileop_renameat2(at, name, fd, name, RENAME_NOREPLACE)
                : fileop_unlinkat(at, name, kept->is_dir ? AT_REMOVEDIR : 0);
        dirfd_unpin(copy->d);
    }
    if (r < 0)
        return false;
    p = &kept->in->safety->progress;
    atomic_fetch_sub(kept->is_dir ? &p->dirs : &p->kept, 1);
    atomic_fetch_sub(&p->bytes, kept->size);
    return true;
}

int jail_keep_drop(const struct jail_kept *kept, int fd, const char *name,
                   int rc)
{
    if (jail_keep_undo(kept, fd, name))
        return rc;
    return err_add(rc, "the old one is in the safety copy");
}
