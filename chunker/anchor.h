/*
 * anchor: the positions of a stream at which a cut may be decided, those where
 * an 8-bit GF(2)-linear digest of 32 bytes has a fixed value; about one in 256.
 *
 * With f1 = the stream's bytes and w = 1, 2, 4, 8, 16:
 *     f2w(i) = fw(i) ^ B_w fw(i - w)
 * i is an anchor if f32(i) = anchor_target. f32(i) is a function of the bytes
 * i - 31 .. i. The matrices are constants of the format (docs/chunker.md).
 */
#ifndef CHUNKER_ANCHOR_H
#define CHUNKER_ANCHOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

/* The digest looks at a byte and this many before it. */
#define ANCHOR_HISTORY 31

/* Positions are examined in runs of this many: one word of the answer. */
#define ANCHOR_RUN 64

/* Bytes before the first position that a version may read. */
#define ANCHOR_READ_BEFORE 63

#define ANCHOR_MATRICES    5

/* anchor_table.c, written by tests/chunker/gen_anchor.c. Index k is for the
 * matrix B_w of w = 1 << k. */
extern const uint64_t anchor_matrix[ANCHOR_MATRICES]; /* as GF2P8AFFINEQB */
extern const uint8_t anchor_product[ANCHOR_MATRICES][256];  /* B_w x */
extern const uint8_t anchor_nibble[ANCHOR_MATRICES][2][16]; /* low, high */
extern const uint8_t anchor_target;

/*
 * One version of the scan.
 * mask: bit j of mask[k] says whether position p + ANCHOR_RUN * k + j is an
 * anchor.
 *   p     the first position; ANCHOR_READ_BEFORE bytes before it and
 *         ANCHOR_RUN * runs from it on are readable. Bits depend on the bytes
 *         of the definition only
 *   mask  out: runs words
 */
struct anchor_version {
    enum cpu_level level;
    void (*mask)(const uint8_t *p, size_t runs, uint64_t *mask);
};

/* anchor_best: the fastest version at or below a level. */
const struct anchor_version *anchor_best(enum cpu_level level);

/* The versions; those above the CPU's level must not be called. */
void anchor_mask(const uint8_t *p, size_t runs, uint64_t *mask);
void anchor_ssse3_mask(const uint8_t *p, size_t runs, uint64_t *mask);
void anchor_avx2_mask(const uint8_t *p, size_t runs, uint64_t *mask);
void anchor_avx512_mask(const uint8_t *p, size_t runs, uint64_t *mask);

#endif
