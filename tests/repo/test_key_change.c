/* Keys that come and change; key_remove is in test_attack_removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/key_change.h"
#include "repo/key_remove.h"
#include "repo/rotate.h"
#include "repo/slot_list.h"
#include "store/memory.h"
#include "tests/repo/repo_fixture.h"

static const struct key_slot_secret secret_a = {
    KEY_SLOT_FILE, {(const uint8_t *)"a a a a a a a a a a a a a a a a ", 32}};
static const struct key_slot_secret secret_b = {
    KEY_SLOT_FILE, {(const uint8_t *)"b b b b b b b b b b b b b b b b ", 32}};

static int add(struct repo *r, enum keyring_role role, const char *label,
               const struct key_slot_secret *secret)
{
    struct key_change_new n = {.role = role, .label = label, .secret = secret};
    struct member_id id;

    return key_change_add(r, &n, &id);
}

/* How many slots say that label; NULL: all. */
static size_t slots(struct repo_fixture *f, const char *label)
{
    struct slot_list l = {.item = NULL};
    size_t n = 0;

    assert_int_equal(slot_list_load(f->store, &l), 0);
    for (size_t i = 0; i < l.n; i++)
        n += !label || strcmp(l.item[i].info.label, label) == 0;
    slot_list_release(&l);
    return n;
}

static int opens(struct repo_fixture *f, const struct key_slot_secret *secret)
{
    struct key_slot_secret old = f->secret;
    struct repo *r = NULL;
    int rc;

    f->secret = *secret;
    rc = repo_fixture_repo(f, NULL, &r);
    f->secret = old;
    repo_close(r);
    return rc;
}

/* Two who add under one label: one of them is refused, and leaves no slot. */
static void test_key_change__a_label_is_taken_once(void **state)
{
    struct repo *one = NULL;
    struct repo *other = NULL;
    struct repo_fixture f;

    (void)state;
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_repo(&f, "a", &one), 0);
    assert_int_equal(repo_fixture_repo(&f, "b", &other), 0);
    assert_int_equal(add(one, KEYRING_READ, "x", &secret_a), 0);
    /* it has not read that */
    assert_int_equal(other->state.members.n, 1);
    assert_int_equal(add(other, KEYRING_READ, "x", &secret_b), E_REFUSED);
    assert_int_equal(slots(&f, "x"), 1);
    assert_int_equal(opens(&f, &secret_a), 0);
    assert_int_equal(opens(&f, &secret_b), E_KEY);
    /* the founder is called as its slot says */
    assert_int_equal(add(other, KEYRING_READ, "test", &secret_b), E_REFUSED);
    assert_int_equal(add(other, KEYRING_READ, "y", &secret_b), 0);
    assert_string_equal(other->state.members.one[0].label, "test");
    repo_close(one);
    repo_close(other);
    repo_fixture_close(&f);
}

/* A slot of an attempt that died before its record: it opens, may write
 * nothing, and is swept up when the label is given away. */
static void test_key_change__attempts_that_died_are_swept_up(void **state)
{
    struct keyring *k = keyring_new();
    struct repo_fixture f;
    struct repo *r = NULL;
    struct repo *stray = NULL;
    struct writer *w = NULL;
    struct object_id id;
    struct key_slot_secret old;

    (void)state;
    assert_non_null(k);
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    for (int i = 0; i < 2; i++) {
        keyring_member(r->keys, KEYRING_WRITE, k);
        assert_int_equal(
            slot_list_put(f.store, k, i ? "y" : "x", &secret_a, &id), 0);
    }
    old = f.secret;
    f.secret = secret_a;
    assert_int_equal(repo_fixture_repo(&f, NULL, &stray), 0);
    assert_int_equal(writer_open(stray, bytes_of_str("a@b"), &w), E_ROLE);
    assert_non_null(strstr(err_text(), "no member"));
    assert_int_equal(key_change_secret(stray, &secret_b), E_ROLE);
    f.secret = old;
    assert_int_equal(add(r, KEYRING_WRITE, "x", &secret_b), 0);
    assert_int_equal(slots(&f, "x"), 1);
    assert_int_equal(slots(&f, "y"), 1); /* somebody may be at it */
    repo_close(stray);
    repo_close(r);
    keyring_free(k);
    repo_fixture_close(&f);
}

/* Flips a byte of the slot that is put, or cuts it off there, once. */
struct bad_slot {
    struct store *store;
    uint64_t off;
    uint8_t x;
    bool hit;
};

