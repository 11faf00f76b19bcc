#include "source/jail_safety.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "source/jail_core.h"
#include "source/jail_keep.h"
#include "source/jail_remove.h"
#include "source/stat_entry.h"

enum {
    SAFETY_PATH_MAX = 1 << 22,
    SAFETY_MAX_OPEN = 128 /* beside what the target's jail has */
};

static const uint32_t safety_locks = FS_IMMUTABLE_FL | FS_APPEND_FL;

/* ---- open ------------------------------------------------------------- */

/* Nothing but what dead restores left, which the opening took away, is in
 * it. */
static int safety_empty(const struct jail_safety *s)
{
    struct jail_names names;
    int rc = jail_names_load(jail_root(s->jail), &names);

    if (rc == 0 && names.n > 0)
        rc = err_set(E_USAGE,
                     "%s: is not empty: it may hold what an earlier restore "
                     "kept; name a new directory for the safety copy",
                     s->path);
    jail_names_release(&names);
    return rc;
}

/* The open directory becomes nobody else's business, and is empty then. */
static int safety_claim(struct jail_safety *s)
{
    struct jail_dir *root = jail_root(s->jail);
    struct statx st;
    int fd;
    int rc = jail_pin(root, &fd);

    if (rc < 0)
        return rc;
    if (fileop_statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) < 0)
        rc = jail_err(root, "", errno, "cannot be looked at");
    else if (st.stx_uid != geteuid())
        rc = err_set(E_REFUSED,
                     "%s: belongs to another user, who could change what is "
                     "kept there; name a new directory for the safety copy",
                     s->path);
    if (rc == 0)
        rc = safety_empty(s);
    if (rc == 0 && fileop_fchmod(fd, 0700) < 0)
        rc = jail_err(root, "", errno, "cannot be made private (mode 0700)");
    if (rc == 0) /* until then others may have put something there */
        rc = safety_empty(s);
    dirfd_unpin(root->d);
    s->dev = dirfd_dev(root->d);
    s->inode = dirfd_inode(root->d);
    return rc;
}

static void safety_look_at_link(struct jail_safety *s)
{
    struct statx st;

    s->link_dev = s->dev;
    s->link_inode = s->inode;
    if (fileop_statx(AT_FDCWD, s->path, AT_SYMLINK_NOFOLLOW, STAT_ENTRY_MASK,
                     &st) == 0) {
        s->link_dev = stat_entry_dev(&st);
        s->link_inode = st.stx_ino;
    }
}

static int safety_open(struct jail_safety *s, const char *dir)
{
    const struct jail_options options = {.overwrite = JAIL_NEVER,
                                         .max_open = SAFETY_MAX_OPEN};
    int rc = 0;

    size_t n = strlen(dir);

    while (n > 1 && dir[n - 1] == '/') /* it may be a symbolic link */
        n--;
    s->path = mem_dup(bytes_of(dir, n));
    if (!s->path)
        return err_set(E_NOMEM, "out of memory for the safety copy");
    rc = jail_open(dir, &options, &s->jail);
    if (rc < 0)
        return rc;
    s->made = s->jail->target_made;
    rc = safety_claim(s);
    safety_look_at_link(s);
    s->top.copy = jail_root(s->jail);
    return rc;
}

int jail_safety_open(const char *dir, const char *whole,
                     struct jail_safety **out)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    struct jail_safety *s = mem_alloc(sizeof *s);
    struct err_record why;
    int rc;

    *out = NULL;
    if (s) {
        (void)pthread_mutex_init(&s->lock, NULL);
        jail_links_init(&s->links);
        s->whole = whole;
        s->top.safety = s;
        s->top.lent = true;
        rc = safety_open(s, dir);
    } else {
        rc = err_set(E_NOMEM, "out of memory for the safety copy");
    }
    if (rc == 0) {
        *out = s;
    } else if (s) {
        err_save(rc, &why);
        jail_safety_tidy(s);
        jail_safety_free(s);
        rc = err_load(&why);
    }
    (void)fileop_enter(domain);
    return rc;
}

/* ---- places in it ----------------------------------------------------- */

static struct jail_step *step_find(const struct jail_safety *s,
                                   const char *path)
{
    struct jail_step *step = s->step;

    while (step && strcmp(step->path, path) != 0)
        step = step->next;
    return step;
}

/* The keep of the directory at path, whose name is in above's. One that is not
 * there yet, or that we may not read, is kept by its name alone. */
