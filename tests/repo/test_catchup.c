/*
 * The cache is believed as far as it agrees with the store, and no further
 * (I5): fresh ones, old ones, those of others, and those that know more than
 * the repository; and a repository of which parts are missing or exchanged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "repo/repo_log.h"
#include "tests/repo/catchup_kit.h"
#include "tests/repo/pack_fixture.h"
#include "tests/support/scratch.h"

/* --- helpers --- */

struct by_hand {
    enum record_log_type type;
    struct object_id id;
    uint8_t suspect[64];
};

static int say(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    struct by_hand *x = ctx;

    (void)r;
    d->type = x->type;
    if (x->type == RECORD_SUSPECT)
        d->says.suspects = (struct fields_list){.p = x->suspect, .n = 1};
    else
        d->says.ids = record_ids_of(&x->id, 1);
    return 0;
}

static void append(struct repo_fixture *f, struct by_hand *x)
{
    struct repo *r = NULL;

    assert_int_equal(repo_fixture_repo(f, NULL, &r), 0);
    assert_int_equal(repo_log_append(r, say, x, NULL), 0);
    repo_close(r);
}

/* --- caches --- */

static void test_catchup__every_cache_says_the_same(void **state)
{
    struct object_id id[4];
    struct repo_fixture f;

    (void)state;
    catchup_kit_start(&f, 2, id);
    catchup_kit_knows(&f, "a", 2);
    catchup_kit_knows(&f, NULL, 2);
    catchup_kit_knows(&f, "b", 2);
    assert_int_equal(repo_fixture_backup(&f, "b", 3, &id[2]), 0);
    catchup_kit_knows(&f, "a", 3);
    assert_true(scratch_run("rm -rf %s/a", f.cache));
    catchup_kit_knows(&f, "a", 3);
    assert_int_equal(repo_fixture_backup(&f, "a", 4, &id[3]), 0);
    catchup_kit_knows(&f, "b", 4);
    assert_int_equal(repo_fixture_check(&f, id, 4), 4);
    repo_fixture_close(&f);
}

static void test_catchup__an_old_cache_catches_up(void **state)
{
    struct object_id id[3];
    struct repo_fixture f;

    (void)state;
    catchup_kit_start(&f, 1, id);
    assert_true(scratch_run("cp -a %s/a %s/old", f.cache, f.cache));
    assert_int_equal(repo_fixture_backup(&f, "a", 2, &id[1]), 0);
    assert_int_equal(repo_fixture_backup(&f, "a", 3, &id[2]), 0);
    catchup_kit_knows(&f, "old", 3);
    repo_fixture_close(&f);
}

/* The index of one repository under the name of another's. */
static void test_catchup__the_cache_of_another_repository(void **state)
{
    struct object_id id[2];
    struct repo_fixture f;
    struct store *other;

    (void)state;
    catchup_kit_start(&f, 2, id);
    assert_int_equal(memory_open(&other), 0);
    other = catchup_kit_exchange(&f, other);
    assert_int_equal(repo_fixture_init(&f), 0);
    assert_int_equal(catchup_kit_try(&f, "other"), 0);
    catchup_kit_knows(&f, "other", 0);
    assert_true(scratch_run("cd %s && mv other/* other/x && "
                            "cp -a a/* other/y && rm -r other/y/*lock && "
                            "n=$(ls -d other/x) && rm -rf other/x/index && "
                            "mv other/y/index other/x/index && rm -r other/y",
                            f.cache));
    /* the name of the directory is the repository's id */
    {
        struct config c;
        char hex[2 * sizeof c.repo.b + 1];

        assert_int_equal(repo_probe(f.store, &c), 0);
        (void)id_hex(c.repo.b, sizeof c.repo.b, hex);
        assert_true(
            scratch_run("mv %s/other/x %s/other/%s", f.cache, f.cache, hex));
    }
    catchup_kit_knows(&f, "other", 0);
    other = catchup_kit_exchange(&f, other);
    store_close(other);
    catchup_kit_knows(&f, "a", 2);
    repo_fixture_close(&f);
}

/* --- repositories that went back --- */

/* Each way in which an older copy of the repository can be told by a cache
 * that has seen more. */
