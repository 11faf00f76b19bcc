#include "repo/job/live_diff.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/dir_reader.h"
#include "repo/job/live_compare.h"
#include "repo/tree_walk.h"

/* A directory on the way down, of both sides. Readers stay for the next use. */
struct live_level {
    struct dir_reader *reader;
    bool open; /* the snapshot has such a directory, with names left */
    bool lost; /* ... which cannot be read on: what is live is passed over */
    const struct tree_entry *next; /* not asked for yet; NULL: none */
    const struct dirfd *dir;       /* of the walk */
    size_t path_n;                 /* bytes of the path of this directory */
};

struct live_diff {
    const struct live_diff_options *o;
    const struct live_diff_events *events;
    struct node_source source;
    struct owner_cache *owners;
    struct live_compare *compare;
    struct walk *walk;
    struct tree_walk *below; /* what went with a directory */
    struct live_level *level;
    size_t depth;
    size_t made;
    struct buf path; /* below the starts, of what is at hand */
};

/* ---- what is told -------------------------------------------------------- */

static int live_tell(struct live_diff *d, enum tree_diff_kind kind,
                     const struct tree_entry *a, const struct entry *b)
{
    struct tree_entry te = {.attr = NULL};
    struct tree_diff_item item = {
        .kind = kind, .a = a, .path = buf_bytes(&d->path)};

    if (b) {
        te.e = *b;
        item.b = &te;
    }
    return d->events->item(d->events->ctx, &item);
}

static int live_problem(struct live_diff *d, enum manifest_problem_kind kind,
                        const char *text)
{
    return d->events->problem(d->events->ctx, kind, text);
}

/* The same of what stands at a name of a directory, or is it. */
static int live_problem_at(struct live_diff *d, enum manifest_problem_kind kind,
                           const struct dirfd *dir, struct bytes name,
                           const char *what)
{
    struct buf text;
    int rc;

    buf_init(&text, 8 << 20);
    dirfd_path(dir, name, &text);
    buf_add(&text, ": ", 2);
    buf_add(&text, what, strlen(what) + 1);
    rc = buf_status(&text);
    if (rc == 0)
        rc = live_problem(d, kind, (const char *)text.p);
    buf_release(&text);
    return rc;
}

/* The path of a name in the directory at hand; of the start, none. */
static int live_path(struct live_diff *d, struct bytes name)
{
    buf_truncate(&d->path, d->depth ? d->level[d->depth - 1].path_n : 0);
    if (d->depth == 0)
        return 0;
    buf_add_path(&d->path, name);
    return buf_status(&d->path);
}

/* ---- what went ----------------------------------------------------------- */

/* Tells of an entry, and all below it, whose path is at hand. */
static int live_gone(struct live_diff *d, const struct tree_entry *te)
{
    size_t n = d->path.n;
    struct tree_walk_item it = {.kind = TREE_WALK_ENTER};
    int rc = tree_walk_start(d->below, te);

    while (rc == 0) {
        rc = cancel_check(d->o->walk.cancel);
        if (rc == 0)
            rc = tree_walk_next(d->below, &it);
        if (rc < 0 || it.kind == TREE_WALK_END)
            break;
        if (it.kind == TREE_WALK_LEAVE)
            continue;
        buf_truncate(&d->path, n);
        buf_add_path(&d->path, it.path);
        rc = buf_status(&d->path);
        if (rc == 0)
            rc = live_tell(d,
                           it.kind == TREE_WALK_DAMAGED ? TREE_DIFF_DAMAGED
                                                        : TREE_DIFF_REMOVED,
                           it.te, NULL);
    }
    buf_truncate(&d->path, n);
    return rc;
}

/* The rest of a directory of the snapshot cannot be read: told once. */
static int live_lose(struct live_diff *d, struct live_level *l, int rc)
{
    if (rc != E_CORRUPT)
        return rc;
    l->open = false;
    l->lost = true;
    l->next = NULL;
    buf_truncate(&d->path, l->path_n);
    return live_tell(d, TREE_DIFF_DAMAGED, NULL, NULL);
}

static int live_advance(struct live_diff *d, struct live_level *l)
{
    l->next = NULL;
    return l->open ? live_lose(d, l, dir_reader_next(l->reader, &l->next)) : 0;
}

