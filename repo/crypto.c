#include "repo/crypto.h"

#include <stdlib.h>

#include <sodium.h>

#include "base/blake3.h"

enum {
    CRYPTO_LABEL_MAX = 32,
    CRYPTO_PASSES_MAX = 20,
    CRYPTO_KIB_MIN = 8192,
    CRYPTO_KIB_MAX = 1048576
};

const uint8_t crypto_nonce[CRYPTO_NONCE_BYTES];

int crypto_init(void)
{
    if (sodium_init() < 0)
        return err_set(E_INTERNAL, "libsodium cannot be used");
    return 0;
}

void crypto_random(void *to, size_t n)
{
    randombytes_buf(to, n);
}

/* One part, its length in front. */
static void crypto_fresh_add(struct blake3 *h, struct bytes x)
{
    uint64_t n = x.n;

    blake3_update(h, bytes_of(&n, sizeof n));
    blake3_update(h, x);
}

void crypto_fresh(void *out, size_t n, const char *label, const struct bytes *x,
                  size_t part_n)
{
    struct crypto_key key;
    struct blake3 h;

    ASSERT(n > 0 && n <= sizeof key.b);
    ASSERT(label[0] && strlen(label) <= CRYPTO_LABEL_MAX);
    crypto_random(key.b, sizeof key.b);
    blake3_init_keyed(&h, key.b);
    crypto_fresh_add(&h, bytes_of_str(label));
    for (size_t i = 0; i < part_n; i++)
        crypto_fresh_add(&h, x[i]);
    blake3_final(&h, key.b);
    memcpy(out, key.b, n);
    crypto_wipe(&key, sizeof key);
    crypto_wipe(&h, sizeof h);
}

void crypto_wipe(void *p, size_t n)
{
    sodium_memzero(p, n);
}

void *crypto_locked_new(size_t n)
{
    void *p = sodium_malloc(n);

    if (p)
        memset(p, 0, n);
    return p;
}

void crypto_locked_free(void *p)
{
    sodium_free(p);
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return sodium_memcmp(a, b, n) == 0;
}

void crypto_kdf(struct crypto_key *out, const struct crypto_key *k,
                const char *label, const struct bytes *x, size_t part_n)
{
    crypto_generichash_blake2b_state h;
    size_t n = strlen(label);
    uint8_t label_n = (uint8_t)n;
    int rc;

    ASSERT(n > 0 && n <= CRYPTO_LABEL_MAX);
    rc = crypto_generichash_blake2b_init(&h, k->b, sizeof k->b, sizeof out->b);
    rc |= crypto_generichash_blake2b_update(&h, &label_n, 1);
    rc |= crypto_generichash_blake2b_update(&h, (const uint8_t *)label, n);
    for (size_t i = 0; i < part_n; i++)
        rc |= crypto_generichash_blake2b_update(&h, x[i].p, x[i].n);
    rc |= crypto_generichash_blake2b_final(&h, out->b, sizeof out->b);
    ASSERT(rc == 0); /* fails for lengths that the types above exclude */
    crypto_wipe(&h, sizeof h);
}

void crypto_base_split(const struct crypto_key *base, struct crypto_key *key,
                       uint8_t commitment[CRYPTO_KEY_BYTES])
{
    struct crypto_key c;

    crypto_kdf(&c, base, "dedup 1 commit", NULL, 0);
    memcpy(commitment, c.b, sizeof c.b);
    crypto_kdf(key, base, "dedup 1 key", NULL, 0);
}

void crypto_chacha_seal(const struct crypto_key *key, struct bytes ad,
                        struct bytes plain, uint8_t *out)
{
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain.p, plain.n, ad.p,
                                              ad.n, NULL, crypto_nonce, key->b);
}

int crypto_chacha_open(const struct crypto_key *key, struct bytes ad,
                       struct bytes sealed, uint8_t *out)
{
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.p,
                                                  sealed.n, ad.p, ad.n,
                                                  crypto_nonce, key->b) == 0)
        return 0;
    return err_set(E_CORRUPT, "the seal does not fit: damaged or forged");
}

void crypto_pair_public(const struct crypto_key *secret,
                        struct crypto_public *pub)
{
    int rc = crypto_scalarmult_base(pub->b, secret->b);

    ASSERT(rc == 0); /* the base point has no bad multiple */
}

/* crypto_box_seal() draws its key pair itself, and would repeat it for another
 * secret; the rest is the same. */
int crypto_lock(const struct crypto_public *pub,
                const struct crypto_key *secret,
                uint8_t sealed[CRYPTO_SEALED_BYTES])
{
    struct bytes what[] = {bytes_of(secret->b, sizeof secret->b),
                           bytes_of(pub->b, sizeof pub->b)};
    uint8_t *box = sealed + crypto_box_PUBLICKEYBYTES;
    uint8_t nonce[crypto_box_NONCEBYTES];
    crypto_generichash_blake2b_state h;
    struct crypto_key seed;
    struct crypto_key pair;
    int rc;

    crypto_fresh(seed.b, sizeof seed.b, "dedup 1 box", what, 2);
    rc = crypto_box_seed_keypair(sealed, pair.b, seed.b);
    rc |= crypto_generichash_blake2b_init(&h, NULL, 0, sizeof nonce);
    rc |= crypto_generichash_blake2b_update(&h, sealed,
                                            crypto_box_PUBLICKEYBYTES);
    rc |= crypto_generichash_blake2b_update(&h, pub->b, sizeof pub->b);
    rc |= crypto_generichash_blake2b_final(&h, nonce, sizeof nonce);
    ASSERT(rc == 0); /* fails for lengths that the types exclude */
    rc = crypto_box_easy(box, secret->b, sizeof secret->b, nonce, pub->b,
                         pair.b);
    crypto_wipe(&seed, sizeof seed);
    crypto_wipe(&pair, sizeof pair);
    return rc == 0 ? 0 : err_set(E_CORRUPT, "a public key that is no point");
}