static void test_catchup__a_repository_that_went_back(void **state)
{
    enum { BACKUP, LOG, FORK_LOG, OPEN_WRITER, WAYS };

    (void)state;
    for (int way = 0; way < WAYS; way++) {
        struct by_hand x = {.type = RECORD_FORGET, .id = {{1}}};
        struct by_hand y = {.type = RECORD_FORGET, .id = {{2}}};
        struct object_id id[2];
        struct repo_fixture f;
        struct store *copy;
        struct repo *r = NULL;
        struct writer *w = NULL;

        catchup_kit_start(&f, 1, id);
        copy = catchup_kit_copy_store(f.store);
        switch (way) {
        case BACKUP:
            assert_int_equal(repo_fixture_backup(&f, "a", 2, &id[1]), 0);
            break;
        case FORK_LOG:
            copy = catchup_kit_exchange(&f, copy);
            append(&f, &y);
            copy = catchup_kit_exchange(&f, copy);
            append(&f, &x);
            break;
        case LOG:
            append(&f, &x);
            break;
        default:
            assert_int_equal(repo_fixture_repo(&f, "w", &r), 0);
            assert_int_equal(writer_open(r, bytes_of_str("s"), &w), 0);
            writer_free(w);
            repo_close(r);
            break;
        }
        assert_int_equal(catchup_kit_try(&f, "a"), 0);
        copy = catchup_kit_exchange(&f, copy);
        assert_int_equal(catchup_kit_try(&f, "a"), E_ROLLBACK);
        assert_int_equal(catchup_kit_try(&f, "a"), E_ROLLBACK);
        assert_int_equal(catchup_kit_try(&f, NULL), 0);
        /* the one who knows better says so, once */
        assert_int_equal(catchup_kit_try_accepting(&f, "a"), 0);
        catchup_kit_knows(&f, "a", 1);
        assert_int_equal(repo_fixture_backup(&f, "a", 2, &id[1]), 0);
        catchup_kit_knows(&f, "a", 2);
        assert_int_equal(repo_fixture_check(&f, id, 2), 2);
        store_close(copy);
        repo_fixture_close(&f);
    }
}

/* --- parts of it are gone or exchanged --- */

static void test_catchup__records_that_are_missing(void **state)
{
    struct object_id id[1];
    struct repo_fixture f;
    struct catchup_kit_names w;

    (void)state;
    catchup_kit_start(&f, 1, id);
    catchup_kit_pick(f.store, "w", &w);
    assert_int_equal(w.n, 4); /* open, segment, commit, end */
    for (unsigned i = 0; i < w.n; i++) {
        struct buf b;

        catchup_kit_get(f.store, w.name[i], &b);
        catchup_kit_remove(f.store, w.name[i]);
        /* the last one leaves a journal that is merely shorter; who has read
         * it all before misses nothing but that */
        assert_int_equal(catchup_kit_damaged(&f, NULL), i + 1 == w.n ? 0 : 1);
        assert_int_equal(catchup_kit_try(&f, "a"),
                         i + 1 == w.n ? E_ROLLBACK : 0);
        catchup_kit_replace(f.store, w.name[i], buf_bytes(&b));
        buf_release(&b);
    }
    catchup_kit_remove(f.store, "log/0000000000000000");
    assert_int_equal(catchup_kit_try(&f, NULL), E_CORRUPT);
    repo_fixture_close(&f);
}

static void test_catchup__records_that_were_exchanged(void **state)
{
    static const char *const prefix[] = {"w", "log"};
    struct by_hand x = {.type = RECORD_FORGET, .id = {{1}}};

    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct object_id id[2];
        struct repo_fixture f;
        struct catchup_kit_names w;

        catchup_kit_start(&f, 2, id);
        append(&f, &x);
        append(&f, &x);
        catchup_kit_pick(f.store, prefix[p], &w);
        assert_true(w.n >= 3);
        for (unsigned i = 0; i < w.n; i++) {
            for (unsigned j = i + 1; j < w.n; j++) {
                struct buf a;
                struct buf b;

                catchup_kit_get(f.store, w.name[i], &a);
                catchup_kit_get(f.store, w.name[j], &b);
                catchup_kit_replace(f.store, w.name[i], buf_bytes(&b));
                if (p == 0)
                    assert_int_equal(catchup_kit_damaged(&f, NULL), 1);
                else
                    assert_int_equal(catchup_kit_try(&f, NULL), E_CORRUPT);
                catchup_kit_replace(f.store, w.name[j], buf_bytes(&a));
                if (p == 0)
                    assert_int_equal(catchup_kit_damaged(&f, NULL), 2);
                else
                    assert_int_equal(catchup_kit_try(&f, NULL), E_CORRUPT);
                catchup_kit_replace(f.store, w.name[i], buf_bytes(&a));
                catchup_kit_replace(f.store, w.name[j], buf_bytes(&b));
                buf_release(&a);
                buf_release(&b);
            }
        }
        assert_int_equal(catchup_kit_try(&f, NULL), 0);
        repo_fixture_close(&f);
    }
}

