/*
 * keyring: a repository's keys, unwrapped, in locked memory; docs/format.md 3.
 * What a keyring holds depends on its role. Immutable after keyring_load() or
 * keyring_create(): any thread may read it.
 */
#ifndef REPO_KEYRING_H
#define REPO_KEYRING_H

#include "base/buf.h"
#include "repo/crypto.h"
#include "repo/frame.h"

/* The numbers are part of the format. */
enum keyring_role {
    KEYRING_FULL = 1,    /* everything */
    KEYRING_READ = 2,    /* reads */
    KEYRING_WRITE = 3,   /* backs up, cannot read back */
    KEYRING_MAINTAIN = 4 /* prunes, checks; reads no content */
};

struct keyring {
    struct repo_id repo;
    enum keyring_role role;
    uint32_t epoch;           /* of the keys; 0 at first */
    struct object_id config;  /* H(config file) that belongs to these keys */
    struct crypto_key k_repo; /* goes into every key that is sealed to a
                                 public key */
    struct crypto_key k_index;
    struct crypto_key k_data; /* ids of content */
    struct crypto_key k_meta; /* ids of pages and list nodes */
    struct crypto_key k_page; /* made from k_meta: where pages end */
    uint8_t k_cut[16];        /* the chunker's */
    struct crypto_key seed;   /* of the signing key */
    struct crypto_signer signer;
    struct member_id member; /* who signs with it */
    bool has_data_secret;
    bool has_meta_secret;
    struct crypto_key data_secret; /* opens data packs */
    struct crypto_key meta_secret; /* opens metadata packs and snapshots */
    struct crypto_public data_public;
    struct crypto_public meta_public;
};

/* keyring_new: a zeroed keyring in locked memory; NULL when there is none. */
struct keyring *keyring_new(void);

/* keyring_free: wipes and frees; NULL is fine. */
void keyring_free(struct keyring *k);

/*
 * keyring_create: fresh keys of a new repository, role full, epoch 0. The
 * config hash is still zero: set it before the keyring is stored.
 */
void keyring_create(struct keyring *k);

/*
 * keyring_member: the keys of another member of k's repository: a fresh signing
 * key, and of the rest what its role holds.
 *   k    full
 *   out  zeroed
 */
void keyring_member(const struct keyring *k, enum keyring_role role,
                    struct keyring *out);

/*
 * keyring_put: append the bundle as fields (docs/format.md 5) to b: what the
 * role may hold and no more. b then holds secrets: wipe it.
 */
void keyring_put(const struct keyring *k, struct buf *b);

/*
 * keyring_load: fill k from a bundle's fields. The public keys are not in it:
 * keyring_set_public().
 * Returns 0; E_CORRUPT; E_UNSUPPORTED (an unknown critical field).
 */
MUST_CHECK int keyring_load(struct keyring *k, struct bytes fields);

/*
 * keyring_set_public: take the public keys from the config.
 * Returns 0 or E_CORRUPT (they do not belong to the secret keys held).
 */
MUST_CHECK int keyring_set_public(struct keyring *k,
                                  const struct crypto_public *data,
                                  const struct crypto_public *meta);

/* keyring_chunk_id: the id of a chunk of content or of a tree node. */
void keyring_chunk_id(const struct keyring *k, enum pack_kind kind,
                      struct bytes plain, struct chunk_id *id);

/*
 * keyring_frame_key_new: a fresh key for a pack, and what its header says of
 * it.
 *   out  secret: wipe it
 * Returns 0 or E_CORRUPT (the config's public key is no point).
 */
MUST_CHECK int keyring_frame_key_new(const struct keyring *k,
                                     enum pack_kind kind, struct frame_key *out,
                                     uint8_t sealed[CRYPTO_SEALED_BYTES],
                                     uint8_t commitment[CRYPTO_KEY_BYTES]);

/*
 * keyring_frame_key: unlock the key entry of a pack.
 *   sealed, commitment  as in the pack's header
 * Returns 0; E_ROLE (this keyring cannot open packs of that kind); E_CORRUPT.
 */
MUST_CHECK int keyring_frame_key(const struct keyring *k, enum pack_kind kind,
                                 enum crypto_suite suite,
                                 const uint8_t sealed[CRYPTO_SEALED_BYTES],
                                 const uint8_t commitment[CRYPTO_KEY_BYTES],
                                 struct frame_key *out);

/* keyring_can_open: whether the role can read packs of that kind. */
bool keyring_can_open(const struct keyring *k, enum pack_kind kind);

#endif
