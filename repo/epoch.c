#include "repo/epoch.h"

#include <stdlib.h>

#include "base/mem.h"

static int epoch_member_order(const void *a, const void *b)
{
    const struct epoch_member *x = a;
    const struct epoch_member *y = b;

    return memcmp(x->id.b, y->id.b, sizeof x->id.b);
}

int epoch_members(const struct state *s, struct epoch_member **out, size_t *n)
{
    const struct members *m = &s->members;

    *n = 0;
    *out = mem_array(m->n, sizeof **out);
    if (!*out)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < m->n; i++) {
        if (m->one[i].standing != RECORD_REMOVED)
            (*out)[(*n)++] =
                (struct epoch_member){m->one[i].id, m->one[i].role};
    }
    qsort(*out, *n, sizeof **out, epoch_member_order);
    return 0;
}

/* Whether an epoch that begins in a state must hold a share for m. */
static bool epoch_is_due(const struct state *s, const struct member_id *m)
{
    const struct members_one *one = members_find(&s->members, m);

    return one && one->standing != RECORD_REMOVED;
}

/* --- shares --- */

/* What one member's bundle is sealed under. */
static void epoch_share_key(const struct keyring *k, uint32_t number,
                            const struct member_id *member,
                            const struct crypto_key *secret,
                            struct crypto_key *key)
{
    uint8_t epoch[2] = {(uint8_t)number, (uint8_t)(number >> 8)};
    struct bytes x[] = {bytes_of(k->repo.b, sizeof k->repo.b),
                        bytes_of(member->b, sizeof member->b),
                        bytes_of(epoch, sizeof epoch)};

    crypto_kdf(key, secret, "dedup 1 share", x, 3);
}

static int epoch_put_share(const struct keyring *k, uint32_t number,
                           const struct keyring_epoch *e,
                           const struct epoch_member *m, struct buf *shares)
{
    uint8_t bundle[KEYRING_EPOCH_BYTES_MAX];
    uint8_t share[RECORD_EPOCH_SHARE_MAX];
    struct buf b = {.p = bundle, .cap = sizeof bundle, .max = sizeof bundle};
    struct bytes what[] = {bytes_of(m->id.b, sizeof m->id.b),
                           bytes_of(e->root.b, sizeof e->root.b)};
    struct crypto_public pub;
    struct crypto_key secret;
    struct crypto_key key;
    int rc = crypto_member_box(&m->id, &pub);

    crypto_fresh(secret.b, sizeof secret.b, "dedup 1 share secret", what, 2);
    if (rc == 0)
        rc = crypto_lock(&pub, &secret, share);
    if (rc < 0)
        return rc;
    keyring_epoch_put(e, m->role, &b);
    epoch_share_key(k, number, &m->id, &secret, &key);
    crypto_chacha_seal(&key, bytes_of(NULL, 0), buf_bytes(&b),
                       share + CRYPTO_SEALED_BYTES);
    record_epoch_put_share(
        shares, &(struct record_share){
                    m->id, bytes_of(share, CRYPTO_SEALED_BYTES + b.n +
                                               CRYPTO_TAG_BYTES)});
    crypto_wipe(bundle, sizeof bundle);
    crypto_wipe(&secret, sizeof secret);
    crypto_wipe(&key, sizeof key);
    return buf_status(shares);
}

/* Opens k's own share. */
static int epoch_open_share(const struct keyring *k, uint32_t number,
                            struct bytes share, struct keyring_epoch *e)
{
    size_t n = keyring_epoch_bytes(k->role);
    uint8_t bundle[KEYRING_EPOCH_BYTES_MAX];
    struct crypto_public pub;
    struct crypto_key secret_key;
    struct crypto_key secret;
    struct crypto_key key;
    int rc;

    if (share.n != CRYPTO_SEALED_BYTES + n + CRYPTO_TAG_BYTES)
        return err_set(E_CORRUPT, "it is not of this key's role");
    rc = crypto_member_box(&k->member, &pub);
    crypto_signer_box(&k->signer, &secret_key);
    if (rc == 0)
        rc = crypto_unlock(&pub, &secret_key, share.p, &secret);
    if (rc == 0) {
        epoch_share_key(k, number, &k->member, &secret, &key);
        rc = crypto_chacha_open(&key, bytes_of(NULL, 0),
                                bytes_of(share.p + CRYPTO_SEALED_BYTES,
                                         share.n - CRYPTO_SEALED_BYTES),
                                bundle);
        crypto_wipe(&key, sizeof key);
    }
    if (rc == 0)
        keyring_epoch_get(bytes_of(bundle, n), k->role, e);
    crypto_wipe(&secret_key, sizeof secret_key);
    crypto_wipe(&secret, sizeof secret);
    crypto_wipe(bundle, sizeof bundle);
    return rc;
}

