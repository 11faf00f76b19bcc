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

/* What the first root gives for ever. */
struct keyring_lasting {
    struct crypto_key k_data;
    struct crypto_key k_meta;
    struct crypto_key cut; /* its beginning is K_cut */
};

static void keyring_last(const struct crypto_key *root,
                         struct keyring_lasting *out)
{
    crypto_kdf(&out->k_data, root, "dedup 1 root data ids", NULL, 0);
    crypto_kdf(&out->k_meta, root, "dedup 1 root meta ids", NULL, 0);
    crypto_kdf(&out->cut, root, "dedup 1 root cut", NULL, 0);
}

void keyring_create_from(struct keyring *k, const struct repo_id *repo,
                         const struct crypto_key *root, size_t n,
                         const struct crypto_key *seed)
{
    struct keyring_lasting l;

    ASSERT(n > 0 && n <= KEYRING_EPOCHS_MAX);
    memset(k, 0, sizeof *k);
    k->role = KEYRING_FULL;
    k->repo = *repo;
    k->seed = *seed;
    keyring_last(root, &l);
    k->k_data = l.k_data;
    k->k_meta = l.k_meta;
    memcpy(k->k_cut, l.cut.b, sizeof k->k_cut);
    crypto_wipe(&l, sizeof l);
    for (size_t i = 0; i < n; i++)
        keyring_epoch_make(&root[i], &k->epoch[i]);
    k->held = (uint32_t)n;
    k->begun = 1;
    keyring_derive(k);
}

void keyring_create(struct keyring *k)
{
    struct repo_id repo;
    struct crypto_key root;
    struct crypto_key seed;

    crypto_random(repo.b, sizeof repo.b);
    crypto_random(root.b, sizeof root.b);
    crypto_random(seed.b, sizeof seed.b);
    keyring_create_from(k, &repo, &root, 1, &seed);
    crypto_wipe(&root, sizeof root);
    crypto_wipe(&seed, sizeof seed);
}

void keyring_new_epoch(struct keyring_epoch *e)
{
    struct crypto_key root;

    crypto_random(root.b, sizeof root.b);
    keyring_epoch_make(&root, e);
    crypto_wipe(&root, sizeof root);
}

/* Takes from an epoch what a role does not hold. */
static void keyring_reduce(struct keyring_epoch *e, enum keyring_role role)
{
    if (role != KEYRING_FULL)
        crypto_wipe(&e->root, sizeof e->root);
    if (!keyring_epoch_role_reads(role, true))
        crypto_wipe(&e->data_secret, sizeof e->data_secret);
    if (!keyring_epoch_role_reads(role, false))
        crypto_wipe(&e->meta_secret, sizeof e->meta_secret);
}

void keyring_member(const struct keyring *k, enum keyring_role role,
                    struct keyring *out)
{
    ASSERT(k->role == KEYRING_FULL);
    *out = *k;
    out->role = role;
    crypto_random(out->seed.b, sizeof out->seed.b);
    for (uint32_t i = 0; i < out->held; i++)
        keyring_reduce(&out->epoch[i], role);
    keyring_derive(out);
}

void keyring_member_epochs(const struct keyring *k, struct keyring *member)
{
    for (uint32_t i = member->held; i < k->held; i++) {
        member->epoch[i] = k->epoch[i];
        keyring_reduce(&member->epoch[i], member->role);
    }
    member->held = k->held;
    member->begun = k->begun;
}

static void keyring_put_key(struct fields_out *o, uint64_t tag,
                            const struct crypto_key *key)
{
    fields_put(o, tag, bytes_of(key->b, sizeof key->b));
}

/* The bundles of all epochs, as the tag's value. */
static void keyring_put_epochs(const struct keyring *k, struct fields_out *o)
{
    size_t each = keyring_epoch_bytes(k->role);
    uint8_t *all = crypto_locked_new(k->held * each);
    struct buf b = {.p = all, .cap = k->held * each, .max = k->held * each};

    if (!all)
        o->to->rc = E_NOMEM;
    for (uint32_t i = 0; i < k->held && all; i++)
        keyring_epoch_put(&k->epoch[i], k->role, &b);
    fields_put(o, 25, buf_bytes(&b));
    crypto_locked_free(all);
}

