#include "base/siphash.h"

#include <endian.h>

struct siphash_state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t siphash_word(const uint8_t *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
    return le64toh(w);
}

static inline uint64_t siphash_rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static inline void siphash_round(struct siphash_state *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
    s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
    s->v0 = siphash_rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
    s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
    s->v2 = siphash_rotate(s->v2, 32);
}

static inline struct siphash_state siphash_start(const struct siphash_key *key)
{
    /* the constants spell "somepseudorandomlygeneratedbytes" */
    return (struct siphash_state){
        key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d,
        key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573};
}

static inline void siphash_absorb(struct siphash_state *s, uint64_t word)
{
    s->v3 ^= word;
    siphash_round(s);
    siphash_round(s);
    s->v0 ^= word;
}

/* last: the 0..7 bytes left over, with the length mod 256 on top */
static inline uint64_t siphash_finish(struct siphash_state *s, uint64_t last)
{
    siphash_absorb(s, last);
    s->v2 ^= 0xff;
    for (int i = 0; i < 4; i++)
        siphash_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

struct siphash_key siphash_key_load(const uint8_t key[SIPHASH_KEY_BYTES])
{
    return (struct siphash_key){siphash_word(key), siphash_word(key + 8)};
}

uint64_t siphash(const struct siphash_key *key, struct bytes in)
{
    struct siphash_state s = siphash_start(key);
    uint64_t last = (uint64_t)in.n << 56;
    size_t whole = in.n - in.n % 8;

    for (size_t i = 0; i < whole; i += 8)
        siphash_absorb(&s, siphash_word(in.p + i));
    for (size_t i = whole; i < in.n; i++)
        last |= (uint64_t)in.p[i] << (8 * (i - whole));
    return siphash_finish(&s, last);
}

uint64_t siphash_64(const struct siphash_key *key, const uint8_t p[64])
{
    struct siphash_state s = siphash_start(key);

    for (int i = 0; i < 64; i += 8)
        siphash_absorb(&s, siphash_word(p + i));
    return siphash_finish(&s, 64ULL << 56);
}
