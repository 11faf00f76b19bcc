#include "repo/closure.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"

enum { CLOSURE_SPREAD = 8 /* nodes to do before others are asked to help */ };

/* A list that grows. */
struct closure_nodes {
    struct chunk_id *id;
    size_t first; /* those before it were taken by others */
    size_t n;
    size_t cap;
};

struct closure_edges {
    struct edges_to *to;
    size_t n;
    size_t cap;
};

/* One thread's: only `todo` is looked at by others. */
struct closure_worker {
    struct closure *c;
    struct node_source source;
    struct closure_nodes todo; /* to read, the last first; locked */
    size_t root;               /* to which they belong; locked */
    struct buf node;
    struct tree_entry te;
    struct closure_edges edges; /* of the node at hand */
    pthread_t thread;
    bool started;
};

struct closure {
    struct cancel *cancel;
    closure_visit *visit; /* of the walk that is going on */
    void *ctx;
    const struct bytes *root;
    size_t root_n;
    struct closure_worker *worker;
    size_t worker_n;
    bool alone; /* a thread could not be had: the first worker does it all */

    pthread_mutex_t lock; /* for all that follows, and around visit() */
    pthread_cond_t turn;
    bool going;  /* a walk is spread: workers look for something to do */
    bool over;   /* workers end */
    size_t busy; /* workers that read */
    size_t idle; /* ... that wait for `turn` */
    size_t left; /* nodes to read, of all workers */
    size_t next; /* the root to begin with next */
    struct err_record why; /* the first failure of the walk, and ... */
    size_t why_root;       /* ... where */
};

static int closure_init(struct closure *c, const struct node_source *source,
                        size_t n, struct cancel *cancel)
{
    c->cancel = cancel;
    c->worker = mem_array(n, sizeof *c->worker);
    if (!c->worker)
        return E_NOMEM;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->turn, NULL);
    c->worker_n = n;
    for (size_t i = 0; i < n; i++) {
        c->worker[i] = (struct closure_worker){.c = c, .source = source[i]};
        buf_init(&c->worker[i].node, NODE_BYTES_MAX);
    }
    return 0;
}

struct closure *closure_new(const struct node_source *source, size_t n,
                            struct cancel *cancel)
{
    struct closure *c = mem_alloc(sizeof *c);

    ASSERT(n >= 1 && n <= CLOSURE_SOURCES_MAX);
    if (!c || closure_init(c, source, n, cancel) == 0)
        return c;
    free(c);
    return NULL;
}

void closure_free(struct closure *c)
{
    if (!c)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->over = true;
    (void)pthread_cond_broadcast(&c->turn);
    (void)pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; i < c->worker_n; i++) {
        struct closure_worker *w = &c->worker[i];

        if (w->started)
            (void)pthread_join(w->thread, NULL);
        free(w->todo.id);
        buf_release(&w->node);
        tree_entry_release(&w->te);
        free(w->edges.to);
    }
    (void)pthread_cond_destroy(&c->turn);
    (void)pthread_mutex_destroy(&c->lock);
    free(c->worker);
    free(c);
}

/* ---- nodes ----------------------------------------------------------------
 */

static int closure_edge(void *ctx, const struct edges_to *to)
{
    struct closure_edges *e = ctx;

    if (!MEM_GROW(e->to, e->n, e->cap))
        return err_set(E_NOMEM, "out of memory for a tree node");
    e->to[e->n++] = *to;
    return 0;
}

/* Reads a node, and what it points at into w->edges. */
static int closure_read(struct closure_worker *w, const struct chunk_id *id)
{
    char hex[ID_HEX_CHARS + 1];
    int rc = cancel_check(w->c->cancel);

    if (rc < 0)
        return rc;
    w->edges.n = 0;
    buf_reset(&w->node);
    rc = w->source.get(w->source.ctx, id, &w->node);
    if (rc == E_LIMIT)
        rc = err_set(E_CORRUPT, "longer than a node can be");
    if (rc == 0)
        rc =
            edges_of_node(buf_bytes(&w->node), &w->te, closure_edge, &w->edges);
    return err_add(rc, "tree node %.8s", id_hex(id->b, sizeof id->b, hex));
}

static int closure_push(struct closure_worker *w, const struct chunk_id *id)
{
    struct closure_nodes *t = &w->todo;

    if (!MEM_GROW(t->id, t->n, t->cap))
        return err_set(E_NOMEM, "out of memory for a tree");
    t->id[t->n++] = *id;
    w->c->left++;
    return 0;
}

/* Visits w's edges. Locked, where others help. */
static int closure_visit_all(struct closure_worker *w)
{
    struct closure *c = w->c;
    int rc = 0;

    for (size_t i = 0; i < w->edges.n && rc == 0; i++) {
        const struct edges_to *to = &w->edges.to[i];
        bool below = false;

        rc = c->visit(c->ctx, to, &below);
        if (rc == 0 && below && to->is_node)
            rc = closure_push(w, &to->id);
    }
    return rc;
}

