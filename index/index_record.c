#include "index/index_record.h"

#include "base/codec.h"

static const char index_record_magic[8] = {'d', 'e', 'd', 'u',
                                           'p', 'i', 'd', 'x'};

static int index_record_bad(const char *what)
{
    return err_set(E_CORRUPT, "index cache: %s does not match its checksum",
                   what);
}

static uint32_t index_record_sum(const struct siphash_key *key, const void *p,
                                 size_t n)
{
    return (uint32_t)siphash(key, bytes_of(p, n));
}

struct index_record_no index_record_no(uint32_t no)
{
    return (struct index_record_no){{(uint8_t)(no >> 24), (uint8_t)(no >> 16),
                                     (uint8_t)(no >> 8), (uint8_t)no}};
}

int index_record_get_no(struct bytes in, uint32_t *no)
{
    if (in.n != 4)
        return err_set(E_CORRUPT, "index cache: pack number of %zu bytes",
                       in.n);
    *no = (uint32_t)in.p[0] << 24 | (uint32_t)in.p[1] << 16 |
          (uint32_t)in.p[2] << 8 | in.p[3];
    return 0;
}

struct index_record_suspect index_record_suspect(const struct chunk_id *id,
                                                 uint32_t pack)
{
    struct index_record_suspect key;
    struct index_record_no no = index_record_no(pack);

    memcpy(key.b, id->b, sizeof id->b);
    memcpy(key.b + sizeof id->b, no.b, sizeof no.b);
    return key;
}

/* The last bytes of every record: a sum of all bytes since from, which the
 * caller began with the record's key. The key is then taken out again. */
static void index_record_seal(struct buf *b, size_t from, size_t key_n,
                              const struct siphash_key *key)
{
    uint32_t sum;

    if (b->rc < 0)
        return;
    sum = index_record_sum(key, b->p + from, b->n - from);
    memmove(b->p + from, b->p + from + key_n, b->n - from - key_n);
    buf_truncate(b, b->n - key_n);
    codec_put_u32(b, sum);
}

/* The head is read before the repository is known to be ours, so its sum is
 * keyed by the id that it names itself. */
void index_record_put_head(struct buf *b, const struct repo_id *repo)
{
    struct siphash_key key = siphash_key_load(repo->b);
    size_t from = b->n;

    buf_add(b, index_record_magic, sizeof index_record_magic);
    codec_put_u32(b, INDEX_RECORD_VERSION);
    buf_add(b, repo->b, sizeof repo->b);
    index_record_seal(b, from, 0, &key);
}

int index_record_get_head(struct bytes in, uint32_t *version,
                          struct repo_id *repo)
{
    struct siphash_key key;
    struct codec c;
    struct bytes magic;
    int rc;

    *version = 0;
    codec_init(&c, in);
    magic = codec_take(&c, sizeof index_record_magic);
    if (!bytes_equal(magic,
                     bytes_of(index_record_magic, sizeof index_record_magic)))
        return err_set(E_CORRUPT, "index cache: head without magic");
    *version = codec_u32(&c);
    codec_copy(&c, repo->b, sizeof repo->b);
    key = siphash_key_load(repo->b);
    if (codec_u32(&c) !=
        index_record_sum(&key, in.p,
                         in.n < INDEX_RECORD_CHECK_BYTES ? 0 : in.n - 4))
        codec_fail(&c);
    rc = codec_end(&c, "index cache head");
    return rc;
}

void index_record_put_pack(struct buf *b, const struct siphash_key *key,
                           const struct index_pack *pack)
{
    size_t from = b->n;

    codec_put_u32(b, pack->no);
    codec_put_u8(b, (uint8_t)pack->state);
    codec_put_u8(b, (uint8_t)pack->kind);
    codec_put_u8(b, (uint8_t)(pack->trusted | pack->gone << 1));
    codec_put_u32(b, pack->chunk_n);
    codec_put_u64(b, pack->size_bytes);
    codec_put_u64(b, pack->condemned_by);
    buf_add(b, pack->id.b, sizeof pack->id.b);
    buf_add(b, pack->writer.b, sizeof pack->writer.b);
    buf_add(b, pack->member.b, sizeof pack->member.b);
    buf_add(b, pack->dir.b, sizeof pack->dir.b);
    index_record_seal(b, from, 4, key);
}

