/* `.versions`: what a path is in all snapshots together. */
#include <stdlib.h>

#include "base/mem.h"
#include "fuse/loop.h"
#include "fuse/mount_ops.h"
#include "fuse/mount_way.h"
#include "repo/tree_walk.h"

/*
 * Where a listing goes on. Behind a version: its snapshot's number, from 3 on.
 * Behind a name of a directory: where that stands, an entry of that directory
 * in one snapshot, which is found again whatever came and went meanwhile.
 * Behind the last version, where no names follow: nowhere, which takes no look.
 */
#define VERSIONS_OFF_END   (UINT64_C(1) << 62)
#define VERSIONS_OFF_NAMES (UINT64_C(1) << 61)
#define VERSIONS_SNAP_MAX  (UINT32_C(1) << 29)

/* ---- which path, and in which snapshots -----------------------------------
 */

/* The path of a directory in .versions: "a/b/c"; empty: of .versions. The slots
 * above one that is asked for live. */
static int versions_path(struct mount *m, uint32_t slot, struct buf *path)
{
    char name[DIR_SLOTS_NAME_MAX + 1];
    struct dir_slot d;
    size_t n, all = 0;

    for (uint32_t s = slot; (n = dir_slots_name(m->slots, s, name)) > 0 &&
                            dir_slots_get(m->slots, s, &d);
         s = d.parent)
        all += n + (all > 0);
    buf_reset(path);
    buf_add_zeros(path, all);
    if (buf_status(path) < 0)
        return buf_status(path);
    for (uint32_t s = slot; all > 0 && dir_slots_get(m->slots, s, &d);
         s = d.parent) {
        n = dir_slots_name(m->slots, s, name);
        all -= n;
        memcpy(path->p + all, name, n);
        if (all > 0)
            path->p[--all] = '/';
    }
    return 0;
}

/* What comes before the last name of a path, and that. */
static struct bytes path_split(struct bytes path, struct bytes *name)
{
    size_t n = path.n;

    while (n > 0 && path.p[n - 1] != '/')
        n--;
    *name = bytes_of(path.p + n, path.n - n);
    return bytes_of(path.p, n > 0 ? n - 1 : 0);
}

/* What is damaged is told once; what a prune took, not at all. */
static bool versions_unreadable(void *ctx, uint32_t no)
{
    struct mount *m = ctx;
    char name[9];

    if (mount_view_is_gone(m->view, no, name))
        return false;
    (void)mount_errno(m, E_CORRUPT, no);
    return true;
}

static struct versions_reader versions_reader(struct mount *m,
                                              struct lane *lane)
{
    return (struct versions_reader){.nodes = m->nodes,
                                    .source = &lane->nodes,
                                    .te = &lane->te,
                                    .unreadable = versions_unreadable,
                                    .ctx = m};
}

/* The snapshots that the top shows. */
static int versions_snaps(const struct top *t, struct versions_snaps *out)
{
    struct tree_entry te = {.attr = NULL};
    int rc = 0;

    for (uint32_t i = 0; i < top_snap_n(t) && rc == 0; i++) {
        const struct top_snap *sn = top_snap(t, i);
        struct versions_snap snap = {
            .no = i, .series = sn->series, .begin = sn->begin};

        if (sn->gone)
            continue;
        rc = top_snap_entry(sn, &te);
        snap.pages = te.dir.root;
        if (rc == 0 && te.e.type == ENTRY_DIR)
            rc = versions_snaps_add(out, &snap);
        if (rc == E_CORRUPT) /* who looks at it is told */
            rc = 0;
    }
    tree_entry_release(&te);
    versions_snaps_sort(out);
    return rc;
}

/* From now on it is about the snapshots of now. */
static int versions_follow(struct mount *m)
{
    struct versions_snaps snaps = {.snap = NULL};
    const struct top *t = mount_view_top(m->view);
    const uint64_t edition = top_edition(t);
    const bool is_new = !versions_memo_is(m->versions, edition);
    int rc = is_new ? versions_snaps(t, &snaps) : 0;

    mount_view_done(m->view);
    if (rc == 0 && is_new)
        return versions_memo_set(m->versions, edition, &snaps);
    versions_snaps_release(&snaps);
    return rc;
}

/* ---- one name -------------------------------------------------------------
 */

