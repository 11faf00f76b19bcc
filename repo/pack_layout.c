#include "repo/pack_layout.h"

#include <stdio.h>

#include "base/blake3.h"
#include "repo/magic.h"

/* Offset, length and signature, before they are sealed. */
enum { PACK_LAYOUT_PLACE_BYTES = 4 + 4 + CRYPTO_SIGNATURE_BYTES };

const char pack_layout_label[] = "dedup 1 pack";

static const uint8_t pack_layout_end[8] = {0x89, 'p',  'a',  'c',
                                           'k',  '\r', '\n', 0x1a};

void pack_layout_name(const struct object_id *id,
                      char out[PACK_LAYOUT_NAME_MAX])
{
    char hex[ID_HEX_CHARS + 1];

    id_hex(id->b, sizeof id->b, hex);
    (void)snprintf(out, PACK_LAYOUT_NAME_MAX, "packs/%.2s/%s", hex, hex);
}

uint32_t pack_layout_header_bytes(uint32_t key_n)
{
    return PACK_LAYOUT_HEAD_BYTES + key_n * PACK_LAYOUT_KEY_BYTES;
}

void pack_layout_put_header(const struct pack_layout_header *h, struct buf *b)
{
    magic_put(b, 'P');
    codec_put_u8(b, (uint8_t)h->kind);
    codec_put_u16(b, (uint16_t)h->key_n);
    codec_put_u16(b, h->epoch);
    buf_add(b, h->repo.b, sizeof h->repo.b);
    buf_add(b, h->writer.b, sizeof h->writer.b);
}

void pack_layout_put_key(const struct pack_layout_key *k, struct buf *b)
{
    codec_put_u8(b, (uint8_t)k->suite);
    buf_add_zeros(b, 3);
    codec_put_u32(b, k->epoch);
    buf_add(b, k->sealed, sizeof k->sealed);
    buf_add(b, k->commitment, sizeof k->commitment);
}

int pack_layout_get_header(struct bytes head, const struct keyring *k,
                           struct pack_layout_header *h)
{
    struct codec c;
    int rc;

    codec_init(&c, head);
    rc = magic_get(&c, 'P', "pack");
    if (rc < 0)
        return rc;
    h->kind = (enum pack_kind)codec_u8(&c);
    h->key_n = codec_u16(&c);
    h->epoch = codec_u16(&c);
    codec_copy(&c, h->repo.b, sizeof h->repo.b);
    codec_copy(&c, h->writer.b, sizeof h->writer.b);
    if ((h->kind != PACK_DATA && h->kind != PACK_META) || h->key_n == 0 ||
        h->key_n > PACK_KEYS_MAX || (h->key_n & (h->key_n - 1)) != 0)
        codec_fail(&c);
    rc = codec_end(&c, "pack header");
    if (rc == 0 && memcmp(h->repo.b, k->repo.b, sizeof h->repo.b) != 0)
        rc = err_set(E_CORRUPT, "pack: belongs to another repository");
    return rc;
}

int pack_layout_get_key(struct bytes in, struct pack_layout_key *k)
{
    struct codec c;
    struct bytes zero;
    int rc;

    codec_init(&c, in);
    k->suite = (enum crypto_suite)codec_u8(&c);
    zero = codec_take(&c, 3);
    for (size_t i = 0; i < zero.n; i++)
        if (zero.p[i] != 0)
            codec_fail(&c);
    k->epoch = codec_u32(&c);
    codec_copy(&c, k->sealed, sizeof k->sealed);
    codec_copy(&c, k->commitment, sizeof k->commitment);
    rc = codec_end(&c, "pack key");
    if (rc == 0 && k->suite != CRYPTO_AES256_GCM &&
        k->suite != CRYPTO_CHACHA20_POLY1305)
        rc = err_set(E_UNSUPPORTED, "pack key: cipher suite %d", (int)k->suite);
    return rc;
}

/* What the directory's and the trailer's keys are made of. Returns as
 * keyring_find(). */
