#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "chunker/chunker.h"
#include "tests/chunker/chunk_data.h"
#include "tests/chunker/chunk_oracle.h"
#include "tests/support/prng.h"

static const uint8_t key[CHUNKER_KEY_BYTES] = "0123456789abcdef";

static const uint32_t sizes[] = {16 << 10, 32 << 10, 64 << 10, 128 << 10,
                                 256 << 10};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static const enum cpu_level levels[] = {CPU_SCALAR, CPU_SSE41, CPU_AVX2,
                                        CPU_AVX512};
enum { LEVELS = sizeof levels / sizeof levels[0] };

/* The same chunker in each version that this CPU can run. */
struct team {
    struct chunker chunker[LEVELS];
    size_t n;
};

static void team_init(struct team *t, const struct chunker_params *params)
{
    t->n = 0;
    cpu_cap_level(CPU_AVX512);
    for (size_t i = 0; i < LEVELS && levels[i] <= cpu_level(); i++) {
        cpu_cap_level(levels[i]);
        assert_int_equal(chunker_init(&t->chunker[t->n++], params, key), 0);
        cpu_cap_level(CPU_AVX512);
    }
}

static struct chunker_params params_of(uint32_t normal)
{
    struct chunker_params params;

    assert_int_equal(chunker_params_of(normal, &params), 0);
    return params;
}

static struct chunker chunker_of(uint32_t normal)
{
    struct chunker_params params = params_of(normal);
    struct chunker c;

    assert_int_equal(chunker_init(&c, &params, key), 0);
    return c;
}

static uint8_t *stream(enum chunk_data_kind kind, uint64_t seed, size_t n)
{
    uint8_t *p = mem_alloc(n);

    assert_non_null(p);
    chunk_data_fill(kind, seed, p, n);
    return p;
}

static struct prng seeded(uint64_t seed)
{
    struct prng r;

    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&r, seed);
    return r;
}

/* ---- parameters ---- */

static void test_chunker__sizes_follow_from_the_normal_one(void **state)
{
    struct chunker_params p;

    (void)state;
    for (uint32_t n = 16 << 10; n <= 256 << 10; n *= 2) {
        assert_int_equal(chunker_params_of(n, &p), 0);
        assert_int_equal(p.min, n / 8 * 5);
        assert_int_equal(p.normal, n);
        assert_int_equal(p.max, n * 4);
    }
    p.normal = 1;
    assert_int_equal(chunker_params_of(0, &p), E_USAGE);
    assert_int_equal(chunker_params_of(8 << 10, &p), E_USAGE);
    assert_int_equal(chunker_params_of(65537, &p), E_USAGE);
    assert_int_equal(chunker_params_of(512 << 10, &p), E_USAGE);
    assert_int_equal(chunker_params_of(((uint64_t)1 << 32) + 65536, &p),
                     E_USAGE);
    assert_int_equal(p.normal, 1);
}

