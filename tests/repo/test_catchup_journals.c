/*
 * Journals of which records are damaged, missing or exchanged: what the others
 * say counts, the damage is told at each start, and nothing is believed that
 * only it could have said. Whole runs and restores: test_journal_damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/catchup_marks.h"
#include "repo/record_journal.h"
#include "tests/repo/catchup_kit.h"
#include "tests/support/scratch.h"

/* --- damaged records --- */

static void remove_all(struct store *s, const char *prefix)
{
    struct catchup_kit_names p;

    catchup_kit_pick(s, prefix, &p);
    assert_true(p.n > 0);
    for (unsigned i = 0; i < p.n; i++)
        catchup_kit_remove(s, p.name[i]);
}

/* A journal that begins with a damaged record. */
static void start_with_damage(struct repo_fixture *f)
{
    struct object_id id;
    struct catchup_kit_names w;

    catchup_kit_start(f, 1, &id);
    catchup_kit_pick(f->store, "w", &w);
    assert_true(memory_damage(f->store, w.name[1], 200, 1));
}

/* A backup that the cache "a" has seen, and a journal that it has not: its
 * first segment record is damaged, what stands behind it is long. */
static void start_with_news(struct repo_fixture *f)
{
    struct catchup_kit_names before;
    struct catchup_kit_names after;
    struct object_id id;
    struct repo *r = NULL;
    struct writer *w = NULL;

    catchup_kit_start(f, 1, &id);
    assert_int_equal(repo_fixture_repo(f, "b", &r), 0);
    catchup_kit_pick(f->store, "w", &before);
    assert_int_equal(writer_open(r, bytes_of_str("test@series"), &w), 0);
    assert_int_equal(repo_fixture_publish(f, w, r, 2), 0);
    catchup_kit_pick(f->store, "w", &after);
    assert_int_equal(after.n, before.n + 2);
    catchup_kit_publish_many(f, w, r);
    assert_int_equal(repo_fixture_commit(w, r, 2, &id), 0);
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
    repo_close(r);
    /* the new journal is before or behind the old one */
    for (unsigned i = 0; i < after.n; i++) {
        bool old = false;

        for (unsigned j = 0; j < before.n; j++)
            old |= strcmp(before.name[j], after.name[i]) == 0;
        if (!old && strcmp(strrchr(after.name[i], '/'), "/00000001") == 0)
            assert_true(memory_damage(f->store, after.name[i], 200, 1));
    }
}

/* Whoever dies before the packs were asked leaves that to the next one: by a
 * new cache, and by one that has seen the repository before. */
static void test_catchup_journals__damaged_records_are_not_forgotten(
    void **state)
{
    static const enum memory_point point[] = {MEMORY_BEFORE, MEMORY_AFTER};

    (void)state;
    for (size_t way = 0; way < 4; way++) {
        struct memory_fault none = {.n = 0};
        struct repo_fixture f;
        int rc = E_STORE;
        bool news = way >= 2;

        if (news)
            start_with_news(&f);
        else
            start_with_damage(&f);
        for (uint64_t n = 1; rc != 0; n++) {
            struct memory_fault fault = {.point = point[way % 2],
                                         .n = n,
                                         .persistent = true,
                                         .code = E_STORE};
            char cache[32];

            assert_true(n < 100);
            (void)snprintf(cache, sizeof cache, "at-%u", (unsigned)n);
            if (news)
                assert_true(
                    scratch_run("cp -a %s/a %s/%s", f.cache, f.cache, cache));
            memory_set_fault(f.store, fault);
            rc = catchup_kit_try(&f, cache);
            assert_true(rc == 0 || rc == E_STORE);
            memory_set_fault(f.store, none);
            catchup_kit_knows_but(&f, cache, news ? 2 : 1, 1);
            assert_int_equal(catchup_kit_damaged(&f, cache), 1);
        }
        repo_fixture_close(&f);
    }
}

