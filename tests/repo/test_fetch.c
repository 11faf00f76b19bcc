#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/fetch.h"
#include "tests/repo/pack_fixture.h"
#include "tests/repo/repo_fixture.h"
#include "tests/support/prng.h"

enum {
    FRAMES = 6,
    CHUNKS = 4, /* in a frame */
    CHUNK = 3000,
    ALL = FRAMES * CHUNKS
};

/* Copies of one run of chunks in packs of their own, and a way to read them. */
struct bench {
    struct repo_fixture f;
    struct repo *r;
    struct writer *w;
    struct fetch *fetch;
    struct fetch_lane *lane;
    struct object_id pack[3];
};

static void add_pack_of(struct bench *b, unsigned i, uint64_t seed, size_t each)
{
    struct pack_fixture p = {.store = b->f.store, .keys = b->r->keys};
    struct pack_info info = {.bytes = 0};
    bool indexed;

    assert_int_equal(frame_ctx_new(&p.frame), 0);
    assert_int_equal(
        pack_fixture_pack(&p, PACK_DATA, seed, FRAMES, CHUNKS, each, &info), 0);
    b->pack[i] = info.id;
    assert_int_equal(writer_publish(b->w, &info, 1, &indexed), 0);
    assert_true(indexed);
    frame_ctx_free(p.frame);
}

static void add_pack(struct bench *b, unsigned i)
{
    add_pack_of(b, i, 0, CHUNK);
}

static void bench_open(struct bench *b, unsigned packs, size_t cache)
{
    *b = (struct bench){.r = NULL};
    repo_fixture_open(&b->f);
    assert_int_equal(repo_fixture_init(&b->f), 0);
    assert_int_equal(repo_fixture_repo(&b->f, "a", &b->r), 0);
    assert_int_equal(writer_open(b->r, bytes_of_str("s"), &b->w), 0);
    for (unsigned i = 0; i < packs; i++)
        add_pack(b, i);
    assert_int_equal(
        fetch_open(b->f.store, b->r->keys, b->r->index, cache, &b->fetch), 0);
    assert_int_equal(fetch_lane_new(b->fetch, &b->lane), 0);
}

static void bench_close(struct bench *b)
{
    fetch_lane_free(b->lane);
    fetch_free(b->fetch);
    writer_free(b->w);
    repo_close(b->r);
    repo_fixture_close(&b->f);
}

static int get(struct bench *b, struct fetch_lane *l, uint64_t seed,
               size_t want_bytes, struct fetch_chunk *c)
{
    uint8_t bytes[CHUNK];
    struct chunk_id id;
    int rc;

    pack_fixture_bytes(seed, bytes, sizeof bytes);
    keyring_chunk_id(b->r->keys, PACK_DATA, bytes_of(bytes, sizeof bytes), &id);
    rc = fetch_get(l, PACK_DATA, &id, want_bytes, c);
    if (rc == 0)
        assert_true(bytes_equal(c->bytes, bytes_of(bytes, sizeof bytes)));
    else
        assert_null(c->frame);
    return rc;
}

static int get_once(struct bench *b, uint64_t seed)
{
    struct fetch_chunk c;
    int rc = get(b, b->lane, seed, CHUNK, &c);

    fetch_release(b->lane, &c);
    fetch_release(b->lane, &c); /* harmless */
    return rc;
}

static void damage_pack(struct bench *b, const struct object_id *pack)
{
    char name[ID_HEX_CHARS + 16];
    char hex[ID_HEX_CHARS + 1];

    (void)id_hex(pack->b, ID_BYTES, hex);
    (void)snprintf(name, sizeof name, "packs/%.2s/%s", hex, hex);
    for (uint64_t off = 300; off < 60000; off += 40)
        assert_true(memory_damage(b->f.store, name, off, 4));
}

static void delete_pack(struct bench *b, const struct object_id *pack)
{
    char name[ID_HEX_CHARS + 16];
    char hex[ID_HEX_CHARS + 1];

    (void)id_hex(pack->b, ID_BYTES, hex);
    (void)snprintf(name, sizeof name, "packs/%.2s/%s", hex, hex);
    assert_int_equal(store_delete(b->f.store, name), 0);
}

static void test_fetch__neighbours_cost_a_lookup(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, 1, 1 << 20);
    for (uint64_t i = 0; i < ALL; i++) {
        assert_int_equal(get_once(&b, i), 0);
        assert_int_equal(fetch_decoded(b.fetch), i / CHUNKS + 1);
    }
    for (uint64_t i = ALL; i-- > 0;)
        assert_int_equal(get_once(&b, i), 0);
    assert_int_equal(fetch_decoded(b.fetch), FRAMES);
    bench_close(&b);
}

