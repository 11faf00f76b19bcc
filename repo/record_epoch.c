#include "repo/record_epoch.h"

enum { RECORD_EPOCH_SHARE_MIN = sizeof(struct member_id) + 2 };

bool record_epoch_next(struct record_shares *l, struct record_share *s)
{
    struct codec c;

    if (l->n == 0)
        return false;
    codec_init(&c, l->encoded);
    codec_copy(&c, s->member.b, sizeof s->member.b);
    s->share = codec_string(&c, RECORD_EPOCH_SHARE_MAX);
    l->encoded = bytes_of(c.p, codec_left(&c));
    l->n--;
    return true;
}

void record_epoch_put_share(struct buf *encoded, const struct record_share *s)
{
    buf_add(encoded, s->member.b, sizeof s->member.b);
    codec_put_string(encoded, s->share);
}

static void record_epoch_get_shares(struct fields *f, struct bytes value,
                                    struct record_shares *l)
{
    struct member_id last = {{0}};
    struct codec c;

    codec_init(&c, value);
    l->n = codec_count(&c, RECORD_EPOCH_SHARE_MIN);
    l->encoded = bytes_of(c.p, codec_left(&c));
    for (size_t i = 0; i < l->n && !c.failed; i++) {
        struct member_id m;

        codec_copy(&c, m.b, sizeof m.b);
        if ((i > 0 && memcmp(m.b, last.b, sizeof m.b) <= 0) ||
            codec_string(&c, RECORD_EPOCH_SHARE_MAX).n == 0)
            codec_fail(&c);
        last = m;
    }
    if (c.failed || codec_left(&c) > 0) {
        fields_fail(f);
        *l = (struct record_shares){.n = 0};
    }
}

void record_epoch_get(struct fields *f, uint64_t tag, struct bytes value,
                      struct record_epoch *e)
{
    switch (tag) {
    case 1:
        e->number =
            (uint32_t)fields_get_varint(f, value, KEYRING_EPOCHS_MAX - 1);
        if (e->number == 0)
            fields_fail(f);
        break;
    case 3:
        fields_get_fixed(f, value, e->data_public.b, sizeof e->data_public.b);
        break;
    case 5:
        fields_get_fixed(f, value, e->meta_public.b, sizeof e->meta_public.b);
        break;
    case 7:
        record_epoch_get_shares(f, value, &e->shares);
        break;
    case 9:
        fields_get_fixed(f, value, e->proof.b, sizeof e->proof.b);
        break;
    default:
        fields_skip(f, tag, value);
    }
}

void record_epoch_put(struct fields_out *o, const struct record_epoch *e)
{
    struct buf b;

    buf_init(&b, e->shares.encoded.n + 10);
    codec_put_varint(&b, e->shares.n);
    buf_add_bytes(&b, e->shares.encoded);
    if (b.rc < 0)
        o->to->rc = b.rc;
    fields_put_varint(o, 1, e->number);
    fields_put(o, 3, bytes_of(e->data_public.b, sizeof e->data_public.b));
    fields_put(o, 5, bytes_of(e->meta_public.b, sizeof e->meta_public.b));
    fields_put(o, 7, buf_bytes(&b));
    fields_put(o, 9, bytes_of(e->proof.b, sizeof e->proof.b));
    buf_release(&b);
}
