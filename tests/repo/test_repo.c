/*
 * Whatever fails or dies at whatever moment: a snapshot that was reported is
 * there and readable, one that is there has all of its chunks, and the next run
 * needs no human.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/repo/repo_fixture.h"

enum {
    CUTS = 3
}; /* power cuts tried for each way to die; seed 0 undoes all
      that is not durable */

/* One way to fail: the n-th passage through a point, and all later ones when
 * the process dies there. */
struct failure {
    enum memory_point point;
    uint64_t n;
    bool dies;
};

static void arm(struct store *s, const struct failure *x)
{
    struct memory_fault fault = {
        .point = x->point, .n = x->n, .persistent = x->dies, .code = E_STORE};

    memory_set_fault(s, fault);
}

static void disarm(struct store *s)
{
    struct memory_fault none = {.n = 0};

    memory_set_fault(s, none);
}

static void test_repo__opens_with_its_key_only(void **state)
{
    struct key_slot_secret other = {
        KEY_SLOT_FILE, bytes_of_str("0123456789abcdef0123456789abcdeX")};
    struct key_slot_secret pass = {KEY_SLOT_PASSPHRASE, bytes_of_str("x")};
    struct repo_fixture f;
    struct config c;
    struct repo *r = NULL;

    (void)state;
    repo_fixture_open(&f);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), E_NOREPO);
    assert_int_equal(repo_probe(f.store, &c), E_NOREPO);
    assert_int_equal(repo_fixture_init(&f), 0);
    assert_int_equal(repo_probe(f.store, &c), 0);
    assert_int_equal(repo_fixture_init(&f), E_REFUSED);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    assert_int_equal(r->keys->role, KEYRING_FULL);
    assert_false(r->state.provisional);
    repo_close(r);
    f.secret = other;
    assert_int_equal(repo_fixture_repo(&f, "a", &r), E_KEY);
    f.secret = pass;
    assert_int_equal(repo_fixture_repo(&f, "a", &r), E_KEY);
    repo_fixture_close(&f);
}

/* Every byte of the config counts: another one fits no slot. */
static void test_repo__a_damaged_config_is_noticed(void **state)
{
    struct repo_fixture f;
    struct repo *r = NULL;
    uint64_t size;
    bool found;

    (void)state;
    repo_fixture_make(&f);
    assert_int_equal(store_size(f.store, "config", &size, &found), 0);
    for (uint64_t i = 0; i < size; i++) {
        int rc;

        assert_true(memory_damage(f.store, "config", i, 1));
        rc = repo_fixture_repo(&f, "a", &r);
        assert_true(rc == E_CORRUPT || rc == E_UNSUPPORTED);
        assert_true(memory_damage(f.store, "config", i, 1));
    }
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    repo_close(r);
    repo_fixture_close(&f);
}

/* Returns false when the failure never came: the loop is over. */
static bool try_init(const struct failure *x, uint64_t cut)
{
    struct repo_fixture f;
    struct repo *r = NULL;
    int first;
    int rc;

    repo_fixture_open(&f);
    arm(f.store, x);
    first = repo_fixture_init(&f);
    disarm(f.store);
    memory_power_cut(f.store, cut);
    rc = repo_fixture_repo(&f, "a", &r);
    if (first == 0 || rc == 0)
        assert_int_equal(rc, 0);
    else
        assert_int_equal(rc, E_NOREPO);
    repo_close(r);
    if (rc == E_NOREPO)
        assert_int_equal(repo_fixture_init(&f), 0);
    assert_int_equal(repo_fixture_check(&f, NULL, 0), 0);
    repo_fixture_close(&f);
    return first != 0;
}

static void test_repo__init_may_die_anywhere(void **state)
{
    (void)state;
    for (int point = MEMORY_BEFORE; point <= MEMORY_AFTER; point++)
        for (int dies = 0; dies < 2; dies++)
            for (uint64_t n = 1;; n++) {
                struct failure x = {(enum memory_point)point, n, dies != 0};
                bool failed = false;

                for (uint64_t cut = 0; cut < CUTS; cut++)
                    failed = try_init(&x, cut) || failed;
                if (!failed && n > 12)
                    break;
                assert_true(n < 200);
            }
}