/* A record of another repository under the next number. */
static void test_catchup__a_record_of_another_repository(void **state)
{
    struct by_hand x = {.type = RECORD_FORGET, .id = {{1}}};
    struct repo_fixture other;
    struct object_id id[1];
    struct repo_fixture f;
    enum store_outcome outcome;
    struct buf b;

    (void)state;
    catchup_kit_start(&other, 0, NULL);
    append(&other, &x);
    catchup_kit_get(other.store, "log/0000000000000001", &b);
    catchup_kit_start(&f, 1, id);
    assert_int_equal(
        store_put(f.store, "log/0000000000000001", buf_bytes(&b), &outcome), 0);
    assert_int_equal(catchup_kit_try(&f, NULL), E_CORRUPT);
    assert_int_equal(catchup_kit_try(&f, "a"), E_CORRUPT);
    buf_release(&b);
    repo_fixture_close(&other);
    repo_fixture_close(&f);
}

/* The log of a copy that went its own way: its record is sealed and signed as
 * it should be, and follows another one. */
static void test_catchup__a_record_of_a_fork(void **state)
{
    struct by_hand x = {.type = RECORD_FORGET, .id = {{1}}};
    struct by_hand y = {.type = RECORD_FORGET, .id = {{2}}};
    struct object_id id[1];
    struct repo_fixture f;
    struct store *copy;
    enum store_outcome outcome;
    struct buf b;

    (void)state;
    catchup_kit_start(&f, 1, id);
    copy = catchup_kit_copy_store(f.store);
    append(&f, &x);
    append(&f, &x);
    copy = catchup_kit_exchange(&f, copy);
    append(&f, &y);
    catchup_kit_get(copy, "log/0000000000000002", &b);
    assert_int_equal(
        store_put(f.store, "log/0000000000000002", buf_bytes(&b), &outcome), 0);
    assert_int_equal(catchup_kit_try(&f, NULL), E_CORRUPT);
    assert_non_null(strstr(err_text(), "forked"));
    buf_release(&b);
    store_close(copy);
    repo_fixture_close(&f);
}

/* Two histories that part, shown to two hosts: who has read one does not take
 * over the other, however long that has become. */
static void test_catchup__a_history_that_parted(void **state)
{
    struct by_hand x = {.type = RECORD_FORGET, .id = {{1}}};
    struct by_hand y = {.type = RECORD_FORGET, .id = {{2}}};
    struct object_id id[1];
    struct repo_fixture f;
    struct store *copy;

    (void)state;
    catchup_kit_start(&f, 1, id);
    assert_int_equal(catchup_kit_try(&f, "a"), 0);
    copy = catchup_kit_copy_store(f.store);
    append(&f, &x);
    assert_int_equal(catchup_kit_try(&f, "a"), 0);
    copy = catchup_kit_exchange(&f, copy);
    append(&f, &y);
    assert_int_equal(catchup_kit_try(&f, "a"), E_ROLLBACK);
    append(&f, &y);
    assert_int_equal(catchup_kit_try(&f, "a"), E_ROLLBACK);
    assert_int_equal(catchup_kit_try(&f, "b"), 0); /* who sees it alone */
    copy = catchup_kit_exchange(&f, copy);
    assert_int_equal(catchup_kit_try(&f, "a"), 0);
    assert_int_equal(catchup_kit_try(&f, "b"), E_ROLLBACK);
    store_close(copy);
    repo_fixture_close(&f);
}

/* Segments are gone or damaged: what they said is taken from the packs, by a
 * fresh cache, and that cache stays right. */
static void test_catchup__segments_that_are_lost(void **state)
{
    (void)state;
    for (int damaged = 0; damaged < 2; damaged++) {
        struct object_id id[3];
        struct repo_fixture f;
        struct repo *r = NULL;
        struct catchup_kit_names seg;

        catchup_kit_start(&f, 2, id);
        catchup_kit_pick(f.store, "index", &seg);
        assert_int_equal(seg.n, 2);
        if (damaged)
            assert_true(memory_damage(f.store, seg.name[0], 400, 1));
        else
            catchup_kit_remove(f.store, seg.name[0]);
        assert_int_equal(repo_fixture_repo(&f, "fresh", &r), 0);
        assert_int_equal(r->segments_lost, 1);
        repo_close(r);
        catchup_kit_knows_but(&f, "fresh", 2, 1);
        catchup_kit_knows(&f, "a", 2);
        assert_int_equal(repo_fixture_backup(&f, "fresh", 3, &id[2]), 0);
        catchup_kit_knows_but(&f, "fresh", 3, 1);
        repo_fixture_close(&f);
    }
}

