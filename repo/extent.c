#include "repo/extent.h"

void extent_put(struct buf *b, const struct extent *e)
{
    ASSERT(e->length <= EXTENT_LENGTH_MAX);
    codec_put_varint(b, e->length * 4 + (uint64_t)e->kind);
    if (e->kind == EXTENT_SLICE)
        codec_put_varint(b, e->offset);
    if (e->kind != EXTENT_HOLE)
        buf_add(b, e->id.b, sizeof e->id.b);
}

void extent_get(struct codec *c, struct extent *e, uint64_t chunk_max)
{
    uint64_t x = codec_varint(c);

    *e = (struct extent){.kind = (enum extent_kind)(x % 4), .length = x / 4};
    if (e->kind > EXTENT_SLICE || e->length == 0)
        codec_fail(c);
    if (e->kind == EXTENT_SLICE)
        e->offset = codec_varint_max(c, chunk_max);
    if (e->kind == EXTENT_HOLE)
        return;
    if (e->length > chunk_max - e->offset)
        codec_fail(c);
    codec_copy(c, e->id.b, sizeof e->id.b);
}
