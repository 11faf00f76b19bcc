#include "repo/envelope.h"

#include "base/blake3.h"
#include "base/codec.h"
#include "repo/magic.h"
#include "repo/pad.h"

enum {
    ENVELOPE_LOCK_INDEX = 0,  /* whoever has a bundle opens it */
    ENVELOPE_LOCK_SEALED = 1, /* only the metadata secret key does */
    ENVELOPE_HEAD_MAX = MAGIC_BYTES + 1 + 2 + 16 + 32 + CRYPTO_SALT_BYTES +
                        CRYPTO_SEALED_BYTES + CRYPTO_KEY_BYTES + 4,
    ENVELOPE_NAME_MAX = 64,
    ENVELOPE_OVERHEAD =
        ENVELOPE_HEAD_MAX + 4 + CRYPTO_TAG_BYTES + CRYPTO_SIGNATURE_BYTES
};

static const char envelope_label[] = "dedup 1 envelope";

static const char *envelope_what(enum envelope_kind kind)
{
    switch (kind) {
    case ENVELOPE_SEGMENT:
        return "index segment";
    case ENVELOPE_SNAPSHOT:
        return "snapshot";
    case ENVELOPE_LOG:
        return "log record";
    case ENVELOPE_JOURNAL:
        return "journal record";
    }
    return "object";
}

size_t envelope_max_bytes(enum envelope_kind kind)
{
    return kind == ENVELOPE_SEGMENT ? 64 << 20 : 16 << 20;
}

size_t envelope_content_max(enum envelope_kind kind)
{
    /* the maximum is a power of two: padding never leads beyond it */
    return envelope_max_bytes(kind) - ENVELOPE_OVERHEAD;
}

static size_t envelope_step(enum envelope_kind kind)
{
    return kind == ENVELOPE_LOG || kind == ENVELOPE_JOURNAL ? 512 : 4096;
}

static uint8_t envelope_lock(enum envelope_kind kind)
{
    return kind == ENVELOPE_SNAPSHOT ? ENVELOPE_LOCK_SEALED
                                     : ENVELOPE_LOCK_INDEX;
}

/* secret: of a sealed envelope; NULL for the others. */
static void envelope_key(const struct keyring *k, const struct keyring_epoch *e,
                         enum envelope_kind kind,
                         const struct crypto_key *secret, const uint8_t *salt,
                         struct crypto_key *key,
                         uint8_t commitment[CRYPTO_KEY_BYTES])
{
    uint8_t kind_byte = (uint8_t)kind;
    struct crypto_key base;
    struct bytes x[] = {
        bytes_of(secret ? secret->b : NULL, secret ? sizeof secret->b : 0),
        bytes_of(k->repo.b, sizeof k->repo.b), bytes_of(&kind_byte, 1),
        bytes_of(salt, CRYPTO_SALT_BYTES)};

    if (secret)
        crypto_kdf(&base, &e->k_repo, "dedup 1 sealed", x, 4);
    else
        crypto_kdf(&base, &e->k_index, "dedup 1 envelope", x + 1, 3);
    crypto_base_split(&base, key, commitment);
    crypto_wipe(&base, sizeof base);
}

/* Fresh salt and secret, the head up to the commitment, and the key. */
static int envelope_put_head(const struct keyring *k, enum envelope_kind kind,
                             struct bytes name, struct bytes content,
                             struct buf *out, struct crypto_key *key)
{
    uint8_t kind_byte = (uint8_t)kind;
    struct bytes what[] = {bytes_of(&kind_byte, 1),
                           bytes_of(k->member.b, sizeof k->member.b), name,
                           content};
    uint8_t salt[CRYPTO_SALT_BYTES];
    uint8_t commitment[CRYPTO_KEY_BYTES];
    uint8_t sealed[CRYPTO_SEALED_BYTES];
    uint16_t epoch = keyring_newest(k);
    const struct keyring_epoch *e = &k->epoch[epoch];
    struct crypto_key secret;
    bool lock = envelope_lock(kind) == ENVELOPE_LOCK_SEALED;
    int rc = 0;

    crypto_fresh(salt, sizeof salt, "dedup 1 envelope salt", what, 4);
    if (lock)
        crypto_fresh(secret.b, sizeof secret.b, "dedup 1 envelope secret", what,
                     4);
    envelope_key(k, e, kind, lock ? &secret : NULL, salt, key, commitment);
    if (lock) {
        rc = crypto_lock(&e->meta_public, &secret, sealed);
        crypto_wipe(&secret, sizeof secret);
    }
    if (rc < 0)
        return rc;
    magic_put(out, (char)kind);
    codec_put_u8(out, envelope_lock(kind));
    codec_put_u16(out, epoch);
    buf_add(out, k->repo.b, sizeof k->repo.b);
    buf_add(out, k->member.b, sizeof k->member.b);
    buf_add(out, salt, sizeof salt);
    if (lock)
        buf_add(out, sealed, sizeof sealed);
    buf_add(out, commitment, sizeof commitment);
    return buf_status(out);
}

