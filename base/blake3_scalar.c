/* The reference that the vector kernels are held equal to. */
#include <endian.h>
#include <string.h>

#include "base/blake3_kernel.h"

static const uint32_t blake3_iv[8] = BLAKE3_IV;
static const uint8_t blake3_schedule[7][16] = BLAKE3_SCHEDULE;

static inline uint32_t blake3_rotate(uint32_t x, unsigned by)
{
    return x >> by | x << (32 - by);
}

static inline void blake3_mix(uint32_t *a, uint32_t *b, uint32_t *c,
                              uint32_t *d, uint32_t x, uint32_t y)
{
    *a += *b + x;
    *d = blake3_rotate(*d ^ *a, 16);
    *c += *d;
    *b = blake3_rotate(*b ^ *c, 12);
    *a += *b + y;
    *d = blake3_rotate(*d ^ *a, 8);
    *c += *d;
    *b = blake3_rotate(*b ^ *c, 7);
}

/* Inlined with a constant r, the schedule costs nothing. */
__attribute__((always_inline)) static inline void blake3_round(
    uint32_t v[16], const uint32_t m[16], size_t r)
{
    const uint8_t *s = blake3_schedule[r];

    blake3_mix(&v[0], &v[4], &v[8], &v[12], m[s[0]], m[s[1]]);
    blake3_mix(&v[1], &v[5], &v[9], &v[13], m[s[2]], m[s[3]]);
    blake3_mix(&v[2], &v[6], &v[10], &v[14], m[s[4]], m[s[5]]);
    blake3_mix(&v[3], &v[7], &v[11], &v[15], m[s[6]], m[s[7]]);
    blake3_mix(&v[0], &v[5], &v[10], &v[15], m[s[8]], m[s[9]]);
    blake3_mix(&v[1], &v[6], &v[11], &v[12], m[s[10]], m[s[11]]);
    blake3_mix(&v[2], &v[7], &v[8], &v[13], m[s[12]], m[s[13]]);
    blake3_mix(&v[3], &v[4], &v[9], &v[14], m[s[14]], m[s[15]]);
}

static void blake3_compress(uint32_t cv[8], const uint8_t *block, uint32_t n,
                            uint64_t counter, uint32_t flags)
{
    uint32_t m[16];
    uint32_t v[16];

    memcpy(m, block, sizeof m);
    for (size_t i = 0; i < 16; i++)
        m[i] = le32toh(m[i]);
    memcpy(v, cv, 32);
    memcpy(v + 8, blake3_iv, 16);
    v[12] = (uint32_t)counter;
    v[13] = (uint32_t)(counter >> 32);
    v[14] = n;
    v[15] = flags;
    blake3_round(v, m, 0);
    blake3_round(v, m, 1);
    blake3_round(v, m, 2);
    blake3_round(v, m, 3);
    blake3_round(v, m, 4);
    blake3_round(v, m, 5);
    blake3_round(v, m, 6);
    for (size_t i = 0; i < 8; i++)
        cv[i] = v[i] ^ v[i + 8];
}

static void blake3_node(const struct blake3_job *job, const uint32_t key[8])
{
    uint8_t block[BLAKE3_BLOCK_BYTES] = {0};
    uint32_t cv[8];
    uint32_t flags = job->flags | job->first;
    uint32_t left = job->n;
    const uint8_t *p = job->in;

    memcpy(cv, key, sizeof cv);
    for (unsigned b = 1; b < job->blocks; b++) {
        blake3_compress(cv, p, BLAKE3_BLOCK_BYTES, job->counter, flags);
        flags = job->flags;
        p += BLAKE3_BLOCK_BYTES;
        left -= BLAKE3_BLOCK_BYTES;
    }
    if (left)
        memcpy(block, p, left);
    blake3_compress(cv, block, left, job->counter, flags | job->last);
    for (size_t i = 0; i < 8; i++)
        cv[i] = htole32(cv[i]);
    memcpy(job->out, cv, sizeof cv);
}

void blake3_scalar(const struct blake3_job *job, size_t n,
                   const uint32_t key[8])
{
    for (size_t i = 0; i < n; i++)
        blake3_node(&job[i], key);
}
