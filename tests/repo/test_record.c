#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "repo/record_journal.h"
#include "repo/record_log.h"
#include "tests/repo/codec_loops.h"

static const struct object_id ids[] = {{{1}}, {{2}}, {{3}}};

/* Encodes strings as a list lends them. */
static struct record_strings strings(struct buf *b, const char *const *s)
{
    struct record_strings l = {.n = 0};
    size_t at = b->n;

    for (; *s; s++, l.n++)
        record_string_put(b, bytes_of_str(*s));
    l.encoded = bytes_of(b->p + at, b->n - at);
    return l;
}

static void put_log(enum record_log_type type, const struct record_log *l,
                    struct buf *out)
{
    struct buf body;
    struct record r = {.number = 42,
                       .predecessor = {{7}},
                       .nonce = {8},
                       .time = {1700000000, 5},
                       .type = type};

    buf_init(&body, 100000);
    record_log_put(type, l, &body);
    assert_int_equal(buf_status(&body), 0);
    r.body = buf_bytes(&body);
    record_put(&r, out);
    buf_release(&body);
}

static int decode_log(void *ctx, struct bytes in)
{
    struct record_log *out = ctx;
    struct record_log mine;
    struct record r;
    int rc = record_get(in, &r);

    return rc < 0 ? rc : record_log_get(&r, out ? out : &mine);
}

/* One record of each type, with everything in it. */
static void fill_log(struct record_log *l, struct buf *text)
{
    static const char *const tags[] = {"weekly", "keep", NULL};
    static const char *const features[] = {"provisional", "x-1", NULL};
    static const struct record_member member = {
        .id = {{9}},
        .role = 3,
        .standing = RECORD_LEAVING,
        .label = {(const uint8_t *)"host", 4}};
    static const struct record_cut cut = {{{7}}, 0, ids[0].b, 2};
    static const struct record_cut stray = {{{7}}, 99999999, ids[2].b, 1};
    static const struct record_share share[] = {
        {{{8}}, {(const uint8_t *)"one", 3}},
        {{{9}}, {(const uint8_t *)"other", 5}}};
    size_t at;

    buf_init(text, 1000);
    assert_int_equal(buf_reserve(text, 1000), 0); /* lent below: no move */
    *l = (struct record_log){.ids = record_ids_of(ids, 3),
                             .marked = record_ids_of(ids, 2),
                             .decides = 41,
                             .rescued = record_ids_of(ids + 2, 1),
                             .until = -5,
                             .text = bytes_of_str("reason")};
    l->suspects = (struct fields_list){ids[0].b, 1};
    l->vouches = (struct fields_list){ids[1].b, 1};
    l->tags = strings(text, tags);
    l->features[RECORD_CLASS_COLLECT] = strings(text, features);
    at = text->n;
    record_member_put(text, &member);
    l->members = (struct record_members){{text->p + at, text->n - at}, 1};
    l->trust = RECORD_TRUST_OWN;
    at = text->n;
    record_member_cut_put(text, &cut);
    record_member_cut_put(text, &stray);
    l->cuts = (struct record_cuts){{text->p + at, text->n - at}, 2};
    l->base = bytes_of_str("folded");
    at = text->n;
    record_epoch_put_share(text, &share[0]);
    record_epoch_put_share(text, &share[1]);
    l->epoch =
        (struct record_epoch){.number = 7,
                              .data_public = {{4}},
                              .meta_public = {{5}},
                              .shares = {{text->p + at, text->n - at}, 2},
                              .proof = {{6}}};
}

static const enum record_log_type log_types[] = {
    RECORD_CONDEMN, RECORD_DOOM,    RECORD_FORGET,  RECORD_UNFORGET,
    RECORD_TAG,     RECORD_PROTECT, RECORD_SUSPECT, RECORD_FLAGS,
    RECORD_MEMBERS, RECORD_POLICY,  RECORD_BASE,    RECORD_VOUCH,
    RECORD_EPOCH};

static void one_id(enum record_log_type t, struct record_log *l)
{
    if (t == RECORD_TAG || t == RECORD_PROTECT)
        l->ids.n = 1;
}

/* How many fields at the end the type can do without. */
static size_t optional_fields(enum record_log_type t)
{
    return t == RECORD_DOOM ? 2
                            : t == RECORD_CONDEMN || t == RECORD_PROTECT ||
                                  t == RECORD_MEMBERS;
}

