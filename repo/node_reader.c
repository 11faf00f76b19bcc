#include "repo/node_reader.h"

#include <stdlib.h>

#include "base/entry.h"
#include "base/mem.h"

/* One node on the path from the root to the current leaf. */
struct node_place {
    struct buf node;
    struct codec cur; /* at the next element */
    size_t left;      /* elements not yet taken */
    unsigned level;
};

struct node_reader {
    enum node_kind kind;
    struct node_source source;
    size_t depth; /* places in use */
    struct node_place place[NODE_LEVEL_MAX + 1];
    uint8_t first[ENTRY_NAME_MAX]; /* first name of the leaf entered last */
    size_t first_n;
};

struct node_reader *node_reader_new(enum node_kind kind,
                                    const struct node_source *source)
{
    struct node_reader *r = mem_alloc(sizeof *r);

    if (!r)
        return NULL;
    r->kind = kind;
    r->source = *source;
    for (size_t i = 0; i <= NODE_LEVEL_MAX; i++)
        buf_init(&r->place[i].node, NODE_BYTES_MAX);
    return r;
}

void node_reader_free(struct node_reader *r)
{
    if (!r)
        return;
    for (size_t i = 0; i <= NODE_LEVEL_MAX; i++)
        buf_release(&r->place[i].node);
    free(r);
}

static int node_damaged(const struct chunk_id *id, const char *what)
{
    char hex[ID_HEX_CHARS + 1];

    return err_set(E_CORRUPT, "tree node %s: %s",
                   id_hex(id->b, sizeof id->b, hex), what);
}

/* Loads a node below the places in use; a child's level must be the next. */
static int node_reader_push(struct node_reader *r, const struct chunk_id *id)
{
    struct node_place *pl = &r->place[r->depth];
    struct node_head head;
    int rc;

    if (r->depth > NODE_LEVEL_MAX)
        return node_damaged(id, "nested too deeply");
    buf_reset(&pl->node);
    rc = r->source.get(r->source.ctx, id, &pl->node);
    if (rc < 0)
        return rc;
    codec_init(&pl->cur, buf_bytes(&pl->node));
    node_get_head(&pl->cur, r->kind, &head);
    if (codec_ok(&pl->cur, "tree node") < 0)
        return node_damaged(id, "malformed head");
    if (r->depth > 0 && head.level + 1 != r->place[r->depth - 1].level)
        return node_damaged(id, "stands at the wrong level");
    pl->left = head.count;
    pl->level = head.level;
    r->depth++;
    return 0;
}

/* Takes the next child of the innermost place, an inner node with some left. */
static int node_reader_take(struct node_reader *r, struct node_child *child)
{
    struct node_place *pl = &r->place[r->depth - 1];
    int rc;

    node_get_child(&pl->cur, r->kind, child);
    rc = codec_ok(&pl->cur, "tree node");
    if (rc < 0)
        return rc;
    pl->left--;
    if (r->kind == NODE_PAGE && pl->level == 1) {
        if (r->first_n &&
            bytes_cmp(bytes_of(r->first, r->first_n), child->first) >= 0)
            return err_set(E_CORRUPT, "tree node: names out of order");
        memcpy(r->first, child->first.p, child->first.n);
        r->first_n = child->first.n;
    }
    return 0;
}

/* Goes down first children until the innermost place is a leaf. */
static int node_reader_descend(struct node_reader *r)
{
    while (r->place[r->depth - 1].level > 0) {
        struct node_child child;
        int rc = node_reader_take(r, &child);

        if (rc == 0)
            rc = node_reader_push(r, &child.id);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int node_reader_start(struct node_reader *r, const struct chunk_id *root)
{
    r->depth = 0;
    r->first_n = 0;
    return node_reader_push(r, root);
}

int node_reader_open(struct node_reader *r, const struct chunk_id *root)
{
    int rc = node_reader_start(r, root);

    return rc < 0 ? rc : node_reader_descend(r);
}

int node_reader_seek_weight(struct node_reader *r, const struct chunk_id *root,
                            uint64_t weight, uint64_t *skipped)
{
    int rc = node_reader_start(r, root);

    *skipped = 0;
    while (rc == 0 && r->place[r->depth - 1].level > 0) {
        struct node_child child;

        rc = node_reader_take(r, &child);
        while (rc == 0 && weight - *skipped >= child.weight &&
               r->place[r->depth - 1].left > 0) {
            *skipped += child.weight;
            rc = node_reader_take(r, &child);
        }
        if (rc == 0)
            rc = node_reader_push(r, &child.id);
    }
    return rc;
}

/* Whether the next child of the innermost place begins after name. */
static bool node_reader_next_is_after(struct node_reader *r, struct bytes name)
{
    struct node_place *pl = &r->place[r->depth - 1];
    struct codec ahead = pl->cur;
    struct node_child child;

    if (pl->left == 0)
        return true;
    node_get_child(&ahead, r->kind, &child);
    return ahead.failed || bytes_cmp(child.first, name) > 0;
}

int node_reader_seek_name(struct node_reader *r, const struct chunk_id *root,
                          struct bytes name)
{
    int rc = node_reader_start(r, root);

    ASSERT(r->kind == NODE_PAGE);
    while (rc == 0 && r->place[r->depth - 1].level > 0) {
        struct node_child child;

        rc = node_reader_take(r, &child);
        while (rc == 0 && !node_reader_next_is_after(r, name))
            rc = node_reader_take(r, &child);
        if (rc == 0)
            rc = node_reader_push(r, &child.id);
    }
    return rc;
}

int node_reader_next(struct node_reader *r, struct codec **c)
{
    *c = NULL;
    while (r->depth > 0) {
        struct node_place *pl = &r->place[r->depth - 1];
        int rc = codec_ok(&pl->cur, "tree node");

        if (rc < 0)
            return rc;
        if (pl->left > 0 && pl->level == 0) {
            pl->left--;
            *c = &pl->cur;
            return 0;
        }
        if (pl->left > 0) {
            rc = node_reader_descend(r);
            if (rc < 0)
                return rc;
            continue;
        }
        if (codec_left(&pl->cur) > 0)
            return codec_end(&pl->cur, "tree node");
        r->depth--;
    }
    return 0;
}
