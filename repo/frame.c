#include "repo/frame.h"

#include <stdlib.h>

#include "base/blake3.h"
#include "base/codec.h"
#include "base/mem.h"
#include "repo/compress.h"

enum { FRAME_TRIES = 2, FRAME_AD_BYTES = 5 };

struct frame_ctx {
    struct crypto_ctx *crypto;
    struct compress_ctx *compress;
    struct bytes raw;   /* prepared: the plaintext, borrowed */
    struct bytes plain; /* prepared: what is encrypted: raw, or form */
    int level;          /* prepared: how form was made */
    uint8_t *form;      /* FRAME_RAW_MAX: compressed */
    uint8_t *check;     /* FRAME_RAW_MAX: what came back */
    uint8_t *stored;    /* FRAME_STORED_MAX: sealed */
    unsigned damage;    /* test hook */
};

int frame_ctx_new(struct frame_ctx **out)
{
    struct frame_ctx *x = mem_alloc(sizeof *x);
    int rc;

    if (!x)
        return err_set(E_NOMEM, "out of memory");
    rc = crypto_ctx_new(&x->crypto);
    if (rc == 0)
        rc = compress_ctx_new(&x->compress);
    x->form = mem_alloc(FRAME_RAW_MAX);
    x->check = mem_alloc(FRAME_RAW_MAX);
    x->stored = mem_alloc(FRAME_STORED_MAX);
    if (rc == 0 && (!x->form || !x->check || !x->stored))
        rc = err_set(E_NOMEM, "out of memory");
    if (rc < 0) {
        frame_ctx_free(x);
        return rc;
    }
    *out = x;
    return 0;
}

void frame_ctx_free(struct frame_ctx *x)
{
    if (!x)
        return;
    crypto_ctx_free(x->crypto);
    compress_ctx_free(x->compress);
    free(x->form);
    free(x->check);
    free(x->stored);
    free(x);
}

void frame_ctx_damage(struct frame_ctx *x, unsigned n)
{
    x->damage = n;
}

static void frame_damage(struct frame_ctx *x, uint8_t *p, size_t n)
{
    if (x->damage == 0)
        return;
    x->damage--;
    p[n / 2] ^= 4;
}

static int frame_hardware(const char *what)
{
    return err_set(E_INTERNAL,
                   "%s did not give back what went in, twice: this machine's "
                   "memory or processor damages data. Test it (memtest86+) "
                   "before you trust anything that it writes",
                   what);
}

/* Compresses once; good: whether it came back. */
static int frame_compress(struct frame_ctx *x, int level, size_t *n, bool *good)
{
    int rc = compress_pack(x->compress, x->raw, level, x->form, n);

    *good = true;
    if (rc < 0 || *n == 0)
        return rc;
    frame_damage(x, x->form, *n);
    rc =
        compress_unpack(x->compress, bytes_of(x->form, *n), x->check, x->raw.n);
    *good = rc == 0 && memcmp(x->check, x->raw.p, x->raw.n) == 0;
    return rc == E_CORRUPT ? 0 : rc;
}

int frame_prepare(struct frame_ctx *x, struct bytes raw, int level)
{
    bool good = false;
    size_t n = 0;

    ASSERT(raw.n > 0 && raw.n <= FRAME_RAW_MAX);
    x->raw = raw;
    x->level = level;
    x->plain = bytes_of(NULL, 0);
    for (int i = 0; i < FRAME_TRIES && !good; i++) {
        int rc = frame_compress(x, level, &n, &good);

        if (rc < 0)
            return rc;
    }
    if (!good)
        return frame_hardware("compression");
    x->plain = n ? bytes_of(x->form, n) : raw;
    return 0;
}

size_t frame_stored_bytes(const struct frame_ctx *x)
{
    return x->plain.n + FRAME_OVERHEAD;
}

static void frame_derive(const struct frame_key *key, const uint8_t *salt,
                         struct crypto_key *out)
{
    uint8_t kind = (uint8_t)key->kind;
    struct bytes x[] = {bytes_of(key->repo.b, sizeof key->repo.b),
                        bytes_of(&kind, 1), bytes_of(salt, CRYPTO_SALT_BYTES)};

    crypto_kdf(out, &key->key, "dedup 1 frame", x, 3);
}

void frame_keep(const struct frame_key *key,
                const uint8_t salt[CRYPTO_SALT_BYTES], struct frame_kept *out)
{
    memcpy(out->salt, salt, sizeof out->salt);
    out->suite = key->suite;
    frame_derive(key, salt, &out->key);
}

static struct bytes frame_ad(enum pack_kind kind, size_t raw_bytes,
                             uint8_t ad[FRAME_AD_BYTES])
{
    ad[0] = (uint8_t)kind;
    for (size_t i = 0; i < 4; i++)
        ad[1 + i] = (uint8_t)(raw_bytes >> (8 * i));
    return bytes_of(ad, FRAME_AD_BYTES);
}

