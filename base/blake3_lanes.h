/*
 * blake3_lanes: the kernel for vectors of BLAKE3_LANES words, once for all
 * widths. A file that includes it defines BLAKE3_LANES (4, 8 or 16) and
 * BLAKE3_KERNEL (the kernel's name), and is compiled for the instructions
 * that its name says. Little-endian machines only.
 *
 * One vector holds the same word of BLAKE3_LANES nodes. Nodes may differ in
 * length: while all have blocks to go the loop is uniform, then each block
 * masks out the lanes that are done.
 */
#include "base/blake3_kernel.h"

#define LANES BLAKE3_LANES

typedef uint32_t vec __attribute__((vector_size(4 * LANES)));
typedef uint32_t quad __attribute__((vector_size(16)));

/* The same choice of four of eight words in every 128 bits; L + i is the
 * i-th word of the second vector. */
#define L LANES
#if LANES == 4
#define IN_QUADS(i, j, k, l) i, j, k, l
#elif LANES == 8
#define IN_QUADS(i, j, k, l) i, j, k, l, (i) + 4, (j) + 4, (k) + 4, (l) + 4
#else
#define IN_QUADS(i, j, k, l)                                                   \
    i, j, k, l, (i) + 4, (j) + 4, (k) + 4, (l) + 4, (i) + 8, (j) + 8, (k) + 8, \
        (l) + 8, (i) + 12, (j) + 12, (k) + 12, (l) + 12
#endif
#define PICK(a, b, ...) __builtin_shufflevector(a, b, IN_QUADS(__VA_ARGS__))

#define ALWAYS_INLINE   static inline __attribute__((always_inline))

static const uint32_t iv[8] = BLAKE3_IV;
static const uint8_t schedule[7][16] = BLAKE3_SCHEDULE;

/* What the lanes are about to hash. */
struct lanes {
    const uint8_t *p[LANES]; /* next block */
    uint32_t blocks[LANES];
    uint32_t least; /* the smallest of blocks */
    uint32_t most;  /* the largest */
    vec counter_lo, counter_hi;
    vec flags, first;
};

ALWAYS_INLINE vec lanes_splat(uint32_t x)
{
    return x - (vec){0};
}

/* AVX-512 has a rotation, and compilers find it; others with a byte shuffle
 * need one operation for whole bytes instead of three. */
#if (defined(__SSSE3__) && !defined(__AVX512VL__)) || defined(__aarch64__)
typedef uint8_t bytevec __attribute__((vector_size(4 * LANES)));

#define BYTES4(r, at)                                                          \
    (r) + (at), (((r) + 1) & 3) + (at), (((r) + 2) & 3) + (at),                \
        (((r) + 3) & 3) + (at)
#define BYTES16(r, at)                                                         \
    BYTES4(r, at), BYTES4(r, (at) + 4), BYTES4(r, (at) + 8),                   \
        BYTES4(r, (at) + 12)
#if LANES == 4
#define ROTATE_BYTES(x, r)                                                     \
    (vec) __builtin_shufflevector((bytevec)(x), (bytevec)(x), BYTES16(r, 0))
#else
#define ROTATE_BYTES(x, r)                                                     \
    (vec) __builtin_shufflevector((bytevec)(x), (bytevec)(x), BYTES16(r, 0),   \
                                  BYTES16(r, 16))
#endif
#define ROTATE16(x) ROTATE_BYTES(x, 2)
#define ROTATE8(x)  ROTATE_BYTES(x, 1)
#else
#define ROTATE16(x) ((x) >> 16 | (x) << 16)
#define ROTATE8(x)  ((x) >> 8 | (x) << 24)
#endif

ALWAYS_INLINE void lanes_mix(vec *a, vec *b, vec *c, vec *d, vec x, vec y)
{
    *a += *b + x;
    *d ^= *a;
    *d = ROTATE16(*d);
    *c += *d;
    *b ^= *c;
    *b = *b >> 12 | *b << 20;
    *a += *b + y;
    *d ^= *a;
    *d = ROTATE8(*d);
    *c += *d;
    *b ^= *c;
    *b = *b >> 7 | *b << 25;
}