/* The first node of somebody else's, which is far from where that one is. */
static bool closure_steal(struct closure_worker *w, struct chunk_id *id)
{
    struct closure *c = w->c;

    for (size_t i = 0; i < c->worker_n; i++) {
        struct closure_nodes *t = &c->worker[i].todo;

        if (t->n > t->first) {
            *id = t->id[t->first++];
            w->root = c->worker[i].root;
            return true;
        }
    }
    return false;
}

/* Begins with the next root. */
static int closure_begin(struct closure_worker *w)
{
    struct closure *c = w->c;
    int rc;

    w->root = c->next++;
    w->edges.n = 0;
    rc = edges_of_root(c->root[w->root], &w->te, closure_edge, &w->edges);
    return rc < 0 ? rc : closure_visit_all(w);
}

/* A node to read: the last of a worker's own, of the next root, or somebody
 * else's. found: out: false: there is none now. */
static int closure_take(struct closure_worker *w, struct chunk_id *id,
                        bool *found)
{
    struct closure_nodes *t = &w->todo;
    int rc = 0;

    if (t->n == t->first)
        t->n = t->first = 0;
    while (rc == 0 && t->n == 0 && w->c->next < w->c->root_n)
        rc = closure_begin(w);
    *found = rc == 0 && t->n > 0;
    if (*found)
        *id = t->id[--t->n];
    else if (rc == 0)
        *found = closure_steal(w, id);
    w->c->left -= *found;
    return rc;
}

/* ---- threads --------------------------------------------------------------
 */

static void closure_wait(struct closure *c)
{
    c->idle++;
    (void)pthread_cond_wait(&c->turn, &c->lock);
    c->idle--;
}

static void closure_wake(struct closure *c)
{
    if (c->idle > 0)
        (void)pthread_cond_broadcast(&c->turn);
}

static void closure_failed(struct closure_worker *w, int rc)
{
    struct closure *c = w->c;

    if (rc == 0 || !c->going)
        return;
    err_save(rc, &c->why);
    c->why_root = w->root;
    c->going = false;
}

/* Works until nothing is left, or something has failed. Locked. */
static void closure_work(struct closure_worker *w)
{
    struct closure *c = w->c;
    struct chunk_id id;
    bool found;

    while (c->going) {
        int rc = closure_take(w, &id, &found);

        closure_failed(w, rc);
        if (rc < 0 || (!found && c->busy == 0))
            break;
        if (!found) {
            closure_wait(c);
            continue;
        }
        c->busy++;
        (void)pthread_mutex_unlock(&c->lock);
        rc = closure_read(w, &id);
        (void)pthread_mutex_lock(&c->lock);
        c->busy--;
        if (rc == 0 && c->going)
            rc = closure_visit_all(w);
        closure_failed(w, rc);
        if (c->left > 1 || c->busy == 0)
            closure_wake(c);
    }
    c->going = false;
    closure_wake(c);
}

static void *closure_help(void *arg)
{
    struct closure_worker *w = arg;
    struct closure *c = w->c;

    (void)pthread_mutex_lock(&c->lock);
    while (!c->over) {
        if (c->going)
            closure_work(w);
        else
            closure_wait(c);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* Others help if they can be had. */
static void closure_start(struct closure *c)
{
    for (size_t i = 1; i < c->worker_n && !c->alone; i++) {
        struct closure_worker *w = &c->worker[i];

        if (!w->started)
            w->started = thread_start(&w->thread, closure_help, w) == 0;
        c->alone = !c->worker[1].started;
    }
}

/* What is left, with the help of others. */
static int closure_spread(struct closure *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->going = true;
    closure_wake(c);
    closure_work(&c->worker[0]);
    while (c->busy > 0)
        closure_wait(c);
    (void)pthread_mutex_unlock(&c->lock);
    return c->why.code ? err_load(&c->why) : 0;
}

/* ---- a walk ---------------------------------------------------------------
 */

static void closure_reset(struct closure *c)
{
    for (size_t i = 0; i < c->worker_n; i++)
        c->worker[i].todo.n = c->worker[i].todo.first = 0;
    c->left = 0;
    c->next = 0;
    c->why.code = 0;
    c->why_root = 0;
}

/* By this thread alone, as long as others could not help much. */
static int closure_alone(struct closure *c)
{
    struct closure_worker *w = &c->worker[0];
    bool single = c->worker_n == 1 || c->alone;
    bool found = true;
    int rc = 0;

    while (rc == 0 && found && (single || c->left < CLOSURE_SPREAD)) {
        struct chunk_id id;

        rc = closure_take(w, &id, &found);
        if (rc == 0 && found)
            rc = closure_read(w, &id);
        if (rc == 0 && found)
            rc = closure_visit_all(w);
    }
    c->why_root = w->root;
    return rc;
}

int closure_walk(struct closure *c, const struct bytes *root, size_t n,
                 size_t *at, closure_visit *visit, void *ctx)
{
    int rc;

    c->visit = visit;
    c->ctx = ctx;
    c->root = root;
    c->root_n = n;
    closure_reset(c);
    rc = closure_alone(c);
    if (rc == 0 && c->left > 0) {
        closure_start(c);
        rc = closure_spread(c);
    }
    if (at)
        *at = c->why_root;
    return rc;
}
