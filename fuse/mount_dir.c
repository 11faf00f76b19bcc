/* What is in a directory. */
#include <errno.h>
#include <string.h>

#include "fuse/ahead.h"
#include "fuse/mount_ops.h"

/*
 * A listing may tell the kernel all about each file, which costs it an inode
 * for each: tar wants that, find does not. Somebody who looks files up one by
 * one wanted it: the next listings have it. Some time later one has not, and
 * shows whether they still do.
 */
enum { LISTING_CREDIT = 8, LISTING_CREDIT_MAX = 512 };

void mount_ops_file_asked(struct mount *m)
{
    int n = atomic_load(&m->asked);

    if (n < LISTING_CREDIT_MAX)
        atomic_store(&m->asked, n + LISTING_CREDIT);
}

static bool listing_wants_files(struct mount *m, uint64_t off)
{
    int n = atomic_load(&m->asked);

    if (off > 0) /* the kernel asks by itself */
        return true;
    if (n > 0)
        atomic_store(&m->asked, n - 1);
    return n > 0;
}

bool mount_ops_list(struct mount_listing *l, struct bytes name,
                    const struct fuse_entry_param *e, uint64_t off)
{
    size_t n;

    memcpy(l->name, name.p, name.n);
    l->name[name.n] = 0;
    if (l->plus)
        n = fuse_add_direntry_plus(l->req, l->p + l->n, l->size - l->n, l->name,
                                   e, (off_t)off);
    else
        n = fuse_add_direntry(l->req, l->p + l->n, l->size - l->n, l->name,
                              &e->attr, (off_t)off);
    if (n > l->size - l->n)
        return false;
    l->n += n;
    return true;
}

/* "." and "..", of which the kernel takes no note. */
static bool listing_dots(struct mount_listing *l, const struct mount_node *d,
                         uint64_t *off)
{
    struct fuse_entry_param e = {.attr = {.st_mode = S_IFDIR}};
    struct dir_slot above;

    e.attr.st_ino = d->dir.ino;
    if (*off == 0 && !mount_ops_list(l, bytes_of_str("."), &e, 1))
        return false;
    if (d->slot != DIR_SLOTS_ROOT &&
        dir_slots_get(l->m->slots, d->dir.parent, &above))
        e.attr.st_ino = above.ino;
    if (*off <= 1 && !mount_ops_list(l, bytes_of_str(".."), &e, 2))
        return false;
    *off = *off < 2 ? 2 : *off;
    return true;
}

/* ---- directories above the snapshots --------------------------------------
 */

static int listing_top(struct mount_listing *l, const struct mount_node *d,
                       uint64_t off)
{
    const struct top *t = mount_view_top(l->m->view);
    struct top_child c;
    bool room = true;
    int rc = 0;

    while (rc == 0 && room &&
           top_next(t, (enum top_kind)d->dir.kind, d->dir.arg, off - 2, &c)) {
        struct fuse_entry_param e;

        rc = mount_ops_child(l->m, t, d->slot, &c, &e);
        if (rc < 0)
            break;
        off = c.next + 2;
        room = mount_ops_list(l, bytes_of_str(c.name), &e, off);
        /* without "plus", or when it did not fit, the kernel keeps nothing */
        if (!l->plus || !room)
            mount_forget(l->m, e.ino, 1);
    }
    mount_view_done(l->m->view);
    return rc;
}

/* ---- directories in snapshots ---------------------------------------------
 */

/* One that may be listed next. Too many are no trouble. */
static void listing_dir(struct mount_listing *l, const struct tree_entry *te)
{
    if (l->dirs->n + sizeof te->dir.root <= l->dirs->max)
        buf_add(l->dirs, &te->dir.root, sizeof te->dir.root);
}

/* With "plus" the kernel learns the entry as if it had looked it up. */
static int listing_entry(struct mount_listing *l, const struct mount_node *d,
                         uint32_t at, const struct tree_entry *te, bool *room)
{
    struct fuse_entry_param e = {.attr_timeout = MOUNT_OPS_LASTING,
                                 .entry_timeout = MOUNT_OPS_LASTING};
    int rc = 0;

    if (l->plus && (l->files || te->e.type == ENTRY_DIR)) {
        rc = mount_entry_tell(l->m, &d->dir, d->slot, at, te, &e.ino, &e.attr);
        if (rc < 0)
            return rc;
    } else {
        mount_attr_entry(l->m, &d->dir, te, &e.attr);
    }
    *room = mount_ops_list(l, te->e.name, &e, (uint64_t)at + 3);
    if (te->e.type == ENTRY_DIR && *room)
        listing_dir(l, te);
    if (e.ino && !*room)
        mount_forget(l->m, e.ino, 1);
    return 0;
}

/* An entry of which the kernel is told its name, type and inode number alone:
 * most are, and need not be decoded. False: it is not one of these. */
static bool listing_shown(struct mount_listing *l, const struct mount_node *d,
                          uint64_t at, const struct node_kept *k, size_t i,
                          bool *room)
{
    struct fuse_entry_param e = {.ino = 0};
    struct tree_shown s;

    if (l->files)
        return false;
    s = node_kept_shown(k, i);
    if (!mount_attr_shown(l->m, &d->dir, &s, &e.attr))
        return false;
    *room = mount_ops_list(l, s.name, &e, at + 3);
    return true;
}

