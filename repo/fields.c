#include "repo/fields.h"

void fields_init(struct fields *f, struct bytes in, struct buf *keep)
{
    *f = (struct fields){.keep = keep};
    codec_init(&f->c, in);
}

bool fields_next(struct fields *f, uint64_t *tag, struct bytes *value)
{
    if (codec_left(&f->c) == 0)
        return false;
    *tag = codec_varint(&f->c);
    if (f->started && *tag <= f->last)
        codec_fail(&f->c);
    *value = codec_string(&f->c, SIZE_MAX);
    f->started = true;
    f->last = *tag;
    return !f->c.failed;
}

void fields_skip(struct fields *f, uint64_t tag, struct bytes value)
{
    if (tag % 2 == 1 && f->unknown == 0)
        f->unknown = tag;
    if (tag % 2 == 0 && f->keep) {
        codec_put_varint(f->keep, tag);
        codec_put_string(f->keep, value);
    }
}

void fields_fail(struct fields *f)
{
    codec_fail(&f->c);
}

int fields_end(struct fields *f, const char *what)
{
    int rc = codec_end(&f->c, what);

    if (rc == 0 && f->keep)
        rc = buf_status(f->keep);
    if (rc == 0 && f->unknown != 0)
        rc = err_set(E_UNSUPPORTED,
                     "%s: field %llu is needed and not known to this "
                     "version: a newer one wrote it",
                     what, (unsigned long long)f->unknown);
    return rc;
}

void fields_get_fixed(struct fields *f, struct bytes value, void *to, size_t n)
{
    memset(to, 0, n);
    if (value.n != n)
        fields_fail(f);
    else if (n > 0)
        memcpy(to, value.p, n);
}

uint64_t fields_get_varint(struct fields *f, struct bytes value, uint64_t max)
{
    struct codec c;
    uint64_t v;

    codec_init(&c, value);
    v = codec_varint_max(&c, max);
    if (c.failed || codec_left(&c) > 0) {
        fields_fail(f);
        return 0;
    }
    return v;
}

struct fields_list fields_get_list(struct fields *f, struct bytes value,
                                   size_t each)
{
    struct fields_list l = {NULL, 0};
    struct codec c;
    size_t n;
    struct bytes all;

    codec_init(&c, value);
    n = codec_count(&c, each);
    all = codec_take(&c, n * each);
    if (c.failed || codec_left(&c) > 0) {
        fields_fail(f);
        return l;
    }
    l.p = all.p;
    l.n = n;
    return l;
}

void fields_begin(struct fields_out *o, struct buf *b, struct bytes kept)
{
    *o = (struct fields_out){.to = b};
    codec_init(&o->kept, kept);
}

/* Puts the kept fields whose tags are below `before`. */
static void fields_put_kept(struct fields_out *o, uint64_t before)
{
    while (codec_left(&o->kept) > 0) {
        struct codec at = o->kept;
        uint64_t tag = codec_varint(&o->kept);
        struct bytes value = codec_string(&o->kept, SIZE_MAX);

        if (tag >= before) {
            o->kept = at;
            return;
        }
        ASSERT(!o->kept.failed); /* only fields_skip() fills it */
        codec_put_varint(o->to, tag);
        codec_put_string(o->to, value);
    }
}

/* Tag and length of a field of n bytes, which the caller appends. */
static void fields_put_head(struct fields_out *o, uint64_t tag, size_t n)
{
    ASSERT(!o->started || tag > o->last);
    fields_put_kept(o, tag);
    o->started = true;
    o->last = tag;
    codec_put_varint(o->to, tag);
    codec_put_varint(o->to, n);
}

void fields_put(struct fields_out *o, uint64_t tag, struct bytes value)
{
    fields_put_head(o, tag, value.n);
    buf_add_bytes(o->to, value);
}

static size_t fields_varint_bytes(uint64_t v)
{
    size_t n = 1;

    while (v >= 0x80) {
        v >>= 7;
        n++;
    }
    return n;
}

void fields_put_varint(struct fields_out *o, uint64_t tag, uint64_t v)
{
    fields_put_head(o, tag, fields_varint_bytes(v));
    codec_put_varint(o->to, v);
}

void fields_put_list(struct fields_out *o, uint64_t tag, const void *p,
                     size_t n, size_t each)
{
    fields_put_head(o, tag, fields_varint_bytes(n) + n * each);
    codec_put_varint(o->to, n);
    buf_add(o->to, p, n * each);
}

void fields_finish(struct fields_out *o)
{
    fields_put_kept(o, UINT64_MAX);
}