/* A store that does not answer is no damage: opening fails, and says why. */
static void test_catchup_journals__a_failing_store_is_no_damage(void **state)
{
    static const enum memory_point point[] = {MEMORY_BEFORE, MEMORY_AFTER};

    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct memory_fault none = {.n = 0};
        struct object_id id[2];
        struct repo_fixture f;
        uint64_t n = 0;
        unsigned spared = 0;
        bool fired = true;

        catchup_kit_start(&f, 2, id);
        while (fired) {
            struct memory_fault fault = {
                .point = point[p], .n = ++n, .code = E_STORE};
            struct repo *r = NULL;
            int rc;

            memory_set_fault(f.store, fault);
            rc = repo_fixture_repo(&f, NULL, &r);
            fired = memory_passages(f.store) >= n;
            memory_set_fault(f.store, none);
            /* the list of slots may fail once it has shown the right one */
            spared += fired && rc == 0;
            assert_int_equal(rc, fired && rc != 0 ? E_STORE : 0);
            if (rc == 0)
                assert_int_equal(r->journals.records, 0);
            repo_close(r);
        }
        assert_int_equal(spared, point[p] == MEMORY_AFTER ? 1 : 0);
        assert_true(n > 10);
        repo_fixture_close(&f);
    }
}

static int refuse_packs(void *ctx, enum memory_point point, enum memory_op op,
                        const char *name)
{
    (void)ctx;
    if (point == MEMORY_BEFORE && op == MEMORY_GET &&
        strncmp(name, "packs/", 6) == 0)
        return err_set(E_STORE, "a bad spot");
    return 0;
}

/* Packs are asked so that readers miss nothing; one that the disk does not give
 * back must not cost them the rest. It is asked again. */
static void test_catchup_journals__a_pack_that_fails_is_asked_again(
    void **state)
{
    struct repo_fixture f;
    struct repo *r = NULL;

    (void)state;
    start_with_damage(&f);
    memory_set_hook(f.store, refuse_packs, NULL);
    for (int open = 0; open < 2; open++) {
        assert_int_equal(repo_fixture_repo(&f, "new", &r), 0);
        assert_int_equal(r->journals.records, 1);
        assert_false(catchup_kit_finds(r, INDEX_READ, 1));
        repo_close(r);
    }
    memory_set_hook(f.store, NULL, NULL);
    catchup_kit_knows_but(&f, "new", 1, 1);
    repo_fixture_close(&f);
}

/* ... but a store that gives none of many is one that fails. */
static void test_catchup_journals__packs_that_all_fail_are_the_store(
    void **state)
{
    struct object_id id[10];
    struct repo_fixture f;
    struct repo *r = NULL;

    (void)state;
    catchup_kit_start(&f, 10, id);
    remove_all(f.store, "index");
    memory_set_hook(f.store, refuse_packs, NULL);
    assert_int_equal(repo_fixture_repo(&f, "new", &r), E_STORE);
    memory_set_hook(f.store, NULL, NULL);
    catchup_kit_knows_but(&f, "new", 10, 10);
    repo_fixture_close(&f);
}

/* The byte that says which version of the format this is: nothing vouches for
 * it before the signature was compared. */
static void test_catchup_journals__what_looks_newer_is_damage(void **state)
{
    enum { VERSION_AT = 8, VERSION_XOR = 2 };
    struct catchup_kit_names w;
    struct catchup_kit_names p;
    struct object_id id[2];
    struct repo_fixture f;

    (void)state;
    catchup_kit_start(&f, 2, id);
    catchup_kit_pick(f.store, "w", &w);
    catchup_kit_pick(f.store, "packs", &p);
    for (unsigned i = 0; i < w.n; i++) {
        assert_true(memory_damage(f.store, w.name[i], VERSION_AT, VERSION_XOR));
        /* and packs that are asked for what it may have listed */
        for (unsigned j = 0; j < p.n; j++)
            assert_true(
                memory_damage(f.store, p.name[j], VERSION_AT, VERSION_XOR));
        assert_int_equal(catchup_kit_damaged(&f, NULL), 1);
        for (unsigned j = 0; j < p.n; j++)
            assert_true(
                memory_damage(f.store, p.name[j], VERSION_AT, VERSION_XOR));
        assert_true(memory_damage(f.store, w.name[i], VERSION_AT, VERSION_XOR));
    }
    assert_int_equal(catchup_kit_damaged(&f, NULL), 0);
    repo_fixture_close(&f);
}

struct watch {
    unsigned packs; /* gets of packs */
    unsigned index; /* of segments */
    unsigned lists; /* of packs */
};

static int watch(void *ctx, enum memory_point point, enum memory_op op,
                 const char *name)
{
    struct watch *w = ctx;

    if (point != MEMORY_BEFORE)
        return 0;
    w->packs += op == MEMORY_GET && strncmp(name, "packs/", 6) == 0;
    w->index += op == MEMORY_GET && strncmp(name, "index/", 6) == 0;
    w->lists += op == MEMORY_LIST && strcmp(name, "packs") == 0;
    return 0;
}

