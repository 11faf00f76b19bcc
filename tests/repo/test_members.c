/* Who may sign what: the tables of docs/format.md 8.1, and what members records
 * make of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/members.h"

static const struct member_id founder = {{1}};

/* --- records --- */

/* One member of a list: its id is a letter; 'f' is the founder. */
struct says {
    char who;
    enum keyring_role role;
    enum record_standing standing;
    const char *label;
};

static struct member_id id_of(char who)
{
    struct member_id id = {{(uint8_t)(who == 'f' ? 1 : who)}};

    return id;
}

static struct buf members_buf;
static struct buf cuts_buf;

/* A members record with these; ends with who 0. */
static struct record_log record_of(const struct says *s)
{
    struct record_log l = {.trust = RECORD_TRUST_OWN};

    buf_reset(&members_buf);
    for (; s->who; s++, l.members.n++) {
        struct record_member m = {.id = id_of(s->who),
                                  .role = (unsigned)s->role,
                                  .standing = s->standing,
                                  .label = bytes_of_str(s->label)};

        record_member_put(&members_buf, &m);
    }
    l.members.encoded = buf_bytes(&members_buf);
    return l;
}

static void apply(struct members *m, char by, uint64_t number,
                  const struct says *s)
{
    struct member_id signer = id_of(by);
    struct record_log l = record_of(s);

    assert_int_equal(members_apply(m, &signer, number,
                                   (struct entry_time){(int64_t)number, 0}, &l),
                     0);
}

#define FULL     KEYRING_FULL
#define READ     KEYRING_READ
#define WRITE    KEYRING_WRITE
#define MAINTAIN KEYRING_MAINTAIN

/* The founder and one of each other role. */
static const struct says all_roles[] = {
    {'f', FULL, RECORD_ACTIVE, "first"}, {'F', FULL, RECORD_ACTIVE, "full"},
    {'R', READ, RECORD_ACTIVE, "read"},  {'W', WRITE, RECORD_ACTIVE, "write"},
    {'M', MAINTAIN, RECORD_ACTIVE, "m"}, {0}};

static void begin(struct members *m)
{
    assert_int_equal(members_init(m, &founder), 0);
    apply(m, 'f', 1, all_roles);
    assert_int_equal(m->n, 5);
}

/* --- the tables --- */

static void test_members__roles_sign_what_the_format_says(void **state)
{
    static const struct {
        enum record_log_type type;
        const char *who;
    } log[] = {{RECORD_CONDEMN, "fFM"},
               {RECORD_DOOM, "fFM"},
               {RECORD_FORGET, "fFM"},
               {RECORD_UNFORGET, "fFM"},
               {RECORD_TAG, "fFM"},
               {RECORD_PROTECT, "fFM"},
               {RECORD_SUSPECT, "fFM"},
               {RECORD_FLAGS, "fF"},
               {RECORD_MEMBERS, "fF"},
               {RECORD_POLICY, "fF"},
               {RECORD_BASE, "fFM"},
               {RECORD_VOUCH, "fF"},
               /* of a later version: stops whoever meets it */
               {99, "fFM"}};
    static const struct {
        enum record_journal_type type;
        const char *own;    /* in their own journals */
        const char *others; /* ... in those of others */
    } journal[] = {{RECORD_OPEN, "fFWM", ""},     {RECORD_RENEW, "fFWM", ""},
                   {RECORD_SEGMENT, "fFWM", ""},  {RECORD_COMMIT, "fFW", ""},
                   {RECORD_PIN, "fFM", ""},       {RECORD_END, "fFWM", ""},
                   {RECORD_FENCE, "fFWM", "fFM"}, {99, "fFWM", ""}};
    static const char who[] = "fFRWMx"; /* x: nobody knows */
    struct members m;

    (void)state;
    begin(&m);
    for (size_t i = 0; i < sizeof log / sizeof log[0]; i++)
        for (const char *c = who; *c; c++) {
            struct member_id id = id_of(*c);

            if (members_may_log(&m, &id, log[i].type) !=
                (strchr(log[i].who, *c) != NULL))
                fail_msg("log type %d by %c", (int)log[i].type, *c);
        }
    for (size_t i = 0; i < sizeof journal / sizeof journal[0]; i++)
        for (const char *c = who; *c; c++)
            for (const char *o = "fFRWM"; *o; o++) {
                struct member_id id = id_of(*c);
                struct member_id of = id_of(*o);
                const struct members_one *owner = members_find(&m, &of);
                const char *may = *c == *o ? journal[i].own : journal[i].others;

                if (members_may_journal(&m, owner, &id, journal[i].type) !=
                    (strchr(may, *c) != NULL))
                    fail_msg("journal type %d by %c in one of %c",
                             (int)journal[i].type, *c, *o);
            }
    members_release(&m);
}

