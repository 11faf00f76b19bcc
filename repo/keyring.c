#include "repo/keyring.h"

#include "base/blake3.h"
#include "repo/fields.h"

struct keyring *keyring_new(void)
{
    return crypto_locked_new(sizeof(struct keyring));
}

void keyring_free(struct keyring *k)
{
    crypto_locked_free(k);
}

/* What follows from the bundle. */
static void keyring_derive(struct keyring *k)
{
    crypto_kdf(&k->k_page, &k->k_meta, "dedup 1 page", NULL, 0);
    crypto_signer_load(&k->seed, &k->signer, &k->member);
}

void keyring_create(struct keyring *k)
{
    memset(k, 0, sizeof *k);
    k->role = KEYRING_FULL;
    crypto_random(k->repo.b, sizeof k->repo.b);
    crypto_random(k->k_repo.b, sizeof k->k_repo.b);
    crypto_random(k->k_index.b, sizeof k->k_index.b);
    crypto_random(k->k_data.b, sizeof k->k_data.b);
    crypto_random(k->k_meta.b, sizeof k->k_meta.b);
    crypto_random(k->k_cut, sizeof k->k_cut);
    crypto_random(k->seed.b, sizeof k->seed.b);
    crypto_pair_new(&k->data_public, &k->data_secret);
    crypto_pair_new(&k->meta_public, &k->meta_secret);
    k->has_data_secret = k->has_meta_secret = true;
    keyring_derive(k);
}

static bool keyring_role_has_data(enum keyring_role role)
{
    return role == KEYRING_FULL || role == KEYRING_READ;
}

static bool keyring_role_has_meta(enum keyring_role role)
{
    return role != KEYRING_WRITE;
}

void keyring_member(const struct keyring *k, enum keyring_role role,
                    struct keyring *out)
{
    ASSERT(k->role == KEYRING_FULL);
    *out = *k;
    out->role = role;
    crypto_random(out->seed.b, sizeof out->seed.b);
    out->has_data_secret = keyring_role_has_data(role);
    out->has_meta_secret = keyring_role_has_meta(role);
    if (!out->has_data_secret)
        crypto_wipe(&out->data_secret, sizeof out->data_secret);
    if (!out->has_meta_secret)
        crypto_wipe(&out->meta_secret, sizeof out->meta_secret);
    keyring_derive(out);
}

static void keyring_put_key(struct fields_out *o, uint64_t tag,
                            const struct crypto_key *key)
{
    fields_put(o, tag, bytes_of(key->b, sizeof key->b));
}

void keyring_put(const struct keyring *k, struct buf *b)
{
    struct fields_out o;

    fields_begin(&o, b, bytes_of(NULL, 0));
    fields_put(&o, 1, bytes_of(k->repo.b, sizeof k->repo.b));
    fields_put_varint(&o, 3, (uint64_t)k->role);
    keyring_put_key(&o, 5, &k->k_repo);
    keyring_put_key(&o, 7, &k->k_index);
    keyring_put_key(&o, 9, &k->k_data);
    keyring_put_key(&o, 11, &k->k_meta);
    fields_put(&o, 13, bytes_of(k->k_cut, sizeof k->k_cut));
    keyring_put_key(&o, 15, &k->seed);
    fields_put(&o, 17, bytes_of(k->config.b, sizeof k->config.b));
    if (keyring_role_has_data(k->role))
        keyring_put_key(&o, 19, &k->data_secret);
    if (keyring_role_has_meta(k->role))
        keyring_put_key(&o, 21, &k->meta_secret);
    fields_put_varint(&o, 23, k->epoch);
    fields_finish(&o);
}

/* Where the 32 bytes of a tag go; NULL: not such a tag. */
static uint8_t *keyring_place(struct keyring *k, uint64_t tag)
{
    switch (tag) {
    case 5:
        return k->k_repo.b;
    case 7:
        return k->k_index.b;
    case 9:
        return k->k_data.b;
    case 11:
        return k->k_meta.b;
    case 15:
        return k->seed.b;
    case 17:
        return k->config.b;
    case 19:
        return k->data_secret.b;
    case 21:
        return k->meta_secret.b;
    default:
        return NULL;
    }
}

enum {
    KEYRING_TAGS = (1 << 12) - 1, /* bit i: tag 2i + 1 */
    KEYRING_TAG_DATA = 1 << 9,
    KEYRING_TAG_META = 1 << 10
};

static void keyring_get_field(struct keyring *k, struct fields *f, uint64_t tag,
                              struct bytes value)
{
    uint8_t *key = keyring_place(k, tag);

    if (key)
        fields_get_fixed(f, value, key, CRYPTO_KEY_BYTES);
    else if (tag == 1)
        fields_get_fixed(f, value, k->repo.b, sizeof k->repo.b);
    else if (tag == 3)
        k->role =
            (enum keyring_role)fields_get_varint(f, value, KEYRING_MAINTAIN);
    else if (tag == 13)
        fields_get_fixed(f, value, k->k_cut, sizeof k->k_cut);
    else if (tag == 23)
        k->epoch = (uint32_t)fields_get_varint(f, value, UINT16_MAX);
    else
        fields_skip(f, tag, value);
}