static int step_keep(struct jail_keep *above, const char *path,
                     const char *name, struct jail_keep **out)
{
    const struct jail_options look = {.overwrite = JAIL_NEVER, .dry_run = true};
    struct jail *jail = NULL;
    int rc = jail_open(path, &look, &jail);

    if (rc == E_NOMEM)
        return rc;
    if (rc < 0)
        err_ignore(rc, "whoever uses it meets it, too");
    rc = jail && jail->root->d
             ? jail_keep_new(above, jail->attrs, jail->root->d, name, out)
             : jail_keep_plain(above, name, out);
    jail_free(jail);
    return rc;
}

static int step_make(struct jail_safety *s, struct jail_keep *above,
                     struct bytes path, const char *name,
                     struct jail_step **out)
{
    struct jail_step *step = mem_alloc(sizeof *step);
    int rc = E_NOMEM;

    if (step)
        step->path = mem_dup(path);
    if (step && step->path)
        rc = step_keep(above, step->path, name, &step->keep);
    else
        rc = err_set(E_NOMEM, "out of memory for the safety copy");
    if (rc < 0) {
        if (step)
            free(step->path);
        free(step);
        return rc;
    }
    step->keep->lent = true;
    step->next = s->step;
    s->step = step;
    *out = step;
    return 0;
}

/* Down the components of path, which has "whole/" in front. */
static int step_down(struct jail_safety *s, struct buf *path, const char *below,
                     struct jail_step **step)
{
    struct jail_keep *keep = &s->top;
    int rc = 0;

    while (rc == 0 && *below) {
        size_t n = strcspn(below, "/");
        size_t at = path->n;

        if (n > 0) {
            buf_add(path, below, n);
            buf_add(path, "", 1);
            rc = buf_status(path);
            if (rc == 0)
                *step = step_find(s, (const char *)path->p);
            if (rc == 0 && !*step)
                rc = step_make(s, keep, bytes_of(path->p, path->n - 1),
                               (const char *)path->p + at, step);
            if (rc < 0)
                break;
            keep = (*step)->keep;
            path->n--;
            buf_add(path, "/", 1);
        }
        below += n + (below[n] == '/');
    }
    return rc;
}

int jail_safety_at(struct jail_safety *s, const char *below,
                   struct jail_keep **out)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    struct jail_step *step = NULL;
    struct buf path;
    int rc;

    buf_init(&path, SAFETY_PATH_MAX);
    buf_add(&path, s->whole, strlen(s->whole));
    if (path.n == 0 || path.p[path.n - 1] != '/')
        buf_add(&path, "/", 1);
    rc = buf_status(&path);
    if (rc == 0)
        rc = step_down(s, &path, below, &step);
    if (step)
        step->place = true;
    else
        s->top_is_place = true;
    *out = step ? step->keep : &s->top;
    buf_release(&path);
    (void)fileop_enter(domain);
    return rc;
}

/* ---- end -------------------------------------------------------------- */

static void safety_step_free(struct jail_safety *s)
{
    /* the deeper ones come first */
    while (s->step) {
        struct jail_step *step = s->step;

        s->step = step->next;
        step->keep->lent = false;
        jail_keep_free(step->keep);
        free(step->path);
        free(step);
    }
}

static void drop_nothing(void *value)
{
    (void)value;
}

void jail_safety_free(struct jail_safety *s)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);

    if (s) {
        safety_step_free(s);
        inode_map_release(&s->ours, drop_nothing);
        jail_links_release(&s->links);
        jail_free(s->jail);
        free(s->path);
        (void)pthread_mutex_destroy(&s->lock);
        free(s);
    }
    (void)fileop_enter(domain);
}

struct jail_safety_progress *jail_safety_progress(struct jail_safety *s)
{
    return &s->progress;
}

int jail_safety_settle(struct jail_safety *s)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    int rc = 0;

    for (struct jail_step *step = s->step; step && rc == 0; step = step->next) {
        struct jail_result res;

        if (step->keep->copy)
            rc = jail_dir_finish(step->keep->copy, &step->keep->was, &res);
    }
    if (rc == 0)
        rc = jail_sync(s->jail);
    (void)fileop_enter(domain);
    return rc == 0 && s->first.code ? err_load(&s->first) : rc;
}

