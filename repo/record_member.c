#include "repo/record_member.h"

#include <string.h>

enum {
    RECORD_MEMBER_MIN = 32 + 1 + 1 + 1,
    RECORD_MEMBER_ROLES = 4,
    RECORD_CUT_MIN = 16 + 1 + 1 + ID_BYTES
};

static void record_member_get(struct codec *c, struct record_member *m)
{
    codec_copy(c, m->id.b, sizeof m->id.b);
    m->role = codec_u8(c);
    m->standing = (enum record_standing)codec_u8(c);
    m->label = codec_string(c, RECORD_MEMBER_LABEL_MAX);
}

bool record_member_next(struct record_members *l, struct record_member *m)
{
    struct codec c;

    if (l->n == 0)
        return false;
    codec_init(&c, l->encoded);
    record_member_get(&c, m);
    l->encoded = bytes_of(c.p, codec_left(&c));
    l->n--;
    return true;
}

void record_member_put(struct buf *encoded, const struct record_member *m)
{
    buf_add(encoded, m->id.b, sizeof m->id.b);
    codec_put_u8(encoded, (uint8_t)m->role);
    codec_put_u8(encoded, (uint8_t)m->standing);
    codec_put_string(encoded, m->label);
}

static bool record_member_ok(const struct record_member *m)
{
    return m->role >= 1 && m->role <= RECORD_MEMBER_ROLES &&
           m->standing <= RECORD_REMOVED &&
           (m->label.n == 0 || !memchr(m->label.p, 0, m->label.n));
}

struct record_members record_member_get_list(struct fields *f,
                                             struct bytes value)
{
    struct record_members l;
    struct codec c;

    codec_init(&c, value);
    l.n = codec_count(&c, RECORD_MEMBER_MIN);
    l.encoded = bytes_of(c.p, codec_left(&c));
    for (size_t i = 0; i < l.n; i++) {
        struct record_member m;

        record_member_get(&c, &m);
        if (!record_member_ok(&m))
            codec_fail(&c);
    }
    if (c.failed || codec_left(&c) > 0) {
        fields_fail(f);
        l = (struct record_members){.n = 0};
    }
    return l;
}

static void record_member_get_cut(struct codec *c, struct record_cut *cut)
{
    codec_copy(c, cut->writer.b, sizeof cut->writer.b);
    cut->first = codec_varint(c);
    cut->n = codec_count(c, ID_BYTES);
    cut->hash = codec_take(c, cut->n * ID_BYTES).p;
}

bool record_member_cut_next(struct record_cuts *l, struct record_cut *cut)
{
    struct codec c;

    if (l->n == 0)
        return false;
    codec_init(&c, l->encoded);
    record_member_get_cut(&c, cut);
    l->encoded = bytes_of(c.p, codec_left(&c));
    l->n--;
    return true;
}

void record_member_cut_put(struct buf *encoded, const struct record_cut *c)
{
    buf_add(encoded, c->writer.b, sizeof c->writer.b);
    codec_put_varint(encoded, c->first);
    codec_put_varint(encoded, c->n);
    buf_add(encoded, c->hash, c->n * ID_BYTES);
}

/* Whether a run is one, and comes behind another (NULL: is the first). */
static bool record_member_cut_ok(const struct record_cut *cut,
                                 const struct record_cut *before)
{
    int order =
        before ? memcmp(before->writer.b, cut->writer.b, sizeof cut->writer.b)
               : -1;

    if (cut->n == 0 || cut->first > UINT64_MAX - cut->n || order > 0)
        return false;
    return order < 0 || cut->first > before->first + before->n;
}

struct record_cuts record_member_get_cuts(struct fields *f, struct bytes value)
{
    struct record_cut before;
    struct record_cuts l;
    struct codec c;

    codec_init(&c, value);
    l.n = codec_count(&c, RECORD_CUT_MIN);
    l.encoded = bytes_of(c.p, codec_left(&c));
    for (size_t i = 0; i < l.n; i++) {
        struct record_cut cut;

        record_member_get_cut(&c, &cut);
        if (!c.failed && !record_member_cut_ok(&cut, i > 0 ? &before : NULL))
            codec_fail(&c);
        before = cut;
    }
    if (c.failed || codec_left(&c) > 0) {
        fields_fail(f);
        l = (struct record_cuts){.n = 0};
    }
    return l;
}
