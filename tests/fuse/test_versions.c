/* What a path is in all snapshots together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fuse/versions_memo.h"
#include "repo/dir_writer.h"
#include "tests/repo/node_store.h"

static const struct node_key key = {{4}};

enum { SNAPS_MAX = 1000, SOME = 700 };

struct world {
    struct node_store store;
    struct node_source of;
    struct node_source source; /* counts what is read, and damages */
    size_t gets;
    struct chunk_id broken;
    struct dir_writer *w;
    struct versions_snaps snaps;
    struct node_cache *cache;
    struct tree_entry te;
    struct versions_reader r;
    /* what was told to be unreadable, and what was forgotten */
    char told[64];
    uint32_t forgotten;
};

static int world_get(void *ctx, const struct chunk_id *id, struct buf *node)
{
    struct world *w = ctx;

    w->gets++;
    if (chunk_id_equal(id, &w->broken))
        return err_set(E_CORRUPT, "damaged on purpose");
    return w->of.get(w->of.ctx, id, node);
}

static bool world_unreadable(void *ctx, uint32_t no)
{
    struct world *w = ctx;
    size_t n = strlen(w->told);

    (void)snprintf(w->told + n, sizeof w->told - n, "%u ", no);
    return no != w->forgotten;
}

static void world_init(struct world *w)
{
    struct node_sink sink = node_store_sink(&w->store);

    *w = (struct world){.forgotten = UINT32_MAX};
    w->of = node_store_source(&w->store);
    w->source = (struct node_source){world_get, w};
    w->w = dir_writer_new(&key, &sink);
    w->cache = node_cache_new(1 << 22);
    w->r = (struct versions_reader){.nodes = w->cache,
                                    .source = &w->source,
                                    .te = &w->te,
                                    .unreadable = world_unreadable,
                                    .ctx = w};
}

static void world_release(struct world *w)
{
    versions_snaps_release(&w->snaps);
    tree_entry_release(&w->te);
    node_cache_free(w->cache);
    dir_writer_free(w->w);
    node_store_release(&w->store);
}

static void world_cold(struct world *w)
{
    node_cache_free(w->cache);
    w->cache = node_cache_new(1 << 22);
    w->r.nodes = w->cache;
}

/* Adds a link to a target with an owner, or a directory. */
static void put(struct world *w, const char *name, const char *target,
                uint32_t uid, const struct tree_dir *dir)
{
    struct tree_entry te = {.e = {.name = bytes_of_str(name),
                                  .type = dir ? ENTRY_DIR : ENTRY_SYMLINK,
                                  .uid = uid}};

    if (dir)
        te.dir = *dir;
    else
        te.e.target = bytes_of_str(target);
    assert_int_equal(dir_writer_add(w->w, &te), 0);
}

static struct tree_dir done(struct world *w)
{
    struct tree_dir dir;

    assert_int_equal(dir_writer_finish(w->w, &dir), 0);
    dir_writer_reset(w->w);
    return dir;
}

/* A snapshot of a top directory; hours tells its age. */
static void snap(struct world *w, uint32_t series, int64_t hours,
                 const struct tree_dir *top)
{
    struct versions_snap s = {.no = (uint32_t)w->snaps.n,
                              .series = series,
                              .begin = {hours * 3600, 0},
                              .pages = top->root};

    assert_int_equal(versions_snaps_add(&w->snaps, &s), 0);
}

/* A snapshot whose top has "f" with that target and owner; NULL: it has not,
 * "/": as a directory. */
static void snap_f(struct world *w, uint32_t series, int64_t hours,
                   const char *target, uint32_t uid)
{
    struct tree_dir top, inner = done(w);

    if (target && *target == '/')
        put(w, "f", NULL, 0, &inner);
    else if (target)
        put(w, "f", target, uid, NULL);
    put(w, "other", "x", (uint32_t)hours, NULL); /* no two tops alike */
    top = done(w);
    snap(w, series, hours, &top);
}

static int take(void *ctx, const struct versions_snap *first)
{
    char *text = ctx;

    (void)snprintf(text + strlen(text), 256 - strlen(text), "%u:%d ",
                   first->series, (int)(first->begin.s / 3600));
    return 0;
}

/* The versions of f: "SERIES:HOURS " of each. */
static const char *versions(struct world *w)
{
    static char text[256];
    struct versions_dirs d;

    text[0] = 0;
    versions_snaps_sort(&w->snaps);
    assert_int_equal(versions_top(&w->snaps, &d), 0);
    assert_int_equal(versions_of(&w->r, &d, bytes_of_str("f"), take, text), 0);
    versions_dirs_release(&d);
    return text;
}

