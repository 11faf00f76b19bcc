#include "chunker/anchor.h"

#include <string.h>

enum { ANCHOR_SPAN = ANCHOR_HISTORY + ANCHOR_RUN };

/* f2w from fw, for each index that has w others before it; from the end on, so
 * that what is read has not been replaced yet */
static void anchor_double(uint8_t f[ANCHOR_SPAN], size_t w,
                          const uint8_t product[256])
{
    for (size_t i = ANCHOR_SPAN - 1; i >= w; i--)
        f[i] ^= product[f[i - w]];
}

/* The reference: the definition, one run at a time. */
void anchor_mask(const uint8_t *p, size_t runs, uint64_t *mask)
{
    uint8_t f[ANCHOR_SPAN];

    for (size_t k = 0; k < runs; k++, p += ANCHOR_RUN) {
        memcpy(f, p - ANCHOR_HISTORY, sizeof f);
        for (size_t i = 0; i < ANCHOR_MATRICES; i++)
            anchor_double(f, (size_t)1 << i, anchor_product[i]);
        mask[k] = 0;
        for (size_t j = 0; j < ANCHOR_RUN; j++)
            mask[k] |= (uint64_t)(f[ANCHOR_HISTORY + j] == anchor_target) << j;
    }
}

static const struct anchor_version anchor_versions[] = {
    {CPU_SCALAR, anchor_mask},
};

const struct anchor_version *anchor_best(enum cpu_level level)
{
    size_t n = sizeof anchor_versions / sizeof anchor_versions[0];

    while (n > 1 && anchor_versions[n - 1].level > level)
        n--;
    return &anchor_versions[n - 1];
}
