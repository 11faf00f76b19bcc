/*
 * Stolen keys: what a thief puts that holds a member's keys, and can write to
 * the store, but is not who may put it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "repo/journal.h"
#include "repo/journal_list.h"
#include "repo/segment_list.h"
#include "repo/slot_list.h"
#include "tests/repo/member_kit.h"

/* --- the log --- */

static struct object_id founders_pack(struct member_kit *x)
{
    struct catchup_kit_names n;
    struct object_id id;

    catchup_kit_pick(x->f.store, "packs", &n);
    assert_true(id_from_hex(strrchr(n.name[0], '/') + 1, id.b, sizeof id.b));
    return id;
}

/* Whether a record of that type has done what log_record_works() wants. */
static bool log_record_did(const struct member_kit *x,
                           enum record_log_type type,
                           const struct object_id *one,
                           const struct object_id *pack)
{
    const struct state *s = &x->full->state;
    struct record_strings tags;

    switch (type) {
    case RECORD_CONDEMN:
    case RECORD_DOOM:
        return state_of_pack(s, pack, NULL) != STATE_LIVE;
    case RECORD_FORGET:
        return state_is_forgotten(s, &x->id[0]);
    case RECORD_TAG:
        return state_label_tags(&s->labels, &x->id[0], &tags);
    case RECORD_PROTECT:
        return state_label_protects(&s->labels, &x->id[0], 0);
    case RECORD_SUSPECT:
        return s->suspect_n > 0;
    case RECORD_FLAGS:
        return state_allows(s, RECORD_CLASS_READ) < 0;
    case RECORD_MEMBERS:
        return s->members.trust == RECORD_TRUST_OWN;
    case RECORD_VOUCH:
        return state_is_vouched(s, one, pack);
    case RECORD_EPOCH:
        return s->epochs > 1;
    case RECORD_UNFORGET:
    case RECORD_POLICY:
    case RECORD_BASE:
        break;
    }
    return false;
}

/* Puts a record that would do something; whether it did. */
static bool log_record_works(struct member_kit *x, enum record_log_type type)
{
    struct record_log l = {.ids = record_ids_of(&x->id[0], 1)};
    struct record_member m[2];
    struct object_id pack = founders_pack(x);
    struct object_id one = {{1}};
    uint8_t pair[2 * ID_BYTES];
    const struct state *s = &x->full->state;
    struct buf list;
    bool works;

    buf_init(&list, 4096);
    if (type == RECORD_DOOM || type == RECORD_CONDEMN)
        l.ids = record_ids_of(&pack, 1);
    memcpy(pair, one.b, ID_BYTES);
    memcpy(pair + ID_BYTES, pack.b, ID_BYTES);
    l.suspects = l.vouches = (struct fields_list){pair, 1};
    if (type == RECORD_FLAGS || type == RECORD_TAG) {
        record_string_put(&list, bytes_of_str("x-1"));
        l.features[RECORD_CLASS_READ] =
            (struct record_strings){buf_bytes(&list), 1};
        l.tags = l.features[RECORD_CLASS_READ];
    }
    if (type == RECORD_MEMBERS) {
        /* there is no key but mine */
        m[0] = (struct record_member){.id = s->members.one[0].id,
                                      .role = KEYRING_FULL,
                                      .standing = RECORD_ACTIVE,
                                      .label = bytes_of_str("a")};
        m[1] = (struct record_member){.id = x->member,
                                      .role = (unsigned)x->thief->keys->role,
                                      .standing = RECORD_ACTIVE,
                                      .label = bytes_of_str("b")};
        record_member_put(&list, &m[0]);
        record_member_put(&list, &m[1]);
        l.members = (struct record_members){buf_bytes(&list), 2};
        l.trust = RECORD_TRUST_OWN;
    }
    l.epoch.number = 1;
    member_kit_put_log(x, type, &l);
    assert_int_equal(repo_refresh(x->full), 0);
    assert_int_equal(s->tip.number, x->thief->state.tip.number + 1);
    works = log_record_did(x, type, &one, &pack);
    buf_release(&list);
    return works;
}

