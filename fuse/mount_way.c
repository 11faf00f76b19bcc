/* The way to a path in one snapshot. */
#include "fuse/mount_way.h"

#include "fuse/mount_ops.h"

/* The top of a snapshot, by by-id. */
static int way_enter(struct mount *m, const struct top *t, uint32_t no,
                     struct mount_way *w)
{
    struct fuse_entry_param above = {.ino = 0}, e = {.ino = 0};
    struct mount_node n;
    struct top_child c;
    int rc = E_NOTFOUND;

    if (top_named(t, TOP_ROOT, 0, "by-id", &c))
        rc = mount_ops_child(m, t, DIR_SLOTS_ROOT, &c, &above);
    if (rc == 0 && (!mount_node_of(m, above.ino, &n) ||
                    !top_next(t, TOP_BY_ID, 0, no, &c) || c.arg != no))
        rc = E_NOTFOUND;
    if (rc == 0)
        rc = mount_ops_child(m, t, n.slot, &c, &e);
    if (above.ino)
        mount_forget(m, above.ino, 1);
    if (rc < 0)
        return rc == E_NOTFOUND ? err_set(rc, "the snapshot was forgotten")
                                : rc;
    w->held = mount_node_of(m, e.ino, &n);
    w->slot = n.slot;
    w->dir = n.dir;
    return 0;
}

static int way_begin(struct mount *m, uint32_t no, struct mount_way *w)
{
    const struct top *t = mount_view_look(m->view);
    const struct top_snap *sn = top_snap(t, no);
    struct tree_entry te = {.attr = NULL};
    int rc;

    if (w->enter) {
        rc = way_enter(m, t, no, w);
    } else if (!sn) {
        rc = err_set(E_NOTFOUND, "no such snapshot");
    } else {
        rc = top_snap_entry(sn, &te);
        w->dir = (struct dir_slot){.kind = TOP_SNAPSHOT,
                                   .snap = no,
                                   .is_root = true,
                                   .root = te.dir.root};
        w->dir.ino = w->dir.mark = mount_attr_snap_ino(&sn->id);
    }
    mount_view_done(m->view);
    tree_entry_release(&te);
    return rc;
}

int mount_way_find(struct mount *m, struct lane *lane,
                   const struct mount_way *w, struct bytes name,
                   struct node_leaf *leaf, uint32_t *at)
{
    size_t i = 0;
    int rc =
        node_cache_by_name(m->nodes, &lane->nodes, &w->dir.root, name, leaf);

    if (rc < 0)
        return rc;
    if (!node_kept_named(leaf->node, name, &i))
        return err_set(E_NOTFOUND, "no such version");
    if (leaf->before + i > DIR_SLOTS_KEY_MAX)
        return err_set(E_LIMIT, "a directory of too many entries");
    *at = (uint32_t)(leaf->before + i);
    return node_kept_entry(leaf->node, i, &lane->te);
}

/* Into the directory of that name. */
static int way_down(struct mount *m, struct lane *lane, struct mount_way *w,
                    struct bytes name)
{
    struct node_leaf leaf = {.node = NULL};
    struct dir_slot below = w->dir;
    uint32_t at = 0, slot = 0;
    int rc = mount_way_find(m, lane, w, name, &leaf, &at);

    if (rc == 0 && lane->te.e.type != ENTRY_DIR)
        rc = err_set(E_NOTFOUND, "no such version");
    if (rc == 0)
        mount_entry_slot(&w->dir, w->slot, at, &lane->te, &below);
    node_cache_release(m->nodes, leaf.node);
    if (rc == 0 && w->enter) {
        rc = dir_slots_enter(m->slots, &below, &slot);
        if (rc == 0) /* it holds the one above */
            dir_slots_forget(m->slots, w->slot, 1);
    }
    if (rc == 0) {
        w->dir = below;
        w->slot = slot;
    }
    return rc;
}

int mount_way_to(struct mount *m, struct lane *lane, uint32_t no,
                 struct bytes path, struct mount_way *w)
{
    int rc = way_begin(m, no, w);

    while (rc == 0 && path.n > 0) {
        size_t n = 0;

        while (n < path.n && path.p[n] != '/')
            n++;
        rc = way_down(m, lane, w, bytes_of(path.p, n));
        n += n < path.n;
        path = bytes_of(path.p + n, path.n - n);
    }
    return rc;
}

void mount_way_end(struct mount *m, const struct mount_way *w)
{
    if (w->held)
        dir_slots_forget(m->slots, w->slot, 1);
}