ALWAYS_INLINE void lanes_round(vec v[16], const vec m[16], int r)
{
    const uint8_t *s = schedule[r];

    lanes_mix(&v[0], &v[4], &v[8], &v[12], m[s[0]], m[s[1]]);
    lanes_mix(&v[1], &v[5], &v[9], &v[13], m[s[2]], m[s[3]]);
    lanes_mix(&v[2], &v[6], &v[10], &v[14], m[s[4]], m[s[5]]);
    lanes_mix(&v[3], &v[7], &v[11], &v[15], m[s[6]], m[s[7]]);
    lanes_mix(&v[0], &v[5], &v[10], &v[15], m[s[8]], m[s[9]]);
    lanes_mix(&v[1], &v[6], &v[11], &v[12], m[s[10]], m[s[11]]);
    lanes_mix(&v[2], &v[7], &v[8], &v[13], m[s[12]], m[s[13]]);
    lanes_mix(&v[3], &v[4], &v[9], &v[14], m[s[14]], m[s[15]]);
}

/* Turns four vectors, each of the same four words of a quarter of the lanes,
 * into four vectors of one word each; its own inverse. */
ALWAYS_INLINE void lanes_transpose(vec x[4])
{
    vec a = PICK(x[0], x[1], 0, L, 1, L + 1);
    vec b = PICK(x[0], x[1], 2, L + 2, 3, L + 3);
    vec c = PICK(x[2], x[3], 0, L, 1, L + 1);
    vec d = PICK(x[2], x[3], 2, L + 2, 3, L + 3);

    x[0] = PICK(a, c, 0, 1, L, L + 1);
    x[1] = PICK(a, c, 2, 3, L + 2, L + 3);
    x[2] = PICK(b, d, 0, 1, L, L + 1);
    x[3] = PICK(b, d, 2, 3, L + 2, L + 3);
}

ALWAYS_INLINE quad lanes_load_quad(const uint8_t *p)
{
    quad q;

    memcpy(&q, p, sizeof q);
    return q;
}

/* 16 bytes at offset at of the lanes lane, lane + 4, ... */
ALWAYS_INLINE vec lanes_load_quads(const uint8_t *const p[LANES], size_t lane,
                                   size_t at)
{
    quad a = lanes_load_quad(p[lane] + at);
#if LANES == 4
    return a;
#else
    typedef uint32_t oct __attribute__((vector_size(32)));
    quad b = lanes_load_quad(p[lane + 4] + at);
    oct ab = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
#if LANES == 8
    return ab;
#else
    quad c = lanes_load_quad(p[lane + 8] + at);
    quad d = lanes_load_quad(p[lane + 12] + at);
    oct cd = __builtin_shufflevector(c, d, 0, 1, 2, 3, 4, 5, 6, 7);
    return __builtin_shufflevector(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                   12, 13, 14, 15);
#endif
#endif
}

ALWAYS_INLINE void lanes_load_block(vec m[16], const uint8_t *const p[LANES])
{
    for (size_t w = 0; w < 16; w += 4) {
        for (size_t i = 0; i < 4; i++)
            m[w + i] = lanes_load_quads(p, i, 4 * w);
        lanes_transpose(m + w);
    }
}

ALWAYS_INLINE void lanes_compress(vec cv[8], const struct lanes *l,
                                  const uint8_t *const p[LANES], vec n,
                                  vec flags)
{
    vec m[16];
    vec v[16];

    lanes_load_block(m, p);
    for (int i = 0; i < 8; i++)
        v[i] = cv[i];
    for (int i = 0; i < 4; i++)
        v[8 + i] = lanes_splat(iv[i]);
    v[12] = l->counter_lo;
    v[13] = l->counter_hi;
    v[14] = n;
    v[15] = flags;
    lanes_round(v, m, 0);
    lanes_round(v, m, 1);
    lanes_round(v, m, 2);
    lanes_round(v, m, 3);
    lanes_round(v, m, 4);
    lanes_round(v, m, 5);
    lanes_round(v, m, 6);
    for (int i = 0; i < 8; i++)
        cv[i] = v[i] ^ v[i + 8];
}

/* Lanes without a job repeat the first one; nobody looks at their result. */
ALWAYS_INLINE const struct blake3_job *lanes_job(const struct blake3_job *job,
                                                 size_t n, size_t lane)
{
    return &job[lane < n ? lane : 0];
}

