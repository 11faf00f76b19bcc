/*
 * Updates: random ones against a plain model in memory, and their rules one by
 * one. DEDUP_SEED=N runs the random ones from that seed only.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/index/index_kit.h"
#include "tests/support/prng.h"

/* ---- the model ---- */

enum { PACKS = 24, CHUNKS = 120, MARKS = 6, SEEDS = 12, UPDATES = 60 };

struct model_loc {
    bool there;
    struct index_loc loc;
};

/* Packs, chunks and marks are named by small numbers. */
struct model {
    bool pack_there[PACKS];
    struct index_pack pack[PACKS]; /* with the number it was given */
    struct model_loc loc[CHUNKS][PACKS];
    bool suspect[CHUNKS][PACKS + 1]; /* the last: in every pack */
    bool mark_there[MARKS];
    uint64_t mark[MARKS];
};

struct run {
    struct index_kit kit;
    struct index *ix;
    struct prng prng;
    struct model now;  /* what is committed */
    struct model next; /* what the open update makes of it */
};

static struct run the_run;

static uint64_t below(struct run *r, uint64_t n)
{
    return prng_below(&r->prng, n);
}

/* A pack that is there, or -1. */
static int some_pack(struct run *r)
{
    size_t p = below(r, PACKS);

    return r->next.pack_there[p] ? (int)p : -1;
}

static void op_pack(struct run *r, struct index_update *u)
{
    size_t p = below(r, PACKS);
    struct index_pack *known = &r->next.pack[p];
    struct index_pack put = index_kit_pack(p);
    uint32_t no;

    put.trusted = below(r, 4) > 0;
    put.gone = below(r, 4) == 0;
    put.chunk_n = (uint32_t)below(r, 1000);
    if (below(r, 4) == 0) {
        put.state = (enum index_state)(1 + below(r, 3));
        put.condemned_by = put.state == INDEX_LIVE ? 0 : below(r, 100);
    }
    index_kit_ok(index_update_put_pack(u, &put, &no));
    if (r->next.pack_there[p]) {
        assert_int_equal(no, known->no);
        put.state = known->state;
        put.condemned_by = known->condemned_by;
    }
    put.no = no;
    *known = put;
    r->next.pack_there[p] = true;
}

static void op_state(struct run *r, struct index_update *u)
{
    int p = some_pack(r);
    enum index_state state = (enum index_state)(1 + below(r, 3));
    struct index_pack *known;
    int rc;

    /* doom is for ever: rarely, or nothing stays */
    if (p < 0 || (state == INDEX_DOOMED && below(r, 3) > 0))
        return;
    known = &r->next.pack[p];
    rc = index_update_set_state(u, known->no, state, 7);
    if (known->state == INDEX_DOOMED && state != INDEX_DOOMED) {
        assert_int_equal(rc, E_REFUSED);
        return;
    }
    index_kit_ok(rc);
    known->state = state;
    if (state == INDEX_CONDEMNED)
        known->condemned_by = 7;
    if (state == INDEX_LIVE)
        known->condemned_by = 0;
}

static bool before(const struct index_loc *a, const struct index_loc *b)
{
    return a->frame_off != b->frame_off ? a->frame_off < b->frame_off
                                        : a->off < b->off;
}

static void op_chunks(struct run *r, struct index_update *u)
{
    struct index_chunk c[100];
    size_t n = 0;
    size_t want = below(r, 101);

    while (n < want) {
        int p = some_pack(r);
        size_t i = below(r, CHUNKS);
        struct model_loc *known;

        if (p < 0) {
            want--;
            continue;
        }
        c[n] = index_kit_chunk(i, r->next.pack[p].no, (uint32_t)below(r, 3));
        known = &r->next.loc[i][p];
        if (r->next.pack[p].state != INDEX_DOOMED &&
            (!known->there || before(&c[n].loc, &known->loc)))
            *known = (struct model_loc){true, c[n].loc};
        n++;
    }
    index_kit_ok(index_update_put_chunks(u, c, n));
}