void keyring_put(const struct keyring *k, struct buf *b)
{
    struct fields_out o;

    fields_begin(&o, b, bytes_of(NULL, 0));
    fields_put(&o, 1, bytes_of(k->repo.b, sizeof k->repo.b));
    fields_put_varint(&o, 3, (uint64_t)k->role);
    keyring_put_key(&o, 9, &k->k_data);
    keyring_put_key(&o, 11, &k->k_meta);
    fields_put(&o, 13, bytes_of(k->k_cut, sizeof k->k_cut));
    keyring_put_key(&o, 15, &k->seed);
    fields_put(&o, 17, bytes_of(k->config.b, sizeof k->config.b));
    keyring_put_epochs(k, &o);
    fields_finish(&o);
}

/* Where the 32 bytes of a tag go; NULL: not such a tag. */
static uint8_t *keyring_place(struct keyring *k, uint64_t tag)
{
    switch (tag) {
    case 9:
        return k->k_data.b;
    case 11:
        return k->k_meta.b;
    case 15:
        return k->seed.b;
    case 17:
        return k->config.b;
    default:
        return NULL;
    }
}

/* The tags of a bundle; bit i: tag 2i + 1. */
enum {
    KEYRING_TAGS =
        1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 12
};

/* The role stands in front: tags ascend. */
static void keyring_get_epochs(struct keyring *k, struct fields *f,
                               struct bytes value)
{
    size_t each = keyring_epoch_bytes(k->role);
    size_t n = value.n / each;

    if (n == 0 || n > KEYRING_EPOCHS_MAX || value.n % each != 0) {
        fields_fail(f);
        return;
    }
    for (size_t i = 0; i < n; i++)
        keyring_epoch_get(bytes_of(value.p + i * each, each), k->role,
                          &k->epoch[i]);
    k->held = (uint32_t)n;
    k->begun = 1;
}

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
    else if (tag == 25)
        keyring_get_epochs(k, f, value);
    else
        fields_skip(f, tag, value);
}

/* Whether what lasts is what the first root gives: a full key can tell. */
static bool keyring_is_rooted(const struct keyring *k)
{
    struct keyring_lasting l;
    bool same;

    keyring_last(&k->epoch[0].root, &l);
    same = crypto_equal(&l.k_data, &k->k_data, sizeof l.k_data) &&
           crypto_equal(&l.k_meta, &k->k_meta, sizeof l.k_meta) &&
           crypto_equal(&l.cut, k->k_cut, sizeof k->k_cut);
    crypto_wipe(&l, sizeof l);
    return same;
}

int keyring_load(struct keyring *k, struct bytes in)
{
    struct fields f;
    uint64_t tag;
    struct bytes value;
    unsigned seen = 0;
    int rc;

    memset(k, 0, sizeof *k);
    fields_init(&f, in, NULL);
    while (fields_next(&f, &tag, &value)) {
        keyring_get_field(k, &f, tag, value);
        if (tag % 2 == 1 && tag <= 25)
            seen |= 1U << (tag / 2);
    }
    rc = fields_end(&f, "key bundle");
    if (rc < 0)
        return rc;
    if (k->role < KEYRING_FULL || seen != KEYRING_TAGS)
        return err_set(E_CORRUPT, "key bundle: not what its role holds");
    if (k->role == KEYRING_FULL && !keyring_is_rooted(k))
        return err_set(E_CORRUPT, "key bundle: its keys are not those of its "
                                  "root");
    keyring_derive(k);
    return 0;
}

int keyring_set_public(struct keyring *k, const struct crypto_public *data,
                       const struct crypto_public *meta)
{
    if (keyring_epoch_set_public(&k->epoch[0], k->role, data, meta))
        return 0;
    return err_set(E_CORRUPT, "config: its public keys are not ours");
}

static bool keyring_same_epoch(const struct keyring_epoch *a,
                               const struct keyring_epoch *b)
{
    return crypto_equal(&a->k_repo, &b->k_repo, sizeof a->k_repo) &&
           crypto_equal(&a->k_index, &b->k_index, sizeof a->k_index);
}

void keyring_begin(struct keyring *k, const struct keyring_epoch *e)
{
    uint32_t n = atomic_load(&k->begun);

    ASSERT(n < KEYRING_EPOCHS_MAX);
    if (e && n < atomic_load(&k->held) && keyring_same_epoch(&k->epoch[n], e)) {
        bool same = keyring_epoch_set_public(&k->epoch[n], k->role,
                                             &e->data_public, &e->meta_public);

        ASSERT(same);
    } else if (e) {
        atomic_store(&k->held, n);
        k->epoch[n] = *e;
        atomic_store(&k->held, n + 1);
    }
    atomic_store(&k->begun, n + 1);
}

bool keyring_is_current(const struct keyring *k)
{
    return atomic_load(&k->held) >= atomic_load(&k->begun);
}

