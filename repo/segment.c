#include "repo/segment.h"

enum {
    SEGMENT_PACK_MIN = ID_BYTES + 1 + 1 + ID_BYTES + 1,
    SEGMENT_FRAMES_AT = 60 + 120, /* bytes of a header with one key entry */
    SEGMENT_TRAILER_BYTES = 128
};

void segment_put(unsigned level, const struct object_id *replaces,
                 size_t replace_n, const struct segment_pack *pack,
                 size_t pack_n, struct buf *b)
{
    codec_put_varint(b, level);
    codec_put_varint(b, replace_n);
    for (size_t i = 0; i < replace_n; i++)
        buf_add(b, replaces[i].b, sizeof replaces[i].b);
    codec_put_varint(b, pack_n);
    for (size_t i = 0; i < pack_n; i++) {
        ASSERT(i == 0 || memcmp(pack[i - 1].id.b, pack[i].id.b, ID_BYTES) < 0);
        buf_add(b, pack[i].id.b, sizeof pack[i].id.b);
        codec_put_u8(b, (uint8_t)pack[i].kind);
        codec_put_varint(b, pack[i].bytes);
        buf_add(b, pack[i].writer.b, sizeof pack[i].writer.b);
        codec_put_string(b, pack[i].dir);
    }
}

size_t segment_pack_bytes(size_t dir_bytes)
{
    return SEGMENT_PACK_MIN + 10 + dir_bytes;
}

static void segment_get_pack(struct codec *c, struct segment_pack *p)
{
    codec_copy(c, p->id.b, sizeof p->id.b);
    p->kind = (enum pack_kind)codec_u8(c);
    p->bytes = (uint32_t)codec_varint_max(c, PACK_FULL_BYTES);
    codec_copy(c, p->writer.b, sizeof p->writer.b);
    p->dir = codec_string(c, PACK_DIR_MAX);
}

/* What the pack's own header and directory would narrow further. */
static int segment_check_pack(const struct segment_pack *p)
{
    struct pack_dir_bounds bounds = {.first = SEGMENT_FRAMES_AT,
                                     .key_n = PACK_KEYS_MAX};

    if ((p->kind != PACK_DATA && p->kind != PACK_META) ||
        p->bytes < SEGMENT_FRAMES_AT + SEGMENT_TRAILER_BYTES)
        return err_set(E_CORRUPT, "index segment: a pack that cannot be");
    bounds.end = p->bytes - SEGMENT_TRAILER_BYTES;
    return pack_dir_check(p->dir, &bounds, NULL, NULL);
}

static int segment_check_packs(struct codec *c, size_t pack_n)
{
    struct object_id last;

    for (size_t i = 0; i < pack_n; i++) {
        struct segment_pack p;
        int rc;

        segment_get_pack(c, &p);
        if (i > 0 && memcmp(last.b, p.id.b, sizeof last.b) >= 0)
            codec_fail(c);
        rc = codec_ok(c, "index segment");
        if (rc == 0)
            rc = segment_check_pack(&p);
        if (rc < 0)
            return rc;
        last = p.id;
    }
    return codec_end(c, "index segment");
}

int segment_get(struct bytes content, struct segment *out)
{
    struct codec c;

    codec_init(&c, content);
    out->level = (unsigned)codec_varint_max(&c, SEGMENT_LEVEL_MAX);
    out->replace_n = codec_count(&c, ID_BYTES);
    out->replaces = codec_take(&c, out->replace_n * ID_BYTES);
    out->pack_n = codec_count(&c, SEGMENT_PACK_MIN);
    out->packs = bytes_of(c.p, codec_left(&c));
    return segment_check_packs(&c, out->pack_n);
}

struct object_id segment_replaced(const struct segment *s, size_t i)
{
    struct object_id id;

    ASSERT(i < s->replace_n);
    memcpy(id.b, s->replaces.p + i * ID_BYTES, sizeof id.b);
    return id;
}

void segment_read(struct segment_reader *r, const struct segment *s)
{
    codec_init(&r->c, s->packs);
    r->left = s->pack_n;
}

bool segment_next(struct segment_reader *r, struct segment_pack *p)
{
    if (r->left == 0)
        return false;
    r->left--;
    segment_get_pack(&r->c, p);
    return true;
}
