/*
 * edges: what a tree node, or an entry, points at: the nodes and the chunks one
 * step below it. Collection counts these. Pure; any thread.
 */
#ifndef REPO_EDGES_H
#define REPO_EDGES_H

#include "repo/tree_entry.h"

/* One step down. */
struct edges_to {
    struct chunk_id id;
    bool is_node; /* a tree node, of metadata; else a chunk of content */
};

typedef int edges_each(void *ctx, const struct edges_to *to);

/*
 * edges_of_entry: what an entry needs itself: a directory's first page, a
 * file's chunks or its list, attributes. Twice the same: given twice.
 * Returns 0; E_CORRUPT; what each() returned.
 */
MUST_CHECK int edges_of_entry(const struct tree_entry *te, edges_each *each,
                              void *ctx);

/*
 * edges_of_node: what a node of either kind points at; a leaf page: all that
 * its entries do.
 *   te  to work with: zeroed or used before; to be released by the caller
 * Returns 0; E_CORRUPT; E_NOMEM; what each() returned.
 */
MUST_CHECK int edges_of_node(struct bytes node, struct tree_entry *te,
                             edges_each *each, void *ctx);

/* edges_of_root: what a snapshot points at: its root entry, as the manifest has
 * it. As edges_of_node(). */
MUST_CHECK int edges_of_root(struct bytes root, struct tree_entry *te,
                             edges_each *each, void *ctx);

#endif
