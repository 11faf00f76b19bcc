/* Epochs as members of each role meet them: docs/format.md 8.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/check.h"
#include "repo/repo_log.h"
#include "tests/repo/catchup_kit.h"
#include "tests/repo/epoch_kit.h"

static const enum keyring_role roles[] = {KEYRING_FULL, KEYRING_READ,
                                          KEYRING_WRITE, KEYRING_MAINTAIN};
enum { ROLES = sizeof roles / sizeof roles[0] };

/* --- taking a share --- */

static void check_epoch(const struct keyring *k, const struct keyring *full,
                        uint32_t i)
{
    static const struct crypto_key none;
    bool data = keyring_epoch_role_reads(k->role, true);
    bool meta = keyring_epoch_role_reads(k->role, false);
    const struct keyring_epoch *a = &k->epoch[i];
    const struct keyring_epoch *b = &full->epoch[i];

    assert_memory_equal(&a->k_repo, &b->k_repo, 32);
    assert_memory_equal(&a->k_index, &b->k_index, 32);
    assert_memory_equal(&a->data_public, &b->data_public, 32);
    assert_memory_equal(&a->meta_public, &b->meta_public, 32);
    assert_memory_equal(&a->data_secret, data ? &b->data_secret : &none, 32);
    assert_memory_equal(&a->meta_secret, meta ? &b->meta_secret : &none, 32);
    assert_memory_equal(&a->root, k->role == KEYRING_FULL ? &b->root : &none,
                        32);
}

static void test_epoch__each_member_takes_what_its_role_may(void **state)
{
    struct epoch_kit k;

    (void)state;
    epoch_kit_open(&k);
    for (uint32_t begun = 2; begun <= 3; begun++) {
        assert_int_equal(epoch_kit_begin(&k, 0, NULL, NULL), 0);
        assert_int_equal(k.r->state.epochs, begun);
        for (size_t i = 0; i < ROLES; i++) {
            struct repo *r = NULL;

            assert_int_equal(epoch_kit_repo(&k, roles[i], NULL, &r), 0);
            assert_int_equal(r->keys->begun, begun);
            assert_int_equal(r->keys->held, begun);
            assert_true(keyring_is_current(r->keys));
            assert_int_equal(keyring_newest(r->keys), begun - 1);
            for (uint32_t e = 0; e < begun; e++)
                check_epoch(r->keys, k.r->keys, e);
            repo_close(r);
        }
    }
    assert_memory_not_equal(&k.r->keys->epoch[1].root,
                            &k.r->keys->epoch[2].root, 32);
    epoch_kit_close(&k);
}

/* A slot that was written later holds the epochs; the record proves them, and
 * gives the public keys. There need be no share then. */
static void test_epoch__a_later_slot_holds_them(void **state)
{
    struct epoch_kit k;

    (void)state;
    epoch_kit_open(&k);
    for (size_t i = 1; i < ROLES; i++)
        assert_int_equal(epoch_kit_begin(&k, roles[i], NULL, NULL), 0);
    for (size_t i = 0; i < ROLES; i++) {
        struct repo *r = NULL;

        epoch_kit_put_slot(&k, k.r->keys, roles[i]);
        assert_int_equal(epoch_kit_repo(&k, roles[i], NULL, &r), 0);
        assert_int_equal(r->keys->held, ROLES);
        assert_int_equal(r->keys->begun, ROLES);
        for (uint32_t e = 0; e < ROLES; e++)
            check_epoch(r->keys, k.r->keys, e);
        repo_close(r);
    }
    epoch_kit_close(&k);
}

/* Whose slot holds other keys than the log tells of (it was rolled back, and
 * another epoch began) must not seal under them: nobody could open that. */
static void test_epoch__a_slot_is_proved_too(void **state)
{
    struct keyring *wrong = keyring_new();
    struct epoch_kit k;

    (void)state;
    assert_non_null(wrong);
    epoch_kit_open(&k);
    assert_int_equal(epoch_kit_begin(&k, 0, NULL, NULL), 0);
    for (size_t i = 0; i < ROLES; i++) {
        struct repo *r = NULL;

        *wrong = *k.r->keys;
        wrong->epoch[1].root.b[0] ^= 1;
        wrong->epoch[1].k_repo.b[0] ^= 1;
        epoch_kit_put_slot(&k, wrong, roles[i]);
        assert_int_equal(epoch_kit_repo(&k, roles[i], NULL, &r), E_ROLLBACK);
        assert_non_null(strstr(err_text(), "begins epoch 1"));
    }
    keyring_free(wrong);
    epoch_kit_close(&k);
}