/* A directory in .versions, but for the kernel's number. */
static void versions_describe(struct mount *m, const struct mount_node *in,
                              struct bytes name, struct entry_time changed,
                              struct dir_slot *d, struct fuse_entry_param *e)
{
    *d = (struct dir_slot){.parent = in->slot,
                           .kind = TOP_VERSIONS,
                           .snap = DIR_SLOTS_NO_SNAP,
                           .ino = mount_attr_below_ino(&in->dir, name)};
    *e = (struct fuse_entry_param){.attr_timeout = MOUNT_OPS_PASSING,
                                   .entry_timeout = MOUNT_OPS_PASSING};
    mount_attr_top(m, d, changed, &e->attr);
}

/* The kernel is told of it. */
static int versions_tell(struct mount *m, const struct mount_node *in,
                         struct bytes name, struct fuse_entry_param *e)
{
    const struct entry_time changed = top_changed(mount_view_look(m->view));
    struct dir_slot d;
    uint32_t slot;
    int rc;

    mount_view_done(m->view);
    versions_describe(m, in, name, changed, &d, e);
    rc = dir_slots_enter_named(m->slots, &d, name, &slot);
    if (rc == 0)
        e->ino = mount_number_dir(slot);
    return rc;
}

/* The number of the snapshot that is called so as a version. */
static bool versions_named(struct mount *m, const char *name, uint32_t *no)
{
    struct top_child c;
    bool found;

    found = top_named(mount_view_look(m->view), TOP_VERSIONS, 0, name, &c);
    mount_view_done(m->view);
    *no = c.arg;
    return found;
}

/* Versions that are likely to be looked up next. */
struct versions_next {
    struct mount *m;
    struct lane *lane;
    uint32_t slot; /* of the directory that they are in */
    struct bytes path;
    struct versions_snap behind;
    uint32_t *no; /* out: their snapshots */
    size_t n;
    size_t max;
};

static int next_take(void *ctx, const struct versions_snap *first)
{
    struct versions_next *x = ctx;

    if (versions_snap_cmp(first, &x->behind) > 0)
        x->no[x->n++] = first->no;
    return x->n == x->max;
}

/*
 * Who looks up one version after the other, as `ls -l` does, would wait for a
 * pin each time: each time twice as many are pinned, those that come next.
 */
static size_t versions_next(void *ctx, uint32_t *no, size_t max)
{
    struct versions_next *x = ctx;
    struct mount *m = x->m;
    const struct versions_reader r = versions_reader(m, x->lane);
    const uint64_t run = atomic_load(&m->versions_run);
    const uint64_t n = (uint32_t)(run >> 32) == x->slot ? 2 * (uint32_t)run : 1;
    struct versions_dirs *above = NULL;
    struct bytes name;

    x->no = no;
    x->max = n - 1 < max ? (size_t)n - 1 : max;
    atomic_store(&m->versions_run, (uint64_t)x->slot << 32 | (x->max + 1));
    if (x->max > 0 &&
        versions_memo_get(m->versions, &r, path_split(x->path, &name),
                          &above) == 0 &&
        versions_of(&r, above, name, next_take, x) < 0)
        x->n = 0; /* it is only a guess */
    versions_memo_give(m->versions, above);
    return x->n;
}

/* A path as it is in one snapshot, where it is no directory. */
static int versions_lookup_one(struct mount *m, struct lane *lane,
                               uint32_t slot, struct bytes path, uint32_t no,
                               struct fuse_entry_param *e)
{
    struct versions_next next = {
        .m = m, .lane = lane, .slot = slot, .path = path, .behind = {.no = no}};
    struct mount_way w = {.enter = true};
    struct node_leaf leaf = {.node = NULL};
    struct bytes name, above = path_split(path, &name);
    uint32_t at = 0;
    int rc;

    next.behind.begin = top_snap(mount_view_look(m->view), no)->begin;
    mount_view_done(m->view);
    rc = mount_view_use_with(m->view, no, versions_next, &next);
    *e = (struct fuse_entry_param){.attr_timeout = MOUNT_OPS_LASTING,
                                   .entry_timeout = MOUNT_OPS_PASSING};
    if (rc == 0)
        rc = mount_way_to(m, lane, no, above, &w);
    if (rc == 0)
        rc = mount_way_find(m, lane, &w, name, &leaf, &at);
    if (rc == 0 && lane->te.e.type == ENTRY_DIR)
        rc = err_set(E_NOTFOUND, "no such version");
    if (rc == 0)
        rc = mount_entry_tell(m, &w.dir, w.slot, at, &lane->te, &e->ino,
                              &e->attr);
    node_cache_release(m->nodes, leaf.node);
    mount_way_end(m, &w);
    return rc;
}