static void test_chunker__refuses_sizes_out_of_range(void **state)
{
    static const struct {
        struct chunker_params p;
        int rc;
    } table[] = {
        {{4159, 16 << 10, 16 << 10}, 0},
        {{4158, 16 << 10, 64 << 10}, E_USAGE},
        {{16 << 10, 16 << 10, 64 << 10}, 0},
        {{(16 << 10) + 1, 16 << 10, 64 << 10}, E_USAGE},
        {{10 << 10, 16 << 10, (16 << 10) - 1}, E_USAGE},
        {{10 << 10, 24 << 10, 64 << 10}, E_USAGE},
        {{5 << 10, 8 << 10, 64 << 10}, E_USAGE},
        {{160 << 10, 256 << 10, 1 << 20}, 0},
        {{160 << 10, 256 << 10, (1 << 20) + 1}, E_USAGE},
        {{160 << 10, 512 << 10, 1 << 20}, E_USAGE},
        {{0, 0, 0}, E_USAGE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct chunker c;

        assert_int_equal(chunker_params_check(&table[i].p), table[i].rc);
        assert_int_equal(chunker_init(&c, &table[i].p, key), table[i].rc);
    }
}

static void test_chunker__release_wipes_the_key(void **state)
{
    struct chunker c = chunker_of(65536);
    struct chunker zero;

    (void)state;
    memset(&zero, 0, sizeof zero);
    chunker_release(&c);
    assert_memory_equal(&c, &zero, sizeof c);
    chunker_release(&c);
}

/* ---- cuts ---- */

static void check_stream(const struct chunk_oracle *o,
                         const struct chunker_params *params)
{
    size_t known[LEVELS] = {0};
    struct team t;

    team_init(&t, params);
    for (size_t s = 0, len; s < o->n; s += len) {
        len = chunk_oracle_next(o, params, s, o->n, true);
        for (size_t i = 0; i < t.n; i++) {
            assert_int_equal(chunker_next(&t.chunker[i], o->p + s, o->n - s,
                                          true, &known[i]),
                             len);
            assert_int_equal(known[i], 0);
        }
    }
}

static void test_chunker__cuts_as_defined(void **state)
{
    static const struct chunker_params odd[] = {
        {4159, 16 << 10, 16 << 10},  {4159, 16 << 10, 1 << 20},
        {16 << 10, 16 << 10, 20000}, {4223, 32 << 10, 33000},
        {65536, 65536, 65536},
    };
    enum { N = 2 << 20 };

    (void)state;
    for (int kind = 0; kind < CHUNK_DATA_KINDS; kind++) {
        uint8_t *p = stream((enum chunk_data_kind)kind, 1, N);
        struct chunk_oracle o;

        chunk_oracle_init(&o, p, N, key);
        for (size_t i = 0; i < SIZES; i++) {
            struct chunker_params params = params_of(sizes[i]);

            check_stream(&o, &params);
        }
        for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
            check_stream(&o, &odd[i]);
        chunk_oracle_release(&o);
        free(p);
    }
}

/* One call, ended at n, in every version, on a copy without room around it. */
static void check_size(const struct team *t, const struct chunk_oracle *o,
                       size_t s, size_t n)
{
    uint8_t *copy = mem_alloc(n ? n : 1);

    assert_non_null(copy);
    memcpy(copy, o->p + s, n);
    for (int last = 0; last < 2; last++) {
        size_t want =
            chunk_oracle_next(o, &t->chunker[0].params, s, s + n, last);

        for (size_t i = 0; i < t->n; i++) {
            size_t known = 0;
            size_t len = chunker_next(&t->chunker[i], copy, n, last, &known);

            assert_int_equal(len, want);
            assert_int_equal(known, want ? 0 : n);
        }
    }
    free(copy);
}

static void test_chunker__every_size_around_every_bound(void **state)
{
    struct prng r = seeded(40);

    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        struct chunker_params params = params_of(sizes[i]);
        const size_t bounds[] = {0,
                                 params.min - 4096,
                                 params.min,
                                 params.min + 128,
                                 params.normal,
                                 params.max};
        enum { BOUNDS = sizeof bounds / sizeof bounds[0], AROUND = 9 };
        size_t n = 4 * params.max;
        uint8_t *p = stream(i % 2 ? CHUNK_DATA_RANDOM : CHUNK_DATA_TAR, 2, n);
        struct chunk_oracle o;
        struct team t;

        team_init(&t, &params);
        chunk_oracle_init(&o, p, n, key);
        for (size_t b = 0; b < BOUNDS; b++) {
            for (int d = -AROUND; d <= AROUND; d++) {
                size_t size = bounds[b] + (size_t)d;

                if (d >= 0 || bounds[b] > 0)
                    check_size(&t, &o, prng_below(&r, n / 2), size);
            }
        }
        for (int round = 0; round < 100; round++)
            check_size(&t, &o, prng_below(&r, n / 2),
                       prng_below(&r, params.max + 100));
        /* ends one before, at and one behind a cut */
        for (size_t s = 0; s < n / 2;) {
            size_t len = chunk_oracle_next(&o, &params, s, n, true);

            for (size_t size = len - 1; size <= len + 1; size++)
                check_size(&t, &o, s, size);
            s += len;
        }
        chunk_oracle_release(&o);
        free(p);
    }
}

/* A candidate exactly at, one before and one behind each bound: the stream is
 * begun where that makes it so. */
static void test_chunker__every_bound_is_exact(void **state)
{
    static const struct chunker_params table[] = {
        {10 << 10, 16 << 10, 64 << 10},
        {4159, 16 << 10, 17000},
        {16 << 10, 16 << 10, 17000},
    };
    enum { N = 1 << 20, BOUNDS = 3 };
    uint8_t *p = stream(CHUNK_DATA_RANDOM, 13, N);
    struct chunk_oracle o;
    size_t hits = 0;

    (void)state;
    chunk_oracle_init(&o, p, N, key);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const size_t bounds[BOUNDS] = {table[i].min, table[i].normal,
                                       table[i].max};
        struct team t;

        team_init(&t, &table[i]);
        for (size_t c = 1 << 17; c < N; c++) {
            if (!chunk_oracle_cuts(&o, &table[i], c - table[i].normal,
                                   table[i].normal))
                continue;
            for (size_t b = 0; b < BOUNDS; b++) {
                for (size_t len = bounds[b] - 1; len <= bounds[b] + 1; len++)
                    check_size(&t, &o, c - len, len + 1);
            }
            hits++;
        }
    }
    assert_true(hits > 300);
    chunk_oracle_release(&o);
    free(p);
}

