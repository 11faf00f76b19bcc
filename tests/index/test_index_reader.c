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

/* One chunk in packs of every state: what each purpose finds. */
static void test_index_reader__takes_the_best_for_the_purpose(void **state)
{
    static const struct {
        enum index_state state[3];
        uint32_t dedup, read; /* position of the pack, or INDEX_NO_PACK */
    } row[] = {
        {{INDEX_LIVE, INDEX_LIVE, INDEX_LIVE}, 0, 0},
        {{INDEX_CONDEMNED, INDEX_LIVE, INDEX_LIVE}, 1, 1},
        {{INDEX_CONDEMNED, INDEX_CONDEMNED, INDEX_LIVE}, 2, 2},
        {{INDEX_CONDEMNED, INDEX_DOOMED, INDEX_CONDEMNED}, INDEX_NO_PACK, 0},
        {{INDEX_DOOMED, INDEX_DOOMED, INDEX_CONDEMNED}, INDEX_NO_PACK, 2},
        {{INDEX_DOOMED, INDEX_LIVE, INDEX_DOOMED}, 1, 1},
        {{INDEX_DOOMED, INDEX_DOOMED, INDEX_DOOMED},
         INDEX_NO_PACK,
         INDEX_NO_PACK},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct index_update *u = begin(w);
        uint32_t no[3];

        for (size_t k = 0; k < 3; k++) {
            no[k] = put_pack(u, 10 * i + k, INDEX_LIVE);
            put_chunk(u, i, no[k], 0);
        }
        for (size_t k = 0; k < 3; k++)
            index_kit_ok(index_update_set_state(u, no[k], row[i].state[k], 5));
        commit(w, u);
        assert_int_equal(find(w, i, INDEX_DEDUP), row[i].dedup == INDEX_NO_PACK
                                                      ? INDEX_NO_PACK
                                                      : no[row[i].dedup]);
        assert_int_equal(find(w, i, INDEX_READ), row[i].read == INDEX_NO_PACK
                                                     ? INDEX_NO_PACK
                                                     : no[row[i].read]);
    }
}

static void test_index_reader__lists_every_location_but_doomed(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    struct chunk_id id = index_kit_chunk_id(1);
    struct index_loc loc[4];
    size_t n;

    for (uint64_t i = 0; i < 5; i++)
        put_chunk(u, 1, put_pack(u, i, INDEX_LIVE), 0);
    index_kit_ok(index_update_set_state(u, 2, INDEX_DOOMED, 0));
    index_kit_ok(index_update_set_state(u, 4, INDEX_CONDEMNED, 9));
    commit(w, u);
    index_kit_ok(index_reader_locations(w->r, &id, loc, 4, &n));
    assert_int_equal(n, 4);
    assert_int_equal(loc[0].pack, 0);
    assert_int_equal(loc[1].pack, 1);
    assert_int_equal(loc[2].pack, 3);
    assert_int_equal(loc[3].pack, 4);
    loc[1].pack = 99;
    index_kit_ok(index_reader_locations(w->r, &id, loc, 1, &n));
    assert_int_equal(n, 4);
    assert_int_equal(loc[1].pack, 99);
    index_kit_ok(index_reader_locations(w->r, &id, NULL, 0, &n));
    assert_int_equal(n, 4);
}

static void test_index_reader__untrusted_packs_are_read_only(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    struct index_pack pack = index_kit_pack(0);
    uint32_t no;

    pack.trusted = false;
    index_kit_ok(index_update_put_pack(u, &pack, &no));
    put_chunk(u, 1, no, 0);
    commit(w, u);
    assert_int_equal(find(w, 1, INDEX_DEDUP), INDEX_NO_PACK);
    assert_int_equal(find(w, 1, INDEX_READ), no);
    u = begin(w);
    pack.trusted = true;
    index_kit_ok(index_update_put_pack(u, &pack, &no));
    commit(w, u);
    assert_int_equal(find(w, 1, INDEX_DEDUP), no);
}

/* What has gone is not relied on, whoever wrote it; neither touches the other.
 */
static void test_index_reader__packs_that_are_gone_are_read_only(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < 4; i++) {
        struct index_update *u = begin(w);
        uint32_t no = put_pack(u, 0, INDEX_LIVE);

        if (i == 0)
            put_chunk(u, 1, no, 0);
        index_kit_ok(index_update_set_gone(u, no, i & 1));
        index_kit_ok(index_update_set_trusted(u, no, i & 2));
        commit(w, u);
        assert_int_equal(find(w, 1, INDEX_DEDUP), i == 2 ? no : INDEX_NO_PACK);
        assert_int_equal(find(w, 1, INDEX_READ), no);
    }
}

