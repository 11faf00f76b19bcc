#include "repo/job/restore_plan.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/job/restore_extra.h"
#include "repo/job/restore_large.h"
#include "repo/job/restore_left.h"
#include "repo/tree_walk.h"

/* A directory of the snapshot on the way down. */
struct restore_level {
    struct jail_dir *dir; /* NULL: not made yet, or it could not be */
    struct buf raw;       /* its entry */
    size_t path_n;        /* bytes of its path */
    uint64_t mark;        /* of the file system that it is on */
    bool wanted;          /* selected itself, not only on the way */
    bool lost;            /* it cannot be made: nothing below is restored */
    bool mounted;         /* it, or one above, is a mount point */
    bool mirrors;         /* what else is in it is to be deleted */
    struct restore_left_dir left; /* what the backup left out of it */
    struct restore_extra extra;
};

struct restore_plan {
    const struct restore_job_options *opt;
    struct jail *jail;
    struct tree_walk *walk;
    struct restore_level *level;
    size_t depth;
    size_t made; /* levels that have a buffer */
    struct buf path;
    uint64_t marks; /* file systems met so far */
    bool leaving;   /* the directory on top: items of it are still to come */
    struct restore_left *left; /* NULL: nothing is deleted */
    struct buf extra_path;
    struct restore_group_map groups;
    struct restore_large_cut cut; /* the large file being handed out */
    struct tree_walk_item item;   /* the walk's last */
};

int restore_plan_new(const struct restore_job_options *options,
                     struct jail *jail, struct fetch_lane *lane,
                     struct restore_plan **out)
{
    struct restore_plan *p = mem_alloc(sizeof *p);
    struct node_source source = fetch_node_source(lane);
    int rc;

    *out = NULL;
    if (!p)
        return err_set(E_NOMEM, "out of memory");
    p->opt = options;
    p->jail = jail;
    buf_init(&p->path, TREE_WALK_PATH_MAX);
    buf_init(&p->extra_path, TREE_WALK_PATH_MAX + ENTRY_NAME_MAX + 1);
    restore_group_map_init(&p->groups);
    rc = restore_large_cut_init(&p->cut, &source, options->cancel);
    p->walk = tree_walk_new(&source);
    if (rc == 0 && !p->walk)
        rc = err_set(E_NOMEM, "out of memory");
    if (rc == 0)
        rc = tree_walk_start(p->walk, options->start);
    if (rc == 0 && options->mirror)
        rc = restore_left_new(options->mirror, lane, options->start_path,
                              &p->left);
    if (rc < 0) {
        restore_plan_free(p);
        return rc;
    }
    *out = p;
    return 0;
}

void restore_plan_free(struct restore_plan *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->made; i++) {
        if (i < p->depth) {
            jail_dir_unref(p->level[i].dir);
            restore_left_release(&p->level[i].left);
            restore_extra_release(&p->level[i].extra);
        }
        buf_release(&p->level[i].raw);
    }
    free(p->level);
    restore_group_map_release(&p->groups);
    restore_large_cut_release(&p->cut);
    buf_release(&p->path);
    buf_release(&p->extra_path);
    tree_walk_free(p->walk);
    restore_left_free(p->left);
    free(p);
}

/* --- selection --- */

/* The whole path of what the walk gave, in p->path. */
static int restore_plan_path(struct restore_plan *p, struct bytes below)
{
    buf_reset(&p->path);
    buf_add_bytes(&p->path, p->opt->start_path);
    buf_add_path(&p->path, below);
    return buf_status(&p->path);
}

static bool restore_plan_excluded(const struct restore_plan *p, bool is_dir)
{
    return p->path.n > 0 && p->opt->exclude &&
           pattern_set_match(p->opt->exclude, buf_bytes(&p->path), is_dir) ==
               PATTERN_EXCLUDE;
}

/* Whether an entry is asked for by itself. */
static bool restore_plan_wanted(const struct restore_plan *p, bool is_dir)
{
    if (!p->opt->include)
        return true;
    return p->path.n > 0 &&
           pattern_set_excluded(p->opt->include, buf_bytes(&p->path), is_dir);
}

/* --- directories --- */

static int restore_plan_push(struct restore_plan *p,
                             const struct tree_entry *te,
                             struct restore_level **out)
{
    struct restore_level *l;

    if (p->depth == p->made) {
        l = mem_resize(p->level, (p->made + 1) * sizeof *l);
        if (!l)
            return err_set(E_NOMEM, "out of memory");
        p->level = l;
        l[p->made] = (struct restore_level){.dir = NULL};
        buf_init(&l[p->made].raw, TREE_ENTRY_BYTES_MAX);
        p->made++;
    }
    l = &p->level[p->depth++];
    l->dir = NULL;
    l->lost = false;
    l->mounted = p->depth > 1 && p->level[p->depth - 2].mounted;
    l->mirrors = false;
    l->left = (struct restore_left_dir){.ignore = NULL};
    l->extra = (struct restore_extra){.end = 0};
    l->mark = p->depth > 1 ? p->level[p->depth - 2].mark : 0;
    if (te->e.starts_fs)
        l->mark = ++p->marks;
    buf_reset(&l->raw);
    buf_add_bytes(&l->raw, te->raw);
    l->path_n = p->path.n;
    *out = l;
    return buf_status(&l->raw);
}