static bool epoch_find_share(const struct keyring *k,
                             const struct record_epoch *says,
                             struct bytes *share)
{
    struct record_shares l = says->shares;
    struct record_share s;

    while (record_epoch_next(&l, &s)) {
        if (memcmp(s.member.b, k->member.b, sizeof s.member.b) == 0) {
            *share = s.share;
            return true;
        }
    }
    return false;
}

/* Whether the keys in e are those that the record speaks of. */
static int epoch_prove(const struct keyring *k, const struct record_epoch *says,
                       struct keyring_epoch *e)
{
    struct crypto_key proof;

    keyring_epoch_proof(e, &proof);
    if (crypto_equal(&proof, &says->proof, sizeof proof) &&
        keyring_epoch_set_public(e, k->role, &says->data_public,
                                 &says->meta_public))
        return 0;
    return err_set(E_CORRUPT, "the keys are not those of its public keys");
}

/* --- records --- */

int epoch_draft(const struct keyring *k, uint32_t number,
                const struct keyring_epoch *e, const struct epoch_member *m,
                size_t n, struct buf *shares, struct record_epoch *out)
{
    struct keyring_epoch *mine;
    struct bytes share = {NULL, 0};
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = epoch_put_share(k, number, e, &m[i], shares);
    if (rc < 0)
        return rc;
    *out = (struct record_epoch){.number = number,
                                 .data_public = e->data_public,
                                 .meta_public = e->meta_public,
                                 .shares = {buf_bytes(shares), n}};
    keyring_epoch_proof(e, &out->proof);
    mine = crypto_locked_new(sizeof *mine);
    if (!mine)
        return err_set(E_NOMEM, "out of memory");
    if (!epoch_find_share(k, out, &share))
        rc = err_set(E_CORRUPT, "this key is not among the members");
    if (rc == 0)
        rc = epoch_open_share(k, number, share, mine);
    if (rc == 0)
        rc = epoch_prove(k, out, mine);
    crypto_locked_free(mine);
    return err_add(rc, "a new epoch's keys");
}

/* k's share of an epoch, proved, into e. */
static int epoch_get_share(const struct keyring *k,
                           const struct record_epoch *says, struct bytes share,
                           struct keyring_epoch *e)
{
    int rc = epoch_open_share(k, says->number, share, e);

    return rc == 0 ? epoch_prove(k, says, e) : rc;
}

/* The keys of an epoch that k holds already, or its share, into e. found: out:
 * false: it has neither. */
static int epoch_get(const struct keyring *k, const struct record_epoch *says,
                     bool accept, struct keyring_epoch *e, bool *found)
{
    bool shared;
    struct bytes share = {NULL, 0};
    int rc;

    *found = says->number < k->held;
    if (*found) {
        *e = k->epoch[says->number];
        rc = epoch_prove(k, says, e);
        if (rc == 0 || says->number < k->begun)
            return rc;
        err_ignore(rc, "what the record holds for this key decides");
    }
    shared = says->number <= k->held && epoch_find_share(k, says, &share);
    if (*found && !shared)
        return err_set(E_CORRUPT, "the keys in the slot are not those of its "
                                  "public keys, and there is no share");
    if (*found && !accept)
        return err_set(E_ROLLBACK,
                       "the key slot holds other keys for it: the log was set "
                       "back, and another epoch began in its place; if that is "
                       "right, look at 'dedup key list' (who was removed since "
                       "is a member again), and run 'dedup key rotate', both "
                       "with --accept-rollback");
    *found = shared;
    return shared ? epoch_get_share(k, says, share, e) : 0;
}

static int epoch_take_keys(struct keyring *k, const struct state *s,
                           const struct record_epoch *says, bool accept)
{
    struct keyring_epoch *e = crypto_locked_new(sizeof *e);
    bool found;
    int rc;

    if (!e)
        return err_set(E_NOMEM, "out of memory");
    rc = epoch_get(k, says, accept, e, &found);
    if (rc == 0 && !found && epoch_is_due(s, &k->member))
        rc = err_set(E_CORRUPT, "there is no share for this key");
    if (rc == 0 && says->number == k->begun)
        keyring_begin(k, found ? e : NULL);
    crypto_locked_free(e);
    return rc;
}

int epoch_take(struct keyring *k, const struct state *s,
               const struct chain_record *r, bool accept)
{
    struct record_log l;
    char name[RECORD_NAME_MAX];
    int rc = record_log_get(&r->record, &l);

    if (rc == 0)
        rc = epoch_take_keys(k, s, &l.epoch, accept);
    if (rc == 0)
        return 0;
    record_log_name(r->record.number, name);
    return err_add(rc, "%s begins epoch %u of the repository's keys", name,
                   l.epoch.number);
}