int crypto_unlock(const struct crypto_public *pub,
                  const struct crypto_key *secret_key,
                  const uint8_t sealed[CRYPTO_SEALED_BYTES],
                  struct crypto_key *secret)
{
    if (crypto_box_seal_open(secret->b, sealed, CRYPTO_SEALED_BYTES, pub->b,
                             secret_key->b) == 0)
        return 0;
    crypto_wipe(secret, sizeof *secret);
    return err_set(E_CORRUPT, "a sealed key does not open");
}

void crypto_signer_load(const struct crypto_key *seed, struct crypto_signer *s,
                        struct member_id *member)
{
    crypto_sign_ed25519_seed_keypair(member->b, s->b, seed->b);
}

void crypto_signer_box(const struct crypto_signer *s,
                       struct crypto_key *secret_key)
{
    int rc = crypto_sign_ed25519_sk_to_curve25519(secret_key->b, s->b);

    ASSERT(rc == 0); /* it hashes the seed, whatever that is */
}

int crypto_member_box(const struct member_id *member, struct crypto_public *pub)
{
    if (crypto_sign_ed25519_pk_to_curve25519(pub->b, member->b) == 0)
        return 0;
    return err_set(E_CORRUPT, "a member id that is no public key");
}

enum { CRYPTO_SIGNED_MAX = CRYPTO_LABEL_MAX + ID_BYTES };

static size_t crypto_signed(const char *label, const struct object_id *hash,
                            uint8_t out[CRYPTO_SIGNED_MAX])
{
    size_t n = strlen(label);

    ASSERT(n > 0 && n <= CRYPTO_LABEL_MAX);
    memcpy(out, label, n);
    memcpy(out + n, hash->b, sizeof hash->b);
    return n + sizeof hash->b;
}

int crypto_signature_make(const struct crypto_signer *s, const char *label,
                          const struct object_id *hash,
                          uint8_t signature[CRYPTO_SIGNATURE_BYTES])
{
    /* behind the seed, libsodium keeps the public key */
    const uint8_t *member = s->b + crypto_sign_ed25519_SEEDBYTES;
    uint8_t m[CRYPTO_SIGNED_MAX];
    size_t n = crypto_signed(label, hash, m);

    crypto_sign_ed25519_detached(signature, NULL, m, n, s->b);
    if (crypto_sign_ed25519_verify_detached(signature, m, n, member) == 0)
        return 0;
    crypto_wipe(signature, CRYPTO_SIGNATURE_BYTES);
    return err_set(E_INTERNAL,
                   "a signature does not fit: this machine's memory or "
                   "processor damages data. Test it (memtest86+) before you "
                   "trust anything that it writes");
}

bool crypto_signature_ok(const struct member_id *member, const char *label,
                         const struct object_id *hash,
                         const uint8_t signature[CRYPTO_SIGNATURE_BYTES])
{
    uint8_t m[CRYPTO_SIGNED_MAX];
    size_t n = crypto_signed(label, hash, m);

    return crypto_sign_ed25519_verify_detached(signature, m, n, member->b) == 0;
}

int crypto_argon2id(struct bytes passphrase,
                    const uint8_t salt[CRYPTO_SLOT_SALT_BYTES], uint32_t passes,
                    uint32_t kib, struct crypto_key *out)
{
    if (passes < 1 || passes > CRYPTO_PASSES_MAX || kib < CRYPTO_KIB_MIN ||
        kib > CRYPTO_KIB_MAX)
        return err_set(E_LIMIT,
                       "Argon2id with %u passes over %u KiB: allowed are "
                       "1..%d passes and %d..%d KiB",
                       passes, kib, CRYPTO_PASSES_MAX, CRYPTO_KIB_MIN,
                       CRYPTO_KIB_MAX);
    if (crypto_pwhash(out->b, sizeof out->b, (const char *)passphrase.p,
                      passphrase.n, salt, passes, (size_t)kib * 1024,
                      crypto_pwhash_ALG_ARGON2ID13) != 0)
        return err_set(E_NOMEM, "no %u KiB of memory to derive the key", kib);
    return 0;
}

void crypto_wrap(const struct crypto_key *key,
                 const uint8_t nonce[CRYPTO_SLOT_NONCE_BYTES], struct bytes ad,
                 struct bytes plain, uint8_t *out)
{
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain.p, plain.n,
                                               ad.p, ad.n, NULL, nonce, key->b);
}

int crypto_unwrap(const struct crypto_key *key,
                  const uint8_t nonce[CRYPTO_SLOT_NONCE_BYTES], struct bytes ad,
                  struct bytes sealed, uint8_t *out)
{
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.p,
                                                   sealed.n, ad.p, ad.n, nonce,
                                                   key->b) == 0)
        return 0;
    return err_set(E_CORRUPT, "the seal does not fit: damaged or forged");
}
