/*
 * chunk_setup: what the tests of the chunker begin with. Everything here ends
 * the test when it fails.
 */
#ifndef TESTS_CHUNKER_CHUNK_SETUP_H
#define TESTS_CHUNKER_CHUNK_SETUP_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "chunker/chunker.h"
#include "tests/chunker/chunk_data.h"
#include "tests/support/prng.h"

enum { CHUNK_SIZES = 5, CHUNK_LEVELS = 4 };

extern const uint8_t chunk_key[CHUNKER_KEY_BYTES];
extern const uint32_t chunk_sizes[CHUNK_SIZES];         /* all normal sizes */
extern const enum cpu_level chunk_levels[CHUNK_LEVELS]; /* with own code */

/* The same chunker in each version that this CPU can run. */
struct chunk_team {
    struct chunker chunker[CHUNK_LEVELS];
    size_t n;
};

void chunk_team_init(struct chunk_team *t, const struct chunker_params *params,
                     const uint8_t key[CHUNKER_KEY_BYTES]);

/* chunk_params: of a normal size. chunk_chunker: under chunk_key. */
struct chunker_params chunk_params(uint32_t normal);
struct chunker chunk_chunker(uint32_t normal);

/* chunk_stream: n bytes of chunk_data; the caller's to free. */
uint8_t *chunk_stream(enum chunk_data_kind kind, uint64_t seed, size_t n);

/* chunk_seeded: random numbers from a seed, which is printed. */
struct prng chunk_seeded(uint64_t seed);

#endif
