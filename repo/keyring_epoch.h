/*
 * keyring_epoch: the keys of one epoch, which what seals is made of, and the
 * bundle of them that each role is given; docs/format.md 3 and 5. Plain data,
 * in locked memory wherever it stays; any thread.
 */
#ifndef REPO_KEYRING_EPOCH_H
#define REPO_KEYRING_EPOCH_H

#include "base/buf.h"
#include "repo/crypto.h"

/* What a key is for. The numbers are part of the format. */
enum keyring_role {
    KEYRING_FULL = 1,    /* everything */
    KEYRING_READ = 2,    /* reads */
    KEYRING_WRITE = 3,   /* backs up, cannot read back */
    KEYRING_MAINTAIN = 4 /* prunes, checks; reads no content */
};

enum {
    KEYRING_EPOCHS_MAX = 256,
    KEYRING_EPOCH_BYTES_MAX = 4 * CRYPTO_KEY_BYTES /* of one role's bundle */
};

struct keyring_epoch {
    struct crypto_key root;        /* all else follows from it; full alone */
    struct crypto_key k_repo;      /* goes into every key that is sealed to a
                                      public key */
    struct crypto_key k_index;     /* segments, directories, log, journals */
    struct crypto_key data_secret; /* opens data packs */
    struct crypto_key meta_secret; /* opens metadata packs and snapshots */
    struct crypto_public data_public;
    struct crypto_public meta_public;
};

/* keyring_epoch_role_reads: whether keys of that role hold the secret key of
 * the data (data), of the metadata (else). */
bool keyring_epoch_role_reads(enum keyring_role role, bool data);

/* keyring_epoch_make: everything that follows from a root. */
void keyring_epoch_make(const struct crypto_key *root, struct keyring_epoch *e);

/* keyring_epoch_bytes: how long a role's bundle is. */
size_t keyring_epoch_bytes(enum keyring_role role);

/* keyring_epoch_put: append the bundle of a role to b: what the role may hold
 * and no more. e must hold at least that. */
void keyring_epoch_put(const struct keyring_epoch *e, enum keyring_role role,
                       struct buf *b);

/*
 * keyring_epoch_get: the reverse.
 *   in  keyring_epoch_bytes(role) of them
 *   e   out: what the role may not hold is zero, and so is a public key whose
 *       secret key is
 */
void keyring_epoch_get(struct bytes in, enum keyring_role role,
                       struct keyring_epoch *e);

/*
 * keyring_epoch_set_public: take the public keys that the repository tells.
 * Returns whether they belong to the secret keys that the role holds; e is
 * unchanged if they do not, and but for the others' if they do.
 */
bool keyring_epoch_set_public(struct keyring_epoch *e, enum keyring_role role,
                              const struct crypto_public *data,
                              const struct crypto_public *meta);

/* keyring_epoch_proof: what an epoch record says of K_repo and K_index, so that
 * who holds no secret key can tell whether it was given the right ones. */
void keyring_epoch_proof(const struct keyring_epoch *e,
                         struct crypto_key *proof);

#endif
