#include "repo/keepsake.h"

#include <stdio.h>

#include "repo/magic.h"

enum {
    KEEPSAKE_HEAD_BYTES = MAGIC_BYTES + 16 + 32, /* before the nonce */
    KEEPSAKE_OVERHEAD = KEEPSAKE_HEAD_BYTES + CRYPTO_SLOT_NONCE_BYTES +
                        CRYPTO_KEY_BYTES + 4 + CRYPTO_TAG_BYTES,
    KEEPSAKE_PLAIN_MAX = KEEPSAKE_BYTES_MAX - KEEPSAKE_OVERHEAD,
    KEEPSAKE_NAME_DIGITS = 32
};

void keepsake_release(struct keepsake *k)
{
    manifest_release(&k->manifest);
    crypto_locked_free(k->plain);
    *k = (struct keepsake){.plain = NULL};
}

void keepsake_name(const struct keyring *keys, struct bytes series,
                   bool complete, char out[KEEPSAKE_NAME_MAX])
{
    char hex[KEEPSAKE_NAME_DIGITS + 1];
    struct crypto_key name;

    crypto_kdf(&name, &keys->seed, "dedup 1 keepsake name", &series, 1);
    (void)snprintf(out, KEEPSAKE_NAME_MAX, "keepsake-%s%s",
                   id_hex(name.b, KEEPSAKE_NAME_DIGITS / 2, hex),
                   complete ? "" : "-checkpoint");
}

static void keepsake_key(const struct keyring *keys, struct crypto_key *key,
                         uint8_t commitment[CRYPTO_KEY_BYTES])
{
    struct bytes repo = bytes_of(keys->repo.b, sizeof keys->repo.b);
    struct crypto_key base;

    crypto_kdf(&base, &keys->seed, "dedup 1 keepsake", &repo, 1);
    crypto_base_split(&base, key, commitment);
    crypto_wipe(&base, sizeof base);
}

/* --- writing --- */

static void keepsake_put(const struct object_id *id, struct bytes content,
                         struct kept_frames *kept, struct buf *plain)
{
    buf_add(plain, id->b, sizeof id->b);
    codec_put_string(plain, content);
    kept_frames_put(kept, plain->max - plain->n, plain);
}

/* Seals plain. The head, which is sealed with it, is the same in each file. */
static int keepsake_put_sealed(const struct keyring *keys, struct bytes plain,
                               struct buf *out)
{
    uint8_t commitment[CRYPTO_KEY_BYTES];
    uint8_t nonce[CRYPTO_SLOT_NONCE_BYTES];
    struct bytes head;
    struct crypto_key key;
    uint8_t *to;
    int rc = buf_reserve(out, plain.n + KEEPSAKE_OVERHEAD);

    if (rc < 0)
        return rc;
    crypto_fresh(nonce, sizeof nonce, "dedup 1 keepsake nonce", &plain, 1);
    magic_put(out, 'H');
    buf_add(out, keys->repo.b, sizeof keys->repo.b);
    buf_add(out, keys->member.b, sizeof keys->member.b);
    head = buf_bytes(out);
    keepsake_key(keys, &key, commitment);
    buf_add(out, nonce, sizeof nonce);
    buf_add(out, commitment, sizeof commitment);
    codec_put_u32(out, (uint32_t)(plain.n + CRYPTO_TAG_BYTES));
    to = buf_extend(out, plain.n + CRYPTO_TAG_BYTES);
    if (to)
        crypto_wrap(&key, nonce, head, plain, to);
    crypto_wipe(&key, sizeof key);
    return buf_status(out);
}

/* What the plaintext takes at most. */
static size_t keepsake_plain_max(struct bytes content, struct kept_frames *kept)
{
    size_t n = sizeof(struct object_id) + 10 + content.n;

    n += kept_frames_bytes(kept);
    return n < KEEPSAKE_PLAIN_MAX ? n : KEEPSAKE_PLAIN_MAX;
}

int keepsake_seal(const struct keyring *keys, const struct object_id *id,
                  const struct manifest *m, struct kept_frames *kept,
                  struct buf *out)
{
    struct buf content;
    struct buf plain = {.rc = 0};
    int rc;

