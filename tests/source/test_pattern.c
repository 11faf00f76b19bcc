#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "source/pattern.h"

static struct pattern_set *set_of(const char *text, bool fold)
{
    struct pattern_set *set;

    assert_int_equal(pattern_set_new(fold, &set), 0);
    assert_int_equal(pattern_set_add_text(set, bytes_of_str(text), "table"), 0);
    return set;
}

struct row {
    const char *patterns; /* lines */
    const char *path;     /* '/' at its end: a directory */
    bool excluded;
};

static bool row_excluded(const struct row *row, bool fold)
{
    struct pattern_set *set = set_of(row->patterns, fold);
    struct bytes path = bytes_of_str(row->path);
    bool is_dir = path.p[path.n - 1] == '/';
    bool excluded;

    path.n -= is_dir;
    excluded = pattern_set_excluded(set, path, is_dir);
    pattern_set_free(set);
    return excluded;
}

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (row_excluded(&rows[i], false) != rows[i].excluded)
            fail_msg("row %zu: '%s' on '%s'", i, rows[i].patterns,
                     rows[i].path);
    }
}

static void test_pattern__anchors_and_depths(void **state)
{
    static const struct row rows[] = {
        {"/srv/tmp", "srv/tmp", true},
        {"/srv/tmp", "srv/tmp/a/b", true},
        {"/srv/tmp", "x/srv/tmp", false},
        {"srv/tmp", "srv/tmp", true},
        {"srv/tmp", "x/srv/tmp", false},
        {"tmp", "srv/tmp", true},
        {"tmp", "srv/tmpx", false},
        {"*.o", "a.o", true},
        {"*.o", "srv/deep/a.o", true},
        {"*.o", "srv/a.o/c", true},
        {"*.o", "a.oo", false},
        {"/*.o", "srv/a.o", false},
        {"/*.o", "a.o", true},
        {"srv/*.o", "srv/x/a.o", false},
        {"dir/", "dir/", true},
        {"dir/", "dir", false},
        {"dir/", "x/dir/file", true},
        {"/", "a", false},
        {"!", "a", false},
        {"//a", "a", false},
        {"*", "any/thing", true},
        {"**", "any/thing", true},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void test_pattern__double_stars(void **state)
{
    static const struct row rows[] = {
        {"**/foo", "foo", true},
        {"**/foo", "a/b/foo", true},
        {"**/foo/bar", "x/foo/bar", true},
        {"**/foo/bar", "foo/x/bar", false},
        {"abc/**", "abc/x", true},
        {"abc/**", "abc/x/y", true},
        {"abc/**", "abc", false},
        {"a/**/b", "a/b", true},
        {"a/**/b", "a/x/b", true},
        {"a/**/b", "a/x/y/b", true},
        {"a/**/b", "a/xb", false},
        {"a/**/b", "ab", false},
        {"foo**/bar", "foobar", false},
        {"foo**/bar", "foox/bar", true},
        {"foo**/bar", "foo/x/bar", false},
        {"a/**b", "a/x/b", false},
        {"a/**b", "a/xb", true},
        {"a/***/b", "a/x/y/b", true},
        {"**/**/c", "c", true},
        {"**/**/c", "a/b/c", true},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void test_pattern__classes_and_escapes(void **state)
{
    static const struct row rows[] = {
        {"[a-c]x", "bx", true},       {"[a-c]x", "dx", false},
        {"[!a-c]x", "dx", true},      {"[^a-c]x", "bx", false},
        {"[]a]", "]", true},          {"[]a]", "a", true},
        {"[!]a]", "b", true},         {"[!]a]", "]", false},
        {"[a-]", "-", true},          {"[--0]", ".", true},
        {"[\\]]", "]", true},         {"[\\a-c]", "b", true},
        {"[c-a]", "b", false},        {"[[:digit:]a]", "7", true},
        {"[[:digit:]a]", "a", true},  {"[[:digit:]a]", "b", false},
        {"[![:space:]]", "x", true},  {"[![:space:]]", " ", false},
        {"[[:nosuch:]]", "n", false}, {"[[:alpha]", "[", true},
        {"[[:alpha]", "p", true},     {"[abc", "a", false},
        {"[abc", "[abc", false},      {"[", "[", false},
        {"a[/]b", "a/b", false},      {"a[!x]b", "a/b", false},
        {"a?b", "a/b", false},        {"a?b", "axb", true},
        {"\\*", "*", true},           {"\\*", "x", false},
        {"\\!a", "!a", true},         {"\\#a", "#a", true},
        {"\\a", "a", true},           {"a\\", "a\\", false},
        {"a\\", "a", false},          {"[\x80-\xff]", "\xfe", true},
        {"?", "\xfe", true},          {"??", "\xc3\xa4", true},
        {"?", "\xc3\xa4", false},     {"a\x1b*", "a\x1b\n", true},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void test_pattern__knows_what_can_match(void **state)
{
    static const struct {
        const char *text;
        bool can;
    } rows[] = {
        {"", false},    {"/", false},   {"!", false},  {"[", false},
        {"a[b", false}, {"a\\", false}, {"[]", false}, {"[[:nosuch:]]", false},
        {"a", true},    {"\\[", true},  {"[[]", true}, {"!a", true},
        {"*", true},    {"a/", true},
    };
    struct pattern_set *set;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(pattern_set_new(false, &set), 0);
        assert_false(pattern_set_can_match(set));
        assert_int_equal(pattern_set_add(set, bytes_of_str(rows[i].text)), 0);
        if (pattern_set_can_match(set) != rows[i].can)
            fail_msg("row %zu: '%s'", i, rows[i].text);
        assert_int_equal(pattern_set_add(set, bytes_of_str("x")), 0);
        assert_true(pattern_set_can_match(set));
        pattern_set_free(set);
    }
}

static void test_pattern__the_last_match_wins(void **state)
{
    static const struct row rows[] = {
        {"*.o\n!keep.o", "keep.o", false},
        {"!keep.o\n*.o", "keep.o", true},
        {"*.o\n!keep.o\n/keep.o", "keep.o", true},
        {"*.o\n!keep.o\n/keep.o", "a/keep.o", false},
        /* as in git: a directory that is out cannot be looked into */
        {"/a\n!/a/b", "a/b", true},
        {"/a/*\n!/a/b", "a/b", false},
        {"/a/*\n!/a/b", "a/c", true},
        {"!*", "a", false},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void test_pattern__files_are_read_as_git_reads_them(void **state)
{
    static const struct row rows[] = {
        {"\xef\xbb\xbf"
         "a",
         "a", true},
        {"# a\na", "# a", false},
        {"a   \nb", "a", true},
        {"a\\ \nb", "a ", true},
        {"a\\  \nb", "a ", true},
        {"a\t\nb", "a", false},
        {"a\t\nb", "a\t", true},
        {"a\r\nb\r\n", "b", true},
        {"\n\n  \na", "b", false},
        {"a b ", "a b", true},
        {" a", " a", true},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void test_pattern__options_are_taken_as_they_are(void **state)
{
    struct pattern_set *set;

    (void)state;
    assert_int_equal(pattern_set_new(false, &set), 0);
    assert_int_equal(pattern_set_add(set, bytes_of_str("#a")), 0);
    assert_int_equal(pattern_set_add(set, bytes_of_str("b ")), 0);
    assert_int_equal(pattern_set_match(set, bytes_of_str("#a"), false),
                     PATTERN_EXCLUDE);
    assert_int_equal(pattern_set_match(set, bytes_of_str("b "), false),
                     PATTERN_EXCLUDE);
    assert_int_equal(pattern_set_match(set, bytes_of_str("b"), false),
                     PATTERN_NONE);
    assert_int_equal(pattern_set_add(set, bytes_of_str("!b ")), 0);
    assert_int_equal(pattern_set_match(set, bytes_of_str("b "), false),
                     PATTERN_INCLUDE);
    assert_int_equal(pattern_set_n(set), 3);
    pattern_set_free(set);
    assert_int_equal(pattern_set_match(NULL, bytes_of_str("b"), false),
                     PATTERN_NONE);
}

static void test_pattern__folds_case_on_demand(void **state)
{
    static const struct row rows[] = {
        {"*.JPG", "a.jpg", true}, {"*.jpg", "A.JPG", true},
        {"/AbC", "aBc", true},    {"[a-c]", "B", true},
        {"[!a-c]", "B", false},   {"[[:upper:]]", "a", true},
        {"\xc4", "\xe4", false},  {"A*Z", "amz", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (row_excluded(&rows[i], true) != rows[i].excluded)
            fail_msg("row %zu: '%s' on '%s'", i, rows[i].patterns,
                     rows[i].path);
    }
    assert_false(row_excluded(&rows[0], false));
}

/* Any number of "**" in a row cost as much as one: 500,000 directories against
 * 1,365 of them would take hours. */
static void hostile_depths(const struct pattern_set *set)
{
    enum { DEEP = 1000000 };
    char *path = malloc(DEEP);
    struct timespec a;
    struct timespec b;

    assert_non_null(path);
    for (size_t i = 0; i < DEEP; i++)
        path[i] = i % 2 ? '/' : 'a';
    path[DEEP - 1] = 'b';
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    assert_int_equal(
        pattern_set_match(set, bytes_of((uint8_t *)path, DEEP), false),
        PATTERN_NONE);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    assert_true(b.tv_sec - a.tv_sec < 60);
    free(path);
}

static void test_pattern__hostile_patterns_cost_little(void **state)
{
    static char pattern[4097]; /* the two are much for a frame */
    char path[3001];
    struct pattern_set *set;
    struct timespec a;
    struct timespec b;

    (void)state;
    memset(path, 'a', 3000);
    path[2999] = 'b'; /* or its last byte would settle it */
    path[3000] = 0;
    for (size_t i = 0; i < 4096; i += 2)
        memcpy(pattern + i, "a*", 2);
    memcpy(pattern + 4093, "cb", 3);
    assert_int_equal(pattern_set_new(false, &set), 0);
    assert_int_equal(pattern_set_add(set, bytes_of_str(pattern)), 0);
    assert_int_equal(pattern_set_add(set, bytes_of_str("a*a*a*a*a*a*a*a*c*")),
                     0);
    for (size_t i = 0; i < 4095; i += 3)
        memcpy(pattern + i, "**/", 3);
    pattern[4095] = 'b';
    pattern[4096] = 0;
    assert_int_equal(pattern_set_add(set, bytes_of_str(pattern)), 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    assert_int_equal(pattern_set_match(set, bytes_of_str(path), false),
                     PATTERN_NONE);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    /* 3000 x 4096 steps at most, sanitizers included: not 2^4096. */
    assert_true(b.tv_sec - a.tv_sec < 20);
    hostile_depths(set);
    assert_int_equal(
        pattern_set_add(set, bytes_of(pattern, PATTERN_BYTES_MAX + 1)),
        E_USAGE);
    assert_int_equal(pattern_set_n(set), 3);
    pattern_set_free(set);
}

/* Where both patterns and names are a stranger's, so is the time. */
static void test_pattern__matching_ends_when_its_steps_do(void **state)
{
    struct pattern_set *set =
        set_of("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*[bc]\n*a*b*?\n", false);
    char name[256];
    struct bytes path = bytes_of((uint8_t *)name, 255);
    uint64_t steps = UINT64_MAX;
    uint64_t cost;

    (void)state;
    memset(name, 'a', 255);
    name[254] = 'x';
    assert_int_equal(pattern_set_match_within(set, path, false, &steps),
                     PATTERN_NONE);
    cost = UINT64_MAX - steps;
    assert_in_range(cost, 255, (uint64_t)255 * 50);
    name[254] = 'c';
    steps = cost + 1;
    assert_int_equal(pattern_set_match_within(set, path, false, &steps),
                     PATTERN_EXCLUDE);
    assert_int_not_equal(steps, 0);
    for (uint64_t n = 1; n < cost; n++) {
        steps = n;
        if (pattern_set_match_within(set, path, false, &steps) !=
            (steps ? PATTERN_EXCLUDE : PATTERN_NONE))
            fail_msg("with %llu steps", (unsigned long long)n);
    }
    steps = 1;
    (void)pattern_set_match_within(set, path, false, &steps);
    assert_int_equal(steps, 0);
    pattern_set_free(set);
    /* what nearly every name does to a long list: one step a line */
    set = set_of("build\nout\nx*\nnode_modules/\n", false);
    steps = 100;
    assert_int_equal(pattern_set_match_within(set, path, false, &steps),
                     PATTERN_NONE);
    assert_int_equal(steps, 97);
    pattern_set_free(set);
}

static void test_pattern__no_memory_leaves_the_set_as_it_was(void **state)
{
    struct pattern_set *set = set_of("a", false);
    int rc = E_NOMEM;

    (void)state;
    for (uint64_t n = 1; rc != 0; n++) {
        size_t before = pattern_set_n(set);

        mem_fail_after(n, 0);
        rc = pattern_set_add_text(set, bytes_of_str("[x]*"), "t");
        mem_fail_after(0, 0);
        assert_true(rc == 0 || rc == E_NOMEM);
        assert_int_equal(pattern_set_n(set), before + (rc == 0));
        assert_true(n < 10);
    }
    pattern_set_free(set);
}

/* ---- git's opinion --------------------------------------------------- */

static uint64_t seed;

static size_t rnd(size_t n)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (size_t)(seed >> 33) % n;
}

/*
 * Short names over few letters, so that patterns often match. No "**" behind a
 * literal start that is not a whole component: the header says why.
 */
static void random_pattern(struct buf *out)
{
    static const char *const parts[] = {
        "a", "b", "ab",   "*",   "?",    "[ab]", "[!a]",        "[a-c]",
        "/", "/", "/**/", "\\a", "*a",   "b*",   "[[:alpha:]]", "\\*",
        "[", "c", "a?",   "/*/", "[]b]", "*.c",  "[^b-]",       "***"};
    size_t start = out->n;
    size_t n = 1 + rnd(5);

    if (rnd(4) == 0)
        buf_add(out, "!", 1);
    if (rnd(4) == 0)
        buf_add(out, "/", 1);
    if (rnd(5) == 0)
        buf_add(out, "**/", 3);
    for (size_t i = 0; i < n; i++) {
        const char *part = parts[rnd(sizeof parts / sizeof parts[0])];
        bool stars = out->n > start && out->p[out->n - 1] == '*';

        if (part[0] == '*' && (stars || part[1] == '*'))
            continue;
        buf_add(out, part, strlen(part));
    }
    /* each part may have been passed over */
    if (rnd(6) == 0 && out->n > start && out->p[out->n - 1] == '/')
        buf_add(out, "**", 2);
    if (rnd(5) == 0)
        buf_add(out, "/", 1);
    buf_add(out, "\n", 1);
}

static void random_path(struct buf *out)
{
    static const char *const names[] = {"a",  "b",   "c",  "ab", "aa", "abc",
                                        "ba", "a.c", ".a", "*",  "]",  "b-"};
    size_t n = 1 + rnd(4);

    for (size_t i = 0; i < n; i++) {
        const char *name = names[rnd(sizeof names / sizeof names[0])];

        if (i)
            buf_add(out, "/", 1);
        buf_add(out, name, strlen(name));
    }
    buf_add(out, "", 1);
}

static void write_file(const char *dir, const char *name, struct bytes content)
{
    char path[256];
    FILE *f;

    assert_true(snprintf(path, sizeof path, "%s/%s", dir, name) > 0);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(content.p, 1, content.n, f), content.n);
    assert_int_equal(fclose(f), 0);
}

static void read_file(const char *dir, const char *name, struct buf *out)
{
    char path[256];
    FILE *f;
    char block[4096];
    size_t n;

    assert_true(snprintf(path, sizeof path, "%s/%s", dir, name) > 0);
    f = fopen(path, "r");
    assert_non_null(f);
    buf_reset(out);
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        buf_add(out, block, n);
    assert_int_equal(fclose(f), 0);
}

/* Runs git in dir over the file "paths"; its answer is the file "ignored". */
static void git_answers(const char *dir)
{
    char cmd[512];
    int status;

    assert_true(snprintf(cmd, sizeof cmd,
                         "cd %s && git check-ignore --no-index --stdin -z "
                         "<.git/paths >.git/ignored 2>.git/errors",
                         dir) > 0);
    status = system(cmd);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
}

static void compare_round(const char *dir, struct buf *patterns,
                          struct buf *paths, struct buf *ignored)
{
    struct pattern_set *set;
    size_t next = 0;

    buf_reset(patterns);
    buf_reset(paths);
    for (size_t n = 1 + rnd(4); n > 0; n--)
        random_pattern(patterns);
    for (size_t i = 0; i < 200; i++)
        random_path(paths);
    write_file(dir, ".gitignore", buf_bytes(patterns));
    write_file(dir, ".git/paths", buf_bytes(paths));
    git_answers(dir);
    read_file(dir, ".git/ignored", ignored);
    assert_int_equal(pattern_set_new(false, &set), 0);
    assert_int_equal(pattern_set_add_text(set, buf_bytes(patterns), "g"), 0);
    for (size_t at = 0; at < paths->n;) {
        struct bytes path = bytes_of_str((const char *)paths->p + at);
        bool theirs =
            next < ignored->n &&
            strcmp((const char *)ignored->p + next, (const char *)path.p) == 0;

        if (pattern_set_excluded(set, path, false) != theirs)
            fail_msg("git %s '%s' by:\n%.*s", theirs ? "ignores" : "keeps",
                     (const char *)path.p, (int)patterns->n,
                     (const char *)patterns->p);
        next += theirs ? path.n + 1 : 0;
        at += path.n + 1;
    }
    assert_int_equal(next, ignored->n);
    pattern_set_free(set);
}

static void test_pattern__agrees_with_git(void **state)
{
    char dir[] = "/tmp/test_pattern.XXXXXX";
    char cmd[256];
    const char *given = getenv("DEDUP_TEST_SEED");
    const char *rounds = getenv("DEDUP_TEST_ROUNDS");
    struct buf patterns;
    struct buf paths;
    struct buf ignored;

    (void)state;
    if (system("git --version >/dev/null 2>&1") != 0) {
        print_message("skipped: git is not installed\n");
        skip();
    }
    seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    print_message("DEDUP_TEST_SEED=%llu\n", (unsigned long long)seed);
    assert_non_null(mkdtemp(dir));
    assert_true(snprintf(cmd, sizeof cmd, "git init -q %s", dir) > 0);
    assert_int_equal(system(cmd), 0);
    buf_init(&patterns, 1 << 20);
    buf_init(&paths, 1 << 20);
    buf_init(&ignored, 1 << 20);
    for (long i = rounds ? atol(rounds) : 100; i > 0; i--)
        compare_round(dir, &patterns, &paths, &ignored);
    buf_release(&patterns);
    buf_release(&paths);
    buf_release(&ignored);
    assert_true(snprintf(cmd, sizeof cmd, "rm -rf %s", dir) > 0);
    assert_int_equal(system(cmd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pattern__anchors_and_depths),
        cmocka_unit_test(test_pattern__double_stars),
        cmocka_unit_test(test_pattern__classes_and_escapes),
        cmocka_unit_test(test_pattern__knows_what_can_match),
        cmocka_unit_test(test_pattern__the_last_match_wins),
        cmocka_unit_test(test_pattern__files_are_read_as_git_reads_them),
        cmocka_unit_test(test_pattern__options_are_taken_as_they_are),
        cmocka_unit_test(test_pattern__folds_case_on_demand),
        cmocka_unit_test(test_pattern__hostile_patterns_cost_little),
        cmocka_unit_test(test_pattern__matching_ends_when_its_steps_do),
        cmocka_unit_test(test_pattern__no_memory_leaves_the_set_as_it_was),
        cmocka_unit_test(test_pattern__agrees_with_git),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