static bool try_backup(const struct failure *x, uint64_t cut)
{
    static const struct object_id none;
    struct repo_fixture f;
    struct object_id id[3] = {{{0}}};
    size_t n;
    int rc;

    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id[0]), 0);
    arm(f.store, x);
    rc = repo_fixture_backup(&f, "a", 2, &id[1]);
    disarm(f.store);
    memory_power_cut(f.store, cut);
    n = object_id_equal(&id[1], &none) ? 1 : 2;
    assert_true(repo_fixture_check(&f, id, n) >= n);
    /* the next run, with the cache of the one that failed */
    if (repo_fixture_backup(&f, "a", 3, &id[n]) < 0)
        fail_msg("point %d n %llu dies %d cut %llu: %s", (int)x->point,
                 (unsigned long long)x->n, x->dies, (unsigned long long)cut,
                 err_text());
    assert_true(repo_fixture_check(&f, id, n + 1) >= n + 1);
    repo_fixture_close(&f);
    return rc != 0;
}

static void test_repo__a_backup_may_die_anywhere(void **state)
{
    (void)state;
    for (int point = MEMORY_BEFORE; point <= MEMORY_AFTER; point++)
        for (int dies = 0; dies < 2; dies++)
            for (uint64_t n = 1;; n++) {
                struct failure x = {(enum memory_point)point, n, dies != 0};
                bool failed = false;

                for (uint64_t cut = 0; cut < CUTS; cut++)
                    failed = try_backup(&x, cut) || failed;
                if (!failed && n > 40)
                    break;
                assert_true(n < 400);
            }
}

/* What only this test's hook does: another process reads the repository while
 * a record is visible, but not yet durable. */
struct reader {
    struct repo_fixture *f;
    const char *prefix; /* of the record's name */
    int rc;
    bool reads; /* the reader is at work: nothing of this applies to it */
    bool died;  /* the writer is dead: nothing that it tries has an effect */
};

static int read_meanwhile(void *ctx, enum memory_point point, enum memory_op op,
                          const char *name)
{
    struct reader *x = ctx;
    struct repo *r = NULL;

    if (x->reads)
        return 0;
    if (!x->died && point == MEMORY_VISIBLE && op == MEMORY_COMMIT &&
        strncmp(name, x->prefix, strlen(x->prefix)) == 0) {
        x->reads = true;
        x->rc = repo_fixture_repo(x->f, "reader", &r);
        repo_close(r);
        x->reads = false;
        x->died = true;
    }
    return x->died ? err_set(E_STORE, "died") : 0;
}

/* A reader may not remember what a power cut can undo: it would take the
 * repository for one that was rolled back, and a human would be needed. */
static void test_repo__readers_remember_only_what_lasts(void **state)
{
    static const char *const prefix[] = {"w/", "index/", "snapshots/"};

    (void)state;
    for (size_t i = 0; i < sizeof prefix / sizeof prefix[0]; i++) {
        struct repo_fixture f;
        struct reader x = {.f = &f, .prefix = prefix[i]};
        struct object_id id[2];
        struct repo *r = NULL;

        repo_fixture_make(&f);
        assert_int_equal(repo_fixture_backup(&f, "a", 1, &id[0]), 0);
        memory_set_hook(f.store, read_meanwhile, &x);
        (void)repo_fixture_backup(&f, "a", 2, &id[1]);
        memory_set_hook(f.store, NULL, NULL);
        assert_true(x.died);
        assert_int_equal(x.rc, 0);
        memory_power_cut(f.store, 0);
        assert_int_equal(repo_fixture_repo(&f, "reader", &r), 0);
        repo_close(r);
        assert_true(repo_fixture_check(&f, id, 1) >= 1);
        repo_fixture_close(&f);
    }
}

/* Kills a writer between the naming and the sync of one record. */
struct killer {
    const char *suffix; /* of the record's name */
    bool died;
};

