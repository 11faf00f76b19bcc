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

/* Positions are examined in runs of this many. */
#define ANCHOR_RUN 64

/* Bytes before the first position that a version may read. */
#define ANCHOR_READ_BEFORE 63

/* A search ends with the run in which this many have been found. */
#define ANCHOR_ENOUGH 16

/* A list has room for what one run may add to one that lacks one, rounded up to
 * whole vectors for whoever works on it. */
#define ANCHOR_ROOM     (ANCHOR_ENOUGH + ANCHOR_RUN)

#define ANCHOR_MATRICES 5

/* anchor_table.c, written by tests/chunker/gen_anchor.c. Index k is for the
 * matrix B_w of w = 1 << k. */
extern const uint64_t anchor_matrix[ANCHOR_MATRICES]; /* as GF2P8AFFINEQB */
extern const uint8_t anchor_product[ANCHOR_MATRICES][256];  /* B_w x */
extern const uint8_t anchor_nibble[ANCHOR_MATRICES][2][16]; /* low, high */
extern const uint8_t anchor_target;

/* Anchors found, in order. */
struct anchor_list {
    size_t n; /* below ANCHOR_ROOM */
    uint32_t pos[ANCHOR_ROOM];
};

/*
 * One version of the search.
 * find: examine positions of p from at on, run by run, and append the anchors
 * to list; until less than a run is left before end, or the list has
 * ANCHOR_ENOUGH.
 *   p     the bytes p[at - ANCHOR_READ_BEFORE .. end - 1] are readable. What is
 *         found depends on the bytes of the definition only
 *   at    ANCHOR_READ_BEFORE and up, below 2^32
 *   list  nothing is done if it has ANCHOR_ENOUGH already
 * Returns the position behind the last run examined.
 */
struct anchor_version {
    enum cpu_level level;
    size_t (*find)(const uint8_t *p, size_t at, size_t end,
                   struct anchor_list *list);
};

/* anchor_best: the fastest version at or below a level. */
const struct anchor_version *anchor_best(enum cpu_level level);

/* The versions; those above the CPU's level must not be called. */
size_t anchor_find(const uint8_t *p, size_t at, size_t end,
                   struct anchor_list *list);
size_t anchor_ssse3_find(const uint8_t *p, size_t at, size_t end,
                         struct anchor_list *list);
size_t anchor_avx2_find(const uint8_t *p, size_t at, size_t end,
                        struct anchor_list *list);
size_t anchor_avx512_find(const uint8_t *p, size_t at, size_t end,
                          struct anchor_list *list);

/* anchor_append: for the versions: bit j of mask says whether at + j is an
 * anchor. The first one costs no branch: four runs in five have none, nobody
 * can foresee which, and a wrong guess costs more than the run. */
static inline void anchor_append(struct anchor_list *list, size_t at,
                                 uint64_t mask)
{
    const uint64_t top = (uint64_t)1 << (ANCHOR_RUN - 1);
    size_t n = list->n;

    list->pos[n] = (uint32_t)at + (uint32_t)__builtin_ctzll(mask | top);
    n += mask != 0;
    for (mask &= mask - 1; mask; mask &= mask - 1)
        list->pos[n++] = (uint32_t)at + (uint32_t)__builtin_ctzll(mask);
    list->n = n;
}

#endif