/* The cache holds as many frames as fit, those used last. */
static void test_fetch__its_cache_is_bounded(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, 1, 2 * CHUNKS * CHUNK);
    assert_int_equal(get_once(&b, 0 * CHUNKS), 0);
    assert_int_equal(get_once(&b, 1 * CHUNKS), 0);
    assert_int_equal(get_once(&b, 0 * CHUNKS), 0); /* 0 was used last */
    assert_int_equal(fetch_decoded(b.fetch), 2);
    assert_int_equal(get_once(&b, 2 * CHUNKS), 0); /* 1 has to go */
    assert_int_equal(fetch_decoded(b.fetch), 3);
    assert_int_equal(get_once(&b, 0 * CHUNKS), 0);
    assert_int_equal(fetch_decoded(b.fetch), 3);
    assert_int_equal(get_once(&b, 1 * CHUNKS), 0);
    assert_int_equal(fetch_decoded(b.fetch), 4);
    bench_close(&b);
    /* a cache of nothing still lends */
    bench_open(&b, 1, 0);
    for (uint64_t i = 0; i < ALL; i++)
        assert_int_equal(get_once(&b, i), 0);
    assert_int_equal(fetch_decoded(b.fetch), ALL);
    bench_close(&b);
}

/* What is lent stays, whatever the cache does meanwhile. */
static void test_fetch__what_is_lent_stays(void **state)
{
    struct fetch_chunk c[ALL];
    uint8_t want[CHUNK];
    struct bench b;

    (void)state;
    bench_open(&b, 1, 0);
    for (uint64_t i = 0; i < ALL; i++)
        assert_int_equal(get(&b, b.lane, i, CHUNK, &c[i]), 0);
    assert_int_equal(fetch_decoded(b.fetch), FRAMES);
    for (uint64_t i = 0; i < ALL; i++) {
        pack_fixture_bytes(i, want, sizeof want);
        assert_true(bytes_equal(c[i].bytes, bytes_of(want, sizeof want)));
        fetch_release(b.lane, &c[i]);
    }
    bench_close(&b);
}

/* Decodes all frames, two of them lent at a time, and says how many times
 * memory was asked for. */
static uint64_t pass_in_pairs(struct bench *b)
{
    uint64_t before = mem_count();

    for (uint64_t i = 0; i < FRAMES; i += 2) {
        struct fetch_chunk one;
        struct fetch_chunk other;

        assert_int_equal(get(b, b->lane, i * CHUNKS, CHUNK, &one), 0);
        assert_int_equal(get(b, b->lane, (i + 1) * CHUNKS, CHUNK, &other), 0);
        fetch_release(b->lane, &one);
        fetch_release(b->lane, &other);
    }
    return mem_count() - before;
}

/* In a full cache a frame takes the memory of one that has to go, also while
 * others are lent. */
static void test_fetch__memory_goes_from_frame_to_frame(void **state)
{
    uint64_t first;
    struct bench b;

    (void)state;
    bench_open(&b, 1, 3 * CHUNKS * CHUNK);
    (void)pass_in_pairs(&b); /* index, packs: what is had once */
    fetch_limit(b.fetch, 0);
    fetch_limit(b.fetch, 3 * CHUNKS * CHUNK);
    first = pass_in_pairs(&b); /* three frames need memory of their own */
    assert_int_equal(pass_in_pairs(&b), first - 3);
    assert_int_equal(fetch_decoded(b.fetch), 3 * FRAMES);
    bench_close(&b);
}

/* Sizes of frames of large files: 900 and 1000 KiB. */
static void test_fetch__frames_of_nearly_a_size_share_memory(void **state)
{
    static const size_t each[] = {225 << 10, 250 << 10};
    static uint8_t bytes[250 << 10];
    uint64_t asked[3];
    struct bench b;

    (void)state;
    bench_open(&b, 0, 2 << 20);
    for (unsigned i = 0; i < 2; i++)
        add_pack_of(&b, i, 1000 * i, each[i]);
    for (size_t pass = 0; pass < 3; pass++) {
        asked[pass] = mem_count();
        for (uint64_t i = 0; i < 2 * (uint64_t)FRAMES; i++) {
            size_t p = i / 2 % 2; /* two of one pack, two of the other */
            uint64_t seed = 1000 * p + (i / 4 * 2 + i % 2) * CHUNKS;
            struct fetch_chunk c;
            struct chunk_id id;

            pack_fixture_bytes(seed, bytes, each[p]);
            keyring_chunk_id(b.r->keys, PACK_DATA, bytes_of(bytes, each[p]),
                             &id);
            assert_int_equal(fetch_get(b.lane, PACK_DATA, &id, each[p], &c), 0);
            assert_true(bytes_equal(c.bytes, bytes_of(bytes, each[p])));
            fetch_release(b.lane, &c);
        }
        asked[pass] = mem_count() - asked[pass];
        if (pass == 0) {
            fetch_limit(b.fetch, 0);
            fetch_limit(b.fetch, 2 << 20);
        }
    }
    assert_int_equal(asked[2], asked[1] - 2); /* two frames had none */
    bench_close(&b);
}