int index_record_get_pack(struct bytes in, const struct siphash_key *key,
                          uint32_t no, struct index_pack *pack)
{
    uint8_t sealed[4 + INDEX_RECORD_PACK_BYTES - INDEX_RECORD_CHECK_BYTES];
    struct codec c;
    uint8_t state, kind, flags;

    if (in.n != INDEX_RECORD_PACK_BYTES)
        return err_set(E_CORRUPT, "index cache: pack record of %zu bytes",
                       in.n);
    for (unsigned i = 0; i < 4; i++)
        sealed[i] = (uint8_t)(no >> (8 * i));
    memcpy(sealed + 4, in.p, sizeof sealed - 4);
    codec_init(&c, in);
    state = codec_u8(&c);
    kind = codec_u8(&c);
    flags = codec_u8(&c);
    pack->no = no;
    pack->chunk_n = codec_u32(&c);
    pack->size_bytes = codec_u64(&c);
    pack->condemned_by = codec_u64(&c);
    codec_copy(&c, pack->id.b, sizeof pack->id.b);
    codec_copy(&c, pack->writer.b, sizeof pack->writer.b);
    codec_copy(&c, pack->member.b, sizeof pack->member.b);
    codec_copy(&c, pack->dir.b, sizeof pack->dir.b);
    if (codec_u32(&c) != index_record_sum(key, sealed, sizeof sealed) ||
        state < INDEX_LIVE || state > INDEX_DOOMED || kind < INDEX_DATA ||
        kind > INDEX_META || flags > 3)
        return index_record_bad("a pack");
    pack->state = (enum index_state)state;
    pack->kind = (enum index_kind)kind;
    pack->trusted = flags & 1;
    pack->gone = flags & 2;
    return codec_end(&c, "index cache pack");
}

void index_record_put_number(struct buf *b, const struct siphash_key *key,
                             const struct object_id *id, uint32_t no)
{
    size_t from = b->n;

    buf_add(b, id->b, sizeof id->b);
    codec_put_u32(b, no);
    index_record_seal(b, from, sizeof id->b, key);
}

int index_record_get_number(struct bytes in, const struct siphash_key *key,
                            const struct object_id *id, uint32_t *no)
{
    uint8_t sealed[ID_BYTES + 4];
    struct codec c;

    if (in.n != INDEX_RECORD_NUMBER_BYTES)
        return err_set(E_CORRUPT, "index cache: pack id record of %zu bytes",
                       in.n);
    memcpy(sealed, id->b, ID_BYTES);
    memcpy(sealed + ID_BYTES, in.p, 4);
    codec_init(&c, in);
    *no = codec_u32(&c);
    if (codec_u32(&c) != index_record_sum(key, sealed, sizeof sealed))
        return index_record_bad("a pack id");
    return codec_end(&c, "index cache pack id");
}

/* 64 bytes, so that the lookup path has the fast SipHash: id, location, 0. */
static uint32_t index_record_loc_sum(const struct siphash_key *key,
                                     const struct chunk_id *id,
                                     const uint8_t *loc)
{
    uint8_t sealed[64] = {0};

    memcpy(sealed, id->b, sizeof id->b);
    memcpy(sealed + sizeof id->b, loc,
           INDEX_RECORD_LOC_BYTES - INDEX_RECORD_CHECK_BYTES);
    return (uint32_t)siphash_64(key, sealed);
}

void index_record_put_loc(struct buf *b, const struct siphash_key *key,
                          const struct chunk_id *id,
                          const struct index_loc *loc)
{
    size_t from = b->n;

    codec_put_u32(b, loc->pack);
    codec_put_u32(b, loc->frame_off);
    codec_put_u32(b, loc->frame_stored);
    codec_put_u32(b, loc->frame_raw);
    codec_put_u32(b, loc->off);
    codec_put_u32(b, loc->bytes);
    codec_put_u16(b, loc->key_slot);
    if (b->rc == 0)
        codec_put_u32(b, index_record_loc_sum(key, id, b->p + from));
}

int index_record_get_loc(struct bytes in, const struct siphash_key *key,
                         const struct chunk_id *id, struct index_loc *loc)
{
    struct codec c;

    if (in.n != INDEX_RECORD_LOC_BYTES)
        return err_set(E_CORRUPT, "index cache: location of %zu bytes", in.n);
    codec_init(&c, in);
    loc->pack = codec_u32(&c);
    loc->frame_off = codec_u32(&c);
    loc->frame_stored = codec_u32(&c);
    loc->frame_raw = codec_u32(&c);
    loc->off = codec_u32(&c);
    loc->bytes = codec_u32(&c);
    loc->key_slot = codec_u16(&c);
    if (codec_u32(&c) != index_record_loc_sum(key, id, in.p))
        return index_record_bad("a location");
    return codec_end(&c, "index cache location");
}

