#include "repo/record_log.h"

#include <inttypes.h>
#include <stdio.h>

enum { RECORD_LOG_DIGITS = 16, RECORD_SUSPECT_BYTES = 2 * ID_BYTES };

static const char record_log_prefix[] = "log/";

void record_log_name(uint64_t n, char out[RECORD_NAME_MAX])
{
    (void)snprintf(out, RECORD_NAME_MAX, "%s%0*" PRIu64, record_log_prefix,
                   RECORD_LOG_DIGITS, n);
}

bool record_log_number(const char *name, uint64_t *n)
{
    size_t at = sizeof record_log_prefix - 1;
    char again[RECORD_NAME_MAX];
    uint64_t v = 0;

    if (strncmp(name, record_log_prefix, at) != 0)
        return false;
    for (size_t i = at; i < at + RECORD_LOG_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(name[i] - '0');
    }
    record_log_name(v, again);
    *n = v;
    return strcmp(name, again) == 0;
}

struct record_suspect record_log_suspect(const struct record_log *l, size_t i)
{
    struct record_suspect s;

    ASSERT(i < l->suspects.n);
    memcpy(s.chunk.b, l->suspects.p + i * RECORD_SUSPECT_BYTES, ID_BYTES);
    memcpy(s.pack.b, l->suspects.p + i * RECORD_SUSPECT_BYTES + ID_BYTES,
           ID_BYTES);
    return s;
}

struct record_vouch record_log_vouch(const struct record_log *l, size_t i)
{
    const uint8_t *at = l->vouches.p + i * RECORD_VOUCH_BYTES;
    struct record_vouch v;

    ASSERT(i < l->vouches.n);
    memcpy(v.pack.b, at, ID_BYTES);
    memcpy(v.dir.b, at + ID_BYTES, ID_BYTES);
    return v;
}

void record_log_put_vouch(const struct record_vouch *v, uint8_t *to)
{
    memcpy(to, v->pack.b, ID_BYTES);
    memcpy(to + ID_BYTES, v->dir.b, ID_BYTES);
}

/* --- lists --- */

static void record_log_put_list(struct fields_out *o, uint64_t tag, size_t n,
                                struct bytes encoded)
{
    struct buf b;

    buf_init(&b, encoded.n + 10);
    codec_put_varint(&b, n);
    buf_add_bytes(&b, encoded);
    if (b.rc < 0)
        o->to->rc = b.rc;
    fields_put(o, tag, buf_bytes(&b));
    buf_release(&b);
}

void record_log_put_features(struct fields_out *o, uint64_t tag,
                             const struct record_strings f[RECORD_CLASS_N])
{
    struct buf b;

    buf_init(&b, RECORD_TEXT_MAX);
    for (size_t i = 0; i < RECORD_CLASS_N; i++) {
        codec_put_varint(&b, f[i].n);
        buf_add_bytes(&b, f[i].encoded);
    }
    if (b.rc < 0)
        o->to->rc = b.rc;
    fields_put(o, tag, buf_bytes(&b));
    buf_release(&b);
}

static bool record_log_feature_ok(struct bytes name)
{
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return true;
}

void record_log_get_features(struct fields *f, struct bytes value,
                             struct record_strings out[RECORD_CLASS_N])
{
    struct codec c;

    codec_init(&c, value);
    for (size_t i = 0; i < RECORD_CLASS_N; i++) {
        struct record_strings l = record_get_strings(&c, RECORD_FEATURE_MAX);
        struct bytes name;

        out[i] = l;
        while (record_string_next(&l, &name))
            if (!record_log_feature_ok(name))
                codec_fail(&c);
    }
    if (c.failed || codec_left(&c) > 0)
        fields_fail(f);
}

/* --- bodies --- */

static void record_log_get_tags(struct fields *f, struct bytes value,
                                struct record_log *l)
{
    struct codec c;

    codec_init(&c, value);
    l->tags = record_get_strings(&c, RECORD_TAG_MAX);
    if (c.failed || codec_left(&c) > 0)
        fields_fail(f);
}

static void record_log_get_one(struct fields *f, struct bytes value,
                               struct record_log *l)
{
    if (value.n != ID_BYTES) {
        fields_fail(f);
        return;
    }
    l->ids = (struct record_ids){value.p, 1};
}

static void record_log_get_text(struct fields *f, struct bytes value,
                                struct record_log *l)
{
    if (value.n > RECORD_TEXT_MAX)
        fields_fail(f);
    l->text = value;
}

static void record_log_get_trust(struct fields *f, struct bytes value,
                                 struct record_log *l)
{
    uint8_t trust = 0;

    fields_get_fixed(f, value, &trust, 1);
    if (trust > RECORD_TRUST_OWN)
        fields_fail(f);
    l->trust = (enum record_trust)trust;
}

/* Field 1, which every type has. */
static void record_log_get_first(struct fields *f, uint32_t type,
                                 struct bytes value, struct record_log *l)
{
    switch ((enum record_log_type)type) {
    case RECORD_CONDEMN:
    case RECORD_DOOM:
    case RECORD_FORGET:
    case RECORD_UNFORGET:
        l->ids = record_get_ids(f, value);
        break;
    case RECORD_VOUCH:
        l->vouches = fields_get_list(f, value, RECORD_VOUCH_BYTES);
        break;
    case RECORD_TAG:
    case RECORD_PROTECT:
        record_log_get_one(f, value, l);
        break;
    case RECORD_SUSPECT:
        l->suspects = fields_get_list(f, value, RECORD_SUSPECT_BYTES);
        break;
    case RECORD_FLAGS:
        record_log_get_features(f, value, l->features);
        break;
    case RECORD_MEMBERS:
        l->members = record_member_get_list(f, value);
        break;
    case RECORD_POLICY:
        record_log_get_text(f, value, l);
        break;
    case RECORD_BASE:
        l->base = value;
        break;
    case RECORD_EPOCH:
        record_epoch_get(f, 1, value, &l->epoch);
        break;
    }
}