static void op_suspect(struct run *r, struct index_update *u)
{
    size_t i = below(r, CHUNKS);
    struct chunk_id id = index_kit_chunk_id(i);
    int p = some_pack(r);
    uint32_t no = p < 0 ? INDEX_EVERY_PACK : r->next.pack[p].no;
    bool put = below(r, 3) == 0;

    if (put)
        index_kit_ok(index_update_put_suspect(u, &id, no));
    else
        index_kit_ok(index_update_drop_suspect(u, &id, no));
    r->next.suspect[i][p < 0 ? PACKS : p] = put;
}

static struct bytes mark_key(size_t m)
{
    static const char *const key[MARKS] = {"log", "w/1", "w/2",
                                           "w/3", "w/4", "z"};

    return bytes_of_str(key[m]);
}

static void op_mark(struct run *r, struct index_update *u)
{
    size_t m = below(r, MARKS);

    r->next.mark_there[m] = below(r, 4) > 0;
    r->next.mark[m] = prng_next(&r->prng);
    if (r->next.mark_there[m])
        index_kit_ok(index_update_put_mark(
            u, mark_key(m), bytes_of(&r->next.mark[m], sizeof(uint64_t))));
    else
        index_kit_ok(index_update_drop_mark(u, mark_key(m)));
}

static void op_sweep(struct run *r, struct index_update *u)
{
    struct index_place place = {.started = false};
    size_t step = 1 + below(r, 40);
    size_t removed;

    do {
        index_kit_ok(index_sweep(u, &place, step, &removed));
    } while (place.started);
    do {
        index_kit_ok(index_sweep(u, &place, step, &removed));
        assert_int_equal(removed, 0);
    } while (place.started);
}

static void one_update(struct run *r)
{
    static void (*const op[])(struct run *, struct index_update *) = {
        op_pack, op_pack,    op_state, op_chunks,
        op_mark, op_suspect, op_sweep, op_chunks};
    struct index_update *u;
    size_t n = below(&the_run, 12);

    r->next = r->now;
    index_kit_ok(index_update_begin(r->ix, 1000, &u));
    while (n-- > 0)
        op[below(r, 8)](r, u);
    if (below(r, 5) == 0) {
        index_update_abort(u);
        return;
    }
    index_kit_ok(index_update_commit(u));
    r->now = r->next;
}

/* ---- holding the cache against the model ---- */

static bool model_suspect(const struct model *m, size_t i, size_t p)
{
    return m->suspect[i][p] || m->suspect[i][PACKS];
}

static int model_rank(const struct model *m, size_t i, size_t p,
                      enum index_purpose purpose)
{
    const struct index_pack *pack = &m->pack[p];
    bool sound = !model_suspect(m, i, p);

    if (!m->loc[i][p].there || pack->state == INDEX_DOOMED)
        return 0;
    if (purpose == INDEX_DEDUP)
        return pack->state == INDEX_LIVE && pack->trusted && !pack->gone &&
               sound;
    return 1 + (sound ? 4 : 0) + (pack->state == INDEX_LIVE ? 2 : 0) +
           (pack->trusted && !pack->gone ? 1 : 0);
}

static bool same_loc(const struct index_loc *a, const struct index_loc *b)
{
    return a->pack == b->pack && a->frame_off == b->frame_off &&
           a->frame_stored == b->frame_stored && a->frame_raw == b->frame_raw &&
           a->off == b->off && a->bytes == b->bytes &&
           a->key_slot == b->key_slot;
}

static void check_find(struct run *r, struct index_reader *reader, size_t i,
                       enum index_purpose purpose)
{
    const struct model *m = &r->now;
    const struct model_loc *best = NULL;
    struct chunk_id id = index_kit_chunk_id(i);
    struct index_loc loc;
    bool found;
    int most = 0;

