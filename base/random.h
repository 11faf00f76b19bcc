/*
 * random: bytes nobody can guess, from the kernel. Any thread.
 *
 * libsodium's keys and sealed boxes draw from its own generator: the seed of
 * tests does not reach them.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * random_bytes: n unpredictable bytes into p. Blocks only early in boot, until
 * the kernel's generator is ready.
 * Returns 0; E_UNSUPPORTED when the kernel has no getrandom(2); E_IO for any
 * other failure. After a failure p is zeroed and must not be used.
 */
MUST_CHECK int random_bytes(void *p, size_t n);

/*
 * random_seed_for_tests: from now on random_bytes gives the sequence of this
 * seed, to all threads together, so that a simulation can be repeated. Call
 * random_unseed_for_tests to get unpredictable bytes again.
 */
void random_seed_for_tests(uint64_t seed);
void random_unseed_for_tests(void);

#endif
