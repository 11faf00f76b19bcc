/* Keys that were removed: what they had said stays, what they say does not
 * count, however it is put. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "repo/catchup_marks.h"
#include "repo/key_change.h"
#include "repo/key_remove.h"
#include "repo/pack_claim.h"
#include "repo/repo_log.h"
#include "repo/rotate.h"
#include "tests/repo/member_kit.h"

/* Whether the index holds that nothing more can come in that journal. */
static bool is_closed(struct repo *r, const struct writer_id *w)
{
    struct index_reader *ix = NULL;
    bool closed;

    assert_int_equal(repo_refresh(r), 0);
    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(catchup_marks_closed(ix, w, &closed), 0);
    index_reader_free(ix);
    return closed;
}

/* What was reported as done before is there; what comes later is void: in a
 * journal that looks old, in one that looks new, and behind the end of one that
 * was there. */
static void test_attack_removed__a_removed_key_writes_nothing(void **state)
{
    struct key_remove_result done;
    struct record_journal says = {.generation = 0};
    struct object_id before, open, old, new, behind;
    struct writer_id w[4];
    struct chain_tip tip[4];
    struct member_kit x;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    before = member_kit_put_run(&x, 0, &w[0], &tip[0]);
    /* one that is at work */
    open = member_kit_put_snapshot(&x, x.thief->keys, 8);
    member_kit_put_open(&x, &w[1], &tip[1], 0);
    says.id = open;
    member_kit_put_journal(&x, &w[1], &tip[1], RECORD_COMMIT, &says);
    assert_false(is_closed(x.full, &w[1]));
    assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
    assert_true(is_closed(x.full, &w[1]));
    assert_int_equal(done.journals, 2);
    assert_int_equal(done.damaged, 0);
    /* it holds its keys still */
    old = member_kit_put_snapshot(&x, x.thief->keys, 9);
    says.id = old;
    member_kit_put_open(&x, &w[2], &tip[2], 0);
    member_kit_put_journal(&x, &w[2], &tip[2], RECORD_COMMIT, &says);
    new = member_kit_put_snapshot(&x, x.thief->keys, 10);
    says.id = new;
    member_kit_put_open(&x, &w[3], &tip[3], x.full->state.tip.number);
    member_kit_put_journal(&x, &w[3], &tip[3], RECORD_COMMIT, &says);
    behind = member_kit_put_snapshot(&x, x.thief->keys, 11);
    says.id = behind;
    member_kit_put_journal(&x, &w[0], &tip[0], RECORD_COMMIT, &says);
    for (int fresh = 0; fresh < 2; fresh++) {
        const char *cache = fresh ? NULL : "full";

        assert_true(member_kit_listed(&x, cache, &before));
        assert_true(member_kit_listed(&x, cache, &open));
        assert_true(member_kit_relied_on(&x, cache, MEMBER_KIT_THIEF));
        assert_false(member_kit_listed(&x, cache, &old));
        assert_false(member_kit_listed(&x, cache, &new));
        assert_false(member_kit_listed(&x, cache, &behind));
    }
    member_kit_close(&x);
}

/* An honest run of a key that is removed is told: when it opens, when it
 * publishes, when it commits. */
static void test_attack_removed__a_removed_key_is_told(void **state)
{
    struct key_remove_result done;
    struct object_id id;
    struct writer *early = NULL;
    struct writer *late = NULL;
    struct member_kit x;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    assert_int_equal(writer_open(x.thief, bytes_of_str("a@b"), &early), 0);
    assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
    assert_int_equal(
        repo_fixture_publish(&x.f, early, x.thief, MEMBER_KIT_STRAY), E_ROLE);
    assert_int_equal(repo_fixture_commit(early, x.thief, MEMBER_KIT_STRAY, &id),
                     E_ROLE);
    assert_non_null(strstr(err_text(), "may not last"));
    writer_free(early);
    assert_int_equal(writer_open(x.thief, bytes_of_str("a@b"), &late), E_ROLE);
    assert_null(late);
    assert_int_equal(repo_fixture_check(&x.f, x.id, 1), 1);
    member_kit_close(&x);
}