static void test_versions__of_one_series(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    snap_f(&w, 0, 6, "b", 0); /* the order of adding is of no account */
    snap_f(&w, 0, 1, NULL, 0);
    snap_f(&w, 0, 2, "a", 0);
    snap_f(&w, 0, 3, "a", 0);
    snap_f(&w, 0, 4, "b", 0);
    snap_f(&w, 0, 5, "a",
           0); /* as it was before: who asks for hour 5 gets it */
    snap_f(&w, 0, 7, "b", 9); /* metadata alone */
    snap_f(&w, 0, 8, NULL, 0);
    snap_f(&w, 0, 9, "b", 9); /* it came again */
    snap_f(&w, 0, 10, "/", 0);
    snap_f(&w, 0, 11, "b", 9);
    assert_string_equal(versions(&w), "0:2 0:4 0:5 0:6 0:7 0:9 0:11 ");
    world_release(&w);
}

static void test_versions__equal_ones_of_series_are_one(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    snap_f(&w, 0, 1, "a", 0);
    snap_f(&w, 1, 2, "a", 0); /* as in the other series */
    snap_f(&w, 0, 3, "b", 0);
    snap_f(&w, 1, 4, "b", 0); /* likewise */
    snap_f(&w, 1, 5, "c", 0); /* its own */
    snap_f(&w, 0, 6, "c", 0); /* likewise */
    snap_f(&w, 1, 7, "b", 0); /* not since its own last one */
    snap_f(&w, 0, 8, "b", 7); /* another owner */
    assert_string_equal(versions(&w), "0:1 0:3 1:5 1:7 0:8 ");
    world_release(&w);
}

/* Takes no more than one. */
static int take_one(void *ctx, const struct versions_snap *first)
{
    ++*(int *)ctx;
    return first->no == 0 ? E_LIMIT : 0;
}

static void test_versions__ends_when_told(void **state)
{
    struct versions_dirs d;
    struct world w;
    int n = 0;

    (void)state;
    world_init(&w);
    snap_f(&w, 0, 1, "a", 0);
    snap_f(&w, 0, 2, "b", 0);
    assert_int_equal(versions_top(&w.snaps, &d), 0);
    assert_int_equal(versions_of(&w.r, &d, bytes_of_str("f"), take_one, &n),
                     E_LIMIT);
    assert_int_equal(n, 1);
    versions_dirs_release(&d);
    world_release(&w);
}

/* ---- directories --------------------------------------------------------- */

/* What is deleted is found, and what is equal is looked at once. */
static void test_versions__goes_down_once_for_equal_ones(void **state)
{
    struct tree_dir early, late, deep, top;
    struct versions_dirs d, below;
    struct world w;
    bool found;

    (void)state;
    world_init(&w);
    put(&w, "gone", "x", 0, NULL);
    early = done(&w);
    put(&w, "new", "x", 0, NULL);
    late = done(&w);
    for (uint32_t i = 0; i < SNAPS_MAX; i++) {
        put(&w, "n", NULL, 0, i < 10 ? &early : &late);
        deep = done(&w);
        put(&w, "deep", NULL, 0, &deep);
        put(&w, "stamp", "x", i / 2, NULL); /* each top twice */
        top = done(&w);
        snap(&w, 0, i, &top);
    }
    assert_int_equal(versions_top(&w.snaps, &d), 0);
    assert_int_equal(d.n, SNAPS_MAX / 2);
    assert_int_equal(w.gets, 0);
    assert_int_equal(versions_any(&w.r, &d, bytes_of_str("deep"), &found), 0);
    assert_true(found);
    assert_int_equal(w.gets, 1);
    assert_int_equal(versions_below(&w.r, &d, bytes_of_str("deep"), &below), 0);
    versions_dirs_release(&d);
    assert_int_equal(below.n, 2);
    assert_int_equal(w.gets, SNAPS_MAX / 2);
    assert_int_equal(versions_below(&w.r, &below, bytes_of_str("n"), &d), 0);
    versions_dirs_release(&below);
    assert_int_equal(d.n, 2);
    assert_int_equal(d.of[0], 1);
    assert_int_equal(d.of[SNAPS_MAX - 1], 0);
    assert_int_equal(d.dir[0].newest, SNAPS_MAX - 1);
    assert_int_equal(d.dir[1].newest, 9);
    assert_int_equal(versions_any(&w.r, &d, bytes_of_str("gone"), &found), 0);
    assert_true(found);
    assert_int_equal(versions_any(&w.r, &d, bytes_of_str("never"), &found), 0);
    assert_false(found);
    assert_int_equal(versions_below(&w.r, &d, bytes_of_str("gone"), &below), 0);
    assert_int_equal(below.n, 0); /* it is no directory */
    assert_int_equal(below.of[3], VERSIONS_ABSENT);
    versions_dirs_release(&below);
    versions_dirs_release(&d);
    world_release(&w);
}

