/* node_store: nodes in RAM, for tests of the trees. */
#ifndef TESTS_REPO_NODE_STORE_H
#define TESTS_REPO_NODE_STORE_H

#include "repo/node.h"

struct node_store {
    struct node_stored {
        struct chunk_id id;
        uint8_t *p;
        size_t n;
    } * item;
    size_t n;
    size_t cap;
    size_t puts; /* calls of put, also of nodes that were there */
};

void node_store_release(struct node_store *s);
struct node_sink node_store_sink(struct node_store *s);
struct node_source node_store_source(struct node_store *s);

/* node_store_find: the stored node of that id, or NULL. */
struct node_stored *node_store_find(struct node_store *s,
                                    const struct chunk_id *id);

#endif
