/*
 * The tree of BLAKE3 over the kernels. A wave is up to WAVE leaves, of one
 * input or of many: they are hashed together, then their parents level by
 * level, an odd node moving up as it is. That is the tree of the
 * specification, whose left halves are the largest powers of two. Inputs above
 * one wave put whole waves on a stack, as one subtree each.
 */
#include "base/blake3.h"

#include <endian.h>
#include <stdbool.h>

#include "base/blake3_kernel.h"
#include "base/cpu.h"
#include "base/err.h"

/* For functions with some KiB of locals: inlined into each other they would
 * add up in one frame. */
#define BLAKE3_OWN_FRAME __attribute__((noinline))

enum { WAVE = 64, WAVE_BYTES = WAVE * BLAKE3_LEAF_BYTES, BLOCKS_MAX = 16 };

/* What one input has in a wave. */
struct blake3_part {
    size_t at;    /* its first chaining value in the wave */
    size_t n;     /* nodes left on the present level */
    uint8_t root; /* BLAKE3_ROOT when the last node is the whole input's */
    uint8_t *out; /* where the last node's value goes */
};

struct blake3_wave {
    const uint32_t *key;
    uint8_t flags;
    size_t leaves;
    size_t parts;
    struct blake3_part part[WAVE];
    struct blake3_job job[WAVE];
    uint8_t cv[WAVE * BLAKE3_BYTES];
};

/* Widest first; the scalar kernel comes last and takes any number. */
struct blake3_choice {
    size_t least; /* jobs from which it beats the next one */
    size_t lanes;
    blake3_kernel *run;
};

static const struct blake3_choice *blake3_choices(enum cpu_level level)
{
    static const struct blake3_choice scalar[] = {
        {1, WAVE, blake3_scalar},
    };
#if defined(__x86_64__)
    static const struct blake3_choice avx512[] = {
        {9, 16, blake3_avx512_x16},
        {2, 8, blake3_avx512_x8},
        {1, WAVE, blake3_scalar},
    };
    static const struct blake3_choice avx2[] = {
        {2, 8, blake3_avx2_x8},
        {1, WAVE, blake3_scalar},
    };
    static const struct blake3_choice sse41[] = {
        {2, 4, blake3_sse41_x4},
        {1, WAVE, blake3_scalar},
    };

    if (level == CPU_AVX512)
        return avx512;
    if (level == CPU_AVX2)
        return avx2;
    if (level == CPU_SSE41)
        return sse41;
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    static const struct blake3_choice baseline[] = {
        {3, 4, blake3_baseline_x4},
        {1, WAVE, blake3_scalar},
    };

    if (level != CPU_SCALAR)
        return baseline;
#endif
    return scalar;
}