/* Reading begins where a chunk is most likely to be right. */
static void test_index_reader__trusted_packs_are_read_first(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    uint32_t other = put_pack(u, 0, INDEX_LIVE);
    uint32_t ours = put_pack(u, 1, INDEX_LIVE);

    put_chunk(u, 1, other, 0);
    put_chunk(u, 1, ours, 0);
    index_kit_ok(index_update_set_trusted(u, other, false));
    commit(w, u);
    assert_int_equal(find(w, 1, INDEX_READ), ours);
    u = begin(w);
    index_kit_ok(index_update_set_gone(u, ours, true));
    commit(w, u);
    assert_int_equal(find(w, 1, INDEX_READ), other);
}

/* A pack that was described wrongly is described anew. */
static void test_index_reader__a_retracted_pack_begins_again(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    uint32_t no = put_pack(u, 0, INDEX_LIVE);
    uint32_t again;
    struct index_pack got;
    bool found;

    put_chunk(u, 1, no, 0);
    commit(w, u);
    u = begin(w);
    index_kit_ok(index_update_retract(u, no));
    again = put_pack(u, 0, INDEX_LIVE);
    put_chunk(u, 2, again, 0);
    commit(w, u);
    assert_int_not_equal(again, no);
    assert_int_equal(find(w, 1, INDEX_READ), INDEX_NO_PACK);
    assert_int_equal(find(w, 2, INDEX_DEDUP), again);
    index_kit_ok(index_reader_pack(w->r, no, &got, &found));
    assert_true(found);
    assert_int_equal(got.state, INDEX_DOOMED);
    index_kit_ok(index_check(w->r));
}

static void test_index_reader__suspects_miss_for_dedup_only(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    struct chunk_id id = index_kit_chunk_id(1);
    uint32_t bad = put_pack(u, 0, INDEX_LIVE);
    uint32_t good = put_pack(u, 1, INDEX_CONDEMNED);
    bool suspect;

    /* recorded before the chunk is known at all */
    index_kit_ok(index_update_put_suspect(u, &id, bad));
    put_chunk(u, 1, bad, 0);
    commit(w, u);
    assert_int_equal(find(w, 1, INDEX_DEDUP), INDEX_NO_PACK);
    assert_int_equal(find(w, 1, INDEX_READ), bad);
    /* a sound copy, even a condemned one, is read before it */
    u = begin(w);
    put_chunk(u, 1, good, 0);
    commit(w, u);
    assert_int_equal(find(w, 1, INDEX_READ), good);
    /* stored again: dedup finds the new one */
    u = begin(w);
    index_kit_ok(index_update_set_state(u, good, INDEX_LIVE, 0));
    commit(w, u);
    assert_int_equal(find(w, 1, INDEX_DEDUP), good);
    /* in every pack */
    u = begin(w);
    index_kit_ok(index_update_put_suspect(u, &id, INDEX_EVERY_PACK));
    commit(w, u);
    assert_int_equal(find(w, 1, INDEX_DEDUP), INDEX_NO_PACK);
    assert_int_equal(find(w, 1, INDEX_READ), bad);
    index_kit_ok(index_reader_suspect(w->r, &id, 77, &suspect));
    assert_true(suspect);
    u = begin(w);
    index_kit_ok(index_update_drop_suspect(u, &id, INDEX_EVERY_PACK));
    index_kit_ok(index_update_drop_suspect(u, &id, 12345));
    commit(w, u);
    assert_int_equal(find(w, 1, INDEX_DEDUP), good);
    index_kit_ok(index_reader_suspect(w->r, &id, good, &suspect));
    assert_false(suspect);
}

static void test_index_reader__sees_one_state_until_renewed(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    struct chunk_id id = index_kit_chunk_id(1);

    put_chunk(u, 1, put_pack(u, 0, INDEX_LIVE), 0);
    /* neither before the commit nor, for this reader, after it */
    assert_int_equal(find(w, 1, INDEX_READ), INDEX_NO_PACK);
    index_kit_ok(index_update_commit(u));
    assert_int_equal(find(w, 1, INDEX_READ), INDEX_NO_PACK);
    index_kit_ok(index_reader_renew(w->r));
    assert_int_equal(find(w, 1, INDEX_READ), 0);
    /* suspects came after the state that is seen */
    u = begin(w);
    index_kit_ok(index_update_put_suspect(u, &id, 0));
    index_kit_ok(index_update_commit(u));
    assert_int_equal(find(w, 1, INDEX_DEDUP), 0);
    index_reader_pause(w->r);
    assert_int_equal(find(w, 1, INDEX_DEDUP), INDEX_NO_PACK);
}

