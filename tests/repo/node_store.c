#include "tests/repo/node_store.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/siphash.h"

static struct chunk_id node_store_id(struct bytes node)
{
    struct chunk_id id = {{0}};

    for (uint64_t i = 0; i < 4; i++) {
        struct siphash_key key = {i, 17};
        uint64_t h = siphash(&key, node);

        memcpy(id.b + 8 * i, &h, 8);
    }
    return id;
}

struct node_stored *node_store_find(struct node_store *s,
                                    const struct chunk_id *id)
{
    for (size_t i = 0; i < s->n; i++) {
        if (chunk_id_equal(&s->item[i].id, id))
            return &s->item[i];
    }
    return NULL;
}

static int node_store_put(void *ctx, struct bytes node, struct chunk_id *id)
{
    struct node_store *s = ctx;

    s->puts++;
    *id = node_store_id(node);
    if (node_store_find(s, id))
        return 0;
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 64;
        s->item = mem_resize(s->item, s->cap * sizeof *s->item);
        ASSERT(s->item);
    }
    s->item[s->n].id = *id;
    s->item[s->n].p = mem_dup(node);
    s->item[s->n].n = node.n;
    s->n++;
    return 0;
}

static int node_store_get(void *ctx, const struct chunk_id *id,
                          struct buf *node)
{
    struct node_stored *item = node_store_find(ctx, id);

    if (!item)
        return err_set(E_CORRUPT, "node missing");
    buf_add(node, item->p, item->n);
    return buf_status(node);
}

void node_store_release(struct node_store *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->item[i].p);
    free(s->item);
    *s = (struct node_store){.item = NULL};
}

struct node_sink node_store_sink(struct node_store *s)
{
    return (struct node_sink){node_store_put, s};
}

struct node_source node_store_source(struct node_store *s)
{
    return (struct node_source){node_store_get, s};
}
