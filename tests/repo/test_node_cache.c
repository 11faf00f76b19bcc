/* Directories and lists kept decoded: single elements, in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/dir_writer.h"
#include "repo/node_cache.h"
#include "tests/repo/node_store.h"

static const struct node_key key = {{9}};

enum { ENTRIES = 3000, EXTENTS = 2000, ROOM = 1 << 20 };

/* A directory and a file, with a cache of their nodes. */
struct made {
    struct node_store store;
    struct node_source source;
    struct chunk_id dir;
    struct chunk_id list;
    uint64_t size; /* of the file */
    struct node_cache *cache;
};

static struct bytes name_of(char out[32], unsigned i)
{
    (void)snprintf(out, 32, "f%08u", i);
    return bytes_of_str(out);
}

static uint64_t length_of(unsigned i)
{
    return 1000 + i * 7 % 5000;
}

/* Entries have even numbers in their names. */
static void made_init(struct made *m, size_t room)
{
    struct node_sink sink = node_store_sink(&m->store);
    struct dir_writer *w = dir_writer_new(&key, &sink);
    struct content_writer *f = content_writer_new(&key, &sink);
    struct content content;
    struct tree_dir dir;
    char name[32];

    *m = (struct made){.store = {.n = 0}};
    m->source = node_store_source(&m->store);
    dir_writer_reset(w);
    for (unsigned i = 0; i < ENTRIES; i++) {
        struct tree_entry te = {.e = {.type = ENTRY_FIFO, .mode = 0644}};

        te.e.name = name_of(name, 2 * i);
        te.e.mtime.s = i;
        assert_int_equal(dir_writer_add(w, &te), 0);
    }
    assert_int_equal(dir_writer_finish(w, &dir), 0);
    content_writer_reset(f);
    for (unsigned i = 0; i < EXTENTS; i++) {
        struct extent e = {.kind = EXTENT_CHUNK, .length = length_of(i)};

        e.id.b[0] = (uint8_t)i;
        e.id.b[1] = (uint8_t)(i >> 8);
        m->size += e.length;
        assert_int_equal(content_writer_add(f, &e), 0);
    }
    assert_int_equal(content_writer_finish(f, &content), 0);
    assert_true(content.is_list);
    m->dir = dir.root;
    m->list = content.root;
    dir_writer_free(w);
    content_writer_free(f);
    m->cache = node_cache_new(room);
    assert_non_null(m->cache);
}

static void made_release(struct made *m)
{
    node_cache_free(m->cache);
    node_store_release(&m->store);
}

static void expect_entry(struct made *m, unsigned i, struct tree_entry *te)
{
    struct node_leaf leaf;
    char name[32];

    assert_int_equal(node_cache_by_weight(m->cache, &m->source, NODE_PAGE,
                                          &m->dir, i, &leaf),
                     0);
    assert_non_null(leaf.node);
    assert_int_equal(node_kept_entry(leaf.node, i - leaf.before, te), 0);
    assert_true(bytes_equal(te->e.name, name_of(name, 2 * i)));
    assert_int_equal(te->e.mtime.s, i);
    node_cache_release(m->cache, leaf.node);
}

static void expect_named(struct made *m, unsigned i, bool there)
{
    struct node_leaf leaf;
    char name[32];
    size_t at;

    assert_int_equal(node_cache_by_name(m->cache, &m->source, &m->dir,
                                        name_of(name, i), &leaf),
                     0);
    assert_int_equal(node_kept_named(leaf.node, bytes_of_str(name), &at),
                     there);
    if (there)
        assert_int_equal(leaf.before + at, i / 2);
    node_cache_release(m->cache, leaf.node);
}

static void test_node_cache__finds_entries(void **state)
{
    struct tree_entry te = {.attr = NULL};
    struct node_leaf leaf;
    struct made m;

    (void)state;
    made_init(&m, ROOM);
    for (unsigned i = 0; i < ENTRIES; i++)
        expect_entry(&m, i, &te);
    for (unsigned i = ENTRIES; i-- > 0;)
        expect_entry(&m, i * 1237 % ENTRIES, &te);
    for (unsigned i = 0; i < 2 * ENTRIES + 2; i++)
        expect_named(&m, i, i % 2 == 0 && i < 2 * ENTRIES);
    /* in front of all, behind all, beyond the end */
    assert_int_equal(node_cache_by_name(m.cache, &m.source, &m.dir,
                                        bytes_of_str("a"), &leaf),
                     0);
    assert_false(node_kept_named(leaf.node, bytes_of_str("a"), &(size_t){0}));
    node_cache_release(m.cache, leaf.node);
    assert_int_equal(node_cache_by_weight(m.cache, &m.source, NODE_PAGE, &m.dir,
                                          ENTRIES, &leaf),
                     0);
    assert_null(leaf.node);
    tree_entry_release(&te);
    made_release(&m);
}

static void test_node_cache__finds_extents(void **state)
{
    struct node_leaf leaf;
    struct made m;
    uint64_t at = 0;

    (void)state;
    made_init(&m, ROOM);
    for (unsigned i = 0; i < EXTENTS; i++) {
        const uint64_t place[] = {at, at + 1, at + length_of(i) - 1};

        for (size_t k = 0; k < 3; k++) {
            struct extent e;
            size_t which;

            assert_int_equal(node_cache_by_weight(m.cache, &m.source, NODE_LIST,
                                                  &m.list, place[k], &leaf),
                             0);
            which = node_kept_find(leaf.node, place[k] - leaf.before);
            node_kept_extent(leaf.node, which, &e);
            assert_int_equal(leaf.before + leaf.node->before[which], at);
            assert_int_equal(e.length, length_of(i));
            assert_int_equal(e.id.b[0] | e.id.b[1] << 8, i);
            node_cache_release(m.cache, leaf.node);
        }
        at += length_of(i);
    }
    assert_int_equal(at, m.size);
    assert_int_equal(node_cache_by_weight(m.cache, &m.source, NODE_LIST,
                                          &m.list, m.size, &leaf),
                     0);
    assert_null(leaf.node);
    /* a list is no directory */
    assert_int_equal(node_cache_by_name(m.cache, &m.source, &m.list,
                                        bytes_of_str("a"), &leaf),
                     E_CORRUPT);
    made_release(&m);
}