static void test_attack_members__the_log_heeds_who_may_sign(void **state)
{
    static const struct {
        enum record_log_type type;
        bool by_maintain;
    } t[] = {{RECORD_CONDEMN, true}, {RECORD_DOOM, true},
             {RECORD_FORGET, true},  {RECORD_TAG, true},
             {RECORD_PROTECT, true}, {RECORD_SUSPECT, true},
             {RECORD_FLAGS, false},  {RECORD_MEMBERS, false},
             {RECORD_VOUCH, false},  {RECORD_EPOCH, false}};
    static const enum keyring_role role[] = {KEYRING_FULL, KEYRING_READ,
                                             KEYRING_WRITE, KEYRING_MAINTAIN};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        for (size_t k = 0; k < sizeof role / sizeof role[0]; k++) {
            bool may = role[k] == KEYRING_FULL ||
                       (role[k] == KEYRING_MAINTAIN && t[i].by_maintain);
            struct member_kit x;

            /* a full key's own would have to be whole: test_rotate */
            if (t[i].type == RECORD_EPOCH && may)
                continue;
            member_kit_make(&x, role[k]);
            if (log_record_works(&x, t[i].type) != may)
                fail_msg("log type %d by role %d", (int)t[i].type,
                         (int)role[k]);
            member_kit_close(&x);
        }
}

/* --- journals of others --- */

/* The founder's run, still open; tip: its last record. */
static struct writer *victim(struct member_kit *x, struct journal *j)
{
    struct journal_list l = {.item = NULL};
    struct writer *w = NULL;

    assert_int_equal(writer_open(x->full, bytes_of_str("v@v"), &w), 0);
    assert_int_equal(journal_list_load(x->f.store, &l), 0);
    for (size_t i = 0; i < l.n; i++) {
        journal_init(j, &l.item[i].writer);
        assert_int_equal(journal_read(j, x->full, NULL), 0);
        if (!j->ended && !j->fenced)
            break;
    }
    journal_list_release(&l);
    assert_false(j->ended || j->fenced);
    return w;
}

/* A commit or segment by the thief in the founder's journal. */
static void test_attack_members__nobody_speaks_in_others_journals(void **state)
{
    struct member_kit x;
    struct journal j;
    struct writer *w;
    struct record_journal says = {.generation = 0};
    struct pack_info info;
    struct object_id id, theirs;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    w = victim(&x, &j);
    id = member_kit_put_snapshot(&x, x.thief->keys, 7);
    says.id = id;
    member_kit_put_journal(&x, &j.writer, &j.tip, RECORD_COMMIT, &says);
    /* one that the founder has put, and did not commit so far */
    theirs = member_kit_put_snapshot(&x, x.full->keys, 8);
    says.id = theirs;
    member_kit_put_journal(&x, &j.writer, &j.tip, RECORD_COMMIT, &says);
    says.id = member_kit_put_segment(&x, x.thief, MEMBER_KIT_THIEF, &info);
    pack_info_release(&info);
    member_kit_put_journal(&x, &j.writer, &j.tip, RECORD_SEGMENT, &says);
    assert_false(member_kit_listed(&x, NULL, &id));
    assert_false(member_kit_listed(&x, "full", &id));
    assert_false(member_kit_listed(&x, NULL, &theirs));
    assert_false(member_kit_listed(&x, "full", &theirs));
    assert_false(member_kit_relied_on(&x, NULL, MEMBER_KIT_THIEF));
    assert_false(member_kit_relied_on(&x, "full", MEMBER_KIT_THIEF));
    writer_free(w);
    member_kit_close(&x);
}

