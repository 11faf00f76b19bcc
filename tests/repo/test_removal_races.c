/*
 * A key is removed while others are at work, at each operation of the store:
 * what was reported as done lasts, and nobody has counted on what does not
 * (docs/concurrency.md 14, M3 and M7).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/journal_list.h"
#include "repo/key_remove.h"
#include "repo/segment_merge.h"
#include "tests/repo/member_kit.h"

enum { RACES_MAX = 400, RACES_SEED = 5 };

/* --- who comes in between --- */

struct intruder {
    struct member_kit *x;
    uint64_t at; /* operations until it acts; 0: it does not (again) */
    void (*act)(struct intruder *i);
    bool acted;
    /* of what it did: */
    struct writer *w;
    struct object_id id;
    int rc;
};

static int intrude(void *ctx, enum memory_point point, enum memory_op op,
                   const char *name)
{
    struct intruder *i = ctx;

    (void)op;
    (void)name;
    if (point == MEMORY_AFTER || i->at == 0 || --i->at > 0)
        return 0;
    i->acted = true;
    i->act(i);
    return 0;
}

static void begin(struct intruder *i, uint64_t at)
{
    i->at = at;
    i->acted = false;
    memory_set_hook(i->x->f.store, intrude, i);
}

static bool end(struct intruder *i)
{
    memory_set_hook(i->x->f.store, NULL, NULL);
    return i->acted;
}

static void say_leaving(struct intruder *i)
{
    member_kit_say(i->x, RECORD_LEAVING);
}

static void remove_it(struct intruder *i)
{
    struct key_remove_result done;

    assert_int_equal(key_remove(i->x->full, &i->x->member, false, &done), 0);
}

/* The two records of a removal, some operations apart. */
static uint64_t races_apart;

static void remove_in_two(struct intruder *i)
{
    say_leaving(i);
    i->act = remove_it;
    i->at = races_apart;
}

/* --- a run --- */

static int run(struct member_kit *x, struct object_id *id)
{
    struct writer *w = NULL;
    int rc = writer_open(x->thief, bytes_of_str("test@series"), &w);

    if (rc == 0)
        rc = repo_fixture_publish(&x->f, w, x->thief, RACES_SEED);
    if (rc == 0)
        rc = repo_fixture_commit(w, x->thief, RACES_SEED, id);
    writer_free(w);
    return rc;
}

/* What holds of a run that returned rc, once its key is removed. */
static void check_run(struct member_kit *x, int rc, const struct object_id *id)
{
    if (rc != 0) {
        assert_int_equal(rc, E_ROLE);
        return;
    }
    assert_true(member_kit_listed(x, NULL, id));
    assert_true(member_kit_listed(x, "thief", id));
    assert_true(member_kit_listed(x, "full", id));
    assert_int_equal(repo_fixture_check(&x->f, id, 1), 2);
}

static void test_removal_races__a_run_that_is_done_lasts(void **state)
{
    static const uint64_t apart[] = {1, 2, 9, 1000000};
    unsigned done = 0;
    unsigned told = 0;

    (void)state;
    for (size_t a = 0; a < sizeof apart / sizeof apart[0]; a++) {
        bool acted = true;

        races_apart = apart[a];
        for (uint64_t n = 1; acted; n++) {
            struct member_kit x;
            struct intruder i = {.x = &x, .act = remove_in_two};
            struct object_id id;
            int rc;

            assert_true(n < RACES_MAX);
            member_kit_make(&x, KEYRING_WRITE);
            begin(&i, n);
            rc = run(&x, &id);
            acted = end(&i);
            remove_it(&i);
            done += rc == 0;
            told += rc != 0;
            check_run(&x, rc, &id);
            member_kit_close(&x);
        }
    }
    /* without anybody in between, and between the first look and the end */
    assert_true(done >= 4);
    assert_true(told > 40);
}

/* The other way round: a run commits at each operation of the removal. */
static void commit_now(struct intruder *i)
{
    i->rc = repo_fixture_commit(i->w, i->x->thief, RACES_SEED, &i->id);
}

