#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/siphash.h"
#include "repo/content.h"
#include "tests/repo/node_store.h"

static const struct node_key key = {{1, 2, 3}};

/* The i-th extent of a made-up file: every 50th is a hole. */
static struct extent nth(uint64_t i, uint64_t salt)
{
    struct siphash_key k = {salt, 5};
    uint64_t r = siphash(&k, bytes_of(&i, sizeof i));
    struct extent e = {.kind = EXTENT_CHUNK, .length = 1 + r % NODE_CHUNK_MAX};

    if (i % 50 == 49) {
        e.kind = EXTENT_HOLE;
        e.length = 300000 + r % 100000;
        return e;
    }
    if (i % 77 == 5) {
        e.kind = EXTENT_SLICE;
        e.offset = r % 1000;
        e.length = 1 + r % 5000;
    }
    memcpy(e.id.b, &r, sizeof r);
    return e;
}

static uint64_t build(struct content_writer *w, uint64_t n, uint64_t insert_at,
                      struct content *ct)
{
    uint64_t size = 0;

    content_writer_reset(w);
    for (uint64_t i = 0; i < n; i++) {
        struct extent e = nth(i, 0);

        if (i == insert_at) {
            struct extent x = nth(i, 99);

            x.kind = x.kind == EXTENT_HOLE ? EXTENT_HOLE : EXTENT_CHUNK;
            x.offset = 0;
            assert_int_equal(content_writer_add(w, &x), 0);
            size += x.length;
        }
        assert_int_equal(content_writer_add(w, &e), 0);
        size += e.length;
    }
    assert_int_equal(content_writer_finish(w, ct), 0);
    return size;
}

static void assert_reads(struct content_reader *r, const struct content *ct,
                         uint64_t size, uint64_t n, uint64_t offset)
{
    uint64_t at = 0;
    uint64_t want_at = 0;
    bool more;
    struct extent e;

    assert_int_equal(content_reader_open(r, ct, size, offset), 0);
    for (uint64_t i = 0; i < n; i++) {
        struct extent want = nth(i, 0);

        if (want_at + want.length > offset) {
            assert_int_equal(content_reader_next(r, &e, &at, &more), 0);
            assert_true(more);
            assert_int_equal(at, want_at);
            assert_int_equal(e.kind, want.kind);
            assert_int_equal(e.length, want.length);
            assert_int_equal(e.offset, want.offset);
            assert_memory_equal(e.id.b, want.id.b, ID_BYTES);
        }
        want_at += want.length;
    }
    assert_int_equal(content_reader_next(r, &e, &at, &more), 0);
    assert_false(more);
}

static void test_content__reads_back_at_every_length(void **state)
{
    static const uint64_t counts[] = {0,   1,   2,   15,   16,   17,   18,
                                      127, 128, 512, 1000, 5000, 70000};
    struct node_store s = {.n = 0};
    struct node_sink sink = node_store_sink(&s);
    struct node_source source = node_store_source(&s);
    struct content_writer *w = content_writer_new(&key, &sink);
    struct content_reader *r = content_reader_new(&source);

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct content ct;
        uint64_t size = build(w, counts[i], UINT64_MAX, &ct);

        assert_int_equal(ct.is_list, counts[i] > CONTENT_INLINE_MAX);
        assert_reads(r, &ct, size, counts[i], 0);
        assert_reads(r, &ct, size, counts[i], size / 2);
        assert_reads(r, &ct, size, counts[i], size ? size - 1 : 0);
        assert_reads(r, &ct, size, counts[i], size);
    }
    content_reader_free(r);
    content_writer_free(w);
    node_store_release(&s);
}

static void test_content__insertion_changes_few_nodes(void **state)
{
    struct node_store s = {.n = 0};
    struct node_sink sink = node_store_sink(&s);
    struct content_writer *w = content_writer_new(&key, &sink);
    struct content ct;
    size_t before;

    (void)state;
    build(w, 50000, UINT64_MAX, &ct);
    before = s.n;
    assert_true(before > 200);
    build(w, 50000, 20000, &ct);
    /* the changed leaf, perhaps a neighbour, and one node a level above */
    assert_true(s.n - before <= 8);
    assert_true(s.n > before);
    content_writer_free(w);
    node_store_release(&s);
}

static void test_content__damaged_lists_are_corrupt(void **state)
{
    struct node_store s = {.n = 0};
    struct node_sink sink = node_store_sink(&s);
    struct node_source source = node_store_source(&s);
    struct content_writer *w = content_writer_new(&key, &sink);
    struct content_reader *r = content_reader_new(&source);
    struct content ct;
    uint64_t size = build(w, 2000, UINT64_MAX, &ct);
    struct node_stored *root = node_store_find(&s, &ct.root);
    bool more = true;
    struct extent e;
    uint64_t at;
    int rc = 0;

    (void)state;
    assert_int_equal(content_reader_open(r, &ct, size + 1, 0), 0);
    while (rc == 0 && more)
        rc = content_reader_next(r, &e, &at, &more);
    assert_int_equal(rc, E_CORRUPT);
    for (size_t n = 0; n < root->n; n++) {
        size_t whole = root->n;

        root->n = n;
        assert_int_equal(content_reader_open(r, &ct, size, size - 1) |
                             content_reader_next(r, &e, &at, &more),
                         E_CORRUPT);
        root->n = whole;
    }
    content_reader_free(r);
    content_writer_free(w);
    node_store_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content__reads_back_at_every_length),
        cmocka_unit_test(test_content__insertion_changes_few_nodes),
        cmocka_unit_test(test_content__damaged_lists_are_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