static int kill_at(void *ctx, enum memory_point point, enum memory_op op,
                   const char *name)
{
    struct killer *x = ctx;
    size_t n = strlen(name);
    size_t k = strlen(x->suffix);

    if (point == MEMORY_VISIBLE && op == MEMORY_COMMIT && name[0] == 'w' &&
        n > k && strcmp(name + n - k, x->suffix) == 0)
        x->died = true;
    return x->died ? err_set(E_STORE, "died") : 0;
}

/* I10: a snapshot may rely on chunks that a dead writer published; its record
 * was seen, but nobody had made sure that it lasts. */
static void test_repo__a_commit_settles_what_it_relies_on(void **state)
{
    enum { NOON = 1700000000, HOURS = 2 };
    struct killer x = {.suffix = "/00000001"}; /* names the segment */
    struct repo_fixture f;
    struct writer *w = NULL;
    struct repo *r = NULL;
    struct object_id id;

    (void)state;
    repo_fixture_open(&f);
    clock_fake_set(NOON * CLOCK_SECOND_NS, 0);
    assert_int_equal(repo_fixture_init(&f), 0);
    memory_set_hook(f.store, kill_at, &x);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id), E_STORE);
    memory_set_hook(f.store, NULL, NULL);
    assert_true(x.died);
    clock_fake_advance(HOURS * 3600 * CLOCK_SECOND_NS);
    assert_int_equal(repo_fixture_repo(&f, "b", &r), 0);
    assert_int_equal(writer_open(r, bytes_of_str("b"), &w), 0);
    assert_int_equal(repo_fixture_commit(w, r, 1, &id), 0);
    writer_free(w);
    repo_close(r);
    clock_fake_end();
    memory_power_cut(f.store, 0);
    assert_int_equal(repo_fixture_check(&f, &id, 1), 1);
    repo_fixture_close(&f);
}

/* Loses the answer to one put: the record is there, and nobody was told. */
struct loser {
    uint64_t at; /* which put of a record; from 1 */
    uint64_t n;
};

static int lose_answer(void *ctx, enum memory_point point, enum memory_op op,
                       const char *name)
{
    struct loser *x = ctx;

    if (point != MEMORY_AFTER || op != MEMORY_COMMIT || name[0] != 'w')
        return 0;
    return ++x->n == x->at ? err_set(E_STORE, "no answer") : 0;
}

/* Whoever finds its own record under the name has won: no run fails for it. */
static void test_repo__lost_answers_cost_nothing(void **state)
{
    (void)state;
    for (uint64_t at = 1; at <= 4; at++) { /* open, segment, commit, end */
        struct loser x = {.at = at};
        struct repo_fixture f;
        struct object_id id;

        repo_fixture_make(&f);
        memory_set_hook(f.store, lose_answer, &x);
        assert_int_equal(repo_fixture_backup(&f, "a", 1, &id), 0);
        memory_set_hook(f.store, NULL, NULL);
        assert_true(x.n >= at);
        memory_power_cut(f.store, 0);
        assert_int_equal(repo_fixture_check(&f, &id, 1), 1);
        repo_fixture_close(&f);
    }
}

/* Names of all objects below a prefix, each with its NUL. */
static int collect(void *ctx, const char *name, uint64_t size)
{
    struct buf *names = ctx;

    (void)size;
    buf_add(names, name, strlen(name) + 1);
    return buf_status(names);
}

/* Deletes the objects below a prefix whose names end with a suffix. */
static size_t delete_all(struct store *s, const char *prefix,
                         const char *suffix)
{
    struct buf names;
    size_t n = 0;

    buf_init(&names, 1 << 20);
    assert_int_equal(store_list(s, prefix, collect, &names), 0);
    for (size_t at = 0; at < names.n;) {
        const char *name = (const char *)names.p + at;
        size_t length = strlen(name);

        at += length + 1;
        if (length < strlen(suffix) ||
            strcmp(name + length - strlen(suffix), suffix) != 0)
            continue;
        assert_int_equal(store_delete(s, name), 0);
        n++;
    }
    buf_release(&names);
    return n;
}

