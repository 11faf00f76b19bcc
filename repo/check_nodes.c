#include "repo/check_nodes.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/entry.h"
#include "base/mem.h"
#include "repo/check_report.h"

/* One node on the path from the root. */
struct check_place {
    struct buf node;
    struct codec cur;
    size_t count; /* elements */
    size_t left;  /* of them, not yet taken */
    unsigned level;
    struct chunk_id id;
    uint64_t want;   /* weight, as its parent says */
    uint64_t weight; /* found so far */
    bool hurt;
};

struct check_nodes {
    enum node_kind kind;
    struct node_source source;
    check_nodes_known *known;
    void *ctx;
    bool fresh;             /* the root has not been read */
    struct node_child next; /* to be read; its first name lies in the parent */
    bool broken;            /* the rest of the innermost node is lost */
    struct err_record why;  /* ... because */
    size_t depth;
    struct check_place place[NODE_LEVEL_MAX + 1];
    uint8_t last[ENTRY_NAME_MAX]; /* name of the entry taken last */
    size_t last_n;
};

struct check_nodes *check_nodes_new(enum node_kind kind,
                                    const struct node_source *source,
                                    check_nodes_known *known, void *ctx)
{
    struct check_nodes *n = mem_alloc(sizeof *n);

    if (!n)
        return NULL;
    n->kind = kind;
    n->source = *source;
    n->known = known;
    n->ctx = ctx;
    for (size_t i = 0; i <= NODE_LEVEL_MAX; i++)
        buf_init(&n->place[i].node, NODE_BYTES_MAX);
    return n;
}

void check_nodes_free(struct check_nodes *n)
{
    if (!n)
        return;
    for (size_t i = 0; i <= NODE_LEVEL_MAX; i++)
        buf_release(&n->place[i].node);
    free(n);
}

void check_nodes_open(struct check_nodes *n, const struct chunk_id *root,
                      uint64_t weight)
{
    n->depth = 0;
    n->fresh = true;
    n->broken = false;
    n->last_n = 0;
    n->next = (struct node_child){.id = *root, .weight = weight};
}

static struct check_place *check_nodes_top(struct check_nodes *n)
{
    return &n->place[n->depth - 1];
}

/* Adds to the innermost node what was found below it. */
static void check_nodes_add(struct check_nodes *n, uint64_t weight, bool sound)
{
    if (n->depth == 0)
        return;
    check_nodes_top(n)->weight += weight;
    check_nodes_top(n)->hurt |= !sound;
}

/* E_CORRUPT, with the node's name in front. */
static int check_nodes_bad(const struct chunk_id *id, const char *what)
{
    char hex[ID_HEX_CHARS + 1];

    return err_set(E_CORRUPT, "tree node %s: %s",
                   id_hex(id->b, sizeof id->b, hex), what);
}

/* The first name in a node must be the one that its parent says. */
static int check_nodes_first(struct check_nodes *n, const struct check_place *p,
                             const struct node_child *child)
{
    struct codec ahead = p->cur;
    struct node_child first;

    if (n->kind != NODE_PAGE || n->depth == 0 || p->count == 0)
        return 0;
    if (p->level > 0)
        node_get_child(&ahead, n->kind, &first);
    else
        first.first = codec_string(&ahead, ENTRY_NAME_MAX);
    if (ahead.failed || bytes_equal(first.first, child->first))
        return 0; /* what cannot be decoded is found when it is taken */
    return check_nodes_bad(&child->id, "begins with another name");
}

/* Reads the node n->next below the innermost one. */
static int check_nodes_push(struct check_nodes *n)
{
    const struct node_child *child = &n->next;
    struct check_place *p = &n->place[n->depth];
    struct node_head head;
    int rc;

    if (n->depth > NODE_LEVEL_MAX)
        return check_nodes_bad(&child->id, "nested too deeply");
    buf_reset(&p->node);
    rc = n->source.get(n->source.ctx, &child->id, &p->node);
    if (rc == E_LIMIT)
        return check_nodes_bad(&child->id, "longer than a node can be");
    if (rc < 0)
        return rc;
    codec_init(&p->cur, buf_bytes(&p->node));
    node_get_head(&p->cur, n->kind, &head);
    if (p->cur.failed)
        return check_nodes_bad(&child->id, "malformed head");
    if (n->depth > 0 && head.level + 1 != check_nodes_top(n)->level)
        return check_nodes_bad(&child->id, "stands at the wrong level");
    p->count = p->left = head.count;
    p->level = head.level;
    p->id = child->id;
    p->want = child->weight;
    p->weight = 0;
    p->hurt = false;
    rc = check_nodes_first(n, p, child);
    if (rc == 0)
        n->depth++;
    return rc;
}