/* A journal that names a segment, which is lost, and a large one. */
static void start_with_loss(struct repo_fixture *f)
{
    struct object_id id;
    struct repo *r = NULL;
    struct writer *w = NULL;
    struct catchup_kit_names seg;

    catchup_kit_start(f, 0, NULL);
    assert_int_equal(repo_fixture_repo(f, "a", &r), 0);
    assert_int_equal(writer_open(r, bytes_of_str("test@series"), &w), 0);
    assert_int_equal(repo_fixture_publish(f, w, r, 1), 0);
    catchup_kit_pick(f->store, "index", &seg);
    assert_int_equal(seg.n, 1);
    catchup_kit_publish_many(f, w, r);
    assert_int_equal(repo_fixture_commit(w, r, 1, &id), 0);
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
    repo_close(r);
    catchup_kit_remove(f->store, seg.name[0]);
}

/* Whoever dies after the journal was remembered and before the packs were
 * asked: the next one asks them. */
static void test_catchup__lost_segments_are_not_forgotten(void **state)
{
    struct memory_fault none = {.n = 0};
    struct repo_fixture f;
    int rc = E_STORE;

    (void)state;
    start_with_loss(&f);
    for (uint64_t n = 1; rc != 0; n++) {
        struct memory_fault fault = {.point = MEMORY_BEFORE,
                                     .n = n,
                                     .persistent = true,
                                     .code = E_STORE};
        char cache[32];

        assert_true(n < 100);
        (void)snprintf(cache, sizeof cache, "fresh-at-%u", (unsigned)n);
        memory_set_fault(f.store, fault);
        rc = catchup_kit_try(&f, cache);
        memory_set_fault(f.store, none);
        catchup_kit_knows_but(&f, cache, 1, 1);
    }
    repo_fixture_close(&f);
}

/* --- what the log says about packs --- */

static void test_catchup__suspects_are_no_targets(void **state)
{
    struct by_hand x = {.type = RECORD_SUSPECT};
    struct index_reader *ix = NULL;
    struct index_pack pack;
    struct object_id id[2];
    struct repo_fixture f;
    struct repo *r = NULL;
    struct chunk_id chunk;
    uint8_t bytes[REPO_FIXTURE_CHUNK_BYTES];
    uint32_t next = 0;
    size_t n;

    (void)state;
    catchup_kit_start(&f, 2, id);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(index_reader_packs(ix, &next, &pack, 1, &n), 0);
    index_reader_free(ix);
    pack_fixture_bytes(100, bytes, sizeof bytes);
    keyring_chunk_id(r->keys, PACK_DATA, bytes_of(bytes, sizeof bytes), &chunk);
    memcpy(x.suspect, chunk.b, 32);
    memcpy(x.suspect + 32, pack.id.b, 32);
    assert_int_equal(repo_log_append(r, say, &x, NULL), 0);
    repo_close(r);
    for (int fresh = 0; fresh < 2; fresh++) {
        assert_int_equal(repo_fixture_repo(&f, fresh ? NULL : "a", &r), 0);
        assert_true(catchup_kit_finds(r, INDEX_READ, 1));
        assert_false(catchup_kit_finds(r, INDEX_DEDUP, 1));
        assert_true(catchup_kit_finds(r, INDEX_DEDUP, 2));
        repo_close(r);
    }
    repo_fixture_close(&f);
}

static void test_catchup__forgotten_snapshots_are_not_listed(void **state)
{
    struct by_hand x = {.type = RECORD_FORGET};
    struct object_id id[2];
    struct repo_fixture f;

    (void)state;
    catchup_kit_start(&f, 2, id);
    x.id = id[1];
    append(&f, &x);
    assert_int_equal(repo_fixture_check(&f, id, 1), 1);
    x.type = RECORD_UNFORGET;
    append(&f, &x);
    assert_int_equal(repo_fixture_check(&f, id, 2), 2);
    repo_fixture_close(&f);
}

