/*
 * The tree of BLAKE3 over waves (base/blake3_wave.h): an input above one wave
 * puts whole waves on a stack, as one subtree each. With DEDUP_SYSTEM_BLAKE3 a
 * library hashes whole inputs instead; the batch, which it does not have,
 * stays ours.
 */
#include "base/blake3.h"

#include <endian.h>

#include "base/blake3_wave.h"

static void blake3_load_key(uint32_t to[8], const uint8_t *key)
{
    memcpy(to, key, BLAKE3_KEY_BYTES);
    for (size_t i = 0; i < 8; i++)
        to[i] = le32toh(to[i]);
}

#ifdef DEDUP_SYSTEM_BLAKE3
#include <blake3.h>

/* Above so many bytes an input of a batch fills the lanes on its own. */
#define BLAKE3_ALONE_BYTES 16384

/* The library's state takes the place of ours, which nobody else looks into. */
_Static_assert(sizeof(blake3_hasher) <= sizeof(struct blake3) &&
                   _Alignof(blake3_hasher) <= _Alignof(struct blake3),
               "a struct blake3 has room for the library's state");

static blake3_hasher *blake3_library(struct blake3 *h)
{
    return (blake3_hasher *)(void *)h;
}

void blake3_init(struct blake3 *h)
{
    blake3_hasher_init(blake3_library(h));
}

void blake3_init_keyed(struct blake3 *h, const uint8_t key[BLAKE3_KEY_BYTES])
{
    blake3_hasher_init_keyed(blake3_library(h), key);
}

void blake3_update(struct blake3 *h, struct bytes in)
{
    if (in.n > 0)
        blake3_hasher_update(blake3_library(h), in.p, in.n);
}

void blake3_final(struct blake3 *h, uint8_t out[BLAKE3_BYTES])
{
    blake3_hasher_finalize(blake3_library(h), out, BLAKE3_BYTES);
    explicit_bzero(h, sizeof *h);
}

/* h comes from an init and nothing was added. */
static void blake3_whole(struct blake3 *h, struct bytes in,
                         uint8_t out[BLAKE3_BYTES])
{
    blake3_update(h, in);
    blake3_hasher_finalize(blake3_library(h), out, BLAKE3_BYTES);
    explicit_bzero(blake3_library(h)->key, BLAKE3_KEY_BYTES);
}

#else
#define BLAKE3_ALONE_BYTES BLAKE3_WAVE_BYTES

/* Hashes one run of at most BLAKE3_WAVE_LEAVES leaves to one node. */
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
    uint8_t pair[2 * BLAKE3_BYTES];

    memcpy(pair, h->cv[--h->depth], BLAKE3_BYTES);
    memcpy(pair + BLAKE3_BYTES, right, BLAKE3_BYTES);
    blake3_wave_parent(h->key, h->flags | root, pair, out);
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

/* The end of the input, at most one wave, and all that waits left of it. */
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
    while (in.n > BLAKE3_WAVE_BYTES) {
        blake3_push(h, in.p, BLAKE3_WAVE_LEAVES);
        in = bytes_of(in.p + BLAKE3_WAVE_BYTES, in.n - BLAKE3_WAVE_BYTES);
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
    size_t leaves = BLAKE3_WAVE_LEAVES;

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

#endif

void blake3_hash(struct bytes in, uint8_t out[BLAKE3_BYTES])
{
    struct blake3 h;

    blake3_init(&h);
    blake3_whole(&h, in, out);
}

/* Not inlined: its locals and those of a batch are too much for one frame. */
__attribute__((noinline)) void blake3_keyed(const uint8_t key[BLAKE3_KEY_BYTES],
                                            struct bytes in,
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
        if (item[i].in.n > BLAKE3_ALONE_BYTES) {
            blake3_keyed(key, item[i].in, item[i].out);
            continue;
        }
        if (blake3_wave_leaves_of(item[i].in.n) >
            BLAKE3_WAVE_LEAVES - w.leaves) {
            blake3_wave_run(&w);
            blake3_wave_init(&w, words, BLAKE3_KEYED_HASH);
        }
        blake3_wave_add(&w, item[i].in, 0, BLAKE3_ROOT, item[i].out);
    }
    blake3_wave_run(&w);
    explicit_bzero(words, sizeof words);
}
