/* What the cuts are good for, on whole streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chunker/chunker.h"
#include "tests/chunker/chunk_oracle.h"
#include "tests/chunker/chunk_setup.h"

static size_t cut_stream(const struct chunker *c, const uint8_t *p, size_t n,
                         uint64_t *ends)
{
    size_t count = 0;
    size_t known = 0;

    for (size_t s = 0; s < n;) {
        s += chunker_next(c, p + s, n - s, true, &known);
        ends[count++] = s;
    }
    return count;
}

/* Cut from somewhere in the middle: from the first common cut on the same. */
static void test_chunker_yield__a_split_stream_falls_into_step(void **state)
{
    enum { N = 8 << 20, MOST = 2000, SPLITS = 100 };
    static const enum chunk_data_kind kinds[] = {
        CHUNK_DATA_RANDOM, CHUNK_DATA_ACGT, CHUNK_DATA_SOURCE, CHUNK_DATA_TAR,
        CHUNK_DATA_RECORDS};
    struct chunker c = chunk_chunker(16 << 10);
    struct prng r = chunk_seeded(44);
    static uint64_t whole[MOST], part[MOST];

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        uint8_t *p = chunk_stream(kinds[k], 8, N);
        size_t whole_n = cut_stream(&c, p, N, whole);
        size_t late = 0;

        for (int split = 0; split < SPLITS; split++) {
            size_t from = prng_below(&r, N / 2);
            size_t part_n = cut_stream(&c, p + from, N - from, part);
            size_t i = 0, j = 0;

            while (part[j] + from != whole[i]) {
                if (part[j] + from < whole[i])
                    j++;
                else
                    i++;
            }
            late += part[j];
            assert_int_equal(part_n - j, whole_n - i);
            for (; j < part_n; i++, j++)
                assert_int_equal(part[j] + from, whole[i]);
        }
        print_message("%s: in step after %zu bytes on average\n",
                      chunk_data_name(kinds[k]), late / SPLITS);
        assert_in_range(late / SPLITS, 1, 8 * c.params.max);
        free(p);
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* A chunk's name here: a keyed 64-bit hash, no collision in a test's life. */
static size_t name_chunks(const struct chunker *c, const uint8_t *p, size_t n,
                          uint64_t *names, uint32_t *lens)
{
    static const struct siphash_key name_key = {1, 2};
    size_t count = 0;
    size_t known = 0;

    for (size_t s = 0, len; s < n; s += len) {
        len = chunker_next(c, p + s, n - s, true, &known);
        lens[count] = (uint32_t)len;
        names[count++] = siphash(&name_key, bytes_of(p + s, len));
    }
    return count;
}

/* Insert, delete or overwrite 1..200 bytes. */
static size_t edit(uint8_t *p, size_t n, struct prng *r)
{
    size_t at = prng_below(r, n - 1000);
    size_t len = 1 + prng_below(r, 200);

    switch (prng_below(r, 3)) {
    case 0:
        memmove(p + at + len, p + at, n - at);
        n += len;
        break;
    case 1:
        memmove(p + at, p + at + len, n - at - len);
        return n - len;
    default:
        break;
    }
    prng_fill(r, p + at, len);
    return n;
}

static void test_chunker_yield__an_edit_moves_about_one_chunk(void **state)
{
    enum { N = 32 << 20, MOST = 2000, EDITS = 60 };
    static const enum chunk_data_kind kinds[] = {CHUNK_DATA_RANDOM,
                                                 CHUNK_DATA_SOURCE};
    struct chunker c = chunk_chunker(64 << 10);
    struct prng r = chunk_seeded(45);
    static uint64_t old[MOST], new[MOST];
    static uint32_t lens[MOST];

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        uint8_t *p = mem_alloc(N + EDITS * 200);
        size_t n = N, old_n, new_n, fresh = 0;
        double per_edit;

        assert_non_null(p);
        chunk_data_fill(kinds[k], 9, p, N);
        old_n = name_chunks(&c, p, n, old, lens);
        qsort(old, old_n, sizeof old[0], by_value);
        for (int i = 0; i < EDITS; i++)
            n = edit(p, n, &r);
        new_n = name_chunks(&c, p, n, new, lens);
        for (size_t i = 0; i < new_n; i++) {
            if (!bsearch(&new[i], old, old_n, sizeof old[0], by_value))
                fresh += lens[i];
        }
        per_edit = (double)fresh / EDITS / ((double)n / (double)new_n);
        print_message("%s: an edit costs %.2f mean chunks\n",
                      chunk_data_name(kinds[k]), per_edit);
        assert_true(per_edit > 0.8 && per_edit < 1.3);
        free(p);
    }
}

