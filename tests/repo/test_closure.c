/*
 * What a snapshot reaches, step by step, held to what the walk over its tree
 * and the chunks of its entries say, of a real backup of a tree with lists,
 * pages, links, holes and attributes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/closure.h"
#include "repo/fetch.h"
#include "repo/reach.h"
#include "repo/snapshot_list.h"
#include "repo/tree_walk.h"
#include "tests/repo/check_kit.h"
#include "tests/repo/node_store.h"

enum { CACHE_BYTES = 8 << 20, IDS_MAX = 20000 };

/* Ids, once each, in order. */
struct ids {
    struct chunk_id id[IDS_MAX];
    size_t n;
};

static int id_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct chunk_id));
}

static void ids_add(struct ids *s, const struct chunk_id *id)
{
    for (size_t i = 0; i < s->n; i++) {
        if (memcmp(&s->id[i], id, sizeof *id) == 0)
            return;
    }
    assert_true(s->n < IDS_MAX);
    s->id[s->n++] = *id;
}

static bool ids_has(const struct ids *s, const struct chunk_id *id)
{
    for (size_t i = 0; i < s->n; i++) {
        if (memcmp(&s->id[i], id, sizeof *id) == 0)
            return true;
    }
    return false;
}

static void ids_equal(struct ids *a, struct ids *b)
{
    assert_int_equal(a->n, b->n);
    qsort(a->id, a->n, sizeof *a->id, id_order);
    qsort(b->id, b->n, sizeof *b->id, id_order);
    assert_memory_equal(a->id, b->id, a->n * sizeof *a->id);
}

/* ---- a backup, and what there is to read of it -------------------------- */

static struct world {
    struct check_kit *k;
    struct fetch *fetch;
    struct fetch_lane *lane;
    struct snapshot snapshot;
    struct node_source stored;
    struct node_store nodes; /* those of the snapshot, in memory */
    struct ids want_nodes;
    struct ids want_chunks;
} w;

/* Between the tree walk and what is stored: which nodes are read, and a copy
 * of each. */
static int get_noting(void *ctx, const struct chunk_id *id, struct buf *node)
{
    int rc = w.stored.get(w.stored.ctx, id, node);
    struct node_sink sink = node_store_sink(&w.nodes);
    struct chunk_id other;

    (void)ctx;
    assert_int_equal(rc, 0);
    ids_add(&w.want_nodes, id);
    if (!node_store_find(&w.nodes, id)) {
        assert_int_equal(sink.put(sink.ctx, buf_bytes(node), &other), 0);
        /* the store in memory has names of its own */
        w.nodes.item[w.nodes.n - 1].id = *id;
    }
    return 0;
}

static int note_chunk(void *ctx, enum pack_kind kind, const struct chunk_id *id,
                      uint64_t bytes, bool *stop)
{
    (void)ctx;
    (void)bytes;
    (void)stop;
    if (kind == PACK_DATA)
        ids_add(&w.want_chunks, id);
    return 0;
}

/* The oracle: the walk, and what each of its entries needs. */
static void walk_all(void)
{
    struct node_source noting = {get_noting, NULL};
    struct tree_walk *walk = tree_walk_new(&noting);
    struct reach *reach = reach_new(&noting);
    struct tree_entry root = {.attr = NULL};
    struct tree_walk_item it;
    struct codec c;
    size_t seen = 0;

    assert_non_null(walk);
    assert_non_null(reach);
    codec_init(&c, w.snapshot.manifest.m.root);
    assert_int_equal(tree_entry_get(&c, &root, true), 0);
    assert_int_equal(tree_walk_start(walk, &root), 0);
    do {
        assert_int_equal(tree_walk_next(walk, &it), 0);
        assert_int_not_equal(it.kind, TREE_WALK_DAMAGED);
        seen += it.te != NULL;
        if (it.te)
            assert_int_equal(reach_entry(reach, it.te, note_chunk, NULL), 0);
    } while (it.kind != TREE_WALK_END);
    assert_true(seen > 460);
    tree_entry_release(&root);
    reach_free(reach);
    tree_walk_free(walk);
}

static int open_world(void **state)
{
    struct repo *r;

    (void)state;
    w.k = check_kit_open();
    r = w.k->whole;
    assert_int_equal(
        fetch_open(r->store, r->keys, r->index, CACHE_BYTES, &w.fetch), 0);
    assert_int_equal(fetch_lane_new(w.fetch, &w.lane), 0);
    assert_int_equal(
        snapshot_list_read(r->store, r->keys, &w.k->snapshot[2], &w.snapshot),
        0);
    w.stored = fetch_node_source(w.lane);
    walk_all();
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    node_store_release(&w.nodes);
    snapshot_list_drop(&w.snapshot);
    fetch_lane_free(w.lane);
    fetch_free(w.fetch);
    check_kit_close(w.k);
    return 0;
}

