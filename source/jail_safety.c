#include "source/jail_safety.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "source/jail_core.h"
#include "source/jail_keep.h"
#include "source/jail_remove.h"

enum { SAFETY_PATH_MAX = 1 << 22 };

/* ---- open, settle ----------------------------------------------------- */

/* dir, made if it is missing, and nobody else's business. */
static int safety_hold(struct jail_safety *s, const char *dir)
{
    const struct jail_options options = {.overwrite = JAIL_NEVER};
    struct jail *jail = NULL;
    int rc = jail_open(dir, &options, &jail);
    int fd;

    if (rc < 0)
        return rc;
    s->made = jail->target_made;
    s->dev = dirfd_dev(jail_root(jail)->d);
    s->inode = dirfd_inode(jail_root(jail)->d);
    rc = jail_pin(jail_root(jail), &fd);
    if (rc == 0) {
        if (fileop_fchmod(fd, 0700) < 0)
            rc = jail_err(jail_root(jail), "", errno,
                          "cannot be made private (mode 0700)");
        dirfd_unpin(jail_root(jail)->d);
    }
    jail_free(jail);
    return rc;
}

static int safety_open_below(struct jail_safety *s, const char *dir,
                             const char *below)
{
    const struct jail_options options = {.overwrite = JAIL_NEVER};
    struct buf path;
    int rc;

    buf_init(&path, SAFETY_PATH_MAX);
    buf_add(&path, dir, strlen(dir));
    if (*below) {
        buf_add(&path, "/", 1);
        buf_add(&path, below, strlen(below));
    }
    rc = buf_status(&path);
    if (rc == 0) {
        s->dir_n = strlen(dir);
        s->path = mem_dup(buf_bytes(&path));
        if (!s->path)
            rc = err_set(E_NOMEM, "out of memory for the safety copy");
    }
    if (rc == 0)
        rc = jail_open(s->path, &options, &s->jail);
    buf_release(&path);
    return rc;
}

int jail_safety_open(const char *dir, const char *below,
                     struct jail_safety **out)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    struct jail_safety *s = mem_alloc(sizeof *s);
    int rc;

    *out = NULL;
    if (s) {
        (void)pthread_mutex_init(&s->lock, NULL);
        jail_links_init(&s->links);
        s->top.safety = s;
        rc = safety_hold(s, dir);
        if (rc == 0)
            rc = safety_open_below(s, dir, below);
    } else {
        rc = err_set(E_NOMEM, "out of memory for the safety copy");
    }
    if (rc == 0) {
        s->top.copy = jail_root(s->jail);
        *out = s;
    } else {
        jail_safety_free(s);
    }
    (void)fileop_enter(domain);
    return rc;
}

void jail_safety_free(struct jail_safety *s)
{
    if (!s)
        return;
    jail_links_release(&s->links);
    jail_free(s->jail);
    arena_release(&s->top.arena);
    free(s->path);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

struct jail_safety_progress *jail_safety_progress(struct jail_safety *s)
{
    return &s->progress;
}

int jail_safety_settle(struct jail_safety *s)
{
    int rc = jail_sync(s->jail);

    return rc == 0 && s->first.code ? err_load(&s->first) : rc;
}

void jail_safety_tidy(struct jail_safety *s)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    size_t n = strlen(s->path);
    bool empty = true;

    while (empty && n > s->dir_n) {
        s->path[n] = 0;
        empty = fileop_unlinkat(AT_FDCWD, s->path, AT_REMOVEDIR) == 0;
        while (n > s->dir_n && s->path[n - 1] != '/')
            n--;
        n--;
    }
    s->path[s->dir_n] = 0;
    if (empty && s->made)
        empty = fileop_unlinkat(AT_FDCWD, s->path, AT_REMOVEDIR) == 0;
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
    if (b->level)
        b->level->stays = true;
    if (b->stuck)
        b->stuck(b->ctx, buf_bytes(&b->path), err_text());
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
    return jail_remove(to, bytes_of_str(name), bytes_of_str(name), NULL);
}

