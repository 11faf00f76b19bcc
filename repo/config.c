#include "repo/config.h"

#include "base/blake3.h"
#include "repo/compress.h"
#include "repo/fields.h"
#include "repo/magic.h"

enum {
    CONFIG_SUITE = 1,
    CONFIG_NO_LEVEL = 0, /* what stands for COMPRESS_LEVEL_NONE */
    CONFIG_FIELDS_MAX = CONFIG_BYTES_MAX - MAGIC_BYTES - 4 - ID_BYTES
};

static void config_put_fields(const struct config *c, struct buf *b)
{
    struct fields_out o;
    struct buf time;

    buf_init(&time, 32);
    codec_put_svarint(&time, c->created.s);
    codec_put_varint(&time, c->created.ns);
    fields_begin(&o, b, bytes_of(NULL, 0));
    fields_put(&o, 1, bytes_of(c->repo.b, sizeof c->repo.b));
    fields_put(&o, 2, buf_bytes(&time));
    fields_put_varint(&o, 3, c->chunk_bytes);
    fields_put_varint(&o, 5, CONFIG_SUITE);
    fields_put(&o, 7, bytes_of(c->data_public.b, sizeof c->data_public.b));
    fields_put(&o, 9, bytes_of(c->meta_public.b, sizeof c->meta_public.b));
    fields_put(&o, 11, bytes_of(c->founder.b, sizeof c->founder.b));
    if (c->level != COMPRESS_LEVEL_DEFAULT)
        fields_put_varint(&o, 12,
                          c->level < 0 ? CONFIG_NO_LEVEL : (uint64_t)c->level);
    fields_finish(&o);
    if (time.rc < 0)
        b->rc = time.rc;
    buf_release(&time);
}

void config_put(const struct config *c, struct buf *b)
{
    struct buf f;
    struct object_id sum;
    size_t at = b->n;

    buf_init(&f, CONFIG_FIELDS_MAX);
    config_put_fields(c, &f);
    if (f.rc < 0)
        b->rc = f.rc;
    magic_put(b, 'C');
    codec_put_u32(b, (uint32_t)f.n);
    buf_add_bytes(b, buf_bytes(&f));
    buf_release(&f);
    if (b->rc < 0)
        return;
    blake3_hash(bytes_of(b->p + at, b->n - at), sum.b);
    buf_add(b, sum.b, sizeof sum.b);
}

static void config_get_time(struct fields *f, struct bytes value,
                            struct entry_time *t)
{
    struct codec c;

    codec_init(&c, value);
    t->s = codec_svarint(&c);
    t->ns = (uint32_t)codec_varint_max(&c, 999999999);
    if (c.failed || codec_left(&c) > 0)
        fields_fail(f);
}

static void config_get_chunk_bytes(struct fields *f, struct bytes value,
                                   struct config *c)
{
    uint32_t n = (uint32_t)fields_get_varint(f, value, CONFIG_CHUNK_MAX);

    if (n < CONFIG_CHUNK_MIN || (n & (n - 1)) != 0)
        fields_fail(f);
    c->chunk_bytes = n;
}

/* Returns 0 or E_UNSUPPORTED. */
static int config_get_field(struct fields *f, uint64_t tag, struct bytes value,
                            struct config *c)
{
    switch (tag) {
    case 1:
        fields_get_fixed(f, value, c->repo.b, sizeof c->repo.b);
        break;
    case 2:
        config_get_time(f, value, &c->created);
        break;
    case 3:
        config_get_chunk_bytes(f, value, c);
        break;
    case 5:
        if (fields_get_varint(f, value, UINT64_MAX) != CONFIG_SUITE)
            return err_set(E_UNSUPPORTED,
                           "config: a suite that this version does not know");
        break;
    case 7:
        fields_get_fixed(f, value, c->data_public.b, sizeof c->data_public.b);
        break;
    case 9:
        fields_get_fixed(f, value, c->meta_public.b, sizeof c->meta_public.b);
        break;
    case 11:
        fields_get_fixed(f, value, c->founder.b, sizeof c->founder.b);
        break;
    case 12:
        c->level = (int)fields_get_varint(f, value, COMPRESS_LEVEL_MAX);
        if (c->level == CONFIG_NO_LEVEL)
            c->level = COMPRESS_LEVEL_NONE;
        break;
    default:
        fields_skip(f, tag, value);
    }
    return 0;
}

static int config_get_fields(struct bytes in, struct config *c)
{
    const unsigned want = 1 << 1 | 1 << 3 | 1 << 5 | 1 << 7 | 1 << 9 | 1 << 11;
    struct fields f;
    struct bytes value;
    uint64_t tag;
    unsigned seen = 0;
    int rc = 0;

    *c = (struct config){.level = COMPRESS_LEVEL_DEFAULT};
    fields_init(&f, in, NULL);
    while (rc == 0 && fields_next(&f, &tag, &value)) {
        rc = config_get_field(&f, tag, value, c);
        if (tag <= 12)
            seen |= 1U << tag;
    }
    if (rc == 0)
        rc = fields_end(&f, "config");
    if (rc == 0 && (seen & want) != want)
        rc = err_set(E_CORRUPT, "config: a field is missing");
    return rc;
}

int config_get(struct bytes file, struct config *c, struct object_id *hash)
{
    struct codec in;
    struct bytes fields;
    struct bytes sum;
    uint8_t mine[BLAKE3_BYTES];
    int rc;

    if (file.n > CONFIG_BYTES_MAX)
        return err_set(E_CORRUPT, "config: %zu bytes long", file.n);
    codec_init(&in, file);
    rc = magic_get(&in, 'C', "config");
    if (rc < 0)
        return rc;
    fields = codec_take(&in, codec_u32(&in));
    sum = codec_take(&in, ID_BYTES);
    rc = codec_end(&in, "config");
    if (rc < 0)
        return rc;
    blake3_hash(bytes_of(file.p, file.n - ID_BYTES), mine);
    if (memcmp(mine, sum.p, sizeof mine) != 0)
        return err_set(E_CORRUPT, "config: damaged (its checksum differs)");
    if (hash)
        blake3_hash(file, hash->b);
    return config_get_fields(fields, c);
}