/* ---- walks -------------------------------------------------------------- */

struct visits {
    struct ids nodes;
    struct ids chunks;
    size_t n;
    size_t fail_at;               /* the visit that fails; 0: none */
    bool shut;                    /* nothing is read but ... */
    const struct chunk_id *opens; /* ... below this one */
};

static struct visits *fresh(void)
{
    static struct visits v;

    memset(&v, 0, sizeof v);
    return &v;
}

static int visit(void *ctx, const struct edges_to *to, bool *below)
{
    struct visits *v = ctx;

    assert_false(*below);
    if (++v->n == v->fail_at)
        return err_set(E_LATER, "enough");
    if (v->shut)
        *below = v->opens && memcmp(v->opens, &to->id, sizeof to->id) == 0;
    else /* of chunks it says nothing */
        *below = !to->is_node || !ids_has(&v->nodes, &to->id);
    ids_add(to->is_node ? &v->nodes : &v->chunks, &to->id);
    return 0;
}

static int walk(const struct node_source *source, struct cancel *cancel,
                struct visits *v)
{
    struct closure *c = closure_new(source, 1, cancel);
    int rc = c ? closure_walk(c, &w.snapshot.manifest.m.root, 1, NULL, visit, v)
               : E_NOMEM;

    closure_free(c);
    return rc;
}

static void test_closure__visits_what_the_walk_and_reach_do(void **state)
{
    struct visits *v = fresh();
    struct closure *c = closure_new(&w.stored, 1, NULL);

    (void)state;
    assert_non_null(c);
    assert_int_equal(
        closure_walk(c, &w.snapshot.manifest.m.root, 1, NULL, visit, v), 0);
    ids_equal(&v->nodes, &w.want_nodes);
    ids_equal(&v->chunks, &w.want_chunks);
    /* the tree has what makes it worth while: pages and lists of two levels,
     * what several entries need */
    assert_true(v->nodes.n >= 10);
    assert_true(v->n > v->nodes.n + v->chunks.n);
    /* and once more with the same one */
    v = fresh();
    assert_int_equal(
        closure_walk(c, &w.snapshot.manifest.m.root, 1, NULL, visit, v), 0);
    ids_equal(&v->nodes, &w.want_nodes);
    closure_free(c);
}

static void test_closure__goes_below_where_it_is_told_to(void **state)
{
    struct node_source source = node_store_source(&w.nodes);
    struct visits *v = fresh();
    struct chunk_id root;

    (void)state;
    v->shut = true;
    assert_int_equal(walk(&source, NULL, v), 0);
    assert_int_equal(v->n, 1);
    assert_int_equal(v->nodes.n, 1); /* the first page of the root */
    root = v->nodes.id[0];
    v = fresh();
    v->shut = true;
    v->opens = &root;
    assert_int_equal(walk(&source, NULL, v), 0);
    assert_in_range(v->n, 2, w.want_nodes.n + w.want_chunks.n);
    for (size_t i = 0; i < v->nodes.n; i++)
        assert_true(ids_has(&w.want_nodes, &v->nodes.id[i]));
}

static void test_closure__what_visit_returns_ends_it(void **state)
{
    struct node_source source = node_store_source(&w.nodes);
    struct visits *v = fresh();
    size_t all;

    (void)state;
    assert_int_equal(walk(&source, NULL, v), 0);
    all = v->n;
    for (size_t n = 1; n <= all; n += n < 20 ? 1 : 37) {
        v = fresh();
        v->fail_at = n;
        assert_int_equal(walk(&source, NULL, v), E_LATER);
        assert_int_equal(v->n, n);
    }
}

static void test_closure__can_be_stopped(void **state)
{
    struct node_source source = node_store_source(&w.nodes);
    struct cancel cancel = {0};
    struct visits *v = fresh();

    (void)state;
    assert_int_equal(walk(&source, &cancel, v), 0);
    cancel_request(&cancel, 2);
    v = fresh();
    assert_int_equal(walk(&source, &cancel, v), E_CANCELED);
    assert_int_equal(v->n, 1);
}

static void test_closure__each_allocation_fails(void **state)
{
    struct node_source source = node_store_source(&w.nodes);
    struct visits *v;
    uint64_t n = 1;
    int rc;

    (void)state;
    do {
        v = fresh();
        mem_fail_after(n, 0);
        rc = walk(&source, NULL, v);
        mem_fail_after(0, 0);
        assert_true(rc == 0 || rc == E_NOMEM);
    } while (rc < 0 && n++ < 10000);
    assert_true(n > 3);
    ids_equal(&v->nodes, &w.want_nodes);
    ids_equal(&v->chunks, &w.want_chunks);
}

