#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "cli/snap_spec.h"

/* A repository's snapshots; ids begin with the hex given, the rest is zero. */
struct row {
    const char *hex, *series;
    uint64_t sequence;
    const char *date; /* of the day, at noon UTC */
    bool complete;
};

static const struct row many[] = {
    /* 0 */ {"aaaa11", "web@srv", 1, "2026-11-01", true},
    /* 1 */ {"aaaa22", "web@srv", 2, "2026-11-02", true},
    /* 2 */ {"bbbb00", "db@srv", 1, "2026-11-03", true},
    /* 3 */ {"cccc00", "web@srv", 3, "2026-11-04", false},
    /* 4 */ {"dddd00", "cafe", 1, "2026-11-05", true},
    /* 5 */ {"cafe00", "db@srv", 2, "2026-11-06", true},
    /* the clock of db was set back here */
    /* 6 */ {"eeee00", "db@srv", 3, "2026-10-01", true},
    /* 7 */ {"ffff00", "new", 1, "2026-11-07", false},
    /* 8 */ {"abcdef", "2026-11-02", 1, "2026-11-06", true},
    /* 9 */ {"123400", "web@srv", 4, "2026-11-08", true},
};

static const struct row one[] = {
    {"aaaa11", "web@srv", 1, "2026-11-01", true},
    {"aaaa22", "web@srv", 2, "2026-11-02", true},
    {"cccc00", "web@srv", 3, "2026-11-04", false},
};

#define MANY (sizeof many / sizeof many[0])
#define ONE  (sizeof one / sizeof one[0])

static struct snap_spec_ref refs[MANY];

static size_t load(const struct row *row, size_t n)
{
    memset(refs, 0, sizeof refs);
    for (size_t i = 0; i < n; i++) {
        struct tm tm = {0};

        assert_true(id_from_hex(row[i].hex, refs[i].id.b, 3));
        refs[i].series = row[i].series;
        refs[i].sequence = row[i].sequence;
        refs[i].complete = row[i].complete;
        assert_non_null(strptime(row[i].date, "%Y-%m-%d", &tm));
        tm.tm_hour = 12;
        refs[i].time.s = timegm(&tm);
    }
    return n;
}

static int resolve(const char *text, size_t n, bool one_series,
                   struct snap_spec_answer *a)
{
    struct snap_spec s;
    int rc = snap_spec_parse(&s, text);

    memset(a, 0, sizeof *a);
    return rc < 0 ? rc : snap_spec_resolve(&s, refs, n, one_series, a);
}

static void test_snap_spec__takes_texts_apart(void **state)
{
    static const struct {
        const char *text, *name;
        uint32_t older;
        const char *path;
    } row[] = {
        {"latest", "latest", 0, NULL},
        {"latest~12", "latest", 12, NULL},
        {"latest:/", "latest", 0, "/"},
        {"web@srv-www~1:/etc/a~2:/b", "web@srv-www", 1, "/etc/a~2:/b"},
        {"3fa0", "3fa0", 0, NULL},
        {"2026-11-20T02:00:/x", "2026-11-20T02:00", 0, "/x"},
        {"2026-11-20 02:00~3", "2026-11-20 02:00", 3, NULL},
        {"latest://a//b/", "latest", 0, "//a//b/"},
        {"latest:/..a/.b/...", "latest", 0, "/..a/.b/..."},
        {"latest~999999999", "latest", 999999999, NULL},
    };
    struct snap_spec s;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        if (snap_spec_parse(&s, row[i].text) < 0)
            fail_msg("%s: %s", row[i].text, err_text());
        assert_string_equal(s.name, row[i].name);
        assert_int_equal(s.older, row[i].older);
        assert_int_equal(s.path == NULL, row[i].path == NULL);
        if (s.path)
            assert_string_equal(s.path, row[i].path);
    }
}

static void test_snap_spec__refuses_what_names_nothing(void **state)
{
    static const char *const text[] = {
        "",
        "~1",
        ":/etc",
        "latest~",
        "latest~x",
        "latest~1x",
        "latest~1~2",
        "latest~-1",
        "latest~9999999999",
        "we b",
        "w\xc3\xa9",
        "web:etc",
        "latest:/a/..",
        "latest:/..",
        "latest:/./a",
        "latest:/a/./b",
        "2026-11-20T99:00",
        "web*",
    };
    char longest[SNAP_SPEC_NAME_MAX + 2];
    struct snap_spec s;

    (void)state;
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        if (snap_spec_parse(&s, text[i]) != E_USAGE)
            fail_msg("'%s' was taken", text[i]);
    }
    memset(longest, 'w', sizeof longest);
    longest[SNAP_SPEC_NAME_MAX + 1] = 0;
    assert_int_equal(snap_spec_parse(&s, longest), E_USAGE);
    longest[SNAP_SPEC_NAME_MAX] = 0;
    assert_int_equal(snap_spec_parse(&s, longest), 0);
}

