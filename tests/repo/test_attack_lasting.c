/* What the holder of a stolen key leaves behind is over with when the key is
 * removed: nothing of it goes on standing in the way of others. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "base/codec.h"
#include "base/process.h"
#include "repo/chain.h"
#include "repo/check.h"
#include "repo/key_change.h"
#include "repo/key_remove.h"
#include "repo/repo_log.h"
#include "repo/rotate.h"
#include "repo/run_others.h"
#include "repo/writer_process.h"
#include "tests/repo/member_kit.h"

static struct repo *open_full(struct member_kit *x, const char *cache)
{
    return member_kit_open_as(x, &x->founder, cache);
}

static size_t damaged_snapshots(struct repo *r)
{
    struct snapshot_list l = {.n = 0};
    size_t n;

    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    n = snapshot_list_damaged(&l);
    snapshot_list_release(&l);
    return n;
}

static int say_forget(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    const struct object_id *id = ctx;

    (void)r;
    d->type = RECORD_FORGET;
    d->says.ids = (struct record_ids){.p = id->b, .n = 1};
    return 0;
}

/* A snapshot is committed, forgotten by the founder, and its object goes. */
static void commit_forgotten(struct member_kit *x, const struct writer_id *w,
                             struct chain_tip *tip, struct object_id *id)
{
    struct record_journal says = {.id = *id};
    char name[SNAPSHOT_LIST_NAME_MAX];

    member_kit_put_journal(x, w, tip, RECORD_COMMIT, &says);
    assert_int_equal(repo_log_append(x->full, say_forget, id, NULL), 0);
    snapshot_list_name(id, name);
    catchup_kit_remove(x->f.store, name);
}

/* Records that name objects that are not there, or are nobody's: as long as the
 * key is a member's they look like damage. */
static void test_attack_lasting__what_names_nothing(void **state)
{
    struct key_remove_result done;
    struct record_journal says = {.generation = 0};
    struct record_journal replaced;
    struct record_journal gone = {.generation = 0};
    char name[SNAPSHOT_LIST_NAME_MAX];
    enum store_outcome outcome;
    struct pack_info info;
    struct object_id before, forgotten;
    struct writer_id w;
    struct chain_tip tip;
    struct member_kit x;
    struct repo *r;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    before = member_kit_put_run(&x, 0, &w, &tip);
    member_kit_put_open(&x, &w, &tip, 0);
    memset(says.id.b, 0x11, sizeof says.id.b);
    member_kit_put_journal(&x, &w, &tip, RECORD_SEGMENT, &says);
    /* it says itself that it was replaced, and by what is there */
    says.ids = (struct record_ids){.p = says.id.b, .n = 1};
    replaced = says;
    replaced.id = member_kit_put_segment(&x, x.thief, 5, &info);
    pack_info_release(&info);
    member_kit_put_journal(&x, &w, &tip, RECORD_SEGMENT, &replaced);
    says.ids = (struct record_ids){.n = 0};
    /* one that hosts have seen, and that has gone since */
    gone.id = member_kit_put_snapshot(&x, x.thief->keys, 40);
    member_kit_put_journal(&x, &w, &tip, RECORD_COMMIT, &gone);
    assert_int_equal(repo_refresh(x.full), 0);
    snapshot_list_name(&gone.id, name);
    catchup_kit_remove(x.f.store, name);
    /* one that was forgotten, and has gone by right */
    forgotten = member_kit_put_snapshot(&x, x.thief->keys, 41);
    commit_forgotten(&x, &w, &tip, &forgotten);
    memset(says.id.b, 0x22, sizeof says.id.b);
    member_kit_put_journal(&x, &w, &tip, RECORD_COMMIT, &says);
    memset(says.id.b, 0x33, sizeof says.id.b);
    snapshot_list_name(&says.id, name);
    assert_int_equal(store_put(x.f.store, name, bytes_of_str("junk"), &outcome),
                     0);
    member_kit_put_journal(&x, &w, &tip, RECORD_COMMIT, &says);
    r = open_full(&x, "late");
    assert_true(r->hurt);
    assert_int_equal(damaged_snapshots(r), 3);
    repo_close(r);
    assert_int_equal(key_remove(x.full, &x.member, false, &done), E_REFUSED);
    assert_int_equal(key_remove(x.full, &x.member, true, &done), 0);
    assert_int_equal(done.damaged, 4);
    for (int fresh = 0; fresh < 2; fresh++) {
        r = open_full(&x, fresh ? NULL : "late");
        assert_false(r->hurt);
        assert_int_equal(damaged_snapshots(r), 0);
        repo_close(r);
        assert_true(member_kit_listed(&x, fresh ? NULL : "full", &before));
    }
    member_kit_close(&x);
}