/* What the founder signed, named by the thief's journal. */
static void test_attack_members__nobody_speaks_for_others_objects(void **state)
{
    struct member_kit x;
    struct record_journal says = {.generation = 0};
    struct writer_id w;
    struct chain_tip tip;
    struct pack_info info;
    struct object_id id;

    (void)state;
    member_kit_make(&x, KEYRING_WRITE);
    member_kit_put_open(&x, &w, &tip, 0);
    id = member_kit_put_snapshot(&x, x.full->keys, 7);
    says.id = id;
    member_kit_put_journal(&x, &w, &tip, RECORD_COMMIT, &says);
    says.id = member_kit_put_segment(&x, x.full, MEMBER_KIT_STRAY, &info);
    pack_info_release(&info);
    member_kit_put_journal(&x, &w, &tip, RECORD_SEGMENT, &says);
    assert_false(member_kit_listed(&x, NULL, &id));
    assert_false(member_kit_listed(&x, "full", &id));
    assert_false(member_kit_relied_on(&x, NULL, MEMBER_KIT_STRAY));
    assert_false(member_kit_relied_on(&x, "full", MEMBER_KIT_STRAY));
    /* its own does exist */
    id = member_kit_put_snapshot(&x, x.thief->keys, 8);
    says.id = id;
    member_kit_put_journal(&x, &w, &tip, RECORD_COMMIT, &says);
    assert_true(member_kit_listed(&x, NULL, &id));
    member_kit_close(&x);
}

/* Objects of the founder's that the thief's journal names while they cannot be
 * read: when they can be, who has signed them is known. */
static void test_attack_members__a_claim_on_what_is_damaged_fails(void **state)
{
    (void)state;
    for (int segment = 0; segment < 2; segment++) {
        struct record_journal says = {.generation = 0};
        char name[SNAPSHOT_LIST_NAME_MAX];
        struct pack_info info;
        struct chain_tip tip;
        struct writer_id w;
        struct buf file;
        struct member_kit x;

        member_kit_make(&x, KEYRING_WRITE);
        if (segment) {
            says.id =
                member_kit_put_segment(&x, x.full, MEMBER_KIT_STRAY, &info);
            pack_info_release(&info);
            segment_file_name(&says.id, name);
        } else {
            says.id = member_kit_put_snapshot(&x, x.full->keys, 7);
            snapshot_list_name(&says.id, name);
        }
        catchup_kit_get(x.f.store, name, &file);
        catchup_kit_remove(x.f.store, name);
        member_kit_put_open(&x, &w, &tip, 0);
        member_kit_put_journal(&x, &w, &tip,
                               segment ? RECORD_SEGMENT : RECORD_COMMIT, &says);
        /* as damaged */
        assert_int_equal(member_kit_listed(&x, "late", &says.id), !segment);
        catchup_kit_replace(x.f.store, name, buf_bytes(&file));
        assert_false(member_kit_listed(&x, "late", &says.id));
        assert_false(member_kit_relied_on(&x, "late", MEMBER_KIT_STRAY));
        assert_true(member_kit_listed(&x, "late", &x.id[0]));
        buf_release(&file);
        member_kit_close(&x);
    }
}

/* A key that reads has no journal, and no pack of its own. */
static void test_attack_members__roles_hold_in_ones_own_journal(void **state)
{
    static const struct {
        enum keyring_role role;
        bool publishes, commits;
    } t[] = {{KEYRING_FULL, true, true},
             {KEYRING_READ, false, false},
             {KEYRING_WRITE, true, true},
             {KEYRING_MAINTAIN, true, false}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct object_id id;
        struct chain_tip tip;
        struct writer_id w;
        struct member_kit x;

        member_kit_make(&x, t[i].role);
        id = member_kit_put_run(&x, 0, &w, &tip);
        for (int fresh = 0; fresh < 2; fresh++) {
            const char *cache = fresh ? NULL : "full";

            assert_int_equal(member_kit_listed(&x, cache, &id), t[i].commits);
            assert_int_equal(member_kit_relied_on(&x, cache, MEMBER_KIT_THIEF),
                             t[i].publishes);
        }
        member_kit_close(&x);
    }
}

