/*
 * gen_anchor: prints chunker/anchor_table.c, the constants of the digest. They
 * are searched for in the order of a fixed pseudo-random stream, and the first
 * that fulfil the conditions below are taken: nobody could choose them.
 *
 * Word i of the stream is SipHash-2-4 of i (8 bytes, little-endian) under the
 * key "dedup/chunker/v1". Trial t takes the words 8t .. 8t+4 for the matrices
 * B_1, B_2, B_4, B_8, B_16, and the bytes of word 8t+5 for the target.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

enum { GEN_MATRICES = 5, GEN_LAGS = 32, GEN_LEAST_WEIGHT = 6 };

static const uint64_t gen_identity = 0x0102040810204080;

struct gen_trial {
    uint64_t matrix[GEN_MATRICES];
    uint8_t product[GEN_MATRICES][256];
    uint8_t target;
};

static uint64_t gen_word(uint64_t i)
{
    struct siphash_key key =
        siphash_key_load((const uint8_t *)"dedup/chunker/v1");
    uint8_t in[8];

    for (size_t b = 0; b < sizeof in; b++)
        in[b] = (uint8_t)(i >> (8 * b));
    return siphash(&key, bytes_of(in, sizeof in));
}

/* Row i of a matrix, from which bit i of a product comes, is byte 7 - i. */
static uint8_t gen_row(uint64_t matrix, unsigned i)
{
    return (uint8_t)(matrix >> (8 * (7 - i)));
}

static uint8_t gen_apply(uint64_t matrix, uint8_t x)
{
    unsigned y = 0;

    for (unsigned i = 0; i < 8; i++)
        y |= (unsigned)__builtin_parity(gen_row(matrix, i) & x) << i;
    return (uint8_t)y;
}

static unsigned gen_rank(uint64_t matrix)
{
    bool seen[256] = {false};
    unsigned images = 0;
    unsigned rank = 0;

    for (unsigned x = 0; x < 256; x++)
        seen[gen_apply(matrix, (uint8_t)x)] = true;
    for (unsigned y = 0; y < 256; y++)
        images += seen[y];
    while (images > 1u << rank)
        rank++;
    return rank;
}

/* (1) Each B_w is invertible: every byte of the window counts in full.
 * (2) I + B_16 has rank 7: see gen_target(). */
static bool gen_ranks_fit(const struct gen_trial *t)
{
    for (size_t k = 0; k < GEN_MATRICES; k++) {
        if (gen_rank(t->matrix[k]) != 8)
            return false;
    }
    return gen_rank(t->matrix[4] ^ gen_identity) == 7;
}

/* What the byte x, j positions back, adds to the digest. */
static uint8_t gen_lag(const struct gen_trial *t, unsigned j, uint8_t x)
{
    for (unsigned k = 0; k < GEN_MATRICES; k++) {
        if (j >> k & 1)
            x = t->product[k][x];
    }
    return x;
}

/* sum[y] becomes the sum over v of sum[v] (-1)^(y . v) */
static void gen_walsh(int sum[256])
{
    for (size_t half = 1; half < 256; half *= 2) {
        for (size_t i = 0; i < 256; i++) {
            int a = sum[i];

            if (i & half)
                continue;
            sum[i] = a + sum[i + half];
            sum[i + half] = a - sum[i + half];
        }
    }
}

/* (3) Data of two symbols that differ by d is a sequence of bits, and each of
 * the 255 sums of digest bits is the parity of some of the window's 32. It is
 * of at least GEN_LEAST_WEIGHT of them, for each d: so all digests occur, and
 * about evenly even if the bits are not. */
static bool gen_weights_fit(const struct gen_trial *t)
{
    for (unsigned d = 1; d < 256; d++) {
        int sum[256] = {0};

        for (unsigned j = 0; j < GEN_LAGS; j++)
            sum[gen_lag(t, j, (uint8_t)d)]++;
        gen_walsh(sum);
        for (unsigned y = 1; y < 256; y++) {
            if (GEN_LAGS - sum[y] < 2 * GEN_LEAST_WEIGHT)
                return false;
        }
    }
    return true;
}

/* (4) The target is the first byte outside the image of I + B_16. Where the
 * window's halves are equal, f32 = (I + B_16) f16: so data of period 1, 2, 4, 8
 * or 16 has no anchors. */
static bool gen_target(struct gen_trial *t, uint64_t word)
{
    for (unsigned b = 0; b < 8; b++) {
        bool hit = false;

        t->target = (uint8_t)(word >> (8 * b));
        for (unsigned x = 0; x < 256; x++)
            hit |= (x ^ t->product[4][x]) == t->target;
        if (!hit)
            return true;
    }
    return false;
}

static bool gen_try(struct gen_trial *t, uint64_t number)
{
    for (size_t k = 0; k < GEN_MATRICES; k++)
        t->matrix[k] = gen_word(8 * number + k);
    if (!gen_ranks_fit(t))
        return false;
    for (size_t k = 0; k < GEN_MATRICES; k++) {
        for (unsigned x = 0; x < 256; x++)
            t->product[k][x] = gen_apply(t->matrix[k], (uint8_t)x);
    }
    return gen_weights_fit(t) && gen_target(t, gen_word(8 * number + 5));
}

static void gen_print_row(const uint8_t *row, size_t n, size_t step)
{
    for (size_t i = 0; i < n; i++)
        printf("%s0x%02x,", i % 12 == 0 ? "\n        " : " ", row[i * step]);
}

static void gen_print(const struct gen_trial *t, uint64_t number)
{
    printf("/* Printed by tests/chunker/gen_anchor.c (trial %llu): not to be\n"
           " * edited, as part of the format not to be changed either. */\n"
           "#include \"chunker/anchor.h\"\n\n/* clang-format off */\n"
           "const uint8_t anchor_target = 0x%02x;\n\n"
           "const uint64_t anchor_matrix[ANCHOR_MATRICES] = {\n",
           (unsigned long long)number, t->target);
    for (size_t k = 0; k < GEN_MATRICES; k++)
        printf("    0x%016llx,\n", (unsigned long long)t->matrix[k]);
    printf("};\n\n"
           "const uint8_t anchor_nibble[ANCHOR_MATRICES][2][16] = {\n");
    for (size_t k = 0; k < GEN_MATRICES; k++) {
        printf("    {{");
        gen_print_row(t->product[k], 16, 1);
        printf("\n    }, {");
        gen_print_row(t->product[k], 16, 16);
        printf("\n    }},\n");
    }
    printf("};\n\n"
           "const uint8_t anchor_product[ANCHOR_MATRICES][256] = {\n");
    for (size_t k = 0; k < GEN_MATRICES; k++) {
        printf("    {");
        gen_print_row(t->product[k], 256, 1);
        printf("\n    },\n");
    }
    printf("};\n");
}

int main(void)
{
    static struct gen_trial t;

    for (uint64_t number = 0; number < 1000000; number++) {
        if (gen_try(&t, number)) {
            gen_print(&t, number);
            return ferror(stdout) || fflush(stdout) ? 1 : 0;
        }
    }
    return 1;
}