static void restore_plan_event(struct restore_unit *u, struct bytes path,
                               int rc)
{
    struct restore_item *it;

    if (restore_unit_add(u, RESTORE_NOTHING, bytes_of(NULL, 0), path, NULL,
                         &it) == 0)
        restore_unit_fail(it, rc);
}

/* A directory is there: what else is in it, before anything is written. */
static int restore_plan_look(struct restore_plan *p, struct restore_unit *u,
                             struct restore_level *l)
{
    int rc = 0;

    if (!p->opt->mirror || !l->dir)
        return 0;
    if (!l->mounted)
        rc = jail_dir_mounted(l->dir, &l->mounted);
    if (rc == 0 && (!l->mirrors || l->mounted || jail_dir_made(l->dir)))
        return 0;
    if (rc == 0)
        rc = restore_extra_load(&l->extra, l->dir);
    if (rc != E_TARGET)
        return rc;
    restore_plan_event(u, bytes_of(p->path.p, l->path_n), rc);
    return 0;
}

/* Makes one level's directory below the one above it. */
static int restore_plan_make(struct restore_plan *p, struct restore_unit *u,
                             size_t at)
{
    struct restore_level *l = &p->level[at];
    struct tree_entry te = {.attr = NULL};
    struct jail_result res;
    struct codec c;
    int rc;

    if (at == 0) {
        rc = jail_root_make(p->jail);
        l->dir = rc == 0 ? jail_dir_ref(jail_root(p->jail)) : NULL;
        return rc < 0 ? rc : restore_plan_look(p, u, l);
    }
    codec_init(&c, buf_bytes(&l->raw));
    rc = tree_entry_get(&c, &te, false);
    if (rc == 0)
        rc = jail_dir_enter(p->level[at - 1].dir, &te.e, &l->dir, &res);
    tree_entry_release(&te);
    if (rc == 0)
        rc = restore_plan_look(p, u, l);
    l->lost = !l->dir;
    if (rc == E_TARGET) {
        restore_plan_event(u, bytes_of(p->path.p, l->path_n), rc);
        return 0;
    }
    return rc;
}

/* Makes every directory on the way that is not there yet. */
static int restore_plan_reach(struct restore_plan *p, struct restore_unit *u,
                              struct jail_dir **dir)
{
    int rc = 0;

    *dir = NULL;
    for (size_t i = 0; i < p->depth && rc == 0; i++) {
        if (p->level[i].lost)
            return 0;
        if (!p->level[i].dir)
            rc = restore_plan_make(p, u, i);
    }
    if (rc == 0)
        *dir = p->level[p->depth - 1].dir;
    return rc;
}

static int restore_plan_enter(struct restore_plan *p, struct restore_unit *u)
{
    struct restore_level *l = NULL;
    bool excluded = restore_plan_excluded(p, true);
    struct jail_dir *dir;
    int rc;

    if (p->depth > 0)
        restore_extra_pass(&p->level[p->depth - 1].extra, p->item.te->e.name);
    if (excluded)
        tree_walk_skip(p->walk);
    rc = restore_plan_push(p, p->item.te, &l);
    if (rc == 0 && p->left && !excluded)
        rc = restore_left_enter(p->left,
                                p->depth > 1 ? &p->level[p->depth - 2].left
                                             : restore_left_above(p->left),
                                buf_bytes(&p->path), p->item.te, &l->left);
    if (rc < 0)
        return rc;
    l->wanted = !excluded && restore_plan_wanted(p, true);
    l->mirrors = l->wanted && l->left.mirrors;
    return l->wanted ? restore_plan_reach(p, u, &dir) : 0;
}

/* What becomes of a directory that is complete. Whoever names a target means
 * what comes into it, and whoever selects something below a directory does not
 * mean that: it gets metadata only when it was made for this. */
static enum restore_what restore_plan_ends(const struct restore_plan *p,
                                           const struct restore_level *l)
{
    bool made = jail_dir_made(l->dir);

    /* a target, even one that was made, is not `/` */
    if (p->depth == 0)
        return made && p->opt->start_path.n > 0 ? RESTORE_LEAVE : RESTORE_PASS;
    return made || l->wanted ? RESTORE_LEAVE : RESTORE_PASS;
}

/* The next thing to be deleted from the directory on top; *more: there was
 * one. */