void jail_safety_tidy(struct jail_safety *s)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);

    if (s->made) {
        int r = fileop_unlinkat(AT_FDCWD, s->path, AT_REMOVEDIR);

        (void)r; /* it holds something */
    }
    (void)fileop_enter(domain);
}

/* ---- back ------------------------------------------------------------- */

/* A directory of the copy, and the one in the target that it is for. */
struct safety_level {
    struct safety_level *above;
    struct jail_dir *from; /* references; the top's are lent */
    struct jail_dir *to;
    struct jail_names names;
    size_t at; /* of names */
    size_t path_n;
    struct entry e; /* what to is to be; in the arena */
    struct arena arena;
    bool changes; /* its metadata is to be as it was */
    bool stays;   /* something in from could not be brought back */
};

struct safety_back {
    struct jail_safety *s;
    struct safety_level *level; /* the deepest */
    struct buf path;            /* of what is being brought back */
    struct jail_links links;    /* of copies to the target */
    void (*stuck)(void *ctx, struct bytes path, const char *why);
    void *ctx;
};

/* What is at hand stays in the copy because of rc; 0: it does not. */
static void back_stuck(struct safety_back *b, int rc)
{
    if (rc == 0)
        return;
    b->level->stays = true;
    if (b->stuck)
        b->stuck(b->ctx, buf_bytes(&b->path), err_text());
}

/* Takes the flags that nothing gets past from an open object: those that stand
 * there came with the restore. Whether there were any. */
static bool back_unlock_fd(int fd)
{
    unsigned flags = 0;

    return fileop_get_flags(fd, &flags) == 0 && (flags & safety_locks) != 0 &&
           fileop_set_flags(fd, flags & ~safety_locks) == 0;
}

/* The same of the file or directory that stands at name; errno is kept. */
static bool back_unlock(int at, const char *name)
{
    int errnum = errno;
    bool unlocked = false;
    struct statx st;
    int fd;

    if (fileop_statx(at, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                     STAT_ENTRY_MASK, &st) == 0 &&
        (S_ISREG(st.stx_mode) || S_ISDIR(st.stx_mode))) {
        fd = fileop_openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
        unlocked = fd >= 0 && back_unlock_fd(fd);
        if (fd >= 0)
            (void)fileop_close(fd);
    }
    errno = errnum;
    return unlocked;
}

/* What stands at name in to gives way if it is a directory. */
static int back_clear(struct jail_dir *to, int at, const char *name)
{
    struct entry e;
    struct statx st;
    bool exists;
    int rc = jail_stat_at(to, at, name, &e, &st, &exists);

    if (rc < 0 || !exists || e.type != ENTRY_DIR)
        return rc;
    (void)back_unlock(at, name);
    return jail_remove(to, bytes_of_str(name), bytes_of_str(name), NULL);
}

/* From another file system. What stands there goes at the latest when it takes
 * the room: the repository has it. */
static int back_copy(struct safety_back *b, int fd, int at, const char *name)
{
    struct safety_level *l = b->level;
    unsigned lost = 0;
    int rc = jail_copy(l->from, fd, name, l->to, &b->links, &lost);

    if (rc == E_NOSPACE && fileop_unlinkat(at, name, 0) == 0)
        rc = jail_copy(l->from, fd, name, l->to, &b->links, &lost);
    return rc;
}

/* What is no directory, at name in both. */
static int back_object(struct safety_back *b, int fd, int at, const char *name)
{
    struct safety_level *l = b->level;
    int rc = back_clear(l->to, at, name);
    int r;

    if (rc < 0)
        return rc;
    r = fileop_renameat2(fd, name, at, name, 0);
    if (r < 0 && errno == EPERM && back_unlock(at, name))
        r = fileop_renameat2(fd, name, at, name, 0);
    if (r < 0 && errno != EXDEV)
        return jail_err(l->to, name, errno, "cannot be brought back");
    if (r < 0) {
        rc = back_copy(b, fd, at, name);
        if (rc == E_TARGET && back_unlock(at, name))
            rc = back_copy(b, fd, at, name);
    }
    /* still there if it was copied, or is the very file that stands there */
    if (rc == 0 && fileop_unlinkat(fd, name, 0) < 0 && errno != ENOENT)
        rc = jail_err(l->from, name, errno, "cannot be removed");
    return rc;
}

static void level_free(struct safety_level *l)
{
    jail_names_release(&l->names);
    jail_dir_unref(l->from);
    jail_dir_unref(l->to);
    arena_release(&l->arena);
    free(l);
}