static int damage_slot(void *ctx, enum memory_point point, enum memory_op op,
                       const char *name)
{
    struct bad_slot *b = ctx;

    if (point != MEMORY_AFTER || op != MEMORY_COMMIT || b->hit ||
        strncmp(name, "keys/", 5) != 0)
        return 0;
    b->hit = memory_damage(b->store, name, b->off, b->x);
    return 0;
}

/* Nobody hears of a member whose slot does not open, and no slot is deleted for
 * the sake of one that does not. */
static void test_key_change__a_slot_is_opened_before_it_counts(void **state)
{
    struct repo_fixture f;
    struct repo *r = NULL;
    struct bad_slot bad = {.x = 0};
    uint64_t off = 0;

    (void)state;
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    bad.store = f.store;
    do {
        uint64_t tip = r->state.tip.number;
        int rc;

        for (int way = 0; way < 4; way++) {
            bad.off = off;
            bad.x = way % 2 ? 0 : 0x10;
            bad.hit = false;
            memory_set_hook(f.store, damage_slot, &bad);
            rc = way < 2 ? add(r, KEYRING_WRITE, "x", &secret_a)
                         : key_change_secret(r, &secret_a);
            memory_set_hook(f.store, NULL, NULL);
            if (!bad.hit)
                break;
            if (rc != E_CORRUPT && rc != E_UNSUPPORTED && rc != E_LIMIT)
                fail_msg("byte %u, way %d: %d", (unsigned)off, way, rc);
            assert_non_null(strstr(err_text(), "does not open again"));
            assert_int_equal(repo_refresh(r), 0);
            assert_int_equal(r->state.tip.number, tip);
            assert_int_equal(slots(&f, NULL), 1);
        }
        off += 7;
    } while (bad.hit);
    assert_true(off > 1000);
    /* behind its end there was nothing to damage: the last one came */
    assert_int_equal(slots(&f, "x"), 1);
    assert_int_equal(opens(&f, &secret_a), 0);
    assert_int_equal(opens(&f, &f.secret), 0);
    repo_close(r);
    repo_fixture_close(&f);
}

/* A role's key holds what the role may have, and no more. */
static void test_key_change__keys_hold_what_their_role_may(void **state)
{
    static const struct {
        enum keyring_role role;
        bool data, meta;
    } t[] = {{KEYRING_FULL, true, true},
             {KEYRING_READ, true, true},
             {KEYRING_WRITE, false, false},
             {KEYRING_MAINTAIN, false, true}};
    static const struct crypto_key none = {{0}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct repo *r = NULL;
        struct repo *as = NULL;
        struct repo_fixture f;

        repo_fixture_make(&f);
        assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
        assert_int_equal(add(r, t[i].role, "x", &secret_a), 0);
        f.secret = secret_a;
        assert_int_equal(repo_fixture_repo(&f, "b", &as), 0);
        assert_int_equal(as->keys->role, t[i].role);
        assert_int_equal(memcmp(as->keys->epoch[0].data_secret.b, none.b,
                                sizeof none.b) != 0,
                         t[i].data);
        assert_int_equal(memcmp(as->keys->epoch[0].meta_secret.b, none.b,
                                sizeof none.b) != 0,
                         t[i].meta);
        assert_int_equal(
            memcmp(as->keys->epoch[0].root.b, none.b, sizeof none.b) != 0,
            t[i].role == KEYRING_FULL);
        assert_memory_not_equal(as->keys->seed.b, r->keys->seed.b,
                                sizeof none.b);
        assert_memory_equal(as->keys->k_data.b, r->keys->k_data.b,
                            sizeof none.b);
        repo_close(as);
        repo_close(r);
        repo_fixture_close(&f);
    }
}

/* Begins an epoch between the new key's slot and its record. */
static int rotate_before_log(void *ctx, enum memory_point point,
                             enum memory_op op, const char *name)
{
    struct repo *r = ctx;
    struct rotate_result res;
    struct key_slot_secret secret = secret_b;

    if (point != MEMORY_BEFORE || op != MEMORY_COMMIT ||
        strncmp(name, "log/", 4) != 0)
        return 0;
    memory_set_hook(r->store, NULL, NULL);
    assert_int_equal(rotate_run(r, &secret, &res), 0);
    return 0;
}