static void test_fetch__lengths_must_agree(void **state)
{
    struct fetch_chunk c;
    struct bench b;

    (void)state;
    bench_open(&b, 2, 1 << 20);
    assert_int_equal(get(&b, b.lane, 0, 0, &c), 0); /* 0: unknown */
    fetch_release(b.lane, &c);
    assert_int_equal(get(&b, b.lane, 0, CHUNK - 1, &c), E_CORRUPT);
    assert_int_equal(get(&b, b.lane, 0, CHUNK + 1, &c), E_CORRUPT);
    assert_int_equal(get(&b, b.lane, 0, CHUNK, &c), 0);
    fetch_release(b.lane, &c);
    bench_close(&b);
}

static void test_fetch__what_is_nowhere(void **state)
{
    struct fetch_chunk c;
    struct bench b;

    (void)state;
    bench_open(&b, 1, 1 << 20);
    assert_int_equal(get(&b, b.lane, ALL + 1, CHUNK, &c), E_CORRUPT);
    assert_non_null(strstr(err_text(), "chunk "));
    /* content asked for as a node has another name */
    {
        struct chunk_id id;
        uint8_t bytes[CHUNK];

        pack_fixture_bytes(0, bytes, sizeof bytes);
        keyring_chunk_id(b.r->keys, PACK_DATA, bytes_of(bytes, sizeof bytes),
                         &id);
        assert_int_equal(fetch_get(b.lane, PACK_META, &id, CHUNK, &c),
                         E_CORRUPT);
        assert_null(c.frame);
    }
    bench_close(&b);
}

/* Damage in one place is healed by the other ones, whichever is tried first,
 * and by none when all are damaged. */
static void test_fetch__other_copies_heal_damage(void **state)
{
    (void)state;
    for (unsigned sound = 0; sound < 4; sound++) {
        for (int gone = 0; gone < 2; gone++) {
            struct bench b;

            bench_open(&b, 3, 1 << 20);
            for (unsigned i = 0; i < 3; i++) {
                if (i == sound)
                    continue;
                if (gone)
                    delete_pack(&b, &b.pack[i]);
                else
                    damage_pack(&b, &b.pack[i]);
            }
            for (uint64_t i = 0; i < ALL; i++)
                assert_int_equal(get_once(&b, i), sound < 3 ? 0 : E_CORRUPT);
            bench_close(&b);
        }
    }
}

/* A pack has moved since the lane looked last: the new place is found. */
static void test_fetch__looks_again_when_a_pack_has_moved(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, 1, 0);
    assert_int_equal(get_once(&b, 0), 0);
    add_pack(&b, 1);
    delete_pack(&b, &b.pack[0]);
    for (uint64_t i = 0; i < ALL; i++)
        assert_int_equal(get_once(&b, i), 0);
    bench_close(&b);
}

/* A store that fails is not damage. */
static void test_fetch__trouble_with_the_store_is_named_so(void **state)
{
    struct memory_fault fault = {
        .point = MEMORY_BEFORE, .n = 1, .persistent = true, .code = E_STORE};
    struct memory_fault none = {.n = 0};
    struct bench b;

    (void)state;
    bench_open(&b, 2, 1 << 20);
    memory_set_fault(b.f.store, fault);
    assert_int_equal(get_once(&b, 0), E_STORE);
    memory_set_fault(b.f.store, none);
    assert_int_equal(get_once(&b, 0), 0);
    bench_close(&b);
}

/* Many lanes, a cache that is far too small, some frames damaged. */
struct getter {
    struct bench *b;
    uint64_t seed;
    unsigned failed;
};

