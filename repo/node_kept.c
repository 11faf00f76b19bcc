#include "repo/node_kept.h"

#include <stdlib.h>

#include "base/mem.h"

/* What is remembered of the element before, while a node is decoded. */
struct node_parse {
    struct codec c;
    struct tree_entry te; /* its array is reused */
    struct bytes last;    /* the name before */
    bool any;
};

static bool parse_name(struct node_parse *p, struct bytes name)
{
    bool ascends = !p->any || bytes_cmp(p->last, name) < 0;

    p->last = name;
    p->any = true;
    return ascends;
}

/* One element: its weight, 0 when it cannot be. */
static int parse_element(struct node_parse *p, enum node_kind kind,
                         unsigned level, uint64_t *weight)
{
    struct node_child child;
    struct extent e;
    int rc = 0;

    *weight = 1;
    if (level > 0) {
        node_get_child(&p->c, kind, &child);
        *weight = child.weight;
        if (!p->c.failed && kind == NODE_PAGE && !parse_name(p, child.first))
            *weight = 0;
    } else if (kind == NODE_LIST) {
        extent_get(&p->c, &e, NODE_CHUNK_MAX);
        *weight = e.length;
    } else {
        rc = tree_entry_get(&p->c, &p->te, false);
        if (rc == 0 && !parse_name(p, p->te.e.name))
            *weight = 0;
    }
    return rc < 0 ? rc : codec_ok(&p->c, "tree node");
}

static int parse_elements(struct node_parse *p, struct node_kept *k)
{
    uint64_t sum = 0;
    int rc = 0;

    for (size_t i = 0; i < k->n && rc == 0; i++) {
        uint64_t weight = 0;

        k->before[i] = sum;
        k->at[i] = (uint32_t)(p->c.p - p->c.start);
        rc = parse_element(p, k->kind, k->level, &weight);
        if (rc == 0 && (weight == 0 || weight > UINT64_MAX - sum))
            rc = err_set(E_CORRUPT, "names out of order, or impossible sums");
        sum += weight;
    }
    k->before[k->n] = sum;
    k->at[k->n] = (uint32_t)(p->c.p - p->c.start);
    return rc < 0 ? rc : codec_end(&p->c, "tree node");
}

int node_kept_init(struct node_kept *k, enum node_kind kind, struct bytes node)
{
    struct node_parse p = {.any = false};
    struct node_head head;
    int rc;

    *k = (struct node_kept){.kind = kind};
    k->raw = mem_dup(node);
    k->bytes = bytes_of(k->raw, node.n);
    if (!k->raw)
        return err_set(E_NOMEM, "out of memory");
    codec_init(&p.c, k->bytes);
    node_get_head(&p.c, kind, &head);
    rc = codec_ok(&p.c, "tree node");
    if (rc < 0)
        return rc;
    k->level = head.level;
    k->n = head.count;
    k->cost = node.n + (k->n + 1) * (sizeof *k->before + sizeof *k->at);
    k->before = mem_array(k->n + 1, sizeof *k->before);
    k->at = mem_array(k->n + 1, sizeof *k->at);
    if (!k->before || !k->at)
        return err_set(E_NOMEM, "out of memory");
    rc = parse_elements(&p, k);
    tree_entry_release(&p.te);
    return rc;
}

void node_kept_release(struct node_kept *k)
{
    free(k->before);
    free(k->at);
    free(k->raw);
    *k = (struct node_kept){.before = NULL};
}

static struct codec kept_cursor(const struct node_kept *k, size_t i)
{
    struct codec c;

    ASSERT(i < k->n);
    codec_init(&c, bytes_of(k->bytes.p + k->at[i], k->at[i + 1] - k->at[i]));
    return c;
}

size_t node_kept_find(const struct node_kept *k, uint64_t weight)
{
    size_t low = 0, high = k->n;

    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;

        if (k->before[mid] <= weight)
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* What of an element decides its place: of a child the first name below. */
struct bytes node_kept_name(const struct node_kept *k, size_t i)
{
    struct node_child child;
    struct codec c = kept_cursor(k, i);

    if (k->level == 0)
        return tree_entry_name(&c);
    node_get_child(&c, k->kind, &child);
    return child.first;
}

size_t node_kept_near(const struct node_kept *k, struct bytes name)
{
    size_t low = 0, high = k->n;

    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;

        if (bytes_cmp(node_kept_name(k, mid), name) <= 0)
            low = mid;
        else
            high = mid;
    }
    return low;
}

bool node_kept_named(const struct node_kept *k, struct bytes name, size_t *i)
{
    ASSERT(k->kind == NODE_PAGE && k->level == 0);
    *i = node_kept_near(k, name);
    return k->n > 0 && bytes_equal(node_kept_name(k, *i), name);
}

void node_kept_child(const struct node_kept *k, size_t i,
                     struct node_child *child)
{
    struct codec c = kept_cursor(k, i);

    ASSERT(k->level > 0);
    node_get_child(&c, k->kind, child);
}

int node_kept_entry(const struct node_kept *k, size_t i, struct tree_entry *te)
{
    struct codec c = kept_cursor(k, i);

    ASSERT(k->kind == NODE_PAGE && k->level == 0);
    return tree_entry_get(&c, te, false);
}

struct tree_shown node_kept_shown(const struct node_kept *k, size_t i)
{
    struct codec c = kept_cursor(k, i);

    ASSERT(k->kind == NODE_PAGE && k->level == 0);
    return tree_entry_shown(&c);
}

void node_kept_extent(const struct node_kept *k, size_t i, struct extent *e)
{
    struct codec c = kept_cursor(k, i);

    ASSERT(k->kind == NODE_LIST && k->level == 0);
    extent_get(&c, e, NODE_CHUNK_MAX);
}