/* Head and, where it counts, name: what the seal binds. */
static struct bytes envelope_ad(
    struct bytes head, struct bytes name,
    uint8_t ad[ENVELOPE_HEAD_MAX + ENVELOPE_NAME_MAX])
{
    ASSERT(name.n <= ENVELOPE_NAME_MAX && head.n <= ENVELOPE_HEAD_MAX);
    memcpy(ad, head.p, head.n);
    if (name.n > 0)
        memcpy(ad + head.n, name.p, name.n);
    return bytes_of(ad, head.n + name.n);
}

/* Content, padding and tag, sealed in place. */
static int envelope_put_body(const struct crypto_key *key, struct bytes name,
                             struct bytes content, size_t file_bytes,
                             struct buf *out)
{
    uint8_t ad_bytes[ENVELOPE_HEAD_MAX + ENVELOPE_NAME_MAX];
    size_t length = file_bytes - out->n - 4 - CRYPTO_SIGNATURE_BYTES;
    size_t plain_n = length - CRYPTO_TAG_BYTES;
    struct bytes ad;
    size_t at;
    int rc;

    codec_put_u32(out, (uint32_t)length);
    at = out->n;
    codec_put_u32(out, (uint32_t)content.n);
    buf_add_bytes(out, content);
    buf_add_zeros(out, plain_n - 4 - content.n + CRYPTO_TAG_BYTES);
    rc = buf_status(out);
    if (rc < 0)
        return rc;
    ad = envelope_ad(bytes_of(out->p, at), name, ad_bytes);
    crypto_chacha_seal(key, ad, bytes_of(out->p + at, plain_n), out->p + at);
    return 0;
}

/* What is signed: all before the signature, and where it is to stand. The seal
 * alone does not tell whoever holds its key, as every member does. */
static void envelope_signed(struct bytes file, struct bytes name,
                            struct object_id *out)
{
    struct blake3 h;

    blake3_init(&h);
    blake3_update(&h, file);
    blake3_update(&h, name);
    blake3_final(&h, out->b);
}

int envelope_seal(const struct keyring *k, enum envelope_kind kind,
                  struct bytes name, struct bytes content, struct buf *out)
{
    struct crypto_key key;
    struct object_id hash;
    uint8_t signature[CRYPTO_SIGNATURE_BYTES];
    size_t file_bytes;
    int rc;

    ASSERT(out->n == 0 && out->max >= envelope_max_bytes(kind));
    if (content.n > envelope_content_max(kind))
        return err_set(E_LIMIT, "%s: %zu bytes of content", envelope_what(kind),
                       content.n);
    rc = envelope_put_head(k, kind, name, content, out, &key);
    if (rc == 0) {
        file_bytes =
            (size_t)pad_size(out->n + 4 + 4 + content.n + CRYPTO_TAG_BYTES +
                                 CRYPTO_SIGNATURE_BYTES,
                             envelope_step(kind));
        rc = envelope_put_body(&key, name, content, file_bytes, out);
    }
    crypto_wipe(&key, sizeof key);
    if (rc < 0)
        return err_add(rc, "%s", envelope_what(kind));
    envelope_signed(buf_bytes(out), name, &hash);
    rc = crypto_signature_make(&k->signer, envelope_label, &hash, signature);
    if (rc < 0)
        return err_add(rc, "%s", envelope_what(kind));
    buf_add(out, signature, sizeof signature);
    return buf_status(out);
}

/* The parts of a file; all lent from it. */
struct envelope_parts {
    uint16_t epoch;
    struct member_id signer;
    struct bytes salt;
    struct bytes sealed; /* empty for lock 0 */
    struct bytes commitment;
    struct bytes head;   /* every byte before the ciphertext */
    struct bytes cipher; /* with its tag */
    struct bytes signature;
};

static int envelope_split(const struct keyring *k, enum envelope_kind kind,
                          struct bytes file, struct envelope_parts *p)
{
    const char *what = envelope_what(kind);
    struct codec c;
    struct bytes repo;
    uint8_t lock;
    int rc;

