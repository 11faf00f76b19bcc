#include "chunker/cutprf.h"

#include <immintrin.h>

enum { CUTPRF_AVX512_LANES = 8, CUTPRF_AVX512_WORDS = 8 };

_Static_assert(CUTPRF_GROUP % CUTPRF_AVX512_LANES == 0, "whole vectors");

/* One SipHash state in each lane. */
struct cutprf_avx512_state {
    __m512i v0, v1, v2, v3;
};

static inline void cutprf_avx512_round(struct cutprf_avx512_state *s)
{
    s->v0 = _mm512_add_epi64(s->v0, s->v1);
    s->v2 = _mm512_add_epi64(s->v2, s->v3);
    s->v1 = _mm512_xor_si512(_mm512_rol_epi64(s->v1, 13), s->v0);
    s->v3 = _mm512_xor_si512(_mm512_rol_epi64(s->v3, 16), s->v2);
    s->v0 = _mm512_rol_epi64(s->v0, 32);
    s->v2 = _mm512_add_epi64(s->v2, s->v1);
    s->v0 = _mm512_add_epi64(s->v0, s->v3);
    s->v1 = _mm512_xor_si512(_mm512_rol_epi64(s->v1, 17), s->v2);
    s->v3 = _mm512_xor_si512(_mm512_rol_epi64(s->v3, 21), s->v0);
    s->v2 = _mm512_rol_epi64(s->v2, 32);
}

static inline void cutprf_avx512_absorb(struct cutprf_avx512_state *s,
                                        __m512i word)
{
    s->v3 = _mm512_xor_si512(s->v3, word);
    cutprf_avx512_round(s);
    cutprf_avx512_round(s);
    s->v0 = _mm512_xor_si512(s->v0, word);
}

/* word[j] = word j of each of the eight windows: an 8 x 8 transposition */
static inline void cutprf_avx512_load(const uint8_t *p, const uint32_t *pos,
                                      __m512i word[CUTPRF_AVX512_WORDS])
{
    __m512i row[CUTPRF_AVX512_LANES], pair[8], quad[8];

    for (int i = 0; i < CUTPRF_AVX512_LANES; i++)
        row[i] = _mm512_loadu_si512(p + pos[i] - CUTPRF_HISTORY);
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm512_unpacklo_epi64(row[i], row[i + 1]);
        pair[i + 1] = _mm512_unpackhi_epi64(row[i], row[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int odd = 0; odd < 2; odd++) {
            __m512i a = pair[i + odd], b = pair[i + 2 + odd];

            quad[i + odd] = _mm512_shuffle_i64x2(a, b, 0x88);
            quad[i + 2 + odd] = _mm512_shuffle_i64x2(a, b, 0xdd);
        }
    }
    for (int i = 0; i < 4; i++) {
        word[i] = _mm512_shuffle_i64x2(quad[i], quad[4 + i], 0x88);
        word[4 + i] = _mm512_shuffle_i64x2(quad[i], quad[4 + i], 0xdd);
    }
}

static inline __m512i cutprf_avx512_eight(const struct siphash_key *key,
                                          const uint8_t *p, const uint32_t *pos)
{
    const __m512i k0 = _mm512_set1_epi64((long long)key->k0);
    const __m512i k1 = _mm512_set1_epi64((long long)key->k1);
    struct cutprf_avx512_state s = {
        _mm512_xor_si512(k0, _mm512_set1_epi64(0x736f6d6570736575)),
        _mm512_xor_si512(k1, _mm512_set1_epi64(0x646f72616e646f6d)),
        _mm512_xor_si512(k0, _mm512_set1_epi64(0x6c7967656e657261)),
        _mm512_xor_si512(k1, _mm512_set1_epi64(0x7465646279746573))};
    __m512i word[CUTPRF_AVX512_WORDS];

    cutprf_avx512_load(p, pos, word);
    for (int i = 0; i < CUTPRF_AVX512_WORDS; i++)
        cutprf_avx512_absorb(&s, word[i]);
    cutprf_avx512_absorb(&s, _mm512_set1_epi64((long long)64 << 56));
    s.v2 = _mm512_xor_si512(s.v2, _mm512_set1_epi64(0xff));
    for (int i = 0; i < 4; i++)
        cutprf_avx512_round(&s);
    s.v0 = _mm512_xor_si512(s.v0, s.v1);
    s.v2 = _mm512_xor_si512(s.v2, s.v3);
    return _mm512_xor_si512(s.v0, s.v2);
}

void cutprf_avx512_hash(const struct siphash_key *key, const uint8_t *p,
                        uint32_t *pos, size_t n, uint64_t *r)
{
    /* lanes without work repeat the last one's */
    for (size_t i = n; i % CUTPRF_AVX512_LANES; i++)
        pos[i] = pos[n - 1];
    for (size_t i = 0; i < n; i += CUTPRF_AVX512_LANES)
        _mm512_storeu_si512(r + i, cutprf_avx512_eight(key, p, pos + i));
}