/* A source that counts. */
struct counted {
    struct node_source of;
    size_t gets;
};

static int counted_get(void *ctx, const struct chunk_id *id, struct buf *node)
{
    struct counted *c = ctx;

    c->gets++;
    return c->of.get(c->of.ctx, id, node);
}

static void test_node_cache__keeps_what_there_is_room_for(void **state)
{
    struct tree_entry te = {.attr = NULL};
    struct counted c;
    struct made m;
    size_t first;

    (void)state;
    made_init(&m, ROOM);
    c = (struct counted){.of = m.source};
    m.source = (struct node_source){counted_get, &c};
    for (unsigned i = 0; i < ENTRIES; i++)
        expect_entry(&m, i, &te);
    first = c.gets;
    assert_true(first < ENTRIES / 4);
    for (unsigned i = 0; i < ENTRIES; i++)
        expect_entry(&m, i, &te);
    assert_int_equal(c.gets, first); /* all of it was there */
    node_cache_free(m.cache);
    m.cache = node_cache_new(0);
    for (unsigned i = 0; i < 10; i++)
        expect_entry(&m, i, &te);
    assert_true(c.gets >= first + 20); /* nothing is kept */
    tree_entry_release(&te);
    made_release(&m);
}

/* Cut at each length, or with each byte changed: refused, or decoded into what
 * can be read without harm. */
static void test_node_kept__damaged(void **state)
{
    struct made m;

    (void)state;
    made_init(&m, ROOM);
    for (size_t i = 0; i < m.store.n; i++) {
        struct node_stored *s = &m.store.item[i];
        const bool list = memcmp(s->id.b, m.list.b, sizeof s->id.b) == 0;
        struct node_kept k;

        if (s->n > 6000 || (!list && i > 3))
            continue;
        for (size_t n = 0; n < s->n; n++) {
            uint8_t *cut = malloc(n + 1);

            memcpy(cut, s->p, n);
            assert_int_equal(node_kept_init(&k, list ? NODE_LIST : NODE_PAGE,
                                            bytes_of(cut, n)),
                             E_CORRUPT);
            node_kept_release(&k);
            free(cut);
        }
        for (size_t n = 0; n < s->n; n++) {
            int rc;

            s->p[n] ^= 0x41;
            rc = node_kept_init(&k, list ? NODE_LIST : NODE_PAGE,
                                bytes_of(s->p, s->n));
            assert_true(rc == 0 || rc == E_CORRUPT);
            if (rc == 0 && k.level == 0 && !list) {
                struct tree_entry te = {.attr = NULL};

                for (size_t e = 0; e < k.n; e++)
                    assert_int_equal(node_kept_entry(&k, e, &te), 0);
                tree_entry_release(&te);
            }
            node_kept_release(&k);
            s->p[n] ^= 0x41;
        }
    }
    made_release(&m);
}

/* A node that is not there, and one that stands in the place of another. */
static void test_node_cache__wrong_nodes(void **state)
{
    struct node_leaf leaf;
    struct chunk_id other = {{77}};
    struct node_stored *root, saved;
    struct made m;

    (void)state;
    made_init(&m, ROOM);
    assert_int_equal(
        node_cache_by_weight(m.cache, &m.source, NODE_PAGE, &other, 0, &leaf),
        E_CORRUPT);
    assert_null(leaf.node);
    /* a leaf that holds the root: the way down would not end */
    root = node_store_find(&m.store, &m.dir);
    saved = m.store.item[0];
    m.store.item[0].p = root->p;
    m.store.item[0].n = root->n;
    assert_int_equal(
        node_cache_by_weight(m.cache, &m.source, NODE_PAGE, &m.dir, 0, &leaf),
        E_CORRUPT);
    assert_null(leaf.node);
    m.store.item[0] = saved;
    made_release(&m);
}

/* Each allocation fails once: told, and nothing is lost. */
static void test_node_cache__out_of_memory(void **state)
{
    struct tree_entry te = {.attr = NULL};
    struct node_leaf leaf;
    struct made m;
    int rc = E_NOMEM;

    (void)state;
    made_init(&m, 0);
    for (uint64_t n = 1; rc == E_NOMEM; n++) {
        mem_fail_after(n, 0);
        rc = node_cache_by_weight(m.cache, &m.source, NODE_PAGE, &m.dir, 17,
                                  &leaf);
        mem_fail_after(0, 0);
        assert_true(rc == 0 || rc == E_NOMEM);
        assert_int_equal(leaf.node != NULL, rc == 0);
        node_cache_release(m.cache, leaf.node);
    }
    expect_entry(&m, 17, &te);
    tree_entry_release(&te);
    made_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node_cache__finds_entries),
        cmocka_unit_test(test_node_cache__finds_extents),
        cmocka_unit_test(test_node_cache__keeps_what_there_is_room_for),
        cmocka_unit_test(test_node_kept__damaged),
        cmocka_unit_test(test_node_cache__wrong_nodes),
        cmocka_unit_test(test_node_cache__out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
