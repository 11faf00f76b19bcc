/*
 * node_reader: walks a list or a directory's pages in order, from the start or
 * from a place. Holds one node per level. Confined to one thread.
 *
 * Everything read is checked: kind, version, levels that descend to 0, counts,
 * first names that ascend. A tree that fails any of it is E_CORRUPT. Whether
 * weights are the sums of what is below is for `check` to say.
 */
#ifndef REPO_NODE_READER_H
#define REPO_NODE_READER_H

#include "repo/node.h"

struct node_reader;

/* node_reader_new: source is copied; NULL when out of memory. */
struct node_reader *node_reader_new(enum node_kind kind,
                                    const struct node_source *source);

void node_reader_free(struct node_reader *r);

/*
 * node_reader_open: start at the first element of the tree at root.
 * Returns 0, E_CORRUPT, E_NOMEM, or what the source returned. The reader may be
 * opened again at any time.
 */
MUST_CHECK int node_reader_open(struct node_reader *r,
                                const struct chunk_id *root);

/*
 * node_reader_seek_weight: start at the leaf that holds the unit number
 * `weight` (list: the byte at that offset).
 *   skipped  out: the weight in front of that leaf
 * A weight beyond the end: the last leaf. Errors as node_reader_open.
 */
MUST_CHECK int node_reader_seek_weight(struct node_reader *r,
                                       const struct chunk_id *root,
                                       uint64_t weight, uint64_t *skipped);

/*
 * node_reader_seek_name: start at the leaf in which `name` is, if it is
 * anywhere. Pages only. Errors as node_reader_open.
 */
MUST_CHECK int node_reader_seek_name(struct node_reader *r,
                                     const struct chunk_id *root,
                                     struct bytes name);

/*
 * node_reader_next: the cursor at the next element of a leaf, for the caller to
 * decode exactly one element from.
 *   c  out: lent; NULL at the end. Valid until the next call
 * Errors as node_reader_open; E_CORRUPT also when the element decoded last had
 * failed the cursor.
 */
MUST_CHECK int node_reader_next(struct node_reader *r, struct codec **c);

#endif