static void test_chunker_yield__lengths_are_near_the_normal_size(void **state)
{
    enum { MOST = 4000 };
    static uint64_t ends[MOST];

    (void)state;
    for (size_t i = 0; i < CHUNK_SIZES; i++) {
        struct chunker c = chunk_chunker(chunk_sizes[i]);
        size_t n = (size_t)1000 * chunk_sizes[i];
        uint8_t *p = chunk_stream(CHUNK_DATA_RANDOM, 10, n);
        size_t count = cut_stream(&c, p, n, ends);
        size_t small = 0, forced = 0;
        double mean = (double)n / (double)count / chunk_sizes[i];

        for (size_t j = 0; j < count; j++) {
            size_t len = ends[j] - (j ? ends[j - 1] : 0);

            small += len < c.params.normal;
            forced += len == c.params.max;
        }
        print_message("%u: mean %.3f, %zu of %zu below normal, %zu forced\n",
                      chunk_sizes[i], mean, small, count, forced);
        /* 5/8 + 1 - exp(-3/8) + exp(-3/8) / 4 = 1.11; 1 - exp(-3/8) = 0.31 */
        assert_true(mean > 1.06 && mean < 1.16);
        assert_in_range(small, count / 4, count * 3 / 8);
        assert_in_range(forced, 0, count / 200);
        free(p);
    }
}

/* Where a cut falls says nothing about where the anchors are: its distance
 * from the last anchor is distributed as that of any other position is. */
static void test_chunker_yield__cuts_are_as_near_to_anchors_as_any_byte(
    void **state)
{
    enum { N = 64 << 20, BINS = 8, MOST = 8000 };
    /* bounds of the octiles of P(distance > d) = (255/256)^d */
    static const size_t bounds[BINS] = {34, 74, 120, 177, 251, 354, 532, N};
    struct chunker c = chunk_chunker(16 << 10);
    uint8_t *p = chunk_stream(CHUNK_DATA_RANDOM, 11, N);
    static uint64_t ends[MOST];
    size_t count = cut_stream(&c, p, N, ends) - 1;
    size_t bins[BINS] = {0};
    double chi = 0;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        size_t d = 1;
        size_t bin = 0;

        while (!chunk_oracle_anchor(p, ends[i] - d))
            d++;
        while (d > bounds[bin])
            bin++;
        bins[bin]++;
    }
    for (size_t i = 0; i < BINS; i++) {
        double e = (double)count / BINS;

        chi += ((double)bins[i] - e) * ((double)bins[i] - e) / e;
    }
    print_message("chi squared %.1f with 7 degrees of freedom\n", chi);
    assert_true(chi < 24.3); /* 1 in 1000 */
    free(p);
}

static void test_chunker_yield__another_key_cuts_elsewhere(void **state)
{
    enum { N = 16 << 20, MOST = 2000 };
    static const uint8_t other_key[CHUNKER_KEY_BYTES] = "0123456789abcdeg";
    struct chunker c = chunk_chunker(16 << 10);
    uint8_t *p = chunk_stream(CHUNK_DATA_SOURCE, 12, N);
    struct chunker d;
    static uint64_t a[MOST], b[MOST];
    size_t a_n, b_n, same = 0;

    (void)state;
    assert_int_equal(chunker_init(&d, &c.params, other_key), 0);
    a_n = cut_stream(&c, p, N, a);
    b_n = cut_stream(&d, p, N, b) - 1;
    for (size_t i = 0; i < b_n; i++)
        same += bsearch(&b[i], a, a_n, sizeof a[0], by_value) != NULL;
    print_message("%zu of %zu cuts in common\n", same, b_n);
    assert_in_range(same, 0, 3);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunker_yield__a_split_stream_falls_into_step),
        cmocka_unit_test(test_chunker_yield__an_edit_moves_about_one_chunk),
        cmocka_unit_test(test_chunker_yield__lengths_are_near_the_normal_size),
        cmocka_unit_test(
            test_chunker_yield__cuts_are_as_near_to_anchors_as_any_byte),
        cmocka_unit_test(test_chunker_yield__another_key_cuts_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