static void test_key_change__a_new_key_holds_the_newest_epoch(void **state)
{
    struct repo *r = NULL;
    struct repo *other = NULL;
    struct repo_fixture f;

    (void)state;
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    assert_int_equal(add(r, KEYRING_FULL, "other", &secret_b), 0);
    f.secret = secret_b;
    assert_int_equal(repo_fixture_repo(&f, "b", &other), 0);
    memory_set_hook(f.store, rotate_before_log, other);
    assert_int_equal(add(r, KEYRING_READ, "x", &secret_a), 0);
    assert_int_equal(slots(&f, "x"), 1);
    repo_close(other);
    repo_close(r);
    f.secret = secret_a;
    assert_int_equal(repo_fixture_repo(&f, "c", &r), 0);
    assert_int_equal(r->state.epochs, 2);
    assert_int_equal(r->keys->held, 2);
    repo_close(r);
    repo_fixture_close(&f);
}

/* The first write key makes trust own, once, and unless told otherwise. */
static void test_key_change__the_first_write_key_sets_trust(void **state)
{
    struct key_change_new shared = {.role = KEYRING_WRITE,
                                    .label = "s",
                                    .secret = &secret_a,
                                    .has_trust = true};
    struct member_id id;
    struct repo_fixture f;
    struct repo *r = NULL;

    (void)state;
    for (int told = 0; told < 2; told++) {
        repo_fixture_make(&f);
        assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
        assert_int_equal(add(r, KEYRING_READ, "r", &secret_b), 0);
        assert_int_equal(r->state.members.trust, RECORD_TRUST_SHARED);
        if (told)
            assert_int_equal(key_change_add(r, &shared, &id), 0);
        else
            assert_int_equal(add(r, KEYRING_WRITE, "w", &secret_a), 0);
        assert_int_equal(r->state.members.trust,
                         told ? RECORD_TRUST_SHARED : RECORD_TRUST_OWN);
        assert_int_equal(key_change_trust(r, RECORD_TRUST_SHARED), 0);
        assert_int_equal(add(r, KEYRING_WRITE, "w2", &secret_b), 0);
        assert_int_equal(r->state.members.trust, RECORD_TRUST_SHARED);
        repo_close(r);
        repo_fixture_close(&f);
    }
}

/* All slots of the key but the new one go, those of others stay. */
static void test_key_change__one_secret_is_left(void **state)
{
    struct repo_fixture f;
    struct repo *r = NULL;
    struct object_id id;

    (void)state;
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    assert_int_equal(add(r, KEYRING_READ, "x", &secret_b), 0);
    /* one that a change left which died */
    assert_int_equal(slot_list_put(f.store, r->keys, "test", &f.secret, &id),
                     0);
    assert_int_equal(slots(&f, NULL), 3);
    assert_int_equal(key_change_secret(r, &secret_a), 0);
    assert_int_equal(slots(&f, NULL), 2);
    assert_int_equal(opens(&f, &secret_a), 0);
    assert_int_equal(opens(&f, &secret_b), 0);
    assert_int_equal(opens(&f, &f.secret), E_KEY);
    repo_close(r);
    repo_fixture_close(&f);
}

/* Refused: nothing is done. */
static void test_key_change__the_last_full_key_stays(void **state)
{
    struct key_remove_result done;
    struct repo_fixture f;
    struct repo *r = NULL;
    struct member_id me;

    (void)state;
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    assert_int_equal(add(r, KEYRING_WRITE, "w", &secret_a), 0);
    me = r->keys->member;
    for (int force = 0; force < 2; force++) {
        assert_int_equal(key_remove(r, &me, force, &done), E_REFUSED);
        assert_int_equal(members_find(&r->state.members, &me)->standing,
                         RECORD_ACTIVE);
        assert_int_equal(slots(&f, "test"), 1);
    }
    repo_close(r);
    repo_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_change__a_new_key_holds_the_newest_epoch),
        cmocka_unit_test(test_key_change__a_label_is_taken_once),
        cmocka_unit_test(test_key_change__attempts_that_died_are_swept_up),
        cmocka_unit_test(test_key_change__a_slot_is_opened_before_it_counts),
        cmocka_unit_test(test_key_change__keys_hold_what_their_role_may),
        cmocka_unit_test(test_key_change__the_first_write_key_sets_trust),
        cmocka_unit_test(test_key_change__one_secret_is_left),
        cmocka_unit_test(test_key_change__the_last_full_key_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
