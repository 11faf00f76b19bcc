/* What a check says of members: who signed what he may not, what a removed key
 * has left behind, and what of it has to be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/key_change.h"
#include "repo/key_remove.h"
#include "repo/segment_file.h"
#include "repo/writer.h"
#include "tests/repo/check_kit.h"

static const struct check_options all = {.read_data = true};

/* A repository with one more key. */
struct world {
    struct check_kit *k;
    struct repo *full;
    struct keyring *thief;
    struct member_id member;
};

static void world_make(struct world *x, enum keyring_role role)
{
    struct key_slot_secret secret = {
        KEY_SLOT_FILE, bytes_of_str("a thief has this key file, 32 b!")};
    struct key_change_new n = {
        .role = role, .label = "theirs", .secret = &secret, .has_trust = true};
    struct repo_open_options opt = {.secret = &secret, .no_index = true};
    struct repo *r = NULL;

    x->k = check_kit_small();
    x->full = check_kit_repo(x->k);
    assert_int_equal(key_change_add(x->full, &n, &x->member), 0);
    assert_int_equal(repo_open(x->k->store, &opt, &r), 0);
    x->thief = keyring_new();
    assert_non_null(x->thief);
    *x->thief = *r->keys;
    repo_close(r);
    check_kit_expect_clean(x->k, 0);
}

static void world_end(struct world *x)
{
    keyring_free(x->thief);
    repo_close(x->full);
    check_kit_close(x->k);
}

static void put(struct world *x, const struct writer_id *w,
                struct chain_tip *tip, uint32_t type, struct buf *body)
{
    struct chain chain = {.store = x->k->store,
                          .keys = x->thief,
                          .kind = w ? ENVELOPE_JOURNAL : ENVELOPE_LOG};
    bool mine;

    if (w)
        chain.writer = *w;
    assert_int_equal(chain_put(&chain, tip, type, buf_bytes(body), &mine), 0);
    assert_true(mine);
    buf_release(body);
}

static void put_journal(struct world *x, const struct writer_id *w,
                        struct chain_tip *tip, enum record_journal_type type,
                        const struct object_id *id)
{
    struct record_journal j = {.series = bytes_of_str("a@b"), .in_series = 1};
    struct chain log = {
        .store = x->k->store, .keys = x->thief, .kind = ENVELOPE_LOG};
    struct chain_record zero = {.signer = {{0}}};
    struct buf body;
    bool found;

    assert_int_equal(chain_get(&log, 0, &zero, &found), 0);
    j.log_id = zero.id;
    chain_record_release(&zero);
    if (id)
        j.id = *id;
    buf_init(&body, 4096);
    record_journal_put(type, &j, &body);
    put(x, w, tip, type, &body);
}

/* The one finding, or fails. */
static void expect_one(struct world *x, bool damage, const char *text)
{
    assert_int_equal(check_kit_run(x->k, x->k->r, &all),
                     damage ? E_CORRUPT : 0);
    assert_int_equal(x->k->hit_n, 1);
    assert_int_equal(x->k->hit[0].damage, damage);
    if (!strstr(x->k->hit[0].text, text))
        fail_msg("'%s' is not in '%s'", text, x->k->hit[0].text);
}

/* A forget by a key that may not: while the key is active somebody else may
 * have it; once it is removed that is over. */
static void test_check_members__who_may_not_is_named(void **state)
{
    struct key_remove_result done;
    struct record_log l;
    struct chain_tip tip;
    struct world x;
    struct buf body;

    (void)state;
    world_make(&x, KEYRING_WRITE);
    l = (struct record_log){.ids = record_ids_of(&x.k->snapshot[0], 1)};
    tip = x.full->state.tip;
    buf_init(&body, 4096);
    record_log_put(RECORD_FORGET, &l, &body);
    put(&x, NULL, &tip, RECORD_FORGET, &body);
    expect_one(&x, true, "signed by the key 'theirs', which may not");
    assert_int_equal(x.k->sum.snapshots, 1);
    assert_int_equal(repo_refresh(x.full), 0);
    assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
    expect_one(&x, false, "signed by the removed key 'theirs'");
    world_end(&x);
}

static void test_check_members__nobodys_journals_are_named(void **state)
{
    static const struct writer_id w = {{1, 2, 3}};
    struct chain_tip tip = {.any = false};
    struct world x;

    (void)state;
    world_make(&x, KEYRING_WRITE);
    put_journal(&x, &w, &tip, RECORD_OPEN, NULL);
    expect_one(&x, true, "a journal of somebody who is no member");
    world_end(&x);
}

/* In the founder's journal, and in its own of what the founder signed. */
static void test_check_members__others_objects_are_named(void **state)
{
    struct segment_pack none = {.bytes = 0};
    struct chain_tip tip = {.any = false};
    struct object_id id;
    struct writer_id w;
    struct world x;

    (void)state;
    world_make(&x, KEYRING_WRITE);
    members_writer_new(&x.member, &w);
    assert_int_equal(
        segment_file_write(x.k->store, x.full->keys, 0, NULL, 0, &none, 0, &id),
        0);
    put_journal(&x, &w, &tip, RECORD_OPEN, NULL);
    put_journal(&x, &w, &tip, RECORD_SEGMENT, &id);
    expect_one(&x, true, "not signed by the member whose journal names it");
    world_end(&x);

    /* one that the founder commits as well is the founder's all the same */
    world_make(&x, KEYRING_WRITE);
    members_writer_new(&x.member, &w);
    tip = (struct chain_tip){.any = false};
    put_journal(&x, &w, &tip, RECORD_OPEN, NULL);
    put_journal(&x, &w, &tip, RECORD_COMMIT, &x.k->snapshot[0]);
    expect_one(&x, true, "not signed by the member whose journal commits it");
    world_end(&x);
}

