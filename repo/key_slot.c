#include "repo/key_slot.h"

#include "base/codec.h"
#include "repo/magic.h"

enum {
    KEY_SLOT_STEP_BYTES = 1024, /* plaintexts are a multiple of it */
    KEY_SLOT_PLAIN_MAX = 33 * KEY_SLOT_STEP_BYTES,
    KEY_SLOT_FILE_BYTES = 32
};

/* The parts of a slot file; all lent from it. */
struct key_slot_parts {
    struct bytes salt;
    struct bytes head; /* every byte before the nonce */
    struct bytes nonce;
    struct bytes commitment;
    struct bytes wrapped;
};

/* What both keys of a slot are derived from. */
static int key_slot_file_key(struct bytes file, struct crypto_key *x)
{
    char hex[2 * KEY_SLOT_FILE_BYTES + 1];
    bool good;

    if (file.n == KEY_SLOT_FILE_BYTES) {
        memcpy(x->b, file.p, sizeof x->b);
        return 0;
    }
    if (file.n == sizeof hex && file.p[sizeof hex - 1] == '\n')
        file.n--;
    if (file.n != sizeof hex - 1)
        return err_set(E_USAGE, "a key file holds 32 bytes, or 64 hex digits");
    memcpy(hex, file.p, file.n);
    hex[file.n] = 0;
    good = id_from_hex(hex, x->b, sizeof x->b);
    crypto_wipe(hex, sizeof hex);
    if (!good)
        return err_set(E_USAGE, "a key file holds 32 bytes, or 64 hex digits");
    return 0;
}

static int key_slot_derive(const struct key_slot_secret *secret,
                           const struct key_slot_info *info,
                           const uint8_t *salt, struct crypto_key *key,
                           uint8_t commitment[CRYPTO_KEY_BYTES])
{
    /* what a key file gives is the same for all slots */
    struct bytes here = bytes_of(salt, CRYPTO_SLOT_SALT_BYTES);
    struct crypto_key x;
    struct crypto_key c;
    int rc;

    if (secret->kind == KEY_SLOT_FILE)
        rc = key_slot_file_key(secret->bytes, &x);
    else if (secret->bytes.n == 0)
        rc = err_set(E_USAGE, "an empty passphrase");
    else
        rc = crypto_argon2id(secret->bytes, salt, info->passes, info->kib, &x);
    if (rc < 0)
        return rc;
    crypto_kdf(key, &x, "dedup 1 slot key", &here, 1);
    crypto_kdf(&c, &x, "dedup 1 slot commit", &here, 1);
    memcpy(commitment, c.b, sizeof c.b);
    crypto_wipe(&x, sizeof x);
    return 0;
}

static void key_slot_put_head(const struct keyring *k,
                              const struct key_slot_info *info,
                              const uint8_t *salt, struct buf *out)
{
    magic_put(out, 'K');
    codec_put_u8(out, (uint8_t)info->kdf);
    codec_put_u32(out, info->passes);
    codec_put_u32(out, info->kib);
    buf_add(out, salt, CRYPTO_SLOT_SALT_BYTES);
    codec_put_u8(out, (uint8_t)info->role);
    buf_add(out, k->member.b, sizeof k->member.b);
    codec_put_string(out, bytes_of_str(info->label));
}

/* How long the plaintext with a bundle of n bytes is. */
static size_t key_slot_padded(size_t n)
{
    return (4 + n + KEY_SLOT_STEP_BYTES - 1) / KEY_SLOT_STEP_BYTES *
           KEY_SLOT_STEP_BYTES;
}

/* The bundle, its length in front, zeros behind; plain is zeroed locked memory
 * of KEY_SLOT_PLAIN_MAX. */
static int key_slot_put_plain(const struct keyring *k, uint8_t *plain,
                              size_t *plain_n)
{
    struct buf b = {
        .p = plain, .cap = KEY_SLOT_PLAIN_MAX, .max = KEY_SLOT_PLAIN_MAX};
    size_t n;

    codec_put_u32(&b, 0);
    keyring_put(k, &b);
    n = b.n - 4;
    for (size_t i = 0; i < 4; i++)
        plain[i] = (uint8_t)(n >> (8 * i));
    *plain_n = key_slot_padded(n);
    return buf_status(&b);
}

