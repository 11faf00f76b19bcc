/* The fold of the log, as a table: which records, and what follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/repo_log.h"
#include "repo/state.h"
#include "tests/repo/pack_fixture.h"
#include "tests/repo/repo_fixture.h"

static const struct member_id founder = {{1}};
static const struct member_id stranger = {{2}};

/* Packs and snapshots are letters. */
static struct object_id id_of(char letter)
{
    struct object_id id = {{0}};

    memset(id.b, letter, sizeof id.b);
    return id;
}

/* One record: its type, its ids as letters, and what else its type says. */
struct step {
    enum record_log_type type;
    const char *ids;
    const char *marked; /* condemn */
    uint64_t decides;   /* doom */
    bool by_stranger;
};

static struct record_ids ids_of(const char *letters, struct object_id *space)
{
    size_t n = letters ? strlen(letters) : 0;

    for (size_t i = 0; i < n; i++)
        space[i] = id_of(letters[i]);
    return record_ids_of(space, n);
}

/* The n-th allocation of each state_apply() fails; 0: none does. */
static uint64_t fail_allocation;

static int apply_log(struct state *s, enum record_log_type type,
                     const struct record_log *l, bool by_stranger)
{
    struct chain_record r = {.signer = by_stranger ? stranger : founder};
    struct buf body;
    int rc;

    buf_init(&body, 100000);
    record_log_put(type, l, &body);
    assert_int_equal(buf_status(&body), 0);
    r.record = (struct record){.number = s->tip.any ? s->tip.number + 1 : 0,
                               .type = type,
                               .body = buf_bytes(&body)};
    mem_fail_after(fail_allocation, 0);
    rc = state_apply(s, &r);
    mem_fail_after(0, 0);
    buf_release(&body);
    return rc;
}

static int apply(struct state *s, const struct step *x)
{
    struct object_id space[2][16];
    struct record_log l = {.ids = ids_of(x->ids, space[0]),
                           .marked = ids_of(x->marked, space[1]),
                           .decides = x->decides};

    return apply_log(s, x->type, &l, x->by_stranger);
}

static void begin(struct state *s)
{
    struct record_log l = {.decides = 0};

    assert_int_equal(state_init(s, &founder), 0);
    assert_int_equal(apply_log(s, RECORD_FLAGS, &l, false), 0);
}

/* 'l' live, 'c' condemned, 'd' doomed, for A, B, C, D. */
static void check_packs(const struct state *s, const char *want)
{
    for (size_t i = 0; want[i]; i++) {
        struct object_id id = id_of((char)('A' + i));
        static const char letter[] = {'l', 'c', 'd'};
        char is = letter[state_of_pack(s, &id, NULL)];

        if (is != want[i])
            fail_msg("pack %c after record %llu: %c instead of %c",
                     (char)('A' + i), (unsigned long long)s->tip.number, is,
                     want[i]);
    }
}

static void test_state__packs_live_and_die(void **state)
{
    static const struct {
        const char *what;
        struct step step[6]; /* numbers 1, 2, ...; ends with type 0 */
        const char *want;
    } t[] = {
        {"nothing said", {{0}}, "llll"},
        {"condemned", {{RECORD_CONDEMN, .ids = "AB"}}, "ccll"},
        {"decided: the rest lives again",
         {{RECORD_CONDEMN, .ids = "AB"},
          {RECORD_DOOM, .ids = "A", .decides = 1}},
         "dlll"},
        {"doom is final",
         {{RECORD_DOOM, .ids = "A"},
          {RECORD_CONDEMN, .ids = "A"},
          {RECORD_DOOM, .ids = "", .decides = 2}},
         "dlll"},
        {"doomed by hand, never condemned",
         {{RECORD_DOOM, .ids = "AC"}},
         "dldl"},
        {"condemned by hand, doomed by hand, still undecided",
         {{RECORD_CONDEMN, .ids = "AB"}, {RECORD_DOOM, .ids = "A"}},
         "dcll"},
        {"all of it rescued",
         {{RECORD_CONDEMN, .ids = "AB"},
          {RECORD_DOOM, .ids = "", .decides = 1}},
         "llll"},
        {"a decision of nothing decides nothing",
         {{RECORD_CONDEMN, .ids = "A"}, {RECORD_DOOM, .ids = "", .decides = 7}},
         "clll"},
        {"condemned twice: each record is decided by itself",
         {{RECORD_CONDEMN, .ids = "AB"},
          {RECORD_CONDEMN, .ids = "BC"},
          {RECORD_DOOM, .ids = "A", .decides = 1}},
         "dccl"},
        {"condemned twice, decided in the other order",
         {{RECORD_CONDEMN, .ids = "AB"},
          {RECORD_CONDEMN, .ids = "BC"},
          {RECORD_DOOM, .ids = "C", .decides = 2}},
         "ccdl"},
        {"condemned twice, decided twice",
         {{RECORD_CONDEMN, .ids = "AB"},
          {RECORD_CONDEMN, .ids = "BC"},
          {RECORD_DOOM, .ids = "A", .decides = 1},
          {RECORD_DOOM, .ids = "", .decides = 2}},
         "dlll"},
        {"who may not sign says nothing",
         {{RECORD_CONDEMN, .ids = "AB", .by_stranger = true},
          {RECORD_DOOM, .ids = "C", .by_stranger = true}},
         "llll"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct state s;
        size_t k = 0;

        begin(&s);
        for (; k < 6 && t[i].step[k].type != 0; k++)
            assert_int_equal(apply(&s, &t[i].step[k]), 0);
        check_packs(&s, t[i].want);
        assert_int_equal(s.tip.number, k);
        state_release(&s);
    }
}

/* I6: trees of a parent count only if every undecided collector has marked
 * them. */
static void test_state__trees_are_trusted_when_marked(void **state)
{
    static const struct {
        struct step step[4];
        bool want; /* of snapshot s */
    } t[] = {
        {{{0}}, true},
        {{{RECORD_FORGET, .ids = "s"}}, false},
        {{{RECORD_FORGET, .ids = "s"}, {RECORD_UNFORGET, .ids = "s"}}, true},
        {{{RECORD_CONDEMN, .ids = "A", .marked = "st"}}, true},
        {{{RECORD_CONDEMN, .ids = "A", .marked = "t"}}, false},
        {{{RECORD_CONDEMN, .ids = "A", .marked = "s"},
          {RECORD_CONDEMN, .ids = "B"}},
         false},
        {{{RECORD_CONDEMN, .ids = "A"},
          {RECORD_DOOM, .ids = "A", .decides = 1}},
         true},
        {{{RECORD_CONDEMN, .ids = "A"}, {RECORD_DOOM, .ids = "A"}}, false},
    };
    struct object_id id = id_of('s');

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct state s;

        begin(&s);
        for (size_t k = 0; k < 4 && t[i].step[k].type != 0; k++)
            assert_int_equal(apply(&s, &t[i].step[k]), 0);
        assert_int_equal(state_trusts_tree(&s, &id), t[i].want);
        state_release(&s);
    }
}

