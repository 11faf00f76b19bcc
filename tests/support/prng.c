#include "tests/support/prng.h"

#include <string.h>

/* splitmix64, which spreads a small seed over the whole state */
static uint64_t prng_mix(uint64_t *x)
{
    uint64_t z = *x += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t prng_rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

void prng_init(struct prng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = prng_mix(&seed);
}

uint64_t prng_next(struct prng *r)
{
    uint64_t out = prng_rotate(r->s[1] * 5, 7) * 9;
    uint64_t t = r->s[1] << 17;

    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = prng_rotate(r->s[3], 45);
    return out;
}

uint64_t prng_below(struct prng *r, uint64_t n)
{
    return prng_next(r) % n;
}

void prng_fill(struct prng *r, void *p, size_t n)
{
    uint8_t *to = p;

    while (n > 0) {
        uint64_t x = prng_next(r);
        size_t now = n < sizeof x ? n : sizeof x;

        memcpy(to, &x, now);
        to += now;
        n -= now;
    }
}