/* What a removed key puts later is no damage; what it had put is missed. */
static void test_check_members__cuts_are_held(void **state)
{
    struct key_remove_result done;
    struct chain_tip tip = {.any = false};
    struct chain_tip later = {.any = false};
    struct writer_id w[2];
    char name[2][RECORD_NAME_MAX];
    struct world x;

    (void)state;
    world_make(&x, KEYRING_WRITE);
    members_writer_new(&x.member, &w[0]);
    members_writer_new(&x.member, &w[1]);
    put_journal(&x, &w[0], &tip, RECORD_OPEN, NULL);
    put_journal(&x, &w[0], &tip, RECORD_END, NULL);
    /* one that is far out: what is missing before it stays so */
    tip.number = 99999998;
    put_journal(&x, &w[0], &tip, RECORD_END, NULL);
    assert_int_equal(key_remove(x.full, &x.member, true, &done), 0);
    assert_int_equal(done.journals, 1);
    assert_int_equal(done.damaged, 1);
    record_journal_name(&w[0], 99999999, name[0]);
    expect_one(&x, true, "behind the end");
    check_kit_put(x.k, name[0], NULL, 0);
    expect_one(&x, true, "missing, up to number 99999999");
    world_end(&x);

    tip = (struct chain_tip){.any = false};
    world_make(&x, KEYRING_WRITE);
    members_writer_new(&x.member, &w[0]);
    members_writer_new(&x.member, &w[1]);
    put_journal(&x, &w[0], &tip, RECORD_OPEN, NULL);
    put_journal(&x, &w[0], &tip, RECORD_END, NULL);
    assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
    check_kit_expect_clean(x.k, 0);
    put_journal(&x, &w[1], &later, RECORD_OPEN, NULL);
    put_journal(&x, &w[1], &later, RECORD_END, NULL);
    expect_one(&x, false, "records of the removed key 'theirs'");
    record_journal_name(&w[1], 0, name[0]);
    record_journal_name(&w[1], 1, name[1]);
    check_kit_put(x.k, name[0], NULL, 0);
    check_kit_put(x.k, name[1], NULL, 0);
    /* the end, then all of it */
    record_journal_name(&w[0], 0, name[0]);
    record_journal_name(&w[0], 1, name[1]);
    check_kit_put(x.k, name[1], NULL, 0);
    expect_one(&x, true, "missing");
    check_kit_put(x.k, name[0], NULL, 0);
    expect_one(&x, true, "missing");
    world_end(&x);
}

/* Fails each read of one log record. */
static int withhold(void *ctx, enum memory_point point, enum memory_op op,
                    const char *name)
{
    const char *record = ctx;

    return point == MEMORY_BEFORE && op == MEMORY_GET &&
                   strcmp(name, record) == 0
               ? err_set(E_STORE, "not now")
               : 0;
}

/* Who is a member, and may do what, stands in the log: where a record of it
 * cannot be read just now nobody is accused. */
static void test_check_members__an_unread_record_accuses_nobody(void **state)
{
    struct pack_info info = {.bytes = 0};
    struct key_change_new n = {.role = KEYRING_FULL, .label = "more"};
    struct key_slot_secret more = {
        KEY_SLOT_FILE, bytes_of_str("one more key file, of 32 bytes!!")};
    struct repo_open_options opt = {.secret = &more};
    struct writer *w = NULL;
    struct repo *r = NULL;
    struct member_id id;
    struct world x;
    bool indexed;

    (void)state;
    world_make(&x, KEYRING_WRITE);
    n.secret = &more;
    assert_int_equal(key_change_add(x.full, &n, &id), 0);
    opt.cache_root = x.k->cache;
    assert_int_equal(repo_open(x.k->store, &opt, &r), 0);
    assert_int_equal(writer_open(r, bytes_of_str("more@x"), &w), 0);
    check_kit_pack(x.k, r, 77, &info);
    assert_int_equal(writer_publish(w, &info, 1, &indexed), 0);
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
    /* its word in the log, too */
    assert_int_equal(key_change_trust(r, RECORD_TRUST_OWN), 0);
    check_kit_expect_clean(x.k, 0);
    for (uint64_t i = 0; i <= r->state.tip.number; i++) {
        char name[RECORD_NAME_MAX];

        record_log_name(i, name);
        memory_set_hook(x.k->store, withhold, name);
        assert_int_equal(check_kit_run(x.k, x.k->r, &all), E_STORE);
        memory_set_hook(x.k->store, NULL, NULL);
        assert_int_equal(x.k->sum.damages, 0);
        assert_true(x.k->sum.unread > 0);
    }
    check_kit_expect_clean(x.k, 0);
    repo_close(r);
    world_end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_members__who_may_not_is_named),
        cmocka_unit_test(test_check_members__nobodys_journals_are_named),
        cmocka_unit_test(test_check_members__others_objects_are_named),
        cmocka_unit_test(test_check_members__cuts_are_held),
        cmocka_unit_test(test_check_members__an_unread_record_accuses_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
