/*
 * node_writer: builds a list or a directory's pages from elements in order, in
 * memory bounded by one open node per level. Confined to one thread.
 */
#ifndef REPO_NODE_WRITER_H
#define REPO_NODE_WRITER_H

#include "repo/node.h"

struct node_writer;

/*
 * node_writer_new: an empty tree.
 *   sink  copied; what it points to must outlive the writer
 * Returns NULL when out of memory.
 */
struct node_writer *node_writer_new(enum node_kind kind,
                                    const struct node_key *key,
                                    const struct node_sink *sink);

void node_writer_free(struct node_writer *w);

/* node_writer_reset: forget all that was added; keeps the memory. */
void node_writer_reset(struct node_writer *w);

/*
 * node_writer_copy: make to, whatever it holds, what from is; both go on
 * without each other.
 *   to  made with the kind, key and sink of from
 * Returns 0 or E_NOMEM (to: only reset, free).
 */
MUST_CHECK int node_writer_copy(struct node_writer *to,
                                const struct node_writer *from);

/*
 * node_writer_add: append an element.
 *   element  its encoding, at most NODE_BYTES_MAX / 2 bytes
 *   cut      what decides where nodes end: the id (list), the name (pages)
 *   weight   bytes (list), 1 (pages)
 * Returns 0, E_LIMIT (element too long, or more than NODE_LEVEL_MAX levels),
 * E_NOMEM, or what the sink returned; after a failure only reset and free.
 */
MUST_CHECK int node_writer_add(struct node_writer *w, struct bytes element,
                               struct bytes cut, uint64_t weight);

/*
 * node_writer_finish: close all nodes.
 *   root  out: the one node left
 * The writer is then empty. No element: the empty leaf (pages only).
 */
MUST_CHECK int node_writer_finish(struct node_writer *w, struct chunk_id *root);

#endif