static void test_removal_races__a_commit_at_each_step_of_it(void **state)
{
    bool acted = true;
    unsigned done = 0;
    unsigned told = 0;

    (void)state;
    for (uint64_t n = 1; acted; n++) {
        struct member_kit x;
        struct intruder i = {.x = &x, .act = commit_now};

        assert_true(n < RACES_MAX);
        member_kit_make(&x, KEYRING_WRITE);
        assert_int_equal(
            writer_open(x.thief, bytes_of_str("test@series"), &i.w), 0);
        assert_int_equal(repo_fixture_publish(&x.f, i.w, x.thief, RACES_SEED),
                         0);
        begin(&i, n);
        remove_it(&i);
        acted = end(&i);
        if (acted) {
            done += i.rc == 0;
            told += i.rc != 0;
            check_run(&x, i.rc, &i.id);
        }
        writer_free(i.w);
        member_kit_close(&x);
    }
    assert_true(done > 0);
    assert_true(told > 0);
}

/* --- others who count on its records --- */

static void leave_and_publish(struct intruder *i)
{
    struct chain_tip tip;
    struct writer_id w;

    say_leaving(i);
    i->id = member_kit_put_run(i->x, 0, &w, &tip);
}

/* A catch-up has read the log, and then meets in the journals what was put
 * after its member had begun to leave: nobody relies on that. */
static void test_removal_races__a_hit_is_looked_at(void **state)
{
    bool acted = true;
    unsigned seen = 0;

    (void)state;
    for (uint64_t n = 1; acted; n++) {
        struct member_kit x;
        struct intruder i = {.x = &x, .act = leave_and_publish};
        struct repo *r;

        assert_true(n < RACES_MAX);
        member_kit_make(&x, KEYRING_WRITE);
        begin(&i, n);
        r = member_kit_open_as(&x, &x.founder, "other");
        acted = end(&i);
        assert_false(catchup_kit_finds(r, INDEX_DEDUP, MEMBER_KIT_THIEF));
        seen += catchup_kit_finds(r, INDEX_READ, MEMBER_KIT_THIEF);
        repo_close(r);
        member_kit_close(&x);
    }
    assert_true(seen > 0);
}

/* A process that has our index finds nothing in it that a run has published
 * since its member began to leave. */
static void test_removal_races__an_index_is_told_after_a_look(void **state)
{
    struct member_kit x;
    struct intruder i = {.x = &x};
    struct writer *w = NULL;
    struct repo *other;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    other = member_kit_open_as(&x, &x.founder, "thief");
    assert_int_equal(writer_open(x.thief, bytes_of_str("a@b"), &w), 0);
    say_leaving(&i);
    assert_int_equal(repo_fixture_publish(&x.f, w, x.thief, RACES_SEED),
                     E_ROLE);
    assert_false(catchup_kit_finds(other, INDEX_DEDUP, RACES_SEED));
    writer_free(w);
    repo_close(other);
    member_kit_close(&x);
}

/* Who merges its segments would make them its own: not while it leaves. */
static void test_removal_races__nobody_merges_of_who_leaves(void **state)
{
    (void)state;
    for (int leaves = 0; leaves < 2; leaves++) {
        struct member_kit x;
        struct intruder i = {.x = &x};
        struct writer *w = NULL;
        bool merged = false;

        member_kit_make(&x, KEYRING_WRITE);
        for (int k = 0; k < SEGMENT_MERGE_FAN; k++) {
            struct chain_tip tip;
            struct writer_id name;

            (void)member_kit_put_run(&x, 0, &name, &tip);
        }
        assert_int_equal(repo_refresh(x.full), 0);
        if (leaves)
            say_leaving(&i);
        assert_int_equal(writer_open(x.full, bytes_of_str("a@b"), &w), 0);
        assert_int_equal(writer_merge(w, &merged), 0);
        assert_int_equal(merged, !leaves);
        writer_free(w);
        member_kit_close(&x);
    }
}

