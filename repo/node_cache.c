#include "repo/node_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

enum { NODE_CACHE_BUCKETS = 4096 };

struct node_slot {
    struct node_kept kept; /* first: what is lent leads back here */
    struct chunk_id id;
    size_t cost; /* bytes of memory, all in all */
    unsigned lent;
    struct node_slot *chain;
    struct node_slot *prev; /* in the ring of the idle */
    struct node_slot *next;
};

struct node_cache {
    pthread_mutex_t lock; /* for all below */
    size_t max;
    size_t idle_bytes;
    struct node_slot *bucket[NODE_CACHE_BUCKETS];
    struct node_slot idle; /* head of the ring, the longest idle next */
};

struct node_cache *node_cache_new(size_t bytes)
{
    struct node_cache *c = mem_alloc(sizeof *c);

    if (!c)
        return NULL;
    c->max = bytes;
    c->idle.next = c->idle.prev = &c->idle;
    (void)pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void slot_free(struct node_slot *s)
{
    if (!s)
        return;
    node_kept_release(&s->kept);
    free(s);
}

void node_cache_free(struct node_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < NODE_CACHE_BUCKETS; i++) {
        while (c->bucket[i]) {
            struct node_slot *s = c->bucket[i];

            c->bucket[i] = s->chain;
            slot_free(s);
        }
    }
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- one node ------------------------------------------------------------ */

static int node_broken(const struct chunk_id *id, const char *what)
{
    char hex[ID_HEX_CHARS + 1];

    return err_set(E_CORRUPT, "tree node %s: %s",
                   id_hex(id->b, sizeof id->b, hex), what);
}

static int slot_load(const struct node_source *source, enum node_kind kind,
                     const struct chunk_id *id, struct node_slot **out)
{
    struct node_slot *s = mem_alloc(sizeof *s);
    struct buf b;
    int rc;

    *out = NULL;
    if (!s)
        return err_set(E_NOMEM, "out of memory");
    s->id = *id;
    buf_init(&b, NODE_BYTES_MAX);
    rc = source->get(source->ctx, id, &b);
    if (rc == 0) {
        rc = node_kept_init(&s->kept, kind, buf_bytes(&b));
        if (rc == E_CORRUPT)
            rc = node_broken(id, err_text());
    }
    s->cost = sizeof *s + s->kept.cost;
    buf_release(&b);
    if (rc < 0) {
        slot_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

/* ---- the cache ----------------------------------------------------------- */

static struct node_slot **cache_bucket(struct node_cache *c,
                                       const struct chunk_id *id)
{
    uint32_t h;

    memcpy(&h, id->b, sizeof h); /* ids are a keyed hash: as good as random */
    return &c->bucket[h % NODE_CACHE_BUCKETS];
}

static void cache_unlink_idle(struct node_cache *c, struct node_slot *s)
{
    s->prev->next = s->next;
    s->next->prev = s->prev;
    c->idle_bytes -= s->cost;
}

/* With the lock. */
static void cache_trim(struct node_cache *c)
{
    while (c->idle_bytes > c->max) {
        struct node_slot *s = c->idle.next;
        struct node_slot **at = cache_bucket(c, &s->id);

        cache_unlink_idle(c, s);
        while (*at != s)
            at = &(*at)->chain;
        *at = s->chain;
        slot_free(s);
    }
}

/* With the lock: lends what is there. */
static struct node_slot *cache_take(struct node_cache *c, enum node_kind kind,
                                    const struct chunk_id *id)
{
    struct node_slot *s = *cache_bucket(c, id);

    while (s && (s->kept.kind != kind || !chunk_id_equal(&s->id, id)))
        s = s->chain;
    if (s && s->lent++ == 0)
        cache_unlink_idle(c, s);
    return s;
}

/* Lends the node of that id; when there is none, mine becomes it, unless that
 * is NULL. */
static struct node_slot *cache_find(struct node_cache *c, enum node_kind kind,
                                    const struct chunk_id *id,
                                    struct node_slot *mine)
{
    struct node_slot *s;

    (void)pthread_mutex_lock(&c->lock);
    s = cache_take(c, kind, id);
    if (!s && mine) {
        struct node_slot **at = cache_bucket(c, id);

        s = mine;
        s->lent = 1;
        s->chain = *at;
        *at = s;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return s;
}

int node_cache_get(struct node_cache *c, const struct node_source *source,
                   enum node_kind kind, const struct chunk_id *id,
                   struct node_kept **out)
{
    struct node_slot *s;

    *out = NULL;
    s = cache_find(c, kind, id, NULL);
    if (!s) {
        struct node_slot *mine;
        int rc = slot_load(source, kind, id, &mine);

        if (rc < 0)
            return rc;
        s = cache_find(c, kind, id, mine);
        if (s != mine) /* another thread was faster */
            slot_free(mine);
    }
    *out = &s->kept;
    return 0;
}

void node_cache_release(struct node_cache *c, struct node_kept *k)
{
    struct node_slot *s = (struct node_slot *)k; /* its first member */

    if (!s)
        return;
    (void)pthread_mutex_lock(&c->lock);
    if (--s->lent == 0) {
        s->prev = c->idle.prev;
        s->next = &c->idle;
        s->prev->next = s;
        c->idle.prev = s;
        c->idle_bytes += s->cost;
        cache_trim(c);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

/* ---- the way down -------------------------------------------------------- */

/* From a node to the one of its children that weight or, when that is not NULL,
 * name chooses. The node is given back. */
static int leaf_down(struct node_cache *c, const struct node_source *source,
                     struct node_leaf *leaf, uint64_t weight,
                     const struct bytes *name)
{
    struct node_kept *k = leaf->node;
    struct node_kept *below = NULL;
    struct node_child child;
    size_t i;
    int rc;

    if (k->n == 0) {
        node_cache_release(c, k);
        leaf->node = NULL;
        return err_set(E_CORRUPT, "tree node without children");
    }
    i = name ? node_kept_near(k, *name)
             : node_kept_find(k, weight - leaf->before);
    node_kept_child(k, i, &child);
    rc = node_cache_get(c, source, k->kind, &child.id, &below);
    if (rc == 0 && below->level + 1 != k->level) {
        rc = node_broken(&child.id, "stands at the wrong level");
        node_cache_release(c, below);
        below = NULL;
    }
    leaf->before += k->before[i];
    leaf->node = below;
    node_cache_release(c, k);
    return rc;
}

int node_cache_by_weight(struct node_cache *c, const struct node_source *source,
                         enum node_kind kind, const struct chunk_id *root,
                         uint64_t weight, struct node_leaf *out)
{
    int rc;

    *out = (struct node_leaf){.before = 0};
    rc = node_cache_get(c, source, kind, root, &out->node);
    while (rc == 0) {
        struct node_kept *k = out->node;

        /* a node may hold less than the one above it says */
        if (weight - out->before >= k->before[k->n]) {
            node_cache_release(c, k);
            out->node = NULL;
            break;
        }
        if (k->level == 0)
            break;
        rc = leaf_down(c, source, out, weight, NULL);
    }
    return rc;
}

int node_cache_by_name(struct node_cache *c, const struct node_source *source,
                       const struct chunk_id *root, struct bytes name,
                       struct node_leaf *out)
{
    int rc;

    *out = (struct node_leaf){.before = 0};
    rc = node_cache_get(c, source, NODE_PAGE, root, &out->node);
    while (rc == 0 && out->node->level > 0)
        rc = leaf_down(c, source, out, 0, &name);
    return rc;
}
