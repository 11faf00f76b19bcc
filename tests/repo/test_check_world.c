/* What is no damage: others at work, what they left behind, what was forgotten
 * or collected. What is: a log that was rolled back, records out of place. And
 * whatever fails or is broken off in a check leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "base/mem.h"
#include "repo/envelope.h"
#include "repo/record_journal.h"
#include "repo/repo_log.h"
#include "repo/segment_file.h"
#include "repo/writer.h"
#include "tests/repo/check_kit.h"
#include "tests/repo/pack_fixture.h"

static const struct check_options structure = {.threads = 1};
static const struct check_options all = {.read_data = true, .threads = 2};

/* A repository with one snapshot of a few files. */
static struct check_kit *small_kit(void)
{
    struct check_kit *k = check_kit_bare();

    scratch_text(k->tree, "a", "the first file");
    scratch_dir(k->tree, "d");
    scratch_text(k->tree, "d/b", "the second file");
    assert_int_equal(check_kit_backup(k, &k->snapshot[0]), 0);
    check_kit_keep(k);
    return k;
}

static struct repo *kit_open(struct check_kit *k)
{
    struct repo_open_options opt = {.secret = &k->secret,
                                    .cache_root = k->cache};
    struct repo *r = NULL;

    if (repo_open(k->store, &opt, &r) < 0)
        fail_msg("open: %s", err_text());
    return r;
}

static int draft(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    (void)r;
    *d = *(struct repo_log_draft *)ctx;
    return 0;
}

static void append(struct check_kit *k, struct repo_log_draft d)
{
    struct repo *r = kit_open(k);

    assert_int_equal(repo_log_append(r, draft, &d, NULL), 0);
    repo_close(r);
}

static void expect_no_damage(struct check_kit *k, size_t notes)
{
    if (check_kit_run(k, k->r, &all) < 0)
        fail_msg("[%s] %s", k->hit[0].object, k->hit[0].text);
    assert_int_equal(k->hit_n, notes);
}

static void run_pack(struct check_kit *k, struct repo *r, uint64_t seed,
                     struct pack_info *info)
{
    struct pack_fixture p = {.store = k->store, .keys = r->keys};

    assert_int_equal(frame_ctx_new(&p.frame), 0);
    assert_int_equal(pack_fixture_pack(&p, PACK_DATA, seed, 2, 3, 900, info),
                     0);
    frame_ctx_free(p.frame);
}

static void test_check_world__writers_that_died_leave_notes(void **state)
{
    struct check_kit *k = small_kit();
    struct repo *r = kit_open(k);
    struct writer *w = NULL;
    struct pack_info info;
    bool indexed;

    (void)state;
    assert_int_equal(writer_open(r, bytes_of_str("x@y"), &w), 0);
    expect_no_damage(k, 0);
    run_pack(k, r, 1000, &info);
    pack_info_release(&info);
    expect_no_damage(k, 1);
    assert_non_null(check_kit_find(k, CHECK_PACK, NULL));
    run_pack(k, r, 2000, &info);
    assert_int_equal(writer_publish(w, &info, 1, &indexed), 0);
    expect_no_damage(k, 1);
    writer_free(w);
    repo_close(r);
    expect_no_damage(k, 1);
    assert_int_equal(check_kit_keyless(k, 1), 0);
    assert_int_equal(k->hit_n, 0);
    check_kit_close(k);
}

/* The object is put, the record is not: it does not exist (I2). */
static void test_check_world__only_the_commit_counts(void **state)
{
    struct check_kit *k = small_kit();
    size_t at = 0;
    size_t n = 0;

    (void)state;
    /* behind the commit there is only the end */
    while (check_kit_object_at(k, "w/", &at))
        n++;
    at = 0;
    for (size_t i = 0; i < n; i++) {
        const struct check_kit_object *o = check_kit_object_at(k, "w/", &at);

        if (i + 2 >= n)
            check_kit_put(k, o->name, NULL, 0);
    }
    expect_no_damage(k, 1);
    assert_int_equal(k->sum.snapshots, 0);
    assert_non_null(check_kit_find(k, CHECK_SNAPSHOT, NULL));
    check_kit_close(k);
}