/* ---- damage ------------------------------------------------------------- */

enum damage { GONE, CUT, LONGER, TOO_LONG, DAMAGES };

struct damaged {
    const struct chunk_id *id;
    enum damage how;
};

static int get_damaged(void *ctx, const struct chunk_id *id, struct buf *node)
{
    const struct damaged *d = ctx;
    struct node_source source = node_store_source(&w.nodes);
    int rc = 0;

    if (memcmp(id, d->id, sizeof *id) == 0 && d->how == GONE)
        return err_set(E_CORRUPT, "missing");
    if (memcmp(id, d->id, sizeof *id) == 0 && d->how == TOO_LONG)
        return err_set(E_LIMIT, "too long");
    rc = source.get(source.ctx, id, node);
    if (memcmp(id, d->id, sizeof *id) != 0)
        return rc;
    if (d->how == CUT)
        node->n--;
    else
        buf_add(node, "", 1);
    return rc;
}

static void test_closure__a_damaged_node_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < w.nodes.n; i++) {
        for (enum damage how = GONE; how < DAMAGES; how++) {
            struct damaged d = {&w.nodes.item[i].id, how};
            struct node_source source = {get_damaged, &d};
            char hex[ID_HEX_CHARS + 1], want[64];

            assert_int_equal(walk(&source, NULL, fresh()), E_CORRUPT);
            (void)snprintf(want, sizeof want, "tree node %.8s",
                           id_hex(d.id->b, sizeof d.id->b, hex));
            assert_non_null(strstr(err_text(), want));
        }
    }
}

/* ---- several threads ----------------------------------------------------- */

enum { THREADS = 4, ROOTS = 12 };

static struct fetch_lane *lanes[THREADS];
static struct node_source sources[THREADS];
static struct bytes roots[ROOTS];

static void open_lanes(void)
{
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(fetch_lane_new(w.fetch, &lanes[i]), 0);
        sources[i] = fetch_node_source(lanes[i]);
    }
    for (size_t i = 0; i < ROOTS; i++)
        roots[i] = w.snapshot.manifest.m.root;
}

static void close_lanes(void)
{
    for (size_t i = 0; i < THREADS; i++)
        fetch_lane_free(lanes[i]);
}

/* Every node below each root, as often as it is pointed at. */
static int visit_all(void *ctx, const struct edges_to *to, bool *below)
{
    struct visits *v = ctx;

    if (++v->n == v->fail_at)
        return err_set(E_LATER, "enough");
    ids_add(to->is_node ? &v->nodes : &v->chunks, &to->id);
    *below = to->is_node;
    return 0;
}

static void test_closure__several_threads_visit_the_same(void **state)
{
    struct visits *v = fresh();
    struct closure *one = closure_new(&w.stored, 1, NULL);
    struct closure *many;
    size_t n;

    (void)state;
    assert_non_null(one);
    for (size_t i = 0; i < ROOTS; i++)
        roots[i] = w.snapshot.manifest.m.root;
    assert_int_equal(closure_walk(one, roots, ROOTS, NULL, visit_all, v), 0);
    closure_free(one);
    ids_equal(&v->nodes, &w.want_nodes);
    ids_equal(&v->chunks, &w.want_chunks);
    n = v->n;
    open_lanes();
    many = closure_new(sources, THREADS, NULL);
    assert_non_null(many);
    for (int i = 0; i < 5; i++) {
        v = fresh();
        assert_int_equal(closure_walk(many, roots, ROOTS, NULL, visit_all, v),
                         0);
        assert_int_equal(v->n, n);
        ids_equal(&v->nodes, &w.want_nodes);
        ids_equal(&v->chunks, &w.want_chunks);
    }
    assert_int_equal(closure_walk(many, roots, 0, NULL, visit_all, v), 0);
    closure_free(many);
    close_lanes();
}

/* Whichever visit fails is the last one, and the closure works again. */
static void test_closure__a_failure_ends_all_threads(void **state)
{
    struct closure *c;
    size_t which;

    (void)state;
    open_lanes();
    c = closure_new(sources, THREADS, NULL);
    assert_non_null(c);
    for (size_t at = 1; at < 2000; at += 37) {
        struct visits *v = fresh();

        v->fail_at = at;
        assert_int_equal(closure_walk(c, roots, ROOTS, NULL, visit_all, v),
                         E_LATER);
        assert_string_equal(err_text(), "enough");
        assert_int_equal(v->n, at);
    }
    roots[ROOTS - 1] = bytes_of(roots[0].p, 3);
    assert_int_equal(closure_walk(c, roots, ROOTS, &which, visit_all, fresh()),
                     E_CORRUPT);
    assert_int_equal(which, ROOTS - 1);
    closure_free(c);
    close_lanes();
}

