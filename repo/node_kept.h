/*
 * node_kept: one tree node, decoded and checked whole, so that its elements can
 * be had in any order: an entry by its name or number, an extent by its offset.
 * Immutable once made; any thread.
 */
#ifndef REPO_NODE_KEPT_H
#define REPO_NODE_KEPT_H

#include "repo/node.h"
#include "repo/tree_entry.h"

struct node_kept {
    enum node_kind kind;
    unsigned level;     /* 0: a leaf */
    size_t n;           /* elements; a leaf of pages may have none */
    uint64_t *before;   /* n + 1: the weight in front of each, and of all */
    uint32_t *at;       /* n + 1: where in bytes each begins, and the end */
    uint8_t *raw;       /* owned */
    struct bytes bytes; /* all of raw */
    size_t cost;        /* bytes of memory, besides this struct */
};

/*
 * node_kept_init: decode a node: kind, version, count, each element, names
 * that ascend.
 *   node  copied
 *   k     out: to be released whatever is returned
 * Returns 0; E_CORRUPT; E_NOMEM.
 */
MUST_CHECK int node_kept_init(struct node_kept *k, enum node_kind kind,
                              struct bytes node);
void node_kept_release(struct node_kept *k);

/* node_kept_find: the element whose range of weight holds weight, which is
 * less than before[n]. */
size_t node_kept_find(const struct node_kept *k, uint64_t weight);

/* node_kept_near: of pages (n >= 1): the last element whose name, or first name
 * below, is not behind name; 0 when all are. */
size_t node_kept_near(const struct node_kept *k, struct bytes name);

/* node_kept_name: of pages: the name of entry i, or the first below child i;
 * borrows from k. */
struct bytes node_kept_name(const struct node_kept *k, size_t i);

/* node_kept_named: the entry of that name in a leaf of pages; false: none. */
bool node_kept_named(const struct node_kept *k, struct bytes name, size_t *i);

/* node_kept_child: element i of an inner node; borrows from k. */
void node_kept_child(const struct node_kept *k, size_t i,
                     struct node_child *child);

/* node_kept_entry: entry i of a leaf of pages; te as for tree_entry_get(),
 * borrows from k. Returns 0 or E_NOMEM. */
MUST_CHECK int node_kept_entry(const struct node_kept *k, size_t i,
                               struct tree_entry *te);

/* node_kept_shown: what a listing shows of entry i of a leaf of pages; borrows
 * from k. */
struct tree_shown node_kept_shown(const struct node_kept *k, size_t i);

/* node_kept_extent: extent i of a leaf of a list. */
void node_kept_extent(const struct node_kept *k, size_t i, struct extent *e);

#endif