/* What l->from, which is entered, tells of the directory that l->to is to be.
 * mode: from before it was entered. */
static int level_read(struct safety_level *l, const char *name, uint32_t mode)
{
    struct jail_dir *from = l->from;
    struct statx st;
    int fd;
    int rc = jail_pin(from, &fd);

    if (rc < 0)
        return rc;
    if (fileop_statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) < 0)
        rc = jail_err(from, "", errno, "cannot be looked at");
    if (rc == 0) {
        (void)stat_entry_fill(&st, false, &l->e);
        l->e.mode = mode;
        rc = attrs_of_fd(from->jail->attrs, fd, dirfd_dev(from->d), from->d,
                         (struct bytes){0}, &l->e, &l->arena);
    }
    dirfd_unpin(from->d);
    if (rc == E_SOURCE)
        rc = jail_err(from, "", 0, "its attributes cannot all be read");
    return rc < 0 ? rc : arena_dup(&l->arena, bytes_of_str(name), &l->e.name);
}

/* The target's directory for it; what stands in its place gives way. */
static int level_target(struct safety_level *l, struct jail_dir *up,
                        const char *name)
{
    struct jail_result res;
    int at;
    int rc = jail_dir_enter(up, &l->e, &l->to, &res);

    if (rc == E_TARGET) {
        rc = jail_pin(up, &at);
        if (rc < 0)
            return rc;
        (void)back_unlock(at, name);
        dirfd_unpin(up->d);
        rc = jail_dir_enter(up, &l->e, &l->to, &res);
    }
    if (rc == 0 && l->changes) {
        rc = jail_pin(l->to, &at);
        if (rc == 0) {
            (void)back_unlock_fd(at);
            dirfd_unpin(l->to->d);
        }
    }
    return rc;
}

/* Goes down into the directory at name, which e describes. */
static int back_enter(struct safety_back *b, const struct entry *e,
                      const char *name, bool changes)
{
    struct safety_level *l = mem_alloc(sizeof *l);
    struct jail_result res;
    int rc;

    if (!l)
        return err_set(E_NOMEM, "out of memory for a directory");
    rc = jail_dir_enter(b->level->from, e, &l->from, &res);
    if (rc == 0)
        rc = level_read(l, name, e->mode);
    l->changes = changes;
    if (rc == 0)
        rc = level_target(l, b->level->to, name);
    if (rc == 0)
        rc = jail_names_load(l->from, &l->names);
    if (rc < 0) {
        level_free(l);
        return rc;
    }
    l->path_n = b->path.n;
    l->above = b->level;
    b->level = l;
    return 0;
}

/* The name in the directory at hand, whose descriptor is fd. */
static int back_at(struct safety_back *b, int fd, const char *name)
{
    struct safety_level *l = b->level;
    const void *mark;
    struct entry e;
    struct statx st;
    bool exists = false;
    int at;
    int rc = jail_stat_at(l->from, fd, name, &e, &st, &exists);

    if (rc < 0 || !exists)
        return rc;
    mark = inode_map_find(&b->s->ours, stat_entry_dev(&st), st.stx_ino);
    if (e.type == ENTRY_DIR ? !mark : jail_temp_is_own(&b->s->jail->temp, name))
        return jail_err(l->from, name, 0, "is nothing that was kept");
    if (e.type == ENTRY_DIR)
        return back_enter(b, &e, name, mark == jail_keep_mark(true));
    rc = jail_pin(l->to, &at);
    if (rc < 0)
        return rc;
    rc = back_object(b, fd, at, name);
    dirfd_unpin(l->to->d);
    if (rc == 0)
        atomic_fetch_add(&b->s->progress.back, 1);
    return rc;
}

static int back_one(struct safety_back *b, const char *name)
{
    struct jail_dir *from = b->level->from;
    int fd;
    int rc = jail_pin(from, &fd);

    if (rc < 0)
        return rc;
    rc = back_at(b, fd, name);
    dirfd_unpin(from->d);
    return rc;
}

/* Removes the directory that was left from the one above. */
static int leave_remove(const struct safety_level *l)
{
    struct jail_dir *up = l->above->from;
    int fd;
    int rc = jail_pin(up, &fd);

    if (rc < 0)
        return rc;
    if (fileop_unlinkat(fd, (const char *)l->e.name.p, AT_REMOVEDIR) < 0)
        rc = jail_err(l->from, "", errno, "cannot be removed");
    dirfd_unpin(up->d);
    return rc;
}

