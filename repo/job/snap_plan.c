#include "repo/job/snap_plan.h"

#include <stdlib.h>

#include "base/mem.h"

/* A file that does not fit into a unit and is read here, part by part. */
struct snap_large {
    struct dirfd *dir; /* a reference; NULL: no large file at the moment */
    struct arena arena;
    struct entry entry; /* complete; bytes in the arena */
    bool first;         /* the next part is the first of this reading */
    bool again;         /* it is read for the second time */
};

struct snap_plan {
    struct snap_plan_config config;
    struct cutter *cutter;
    struct reader *reader;
    struct walk_item item; /* taken from the walk */
    bool held;             /* ... and not yet in a unit */
    struct snap_large large;
};

int snap_plan_new(const struct snap_plan_config *config, struct snap_plan **out)
{
    struct snap_plan *p = mem_alloc(sizeof *p);
    int rc;

    *out = NULL;
    if (!p)
        return err_set(E_NOMEM, "out of memory");
    p->config = *config;
    if (p->config.unit_items == 0)
        p->config.unit_items = SNAP_UNIT_ITEMS;
    p->cutter = cutter_new(config->chunker);
    rc = p->cutter ? reader_new(&config->reader, &p->reader)
                   : err_set(E_NOMEM, "out of memory");
    if (rc < 0) {
        snap_plan_free(p);
        return rc;
    }
    *out = p;
    return 0;
}

void snap_plan_free(struct snap_plan *p)
{
    if (!p)
        return;
    reader_free(p->reader);
    cutter_free(p->cutter);
    dirfd_unref(p->large.dir);
    arena_release(&p->large.arena);
    free(p);
}

/* The best parent in which nothing has changed; NULL: none. */
static const struct snap_parent *snap_plan_parent(
    const struct snap_plan *p, const struct parent_found *found,
    const struct entry *now, const struct tree_entry **then)
{
    const struct snap_previous *from = p->config.previous;

    for (size_t i = 0; i < from->parent_n; i++) {
        *then = found->te[i];
        if (*then && snap_change_none(&p->config.rules, &(*then)->e, now))
            return &from->parent[i];
    }
    return NULL;
}

static int snap_plan_problem(struct snap_unit *u, const struct walk_item *w)
{
    struct snap_item *it = snap_unit_add(u, SNAP_PROBLEM);
    bool gone = w->problem == WALK_VANISHED;

    return snap_unit_problem(u, it,
                             gone ? MANIFEST_VANISHED : MANIFEST_UNREADABLE,
                             w->dir, w->entry.name, w->text);
}

static int snap_plan_enter(struct snap_plan *p, struct snap_unit *u,
                           const struct walk_item *w)
{
    struct snap_item *it = snap_unit_add(u, SNAP_ENTER);
    const struct snap_parent *from = NULL;
    const struct tree_entry *then = NULL;
    struct parent_found found;
    int rc;

    if (w->entry.name.n == 0) {
        rc = parent_enter_root(p->config.parent, &found);
    } else {
        rc = parent_find(p->config.parent, w->entry.name, &found);
        if (rc == 0)
            from = snap_plan_parent(p, &found, &w->entry, &then);
    }
    if (rc < 0)
        return rc;
    if (from && !from->must_check) {
        /* its attributes are those of the parent; its pages are not */
        rc = snap_unit_raw(u, it, then->raw);
        if (rc == 0)
            rc = snap_unit_read(it);
        it->te.raw = bytes_of(NULL, 0);
        it->has_attrs = true;
        it->te.e.starts_fs = w->entry.starts_fs;
    } else {
        it->has_attrs = w->bare;
        rc = snap_unit_entry(u, it, &w->entry);
    }
    if (rc < 0)
        return rc;
    it->fresh = !from && !w->path_only;
    it->dir = dirfd_ref(w->dir);
    return w->entry.name.n == 0 ? 0 : parent_enter(p->config.parent, &found);
}

/* Ends the large file: it is not, or no longer, to be had. */
static int snap_plan_large_drop(struct snap_plan *p, struct snap_unit *u,
                                struct snap_item *it, bool vanished)
{
    struct snap_large *l = &p->large;
    int rc;

    it->what = SNAP_DROPPED;
    rc = snap_unit_problem(
        u, it, vanished ? MANIFEST_VANISHED : MANIFEST_UNREADABLE, l->dir,
        l->entry.name, vanished ? "vanished" : err_text());
    reader_close(p->reader);
    dirfd_unref(l->dir);
    l->dir = NULL;
    return rc;
}

/* Opens the large file for its first or second reading. */
static int snap_plan_large_open(struct snap_plan *p, struct snap_unit *u)
{
    struct snap_large *l = &p->large;
    bool vanished = false;
    int rc =
        reader_open(p->reader, l->dir, l->entry.name, &l->entry, &vanished);

    if (rc == E_SOURCE || vanished)
        return snap_plan_large_drop(p, u, snap_unit_add(u, SNAP_DROPPED),
                                    vanished);
    if (rc < 0)
        return rc;
    cutter_start(p->cutter, p->reader);
    l->first = true;
    return 0;
}

static int snap_plan_large_begin(struct snap_plan *p, struct snap_unit *u,
                                 const struct walk_item *w)
{
    struct snap_large *l = &p->large;
    int rc;

    arena_reset(&l->arena);
    l->entry = w->entry;
    l->again = false;
    rc = arena_dup(&l->arena, w->entry.name, &l->entry.name);
    if (rc == 0)
        rc = arena_dup(&l->arena, w->entry.user, &l->entry.user);
    if (rc == 0)
        rc = arena_dup(&l->arena, w->entry.group, &l->entry.group);
    if (rc < 0)
        return rc;
    l->dir = dirfd_ref(w->dir);
    return snap_plan_large_open(p, u);
}