static int restore_plan_extra(struct restore_plan *p, struct restore_unit *u,
                              bool *more)
{
    struct restore_level *l = &p->level[p->depth - 1];
    const char *name = restore_extra_next(&l->extra);
    struct restore_item *it = NULL;
    int rc;

    *more = name != NULL;
    if (!name)
        return 0;
    buf_reset(&p->extra_path);
    buf_add_bytes(&p->extra_path, buf_bytes(&p->path));
    if (p->path.n > 0)
        buf_add(&p->extra_path, "/", 1);
    buf_add_bytes(&p->extra_path, bytes_of_str(name));
    rc = buf_status(&p->extra_path);
    if (rc == 0)
        rc = restore_unit_add(u, RESTORE_EXTRA, bytes_of(NULL, 0),
                              buf_bytes(&p->extra_path), l->dir, &it);
    if (rc == 0)
        it->ignore = ignore_ref(l->left.ignore);
    return rc;
}

static int restore_plan_leave(struct restore_plan *p, struct restore_unit *u)
{
    struct restore_level *l = &p->level[p->depth - 1];
    struct restore_item *it;
    int rc = restore_plan_extra(p, u, &p->leaving);

    if (rc < 0 || p->leaving)
        return rc;
    p->depth--;
    restore_left_release(&l->left);
    restore_extra_release(&l->extra);
    if (l->dir)
        rc = restore_unit_add(u, restore_plan_ends(p, l), buf_bytes(&l->raw),
                              buf_bytes(&p->path), l->dir, &it);
    jail_dir_unref(l->dir);
    l->dir = NULL;
    return rc;
}

/* --- entries --- */

static int restore_plan_group(struct restore_plan *p, struct restore_item *it)
{
    uint64_t mark = p->depth ? p->level[p->depth - 1].mark : 0;
    bool first = true;
    int rc;

    if (p->item.te->e.nlink < 2 || p->opt->dry_run)
        return 0;
    rc = restore_group_find(&p->groups, p->item.te, mark, &it->group, &first);
    it->is_link = it->group && !first;
    return rc;
}

/* Whether a file is large enough for several threads. */
static bool restore_plan_is_large(const struct restore_plan *p)
{
    const struct entry *e = &p->item.te->e;

    return e->type == ENTRY_FILE && e->size > RESTORE_UNIT_PART &&
           e->nlink < 2 && !p->opt->verify && !p->opt->dry_run;
}

static int restore_plan_entry(struct restore_plan *p, struct restore_unit *u)
{
    const struct tree_entry *te = p->item.te;
    struct restore_item *it;
    struct jail_dir *dir = jail_root(p->jail);
    bool parts = false;
    int rc;

    if (p->depth > 0)
        restore_extra_pass(&p->level[p->depth - 1].extra, te->e.name);
    if (restore_plan_excluded(p, false) || !restore_plan_wanted(p, false))
        return 0;
    rc =
        p->depth > 0 ? restore_plan_reach(p, u, &dir) : jail_root_make(p->jail);
    if (rc < 0 || !dir)
        return rc;
    if (restore_plan_is_large(p))
        rc = restore_large_begin(&p->cut, dir, te, buf_bytes(&p->path), &parts);
    if (rc < 0 || parts)
        return rc;
    rc = restore_unit_add(
        u, te->e.type == ENTRY_FILE ? RESTORE_FILE : RESTORE_NODE, te->raw,
        buf_bytes(&p->path), dir, &it);
    u->bytes += te->e.size;
    return rc < 0 ? rc : restore_plan_group(p, it);
}

static int restore_plan_item(struct restore_plan *p, struct restore_unit *u)
{
    int rc = restore_plan_path(p, p->item.path);

    if (rc < 0)
        return rc;
    switch (p->item.kind) {
    case TREE_WALK_ENTER:
        return restore_plan_enter(p, u);
    case TREE_WALK_ENTRY:
        return restore_plan_entry(p, u);
    case TREE_WALK_LEAVE:
        restore_extra_end(&p->level[p->depth - 1].extra);
        return restore_plan_leave(p, u);
    case TREE_WALK_DAMAGED:
        restore_extra_drop(&p->level[p->depth - 1].extra);
        restore_plan_event(u, buf_bytes(&p->path), E_CORRUPT);
        return 0;
    case TREE_WALK_END:
        break;
    }
    return 0;
}

/* Room for an item and for a failure on the way to each of its directories. */
static bool restore_plan_room(const struct restore_plan *p,
                              const struct restore_unit *u)
{
    return u->n + 2 <= RESTORE_UNIT_ITEMS && u->bytes < RESTORE_UNIT_BYTES &&
           !p->cut.large;
}

int restore_plan_next(struct restore_plan *p, struct restore_unit *u, bool *end)
{
    bool over = false;
    int rc = restore_unit_reset(u);

    while (rc == 0 && !over && restore_plan_room(p, u)) {
        if (p->leaving) {
            rc = restore_plan_leave(p, u);
            continue;
        }
        rc = tree_walk_next(p->walk, &p->item);
        over = rc == 0 && p->item.kind == TREE_WALK_END;
        if (rc == 0 && !over)
            rc = restore_plan_item(p, u);
    }
    if (rc == 0 && p->cut.large && u->n < RESTORE_UNIT_ITEMS)
        rc = restore_large_next(&p->cut, u);
    *end = rc == 0 && u->n == 0 && over;
    return rc;
}
