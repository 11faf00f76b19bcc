/* The records and segments that a repository is told by: a log that was rolled
 * back, records out of place, merges that lose, signers who are no members. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "repo/envelope.h"
#include "repo/record_journal.h"
#include "repo/segment_file.h"
#include "repo/writer.h"
#include "tests/repo/check_kit.h"

static const struct check_options structure = {.threads = 1};
static const struct check_options all = {.read_data = true, .threads = 2};

static void test_check_records__a_log_rolled_back_is_found(void **state)
{
    struct check_kit *k = check_kit_small();
    struct repo_log_draft d = {.type = RECORD_POLICY,
                               .says = {.text = bytes_of_str("first")}};
    const struct check_kit_object *o;
    size_t at = 0;

    (void)state;
    check_kit_append(k, d);
    assert_int_equal(check_kit_backup(k, &k->snapshot[1]), 0);
    check_kit_expect_clean(k, 0);
    check_kit_keep(k);
    (void)check_kit_object_at(k, "log/", &at);
    o = check_kit_object_at(k, "log/", &at);
    check_kit_put(k, o->name, NULL, 0);
    assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
    assert_non_null(check_kit_find(k, CHECK_LOG, o->name));
    /* another history from there on; with a fresh cache nobody can tell */
    (void)scratch_run("rm -rf '%s'/*", k->cache);
    d.says.text = bytes_of_str("second");
    check_kit_append(k, d);
    assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
    assert_non_null(check_kit_find(k, CHECK_LOG, o->name));
    assert_null(check_kit_find(k, CHECK_PATH, NULL));
    check_kit_close(k);
}

/* A journal that has gone with all it said is missed by its successor. */
static void test_check_records__a_lost_journal_is_missed(void **state)
{
    struct check_kit *k = check_kit_small();

    (void)state;
    check_kit_keep(k);
    scratch_text(k->tree, "c", "the third file");
    assert_int_equal(check_kit_backup(k, &k->snapshot[1]), 0);
    check_kit_expect_clean(k, 0);
    for (size_t at = 0;;) {
        const struct check_kit_object *o = check_kit_object_at(k, "w/", &at);

        if (!o)
            break;
        check_kit_put(k, o->name, NULL, 0);
    }
    assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
    assert_non_null(check_kit_find(k, CHECK_SNAPSHOT, NULL));
    assert_int_equal(k->sum.snapshots, 1);
    check_kit_close(k);
}

/* The name of a journal of the founder's. */
static struct writer_id own_writer(const struct check_kit *k)
{
    struct writer_id w;

    members_writer_new(&k->r->keys->member, &w);
    return w;
}

/* Puts a record with that body at a journal's next number. */
static void put_record(struct check_kit *k, const struct writer_id *w,
                       struct chain_tip *tip, enum record_journal_type type)
{
    struct chain chain = {.store = k->store,
                          .keys = k->r->keys,
                          .kind = ENVELOPE_JOURNAL,
                          .writer = *w};
    struct record_journal j = {.series = bytes_of_str("a@b"), .in_series = 1};
    struct buf body;
    bool mine;

    buf_init(&body, 4096);
    record_journal_put(type, &j, &body);
    assert_int_equal(chain_put(&chain, tip, type, buf_bytes(&body), &mine), 0);
    assert_true(mine);
    buf_release(&body);
}

static void test_check_records__records_out_of_place_are_found(void **state)
{
    static const struct {
        enum record_journal_type type[3];
        bool good;
    } t[] = {
        {{RECORD_PIN, RECORD_PIN, RECORD_END}, false},
        {{RECORD_OPEN, RECORD_OPEN, RECORD_END}, false},
        {{RECORD_OPEN, RECORD_END, RECORD_PIN}, false},
        {{RECORD_OPEN, RECORD_FENCE, RECORD_END}, false},
        {{RECORD_OPEN, RECORD_PIN, RECORD_FENCE}, true},
        {{RECORD_OPEN, RECORD_PIN, RECORD_PIN}, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct check_kit *k = check_kit_small();
        struct writer_id w = own_writer(k);
        struct chain chain = {
            .store = k->store, .keys = k->r->keys, .kind = ENVELOPE_LOG};
        struct chain_record zero = {.signer = {{0}}};
        struct chain_tip tip = {.any = false};
        bool found;

        for (size_t j = 0; j < 3; j++)
            put_record(k, &w, &tip, t[i].type[j]);
        /* an open that names no log record at all is one more thing */
        assert_int_equal(chain_get(&chain, 0, &zero, &found), 0);
        check_kit_run(k, k->r, &structure);
        assert_int_equal(check_kit_find(k, CHECK_JOURNAL, NULL) == NULL,
                         t[i].good);
        chain_record_release(&zero);
        check_kit_close(k);
    }
}

/* Numbers far out cost no more than others. */
static void test_check_records__far_numbers_are_harmless(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct check_kit *k = check_kit_small();
        struct writer_id w = own_writer(k);
        char far[RECORD_NAME_MAX];

        if (i == 0)
            record_log_name(9999999999999998, far);
        else
            record_journal_name(&w, 99999999, far);
        check_kit_put(k, far, "junk", 4);
        assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
        assert_int_equal(k->hit_n, 2); /* a gap, and what lies behind it */
        assert_int_equal(check_kit_keyless(k, 1), E_CORRUPT);
        assert_int_equal(k->hit_n, 1);
        check_kit_close(k);
    }
}

