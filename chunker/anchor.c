#include "chunker/anchor.h"

#include <string.h>

enum {
    ANCHOR_FAR = 16,    /* the farthest that one doubling looks back */
    ANCHOR_WARM_UP = 32 /* bytes after which the state is right */
};

_Static_assert((int)ANCHOR_WARM_UP > ANCHOR_HISTORY, "covers the digest");

/* f[k] is fw, w = 1 << k, of the last run, behind ANCHOR_FAR older ones. */
struct anchor_state {
    uint8_t f[ANCHOR_MATRICES + 1][ANCHOR_FAR + ANCHOR_RUN];
};

/* The next n bytes, ANCHOR_FAR to ANCHOR_RUN: the equations of anchor.h. */
static void anchor_extend(struct anchor_state *s, const uint8_t *p, size_t n)
{
    memcpy(s->f[0] + ANCHOR_FAR, p, n);
    for (size_t k = 0; k < ANCHOR_MATRICES; k++) {
        const uint8_t *fw = s->f[k] + ANCHOR_FAR;
        const uint8_t *back = fw - ((size_t)1 << k);
        uint8_t *f2w = s->f[k + 1] + ANCHOR_FAR;

        for (size_t i = 0; i < n; i++)
            f2w[i] = fw[i] ^ anchor_product[k][back[i]];
    }
    for (size_t k = 0; k < ANCHOR_MATRICES; k++)
        memcpy(s->f[k], s->f[k] + n, ANCHOR_FAR);
}

/* The reference. */
size_t anchor_find(const uint8_t *p, size_t at, size_t end,
                   struct anchor_list *list)
{
    struct anchor_state s = {0};
    const uint8_t *f32 = s.f[ANCHOR_MATRICES] + ANCHOR_FAR;

    anchor_extend(&s, p + at - ANCHOR_WARM_UP, ANCHOR_WARM_UP);
    while (list->n < ANCHOR_ENOUGH && end - at >= ANCHOR_RUN) {
        anchor_extend(&s, p + at, ANCHOR_RUN);
        for (size_t i = 0; i < ANCHOR_RUN; i++) {
            if (f32[i] == anchor_target)
                list->pos[list->n++] = (uint32_t)(at + i);
        }
        at += ANCHOR_RUN;
    }
    return at;
}

static const struct anchor_version anchor_versions[] = {
    {CPU_SCALAR, anchor_find},
#if defined(__x86_64__)
    {CPU_SSE41, anchor_ssse3_find},
    {CPU_AVX2, anchor_avx2_find},
    {CPU_AVX512, anchor_avx512_find},
#endif
};

const struct anchor_version *anchor_best(enum cpu_level level)
{
    size_t n = sizeof anchor_versions / sizeof anchor_versions[0];

    while (n > 1 && anchor_versions[n - 1].level > level)
        n--;
    return &anchor_versions[n - 1];
}
