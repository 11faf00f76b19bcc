/*
 * chunk_oracle: cut points by the definition in docs/chunker.md, word by word:
 * slow, and without a line of chunker/ but the matrices and the target.
 */
#ifndef TESTS_CHUNKER_CHUNK_ORACLE_H
#define TESTS_CHUNKER_CHUNK_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunker/chunker.h"

/* A stream with its anchors, and what the PRF says at each. */
struct chunk_oracle {
    const uint8_t *p; /* borrowed */
    size_t n;
    uint32_t *latest; /* [i]: 1 + the last anchor at or before i, or 0 */
    uint64_t *prf;    /* [i]: of the anchor i; 0 elsewhere */
};

/* chunk_oracle_anchor: is position at (31 and up) of p an anchor? */
bool chunk_oracle_anchor(const uint8_t *p, size_t at);

/* chunk_oracle_init: find the anchors of a stream; aborts without memory.
 * chunk_oracle_release frees them. */
void chunk_oracle_init(struct chunk_oracle *o, const uint8_t *p, size_t n,
                       const uint8_t key[CHUNKER_KEY_BYTES]);
void chunk_oracle_release(struct chunk_oracle *o);

/* chunk_oracle_cuts: if the last cut is at s, and none between, is there a cut
 * at s + len (1 and up, within the stream)? */
bool chunk_oracle_cuts(const struct chunk_oracle *o,
                       const struct chunker_params *params, size_t s,
                       size_t len);

/* chunk_oracle_next: the length of the chunk that begins at s if the stream
 * ends at end; 0 if it does not end there and what is before it has no cut. */
size_t chunk_oracle_next(const struct chunk_oracle *o,
                         const struct chunker_params *params, size_t s,
                         size_t end, bool last);

#endif
