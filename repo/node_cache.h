/*
 * node_cache: tree nodes kept decoded, for who asks for single elements in any
 * order: an entry by its name or number, an extent by its offset. Bounded by
 * bytes; the longest idle go first. Nodes that are lent come on top.
 *
 * Locked: any thread; each brings its own source.
 */
#ifndef REPO_NODE_CACHE_H
#define REPO_NODE_CACHE_H

#include "repo/node_kept.h"

struct node_cache;

/* node_cache_new: bytes: to keep of idle nodes. NULL when out of memory. */
struct node_cache *node_cache_new(size_t bytes);

/* node_cache_free: all that was lent is given back before. NULL is fine. */
void node_cache_free(struct node_cache *c);

/*
 * node_cache_get: lend a node.
 * Returns 0; E_CORRUPT; E_NOMEM; what the source returned.
 */
MUST_CHECK int node_cache_get(struct node_cache *c,
                              const struct node_source *source,
                              enum node_kind kind, const struct chunk_id *id,
                              struct node_kept **out);

/* node_cache_release: NULL is fine. */
void node_cache_release(struct node_cache *c, struct node_kept *k);

/* A leaf of a tree, lent. */
struct node_leaf {
    struct node_kept *node; /* NULL: the weight lies beyond the end */
    uint64_t before;        /* weight in front of the leaf */
};

/*
 * node_cache_by_weight: the leaf that holds the unit number weight: of pages
 * that entry, of lists that byte.
 * As node_cache_get(); a child that stands at the wrong level is E_CORRUPT.
 */
MUST_CHECK int node_cache_by_weight(struct node_cache *c,
                                    const struct node_source *source,
                                    enum node_kind kind,
                                    const struct chunk_id *root,
                                    uint64_t weight, struct node_leaf *out);

/* node_cache_by_name: the page in which name is, if it is anywhere; never
 * without a node. As node_cache_by_weight(). */
MUST_CHECK int node_cache_by_name(struct node_cache *c,
                                  const struct node_source *source,
                                  const struct chunk_id *root,
                                  struct bytes name, struct node_leaf *out);

#endif