/* Puts the record that follows tip. */
static void put_chain(struct check_kit *k, const struct keyring *keys,
                      const struct writer_id *w, struct chain_tip *tip,
                      uint32_t type, const struct buf *body)
{
    struct chain chain = {.store = k->store,
                          .keys = keys,
                          .kind = w ? ENVELOPE_JOURNAL : ENVELOPE_LOG};
    bool mine;

    if (w)
        chain.writer = *w;
    assert_int_equal(chain_put(&chain, tip, type, buf_bytes(body), &mine), 0);
    assert_true(mine);
}

/* What a journal record says of an id. */
static struct buf journal_body(struct check_kit *k,
                               enum record_journal_type type,
                               const struct object_id *id)
{
    struct record_journal j = {.series = bytes_of_str("a@b"), .in_series = 1};
    struct chain_record zero = {.signer = {{0}}};
    struct chain log = {
        .store = k->store, .keys = k->r->keys, .kind = ENVELOPE_LOG};
    struct buf body;
    bool found;

    assert_int_equal(chain_get(&log, 0, &zero, &found), 0);
    j.log_id = zero.id;
    chain_record_release(&zero);
    if (id)
        j.id = *id;
    buf_init(&body, 4096);
    record_journal_put(type, &j, &body);
    return body;
}

static void test_check_records__merged_segments_stand_for_theirs(void **state)
{
    struct check_kit *k = check_kit_small();
    size_t gone = 0;
    size_t stay = 0;
    char name[32];

    (void)state;
    for (int i = 0; i < 12; i++) {
        (void)snprintf(name, sizeof name, "file-%d", i);
        scratch_text(k->tree, name, name);
        assert_int_equal(check_kit_backup(k, &k->snapshot[1]), 0);
    }
    check_kit_expect_clean(k, 0);
    check_kit_keep(k);
    for (size_t at = 0;;) {
        const struct check_kit_object *o =
            check_kit_object_at(k, "index/", &at);

        if (!o)
            break;
        check_kit_put(k, o->name, NULL, 0);
        if (check_kit_run(k, k->r, &all) == 0) {
            assert_int_equal(k->hit_n, 0);
            gone++; /* and stays so */
            continue;
        }
        /* its packs say themselves what they hold: no file is lost */
        assert_non_null(check_kit_find(k, CHECK_SEGMENT, o->name));
        assert_null(check_kit_find(k, CHECK_PATH, NULL));
        check_kit_restore(k, o);
        stay++;
    }
    assert_int_equal(gone % 8, 0);
    assert_true(gone > 0 && stay > 0);
    check_kit_close(k);
}

/* A pack that is sound, under a directory that is another's. */
static void test_check_records__segments_must_tell_the_truth(void **state)
{
    struct check_kit *k = check_kit_small();
    struct repo *r = check_kit_repo(k);
    struct writer *w = NULL;
    struct pack_info one;
    struct pack_info other;
    bool indexed;

    (void)state;
    check_kit_pack(k, r, 1000, &one);
    check_kit_pack(k, r, 2000, &other);
    one.id = other.id;
    pack_info_release(&other);
    assert_int_equal(writer_open(r, bytes_of_str("x@y"), &w), 0);
    assert_int_equal(writer_publish(w, &one, 1, &indexed), 0);
    writer_free(w);
    repo_close(r);
    assert_int_equal(check_kit_run(k, k->r, &structure), 0);
    assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
    assert_non_null(check_kit_find(k, CHECK_PACK, NULL));
    check_kit_close(k);
}

/* A merge that loses a pack is found as long as what it replaces is there. */
static void test_check_records__merges_must_lose_nothing(void **state)
{
    struct check_kit *k = check_kit_small();
    const struct writer_id w = own_writer(k);
    struct record_journal j = {.generation = 0};
    struct chain_tip tip = {.any = false};
    struct segment_pack none = {.bytes = 0};
    struct buf body = journal_body(k, RECORD_OPEN, NULL);
    const struct check_kit_object *o;
    struct object_id old;
    size_t at = 0;

    (void)state;
    o = check_kit_object_at(k, "index/", &at);
    assert_true(id_from_hex(o->name + 6, old.b, sizeof old.b));
    put_chain(k, k->r->keys, &w, &tip, RECORD_OPEN, &body);
    buf_reset(&body);
    assert_int_equal(
        segment_file_write(k->store, k->r->keys, 1, &old, 1, &none, 0, &j.id),
        0);
    j.ids = record_ids_of(&old, 1);
    record_journal_put(RECORD_SEGMENT, &j, &body);
    put_chain(k, k->r->keys, &w, &tip, RECORD_SEGMENT, &body);
    buf_release(&body);
    assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
    assert_int_equal(k->hit_n, 1);
    assert_non_null(check_kit_find(k, CHECK_SEGMENT, o->name));
    check_kit_close(k);
}