static void blake3_run(const struct blake3_job *job, size_t n,
                       const uint32_t key[8])
{
    const struct blake3_choice *c = blake3_choices(cpu_level());

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

static void blake3_wave_init(struct blake3_wave *w, const uint32_t key[8],
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

static size_t blake3_wave_leaves_of(size_t n)
{
    return n ? (n - 1) / BLAKE3_LEAF_BYTES + 1 : 1;
}

/* Adds the leaves of in, the first of which has number counter. */
static void blake3_wave_add(struct blake3_wave *w, struct bytes in,
                            uint64_t counter, uint8_t root, uint8_t *out)
{
    size_t leaves = blake3_wave_leaves_of(in.n);
    bool alone = leaves == 1;
    size_t left = in.n;

    ASSERT(leaves <= WAVE - w->leaves);
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
BLAKE3_OWN_FRAME static void blake3_wave_sort(struct blake3_wave *w)
{
    struct blake3_job sorted[WAVE];
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

/* Hashes all that was added: each part's last value is at its out. */
static void blake3_wave_run(struct blake3_wave *w)
{
    if (w->parts > 1)
        blake3_wave_sort(w);
    blake3_run(w->job, w->leaves, w->key);
    for (size_t n = blake3_wave_add_parents(w); n > 0;
         n = blake3_wave_add_parents(w)) {
        blake3_run(w->job, n, w->key);
        blake3_wave_climb(w);
    }
}

/* Hashes one run of at most WAVE leaves to one node. */
static void blake3_subtree(const struct blake3 *h, struct bytes in,
                           uint8_t root, uint8_t out[BLAKE3_BYTES])
{
    struct blake3_wave w;

    blake3_wave_init(&w, h->key, h->flags);
    blake3_wave_add(&w, in, h->leaves, root, out);
    blake3_wave_run(&w);
}

/* cv[depth - 1] and the node right of it make their parent, at out. */
static void blake3_join(struct blake3 *h, const uint8_t right[BLAKE3_BYTES],
                        uint8_t root, uint8_t out[BLAKE3_BYTES])
{
    uint8_t pair[2][BLAKE3_BYTES];
    struct blake3_job job = {
        .in = pair[0],
        .out = out,
        .n = sizeof pair,
        .flags = (uint8_t)(h->flags | BLAKE3_PARENT | root),
        .blocks = 1,
    };

    memcpy(pair[0], h->cv[--h->depth], BLAKE3_BYTES);
    memcpy(pair[1], right, BLAKE3_BYTES);
    blake3_run(&job, 1, h->key);
}

/* Hashes 2^k whole leaves at a multiple of 2^k; more input must follow them,
 * so that no node of theirs is the root. */
static void blake3_push(struct blake3 *h, const uint8_t *p, size_t leaves)
{
    uint8_t cv[BLAKE3_BYTES];

    blake3_subtree(h, bytes_of(p, leaves * BLAKE3_LEAF_BYTES), 0, cv);
    /* equal neighbours join, as a carry moves through a binary counter */
    for (uint64_t bit = leaves; h->leaves & bit; bit *= 2)
        blake3_join(h, cv, 0, cv);
    memcpy(h->cv[h->depth++], cv, sizeof cv);
    h->leaves += leaves;
}

/* The end of the input, at most WAVE leaves, and all that waits left of it. */
static void blake3_finish(struct blake3 *h, struct bytes in,
                          uint8_t out[BLAKE3_BYTES])
{
    uint8_t cv[BLAKE3_BYTES];

    blake3_subtree(h, in, h->depth ? 0 : BLAKE3_ROOT, cv);
    while (h->depth > 0)
        blake3_join(h, cv, h->depth == 1 ? BLAKE3_ROOT : 0, cv);
    memcpy(out, cv, sizeof cv);
}

/* h comes from an init and nothing was added. */
static void blake3_whole(struct blake3 *h, struct bytes in,
                         uint8_t out[BLAKE3_BYTES])
{
    while (in.n > WAVE_BYTES) {
        blake3_push(h, in.p, WAVE);
        in = bytes_of(in.p + WAVE_BYTES, in.n - WAVE_BYTES);
    }
    blake3_finish(h, in, out);
    explicit_bzero(h->key, sizeof h->key);
}

void blake3_init(struct blake3 *h)
{
    static const uint32_t iv[8] = BLAKE3_IV;

    memcpy(h->key, iv, sizeof iv);
    h->flags = 0;
    h->depth = 0;
    h->leaves = 0;
    h->buf_n = 0;
}

static void blake3_load_key(uint32_t to[8], const uint8_t *key)
{
    memcpy(to, key, BLAKE3_KEY_BYTES);
    for (size_t i = 0; i < 8; i++)
        to[i] = le32toh(to[i]);
}

void blake3_init_keyed(struct blake3 *h, const uint8_t key[BLAKE3_KEY_BYTES])
{
    blake3_init(h);
    blake3_load_key(h->key, key);
    h->flags = BLAKE3_KEYED_HASH;
}

/* The largest power of two of leaves that fits the tree here, leaves at least
 * one byte of n over, and is no more than a wave. n is above one leaf. */
static size_t blake3_stride(const struct blake3 *h, size_t n)
{
    size_t leaves = WAVE;

    while (leaves > (n - 1) / BLAKE3_LEAF_BYTES || h->leaves % leaves)
        leaves /= 2;
    return leaves;
}

void blake3_update(struct blake3 *h, struct bytes in)
{
    while (in.n > 0) {
        size_t n;

        if (h->buf_n == BLAKE3_LEAF_BYTES) {
            blake3_push(h, h->buf, 1);
            h->buf_n = 0;
        }
        if (h->buf_n == 0 && in.n > BLAKE3_LEAF_BYTES) {
            n = blake3_stride(h, in.n);
            blake3_push(h, in.p, n);
            n *= BLAKE3_LEAF_BYTES;
        } else {
            n = BLAKE3_LEAF_BYTES - h->buf_n;
            n = in.n < n ? in.n : n;
            memcpy(h->buf + h->buf_n, in.p, n);
            h->buf_n += n;
        }
        in = bytes_of(in.p + n, in.n - n);
    }
}

void blake3_final(struct blake3 *h, uint8_t out[BLAKE3_BYTES])
{
    blake3_finish(h, bytes_of(h->buf, h->buf_n), out);
    explicit_bzero(h, sizeof *h);
}

void blake3_hash(struct bytes in, uint8_t out[BLAKE3_BYTES])
{
    struct blake3 h;

    blake3_init(&h);
    blake3_whole(&h, in, out);
}

BLAKE3_OWN_FRAME
void blake3_keyed(const uint8_t key[BLAKE3_KEY_BYTES], struct bytes in,
                  uint8_t out[BLAKE3_BYTES])
{
    struct blake3 h;

    blake3_init_keyed(&h, key);
    blake3_whole(&h, in, out);
}

void blake3_keyed_many(const uint8_t key[BLAKE3_KEY_BYTES],
                       const struct blake3_item *item, size_t n)
{
    uint32_t words[8];
    struct blake3_wave w;

    blake3_load_key(words, key);
    blake3_wave_init(&w, words, BLAKE3_KEYED_HASH);
    for (size_t i = 0; i < n; i++) {
        if (item[i].in.n > WAVE_BYTES) {
            blake3_keyed(key, item[i].in, item[i].out);
            continue;
        }
        if (blake3_wave_leaves_of(item[i].in.n) > WAVE - w.leaves) {
            blake3_wave_run(&w);
            blake3_wave_init(&w, words, BLAKE3_KEYED_HASH);
        }
        blake3_wave_add(&w, item[i].in, 0, BLAKE3_ROOT, item[i].out);
    }
    blake3_wave_run(&w);
    explicit_bzero(words, sizeof words);
}