/* Behind a gap each start looks at the records again, and at nothing else that
 * it has seen: and takes no lock that a stopped process could hold. */
static void test_catchup_journals__a_gap_is_cheap(void **state)
{
    struct index_update *u = NULL;
    struct watch w = {.packs = 0};
    struct repo_fixture f;
    struct repo *r = NULL;

    (void)state;
    start_with_damage(&f);
    {
        struct catchup_kit_names j;

        catchup_kit_pick(f.store, "w", &j);
        assert_true(memory_damage(f.store, j.name[1], 200, 1));
        assert_true(memory_damage(f.store, j.name[0], 200, 1));
    }
    assert_int_equal(catchup_kit_damaged(&f, "new"), 1);
    assert_int_equal(repo_fixture_repo(&f, "new", &r), 0);
    assert_int_equal(index_update_begin(r->index, 0, &u), 0);
    memory_set_hook(f.store, watch, &w);
    assert_int_equal(repo_refresh_in_use(r), 0);
    memory_set_hook(f.store, NULL, NULL);
    assert_int_equal(r->journals.records, 1);
    assert_int_equal(w.packs, 0);
    assert_int_equal(w.index, 0);
    assert_int_equal(w.lists, 0);
    index_update_abort(u);
    repo_close(r);
    catchup_kit_knows(&f, "new", 1);
    repo_fixture_close(&f);
}

/* Somebody's number far out costs no more than others. */
static void test_catchup_journals__far_numbers_are_harmless(void **state)
{
    enum store_outcome outcome;
    struct object_id id;
    struct repo_fixture f;
    struct writer_id w;
    struct catchup_kit_names names;
    uint64_t k;
    char name[RECORD_NAME_MAX];

    (void)state;
    catchup_kit_start(&f, 1, &id);
    catchup_kit_pick(f.store, "w", &names);
    assert_true(record_journal_number(names.name[0], &w, &k));
    record_journal_name(&w, 99999999, name);
    assert_int_equal(
        store_put(f.store, name, bytes_of_str("nothing"), &outcome), 0);
    record_journal_name(&w, 4000000000, name);
    assert_int_equal(
        store_put(f.store, name, bytes_of_str("nothing"), &outcome), 0);
    /* behind the end of the journal nothing is read */
    assert_int_equal(catchup_kit_damaged(&f, NULL), 0);
    assert_int_equal(catchup_kit_damaged(&f, "a"), 0);
    /* two holes, and what stands behind them */
    catchup_kit_remove(f.store, names.name[3]);
    assert_int_equal(catchup_kit_damaged(&f, NULL), 4);
    catchup_kit_knows(&f, NULL, 1);
    repo_fixture_close(&f);
}

/* The name of a journal of the founder's. */
static void own_writer(struct repo_fixture *f, struct writer_id *w)
{
    struct repo *r = NULL;

    assert_int_equal(repo_fixture_repo(f, NULL, &r), 0);
    members_writer_new(&r->keys->member, w);
    repo_close(r);
}

static void put_record(struct repo_fixture *f, const struct writer_id *w,
                       struct chain_tip *tip, enum record_journal_type type,
                       const struct object_id *id)
{
    struct record_journal j = {.id = *id,
                               .ids = record_ids_of(id, 1),
                               .series = bytes_of_str("a@b"),
                               .in_series = 1};
    struct repo *r = NULL;
    struct chain chain;
    struct buf body;
    bool mine;

    if (type == RECORD_SEGMENT)
        j.ids.n = 0;
    assert_int_equal(repo_fixture_repo(f, NULL, &r), 0);
    chain = (struct chain){.store = f->store,
                           .keys = r->keys,
                           .kind = ENVELOPE_JOURNAL,
                           .writer = *w};
    buf_init(&body, 4096);
    record_journal_put(type, &j, &body);
    assert_int_equal(chain_put(&chain, tip, type, buf_bytes(&body), &mine), 0);
    assert_true(mine);
    buf_release(&body);
    repo_close(r);
}

/* Two records that are both as signed, of which the second follows another
 * first one: both stand, and it is told, until the right one is back. */
