#include "chunker/anchor.h"

#include <immintrin.h>

/* B_w of the low and of the high nibbles, the same in both lanes */
struct anchor_avx2_matrix {
    __m256i low, high;
};

static inline struct anchor_avx2_matrix anchor_avx2_load(size_t k)
{
    const __m128i *t = (const __m128i *)(const void *)anchor_nibble[k];

    return (struct anchor_avx2_matrix){
        _mm256_broadcastsi128_si256(_mm_loadu_si128(t)),
        _mm256_broadcastsi128_si256(_mm_loadu_si128(t + 1))};
}

/* f ^ B_w back */
static inline __m256i anchor_avx2_add(__m256i f, __m256i back,
                                      struct anchor_avx2_matrix m)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i low = _mm256_and_si256(back, nibble);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(back, 4), nibble);

    f = _mm256_xor_si256(f, _mm256_shuffle_epi8(m.low, low));
    return _mm256_xor_si256(f, _mm256_shuffle_epi8(m.high, high));
}

static inline __m256i anchor_avx2_bytes(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* The last vector's fw, of which the next one needs the end. */
struct anchor_avx2_state {
    __m256i f2, f4, f8, f16;
};

/* f32 of the 32 bytes at p. s is the state of those before them. */
static inline __m256i anchor_avx2_digest(
    struct anchor_avx2_state *s,
    const struct anchor_avx2_matrix m[ANCHOR_MATRICES], const uint8_t *p)
{
    struct anchor_avx2_state t;
    __m256i back; /* 16 bytes earlier, as a lane's bytes come from two lanes */

    t.f2 =
        anchor_avx2_add(anchor_avx2_bytes(p), anchor_avx2_bytes(p - 1), m[0]);
    back = _mm256_permute2x128_si256(s->f2, t.f2, 0x21);
    t.f4 = anchor_avx2_add(t.f2, _mm256_alignr_epi8(t.f2, back, 14), m[1]);
    back = _mm256_permute2x128_si256(s->f4, t.f4, 0x21);
    t.f8 = anchor_avx2_add(t.f4, _mm256_alignr_epi8(t.f4, back, 12), m[2]);
    back = _mm256_permute2x128_si256(s->f8, t.f8, 0x21);
    t.f16 = anchor_avx2_add(t.f8, _mm256_alignr_epi8(t.f8, back, 8), m[3]);
    back = _mm256_permute2x128_si256(s->f16, t.f16, 0x21);
    *s = t;
    return anchor_avx2_add(t.f16, back, m[4]);
}

size_t anchor_avx2_find(const uint8_t *p, size_t at, size_t end,
                        struct anchor_list *list)
{
    const struct anchor_avx2_matrix m[ANCHOR_MATRICES] = {
        anchor_avx2_load(0), anchor_avx2_load(1), anchor_avx2_load(2),
        anchor_avx2_load(3), anchor_avx2_load(4)};
    const __m256i target = _mm256_set1_epi8((char)anchor_target);
    struct anchor_avx2_state s = {0};

    /* the 32 bytes before at make the state right where the run will look */
    (void)anchor_avx2_digest(&s, m, p + at - 32);
    for (; list->n < ANCHOR_ENOUGH && end - at >= ANCHOR_RUN;
         at += ANCHOR_RUN) {
        __m256i a = anchor_avx2_digest(&s, m, p + at);
        __m256i b = anchor_avx2_digest(&s, m, p + at + 32);
        int low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(a, target));
        int high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(b, target));

        anchor_append(list, at, (uint32_t)low | (uint64_t)(uint32_t)high << 32);
    }
    return at;
}
