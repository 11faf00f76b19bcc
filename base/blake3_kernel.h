/*
 * blake3_kernel: between the tree of blake3.c and the code that hashes some of
 * its nodes at once. Not for users of blake3.h.
 */
#ifndef BASE_BLAKE3_KERNEL_H
#define BASE_BLAKE3_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/blake3.h"

#define BLAKE3_BLOCK_BYTES 64

/* Flags of the specification. */
enum {
    BLAKE3_CHUNK_START = 1,
    BLAKE3_CHUNK_END = 2,
    BLAKE3_PARENT = 4,
    BLAKE3_ROOT = 8,
    BLAKE3_KEYED_HASH = 16
};

/* One node: a leaf's bytes, or the chaining values of a parent's children. */
struct blake3_job {
    const uint8_t *in;
    uint8_t *out; /* its chaining value; may lie in the input of this job or
                     of an earlier one */
    uint64_t counter;
    uint32_t n;     /* bytes at in: 0..BLAKE3_LEAF_BYTES */
    uint8_t flags;  /* of every block */
    uint8_t first;  /* besides, of the first block */
    uint8_t last;   /* besides, of the last block */
    uint8_t blocks; /* 1..16: n in blocks, rounded up, at least one */
};

/* First fractional bits of the square roots of the first eight primes. */
#define BLAKE3_IV                                                              \
    {                                                                          \
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,            \
            0x9b05688c, 0x1f83d9ab, 0x5be0cd19                                 \
    }

/* The order of the message words in each round: what the specification's
 * permutation gives when it is applied again and again. */
#define BLAKE3_SCHEDULE                                                        \
    {                                                                          \
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},                \
            {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},            \
            {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},            \
            {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},            \
            {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},            \
            {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},            \
            {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},            \
    }

/*
 * A kernel hashes n jobs under one key; all their inputs are read before the
 * first output is written, except by the scalar one, which goes job by job.
 * n is 1..its number of lanes; the scalar one takes any.
 */
typedef void blake3_kernel(const struct blake3_job *job, size_t n,
                           const uint32_t key[8]);

blake3_kernel blake3_scalar;
blake3_kernel blake3_baseline_x4;
blake3_kernel blake3_sse41_x4;
blake3_kernel blake3_avx2_x8;
blake3_kernel blake3_avx512_x8;
blake3_kernel blake3_avx512_x16;

#endif
