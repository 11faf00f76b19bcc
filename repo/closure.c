#include "repo/closure.h"

#include <stdlib.h>

#include "base/mem.h"

struct closure {
    struct node_source source;
    struct cancel *cancel;
    struct chunk_id *todo; /* nodes to read; the last first */
    size_t n;
    size_t cap;
    struct buf node;
    struct tree_entry te;
    closure_visit *visit; /* of the walk that is going on */
    void *ctx;
};

struct closure *closure_new(const struct node_source *source,
                            struct cancel *cancel)
{
    struct closure *c = mem_alloc(sizeof *c);

    if (!c)
        return NULL;
    c->source = *source;
    c->cancel = cancel;
    buf_init(&c->node, NODE_BYTES_MAX);
    return c;
}

void closure_free(struct closure *c)
{
    if (!c)
        return;
    free(c->todo);
    buf_release(&c->node);
    tree_entry_release(&c->te);
    free(c);
}

static int closure_push(struct closure *c, const struct chunk_id *id)
{
    if (!MEM_GROW(c->todo, c->n, c->cap))
        return err_set(E_NOMEM, "out of memory for a tree");
    c->todo[c->n++] = *id;
    return 0;
}

static int closure_edge(void *ctx, const struct edges_to *to)
{
    struct closure *c = ctx;
    bool below = false;
    int rc = c->visit(c->ctx, to, &below);

    return rc == 0 && below && to->is_node ? closure_push(c, &to->id) : rc;
}

static int closure_node(struct closure *c, const struct chunk_id *id)
{
    char hex[ID_HEX_CHARS + 1];
    int rc = cancel_check(c->cancel);

    if (rc < 0)
        return rc;
    buf_reset(&c->node);
    rc = c->source.get(c->source.ctx, id, &c->node);
    if (rc == E_LIMIT)
        rc = err_set(E_CORRUPT, "longer than a node can be");
    if (rc == 0)
        rc = edges_of_node(buf_bytes(&c->node), &c->te, closure_edge, c);
    return err_add(rc, "tree node %.8s", id_hex(id->b, sizeof id->b, hex));
}

int closure_walk(struct closure *c, struct bytes root, closure_visit *visit,
                 void *ctx)
{
    int rc;

    c->visit = visit;
    c->ctx = ctx;
    c->n = 0;
    rc = edges_of_root(root, &c->te, closure_edge, c);
    while (rc == 0 && c->n > 0) {
        struct chunk_id id = c->todo[--c->n];

        rc = closure_node(c, &id);
    }
    return rc;
}