/* All names behind one another, checked against where they are said to stand.
 */
static size_t names_all(struct world *w, const struct versions_dirs *d,
                        char *text, size_t size)
{
    struct versions_names *l = malloc(sizeof *l);
    char after[ENTRY_NAME_MAX];
    size_t n = 0, all = 0;

    assert_non_null(l);
    do {
        assert_int_equal(versions_names(&w->r, d, bytes_of(after, n), l), 0);
        for (size_t i = 0; i < l->n; i++) {
            const struct versions_name *x = &l->name[l->order[i]];
            struct node_leaf leaf;

            assert_true(n == 0 || bytes_cmp(bytes_of(x->name, x->n),
                                            bytes_of(after, n)) > 0);
            n = x->n;
            memcpy(after, x->name, n);
            for (size_t s = 0; s < d->in->n; s++) {
                if (d->in->snap[s].no != x->no)
                    continue;
                assert_int_equal(
                    node_cache_by_weight(w->cache, &w->source, NODE_PAGE,
                                         &d->dir[d->of[s]].pages, x->at, &leaf),
                    0);
                assert_true(bytes_equal(
                    node_kept_name(leaf.node, (size_t)(x->at - leaf.before)),
                    bytes_of(after, n)));
                node_cache_release(w->cache, leaf.node);
            }
            if (text)
                (void)snprintf(text + strlen(text), size - strlen(text),
                               "%.*s@%u ", (int)n, after, x->no);
        }
        all += l->n;
    } while (l->n == VERSIONS_NAMES_MAX);
    free(l);
    return all;
}

static void test_versions__names_of_all_times(void **state)
{
    struct versions_dirs d;
    struct tree_dir top;
    struct world w;
    char text[128] = "";

    (void)state;
    world_init(&w);
    put(&w, "b", "x", 0, NULL);
    put(&w, "d", "x", 0, NULL);
    top = done(&w);
    snap(&w, 0, 1, &top);
    top = done(&w); /* an empty one */
    snap(&w, 0, 2, &top);
    put(&w, "a", "x", 0, NULL);
    put(&w, "b", "y", 0, NULL);
    put(&w, "c", "x", 0, NULL);
    top = done(&w);
    snap(&w, 0, 3, &top);
    snap(&w, 0, 4, &top);
    assert_int_equal(versions_top(&w.snaps, &d), 0);
    assert_int_equal(names_all(&w, &d, text, sizeof text), 4);
    assert_string_equal(text, "a@3 b@3 c@3 d@0 ");
    versions_dirs_release(&d);
    world_release(&w);
}

/* More of them than are given at once, in directories of many pages, most of
 * which are alike. */
static void test_versions__very_many_names(void **state)
{
    struct versions_dirs d;
    struct tree_dir top;
    struct world w;

    (void)state;
    world_init(&w);
    for (int s = 0; s < 7; s++) {
        for (int i = 0; i < SOME * 10; i++) {
            char name[32];

            if (i % (SOME + 1) == s || i % 10 == s)
                continue; /* not in this one */
            (void)snprintf(name, sizeof name, "name-%06d", i);
            put(&w, name, "somewhere", 0, NULL);
        }
        top = done(&w);
        snap(&w, 0, s, &top);
    }
    assert_int_equal(versions_top(&w.snaps, &d), 0);
    assert_int_equal(d.n, 7);
    assert_int_equal(names_all(&w, &d, NULL, 0), SOME * 10);
    versions_dirs_release(&d);
    world_release(&w);
}

/* ---- damage -------------------------------------------------------------- */

/* One that cannot be read is told of once, and left out; what a prune took
 * since its snapshot was forgotten is not told of. */