static void lanes_start(struct lanes *l, const struct blake3_job *job, size_t n)
{
    uint32_t lo[LANES], hi[LANES], flags[LANES], first[LANES];

    l->least = UINT32_MAX;
    l->most = 0;
    for (size_t i = 0; i < LANES; i++) {
        const struct blake3_job *j = lanes_job(job, n, i);

        l->p[i] = j->in;
        l->blocks[i] = j->blocks;
        l->least = j->blocks < l->least ? j->blocks : l->least;
        l->most = j->blocks > l->most ? j->blocks : l->most;
        lo[i] = (uint32_t)j->counter;
        hi[i] = (uint32_t)(j->counter >> 32);
        flags[i] = j->flags;
        first[i] = j->first;
    }
    memcpy(&l->counter_lo, lo, sizeof lo);
    memcpy(&l->counter_hi, hi, sizeof hi);
    memcpy(&l->flags, flags, sizeof flags);
    memcpy(&l->first, first, sizeof first);
}

/* The blocks from the first that is the last of some lane. */
static void lanes_finish(struct lanes *l, const struct blake3_job *job,
                         size_t count, uint32_t b, vec cv[8])
{
    static const uint8_t zeros[BLAKE3_BLOCK_BYTES];
    uint8_t padded[LANES][BLAKE3_BLOCK_BYTES];

    for (; b < l->most; b++) {
        const uint8_t *p[LANES];
        uint32_t n[LANES], last[LANES], live[LANES];
        vec vn, vlast, vlive, vflags;
        vec old[8];

        for (size_t i = 0; i < LANES; i++) {
            const struct blake3_job *j = lanes_job(job, count, i);
            uint32_t left = j->n - b * BLAKE3_BLOCK_BYTES;

            /* a lane that is done hashes zeros, for nothing */
            live[i] = b < l->blocks[i] ? UINT32_MAX : 0;
            p[i] = live[i] ? l->p[i] + (size_t)b * BLAKE3_BLOCK_BYTES : zeros;
            n[i] = BLAKE3_BLOCK_BYTES;
            last[i] = 0;
            if (b + 1 != l->blocks[i])
                continue;
            n[i] = left;
            last[i] = j->last;
            if (left == BLAKE3_BLOCK_BYTES)
                continue;
            memset(padded[i], 0, sizeof padded[i]);
            if (left)
                memcpy(padded[i], p[i], left);
            p[i] = padded[i];
        }
        memcpy(&vn, n, sizeof n);
        memcpy(&vlast, last, sizeof last);
        memcpy(&vlive, live, sizeof live);
        memcpy(old, cv, sizeof old);
        vflags = l->flags | vlast;
        if (b == 0)
            vflags |= l->first;
        lanes_compress(cv, l, p, vn, vflags);
        for (int i = 0; i < 8; i++)
            cv[i] = (cv[i] & vlive) | (old[i] & ~vlive);
    }
}

static void lanes_store(const struct blake3_job *job, size_t n, vec cv[8])
{
    uint8_t word[LANES / 4][16];

    for (size_t half = 0; half < 2; half++) {
        lanes_transpose(cv + 4 * half);
        for (size_t i = 0; i < 4; i++) {
            memcpy(word, &cv[4 * half + i], sizeof word);
            for (size_t q = 0; q < LANES / 4; q++) {
                if (4 * q + i < n)
                    memcpy(job[4 * q + i].out + 16 * half, word[q], 16);
            }
        }
    }
}

void BLAKE3_KERNEL(const struct blake3_job *job, size_t n,
                   const uint32_t key[8])
{
    struct lanes l;
    vec cv[8];
    vec full = lanes_splat(BLAKE3_BLOCK_BYTES);
    vec flags;
    uint32_t b;

    lanes_start(&l, job, n);
    for (int i = 0; i < 8; i++)
        cv[i] = lanes_splat(key[i]);
    flags = l.flags | l.first;
    for (b = 0; b + 1 < l.least; b++) {
        const uint8_t *p[LANES];

        for (size_t i = 0; i < LANES; i++)
            p[i] = l.p[i] + (size_t)b * BLAKE3_BLOCK_BYTES;
        lanes_compress(cv, &l, p, full, flags);
        flags = l.flags;
    }
    lanes_finish(&l, job, n, b, cv);
    lanes_store(job, n, cv);
}
