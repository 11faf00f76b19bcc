#include "repo/job/snap_preview.h"

#include "repo/fetch.h"
#include "repo/job/parent.h"
#include "repo/job/snap_previous.h"

enum {
    SNAP_PREVIEW_CACHE_BYTES = 16 << 20, /* decoded frames of the parent */
    SNAP_PREVIEW_PATH_MAX = 8 << 20
};

struct snap_preview {
    const struct snapshot_job_options *o;
    const struct snap_preview_events *events;
    struct snap_preview_result *result;
    struct snap_previous previous;
    struct fetch *fetch;
    struct fetch_lane *lane;
    struct parent *tree;
    struct owner_cache *owners;
    struct walk *walk;
    struct buf path;
};

/* ---- one step ---------------------------------------------------------- */

static int snap_preview_tell(struct snap_preview *p,
                             enum snap_preview_kind kind,
                             const struct walk_item *w)
{
    struct snap_preview_entry x = {.kind = kind, .e = &w->entry};
    int rc;

    if (!p->events->entry)
        return 0;
    buf_reset(&p->path);
    dirfd_path(w->dir,
               w->kind == WALK_ENTER ? bytes_of(NULL, 0) : w->entry.name,
               &p->path);
    rc = buf_status(&p->path);
    x.path = buf_bytes(&p->path);
    return rc < 0 ? rc : p->events->entry(p->events->ctx, &x);
}

/* Whether one of the trees has just this; known: out: or something there. */
static bool snap_preview_kept(const struct snap_preview *p,
                              const struct parent_found *found,
                              const struct entry *now, bool *known)
{
    *known = false;
    for (size_t i = 0; i < p->previous.parent_n; i++) {
        const struct tree_entry *te = found->te[i];

        *known = *known || te;
        if (te && snap_change_none(&p->o->rules, &te->e, now))
            return true;
    }
    return false;
}

static int snap_preview_enter(struct snap_preview *p, const struct walk_item *w)
{
    bool root = w->entry.name.n == 0, known;
    struct parent_found found;
    int rc = root ? parent_enter_root(p->tree, &found)
                  : parent_find(p->tree, w->entry.name, &found);

    if (rc < 0)
        return rc;
    p->result->directories++;
    (void)snap_preview_kept(p, &found, &w->entry, &known);
    if (!known)
        rc = snap_preview_tell(p, SNAP_PREVIEW_NEW, w);
    if (rc == 0 && !root)
        rc = parent_enter(p->tree, &found);
    return rc;
}

static int snap_preview_entry(struct snap_preview *p, const struct walk_item *w)
{
    struct snap_preview_result *r = p->result;
    bool is_file = w->entry.type == ENTRY_FILE, known;
    struct parent_found found;
    int rc = parent_find(p->tree, w->entry.name, &found);

    if (rc < 0)
        return rc;
    r->files += is_file;
    r->others += !is_file;
    r->bytes += is_file ? w->entry.size : 0;
    if (snap_preview_kept(p, &found, &w->entry, &known))
        return 0;
    r->new_n += !known;
    r->changed_n += known;
    r->read_bytes += is_file ? w->entry.size : 0;
    return snap_preview_tell(p, known ? SNAP_PREVIEW_CHANGED : SNAP_PREVIEW_NEW,
                             w);
}

static int snap_preview_step(struct snap_preview *p, const struct walk_item *w)
{
    switch (w->kind) {
    case WALK_ENTER:
        return snap_preview_enter(p, w);
    case WALK_LEAVE:
        parent_leave(p->tree);
        return 0;
    case WALK_ENTRY:
        return snap_preview_entry(p, w);
    case WALK_PROBLEM:
        p->result->problems++;
        return p->events->problem ? p->events->problem(p->events->ctx, w->text)
                                  : 0;
    case WALK_END:
        break;
    }
    return 0;
}

/* ---- all of it --------------------------------------------------------- */

static int snap_preview_open(struct snap_preview *p, struct repo *r)
{
    struct walk_options walk;
    int rc = snap_previous_find(r, p->o->series, p->o->force, &p->previous);

    if (rc == 0)
        rc = fetch_open(r->store, r->keys, r->index, SNAP_PREVIEW_CACHE_BYTES,
                        &p->fetch);
    if (rc == 0 && p->previous.kept)
        rc = fetch_keep(p->fetch, p->previous.kept);
    if (rc == 0)
        rc = fetch_lane_new(p->fetch, &p->lane);
    if (rc == 0)
        rc = owner_cache_new(&p->owners);
    if (rc < 0)
        return rc;
    p->tree = parent_new(p->lane);
    if (!p->tree)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < p->previous.parent_n; i++)
        parent_add(p->tree, &p->previous.parent[i].root);
    p->result->has_parent = p->previous.parent_n > 0;
    walk = snapshot_job_walk(p->o, p->owners);
    return walk_new(p->o->root, p->o->root_n, &walk, &p->walk);
}

static int snap_preview_walk(struct snap_preview *p)
{
    struct walk_item item = {.kind = WALK_ENTER};
    int rc = 0;

    while (rc == 0 && item.kind != WALK_END) {
        rc = cancel_check(p->o->cancel);
        if (rc == 0)
            rc = walk_next(p->walk, &item);
        if (rc == 0)
            rc = snap_preview_step(p, &item);
    }
    p->result->excluded = walk_count(p->walk).excluded;
    p->result->ignored = walk_count(p->walk).ignored;
    return rc;
}

int snap_preview_run(struct repo *r, const struct snapshot_job_options *o,
                     const struct snap_preview_events *events,
                     struct snap_preview_result *out)
{
    struct snap_preview p = {.o = o, .events = events, .result = out};
    int rc;

    ASSERT(!o->stream);
    *out = (struct snap_preview_result){.files = 0};
    buf_init(&p.path, SNAP_PREVIEW_PATH_MAX);
    rc = snap_preview_open(&p, r);
    if (rc == 0)
        rc = snap_preview_walk(&p);
    /* in the order in which one depends on the other */
    walk_free(p.walk);
    parent_free(p.tree);
    fetch_lane_free(p.lane);
    fetch_free(p.fetch);
    owner_cache_free(p.owners);
    snap_previous_release(&p.previous);
    buf_release(&p.path);
    return rc;
}