static void test_index_reader__iterates_at_any_batch_size(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    size_t total = 0;

    for (uint64_t i = 0; i < 6; i++)
        (void)put_pack(u, i, INDEX_LIVE);
    for (uint64_t i = 0; i < 40; i++) {
        for (uint32_t no = 0; no < 6; no++) {
            if (no <= i % 6) {
                put_chunk(u, i, no, 0);
                total += no != 3;
            }
        }
    }
    index_kit_ok(index_update_set_state(u, 3, INDEX_DOOMED, 0));
    commit(w, u);
    for (size_t cap = 1; cap < 9; cap++) {
        struct index_place place = {.started = false};
        struct index_chunk got[9];
        struct index_pack pack[9];
        struct chunk_id last = {{0}};
        uint32_t last_no = 0;
        uint32_t next = 0;
        size_t seen = 0;
        size_t n;

        do {
            index_kit_ok(index_reader_chunks(w->r, &place, got, cap, &n));
            for (size_t i = 0; i < n; i++) {
                int order = memcmp(last.b, got[i].id.b, sizeof last.b);

                assert_true(order < 0 ||
                            (order == 0 && last_no < got[i].loc.pack));
                assert_int_not_equal(got[i].loc.pack, 3);
                last = got[i].id;
                last_no = got[i].loc.pack;
            }
            seen += n;
        } while (n > 0);
        assert_int_equal(seen, total);
        seen = 0;
        do {
            index_kit_ok(index_reader_packs(w->r, &next, pack, cap, &n));
            for (size_t i = 0; i < n; i++)
                assert_int_equal(pack[i].no, seen++);
        } while (n > 0);
        assert_int_equal(seen, 6);
    }
}

static void test_index_reader__marks_come_back_in_order(void **state)
{
    static const char *const key[] = {"a", "journal/1", "journal/2", "log"};
    struct world *w = *state;
    struct index_update *u = begin(w);
    struct buf name;
    struct buf value;
    bool found;

    for (size_t i = 4; i-- > 0;)
        index_kit_ok(
            index_update_put_mark(u, bytes_of_str(key[i]), bytes_of(key, i)));
    index_kit_ok(
        index_update_put_mark(u, bytes_of_str("gone"), bytes_of("", 0)));
    index_kit_ok(index_update_drop_mark(u, bytes_of_str("gone")));
    index_kit_ok(index_update_drop_mark(u, bytes_of_str("never")));
    commit(w, u);
    buf_init(&name, INDEX_MARK_KEY_MAX);
    buf_init(&value, INDEX_MARK_VALUE_MAX);
    for (size_t i = 0; i < 4; i++) {
        index_kit_ok(index_reader_next_mark(w->r, &name, &value, &found));
        assert_true(found);
        assert_true(bytes_equal(buf_bytes(&name), bytes_of_str(key[i])));
        assert_true(bytes_equal(buf_bytes(&value), bytes_of(key, i)));
        index_kit_ok(
            index_reader_mark(w->r, bytes_of_str(key[i]), &value, &found));
        assert_true(found);
        assert_true(bytes_equal(buf_bytes(&value), bytes_of(key, i)));
    }
    index_kit_ok(index_reader_next_mark(w->r, &name, &value, &found));
    assert_false(found);
    index_kit_ok(index_reader_mark(w->r, bytes_of_str("gone"), &value, &found));
    assert_false(found);
    index_kit_ok(index_reader_mark(w->r, bytes_of("", 0), &value, &found));
    assert_false(found);
    buf_release(&name);
    buf_release(&value);
}

static void test_index_reader__counts(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    struct chunk_id id = index_kit_chunk_id(1);
    struct index_stats stats;

    put_chunk(u, 1, put_pack(u, 0, INDEX_LIVE), 0);
    put_chunk(u, 1, put_pack(u, 1, INDEX_LIVE), 0);
    put_chunk(u, 2, 1, 0);
    index_kit_ok(index_update_put_suspect(u, &id, 0));
    index_kit_ok(index_update_put_mark(u, bytes_of_str("m"), bytes_of("", 0)));
    commit(w, u);
    index_kit_ok(index_reader_stats(w->r, &stats));
    assert_int_equal(stats.chunk_n, 2);
    assert_int_equal(stats.pack_n, 2);
    assert_int_equal(stats.suspect_n, 1);
    assert_int_equal(stats.mark_n, 1);
    assert_true(stats.used_bytes >= 5 * 4096);
    assert_true(stats.file_bytes >= stats.used_bytes);
}

#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_index_reader__finds_what_was_put),
        WITH_WORLD(test_index_reader__takes_the_best_for_the_purpose),
        WITH_WORLD(test_index_reader__lists_every_location_but_doomed),
        WITH_WORLD(test_index_reader__untrusted_packs_are_read_only),
        WITH_WORLD(test_index_reader__packs_that_are_gone_are_read_only),
        WITH_WORLD(test_index_reader__trusted_packs_are_read_first),
        WITH_WORLD(test_index_reader__a_retracted_pack_begins_again),
        WITH_WORLD(test_index_reader__suspects_miss_for_dedup_only),
        WITH_WORLD(test_index_reader__sees_one_state_until_renewed),
        WITH_WORLD(test_index_reader__iterates_at_any_batch_size),
        WITH_WORLD(test_index_reader__marks_come_back_in_order),
        WITH_WORLD(test_index_reader__counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