static int pack_layout_kdf(const struct keyring *k,
                           const struct pack_layout_header *h,
                           const uint8_t *salt, const char *label,
                           struct crypto_key *out)
{
    struct bytes x[] = {bytes_of(h->repo.b, sizeof h->repo.b),
                        bytes_of(salt, CRYPTO_SALT_BYTES)};
    const struct keyring_epoch *e;
    int rc = keyring_find(k, h->epoch, &e);

    if (rc == 0)
        crypto_kdf(out, &e->k_index, label, x, 2);
    return rc;
}

void pack_layout_put_trailer(const struct keyring *k,
                             const struct pack_layout_header *h,
                             const struct pack_layout_trailer *t, struct buf *b)
{
    struct crypto_key key;
    size_t at;
    int rc = pack_layout_kdf(k, h, t->salt, "dedup 1 trailer", &key);

    ASSERT(rc == 0);
    buf_add(b, t->salt, sizeof t->salt);
    at = b->n;
    codec_put_u32(b, t->dir_off);
    codec_put_u32(b, t->dir_bytes);
    buf_add(b, t->signature, sizeof t->signature);
    buf_add_zeros(b, CRYPTO_TAG_BYTES);
    if (b->rc == 0)
        crypto_chacha_seal(&key, bytes_of(NULL, 0),
                           bytes_of(b->p + at, PACK_LAYOUT_PLACE_BYTES),
                           b->p + at);
    crypto_wipe(&key, sizeof key);
    buf_add(b, pack_layout_end, sizeof pack_layout_end);
}

/* The opened trailer of a pack of pack_bytes whose header ends at first. */
static int pack_layout_get_place(struct bytes plain, uint32_t first,
                                 uint64_t pack_bytes,
                                 struct pack_layout_trailer *t)
{
    struct codec c;

    codec_init(&c, plain);
    t->dir_off = codec_u32(&c);
    t->dir_bytes = codec_u32(&c);
    codec_copy(&c, t->signature, sizeof t->signature);
    if (pack_bytes > PACK_FULL_BYTES || t->dir_off < first ||
        t->dir_bytes < PACK_LAYOUT_DIR_OVERHEAD ||
        (uint64_t)t->dir_off + t->dir_bytes + PACK_LAYOUT_TRAILER_BYTES !=
            pack_bytes)
        codec_fail(&c);
    return codec_end(&c, "pack trailer");
}

int pack_layout_get_trailer(const struct keyring *k,
                            const struct pack_layout_header *h,
                            struct bytes tail, uint64_t pack_bytes,
                            struct pack_layout_trailer *t)
{
    uint8_t plain[PACK_LAYOUT_PLACE_BYTES];
    struct crypto_key key;
    struct codec c;
    struct bytes sealed;
    struct bytes end;
    int rc;

    codec_init(&c, tail);
    codec_copy(&c, t->salt, sizeof t->salt);
    sealed = codec_take(&c, sizeof plain + CRYPTO_TAG_BYTES);
    end = codec_take(&c, sizeof pack_layout_end);
    if (!bytes_equal(end, bytes_of(pack_layout_end, sizeof pack_layout_end)))
        codec_fail(&c);
    rc = codec_end(&c, "pack trailer");
    if (rc < 0)
        return rc;
    rc = pack_layout_kdf(k, h, t->salt, "dedup 1 trailer", &key);
    if (rc == 0)
        rc = crypto_chacha_open(&key, bytes_of(NULL, 0), sealed, plain);
    crypto_wipe(&key, sizeof key);
    if (rc < 0)
        return err_add(rc, "pack trailer");
    return pack_layout_get_place(bytes_of(plain, sizeof plain),
                                 pack_layout_header_bytes(h->key_n), pack_bytes,
                                 t);
}

