/*
 * siphash: SipHash-2-4 with a 64-bit result (Aumasson and Bernstein): a keyed
 * pseudo-random function for short inputs. Its 64 bits are no content id: use
 * BLAKE3 where a collision would matter. Pure; any thread.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stdint.h>

#include "base/bytes.h"

#define SIPHASH_KEY_BYTES 16

/* A key as the function wants it; as secret as the bytes it came from. */
struct siphash_key {
    uint64_t k0;
    uint64_t k1;
};

/* siphash_key_load: the key made of SIPHASH_KEY_BYTES bytes. */
struct siphash_key siphash_key_load(const uint8_t key[SIPHASH_KEY_BYTES]);

/* siphash: of in.n bytes (0 and up). The 8-byte string of the specification
 * is the result in little-endian order. */
uint64_t siphash(const struct siphash_key *key, struct bytes in);

/* siphash_64: siphash of exactly 64 bytes, without the loop's cost. */
uint64_t siphash_64(const struct siphash_key *key, const uint8_t p[64]);

#endif
