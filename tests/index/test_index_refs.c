/*
 * References: random moves and recounts against a plain model; homes, and what
 * of each pack is used. DEDUP_SEED=N runs the random ones from that seed only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "index/index_refs.h"
#include "tests/index/index_kit.h"
#include "tests/support/prng.h"

enum { PACKS = 8, CHUNKS = 200, SEEDS = 10, ROUNDS = 40 };

struct world {
    struct index_kit kit;
    struct index *ix;
    struct prng prng;
    uint32_t no[PACKS];
    bool in[CHUNKS][PACKS];
    enum index_state state[PACKS];
    uint32_t count[CHUNKS];
    uint32_t nodes[CHUNKS]; /* of count */
};

static uint64_t below(struct world *w, uint64_t n)
{
    return prng_below(&w->prng, n);
}

static struct index_update *begin(struct world *w)
{
    struct index_update *u = NULL;

    index_kit_ok(index_update_begin(w->ix, 1000, &u));
    return u;
}

static void place(struct world *w, struct index_update *u, size_t c, size_t p)
{
    struct index_chunk chunk = index_kit_chunk(c, w->no[p], 0);

    w->in[c][p] = true;
    index_kit_ok(index_update_put_chunks(u, &chunk, 1));
}

static void world_begin(struct world *w, uint64_t seed)
{
    struct index_update *u;

    *w = (struct world){.ix = NULL};
    prng_init(&w->prng, seed);
    index_kit_begin(&w->kit);
    w->ix = index_kit_open(&w->kit, INDEX_CREATED);
    u = begin(w);
    for (size_t p = 0; p < PACKS; p++) {
        struct index_pack pack = index_kit_pack(p);

        index_kit_ok(index_update_put_pack(u, &pack, &w->no[p]));
        w->state[p] = INDEX_LIVE;
    }
    for (size_t c = 0; c < CHUNKS; c++) {
        for (uint64_t n = below(w, 4); n > 0; n--)
            place(w, u, c, below(w, PACKS));
    }
    index_kit_ok(index_update_commit(u));
}

static void world_end(struct world *w)
{
    index_close(w->ix);
    index_kit_end(&w->kit);
}

static uint64_t share(size_t c, uint32_t no)
{
    struct index_loc l = index_kit_chunk(c, no, 0).loc;

    return ((uint64_t)l.bytes * l.frame_stored + l.frame_raw - 1) / l.frame_raw;
}

/* The counts are those of the model; each referenced chunk that has a place is
 * at home in one of them; the packs' uses are the sums of that. */
static void look(struct world *w)
{
    struct index_reader *r = NULL;
    struct index_use sum[PACKS] = {{0, 0}};

    index_kit_ok(index_reader_new(w->ix, &r));
    for (size_t c = 0; c < CHUNKS; c++) {
        struct chunk_id id = index_kit_chunk_id(c);
        struct index_ref ref;

        index_kit_ok(index_refs_get(r, &id, &ref));
        assert_int_equal(ref.count, w->count[c]);
        assert_int_equal(ref.nodes, w->nodes[c]);
        if (ref.count == 0 || ref.home == INDEX_NO_PACK)
            continue;
        assert_true(ref.home < PACKS && w->in[c][ref.home]);
        if (w->state[ref.home] == INDEX_DOOMED)
            continue;
        sum[ref.home].chunk_n++;
        sum[ref.home].bytes += share(c, ref.home);
    }
    for (size_t p = 0; p < PACKS; p++) {
        struct index_use use;

        if (w->state[p] == INDEX_DOOMED)
            continue;
        index_kit_ok(index_refs_use(r, w->no[p], &use));
        assert_int_equal(use.chunk_n, sum[p].chunk_n);
        assert_int_equal(use.bytes, sum[p].bytes);
    }
    index_reader_free(r);
}

static void op_move(struct world *w, struct index_update *u)
{
    struct index_refs_move m[CHUNKS];
    size_t n = 0;

    for (size_t c = 0; c < CHUNKS; c++) {
        int32_t by = (int32_t)below(w, 5) - 2;
        uint32_t nodes;

        if (below(w, 3) == 0 || (int64_t)w->count[c] + by < 0)
            continue;
        w->count[c] += (uint32_t)by;
        nodes = (uint32_t)below(w, w->count[c] + 1);
        m[n++] = (struct index_refs_move){index_kit_chunk_id(c), by,
                                          (int32_t)(nodes - w->nodes[c])};
        w->nodes[c] = nodes;
    }
    index_kit_ok(index_refs_move(u, m, n));
}

static void op_settle(struct world *w, struct index_update *u)
{
    size_t c = below(w, CHUNKS);

    for (size_t p = 0; p < PACKS; p++) {
        struct chunk_id id = index_kit_chunk_id(c);

        if (w->in[c][p] && w->state[p] != INDEX_DOOMED)
            index_kit_ok(index_refs_settle_in(u, &id, w->no[p]));
    }
}

static void op_recount(struct world *w, struct index_update *u)
{
    struct index_recount *rc = NULL;

    index_kit_ok(index_recount_begin(w->ix, &rc));
    for (size_t c = 0; c < CHUNKS; c++) {
        struct chunk_id id = index_kit_chunk_id(c);

        w->count[c] = (uint32_t)below(w, 4);
        w->nodes[c] = (w->count[c] + 1) / 2;
        for (uint32_t n = 0; n < w->count[c]; n++)
            index_kit_ok(index_recount_add(rc, &id, n % 2 == 0));
    }
    index_kit_ok(index_recount_load(rc, u));
    index_recount_free(rc);
}