/* --- a thief --- */

/* The journal of the run that the member has open. */
static struct writer_id journal_of(struct member_kit *x)
{
    struct journal_list l = {.item = NULL};
    struct writer_id w = {{0}};
    unsigned found = 0;

    assert_int_equal(journal_list_load(x->f.store, &l), 0);
    for (size_t i = 0; i < l.n; i++) {
        if (!members_owns(&x->member, &l.item[i].writer))
            continue;
        w = l.item[i].writer;
        found++;
    }
    assert_int_equal(found, 1);
    journal_list_release(&l);
    return w;
}

static size_t snapshots(struct member_kit *x, const char *cache)
{
    struct snapshot_list l = {.n = 0};
    struct repo *r = member_kit_open_as(x, &x->founder, cache);
    size_t n;

    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    n = l.n;
    snapshot_list_release(&l);
    repo_close(r);
    return n;
}

/* before: the run commits before the removal, else after it. */
static void put_ahead(enum record_journal_type type, uint64_t number,
                      bool before)
{
    struct key_remove_result done;
    struct record_journal says = {.generation = 0};
    struct chain_tip tip = {true, number - 1, {{1}}};
    struct writer *w = NULL;
    struct object_id honest = {{0}};
    struct object_id his;
    struct writer_id name;
    struct member_kit x;

    member_kit_make(&x, KEYRING_WRITE);
    assert_int_equal(writer_open(x.thief, bytes_of_str("a@b"), &w), 0);
    name = journal_of(&x);
    his = member_kit_put_snapshot(&x, x.thief->keys, 8);
    says.id = his;
    member_kit_put_journal(&x, &name, &tip, type, &says);
    assert_int_equal(repo_fixture_publish(&x.f, w, x.thief, RACES_SEED), 0);
    if (before)
        assert_int_equal(repo_fixture_commit(w, x.thief, RACES_SEED, &honest),
                         0);
    assert_int_equal(key_remove(x.full, &x.member, true, &done), 0);
    assert_int_equal(done.damaged, number != (before ? 3 : 2));
    if (!before)
        assert_int_equal(repo_fixture_commit(w, x.thief, RACES_SEED, &honest),
                         E_ROLE);
    for (int fresh = 0; fresh < 2; fresh++) {
        const char *cache = fresh ? NULL : "full";

        if (before)
            assert_true(member_kit_listed(&x, cache, &honest));
        assert_int_equal(member_kit_listed(&x, cache, &his),
                         type == RECORD_COMMIT);
        assert_int_equal(snapshots(&x, cache),
                         1 + before + (type == RECORD_COMMIT));
    }
    assert_int_equal(catchup_kit_damaged(&x.f, NULL), 0);
    writer_free(w);
    member_kit_close(&x);
}

/* He puts records ahead of an honest run, which goes on below them: no fence
 * would stand in its way. */
static void test_removal_races__a_record_ahead_of_a_run(void **state)
{
    static const enum record_journal_type type[] = {RECORD_END, RECORD_COMMIT};
    static const uint64_t number[] = {3, 4, 99999999};

    (void)state;
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < sizeof number / sizeof number[0]; i++) {
            put_ahead(type[t], number[i], false);
            put_ahead(type[t], number[i], true);
        }
    }
}

/* He takes the number of the removal: what he had put by then is read. */
static int take_the_number(void *ctx, enum memory_point point,
                           enum memory_op op, const char *name)
{
    struct intruder *i = ctx;
    struct record_log junk = {.ids = record_ids_of(i->x->id, 1)};
    struct chain_tip tip;
    struct writer_id w;

    if (point != MEMORY_BEFORE || op != MEMORY_COMMIT ||
        strncmp(name, "log/", 4) != 0 || i->at == 0 || --i->at > 0)
        return 0;
    i->acted = true;
    i->id = member_kit_put_run(i->x, 0, &w, &tip);
    member_kit_put_log(i->x, RECORD_FORGET, &junk);
    return 0;
}