    for (size_t p = 0; p < PACKS; p++) {
        int rank = model_rank(m, i, p, purpose);

        if (rank > most || (rank == most && rank > 0 &&
                            m->loc[i][p].loc.pack < best->loc.pack)) {
            most = rank;
            best = &m->loc[i][p];
        }
    }
    index_kit_ok(index_reader_find(reader, &id, purpose, &loc, &found));
    assert_int_equal(found, best != NULL);
    if (found)
        assert_true(same_loc(&loc, &best->loc));
}

static void check_locations(struct run *r, struct index_reader *reader,
                            size_t i)
{
    struct chunk_id id = index_kit_chunk_id(i);
    struct index_loc loc[PACKS];
    size_t n;
    size_t want = 0;

    index_kit_ok(index_reader_locations(reader, &id, loc, PACKS, &n));
    for (size_t p = 0; p < PACKS; p++) {
        size_t at = 0;

        if (!model_rank(&r->now, i, p, INDEX_READ))
            continue;
        want++;
        while (at < n && !same_loc(&loc[at], &r->now.loc[i][p].loc))
            at++;
        assert_true(at < n);
    }
    assert_int_equal(n, want);
}

static void check_packs(struct run *r, struct index_reader *reader)
{
    for (size_t p = 0; p < PACKS; p++) {
        const struct index_pack *want = &r->now.pack[p];
        struct object_id id = index_kit_object_id(p);
        struct index_pack got;
        bool found;

        index_kit_ok(index_reader_pack_by_id(reader, &id, &got, &found));
        assert_int_equal(found, r->now.pack_there[p]);
        if (!found)
            continue;
        assert_int_equal(got.no, want->no);
        assert_int_equal(got.state, want->state);
        assert_int_equal(got.trusted, want->trusted);
        assert_int_equal(got.gone, want->gone);
        assert_int_equal(got.chunk_n, want->chunk_n);
        assert_int_equal(got.condemned_by, want->condemned_by);
    }
}

static void check_marks(struct run *r, struct index_reader *reader)
{
    struct buf value;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    for (size_t m = 0; m < MARKS; m++) {
        bool found;

        index_kit_ok(index_reader_mark(reader, mark_key(m), &value, &found));
        assert_int_equal(found, r->now.mark_there[m]);
        if (found)
            assert_true(
                bytes_equal(buf_bytes(&value),
                            bytes_of(&r->now.mark[m], sizeof(uint64_t))));
    }
    buf_release(&value);
}

static void check_all(struct run *r)
{
    struct index_reader *reader;

    index_kit_ok(index_reader_new(r->ix, &reader));
    for (size_t i = 0; i < CHUNKS; i++) {
        check_find(r, reader, i, INDEX_DEDUP);
        check_find(r, reader, i, INDEX_READ);
        check_locations(r, reader, i);
    }
    check_packs(r, reader);
    check_marks(r, reader);
    index_kit_ok(index_check(reader));
    index_reader_free(reader);
}

static void run_seed(uint64_t seed)
{
    struct run *r = &the_run;

    memset(r, 0, sizeof *r);
    prng_init(&r->prng, seed);
    index_kit_begin(&r->kit);
    r->ix = index_kit_open(&r->kit, INDEX_CREATED);
    for (int i = 0; i < UPDATES; i++) {
        one_update(r);
        if (i % 4 == 0)
            check_all(r);
        if (below(r, 8) == 0) {
            index_close(r->ix);
            r->ix = index_kit_open(&r->kit, INDEX_OPENED);
            check_all(r);
        }
    }
    check_all(r);
    index_close(r->ix);
    index_kit_end(&r->kit);
}

static void test_index_update__random_updates_match_the_model(void **state)
{
    const char *seed = getenv("DEDUP_SEED");

    (void)state;
    for (uint64_t s = 1; s <= SEEDS; s++) {
        uint64_t n = seed ? strtoull(seed, NULL, 10) : s;

        print_message("seed %llu\n", (unsigned long long)n);
        run_seed(n);
        if (seed)
            break;
    }
}

/* ---- rules ---- */

struct world {
    struct index_kit kit;
    struct index *ix;
};

