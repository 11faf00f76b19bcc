/* Readers beside an update in one process; under the thread sanitizer this
 * shows that nothing of ours is shared without order. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/index/index_kit.h"
#include "tests/support/prng.h"

enum { READERS = 4, UPDATES = 40, PACK_CHUNKS = 200 };

struct world {
    struct index_kit kit;
    struct index *ix;
    atomic_uint committed; /* packs */
    atomic_uint failures;
};

struct reading {
    struct world *w;
    uint64_t seed;
    pthread_t thread;
};

static bool put_one(struct world *w, uint32_t p)
{
    static struct index_chunk c[PACK_CHUNKS];
    struct index_pack pack = index_kit_pack(p);
    struct index_update *u;
    uint32_t no;

    if (index_update_begin(w->ix, 10000, &u) < 0)
        return false;
    if (index_update_put_pack(u, &pack, &no) < 0 || no != p)
        return false;
    for (uint32_t i = 0; i < PACK_CHUNKS; i++)
        c[i] = index_kit_chunk((uint64_t)p * PACK_CHUNKS + i, no, 0);
    if (index_update_put_chunks(u, c, PACK_CHUNKS) < 0)
        return false;
    return index_update_commit(u) == 0;
}

static void *update(void *arg)
{
    struct world *w = arg;

    for (uint32_t p = 0; p < UPDATES; p++) {
        if (!put_one(w, p))
            atomic_fetch_add(&w->failures, 1);
        atomic_store(&w->committed, p + 1);
    }
    return NULL;
}

static bool read_one(struct index_reader *r, uint64_t number, bool must)
{
    struct chunk_id id = index_kit_chunk_id(number);
    struct index_loc loc;
    bool found;

    if (index_reader_find(r, &id, INDEX_DEDUP, &loc, &found) < 0)
        return false;
    if (found)
        return loc.pack == number / PACK_CHUNKS;
    return !must;
}

static void *read_on(void *arg)
{
    struct reading *reading = arg;
    struct world *w = reading->w;
    struct index_reader *r;
    struct prng prng;
    unsigned sure = 0;

    prng_init(&prng, reading->seed);
    if (index_reader_new(w->ix, &r) < 0) {
        atomic_fetch_add(&w->failures, 1);
        return NULL;
    }
    while (sure < UPDATES) {
        sure = atomic_load(&w->committed);
        if (prng_below(&prng, 3) == 0)
            index_reader_pause(r);
        else if (index_reader_renew(r) < 0)
            atomic_fetch_add(&w->failures, 1);
        for (int i = 0; i < 200; i++) {
            uint64_t number = prng_below(&prng, UPDATES * PACK_CHUNKS);

            if (!read_one(r, number, number / PACK_CHUNKS < sure))
                atomic_fetch_add(&w->failures, 1);
        }
    }
    if (index_check(r) < 0)
        atomic_fetch_add(&w->failures, 1);
    index_reader_free(r);
    return NULL;
}

static void test_index_threads__readers_beside_an_update(void **state)
{
    static struct world w;
    struct reading reading[READERS];
    pthread_t updater;

    (void)state;
    index_kit_begin(&w.kit);
    w.ix = index_kit_open(&w.kit, INDEX_CREATED);
    atomic_init(&w.committed, 0);
    atomic_init(&w.failures, 0);
    for (uint64_t i = 0; i < READERS; i++) {
        reading[i] = (struct reading){.w = &w, .seed = i};
        assert_int_equal(
            pthread_create(&reading[i].thread, NULL, read_on, &reading[i]), 0);
    }
    assert_int_equal(pthread_create(&updater, NULL, update, &w), 0);
    assert_int_equal(pthread_join(updater, NULL), 0);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(reading[i].thread, NULL), 0);
    assert_int_equal(atomic_load(&w.failures), 0);
    index_close(w.ix);
    index_kit_end(&w.kit);
}

/* Updates from several threads take turns. */
static void *add_mark(void *arg)
{
    struct world *w = arg;

    for (int i = 0; i < 20; i++) {
        struct index_update *u;
        struct index_pack pack;
        uint32_t no;

        if (index_update_begin(w->ix, 60000, &u) < 0) {
            atomic_fetch_add(&w->failures, 1);
            continue;
        }
        pack = index_kit_pack(1000 + atomic_fetch_add(&w->committed, 1));
        if (index_update_put_pack(u, &pack, &no) < 0 ||
            index_update_commit(u) < 0)
            atomic_fetch_add(&w->failures, 1);
    }
    return NULL;
}

static void test_index_threads__updates_take_turns(void **state)
{
    static struct world w;
    pthread_t thread[3];
    struct index_reader *r;
    struct index_stats stats;

    (void)state;
    index_kit_begin(&w.kit);
    w.ix = index_kit_open(&w.kit, INDEX_CREATED);
    atomic_init(&w.committed, 0);
    atomic_init(&w.failures, 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, add_mark, &w), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(atomic_load(&w.failures), 0);
    index_kit_ok(index_reader_new(w.ix, &r));
    index_kit_ok(index_reader_stats(r, &stats));
    assert_int_equal(stats.pack_n, 60);
    index_kit_ok(index_check(r));
    index_reader_free(r);
    index_close(w.ix);
    index_kit_end(&w.kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_threads__readers_beside_an_update),
        cmocka_unit_test(test_index_threads__updates_take_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