/* The key of a pack's directory. */
static int pack_layout_dir_key(const struct keyring *k,
                               const struct pack_layout_header *h,
                               const uint8_t *salt, struct crypto_key *key,
                               uint8_t commitment[CRYPTO_KEY_BYTES])
{
    struct crypto_key base;
    int rc = pack_layout_kdf(k, h, salt, "dedup 1 directory", &base);

    if (rc < 0)
        return rc;
    crypto_base_split(&base, key, commitment);
    crypto_wipe(&base, sizeof base);
    return 0;
}

void pack_layout_seal_dir(const struct keyring *k,
                          const struct pack_layout_header *h,
                          const uint8_t salt[CRYPTO_SALT_BYTES],
                          struct bytes header, struct bytes content,
                          size_t plain_bytes, struct buf *b)
{
    uint8_t commitment[CRYPTO_KEY_BYTES];
    struct crypto_key key;
    size_t at;
    int rc = pack_layout_dir_key(k, h, salt, &key, commitment);

    ASSERT(rc == 0 && plain_bytes >= 4 + content.n);
    buf_add(b, commitment, sizeof commitment);
    at = b->n;
    codec_put_u32(b, (uint32_t)content.n);
    buf_add_bytes(b, content);
    buf_add_zeros(b, plain_bytes - 4 - content.n + CRYPTO_TAG_BYTES);
    if (b->rc == 0)
        crypto_chacha_seal(&key, header, bytes_of(b->p + at, plain_bytes),
                           b->p + at);
    crypto_wipe(&key, sizeof key);
}

/* plain: length, content, zeros; leaves the content. */
static int pack_layout_trim(struct buf *plain)
{
    struct bytes fill;
    struct codec c;
    uint32_t n;

    codec_init(&c, buf_bytes(plain));
    n = codec_u32(&c);
    (void)codec_take(&c, n);
    fill = codec_take(&c, codec_left(&c));
    if (fill.n > 0 &&
        (fill.p[0] != 0 || memcmp(fill.p, fill.p + 1, fill.n - 1) != 0))
        codec_fail(&c);
    if (codec_ok(&c, "pack directory") < 0)
        return E_CORRUPT;
    memmove(plain->p, plain->p + 4, n);
    buf_truncate(plain, n);
    return 0;
}

int pack_layout_open_dir(const struct keyring *k,
                         const struct pack_layout_header *h,
                         const uint8_t salt[CRYPTO_SALT_BYTES],
                         struct bytes header, struct bytes sealed,
                         struct buf *content)
{
    uint8_t commitment[CRYPTO_KEY_BYTES];
    struct crypto_key key;
    struct bytes cipher;
    uint8_t *to;
    int rc;

    buf_reset(content);
    if (sealed.n < PACK_LAYOUT_DIR_OVERHEAD)
        return err_set(E_CORRUPT, "pack directory: cut off");
    cipher = bytes_of(sealed.p + CRYPTO_KEY_BYTES, sealed.n - CRYPTO_KEY_BYTES);
    to = buf_extend(content, cipher.n - CRYPTO_TAG_BYTES);
    if (!to)
        return buf_status(content);
    rc = pack_layout_dir_key(k, h, salt, &key, commitment);
    if (rc == 0 && !crypto_equal(commitment, sealed.p, sizeof commitment))
        rc = err_set(E_CORRUPT, "sealed under another key");
    if (rc == 0)
        rc = crypto_chacha_open(&key, header, cipher, to);
    crypto_wipe(&key, sizeof key);
    return rc < 0 ? err_add(rc, "pack directory") : pack_layout_trim(content);
}

void pack_layout_signed(struct bytes header, struct bytes sealed_dir,
                        const struct pack_layout_trailer *t,
                        struct object_id *out)
{
    struct blake3 h;
    uint8_t place[8];

    for (size_t i = 0; i < 4; i++) {
        place[i] = (uint8_t)(t->dir_off >> (8 * i));
        place[4 + i] = (uint8_t)(t->dir_bytes >> (8 * i));
    }
    blake3_init(&h);
    blake3_update(&h, header);
    blake3_update(&h, sealed_dir);
    blake3_update(&h, bytes_of(place, sizeof place));
    blake3_final(&h, out->b);
}
