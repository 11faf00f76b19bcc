/* M1: what a state does not know yet leaves no mark: a newer one looks again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/catchup_journals.h"
#include "repo/journal.h"
#include "repo/journal_list.h"
#include "tests/repo/member_kit.h"

/* A kit, and the founder's repository as somebody sees it who has read of the
 * log only what stood there before the kit's key came. */
struct early {
    struct member_kit kit;
    struct state old;
    struct repo *r;
};

static void early_open(struct early *e, enum keyring_role role)
{
    struct chain_record zero = {.signer = {{0}}};
    struct chain log;
    bool found;

    member_kit_make(&e->kit, role);
    e->r = member_kit_open_as(&e->kit, &e->kit.founder, "early");
    log = (struct chain){
        .store = e->kit.f.store, .keys = e->r->keys, .kind = ENVELOPE_LOG};
    assert_int_equal(state_init(&e->old, &e->r->config.founder), 0);
    assert_int_equal(chain_get(&log, 0, &zero, &found), 0);
    assert_int_equal(state_apply(&e->old, &zero), 0);
    chain_record_release(&zero);
}

static void early_close(struct early *e)
{
    state_release(&e->old);
    repo_close(e->r);
    member_kit_close(&e->kit);
}

/* Reads the journals in that state, and whether the index has a mark of w then.
 *   commit  what comes of putting it into the index: E_LATER: something was
 *           taken, and the log has grown (M7) */
static bool early_reads(struct early *e, struct state *state,
                        const struct writer_id *w, int commit)
{
    struct journal_list list = {.item = NULL};
    struct catchup c = {.store = e->kit.f.store,
                        .keys = e->r->keys,
                        .index = e->r->index,
                        .state = state};
    struct index_reader *r = NULL;
    struct catchup_update up;
    struct catchup_mark m;
    bool found;

    assert_int_equal(journal_list_load(e->kit.f.store, &list), 0);
    assert_int_equal(catchup_update_init(&up, &c), 0);
    assert_int_equal(catchup_journals_read(&up, &list), 0);
    assert_int_equal(catchup_update_commit(&up), commit);
    assert_int_equal(c.journals.records, 0);
    catchup_update_release(&up);
    journal_list_release(&list);
    assert_int_equal(index_reader_new(e->r->index, &r), 0);
    assert_int_equal(catchup_marks_journal(r, w, &m, &found), 0);
    index_reader_free(r);
    return found;
}

static void test_catchup_members__who_is_not_known_leaves_no_mark(void **state)
{
    struct object_id id;
    struct chain_tip tip;
    struct writer_id w;
    struct early e;

    (void)state;
    early_open(&e, KEYRING_WRITE);
    id = member_kit_put_run(&e.kit, 0, &w, &tip);
    assert_false(early_reads(&e, &e.old, &w, 0));
    assert_true(member_kit_listed(&e.kit, "early", &id));
    assert_true(member_kit_relied_on(&e.kit, "early", MEMBER_KIT_THIEF));
    early_close(&e);
}

/* A member that is known, in a state that ours does not reach: whether it was
 * leaving there is not known. */
static void test_catchup_members__a_later_state_leaves_no_mark(void **state)
{
    (void)state;
    for (uint64_t generation = 0; generation < 2; generation++) {
        struct chain_tip tip;
        struct writer_id w;
        struct early e;

        early_open(&e, KEYRING_FULL);
        /* the founder's: the thief has taken that too */
        *e.kit.thief->keys = *e.kit.full->keys;
        e.kit.member = e.kit.full->keys->member;
        (void)member_kit_put_run(&e.kit, generation, &w, &tip);
        assert_false(
            early_reads(&e, &e.old, &w, generation == 0 ? E_LATER : 0));
        early_close(&e);
    }
}

/* A fence by a member that came later, and a record behind it that should not
 * be there: the mark stays before the fence, and so it is found. */
static void test_catchup_members__a_fence_by_who_came_later_is_found(
    void **state)
{
    struct record_journal says = {.generation = 0};
    struct index_reader *r = NULL;
    struct chain_tip tip;
    struct journal j;
    struct writer_id w;
    struct chain chain;
    struct buf body;
    struct early e;
    bool closed;
    bool mine;

    (void)state;
    early_open(&e, KEYRING_MAINTAIN);
    members_writer_new(&e.r->keys->member, &w);
    chain = (struct chain){.store = e.kit.f.store,
                           .keys = e.r->keys,
                           .kind = ENVELOPE_JOURNAL,
                           .writer = w};
    tip = (struct chain_tip){.any = false};
    says.log_id = e.old.tip.id;
    buf_init(&body, 4096);
    record_journal_put(RECORD_OPEN, &says, &body);
    assert_int_equal(
        chain_put(&chain, &tip, RECORD_OPEN, buf_bytes(&body), &mine), 0);
    j = (struct journal){.writer = w, .tip = tip};
    assert_int_equal(journal_fence(&j, e.kit.thief, &mine), 0);
    assert_true(mine);
    tip = j.tip;
    buf_reset(&body);
    record_journal_put(RECORD_RENEW, &says, &body);
    assert_int_equal(
        chain_put(&chain, &tip, RECORD_RENEW, buf_bytes(&body), &mine), 0);
    buf_release(&body);
    (void)early_reads(&e, &e.old, &w, 0);
    assert_int_equal(repo_refresh(e.r), 0);
    assert_int_equal(index_reader_new(e.r->index, &r), 0);
    assert_int_equal(catchup_marks_closed(r, &w, &closed), 0);
    index_reader_free(r);
    assert_true(closed);
    early_close(&e);
}

/* M4: while we look at what the index knows, another process that has not seen
 * the removal puts in what does not stand. */
static void test_catchup_members__what_others_take_meanwhile_is_cut_too(
    void **state)
{
    struct journal_list list = {.item = NULL};
    struct catchup c = {.accept_rollback = false};
    struct catchup_update up;
    struct chain_tip tip;
    struct writer_id w;
    struct early e;
    bool stale = false;

    (void)state;
    early_open(&e, KEYRING_WRITE);
    c = (struct catchup){.store = e.kit.f.store,
                         .keys = e.r->keys,
                         .index = e.r->index,
                         .state = &e.kit.full->state};
    assert_int_equal(catchup_update_init(&up, &c), 0);
    (void)member_kit_put_run(&e.kit, 0, &w, &tip);
    assert_true(early_reads(&e, &e.r->state, &w, 0));
    member_kit_say(&e.kit, RECORD_LEAVING);
    member_kit_say(&e.kit, RECORD_REMOVED);
    assert_int_equal(journal_list_load(e.kit.f.store, &list), 0);
    /* as it was when we began */
    assert_int_equal(catchup_journals_known(&up, &list, &stale), 0);
    assert_false(stale);
    assert_int_equal(catchup_journals_cut(&up, &stale), 0);
    assert_false(up.overtaken);
    assert_true(stale);
    catchup_update_release(&up);
    journal_list_release(&list);
    early_close(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catchup_members__who_is_not_known_leaves_no_mark),
        cmocka_unit_test(test_catchup_members__a_later_state_leaves_no_mark),
        cmocka_unit_test(
            test_catchup_members__a_fence_by_who_came_later_is_found),
        cmocka_unit_test(
            test_catchup_members__what_others_take_meanwhile_is_cut_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