size_t index_record_loc_n(struct bytes value)
{
    return value.n % INDEX_RECORD_LOC_BYTES ? 0
                                            : value.n / INDEX_RECORD_LOC_BYTES;
}

void index_record_put_ref(struct buf *b, const struct siphash_key *key,
                          const struct chunk_id *id,
                          const struct index_ref *ref)
{
    size_t from = b->n;

    buf_add(b, id->b, sizeof id->b);
    codec_put_u32(b, ref->count);
    codec_put_u32(b, ref->nodes);
    codec_put_u32(b, ref->home);
    index_record_seal(b, from, sizeof id->b, key);
}

int index_record_get_ref(struct bytes in, const struct siphash_key *key,
                         const struct chunk_id *id, struct index_ref *ref)
{
    uint8_t sealed[ID_BYTES + INDEX_RECORD_REF_BYTES];
    struct codec c;

    if (in.n != INDEX_RECORD_REF_BYTES)
        return err_set(E_CORRUPT, "index cache: reference of %zu bytes", in.n);
    memcpy(sealed, id->b, ID_BYTES);
    memcpy(sealed + ID_BYTES, in.p, in.n);
    codec_init(&c, in);
    ref->count = codec_u32(&c);
    ref->nodes = codec_u32(&c);
    ref->home = codec_u32(&c);
    if (codec_u32(&c) !=
            index_record_sum(key, sealed,
                             sizeof sealed - INDEX_RECORD_CHECK_BYTES) ||
        ref->count == 0 || ref->count > INDEX_REFS_MAX ||
        ref->nodes > ref->count)
        return index_record_bad("a reference");
    return codec_end(&c, "index cache reference");
}

void index_record_put_use(struct buf *b, const struct siphash_key *key,
                          uint32_t pack, const struct index_use *use)
{
    size_t from = b->n;

    codec_put_u32(b, pack);
    codec_put_u32(b, use->chunk_n);
    codec_put_u64(b, use->bytes);
    index_record_seal(b, from, 4, key);
}

int index_record_get_use(struct bytes in, const struct siphash_key *key,
                         uint32_t pack, struct index_use *use)
{
    uint8_t sealed[4 + INDEX_RECORD_USE_BYTES];
    struct codec c;

    if (in.n != INDEX_RECORD_USE_BYTES)
        return err_set(E_CORRUPT, "index cache: use of %zu bytes", in.n);
    for (unsigned i = 0; i < 4; i++)
        sealed[i] = (uint8_t)(pack >> (8 * i));
    memcpy(sealed + 4, in.p, in.n);
    codec_init(&c, in);
    use->chunk_n = codec_u32(&c);
    use->bytes = codec_u64(&c);
    if (codec_u32(&c) !=
        index_record_sum(key, sealed, sizeof sealed - INDEX_RECORD_CHECK_BYTES))
        return index_record_bad("a pack's use");
    return codec_end(&c, "index cache use");
}

void index_record_put_mark(struct buf *b, const struct siphash_key *key,
                           struct bytes name, struct bytes value)
{
    buf_reset(b);
    buf_add_bytes(b, name);
    buf_add_bytes(b, value);
    index_record_seal(b, 0, name.n, key);
}

int index_record_get_mark(struct bytes in, const struct siphash_key *key,
                          struct bytes name, struct buf *scratch,
                          struct bytes *value)
{
    struct codec c;
    struct bytes got;
    int rc;

    codec_init(&c, in);
    if (in.n < INDEX_RECORD_CHECK_BYTES)
        return err_set(E_CORRUPT, "index cache: mark of %zu bytes", in.n);
    got = codec_take(&c, in.n - INDEX_RECORD_CHECK_BYTES);
    buf_reset(scratch);
    buf_add_bytes(scratch, name);
    buf_add_bytes(scratch, got);
    rc = buf_status(scratch);
    if (rc < 0)
        return rc;
    if (codec_u32(&c) != index_record_sum(key, scratch->p, scratch->n))
        return index_record_bad("a mark");
    *value = got;
    return codec_end(&c, "index cache mark");
}
