/*
 * Cut points of the format, for ever. A change that makes one of these fail
 * would make every repository store its data a second time: it is wrong, the
 * table is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/mem.h"
#include "chunker/anchor.h"
#include "chunker/chunker.h"
#include "tests/chunker/chunk_data.h"

enum { N = 4 << 20, MOST = 1024, EXAMPLE_BYTES = 200000 };

/* FNV-1a, 64 bits, over the lengths as 4 bytes each, little-endian */
static uint64_t fnv(const uint32_t *lens, size_t n)
{
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < 4 * n; i++)
        h = (h ^ (lens[i / 4] >> (i % 4 * 8) & 0xff)) * 0x100000001b3;
    return h;
}

static size_t cut(uint32_t normal, const char *key, const uint8_t *p, size_t n,
                  uint32_t *lens)
{
    struct chunker_params params;
    struct chunker c;
    size_t known = 0;

    assert_int_equal(chunker_params_of(normal, &params), 0);
    assert_int_equal(chunker_init(&c, &params, (const uint8_t *)key), 0);
    return chunker_cut(&c, p, n, true, &known, lens, MOST);
}

/* The worked example of docs/chunker.md: byte i is (i^3 div 256) mod 256. */
static void test_chunker_golden__the_documented_example(void **state)
{
    static const uint32_t anchors[] = {467,  497,  508,  630,  1185,
                                       1447, 1609, 1664, 2190, 2561};
    static const uint32_t want[] = {18047, 13667, 11789, 16692, 23388,
                                    13667, 11789, 16692, 23388, 13667,
                                    11789, 16692, 8733};
    uint8_t *p = mem_alloc(EXAMPLE_BYTES);
    struct anchor_list list = {0};
    uint32_t lens[MOST];
    size_t n;

    (void)state;
    assert_non_null(p);
    for (uint64_t i = 0; i < EXAMPLE_BYTES; i++)
        p[i] = (uint8_t)(i * i * i >> 8);
    anchor_find(p, 63, EXAMPLE_BYTES, &list);
    assert_true(list.n >= sizeof anchors / sizeof anchors[0]);
    assert_memory_equal(list.pos, anchors, sizeof anchors);
    n = cut(16 << 10, "0123456789abcdef", p, EXAMPLE_BYTES, lens);
    assert_int_equal(n, sizeof want / sizeof want[0]);
    assert_memory_equal(lens, want, sizeof want);
    free(p);
}

#define K1 "0123456789abcdef"
#define K2 "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\x80\x81\x82\x83\x84\x85\x86\x87"