/* ... and at its next renewal, before anybody has fenced it. */
static void test_attack_removed__a_leaving_key_renews_nothing(void **state)
{
    const struct writer_reliance on = {.parent = NULL};
    struct writer *w = NULL;
    struct member_kit x;

    (void)state;
    clock_fake_set(INT64_C(1800000000) * CLOCK_SECOND_NS, 0);
    member_kit_make(&x, KEYRING_WRITE);
    assert_int_equal(writer_open(x.thief, bytes_of_str("a@b"), &w), 0);
    member_kit_say(&x, RECORD_LEAVING);
    assert_int_equal(writer_renew(w, &on), 0); /* it is not time yet */
    clock_fake_advance(WRITER_SILENCE_NS / 3);
    assert_int_equal(writer_renew(w, &on), E_ROLE);
    assert_non_null(strstr(err_text(), "this key was removed"));
    writer_free(w);
    member_kit_close(&x);
    clock_fake_end();
}

/* A removal that stopped half-way: its member is a member still, and an epoch
 * that begins now would be for it as well. */
static void test_attack_removed__who_leaves_is_given_no_new_keys(void **state)
{
    struct key_remove_result done;
    struct rotate_result res;
    struct member_kit x;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    member_kit_say(&x, RECORD_LEAVING);
    assert_int_equal(rotate_run(x.full, &x.founder, &res), E_REFUSED);
    assert_non_null(strstr(err_text(), "is not finished"));
    assert_int_equal(res.epoch, 0);
    assert_int_equal(x.full->state.epochs, 1);
    assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
    assert_int_equal(rotate_run(x.full, &x.founder, &res), 0);
    assert_int_equal(res.epoch, 1);
    assert_int_equal(res.members, 1);
    assert_int_equal(repo_refresh(x.thief), 0);
    assert_false(keyring_is_current(x.thief->keys));
    member_kit_close(&x);
}

static int say_vouch(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    (void)r;
    d->type = RECORD_VOUCH;
    d->says.vouches = (struct fields_list){.p = ctx, .n = 1};
    return 0;
}

/* A thief of a full key vouches for what it wrote, so that it is relied on when
 * the key is gone: its word goes with it. That of another one stays. */
static void test_attack_removed__a_vouch_goes_with_its_signer(void **state)
{
    uint8_t space[RECORD_VOUCH_BYTES];
    struct record_log l = {.vouches = {.p = space, .n = 1}};
    struct record_journal says = {.generation = 0};
    struct key_remove_result done;
    struct record_vouch vouch;
    struct pack_info info;
    struct writer_id w;
    struct chain_tip tip;
    struct member_kit x;

    (void)state;
    for (int honest = 0; honest < 3; honest++) {
        member_kit_make(&x, KEYRING_FULL);
        assert_int_equal(key_change_trust(x.full, RECORD_TRUST_OWN), 0);
        member_kit_put_open(&x, &w, &tip, 0);
        says.id = member_kit_put_segment(&x, x.thief, MEMBER_KIT_THIEF, &info);
        member_kit_put_journal(&x, &w, &tip, RECORD_SEGMENT, &says);
        vouch.pack = info.id;
        pack_claim_dir(buf_bytes(&info.dir), &vouch.dir);
        record_log_put_vouch(&vouch, space);
        if (honest == 1) /* a later word does not take the place of it */
            assert_int_equal(repo_log_append(x.full, say_vouch, space, NULL),
                             0);
        member_kit_put_log(&x, RECORD_VOUCH, &l);
        assert_true(member_kit_relied_on(&x, "full", MEMBER_KIT_THIEF));
        assert_int_equal(repo_refresh(x.full), 0);
        assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
        if (honest == 2) /* somebody has read it since */
            assert_int_equal(repo_log_append(x.full, say_vouch, space, NULL),
                             0);
        assert_int_equal(member_kit_relied_on(&x, "full", MEMBER_KIT_THIEF),
                         honest > 0);
        assert_int_equal(member_kit_relied_on(&x, NULL, MEMBER_KIT_THIEF),
                         honest > 0);
        pack_info_release(&info);
        member_kit_close(&x);
    }
}

/* What a member puts who is leaving serves readers, and nobody counts on it,
 * nor goes on counting on what it had put: a cache that did is told. */