static void *get_all(void *ctx)
{
    struct getter *g = ctx;
    struct fetch_lane *l = NULL;
    struct prng r;

    prng_init(&r, g->seed);
    assert_int_equal(fetch_lane_new(g->b->fetch, &l), 0);
    for (unsigned i = 0; i < 600; i++) {
        struct fetch_chunk c[2];
        int rc = get(g->b, l, prng_below(&r, ALL), CHUNK, &c[0]);
        int rc2 = get(g->b, l, prng_below(&r, ALL), CHUNK, &c[1]);

        g->failed += rc != 0;
        g->failed += rc2 != 0;
        fetch_release(l, &c[0]);
        fetch_release(l, &c[1]);
    }
    fetch_lane_free(l);
    return NULL;
}

static void test_fetch__serves_many_lanes(void **state)
{
    enum { THREADS = 4 };

    (void)state;
    for (int damaged = 0; damaged < 2; damaged++) {
        struct getter g[THREADS];
        pthread_t t[THREADS];
        struct bench b;

        bench_open(&b, 1, 2 * CHUNKS * CHUNK);
        if (damaged)
            damage_pack(&b, &b.pack[0]);
        for (unsigned i = 0; i < THREADS; i++) {
            g[i] = (struct getter){&b, i, 0};
            assert_int_equal(pthread_create(&t[i], NULL, get_all, &g[i]), 0);
        }
        for (unsigned i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(t[i], NULL), 0);
            assert_int_equal(g[i].failed, damaged ? 1200 : 0);
        }
        bench_close(&b);
    }
}

/* Two want one frame: both are told, before it is there, that it takes long. */
static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t told_more = PTHREAD_COND_INITIALIZER;
static unsigned told;

static void tell(void)
{
    (void)pthread_mutex_lock(&told_lock);
    told++;
    (void)pthread_cond_broadcast(&told_more);
    (void)pthread_mutex_unlock(&told_lock);
}

/* The store answers once both were told; after half a minute it fails. */
static int slow_get(void *ctx, enum memory_point point, enum memory_op op,
                    const char *name)
{
    struct timespec until;
    int late = 0;

    (void)ctx;
    if (point != MEMORY_BEFORE || op != MEMORY_GET ||
        strncmp(name, "packs/", 6) != 0)
        return 0;
    assert_int_equal(timespec_get(&until, TIME_UTC), TIME_UTC);
    until.tv_sec += 30;
    (void)pthread_mutex_lock(&told_lock);
    while (told < 2 && !late)
        late = pthread_cond_timedwait(&told_more, &told_lock, &until);
    (void)pthread_mutex_unlock(&told_lock);
    return late ? err_set(E_STORE, "nobody else was told") : 0;
}

static void *get_first(void *arg)
{
    struct getter *g = arg;
    struct fetch_lane *lane;
    struct fetch_chunk c;

    assert_int_equal(fetch_lane_new(g->b->fetch, &lane), 0);
    g->failed = get(g->b, lane, g->seed % CHUNKS, CHUNK, &c) != 0;
    fetch_release(lane, &c);
    fetch_lane_free(lane);
    return NULL;
}

static void test_fetch__who_waits_is_told_as_well(void **state)
{
    struct getter g[2];
    pthread_t t[2];
    struct bench b;

    (void)state;
    bench_open(&b, 1, 1 << 20);
    fetch_lane_free(b.lane);
    b.lane = NULL;
    told = 0;
    fetch_before_load(b.fetch, tell);
    memory_set_hook(b.f.store, slow_get, NULL);
    for (unsigned i = 0; i < 2; i++) {
        g[i] = (struct getter){&b, i, 0};
        assert_int_equal(pthread_create(&t[i], NULL, get_first, &g[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
        assert_int_equal(g[i].failed, 0);
    }
    memory_set_hook(b.f.store, NULL, NULL);
    assert_int_equal(told, 2);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetch__neighbours_cost_a_lookup),
        cmocka_unit_test(test_fetch__its_cache_is_bounded),
        cmocka_unit_test(test_fetch__what_is_lent_stays),
        cmocka_unit_test(test_fetch__memory_goes_from_frame_to_frame),
        cmocka_unit_test(test_fetch__frames_of_nearly_a_size_share_memory),
        cmocka_unit_test(test_fetch__lengths_must_agree),
        cmocka_unit_test(test_fetch__what_is_nowhere),
        cmocka_unit_test(test_fetch__other_copies_heal_damage),
        cmocka_unit_test(test_fetch__looks_again_when_a_pack_has_moved),
        cmocka_unit_test(test_fetch__trouble_with_the_store_is_named_so),
        cmocka_unit_test(test_fetch__serves_many_lanes),
        cmocka_unit_test(test_fetch__who_waits_is_told_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
