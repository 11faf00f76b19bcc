/*
 * record_epoch: the fields of the log record that begins an epoch of keys;
 * docs/format.md 8 and 8.3. What they mean is in epoch.h. Plain data; what was
 * decoded borrows from the bytes it was decoded from.
 */
#ifndef REPO_RECORD_EPOCH_H
#define REPO_RECORD_EPOCH_H

#include "repo/crypto.h"
#include "repo/keyring_epoch.h"
#include "repo/record.h"

enum {
    /* a sealed secret, then a role's bundle under it */
    RECORD_EPOCH_SHARE_MAX =
        CRYPTO_SEALED_BYTES + KEYRING_EPOCH_BYTES_MAX + CRYPTO_TAG_BYTES
};

/* One member's. */
struct record_share {
    struct member_id member;
    struct bytes share; /* 1..RECORD_EPOCH_SHARE_MAX bytes, still sealed */
};

/* A checked list of them, ascending by member, lent. */
struct record_shares {
    struct bytes encoded; /* without the count */
    size_t n;
};

struct record_epoch {
    uint32_t number; /* 1..KEYRING_EPOCHS_MAX - 1 */
    struct crypto_public data_public;
    struct crypto_public meta_public;
    struct record_shares shares;
    struct crypto_key proof; /* keyring_epoch_proof() */
};

/* record_epoch_next: takes the first share off the list; false when none is
 * left. */
bool record_epoch_next(struct record_shares *l, struct record_share *s);

/* record_epoch_put_share: append a share to the encoding of a list. */
void record_epoch_put_share(struct buf *encoded, const struct record_share *s);

/* record_epoch_get / record_epoch_put: one field; all of them. */
void record_epoch_get(struct fields *f, uint64_t tag, struct bytes value,
                      struct record_epoch *e);
void record_epoch_put(struct fields_out *o, const struct record_epoch *e);

#endif
