/*
 * key_slot: a keyring wrapped under a passphrase or a key file;
 * docs/format.md 5. A repository has one slot per secret.
 */
#ifndef REPO_KEY_SLOT_H
#define REPO_KEY_SLOT_H

#include "repo/keyring.h"

enum {
    KEY_SLOT_BYTES_MAX = 34816, /* with 256 epochs of a read key */
    KEY_SLOT_LABEL_MAX = 100,
    KEY_SLOT_PASSES = 3, /* what init uses */
    KEY_SLOT_KIB = 65536
};

/* The numbers are part of the format. */
enum key_slot_kdf { KEY_SLOT_PASSPHRASE = 1, KEY_SLOT_FILE = 2 };

/* What opens a slot; lent by the caller, in locked memory. */
struct key_slot_secret {
    enum key_slot_kdf kind;
    struct bytes bytes; /* the passphrase (1 byte and up), or the content of
                           the key file */
};

/* What a slot shows without being opened. */
struct key_slot_info {
    enum key_slot_kdf kdf;
    uint32_t passes; /* Argon2id; zero for a key file */
    uint32_t kib;
    enum keyring_role role;
    struct member_id member; /* sealed: k's own is put, whatever stands here */
    char label[KEY_SLOT_LABEL_MAX + 1];
};

/*
 * key_slot_seal: append the slot file for k to out.
 *   info  role must be k's; passes and kib 0 for a key file
 * Returns 0; E_LIMIT (parameters); E_USAGE (not a key file's content);
 * E_NOMEM.
 */
MUST_CHECK int key_slot_seal(const struct keyring *k,
                             const struct key_slot_info *info,
                             const struct key_slot_secret *secret,
                             struct buf *out);

/* key_slot_info_get: decode the clear part. Returns 0, E_CORRUPT,
 * E_UNSUPPORTED (newer version, KDF or role). */
MUST_CHECK int key_slot_info_get(struct bytes file, struct key_slot_info *out);

/*
 * key_slot_open: unwrap.
 *   k       out: filled but for the public keys
 *   opened  out: false: the secret does not belong to this slot (no error)
 * Returns 0; E_CORRUPT; E_UNSUPPORTED; E_LIMIT (KDF parameters out of their
 * window); E_USAGE (not a key file's content); E_NOMEM.
 */
MUST_CHECK int key_slot_open(struct bytes file,
                             const struct key_slot_secret *secret,
                             struct keyring *k, bool *opened);

/*
 * key_slot_prove: whether secret opens the slot to just the keys that k holds:
 * to be asked before anybody relies on a slot. Costs the KDF once more.
 * Returns 0; as key_slot_open(), E_CORRUPT also when the secret does not open
 * it, or opens other keys.
 */
MUST_CHECK int key_slot_prove(struct bytes file,
                              const struct key_slot_secret *secret,
                              const struct keyring *k);

#endif
