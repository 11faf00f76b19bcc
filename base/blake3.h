/*
 * blake3: BLAKE3 with a 256-bit result, plain and keyed: the ids of chunks and
 * objects.
 *
 * The input is a binary tree of 1 KiB leaves; leaves and inner nodes of one
 * level are hashed side by side in the lanes of the widest vectors that
 * cpu_level() allows. All levels give the same result. Pure: any thread, and
 * a struct blake3 is confined to one. Copies of a key may stay behind on the
 * stack of a thread that used it.
 */
#ifndef BASE_BLAKE3_H
#define BASE_BLAKE3_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define BLAKE3_BYTES      32
#define BLAKE3_KEY_BYTES  32
#define BLAKE3_LEAF_BYTES 1024

/* 2^54 leaves are 2^64 bytes: a bound no input reaches. */
#define BLAKE3_DEPTH_MAX 54

/* A hash in progress. Holds the key: blake3_final() wipes it. */
struct blake3 {
    uint32_t key[8];
    uint32_t flags;
    uint32_t depth;  /* of the stack cv, one entry per set bit of leaves */
    uint64_t leaves; /* hashed so far, not counting those in buf */
    size_t buf_n;    /* more than 0 once anything was added: the last byte of
                        the input may belong to the root and must wait */
    uint8_t buf[BLAKE3_LEAF_BYTES];
    uint8_t cv[BLAKE3_DEPTH_MAX][BLAKE3_BYTES];
};

/* One input of a batch. */
struct blake3_item {
    struct bytes in; /* lent for the call */
    uint8_t *out;    /* BLAKE3_BYTES; may not overlap any item's input */
};

/* blake3_hash: the plain hash of in. */
void blake3_hash(struct bytes in, uint8_t out[BLAKE3_BYTES]);

/* blake3_keyed: the keyed hash of in under key. */
void blake3_keyed(const uint8_t key[BLAKE3_KEY_BYTES], struct bytes in,
                  uint8_t out[BLAKE3_BYTES]);

/*
 * blake3_keyed_many: for each of n items what blake3_keyed gives. Leaves of
 * different inputs share the vector lanes: worth it from two inputs of up to
 * 16 KiB on, never slower than one by one. Inputs of similar length side by
 * side waste the fewest lanes.
 */
void blake3_keyed_many(const uint8_t key[BLAKE3_KEY_BYTES],
                       const struct blake3_item *item, size_t n);

/* blake3_init: start a plain hash; h may hold anything. */
void blake3_init(struct blake3 *h);

/* blake3_init_keyed: start a keyed hash; h may hold anything. */
void blake3_init_keyed(struct blake3 *h, const uint8_t key[BLAKE3_KEY_BYTES]);

/* blake3_update: append in (any length, 0 too). Full speed from about 64 KiB
 * a call; what is smaller is gathered to single leaves. */
void blake3_update(struct blake3 *h, struct bytes in);

/* blake3_final: the hash of all that was added. Wipes h; only an init may
 * follow. */
void blake3_final(struct blake3 *h, uint8_t out[BLAKE3_BYTES]);

#endif