/* Where the record has no share either, they are damage; and keys that have
 * begun are proved again, not exchanged. */
static void test_epoch__wrong_keys_are_damage(void **state)
{
    struct chain log = {.kind = ENVELOPE_LOG};
    struct chain_record record = {.signer = {{0}}};
    struct keyring *wrong = keyring_new();
    struct repo *r = NULL;
    struct epoch_kit k;
    bool found;

    (void)state;
    assert_non_null(wrong);
    epoch_kit_open(&k);
    assert_int_equal(epoch_kit_begin(&k, KEYRING_READ, NULL, NULL), 0);
    *wrong = *k.r->keys;
    wrong->epoch[1].root.b[0] ^= 1;
    wrong->epoch[1].k_repo.b[0] ^= 1;
    epoch_kit_put_slot(&k, wrong, KEYRING_READ);
    assert_int_equal(epoch_kit_repo(&k, KEYRING_READ, NULL, &r), E_CORRUPT);
    assert_non_null(strstr(err_text(), "begins epoch 1"));
    log.store = k.f.store;
    log.keys = k.r->keys;
    assert_int_equal(chain_get(&log, 1, &record, &found), 0);
    assert_int_equal(epoch_take(k.r->keys, &k.r->state, &record, false), 0);
    *wrong = *k.r->keys;
    wrong->epoch[1].k_repo.b[0] ^= 1;
    assert_int_equal(epoch_take(wrong, &k.r->state, &record, false), E_CORRUPT);
    chain_record_release(&record);
    keyring_free(wrong);
    epoch_kit_close(&k);
}

/* --- what is no share --- */

/* Changes the share of one role's member. */
struct tamper {
    struct epoch_kit *k;
    enum keyring_role role;
    int how;
    size_t at; /* TAMPER_FLIP */
    struct buf list;
};

enum {
    TAMPER_NOTHING,
    TAMPER_FLIP,   /* a byte of the share */
    TAMPER_CUT,    /* its last byte */
    TAMPER_ROLE,   /* the bundle of another role */
    TAMPER_ROOT,   /* another epoch's keys, well sealed */
    TAMPER_MEMBER, /* sealed to somebody else */
    TAMPER_NUMBER, /* sealed for another epoch */
    TAMPER_NONE,   /* no share */
    TAMPER_DATA,   /* the record's public keys are others */
    TAMPER_META,
    TAMPER_PROOF,
    TAMPER_SKIP, /* the record's number */
    TAMPER_AGAIN,
    TAMPER_N
};

static struct bytes share_of(const struct record_epoch *e,
                             const struct member_id *m)
{
    struct record_shares l = e->shares;
    struct record_share s = {.share = {NULL, 0}};

    while (record_epoch_next(&l, &s))
        if (memcmp(&s.member, m, sizeof *m) == 0)
            return s.share;
    fail_msg("no share");
    return s.share;
}

/* A share as epoch_draft() makes it, of other things than it should be. */
static void put_other_share(const struct tamper *t,
                            const struct keyring_epoch *e, uint32_t number,
                            struct buf *out)
{
    enum keyring_role role =
        t->how == TAMPER_ROLE ? (enum keyring_role)(t->role % 4 + 1) : t->role;
    enum keyring_role whose = t->how == TAMPER_MEMBER
                                  ? (enum keyring_role)(t->role % 4 + 1)
                                  : t->role;
    struct keyring *k = keyring_new();
    struct epoch_member m[2] = {{t->k->member[whose], role}};
    struct record_epoch says;
    struct keyring_epoch other = *e;
    struct buf shares;

    /* whoever drafts is among the members */
    assert_non_null(k);
    *k = *t->k->r->keys;
    memset(k->seed.b, 77, sizeof k->seed.b);
    crypto_signer_load(&k->seed, &k->signer, &k->member);
    m[1] = (struct epoch_member){k->member, KEYRING_FULL};
    if (t->how == TAMPER_ROOT) {
        struct crypto_key root;

        crypto_random(root.b, sizeof root.b);
        keyring_epoch_make(&root, &other);
    }
    buf_init(&shares, 100000);
    assert_int_equal(epoch_draft(k, number + (t->how == TAMPER_NUMBER), &other,
                                 m, 2, &shares, &says),
                     0);
    buf_add_bytes(out, share_of(&says, &m[0].id));
    buf_release(&shares);
    keyring_free(k);
}

