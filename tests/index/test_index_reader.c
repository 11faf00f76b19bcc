/* The rules of lookup, one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/index/index_kit.h"

struct world {
    struct index_kit kit;
    struct index *ix;
    struct index_reader *r;
};

static int setup(void **state)
{
    static struct world w;

    index_kit_begin(&w.kit);
    w.ix = index_kit_open(&w.kit, INDEX_CREATED);
    index_kit_ok(index_reader_new(w.ix, &w.r));
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    index_reader_free(w->r);
    index_close(w->ix);
    index_kit_end(&w->kit);
    return 0;
}

static struct index_update *begin(struct world *w)
{
    struct index_update *u;

    index_kit_ok(index_update_begin(w->ix, 1000, &u));
    return u;
}

static void commit(struct world *w, struct index_update *u)
{
    index_kit_ok(index_update_commit(u));
    index_kit_ok(index_reader_renew(w->r));
    index_kit_ok(index_check(w->r));
}

static uint32_t put_pack(struct index_update *u, uint64_t number,
                         enum index_state state)
{
    struct index_pack pack = index_kit_pack(number);
    uint32_t no;

    pack.state = state;
    index_kit_ok(index_update_put_pack(u, &pack, &no));
    return no;
}

static void put_chunk(struct index_update *u, uint64_t number, uint32_t no,
                      uint32_t variant)
{
    struct index_chunk c = index_kit_chunk(number, no, variant);

    index_kit_ok(index_update_put_chunks(u, &c, 1));
}

/* The pack in which a chunk is found; INDEX_NO_PACK: it is not. */
static uint32_t find(struct world *w, uint64_t number,
                     enum index_purpose purpose)
{
    struct chunk_id id = index_kit_chunk_id(number);
    struct index_loc loc = {.pack = 0};
    bool found;

    index_kit_ok(index_reader_find(w->r, &id, purpose, &loc, &found));
    return found ? loc.pack : INDEX_NO_PACK;
}

static void test_index_reader__finds_what_was_put(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    struct index_chunk put = index_kit_chunk(9, 0, 3);
    struct index_pack pack = index_kit_pack(4);
    struct index_pack got;
    struct index_loc loc;
    uint32_t no;
    bool found;

    pack.condemned_by = 77;
    pack.state = INDEX_CONDEMNED;
    pack.trusted = false;
    index_kit_ok(index_update_put_pack(u, &pack, &no));
    assert_int_equal(no, 0);
    index_kit_ok(index_update_put_chunks(u, &put, 1));
    commit(w, u);
    index_kit_ok(index_reader_find(w->r, &put.id, INDEX_READ, &loc, &found));
    assert_true(found);
    assert_memory_equal(&loc, &put.loc, offsetof(struct index_loc, key_slot));
    assert_int_equal(loc.key_slot, put.loc.key_slot);
    index_kit_ok(index_reader_pack_by_id(w->r, &pack.id, &got, &found));
    assert_true(found);
    assert_int_equal(got.no, 0);
    assert_int_equal(got.kind, pack.kind);
    assert_int_equal(got.state, INDEX_CONDEMNED);
    assert_false(got.trusted);
    assert_int_equal(got.chunk_n, pack.chunk_n);
    assert_int_equal(got.size_bytes, pack.size_bytes);
    assert_int_equal(got.condemned_by, 77);
    assert_memory_equal(&got.id, &pack.id, sizeof pack.id);
    assert_memory_equal(&got.writer, &pack.writer, sizeof pack.writer);
    assert_memory_equal(&got.member, &pack.member, sizeof pack.member);
    index_kit_ok(index_reader_pack(w->r, 1, &got, &found));
    assert_false(found);
    assert_int_equal(find(w, 10, INDEX_READ), INDEX_NO_PACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_index_reader__finds_what_was_put,
                                        setup, teardown),
    };

    (void)put_pack;
    (void)put_chunk;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