/* Tells of all that the snapshot has before name; NULL: of all. */
static int live_pass(struct live_diff *d, const struct bytes *name)
{
    struct live_level *l = &d->level[d->depth - 1];
    int rc = 0;

    while (rc == 0 && l->next &&
           (!name || bytes_cmp(l->next->e.name, *name) < 0)) {
        rc = live_path(d, l->next->e.name);
        if (rc == 0)
            rc = live_gone(d, l->next);
        if (rc == 0)
            rc = live_advance(d, l);
    }
    return rc;
}

/* ---- both sides ---------------------------------------------------------- */

/*
 * What the snapshot has at a name of the directory at hand, or as the start;
 * NULL: nothing. The path is then that of the name. Lent until live_done().
 */
static int live_find(struct live_diff *d, struct bytes name,
                     const struct tree_entry **te)
{
    struct live_level *l;
    int rc;

    *te = d->o->was;
    if (d->depth == 0)
        return live_path(d, name);
    *te = NULL;
    l = &d->level[d->depth - 1];
    rc = live_pass(d, &name);
    if (rc == 0 && l->next && bytes_equal(l->next->e.name, name))
        *te = l->next;
    return rc < 0 ? rc : live_path(d, name);
}

/* That name has been dealt with. */
static int live_done(struct live_diff *d, const struct tree_entry *te)
{
    return te && d->depth > 0 ? live_advance(d, &d->level[d->depth - 1]) : 0;
}

/* Both sides have something of one type. */
static int live_both(struct live_diff *d, const struct walk_item *w,
                     const struct tree_entry *te)
{
    struct bytes name =
        w->kind == WALK_ENTER ? bytes_of(NULL, 0) : w->entry.name;
    struct entry now = w->entry;
    struct live_compare_result r;
    int rc = live_compare_entry(d->compare, te, w->dir, &now, &r);

    if (rc == E_CORRUPT)
        return live_tell(d, TREE_DIFF_DAMAGED, NULL, NULL);
    if (rc == E_SOURCE)
        return live_problem(d, MANIFEST_UNREADABLE, err_text());
    if (rc < 0)
        return rc;
    if (r.vanished) {
        rc = live_problem_at(d, MANIFEST_VANISHED, w->dir, name,
                             "vanished while it was read");
        /* of a directory its names will tell */
        return rc == 0 && w->kind == WALK_ENTRY ? live_gone(d, te) : rc;
    }
    if (r.lost)
        rc = live_problem(d, MANIFEST_METADATA, r.lost);
    if (rc == 0 && r.changing)
        rc = live_problem_at(d, MANIFEST_CHANGING, w->dir, name,
                             "kept changing while it was read");
    if (rc < 0 || r.how == TREE_DIFF_SAME)
        return rc;
    return live_tell(
        d, r.how == TREE_DIFF_OTHER_META ? TREE_DIFF_META : TREE_DIFF_CHANGED,
        te, &now);
}

/* What is live, beside what the snapshot has there. One that became another
 * type of thing went, and came. */
static int live_beside(struct live_diff *d, const struct walk_item *w,
                       const struct tree_entry *te)
{
    int rc = 0;

    if (te && te->e.type == w->entry.type)
        return live_both(d, w, te);
    if (te)
        rc = live_gone(d, te);
    return rc < 0 ? rc : live_tell(d, TREE_DIFF_ADDED, NULL, &w->entry);
}

static bool live_is_lost(const struct live_diff *d)
{
    return d->depth > 0 && d->level[d->depth - 1].lost;
}

static int live_entry(struct live_diff *d, const struct walk_item *w)
{
    const struct tree_entry *te;
    int rc;

    if (live_is_lost(d))
        return 0;
    rc = live_find(d, w->entry.name, &te);
    if (rc == 0 && !live_is_lost(d))
        rc = live_beside(d, w, te);
    return rc < 0 ? rc : live_done(d, te);
}

/* ---- directories --------------------------------------------------------- */

static int live_grow(struct live_diff *d)
{
    struct live_level *l =
        mem_resize(d->level, (d->made + 1) * sizeof *d->level);

    if (!l)
        return err_set(E_NOMEM, "out of memory");
    d->level = l;
    l[d->made] = (struct live_level){.reader = dir_reader_new(&d->source)};
    if (!l[d->made].reader)
        return err_set(E_NOMEM, "out of memory");
    d->made++;
    return 0;
}

/* Goes into a directory whose path is at hand; root: of what the snapshot has
 * there, or NULL. */