/* The share that takes the place of s. */
static void put_changed(const struct tamper *t, const struct keyring_epoch *e,
                        uint32_t number, struct bytes s, struct buf *out)
{
    if (t->how >= TAMPER_ROLE && t->how <= TAMPER_NUMBER) {
        put_other_share(t, e, number, out);
        return;
    }
    buf_add_bytes(out, s);
    if (t->how == TAMPER_FLIP)
        out->p[t->at % out->n] ^= 4;
    if (t->how == TAMPER_CUT)
        buf_truncate(out, out->n - 1);
}

static void change_shares(struct tamper *t, const struct keyring_epoch *e,
                          struct record_epoch *says)
{
    struct record_shares l = says->shares;
    struct record_share s;
    size_t n = 0;

    buf_reset(&t->list);
    while (record_epoch_next(&l, &s)) {
        struct buf b;

        if (memcmp(&s.member, &t->k->member[t->role], sizeof s.member) != 0) {
            record_epoch_put_share(&t->list, &s);
            n++;
            continue;
        }
        if (t->how == TAMPER_NONE)
            continue;
        buf_init(&b, 1000);
        put_changed(t, e, says->number, s.share, &b);
        s.share = buf_bytes(&b);
        record_epoch_put_share(&t->list, &s);
        buf_release(&b);
        n++;
    }
    assert_int_equal(buf_status(&t->list), 0);
    says->shares = (struct record_shares){buf_bytes(&t->list), n};
}

static void change(void *ctx, const struct keyring_epoch *e,
                   struct record_epoch *says)
{
    struct tamper *t = ctx;

    if (t->how <= TAMPER_NONE)
        change_shares(t, e, says);
    else if (t->how == TAMPER_DATA)
        says->data_public.b[3] ^= 1;
    else if (t->how == TAMPER_META)
        says->meta_public.b[3] ^= 1;
    else if (t->how == TAMPER_PROOF)
        says->proof.b[3] ^= 1;
    else if (t->how == TAMPER_SKIP)
        says->number++;
    else if (t->how == TAMPER_AGAIN)
        says->number--;
}

/* What comes of opening with the role's key when its share, or the record, is
 * tampered with. */
static int open_tampered(enum keyring_role role, int how, size_t at)
{
    struct epoch_kit k;
    struct tamper t = {.k = &k, .role = role, .how = how, .at = at};
    struct repo *r = NULL;
    int rc;

    epoch_kit_open(&k);
    buf_init(&t.list, 100000);
    /* one that is right comes first */
    assert_int_equal(epoch_kit_begin(&k, 0, NULL, NULL), 0);
    err_ignore(epoch_kit_begin(&k, 0, change, &t), "it may be the founder's");
    rc = epoch_kit_repo(&k, role, NULL, &r);
    if (rc == 0)
        assert_int_equal(r->state.epochs, 3);
    repo_close(r);
    buf_release(&t.list);
    epoch_kit_close(&k);
    return rc;
}

static void test_epoch__what_does_not_fit_is_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROLES; i++) {
        bool data = keyring_epoch_role_reads(roles[i], true);
        bool meta = keyring_epoch_role_reads(roles[i], false);

        for (int how = 0; how < TAMPER_N; how++) {
            int want = E_CORRUPT;
            int rc;

            if (how == TAMPER_NOTHING ||
                /* whoever lacks the secret key cannot tell */
                (how == TAMPER_DATA && !data) ||
                (how == TAMPER_META && !meta) ||
                /* of these the state knows the founder alone: the others
                 * are taken for removed */
                (how == TAMPER_NONE && roles[i] != KEYRING_FULL))
                want = 0;
            rc = open_tampered(roles[i], how, 0);
            if (rc != want)
                fail_msg("role %d, tampered %d: %d %s", (int)roles[i], how, rc,
                         rc < 0 ? err_text() : "");
        }
    }
}

