#include "chunker/cutprf.h"

#include <immintrin.h>

enum { CUTPRF_AVX2_LANES = 4, CUTPRF_AVX2_WORDS = 8 };

_Static_assert(CUTPRF_GROUP % CUTPRF_AVX2_LANES == 0, "whole vectors");

/* One SipHash state in each lane. */
struct cutprf_avx2_state {
    __m256i v0, v1, v2, v3;
};

static inline __m256i cutprf_avx2_rotate(__m256i x, int by)
{
    return _mm256_or_si256(_mm256_slli_epi64(x, by),
                           _mm256_srli_epi64(x, 64 - by));
}

static inline __m256i cutprf_avx2_rotate16(__m256i x)
{
    const __m256i order =
        _mm256_setr_epi8(6, 7, 0, 1, 2, 3, 4, 5, 14, 15, 8, 9, 10, 11, 12, 13,
                         6, 7, 0, 1, 2, 3, 4, 5, 14, 15, 8, 9, 10, 11, 12, 13);

    return _mm256_shuffle_epi8(x, order);
}

static inline __m256i cutprf_avx2_rotate32(__m256i x)
{
    return _mm256_shuffle_epi32(x, _MM_SHUFFLE(2, 3, 0, 1));
}

static inline void cutprf_avx2_round(struct cutprf_avx2_state *s)
{
    s->v0 = _mm256_add_epi64(s->v0, s->v1);
    s->v2 = _mm256_add_epi64(s->v2, s->v3);
    s->v1 = _mm256_xor_si256(cutprf_avx2_rotate(s->v1, 13), s->v0);
    s->v3 = _mm256_xor_si256(cutprf_avx2_rotate16(s->v3), s->v2);
    s->v0 = cutprf_avx2_rotate32(s->v0);
    s->v2 = _mm256_add_epi64(s->v2, s->v1);
    s->v0 = _mm256_add_epi64(s->v0, s->v3);
    s->v1 = _mm256_xor_si256(cutprf_avx2_rotate(s->v1, 17), s->v2);
    s->v3 = _mm256_xor_si256(cutprf_avx2_rotate(s->v3, 21), s->v0);
    s->v2 = cutprf_avx2_rotate32(s->v2);
}

static inline void cutprf_avx2_absorb(struct cutprf_avx2_state *s, __m256i word)
{
    s->v3 = _mm256_xor_si256(s->v3, word);
    cutprf_avx2_round(s);
    cutprf_avx2_round(s);
    s->v0 = _mm256_xor_si256(s->v0, word);
}

/* word[j] = word j of each of the four windows: two 4 x 4 transpositions */
static inline void cutprf_avx2_load(const uint8_t *p, const uint32_t *pos,
                                    __m256i word[CUTPRF_AVX2_WORDS])
{
    for (int half = 0; half < 8; half += 4) {
        __m256i row[CUTPRF_AVX2_LANES], low[2], high[2];

        for (int i = 0; i < CUTPRF_AVX2_LANES; i++) {
            const uint8_t *at = p + pos[i] - CUTPRF_HISTORY + 8 * half;

            row[i] = _mm256_loadu_si256((const __m256i *)(const void *)at);
        }
        for (int i = 0; i < 2; i++) {
            low[i] = _mm256_unpacklo_epi64(row[2 * i], row[2 * i + 1]);
            high[i] = _mm256_unpackhi_epi64(row[2 * i], row[2 * i + 1]);
        }
        word[half] = _mm256_permute2x128_si256(low[0], low[1], 0x20);
        word[half + 1] = _mm256_permute2x128_si256(high[0], high[1], 0x20);
        word[half + 2] = _mm256_permute2x128_si256(low[0], low[1], 0x31);
        word[half + 3] = _mm256_permute2x128_si256(high[0], high[1], 0x31);
    }
}

static inline __m256i cutprf_avx2_four(const struct siphash_key *key,
                                       const uint8_t *p, const uint32_t *pos)
{
    const __m256i k0 = _mm256_set1_epi64x((long long)key->k0);
    const __m256i k1 = _mm256_set1_epi64x((long long)key->k1);
    struct cutprf_avx2_state s = {
        _mm256_xor_si256(k0, _mm256_set1_epi64x(0x736f6d6570736575)),
        _mm256_xor_si256(k1, _mm256_set1_epi64x(0x646f72616e646f6d)),
        _mm256_xor_si256(k0, _mm256_set1_epi64x(0x6c7967656e657261)),
        _mm256_xor_si256(k1, _mm256_set1_epi64x(0x7465646279746573))};
    __m256i word[CUTPRF_AVX2_WORDS];

    cutprf_avx2_load(p, pos, word);
    for (int i = 0; i < CUTPRF_AVX2_WORDS; i++)
        cutprf_avx2_absorb(&s, word[i]);
    cutprf_avx2_absorb(&s, _mm256_set1_epi64x((long long)64 << 56));
    s.v2 = _mm256_xor_si256(s.v2, _mm256_set1_epi64x(0xff));
    for (int i = 0; i < 4; i++)
        cutprf_avx2_round(&s);
    s.v0 = _mm256_xor_si256(s.v0, s.v1);
    s.v2 = _mm256_xor_si256(s.v2, s.v3);
    return _mm256_xor_si256(s.v0, s.v2);
}

void cutprf_avx2_hash(const struct siphash_key *key, const uint8_t *p,
                      uint32_t *pos, size_t n, uint64_t *r)
{
    /* lanes without work repeat the last one's */
    for (size_t i = n; i % CUTPRF_AVX2_LANES; i++)
        pos[i] = pos[n - 1];
    for (size_t i = 0; i < n; i += CUTPRF_AVX2_LANES)
        _mm256_storeu_si256((__m256i *)(void *)(r + i),
                            cutprf_avx2_four(key, p, pos + i));
}