static void test_snap_spec__finds(void **state)
{
    static const struct {
        const char *text;
        size_t index;
    } row[] = {
        {"latest", 9},
        {"latest~0", 9},
        {"latest~1", 5}, /* equal times: the greater id first */
        {"latest~2", 8},
        {"latest~7", 6},
        {"web@srv", 9},
        {"web@srv~1", 1},
        {"web@srv~2", 0},
        {"db@srv", 6},
        {"db@srv~1", 5},
        {"db@srv~2", 2},
        {"1234", 9},
        {"123400", 9},
        {"1234~1", 1},
        {"aaaa2", 1},
        {"aaaa22~1", 0},
        {"eeee~1", 5},
        {"cafe", 4},
        {"cafe0", 5},
        {"cccc", 3},
        {"cccc~1", 1},
        {"ffff", 7},
        {"2026-11-02", 8},
        {"2026-11-03", 2},
        {"2026-11-04", 2},
        {"2026-11-05~1", 2},
        {"2026-11-05T11:59", 2},
        {"2026-11-05T12:00", 4},
        {"2026-11-05T12:00:00.0", 4},
        {"2030-01-01", 9},
        {"2026-10-01", 6},
    };
    struct snap_spec_answer a;

    (void)state;
    load(many, MANY);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        if (resolve(row[i].text, MANY, false, &a) < 0)
            fail_msg("%s: %s", row[i].text, err_text());
        if (a.index != row[i].index)
            fail_msg("%s: %zu, not %zu", row[i].text, a.index, row[i].index);
        assert_int_equal(a.candidate_n, 0);
        assert_int_equal(a.shadows, strcmp(row[i].text, "cafe") == 0);
    }
}

static void test_snap_spec__says_that_there_is_none(void **state)
{
    static const struct {
        const char *text, *says;
    } row[] = {
        {"99999999", "no snapshot '99999999'"},
        {"web@sv", "did you mean the series 'web@srv'?"},
        {"abc", "no snapshot 'abc'; if that begins an id, give at least 4"},
        {"0", "no snapshot '0'; if that begins an id, give at least 4"},
        {"2026-09-30", "no snapshot is as old as 2026-09-30"},
        {"web@srv~3", "'web@srv~3': only 2 older"},
        {"latest~8", "only 7 older"},
        {"ffff~1", "only 0 older"},
        {"new",
         "the series 'new' has no complete snapshot yet, only "
         "checkpoints of runs that did not end: 'dedup snapshots --all'"},
    };
    struct snap_spec_answer a;

    (void)state;
    load(many, MANY);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        assert_int_equal(resolve(row[i].text, MANY, false, &a), E_NOTFOUND);
        if (!strstr(err_text(), row[i].says))
            fail_msg("%s: %s", row[i].text, err_text());
    }
    assert_int_equal(resolve("latest", 0, false, &a), E_NOTFOUND);
    assert_int_equal(resolve("latest", 0, true, &a), E_NOTFOUND);
    assert_null(strstr(err_text(), "checkpoint"));
    load(many + 7, 1); /* nothing but a checkpoint */
    assert_int_equal(resolve("latest", 1, true, &a), E_NOTFOUND);
    assert_non_null(strstr(err_text(), "only checkpoints"));
}

static void test_snap_spec__lists_the_candidates_of_an_ambiguous_id(
    void **state)
{
    struct snap_spec_answer a;

    (void)state;
    load(many, MANY);
    assert_int_equal(resolve("aaaa", MANY, false, &a), E_USAGE);
    assert_int_equal(a.candidate_n, 2);
    assert_int_equal(a.candidate[0], 1);
    assert_int_equal(a.candidate[1], 0);
    assert_false(a.more);
}