/* An anchor at at, the last one of a stream of zeros behind it. */
static void put_last_anchor(uint8_t *p, size_t at, struct prng *r)
{
    bool alone = false;

    while (!alone) {
        prng_fill(r, p + at - 63, 64);
        alone = chunk_oracle_anchor(p, at);
        for (size_t i = at + 1; i <= at + 32; i++)
            alone = alone && !chunk_oracle_anchor(p, i);
    }
}

/* The farthest candidate of an anchor, 4096 behind it, is at the least length;
 * with the least min, its window begins with the chunk. */
static void test_chunker__the_reach_is_exact(void **state)
{
    static const struct chunker_params table[] = {
        {4159, 16 << 10, 64 << 10},
        {10 << 10, 16 << 10, 64 << 10},
    };
    enum { N = 64 << 10 };
    struct prng r = seeded(46);

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint8_t *p = mem_alloc(N);
        size_t at = table[i].min - 4096;
        struct siphash_key k = {1, 0};
        uint8_t raw[CHUNKER_KEY_BYTES] = {1};

        assert_non_null(p);
        put_last_anchor(p, at, &r);
        while ((siphash_64(&k, p + at - 63) & 0xffff) != 0x0fff)
            k.k1++;
        for (size_t b = 0; b < 8; b++)
            raw[8 + b] = (uint8_t)(k.k1 >> (8 * b));
        for (size_t v = 0; v < LEVELS; v++) {
            struct chunker c;
            size_t known = 0;

            cpu_cap_level(levels[v]);
            assert_int_equal(chunker_init(&c, &table[i], raw), 0);
            cpu_cap_level(CPU_AVX512);
            assert_int_equal(chunker_next(&c, p, table[i].min, false, &known),
                             table[i].min);
            assert_true(chunker_predict(&c, p, table[i].min));
        }
        free(p);
    }
}

/* Pieces of any size, each time in another place: the same cuts. */
static void feed(const struct chunker *c, const uint8_t *p, size_t n,
                 struct prng *r)
{
    size_t known = 0;
    size_t given = 0;
    size_t none = 0;

    for (size_t s = 0; s < n;) {
        uint8_t *copy = mem_alloc(n - s);
        size_t most = (size_t)1 << prng_below(r, 20);
        size_t more = prng_below(r, most + 1);
        size_t len;

        assert_non_null(copy);
        given = n - s - given < more ? n - s : given + more;
        memcpy(copy, p + s, given);
        len = chunker_next(c, copy, given, s + given == n, &known);
        free(copy);
        if (len == 0)
            continue;
        assert_int_equal(known, 0);
        assert_int_equal(len, chunker_next(c, p + s, n - s, true, &none));
        s += len;
        given = given > len ? given - len : 0;
    }
}

static void test_chunker__pieces_make_no_difference(void **state)
{
    enum { N = 1 << 20 };
    struct prng r = seeded(41);

    (void)state;
    for (int kind = 0; kind < CHUNK_DATA_KINDS; kind++) {
        uint8_t *p = stream((enum chunk_data_kind)kind, 3, N);

        for (size_t i = 0; i < 3; i++) {
            struct chunker_params params = params_of(sizes[i]);
            struct team t;

            team_init(&t, &params);
            feed(&t.chunker[prng_below(&r, t.n)], p, N, &r);
        }
        free(p);
    }
}

/* What was said to be known is not looked at again, but for the window. */
static void test_chunker__looks_back_by_one_window(void **state)
{
    struct chunker c = chunker_of(65536);
    uint8_t *p = stream(CHUNK_DATA_RANDOM, 4, 1 << 20);
    size_t known = 0;
    size_t none = 0;

    (void)state;
    for (size_t s = 0; s < 900000;) {
        size_t len = chunker_next(&c, p + s, (1 << 20) - s, true, &none);
        size_t n = len - 1;
        uint8_t *copy = mem_alloc(c.params.max);

        assert_non_null(copy);
        assert_int_equal(chunker_next(&c, p + s, n, false, &known), 0);
        assert_int_equal(known, n);
        memcpy(copy + len - CHUNKER_WINDOW, p + s + len - CHUNKER_WINDOW,
               CHUNKER_WINDOW);
        assert_int_equal(chunker_next(&c, copy, len, false, &known), len);
        free(copy);
        s += len;
    }
    free(p);
}