static void test_state__labels_are_those_said_last(void **state)
{
    struct object_id a = id_of('a');
    struct object_id b = id_of('b');
    struct record_log l = {.ids = record_ids_of(&a, 1)};
    struct state_protection guard;
    struct record_strings tags;
    struct bytes tag;
    struct buf text;
    struct state s;

    (void)state;
    begin(&s);
    buf_init(&text, 100);
    assert_false(state_label_tags(&s.labels, &a, &tags));
    record_string_put(&text, bytes_of_str("weekly"));
    l.tags = (struct record_strings){buf_bytes(&text), 1};
    assert_int_equal(apply_log(&s, RECORD_TAG, &l, false), 0);
    assert_true(state_label_tags(&s.labels, &a, &tags));
    assert_true(record_string_next(&tags, &tag));
    assert_true(bytes_equal(tag, bytes_of_str("weekly")));
    l.tags.n = l.tags.encoded.n = 0;
    assert_int_equal(apply_log(&s, RECORD_TAG, &l, false), 0);
    assert_true(state_label_tags(&s.labels, &a, &tags)); /* none is known */
    assert_int_equal(tags.n, 0);
    assert_false(state_label_tags(&s.labels, &b, &tags));

    assert_false(state_label_protects(&s.labels, &a, 100));
    assert_false(state_label_protection(&s.labels, &a, &guard));
    l.until = 200;
    l.text = bytes_of_str("audit");
    assert_int_equal(apply_log(&s, RECORD_PROTECT, &l, false), 0);
    assert_true(state_label_protects(&s.labels, &a, 199));
    assert_true(state_label_protection(&s.labels, &a, &guard));
    assert_int_equal(guard.until, 200);
    assert_true(bytes_equal(guard.reason, bytes_of_str("audit")));
    assert_false(state_label_protects(&s.labels, &a, 200));
    l.until = 0;
    l.text = bytes_of(NULL, 0);
    assert_int_equal(apply_log(&s, RECORD_PROTECT, &l, false), 0);
    assert_true(state_label_protects(&s.labels, &a, INT64_MAX));
    assert_true(state_label_protection(&s.labels, &a, &guard));
    assert_int_equal(guard.until, 0);
    assert_int_equal(guard.reason.n, 0);
    assert_false(state_label_protects(&s.labels, &b, 0));
    buf_release(&text);
    state_release(&s);
}

static void test_state__unknown_features_refuse_their_class(void **state)
{
    struct record_log l = {.decides = 0};
    struct buf text;
    struct state s;

    (void)state;
    begin(&s);
    buf_init(&text, 100);
    record_string_put(&text, bytes_of_str("provisional"));
    record_string_put(&text, bytes_of_str("time-travel"));
    l.features[RECORD_CLASS_WRITE] =
        (struct record_strings){buf_bytes(&text), 2};
    assert_int_equal(apply_log(&s, RECORD_FLAGS, &l, false), 0);
    assert_true(s.provisional);
    assert_int_equal(state_allows(&s, RECORD_CLASS_READ), 0);
    assert_int_equal(state_allows(&s, RECORD_CLASS_WRITE), E_UNSUPPORTED);
    assert_non_null(strstr(err_text(), "time-travel"));
    l.features[RECORD_CLASS_WRITE].n = 0;
    l.features[RECORD_CLASS_WRITE].encoded.n = 0;
    assert_int_equal(apply_log(&s, RECORD_FLAGS, &l, false), 0);
    assert_int_equal(state_allows(&s, RECORD_CLASS_WRITE), 0);
    buf_release(&text);
    state_release(&s);
}