static void test_attack_removed__nobody_counts_on_who_leaves(void **state)
{
    struct record_journal says = {.generation = 0};
    struct key_remove_result done;
    struct writer *w = NULL;
    struct object_id early, late;
    struct writer_id name[2];
    struct chain_tip tip[2];
    struct member_kit x;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    early = member_kit_put_run(&x, 0, &name[0], &tip[0]);
    assert_int_equal(repo_refresh(x.full), 0);
    assert_true(catchup_kit_finds(x.full, INDEX_DEDUP, MEMBER_KIT_THIEF));
    member_kit_say(&x, RECORD_LEAVING);
    assert_false(catchup_kit_finds(x.full, INDEX_DEDUP, MEMBER_KIT_THIEF));
    assert_true(catchup_kit_finds(x.full, INDEX_READ, MEMBER_KIT_THIEF));
    assert_int_equal(writer_open(x.thief, bytes_of_str("a@b"), &w), E_ROLE);
    member_kit_put_open(&x, &name[1], &tip[1], x.full->state.tip.number);
    late = member_kit_put_snapshot(&x, x.thief->keys, 8);
    says.id = late;
    member_kit_put_journal(&x, &name[1], &tip[1], RECORD_COMMIT, &says);
    for (int fresh = 0; fresh < 2; fresh++) {
        const char *cache = fresh ? NULL : "full";

        assert_true(member_kit_listed(&x, cache, &early));
        assert_true(member_kit_listed(&x, cache, &late));
        assert_false(member_kit_relied_on(&x, cache, MEMBER_KIT_THIEF));
    }
    /* what is cut stands, and is counted on again */
    assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
    assert_true(catchup_kit_finds(x.full, INDEX_DEDUP, MEMBER_KIT_THIEF));
    for (int fresh = 0; fresh < 2; fresh++) {
        const char *cache = fresh ? NULL : "full";

        assert_true(member_kit_listed(&x, cache, &early));
        assert_true(member_kit_listed(&x, cache, &late));
        assert_true(member_kit_relied_on(&x, cache, MEMBER_KIT_THIEF));
    }
    member_kit_close(&x);
}

/* M4: a cache has taken what a thief put between the two records, in a journal
 * that no cut lists: it is made anew. */
static void test_attack_removed__a_cache_beyond_a_cut_is_made_anew(void **state)
{
    struct object_id id;
    struct writer_id w;
    struct chain_tip tip;
    struct member_kit x;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    member_kit_say(&x, RECORD_LEAVING);
    id = member_kit_put_run(&x, 0, &w, &tip);
    assert_true(member_kit_listed(&x, "late", &id));
    member_kit_say(&x, RECORD_REMOVED);
    assert_false(member_kit_listed(&x, "late", &id));
    assert_false(member_kit_relied_on(&x, "late", MEMBER_KIT_THIEF));
    assert_false(member_kit_listed(&x, NULL, &id));
    member_kit_close(&x);
}

/* A record that stood there is exchanged for another, which is signed and
 * sealed as well: the cut knows it. */
static void test_attack_removed__records_below_a_cut_stay(void **state)
{
    struct key_remove_result done;
    struct record_journal says = {.generation = 0};
    char name[RECORD_NAME_MAX];
    struct object_id before, forged;
    struct chain_tip old;
    struct chain_tip tip;
    struct writer_id w;
    struct buf wrong;
    struct buf right;
    struct store *copy;
    struct member_kit x;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    member_kit_put_open(&x, &w, &tip, 0);
    old = tip;
    copy = catchup_kit_copy_store(x.f.store);
    before = member_kit_put_snapshot(&x, x.thief->keys, 7);
    says.id = before;
    member_kit_put_journal(&x, &w, &tip, RECORD_COMMIT, &says);
    assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
    /* in a copy of the store another record takes that number */
    copy = catchup_kit_exchange(&x.f, copy);
    forged = member_kit_put_snapshot(&x, x.thief->keys, 8);
    says.id = forged;
    member_kit_put_journal(&x, &w, &old, RECORD_COMMIT, &says);
    record_journal_name(&w, 1, name);
    catchup_kit_get(x.f.store, name, &wrong);
    copy = catchup_kit_exchange(&x.f, copy);
    (void)member_kit_put_snapshot(&x, x.thief->keys, 8);
    catchup_kit_get(x.f.store, name, &right);
    catchup_kit_replace(x.f.store, name, buf_bytes(&wrong));
    assert_false(member_kit_listed(&x, NULL, &forged));
    assert_int_equal(catchup_kit_damaged(&x.f, "late"), 1);
    catchup_kit_replace(x.f.store, name, buf_bytes(&right));
    assert_int_equal(catchup_kit_damaged(&x.f, "late"), 0);
    assert_true(member_kit_listed(&x, "late", &before));
    /* withheld */
    catchup_kit_remove(x.f.store, name);
    assert_int_equal(catchup_kit_damaged(&x.f, NULL), 1);
    buf_release(&wrong);
    buf_release(&right);
    store_close(copy);
    member_kit_close(&x);
}

