/* Each vector kernel against the scalar one, node by node: counters above 32
 * bits too, which no input of a test reaches through blake3.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/blake3_kernel.h"
#include "base/cpu.h"
#include "tests/support/prng.h"

enum { LANES_MAX = 16 };

static const struct {
    enum cpu_level level;
    size_t lanes;
    blake3_kernel *run;
} kernels[] = {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    {CPU_BASELINE, 4, blake3_baseline_x4},
#endif
#if defined(__x86_64__)
    {CPU_SSE41, 4, blake3_sse41_x4},        {CPU_AVX2, 8, blake3_avx2_x8},
    {CPU_AVX512, 8, blake3_avx512_x8},      {CPU_AVX512, 16, blake3_avx512_x16},
#endif
    {CPU_SCALAR, LANES_MAX, blake3_scalar},
};

static uint8_t nodes[LANES_MAX][BLAKE3_LEAF_BYTES];

static struct blake3_job random_job(struct prng *r, size_t lane, int shape)
{
    uint32_t n = (uint32_t)prng_below(r, BLAKE3_LEAF_BYTES + 1);
    uint64_t counter = prng_next(r);

    if (shape == 0)
        n = BLAKE3_LEAF_BYTES;
    if (shape == 1)
        n = 64;
    if (shape == 2)
        n = (uint32_t)prng_below(r, 66);
    return (struct blake3_job){
        .in = nodes[lane],
        .counter = prng_below(r, 2) ? counter : counter >> 40,
        .n = n,
        .flags = (uint8_t)prng_below(r, 32),
        .first = (uint8_t)prng_below(r, 2),
        .last = (uint8_t)(prng_below(r, 2) * 10),
        .blocks = (uint8_t)(n ? (n + 63) / 64 : 1),
    };
}

static void check_kernel(blake3_kernel *run, size_t n, struct prng *r,
                         int shape)
{
    struct blake3_job job[LANES_MAX];
    uint8_t want[LANES_MAX][BLAKE3_BYTES];
    uint8_t out[LANES_MAX][BLAKE3_BYTES];
    uint32_t key[8];

    prng_fill(r, key, sizeof key);
    memset(out, 0xee, sizeof out);
    for (size_t i = 0; i < n; i++) {
        job[i] = random_job(r, i, shape);
        job[i].out = want[i];
    }
    blake3_scalar(job, n, key);
    for (size_t i = 0; i < n; i++)
        job[i].out = out[i];
    run(job, n, key);
    assert_memory_equal(out, want, n * sizeof out[0]);
    /* lanes without a job write nothing */
    for (size_t i = n; i < LANES_MAX; i++)
        assert_int_equal(out[i][0], 0xee);
}

static void test_blake3_kernel__equals_the_scalar_one(void **state)
{
    struct prng r;

    (void)state;
    prng_init(&r, 3);
    for (size_t i = 0; i < LANES_MAX; i++)
        prng_fill(&r, nodes[i], sizeof nodes[i]);
    for (size_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++) {
        if (kernels[k].level > cpu_level()) {
            print_message("skipped: this CPU has no %s\n",
                          cpu_level_name(kernels[k].level));
            continue;
        }
        for (size_t n = 1; n <= kernels[k].lanes; n++) {
            for (int round = 0; round < 40; round++)
                check_kernel(kernels[k].run, n, &r, round % 4);
        }
    }
}

/* As the tree does it: parents overwrite the children they came from. */
static void test_blake3_kernel__may_write_over_its_input(void **state)
{
    static const uint32_t key[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t level[2][2 * LANES_MAX * BLAKE3_BYTES];
    struct prng r;

    (void)state;
    prng_init(&r, 4);
    for (size_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++) {
        struct blake3_job job[LANES_MAX];

        if (kernels[k].level > cpu_level())
            continue;
        prng_fill(&r, level[0], sizeof level[0]);
        memcpy(level[1], level[0], sizeof level[0]);
        for (int turn = 0; turn < 2; turn++) {
            for (size_t i = 0; i < kernels[k].lanes; i++)
                job[i] = (struct blake3_job){
                    .in = level[turn] + 2 * i * BLAKE3_BYTES,
                    .out = level[turn] + i * BLAKE3_BYTES,
                    .n = 2 * BLAKE3_BYTES,
                    .flags = BLAKE3_PARENT,
                    .blocks = 1,
                };
            (turn ? kernels[k].run : blake3_scalar)(job, kernels[k].lanes, key);
        }
        assert_memory_equal(level[0], level[1], sizeof level[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blake3_kernel__equals_the_scalar_one),
        cmocka_unit_test(test_blake3_kernel__may_write_over_its_input),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
