#include "tests/chunker/chunk_oracle.h"

#include <stdlib.h>

#include "base/mem.h"
#include "chunker/anchor.h"

static uint8_t oracle_apply(uint64_t matrix, uint8_t x)
{
    unsigned y = 0;

    for (unsigned i = 0; i < 8; i++) {
        unsigned row = (unsigned)(matrix >> (8 * (7 - i))) & 0xff;

        y |= (unsigned)__builtin_parity(row & x) << i;
    }
    return (uint8_t)y;
}

/* What byte x, j positions back, adds to the digest: lag = 1 + 2 + 8, say,
 * through B_1, B_2 and B_8, in this order. */
static uint8_t oracle_lag(unsigned j, uint8_t x)
{
    for (unsigned k = 0; k < 5; k++) {
        if (j >> k & 1)
            x = oracle_apply(anchor_matrix[k], x);
    }
    return x;
}

bool chunk_oracle_anchor(const uint8_t *p, size_t at)
{
    static uint8_t lag[32][256];
    uint8_t digest = 0;

    if (lag[0][1] == 0) {
        for (unsigned j = 0; j < 32; j++) {
            for (unsigned x = 0; x < 256; x++)
                lag[j][x] = oracle_lag(j, (uint8_t)x);
        }
    }
    for (size_t j = 0; j < 32; j++)
        digest ^= lag[j][p[at - j]];
    return digest == anchor_target;
}

void chunk_oracle_init(struct chunk_oracle *o, const uint8_t *p, size_t n,
                       const uint8_t key[CHUNKER_KEY_BYTES])
{
    struct siphash_key k = siphash_key_load(key);

    *o = (struct chunk_oracle){.p = p, .n = n};
    o->latest = mem_array(n + 1, sizeof *o->latest);
    o->prf = mem_array(n + 1, sizeof *o->prf);
    ASSERT(o->latest && o->prf);
    for (size_t i = 63; i < n; i++) {
        o->latest[i] = o->latest[i - 1];
        if (chunk_oracle_anchor(p, i)) {
            o->latest[i] = (uint32_t)i + 1;
            o->prf[i] = siphash(&k, bytes_of(p + i - 63, 64));
        }
    }
}

void chunk_oracle_release(struct chunk_oracle *o)
{
    free(o->latest);
    free(o->prf);
}

bool chunk_oracle_cuts(const struct chunk_oracle *o,
                       const struct chunker_params *params, size_t s,
                       size_t len)
{
    size_t cut = s + len;
    unsigned bits = 0;
    size_t a;

    if (len == params->max)
        return true;
    if (len < params->min || o->latest[cut - 1] == 0)
        return false;
    a = o->latest[cut - 1] - 1;
    if (cut - a > 4096)
        return false;
    while ((uint32_t)4096 << bits < params->normal)
        bits++;
    if (len >= params->normal)
        bits -= 2;
    return a + 1 + o->prf[a] % 4096 == cut &&
           (o->prf[a] >> 12) % (1u << bits) == 0;
}

size_t chunk_oracle_next(const struct chunk_oracle *o,
                         const struct chunker_params *params, size_t s,
                         size_t end, bool last)
{
    for (size_t len = params->min; len <= end - s; len++) {
        if (chunk_oracle_cuts(o, params, s, len))
            return len;
    }
    return last ? end - s : 0;
}