/* What is no directory, at name in both. */
static int back_object(struct safety_back *b, int fd, int at, const char *name)
{
    struct safety_level *l = b->level;
    unsigned lost = 0;
    int rc = back_clear(l->to, at, name);

    if (rc < 0)
        return rc;
    if (fileop_renameat2(fd, name, at, name, 0) < 0) {
        if (errno != EXDEV)
            return jail_err(l->to, name, errno, "cannot be brought back");
        rc = jail_copy(l->from, fd, name, l->to, &b->links, &lost);
        if (rc < 0)
            return rc;
    }
    /* still there if it was copied, or is the very file that stands there */
    if (fileop_unlinkat(fd, name, 0) < 0 && errno != ENOENT)
        return jail_err(l->from, name, errno, "cannot be removed");
    return 0;
}

static void level_free(struct safety_level *l)
{
    jail_names_release(&l->names);
    jail_dir_unref(l->from);
    jail_dir_unref(l->to);
    arena_release(&l->arena);
    free(l);
}

/* Goes down into the directory at name; the next level owns what e points
 * to. */
static int back_enter(struct safety_back *b, int fd, const char *name)
{
    struct safety_level *l = mem_alloc(sizeof *l);
    struct jail_result res;
    bool exists = false;
    int rc;

    if (!l)
        return err_set(E_NOMEM, "out of memory for a directory");
    rc = jail_copy_read(b->level->from, fd, name, &l->e, &l->arena, &exists);
    if (rc == 0)
        rc = jail_dir_enter(b->level->from, &l->e, &l->from, &res);
    if (rc == 0)
        rc = jail_dir_enter(b->level->to, &l->e, &l->to, &res);
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

/* The name in the directory at hand. */
static int back_one(struct safety_back *b, const char *name)
{
    struct safety_level *l = b->level;
    struct entry e;
    struct statx st;
    bool exists = false;
    int fd;
    int at;
    int rc = jail_pin(l->from, &fd);

    if (rc < 0)
        return rc;
    rc = jail_stat_at(l->from, fd, name, &e, &st, &exists);
    if (rc == 0 && exists && e.type == ENTRY_DIR) {
        rc = back_enter(b, fd, name);
    } else if (rc == 0 && exists) {
        rc = jail_pin(l->to, &at);
        if (rc == 0) {
            rc = back_object(b, fd, at, name);
            dirfd_unpin(l->to->d);
        }
        if (rc == 0)
            atomic_fetch_add(&b->s->progress.back, 1);
    }
    dirfd_unpin(l->from->d);
    return rc;
}

/* All that was in the directory at hand is back, or stays. */
static void back_leave(struct safety_back *b)
{
    struct safety_level *l = b->level;
    struct jail_result res;
    int fd;
    int rc = jail_dir_finish(l->to, &l->e, &res);

    b->path.n = l->path_n;
    b->level = l->above;
    if (rc == 0 && !l->stays) {
        rc = jail_pin(l->above->from, &fd);
        if (rc == 0) {
            if (fileop_unlinkat(fd, (const char *)l->e.name.p, AT_REMOVEDIR) <
                0)
                rc = jail_err(l->from, "", errno, "cannot be removed");
            dirfd_unpin(l->above->from->d);
        }
    }
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

int jail_safety_back(struct jail_safety *s, const char *target,
                     void (*stuck)(void *ctx, struct bytes path,
                                   const char *why),
                     void *ctx)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    const struct jail_options options = {.overwrite = JAIL_ALWAYS};
    struct safety_back b = {.s = s, .stuck = stuck, .ctx = ctx};
    struct safety_level top = {.at = 0};
    struct jail *jail = NULL;
    int rc = jail_names_load(s->top.copy, &top.names);

    buf_init(&b.path, SAFETY_PATH_MAX);
    jail_links_init(&b.links);
    if (rc == 0 && top.names.n > 0) {
        rc = jail_open(target, &options, &jail);
        if (rc == 0) {
            top.from = s->top.copy;
            top.to = jail_root(jail);
            b.level = &top;
            back_all(&b);
            rc = jail_sync(jail);
        }
    }
    jail_names_release(&top.names);
    jail_links_release(&b.links);
    jail_free(jail);
    buf_release(&b.path);
    (void)fileop_enter(domain);
    return rc;
}