/* Garbage in its own journals keeps nobody from removing a key; what stands
 * beside it still counts. */
static void test_attack_removed__damage_does_not_stop_a_removal(void **state)
{
    static const uint64_t t[] = {4, 60, 99999999}; /* where junk stands */

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct key_remove_result done;
        struct record_journal says = {.generation = 0};
        char name[RECORD_NAME_MAX];
        enum store_outcome outcome;
        struct object_id before;
        struct writer_id w;
        struct chain_tip tip;
        struct member_kit x;

        member_kit_make(&x, KEYRING_WRITE);
        member_kit_put_open(&x, &w, &tip, 0);
        before = member_kit_put_snapshot(&x, x.thief->keys, 7);
        says.id = before;
        member_kit_put_journal(&x, &w, &tip, RECORD_COMMIT, &says);
        record_journal_name(&w, t[i], name);
        assert_int_equal(
            store_put(x.f.store, name, bytes_of_str("junk"), &outcome), 0);
        assert_int_equal(key_remove(x.full, &x.member, false, &done),
                         E_REFUSED);
        assert_int_equal(
            members_find(&x.full->state.members, &x.member)->standing,
            RECORD_LEAVING);
        assert_int_equal(key_remove(x.full, &x.member, true, &done), 0);
        assert_int_equal(done.damaged, 2); /* it, and what is before it */
        assert_true(member_kit_listed(&x, NULL, &before));
        /* and it is over with */
        assert_int_equal(catchup_kit_damaged(&x.f, NULL), 0);
        member_kit_close(&x);
    }
}

/* Under trust 'own' a full key is relied on by everybody, as long as it is a
 * member's. */
static void test_attack_removed__a_full_key_is_trusted_no_more(void **state)
{
    struct key_remove_result done;
    struct chain_tip tip;
    struct writer_id w;
    struct member_kit x;

    (void)state;
    member_kit_make(&x, KEYRING_FULL);
    (void)member_kit_put_run(&x, 0, &w, &tip);
    assert_int_equal(key_change_trust(x.full, RECORD_TRUST_OWN), 0);
    assert_true(member_kit_relied_on(&x, "full", MEMBER_KIT_THIEF));
    assert_true(member_kit_relied_on(&x, NULL, MEMBER_KIT_THIEF));
    assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
    assert_false(member_kit_relied_on(&x, "full", MEMBER_KIT_THIEF));
    assert_false(member_kit_relied_on(&x, NULL, MEMBER_KIT_THIEF));
    member_kit_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack_removed__a_removed_key_writes_nothing),
        cmocka_unit_test(test_attack_removed__a_removed_key_is_told),
        cmocka_unit_test(test_attack_removed__a_leaving_key_renews_nothing),
        cmocka_unit_test(test_attack_removed__who_leaves_is_given_no_new_keys),
        cmocka_unit_test(test_attack_removed__a_vouch_goes_with_its_signer),
        cmocka_unit_test(test_attack_removed__nobody_counts_on_who_leaves),
        cmocka_unit_test(
            test_attack_removed__a_cache_beyond_a_cut_is_made_anew),
        cmocka_unit_test(test_attack_removed__records_below_a_cut_stay),
        cmocka_unit_test(test_attack_removed__damage_does_not_stop_a_removal),
        cmocka_unit_test(test_attack_removed__a_full_key_is_trusted_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