int keyring_load(struct keyring *k, struct bytes in)
{
    struct fields f;
    uint64_t tag;
    struct bytes value;
    unsigned seen = 0;
    unsigned want = KEYRING_TAGS;
    int rc;

    memset(k, 0, sizeof *k);
    fields_init(&f, in, NULL);
    while (fields_next(&f, &tag, &value)) {
        keyring_get_field(k, &f, tag, value);
        if (tag % 2 == 1 && tag <= 23)
            seen |= 1U << (tag / 2);
    }
    rc = fields_end(&f, "key bundle");
    if (rc < 0)
        return rc;
    if (!keyring_role_has_data(k->role))
        want &= ~(unsigned)KEYRING_TAG_DATA;
    if (!keyring_role_has_meta(k->role))
        want &= ~(unsigned)KEYRING_TAG_META;
    if (k->role < KEYRING_FULL || seen != want)
        return err_set(E_CORRUPT, "key bundle: not what its role holds");
    k->has_data_secret = keyring_role_has_data(k->role);
    k->has_meta_secret = keyring_role_has_meta(k->role);
    keyring_derive(k);
    return 0;
}

int keyring_set_public(struct keyring *k, const struct crypto_public *data,
                       const struct crypto_public *meta)
{
    struct crypto_public d = *data;
    struct crypto_public m = *meta;

    if (k->has_data_secret)
        crypto_pair_public(&k->data_secret, &d);
    if (k->has_meta_secret)
        crypto_pair_public(&k->meta_secret, &m);
    if (memcmp(d.b, data->b, sizeof d.b) != 0 ||
        memcmp(m.b, meta->b, sizeof m.b) != 0)
        return err_set(E_CORRUPT, "config: its public keys are not ours");
    k->data_public = *data;
    k->meta_public = *meta;
    return 0;
}

void keyring_chunk_id(const struct keyring *k, enum pack_kind kind,
                      struct bytes plain, struct chunk_id *id)
{
    blake3_keyed(kind == PACK_DATA ? k->k_data.b : k->k_meta.b, plain, id->b);
}

bool keyring_can_open(const struct keyring *k, enum pack_kind kind)
{
    return kind == PACK_DATA ? k->has_data_secret : k->has_meta_secret;
}

/* From a pack's secret to the key of its frames. */
static void keyring_pack_key(const struct keyring *k, enum pack_kind kind,
                             const struct crypto_key *secret,
                             struct crypto_key *key,
                             uint8_t commitment[CRYPTO_KEY_BYTES])
{
    uint8_t kind_byte = (uint8_t)kind;
    struct crypto_key base;
    struct bytes x[] = {bytes_of(secret->b, sizeof secret->b),
                        bytes_of(k->repo.b, sizeof k->repo.b),
                        bytes_of(&kind_byte, 1)};

    crypto_kdf(&base, &k->k_repo, "dedup 1 pack", x, 3);
    crypto_base_split(&base, key, commitment);
    crypto_wipe(&base, sizeof base);
}

int keyring_frame_key_new(const struct keyring *k, enum pack_kind kind,
                          struct frame_key *out,
                          uint8_t sealed[CRYPTO_SEALED_BYTES],
                          uint8_t commitment[CRYPTO_KEY_BYTES])
{
    struct crypto_key secret;
    int rc;

    crypto_random(secret.b, sizeof secret.b);
    *out = (struct frame_key){
        .suite = crypto_suite_best(), .kind = kind, .repo = k->repo};
    keyring_pack_key(k, kind, &secret, &out->key, commitment);
    rc = crypto_lock(kind == PACK_DATA ? &k->data_public : &k->meta_public,
                     &secret, sealed);
    crypto_wipe(&secret, sizeof secret);
    return rc;
}

int keyring_frame_key(const struct keyring *k, enum pack_kind kind,
                      enum crypto_suite suite,
                      const uint8_t sealed[CRYPTO_SEALED_BYTES],
                      const uint8_t commitment[CRYPTO_KEY_BYTES],
                      struct frame_key *out)
{
    bool data = kind == PACK_DATA;
    struct crypto_key secret;
    uint8_t mine[CRYPTO_KEY_BYTES];
    int rc;

    if (!keyring_can_open(k, kind))
        return err_set(E_ROLE, "this key may not read %s",
                       data ? "content" : "metadata");
    rc = crypto_unlock(data ? &k->data_public : &k->meta_public,
                       data ? &k->data_secret : &k->meta_secret, sealed,
                       &secret);
    if (rc < 0)
        return rc;
    *out = (struct frame_key){.suite = suite, .kind = kind, .repo = k->repo};
    keyring_pack_key(k, kind, &secret, &out->key, mine);
    crypto_wipe(&secret, sizeof secret);
    if (crypto_equal(mine, commitment, sizeof mine))
        return 0;
    crypto_wipe(out, sizeof *out);
    return err_set(E_CORRUPT, "a pack's key does not match its commitment");
}