static void test_snap_spec__bounds_the_candidates(void **state)
{
    struct snap_spec_ref same[SNAP_SPEC_CANDIDATES_MAX + 1] = {0};
    struct snap_spec_answer a;
    struct snap_spec s;

    (void)state;
    for (size_t i = 0; i <= SNAP_SPEC_CANDIDATES_MAX; i++) {
        same[i].series = "s";
        same[i].complete = true;
        same[i].id.b[31] = (uint8_t)i;
    }
    assert_int_equal(snap_spec_parse(&s, "0000"), 0);
    assert_int_equal(
        snap_spec_resolve(&s, same, SNAP_SPEC_CANDIDATES_MAX, false, &a),
        E_USAGE);
    assert_int_equal(a.candidate_n, SNAP_SPEC_CANDIDATES_MAX);
    assert_false(a.more);
    assert_int_equal(
        snap_spec_resolve(&s, same, SNAP_SPEC_CANDIDATES_MAX + 1, false, &a),
        E_USAGE);
    assert_int_equal(a.candidate_n, SNAP_SPEC_CANDIDATES_MAX);
    assert_true(a.more);
}

static void test_snap_spec__will_not_choose_between_series(void **state)
{
    static const size_t newest[] = {9, 5, 8, 4};
    struct snap_spec_answer a;

    (void)state;
    load(many, MANY);
    assert_int_equal(resolve("latest", MANY, true, &a), E_USAGE);
    assert_int_equal(a.candidate_n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(a.candidate[i], newest[i]);
    assert_int_equal(resolve("2026-11-04", MANY, true, &a), E_USAGE);
    assert_int_equal(a.candidate_n, 2);
    assert_int_equal(resolve("2026-10-02", MANY, true, &a), 0);
    assert_int_equal(a.index, 6);
    assert_int_equal(resolve("web@srv", MANY, true, &a), 0);
    assert_int_equal(resolve("1234", MANY, true, &a), 0);
    load(one, ONE);
    assert_int_equal(resolve("latest", ONE, true, &a), 0);
    assert_int_equal(a.index, 1);
    assert_int_equal(a.candidate_n, 0);
}

/* A store may list in any order. */
static void test_snap_spec__does_not_depend_on_the_order(void **state)
{
    static const char *const text[] = {"latest~1", "db@srv~1", "2026-11-06",
                                       "eeee~1", "latest~7"};
    struct snap_spec_answer a, b;

    (void)state;
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        struct snap_spec_ref want;

        load(many, MANY);
        assert_int_equal(resolve(text[i], MANY, false, &a), 0);
        want = refs[a.index];
        for (size_t k = 0; k < MANY / 2; k++) {
            struct snap_spec_ref swap = refs[k];

            refs[k] = refs[MANY - 1 - k];
            refs[MANY - 1 - k] = swap;
        }
        assert_int_equal(resolve(text[i], MANY, false, &b), 0);
        assert_true(object_id_equal(&refs[b.index].id, &want.id));
    }
}

static void test_snap_spec__knows_what_can_name_a_series(void **state)
{
    (void)state;
    assert_true(snap_spec_series_ok("HOST@srv-www+etc.d_1"));
    assert_false(snap_spec_series_ok("latest"));
    assert_false(snap_spec_series_ok(""));
    assert_false(snap_spec_series_ok("a b"));
    assert_false(snap_spec_series_ok("a~1"));
    assert_false(snap_spec_series_ok("a/b"));
}

static void test_snap_spec__reports_a_failed_allocation(void **state)
{
    struct snap_spec_answer a;

    (void)state;
    load(many, MANY);
    mem_fail_after(1, 0);
    assert_int_equal(resolve("latest", MANY, false, &a), E_NOMEM);
    mem_fail_after(0, 0);
}

static int utc(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snap_spec__takes_texts_apart),
        cmocka_unit_test(test_snap_spec__refuses_what_names_nothing),
        cmocka_unit_test(test_snap_spec__finds),
        cmocka_unit_test(test_snap_spec__says_that_there_is_none),
        cmocka_unit_test(
            test_snap_spec__lists_the_candidates_of_an_ambiguous_id),
        cmocka_unit_test(test_snap_spec__bounds_the_candidates),
        cmocka_unit_test(test_snap_spec__will_not_choose_between_series),
        cmocka_unit_test(test_snap_spec__does_not_depend_on_the_order),
        cmocka_unit_test(test_snap_spec__knows_what_can_name_a_series),
        cmocka_unit_test(test_snap_spec__reports_a_failed_allocation),
    };

    return cmocka_run_group_tests(tests, utc, NULL);
}