static int live_push(struct live_diff *d, const struct walk_item *w,
                     const struct chunk_id *root, bool lost)
{
    struct live_level *l;
    int rc = d->depth == d->made ? live_grow(d) : 0;

    if (rc < 0)
        return rc;
    l = &d->level[d->depth++];
    *l = (struct live_level){.reader = l->reader,
                             .open = root != NULL,
                             .lost = lost,
                             .dir = w->dir,
                             .path_n = d->path.n};
    if (root)
        rc = live_lose(d, l, dir_reader_open(l->reader, root));
    return rc < 0 ? rc : live_advance(d, l);
}

static int live_enter(struct live_diff *d, const struct walk_item *w)
{
    const struct tree_entry *te = NULL;
    struct chunk_id root = {{0}};
    bool has_root;
    int rc;

    if (w->path_only) /* above the start */
        return 0;
    rc = live_is_lost(d) ? 0 : live_find(d, w->entry.name, &te);
    if (rc < 0)
        return rc;
    if (live_is_lost(d))
        return live_push(d, w, NULL, true);
    rc = live_beside(d, w, te);
    has_root = te && te->e.type == ENTRY_DIR;
    if (has_root)
        root = te->dir.root;
    if (rc == 0)
        rc = live_done(d, te);
    if (rc == 0)
        rc = live_path(d, w->entry.name); /* as it was */
    return rc < 0 ? rc : live_push(d, w, has_root ? &root : NULL, false);
}

/* What names are left in one whose names could not be read nobody can say. */
static int live_leave(struct live_diff *d, const struct walk_item *w)
{
    int rc = 0;

    if (d->depth == 0) /* above the start */
        return 0;
    if (!w->incomplete && w->skip != WALK_SKIP_FAILED)
        rc = live_pass(d, NULL);
    d->depth--;
    return rc;
}

/* What could not be looked at did not go. */
static int live_trouble(struct live_diff *d, const struct walk_item *w)
{
    bool gone = w->problem == WALK_VANISHED;
    const struct tree_entry *te = NULL;
    int rc = live_problem(d, gone ? MANIFEST_VANISHED : MANIFEST_UNREADABLE,
                          w->text);

    if (rc < 0 || gone || d->depth == 0 || w->dir != d->level[d->depth - 1].dir)
        return rc;
    rc = live_find(d, w->entry.name, &te);
    return rc < 0 ? rc : live_done(d, te);
}

/* ---- all of it ----------------------------------------------------------- */

static int live_step(struct live_diff *d, const struct walk_item *w)
{
    switch (w->kind) {
    case WALK_ENTER:
        return live_enter(d, w);
    case WALK_LEAVE:
        return live_leave(d, w);
    case WALK_ENTRY:
        return live_entry(d, w);
    case WALK_PROBLEM:
        return live_trouble(d, w);
    case WALK_END:
        break;
    }
    return 0;
}

static int live_open(struct live_diff *d, const struct keyring *keys,
                     struct fetch_lane *lane)
{
    struct walk_options walk = d->o->walk;
    int rc = owner_cache_new(&d->owners);

    d->source = fetch_node_source(lane);
    d->below = tree_walk_new(&d->source);
    if (rc == 0 && !d->below)
        rc = err_set(E_NOMEM, "out of memory");
    if (rc == 0)
        rc = live_compare_new(keys, lane, d->owners, walk.cancel, &d->compare);
    walk.owners = d->owners;
    return rc < 0 ? rc : walk_new(&d->o->root, 1, &walk, &d->walk);
}

int live_diff_run(const struct keyring *keys, struct fetch_lane *lane,
                  const struct live_diff_options *o,
                  const struct live_diff_events *events)
{
    struct live_diff d = {.o = o, .events = events};
    struct walk_item item = {.kind = WALK_ENTER};
    int rc;

    buf_init(&d.path, TREE_WALK_PATH_MAX);
    rc = live_open(&d, keys, lane);
    while (rc == 0 && item.kind != WALK_END) {
        rc = walk_next(d.walk, &item);
        if (rc == 0)
            rc = live_step(&d, &item);
    }
    /* in the order in which one depends on the other */
    live_compare_free(d.compare);
    walk_free(d.walk);
    owner_cache_free(d.owners);
    tree_walk_free(d.below);
    for (size_t i = 0; i < d.made; i++)
        dir_reader_free(d.level[i].reader);
    free(d.level);
    buf_release(&d.path);
    return rc;
}