/* The file ended: it is complete, or is read once more because it changed. */
static int snap_plan_large_end(struct snap_plan *p, struct snap_unit *u,
                               struct snap_item *it)
{
    struct snap_large *l = &p->large;
    bool changed = false;
    int attrs = reader_attrs(p->reader, &l->entry, &l->arena);
    int rc = 0;

    if (attrs == E_SOURCE)
        rc = snap_unit_problem(u, it, MANIFEST_METADATA, l->dir, l->entry.name,
                               err_text());
    else
        rc = attrs;
    if (rc == 0)
        rc = reader_finish(p->reader, &l->entry, &changed);
    if (rc == E_SOURCE)
        return snap_plan_large_drop(p, u, it, false);
    if (rc < 0)
        return rc;
    if (changed && !l->again) {
        l->again = true;
        return snap_plan_large_open(p, u);
    }
    it->last = true;
    l->entry.changing = changed;
    l->entry.unsettled |= attrs == E_SOURCE; /* the next run asks again */
    rc = snap_unit_entry(u, it, &l->entry);
    if (rc == 0)
        rc = cutter_holes(p->cutter, &u->arena, &it->te.holes);
    if (rc == 0 && changed)
        rc = snap_unit_problem(u, it, MANIFEST_CHANGING, l->dir, l->entry.name,
                               "changed while it was read, twice");
    dirfd_unref(l->dir);
    l->dir = NULL;
    return rc;
}

static int snap_plan_large_part(struct snap_plan *p, struct snap_unit *u)
{
    struct snap_large *l = &p->large;
    struct snap_item *it = snap_unit_add(u, SNAP_PART);
    bool end = false;
    int rc;

    it->first = l->first;
    l->first = false;
    rc = it->first ? snap_unit_entry(u, it, &l->entry) : 0; /* its name */
    if (rc == 0)
        rc = cutter_fill(p->cutter, &u->buf, &u->pieces, &end);
    it->piece_n = u->pieces.n;
    if (rc == E_SOURCE)
        return snap_plan_large_drop(p, u, it, false);
    return rc < 0 || !end ? rc : snap_plan_large_end(p, u, it);
}

static int snap_plan_entry(struct snap_plan *p, struct snap_unit *u,
                           const struct walk_item *w)
{
    const struct snap_parent *from;
    const struct tree_entry *then = NULL;
    struct parent_found found;
    struct snap_item *it;
    int rc = parent_find(p->config.parent, w->entry.name, &found);

    if (rc < 0)
        return rc;
    from = snap_plan_parent(p, &found, &w->entry, &then);
    if (from) {
        it = snap_unit_add_kept(u);
        it->must_check = from->must_check;
        it->resumed = from->checkpoint;
        it->dir = it->must_check ? dirfd_ref(w->dir) : NULL;
        return snap_unit_raw(u, it, then->raw);
    }
    if (w->entry.type == ENTRY_FILE && w->entry.size > SNAP_UNIT_BYTES)
        return snap_plan_large_begin(p, u, w);
    it = snap_unit_add(u, w->entry.type == ENTRY_FILE ? SNAP_FILE : SNAP_OTHER);
    it->dir = dirfd_ref(w->dir);
    u->content += w->entry.size;
    return snap_unit_entry(u, it, &w->entry);
}

static int snap_plan_item(struct snap_plan *p, struct snap_unit *u)
{
    const struct walk_item *w = &p->item;

    switch (w->kind) {
    case WALK_ENTER:
        return snap_plan_enter(p, u, w);
    case WALK_LEAVE:
        parent_leave(p->config.parent);
        (void)snap_unit_add(u, SNAP_LEAVE);
        return 0;
    case WALK_ENTRY:
        return snap_plan_entry(p, u, w);
    case WALK_PROBLEM:
        return snap_plan_problem(u, w);
    case WALK_END:
        break;
    }
    return 0;
}

/* Whether the item that was taken from the walk still belongs into u. */
static bool snap_plan_fits(const struct snap_plan *p, const struct snap_unit *u)
{
    const struct entry *e = &p->item.entry;

    /* a part and a second item may be needed for a large file's fate */
    if (u->n + 2 > SNAP_UNIT_ITEMS || u->n >= p->config.unit_items)
        return false;
    return p->item.kind != WALK_ENTRY || e->type != ENTRY_FILE || u->n == 0 ||
           u->content + e->size <= SNAP_UNIT_BYTES;
}

int snap_plan_next(struct snap_plan *p, struct snap_unit *u, bool *end)
{
    int rc = snap_unit_reset(u, p->config.chunker->params.max);

    while (rc == 0 && !p->large.dir) {
        if (!p->held)
            rc = walk_next(p->config.walk, &p->item);
        p->held = rc == 0;
        if (rc < 0 || p->item.kind == WALK_END || !snap_plan_fits(p, u))
            break;
        p->held = false;
        rc = snap_plan_item(p, u);
    }
    if (rc == 0 && p->large.dir && u->n == 0)
        rc = snap_plan_large_part(p, u);
    if (rc == E_CANCELED && u->n > 0) {
        err_ignore(rc, "what came before counts; the next call finds it too");
        rc = 0;
    }
    *end = rc == 0 && u->n == 0;
    return rc;
}