/* A snapshot object without its commit record is not one (I2). */
static void test_catchup__an_object_alone_is_no_snapshot(void **state)
{
    struct object_id id[2];
    struct repo_fixture f;
    struct store *copy;
    struct catchup_kit_names s;
    struct buf b;
    enum store_outcome outcome;

    (void)state;
    catchup_kit_start(&f, 1, id);
    copy = catchup_kit_copy_store(f.store);
    assert_int_equal(repo_fixture_backup(&f, "a", 2, &id[1]), 0);
    copy = catchup_kit_exchange(&f, copy);
    catchup_kit_pick(copy, "snapshots", &s);
    assert_int_equal(s.n, 2);
    for (unsigned i = 0; i < 2; i++) {
        catchup_kit_get(copy, s.name[i], &b);
        assert_int_equal(store_put(f.store, s.name[i], buf_bytes(&b), &outcome),
                         0);
        buf_release(&b);
    }
    assert_int_equal(repo_fixture_check(&f, id, 1), 1);
    store_close(copy);
    repo_fixture_close(&f);
}

/* A snapshot whose object cannot be read is listed as damaged, the others are
 * as they were. */
static void test_catchup__a_damaged_snapshot_is_still_listed(void **state)
{
    struct snapshot_list l = {.n = 0};
    struct object_id id[2];
    struct repo_fixture f;
    struct repo *r = NULL;
    char name[SNAPSHOT_LIST_NAME_MAX];
    unsigned damaged = 0;

    (void)state;
    catchup_kit_start(&f, 2, id);
    snapshot_list_name(&id[0], name);
    assert_true(memory_damage(f.store, name, 300, 1));
    assert_int_equal(repo_fixture_repo(&f, NULL, &r), 0);
    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    assert_int_equal(l.n, 2);
    for (size_t i = 0; i < 2; i++) {
        damaged += l.item[i].damaged;
        assert_int_equal(l.item[i].damaged,
                         object_id_equal(&l.item[i].id, &id[0]));
    }
    assert_int_equal(damaged, 1);
    assert_true(object_id_equal(
        &snapshot_list_newest(&l, bytes_of(NULL, 0))->id, &id[1]));
    snapshot_list_release(&l);
    repo_close(r);
    repo_fixture_close(&f);
}

/* A pack that has gone, or was cut: a cache that is filled from nothing sees
 * it, and a segment that another merged does not make it forget. */
static void test_catchup__packs_that_have_gone_are_not_relied_on(void **state)
{
    struct catchup_kit_names before;

    (void)state;
    for (int cut = 0; cut < 2; cut++) {
        struct object_id id[12];
        struct repo_fixture f;
        struct repo *r = NULL;
        struct writer *w = NULL;
        const char *gone = NULL;
        bool merged = false;

        catchup_kit_start(&f, 1, id);
        catchup_kit_pick(f.store, "packs", &before);
        gone = before.name[0];
        if (cut) {
            struct buf b;

            catchup_kit_get(f.store, gone, &b);
            b.n--;
            catchup_kit_replace(f.store, gone, buf_bytes(&b));
            buf_release(&b);
        } else {
            catchup_kit_remove(f.store, gone);
        }
        for (unsigned i = 1; i < 9; i++)
            assert_int_equal(repo_fixture_backup(&f, "a", i + 1, &id[i]), 0);
        catchup_kit_knows(&f, "a", 9);
        catchup_kit_knows_but(&f, "new", 9, 1);
        assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
        assert_int_equal(writer_open(r, bytes_of_str("test@series"), &w), 0);
        assert_int_equal(writer_merge(w, &merged), 0);
        assert_true(merged);
        assert_int_equal(writer_end(w), 0);
        writer_free(w);
        repo_close(r);
        catchup_kit_knows_but(&f, "new", 9, 1);
        catchup_kit_knows_but(&f, NULL, 9, 1);
        repo_fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catchup__every_cache_says_the_same),
        cmocka_unit_test(test_catchup__an_old_cache_catches_up),
        cmocka_unit_test(test_catchup__the_cache_of_another_repository),
        cmocka_unit_test(test_catchup__a_repository_that_went_back),
        cmocka_unit_test(test_catchup__records_that_are_missing),
        cmocka_unit_test(test_catchup__records_that_were_exchanged),
        cmocka_unit_test(test_catchup__a_record_of_another_repository),
        cmocka_unit_test(test_catchup__a_record_of_a_fork),
        cmocka_unit_test(test_catchup__a_history_that_parted),
        cmocka_unit_test(test_catchup__segments_that_are_lost),
        cmocka_unit_test(test_catchup__lost_segments_are_not_forgotten),
        cmocka_unit_test(test_catchup__suspects_are_no_targets),
        cmocka_unit_test(test_catchup__packs_that_have_gone_are_not_relied_on),
        cmocka_unit_test(test_catchup__forgotten_snapshots_are_not_listed),
        cmocka_unit_test(test_catchup__an_object_alone_is_no_snapshot),
        cmocka_unit_test(test_catchup__a_damaged_snapshot_is_still_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