/* ... and who is honest is told so before anything is put. */
static void test_attack_members__writers_know_their_role(void **state)
{
    static const struct {
        enum keyring_role role;
        int opens, commits;
    } t[] = {{KEYRING_FULL, 0, 0},
             {KEYRING_READ, E_ROLE, 0},
             {KEYRING_WRITE, 0, 0},
             {KEYRING_MAINTAIN, 0, E_ROLE}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct writer *w = NULL;
        struct object_id id;
        struct member_kit x;

        member_kit_make(&x, t[i].role);
        assert_int_equal(writer_open(x.thief, bytes_of_str("a@b"), &w),
                         t[i].opens);
        if (w)
            assert_int_equal(repo_fixture_commit(w, x.thief, 1, &id),
                             t[i].commits);
        writer_free(w);
        member_kit_close(&x);
    }
}

/* A pack whose writer may not write counts for nothing, not even for reading
 * what was lost. */
static void test_attack_members__packs_of_readers_are_none(void **state)
{
    static const enum keyring_role role[] = {KEYRING_READ, KEYRING_WRITE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pack_info info;
        struct repo *r;
        struct member_kit x;

        member_kit_make(&x, role[i]);
        (void)member_kit_put_segment(&x, x.thief, MEMBER_KIT_THIEF, &info);
        pack_info_release(&info);
        r = member_kit_open_as(&x, &x.founder, NULL);
        assert_int_equal(catchup_kit_finds(r, INDEX_READ, MEMBER_KIT_THIEF),
                         i == 1);
        repo_close(r);
        member_kit_close(&x);
    }
}

static bool stands_in_list(struct member_kit *x,
                           const struct object_id *segment)
{
    struct repo *r = member_kit_open_as(x, &x->founder, NULL);
    struct segment_list l = {.item = NULL};
    struct index_reader *ix = NULL;
    bool found = false;

    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(segment_list_load(ix, &l), 0);
    for (size_t i = 0; i < l.n; i++)
        found |= object_id_equal(&l.item[i].id, segment);
    segment_list_release(&l);
    index_reader_free(ix);
    repo_close(r);
    return found;
}

/* A merge that claims to stand for the founder's segments. */
static void test_attack_members__nobody_replaces_others_segments(void **state)
{
    static const enum keyring_role role[] = {KEYRING_WRITE, KEYRING_FULL};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct record_journal says = {.generation = 0};
        struct catchup_kit_names n;
        struct object_id theirs;
        struct pack_info info;
        struct chain_tip tip;
        struct writer_id w;
        struct member_kit x;

        member_kit_make(&x, role[i]);
        catchup_kit_pick(x.f.store, "index", &n);
        assert_true(id_from_hex(n.name[0] + 6, theirs.b, sizeof theirs.b));
        member_kit_put_open(&x, &w, &tip, 0);
        says.id = member_kit_put_segment(&x, x.thief, MEMBER_KIT_THIEF, &info);
        pack_info_release(&info);
        says.ids = record_ids_of(&theirs, 1);
        member_kit_put_journal(&x, &w, &tip, RECORD_SEGMENT, &says);
        /* a full key may merge any */
        assert_int_equal(stands_in_list(&x, &theirs), role[i] == KEYRING_WRITE);
        member_kit_close(&x);
    }
}

/* --- slots --- */