static void test_check_world__doomed_packs_are_dead(void **state)
{
    struct check_kit *k = small_kit();
    struct repo_log_draft doom = {.type = RECORD_DOOM};
    struct repo_log_draft forget = {.type = RECORD_FORGET};
    size_t at = 0;
    const struct check_kit_object *o = check_kit_object_at(k, "packs/", &at);
    const struct check_kit_object *s;
    struct object_id pack;

    (void)state;
    assert_true(id_from_hex(o->name + 9, pack.b, sizeof pack.b));
    doom.says.ids = record_ids_of(&pack, 1);
    append(k, doom);
    /* it is there and sound, and counts for nothing */
    assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
    assert_null(check_kit_find(k, CHECK_PACK, NULL));
    assert_non_null(check_kit_find(k, CHECK_PATH, NULL));
    check_kit_put(k, o->name, NULL, 0);
    assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
    assert_null(check_kit_find(k, CHECK_PACK, NULL));
    /* forgotten, nobody needs it; the snapshot's object may go too */
    forget.says.ids = record_ids_of(&k->snapshot[0], 1);
    append(k, forget);
    expect_no_damage(k, 0);
    at = 0;
    s = check_kit_object_at(k, "snapshots/", &at);
    check_kit_put(k, s->name, NULL, 0);
    expect_no_damage(k, 0);
    assert_int_equal(k->sum.snapshots, 0);
    check_kit_close(k);
}

static void test_check_world__condemned_packs_are_still_good(void **state)
{
    struct check_kit *k = small_kit();
    struct repo_log_draft condemn = {.type = RECORD_CONDEMN};
    struct object_id pack[8];
    size_t n = 0;

    (void)state;
    for (size_t at = 0; n < 8; n++) {
        const struct check_kit_object *o =
            check_kit_object_at(k, "packs/", &at);

        if (!o)
            break;
        assert_true(id_from_hex(o->name + 9, pack[n].b, sizeof pack[n].b));
    }
    condemn.says.ids = record_ids_of(pack, n);
    append(k, condemn);
    expect_no_damage(k, 0);
    check_kit_close(k);
}

/* A suspect that is sound after all accuses nobody; its pack is read even
 * where data is not. */
static void test_check_world__suspects_are_read(void **state)
{
    struct check_kit *k = small_kit();
    struct repo_log_draft d = {.type = RECORD_SUSPECT};
    struct repo *r = kit_open(k);
    struct record_suspect suspect[64];
    struct index_reader *reader = NULL;
    struct index_place place = {.started = false};
    struct index_chunk chunk;
    size_t n = 1;
    size_t m = 0;

    (void)state;
    assert_int_equal(index_reader_new(r->index, &reader), 0);
    for (;;) {
        struct index_pack pack;
        bool found;

        assert_int_equal(index_reader_chunks(reader, &place, &chunk, 1, &n), 0);
        if (n == 0)
            break;
        assert_int_equal(
            index_reader_pack(reader, chunk.loc.pack, &pack, &found), 0);
        assert_true(m < 64);
        suspect[m].chunk = chunk.id;
        suspect[m++].pack = pack.id;
    }
    index_reader_free(reader);
    repo_close(r);
    d.says.suspects = (struct fields_list){(const uint8_t *)suspect, m};
    append(k, d);
    assert_int_equal(check_kit_run(k, k->r, &structure), 0);
    for (size_t at = 0;;) {
        const struct check_kit_object *o =
            check_kit_object_at(k, "packs/", &at);

        if (!o)
            break;
        /* the first frame, just behind a header of 212 bytes */
        assert_true(memory_damage(k->store, o->name, 230, 1));
        assert_int_equal(check_kit_run(k, k->r, &structure), E_CORRUPT);
        assert_non_null(check_kit_find(k, CHECK_PATH, NULL));
        assert_true(memory_damage(k->store, o->name, 230, 1));
    }
    check_kit_close(k);
}

