/*
 * keyring: a repository's keys, unwrapped, in locked memory; docs/format.md 3.
 * What a keyring holds depends on its role.
 *
 * Immutable once it is loaded, but for its epochs: while one thread adds the
 * next (keyring_begin), others may read and seal; an epoch that has begun never
 * changes.
 */
#ifndef REPO_KEYRING_H
#define REPO_KEYRING_H

#include <stdatomic.h>

#include "base/buf.h"
#include "repo/crypto.h"
#include "repo/frame.h"
#include "repo/keyring_epoch.h"

struct keyring {
    struct repo_id repo;
    enum keyring_role role;
    struct object_id config;  /* H(config file) that belongs to these keys */
    struct crypto_key k_data; /* ids of content */
    struct crypto_key k_meta; /* ids of pages and list nodes */
    struct crypto_key k_page; /* made from k_meta: where pages end */
    uint8_t k_cut[16];        /* the chunker's */
    struct crypto_key seed;   /* of the signing key */
    struct crypto_signer signer;
    struct member_id member; /* who signs with it */
    /* the repository's epochs, as far as its config and the log that was read
     * tell; new objects are sealed under the last of them that is held */
    _Atomic uint32_t begun;
    _Atomic uint32_t held; /* those whose keys are here, from 0 on */
    struct keyring_epoch epoch[KEYRING_EPOCHS_MAX];
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
 * keyring_create_from: the full keys of a repository whose roots are known,
 * with a signing key of its own. The config hash is still zero.
 *   root  n (1..KEYRING_EPOCHS_MAX) of them, from epoch 0 on
 */
void keyring_create_from(struct keyring *k, const struct repo_id *repo,
                         const struct crypto_key *root, size_t n,
                         const struct crypto_key *seed);

/* keyring_new_epoch: an epoch from a fresh root. */
void keyring_new_epoch(struct keyring_epoch *e);

/*
 * keyring_member: the keys of another member of k's repository: a fresh signing
 * key, and of the rest what its role holds.
 *   k    full
 *   out  zeroed
 */
void keyring_member(const struct keyring *k, enum keyring_role role,
                    struct keyring *out);

/* keyring_member_epochs: give such a member the epochs that k has learnt of
 * since. */
void keyring_member_epochs(const struct keyring *k, struct keyring *member);

/*
 * keyring_put: append the bundle as fields (docs/format.md 5) to b: what the
 * role may hold and no more. b then holds secrets: wipe it.
 */
void keyring_put(const struct keyring *k, struct buf *b);

/*
 * keyring_load: fill k from a bundle's fields. The public keys are not in it:
 * keyring_set_public(), and for later epochs keyring_begin().
 * Returns 0; E_CORRUPT; E_UNSUPPORTED (an unknown critical field).
 */
MUST_CHECK int keyring_load(struct keyring *k, struct bytes fields);

/*
 * keyring_set_public: take the public keys of epoch 0 from the config.
 * Returns 0 or E_CORRUPT (they do not belong to the secret keys held).
 */
MUST_CHECK int keyring_set_public(struct keyring *k,
                                  const struct crypto_public *data,
                                  const struct crypto_public *meta);

/*
 * keyring_begin: the log has told that the next epoch began.
 *   e  its keys and public keys, proved; NULL: this key was not given them.
 *      Where its slot held them, they stay, and lack no public key any more;
 *      where it held others, of a log that was rolled back, those go, and all
 *      behind them
 * Others may use the keyring meanwhile.
 */
void keyring_begin(struct keyring *k, const struct keyring_epoch *e);

/* keyring_is_current: whether it holds all epochs that have begun, as every
 * member's does that was not removed. */
bool keyring_is_current(const struct keyring *k);

/* keyring_newest: the epoch that new objects are sealed under. */
uint16_t keyring_newest(const struct keyring *k);

/*
 * keyring_find: the keys of an epoch that an object names.
 *   out  lent, constant
 * Returns 0; E_ROLE: the epoch has begun, and this key was given no share of
 * it; E_CORRUPT: the repository has no such epoch, as far as it was read.
 */
MUST_CHECK int keyring_find(const struct keyring *k, uint32_t epoch,
                            const struct keyring_epoch **out);

/* keyring_chunk_id: the id of a chunk of content or of a tree node. */
void keyring_chunk_id(const struct keyring *k, enum pack_kind kind,
                      struct bytes plain, struct chunk_id *id);

/*
 * keyring_frame_key_new: a fresh key for a pack, and what its header says of
 * it.
 *   epoch  one that is held: keyring_newest()
 *   what   bytes that stand for the first frame, for crypto_fresh()
 *   out    secret: wipe it
 * Returns 0 or E_CORRUPT (the epoch's public key is no point).
 */
MUST_CHECK int keyring_frame_key_new(const struct keyring *k,
                                     enum pack_kind kind, uint16_t epoch,
                                     struct bytes what, struct frame_key *out,
                                     uint8_t sealed[CRYPTO_SEALED_BYTES],
                                     uint8_t commitment[CRYPTO_KEY_BYTES]);

/*
 * keyring_frame_key: unlock the key entry of a pack.
 *   epoch, sealed, commitment  as in the pack's header
 * Returns 0; E_ROLE (this keyring cannot open packs of that kind, or of that
 * epoch); E_CORRUPT.
 */
MUST_CHECK int keyring_frame_key(const struct keyring *k, enum pack_kind kind,
                                 uint32_t epoch, enum crypto_suite suite,
                                 const uint8_t sealed[CRYPTO_SEALED_BYTES],
                                 const uint8_t commitment[CRYPTO_KEY_BYTES],
                                 struct frame_key *out);

/* keyring_can_open: whether the role can read packs of that kind. */
bool keyring_can_open(const struct keyring *k, enum pack_kind kind);

#endif