static void test_versions__leaves_damage_out(void **state)
{
    struct versions_dirs d, below;
    struct world w;
    struct versions_names *l = malloc(sizeof *l);
    bool found;

    (void)state;
    assert_non_null(l);
    world_init(&w);
    snap_f(&w, 0, 1, "a", 0);
    snap_f(&w, 0, 2, "b", 0);
    snap_f(&w, 0, 3, "a", 0);
    snap(&w, 1, 4, &(struct tree_dir){.root = w.snaps.snap[1].pages});
    w.broken = w.snaps.snap[1].pages;
    /* series 1 is not thought to have nothing */
    assert_string_equal(versions(&w), "0:1 ");
    assert_string_equal(w.told, "3 ");
    w.told[0] = 0;
    w.forgotten = 3;
    assert_int_equal(versions_top(&w.snaps, &d), 0);
    assert_int_equal(versions_names(&w.r, &d, bytes_of(NULL, 0), l), 0);
    assert_int_equal(l->n, 2);
    assert_string_equal(w.told, "3 1 ");
    assert_int_equal(versions_any(&w.r, &d, bytes_of_str("none"), &found), 0);
    assert_false(found);
    assert_int_equal(versions_below(&w.r, &d, bytes_of_str("f"), &below), 0);
    assert_int_equal(below.of[1], VERSIONS_LOST);
    assert_int_equal(below.of[2], VERSIONS_ABSENT);
    versions_dirs_release(&below);
    versions_dirs_release(&d);
    free(l);
    world_release(&w);
}

/* ---- the memo ------------------------------------------------------------ */

/* How many directories a path is. */
static size_t count(struct world *w, struct versions_memo *m, const char *path)
{
    struct versions_dirs *d;
    size_t n;

    assert_int_equal(versions_memo_get(m, &w->r, bytes_of_str(path), &d), 0);
    n = d->n;
    versions_memo_give(m, d);
    return n;
}

/* Of a path that is kept, and of an edition that stands. */
static const struct versions_dirs *get(struct world *w, struct versions_memo *m,
                                       const char *path)
{
    struct versions_dirs *d;

    assert_int_equal(versions_memo_get(m, &w->r, bytes_of_str(path), &d), 0);
    versions_memo_give(m, d);
    return d;
}

/* Twice "a" in which is "b", in which is "c"; and "b" in the top. */
static void world_nested(struct world *w)
{
    struct tree_dir c, b, a, top;

    put(w, "x", "y", 0, NULL);
    c = done(w);
    put(w, "c", NULL, 0, &c);
    b = done(w);
    put(w, "b", NULL, 0, &b);
    a = done(w);
    for (uint32_t i = 0; i < 2; i++) {
        put(w, "a", NULL, 0, &a);
        put(w, "b", NULL, i, &c);
        top = done(w);
        snap(w, 0, i, &top);
    }
}

static void memo_show(struct world *w, struct versions_memo *m,
                      uint64_t edition)
{
    struct versions_snaps snaps = {.snap = NULL};

    for (size_t i = 0; i < w->snaps.n; i++)
        assert_int_equal(versions_snaps_add(&snaps, &w->snaps.snap[i]), 0);
    assert_int_equal(versions_memo_set(m, edition, &snaps), 0);
    assert_null(snaps.snap);
}

static void test_versions_memo__begins_where_it_was(void **state)
{
    struct versions_memo *m = versions_memo_new();
    const struct versions_dirs *b;
    struct versions_dirs *lent;
    struct world w;

    (void)state;
    assert_non_null(m);
    assert_false(versions_memo_is(m, 0));
    world_init(&w);
    world_nested(&w);
    assert_int_equal(versions_memo_get(m, &w.r, bytes_of_str("a"), &lent),
                     E_NOTFOUND);
    memo_show(&w, m, 7);
    assert_true(versions_memo_is(m, 7));
    assert_int_equal(count(&w, m, ""), 2);
    assert_int_equal(count(&w, m, "a/b/c"), 1);
    b = get(&w, m, "a/b");
    assert_int_equal(w.gets, 4); /* two tops, a, b */
    world_cold(&w);
    assert_ptr_equal(get(&w, m, "a/b"), b);
    assert_int_equal(count(&w, m, "a/b/x"), 0);
    assert_int_equal(w.gets, 5);
    assert_int_equal(count(&w, m, "a/none/b"), 0);
    assert_int_equal(count(&w, m, "b"), 1);
    /* what is lent outlives its edition */
    assert_int_equal(versions_memo_get(m, &w.r, bytes_of_str("a/b"), &lent), 0);
    assert_ptr_equal(lent, b);
    w.snaps.n = 1;
    memo_show(&w, m, 8);
    assert_true(versions_memo_is(m, 8));
    assert_int_equal(lent->in->n, 2);
    assert_int_equal(get(&w, m, "a/b")->in->n, 1);
    versions_memo_give(m, lent);
    versions_memo_free(m);
    versions_memo_free(NULL);
    world_release(&w);
}

