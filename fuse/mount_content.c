/* Bytes of files, and where they have holes. */
#include "fuse/mount_impl.h"

/* Goes over a file's extents from a place on. */
struct extents {
    struct node_cache *nodes;
    const struct node_source *source;
    const struct tree_entry *te;
    struct node_leaf leaf; /* of a list: where we are */
    size_t i;              /* the next extent there */
    struct codec run;      /* of extents in the entry: the next one */
    size_t left;
    uint64_t at; /* offset of the next extent */
};

static void extents_end(struct extents *x)
{
    node_cache_release(x->nodes, x->leaf.node);
    x->leaf.node = NULL;
}

/* To the leaf that holds the byte at off. */
static int extents_seek(struct extents *x, uint64_t off)
{
    int rc;

    extents_end(x);
    rc = node_cache_by_weight(x->nodes, x->source, NODE_LIST,
                              &x->te->content.root, off, &x->leaf);
    if (rc == 0 && !x->leaf.node)
        rc = err_set(E_CORRUPT, "extents shorter than their file");
    if (rc < 0)
        return rc;
    x->i = node_kept_find(x->leaf.node, off - x->leaf.before);
    x->at = x->leaf.before + x->leaf.node->before[x->i];
    return 0;
}

/* Begins at the extent that holds the byte at off, which lies in the file. */
static int extents_begin(struct extents *x, struct mount *m, struct lane *lane,
                         const struct tree_entry *te, uint64_t off)
{
    *x = (struct extents){.nodes = m->nodes, .source = &lane->nodes, .te = te};
    if (te->content.is_list)
        return extents_seek(x, off);
    codec_init(&x->run, te->content.extents);
    x->left = te->content.extent_n;
    return 0;
}

/* The next one; false at the end. */
static int extents_next(struct extents *x, struct extent *e, uint64_t *at,
                        bool *more)
{
    int rc = 0;

    *at = x->at;
    *more = x->at < x->te->e.size;
    if (!*more)
        return 0;
    if (x->te->content.is_list) {
        if (x->i == x->leaf.node->n)
            rc = extents_seek(x, x->at);
        if (rc == 0)
            node_kept_extent(x->leaf.node, x->i++, e);
    } else if (x->left == 0) {
        rc = err_set(E_CORRUPT, "extents shorter than their file");
    } else {
        extent_get(&x->run, e, NODE_CHUNK_MAX);
        x->left--;
    }
    if (rc == 0 && e->length > x->te->e.size - x->at)
        rc = err_set(E_CORRUPT, "extents longer than their file");
    if (rc == 0)
        x->at += e->length;
    return rc;
}

/* Bytes [from, from + n) of an extent, appended. */
static int content_add(struct lane *lane, const struct extent *e, uint64_t from,
                       size_t n)
{
    struct fetch_chunk c;
    int rc;

    if (e->kind == EXTENT_HOLE) {
        buf_add_zeros(&lane->bytes, n);
        return buf_status(&lane->bytes);
    }
    rc = fetch_extent(lane->fetch, e, &c);
    if (rc < 0)
        return rc;
    buf_add(&lane->bytes, c.bytes.p + from, n);
    fetch_release(lane->fetch, &c);
    return buf_status(&lane->bytes);
}

int mount_content_read(struct mount *m, struct lane *lane,
                       const struct tree_entry *te, uint64_t off, size_t n)
{
    struct extents x;
    bool more = true;
    int rc;

    buf_reset(&lane->bytes);
    if (off >= te->e.size)
        return 0;
    if (n > te->e.size - off)
        n = (size_t)(te->e.size - off);
    rc = extents_begin(&x, m, lane, te, off);
    while (rc == 0 && n > 0 && more) {
        struct extent e;
        uint64_t at;

        rc = extents_next(&x, &e, &at, &more);
        if (rc == 0 && more && at + e.length > off) {
            uint64_t from = off - at;
            size_t part = e.length - from < n ? (size_t)(e.length - from) : n;

            rc = content_add(lane, &e, from, part);
            off += part;
            n -= part;
        }
    }
    extents_end(&x);
    return rc;
}

/* The first place from off on, and before end, that is of a short hole, or is
 * of none; end when there is none. */
static uint64_t content_short(const struct tree_entry *te, uint64_t off,
                              uint64_t end, bool hole)
{
    struct short_hole_reader r;
    struct short_hole h;

    short_hole_begin(&r, te->holes, te->e.size);
    while (off < end && short_hole_next(&r, &h)) {
        if (h.off + h.n <= off)
            continue;
        if (hole)
            return h.off < off ? off : h.off < end ? h.off : end;
        if (h.off > off)
            return off;
        off = h.off + h.n; /* data at last where that hole ends */
    }
    return hole || off > end ? end : off;
}

int mount_content_seek(struct mount *m, struct lane *lane,
                       const struct tree_entry *te, uint64_t off, bool hole,
                       uint64_t *out, bool *found)
{
    struct extents x;
    bool more = true;
    int rc = extents_begin(&x, m, lane, te, off);

    *found = false;
    while (rc == 0 && !*found) {
        struct extent e;
        uint64_t at;

        rc = extents_next(&x, &e, &at, &more);
        if (rc < 0 || !more)
            break;
        if (at + e.length <= off)
            continue;
        if (e.kind == EXTENT_HOLE) {
            *found = hole;
        } else {
            uint64_t end = at + e.length;

            off = content_short(te, off, end, hole);
            *found = off < end;
        }
        if (!*found)
            off = at + e.length;
    }
    extents_end(&x);
    /* a hole that everybody knows of begins at the end */
    if (rc == 0 && !*found && hole)
        *found = true;
    *out = off < te->e.size ? off : te->e.size;
    return rc;
}

int mount_content_attr(struct lane *lane, const struct tree_attr *a)
{
    struct fetch_chunk c;
    int rc;

    buf_reset(&lane->bytes);
    if (!a->is_chunk) {
        buf_add_bytes(&lane->bytes, a->value);
        return buf_status(&lane->bytes);
    }
    rc = fetch_get(lane->fetch, PACK_DATA, &a->id, a->length, &c);
    if (rc < 0)
        return rc;
    buf_add_bytes(&lane->bytes, c.bytes);
    fetch_release(lane->fetch, &c);
    return buf_status(&lane->bytes);
}
