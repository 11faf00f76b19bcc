#include "chunker/anchor.h"

#include <immintrin.h>

/* B_w of each byte is one instruction; anchor_matrix[] has its bit order. */
static inline __m512i anchor_avx512_affine(__m512i x, __m512i matrix)
{
    return _mm512_gf2p8affine_epi64_epi8(x, matrix, 0);
}

/* The last run's fw, of which the next one needs the end. */
struct anchor_avx512_state {
    __m512i f2, f4, f8, f16;
};

struct anchor_avx512_matrices {
    __m512i b1, b2, b4, b8, b16;
};

/* f32 of a run: x its bytes, x1 those one earlier. s is the run's before it. */
static inline __m512i anchor_avx512_digest(
    struct anchor_avx512_state *s, const struct anchor_avx512_matrices *m,
    __m512i x, __m512i x1)
{
    struct anchor_avx512_state t;
    __m512i back;

    t.f2 = _mm512_xor_si512(x, anchor_avx512_affine(x1, m->b1));
    /* 16 bytes earlier first, as the bytes of a lane come from two lanes */
    back = _mm512_alignr_epi64(t.f2, s->f2, 6);
    back = _mm512_alignr_epi8(t.f2, back, 14);
    t.f4 = _mm512_xor_si512(t.f2, anchor_avx512_affine(back, m->b2));
    back = _mm512_alignr_epi32(t.f4, s->f4, 15);
    t.f8 = _mm512_xor_si512(t.f4, anchor_avx512_affine(back, m->b4));
    back = _mm512_alignr_epi64(t.f8, s->f8, 7);
    t.f16 = _mm512_xor_si512(t.f8, anchor_avx512_affine(back, m->b8));
    back = _mm512_alignr_epi64(t.f16, s->f16, 6);
    *s = t;
    return _mm512_xor_si512(t.f16, anchor_avx512_affine(back, m->b16));
}

/* x in the upper half, zeros in the lower one */
static inline __m512i anchor_avx512_upper(const uint8_t *p)
{
    __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);

    return _mm512_inserti64x4(_mm512_setzero_si512(), x, 1);
}

size_t anchor_avx512_find(const uint8_t *p, size_t at, size_t end,
                          struct anchor_list *list)
{
    const struct anchor_avx512_matrices m = {
        _mm512_set1_epi64((long long)anchor_matrix[0]),
        _mm512_set1_epi64((long long)anchor_matrix[1]),
        _mm512_set1_epi64((long long)anchor_matrix[2]),
        _mm512_set1_epi64((long long)anchor_matrix[3]),
        _mm512_set1_epi64((long long)anchor_matrix[4])};
    const __m512i target = _mm512_set1_epi8((char)anchor_target);
    struct anchor_avx512_state s = {0};

    /* the 32 bytes before at make the state right where the run will look */
    (void)anchor_avx512_digest(&s, &m, anchor_avx512_upper(p + at - 32),
                               anchor_avx512_upper(p + at - 33));
    for (; list->n < ANCHOR_ENOUGH && end - at >= ANCHOR_RUN;
         at += ANCHOR_RUN) {
        __m512i f32 = anchor_avx512_digest(&s, &m, _mm512_loadu_si512(p + at),
                                           _mm512_loadu_si512(p + at - 1));

        anchor_append(list, at, _mm512_cmpeq_epi8_mask(f32, target));
    }
    return at;
}