/* Goes to n->next, unless it is known. */
static int check_nodes_enter(struct check_nodes *n,
                             struct check_nodes_item *item)
{
    const struct node_child *child = &n->next;
    uint64_t known = n->known ? n->known(n->ctx, &child->id) : 0;
    int rc = 0;

    n->fresh = false;
    if (known == 0)
        rc = check_nodes_push(n);
    else if (known != child->weight)
        rc = check_nodes_bad(&child->id, "has another weight than is said");
    else
        check_nodes_add(n, known, true);
    if (!check_report_is(rc))
        return rc;
    *item = (struct check_nodes_item){
        .kind = CHECK_NODES_DAMAGED, .id = child->id, .rc = rc};
    /* so that sums further up are not wrong because of it */
    check_nodes_add(n, child->weight, false);
    return 0;
}

/* Leaves the innermost node; rc: 0, or what was wrong with it. */
static int check_nodes_pop(struct check_nodes *n, int rc,
                           struct check_nodes_item *item)
{
    const struct check_place *p = check_nodes_top(n);

    if (rc == 0 && p->weight != p->want) {
        char hex[ID_HEX_CHARS + 1];

        rc = err_set(E_CORRUPT,
                     "tree node %s: holds %" PRIu64 " %s, not the %" PRIu64
                     " that are said",
                     id_hex(p->id.b, sizeof p->id.b, hex), p->weight,
                     n->kind == NODE_PAGE ? "entries" : "bytes", p->want);
    }
    n->broken = false;
    n->depth--;
    *item = (struct check_nodes_item){.kind = rc < 0 ? CHECK_NODES_DAMAGED
                                                     : CHECK_NODES_LEFT,
                                      .id = p->id,
                                      .rc = rc,
                                      .sound = rc == 0 && !p->hurt,
                                      .weight = p->weight};
    check_nodes_add(n, p->want, item->sound);
    return 0;
}

/* Takes the next element of the innermost node. */
static int check_nodes_element(struct check_nodes *n,
                               struct check_nodes_item *item)
{
    struct check_place *p = check_nodes_top(n);
    int rc;

    if (p->level == 0) {
        *item = (struct check_nodes_item){.kind = CHECK_NODES_ELEMENT,
                                          .id = p->id,
                                          .c = &p->cur,
                                          .first = p->left == p->count};
        p->left--;
        return 0;
    }
    p->left--;
    node_get_child(&p->cur, n->kind, &n->next);
    rc = codec_ok(&p->cur, "tree node");
    return rc < 0 ? check_nodes_pop(n, rc, item) : check_nodes_enter(n, item);
}

int check_nodes_next(struct check_nodes *n, struct check_nodes_item *item)
{
    int rc = 0;

    item->kind = CHECK_NODES_END;
    if (n->fresh)
        rc = check_nodes_enter(n, item);
    while (rc == 0 && item->kind == CHECK_NODES_END && n->depth > 0) {
        struct check_place *p = check_nodes_top(n);

        if (n->broken)
            rc = check_nodes_pop(n, err_load(&n->why), item);
        else if (p->left > 0)
            rc = check_nodes_element(n, item);
        else
            rc = check_nodes_pop(n, codec_end(&p->cur, "tree node"), item);
    }
    return rc;
}

void check_nodes_broken(struct check_nodes *n)
{
    err_save(E_CORRUPT, &n->why);
    n->broken = true;
}

void check_nodes_took(struct check_nodes *n, struct bytes name, uint64_t weight)
{
    check_nodes_top(n)->weight += weight;
    if (n->kind != NODE_PAGE)
        return;
    if (n->last_n && bytes_cmp(bytes_of(n->last, n->last_n), name) >= 0) {
        err_ignore(err_set(E_CORRUPT, "directory entries out of order"),
                   "reported by the next step");
        check_nodes_broken(n);
        return;
    }
    memcpy(n->last, name.p, name.n);
    n->last_n = name.n;
}

void check_nodes_hurt(struct check_nodes *n)
{
    check_nodes_top(n)->hurt = true;
}