/* Never from the passphrase, which the salt would then help to guess. */
static void key_slot_fresh_salt(const struct key_slot_info *info,
                                uint8_t salt[CRYPTO_SLOT_SALT_BYTES])
{
    uint32_t how[] = {info->kdf, info->passes, info->kib, info->role};
    struct bytes what[] = {bytes_of(how, sizeof how),
                           bytes_of_str(info->label)};

    crypto_fresh(salt, CRYPTO_SLOT_SALT_BYTES, "dedup 1 slot salt", what, 2);
}

/* Everything behind the head. */
static int key_slot_put_wrapped(const struct crypto_key *key,
                                const uint8_t *commitment, struct bytes plain,
                                struct buf *out)
{
    struct bytes what[] = {buf_bytes(out), plain};
    uint8_t nonce[CRYPTO_SLOT_NONCE_BYTES];
    size_t head_n = out->n;
    size_t wrapped_n = plain.n + CRYPTO_TAG_BYTES;
    uint8_t *to;

    crypto_fresh(nonce, sizeof nonce, "dedup 1 slot nonce", what, 2);
    buf_add(out, nonce, sizeof nonce);
    buf_add(out, commitment, CRYPTO_KEY_BYTES);
    codec_put_u32(out, (uint32_t)wrapped_n);
    to = buf_extend(out, wrapped_n);
    if (to)
        crypto_wrap(key, nonce, bytes_of(out->p, head_n), plain, to);
    return buf_status(out);
}

int key_slot_seal(const struct keyring *k, const struct key_slot_info *info,
                  const struct key_slot_secret *secret, struct buf *out)
{
    uint8_t salt[CRYPTO_SLOT_SALT_BYTES];
    uint8_t commitment[CRYPTO_KEY_BYTES];
    struct crypto_key key;
    uint8_t *plain;
    size_t plain_n = 0;
    int rc;

    ASSERT(out->n == 0 && info->role == k->role);
    key_slot_fresh_salt(info, salt);
    rc = key_slot_derive(secret, info, salt, &key, commitment);
    if (rc < 0)
        return rc;
    key_slot_put_head(k, info, salt, out);
    plain = crypto_locked_new(KEY_SLOT_PLAIN_MAX);
    rc = plain ? key_slot_put_plain(k, plain, &plain_n)
               : err_set(E_NOMEM, "out of memory");
    if (rc == 0)
        rc = key_slot_put_wrapped(&key, commitment, bytes_of(plain, plain_n),
                                  out);
    crypto_locked_free(plain);
    crypto_wipe(&key, sizeof key);
    return rc;
}

static bool key_slot_known(const struct key_slot_info *i)
{
    return (i->kdf == KEY_SLOT_PASSPHRASE || i->kdf == KEY_SLOT_FILE) &&
           i->role >= KEYRING_FULL && i->role <= KEYRING_MAINTAIN;
}

static int key_slot_split(struct bytes file, struct key_slot_info *info,
                          struct key_slot_parts *p)
{
    struct codec c;
    struct bytes label;
    int rc;

    if (file.n > KEY_SLOT_BYTES_MAX)
        return err_set(E_CORRUPT, "key slot: %zu bytes long", file.n);
    codec_init(&c, file);
    rc = magic_get(&c, 'K', "key slot");
    if (rc < 0)
        return rc;
    *info = (struct key_slot_info){.kdf = (enum key_slot_kdf)codec_u8(&c)};
    info->passes = codec_u32(&c);
    info->kib = codec_u32(&c);
    p->salt = codec_take(&c, CRYPTO_SLOT_SALT_BYTES);
    info->role = (enum keyring_role)codec_u8(&c);
    codec_copy(&c, info->member.b, sizeof info->member.b);
    label = codec_string(&c, KEY_SLOT_LABEL_MAX);
    if (label.n > 0 && memchr(label.p, 0, label.n))
        codec_fail(&c);
    p->head = bytes_of(file.p, (size_t)(c.p - c.start));
    p->nonce = codec_take(&c, CRYPTO_SLOT_NONCE_BYTES);
    p->commitment = codec_take(&c, CRYPTO_KEY_BYTES);
    p->wrapped = codec_take(&c, codec_u32(&c));
    rc = codec_end(&c, "key slot");
    if (rc < 0)
        return rc;
    if (!key_slot_known(info))
        return err_set(E_UNSUPPORTED,
                       "key slot: kind %d, role %d: a newer version made it",
                       (int)info->kdf, (int)info->role);
    if ((info->kdf == KEY_SLOT_FILE && (info->passes | info->kib) != 0) ||
        p->wrapped.n <= CRYPTO_TAG_BYTES ||
        p->wrapped.n > KEY_SLOT_PLAIN_MAX + CRYPTO_TAG_BYTES)
        return err_set(E_CORRUPT, "key slot: malformed");
    if (label.n > 0)
        memcpy(info->label, label.p, label.n);
    return 0;
}