int mount_versions_lookup(struct mount *m, struct lane *lane,
                          const struct mount_node *in, const char *name,
                          struct fuse_entry_param *e, uint32_t *snap)
{
    const struct versions_reader r = versions_reader(m, lane);
    struct versions_dirs *dirs = NULL;
    bool found = false;
    struct buf path;
    int rc;

    loop_let_lead(); /* there may be a thousand directories to look into */
    buf_init(&path, TREE_WALK_PATH_MAX);
    rc = versions_path(m, in->slot, &path);
    if (rc == 0)
        rc = versions_follow(m);
    if (rc == 0)
        rc = versions_memo_get(m->versions, &r, buf_bytes(&path), &dirs);
    if (rc == 0)
        rc = versions_any(&r, dirs, bytes_of_str(name), &found);
    versions_memo_give(m->versions, dirs);
    if (rc == 0 && found) {
        rc = versions_tell(m, in, bytes_of_str(name), e);
    } else if (rc == 0 && path.n > 0 && versions_named(m, name, snap)) {
        rc = versions_lookup_one(m, lane, in->slot, buf_bytes(&path), *snap, e);
    } else if (rc == 0) {
        rc = err_set(E_NOTFOUND, "no such path, and no such version");
    }
    buf_release(&path);
    return rc;
}

/* ---- all of them ----------------------------------------------------------
 */

struct versions_listing {
    struct mount_listing *l;
    struct lane *lane;
    const struct mount_node *d;
    struct bytes path;
    struct versions_dirs *dirs; /* that it is */
    struct versions_reader r;
    bool again;                /* it goes on behind: */
    struct versions_snap from; /* what was given last */
    bool any;                  /* there is one that is next: */
    struct versions_snap next;
    bool full;
};

/* What a version is called; false: as something that goes before. */
static int listed_name(struct versions_listing *x, uint32_t no,
                       char name[TOP_NAME_MAX], bool *taken)
{
    const struct top *t = mount_view_look(x->l->m->view);

    top_name(t, no, TOP_VERSIONS, no, name);
    mount_view_done(x->l->m->view);
    return versions_any(&x->r, x->dirs, bytes_of_str(name), taken);
}

/* Without "plus", and with it, the kernel is not told all about it: who wants
 * to know looks it up. off: behind it. */
static int listed_version(struct versions_listing *x,
                          const struct versions_snap *first, uint64_t off)
{
    struct mount *m = x->l->m;
    struct mount_way w = {.enter = false};
    struct node_leaf leaf = {.node = NULL};
    struct fuse_entry_param e = {.ino = 0};
    struct bytes base, above = path_split(x->path, &base);
    char name[TOP_NAME_MAX];
    bool taken = false;
    uint32_t at = 0;
    int rc;

    rc = listed_name(x, first->no, name, &taken);
    if (rc < 0 || taken)
        return rc;
    rc = mount_way_to(m, x->lane, first->no, above, &w);
    if (rc == 0)
        rc = mount_way_find(m, x->lane, &w, base, &leaf, &at);
    if (rc == 0)
        mount_attr_entry(m, &w.dir, &x->lane->te, &e.attr);
    node_cache_release(m->nodes, leaf.node);
    if (rc == E_CORRUPT) { /* it was there a moment ago */
        (void)versions_unreadable(m, first->no);
        return 0;
    }
    if (rc == 0)
        x->full = !mount_ops_list(x->l, bytes_of_str(name), &e, off);
    return x->full ? 1 : rc;
}

/* Each is given when it is known whether another one follows. */
static int listed_next(void *ctx, const struct versions_snap *first)
{
    struct versions_listing *x = ctx;
    int rc = 0;

    if (x->again && versions_snap_cmp(first, &x->from) <= 0)
        return 0;
    if (x->any)
        rc = listed_version(x, &x->next, (uint64_t)x->next.no + 3);
    x->any = true;
    x->next = *first;
    return rc;
}

static int listed_last(struct versions_listing *x)
{
    return listed_version(x, &x->next,
                          x->dirs->n == 0 ? VERSIONS_OFF_END
                                          : (uint64_t)x->next.no + 3);
}

/* What a path has been that is no directory. */
static int listing_versions(struct versions_listing *x, uint64_t off)
{
    struct mount *m = x->l->m;
    struct versions_dirs *above = NULL;
    const struct top_snap *sn;
    struct bytes name;
    int rc;

    if (x->path.n == 0)
        return 0;
    if (off > 2) {
        x->from.no = (uint32_t)(off - 3);
        sn = top_snap(mount_view_look(m->view), x->from.no);
        x->again = sn != NULL;
        x->from.begin = sn ? sn->begin : x->from.begin;
        mount_view_done(m->view);
    }
    rc = versions_memo_get(m->versions, &x->r, path_split(x->path, &name),
                           &above);
    if (rc == 0)
        rc = versions_of(&x->r, above, name, listed_next, x);
    if (rc == 0 && x->any)
        rc = listed_last(x);
    versions_memo_give(m->versions, above);
    return rc < 0 ? rc : 0;
}

