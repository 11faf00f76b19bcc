/* prng: a small seeded generator (xoshiro256**) for tests, so that a failure
 * can be repeated from the seed it printed. Not for secrets. Confined. */
#ifndef TESTS_SUPPORT_PRNG_H
#define TESTS_SUPPORT_PRNG_H

#include <stddef.h>
#include <stdint.h>

struct prng {
    uint64_t s[4];
};

/* prng_init: the same seed gives the same numbers, for ever. */
void prng_init(struct prng *r, uint64_t seed);

/* prng_next: 64 uniform bits. */
uint64_t prng_next(struct prng *r);

/* prng_below: uniform in 0..n-1 (up to a bias below n / 2^64); n > 0. */
uint64_t prng_below(struct prng *r, uint64_t n);

/* prng_fill: n uniform bytes at p. */
void prng_fill(struct prng *r, void *p, size_t n);

#endif