int key_slot_info_get(struct bytes file, struct key_slot_info *out)
{
    struct key_slot_parts p = {.salt = {NULL, 0}};

    return key_slot_split(file, out, &p);
}

/* plain: as key_slot_put_plain() leaves it. */
static int key_slot_load(struct bytes plain, const struct key_slot_info *info,
                         struct keyring *k)
{
    struct codec c;
    struct bytes fields;
    int rc;

    codec_init(&c, plain);
    fields = codec_take(&c, codec_u32(&c));
    if (key_slot_padded(fields.n) != plain.n)
        codec_fail(&c);
    while (codec_left(&c) > 0)
        if (codec_u8(&c) != 0)
            codec_fail(&c);
    rc = codec_end(&c, "key slot");
    if (rc == 0)
        rc = keyring_load(k, fields);
    if (rc == 0 && k->role != info->role)
        rc = err_set(E_CORRUPT, "key slot: its roles disagree");
    if (rc == 0 && memcmp(k->member.b, info->member.b, sizeof k->member.b) != 0)
        rc = err_set(E_CORRUPT, "key slot: it is not of the member it names");
    return rc;
}

static int key_slot_unwrap(const struct key_slot_parts *p,
                           const struct crypto_key *key,
                           const struct key_slot_info *info, struct keyring *k)
{
    size_t plain_n = p->wrapped.n - CRYPTO_TAG_BYTES;
    uint8_t *plain = crypto_locked_new(plain_n);
    int rc;

    if (!plain)
        return err_set(E_NOMEM, "out of memory");
    rc = crypto_unwrap(key, p->nonce.p, p->head, p->wrapped, plain);
    if (rc == 0)
        rc = key_slot_load(bytes_of(plain, plain_n), info, k);
    crypto_locked_free(plain);
    return err_add(rc, "key slot");
}

int key_slot_open(struct bytes file, const struct key_slot_secret *secret,
                  struct keyring *k, bool *opened)
{
    struct key_slot_parts p = {.salt = {NULL, 0}};
    struct key_slot_info info;
    uint8_t commitment[CRYPTO_KEY_BYTES];
    struct crypto_key key;
    int rc;

    *opened = false;
    rc = key_slot_split(file, &info, &p);
    if (rc < 0 || info.kdf != secret->kind)
        return rc;
    rc = key_slot_derive(secret, &info, p.salt.p, &key, commitment);
    if (rc < 0)
        return rc;
    if (crypto_equal(commitment, p.commitment.p, sizeof commitment)) {
        rc = key_slot_unwrap(&p, &key, &info, k);
        *opened = rc == 0;
    }
    crypto_wipe(&key, sizeof key);
    return rc;
}

/* Whether two keyrings make the same bundle. */
static int key_slot_same(const struct keyring *a, const struct keyring *b)
{
    uint8_t *plain = crypto_locked_new((size_t)2 * KEY_SLOT_PLAIN_MAX);
    uint8_t *other;
    size_t n[2] = {0, 0};
    int rc;

    if (!plain)
        return err_set(E_NOMEM, "out of memory");
    other = plain + KEY_SLOT_PLAIN_MAX;
    rc = key_slot_put_plain(a, plain, &n[0]);
    if (rc == 0)
        rc = key_slot_put_plain(b, other, &n[1]);
    if (rc == 0 && (n[0] != n[1] || !crypto_equal(plain, other, n[0])))
        rc = err_set(E_CORRUPT, "key slot: it holds other keys");
    crypto_locked_free(plain);
    return rc;
}

int key_slot_prove(struct bytes file, const struct key_slot_secret *secret,
                   const struct keyring *k)
{
    struct keyring *back = keyring_new();
    bool opened = false;
    int rc = back ? key_slot_open(file, secret, back, &opened)
                  : err_set(E_NOMEM, "out of memory");

    if (rc == 0 && !opened)
        rc = err_set(E_CORRUPT, "key slot: its secret does not open it");
    if (rc == 0)
        rc = key_slot_same(k, back);
    keyring_free(back);
    return rc;
}
