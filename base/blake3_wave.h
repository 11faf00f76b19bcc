/*
 * blake3_wave: up to BLAKE3_WAVE_LEAVES leaves, of one input or of many, and
 * the tree above those of each input: all nodes of a level are hashed
 * together, in the widest lanes that cpu_level() allows. Not for users of
 * blake3.h. Confined to one thread.
 *
 * An odd node of a level moves up as it is. That makes the tree of the
 * specification, whose left halves are the largest powers of two.
 */
#ifndef BASE_BLAKE3_WAVE_H
#define BASE_BLAKE3_WAVE_H

#include "base/blake3_kernel.h"

#define BLAKE3_WAVE_LEAVES 64
#define BLAKE3_WAVE_BYTES  (BLAKE3_WAVE_LEAVES * BLAKE3_LEAF_BYTES)

/* What one input has in a wave. */
struct blake3_part {
    size_t at;    /* its first chaining value in the wave */
    size_t n;     /* nodes left on the present level */
    uint8_t root; /* BLAKE3_ROOT when the last node is the whole input's */
    uint8_t *out; /* where the last node's value goes */
};

struct blake3_wave {
    const uint32_t *key;
    uint8_t flags;
    size_t leaves;
    size_t parts;
    struct blake3_part part[BLAKE3_WAVE_LEAVES];
    struct blake3_job job[BLAKE3_WAVE_LEAVES];
    uint8_t cv[BLAKE3_WAVE_LEAVES * BLAKE3_BYTES];
};

/* blake3_wave_init: an empty wave; key is lent until it has run. flags: of
 * every node. */
void blake3_wave_init(struct blake3_wave *w, const uint32_t key[8],
                      uint32_t flags);

/* blake3_wave_leaves_of: leaves of an input of n bytes: at least one. */
size_t blake3_wave_leaves_of(size_t n);

/*
 * blake3_wave_add: add an input, or a run of one.
 *   in       its leaves must fit in what is left of the wave; lent until run
 *   counter  number of its first leaf in the whole input
 *   root     BLAKE3_ROOT when in is the whole input, else 0
 *   out      BLAKE3_BYTES: gets the value of the top node
 */
void blake3_wave_add(struct blake3_wave *w, struct bytes in, uint64_t counter,
                     uint8_t root, uint8_t *out);

/* blake3_wave_run: hash all that was added. Only an init may follow. */
void blake3_wave_run(struct blake3_wave *w);

/* blake3_wave_parent: one node above two others. out may lie in pair. */
void blake3_wave_parent(const uint32_t key[8], uint32_t flags,
                        const uint8_t pair[2 * BLAKE3_BYTES],
                        uint8_t out[BLAKE3_BYTES]);

#endif
