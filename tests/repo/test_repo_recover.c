/* A repository of which config and keys are gone, and its recovery sheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "repo/repo_init.h"
#include "repo/repo_log.h"
#include "repo/repo_recover.h"
#include "tests/repo/epoch_kit.h"

enum {
    CUTS = 3 /* power cuts tried for each way to die; seed 0 undoes all that is
                not durable */
};

/* The sheet of the repository in f, printed and read again. */
static struct recovery *sheet_of(struct repo_fixture *f)
{
    struct recovery *r = recovery_new();
    struct secret content;
    struct repo *repo = NULL;

    assert_non_null(r);
    assert_int_equal(repo_fixture_repo(f, NULL, &repo), 0);
    assert_int_equal(repo_recover_sheet(repo, r), 0);
    repo_close(repo);
    assert_int_equal(secret_init(&content, RECOVERY_BYTES_MAX), 0);
    assert_int_equal(recovery_put(r, &content), 0);
    assert_int_equal(recovery_get(r, secret_bytes(&content)), 0);
    secret_release(&content);
    return r;
}

static void get(struct repo_fixture *f, const char *name, struct buf *out)
{
    bool found = false;

    buf_init(out, 1 << 20);
    assert_int_equal(store_get(f->store, name, out, &found), 0);
    assert_true(found);
}

static void put(struct repo_fixture *f, const char *name, struct bytes x)
{
    enum store_outcome outcome;

    assert_int_equal(store_delete(f->store, name), 0);
    assert_int_equal(store_put(f->store, name, x, &outcome), 0);
}

struct names {
    char name[8][STORE_NAME_MAX + 1];
    size_t n;
};

static int collect(void *ctx, const char *name, uint64_t size)
{
    struct names *x = ctx;

    (void)size;
    assert_true(x->n < 8);
    (void)snprintf(x->name[x->n++], STORE_NAME_MAX + 1, "%s", name);
    return 0;
}

static size_t slots(struct repo_fixture *f, struct names *out)
{
    out->n = 0;
    assert_int_equal(store_list(f->store, "keys", collect, out), 0);
    return out->n;
}

/* For good: no power cut brings it back. */
static void lose_one(struct repo_fixture *f, const char *name)
{
    assert_int_equal(store_delete(f->store, name), 0);
    assert_int_equal(store_make_durable(f->store, name, NULL), 0);
}

static void lose_keys(struct repo_fixture *f)
{
    struct names x;

    for (size_t i = 0, n = slots(f, &x); i < n; i++)
        lose_one(f, x.name[i]);
}

static void lose(struct repo_fixture *f)
{
    lose_keys(f);
    lose_one(f, "config");
}

static const struct key_slot_secret fresh = {
    .kind = KEY_SLOT_FILE,
    .bytes = {(const uint8_t *)"fresh-key-fresh-key-fresh-key-32", 32}};

static int recover(struct repo_fixture *f, const struct recovery *r,
                   bool accept_rollback)
{
    struct repo_recover_options opt = {.recovery = r,
                                       .secret = &fresh,
                                       .label = "again",
                                       .accept_rollback = accept_rollback};
    int rc = repo_recover_check(f->store, &opt);

    assert_int_equal(repo_recover(f->store, &opt), rc);
    return rc;
}

static void test_repo_recover__everything_is_back(void **state)
{
    struct repo_fixture f;
    struct recovery *r;
    struct object_id id[3];
    struct buf before;
    struct buf after;

    (void)state;
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id[0]), 0);
    r = sheet_of(&f);
    assert_int_equal(repo_fixture_backup(&f, "a", 2, &id[1]), 0);
    get(&f, "config", &before);
    lose(&f);
    assert_int_equal(recover(&f, r, false), 0);
    get(&f, "config", &after);
    assert_true(bytes_equal(buf_bytes(&before), buf_bytes(&after)));
    f.secret = fresh;
    assert_int_equal(repo_fixture_check(&f, id, 2), 2);
    /* with the cache from before */
    assert_int_equal(repo_fixture_backup(&f, "a", 3, &id[2]), 0);
    assert_int_equal(repo_fixture_check(&f, id, 3), 3);
    buf_release(&before);
    buf_release(&after);
    recovery_free(r);
    repo_fixture_close(&f);
}