    if (file.n > envelope_max_bytes(kind))
        return err_set(E_CORRUPT, "%s: %zu bytes long", what, file.n);
    codec_init(&c, file);
    rc = magic_get(&c, (char)kind, what);
    if (rc < 0)
        return rc;
    lock = codec_u8(&c);
    if (lock != envelope_lock(kind))
        codec_fail(&c);
    p->epoch = codec_u16(&c);
    repo = codec_take(&c, sizeof k->repo.b);
    codec_copy(&c, p->signer.b, sizeof p->signer.b);
    p->salt = codec_take(&c, CRYPTO_SALT_BYTES);
    p->sealed =
        codec_take(&c, lock == ENVELOPE_LOCK_SEALED ? CRYPTO_SEALED_BYTES : 0);
    p->commitment = codec_take(&c, CRYPTO_KEY_BYTES);
    p->cipher.n = codec_u32(&c);
    p->head = bytes_of(file.p, (size_t)(c.p - c.start));
    p->cipher = codec_take(&c, p->cipher.n);
    p->signature = codec_take(&c, CRYPTO_SIGNATURE_BYTES);
    if (p->cipher.n < 4 + CRYPTO_TAG_BYTES)
        codec_fail(&c);
    rc = codec_end(&c, what);
    if (rc == 0 && memcmp(repo.p, k->repo.b, repo.n) != 0)
        rc = err_set(E_CORRUPT, "%s: belongs to another repository", what);
    return rc;
}

/* The key that belongs to the commitment. */
static int envelope_find_key(const struct keyring *k, enum envelope_kind kind,
                             const struct envelope_parts *p,
                             struct crypto_key *key)
{
    uint8_t commitment[CRYPTO_KEY_BYTES];
    const struct keyring_epoch *e;
    struct crypto_key secret;
    int rc;

    if (p->sealed.n > 0 && !keyring_epoch_role_reads(k->role, false))
        return err_set(E_ROLE, "this key may not read it");
    rc = keyring_find(k, p->epoch, &e);
    if (rc == 0 && p->sealed.n > 0)
        rc = crypto_unlock(&e->meta_public, &e->meta_secret, p->sealed.p,
                           &secret);
    if (rc < 0)
        return rc;
    envelope_key(k, e, kind, p->sealed.n > 0 ? &secret : NULL, p->salt.p, key,
                 commitment);
    crypto_wipe(&secret, sizeof secret);
    if (!crypto_equal(commitment, p->commitment.p, sizeof commitment))
        rc = err_set(E_CORRUPT, "sealed under another key");
    return rc;
}

/* plain: length, content, zeros. */
static int envelope_content(enum envelope_kind kind, struct bytes plain,
                            struct bytes *content)
{
    struct codec c;

    codec_init(&c, plain);
    *content = codec_take(&c, codec_u32(&c));
    while (codec_left(&c) > 0)
        if (codec_u8(&c) != 0)
            codec_fail(&c);
    return codec_end(&c, envelope_what(kind));
}

static int envelope_decrypt(const struct keyring *k, enum envelope_kind kind,
                            struct bytes name, const struct envelope_parts *p,
                            struct buf *plain)
{
    uint8_t ad_bytes[ENVELOPE_HEAD_MAX + ENVELOPE_NAME_MAX];
    struct crypto_key key;
    uint8_t *to;
    int rc;

    buf_reset(plain);
    to = buf_extend(plain, p->cipher.n - CRYPTO_TAG_BYTES);
    if (!to)
        return buf_status(plain);
    rc = envelope_find_key(k, kind, p, &key);
    if (rc == 0)
        rc = crypto_chacha_open(&key, envelope_ad(p->head, name, ad_bytes),
                                p->cipher, to);
    crypto_wipe(&key, sizeof key);
    return err_add(rc, "%s", envelope_what(kind));
}

bool envelope_repo(enum envelope_kind kind, struct bytes file,
                   struct repo_id *repo)
{
    struct codec c;

    codec_init(&c, file);
    if (magic_get(&c, (char)kind, envelope_what(kind)) < 0)
        return false;
    (void)codec_u8(&c);
    (void)codec_u16(&c);
    codec_copy(&c, repo->b, sizeof repo->b);
    return !c.failed;
}

int envelope_open(const struct keyring *k, enum envelope_kind kind,
                  struct bytes name, struct bytes file, struct buf *plain,
                  struct envelope *out)
{
    struct envelope_parts p = {.epoch = 0};
    struct object_id hash;
    int rc = envelope_split(k, kind, file, &p);

    if (rc < 0)
        return rc;
    envelope_signed(bytes_of(file.p, file.n - CRYPTO_SIGNATURE_BYTES), name,
                    &hash);
    if (!crypto_signature_ok(&p.signer, envelope_label, &hash, p.signature.p))
        return err_set(E_CORRUPT, "%s: its signature does not fit",
                       envelope_what(kind));
    out->signer = p.signer;
    out->epoch = p.epoch;
    rc = envelope_decrypt(k, kind, name, &p, plain);
    if (rc < 0)
        return rc;
    return envelope_content(kind, buf_bytes(plain), &out->content);
}
