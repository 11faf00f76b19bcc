#include "repo/reach.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/node_reader.h"

struct reach {
    struct node_source source; /* of the list nodes */
    struct node_reader *nodes;
    reach_each *each; /* of the walk that is going on */
    void *ctx;
    bool stop;
};

/* Between the reader and the source: reports a node before it is read. */
static int reach_get_node(void *ctx, const struct chunk_id *id,
                          struct buf *node)
{
    struct reach *r = ctx;
    int rc = r->each(r->ctx, PACK_META, id, 0, &r->stop);

    if (rc < 0)
        return rc;
    /* ends the reader's walk; reach_entry() knows why */
    if (r->stop)
        return E_CANCELED;
    return r->source.get(r->source.ctx, id, node);
}

struct reach *reach_new(const struct node_source *source)
{
    struct reach *r = mem_alloc(sizeof *r);
    struct node_source between = {reach_get_node, r};

    if (!r)
        return NULL;
    r->source = *source;
    r->nodes = node_reader_new(NODE_LIST, &between);
    if (!r->nodes) {
        free(r);
        return NULL;
    }
    return r;
}

void reach_free(struct reach *r)
{
    if (!r)
        return;
    node_reader_free(r->nodes);
    free(r);
}

/* Reports one extent that stands at the cursor. */
static int reach_extent(struct reach *r, struct codec *c)
{
    struct extent e;
    int rc;

    extent_get(c, &e, NODE_CHUNK_MAX);
    rc = codec_ok(c, "extent");
    if (rc < 0 || e.kind == EXTENT_HOLE)
        return rc;
    return r->each(r->ctx, PACK_DATA, &e.id,
                   e.kind == EXTENT_CHUNK ? e.length : 0, &r->stop);
}

static int reach_content(struct reach *r, const struct content *ct)
{
    struct codec run;
    struct codec *c;
    int rc = 0;

    if (!ct->is_list) {
        codec_init(&run, ct->extents);
        for (size_t i = 0; i < ct->extent_n && rc == 0 && !r->stop; i++)
            rc = reach_extent(r, &run);
        return rc;
    }
    rc = node_reader_open(r->nodes, &ct->root);
    while (rc == 0 && !r->stop) {
        rc = node_reader_next(r->nodes, &c);
        if (rc < 0 || !c)
            break;
        rc = reach_extent(r, c);
    }
    return rc;
}

int reach_entry(struct reach *r, const struct tree_entry *te, reach_each *each,
                void *ctx)
{
    int rc = 0;

    r->each = each;
    r->ctx = ctx;
    r->stop = false;
    for (size_t i = 0; i < te->attr_n && rc == 0 && !r->stop; i++) {
        const struct tree_attr *a = &te->attr[i];

        if (a->is_chunk)
            rc = each(ctx, PACK_DATA, &a->id, a->length, &r->stop);
    }
    if (rc == 0 && !r->stop && te->e.type == ENTRY_FILE)
        rc = reach_content(r, &te->content);
    return r->stop ? 0 : rc;
}