static void test_state__lack_of_memory_is_reported(void **state)
{
    static const struct step step[] = {
        {RECORD_CONDEMN, .ids = "AB", .marked = "s"},
        {RECORD_DOOM, .ids = "A", .decides = 1},
        {RECORD_FORGET, .ids = "st"},
    };

    (void)state;
    for (uint64_t n = 1; n < 50; n++) {
        struct state s;
        int rc = 0;
        bool failed = false;

        begin(&s);
        for (size_t i = 0; i < 3 && rc == 0; i++) {
            fail_allocation = n;
            rc = apply(&s, &step[i]);
            fail_allocation = 0;
            failed = failed || rc != 0;
        }
        assert_true(rc == 0 || rc == E_NOMEM);
        state_release(&s);
        if (!failed)
            return;
    }
    fail();
}

/* --- what the index makes of it --- */

struct by_hand {
    enum record_log_type type;
    struct object_id pack;
    uint64_t decides;
};

static int say_by_hand(void *ctx, const struct repo *r,
                       struct repo_log_draft *d)
{
    struct by_hand *x = ctx;

    (void)r;
    d->type = x->type;
    d->says.decides = x->decides;
    if (!(x->type == RECORD_DOOM && x->decides))
        d->says.ids = record_ids_of(&x->pack, 1);
    return 0;
}

static bool finds(struct repo *r, enum index_purpose purpose, uint64_t seed)
{
    uint8_t chunk[REPO_FIXTURE_CHUNK_BYTES];
    struct index_reader *ix = NULL;
    struct index_loc loc;
    struct chunk_id id;
    bool found = false;

    pack_fixture_bytes(seed * 100, chunk, sizeof chunk);
    keyring_chunk_id(r->keys, PACK_DATA, bytes_of(chunk, sizeof chunk), &id);
    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(index_reader_find(ix, &id, purpose, &loc, &found), 0);
    index_reader_free(ix);
    return found;
}

static struct object_id first_pack(struct repo *r)
{
    struct index_reader *ix = NULL;
    struct index_pack pack;
    uint32_t next = 0;
    size_t n = 0;

    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(index_reader_packs(ix, &next, &pack, 1, &n), 0);
    assert_int_equal(n, 1);
    index_reader_free(ix);
    return pack.id;
}

static void check_finds(struct repo_fixture *f, const char *cache, bool dedup,
                        bool read)
{
    struct repo *r = NULL;

    assert_int_equal(repo_fixture_repo(f, cache, &r), 0);
    assert_int_equal(finds(r, INDEX_DEDUP, 1), dedup);
    assert_int_equal(finds(r, INDEX_READ, 1), read);
    repo_close(r);
}

/* Records made by hand are honoured, by a cache that knew the pack before as
 * by one that meets the record first and the segment later. */
static void test_state__index_follows_records_made_by_hand(void **state)
{
    struct repo_fixture f;
    struct by_hand x;
    struct repo *r = NULL;
    struct object_id id;

    (void)state;
    repo_fixture_open(&f);
    assert_int_equal(repo_fixture_init(&f), 0);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id), 0);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    x.pack = first_pack(r);
    check_finds(&f, "b", true, true);

    x.type = RECORD_CONDEMN;
    x.decides = 0;
    assert_int_equal(repo_log_append(r, say_by_hand, &x, NULL), 0);
    check_finds(&f, "b", false, true);
    check_finds(&f, NULL, false, true);

    x.type = RECORD_DOOM;
    x.decides = 1; /* all of it rescued */
    assert_int_equal(repo_log_append(r, say_by_hand, &x, NULL), 0);
    check_finds(&f, "b", true, true);
    check_finds(&f, NULL, true, true);

    x.decides = 0;
    assert_int_equal(repo_log_append(r, say_by_hand, &x, NULL), 0);
    check_finds(&f, "b", false, false);
    check_finds(&f, NULL, false, false);
    /* and the next run stores the chunks anew */
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id), 0);
    check_finds(&f, "b", true, true);
    check_finds(&f, NULL, true, true);
    repo_close(r);
    repo_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state__packs_live_and_die),
        cmocka_unit_test(test_state__trees_are_trusted_when_marked),
        cmocka_unit_test(test_state__labels_are_those_said_last),
        cmocka_unit_test(test_state__unknown_features_refuse_their_class),
        cmocka_unit_test(test_state__lack_of_memory_is_reported),
        cmocka_unit_test(test_state__index_follows_records_made_by_hand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