/* A store that is older than what this host saw is refused, by hosts that saw
 * it only, until the user says that it is right. */
static void test_repo__an_older_store_is_noticed(void **state)
{
    /* the records after these are lost: 3 is the end, 2 the commit */
    static const char *const lost[] = {"/00000003", "/00000002"};
    struct repo_open_options opt = {.accept_rollback = true};
    struct repo_fixture f;
    struct object_id id;
    struct repo *r = NULL;
    char path[128];

    (void)state;
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(delete_all(f.store, "w", lost[i]), 1);
        assert_int_equal(repo_fixture_repo(&f, "a", &r), E_ROLLBACK);
        assert_int_equal(repo_fixture_repo(&f, NULL, &r), 0);
        repo_close(r);
    }
    assert_int_equal(repo_fixture_check(&f, NULL, 0), 0);
    (void)snprintf(path, sizeof path, "%s/a", f.cache);
    opt.secret = &f.secret;
    opt.cache_root = path;
    assert_int_equal(repo_open(f.store, &opt, &r), 0);
    repo_close(r);
    /* said once is enough */
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    repo_close(r);
    assert_int_equal(repo_fixture_backup(&f, "a", 2, &id), 0);
    repo_fixture_close(&f);
}

/* A record that is damaged is no rollback, and no reason not to open. */
static void test_repo__a_damaged_journal_is_noticed(void **state)
{
    struct repo_fixture f;
    struct object_id id;
    struct repo *r = NULL;
    struct buf names;

    (void)state;
    buf_init(&names, 10000);
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id), 0);
    assert_int_equal(store_list(f.store, "w", collect, &names), 0);
    for (size_t at = 0; at < names.n;
         at += strlen((const char *)names.p + at) + 1) {
        const char *name = (const char *)names.p + at;

        assert_true(memory_damage(f.store, name, 200, 1));
        assert_int_equal(repo_fixture_repo(&f, NULL, &r), 0);
        assert_true(r->hurt);
        assert_int_equal(r->journals.journals, 1);
        assert_int_equal(r->journals.records, 1);
        assert_string_equal(r->journals.named[0].name, name);
        repo_close(r);
        assert_true(memory_damage(f.store, name, 200, 1));
    }
    assert_int_equal(repo_fixture_check(&f, &id, 1), 1);
    buf_release(&names);
    repo_fixture_close(&f);
}

/* What segments say, packs say too. */
static void test_repo__lost_segments_are_made_up_for(void **state)
{
    struct repo_fixture f;
    struct object_id id;
    struct repo *r = NULL;
    struct index_reader *ix = NULL;
    struct index_stats stats;

    (void)state;
    repo_fixture_make(&f);
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(repo_fixture_backup(&f, "a", i, &id), 0);
    assert_int_equal(delete_all(f.store, "index", ""), 3);
    assert_int_equal(repo_fixture_repo(&f, NULL, &r), 0);
    assert_true(r->segments_lost > 0);
    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(index_reader_stats(ix, &stats), 0);
    assert_int_equal(stats.pack_n, 3);
    assert_int_equal(stats.chunk_n, 3 * REPO_FIXTURE_CHUNKS);
    index_reader_free(ix);
    repo_close(r);
    repo_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repo__opens_with_its_key_only),
        cmocka_unit_test(test_repo__a_damaged_config_is_noticed),
        cmocka_unit_test(test_repo__init_may_die_anywhere),
        cmocka_unit_test(test_repo__a_backup_may_die_anywhere),
        cmocka_unit_test(test_repo__readers_remember_only_what_lasts),
        cmocka_unit_test(test_repo__a_commit_settles_what_it_relies_on),
        cmocka_unit_test(test_repo__lost_answers_cost_nothing),
        cmocka_unit_test(test_repo__an_older_store_is_noticed),
        cmocka_unit_test(test_repo__a_damaged_journal_is_noticed),
        cmocka_unit_test(test_repo__lost_segments_are_made_up_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