static void test_removal_races__a_lost_number_is_read_again(void **state)
{
    struct member_kit x;
    struct intruder i = {.x = &x, .at = 2};
    struct object_id before;
    struct chain_tip tip;
    struct writer_id w;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    before = member_kit_put_run(&x, 0, &w, &tip);
    memory_set_hook(x.f.store, take_the_number, &i);
    remove_it(&i);
    assert_true(end(&i));
    assert_true(member_kit_listed(&x, NULL, &before));
    assert_true(member_kit_listed(&x, NULL, &i.id));
    assert_true(member_kit_listed(&x, NULL, &x.id[0]));
    member_kit_close(&x);
}

/* Two remove it at the same time, one of them at each operation of the other.
 */
/* Which records of a journal were made durable before the log grew. */
struct settled {
    char writer[2 * sizeof(struct writer_id) + 1];
    bool removed[8]; /* in the order of their numbers */
    bool put;
};

static int note_settled(void *ctx, enum memory_point point, enum memory_op op,
                        const char *name)
{
    struct settled *s = ctx;
    struct writer_id w;
    uint64_t k;
    char hex[sizeof s->writer];

    if (point != MEMORY_AFTER)
        return 0;
    if (op == MEMORY_COMMIT && strcmp(name, "log/0000000000000003") == 0)
        s->put = true;
    if (op == MEMORY_MAKE_DURABLE && !s->put &&
        record_journal_number(name, &w, &k) && k < 8 &&
        strcmp(id_hex(w.b, sizeof w.b, hex), s->writer) == 0)
        s->removed[k] = true;
    return 0;
}

/* What a cut lists must last: each record, however old it looks. */
static void test_removal_races__what_is_listed_is_settled(void **state)
{
    struct settled s = {.put = false};
    struct key_remove_result done;
    struct member_kit x;
    struct writer_id w;
    struct chain_tip tip;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    (void)member_kit_put_run(&x, 0, &w, &tip);
    (void)id_hex(w.b, sizeof w.b, s.writer);
    assert_int_equal(repo_refresh(x.full), 0);
    memory_set_hook(x.f.store, note_settled, &s);
    assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
    memory_set_hook(x.f.store, NULL, NULL);
    assert_true(s.put);
    for (size_t k = 0; k < 4; k++)
        assert_true(s.removed[k]);
    member_kit_close(&x);
}

static void test_removal_races__two_at_once(void **state)
{
    bool acted = true;

    (void)state;
    for (uint64_t n = 1; acted; n++) {
        struct member_kit x;
        struct intruder i = {.x = &x, .act = remove_it};
        struct key_remove_result done;
        struct chain_tip tip;
        struct object_id id;
        struct writer_id w;
        struct repo *r;

        assert_true(n < RACES_MAX);
        member_kit_make(&x, KEYRING_WRITE);
        id = member_kit_put_run(&x, 0, &w, &tip);
        r = member_kit_open_as(&x, &x.founder, "second");
        begin(&i, n);
        assert_int_equal(key_remove(r, &x.member, false, &done), 0);
        acted = end(&i);
        assert_int_equal(members_find(&r->state.members, &x.member)->standing,
                         RECORD_REMOVED);
        assert_true(member_kit_listed(&x, NULL, &id));
        repo_close(r);
        member_kit_close(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_removal_races__a_run_that_is_done_lasts),
        cmocka_unit_test(test_removal_races__a_commit_at_each_step_of_it),
        cmocka_unit_test(test_removal_races__a_hit_is_looked_at),
        cmocka_unit_test(test_removal_races__an_index_is_told_after_a_look),
        cmocka_unit_test(test_removal_races__nobody_merges_of_who_leaves),
        cmocka_unit_test(test_removal_races__a_record_ahead_of_a_run),
        cmocka_unit_test(test_removal_races__a_lost_number_is_read_again),
        cmocka_unit_test(test_removal_races__what_is_listed_is_settled),
        cmocka_unit_test(test_removal_races__two_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