/* Same chunk, other bytes on both sides: same cut. */
static void test_chunker__a_chunk_depends_on_its_own_bytes(void **state)
{
    enum { N = 4 << 20, AROUND = 5000 };
    struct prng r = seeded(42);

    (void)state;
    for (int kind = 0; kind < CHUNK_DATA_KINDS; kind++) {
        uint8_t *p = stream((enum chunk_data_kind)kind, 5, N);
        struct chunker_params params = params_of(32 << 10);
        struct team t;
        size_t none = 0;

        team_init(&t, &params);
        for (size_t s = 0, len; N - s > params.max; s += len) {
            const struct chunker *c = &t.chunker[prng_below(&r, t.n)];
            uint8_t *copy = mem_alloc(params.max + 2 * AROUND);

            assert_non_null(copy);
            prng_fill(&r, copy, params.max + 2 * AROUND);
            len = chunker_next(c, p + s, N - s, true, &none);
            memcpy(copy + AROUND, p + s, len);
            assert_int_equal(chunker_next(c, copy + AROUND, params.max + AROUND,
                                          false, &none),
                             len);
            free(copy);
        }
        free(p);
    }
}

static void test_chunker__cuts_batches(void **state)
{
    enum { N = 3 << 20, MOST = 400 };
    struct chunker c = chunker_of(16 << 10);
    uint8_t *p = stream(CHUNK_DATA_TAR, 6, N);
    uint32_t all[MOST];
    size_t known = 0;
    size_t count = chunker_cut(&c, p, N, true, &known, all, MOST);
    size_t sum = 0;

    (void)state;
    for (size_t i = 0; i < count; i++)
        sum += all[i];
    assert_int_equal(sum, N);
    for (size_t room = 1; room < 7; room++) {
        uint32_t lens[8] = {0};
        size_t slab = 1 << 20; /* bytes read so far */
        size_t i = 0;

        for (size_t s = 0; s < N;) {
            size_t n =
                chunker_cut(&c, p + s, slab - s, slab == N, &known, lens, room);

            assert_int_equal(lens[room], 0);
            assert_memory_equal(lens, all + i, n * sizeof lens[0]);
            for (size_t k = 0; k < n; k++)
                s += lens[k];
            i += n;
            if (n == room) {
                assert_int_equal(known, 0);
            } else {
                assert_int_equal(known, slab - s);
                assert_true(slab - s < c.params.max);
                slab = slab < N ? slab + (1 << 20) : N;
            }
        }
        assert_int_equal(i, count);
    }
    assert_int_equal(chunker_cut(&c, p, 0, true, &known, all, MOST), 0);
    assert_int_equal(chunker_cut(&c, p, 0, false, &known, all, MOST), 0);
    free(p);
}

/* ---- prediction ---- */

/* p[0..len) was a whole chunk: does a prediction tell what will happen? */
static void check_prediction(const struct chunker *c, const uint8_t *p,
                             size_t len, struct prng *r)
{
    uint8_t *copy = mem_alloc(len + c->params.max);
    bool predicted = chunker_predict(c, p, len);
    size_t known = 0;

    assert_non_null(copy);
    memcpy(copy, p, len);
    assert_int_equal(chunker_next(c, copy, len, false, &known) == len,
                     predicted);
    known = 0;
    prng_fill(r, copy + len, c->params.max);
    assert_int_equal(chunker_next(c, copy, len + c->params.max, true, &known) ==
                         len,
                     predicted);
    free(copy);
}

static void test_chunker__predicts_what_it_would_cut(void **state)
{
    enum { N = 4 << 20 };
    struct prng r = seeded(43);

    (void)state;
    for (int kind = 0; kind < CHUNK_DATA_KINDS; kind++) {
        uint8_t *p = stream((enum chunk_data_kind)kind, 7, N);
        struct chunker_params params = params_of(64 << 10);
        struct team t;
        size_t none = 0;

        team_init(&t, &params);
        for (size_t s = 0, len; s < N; s += len) {
            const struct chunker *c = &t.chunker[prng_below(&r, t.n)];

            len = chunker_next(c, p + s, N - s, true, &none);
            check_prediction(c, p + s, len, &r);
            if (s + len < N)
                assert_true(chunker_predict(c, p + s, len));
            /* the stream might have ended anywhere in it */
            check_prediction(c, p + s, 1 + prng_below(&r, len), &r);
        }
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunker__sizes_follow_from_the_normal_one),
        cmocka_unit_test(test_chunker__refuses_sizes_out_of_range),
        cmocka_unit_test(test_chunker__release_wipes_the_key),
        cmocka_unit_test(test_chunker__cuts_as_defined),
        cmocka_unit_test(test_chunker__every_size_around_every_bound),
        cmocka_unit_test(test_chunker__every_bound_is_exact),
        cmocka_unit_test(test_chunker__the_reach_is_exact),
        cmocka_unit_test(test_chunker__pieces_make_no_difference),
        cmocka_unit_test(test_chunker__looks_back_by_one_window),
        cmocka_unit_test(test_chunker__a_chunk_depends_on_its_own_bytes),
        cmocka_unit_test(test_chunker__cuts_batches),
        cmocka_unit_test(test_chunker__predicts_what_it_would_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