static void test_repo_recover__any_config_is_made_again(void **state)
{
    static const struct {
        uint32_t chunk_bytes;
        int level;
    } t[] = {{16384, 1}, {65536, 3}, {262144, 19}, {32768, -1}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct repo_fixture f;
        struct repo_init_options opt = {.chunk_bytes = t[i].chunk_bytes,
                                        .level = t[i].level,
                                        .secret = &f.secret};
        struct recovery *r;
        struct buf before;
        struct buf after;

        repo_fixture_open(&f);
        assert_int_equal(repo_init(f.store, &opt, NULL), 0);
        r = sheet_of(&f);
        get(&f, "config", &before);
        lose(&f);
        assert_int_equal(recover(&f, r, false), 0);
        get(&f, "config", &after);
        assert_true(bytes_equal(buf_bytes(&before), buf_bytes(&after)));
        buf_release(&before);
        buf_release(&after);
        recovery_free(r);
        repo_fixture_close(&f);
    }
}

/* Right after init nobody has read the log yet. */
static void test_repo_recover__a_sheet_needs_no_index(void **state)
{
    struct repo_fixture f;
    struct repo_open_options opt = {.secret = &f.secret, .no_index = true};
    struct recovery *mine = recovery_new();
    struct recovery *r;
    struct repo *repo = NULL;

    (void)state;
    assert_non_null(mine);
    repo_fixture_make(&f);
    assert_int_equal(repo_open(f.store, &opt, &repo), 0);
    assert_int_equal(repo_recover_sheet(repo, mine), 0);
    repo_close(repo);
    r = sheet_of(&f);
    assert_memory_equal(mine, r, sizeof *r);
    recovery_free(mine);
    recovery_free(r);
    repo_fixture_close(&f);
}

static void test_repo_recover__some_have_no_sheet(void **state)
{
    struct recovery *r = recovery_new();
    struct repo_fixture f;
    struct repo *repo = NULL;

    (void)state;
    assert_non_null(r);
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_repo(&f, NULL, &repo), 0);
    for (int role = KEYRING_READ; role <= KEYRING_MAINTAIN; role++) {
        repo->keys->role = (enum keyring_role)role;
        assert_int_equal(repo_recover_sheet(repo, r), E_ROLE);
    }
    repo->keys->role = KEYRING_FULL;
    assert_int_equal(repo_recover_sheet(repo, r), 0);
    /* a config of which a sheet would lose something */
    repo->keys->config.b[0] ^= 1;
    assert_int_equal(repo_recover_sheet(repo, r), E_UNSUPPORTED);
    repo_close(repo);
    recovery_free(r);
    repo_fixture_close(&f);
}

/* Only the passphrase is forgotten: what is there stays. */
static void test_repo_recover__a_new_slot_beside_the_others(void **state)
{
    struct repo_fixture f;
    struct recovery *r;
    struct names x;
    struct object_id id;

    (void)state;
    repo_fixture_make(&f);
    r = sheet_of(&f);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id), 0);
    assert_int_equal(recover(&f, r, false), 0);
    assert_int_equal(slots(&f, &x), 2);
    assert_int_equal(repo_fixture_check(&f, &id, 1), 1);
    f.secret = fresh;
    assert_int_equal(repo_fixture_check(&f, &id, 1), 1);
    recovery_free(r);
    repo_fixture_close(&f);
}

/* With something wrong: refused, and nothing was put. */
static void refused(struct repo_fixture *f, const struct recovery *r, int rc)
{
    struct names x;
    size_t before = slots(f, &x);

    assert_int_equal(recover(f, r, false), rc);
    assert_int_equal(slots(f, &x), before);
}

static void test_repo_recover__another_repository_is_refused(void **state)
{
    struct repo_fixture f;
    struct repo_fixture other;
    struct recovery *r;
    uint64_t size;
    bool found;

    (void)state;
    repo_fixture_make(&f);
    repo_fixture_make(&other);
    r = sheet_of(&other);
    refused(&f, r, E_KEY);
    lose(&f);
    refused(&f, r, E_KEY);
    assert_int_equal(store_size(f.store, "config", &size, &found), 0);
    assert_false(found);
    assert_non_null(strstr(err_text(), "another repository"));
    recovery_free(r);
    repo_fixture_close(&other);
    repo_fixture_close(&f);
}