/* --- what looks like a later version's ---------------------------------- */

enum newer {
    NEWER_TYPE,     /* of a record */
    NEWER_FIELD,    /* critical, in a record */
    NEWER_SEGMENT,  /* a file of a later format */
    NEWER_SNAPSHOT, /* the same */
    NEWER_MANIFEST, /* a critical field, sealed and signed */
    NEWER_N
};

/* A record with any type and body behind tip. */
static void put_any(struct member_kit *x, const struct writer_id *w,
                    struct chain_tip *tip, uint32_t type, struct buf *body)
{
    struct chain chain = {.store = x->f.store,
                          .keys = x->thief->keys,
                          .kind = ENVELOPE_JOURNAL,
                          .writer = *w};
    bool mine;

    assert_int_equal(chain_put(&chain, tip, type, buf_bytes(body), &mine), 0);
    assert_true(mine);
    buf_release(body);
}

/* Puts an object below a folder, under the name that its bytes have. */
static struct object_id put_object(struct member_kit *x, const char *folder,
                                   struct bytes file)
{
    char hex[ID_HEX_CHARS + 1];
    char name[ID_HEX_CHARS + 16];
    enum store_outcome outcome;
    struct object_id id;

    blake3_hash(file, id.b);
    (void)snprintf(name, sizeof name, "%s/%s", folder,
                   id_hex(id.b, sizeof id.b, hex));
    assert_int_equal(store_put(x->f.store, name, file, &outcome), 0);
    return id;
}

/* A good manifest with one field more. */
static struct object_id put_manifest(struct member_kit *x)
{
    struct manifest m = {.series = bytes_of_str("test@series"),
                         .number = 9,
                         .root = bytes_of_str("opaque"),
                         .complete = true};
    struct object_id id;
    struct buf content;
    struct buf file;

    m.log_number = x->full->state.tip.number;
    m.log_id = x->full->state.tip.id;
    buf_init(&content, 1 << 16);
    buf_init(&file, envelope_max_bytes(ENVELOPE_SNAPSHOT));
    manifest_put(&m, &content);
    codec_put_varint(&content, 99);
    codec_put_string(&content, bytes_of_str("new"));
    assert_int_equal(envelope_seal(x->thief->keys, ENVELOPE_SNAPSHOT,
                                   bytes_of(NULL, 0), buf_bytes(&content),
                                   &file),
                     0);
    id = put_object(x, "snapshots", buf_bytes(&file));
    buf_release(&content);
    buf_release(&file);
    return id;
}

static void put_newer(struct member_kit *x, enum newer which,
                      const struct writer_id *w, struct chain_tip *tip)
{
    /* magic, kind, version */
    static const char segment[] = "\x89"
                                  "ddup\r\nI\x02 of a later format";
    static const char snapshot[] = "\x89"
                                   "ddup\r\nS\x02 of a later format";
    struct record_journal says = {.generation = 0};
    struct buf body;

    buf_init(&body, 1 << 10);
    switch (which) {
    case NEWER_TYPE:
        put_any(x, w, tip, 77, &body);
        return;
    case NEWER_FIELD:
        codec_put_varint(&body, 99);
        codec_put_string(&body, bytes_of_str("new"));
        put_any(x, w, tip, RECORD_END, &body);
        return;
    case NEWER_SEGMENT:
        says.id = put_object(x, "index", bytes_of_str(segment));
        member_kit_put_journal(x, w, tip, RECORD_SEGMENT, &says);
        return;
    case NEWER_SNAPSHOT:
        says.id = put_object(x, "snapshots", bytes_of_str(snapshot));
        break;
    case NEWER_MANIFEST:
    case NEWER_N:
        says.id = put_manifest(x);
        break;
    }
    member_kit_put_journal(x, w, tip, RECORD_COMMIT, &says);
}

