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

    s->path = mem_dup(bytes_of_str(dir));
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

/* The keep of the directory name, which is real, in above's. */
static int step_to(struct jail_safety *s, struct jail_keep *above,
                   struct jail_dir *real, const char *name,
                   struct jail_keep **out)
{
    struct jail_step *step;
    int rc;

    for (step = s->step; step; step = step->next) {
        if (step->keep->above == above &&
            bytes_equal(step->keep->was.name, bytes_of_str(name))) {
            *out = step->keep;
            return 0;
        }
    }
    step = mem_alloc(sizeof *step);
    if (!step)
        return err_set(E_NOMEM, "out of memory for the safety copy");
    rc = real->d ? jail_keep_new(above, real->jail->attrs, real->d, name,
                                 &step->keep)
                 : jail_keep_plain(above, name, &step->keep);
    if (rc < 0) {
        free(step);
        return rc;
    }
    step->keep->lent = true;
    step->next = s->step;
    s->step = step;
    *out = step->keep;
    return 0;
}

/* Down from *dir, one component; *dir has no descriptor when it is not
 * there. */
static int step_down(struct jail_safety *s, struct jail_dir **dir,
                     struct bytes name, struct jail_keep **keep)
{
    const struct entry e = {.name = name, .type = ENTRY_DIR, .mode = 0700};
    struct jail_dir *below = NULL;
    struct jail_result res;
    int rc = jail_dir_enter(*dir, &e, &below, &res);

    jail_dir_unref(*dir);
    *dir = below;
    if (rc == 0)
        rc = step_to(s, *keep, below, below->name, keep);
    return rc;
}

int jail_safety_at(struct jail_safety *s, const char *below,
                   struct jail_keep **out)
{
    const struct jail_options look = {.overwrite = JAIL_ALWAYS,
                                      .dry_run = true};
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    struct jail_keep *keep = &s->top;
    struct jail *jail = NULL;
    struct jail_dir *dir = NULL;
    int rc = 0;

    if (*below)
        rc = jail_open(s->whole, &look, &jail);
    if (jail)
        dir = jail_dir_ref(jail_root(jail));
    while (rc == 0 && *below) {
        size_t n = strcspn(below, "/");

        if (n > 0)
            rc = step_down(s, &dir, bytes_of(below, n), &keep);
        below += n + (below[n] == '/');
    }
    jail_dir_unref(dir);
    jail_free(jail);
    *out = keep;
    (void)fileop_enter(domain);
    return rc;
}

/* ---- end -------------------------------------------------------------- */

/* What the jails' own directories had to do when they were released. */
static void safety_step_free(struct jail_safety *s)
{
    /* the deeper ones come first */
    while (s->step) {
        struct jail_step *step = s->step;

        s->step = step->next;
        step->keep->lent = false;
        jail_keep_free(step->keep);
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
    int rc;

    safety_step_free(s);
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
    bool stays; /* something in from could not be brought back */
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

/* The same of what stands at name; errno is kept. */
static bool back_unlock(int at, const char *name)
{
    int errnum = errno;
    int fd = fileop_openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    bool unlocked = fd >= 0 && back_unlock_fd(fd);

    if (fd >= 0)
        (void)fileop_close(fd);
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
        (void)back_unlock(at, name);
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

/* The target's directory, without flags that nothing gets past. */
static int level_unlock(const struct safety_level *l)
{
    int fd;
    int rc = jail_pin(l->to, &fd);

    if (rc == 0) {
        (void)back_unlock_fd(fd);
        dirfd_unpin(l->to->d);
    }
    return rc;
}

/* Goes down into the directory at name, which e describes. */
static int back_enter(struct safety_back *b, const struct entry *e,
                      const char *name)
{
    struct safety_level *l = mem_alloc(sizeof *l);
    struct jail_result res;
    int rc;

    if (!l)
        return err_set(E_NOMEM, "out of memory for a directory");
    rc = jail_dir_enter(b->level->from, e, &l->from, &res);
    if (rc == 0)
        rc = level_read(l, name, e->mode);
    if (rc == 0)
        rc = jail_dir_enter(b->level->to, &l->e, &l->to, &res);
    if (rc == 0)
        rc = level_unlock(l);
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

/* Whether a name of the copy is nothing that was kept: what a failure left
 * there, or what others put there. */
static bool back_is_foreign(const struct safety_back *b, const char *name,
                            const struct entry *e, const struct statx *st)
{
    if (e->type == ENTRY_DIR)
        return !inode_map_find(&b->s->ours, stat_entry_dev(st), st->stx_ino);
    return jail_temp_is_own(&b->s->jail->temp, name);
}

/* The name in the directory at hand, whose descriptor is fd. */
static int back_at(struct safety_back *b, int fd, const char *name)
{
    struct safety_level *l = b->level;
    struct entry e;
    struct statx st;
    bool exists = false;
    int at;
    int rc = jail_stat_at(l->from, fd, name, &e, &st, &exists);

    if (rc < 0 || !exists)
        return rc;
    if (back_is_foreign(b, name, &e, &st)) {
        l->stays = true;
        return 0;
    }
    if (e.type == ENTRY_DIR)
        return back_enter(b, &e, name);
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

/* All that was in the directory at hand is back, or stays. */
static void back_leave(struct safety_back *b)
{
    struct safety_level *l = b->level;
    struct jail_result res;
    int rc = jail_dir_finish(l->to, &l->e, &res);

    b->path.n = l->path_n;
    b->level = l->above;
    if (rc == 0 && !l->stays)
        rc = leave_remove(l);
    if (l->stays)
        b->level->stays = true;
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

static int back_run(struct safety_back *b, struct safety_level *top)
{
    const struct jail_options options = {.overwrite = JAIL_ALWAYS};
    struct jail *jail = NULL;
    int rc = jail_open(b->s->whole, &options, &jail);

    if (rc < 0)
        return rc;
    jail_links_init(&b->links);
    top->from = b->s->top.copy;
    top->to = jail_root(jail);
    b->level = top;
    back_all(b);
    rc = jail_sync(jail);
    jail_links_release(&b->links);
    jail_free(jail);
    return err_add(rc, "what is back may not be on disk");
}

int jail_safety_back(struct jail_safety *s,
                     void (*stuck)(void *ctx, struct bytes path,
                                   const char *why),
                     void *ctx)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    struct safety_back b = {.s = s, .stuck = stuck, .ctx = ctx};
    struct safety_level top = {.at = 0};
    int rc;

    safety_step_free(s);
    buf_init(&b.path, SAFETY_PATH_MAX);
    rc = jail_names_load(s->top.copy, &top.names);
    if (rc == 0 && top.names.n > 0) {
        rc = back_run(&b, &top);
    }
    jail_names_release(&top.names);
    buf_release(&b.path);
    (void)fileop_enter(domain);
    return rc;
}
