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
    const struct walk_item *at; /* where the walk is */
    const struct dirfd *in;     /* the directory that it is in */
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

/* The same of other metadata, if any. */
static int snap_preview_tell_meta(struct snap_preview *p,
                                  const struct walk_item *w)
{
    p->result->metadata_n++;
    return snap_preview_tell(p, SNAP_PREVIEW_METADATA, w);
}

/* Whether one of the trees has a directory with just this metadata. */
static bool snap_preview_same_dir(const struct snap_preview *p,
                                  const struct parent_found *found,
                                  const struct entry *now)
{
    for (size_t i = 0; i < p->previous.parent_n; i++) {
        const struct tree_entry *te = found->te[i];

        if (te && te->e.type == ENTRY_DIR &&
            snap_change_metadata_none(&p->o->rules, &te->e, now))
            return true;
    }
    return false;
}

/* Of directories above the roots nobody asked for anything but the way. */
static int snap_preview_dir(struct snap_preview *p, const struct walk_item *w,
                            const struct parent_found *found)
{
    bool known = false, was_dir = false;

    for (size_t i = 0; i < p->previous.parent_n; i++) {
        known = known || found->te[i];
        was_dir =
            was_dir || (found->te[i] && found->te[i]->e.type == ENTRY_DIR);
    }
    if (!known)
        return snap_preview_tell(p, SNAP_PREVIEW_NEW, w);
    if (!was_dir)
        return snap_preview_tell(p, SNAP_PREVIEW_CHANGED, w);
    if (w->path_only || snap_preview_same_dir(p, found, &w->entry))
        return 0;
    return snap_preview_tell_meta(p, w);
}

static int snap_preview_enter(struct snap_preview *p, const struct walk_item *w)
{
    bool root = w->entry.name.n == 0;
    struct parent_found found;
    int rc = root ? parent_enter_root(p->tree, &found)
                  : parent_find(p->tree, w->entry.name, &found);

    if (rc < 0)
        return rc;
    p->result->directories++;
    rc = snap_preview_dir(p, w, &found);
    if (rc == 0 && !root)
        rc = parent_enter(p->tree, &found);
    return rc;
}

/* What names are left in it nobody can say who could not read it. */
static int snap_preview_leave(struct snap_preview *p, const struct walk_item *w)
{
    int rc = 0;

    if (!w->incomplete && w->skip != WALK_SKIP_FAILED)
        rc = parent_rest(p->tree);
    parent_leave(p->tree);
    return rc;
}

/* Whether what differs from one of the trees is metadata alone. */
static bool snap_preview_only_meta(const struct snap_preview *p,
                                   const struct parent_found *found,
                                   const struct entry *now)
{
    for (size_t i = 0; i < p->previous.parent_n; i++) {
        const struct tree_entry *te = found->te[i];

        if (te && snap_change_content_none(&p->o->rules, &te->e, now))
            return true;
    }
    return false;
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
    if (known && snap_preview_only_meta(p, &found, &w->entry))
        return snap_preview_tell_meta(p, w);
    return snap_preview_tell(p, known ? SNAP_PREVIEW_CHANGED : SNAP_PREVIEW_NEW,
                             w);
}

/* ---- what is gone ------------------------------------------------------ */

/* The directory that the walk asks its parents about, with a '/' behind it. */
static void snap_preview_where(struct snap_preview *p)
{
    struct buf *path = &p->path;

    buf_reset(path);
    dirfd_path(p->at->dir, bytes_of(NULL, 0), path);
    if (p->at->kind == WALK_ENTER) { /* it is asked for in the one above it */
        while (path->n > 0 && path->p[path->n - 1] != '/')
            path->n--;
    } else if (path->n > 0 && path->p[path->n - 1] != '/') {
        buf_add(path, "/", 1);
    }
}

static int snap_preview_gone(void *ctx, const struct tree_entry *te)
{
    struct snap_preview *p = ctx;
    struct snap_preview_entry x = {.kind = SNAP_PREVIEW_GONE, .e = &te->e};
    int rc;

    p->result->gone_n++;
    if (!p->events->entry)
        return 0;
    snap_preview_where(p);
    buf_add_bytes(&p->path, te->e.name);
    rc = buf_status(&p->path);
    x.path = buf_bytes(&p->path);
    return rc < 0 ? rc : p->events->entry(p->events->ctx, &x);
}

/* A checkpoint does not hold all that there was. */
static void snap_preview_on_gone(struct snap_preview *p)
{
    for (size_t i = 0; i < p->previous.parent_n; i++) {
        if (!p->previous.parent[i].checkpoint)
            parent_on_gone(p->tree, i, snap_preview_gone, p);
    }
}

/* ---- the walk ---------------------------------------------------------- */

/* What cannot be read is not gone. */
static int snap_preview_problem(struct snap_preview *p,
                                const struct walk_item *w)
{
    struct parent_found found;
    int rc = 0;

    p->result->problems++;
    if (p->events->problem)
        rc = p->events->problem(p->events->ctx, w->text);
    if (rc == 0 && w->problem == WALK_UNREADABLE && p->in && w->dir == p->in)
        rc = parent_find(p->tree, w->entry.name, &found);
    return rc;
}

static int snap_preview_step(struct snap_preview *p, const struct walk_item *w)
{
    p->at = w;
    switch (w->kind) {
    case WALK_ENTER:
        p->in = w->dir;
        return snap_preview_enter(p, w);
    case WALK_LEAVE:
        p->in = dirfd_parent(w->dir);
        return snap_preview_leave(p, w);
    case WALK_ENTRY:
        return snap_preview_entry(p, w);
    case WALK_PROBLEM:
        return snap_preview_problem(p, w);
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
    snap_preview_on_gone(p);
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