static void check_members(const struct record_log *a)
{
    struct record_members m = a->members;
    struct record_cuts c = a->cuts;
    struct record_member who;
    struct record_cut cut;

    assert_true(record_member_next(&m, &who));
    assert_int_equal(who.role, 3);
    assert_int_equal(who.standing, RECORD_LEAVING);
    assert_int_equal(who.id.b[0], 9);
    assert_true(bytes_equal(who.label, bytes_of_str("host")));
    assert_false(record_member_next(&m, &who));
    assert_int_equal(a->trust, RECORD_TRUST_OWN);
    assert_true(record_member_cut_next(&c, &cut));
    assert_int_equal(cut.writer.b[0], 7);
    assert_int_equal(cut.first, 0);
    assert_int_equal(cut.n, 2);
    assert_memory_equal(cut.hash, ids, 64);
    assert_true(record_member_cut_next(&c, &cut));
    assert_int_equal(cut.writer.b[0], 7);
    assert_int_equal(cut.first, 99999999);
    assert_int_equal(cut.n, 1);
    assert_memory_equal(cut.hash, ids[2].b, 32);
    assert_false(record_member_cut_next(&c, &cut));
}

static void check_epoch(const struct record_epoch *e)
{
    struct record_shares l = e->shares;
    struct record_share s;

    assert_int_equal(e->number, 7);
    assert_int_equal(e->data_public.b[0], 4);
    assert_int_equal(e->meta_public.b[0], 5);
    assert_int_equal(e->proof.b[0], 6);
    assert_true(record_epoch_next(&l, &s));
    assert_int_equal(s.member.b[0], 8);
    assert_true(bytes_equal(s.share, bytes_of_str("one")));
    assert_true(record_epoch_next(&l, &s));
    assert_true(bytes_equal(s.share, bytes_of_str("other")));
    assert_false(record_epoch_next(&l, &s));
}

static void check_log(enum record_log_type t, const struct record_log *a)
{
    struct record_strings l;
    struct bytes s;

    switch (t) {
    case RECORD_CONDEMN:
        assert_int_equal(a->ids.n, 3);
        assert_int_equal(record_id_at(&a->ids, 2).b[0], 3);
        assert_int_equal(a->marked.n, 2);
        break;
    case RECORD_DOOM:
        assert_int_equal(a->ids.n, 3);
        assert_int_equal(a->decides, 41);
        assert_int_equal(record_id_at(&a->rescued, 0).b[0], 3);
        break;
    case RECORD_FORGET:
    case RECORD_UNFORGET:
        assert_int_equal(a->ids.n, 3);
        break;
    case RECORD_VOUCH:
        assert_int_equal(a->vouches.n, 1);
        assert_int_equal(record_log_vouch(a, 0).pack.b[0], 2);
        assert_int_equal(record_log_vouch(a, 0).dir.b[0], 3);
        break;
    case RECORD_TAG:
        l = a->tags;
        assert_int_equal(l.n, 2);
        assert_true(record_string_next(&l, &s));
        assert_true(bytes_equal(s, bytes_of_str("weekly")));
        assert_true(record_string_next(&l, &s));
        assert_true(bytes_equal(s, bytes_of_str("keep")));
        assert_false(record_string_next(&l, &s));
        break;
    case RECORD_PROTECT:
        assert_int_equal(a->until, -5);
        assert_true(bytes_equal(a->text, bytes_of_str("reason")));
        break;
    case RECORD_SUSPECT:
        assert_int_equal(record_log_suspect(a, 0).chunk.b[0], 1);
        assert_int_equal(record_log_suspect(a, 0).pack.b[0], 2);
        break;
    case RECORD_FLAGS:
        assert_int_equal(a->features[RECORD_CLASS_READ].n, 0);
        assert_int_equal(a->features[RECORD_CLASS_COLLECT].n, 2);
        break;
    case RECORD_MEMBERS:
        check_members(a);
        break;
    case RECORD_POLICY:
        assert_true(bytes_equal(a->text, bytes_of_str("reason")));
        break;
    case RECORD_BASE:
        assert_true(bytes_equal(a->base, bytes_of_str("folded")));
        break;
    case RECORD_EPOCH:
        check_epoch(&a->epoch);
        break;
    }
}

static void test_record__log_round_trip_and_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof log_types / sizeof log_types[0]; i++) {
        struct record_log in;
        struct record_log out;
        struct buf text;
        struct buf b;

        fill_log(&in, &text);
        one_id(log_types[i], &in);
        buf_init(&b, 100000);
        put_log(log_types[i], &in, &b);
        assert_int_equal(decode_log(&out, buf_bytes(&b)), 0);
        check_log(log_types[i], &out);
        codec_loops_truncate(decode_log, NULL, buf_bytes(&b),
                             optional_fields(log_types[i]));
        (void)codec_loops_flip(decode_log, NULL, buf_bytes(&b), 1);
        buf_release(&b);
        buf_release(&text);
    }
}

