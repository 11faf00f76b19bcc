/* Every version cuts where docs/chunker.md says, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chunker/chunker.h"
#include "tests/chunker/chunk_oracle.h"
#include "tests/chunker/chunk_setup.h"

static void check_stream(const struct chunk_oracle *o,
                         const struct chunker_params *params)
{
    size_t known[CHUNK_LEVELS] = {0};
    struct chunk_team t;

    chunk_team_init(&t, params, chunk_key);
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

static void test_chunker_definition__cuts_as_defined(void **state)
{
    static const struct chunker_params odd[] = {
        {4159, 16 << 10, 16 << 10},  {4159, 16 << 10, 1 << 20},
        {16 << 10, 16 << 10, 20000}, {4223, 32 << 10, 33000},
        {65536, 65536, 65536},
    };
    enum { N = 2 << 20 };

    (void)state;
    for (int kind = 0; kind < CHUNK_DATA_KINDS; kind++) {
        uint8_t *p = chunk_stream((enum chunk_data_kind)kind, 1, N);
        struct chunk_oracle o;

        chunk_oracle_init(&o, p, N, chunk_key);
        for (size_t i = 0; i < CHUNK_SIZES; i++) {
            struct chunker_params params = chunk_params(chunk_sizes[i]);

            check_stream(&o, &params);
        }
        for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
            check_stream(&o, &odd[i]);
        chunk_oracle_release(&o);
        free(p);
    }
}

/* One call, ended at n, in every version, on a copy without room around it. */
static void check_size(const struct chunk_team *t, const struct chunk_oracle *o,
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

static void test_chunker_definition__every_size_around_every_bound(void **state)
{
    struct prng r = chunk_seeded(40);

    (void)state;
    for (size_t i = 0; i < CHUNK_SIZES; i++) {
        struct chunker_params params = chunk_params(chunk_sizes[i]);
        const size_t bounds[] = {0,
                                 params.min - 4096,
                                 params.min,
                                 params.min + 128,
                                 params.normal,
                                 params.max};
        enum { BOUNDS = sizeof bounds / sizeof bounds[0], AROUND = 9 };
        size_t n = 4 * params.max;
        uint8_t *p =
            chunk_stream(i % 2 ? CHUNK_DATA_RANDOM : CHUNK_DATA_TAR, 2, n);
        struct chunk_oracle o;
        struct chunk_team t;

        chunk_team_init(&t, &params, chunk_key);
        chunk_oracle_init(&o, p, n, chunk_key);
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
static void test_chunker_definition__every_bound_is_exact(void **state)
{
    static const struct chunker_params table[] = {
        {10 << 10, 16 << 10, 64 << 10},
        {4159, 16 << 10, 17000},
        {16 << 10, 16 << 10, 17000},
    };
    enum { N = 1 << 20, BOUNDS = 3 };
    uint8_t *p = chunk_stream(CHUNK_DATA_RANDOM, 13, N);
    struct chunk_oracle o;
    size_t hits = 0;

    (void)state;
    chunk_oracle_init(&o, p, N, chunk_key);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const size_t bounds[BOUNDS] = {table[i].min, table[i].normal,
                                       table[i].max};
        struct chunk_team t;

        chunk_team_init(&t, &table[i], chunk_key);
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
static void test_chunker_definition__the_reach_is_exact(void **state)
{
    static const struct chunker_params table[] = {
        {4159, 16 << 10, 64 << 10},
        {10 << 10, 16 << 10, 64 << 10},
    };
    enum { N = 64 << 10 };
    struct prng r = chunk_seeded(46);

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
        for (size_t v = 0; v < CHUNK_LEVELS; v++) {
            struct chunker c;
            size_t known = 0;

            cpu_cap_level(chunk_levels[v]);
            assert_int_equal(chunker_init(&c, &table[i], raw), 0);
            cpu_cap_level(CPU_AVX512);
            assert_int_equal(chunker_next(&c, p, table[i].min, false, &known),
                             table[i].min);
            assert_true(chunker_predict(&c, p, table[i].min));
        }
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunker_definition__cuts_as_defined),
        cmocka_unit_test(
            test_chunker_definition__every_size_around_every_bound),
        cmocka_unit_test(test_chunker_definition__every_bound_is_exact),
        cmocka_unit_test(test_chunker_definition__the_reach_is_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