static void test_repo_recover__a_config_that_differs_is_refused(void **state)
{
    struct repo_fixture f;
    struct recovery *r;
    struct buf config;

    (void)state;
    repo_fixture_make(&f);
    r = sheet_of(&f);
    get(&f, "config", &config);
    for (size_t i = 0; i < config.n; i += 13) {
        config.p[i] ^= 1;
        put(&f, "config", buf_bytes(&config));
        refused(&f, r, E_REFUSED);
        config.p[i] ^= 1;
    }
    put(&f, "config", bytes_of(config.p, 0));
    refused(&f, r, E_REFUSED);
    put(&f, "config", bytes_of(config.p, config.n - 1));
    refused(&f, r, E_REFUSED);
    put(&f, "config", buf_bytes(&config));
    assert_int_equal(recover(&f, r, false), 0);
    buf_release(&config);
    recovery_free(r);
    repo_fixture_close(&f);
}

static void test_repo_recover__what_is_no_repository_is_refused(void **state)
{
    static const char first[] = "log/0000000000000000";
    struct repo_fixture f;
    struct recovery *r;
    struct buf record;

    (void)state;
    repo_fixture_make(&f);
    r = sheet_of(&f);
    lose(&f);
    get(&f, first, &record);
    assert_int_equal(store_delete(f.store, first), 0);
    refused(&f, r, E_NOREPO);
    record.p[record.n / 2] ^= 1;
    put(&f, first, buf_bytes(&record));
    refused(&f, r, E_CORRUPT);
    buf_release(&record);
    recovery_free(r);
    repo_fixture_close(&f);
}

static int compute_unforget(void *ctx, const struct repo *r,
                            struct repo_log_draft *d)
{
    (void)r;
    d->type = RECORD_UNFORGET;
    d->says.ids = (struct record_ids){.p = ctx, .n = 1};
    return 0;
}

static void test_repo_recover__an_older_repository_is_told(void **state)
{
    static const char last[] = "log/0000000000000001";
    static const uint8_t nothing[32] = {1};
    struct repo_fixture f;
    struct recovery *old;
    struct recovery *r;
    struct repo *repo = NULL;
    struct buf record;

    (void)state;
    repo_fixture_make(&f);
    old = sheet_of(&f);
    assert_int_equal(repo_fixture_repo(&f, NULL, &repo), 0);
    assert_int_equal(repo_log_append(repo, compute_unforget,
                                     (void *)(uintptr_t)nothing, NULL),
                     0);
    repo_close(repo);
    r = sheet_of(&f);
    assert_int_equal(r->log_number, 1);
    lose(&f);
    get(&f, last, &record);
    assert_int_equal(store_delete(f.store, last), 0);
    refused(&f, r, E_ROLLBACK);
    assert_non_null(strstr(err_text(), "missing"));
    record.p[40] ^= 1;
    put(&f, last, buf_bytes(&record));
    refused(&f, r, E_ROLLBACK);
    assert_non_null(strstr(err_text(), "another"));
    record.p[40] ^= 1;
    put(&f, last, buf_bytes(&record));
    /* an older sheet is as good */
    assert_int_equal(recover(&f, old, false), 0);
    assert_int_equal(store_delete(f.store, last), 0);
    assert_int_equal(recover(&f, r, true), 0);
    f.secret = fresh;
    assert_int_equal(repo_fixture_repo(&f, NULL, &repo), 0);
    repo_close(repo);
    buf_release(&record);
    recovery_free(old);
    recovery_free(r);
    repo_fixture_close(&f);
}

/* ---- epochs ------------------------------------------------------------ */

/* All is lost, and recovered to keys that hold that many epochs: all. */
static void recovered(struct epoch_kit *k, const struct recovery *r,
                      uint32_t held)
{
    struct key_slot_secret founder = k->f.secret;
    struct repo *repo = NULL;

    lose(&k->f);
    assert_int_equal(recover(&k->f, r, false), 0);
    k->f.secret = fresh;
    assert_int_equal(repo_fixture_repo(&k->f, NULL, &repo), 0);
    assert_int_equal(repo->keys->held, held);
    assert_true(keyring_is_current(repo->keys));
    repo_close(repo);
    k->f.secret = founder;
}

/* The sheet's member was given its share of the new keys in the log. */
static void test_repo_recover__an_old_sheet_after_a_rotation(void **state)
{
    struct epoch_kit k;
    struct recovery *r;
    struct object_id id[3];

    (void)state;
    epoch_kit_open(&k);
    assert_int_equal(repo_fixture_backup(&k.f, NULL, 1, &id[0]), 0);
    r = sheet_of(&k.f);
    assert_int_equal(r->root_n, 1);
    assert_int_equal(epoch_kit_begin(&k, 0, NULL, NULL), 0);
    assert_int_equal(repo_fixture_backup(&k.f, NULL, 2, &id[1]), 0);
    recovered(&k, r, 2);
    k.f.secret = fresh;
    assert_int_equal(repo_fixture_check(&k.f, id, 2), 2);
    assert_int_equal(repo_fixture_backup(&k.f, NULL, 3, &id[2]), 0);
    assert_int_equal(repo_fixture_check(&k.f, id, 3), 3);
    recovery_free(r);
    epoch_kit_close(&k);
}

