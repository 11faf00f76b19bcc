#include "repo/node_writer.h"

#include <stdlib.h>

#include "base/entry.h"
#include "base/mem.h"
#include "base/siphash.h"

/* The open node of one level. */
struct node_level {
    struct buf elements;           /* encoded, without the head */
    size_t count;                  /* elements in it */
    uint64_t weight;               /* their sum */
    uint64_t closed;               /* nodes of this level that were put */
    struct chunk_id last;          /* id of the node put last */
    uint8_t first[ENTRY_NAME_MAX]; /* pages: name of the first element */
    size_t first_n;
};

struct node_writer {
    enum node_kind kind;
    struct siphash_key key;
    struct node_sink sink;
    struct buf node; /* scratch: one encoded node */
    struct node_level level[NODE_LEVEL_MAX + 1];
};

struct node_writer *node_writer_new(enum node_kind kind,
                                    const struct node_key *key,
                                    const struct node_sink *sink)
{
    struct node_writer *w = mem_alloc(sizeof *w);

    if (!w)
        return NULL;
    w->kind = kind;
    w->key = siphash_key_load(key->b);
    w->sink = *sink;
    buf_init(&w->node, NODE_BYTES_MAX);
    for (size_t i = 0; i <= NODE_LEVEL_MAX; i++)
        buf_init(&w->level[i].elements, NODE_BYTES_MAX);
    return w;
}

void node_writer_free(struct node_writer *w)
{
    if (!w)
        return;
    buf_release(&w->node);
    for (size_t i = 0; i <= NODE_LEVEL_MAX; i++)
        buf_release(&w->level[i].elements);
    free(w);
}

static void node_level_empty(struct node_level *l)
{
    buf_reset(&l->elements);
    l->count = 0;
    l->weight = 0;
    l->first_n = 0;
}

void node_writer_reset(struct node_writer *w)
{
    for (size_t i = 0; i <= NODE_LEVEL_MAX; i++) {
        node_level_empty(&w->level[i]);
        w->level[i].closed = 0;
    }
}

static int node_level_copy(struct node_level *to, const struct node_level *from)
{
    buf_reset(&to->elements);
    buf_add_bytes(&to->elements, buf_bytes(&from->elements));
    to->count = from->count;
    to->weight = from->weight;
    to->closed = from->closed;
    to->last = from->last;
    memcpy(to->first, from->first, from->first_n);
    to->first_n = from->first_n;
    return buf_status(&to->elements);
}

int node_writer_copy(struct node_writer *to, const struct node_writer *from)
{
    int rc = 0;

    for (size_t i = 0; i <= NODE_LEVEL_MAX && rc == 0; i++)
        rc = node_level_copy(&to->level[i], &from->level[i]);
    return rc;
}

static bool node_writer_cuts(const struct node_writer *w, unsigned level,
                             struct bytes cut)
{
    const struct node_level *l = &w->level[level];
    uint8_t in[1 + ENTRY_NAME_MAX];

    if (w->kind == NODE_LIST && l->count >= NODE_LIST_MAX)
        return true;
    if (w->kind == NODE_LIST && l->count < NODE_LIST_MIN)
        return false;
    if (w->kind == NODE_PAGE && l->elements.n >= NODE_PAGE_BYTES)
        return true;
    in[0] = (uint8_t)level;
    memcpy(in + 1, cut.p, cut.n);
    return (siphash(&w->key, bytes_of(in, 1 + cut.n)) & NODE_CUT_MASK) == 0;
}

/* Encodes the open node of a level and stores it; the level is then empty. */
static int node_writer_close(struct node_writer *w, unsigned level)
{
    struct node_level *l = &w->level[level];
    struct node_head head = {level, l->count};
    int rc;

    buf_reset(&w->node);
    node_put_head(&w->node, w->kind, &head);
    buf_add_bytes(&w->node, buf_bytes(&l->elements));
    rc = buf_status(&w->node);
    if (rc < 0)
        return rc;
    rc = w->sink.put(w->sink.ctx, buf_bytes(&w->node), &l->last);
    if (rc < 0)
        return rc;
    l->closed++;
    return 0;
}

static int node_level_append(struct node_level *l, struct bytes element,
                             struct bytes name, uint64_t weight)
{
    if (l->count == 0 && name.n) {
        memcpy(l->first, name.p, name.n);
        l->first_n = name.n;
    }
    buf_add_bytes(&l->elements, element);
    l->count++;
    l->weight += weight;
    return buf_status(&l->elements);
}

/* Closes the node of a level and hands it to the level above as a child; goes
 * on upwards as long as the child closes its node too. */
static int node_writer_raise(struct node_writer *w, unsigned level)
{
    uint8_t first[ENTRY_NAME_MAX];
    uint8_t element[ENTRY_NAME_MAX + ID_BYTES + 20];

    for (;; level++) {
        struct node_level *l = &w->level[level];
        struct node_child child = {.weight = l->weight};
        struct buf out = {
            .p = element, .cap = sizeof element, .max = sizeof element};
        struct bytes cut;
        int rc;

        if (level == NODE_LEVEL_MAX)
            return err_set(E_LIMIT, "a list or directory too large to store");
        rc = node_writer_close(w, level);
        if (rc < 0)
            return rc;
        memcpy(first, l->first, l->first_n);
        child.first = bytes_of(first, l->first_n);
        child.id = l->last;
        node_level_empty(l);
        node_put_child(&out, w->kind, &child);
        rc = node_level_append(l + 1, buf_bytes(&out), child.first,
                               child.weight);
        if (rc < 0)
            return rc;
        cut = w->kind == NODE_PAGE ? child.first
                                   : bytes_of(child.id.b, sizeof child.id.b);
        if (!node_writer_cuts(w, level + 1, cut))
            return 0;
    }
}

int node_writer_add(struct node_writer *w, struct bytes element,
                    struct bytes cut, uint64_t weight)
{
    struct bytes name = {NULL, 0};
    int rc;

    ASSERT(cut.n > 0 && cut.n <= ENTRY_NAME_MAX);
    if (element.n > NODE_BYTES_MAX / 2)
        return err_set(E_LIMIT, "an entry of %zu bytes is too long to store",
                       element.n);
    if (w->kind == NODE_PAGE)
        name = cut;
    rc = node_level_append(&w->level[0], element, name, weight);
    if (rc < 0)
        return rc;
    if (!node_writer_cuts(w, 0, cut))
        return 0;
    return node_writer_raise(w, 0);
}

int node_writer_finish(struct node_writer *w, struct chunk_id *root)
{
    int rc = 0;

    for (unsigned level = 0;; level++) {
        struct node_level *l = &w->level[level];

        if (l->closed == 0)
            rc = node_writer_close(w, level);
        else if (l->count > 0)
            rc = node_writer_raise(w, level);
        if (rc < 0)
            break;
        /* one node in the whole level: the root. It may have been handed
         * up already; what stands above it is then of no use. */
        if (l->closed == 1) {
            *root = l->last;
            break;
        }
    }
    node_writer_reset(w);
    return rc;
}
