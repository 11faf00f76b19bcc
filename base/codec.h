/*
 * codec: the one cursor through which untrusted bytes are read, and its mirror
 * that appends to a buf. Little-endian; varints are LEB128 of at most 10 bytes,
 * in their shortest form only.
 *
 * Reading fails stickily: after the first read past the end (or malformed
 * varint) every read returns zero or an empty run, and codec_end() reports it.
 * A decoder reads its fields, tests once, then validates what it read. A count
 * that steers a loop or an allocation is read with codec_count().
 * Confined to one thread.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

struct codec {
    const uint8_t *p;   /* next byte */
    const uint8_t *end; /* one after the last; p after a failure */
    const uint8_t *start;
    bool failed;
};

void codec_init(struct codec *c, struct bytes in);

/* codec_fail: the decoder found a value that cannot be: fail the cursor. */
static inline void codec_fail(struct codec *c)
{
    c->end = c->p;
    c->failed = true;
}

/* codec_left: bytes not yet read; 0 after a failure. */
static inline size_t codec_left(const struct codec *c)
{
    return (size_t)(c->end - c->p);
}

/* codec_take: the next n bytes, lent from the input; empty on failure. */
static inline struct bytes codec_take(struct codec *c, size_t n)
{
    struct bytes out = {NULL, 0};

    if (n > codec_left(c)) {
        codec_fail(c);
        return out;
    }
    if (n) {
        out = bytes_of(c->p, n);
        c->p += n;
    }
    return out;
}

/* codec_copy: the next n bytes into to; zeros on failure. */
static inline void codec_copy(struct codec *c, void *to, size_t n)
{
    struct bytes x = codec_take(c, n);

    if (x.n)
        memcpy(to, x.p, x.n);
    else
        memset(to, 0, n);
}

/* codec_varint_long: codec_varint() for those that are not one byte. */
uint64_t codec_varint_long(struct codec *c);

static inline uint64_t codec_varint(struct codec *c)
{
    if (c->p < c->end && *c->p < 0x80)
        return *c->p++;
    return codec_varint_long(c);
}

uint8_t codec_u8(struct codec *c);
uint16_t codec_u16(struct codec *c);
uint32_t codec_u32(struct codec *c);
uint64_t codec_u64(struct codec *c);
/* codec_svarint: signed, zigzag. */
int64_t codec_svarint(struct codec *c);

/* codec_varint_max: a varint that must be <= max, else the cursor fails. */
uint64_t codec_varint_max(struct codec *c, uint64_t max);

/*
 * codec_count: a varint that counts elements which follow, each at least
 * min_bytes (>= 1) long: fails when that many cannot fit into what is left, so
 * the result may be allocated for.
 */
size_t codec_count(struct codec *c, size_t min_bytes);

/* codec_string: a varint length <= max, then that many bytes, lent. */
struct bytes codec_string(struct codec *c, size_t max);

/* codec_ok: 0, or E_CORRUPT "<what>: ... at byte N" after a failure. */
MUST_CHECK int codec_ok(const struct codec *c, const char *what);

/* codec_end: as codec_ok, and E_CORRUPT too when bytes are left over. */
MUST_CHECK int codec_end(const struct codec *c, const char *what);

void codec_put_u8(struct buf *b, uint8_t v);
void codec_put_u16(struct buf *b, uint16_t v);
void codec_put_u32(struct buf *b, uint32_t v);
void codec_put_u64(struct buf *b, uint64_t v);
void codec_put_varint(struct buf *b, uint64_t v);
void codec_put_svarint(struct buf *b, int64_t v);
/* codec_put_string: a varint length, then the bytes. */
void codec_put_string(struct buf *b, struct bytes s);

#endif