static int setup(void **state)
{
    static struct world w;

    index_kit_begin(&w.kit);
    w.ix = index_kit_open(&w.kit, INDEX_CREATED);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

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

/* rustic#392: the same chunk twice in one pack, then it is collected */
static void test_index_update__a_chunk_twice_in_one_pack(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    struct index_pack pack = index_kit_pack(0);
    struct index_chunk c[3];
    struct index_reader *r;
    struct index_loc loc[3];
    struct index_place place = {.started = false};
    uint32_t no;
    size_t n;

    index_kit_ok(index_update_put_pack(u, &pack, &no));
    for (uint32_t i = 0; i < 3; i++)
        c[i] = index_kit_chunk(5, no, 2 - i);
    index_kit_ok(index_update_put_chunks(u, c, 2));
    index_kit_ok(index_update_put_chunks(u, c, 3));
    index_kit_ok(index_update_put_chunks(u, c, 3));
    index_kit_ok(index_update_commit(u));
    index_kit_ok(index_reader_new(w->ix, &r));
    index_kit_ok(index_reader_locations(r, &c[0].id, loc, 3, &n));
    assert_int_equal(n, 1);
    assert_int_equal(loc[0].frame_off, c[2].loc.frame_off);
    u = begin(w);
    index_kit_ok(index_update_set_state(u, no, INDEX_DOOMED, 0));
    index_kit_ok(index_sweep(u, &place, 100, &n));
    assert_int_equal(n, 1);
    index_kit_ok(index_update_commit(u));
    index_kit_ok(index_reader_renew(r));
    index_kit_ok(index_reader_locations(r, &c[0].id, loc, 3, &n));
    assert_int_equal(n, 0);
    index_reader_free(r);
}

/* I4: the doom may be read before the segment that describes the pack */
static void test_index_update__doom_overrides_every_segment(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    struct index_pack pack = index_kit_pack(0);
    struct index_pack got;
    struct index_chunk c;
    struct index_reader *r;
    struct index_stats stats;
    uint32_t no;
    uint32_t again;
    bool found;

    pack.state = INDEX_DOOMED;
    index_kit_ok(index_update_put_pack(u, &pack, &no));
    index_kit_ok(index_update_commit(u));
    u = begin(w);
    pack.state = INDEX_LIVE;
    pack.size_bytes = 99;
    index_kit_ok(index_update_put_pack(u, &pack, &again));
    assert_int_equal(again, no);
    c = index_kit_chunk(1, no, 0);
    index_kit_ok(index_update_put_chunks(u, &c, 1));
    assert_int_equal(index_update_set_state(u, no, INDEX_LIVE, 0), E_REFUSED);
    /* a refusal does not kill the update */
    index_kit_ok(index_update_find_pack(u, &pack.id, &got, &found));
    assert_true(found);
    assert_int_equal(got.state, INDEX_DOOMED);
    assert_int_equal(got.size_bytes, 99);
    index_kit_ok(index_update_commit(u));
    index_kit_ok(index_reader_new(w->ix, &r));
    index_kit_ok(index_reader_stats(r, &stats));
    assert_int_equal(stats.chunk_n, 0);
    assert_int_equal(stats.pack_n, 1);
    index_reader_free(r);
}

static void test_index_update__a_failure_kills_it(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    struct index_chunk c = index_kit_chunk(1, 5, 0);
    struct index_pack pack = index_kit_pack(0);
    struct index_stats stats;
    struct index_reader *r;
    uint32_t no;

    index_kit_ok(index_update_put_pack(u, &pack, &no));
    assert_int_equal(index_update_put_chunks(u, &c, 1), E_INTERNAL);
    assert_int_equal(index_update_put_pack(u, &pack, &no), E_INTERNAL);
    assert_int_equal(
        index_update_put_mark(u, bytes_of_str("k"), bytes_of("v", 1)),
        E_INTERNAL);
    assert_int_equal(index_update_commit(u), E_INTERNAL);
    index_kit_ok(index_reader_new(w->ix, &r));
    index_kit_ok(index_reader_stats(r, &stats));
    assert_int_equal(stats.pack_n, 0);
    index_reader_free(r);
}

static void test_index_update__marks_have_bounds(void **state)
{
    static const uint8_t big[INDEX_MARK_VALUE_MAX + 1];
    struct world *w = *state;
    static const struct {
        size_t key_n, value_n;
        int rc;
    } row[] = {{1, 0, 0},
               {INDEX_MARK_KEY_MAX, INDEX_MARK_VALUE_MAX, 0},
               {0, 1, E_LIMIT},
               {INDEX_MARK_KEY_MAX + 1, 1, E_LIMIT},
               {1, INDEX_MARK_VALUE_MAX + 1, E_LIMIT}};
    struct index_reader *r;

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct index_update *u = begin(w);

        assert_int_equal(index_update_put_mark(u, bytes_of(big, row[i].key_n),
                                               bytes_of(big, row[i].value_n)),
                         row[i].rc);
        assert_int_equal(index_update_commit(u), row[i].rc);
    }
    index_kit_ok(index_reader_new(w->ix, &r));
    index_kit_ok(index_check(r));
    index_reader_free(r);
}