uint16_t keyring_newest(const struct keyring *k)
{
    uint32_t begun = atomic_load(&k->begun);
    uint32_t held = atomic_load(&k->held);
    uint32_t n = begun < held ? begun : held;

    ASSERT(n > 0);
    return (uint16_t)(n - 1);
}

int keyring_find(const struct keyring *k, uint32_t epoch,
                 const struct keyring_epoch **out)
{
    *out = NULL;
    if (epoch < atomic_load(&k->held)) {
        *out = &k->epoch[epoch];
        return 0;
    }
    if (epoch < atomic_load(&k->begun))
        return err_set(E_ROLE,
                       "sealed under epoch %u of the repository's keys, which "
                       "this key was not given: it was removed before",
                       epoch);
    return err_set(E_CORRUPT,
                   "sealed under epoch %u of the repository's keys, which has "
                   "not begun",
                   epoch);
}

void keyring_chunk_id(const struct keyring *k, enum pack_kind kind,
                      struct bytes plain, struct chunk_id *id)
{
    blake3_keyed(kind == PACK_DATA ? k->k_data.b : k->k_meta.b, plain, id->b);
}

bool keyring_can_open(const struct keyring *k, enum pack_kind kind)
{
    return keyring_epoch_role_reads(k->role, kind == PACK_DATA);
}

/* From a pack's secret to the key of its frames. */
static void keyring_pack_key(const struct keyring *k,
                             const struct keyring_epoch *e, enum pack_kind kind,
                             const struct crypto_key *secret,
                             struct crypto_key *key,
                             uint8_t commitment[CRYPTO_KEY_BYTES])
{
    uint8_t kind_byte = (uint8_t)kind;
    struct crypto_key base;
    struct bytes x[] = {bytes_of(secret->b, sizeof secret->b),
                        bytes_of(k->repo.b, sizeof k->repo.b),
                        bytes_of(&kind_byte, 1)};

    crypto_kdf(&base, &e->k_repo, "dedup 1 pack", x, 3);
    crypto_base_split(&base, key, commitment);
    crypto_wipe(&base, sizeof base);
}

int keyring_frame_key_new(const struct keyring *k, enum pack_kind kind,
                          uint16_t epoch, struct bytes what,
                          struct frame_key *out,
                          uint8_t sealed[CRYPTO_SEALED_BYTES],
                          uint8_t commitment[CRYPTO_KEY_BYTES])
{
    const struct keyring_epoch *e = &k->epoch[epoch];
    uint8_t kind_byte = (uint8_t)kind;
    struct bytes part[] = {bytes_of(&kind_byte, 1),
                           bytes_of(k->member.b, sizeof k->member.b), what};
    struct crypto_key secret;
    int rc;

    ASSERT(epoch < k->held);
    crypto_fresh(secret.b, sizeof secret.b, "dedup 1 pack secret", part, 3);
    *out = (struct frame_key){
        .suite = crypto_suite_best(), .kind = kind, .repo = k->repo};
    keyring_pack_key(k, e, kind, &secret, &out->key, commitment);
    rc = crypto_lock(kind == PACK_DATA ? &e->data_public : &e->meta_public,
                     &secret, sealed);
    crypto_wipe(&secret, sizeof secret);
    return rc;
}

int keyring_frame_key(const struct keyring *k, enum pack_kind kind,
                      uint32_t epoch, enum crypto_suite suite,
                      const uint8_t sealed[CRYPTO_SEALED_BYTES],
                      const uint8_t commitment[CRYPTO_KEY_BYTES],
                      struct frame_key *out)
{
    bool data = kind == PACK_DATA;
    const struct keyring_epoch *e;
    struct crypto_key secret;
    uint8_t mine[CRYPTO_KEY_BYTES];
    int rc;

    if (!keyring_can_open(k, kind))
        return err_set(E_ROLE, "this key may not read %s",
                       data ? "content" : "metadata");
    rc = keyring_find(k, epoch, &e);
    if (rc == 0)
        rc = crypto_unlock(data ? &e->data_public : &e->meta_public,
                           data ? &e->data_secret : &e->meta_secret, sealed,
                           &secret);
    if (rc < 0)
        return rc;
    *out = (struct frame_key){.suite = suite, .kind = kind, .repo = k->repo};
    keyring_pack_key(k, e, kind, &secret, &out->key, mine);
    crypto_wipe(&secret, sizeof secret);
    if (crypto_equal(mine, commitment, sizeof mine))
        return 0;
    crypto_wipe(out, sizeof *out);
    return err_set(E_CORRUPT, "a pack's key does not match its commitment");
}