/* The keys of the repository with another signing key: somebody who may read
 * and is no member. Free it with keyring_free(). */
static struct keyring *stranger(struct check_kit *k)
{
    struct keyring *mine = keyring_new();
    struct keyring *fresh = keyring_new();

    assert_true(mine && fresh);
    keyring_create(fresh);
    *mine = *k->r->keys;
    mine->seed = fresh->seed;
    mine->signer = fresh->signer;
    mine->member = fresh->member;
    keyring_free(fresh);
    return mine;
}

/* A journal that opens well and names one object. */
static void put_journal(struct check_kit *k, enum record_journal_type type,
                        const struct object_id *id)
{
    const struct writer_id w = own_writer(k);
    struct chain_tip tip = {.any = false};
    struct buf body = journal_body(k, RECORD_OPEN, NULL);

    put_chain(k, k->r->keys, &w, &tip, RECORD_OPEN, &body);
    buf_release(&body);
    body = journal_body(k, type, id);
    put_chain(k, k->r->keys, &w, &tip, type, &body);
    buf_release(&body);
}

static void expect_only(struct check_kit *k, enum check_kind kind,
                        const char *text)
{
    assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
    assert_int_equal(k->hit_n, 1);
    assert_int_equal(k->hit[0].kind, kind);
    if (!strstr(k->hit[0].text, text))
        fail_msg("'%s' is not in '%s'", text, k->hit[0].text);
}

static void test_check_records__strangers_sign_nothing(void **state)
{
    static const char no_member[] = "no member";
    struct check_kit *k = check_kit_small();
    const struct writer_id w = own_writer(k);
    struct chain_tip tip = {.any = false};
    struct segment_pack none = {.bytes = 0};
    struct object_id id;
    struct keyring *them;
    struct buf body = journal_body(k, RECORD_OPEN, NULL);

    (void)state;
    them = stranger(k);
    put_chain(k, them, &w, &tip, RECORD_OPEN, &body);
    expect_only(k, CHECK_JOURNAL, no_member);
    buf_release(&body);
    keyring_free(them);
    check_kit_close(k);

    k = check_kit_small();
    them = stranger(k);
    assert_int_equal(
        segment_file_write(k->store, them, 0, NULL, 0, &none, 0, &id), 0);
    put_journal(k, RECORD_SEGMENT, &id);
    expect_only(k, CHECK_SEGMENT, no_member);
    keyring_free(them);
    check_kit_close(k);
}

static void test_check_records__strangers_make_no_snapshots(void **state)
{
    struct check_kit *k = check_kit_small();
    struct keyring *them = stranger(k);
    char name[SNAPSHOT_LIST_NAME_MAX];
    struct object_id id;
    struct snapshot s;
    struct buf content;
    struct buf file;

    (void)state;
    assert_int_equal(
        snapshot_list_read(k->store, k->r->keys, &k->snapshot[0], &s), 0);
    buf_init(&content, 1 << 20);
    buf_init(&file, envelope_max_bytes(ENVELOPE_SNAPSHOT));
    manifest_put(&s.manifest.m, &content);
    assert_int_equal(envelope_seal(them, ENVELOPE_SNAPSHOT, bytes_of(NULL, 0),
                                   buf_bytes(&content), &file),
                     0);
    blake3_hash(buf_bytes(&file), id.b);
    snapshot_list_name(&id, name);
    check_kit_put(k, name, file.p, file.n);
    put_journal(k, RECORD_COMMIT, &id);
    expect_only(k, CHECK_SNAPSHOT, "no member");
    assert_string_equal(k->hit[0].object, name);
    snapshot_list_drop(&s);
    buf_release(&content);
    buf_release(&file);
    keyring_free(them);
    check_kit_close(k);
}

static void test_check_records__broken_links_are_found(void **state)
{
    struct check_kit *k = check_kit_small();
    const struct writer_id w = own_writer(k);
    struct chain_tip tip = {.any = false};
    struct buf body = journal_body(k, RECORD_OPEN, NULL);

    (void)state;
    put_chain(k, k->r->keys, &w, &tip, RECORD_OPEN, &body);
    buf_release(&body);
    tip.id.b[3] ^= 1;
    body = journal_body(k, RECORD_END, NULL);
    put_chain(k, k->r->keys, &w, &tip, RECORD_END, &body);
    buf_release(&body);
    expect_only(k, CHECK_JOURNAL, "does not continue");
    check_kit_close(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_records__a_log_rolled_back_is_found),
        cmocka_unit_test(test_check_records__a_lost_journal_is_missed),
        cmocka_unit_test(test_check_records__records_out_of_place_are_found),
        cmocka_unit_test(test_check_records__far_numbers_are_harmless),
        cmocka_unit_test(test_check_records__merged_segments_stand_for_theirs),
        cmocka_unit_test(test_check_records__segments_must_tell_the_truth),
        cmocka_unit_test(test_check_records__merges_must_lose_nothing),
        cmocka_unit_test(test_check_records__strangers_sign_nothing),
        cmocka_unit_test(test_check_records__strangers_make_no_snapshots),
        cmocka_unit_test(test_check_records__broken_links_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