static void test_epoch__every_byte_of_a_share_counts(void **state)
{
    struct epoch_kit k;
    struct repo *r = NULL;
    struct keyring *ring = keyring_new();
    struct keyring *fresh = keyring_new();
    struct chain_record record = {.signer = {{0}}};
    struct epoch_member m;
    struct record_epoch says;
    struct keyring_epoch e;
    struct record_log l = {.decides = 0};
    struct buf shares;
    size_t n;

    (void)state;
    assert_true(ring && fresh);
    epoch_kit_open(&k);
    *ring = *k.r->keys;
    keyring_epoch_make(&ring->seed, &e);
    m = (struct epoch_member){ring->member, KEYRING_FULL};
    buf_init(&shares, 1000);
    assert_int_equal(epoch_draft(ring, 1, &e, &m, 1, &shares, &says), 0);
    n = says.shares.encoded.n;
    for (size_t i = sizeof m.id; i < n; i++) {
        struct buf body;
        int rc;

        buf_init(&body, 10000);
        shares.p[i] ^= 1;
        l.epoch = says;
        record_log_put(RECORD_EPOCH, &l, &body);
        record.record = (struct record){
            .number = 1, .type = RECORD_EPOCH, .body = buf_bytes(&body)};
        *fresh = *ring;
        rc = epoch_take(fresh, &k.r->state, &record, false);
        assert_int_equal(rc, E_CORRUPT);
        assert_int_equal(fresh->begun, 1);
        assert_int_equal(fresh->held, 1);
        shares.p[i] ^= 1;
        buf_release(&body);
    }
    buf_release(&shares);
    repo_close(r);
    keyring_free(ring);
    keyring_free(fresh);
    epoch_kit_close(&k);
}

/* An error stays: the record is not passed over by the next look. */
static void test_epoch__damage_is_met_again(void **state)
{
    struct epoch_kit k;
    struct tamper t = {.k = &k, .role = KEYRING_FULL, .how = TAMPER_PROOF};

    (void)state;
    epoch_kit_open(&k);
    assert_int_equal(epoch_kit_begin(&k, 0, change, &t), E_CORRUPT);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(repo_refresh(k.r), E_CORRUPT);
        assert_int_equal(k.r->state.tip.number, 0);
        assert_int_equal(k.r->state.epochs, 1);
        assert_int_equal(repo_refresh_in_use(k.r), E_CORRUPT);
    }
    assert_int_equal(catchup_kit_try(&k.f, "a"), E_CORRUPT);
    epoch_kit_close(&k);
}

/* --- who is given none --- */

static size_t listed(struct repo *r)
{
    struct snapshot_list l = {.n = 0};
    size_t n;

    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    for (size_t i = 0; i < l.n; i++)
        assert_false(l.item[i].damaged);
    n = l.n;
    snapshot_list_release(&l);
    return n;
}

static struct index_pack first_pack(struct repo *r)
{
    struct index_reader *reader = NULL;
    struct index_pack pack;
    uint32_t next = 0;
    size_t n;

    assert_int_equal(index_reader_new(r->index, &reader), 0);
    assert_int_equal(index_reader_packs(reader, &next, &pack, 1, &n), 0);
    assert_int_equal(n, 1);
    index_reader_free(reader);
    return pack;
}

static int say_condemn(void *ctx, const struct repo *r,
                       struct repo_log_draft *d)
{
    (void)r;
    d->type = RECORD_CONDEMN;
    d->says.ids = record_ids_of(ctx, 1);
    return 0;
}

/* The first pack; returns the record's number. */
static uint64_t condemn(struct epoch_kit *k)
{
    struct object_id id;
    uint64_t number;

    assert_int_equal(repo_refresh(k->r), 0);
    id = first_pack(k->r).id;
    assert_int_equal(repo_log_append(k->r, say_condemn, &id, &number), 0);
    return number;
}

static int rescue(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    (void)r;
    d->type = RECORD_DOOM;
    d->says.decides = *(uint64_t *)ctx;
    return 0;
}

/* For whom was removed the log ends where its keys do: it reads what is old,
 * and calls nothing damaged that is new. With a cache of its own, with an old
 * one, and with one that others have filled further. */
