#include "repo/edges.h"

#include "repo/node.h"

static int edges_extent(struct codec *c, edges_each *each, void *ctx)
{
    struct edges_to to = {.is_node = false};
    struct extent e;
    int rc;

    extent_get(c, &e, NODE_CHUNK_MAX);
    rc = codec_ok(c, "extent");
    if (rc < 0 || e.kind == EXTENT_HOLE)
        return rc;
    to.id = e.id;
    return each(ctx, &to);
}

static int edges_content(const struct content *ct, edges_each *each, void *ctx)
{
    struct edges_to to = {.is_node = true};
    struct codec run;
    int rc = 0;

    if (ct->is_list) {
        to.id = ct->root;
        return each(ctx, &to);
    }
    codec_init(&run, ct->extents);
    for (size_t i = 0; i < ct->extent_n && rc == 0; i++)
        rc = edges_extent(&run, each, ctx);
    return rc;
}

int edges_of_entry(const struct tree_entry *te, edges_each *each, void *ctx)
{
    int rc = 0;

    for (size_t i = 0; i < te->attr_n && rc == 0; i++) {
        struct edges_to to = {.id = te->attr[i].id};

        if (te->attr[i].is_chunk)
            rc = each(ctx, &to);
    }
    if (rc == 0 && te->e.type == ENTRY_FILE)
        rc = edges_content(&te->content, each, ctx);
    if (rc == 0 && te->e.type == ENTRY_DIR) {
        struct edges_to to = {.id = te->dir.root, .is_node = true};

        rc = each(ctx, &to);
    }
    return rc;
}

/* The elements of a leaf. */
static int edges_leaf(struct codec *c, enum node_kind kind, size_t n,
                      struct tree_entry *te, edges_each *each, void *ctx)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        if (kind == NODE_LIST) {
            rc = edges_extent(c, each, ctx);
            continue;
        }
        rc = tree_entry_get(c, te, false);
        if (rc == 0)
            rc = edges_of_entry(te, each, ctx);
    }
    return rc;
}

static int edges_inner(struct codec *c, enum node_kind kind, size_t n,
                       edges_each *each, void *ctx)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        struct edges_to to = {.is_node = true};
        struct node_child child;

        node_get_child(c, kind, &child);
        rc = codec_ok(c, "tree node");
        to.id = child.id;
        if (rc == 0)
            rc = each(ctx, &to);
    }
    return rc;
}

int edges_of_node(struct bytes node, struct tree_entry *te, edges_each *each,
                  void *ctx)
{
    enum node_kind kind = NODE_PAGE;
    struct node_head head;
    struct codec c;
    int rc;

    codec_init(&c, node);
    node_get_head(&c, kind, &head);
    if (c.failed) {
        kind = NODE_LIST;
        codec_init(&c, node);
        node_get_head(&c, kind, &head);
    }
    rc = codec_ok(&c, "tree node");
    if (rc == 0)
        rc = head.level > 0 ? edges_inner(&c, kind, head.count, each, ctx)
                            : edges_leaf(&c, kind, head.count, te, each, ctx);
    return rc < 0 ? rc : codec_end(&c, "tree node");
}

int edges_of_root(struct bytes root, struct tree_entry *te, edges_each *each,
                  void *ctx)
{
    struct codec c;
    int rc;

    codec_init(&c, root);
    rc = tree_entry_get(&c, te, true);
    if (rc == 0)
        rc = codec_end(&c, "root entry");
    return rc < 0 ? rc : edges_of_entry(te, each, ctx);
}
