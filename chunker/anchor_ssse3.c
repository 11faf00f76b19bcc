#include "chunker/anchor.h"

#include <tmmintrin.h>

/* B_w of the low and of the high nibbles */
struct anchor_ssse3_matrix {
    __m128i low, high;
};

static inline __m128i anchor_ssse3_bytes(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline struct anchor_ssse3_matrix anchor_ssse3_load(size_t k)
{
    return (struct anchor_ssse3_matrix){
        anchor_ssse3_bytes(anchor_nibble[k][0]),
        anchor_ssse3_bytes(anchor_nibble[k][1])};
}

/* f ^ B_w back */
static inline __m128i anchor_ssse3_add(__m128i f, __m128i back,
                                       struct anchor_ssse3_matrix m)
{
    const __m128i nibble = _mm_set1_epi8(15);
    __m128i low = _mm_and_si128(back, nibble);
    __m128i high = _mm_and_si128(_mm_srli_epi16(back, 4), nibble);

    f = _mm_xor_si128(f, _mm_shuffle_epi8(m.low, low));
    return _mm_xor_si128(f, _mm_shuffle_epi8(m.high, high));
}

/* The last vector's fw, of which the next one needs the end. */
struct anchor_ssse3_state {
    __m128i f2, f4, f8, f16;
};

/* f32 of the 16 bytes at p. s is the state of those before them. */
static inline __m128i anchor_ssse3_digest(
    struct anchor_ssse3_state *s,
    const struct anchor_ssse3_matrix m[ANCHOR_MATRICES], const uint8_t *p)
{
    struct anchor_ssse3_state t;
    __m128i f32;

    t.f2 = anchor_ssse3_add(anchor_ssse3_bytes(p), anchor_ssse3_bytes(p - 1),
                            m[0]);
    t.f4 = anchor_ssse3_add(t.f2, _mm_alignr_epi8(t.f2, s->f2, 14), m[1]);
    t.f8 = anchor_ssse3_add(t.f4, _mm_alignr_epi8(t.f4, s->f4, 12), m[2]);
    t.f16 = anchor_ssse3_add(t.f8, _mm_alignr_epi8(t.f8, s->f8, 8), m[3]);
    f32 = anchor_ssse3_add(t.f16, s->f16, m[4]);
    *s = t;
    return f32;
}

size_t anchor_ssse3_find(const uint8_t *p, size_t at, size_t end,
                         struct anchor_list *list)
{
    const struct anchor_ssse3_matrix m[ANCHOR_MATRICES] = {
        anchor_ssse3_load(0), anchor_ssse3_load(1), anchor_ssse3_load(2),
        anchor_ssse3_load(3), anchor_ssse3_load(4)};
    const __m128i target = _mm_set1_epi8((char)anchor_target);
    struct anchor_ssse3_state s = {0};

    /* the 32 bytes before at make the state right where the run will look */
    (void)anchor_ssse3_digest(&s, m, p + at - 32);
    (void)anchor_ssse3_digest(&s, m, p + at - 16);
    for (; list->n < ANCHOR_ENOUGH && end - at >= ANCHOR_RUN;
         at += ANCHOR_RUN) {
        uint64_t mask = 0;

        for (int j = 0; j < ANCHOR_RUN; j += 16) {
            __m128i f32 = anchor_ssse3_digest(&s, m, p + at + j);
            int hits = _mm_movemask_epi8(_mm_cmpeq_epi8(f32, target));

            mask |= (uint64_t)(uint32_t)hits << j;
        }
        anchor_append(list, at, mask);
    }
    return at;
}
