#include "chunker/cutprf.h"

/* The reference: one after the other. */
void cutprf_hash(const struct siphash_key *key, const uint8_t *p, uint32_t *pos,
                 size_t n, uint64_t *r)
{
    for (size_t i = 0; i < n; i++)
        r[i] = siphash_64(key, p + pos[i] - CUTPRF_HISTORY);
}

static const struct cutprf_version cutprf_versions[] = {
    {CPU_SCALAR, cutprf_hash},
#if defined(__x86_64__)
    {CPU_AVX2, cutprf_avx2_hash},
    {CPU_AVX512, cutprf_avx512_hash},
#endif
};

const struct cutprf_version *cutprf_best(enum cpu_level level)
{
    size_t n = sizeof cutprf_versions / sizeof cutprf_versions[0];

    while (n > 1 && cutprf_versions[n - 1].level > level)
        n--;
    return &cutprf_versions[n - 1];
}