/* What nobody can understand keeps nobody from opening the repository: a
 * version that must stop older ones says so in the log, which takes a full key.
 */
static void test_attack_lasting__what_looks_newer(void **state)
{
    (void)state;
    for (int which = 0; which < NEWER_N; which++) {
        struct check_options all = {.threads = 1};
        struct check_summary sum = {.snapshots = 0};
        struct key_remove_result done;
        struct object_id before;
        struct chain_tip tip;
        struct writer_id w;
        struct member_kit x;
        struct repo *r;

        member_kit_make(&x, KEYRING_WRITE);
        before = member_kit_put_run(&x, 0, &w, &tip);
        member_kit_put_open(&x, &w, &tip, 0);
        put_newer(&x, (enum newer)which, &w, &tip);
        r = open_full(&x, "late");
        assert_true(r->hurt || damaged_snapshots(r) == 1);
        /* a check names it, and goes on */
        assert_int_equal(check_run(r, &all, NULL, NULL, &sum), E_CORRUPT);
        assert_true(sum.snapshots >= 2);
        repo_close(r);
        assert_true(member_kit_listed(&x, "full", &before));
        assert_int_equal(key_remove(x.full, &x.member, false, &done),
                         E_REFUSED);
        assert_int_equal(key_remove(x.full, &x.member, true, &done), 0);
        assert_int_equal(done.damaged, 1);
        for (int fresh = 0; fresh < 2; fresh++) {
            r = open_full(&x, fresh ? NULL : "late");
            assert_false(r->hurt);
            assert_int_equal(damaged_snapshots(r), 0);
            repo_close(r);
        }
        member_kit_close(&x);
    }
}

/* --- floods --- */

static void put_junk(struct member_kit *x, const struct writer_id *w,
                     uint64_t from, uint64_t n)
{
    for (uint64_t k = from; k < from + n; k++) {
        char name[RECORD_NAME_MAX];
        enum store_outcome outcome;

        record_journal_name(w, k, name);
        assert_int_equal(
            store_put(x->f.store, name, bytes_of_str("junk"), &outcome), 0);
    }
}

/* Garbage takes no room in what a removal lists. Whole journals that do not fit
 * are left out, the longest first. */
static void test_attack_lasting__a_flood(void **state)
{
    const size_t room = 2 * (4 * 32 + 20); /* two runs of four records */
    struct key_remove_result done;
    struct record_journal says = {.generation = 0};
    struct object_id before[2], late;
    struct chain_tip tip;
    struct writer_id w;
    struct member_kit x;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    for (size_t i = 0; i < 2; i++) {
        before[i] = member_kit_put_run(&x, i, &w, &tip);
        assert_int_equal(repo_refresh(x.full), 0);
        put_junk(&x, &w, 4, 100);
    }
    for (size_t i = 0; i < 2; i++) {
        member_kit_put_open(&x, &w, &tip, 0);
        says.id = member_kit_put_snapshot(&x, x.thief->keys, 70 + i);
        for (size_t k = 0; k < 5; k++)
            member_kit_put_journal(&x, &w, &tip, RECORD_COMMIT, &says);
        late = says.id;
    }
    assert_int_equal(key_remove_bounded(x.full, &x.member, false, room, &done),
                     E_REFUSED);
    assert_true(done.left_out >= 2);
    assert_int_equal(key_remove_bounded(x.full, &x.member, true, room, &done),
                     0);
    assert_int_equal(done.left_out, 2);
    assert_int_equal(done.journals, 4);
    assert_int_equal(done.damaged, 200);
    assert_true(member_kit_listed(&x, NULL, &before[0]));
    assert_true(member_kit_listed(&x, NULL, &before[1]));
    assert_false(member_kit_listed(&x, NULL, &late));
    assert_int_equal(catchup_kit_damaged(&x.f, NULL), 0);
    member_kit_close(&x);
}