static void test_check_world__a_log_rolled_back_is_found(void **state)
{
    struct check_kit *k = small_kit();
    struct repo_log_draft d = {.type = RECORD_POLICY,
                               .says = {.text = bytes_of_str("first")}};
    const struct check_kit_object *o;
    size_t at = 0;

    (void)state;
    append(k, d);
    assert_int_equal(check_kit_backup(k, &k->snapshot[1]), 0);
    expect_no_damage(k, 0);
    check_kit_keep(k);
    (void)check_kit_object_at(k, "log/", &at);
    o = check_kit_object_at(k, "log/", &at);
    check_kit_put(k, o->name, NULL, 0);
    assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
    assert_non_null(check_kit_find(k, CHECK_LOG, o->name));
    /* another history from there on; with a fresh cache nobody can tell */
    (void)scratch_run("rm -rf '%s'/*", k->cache);
    d.says.text = bytes_of_str("second");
    append(k, d);
    assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
    assert_non_null(check_kit_find(k, CHECK_LOG, o->name));
    assert_null(check_kit_find(k, CHECK_PATH, NULL));
    check_kit_close(k);
}

/* A journal that has gone with all it said is missed by its successor. */
static void test_check_world__a_lost_journal_is_missed(void **state)
{
    struct check_kit *k = small_kit();

    (void)state;
    check_kit_keep(k);
    scratch_text(k->tree, "c", "the third file");
    assert_int_equal(check_kit_backup(k, &k->snapshot[1]), 0);
    expect_no_damage(k, 0);
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

/* Puts a record with that body at a journal's next number. */
static void put_record(struct check_kit *k, const struct writer_id *w,
                       struct chain_tip *tip, enum record_journal_type type)
{
    struct chain chain = {.store = k->store,
                          .keys = k->r->keys,
                          .kind = ENVELOPE_JOURNAL,
                          .writer = *w};
    struct record_journal j = {.generation = 0};
    struct buf body;
    bool mine;

    buf_init(&body, 4096);
    record_journal_put(type, &j, &body);
    assert_int_equal(chain_put(&chain, tip, type, buf_bytes(&body), &mine), 0);
    assert_true(mine);
    buf_release(&body);
}

static void test_check_world__records_out_of_place_are_found(void **state)
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
        struct check_kit *k = small_kit();
        struct writer_id w = {{1, 2, 3}};
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
static void test_check_world__far_numbers_are_harmless(void **state)
{
    static const char *const far[] = {
        "log/9999999999999998", "w/0123456789abcdef0123456789abcdef/99999999"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct check_kit *k = small_kit();

        check_kit_put(k, far[i], "junk", 4);
        assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
        assert_int_equal(k->hit_n, 2); /* a gap, and what lies behind it */
        assert_int_equal(check_kit_keyless(k, 1), E_CORRUPT);
        assert_int_equal(k->hit_n, 1);
        check_kit_close(k);
    }
}

static void test_check_world__merged_segments_stand_for_theirs(void **state)
{
    struct check_kit *k = small_kit();
    size_t gone = 0;
    size_t stay = 0;
    char name[32];

    (void)state;
    for (int i = 0; i < 12; i++) {
        (void)snprintf(name, sizeof name, "file-%d", i);
        scratch_text(k->tree, name, name);
        assert_int_equal(check_kit_backup(k, &k->snapshot[1]), 0);
    }
    expect_no_damage(k, 0);
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
static void test_check_world__segments_must_tell_the_truth(void **state)
{
    struct check_kit *k = small_kit();
    struct repo *r = kit_open(k);
    struct writer *w = NULL;
    struct pack_info one;
    struct pack_info other;
    bool indexed;

    (void)state;
    run_pack(k, r, 1000, &one);
    run_pack(k, r, 2000, &other);
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
    struct record_journal j = {.generation = 0};
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

/* A merge that loses a pack is found as long as what it replaces is there. */
static void test_check_world__merges_must_lose_nothing(void **state)
{
    const struct writer_id w = {{6}};
    struct check_kit *k = small_kit();
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

/* --- who signs --- */

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
    const struct writer_id w = {{9}};
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

static void test_check_world__strangers_sign_nothing(void **state)
{
    static const char no_member[] = "no member";
    const struct writer_id w = {{8}};
    struct chain_tip tip = {.any = false};
    struct segment_pack none = {.bytes = 0};
    struct object_id id;
    struct keyring *them;
    struct check_kit *k = small_kit();
    struct buf body = journal_body(k, RECORD_OPEN, NULL);

    (void)state;
    them = stranger(k);
    put_chain(k, them, &w, &tip, RECORD_OPEN, &body);
    expect_only(k, CHECK_JOURNAL, no_member);
    buf_release(&body);
    keyring_free(them);
    check_kit_close(k);

    k = small_kit();
    them = stranger(k);
    assert_int_equal(
        segment_file_write(k->store, them, 0, NULL, 0, &none, 0, &id), 0);
    put_journal(k, RECORD_SEGMENT, &id);
    expect_only(k, CHECK_SEGMENT, no_member);
    keyring_free(them);
    check_kit_close(k);
}

static void test_check_world__strangers_make_no_snapshots(void **state)
{
    struct check_kit *k = small_kit();
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

static void test_check_world__broken_links_are_found(void **state)
{
    struct check_kit *k = small_kit();
    const struct writer_id w = {{7}};
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

/* --- others meanwhile --- */

/* At one moment of a check, a collector does its work. */
struct meanwhile {
    struct check_kit *k; /* its objects: those of the log to be put */
    enum memory_op op;
    const char *prefix; /* of the object's name */
    bool done;
};

static int collect(void *ctx, enum memory_point point, enum memory_op op,
                   const char *name)
{
    struct meanwhile *m = ctx;
    const struct check_kit_object *o;

    if (m->done || point != MEMORY_BEFORE || op != m->op ||
        strncmp(name, m->prefix, strlen(m->prefix)) != 0)
        return 0;
    m->done = true;
    for (size_t at = 0; (o = check_kit_object_at(m->k, "log/", &at));)
        check_kit_restore(m->k, o);
    for (size_t at = 0; (o = check_kit_object_at(m->k, "packs/", &at));)
        check_kit_put(m->k, o->name, NULL, 0);
    for (size_t at = 0; (o = check_kit_object_at(m->k, "snapshots/", &at));)
        check_kit_put(m->k, o->name, NULL, 0);
    return 0;
}

/* The snapshot is forgotten and collected while it is checked. */
static void test_check_world__collectors_may_work_meanwhile(void **state)
{
    static const struct {
        enum memory_op op;
        const char *prefix;
        bool read_data;
    } t[] = {{MEMORY_LIST, "packs", false},
             {MEMORY_GET, "snapshots/", false},
             {MEMORY_GET, "packs/", false},
             {MEMORY_GET, "packs/", true}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct check_kit *k = small_kit();
        struct repo_log_draft forget = {.type = RECORD_FORGET};
        struct repo_log_draft doom = {.type = RECORD_DOOM};
        struct meanwhile m = {.k = k, .op = t[i].op, .prefix = t[i].prefix};
        struct check_options opt = {.threads = 1, .read_data = t[i].read_data};
        struct object_id pack[4];
        const struct check_kit_object *o;
        size_t n = 0;

        for (size_t at = 0; (o = check_kit_object_at(k, "packs/", &at)); n++)
            assert_true(n < 4 && id_from_hex(o->name + 9, pack[n].b, ID_BYTES));
        forget.says.ids = record_ids_of(k->snapshot, 1);
        doom.says.ids = record_ids_of(pack, n);
        append(k, forget);
        append(k, doom);
        check_kit_keep(k);
        for (size_t at = 0; (o = check_kit_object_at(k, "log/", &at));) {
            if (strcmp(o->name, "log/0000000000000000") != 0)
                check_kit_put(k, o->name, NULL, 0);
        }
        memory_set_hook(k->store, collect, &m);
        check_kit_run(k, k->r, &opt);
        memory_set_hook(k->store, NULL, NULL);
        assert_true(m.done);
        if (k->hit_n > 0)
            fail_msg("%zu: [%s] %s: %s", i, k->hit[0].object, k->hit[0].path,
                     k->hit[0].text);
        check_kit_close(k);
    }
}

/* --- the cache --- */

static void test_check_world__a_cache_that_lies_is_noted(void **state)
{
    struct check_kit *k = small_kit();
    struct repo *r = kit_open(k);
    struct index_update *u = NULL;
    struct index_chunk lie = {.id = {{7}},
                              .loc = {.frame_off = 400,
                                      .frame_stored = 100,
                                      .frame_raw = 200,
                                      .bytes = 50}};

    (void)state;
    assert_int_equal(check_kit_run(k, r, &all), 0);
    assert_int_equal(k->hit_n, 0);
    assert_int_equal(index_update_begin(r->index, 1000, &u), 0);
    assert_int_equal(index_update_put_chunks(u, &lie, 1), 0);
    assert_int_equal(index_update_commit(u), 0);
    assert_int_equal(check_kit_run(k, r, &all), 0);
    assert_int_equal(k->hit_n, 1);
    assert_int_equal(k->hit[0].kind, CHECK_CACHE);
    repo_close(r);
    check_kit_close(k);
}

static void test_check_world__a_cache_that_forgets_is_noted(void **state)
{
    struct check_kit *k = small_kit();
    struct repo *r = kit_open(k);
    struct index_update *u = NULL;

    (void)state;
    /* a live pack called dead */
    assert_int_equal(index_update_begin(r->index, 1000, &u), 0);
    assert_int_equal(index_update_set_state(u, 0, INDEX_DOOMED, 0), 0);
    assert_int_equal(index_update_commit(u), 0);
    assert_int_equal(check_kit_run(k, r, &all), 0);
    assert_int_equal(k->hit_n, 1);
    assert_int_equal(k->hit[0].kind, CHECK_CACHE);
    repo_close(r);
    check_kit_close(k);
}

/* --- failing, and being stopped --- */

static int refuse(void *ctx, const struct check_finding *f)
{
    int *left = ctx;

    (void)f;
    return --*left < 0 ? err_set(E_REFUSED, "enough") : 0;
}

static void test_check_world__it_stops_when_asked(void **state)
{
    struct check_kit *k = small_kit();
    struct cancel cancel = {0};
    struct check_options opt = all;
    struct check_summary sum;
    int left = 1;

    (void)state;
    opt.cancel = &cancel;
    cancel_request(&cancel, 2);
    assert_int_equal(check_run(k->r, &opt, NULL, NULL, &sum), E_CANCELED);
    assert_int_equal(check_keyless(k->store, &opt, NULL, NULL, &sum),
                     E_CANCELED);
    for (size_t at = 0;;) {
        const struct check_kit_object *o =
            check_kit_object_at(k, "packs/", &at);

        if (!o)
            break;
        assert_true(memory_damage(k->store, o->name, 400, 1));
    }
    assert_int_equal(check_run(k->r, &all, refuse, &left, &sum), E_REFUSED);
    left = 1;
    assert_int_equal(check_keyless(k->store, &all, refuse, &left, &sum),
                     E_REFUSED);
    check_kit_close(k);
}

/* Only reading: whatever would change the store ends the test. */
static int only_reads(void *ctx, enum memory_point point, enum memory_op op,
                      const char *name)
{
    (void)ctx;
    (void)point;
    if (op == MEMORY_GET || op == MEMORY_SIZE || op == MEMORY_LIST)
        return 0;
    return err_set(E_INTERNAL, "a check changes %s", name);
}

static void test_check_world__it_changes_nothing(void **state)
{
    struct check_kit *k = small_kit();
    size_t n = k->object_n;

    (void)state;
    memory_set_hook(k->store, only_reads, NULL);
    assert_int_equal(check_kit_run(k, k->r, &all), 0);
    assert_int_equal(check_kit_keyless(k, 2), 0);
    for (size_t i = 0; i < k->object_n; i++) {
        assert_true(memory_damage(k->store, k->object[i].name, 20, 1));
        assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
        assert_true(memory_damage(k->store, k->object[i].name, 20, 1));
    }
    memory_set_hook(k->store, NULL, NULL);
    check_kit_keep(k);
    assert_int_equal(k->object_n, n);
    check_kit_close(k);
}

static void test_check_world__each_failure_of_the_store_ends_it(void **state)
{
    struct check_kit *k = small_kit();
    struct check_summary sum;

    (void)state;
    for (int keyless = 0; keyless < 2; keyless++) {
        int rc = E_STORE;

        for (uint64_t n = 1; rc == E_STORE; n++) {
            struct memory_fault fault = {
                .point = MEMORY_BEFORE, .n = n, .code = E_STORE};

            memory_set_fault(k->store, fault);
            rc = keyless ? check_keyless(k->store, &all, NULL, NULL, &sum)
                         : check_run(k->r, &all, NULL, NULL, &sum);
            assert_true(rc == E_STORE || rc == 0);
            assert_int_equal(sum.damages, 0);
            assert_true(n > 5 || rc == E_STORE);
        }
    }
    check_kit_close(k);
}

static void test_check_world__each_lack_of_memory_ends_it(void **state)
{
    struct check_kit *k = small_kit();
    struct check_options opt = {.read_data = true, .threads = 1};
    struct check_summary sum;

    (void)state;
    for (int keyless = 0; keyless < 2; keyless++) {
        int rc = E_NOMEM;

        for (uint64_t n = 1; rc == E_NOMEM; n++) {
            mem_fail_after(n, 1);
            rc = keyless ? check_keyless(k->store, &opt, NULL, NULL, &sum)
                         : check_run(k->r, &opt, NULL, NULL, &sum);
            mem_fail_after(0, 0);
            assert_true(rc == E_NOMEM || rc == 0);
            assert_int_equal(sum.damages, 0);
        }
    }
    check_kit_close(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_world__writers_that_died_leave_notes),
        cmocka_unit_test(test_check_world__only_the_commit_counts),
        cmocka_unit_test(test_check_world__doomed_packs_are_dead),
        cmocka_unit_test(test_check_world__condemned_packs_are_still_good),
        cmocka_unit_test(test_check_world__suspects_are_read),
        cmocka_unit_test(test_check_world__a_log_rolled_back_is_found),
        cmocka_unit_test(test_check_world__a_lost_journal_is_missed),
        cmocka_unit_test(test_check_world__records_out_of_place_are_found),
        cmocka_unit_test(test_check_world__far_numbers_are_harmless),
        cmocka_unit_test(test_check_world__merged_segments_stand_for_theirs),
        cmocka_unit_test(test_check_world__segments_must_tell_the_truth),
        cmocka_unit_test(test_check_world__merges_must_lose_nothing),
        cmocka_unit_test(test_check_world__strangers_sign_nothing),
        cmocka_unit_test(test_check_world__strangers_make_no_snapshots),
        cmocka_unit_test(test_check_world__broken_links_are_found),
        cmocka_unit_test(test_check_world__collectors_may_work_meanwhile),
        cmocka_unit_test(test_check_world__a_cache_that_lies_is_noted),
        cmocka_unit_test(test_check_world__a_cache_that_forgets_is_noted),
        cmocka_unit_test(test_check_world__it_stops_when_asked),
        cmocka_unit_test(test_check_world__it_changes_nothing),
        cmocka_unit_test(test_check_world__each_failure_of_the_store_ends_it),
        cmocka_unit_test(test_check_world__each_lack_of_memory_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
