/*
 * check_nodes: walks a list or a directory's pages as strictly as can be:
 * everything node_reader checks, and that names ascend throughout, that first
 * names are those of what is below, that weights are the sums of what is below.
 * What cannot be read is reported and left; the walk goes on behind it.
 *
 * Confined to one thread.
 */
#ifndef REPO_CHECK_NODES_H
#define REPO_CHECK_NODES_H

#include "repo/node.h"

enum check_nodes_kind {
    CHECK_NODES_ELEMENT, /* of a leaf */
    CHECK_NODES_LEFT,    /* a node, and all below it, has been walked */
    CHECK_NODES_DAMAGED, /* a node: what is left of it is lost, or it says of
                            itself what is not so: see the error record */
    CHECK_NODES_END
};

struct check_nodes_item {
    enum check_nodes_kind kind;
    struct chunk_id id; /* of the node; ELEMENT: of its leaf */
    struct codec *c;    /* ELEMENT: decode exactly one; lent */
    int rc;             /* DAMAGED: E_CORRUPT; E_STORE: it was not read */
    bool first;         /* ELEMENT: of its leaf */
    bool sound;         /* LEFT: nothing wrong with it and all below */
    uint64_t weight;    /* LEFT: of what is below */
};

struct check_nodes;

/* Asked before a node is read: not 0: it is known to be sound, with that
 * weight below, and need not be read. */
typedef uint64_t check_nodes_known(void *ctx, const struct chunk_id *id);

/* check_nodes_new: known may be NULL. NULL when out of memory. */
struct check_nodes *check_nodes_new(enum node_kind kind,
                                    const struct node_source *source,
                                    check_nodes_known *known, void *ctx);
void check_nodes_free(struct check_nodes *n);

/* check_nodes_open: begin at a root, below which there should be weight. */
void check_nodes_open(struct check_nodes *n, const struct chunk_id *root,
                      uint64_t weight);

/* check_nodes_next: the next step. Returns 0, or what the source returned
 * other than E_CORRUPT. */
MUST_CHECK int check_nodes_next(struct check_nodes *n,
                                struct check_nodes_item *item);

/* --- about the element given last --- */

/* check_nodes_took: it has been decoded.
 *   name    of a directory's entry; empty for lists
 *   weight  1 for entries, bytes for extents */
void check_nodes_took(struct check_nodes *n, struct bytes name,
                      uint64_t weight);

/* check_nodes_broken: it could not be: with it the rest of its node is lost.
 * The error record says why. */
void check_nodes_broken(struct check_nodes *n);

/* check_nodes_hurt: something that it points to is not sound. */
void check_nodes_hurt(struct check_nodes *n);

#endif