/* The chunks and how they were compressed make the plaintext; the rest is the
 * associated data. */
static void frame_fresh_salt(const struct frame_ctx *x,
                             const struct frame_key *key, struct bytes what,
                             uint8_t salt[CRYPTO_SALT_BYTES])
{
    uint64_t how[] = {(uint64_t)x->level, compress_version(), x->plain.n,
                      x->raw.n, (uint64_t)key->kind};
    struct bytes part[] = {what, bytes_of(how, sizeof how)};

    crypto_fresh(salt, CRYPTO_SALT_BYTES, "dedup 1 frame salt", part, 2);
}

/* Seals once; good: whether it came back. */
static int frame_encrypt(struct frame_ctx *x, const struct frame_key *key,
                         struct bytes what, bool *good)
{
    uint8_t *out = x->stored;
    struct crypto_key k;
    uint8_t ad_bytes[FRAME_AD_BYTES];
    struct bytes ad = frame_ad(key->kind, x->raw.n, ad_bytes);
    struct bytes sealed =
        bytes_of(out + CRYPTO_SALT_BYTES, x->plain.n + CRYPTO_TAG_BYTES);
    int rc;

    frame_fresh_salt(x, key, what, out);
    frame_derive(key, out, &k);
    rc = crypto_seal(x->crypto, key->suite, &k, ad, x->plain,
                     out + CRYPTO_SALT_BYTES);
    if (rc == 0) {
        frame_damage(x, out, x->plain.n + FRAME_OVERHEAD);
        rc = crypto_open(x->crypto, key->suite, &k, ad, sealed, x->check);
        *good = rc == 0 && memcmp(x->check, x->plain.p, x->plain.n) == 0;
    }
    crypto_wipe(&k, sizeof k);
    return rc == E_CORRUPT ? 0 : rc;
}

int frame_seal(struct frame_ctx *x, const struct frame_key *key,
               struct bytes what, struct frame *f)
{
    bool good = false;

    ASSERT(x->plain.n > 0);
    for (int i = 0; i < FRAME_TRIES && !good; i++) {
        int rc = frame_encrypt(x, key, what, &good);

        if (rc < 0)
            return rc;
    }
    if (!good)
        return frame_hardware("encryption");
    f->stored = bytes_of(x->stored, x->plain.n + FRAME_OVERHEAD);
    f->raw_bytes = (uint32_t)x->raw.n;
    blake3_hash(f->stored, f->hash.b);
    return 0;
}

uint8_t *frame_buffer(struct frame_ctx *x)
{
    return x->stored;
}

/* Whether what the directory says can be true of a frame. */
static int frame_check_sizes(struct bytes stored, uint32_t raw_bytes)
{
    if (raw_bytes > 0 && raw_bytes <= FRAME_RAW_MAX &&
        stored.n > FRAME_OVERHEAD &&
        stored.n <= (size_t)raw_bytes + FRAME_OVERHEAD)
        return 0;
    return err_set(E_CORRUPT, "frame of %zu bytes for %u", stored.n, raw_bytes);
}

int frame_open_kept(struct frame_ctx *x, enum pack_kind kind,
                    const struct frame_kept *kept, struct bytes stored,
                    uint32_t raw_bytes, uint8_t *out)
{
    uint8_t ad[FRAME_AD_BYTES];
    bool raw = stored.n == (size_t)raw_bytes + FRAME_OVERHEAD;
    int rc = frame_check_sizes(stored, raw_bytes);

    x->raw = x->plain = bytes_of(NULL, 0);
    if (rc < 0)
        return rc;
    rc = crypto_open(
        x->crypto, kept->suite, &kept->key, frame_ad(kind, raw_bytes, ad),
        bytes_of(stored.p + CRYPTO_SALT_BYTES, stored.n - CRYPTO_SALT_BYTES),
        raw ? out : x->form);
    if (rc == 0 && !raw)
        rc = compress_unpack(x->compress,
                             bytes_of(x->form, stored.n - FRAME_OVERHEAD), out,
                             raw_bytes);
    return err_add(rc, "frame");
}

int frame_open(struct frame_ctx *x, const struct frame_key *key,
               struct bytes stored, uint32_t raw_bytes, uint8_t *out)
{
    struct frame_kept kept;
    int rc = frame_check_sizes(stored, raw_bytes);

    if (rc < 0)
        return rc;
    frame_keep(key, stored.p, &kept);
    rc = frame_open_kept(x, key->kind, &kept, stored, raw_bytes, out);
    crypto_wipe(&kept, sizeof kept);
    return rc;
}
