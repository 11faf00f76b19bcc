#include "repo/record.h"

void record_put(const struct record *r, struct buf *b)
{
    codec_put_varint(b, r->number);
    buf_add(b, r->predecessor.b, sizeof r->predecessor.b);
    buf_add(b, r->nonce, sizeof r->nonce);
    codec_put_svarint(b, r->time.s);
    codec_put_varint(b, r->time.ns);
    codec_put_varint(b, r->type);
    buf_add_bytes(b, r->body);
}

int record_get(struct bytes content, struct record *out)
{
    static const struct object_id none;
    struct codec c;
    bool first;

    codec_init(&c, content);
    out->number = codec_varint(&c);
    codec_copy(&c, out->predecessor.b, sizeof out->predecessor.b);
    codec_copy(&c, out->nonce, sizeof out->nonce);
    out->time.s = codec_svarint(&c);
    out->time.ns = (uint32_t)codec_varint_max(&c, 999999999);
    out->type = (uint32_t)codec_varint_max(&c, UINT32_MAX);
    out->body = codec_take(&c, codec_left(&c));
    first = object_id_equal(&out->predecessor, &none);
    if (first != (out->number == 0))
        codec_fail(&c);
    return codec_end(&c, "record");
}

struct object_id record_id_at(const struct record_ids *l, size_t i)
{
    struct object_id id;

    ASSERT(i < l->n);
    memcpy(id.b, l->p + i * ID_BYTES, sizeof id.b);
    return id;
}

struct record_ids record_ids_of(const struct object_id *id, size_t n)
{
    return (struct record_ids){n ? id->b : NULL, n};
}

bool record_string_next(struct record_strings *l, struct bytes *s)
{
    struct codec c;

    if (l->n == 0)
        return false;
    codec_init(&c, l->encoded);
    *s = codec_string(&c, SIZE_MAX);
    l->encoded = bytes_of(c.p, codec_left(&c));
    l->n--;
    return true;
}

void record_string_put(struct buf *encoded, struct bytes s)
{
    codec_put_string(encoded, s);
}

struct record_ids record_get_ids(struct fields *f, struct bytes value)
{
    struct fields_list l = fields_get_list(f, value, ID_BYTES);

    return (struct record_ids){l.p, l.n};
}

void record_put_ids(struct fields_out *o, uint64_t tag,
                    const struct record_ids *l)
{
    fields_put_list(o, tag, l->p, l->n, ID_BYTES);
}

struct record_strings record_get_strings(struct codec *c, size_t max)
{
    struct record_strings l = {.n = codec_count(c, 2)};
    const uint8_t *start = c->p;

    for (size_t i = 0; i < l.n; i++)
        if (codec_string(c, max).n == 0)
            codec_fail(c);
    if (c->failed)
        return (struct record_strings){.n = 0};
    l.encoded = bytes_of(start, (size_t)(c->p - start));
    return l;
}

int64_t record_get_time(struct fields *f, struct bytes value)
{
    struct codec c;
    int64_t s;

    codec_init(&c, value);
    s = codec_svarint(&c);
    if (c.failed || codec_left(&c) > 0)
        fields_fail(f);
    return s;
}

void record_put_time(struct fields_out *o, uint64_t tag, int64_t s)
{
    fields_put_varint(o, tag, ((uint64_t)s << 1) ^ (s < 0 ? UINT64_MAX : 0));
}