static void op_state(struct world *w, struct index_update *u)
{
    size_t p = below(w, PACKS);
    enum index_state to = below(w, 6) == 0 ? INDEX_DOOMED : INDEX_CONDEMNED;

    if (w->state[p] == INDEX_DOOMED || p == 0)
        return;
    w->state[p] = to;
    index_kit_ok(index_update_set_state(u, w->no[p], to, 7));
}

static void one_seed(uint64_t seed)
{
    static struct world w;

    world_begin(&w, seed);
    for (int i = 0; i < ROUNDS; i++) {
        struct index_update *u = begin(&w);
        uint64_t what = below(&w, 10);

        if (what < 5)
            op_move(&w, u);
        else if (what < 7)
            op_settle(&w, u);
        else if (what < 8)
            op_recount(&w, u);
        else
            op_state(&w, u);
        index_kit_ok(index_update_commit(u));
        look(&w);
    }
    world_end(&w);
}

static void test_index_refs__random_moves_match_a_model(void **state)
{
    const char *said = getenv("DEDUP_SEED");

    (void)state;
    if (said) {
        one_seed(strtoull(said, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %lu\n", (unsigned long)seed);
        one_seed(seed);
    }
}

static void test_index_refs__a_home_is_live_and_there(void **state)
{
    struct chunk_id id = index_kit_chunk_id(1000);
    struct index_refs_move m = {.id = id, .by = 1};
    struct index_reader *r = NULL;
    struct index_update *u;
    struct index_ref ref;
    static struct world w;

    (void)state;
    world_begin(&w, 1);
    u = begin(&w);
    for (size_t p = 0; p < 4; p++) {
        struct index_chunk c = index_kit_chunk(1000, w.no[p], 0);

        index_kit_ok(index_update_put_chunks(u, &c, 1));
    }
    index_kit_ok(index_update_set_gone(u, w.no[0], true));
    index_kit_ok(index_update_set_state(u, w.no[1], INDEX_DOOMED, 3));
    index_kit_ok(index_update_set_state(u, w.no[2], INDEX_CONDEMNED, 3));
    index_kit_ok(index_refs_move(u, &m, 1));
    index_kit_ok(index_update_commit(u));
    index_kit_ok(index_reader_new(w.ix, &r));
    index_kit_ok(index_refs_get(r, &id, &ref));
    assert_int_equal(ref.count, 1);
    assert_int_equal(ref.home, w.no[3]);
    /* it has no place: it is counted all the same */
    m.id = index_kit_chunk_id(2000);
    u = begin(&w);
    index_kit_ok(index_refs_move(u, &m, 1));
    index_kit_ok(index_update_commit(u));
    index_kit_ok(index_reader_renew(r));
    index_kit_ok(index_refs_get(r, &m.id, &ref));
    assert_int_equal(ref.count, 1);
    assert_int_equal(ref.home, INDEX_NO_PACK);
    index_reader_free(r);
    world_end(&w);
}

static void test_index_refs__what_does_not_add_up_is_refused(void **state)
{
    struct index_refs_move m = {.id = index_kit_chunk_id(1), .by = -1};
    struct index_update *u;
    static struct world w;

    (void)state;
    world_begin(&w, 1);
    u = begin(&w);
    assert_int_equal(index_refs_move(u, &m, 1), E_REFUSED);
    assert_int_equal(index_update_commit(u), E_REFUSED);
    u = begin(&w);
    m.by = INDEX_REFS_MAX;
    index_kit_ok(index_refs_move(u, &m, 1));
    m.by = 1;
    assert_int_equal(index_refs_move(u, &m, 1), E_REFUSED);
    index_update_abort(u);
    look(&w);
    world_end(&w);
}

/* More than memory takes at once: it goes through the file. */
static void test_index_refs__a_recount_that_spills(void **state)
{
    enum { MANY = 450000 };
    struct index_recount *rc = NULL;
    struct index_reader *r = NULL;
    struct index_update *u;
    static struct world w;

    (void)state;
    world_begin(&w, 1);
    index_kit_ok(index_recount_begin(w.ix, &rc));
    for (uint64_t round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < MANY; i++) {
            struct chunk_id id = index_kit_chunk_id(i);

            for (uint64_t n = 0; n <= round && (round == 0 || i % 3 == 0); n++)
                index_kit_ok(index_recount_add(rc, &id, round > 0));
        }
    }
    u = begin(&w);
    index_kit_ok(index_recount_load(rc, u));
    index_recount_free(rc);
    index_kit_ok(index_update_commit(u));
    index_kit_ok(index_reader_new(w.ix, &r));
    for (uint64_t i = 0; i < MANY; i++) {
        struct chunk_id id = index_kit_chunk_id(i);
        struct index_ref ref;

        index_kit_ok(index_refs_get(r, &id, &ref));
        assert_int_equal(ref.count, i % 3 == 0 ? 3 : 1);
        assert_int_equal(ref.nodes, i % 3 == 0 ? 2 : 0);
    }
    index_reader_free(r);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_refs__random_moves_match_a_model),
        cmocka_unit_test(test_index_refs__a_home_is_live_and_there),
        cmocka_unit_test(test_index_refs__what_does_not_add_up_is_refused),
        cmocka_unit_test(test_index_refs__a_recount_that_spills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
