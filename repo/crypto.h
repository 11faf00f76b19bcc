/*
 * crypto: the few primitives that the format is made of, and nothing about the
 * format itself. Bulk sealing goes through libcrypto, or gcm.h where that is
 * faster, everything else through libsodium; no other file of the house sees
 * either, except compress for zstd.
 *
 * Every function here may be called from any thread once crypto_init() has
 * returned 0; a struct crypto_ctx is confined to one thread. Secrets that pass
 * through (struct crypto_key, seeds) are the caller's to wipe.
 */
#ifndef REPO_CRYPTO_H
#define REPO_CRYPTO_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/id.h"

enum {
    CRYPTO_KEY_BYTES = 32,
    CRYPTO_NONCE_BYTES = 12,
    CRYPTO_TAG_BYTES = 16,
    CRYPTO_SALT_BYTES = 32,      /* of everything but a passphrase */
    CRYPTO_SEALED_BYTES = 80,    /* a sealed 32-byte secret */
    CRYPTO_SIGNATURE_BYTES = 64, /* Ed25519 */
    CRYPTO_SLOT_SALT_BYTES = 16, /* Argon2id */
    CRYPTO_SLOT_NONCE_BYTES = 24 /* XChaCha20-Poly1305 */
};

/* The numbers are part of the format (docs/format.md, "Keys"). */
enum crypto_suite { CRYPTO_AES256_GCM = 1, CRYPTO_CHACHA20_POLY1305 = 2 };

/* Any 32 secret bytes: a key, a seed, a secret key. */
struct crypto_key {
    uint8_t b[CRYPTO_KEY_BYTES];
};

/* Zeros: the nonce of AES-256-GCM and ChaCha20-Poly1305 wherever they seal.
 * Each key seals one message, so one nonce does for all. */
extern const uint8_t crypto_nonce[CRYPTO_NONCE_BYTES];

/* A public key for sealing. */
struct crypto_public {
    uint8_t b[32];
};

/* An expanded Ed25519 signing key. */
struct crypto_signer {
    uint8_t b[64];
};

/*
 * crypto_init: prepare the libraries. Call it before any other function of
 * repo/; again is harmless. Returns 0 or E_INTERNAL (library unusable).
 */
MUST_CHECK int crypto_init(void);

/* crypto_suite_best: the faster bulk suite on this machine: AES-256-GCM when
 * the processor has AES, else ChaCha20-Poly1305. */
enum crypto_suite crypto_suite_best(void);

/* crypto_suite_by: "libipsec-mb" or "libcrypto": which seals and opens what is
 * large (4 KiB and more) in that suite here. The first call, or the first large
 * message, takes a millisecond where gcm.h is: it is tried against libcrypto
 * with messages of 32 lengths, and not asked again if they differ. */
const char *crypto_suite_by(enum crypto_suite suite);

/* crypto_random: n unpredictable bytes; stops the process if there are none.
 * For keys. What seals under a key that is there already is crypto_fresh(). */
void crypto_random(void *to, size_t n);

/*
 * crypto_fresh: a value that no other use has had: HK(random, what it is for),
 * docs/format.md 8.4. A machine that is resumed twice from one image, its
 * generator in the same state, gets the same value for the same parts only. So
 * the parts must determine all that will be sealed under the value, associated
 * data included.
 *   out    n bytes, 1..CRYPTO_KEY_BYTES
 *   label  what kind of value, 1..32 characters
 *   x      part_n runs of bytes; where one ends counts. None that could be
 *          guessed, a passphrase, say: beside a generator that fails, a value
 *          that is public would confirm the guess
 * Costs a system call and one pass over the parts. Stops the process if there
 * are no random bytes.
 */
void crypto_fresh(void *out, size_t n, const char *label, const struct bytes *x,
                  size_t part_n);

/* crypto_wipe: zero n bytes in a way that is not optimised away. */
void crypto_wipe(void *p, size_t n);

/* crypto_locked_new: n zeroed bytes in memory that is neither swapped nor
 * dumped, between guard pages; NULL when there is none. */
void *crypto_locked_new(size_t n);

/* crypto_locked_free: wipes and frees; NULL is fine. */
void crypto_locked_free(void *p);

/* crypto_equal: constant-time comparison of n bytes. */
bool crypto_equal(const void *a, const void *b, size_t n);

/*
 * crypto_kdf: KDF of docs/format.md section 1.
 *   label  1..32 characters
 *   x      part_n runs of bytes, hashed one after the other
 *   out    may be k
 */
void crypto_kdf(struct crypto_key *out, const struct crypto_key *k,
                const char *label, const struct bytes *x, size_t part_n);

/*
 * crypto_base_split: the two keys that each base gives.
 *   key         out: what seals
 *   commitment  out: what is published to pin the key, CRYPTO_KEY_BYTES
 */
void crypto_base_split(const struct crypto_key *base, struct crypto_key *key,
                       uint8_t commitment[CRYPTO_KEY_BYTES]);

/* Reusable cipher state: sealing and opening allocate nothing. */
struct crypto_ctx;

