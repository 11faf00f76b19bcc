/*
 * closure: all that a snapshot reaches, node by node: the caller says of each
 * node whether to go on below it. In no order that means anything, and with
 * memory for the widest path only. Confined to one thread, which may be helped
 * by others of the closure's own: these read and decode nodes.
 */
#ifndef REPO_CLOSURE_H
#define REPO_CLOSURE_H

#include "base/cancel.h"
#include "repo/edges.h"
#include "repo/node.h"

enum { CLOSURE_SOURCES_MAX = 16 };

struct closure;

/*
 * Called for each step down, several times for what several nodes point at. By
 * one thread at a time, not always the same.
 *   below  out, false: whether to read this node, and go on from it
 */
typedef int closure_visit(void *ctx, const struct edges_to *to, bool *below);

/*
 * closure_new: NULL when out of memory.
 *   source  n of them, copied: one for each thread that reads, the caller's own
 *           first; 1..CLOSURE_SOURCES_MAX
 */
struct closure *closure_new(const struct node_source *source, size_t n,
                            struct cancel *cancel);
void closure_free(struct closure *c);

/*
 * closure_walk: from the root entries of snapshots, as their manifests have
 * them. They are begun in this order, each by whichever thread has nothing left
 * of the one before.
 *   root, n  lent
 *   at       out, when that failed: which one, if it can be said; may be NULL
 * Returns 0; what visit() returned; E_CORRUPT; E_NOMEM; E_CANCELED; what the
 * source returned. Nobody visits any more then.
 */
MUST_CHECK int closure_walk(struct closure *c, const struct bytes *root,
                            size_t n, size_t *at, closure_visit *visit,
                            void *ctx);

#endif
