#include "repo/pack_dir.h"

void pack_dir_init(struct pack_dir *d)
{
    *d = (struct pack_dir){.frame_n = 0};
    buf_init(&d->frames, PACK_DIR_MAX);
}

void pack_dir_release(struct pack_dir *d)
{
    buf_release(&d->frames);
    pack_dir_init(d);
}

static void pack_dir_put_frame(struct buf *b, const struct pack_dir_frame *f)
{
    codec_put_varint(b, f->key);
    codec_put_varint(b, f->off);
    codec_put_varint(b, f->stored_bytes);
    codec_put_varint(b, f->raw_bytes);
    buf_add(b, f->hash.b, sizeof f->hash.b);
    codec_put_varint(b, f->chunk_n);
}

int pack_dir_add(struct pack_dir *d, const struct pack_dir_frame *f,
                 const struct pack_dir_chunk *chunk)
{
    int rc =
        buf_reserve(&d->frames, PACK_DIR_FRAME_MAX +
                                    (size_t)f->chunk_n * PACK_DIR_CHUNK_MAX);

    if (rc < 0) {
        d->frames.rc = 0; /* nothing was appended: d is as it was */
        return rc;
    }
    pack_dir_put_frame(&d->frames, f);
    for (uint32_t i = 0; i < f->chunk_n; i++) {
        buf_add(&d->frames, chunk[i].id.b, sizeof chunk[i].id.b);
        codec_put_varint(&d->frames, chunk[i].bytes);
    }
    d->frame_n++;
    d->chunk_n += f->chunk_n;
    return 0;
}

void pack_dir_put(const struct pack_dir *d, struct buf *b)
{
    codec_put_varint(b, d->frame_n);
    buf_add_bytes(b, buf_bytes(&d->frames));
}

size_t pack_dir_bytes(const struct pack_dir *d)
{
    size_t count = 1;

    for (uint32_t n = d->frame_n; n >= 0x80; n >>= 7)
        count++;
    return count + d->frames.n;
}

/* Everything but the chunks. */
static void pack_dir_get_frame(struct codec *c, struct pack_dir_frame *f)
{
    f->key = (uint32_t)codec_varint_max(c, PACK_KEYS_MAX - 1);
    f->off = (uint32_t)codec_varint_max(c, UINT32_MAX);
    f->stored_bytes = (uint32_t)codec_varint_max(c, FRAME_STORED_MAX);
    f->raw_bytes = (uint32_t)codec_varint_max(c, FRAME_RAW_MAX);
    codec_copy(c, f->hash.b, sizeof f->hash.b);
    f->chunk_n = (uint32_t)codec_varint_max(c, FRAME_CHUNKS_MAX);
}

static void pack_dir_get_chunk(struct codec *c, struct pack_dir_chunk *ch)
{
    codec_copy(c, ch->id.b, sizeof ch->id.b);
    ch->bytes = (uint32_t)codec_varint_max(c, PACK_CHUNK_MAX);
}

/* One frame with its chunks; off: where the frame before it ended. */
static void pack_dir_check_frame(struct codec *c,
                                 const struct pack_dir_bounds *bounds,
                                 uint32_t *off, uint32_t *chunk_n)
{
    struct pack_dir_frame f;
    uint32_t raw = 0;

    pack_dir_get_frame(c, &f);
    if (f.key >= bounds->key_n || f.off < *off || f.off > bounds->end ||
        f.stored_bytes <= FRAME_OVERHEAD ||
        f.stored_bytes > f.raw_bytes + FRAME_OVERHEAD ||
        f.stored_bytes > bounds->end - f.off || f.chunk_n == 0)
        codec_fail(c);
    for (uint32_t i = 0; i < f.chunk_n && !c->failed; i++) {
        struct pack_dir_chunk ch;

        pack_dir_get_chunk(c, &ch);
        if (ch.bytes == 0 || ch.bytes > f.raw_bytes - raw)
            codec_fail(c);
        raw += ch.bytes;
    }
    if (c->failed || raw != f.raw_bytes) {
        codec_fail(c);
        return;
    }
    *off = f.off + f.stored_bytes;
    *chunk_n += f.chunk_n;
}

int pack_dir_check(struct bytes content, const struct pack_dir_bounds *bounds,
                   uint32_t *frame_n, uint32_t *chunk_n)
{
    struct codec c;
    uint32_t off = bounds->first;
    uint32_t chunks = 0;
    size_t frames;

    codec_init(&c, content);
    frames = codec_count(&c, PACK_DIR_FRAME_MIN);
    for (size_t i = 0; i < frames && !c.failed; i++)
        pack_dir_check_frame(&c, bounds, &off, &chunks);
    if (frame_n)
        *frame_n = (uint32_t)frames;
    if (chunk_n)
        *chunk_n = chunks;
    return codec_end(&c, "pack directory");
}

void pack_dir_read(struct pack_dir_reader *r, struct bytes content)
{
    *r = (struct pack_dir_reader){.chunks_left = 0};
    codec_init(&r->c, content);
    r->frames_left = (uint32_t)codec_count(&r->c, PACK_DIR_FRAME_MIN);
}

bool pack_dir_next_frame(struct pack_dir_reader *r, struct pack_dir_frame *f)
{
    struct pack_dir_chunk skip;

    while (pack_dir_next_chunk(r, &skip))
        ;
    if (r->frames_left == 0)
        return false;
    r->frames_left--;
    pack_dir_get_frame(&r->c, f);
    r->chunks_left = f->chunk_n;
    return true;
}

bool pack_dir_next_chunk(struct pack_dir_reader *r, struct pack_dir_chunk *c)
{
    if (r->chunks_left == 0)
        return false;
    r->chunks_left--;
    pack_dir_get_chunk(&r->c, c);
    return true;
}

uint32_t pack_dir_count(struct bytes content)
{
    struct pack_dir_reader dir;
    struct pack_dir_frame f;
    uint32_t n = 0;

    pack_dir_read(&dir, content);
    while (pack_dir_next_frame(&dir, &f))
        n += f.chunk_n;
    return n;
}
