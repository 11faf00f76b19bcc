/* A log that was set back behind an epoch of keys, as its storage can show it
 * to whoever has no cache: the key slot knows better. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "repo/rotate.h"
#include "tests/repo/epoch_kit.h"

static const char record[] = "log/0000000000000001"; /* begins epoch 1 */

/* What comes of opening with a role's key, by who has no cache. */
static int open_fresh(struct epoch_kit *k, enum keyring_role role, bool accept,
                      struct repo **r)
{
    struct key_slot_secret other = {KEY_SLOT_FILE, bytes_of(k->file[role], 32)};
    struct repo_open_options opt = {
        .secret = role == KEYRING_FULL ? &k->f.secret : &other,
        .accept_rollback = accept};
    char path[sizeof k->f.cache + 24];

    (void)snprintf(path, sizeof path, "%s/none-%u", k->f.cache, k->f.fresh_n++);
    assert_int_equal(mkdir(path, 0700), 0);
    opt.cache_root = path;
    return repo_open(k->f.store, &opt, r);
}

/* A repository with a snapshot and one epoch more, of which the log then says
 * nothing; the founder's slot, and that of the write key, hold it. */
static void set_back(struct epoch_kit *k, struct object_id *id)
{
    struct rotate_result res;

    epoch_kit_open(k);
    assert_int_equal(repo_fixture_backup(&k->f, "b", 1, id), 0);
    assert_int_equal(rotate_run(k->r, &k->f.secret, &res), 0);
    assert_int_equal(res.epoch, 1);
    epoch_kit_put_slot(k, k->r->keys, KEYRING_WRITE);
    assert_int_equal(store_delete(k->f.store, record), 0);
}

/* Else it would go on to seal under keys that somebody is known to have. */
static void test_epoch_rollback__the_slot_knows_a_later_epoch(void **state)
{
    static const enum keyring_role role[] = {KEYRING_FULL, KEYRING_WRITE};
    struct object_id id;
    struct epoch_kit k;

    (void)state;
    set_back(&k, &id);
    for (size_t i = 0; i < 2; i++) {
        struct repo *r = NULL;

        assert_int_equal(open_fresh(&k, role[i], false, &r), E_ROLLBACK);
        assert_non_null(strstr(err_text(), "key slot"));
        assert_non_null(strstr(err_text(), "--accept-rollback"));
        assert_int_equal(open_fresh(&k, role[i], true, &r), 0);
        assert_int_equal(r->keys->held, 2);
        assert_int_equal(keyring_newest(r->keys), 0);
        assert_true(keyring_is_current(r->keys));
        repo_close(r);
    }
    /* one that was written before it knows of nothing */
    for (size_t i = 0; i < 2; i++) {
        struct repo *r = NULL;
        enum keyring_role old = i ? KEYRING_READ : KEYRING_MAINTAIN;

        assert_int_equal(open_fresh(&k, old, false, &r), 0);
        repo_close(r);
    }
    epoch_kit_close(&k);
}

/* Whoever takes it begins new keys, behind those that the log has lost, and
 * needs to say so no more. */
static void test_epoch_rollback__an_epoch_begins_again(void **state)
{
    struct rotate_result res;
    struct object_id id[2];
    struct crypto_key old;
    struct repo *r = NULL;
    struct epoch_kit k;

    (void)state;
    set_back(&k, &id[0]);
    old = k.r->keys->epoch[1].root;
    assert_int_equal(open_fresh(&k, KEYRING_FULL, true, &r), 0);
    assert_int_equal(rotate_run(r, &k.f.secret, &res), 0);
    assert_int_equal(res.epoch, 2);
    assert_int_equal(keyring_newest(r->keys), 2);
    assert_memory_equal(&r->keys->epoch[1].root, &old, sizeof old);
    repo_close(r);
    assert_int_equal(repo_fixture_backup(&k.f, NULL, 2, &id[1]), 0);
    assert_int_equal(repo_fixture_check(&k.f, id, 2), 2);
    epoch_kit_close(&k);
}

/* Another one's slot still holds keys of the history that is gone, and more of
 * them: those that the log gives it count, when it is told that this is right.
 * Else a full key that was removed could have the log set back to before that,
 * and begin an epoch of its own. */
static void test_epoch_rollback__the_logs_keys_replace_the_slots(void **state)
{
    struct keyring *lost = keyring_new();
    struct crypto_key root[3];
    struct object_id id;
    struct repo *r = NULL;
    struct epoch_kit k;

    (void)state;
    assert_non_null(lost);
    set_back(&k, &id);
    crypto_random(root, sizeof root);
    root[0] = k.r->keys->epoch[0].root;
    keyring_create_from(lost, &k.r->keys->repo, root, 3, &k.r->keys->seed);
    lost->config = k.r->keys->config;
    epoch_kit_put_slot(&k, lost, KEYRING_WRITE);
    repo_close(k.r);
    assert_int_equal(open_fresh(&k, KEYRING_FULL, true, &k.r), 0);
    assert_int_equal(epoch_kit_begin(&k, 0, NULL, NULL), 0);
    assert_int_equal(open_fresh(&k, KEYRING_WRITE, false, &r), E_ROLLBACK);
    assert_non_null(strstr(err_text(), "--accept-rollback"));
    assert_int_equal(open_fresh(&k, KEYRING_WRITE, true, &r), 0);
    assert_int_equal(r->keys->held, 2);
    assert_int_equal(keyring_newest(r->keys), 1);
    assert_memory_equal(&r->keys->epoch[1].k_index,
                        &k.r->keys->epoch[1].k_index, CRYPTO_KEY_BYTES);
    assert_memory_equal(&r->keys->epoch[1].data_public,
                        &k.r->keys->epoch[1].data_public, CRYPTO_KEY_BYTES);
    repo_close(r);
    keyring_free(lost);
    epoch_kit_close(&k);
}

/* To accept what is no rollback takes nothing away. */
static void test_epoch_rollback__accepting_needlessly_is_harmless(void **state)
{
    struct rotate_result res;
    struct object_id id;
    struct repo *r = NULL;
    struct epoch_kit k;

    (void)state;
    epoch_kit_open(&k);
    assert_int_equal(rotate_run(k.r, &k.f.secret, &res), 0);
    epoch_kit_put_slot(&k, k.r->keys, KEYRING_WRITE);
    assert_int_equal(repo_fixture_backup(&k.f, "b", 1, &id), 0);
    /* whom the record holds no share for has it from the slot alone */
    assert_int_equal(open_fresh(&k, KEYRING_WRITE, true, &r), 0);
    assert_int_equal(r->keys->held, 2);
    assert_int_equal(keyring_newest(r->keys), 1);
    repo_close(r);
    epoch_kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epoch_rollback__the_slot_knows_a_later_epoch),
        cmocka_unit_test(test_epoch_rollback__an_epoch_begins_again),
        cmocka_unit_test(test_epoch_rollback__the_logs_keys_replace_the_slots),
        cmocka_unit_test(test_epoch_rollback__accepting_needlessly_is_harmless),
    };

    return crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
