#include "base/blake3_wave.h"

#include <stdbool.h>

#include "base/cpu.h"
#include "base/err.h"

enum { BLOCKS_MAX = BLAKE3_LEAF_BYTES / BLAKE3_BLOCK_BYTES };

/* Widest first; the scalar kernel comes last and takes any number. */
struct blake3_wave_choice {
    size_t least; /* jobs from which it beats the next one */
    size_t lanes;
    blake3_kernel *run;
};

static const struct blake3_wave_choice *blake3_wave_choices(
    enum cpu_level level)
{
    static const struct blake3_wave_choice scalar[] = {
        {1, BLAKE3_WAVE_LEAVES, blake3_scalar},
    };
#if defined(__x86_64__)
    static const struct blake3_wave_choice avx512[] = {
        {9, 16, blake3_avx512_x16},
        {2, 8, blake3_avx512_x8},
        {1, BLAKE3_WAVE_LEAVES, blake3_scalar},
    };
    static const struct blake3_wave_choice avx2[] = {
        {2, 8, blake3_avx2_x8},
        {1, BLAKE3_WAVE_LEAVES, blake3_scalar},
    };
    static const struct blake3_wave_choice sse41[] = {
        {2, 4, blake3_sse41_x4},
        {1, BLAKE3_WAVE_LEAVES, blake3_scalar},
    };

    if (level == CPU_AVX512)
        return avx512;
    if (level == CPU_AVX2)
        return avx2;
    if (level == CPU_SSE41)
        return sse41;
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    static const struct blake3_wave_choice baseline[] = {
        {3, 4, blake3_baseline_x4},
        {1, BLAKE3_WAVE_LEAVES, blake3_scalar},
    };

    if (level != CPU_SCALAR)
        return baseline;
#endif
    return scalar;
}

static void blake3_wave_jobs(const struct blake3_job *job, size_t n,
                             const uint32_t key[8])
{
    const struct blake3_wave_choice *c = blake3_wave_choices(cpu_level());

    while (n > 0) {
        size_t now;

        while (n < c->least)
            c++;
        now = n < c->lanes ? n : c->lanes;
        c->run(job, now, key);
        job += now;
        n -= now;
    }
}

void blake3_wave_init(struct blake3_wave *w, const uint32_t key[8],
                      uint32_t flags)
{
    w->key = key;
    w->flags = (uint8_t)flags;
    w->leaves = 0;
    w->parts = 0;
}

static uint8_t *blake3_wave_cv(struct blake3_wave *w, size_t i)
{
    return w->cv + i * BLAKE3_BYTES;
}

size_t blake3_wave_leaves_of(size_t n)
{
    return n ? (n - 1) / BLAKE3_LEAF_BYTES + 1 : 1;
}

void blake3_wave_add(struct blake3_wave *w, struct bytes in, uint64_t counter,
                     uint8_t root, uint8_t *out)
{
    size_t leaves = blake3_wave_leaves_of(in.n);
    bool alone = leaves == 1;
    size_t left = in.n;

    ASSERT(leaves <= BLAKE3_WAVE_LEAVES - w->leaves);
    w->part[w->parts++] = (struct blake3_part){w->leaves, leaves, root, out};
    for (size_t i = 0; i < leaves; i++) {
        size_t n = left < BLAKE3_LEAF_BYTES ? left : BLAKE3_LEAF_BYTES;
        size_t blocks = (n + BLAKE3_BLOCK_BYTES - 1) / BLAKE3_BLOCK_BYTES;

        w->job[w->leaves + i] = (struct blake3_job){
            .in = i ? in.p + i * BLAKE3_LEAF_BYTES : in.p,
            .out = alone ? out : blake3_wave_cv(w, w->leaves + i),
            .counter = counter + i,
            .n = (uint32_t)n,
            .flags = w->flags,
            .first = BLAKE3_CHUNK_START,
            .last = (uint8_t)(BLAKE3_CHUNK_END | (alone ? root : 0)),
            .blocks = (uint8_t)(blocks ? blocks : 1),
        };
        left -= n;
    }
    w->leaves += leaves;
}

/* Longest first, so that the lanes of one kernel call end together. */
static void blake3_wave_sort(struct blake3_wave *w)
{
    struct blake3_job sorted[BLAKE3_WAVE_LEAVES];
    size_t at[BLOCKS_MAX + 1] = {0};

    for (size_t i = 0; i < w->leaves; i++)
        at[w->job[i].blocks - 1]++;
    for (size_t b = BLOCKS_MAX; b-- > 0;)
        at[b] += at[b + 1];
    for (size_t i = 0; i < w->leaves; i++)
        sorted[at[w->job[i].blocks]++] = w->job[i];
    memcpy(w->job, sorted, w->leaves * sizeof sorted[0]);
}

/* Makes jobs of the parents of all parts' present levels. Returns how many. */
static size_t blake3_wave_add_parents(struct blake3_wave *w)
{
    size_t n = 0;

    for (size_t k = 0; k < w->parts; k++) {
        const struct blake3_part *p = &w->part[k];
        bool top = p->n == 2;

        for (size_t i = 0; i + 1 < p->n; i += 2) {
            uint8_t flags = (uint8_t)(w->flags | BLAKE3_PARENT);

            w->job[n++] = (struct blake3_job){
                .in = blake3_wave_cv(w, p->at + i),
                .out = top ? p->out : blake3_wave_cv(w, p->at + i / 2),
                .n = 2 * BLAKE3_BYTES,
                .flags = (uint8_t)(top ? flags | p->root : flags),
                .blocks = 1,
            };
        }
    }
    return n;
}

/* The parents are there: they are the present level now. */
static void blake3_wave_climb(struct blake3_wave *w)
{
    for (size_t k = 0; k < w->parts; k++) {
        struct blake3_part *p = &w->part[k];

        if (p->n > 1 && p->n % 2)
            memcpy(blake3_wave_cv(w, p->at + p->n / 2),
                   blake3_wave_cv(w, p->at + p->n - 1), BLAKE3_BYTES);
        p->n = p->n / 2 + p->n % 2;
    }
}

void blake3_wave_run(struct blake3_wave *w)
{
    if (w->parts > 1)
        blake3_wave_sort(w);
    blake3_wave_jobs(w->job, w->leaves, w->key);
    for (size_t n = blake3_wave_add_parents(w); n > 0;
         n = blake3_wave_add_parents(w)) {
        blake3_wave_jobs(w->job, n, w->key);
        blake3_wave_climb(w);
    }
}

void blake3_wave_parent(const uint32_t key[8], uint32_t flags,
                        const uint8_t pair[2 * BLAKE3_BYTES],
                        uint8_t out[BLAKE3_BYTES])
{
    struct blake3_job job = {
        .in = pair,
        .out = out,
        .n = 2 * BLAKE3_BYTES,
        .flags = (uint8_t)(flags | BLAKE3_PARENT),
        .blocks = 1,
    };

    blake3_wave_jobs(&job, 1, key);
}