/* A directory that only lost what was in it keeps its metadata, but for the
 * times. */
static int leave_target(const struct safety_level *l)
{
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = l->e.mtime.s, .tv_nsec = (long)l->e.mtime.ns}};
    struct jail_result res;
    int fd;
    int rc;

    if (l->changes || jail_dir_made(l->to))
        return jail_dir_finish(l->to, &l->e, &res);
    rc = jail_pin(l->to, &fd);
    if (rc < 0)
        return rc;
    if (fileop_futimens(fd, times) < 0)
        rc = jail_err(l->to, "", errno, "times cannot be set back");
    dirfd_unpin(l->to->d);
    return rc == 0 ? jail_dir_pass(l->to) : rc;
}

/* All that was in the directory at hand is back, or stays. */
static void back_leave(struct safety_back *b)
{
    struct safety_level *l = b->level;
    int rc = leave_target(l);

    b->path.n = l->path_n;
    b->level = l->above;
    if (rc == 0 && !l->stays)
        rc = leave_remove(l);
    if (l->stays) {
        b->level->stays = true;
        err_ignore(jail_dir_pass(l->from), "it stays as it was entered");
    }
    back_stuck(b, rc);
    level_free(l);
}

static void back_all(struct safety_back *b)
{
    while (b->level->above || b->level->at < b->level->names.n) {
        struct safety_level *l = b->level;
        const char *name;
        int rc;

        if (l->at == l->names.n) {
            back_leave(b);
            continue;
        }
        name = l->names.name[l->at++];
        b->path.n = l->path_n;
        if (l->path_n > 0)
            buf_add(&b->path, "/", 1);
        buf_add_bytes(&b->path, bytes_of_str(name));
        rc = buf_status(&b->path);
        if (rc == 0)
            rc = back_one(b, name);
        back_stuck(b, rc);
    }
}

/* All that is in from, for the directory at path. */
static int back_run(struct safety_back *b, struct jail_dir *from,
                    const char *path)
{
    const struct jail_options options = {.overwrite = JAIL_ALWAYS};
    struct safety_level top = {.from = from};
    struct jail *jail = NULL;
    int rc = jail_names_load(from, &top.names);

    if (rc == 0 && top.names.n > 0)
        rc = jail_open(path, &options, &jail);
    if (rc == 0 && jail) {
        jail_links_init(&b->links);
        top.to = jail_root(jail);
        top.path_n = b->path.n;
        b->level = &top;
        back_all(b);
        rc = jail_sync(jail);
        jail_links_release(&b->links);
    }
    jail_names_release(&top.names);
    jail_free(jail);
    return rc;
}

/* What a jail on the directory of that step kept; then its counterpart goes, if
 * it can. */
static int back_step(struct safety_back *b, const struct jail_step *step)
{
    struct jail_dir *copy = step->keep->copy;
    int fd;
    int rc = 0;

    if (!copy)
        return 0;
    buf_reset(&b->path);
    buf_add_bytes(&b->path, bytes_of_str(step->path + 1));
    rc = buf_status(&b->path);
    if (rc == 0 && step->place)
        rc = back_run(b, copy, step->path);
    fd = dirfd_pin(step->keep->above->copy->d);
    if (fd >= 0) {
        int r = fileop_unlinkat(fd, (const char *)step->keep->was.name.p,
                                AT_REMOVEDIR);

        (void)r; /* it holds something */
        dirfd_unpin(step->keep->above->copy->d);
    }
    return rc;
}

int jail_safety_back(struct jail_safety *s,
                     void (*stuck)(void *ctx, struct bytes path,
                                   const char *why),
                     void *ctx)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    struct safety_back b = {.s = s, .stuck = stuck, .ctx = ctx};
    struct err_record first = {0};
    int rc;

    buf_init(&b.path, SAFETY_PATH_MAX);
    for (struct jail_step *step = s->step; step; step = step->next) {
        rc = back_step(&b, step);
        if (rc < 0 && first.code == 0)
            err_save(rc, &first);
    }
    buf_reset(&b.path);
    if (s->top_is_place) {
        rc = back_run(&b, s->top.copy, s->whole);
        if (rc < 0 && first.code == 0)
            err_save(rc, &first);
    }
    buf_release(&b.path);
    (void)fileop_enter(domain);
    return first.code ? err_load(&first) : 0;
}
