/*
 * closure: all that a snapshot reaches, node by node: the caller says of each
 * node whether to go on below it. In no order that means anything, and with
 * memory for the widest path only. Confined to one thread.
 */
#ifndef REPO_CLOSURE_H
#define REPO_CLOSURE_H

#include "base/cancel.h"
#include "repo/edges.h"
#include "repo/node.h"

struct closure;

/*
 * Called for each step down, several times for what several nodes point at.
 *   below  out, false: whether to read this node, and go on from it
 */
typedef int closure_visit(void *ctx, const struct edges_to *to, bool *below);

/* closure_new: source of nodes, copied; NULL when out of memory. */
struct closure *closure_new(const struct node_source *source,
                            struct cancel *cancel);
void closure_free(struct closure *c);

/*
 * closure_walk: from a snapshot's root entry, as its manifest has it.
 * Returns 0; what visit() returned; E_CORRUPT; E_NOMEM; E_CANCELED; what the
 * source returned.
 */
MUST_CHECK int closure_walk(struct closure *c, struct bytes root,
                            closure_visit *visit, void *ctx);

#endif