static int listing_leaf(struct mount_listing *l, struct lane *lane,
                        const struct mount_node *d,
                        const struct node_leaf *leaf, uint64_t *at, bool *room)
{
    const struct node_kept *k = leaf->node;
    int rc = 0;

    for (size_t i = (size_t)(*at - leaf->before); i < k->n && *room; i++) {
        if (*at > DIR_SLOTS_KEY_MAX)
            return err_set(E_LIMIT, "a directory of too many entries");
        if (!listing_shown(l, d, *at, k, i, room)) {
            rc = node_kept_entry(k, i, &lane->te);
            if (rc == 0)
                rc = listing_entry(l, d, (uint32_t)*at, &lane->te, room);
            if (rc < 0)
                return rc;
        }
        *at += *room;
    }
    return 0;
}

static int listing_tree(struct mount_listing *l, struct lane *lane,
                        const struct mount_node *d, uint64_t off)
{
    uint64_t at = off - 2;
    bool room = true;
    int rc = 0;

    buf_reset(&lane->raw);
    l->dirs = &lane->raw;
    while (rc == 0 && room) {
        struct node_leaf leaf;

        rc = node_cache_by_weight(l->m->nodes, &lane->nodes, NODE_PAGE,
                                  &d->dir.root, at, &leaf);
        if (rc < 0 || !leaf.node)
            break;
        rc = listing_leaf(l, lane, d, &leaf, &at, &room);
        node_cache_release(l->m->nodes, leaf.node);
    }
    return rc;
}

/* ---- the answer -----------------------------------------------------------
 */

/* What is to be answered, into lane's bytes. snap: as it is, or out: of what
 * could not be read. */
static int listing_fill(struct mount_listing *l, struct lane *lane,
                        const struct mount_node *d, uint64_t off,
                        uint32_t *snap)
{
    const bool in_snapshot = d->dir.kind == TOP_SNAPSHOT;
    int rc;

    buf_reset(&lane->bytes);
    rc = buf_reserve(&lane->bytes, l->size);
    l->p = (char *)lane->bytes.p;
    if (rc == 0 && listing_dots(l, d, &off))
        rc = in_snapshot ? listing_tree(l, lane, d, off)
             : d->dir.kind == TOP_VERSIONS
                 ? mount_versions_list(l, lane, d, off, snap)
                 : listing_top(l, d, off);
    if (rc == 0 && l->n == 0 && in_snapshot)
        ahead_await(l->m->ahead, d->slot);
    return rc;
}

static void readdir_any(fuse_req_t req, fuse_ino_t number, size_t size,
                        uint64_t off, bool plus)
{
    struct mount *m = fuse_req_userdata(req);
    struct mount_listing l = {.req = req, .m = m, .plus = plus, .size = size};
    struct lane *lane = NULL;
    struct mount_node d;
    uint32_t snap;
    bool listed;
    int rc;

    if (!mount_node_of(m, number, &d) || !d.is_dir) {
        (void)fuse_reply_err(req, ESTALE);
        return;
    }
    if (l.size > LANES_ANSWER_MAX)
        l.size = LANES_ANSWER_MAX;
    l.files = plus && listing_wants_files(m, off);
    snap = d.dir.snap;
    rc = d.dir.kind == TOP_SNAPSHOT ? mount_view_use(m->view, d.dir.snap) : 0;
    if (rc == 0)
        rc = lanes_take(m->lanes, &lane);
    if (rc == 0)
        rc = listing_fill(&l, lane, &d, off, &snap);
    /* Once it is answered the kernel may forget the directory at any moment,
     * and its slot become that of another. */
    listed = rc == 0 && off == 0 && d.dir.kind == TOP_SNAPSHOT;
    if (listed)
        dir_slots_hold(m->slots, d.slot);
    /* what was found before the trouble is given first */
    if (rc == 0 || l.n > 0)
        (void)fuse_reply_buf(req, l.p, l.n);
    else
        (void)fuse_reply_err(req, mount_errno(m, rc, snap));
    if (l.dirs && (listed || l.dirs->n > 0))
        foresee_listed(m->foresee, &d.dir.root, off == 0,
                       (const void *)l.dirs->p,
                       l.dirs->n / sizeof(struct chunk_id));
    if (listed) {
        if (l.files)
            ahead_listed(m->ahead, &d);
        dir_slots_forget(m->slots, d.slot, 1);
    }
    if (lane)
        lanes_give(m->lanes, lane);
}

void mount_ops_readdir(fuse_req_t req, fuse_ino_t number, size_t size,
                       off_t off, struct fuse_file_info *fi)
{
    (void)fi;
    readdir_any(req, number, size, (uint64_t)off, false);
}

void mount_ops_readdirplus(fuse_req_t req, fuse_ino_t number, size_t size,
                           off_t off, struct fuse_file_info *fi)
{
    (void)fi;
    readdir_any(req, number, size, (uint64_t)off, true);
}
