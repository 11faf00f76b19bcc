/*
 * node: the trees that hold long lists: the extents of a file ("list") and the
 * entries of a directory ("pages"). Both are the same shape, docs/format.md 9:
 * leaves hold elements, inner nodes hold children with the weight below them,
 * and a node ends where a keyed function of its last element says so. A change
 * therefore touches the nodes on its path and no others, and equal content has
 * one tree, whoever writes it.
 *
 * This header: what nodes are and where they are kept. node_writer.h builds
 * trees, node_reader.h walks them.
 */
#ifndef REPO_NODE_H
#define REPO_NODE_H

#include "base/codec.h"
#include "base/id.h"

enum node_kind {
    NODE_LIST, /* elements: extents; weight: bytes; found by offset */
    NODE_PAGE  /* elements: entries; weight: entries; found by name */
};

enum {
    NODE_BYTES_MAX = 262144,
    NODE_LEVEL_MAX = 8,      /* of the root; leaves are level 0 */
    NODE_PAGE_BYTES = 65536, /* a page that has reached this is closed */
    NODE_LIST_MIN = 32,      /* elements before a list node may be closed */
    NODE_LIST_MAX = 512,     /* elements at which a list node is closed */
    NODE_CUT_MASK = 63,      /* 1 of 64 elements closes its node */
    NODE_CHUNK_MAX = 1048576 /* longest chunk of content */
};

/* The key that says where nodes end: the first half of K_page. */
struct node_key {
    uint8_t b[16];
};

/* Where nodes go. put stores one node and tells its id; it may be called with
 * a node that is stored already. */
struct node_sink {
    int (*put)(void *ctx, struct bytes node, struct chunk_id *id);
    void *ctx;
};

/* Where nodes come from. get appends the node's bytes to the empty buffer;
 * fails with E_CORRUPT when it is missing or damaged. */
struct node_source {
    int (*get)(void *ctx, const struct chunk_id *id, struct buf *node);
    void *ctx;
};

/* One child of an inner node. */
struct node_child {
    struct chunk_id id;
    uint64_t weight;    /* bytes (list) or entries (pages) below, >= 1 */
    struct bytes first; /* pages: the first name below, borrowed */
};

/* What stands in front of a node's elements. */
struct node_head {
    unsigned level; /* 0: a leaf */
    size_t count;
};

/* node_put_head / node_get_head: a node's first bytes. The cursor fails on a
 * node of another kind, an unknown version or a level out of range. */
void node_put_head(struct buf *b, enum node_kind kind,
                   const struct node_head *h);
void node_get_head(struct codec *c, enum node_kind kind, struct node_head *h);

/* node_put_child / node_get_child: one element of an inner node. What is got
 * borrows from the input. */
void node_put_child(struct buf *b, enum node_kind kind,
                    const struct node_child *ch);
void node_get_child(struct codec *c, enum node_kind kind,
                    struct node_child *ch);

#endif