static void *begin_busy(void *arg)
{
    struct world *w = arg;
    struct index_update *u;

    assert_int_equal(index_update_begin(w->ix, 30, &u), E_BUSY);
    assert_null(u);
    return NULL;
}

static void test_index_update__one_at_a_time_in_a_process(void **state)
{
    struct world *w = *state;
    struct index_update *u = begin(w);
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, begin_busy, w), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    index_update_abort(u);
    index_update_abort(begin(w));
}

/* One update of everything; returns its failure, if any. */
static int everything(struct world *w)
{
    struct index_update *u;
    struct index_pack pack = index_kit_pack(3);
    struct chunk_id id = index_kit_chunk_id(1);
    struct index_chunk c[20];
    struct index_place place = {.started = false};
    uint32_t no;
    size_t removed;
    int rc = index_update_begin(w->ix, 1000, &u);

    if (rc < 0)
        return rc;
    rc = index_update_put_pack(u, &pack, &no);
    for (uint32_t i = 0; rc == 0 && i < 20; i++)
        c[i] = index_kit_chunk(i, no, 0);
    if (rc == 0)
        rc = index_update_put_chunks(u, c, 20);
    if (rc == 0)
        rc = index_update_put_chunks(u, c, 20);
    if (rc == 0)
        rc = index_update_put_suspect(u, &id, no);
    if (rc == 0)
        rc = index_update_put_mark(u, bytes_of_str("m"), bytes_of("x", 1));
    if (rc == 0)
        rc = index_update_set_state(u, no, INDEX_DOOMED, 0);
    if (rc == 0)
        rc = index_sweep(u, &place, 100, &removed);
    if (rc == 0)
        return index_update_commit(u);
    index_update_abort(u);
    return rc;
}

static void test_index_update__every_allocation_may_fail(void **state)
{
    struct world *w = *state;
    struct index_reader *r;
    struct index_stats stats;
    uint64_t n = 1;
    int rc;

    for (;; n++) {
        mem_fail_after(n, 0);
        rc = everything(w);
        mem_fail_after(0, 0);
        if (rc == 0)
            break;
        assert_int_equal(rc, E_NOMEM);
        index_kit_ok(index_reader_new(w->ix, &r));
        index_kit_ok(index_reader_stats(r, &stats));
        assert_int_equal(stats.pack_n + stats.mark_n + stats.suspect_n, 0);
        index_reader_free(r);
    }
    assert_true(n > 4);
}

#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_update__random_updates_match_the_model),
        WITH_WORLD(test_index_update__a_chunk_twice_in_one_pack),
        WITH_WORLD(test_index_update__doom_overrides_every_segment),
        WITH_WORLD(test_index_update__a_failure_kills_it),
        WITH_WORLD(test_index_update__marks_have_bounds),
        WITH_WORLD(test_index_update__one_at_a_time_in_a_process),
        WITH_WORLD(test_index_update__every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