/* Those that were used longest ago go. */
static void test_versions_memo__forgets(void **state)
{
    struct versions_memo *m = versions_memo_new();
    struct world w;
    size_t before;
    char path[8];

    (void)state;
    assert_non_null(m);
    world_init(&w);
    world_nested(&w);
    memo_show(&w, m, 1);
    (void)get(&w, m, "a/b");
    for (int i = 0; i < VERSIONS_MEMO_PATHS; i++) {
        (void)snprintf(path, sizeof path, "%d", i);
        (void)get(&w, m, path);
    }
    world_cold(&w);
    before = w.gets;
    (void)get(&w, m, path);
    assert_int_equal(w.gets, before);
    (void)get(&w, m, "a/b");
    assert_int_equal(w.gets, before + 3);
    versions_memo_free(m);
    world_release(&w);
}

/* What cannot be read is tried once in an edition, however often somebody asks
 * for what lies beside or below it. */
static void test_versions_memo__remembers_damage(void **state)
{
    struct versions_memo *m = versions_memo_new();
    struct world w;
    size_t before;

    (void)state;
    assert_non_null(m);
    world_init(&w);
    world_nested(&w);
    memo_show(&w, m, 1);
    w.broken = get(&w, m, "a")->dir[0].pages;
    memo_show(&w, m, 2);
    world_cold(&w);
    assert_int_equal(count(&w, m, "a/b"), 0);
    assert_int_equal(get(&w, m, "a/b")->of[0], VERSIONS_LOST);
    assert_string_equal(w.told, "1 ");
    world_cold(&w);
    before = w.gets;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(count(&w, m, "a/b"), 0);
        assert_int_equal(count(&w, m, "a/b/c"), 0);
    }
    assert_int_equal(w.gets, before);
    assert_string_equal(w.told, "1 ");
    w.broken = (struct chunk_id){{0}};
    memo_show(&w, m, 3);
    assert_int_equal(count(&w, m, "a/b"), 1);
    versions_memo_free(m);
    world_release(&w);
}

/* Each allocation fails once: nothing is lost, and it goes well afterwards. */
static void test_versions_memo__out_of_memory(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    world_nested(&w);
    for (uint64_t n = 1;; n++) {
        struct versions_snaps snaps = {.snap = NULL};
        struct versions_memo *m = versions_memo_new();
        struct versions_dirs *d = NULL;
        char text[256] = "";
        bool failed;
        int rc = 0;

        assert_non_null(m);
        world_cold(&w);
        mem_fail_after(n, 0);
        for (size_t i = 0; i < w.snaps.n && rc == 0; i++)
            rc = versions_snaps_add(&snaps, &w.snaps.snap[i]);
        if (rc == 0)
            rc = versions_memo_set(m, 1, &snaps);
        if (rc == 0)
            rc = versions_memo_get(m, &w.r, bytes_of_str("a/b/c"), &d);
        if (rc == 0)
            rc = versions_of(&w.r, d, bytes_of_str("x"), take, text);
        failed = rc < 0;
        mem_fail_after(0, 0);
        versions_snaps_release(&snaps);
        if (failed)
            assert_int_equal(rc, E_NOMEM);
        else
            assert_string_equal(text, "0:0 ");
        versions_memo_give(m, d);
        versions_memo_free(m);
        if (!failed)
            break;
    }
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions__of_one_series),
        cmocka_unit_test(test_versions__equal_ones_of_series_are_one),
        cmocka_unit_test(test_versions__ends_when_told),
        cmocka_unit_test(test_versions__goes_down_once_for_equal_ones),
        cmocka_unit_test(test_versions__names_of_all_times),
        cmocka_unit_test(test_versions__very_many_names),
        cmocka_unit_test(test_versions__leaves_damage_out),
        cmocka_unit_test(test_versions_memo__begins_where_it_was),
        cmocka_unit_test(test_versions_memo__forgets),
        cmocka_unit_test(test_versions_memo__remembers_damage),
        cmocka_unit_test(test_versions_memo__out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