    ASSERT(out->n == 0);
    buf_init(&content, MANIFEST_BYTES_MAX);
    manifest_put(m, &content);
    rc = buf_status(&content);
    if (rc == 0) {
        plain.max = plain.cap = keepsake_plain_max(buf_bytes(&content), kept);
        plain.p = crypto_locked_new(plain.cap);
        if (!plain.p)
            rc = err_set(E_NOMEM, "out of memory");
    }
    if (rc == 0) {
        keepsake_put(id, buf_bytes(&content), kept, &plain);
        rc = buf_status(&plain);
    }
    if (rc == 0)
        rc = keepsake_put_sealed(keys, buf_bytes(&plain), out);
    crypto_locked_free(plain.p);
    buf_release(&content);
    return rc;
}

/* --- reading --- */

int keepsake_load(struct bytes plain, struct bytes series,
                  struct kept_frames *kept, struct keepsake *out)
{
    struct bytes content;
    struct bytes frames;
    struct codec c;
    int rc;

    codec_init(&c, plain);
    codec_copy(&c, out->id.b, sizeof out->id.b);
    content = codec_string(&c, MANIFEST_BYTES_MAX);
    frames = codec_take(&c, codec_left(&c));
    rc = codec_end(&c, "keepsake");
    if (rc == 0)
        rc = kept_frames_load(NULL, frames);
    if (rc == 0)
        rc = manifest_get(content, &out->manifest);
    if (rc < 0)
        return rc;
    if (!bytes_equal(out->manifest.m.series, series))
        rc = err_set(E_CORRUPT, "keepsake: of another series");
    else if (kept)
        rc = kept_frames_load(kept, frames);
    if (rc < 0)
        manifest_release(&out->manifest);
    return rc;
}

/* The parts of a file; all lent from it. */
struct keepsake_parts {
    struct bytes head; /* every byte before the nonce */
    struct bytes repo;
    struct bytes member;
    struct bytes nonce;
    struct bytes commitment;
    struct bytes wrapped;
};

static int keepsake_split(struct bytes file, struct keepsake_parts *p)
{
    struct codec c;
    int rc;

    codec_init(&c, file);
    rc = magic_get(&c, 'H', "keepsake");
    if (rc < 0)
        return rc;
    p->repo = codec_take(&c, sizeof(struct repo_id));
    p->member = codec_take(&c, sizeof(struct member_id));
    p->head = bytes_of(file.p, KEEPSAKE_HEAD_BYTES);
    p->nonce = codec_take(&c, CRYPTO_SLOT_NONCE_BYTES);
    p->commitment = codec_take(&c, CRYPTO_KEY_BYTES);
    p->wrapped = codec_take(&c, codec_u32(&c));
    if (p->wrapped.n <= CRYPTO_TAG_BYTES || file.n > KEEPSAKE_BYTES_MAX)
        codec_fail(&c);
    return codec_end(&c, "keepsake");
}

static int keepsake_unseal(const struct keyring *keys,
                           const struct keepsake_parts *p, uint8_t *plain)
{
    uint8_t commitment[CRYPTO_KEY_BYTES];
    struct crypto_key key;
    int rc;

    if (!bytes_equal(p->repo, bytes_of(keys->repo.b, sizeof keys->repo.b)) ||
        !bytes_equal(p->member,
                     bytes_of(keys->member.b, sizeof keys->member.b)))
        return err_set(E_CORRUPT, "keepsake: of another repository or key");
    keepsake_key(keys, &key, commitment);
    if (crypto_equal(commitment, p->commitment.p, sizeof commitment))
        rc = crypto_unwrap(&key, p->nonce.p, p->head, p->wrapped, plain);
    else
        rc = err_set(E_CORRUPT, "sealed under another key");
    crypto_wipe(&key, sizeof key);
    return err_add(rc, "keepsake");
}

int keepsake_open(const struct keyring *keys, struct bytes series,
                  struct bytes file, struct kept_frames *kept,
                  struct keepsake *out)
{
    struct keepsake_parts p = {.head = {NULL, 0}};
    int rc = keepsake_split(file, &p);
    size_t n;

    *out = (struct keepsake){.plain = NULL};
    if (rc < 0)
        return rc;
    n = p.wrapped.n - CRYPTO_TAG_BYTES;
    out->plain = crypto_locked_new(n);
    if (!out->plain)
        return err_set(E_NOMEM, "out of memory");
    rc = keepsake_unseal(keys, &p, out->plain);
    if (rc == 0)
        rc = keepsake_load(bytes_of(out->plain, n), series, kept, out);
    if (rc < 0)
        keepsake_release(out);
    return rc;
}