static const struct {
    enum chunk_data_kind kind;
    uint32_t seed;
    const char *key;
    uint32_t normal;
    uint32_t count;
    uint64_t fnv;
} golden[] = {
    {CHUNK_DATA_RANDOM, 100, K1, 16 << 10, 242, 0x7e38fef41eaf60c5},
    {CHUNK_DATA_RANDOM, 100, K1, 64 << 10, 61, 0xbb335aef370383da},
    {CHUNK_DATA_RANDOM, 100, K1, 256 << 10, 15, 0xf47647c62cd67d0e},
    {CHUNK_DATA_RANDOM, 200, K2, 32 << 10, 115, 0xd0e67764b0054164},
    {CHUNK_DATA_ZEROS, 101, K1, 16 << 10, 64, 0x81dccd7486637525},
    {CHUNK_DATA_ZEROS, 101, K1, 64 << 10, 16, 0x73b950b76217c625},
    {CHUNK_DATA_ZEROS, 101, K1, 256 << 10, 4, 0xf326e01e002c94a5},
    {CHUNK_DATA_ZEROS, 201, K2, 32 << 10, 32, 0x0bbe565d68c32f25},
    {CHUNK_DATA_RUNS, 102, K1, 16 << 10, 89, 0x29f54aa0dce0af7e},
    {CHUNK_DATA_RUNS, 102, K1, 64 << 10, 23, 0x781f4c6c1de52df4},
    {CHUNK_DATA_RUNS, 102, K1, 256 << 10, 7, 0xadab5e759f081390},
    {CHUNK_DATA_RUNS, 202, K2, 32 << 10, 41, 0xbda533c9fdcccafb},
    {CHUNK_DATA_ACGT, 103, K1, 16 << 10, 234, 0xdc62ecdefe6ff409},
    {CHUNK_DATA_ACGT, 103, K1, 64 << 10, 60, 0x757f87b49b39fa86},
    {CHUNK_DATA_ACGT, 103, K1, 256 << 10, 16, 0x88c7d1434a909873},
    {CHUNK_DATA_ACGT, 203, K2, 32 << 10, 118, 0xad5ad7663582843f},
    {CHUNK_DATA_TWO, 104, K1, 16 << 10, 232, 0x06145bcb3a409a11},
    {CHUNK_DATA_TWO, 104, K1, 64 << 10, 59, 0xe69794d169bac633},
    {CHUNK_DATA_TWO, 104, K1, 256 << 10, 14, 0x279185fbaf37f9e2},
    {CHUNK_DATA_TWO, 204, K2, 32 << 10, 120, 0x147f1b29a58dff8e},
    {CHUNK_DATA_BIASED, 105, K1, 16 << 10, 240, 0xecadc7b5b3acab1c},
    {CHUNK_DATA_BIASED, 105, K1, 64 << 10, 61, 0xf28dc793f8a89353},
    {CHUNK_DATA_BIASED, 105, K1, 256 << 10, 14, 0xb15c8f7187e593c6},
    {CHUNK_DATA_BIASED, 205, K2, 32 << 10, 121, 0xbb43e0f1e254bcd2},
    {CHUNK_DATA_RECORDS, 106, K1, 16 << 10, 230, 0xb3933b1d663253b6},
    {CHUNK_DATA_RECORDS, 106, K1, 64 << 10, 55, 0x10d53afecf5e3b67},
    {CHUNK_DATA_RECORDS, 106, K1, 256 << 10, 14, 0x2a41ce7433a59a59},
    {CHUNK_DATA_RECORDS, 206, K2, 32 << 10, 117, 0xdfaabe1cc1f6aedf},
    {CHUNK_DATA_PERIODIC, 107, K1, 16 << 10, 64, 0x81dccd7486637525},
    {CHUNK_DATA_PERIODIC, 107, K1, 64 << 10, 16, 0x73b950b76217c625},
    {CHUNK_DATA_PERIODIC, 107, K1, 256 << 10, 4, 0xf326e01e002c94a5},
    {CHUNK_DATA_PERIODIC, 207, K2, 32 << 10, 32, 0x0bbe565d68c32f25},
    {CHUNK_DATA_LOG, 108, K1, 16 << 10, 245, 0xeb466299311159b2},
    {CHUNK_DATA_LOG, 108, K1, 64 << 10, 61, 0xe6607e88e39ede2e},
    {CHUNK_DATA_LOG, 108, K1, 256 << 10, 16, 0xedd295b5cdc41fd9},
    {CHUNK_DATA_LOG, 208, K2, 32 << 10, 118, 0x9a454956e42b7355},
    {CHUNK_DATA_SOURCE, 109, K1, 16 << 10, 220, 0xdbdd08de6264c163},
    {CHUNK_DATA_SOURCE, 109, K1, 64 << 10, 57, 0xb4b5d7c41696c7f2},
    {CHUNK_DATA_SOURCE, 109, K1, 256 << 10, 13, 0x343cddfb527a75b2},
    {CHUNK_DATA_SOURCE, 209, K2, 32 << 10, 117, 0x0f27cf535d4b464d},
    {CHUNK_DATA_WAVE, 110, K1, 16 << 10, 233, 0x2dc5c724172e2d02},
    {CHUNK_DATA_WAVE, 110, K1, 64 << 10, 58, 0x63f6f665156c6909},
    {CHUNK_DATA_WAVE, 110, K1, 256 << 10, 14, 0xb941ccf95f62364f},
    {CHUNK_DATA_WAVE, 210, K2, 32 << 10, 115, 0xe40295988007b04e},
    {CHUNK_DATA_SPARSE, 111, K1, 16 << 10, 150, 0xb423054977cd9bbe},
    {CHUNK_DATA_SPARSE, 111, K1, 64 << 10, 35, 0x37b402d870bb1442},
    {CHUNK_DATA_SPARSE, 111, K1, 256 << 10, 9, 0xa220eb117e2e67b1},
    {CHUNK_DATA_SPARSE, 211, K2, 32 << 10, 66, 0x968c797a8a8e8565},
    {CHUNK_DATA_TAR, 112, K1, 16 << 10, 203, 0xd5358be38a3bd841},
    {CHUNK_DATA_TAR, 112, K1, 64 << 10, 52, 0xf90c720f220dca5c},
    {CHUNK_DATA_TAR, 112, K1, 256 << 10, 13, 0xb68d5dbcf69f353e},
    {CHUNK_DATA_TAR, 212, K2, 32 << 10, 98, 0xfc0409aebc8336e7},
};

static void test_chunker_golden__cuts_stay_where_they_are(void **state)
{
    uint8_t *p = mem_alloc(N);
    uint32_t lens[MOST];

    (void)state;
    assert_non_null(p);
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        size_t n;

        chunk_data_fill(golden[i].kind, golden[i].seed, p, N);
        n = cut(golden[i].normal, golden[i].key, p, N, lens);
        print_message("%s %u %u: %zu 0x%016llx\n",
                      chunk_data_name(golden[i].kind), golden[i].seed,
                      golden[i].normal, n, (unsigned long long)fnv(lens, n));
        assert_int_equal(n, golden[i].count);
        assert_true(fnv(lens, n) == golden[i].fnv);
    }
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunker_golden__the_documented_example),
        cmocka_unit_test(test_chunker_golden__cuts_stay_where_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