/* A member that is leaving would be given the keys of a new epoch. */
static void test_attack_lasting__no_new_keys_for_who_leaves(void **state)
{
    struct key_remove_result done;
    struct rotate_result res;
    struct chain_tip tip;
    struct writer_id w;
    struct member_kit x;
    uint64_t before;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    member_kit_put_open(&x, &w, &tip, 0);
    put_junk(&x, &w, 1, 1);
    assert_int_equal(key_remove(x.full, &x.member, false, &done), E_REFUSED);
    before = x.full->state.tip.number;
    assert_int_equal(rotate_run(x.full, &x.founder, &res), E_REFUSED);
    assert_int_equal(res.epoch, 0);
    assert_int_equal(x.full->state.tip.number, before);
    assert_int_equal(key_remove(x.full, &x.member, true, &done), 0);
    assert_int_equal(rotate_run(x.full, &x.founder, &res), 0);
    assert_int_equal(res.members, 1);
    member_kit_close(&x);
}

/* What lies in a journal of who may have none is nothing at all. */
static void test_attack_lasting__readers_have_no_journals(void **state)
{
    struct record_journal open = {.generation = 0};
    struct chain_tip tip = {.any = false};
    struct writer_id w;
    struct member_kit x;
    struct repo *r;

    (void)state;
    member_kit_make(&x, KEYRING_READ);
    members_writer_new(&x.member, &w);
    member_kit_put_journal(&x, &w, &tip, RECORD_OPEN, &open);
    put_junk(&x, &w, 1, 1);
    put_junk(&x, &w, 7, 1);
    for (int fresh = 0; fresh < 2; fresh++) {
        r = open_full(&x, fresh ? NULL : "late");
        assert_false(r->hurt);
        assert_int_equal(r->journals.records, 0);
        repo_close(r);
    }
    member_kit_close(&x);
}

/* --- runs that never were --- */

static bool thinks_it_runs(struct member_kit *x)
{
    struct run_holder who;

    assert_int_equal(repo_refresh(x->full), 0);
    return run_others_find(x->full, bytes_of_str("s"), &who);
}

/* A journal that names a process of the other host that lives, as its records
 * tell. It is waited for only as long as its member's word counts. */
static void test_attack_lasting__a_run_that_never_was(void **state)
{
    struct key_remove_result done;
    struct record_journal open = {.generation = 0};
    struct writer_process text;
    struct chain_tip tip = {.any = false};
    struct writer_id w;
    struct member_kit x;
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the test fail */
        for (;;)
            (void)pause();
    }
    member_kit_make(&x, KEYRING_WRITE);
    writer_process_get(&text, &open.process);
    open.process.pid = (uint64_t)pid;
    open.process.start = process_start((uint32_t)pid);
    open.process.series = bytes_of_str("s");
    /* in the name of the other member, and in its own */
    members_writer_new(&x.full->keys->member, &w);
    member_kit_put_journal(&x, &w, &tip, RECORD_OPEN, &open);
    assert_false(thinks_it_runs(&x));
    tip.any = false;
    members_writer_new(&x.member, &w);
    member_kit_put_journal(&x, &w, &tip, RECORD_OPEN, &open);
    assert_true(thinks_it_runs(&x));
    assert_int_equal(key_change_trust(x.full, RECORD_TRUST_OWN), 0);
    assert_false(thinks_it_runs(&x));
    assert_int_equal(key_change_trust(x.full, RECORD_TRUST_SHARED), 0);
    assert_true(thinks_it_runs(&x));
    assert_int_equal(key_remove(x.full, &x.member, true, &done), 0);
    assert_false(thinks_it_runs(&x));
    tip.any = false;
    members_writer_new(&x.member, &w);
    member_kit_put_journal(&x, &w, &tip, RECORD_OPEN, &open);
    assert_false(thinks_it_runs(&x));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    member_kit_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack_lasting__a_flood),
        cmocka_unit_test(test_attack_lasting__no_new_keys_for_who_leaves),
        cmocka_unit_test(test_attack_lasting__a_run_that_never_was),
        cmocka_unit_test(test_attack_lasting__readers_have_no_journals),
        cmocka_unit_test(test_attack_lasting__what_looks_newer),
        cmocka_unit_test(test_attack_lasting__what_names_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
