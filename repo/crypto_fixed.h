/* crypto_fixed: libsodium's randomness replaced by a stream that is the same
 * in every run, so that what is sealed can be compared byte by byte. For test
 * programs only: it is a library of its own, which nothing that ships links. */
#ifndef REPO_CRYPTO_FIXED_H
#define REPO_CRYPTO_FIXED_H

#include <stdint.h>

/* crypto_fixed_start: from now on, in this process; before crypto_init(). */
void crypto_fixed_start(void);

/* crypto_fixed_seed: go on at the beginning of another stream. */
void crypto_fixed_seed(uint64_t seed);

#endif
