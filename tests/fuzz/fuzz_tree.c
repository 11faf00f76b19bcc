/*
 * Trees: the first byte says what: 0: one entry; 1: a directory; 2: a list of
 * extents: for these two the rest is a run of nodes, each with a u16 length in
 * front, handed out in the order in which the reader asks. 3: one node of
 * pages; 4: one of a list.
 */
#include <stdint.h>

#include "repo/dir_reader.h"
#include "repo/node_kept.h"
#include "repo/node_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* They ascend, do not touch, and end with the file. */
static void walk_holes(const struct tree_entry *te)
{
    struct short_hole_reader r;
    struct short_hole h;
    uint64_t end = 0;
    size_t n = 0;

    short_hole_begin(&r, te->holes, te->e.size);
    while (short_hole_next(&r, &h)) {
        ASSERT(h.n > 0 && h.off <= te->e.size && h.n <= te->e.size - h.off);
        ASSERT(n == 0 || h.off > end);
        end = h.off + h.n;
        n++;
    }
    ASSERT(n <= SHORT_HOLE_MAX && (n > 0) == (te->holes.n > 0));
}

/* An entry that is accepted has one encoding. */
static void one_entry(struct bytes in)
{
    struct tree_entry te = {.attr = NULL};
    struct buf again;
    struct codec c;

    codec_init(&c, in);
    if (tree_entry_get(&c, &te, false) == 0) {
        walk_holes(&te);
        buf_init(&again, (size_t)TREE_ENTRY_BYTES_MAX * 2);
        ASSERT(tree_entry_put(&again, &te) == 0);
        ASSERT(bytes_equal(buf_bytes(&again), te.raw));
        buf_release(&again);
    }
    tree_entry_release(&te);
}

static int next_node(void *ctx, const struct chunk_id *id, struct buf *node)
{
    struct codec *c = ctx;

    (void)id;
    buf_add_bytes(node, codec_take(c, codec_u16(c)));
    return node->n > 0 ? buf_status(node) : err_set(E_CORRUPT, "no node");
}

static void one_dir(struct bytes in)
{
    static const struct chunk_id root;
    struct codec nodes;
    struct node_source source = {next_node, &nodes};
    struct dir_reader *r = dir_reader_new(&source);
    const struct tree_entry *te;
    uint8_t last[ENTRY_NAME_MAX];
    size_t last_n = 0;
    int rc;

    codec_init(&nodes, in);
    rc = dir_reader_open(r, &root);
    while (rc == 0) {
        rc = dir_reader_next(r, &te);
        if (rc < 0 || !te)
            break;
        ASSERT(entry_name_ok(te->e.name));
        ASSERT(last_n == 0 ||
               bytes_cmp(bytes_of(last, last_n), te->e.name) < 0);
        memcpy(last, te->e.name.p, te->e.name.n);
        last_n = te->e.name.n;
    }
    codec_init(&nodes, in);
    rc = dir_reader_find(r, &root, bytes_of_str("m"), &te);
    ASSERT(rc < 0 || !te || bytes_equal(te->e.name, bytes_of_str("m")));
    dir_reader_free(r);
}

static void one_list(struct bytes in)
{
    struct content ct = {.is_list = true};
    struct codec nodes;
    struct node_source source = {next_node, &nodes};
    struct content_reader *r = content_reader_new(&source);
    uint64_t size;
    uint64_t offset;
    uint64_t at;
    uint64_t end = 0;
    bool more = true;
    struct extent e;
    int rc;

    codec_init(&nodes, in);
    size = codec_u32(&nodes);
    offset = codec_u32(&nodes);
    rc = content_reader_open(r, &ct, size, offset);
    while (rc == 0 && more) {
        rc = content_reader_next(r, &e, &at, &more);
        if (rc == 0 && more) {
            ASSERT(e.length > 0 && at + e.length <= size);
            ASSERT(end == 0 || at == end);
            end = at + e.length;
        }
    }
    content_reader_free(r);
}

static int only_node(void *ctx, const struct chunk_id *id, struct buf *node)
{
    const struct bytes *in = ctx;

    (void)id;
    buf_add_bytes(node, *in);
    return buf_status(node);
}

/* How many elements the reader finds in a leaf; -1: it refuses. */
static int64_t count_read(enum node_kind kind, struct bytes in)
{
    static const struct chunk_id root;
    struct node_source source = {only_node, &in};
    struct node_reader *r = node_reader_new(kind, &source);
    struct tree_entry te = {.attr = NULL};
    struct codec *c = NULL;
    int64_t n = -1;
    int rc = node_reader_open(r, &root);

    do {
        n++;
        if (rc == 0)
            rc = node_reader_next(r, &c);
        if (rc == 0 && c && kind == NODE_PAGE) {
            rc = tree_entry_get(c, &te, false);
        } else if (rc == 0 && c) {
            struct extent e;

            extent_get(c, &e, NODE_CHUNK_MAX);
        }
    } while (rc == 0 && c);
    tree_entry_release(&te);
    node_reader_free(r);
    return rc < 0 ? -1 : n;
}

static void kept_page(const struct node_kept *k, size_t i,
                      struct tree_entry *te)
{
    struct tree_shown s = node_kept_shown(k, i);
    size_t found = k->n;

    ASSERT(node_kept_entry(k, i, te) == 0);
    ASSERT(bytes_equal(s.name, te->e.name) && s.type == te->e.type &&
           s.linked == tree_entry_linked(&te->e));
    ASSERT(node_kept_named(k, te->e.name, &found) && found == i);
    ASSERT(node_kept_near(k, te->e.name) == i);
}

/* What is kept decoded has all that the reader finds, and no more. */
static void one_kept(enum node_kind kind, struct bytes in)
{
    struct tree_entry te = {.attr = NULL};
    struct node_kept k;
    int rc = node_kept_init(&k, kind, in);

    if (rc == 0 && k.level == 0)
        ASSERT(count_read(kind, in) == (int64_t)k.n);
    for (size_t i = 0; rc == 0 && i < k.n; i++) {
        struct node_child child;
        struct extent e;

        ASSERT(k.before[i] < k.before[i + 1]);
        ASSERT(node_kept_find(&k, k.before[i]) == i);
        ASSERT(node_kept_find(&k, k.before[i + 1] - 1) == i);
        if (k.level > 0) {
            node_kept_child(&k, i, &child);
            ASSERT(child.weight == k.before[i + 1] - k.before[i]);
        } else if (kind == NODE_PAGE) {
            kept_page(&k, i, &te);
        } else {
            node_kept_extent(&k, i, &e);
            ASSERT(e.length == k.before[i + 1] - k.before[i]);
        }
    }
    tree_entry_release(&te);
    node_kept_release(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes rest;

    if (n == 0)
        return 0;
    rest = bytes_of(data + 1, n - 1);
    if (data[0] == 0)
        one_entry(rest);
    else if (data[0] == 1)
        one_dir(rest);
    else if (data[0] == 2)
        one_list(rest);
    else
        one_kept(data[0] == 3 ? NODE_PAGE : NODE_LIST, rest);
    return 0;
}