/* What is in the clear of a slot is sealed with it. */
static void test_attack_members__slots_are_what_they_say(void **state)
{
    static const struct {
        const char *what;
        size_t at; /* behind the magic, in format.md's order */
        uint8_t x;
    } t[] = {{"role", 9 + 1 + 8 + 16, KEYRING_WRITE ^ KEYRING_FULL},
             {"member", 9 + 1 + 8 + 16 + 1 + 5, 1},
             {"label", 9 + 1 + 8 + 16 + 1 + 32 + 1, 'a' ^ 'b'}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct slot_list l = {.item = NULL};
        enum store_outcome outcome;
        char hex[ID_HEX_CHARS + 1];
        char name[80];
        struct object_id id;
        struct repo *r = NULL;
        struct buf file;
        struct member_kit x;

        member_kit_make(&x, KEYRING_WRITE);
        assert_int_equal(slot_list_load(x.f.store, &l), 0);
        for (size_t k = 0; k < l.n; k++)
            if (memcmp(l.item[k].info.member.b, x.member.b, 32) == 0)
                id = l.item[k].id;
        (void)snprintf(name, sizeof name, "keys/%s",
                       id_hex(id.b, sizeof id.b, hex));
        catchup_kit_get(x.f.store, name, &file);
        catchup_kit_remove(x.f.store, name);
        file.p[t[i].at] ^= t[i].x;
        blake3_hash(buf_bytes(&file), id.b);
        (void)snprintf(name, sizeof name, "keys/%s",
                       id_hex(id.b, sizeof id.b, hex));
        assert_int_equal(store_put(x.f.store, name, buf_bytes(&file), &outcome),
                         0);
        x.f.secret = x.theirs;
        if (repo_fixture_repo(&x.f, NULL, &r) == 0)
            fail_msg("a slot opens whose %s was changed", t[i].what);
        buf_release(&file);
        slot_list_release(&l);
        member_kit_close(&x);
    }
}

/* Counts what unlocking asks of the store. */
static int count_op(void *ctx, enum memory_point point, enum memory_op op,
                    const char *name)
{
    uint64_t *n = ctx;

    (void)name;
    *n += point == MEMORY_BEFORE && (op == MEMORY_GET || op == MEMORY_LIST);
    return 0;
}

/* Who tries a wrong secret learns nothing of what role a right one has. */
static void test_attack_members__a_wrong_secret_is_one_whatever_role(
    void **state)
{
    static const enum keyring_role role[] = {KEYRING_FULL, KEYRING_READ,
                                             KEYRING_WRITE, KEYRING_MAINTAIN};
    char text[ERR_TEXT_MAX] = "";
    uint64_t ops = 0;

    (void)state;
    for (size_t i = 0; i < sizeof role / sizeof role[0]; i++) {
        struct repo *r = NULL;
        uint64_t n = 0;
        struct member_kit x;

        member_kit_make(&x, role[i]);
        /* the founder's slot is not there */
        assert_int_equal(slot_list_drop(x.f.store, &x.full->keys->member, NULL),
                         0);
        x.f.secret = (struct key_slot_secret){
            KEY_SLOT_FILE, bytes_of_str("00000000000000000000000000000000")};
        memory_set_hook(x.f.store, count_op, &n);
        assert_int_equal(repo_fixture_repo(&x.f, "wrong", &r), E_KEY);
        memory_set_hook(x.f.store, NULL, NULL);
        if (i == 0)
            (void)snprintf(text, sizeof text, "%s", err_text());
        assert_string_equal(err_text(), text);
        ops = i == 0 ? n : ops;
        assert_int_equal(n, ops);
        member_kit_close(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack_members__the_log_heeds_who_may_sign),
        cmocka_unit_test(test_attack_members__nobody_speaks_in_others_journals),
        cmocka_unit_test(test_attack_members__nobody_speaks_for_others_objects),
        cmocka_unit_test(test_attack_members__a_claim_on_what_is_damaged_fails),
        cmocka_unit_test(test_attack_members__roles_hold_in_ones_own_journal),
        cmocka_unit_test(test_attack_members__writers_know_their_role),
        cmocka_unit_test(test_attack_members__packs_of_readers_are_none),
        cmocka_unit_test(test_attack_members__nobody_replaces_others_segments),
        cmocka_unit_test(test_attack_members__slots_are_what_they_say),
        cmocka_unit_test(
            test_attack_members__a_wrong_secret_is_one_whatever_role),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