/* crypto_ctx_new: out owns the new context. Returns 0, E_NOMEM, E_INTERNAL. */
MUST_CHECK int crypto_ctx_new(struct crypto_ctx **out);
void crypto_ctx_free(struct crypto_ctx *x);

/*
 * crypto_seal: AEAD with a nonce of zeros, so one key seals one message.
 *   ad     associated data
 *   plain  at most 1 GiB
 *   out    plain.n + CRYPTO_TAG_BYTES bytes; may be plain.p, else no overlap
 * Returns 0 or E_INTERNAL (the library refused).
 */
MUST_CHECK int crypto_seal(struct crypto_ctx *x, enum crypto_suite suite,
                           const struct crypto_key *key, struct bytes ad,
                           struct bytes plain, uint8_t *out);

/*
 * crypto_open: the reverse.
 *   out  sealed.n - CRYPTO_TAG_BYTES bytes; may be sealed.p, else no overlap;
 *        zeroed when the function fails
 * Returns 0; E_CORRUPT: not what was sealed under this key with this ad.
 */
MUST_CHECK int crypto_open(struct crypto_ctx *x, enum crypto_suite suite,
                           const struct crypto_key *key, struct bytes ad,
                           struct bytes sealed, uint8_t *out);

/* crypto_chacha_seal: ChaCha20-Poly1305 as crypto_seal() does it, without a
 * context and slower: for the small things. */
void crypto_chacha_seal(const struct crypto_key *key, struct bytes ad,
                        struct bytes plain, uint8_t *out);

/* crypto_chacha_open: the reverse. Returns 0 or E_CORRUPT (out zeroed). */
MUST_CHECK int crypto_chacha_open(const struct crypto_key *key, struct bytes ad,
                                  struct bytes sealed, uint8_t *out);

/* crypto_pair_public: the public key of a secret key. */
void crypto_pair_public(const struct crypto_key *secret,
                        struct crypto_public *pub);

/* crypto_lock: seal a 32-byte secret to pub, as crypto_box_seal() does, but
 * with a key pair that is crypto_fresh() for this secret and pub. Returns 0 or
 * E_CORRUPT (pub is no usable point). */
MUST_CHECK int crypto_lock(const struct crypto_public *pub,
                           const struct crypto_key *secret,
                           uint8_t sealed[CRYPTO_SEALED_BYTES]);

/* crypto_unlock: the reverse. Returns 0 or E_CORRUPT (for another key, or
 * damaged; secret is zeroed). */
MUST_CHECK int crypto_unlock(const struct crypto_public *pub,
                             const struct crypto_key *secret_key,
                             const uint8_t sealed[CRYPTO_SEALED_BYTES],
                             struct crypto_key *secret);

/* crypto_signer_load: the signing key of a 32-byte seed, and its public key,
 * which names the member. */
void crypto_signer_load(const struct crypto_key *seed, struct crypto_signer *s,
                        struct member_id *member);

/* crypto_signer_box / crypto_member_box: the X25519 pair that belongs to a
 * signing key, so that a member can be sent what it alone can open. The latter
 * returns 0 or E_CORRUPT (the id is no usable key). */
void crypto_signer_box(const struct crypto_signer *s,
                       struct crypto_key *secret_key);
MUST_CHECK int crypto_member_box(const struct member_id *member,
                                 struct crypto_public *pub);

/*
 * crypto_signature_make: over label (no NUL) and hash.
 *   signature  out; checked before it is given out: a key that memory has
 *              spoilt signs what nobody takes, and can be told from signatures
 * Returns 0 or E_INTERNAL (signature is then zeroed).
 */
MUST_CHECK int crypto_signature_make(const struct crypto_signer *s,
                                     const char *label,
                                     const struct object_id *hash,
                                     uint8_t signature[CRYPTO_SIGNATURE_BYTES]);

/* crypto_signature_ok: whether member signed that. */
bool crypto_signature_ok(const struct member_id *member, const char *label,
                         const struct object_id *hash,
                         const uint8_t signature[CRYPTO_SIGNATURE_BYTES]);

/*
 * crypto_argon2id: a key from a passphrase; version 1.3, one lane.
 *   passes  1..20
 *   kib     8192..1048576 KiB of memory
 * Returns 0, E_LIMIT (a parameter out of its window; checked first) or
 * E_NOMEM.
 */
MUST_CHECK int crypto_argon2id(struct bytes passphrase,
                               const uint8_t salt[CRYPTO_SLOT_SALT_BYTES],
                               uint32_t passes, uint32_t kib,
                               struct crypto_key *out);

/* crypto_wrap: XChaCha20-Poly1305 for key slots; out as in crypto_seal. */
void crypto_wrap(const struct crypto_key *key,
                 const uint8_t nonce[CRYPTO_SLOT_NONCE_BYTES], struct bytes ad,
                 struct bytes plain, uint8_t *out);

/* crypto_unwrap: the reverse. Returns 0 or E_CORRUPT. */
MUST_CHECK int crypto_unwrap(const struct crypto_key *key,
                             const uint8_t nonce[CRYPTO_SLOT_NONCE_BYTES],
                             struct bytes ad, struct bytes sealed,
                             uint8_t *out);

#endif
