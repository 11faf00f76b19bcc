#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chunker/anchor.h"
#include "tests/chunker/chunk_oracle.h"
#include "tests/chunker/chunk_setup.h"

enum { RATE_BYTES = 4 << 20 };

/* Calls one version as the chunker does, and counts what it finds. */
static size_t count_anchors(const uint8_t *p, size_t n)
{
    const struct anchor_version *v = anchor_best(cpu_level());
    size_t count = 0;

    for (size_t at = ANCHOR_READ_BEFORE; n - at >= ANCHOR_RUN;) {
        struct anchor_list list = {0};

        at = v->find(p, at, n, &list);
        count += list.n;
    }
    return count;
}

static uint8_t by_rows(uint64_t matrix, unsigned x)
{
    unsigned y = 0;

    for (unsigned i = 0; i < 8; i++)
        y |= (unsigned)__builtin_parity((unsigned)(matrix >> (8 * (7 - i))) &
                                        x & 0xff)
             << i;
    return (uint8_t)y;
}

static void test_anchor__tables_are_the_matrices(void **state)
{
    (void)state;
    for (size_t k = 0; k < ANCHOR_MATRICES; k++) {
        for (unsigned x = 0; x < 256; x++) {
            uint8_t y = by_rows(anchor_matrix[k], x);

            assert_int_equal(anchor_product[k][x], y);
            assert_int_equal(
                anchor_nibble[k][0][x & 15] ^ anchor_nibble[k][1][x >> 4], y);
        }
    }
}

/* One call of one version at one place against the oracle. */
static void check_find(const struct anchor_version *v, const uint8_t *p,
                       size_t at, size_t end, size_t held)
{
    struct anchor_list list = {.n = held};
    size_t n = held;
    size_t stop = v->find(p, at, end, &list);

    assert_int_equal((stop - at) % ANCHOR_RUN, 0);
    assert_true(stop <= end);
    assert_true(end - stop < ANCHOR_RUN || list.n >= ANCHOR_ENOUGH);
    assert_true(list.n < ANCHOR_ROOM);
    for (size_t i = at; i < stop; i++) {
        if (stop - i == ANCHOR_RUN)
            assert_true(n < ANCHOR_ENOUGH); /* else it had to stop before */
        if (chunk_oracle_anchor(p, i)) {
            assert_true(n < list.n);
            assert_int_equal(list.pos[n++], i);
        }
    }
    assert_int_equal(n, list.n);
}

static void test_anchor__every_version_finds_the_same(void **state)
{
    enum { N = 8192 };
    uint8_t *p = mem_alloc(N);
    const uint64_t seed = 20;
    struct prng r;

    (void)state;
    assert_non_null(p);
    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&r, seed);
    for (int round = 0; round < 40 * CHUNK_DATA_KINDS; round++) {
        chunk_data_fill((enum chunk_data_kind)(round % CHUNK_DATA_KINDS),
                        prng_next(&r), p, N);
        for (size_t i = 0; i < CHUNK_LEVELS; i++) {
            const struct anchor_version *v = anchor_best(chunk_levels[i]);
            size_t at = ANCHOR_READ_BEFORE + prng_below(&r, 200);
            size_t end = at + prng_below(&r, N - at + 1);

            if (chunk_levels[i] > cpu_level())
                break;
            assert_true(v->level <= chunk_levels[i]);
            check_find(v, p, at, end, prng_below(&r, ANCHOR_ENOUGH));
        }
    }
    free(p);
}

/* As x[i] = target ^ (what the 31 bytes before it add) makes i an anchor, every
 * position can be one. */
static void test_anchor__finds_anchors_at_every_position(void **state)
{
    uint8_t p[ANCHOR_READ_BEFORE + 5 * ANCHOR_RUN] = {0};
    struct prng r;

    (void)state;
    prng_init(&r, 21);
    prng_fill(&r, p, 31);
    for (size_t i = 31; i < sizeof p; i++) {
        while (!chunk_oracle_anchor(p, i))
            p[i]++;
    }
    for (size_t i = 0; i < CHUNK_LEVELS; i++) {
        if (chunk_levels[i] > cpu_level())
            break;
        for (size_t held = 0; held < ANCHOR_ENOUGH; held++)
            check_find(anchor_best(chunk_levels[i]), p, ANCHOR_READ_BEFORE,
                       sizeof p, held);
    }
}

static void test_anchor__short_periods_have_none(void **state)
{
    uint8_t p[256];
    struct prng r;

    (void)state;
    prng_init(&r, 22);
    for (unsigned pattern = 0; pattern < 65536; pattern++) {
        for (size_t i = 0; i < sizeof p; i++)
            p[i] = (uint8_t)(pattern >> (i % 2 * 8));
        assert_int_equal(count_anchors(p, sizeof p), 0);
    }
    for (int round = 0; round < 20000; round++) {
        prng_fill(&r, p, 16);
        for (size_t i = 16; i < sizeof p; i++)
            p[i] = p[i - 16];
        assert_int_equal(count_anchors(p, sizeof p), 0);
    }
}

static void test_anchor__one_in_256_bytes_of_common_data(void **state)
{
    static const enum chunk_data_kind kinds[] = {
        CHUNK_DATA_RANDOM,  CHUNK_DATA_ACGT, CHUNK_DATA_TWO,
        CHUNK_DATA_RECORDS, CHUNK_DATA_LOG,  CHUNK_DATA_SOURCE,
        CHUNK_DATA_WAVE};
    uint8_t *p = mem_alloc(RATE_BYTES);

    (void)state;
    assert_non_null(p);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t n;

        chunk_data_fill(kinds[i], 23, p, RATE_BYTES);
        n = count_anchors(p, RATE_BYTES);
        print_message("%s: 1 in %zu\n", chunk_data_name(kinds[i]),
                      RATE_BYTES / (n + 1));
        assert_in_range(n, RATE_BYTES / 290, RATE_BYTES / 225);
    }
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anchor__tables_are_the_matrices),
        cmocka_unit_test(test_anchor__every_version_finds_the_same),
        cmocka_unit_test(test_anchor__finds_anchors_at_every_position),
        cmocka_unit_test(test_anchor__short_periods_have_none),
        cmocka_unit_test(test_anchor__one_in_256_bytes_of_common_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
