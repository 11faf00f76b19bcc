/*
 * cutprf: the PRF that decides cuts: SipHash-2-4 under the cut key of the 64
 * bytes that end with an anchor, for several anchors at a time.
 */
#ifndef CHUNKER_CUTPRF_H
#define CHUNKER_CUTPRF_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/siphash.h"

/* The window: an anchor's byte and this many before it. */
#define CUTPRF_HISTORY 63

/* No version computes more than this many at once: arrays have room for n
 * rounded up to a multiple of it. */
#define CUTPRF_GROUP 8

/*
 * One version.
 * hash: r[i] = SipHash-2-4(key, p[pos[i] - 63 .. pos[i]]), i < n
 *   pos  each at least CUTPRF_HISTORY. Room behind n, up to a multiple of
 *        CUTPRF_GROUP, may be overwritten
 *   r    out; the same room, undefined behind n
 *   n    1 and up; a multiple of CUTPRF_GROUP costs least
 */
struct cutprf_version {
    enum cpu_level level;
    void (*hash)(const struct siphash_key *key, const uint8_t *p, uint32_t *pos,
                 size_t n, uint64_t *r);
};

/* cutprf_best: the fastest version at or below a level. */
const struct cutprf_version *cutprf_best(enum cpu_level level);

/* The versions; those above the CPU's level must not be called. */
void cutprf_hash(const struct siphash_key *key, const uint8_t *p, uint32_t *pos,
                 size_t n, uint64_t *r);
void cutprf_avx2_hash(const struct siphash_key *key, const uint8_t *p,
                      uint32_t *pos, size_t n, uint64_t *r);
void cutprf_avx512_hash(const struct siphash_key *key, const uint8_t *p,
                        uint32_t *pos, size_t n, uint64_t *r);

#endif