/* A record made by hand says less: no condemn record, nothing rescued. */
/* Runs that are none, or in no order. */
static void test_record__cuts_are_runs(void **state)
{
    static const struct {
        struct record_cut cut[2];
        bool good;
    } t[] = {
        {{{{{7}}, 0, ids[0].b, 2}, {{{7}}, 3, ids[0].b, 1}}, true},
        {{{{{7}}, 4, ids[0].b, 2}, {{{8}}, 3, ids[0].b, 1}}, true},
        {{{{{7}}, 0, ids[0].b, 2}, {{{7}}, 2, ids[0].b, 1}}, false},
        {{{{{7}}, 0, ids[0].b, 2}, {{{7}}, 1, ids[0].b, 1}}, false},
        {{{{{7}}, 9, ids[0].b, 2}, {{{7}}, 3, ids[0].b, 1}}, false},
        {{{{{8}}, 0, ids[0].b, 2}, {{{7}}, 3, ids[0].b, 1}}, false},
        {{{{{7}}, 0, ids[0].b, 2}, {{{8}}, 3, ids[0].b, 0}}, false},
        {{{{{7}}, 0, ids[0].b, 2}, {{{8}}, UINT64_MAX - 1, ids[0].b, 1}}, true},
        {{{{{7}}, 0, ids[0].b, 2}, {{{8}}, UINT64_MAX, ids[0].b, 1}}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct record r = {.type = RECORD_MEMBERS};
        struct record_log l = {.trust = RECORD_TRUST_OWN};
        struct record_log back;
        struct buf cuts;
        struct buf body;

        buf_init(&cuts, 1000);
        buf_init(&body, 1000);
        record_member_cut_put(&cuts, &t[i].cut[0]);
        record_member_cut_put(&cuts, &t[i].cut[1]);
        l.cuts = (struct record_cuts){buf_bytes(&cuts), 2};
        record_log_put(RECORD_MEMBERS, &l, &body);
        r.body = buf_bytes(&body);
        if ((record_log_get(&r, &back) == 0) != t[i].good)
            fail_msg("row %zu", i);
        buf_release(&cuts);
        buf_release(&body);
    }
}

static void test_record__doom_by_hand(void **state)
{
    struct record_log in = {.ids = record_ids_of(ids, 1)};
    struct record_log out;
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    put_log(RECORD_DOOM, &in, &b);
    assert_int_equal(decode_log(&out, buf_bytes(&b)), 0);
    assert_int_equal(out.decides, RECORD_DECIDES_NONE);
    assert_int_equal(out.rescued.n, 0);
    assert_int_equal(out.ids.n, 1);
    buf_release(&b);
}

static void put_journal(enum record_journal_type type,
                        const struct record_journal *j, struct buf *out)
{
    struct buf body;
    struct record r = {.number = 3, .predecessor = {{7}}, .type = type};

    buf_init(&body, 100000);
    record_journal_put(type, j, &body);
    assert_int_equal(buf_status(&body), 0);
    r.body = buf_bytes(&body);
    record_put(&r, out);
    buf_release(&body);
}

static int decode_journal(void *ctx, struct bytes in)
{
    struct record_journal *out = ctx;
    struct record_journal mine;
    struct record r;
    int rc = record_get(in, &r);

    return rc < 0 ? rc : record_journal_get(&r, out ? out : &mine);
}

static void check_journal(uint32_t type, const struct record_journal *a,
                          const struct record_journal *b)
{
    bool opens = type == RECORD_OPEN || type == RECORD_RENEW;
    bool names = type == RECORD_SEGMENT || type == RECORD_COMMIT;
    bool lists = type == RECORD_SEGMENT || type == RECORD_PIN;

    assert_int_equal(b->generation, opens ? a->generation : 0);
    if (opens)
        assert_memory_equal(&b->log_id, &a->log_id, 32);
    if (names)
        assert_memory_equal(&b->id, &a->id, 32);
    assert_int_equal(b->ids.n, lists ? a->ids.n : 0);
    assert_int_equal(b->until, type == RECORD_PIN ? a->until : 0);
    assert_int_equal(b->seen, type == RECORD_FENCE ? a->seen : 0);
    if (type == RECORD_COMMIT) {
        assert_true(bytes_equal(b->series, a->series));
        assert_int_equal(b->in_series, a->in_series);
        assert_int_equal(b->complete, a->complete);
    }
    if (type != RECORD_OPEN)
        return;
    assert_int_equal(b->process.pid, 1234);
    assert_int_equal(b->process.start, 99);
    assert_int_equal(b->process.pid_namespace, 4026531836);
    assert_true(bytes_equal(b->process.host, a->process.host));
    assert_true(bytes_equal(b->process.boot_id, a->process.boot_id));
    assert_true(bytes_equal(b->process.series, a->process.series));
}

static void test_record__journal_round_trip_and_damage(void **state)
{
    struct record_journal in = {.generation = 77,
                                .log_id = {{5}},
                                .id = {{6}},
                                .series = bytes_of_str("a@b"),
                                .in_series = 300,
                                .complete = true,
                                .ids = record_ids_of(ids, 3),
                                .until = 1700000000,
                                .seen = 78};

    (void)state;
    in.process = (struct record_process){.host = bytes_of_str("srv"),
                                         .pid = 1234,
                                         .start = 99,
                                         .boot_id = bytes_of_str("b-o-o-t"),
                                         .pid_namespace = 4026531836,
                                         .series = bytes_of_str("a@b")};
    for (uint32_t t = RECORD_OPEN; t <= RECORD_FENCE; t++) {
        struct record_journal out;
        struct buf b;

        buf_init(&b, 10000);
        put_journal((enum record_journal_type)t, &in, &b);
        assert_int_equal(decode_journal(&out, buf_bytes(&b)), 0);
        check_journal(t, &in, &out);
        codec_loops_truncate(decode_journal, NULL, buf_bytes(&b),
                             t == RECORD_OPEN ? 6 : t == RECORD_SEGMENT);
        (void)codec_loops_flip(decode_journal, NULL, buf_bytes(&b), 1);
        buf_release(&b);
    }
}

static void test_record__unknown_types_are_unsupported(void **state)
{
    static const uint32_t log_type[] = {0, 3, 15, UINT32_MAX};
    static const uint32_t journal_type[] = {0, 8, UINT32_MAX};
    struct record_log l;
    struct record_journal j;

    (void)state;
    for (size_t i = 0; i < sizeof log_type / sizeof log_type[0]; i++) {
        struct record r = {.type = log_type[i]};

        assert_int_equal(record_log_get(&r, &l), E_UNSUPPORTED);
    }
    for (size_t i = 0; i < sizeof journal_type / sizeof journal_type[0]; i++) {
        struct record r = {.type = journal_type[i]};

        assert_int_equal(record_journal_get(&r, &j), E_UNSUPPORTED);
    }
}

/* Only number 0 has no predecessor, and it has none. */
static void test_record__only_the_first_has_no_predecessor(void **state)
{
    static const struct {
        uint64_t number;
        uint8_t predecessor;
        int rc;
    } t[] = {{0, 0, 0}, {1, 1, 0}, {0, 1, E_CORRUPT}, {1, 0, E_CORRUPT}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct record r = {.number = t[i].number,
                           .predecessor = {{t[i].predecessor}},
                           .type = RECORD_END};
        struct record out;
        struct buf b;

        buf_init(&b, 1000);
        record_put(&r, &b);
        assert_int_equal(record_get(buf_bytes(&b), &out), t[i].rc);
        buf_release(&b);
    }
}

static void test_record__names(void **state)
{
    static const char *const bad[] = {
        "log/1",
        "log/00000000000000001",
        "log/000000000000000x",
        "log/-000000000000001",
        "w/0123456789abcdef0123456789abcdef/1",
        "w/0123456789abcdef0123456789abcdeF/00000001",
        "w/0123456789abcdef0123456789abcde/00000001",
        "w/0123456789abcdef0123456789abcdef/00000001x",
        "w/0123456789abcdef0123456789abcdef",
        "w/0123456789abcdef0123456789abcdef/000000000001",
        "w/0123456789abcdef0123456789abcdef/99999999999999999999999",
        "packs/00",
        "",
    };
    struct writer_id w = {{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}};
    struct writer_id w2;
    char name[RECORD_NAME_MAX];
    uint64_t n;

    (void)state;
    record_log_name(42, name);
    assert_string_equal(name, "log/0000000000000042");
    assert_true(record_log_number(name, &n));
    assert_int_equal(n, 42);
    record_journal_name(&w, 7, name);
    assert_string_equal(name, "w/0123456789abcdef0000000000000000/00000007");
    assert_true(record_journal_number(name, &w2, &n));
    assert_int_equal(n, 7);
    assert_memory_equal(&w2, &w, sizeof w);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(record_log_number(bad[i], &n));
        assert_false(record_journal_number(bad[i], &w2, &n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record__log_round_trip_and_damage),
        cmocka_unit_test(test_record__cuts_are_runs),
        cmocka_unit_test(test_record__doom_by_hand),
        cmocka_unit_test(test_record__journal_round_trip_and_damage),
        cmocka_unit_test(test_record__unknown_types_are_unsupported),
        cmocka_unit_test(test_record__only_the_first_has_no_predecessor),
        cmocka_unit_test(test_record__names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