/* The name behind which it goes on. snap: out, in which it stands. */
static int listing_after(struct versions_listing *x, uint64_t off,
                         char after[ENTRY_NAME_MAX], size_t *n, uint32_t *snap)
{
    struct mount *m = x->l->m;
    struct mount_way w = {.enter = false};
    struct node_leaf leaf = {.node = NULL};
    uint32_t at = (uint32_t)off;
    struct bytes name;
    int rc;

    *snap = (uint32_t)(off >> 32) & (VERSIONS_SNAP_MAX - 1);
    rc = mount_way_to(m, x->lane, *snap, x->path, &w);
    if (rc == 0)
        rc = node_cache_by_weight(m->nodes, &x->lane->nodes, NODE_PAGE,
                                  &w.dir.root, at, &leaf);
    if (rc == 0 && !leaf.node)
        rc = err_set(E_CORRUPT, "a directory has fewer entries than it had");
    if (rc == 0) {
        name = node_kept_name(leaf.node, (size_t)(at - leaf.before));
        *n = name.n;
        memcpy(after, name.p, name.n);
    }
    node_cache_release(m->nodes, leaf.node);
    return rc;
}

/* A slot for each name that is listed would stay until the kernel is short of
 * memory: only what is looked up gets one. */
static int listed_child(struct versions_listing *x,
                        const struct versions_name *c,
                        struct entry_time changed)
{
    const struct bytes name = bytes_of(c->name, c->n);
    struct fuse_entry_param e;
    struct dir_slot d;

    if (c->no >= VERSIONS_SNAP_MAX)
        return err_set(E_LIMIT, "too many snapshots");
    versions_describe(x->l->m, x->d, name, changed, &d, &e);
    x->full = !mount_ops_list(
        x->l, name, &e, VERSIONS_OFF_NAMES | (uint64_t)c->no << 32 | c->at);
    return 0;
}

/* The names that a path has or had, as a directory. */
static int listing_names(struct versions_listing *x, uint64_t off,
                         uint32_t *snap)
{
    struct versions_names *names;
    char after[ENTRY_NAME_MAX];
    struct entry_time changed;
    size_t n = 0;
    int rc = 0;

    if (x->dirs->n == 0)
        return 0;
    if (off & VERSIONS_OFF_NAMES)
        rc = listing_after(x, off, after, &n, snap);
    if (rc < 0)
        return rc;
    *snap = DIR_SLOTS_NO_SNAP;
    names = mem_alloc(sizeof *names);
    if (!names)
        return err_set(E_NOMEM, "out of memory");
    changed = top_changed(mount_view_look(x->l->m->view));
    mount_view_done(x->l->m->view);
    do {
        rc = versions_names(&x->r, x->dirs, bytes_of(after, n), names);
        for (size_t i = 0; i < names->n && rc == 0 && !x->full; i++)
            rc = listed_child(x, &names->name[names->order[i]], changed);
        if (rc == 0 && names->n > 0) {
            const struct versions_name *last =
                &names->name[names->order[names->n - 1]];

            n = last->n;
            memcpy(after, last->name, n);
        }
    } while (rc == 0 && !x->full && names->n == VERSIONS_NAMES_MAX);
    free(names);
    return rc;
}

int mount_versions_list(struct mount_listing *l, struct lane *lane,
                        const struct mount_node *d, uint64_t off,
                        uint32_t *snap)
{
    struct versions_listing x = {
        .l = l, .lane = lane, .d = d, .r = versions_reader(l->m, lane)};
    struct buf path;
    int rc;

    if (off == VERSIONS_OFF_END)
        return 0;
    loop_let_lead();
    buf_init(&path, TREE_WALK_PATH_MAX);
    rc = versions_path(l->m, d->slot, &path);
    x.path = buf_bytes(&path);
    if (rc == 0)
        rc = versions_follow(l->m);
    if (rc == 0)
        rc = versions_memo_get(l->m->versions, &x.r, x.path, &x.dirs);
    if (rc == 0 && !(off & VERSIONS_OFF_NAMES))
        rc = listing_versions(&x, off);
    if (rc == 0 && !x.full)
        rc = listing_names(&x, off, snap);
    versions_memo_give(l->m->versions, x.dirs);
    buf_release(&path);
    return rc;
}