/* Packs count by who may publish them. */
static void test_members__packs_count_by_their_writer(void **state)
{
    struct members m;

    (void)state;
    begin(&m);
    for (const char *c = "fFRWMx"; *c; c++) {
        struct member_id id = id_of(*c);

        assert_int_equal(members_wrote(&m, &id), *c != 'R' && *c != 'x');
    }
    members_release(&m);
}

/* --- what a members record may say --- */

#define KEPT                                                                   \
    {'f', FULL, RECORD_ACTIVE, "first"}, {'F', FULL, RECORD_ACTIVE, "full"},   \
        {'R', READ, RECORD_ACTIVE, "read"},                                    \
    {                                                                          \
        'M', MAINTAIN, RECORD_ACTIVE, "m"                                      \
    }

static void test_members__a_record_counts_as_a_whole(void **state)
{
    static const struct {
        const char *what;
        char by;
        bool counts;
        struct says says[8];
    } t[] = {
        {"the same again", 'f', true, {KEPT, {'W', WRITE, 0, "write"}}},
        {"by the other full key", 'F', true, {KEPT, {'W', WRITE, 0, "write"}}},
        {"by a write key", 'W', false, {KEPT, {'W', WRITE, 0, "write"}}},
        {"by a maintain key", 'M', false, {KEPT, {'W', WRITE, 0, "write"}}},
        {"by nobody", 'x', false, {KEPT, {'W', WRITE, 0, "write"}}},
        {"one more",
         'f',
         true,
         {KEPT, {'W', WRITE, 0, "write"}, {'N', WRITE, 0, "new"}}},
        {"one more that leaves already",
         'f',
         false,
         {KEPT, {'W', WRITE, 0, "write"}, {'N', WRITE, RECORD_LEAVING, "new"}}},
        {"one is not there", 'f', false, {KEPT}},
        {"one is there twice",
         'f',
         false,
         {KEPT, {'W', WRITE, 0, "write"}, {'W', WRITE, 0, "write2"}}},
        {"a role changes", 'f', false, {KEPT, {'W', FULL, 0, "write"}}},
        {"a label changes", 'f', true, {KEPT, {'W', WRITE, 0, "host"}}},
        {"a label is taken", 'f', false, {KEPT, {'W', WRITE, 0, "read"}}},
        {"a label that is free again",
         'f',
         true,
         {KEPT,
          {'W', WRITE, RECORD_REMOVED, "write"},
          {'N', WRITE, 0, "write"}}},
        {"a label of one who leaves",
         'f',
         false,
         {KEPT,
          {'W', WRITE, RECORD_LEAVING, "write"},
          {'N', WRITE, 0, "write"}}},
        {"no full key stays active",
         'f',
         false,
         {{'f', FULL, RECORD_LEAVING, "first"},
          {'F', FULL, RECORD_REMOVED, "full"},
          {'R', READ, 0, "read"},
          {'M', MAINTAIN, 0, "m"},
          {'W', WRITE, 0, "write"}}},
        {"one full key stays",
         'f',
         true,
         {{'f', FULL, RECORD_LEAVING, "first"},
          {'F', FULL, 0, "full"},
          {'R', READ, 0, "read"},
          {'M', MAINTAIN, 0, "m"},
          {'W', WRITE, 0, "write"}}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct member_id signer = id_of(t[i].by);
        struct record_log l;
        struct members m;

        begin(&m);
        m.trust = RECORD_TRUST_SHARED;
        l = record_of(t[i].says);
        if (members_may_change(&m, &signer, &l) != t[i].counts)
            fail_msg("%s", t[i].what);
        apply(&m, t[i].by, 2, t[i].says);
        /* one that is void changes nothing */
        if ((m.trust == RECORD_TRUST_OWN) != t[i].counts)
            fail_msg("%s: applied", t[i].what);
        members_release(&m);
    }
}

/* Standing never falls, and who is not active signs no log record. */
static void test_members__standing_only_grows(void **state)
{
    static const struct says leaves[] = {
        {'f', FULL, 0, "first"}, {'F', FULL, RECORD_LEAVING, "full"},
        {'R', READ, 0, "read"},  {'M', MAINTAIN, 0, "m"},
        {'W', WRITE, 0, "w"},    {0}};
    static const struct says gone[] = {
        {'f', FULL, 0, "first"}, {'F', FULL, RECORD_REMOVED, "full"},
        {'R', READ, 0, "read"},  {'M', MAINTAIN, 0, "m"},
        {'W', WRITE, 0, "w"},    {0}};
    const struct member_id id = id_of('F');
    const struct members_one *one;
    struct record_log l;
    struct members m;

    (void)state;
    begin(&m);
    one = members_find(&m, &id);
    assert_int_equal(one->since, 1);
    apply(&m, 'f', 7, leaves);
    assert_int_equal(one->standing, RECORD_LEAVING);
    assert_false(members_may_log(&m, &id, RECORD_FORGET));
    l = record_of(all_roles);
    assert_false(members_may_change(&m, &founder, &l));
    assert_int_equal(m.removed_at, 0);
    apply(&m, 'f', 9, gone);
    assert_int_equal(one->standing, RECORD_REMOVED);
    assert_int_equal(m.removed_at, 9);
    l = record_of(leaves);
    assert_false(members_may_change(&m, &founder, &l));
    /* no journal's end moves later */
    assert_true(members_may_journal(&m, &m.one[0], &id, RECORD_FENCE));
    members_release(&m);
}

/* --- journals --- */

static void test_members__names_of_journals_tell_whose_they_are(void **state)
{
    struct members m;
    struct writer_id w;

    (void)state;
    begin(&m);
    for (size_t i = 0; i < m.n; i++) {
        members_writer_new(&m.one[i].id, &w);
        assert_ptr_equal(members_owner(&m, &w), &m.one[i]);
        for (size_t k = 0; k < sizeof w.b; k++) {
            w.b[k] ^= 1;
            assert_null(members_owner(&m, &w));
            w.b[k] ^= 1;
        }
    }
    members_release(&m);
}

/* Of whom a record removes what it lists stands, and nothing else. */
static void test_members__cuts_hold_for_who_is_removed(void **state)
{
    static const struct says gone[] = {{'f', FULL, 0, "first"},
                                       {'F', FULL, 0, "full"},
                                       {'R', READ, 0, "read"},
                                       {'M', MAINTAIN, 0, "m"},
                                       {'W', WRITE, RECORD_REMOVED, "w"},
                                       {0}};
    /* of w[0]: 0, 1, then 7 to 10, of which 7, 9 and 10 could not be read */
    static const struct object_id hash[6] = {{{11}}, {{12}}, {{0}},
                                             {{14}}, {{0}},  {{0}}};
    static const struct {
        uint64_t from;
        uint64_t next;
    } t[] = {
        {0, 0}, {1, 1},          {2, 8},           {7, 8},
        {8, 8}, {9, UINT64_MAX}, {11, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}};
    static const struct object_id other = {{13}};
    const struct member_id id = id_of('W');
    const struct members_one *one;
    struct record_log l;
    struct writer_id w[3]; /* listed, not listed, another member's */
    struct members m;

    (void)state;
    begin(&m);
    one = members_find(&m, &id);
    members_writer_new(&id, &w[0]);
    members_writer_new(&id, &w[1]);
    members_writer_new(&founder, &w[2]);
    assert_int_equal(members_end(&m, one, &w[0]), UINT64_MAX);
    assert_int_equal(members_next(&m, one, &w[0], 5), 5);
    assert_true(members_stands(&m, one, &w[0], 5, &other));
    buf_reset(&cuts_buf);
    record_member_cut_put(&cuts_buf,
                          &(struct record_cut){w[0], 0, hash[0].b, 2});
    record_member_cut_put(&cuts_buf,
                          &(struct record_cut){w[0], 7, hash[2].b, 4});
    record_member_cut_put(&cuts_buf,
                          &(struct record_cut){w[2], 0, hash[0].b, 2});
    l = record_of(gone);
    l.cuts = (struct record_cuts){buf_bytes(&cuts_buf), 3};
    assert_int_equal(
        members_apply(&m, &founder, 3, (struct entry_time){0, 0}, &l), 0);
    assert_int_equal(members_end(&m, one, &w[0]), 11);
    assert_int_equal(members_end(&m, one, &w[1]), 0);
    assert_int_equal(members_end(&m, &m.one[0], &w[2]), UINT64_MAX);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        assert_int_equal(members_next(&m, one, &w[0], t[i].from), t[i].next);
    assert_int_equal(members_next(&m, one, &w[1], 0), UINT64_MAX);
    assert_true(members_stands(&m, one, &w[0], 0, &hash[0]));
    assert_true(members_stands(&m, one, &w[0], 1, &hash[1]));
    assert_false(members_stands(&m, one, &w[0], 1, &other));
    assert_false(members_stands(&m, one, &w[0], 2, &hash[2]));
    assert_true(members_stands(&m, one, &w[0], 8, &hash[3]));
    assert_false(members_stands(&m, one, &w[0], 8, &hash[1]));
    assert_false(members_stands(&m, one, &w[0], 11, &hash[3]));
    assert_false(members_stands(&m, one, &w[1], 0, &hash[0]));
    /* a later record takes nothing away */
    apply(&m, 'f', 4, gone);
    assert_int_equal(members_end(&m, one, &w[0]), 11);
    assert_int_equal(m.removed_at, 3);
    members_release(&m);
}

/* What a record lists of journals of members that it does not remove is no cut
 * when they are removed later. */
static void test_members__cuts_come_with_the_removal(void **state)
{
    static const struct says first[] = {{'f', FULL, 0, "first"},
                                        {'F', FULL, 0, "full"},
                                        {'R', READ, 0, "read"},
                                        {'M', MAINTAIN, 0, "m"},
                                        {'W', WRITE, RECORD_REMOVED, "w"},
                                        {0}};
    static const struct says then[] = {{'f', FULL, 0, "first"},
                                       {'F', FULL, RECORD_REMOVED, "full"},
                                       {'R', READ, 0, "read"},
                                       {'M', MAINTAIN, 0, "m"},
                                       {'W', WRITE, RECORD_REMOVED, "w"},
                                       {0}};
    static const struct object_id hash[2] = {{{11}}, {{12}}};
    const struct member_id id = id_of('F');
    const struct members_one *one;
    struct writer_id w;
    struct members m;

    (void)state;
    begin(&m);
    one = members_find(&m, &id);
    members_writer_new(&id, &w);
    for (size_t i = 0; i < 2; i++) {
        struct record_log l = record_of(i == 0 ? first : then);

        buf_reset(&cuts_buf);
        record_member_cut_put(&cuts_buf,
                              &(struct record_cut){w, 0, hash[i].b, 1});
        l.cuts = (struct record_cuts){buf_bytes(&cuts_buf), 1};
        assert_int_equal(
            members_apply(&m, &founder, 3 + i, (struct entry_time){0, 0}, &l),
            0);
    }
    assert_false(members_stands(&m, one, &w, 0, &hash[0]));
    assert_true(members_stands(&m, one, &w, 0, &hash[1]));
    assert_int_equal(members_end(&m, one, &w), 1);
    members_release(&m);
}

/* Nobody begins to count on what a member says who is leaving; of one that is
 * removed, on what stands. */
static void test_members__are_counted_on_unless_they_leave(void **state)
{
    static const bool counted[] = {true, false, true};
    const struct member_id id = id_of('W');
    struct writer_id w[2]; /* its journal, another member's */

    (void)state;
    members_writer_new(&id, &w[0]);
    members_writer_new(&founder, &w[1]);
    for (unsigned s = RECORD_ACTIVE; s <= RECORD_REMOVED; s++) {
        const struct says all[] = {
            {'f', FULL, 0, "first"}, {'F', FULL, 0, "full"},
            {'R', READ, 0, "read"},  {'M', MAINTAIN, 0, "m"},
            {'W', WRITE, s, "w"},    {0}};
        struct members m;

        begin(&m);
        apply(&m, 'f', 2, all);
        assert_int_equal(members_count_on(&m, &w[0]), counted[s]);
        assert_true(members_count_on(&m, &w[1]));
        members_release(&m);
    }
}

/* A list that is too long is void. */
static void test_members__are_bounded(void **state)
{
    struct record_log l = {.trust = RECORD_TRUST_OWN};
    struct members m;

    (void)state;
    for (size_t n = MEMBERS_MAX; n <= MEMBERS_MAX + 1; n++) {
        begin(&m);
        l = record_of(all_roles);
        for (; l.members.n < n; l.members.n++) {
            char label[16];
            struct record_member x = {.role = WRITE};

            (void)snprintf(label, sizeof label, "%zu", l.members.n);
            memcpy(x.id.b + 8, label, sizeof label);
            x.label = bytes_of_str(label);
            record_member_put(&members_buf, &x);
        }
        l.members.encoded = buf_bytes(&members_buf);
        assert_int_equal(members_may_change(&m, &founder, &l),
                         n == MEMBERS_MAX);
        assert_int_equal(
            members_apply(&m, &founder, 2, (struct entry_time){0, 0}, &l), 0);
        assert_int_equal(m.n, n == MEMBERS_MAX ? n : 5);
        members_release(&m);
    }
}

static int setup(void **state)
{
    (void)state;
    buf_init(&members_buf, 1 << 20);
    buf_init(&cuts_buf, 1 << 16);
    return crypto_init();
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&members_buf);
    buf_release(&cuts_buf);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members__roles_sign_what_the_format_says),
        cmocka_unit_test(test_members__packs_count_by_their_writer),
        cmocka_unit_test(test_members__a_record_counts_as_a_whole),
        cmocka_unit_test(test_members__standing_only_grows),
        cmocka_unit_test(test_members__names_of_journals_tell_whose_they_are),
        cmocka_unit_test(test_members__cuts_hold_for_who_is_removed),
        cmocka_unit_test(test_members__cuts_come_with_the_removal),
        cmocka_unit_test(test_members__are_counted_on_unless_they_leave),
        cmocka_unit_test(test_members__are_bounded),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