/* Some of the threads cannot read: their error is what comes out. */
static int get_nothing(void *ctx, const struct chunk_id *id, struct buf *node)
{
    (void)ctx;
    (void)id;
    (void)node;
    return err_set(E_STORE, "no");
}

static void test_closure__what_others_cannot_read_is_told(void **state)
{
    struct closure *c;

    (void)state;
    open_lanes();
    for (size_t i = 1; i < THREADS; i++)
        sources[i].get = get_nothing;
    for (int i = 0; i < 20; i++) {
        int rc;

        c = closure_new(sources, THREADS, NULL);
        assert_non_null(c);
        rc = closure_walk(c, roots, ROOTS, NULL, visit_all, fresh());
        /* or the first was faster than all of them */
        if (rc != 0)
            assert_int_equal(rc, E_STORE);
        closure_free(c);
    }
    close_lanes();
}

static void test_closure__a_damaged_root_is_told(void **state)
{
    struct bytes root = w.snapshot.manifest.m.root;
    struct node_source source = node_store_source(&w.nodes);
    struct closure *c = closure_new(&source, 1, NULL);

    (void)state;
    assert_non_null(c);
    for (size_t n = 0; n < root.n; n++) {
        struct bytes cut[] = {root, bytes_of(root.p, n), root};
        size_t at;

        assert_int_equal(closure_walk(c, cut, 3, &at, visit, fresh()),
                         E_CORRUPT);
        assert_int_equal(at, 1);
    }
    closure_free(c);
}

/* ---- edges -------------------------------------------------------------- */

static int edge(void *ctx, const struct edges_to *to)
{
    struct visits *v = ctx;

    if (++v->n == v->fail_at)
        return err_set(E_LATER, "enough");
    ids_add(to->is_node ? &v->nodes : &v->chunks, &to->id);
    return 0;
}

/* Cut anywhere it is refused; with any byte changed it is read, or refused. */
static void test_closure__edges_of_nodes_that_are_cut_or_flipped(void **state)
{
    struct tree_entry te = {.attr = NULL};

    (void)state;
    for (size_t i = 0; i < w.nodes.n; i++) {
        struct bytes node = bytes_of(w.nodes.item[i].p, w.nodes.item[i].n);
        uint8_t *copy = mem_dup(node);
        size_t step = node.n < 3000 ? 1 : 61;

        assert_non_null(copy);
        for (size_t n = 0; n < node.n; n += step) {
            int rc = edges_of_node(bytes_of(node.p, n), &te, edge, fresh());

            assert_int_equal(rc, E_CORRUPT);
            copy[n] ^= (uint8_t)(1U << n % 8);
            rc = edges_of_node(bytes_of(copy, node.n), &te, edge, fresh());
            assert_true(rc == 0 || rc == E_CORRUPT);
            copy[n] = node.p[n];
        }
        free(copy);
    }
    tree_entry_release(&te);
}

static void test_closure__edges_end_with_what_each_returns(void **state)
{
    struct tree_entry te = {.attr = NULL};

    (void)state;
    for (size_t i = 0; i < w.nodes.n; i++) {
        struct bytes node = bytes_of(w.nodes.item[i].p, w.nodes.item[i].n);
        struct visits *v = fresh();
        size_t all;

        assert_int_equal(edges_of_node(node, &te, edge, v), 0);
        all = v->n;
        for (size_t n = 1; n <= all; n += 1 + all / 10) {
            v = fresh();
            v->fail_at = n;
            assert_int_equal(edges_of_node(node, &te, edge, v), E_LATER);
            assert_int_equal(v->n, n);
        }
    }
    tree_entry_release(&te);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closure__visits_what_the_walk_and_reach_do),
        cmocka_unit_test(test_closure__goes_below_where_it_is_told_to),
        cmocka_unit_test(test_closure__what_visit_returns_ends_it),
        cmocka_unit_test(test_closure__can_be_stopped),
        cmocka_unit_test(test_closure__each_allocation_fails),
        cmocka_unit_test(test_closure__a_damaged_node_is_told),
        cmocka_unit_test(test_closure__several_threads_visit_the_same),
        cmocka_unit_test(test_closure__a_failure_ends_all_threads),
        cmocka_unit_test(test_closure__what_others_cannot_read_is_told),
        cmocka_unit_test(test_closure__a_damaged_root_is_told),
        cmocka_unit_test(test_closure__edges_of_nodes_that_are_cut_or_flipped),
        cmocka_unit_test(test_closure__edges_end_with_what_each_returns),
    };

    return cmocka_run_group_tests(tests, open_world, close_world);
}
