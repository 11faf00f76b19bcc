#include "repo/recovery.h"

#include <stdlib.h>

#include "base/codec.h"
#include "repo/compress.h"

enum {
    RECOVERY_VERSION = 1,
    RECOVERY_NO_LEVEL = 0, /* what stands for COMPRESS_LEVEL_NONE */
    RECOVERY_FOUNDER = 1,  /* the member is the founder */
    RECOVERY_OTHER = 2,
    RECOVERY_CHUNK_LOG_MIN = 14,
    RECOVERY_CHUNK_LOG_MAX = 18
};

struct recovery *recovery_new(void)
{
    return crypto_locked_new(sizeof(struct recovery));
}

void recovery_free(struct recovery *r)
{
    crypto_locked_free(r);
}

/* Whose the signing seed is. */
static void recovery_member(const struct recovery *r, struct member_id *member)
{
    struct crypto_signer signer;

    crypto_signer_load(&r->seed, &signer, member);
    crypto_wipe(&signer, sizeof signer);
}

static uint8_t recovery_chunk_log(uint32_t bytes)
{
    uint8_t n = RECOVERY_CHUNK_LOG_MIN;

    while (n < RECOVERY_CHUNK_LOG_MAX && UINT32_C(1) << n < bytes)
        n++;
    return n;
}

static void recovery_put_all(const struct recovery *r, struct buf *b)
{
    struct member_id member;
    bool founder;

    recovery_member(r, &member);
    founder = memcmp(&member, &r->founder, sizeof member) == 0;
    codec_put_u8(b, RECOVERY_VERSION);
    codec_put_u8(b, recovery_chunk_log(r->chunk_bytes));
    codec_put_u8(b, r->level < 0 ? RECOVERY_NO_LEVEL : (uint8_t)r->level);
    buf_add(b, r->repo.b, sizeof r->repo.b);
    codec_put_svarint(b, r->created.s);
    codec_put_varint(b, r->created.ns);
    codec_put_u8(b, founder ? RECOVERY_FOUNDER : RECOVERY_OTHER);
    if (!founder)
        buf_add(b, r->founder.b, sizeof r->founder.b);
    buf_add(b, r->seed.b, sizeof r->seed.b);
    codec_put_varint(b, r->root_n);
    for (size_t i = 0; i < r->root_n; i++)
        buf_add(b, r->root[i].b, sizeof r->root[i].b);
    codec_put_varint(b, r->log_number);
    buf_add(b, r->log_hash, sizeof r->log_hash);
}

int recovery_put(const struct recovery *r, struct secret *out)
{
    struct buf b = {.p = crypto_locked_new(RECOVERY_BYTES_MAX),
                    .cap = RECOVERY_BYTES_MAX,
                    .max = RECOVERY_BYTES_MAX};
    int rc;

    ASSERT(r->root_n > 0 && r->root_n <= RECOVERY_EPOCHS_MAX);
    if (!b.p)
        return err_set(E_NOMEM, "out of memory");
    recovery_put_all(r, &b);
    rc = buf_status(&b);
    if (rc == 0)
        rc = secret_set(out, buf_bytes(&b));
    crypto_locked_free(b.p);
    return rc;
}

/* What must be there to be the config's. */
static void recovery_get_constants(struct codec *c, struct recovery *r)
{
    uint8_t chunk_log = codec_u8(c);
    uint8_t level = codec_u8(c);

    if (chunk_log < RECOVERY_CHUNK_LOG_MIN ||
        chunk_log > RECOVERY_CHUNK_LOG_MAX || level > COMPRESS_LEVEL_MAX)
        codec_fail(c);
    else
        r->chunk_bytes = UINT32_C(1) << chunk_log;
    r->level = level == RECOVERY_NO_LEVEL ? COMPRESS_LEVEL_NONE : level;
    codec_copy(c, r->repo.b, sizeof r->repo.b);
    r->created.s = codec_svarint(c);
    r->created.ns = (uint32_t)codec_varint_max(c, 999999999);
}

static void recovery_get_keys(struct codec *c, struct recovery *r)
{
    struct member_id member;
    uint8_t founder = codec_u8(c);

    if (founder != RECOVERY_FOUNDER && founder != RECOVERY_OTHER)
        codec_fail(c);
    if (founder == RECOVERY_OTHER)
        codec_copy(c, r->founder.b, sizeof r->founder.b);
    codec_copy(c, r->seed.b, sizeof r->seed.b);
    recovery_member(r, &member);
    if (founder == RECOVERY_FOUNDER)
        r->founder = member;
    else if (memcmp(&member, &r->founder, sizeof member) == 0)
        codec_fail(c); /* there is one way to say it */
    r->root_n = codec_count(c, CRYPTO_KEY_BYTES);
    if (r->root_n == 0 || r->root_n > RECOVERY_EPOCHS_MAX) {
        codec_fail(c);
        r->root_n = 0;
    }
    for (size_t i = 0; i < r->root_n; i++)
        codec_copy(c, r->root[i].b, sizeof r->root[i].b);
}

int recovery_get(struct recovery *r, struct bytes content)
{
    struct codec c;
    uint8_t version;
    int rc;

    crypto_wipe(r, sizeof *r);
    codec_init(&c, content);
    version = codec_u8(&c);
    if (!c.failed && version > RECOVERY_VERSION)
        return err_set(E_UNSUPPORTED,
                       "a newer version printed this recovery sheet: use that");
    if (version != RECOVERY_VERSION)
        codec_fail(&c);
    recovery_get_constants(&c, r);
    recovery_get_keys(&c, r);
    r->log_number = codec_varint(&c);
    codec_copy(&c, r->log_hash, sizeof r->log_hash);
    rc = codec_end(&c, "recovery sheet");
    if (rc < 0)
        crypto_wipe(r, sizeof *r);
    return rc;
}