static void record_log_get_field(struct fields *f, uint32_t type, uint64_t tag,
                                 struct bytes value, struct record_log *l)
{
    if (tag == 1)
        record_log_get_first(f, type, value, l);
    else if (type == RECORD_CONDEMN && tag == 3)
        l->marked = record_get_ids(f, value);
    else if (type == RECORD_DOOM && tag == 3)
        l->decides = fields_get_varint(f, value, UINT64_MAX);
    else if (type == RECORD_DOOM && tag == 5)
        l->rescued = record_get_ids(f, value);
    else if (type == RECORD_TAG && tag == 3)
        record_log_get_tags(f, value, l);
    else if (type == RECORD_PROTECT && tag == 3)
        l->until = record_get_time(f, value);
    else if (type == RECORD_PROTECT && tag == 5)
        record_log_get_text(f, value, l);
    else if (type == RECORD_MEMBERS && tag == 3)
        record_log_get_trust(f, value, l);
    else if (type == RECORD_MEMBERS && tag == 5)
        l->cuts = record_member_get_cuts(f, value);
    else if (type == RECORD_EPOCH)
        record_epoch_get(f, tag, value, &l->epoch);
    else
        fields_skip(f, tag, value);
}

static bool record_log_known(uint32_t type)
{
    return type >= RECORD_CONDEMN && type <= RECORD_EPOCH && type != 3;
}

int record_log_get(const struct record *r, struct record_log *out)
{
    struct fields f;
    struct bytes value;
    uint64_t tag;
    unsigned seen = 0;
    unsigned want = 1 << 1;

    *out = (struct record_log){.decides = RECORD_DECIDES_NONE};
    if (!record_log_known(r->type))
        return err_set(E_UNSUPPORTED,
                       "log record of type %u: a newer version wrote it",
                       r->type);
    fields_init(&f, r->body, NULL);
    while (fields_next(&f, &tag, &value)) {
        record_log_get_field(&f, r->type, tag, value, out);
        if (tag < 10)
            seen |= 1U << tag;
    }
    if (r->type == RECORD_TAG || r->type == RECORD_PROTECT ||
        r->type == RECORD_MEMBERS)
        want |= 1 << 3;
    if (r->type == RECORD_EPOCH)
        want |= 1 << 3 | 1 << 5 | 1 << 7 | 1 << 9;
    if ((seen & want) != want)
        fields_fail(&f);
    return fields_end(&f, "log record");
}

static void record_log_put_tags(struct fields_out *o,
                                const struct record_log *l)
{
    record_log_put_list(o, 3, l->tags.n, l->tags.encoded);
}

/* Members have these two after the list of members. */
static void record_log_put_members(struct fields_out *o,
                                   const struct record_log *l)
{
    uint8_t trust = (uint8_t)l->trust;

    fields_put(o, 3, bytes_of(&trust, 1));
    if (l->cuts.n > 0)
        record_log_put_list(o, 5, l->cuts.n, l->cuts.encoded);
}

/* Fields after the first. */
static void record_log_put_rest(struct fields_out *o, enum record_log_type type,
                                const struct record_log *l)
{
    if (type == RECORD_CONDEMN)
        record_put_ids(o, 3, &l->marked);
    if (type == RECORD_DOOM && l->decides != RECORD_DECIDES_NONE)
        fields_put_varint(o, 3, l->decides);
    if (type == RECORD_DOOM && l->rescued.n > 0)
        record_put_ids(o, 5, &l->rescued);
    if (type == RECORD_TAG)
        record_log_put_tags(o, l);
    if (type == RECORD_PROTECT)
        record_put_time(o, 3, l->until);
    if (type == RECORD_PROTECT && l->text.n > 0)
        fields_put(o, 5, l->text);
    if (type == RECORD_MEMBERS)
        record_log_put_members(o, l);
}

void record_log_put(enum record_log_type type, const struct record_log *l,
                    struct buf *b)
{
    struct fields_out o;

    fields_begin(&o, b, bytes_of(NULL, 0));
    switch (type) {
    case RECORD_CONDEMN:
    case RECORD_DOOM:
    case RECORD_FORGET:
    case RECORD_UNFORGET:
        record_put_ids(&o, 1, &l->ids);
        break;
    case RECORD_VOUCH:
        fields_put_list(&o, 1, l->vouches.p, l->vouches.n, RECORD_VOUCH_BYTES);
        break;
    case RECORD_TAG:
    case RECORD_PROTECT:
        ASSERT(l->ids.n == 1);
        fields_put(&o, 1, bytes_of(l->ids.p, ID_BYTES));
        break;
    case RECORD_SUSPECT:
        fields_put_list(&o, 1, l->suspects.p, l->suspects.n,
                        RECORD_SUSPECT_BYTES);
        break;
    case RECORD_FLAGS:
        record_log_put_features(&o, 1, l->features);
        break;
    case RECORD_MEMBERS:
        record_log_put_list(&o, 1, l->members.n, l->members.encoded);
        break;
    case RECORD_POLICY:
        fields_put(&o, 1, l->text);
        break;
    case RECORD_BASE:
        fields_put(&o, 1, l->base);
        break;
    case RECORD_EPOCH:
        record_epoch_put(&o, &l->epoch);
        break;
    }
    record_log_put_rest(&o, type, l);
    fields_finish(&o);
}
