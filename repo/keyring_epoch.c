#include "repo/keyring_epoch.h"

bool keyring_epoch_role_reads(enum keyring_role role, bool data)
{
    return role == KEYRING_FULL || role == KEYRING_READ ||
           (role == KEYRING_MAINTAIN && !data);
}

void keyring_epoch_make(const struct crypto_key *root, struct keyring_epoch *e)
{
    e->root = *root;
    crypto_kdf(&e->k_repo, root, "dedup 1 root repo", NULL, 0);
    crypto_kdf(&e->k_index, root, "dedup 1 root index", NULL, 0);
    crypto_kdf(&e->data_secret, root, "dedup 1 root data", NULL, 0);
    crypto_kdf(&e->meta_secret, root, "dedup 1 root meta", NULL, 0);
    crypto_pair_public(&e->data_secret, &e->data_public);
    crypto_pair_public(&e->meta_secret, &e->meta_public);
}

size_t keyring_epoch_bytes(enum keyring_role role)
{
    size_t keys = 2;

    if (role == KEYRING_FULL)
        return CRYPTO_KEY_BYTES;
    keys += keyring_epoch_role_reads(role, true);
    keys += keyring_epoch_role_reads(role, false);
    return keys * CRYPTO_KEY_BYTES;
}

void keyring_epoch_put(const struct keyring_epoch *e, enum keyring_role role,
                       struct buf *b)
{
    if (role == KEYRING_FULL) {
        buf_add(b, e->root.b, sizeof e->root.b);
        return;
    }
    buf_add(b, e->k_repo.b, sizeof e->k_repo.b);
    buf_add(b, e->k_index.b, sizeof e->k_index.b);
    if (keyring_epoch_role_reads(role, true))
        buf_add(b, e->data_secret.b, sizeof e->data_secret.b);
    if (keyring_epoch_role_reads(role, false))
        buf_add(b, e->meta_secret.b, sizeof e->meta_secret.b);
}

void keyring_epoch_get(struct bytes in, enum keyring_role role,
                       struct keyring_epoch *e)
{
    struct crypto_key key[KEYRING_EPOCH_BYTES_MAX / CRYPTO_KEY_BYTES];
    size_t at = 2;

    ASSERT(in.n == keyring_epoch_bytes(role));
    memset(e, 0, sizeof *e);
    memcpy(key, in.p, in.n);
    if (role == KEYRING_FULL) {
        keyring_epoch_make(&key[0], e);
    } else {
        e->k_repo = key[0];
        e->k_index = key[1];
        if (keyring_epoch_role_reads(role, true)) {
            e->data_secret = key[at++];
            crypto_pair_public(&e->data_secret, &e->data_public);
        }
        if (keyring_epoch_role_reads(role, false)) {
            e->meta_secret = key[at++];
            crypto_pair_public(&e->meta_secret, &e->meta_public);
        }
    }
    crypto_wipe(key, sizeof key);
}

bool keyring_epoch_set_public(struct keyring_epoch *e, enum keyring_role role,
                              const struct crypto_public *data,
                              const struct crypto_public *meta)
{
    bool has_data = keyring_epoch_role_reads(role, true);
    bool has_meta = keyring_epoch_role_reads(role, false);

    if ((has_data && memcmp(&e->data_public, data, sizeof *data) != 0) ||
        (has_meta && memcmp(&e->meta_public, meta, sizeof *meta) != 0))
        return false;
    /* what was there already others may be reading */
    if (!has_data)
        e->data_public = *data;
    if (!has_meta)
        e->meta_public = *meta;
    return true;
}

void keyring_epoch_proof(const struct keyring_epoch *e,
                         struct crypto_key *proof)
{
    struct bytes x = bytes_of(e->k_repo.b, sizeof e->k_repo.b);

    crypto_kdf(proof, &e->k_index, "dedup 1 epoch", &x, 1);
}
