#include "base/codec.h"

void codec_init(struct codec *c, struct bytes in)
{
    c->p = in.p;
    c->start = in.p;
    c->end = in.n ? in.p + in.n : in.p;
    c->failed = false;
}

static uint64_t codec_fixed(struct codec *c, size_t n)
{
    struct bytes x = codec_take(c, n);
    uint64_t v = 0;

    for (size_t i = 0; i < x.n; i++)
        v |= (uint64_t)x.p[i] << (8 * i);
    return v;
}

uint8_t codec_u8(struct codec *c)
{
    return (uint8_t)codec_fixed(c, 1);
}

uint16_t codec_u16(struct codec *c)
{
    return (uint16_t)codec_fixed(c, 2);
}

uint32_t codec_u32(struct codec *c)
{
    return (uint32_t)codec_fixed(c, 4);
}

uint64_t codec_u64(struct codec *c)
{
    return codec_fixed(c, 8);
}

uint64_t codec_varint_long(struct codec *c)
{
    const uint8_t *p = c->p;
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64 && p < c->end; shift += 7) {
        uint8_t x = *p++;

        v |= (uint64_t)(x & 0x7f) << shift;
        if (x & 0x80)
            continue;
        /* one value has one encoding: no zero at the top, no lost bits */
        if ((shift > 0 && x == 0) || (shift == 63 && x > 1))
            break;
        c->p = p;
        return v;
    }
    codec_fail(c);
    return 0;
}

int64_t codec_svarint(struct codec *c)
{
    uint64_t v = codec_varint(c);
    uint64_t sign = v & 1 ? UINT64_MAX : 0;

    return (int64_t)((v >> 1) ^ sign);
}

uint64_t codec_varint_max(struct codec *c, uint64_t max)
{
    uint64_t v = codec_varint(c);

    if (v <= max)
        return v;
    codec_fail(c);
    return 0;
}

size_t codec_count(struct codec *c, size_t min_bytes)
{
    uint64_t n = codec_varint(c);

    ASSERT(min_bytes > 0);
    if (n <= codec_left(c) / min_bytes)
        return (size_t)n;
    codec_fail(c);
    return 0;
}

struct bytes codec_string(struct codec *c, size_t max)
{
    return codec_take(c, (size_t)codec_varint_max(c, max));
}

int codec_ok(const struct codec *c, const char *what)
{
    if (!c->failed)
        return 0;
    return err_set(E_CORRUPT, "%s: malformed or cut off near byte %zu", what,
                   c->p ? (size_t)(c->p - c->start) : 0);
}

int codec_end(const struct codec *c, const char *what)
{
    int rc = codec_ok(c, what);

    if (rc == 0 && codec_left(c) > 0)
        rc = err_set(E_CORRUPT, "%s: %zu bytes too many", what, codec_left(c));
    return rc;
}

static void codec_put_fixed(struct buf *b, uint64_t v, size_t n)
{
    uint8_t x[8];

    for (size_t i = 0; i < n; i++)
        x[i] = (uint8_t)(v >> (8 * i));
    buf_add(b, x, n);
}

void codec_put_u8(struct buf *b, uint8_t v)
{
    codec_put_fixed(b, v, 1);
}

void codec_put_u16(struct buf *b, uint16_t v)
{
    codec_put_fixed(b, v, 2);
}

void codec_put_u32(struct buf *b, uint32_t v)
{
    codec_put_fixed(b, v, 4);
}

void codec_put_u64(struct buf *b, uint64_t v)
{
    codec_put_fixed(b, v, 8);
}

void codec_put_varint(struct buf *b, uint64_t v)
{
    uint8_t x[10];
    size_t n = 0;

    while (v >= 0x80) {
        x[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    x[n++] = (uint8_t)v;
    buf_add(b, x, n);
}

void codec_put_svarint(struct buf *b, int64_t v)
{
    uint64_t sign = v < 0 ? UINT64_MAX : 0;

    codec_put_varint(b, ((uint64_t)v << 1) ^ sign);
}

void codec_put_string(struct buf *b, struct bytes s)
{
    codec_put_varint(b, s.n);
    buf_add_bytes(b, s);
}
