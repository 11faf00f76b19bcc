#include "fuse/mount_ops.h"

#include <errno.h>
#include <linux/fs.h>
#include <unistd.h>

#include "fuse/ahead.h"
#include "fuse/loop.h"

enum { OP_READ_QUICK = 65536 /* bytes: copied while another would wake */ };

static struct mount *op_mount(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

/* snap: in which it was met. */
static void op_fail(fuse_req_t req, int rc, uint32_t snap)
{
    (void)fuse_reply_err(req, mount_errno(op_mount(req), rc, snap));
}

/* ---- the top --------------------------------------------------------------
 */

int mount_ops_child(struct mount *m, const struct top *t, uint32_t in_slot,
                    const struct top_child *c, struct fuse_entry_param *e)
{
    struct tree_entry te = {.attr = NULL};
    struct dir_slot d = {.parent = in_slot,
                         .key = c->key,
                         .kind = c->kind,
                         .arg = c->arg,
                         .snap = DIR_SLOTS_NO_SNAP};
    uint32_t slot = 0;
    int rc = 0;

    *e = (struct fuse_entry_param){.attr_timeout = MOUNT_OPS_PASSING,
                                   .entry_timeout = MOUNT_OPS_PASSING};
    d.ino = mount_attr_top_ino(c->kind, c->arg);
    if (c->kind == TOP_SNAPSHOT) {
        rc = top_snap_entry(top_snap(t, c->arg), &te);
        d.snap = c->arg;
        d.is_root = true;
        d.root = te.dir.root;
        d.ino = d.mark = mount_attr_snap_ino(&top_snap(t, c->arg)->id);
        mount_attr_entry(m, &d, &te, &e->attr);
        e->attr.st_ino = d.ino;
        e->attr_timeout = MOUNT_OPS_LASTING;
    } else {
        mount_attr_top(m, &d, top_changed(t), &e->attr);
    }
    tree_entry_release(&te);
    if (rc == 0)
        rc = dir_slots_enter(m->slots, &d, &slot);
    if (rc == 0)
        e->ino = mount_number_dir(slot);
    return rc;
}

/* ---- names ----------------------------------------------------------------
 */

static void op_reply_entry(fuse_req_t req, const struct fuse_entry_param *e)
{
    struct mount *m = op_mount(req);
    uint64_t number = e->ino;

    if (fuse_reply_entry(req, e) < 0 && number)
        mount_forget(m, number, 1);
}

static void op_lookup_top(fuse_req_t req, const struct mount_node *in,
                          const char *name)
{
    struct mount *m = op_mount(req);
    const struct top *t = mount_view_top(m->view);
    struct fuse_entry_param e;
    struct top_child c;
    int rc = E_NOTFOUND;

    if (top_named(t, (enum top_kind)in->dir.kind, in->dir.arg, name, &c))
        rc = mount_ops_child(m, t, in->slot, &c, &e);
    mount_view_done(m->view);
    if (rc == 0)
        op_reply_entry(req, &e);
    else
        op_fail(req, rc, DIR_SLOTS_NO_SNAP);
}

/* What is not there never will be: the kernel may keep that, too. */
static int op_find(struct mount *m, struct lane *lane,
                   const struct mount_node *in, const char *name,
                   struct fuse_entry_param *e)
{
    struct node_leaf leaf = {.node = NULL};
    size_t i;
    int rc = node_cache_by_name(m->nodes, &lane->nodes, &in->dir.root,
                                bytes_of_str(name), &leaf);

    *e = (struct fuse_entry_param){.attr_timeout = MOUNT_OPS_LASTING,
                                   .entry_timeout = MOUNT_OPS_LASTING};
    if (rc == 0 && node_kept_named(leaf.node, bytes_of_str(name), &i)) {
        uint64_t at = leaf.before + i;

        rc = at <= DIR_SLOTS_KEY_MAX
                 ? node_kept_entry(leaf.node, i, &lane->te)
                 : err_set(E_LIMIT, "a directory of too many entries");
        if (rc == 0)
            rc = mount_entry_tell(m, &in->dir, in->slot, (uint32_t)at,
                                  &lane->te, &e->ino, &e->attr);
    }
    if (e->ino && lane->te.e.type != ENTRY_DIR)
        mount_ops_file_asked(m);
    node_cache_release(m->nodes, leaf.node);
    return rc;
}

static void op_lookup_versions(fuse_req_t req, const struct mount_node *in,
                               const char *name)
{
    struct mount *m = op_mount(req);
    uint32_t snap = DIR_SLOTS_NO_SNAP;
    struct fuse_entry_param e;
    struct lane *lane = NULL;
    int rc = lanes_take(m->lanes, &lane);

    if (rc == 0)
        rc = mount_versions_lookup(m, lane, in, name, &e, &snap);
    if (lane)
        lanes_give(m->lanes, lane);
    if (rc == 0)
        op_reply_entry(req, &e);
    else
        op_fail(req, rc, snap);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct mount *m = op_mount(req);
    struct fuse_entry_param e;
    struct mount_node in;
    struct lane *lane = NULL;
    int rc;

    if (!mount_node_of(m, parent, &in)) {
        (void)fuse_reply_err(req, ESTALE);
        return;
    }
    if (in.dir.kind == TOP_VERSIONS) {
        op_lookup_versions(req, &in, name);
        return;
    }
    if (in.dir.kind != TOP_SNAPSHOT) {
        op_lookup_top(req, &in, name);
        return;
    }
    rc = mount_view_use(m->view, in.dir.snap);
    if (rc == 0)
        rc = lanes_take(m->lanes, &lane);
    if (rc == 0)
        rc = op_find(m, lane, &in, name, &e);
    if (lane)
        lanes_give(m->lanes, lane);
    if (rc == 0)
        op_reply_entry(req, &e);
    else
        op_fail(req, rc, in.dir.snap);
}

static void op_forget(fuse_req_t req, fuse_ino_t number, uint64_t n)
{
    mount_forget(op_mount(req), number, n);
    fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t n,
                            struct fuse_forget_data *list)
{
    for (size_t i = 0; i < n; i++)
        mount_forget(op_mount(req), list[i].ino, list[i].nlookup);
    fuse_reply_none(req);
}

/* ---- one entry ------------------------------------------------------------
 */

/* What is done with an entry; in: the directory that it is in. */
typedef int op_with(fuse_req_t req, struct lane *lane,
                    const struct dir_slot *in, void *ctx);

/* The entry of a directory is in the one above it, of a snapshot's top in the
 * manifest. */
static int op_entry(struct mount *m, struct lane *lane,
                    const struct mount_node *n, struct dir_slot *in,
                    struct node_kept **leaf)
{
    *in = n->dir;
    if (!n->is_dir)
        return mount_entry_at(m, lane, in, n->at, leaf);
    if (!dir_slots_get(m->slots, n->dir.parent, in))
        return err_set(E_NOTFOUND, "its directory is forgotten");
    return mount_entry_at(m, lane, in, n->dir.key, leaf);
}

/* Copied, since the top may change. */
static int op_root_entry(struct mount *m, struct lane *lane, uint32_t snap)
{
    const struct top_snap *sn = top_snap(mount_view_look(m->view), snap);
    struct codec c;
    int rc;

    buf_reset(&lane->raw);
    buf_add_bytes(&lane->raw, sn->root);
    mount_view_done(m->view);
    rc = buf_status(&lane->raw);
    codec_init(&c, buf_bytes(&lane->raw));
    return rc < 0 ? rc : tree_entry_get(&c, &lane->te, true);
}

static void op_on_entry(fuse_req_t req, fuse_ino_t number, op_with *with,
                        void *ctx)
{
    struct mount *m = op_mount(req);
    struct node_kept *leaf = NULL;
    struct lane *lane = NULL;
    struct mount_node n;
    struct dir_slot in;
    bool top;
    int rc;

    if (!mount_node_of(m, number, &n)) {
        (void)fuse_reply_err(req, ESTALE);
        return;
    }
    top = n.is_dir && n.dir.is_root;
    /* what is told of a snapshot's top stands in its manifest */
    rc = top ? 0 : mount_view_use(m->view, n.dir.snap);
    if (rc == 0)
        rc = lanes_take(m->lanes, &lane);
    in = n.dir;
    if (rc == 0 && top)
        rc = op_root_entry(m, lane, n.dir.snap);
    else if (rc == 0)
        rc = op_entry(m, lane, &n, &in, &leaf);
    if (rc == 0)
        rc = with(req, lane, &in, ctx);
    node_cache_release(m->nodes, leaf);
    if (lane)
        lanes_give(m->lanes, lane);
    if (rc < 0)
        op_fail(req, rc, n.dir.snap);
}

static bool op_is_above(struct mount *m, fuse_ino_t number,
                        struct mount_node *n)
{
    return mount_node_of(m, number, n) && n->is_dir &&
           n->dir.kind != TOP_SNAPSHOT;
}

static int with_attr(fuse_req_t req, struct lane *lane,
                     const struct dir_slot *in, void *ctx)
{
    struct stat st;

    (void)ctx;
    mount_attr_entry(op_mount(req), in, &lane->te, &st);
    if (lane->te.e.name.n == 0)
        st.st_ino = in->ino;
    (void)fuse_reply_attr(req, &st, MOUNT_OPS_LASTING);
    return 0;
}

static void op_getattr(fuse_req_t req, fuse_ino_t number,
                       struct fuse_file_info *fi)
{
    struct mount *m = op_mount(req);
    struct mount_node n;
    struct stat st;

    (void)fi;
    if (!op_is_above(m, number, &n)) {
        op_on_entry(req, number, with_attr, NULL);
        return;
    }
    mount_attr_top(m, &n.dir, top_changed(mount_view_top(m->view)), &st);
    mount_view_done(m->view);
    (void)fuse_reply_attr(req, &st, MOUNT_OPS_PASSING);
}

static int with_target(fuse_req_t req, struct lane *lane,
                       const struct dir_slot *in, void *ctx)
{
    char target[ENTRY_TARGET_MAX + 1];

    (void)in;
    (void)ctx;
    if (lane->te.e.type != ENTRY_SYMLINK)
        return err_set(E_USAGE, "not a symbolic link");
    memcpy(target, lane->te.e.target.p, lane->te.e.target.n);
    target[lane->te.e.target.n] = 0;
    (void)fuse_reply_readlink(req, target);
    return 0;
}

static void op_readlink(fuse_req_t req, fuse_ino_t number)
{
    op_on_entry(req, number, with_target, NULL);
}

/* Nothing is kept of what is open: the kernel need not ask. */
static void op_open(fuse_req_t req, fuse_ino_t number,
                    struct fuse_file_info *fi)
{
    (void)number;
    (void)fi;
    (void)fuse_reply_err(req, ENOSYS);
}

struct op_range {
    uint64_t off;
    size_t n;
};

static int with_read(fuse_req_t req, struct lane *lane,
                     const struct dir_slot *in, void *ctx)
{
    const struct op_range *r = ctx;
    struct mount *m = op_mount(req);
    int rc = 0;

    (void)in;
    if (mount_attr_is_text(m, &lane->te)) {
        struct bytes t = lane->te.e.target;
        size_t from = r->off < t.n ? (size_t)r->off : t.n;

        buf_reset(&lane->bytes);
        buf_add(&lane->bytes, t.p + from,
                t.n - from < r->n ? t.n - from : r->n);
        rc = buf_status(&lane->bytes);
    } else if (lane->te.e.type == ENTRY_FILE) {
        rc = mount_content_read(m, lane, &lane->te, r->off, r->n);
    } else {
        rc = err_set(E_USAGE, "not a regular file");
    }
    if (rc == 0)
        (void)fuse_reply_buf(req, (const char *)lane->bytes.p, lane->bytes.n);
    return rc;
}

static void op_read(fuse_req_t req, fuse_ino_t number, size_t n, off_t off,
                    struct fuse_file_info *fi)
{
    struct op_range r = {(uint64_t)off,
                         n < LANES_ANSWER_MAX ? n : LANES_ANSWER_MAX};
    struct mount_node file;

    (void)fi;
    if (n > OP_READ_QUICK)
        loop_let_lead();
    if (off == 0 && mount_node_of(op_mount(req), number, &file))
        ahead_read(op_mount(req)->ahead, &file);
    op_on_entry(req, number, with_read, &r);
}

struct op_seek {
    uint64_t off;
    bool hole;
};

static int with_seek(fuse_req_t req, struct lane *lane,
                     const struct dir_slot *in, void *ctx)
{
    const struct op_seek *s = ctx;
    uint64_t at = 0;
    bool found;
    int rc;

    (void)in;
    if (s->off >= lane->te.e.size + lane->te.e.target.n) {
        (void)fuse_reply_err(req, ENXIO);
        return 0;
    }
    if (lane->te.e.type != ENTRY_FILE) { /* the text of a link has no holes */
        (void)fuse_reply_lseek(req,
                               (off_t)(s->hole ? lane->te.e.target.n : s->off));
        return 0;
    }
    loop_let_lead();
    rc = mount_content_seek(op_mount(req), lane, &lane->te, s->off, s->hole,
                            &at, &found);
    if (rc == 0 && found)
        (void)fuse_reply_lseek(req, (off_t)at);
    else if (rc == 0)
        (void)fuse_reply_err(req, ENXIO);
    return rc;
}

static void op_lseek(fuse_req_t req, fuse_ino_t number, off_t off, int whence,
                     struct fuse_file_info *fi)
{
    struct op_seek s = {(uint64_t)off, whence == SEEK_HOLE};

    (void)fi;
    if (whence != SEEK_HOLE && whence != SEEK_DATA)
        (void)fuse_reply_err(req, EINVAL);
    else
        op_on_entry(req, number, with_seek, &s);
}

/* ---- attributes -----------------------------------------------------------
 */

struct op_xattr {
    const char *name;
    size_t size; /* of the room; 0: how much is needed */
};

static int xattr_reply(fuse_req_t req, struct bytes value, size_t size)
{
    if (size == 0)
        (void)fuse_reply_xattr(req, value.n);
    else if (value.n > size)
        (void)fuse_reply_err(req, ERANGE);
    else
        (void)fuse_reply_buf(req, (const char *)value.p, value.n);
    return 0;
}

static int with_getxattr(fuse_req_t req, struct lane *lane,
                         const struct dir_slot *in, void *ctx)
{
    const struct op_xattr *x = ctx;

    (void)in;
    for (size_t i = 0; i < lane->te.attr_n; i++) {
        const struct tree_attr *a = &lane->te.attr[i];
        int rc;

        if (!bytes_equal(a->name, bytes_of_str(x->name)))
            continue;
        rc = mount_content_attr(lane, a);
        return rc < 0 ? rc : xattr_reply(req, buf_bytes(&lane->bytes), x->size);
    }
    (void)fuse_reply_err(req, ENODATA);
    return 0;
}

static int with_listxattr(fuse_req_t req, struct lane *lane,
                          const struct dir_slot *in, void *ctx)
{
    const struct op_xattr *x = ctx;
    int rc;

    (void)in;
    buf_reset(&lane->bytes);
    for (size_t i = 0; i < lane->te.attr_n; i++) {
        buf_add_bytes(&lane->bytes, lane->te.attr[i].name);
        buf_add_zeros(&lane->bytes, 1);
    }
    rc = buf_status(&lane->bytes);
    return rc < 0 ? rc : xattr_reply(req, buf_bytes(&lane->bytes), x->size);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t number, const char *name,
                        size_t size)
{
    struct op_xattr x = {name, size};
    struct mount_node n;

    if (op_is_above(op_mount(req), number, &n))
        (void)fuse_reply_err(req, ENODATA);
    else
        op_on_entry(req, number, with_getxattr, &x);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t number, size_t size)
{
    struct op_xattr x = {NULL, size};
    struct mount_node n;

    if (op_is_above(op_mount(req), number, &n))
        (void)xattr_reply(req, bytes_of(NULL, 0), size);
    else
        op_on_entry(req, number, with_listxattr, &x);
}

/* ---- flags -----------------------------------------------------------------
 */

static void flags_reply(fuse_req_t req, unsigned cmd, unsigned flags,
                        unsigned project)
{
    struct fsxattr x = {.fsx_projid = project};

    if (cmd == FS_IOC_GETFLAGS)
        (void)fuse_reply_ioctl(req, 0, &flags, sizeof flags);
    else
        (void)fuse_reply_ioctl(req, 0, &x, sizeof x);
}

/* What lsattr asks for. */
static int with_flags(fuse_req_t req, struct lane *lane,
                      const struct dir_slot *in, void *ctx)
{
    const struct entry *e = &lane->te.e;
    const unsigned *cmd = ctx;

    (void)in;
    flags_reply(req, *cmd, e->has_inode_flags ? e->inode_flags : 0, e->project);
    return 0;
}

static void op_ioctl(fuse_req_t req, fuse_ino_t number, unsigned cmd, void *arg,
                     struct fuse_file_info *fi, unsigned flags,
                     const void *in_buf, size_t in_n, size_t out_n)
{
    struct mount_node n;

    (void)arg;
    (void)fi;
    (void)flags;
    (void)in_buf;
    (void)in_n;
    if ((cmd == FS_IOC_GETFLAGS && out_n < sizeof(unsigned)) ||
        (cmd == FS_IOC_FSGETXATTR && out_n < sizeof(struct fsxattr)) ||
        (cmd != FS_IOC_GETFLAGS && cmd != FS_IOC_FSGETXATTR))
        (void)fuse_reply_err(req, ENOTTY);
    else if (op_is_above(op_mount(req), number, &n))
        flags_reply(req, cmd, 0, 0);
    else
        op_on_entry(req, number, with_flags, &cmd);
}

/* ---- the whole ------------------------------------------------------------
 */

static void op_statfs(fuse_req_t req, fuse_ino_t number)
{
    struct mount *m = op_mount(req);
    struct statvfs s = {.f_bsize = 4096,
                        .f_frsize = 4096,
                        .f_blocks = m->stored / 4096,
                        .f_namemax = ENTRY_NAME_MAX,
                        .f_flag = ST_RDONLY | ST_NOSUID | ST_NODEV};

    (void)number;
    (void)fuse_reply_statfs(req, &s);
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    struct mount *m = userdata;
    static const unsigned wanted =
        FUSE_CAP_ASYNC_READ | FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
        FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_PARALLEL_DIROPS |
        FUSE_CAP_NO_OPEN_SUPPORT | FUSE_CAP_NO_OPENDIR_SUPPORT |
        FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_POSIX_ACL | FUSE_CAP_IOCTL_DIR;

    conn->want = wanted & conn->capable;
    mount_ready(m);
}

const struct fuse_lowlevel_ops mount_ops = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .readlink = op_readlink,
    .open = op_open,
    .opendir = op_open,
    .read = op_read,
    .lseek = op_lseek,
    .readdir = mount_ops_readdir,
    .readdirplus = mount_ops_readdirplus,
    .getxattr = op_getxattr,
    .listxattr = op_listxattr,
    .ioctl = op_ioctl,
    .statfs = op_statfs,
};