static void test_catchup_journals__a_broken_link_is_damage(void **state)
{
    char name[RECORD_NAME_MAX];
    struct writer_id w;
    struct chain_tip tip = {.any = false};
    struct object_id other = {{7}};
    struct chain_tip fork;
    struct object_id id[2];
    struct repo_fixture f;
    struct store *copy;
    struct buf wrong;
    struct buf right;

    (void)state;
    catchup_kit_start(&f, 1, id);
    own_writer(&f, &w);
    record_journal_name(&w, 1, name);
    put_record(&f, &w, &tip, RECORD_OPEN, &other);
    copy = catchup_kit_copy_store(f.store);
    fork = tip;
    /* the other history has another number 1 */
    copy = catchup_kit_exchange(&f, copy);
    put_record(&f, &w, &fork, RECORD_PIN, &other);
    copy = catchup_kit_exchange(&f, copy);
    catchup_kit_get(copy, name, &wrong);
    put_record(&f, &w, &tip, RECORD_PIN, &other);
    assert_int_equal(catchup_kit_damaged(&f, "early"), 0);
    put_record(&f, &w, &tip, RECORD_COMMIT, &id[0]);
    put_record(&f, &w, &tip, RECORD_END, &id[0]);
    catchup_kit_get(f.store, name, &right);
    catchup_kit_replace(f.store, name, buf_bytes(&wrong));
    for (int open = 0; open < 3; open++)
        assert_int_equal(catchup_kit_damaged(&f, "late"), 1);
    /* who stands at the right one misses nothing; the other is told */
    assert_int_equal(catchup_kit_damaged(&f, "early"), 0);
    catchup_kit_replace(f.store, name, buf_bytes(&right));
    for (int open = 0; open < 3; open++)
        assert_int_equal(catchup_kit_damaged(&f, "late"), 0);
    catchup_kit_knows(&f, "late", 1);
    buf_release(&wrong);
    buf_release(&right);
    store_close(copy);
    repo_fixture_close(&f);
}

/* What stood at the mark is exchanged before anything followed it: the whole
 * journal is read again, and the mark is mended. */
static void test_catchup_journals__a_mark_that_is_off_is_mended(void **state)
{
    char name[RECORD_NAME_MAX];
    struct writer_id w;
    struct chain_tip tip = {.any = false};
    struct object_id other = {{7}};
    struct chain_tip fork;
    struct object_id id[1];
    struct repo_fixture f;
    struct store *copy;
    struct buf wrong;

    (void)state;
    catchup_kit_start(&f, 1, id);
    own_writer(&f, &w);
    record_journal_name(&w, 1, name);
    put_record(&f, &w, &tip, RECORD_OPEN, &other);
    copy = catchup_kit_copy_store(f.store);
    fork = tip;
    copy = catchup_kit_exchange(&f, copy);
    put_record(&f, &w, &fork, RECORD_PIN, &other);
    copy = catchup_kit_exchange(&f, copy);
    catchup_kit_get(copy, name, &wrong);
    put_record(&f, &w, &tip, RECORD_PIN, &other);
    assert_int_equal(catchup_kit_damaged(&f, "early"), 0);
    catchup_kit_replace(f.store, name, buf_bytes(&wrong));
    put_record(&f, &w, &fork, RECORD_COMMIT, &id[0]);
    put_record(&f, &w, &fork, RECORD_END, &id[0]);
    for (int open = 0; open < 2; open++) {
        assert_int_equal(catchup_kit_damaged(&f, "early"), 0);
        assert_int_equal(catchup_kit_damaged(&f, NULL), 0);
    }
    buf_release(&wrong);
    store_close(copy);
    repo_fixture_close(&f);
}

/* Reading a journal from its beginning once more does not make the cache
 * forget how long it was. */