static void test_epoch__who_was_removed_reads_what_is_old(void **state)
{
    static const char *const cache[] = {"old", NULL, "b"};
    uint64_t condemned;
    struct object_id id[2];
    struct epoch_kit k;
    struct repo *r = NULL;

    (void)state;
    epoch_kit_open(&k);
    assert_int_equal(repo_fixture_backup(&k.f, "b", 1, &id[0]), 0);
    assert_int_equal(epoch_kit_repo(&k, KEYRING_READ, "old", &r), 0);
    assert_int_equal(listed(r), 1);
    assert_int_equal(epoch_kit_begin(&k, KEYRING_READ, NULL, NULL), 0);
    assert_int_equal(repo_fixture_backup(&k.f, "b", 2, &id[1]), 0);
    assert_int_equal(epoch_kit_begin(&k, KEYRING_READ, NULL, NULL), 0);
    assert_int_equal(repo_refresh(r), 0);
    assert_int_equal(listed(r), 1);
    repo_close(r);
    condemned = condemn(&k);
    assert_int_equal(catchup_kit_try(&k.f, "b"), 0); /* to the log's end */
    for (size_t i = 0; i < 3; i++) {
        struct check_options opt = {.threads = 1};
        struct check_summary sum;

        assert_int_equal(epoch_kit_repo(&k, KEYRING_READ, cache[i], &r), 0);
        assert_false(keyring_is_current(r->keys));
        assert_int_equal(r->keys->held, 1);
        assert_int_equal(r->state.tip.number, 1);
        assert_int_equal(r->journals.journals, 0);
        assert_false(r->hurt);
        assert_int_equal(listed(r), cache[i] && *cache[i] == 'b' ? 2 : 1);
        assert_true(catchup_kit_finds(r, INDEX_READ, 1));
        assert_int_equal(first_pack(r).state,
                         i == 2 ? INDEX_CONDEMNED : INDEX_LIVE);
        assert_int_equal(check_run(r, &opt, NULL, NULL, &sum), E_ROLE);
        assert_int_equal(sum.damages, 0);
        repo_close(r);
    }
    assert_int_equal(repo_log_append(k.r, rescue, &condemned, NULL), 0);
    catchup_kit_knows(&k.f, "b", 2);
    catchup_kit_knows(&k.f, NULL, 2);
    epoch_kit_close(&k);
}

/* --- races --- */

struct race {
    struct epoch_kit *k;
    struct key_slot_secret founder;
    bool done;
};

/* Between the log and the journals: an epoch begins, and a whole backup is made
 * under it. */
static int begin_and_back_up(void *ctx, enum memory_point point,
                             enum memory_op op, const char *name)
{
    struct race *x = ctx;
    struct key_slot_secret reader;
    struct object_id id;

    if (x->done || point != MEMORY_BEFORE || op != MEMORY_LIST ||
        strcmp(name, "w") != 0)
        return 0;
    x->done = true;
    reader = x->k->f.secret;
    x->k->f.secret = x->founder;
    assert_int_equal(epoch_kit_begin(x->k, 0, NULL, NULL), 0);
    assert_int_equal(repo_fixture_backup(&x->k->f, "b", 2, &id), 0);
    x->k->f.secret = reader;
    return 0;
}

static void test_epoch__one_that_begins_meanwhile_is_no_damage(void **state)
{
    struct object_id id;
    struct epoch_kit k;

    (void)state;
    epoch_kit_open(&k);
    assert_int_equal(repo_fixture_backup(&k.f, "b", 1, &id), 0);
    for (size_t i = 0; i < ROLES; i++) {
        struct race x = {.k = &k, .founder = k.f.secret};
        struct repo *r = NULL;

        memory_set_hook(k.f.store, begin_and_back_up, &x);
        assert_int_equal(epoch_kit_repo(&k, roles[i], NULL, &r), 0);
        memory_set_hook(k.f.store, NULL, NULL);
        assert_true(x.done);
        assert_int_equal(r->keys->begun, 2 + i);
        assert_int_equal(r->keys->held, 2 + i);
        assert_int_equal(r->journals.journals, 0);
        assert_false(r->hurt);
        if (roles[i] != KEYRING_WRITE)
            assert_int_equal(listed(r), 2 + i);
        repo_close(r);
    }
    epoch_kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epoch__each_member_takes_what_its_role_may),
        cmocka_unit_test(test_epoch__a_later_slot_holds_them),
        cmocka_unit_test(test_epoch__a_slot_is_proved_too),
        cmocka_unit_test(test_epoch__wrong_keys_are_damage),
        cmocka_unit_test(test_epoch__what_does_not_fit_is_damage),
        cmocka_unit_test(test_epoch__every_byte_of_a_share_counts),
        cmocka_unit_test(test_epoch__damage_is_met_again),
        cmocka_unit_test(test_epoch__who_was_removed_reads_what_is_old),
        cmocka_unit_test(test_epoch__one_that_begins_meanwhile_is_no_damage),
    };

    return crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
