/* pad: sizes that say little about what they hide; docs/format.md 1. Pure. */
#ifndef REPO_PAD_H
#define REPO_PAD_H

#include <stdint.h>

/* pad_padme: padme(n): n rounded up so that only its order of magnitude and
 * log2(log2 n) more bits show; at most 12 % longer. n >= 2 and < 2^62. */
uint64_t pad_padme(uint64_t n);

/* pad_size: pad(n, step): that, rounded up to a multiple of step. */
uint64_t pad_size(uint64_t n, uint64_t step);

#endif
