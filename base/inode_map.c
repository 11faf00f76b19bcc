#include "base/inode_map.h"

#include <search.h>
#include <stdlib.h>

#include "base/mem.h"

struct inode_node {
    uint64_t dev;
    uint64_t inode;
    void *value;
};

static int inode_cmp(const void *a, const void *b)
{
    const struct inode_node *x = a;
    const struct inode_node *y = b;

    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

void *inode_map_find(const struct inode_map *m, uint64_t dev, uint64_t inode)
{
    const struct inode_node key = {.dev = dev, .inode = inode};
    struct inode_node **at = tfind(&key, &m->tree, inode_cmp);

    return at ? (*at)->value : NULL;
}

void **inode_map_at(struct inode_map *m, uint64_t dev, uint64_t inode)
{
    struct inode_node *node = mem_alloc(sizeof *node);
    struct inode_node **at = NULL;

    if (node) {
        *node = (struct inode_node){.dev = dev, .inode = inode};
        at = tsearch(node, &m->tree, inode_cmp);
    }
    if (!at || *at != node)
        free(node);
    return at ? &(*at)->value : NULL;
}

void inode_map_release(struct inode_map *m, void (*drop)(void *value))
{
    while (m->tree) {
        struct inode_node *node = *(struct inode_node **)m->tree;

        (void)tdelete(node, &m->tree, inode_cmp);
        if (node->value)
            drop(node->value);
        free(node);
    }
}