static void test_catchup_journals__a_mark_never_goes_back(void **state)
{
    char folder[RECORD_NAME_MAX];
    struct chain_tip tip = {.any = false};
    struct object_id other = {{7}};
    struct catchup_kit_names n;
    struct writer_id w;
    struct repo_fixture f;
    struct object_id id[1];
    struct store *copy;
    struct chain_tip fork;
    struct buf wrong;
    struct catchup_mark m = {.number = 0};
    struct index_reader *ix = NULL;
    struct repo *r = NULL;
    bool found;

    (void)state;
    catchup_kit_start(&f, 1, id);
    own_writer(&f, &w);
    record_journal_name(&w, 1, folder);
    *strrchr(folder, '/') = 0;
    put_record(&f, &w, &tip, RECORD_OPEN, &other);
    put_record(&f, &w, &tip, RECORD_PIN, &other);
    copy = catchup_kit_copy_store(f.store);
    fork = tip;
    copy = catchup_kit_exchange(&f, copy);
    put_record(&f, &w, &fork, RECORD_PIN, &other);
    copy = catchup_kit_exchange(&f, copy);
    put_record(&f, &w, &tip, RECORD_PIN, &other);
    assert_int_equal(catchup_kit_damaged(&f, "early"), 0);
    /* record 2 is another's now, 3 follows that, and 1 is damaged */
    catchup_kit_pick(f.store, folder, &n);
    assert_int_equal(n.n, 3);
    catchup_kit_get(copy, n.name[2], &wrong);
    catchup_kit_replace(f.store, n.name[2], buf_bytes(&wrong));
    put_record(&f, &w, &fork, RECORD_COMMIT, &id[0]);
    assert_true(memory_damage(f.store, n.name[1], 200, 1));
    assert_int_equal(repo_fixture_repo(&f, "early", &r), 0);
    assert_int_equal(r->journals.records, 1);
    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(catchup_marks_journal(ix, &w, &m, &found), 0);
    assert_true(found);
    assert_int_equal(m.number, 2);
    index_reader_free(ix);
    repo_close(r);
    /* what stands behind the damage is not forgotten either */
    catchup_kit_pick(f.store, folder, &n);
    catchup_kit_remove(f.store, n.name[3]);
    assert_int_equal(catchup_kit_try(&f, "early"), E_ROLLBACK);
    buf_release(&wrong);
    store_close(copy);
    repo_fixture_close(&f);
}

/* --- whole folders --- */

/* All that segments say, packs say; and what is committed does not hang on
 * them. */
static void test_catchup_journals__no_segment_is_left(void **state)
{
    struct object_id id[4];
    struct repo_fixture f;

    (void)state;
    catchup_kit_start(&f, 3, id);
    remove_all(f.store, "index");
    catchup_kit_knows_but(&f, "fresh", 3, 3);
    catchup_kit_knows(&f, "a", 3);
    assert_int_equal(repo_fixture_backup(&f, "fresh", 4, &id[3]), 0);
    catchup_kit_knows_but(&f, "fresh", 4, 3);
    catchup_kit_knows_but(&f, NULL, 4, 3);
    repo_fixture_close(&f);
}

/* A whole journal is missed by the caches that know it. For the others it never
 * was; what it had stored for later snapshots is still found. */
static void test_catchup_journals__a_journal_has_gone(void **state)
{
    struct repo *r = NULL;
    struct object_id id[3];
    struct repo_fixture f;
    struct catchup_kit_names before;
    char folder[64];

    (void)state;
    catchup_kit_start(&f, 1, id);
    catchup_kit_pick(f.store, "w", &before);
    assert_int_equal(repo_fixture_backup(&f, "a", 2, &id[1]), 0);
    (void)snprintf(folder, sizeof folder, "%.*s",
                   (int)(strrchr(before.name[0], '/') - before.name[0]),
                   before.name[0]);
    remove_all(f.store, folder);
    assert_int_equal(catchup_kit_try(&f, "a"), E_ROLLBACK);
    assert_int_equal(repo_fixture_repo(&f, NULL, &r), 0);
    assert_int_equal(r->journals.records, 0);
    assert_true(catchup_kit_finds(r, INDEX_READ, 1));
    assert_false(catchup_kit_finds(r, INDEX_DEDUP, 1));
    assert_true(catchup_kit_finds(r, INDEX_DEDUP, 2));
    repo_close(r);
    assert_int_equal(repo_fixture_check(&f, &id[1], 1), 1);
    assert_int_equal(catchup_kit_try_accepting(&f, "a"), 0);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id[2]), 0);
    assert_int_equal(repo_fixture_check(&f, &id[1], 2), 2);
    repo_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_catchup_journals__damaged_records_are_not_forgotten),
        cmocka_unit_test(test_catchup_journals__a_failing_store_is_no_damage),
        cmocka_unit_test(
            test_catchup_journals__a_pack_that_fails_is_asked_again),
        cmocka_unit_test(
            test_catchup_journals__packs_that_all_fail_are_the_store),
        cmocka_unit_test(test_catchup_journals__what_looks_newer_is_damage),
        cmocka_unit_test(test_catchup_journals__a_gap_is_cheap),
        cmocka_unit_test(test_catchup_journals__far_numbers_are_harmless),
        cmocka_unit_test(test_catchup_journals__a_broken_link_is_damage),
        cmocka_unit_test(test_catchup_journals__a_mark_that_is_off_is_mended),
        cmocka_unit_test(test_catchup_journals__a_mark_never_goes_back),
        cmocka_unit_test(test_catchup_journals__no_segment_is_left),
        cmocka_unit_test(test_catchup_journals__a_journal_has_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