static void test_repo_recover__a_new_sheet_holds_all_epochs(void **state)
{
    struct epoch_kit k;
    struct repo_open_options opt = {.secret = &fresh, .no_index = true};
    struct repo *repo = NULL;
    struct recovery *r;
    struct object_id id;

    (void)state;
    epoch_kit_open(&k);
    assert_int_equal(epoch_kit_begin(&k, 0, NULL, NULL), 0);
    assert_int_equal(epoch_kit_begin(&k, 0, NULL, NULL), 0);
    assert_int_equal(repo_fixture_backup(&k.f, NULL, 1, &id), 0);
    r = sheet_of(&k.f);
    assert_int_equal(r->root_n, 3);
    recovered(&k, r, 3);
    k.f.secret = fresh;
    assert_int_equal(repo_fixture_check(&k.f, &id, 1), 1);
    /* from the slot, without a look at the log */
    assert_int_equal(repo_open(k.f.store, &opt, &repo), 0);
    assert_int_equal(repo->keys->held, 3);
    repo_close(repo);
    recovery_free(r);
    epoch_kit_close(&k);
}

/* ---- whatever fails or dies -------------------------------------------- */

/* early: the second attempt comes before the power cut, and sees what the first
 * one left, durable or not. */
static bool try_recover(struct memory_fault fault, uint64_t cut, bool early)
{
    struct memory_fault none = {.n = 0};
    struct repo_recover_options opt = {.secret = &fresh};
    struct repo_fixture f;
    struct object_id id;
    struct recovery *r;
    int rc;

    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id), 0);
    r = sheet_of(&f);
    opt.recovery = r;
    if (cut == 1)
        lose_keys(&f);
    else
        lose(&f);
    memory_set_fault(f.store, fault);
    rc = repo_recover(f.store, &opt);
    memory_set_fault(f.store, none);
    /* done is done; what failed can be done again */
    if (rc < 0 && early)
        assert_int_equal(repo_recover(f.store, &opt), 0);
    memory_power_cut(f.store, cut);
    if (rc < 0 && !early)
        assert_int_equal(repo_recover(f.store, &opt), 0);
    f.secret = fresh;
    assert_int_equal(repo_fixture_check(&f, &id, 1), 1);
    recovery_free(r);
    repo_fixture_close(&f);
    return rc < 0;
}

static void test_repo_recover__may_die_anywhere(void **state)
{
    (void)state;
    for (int point = MEMORY_BEFORE; point <= MEMORY_AFTER; point++)
        for (int dies = 0; dies < 2; dies++)
            for (uint64_t n = 1;; n++) {
                struct memory_fault fault = {.point = (enum memory_point)point,
                                             .n = n,
                                             .persistent = dies != 0,
                                             .code = E_STORE};
                bool failed = false;

                for (uint64_t cut = 0; cut < 2 * CUTS; cut++)
                    failed = try_recover(fault, cut / 2, cut % 2) || failed;
                if (!failed && n > 12)
                    break;
                assert_true(n < 200);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repo_recover__everything_is_back),
        cmocka_unit_test(test_repo_recover__any_config_is_made_again),
        cmocka_unit_test(test_repo_recover__a_sheet_needs_no_index),
        cmocka_unit_test(test_repo_recover__some_have_no_sheet),
        cmocka_unit_test(test_repo_recover__a_new_slot_beside_the_others),
        cmocka_unit_test(test_repo_recover__another_repository_is_refused),
        cmocka_unit_test(test_repo_recover__a_config_that_differs_is_refused),
        cmocka_unit_test(test_repo_recover__what_is_no_repository_is_refused),
        cmocka_unit_test(test_repo_recover__an_older_repository_is_told),
        cmocka_unit_test(test_repo_recover__an_old_sheet_after_a_rotation),
        cmocka_unit_test(test_repo_recover__a_new_sheet_holds_all_epochs),
        cmocka_unit_test(test_repo_recover__may_die_anywhere),
    };

    if (crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
