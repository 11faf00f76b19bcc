#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fileop_fault.h"
#include "base/mem.h"
#include "tests/source/transcript.h"
#include "tests/support/scratch.h"

static int tree(void **state)
{
    char *dir = calloc(1, SCRATCH_PATH);

    assert_non_null(dir);
    scratch_make(dir);
    *state = dir;
    scratch_dir(dir, "a");
    scratch_text(dir, "a/big", "0123456789");
    scratch_text(dir, "a/x.o", "x");
    scratch_dir(dir, "a/sub");
    scratch_text(dir, "a/sub/x.o", "x");
    scratch_text(dir, "a/sub/y.c", "y");
    return 0;
}

static int gone(void **state)
{
    scratch_remove(*state);
    free(*state);
    return 0;
}

static void test_walk_rules__ignore_files_count_from_where_they_stand(
    void **state)
{
    const char *dir = *state;
    struct walk_options o = {.ignore_files = true};

    scratch_text(dir, "a/.dedupignore", "# objects\n*.o\n/sub/y.c\n");
    transcript_expect(dir, "a", &o,
                      ">p \n> a\na/.dedupignore\na/big\n> a/sub\n< a/sub\n"
                      "< a\n< \n");
    /* the nearest one that says something decides */
    scratch_text(dir, "a/sub/.dedupignore", "!x.o\n");
    transcript_expect(dir, "a", &o,
                      ">p \n> a\na/.dedupignore\na/big\n> a/sub\n"
                      "a/sub/.dedupignore\na/sub/x.o\n< a/sub\n< a\n< \n");
    /* "/y.c" is not a/y.c for the one above */
    scratch_text(dir, "a/.dedupignore", "/x.o\n");
    transcript_expect(dir, "a", &o,
                      ">p \n> a\na/.dedupignore\na/big\n> a/sub\n"
                      "a/sub/.dedupignore\na/sub/x.o\na/sub/y.c\n< a/sub\n"
                      "< a\n< \n");
    /* a directory that is left out is not looked into */
    scratch_text(dir, "a/.dedupignore", "sub/\n");
    transcript_expect(dir, "a", &o,
                      ">p \n> a\na/.dedupignore\na/big\na/x.o\n< a\n< \n");
    /* a root is never left out */
    transcript_expect(dir, "a a/sub/y.c", &o,
                      ">p \n> a\na/.dedupignore\na/big\n>p a/sub\na/sub/y.c\n"
                      "< a/sub\na/x.o\n< a\n< \n");
    /* and they count only where asked for */
    o.ignore_files = false;
    transcript_expect(dir, "a/sub", &o,
                      ">p \n>p a\n> a/sub\na/sub/.dedupignore\na/sub/x.o\n"
                      "a/sub/y.c\n< a/sub\n< a\n< \n");
}

/* Who runs the backup has the first word, either way. */
static void test_walk_rules__patterns_come_before_ignore_files(void **state)
{
    const char *dir = *state;
    struct walk_options o = {.ignore_files = true};
    struct pattern_set *set = NULL;

    assert_int_equal(pattern_set_new(false, &set), 0);
    assert_int_equal(pattern_set_add(set, bytes_of_str("*.o")), 0);
    assert_int_equal(pattern_set_add(set, bytes_of_str("!big")), 0);
    o.patterns = set;
    scratch_text(dir, "a/.dedupignore", "!*.o\nbig\ny.c\n");
    transcript_expect(dir, "a", &o,
                      ">p \n> a\na/.dedupignore\na/big\n> a/sub\n< a/sub\n"
                      "< a\n< \n");
    pattern_set_free(set);
}

static void test_walk_rules__what_cannot_be_heeded_is_told(void **state)
{
    const char *dir = *state;
    struct walk_options o = {.ignore_files = true};
    char *line = malloc(PATTERN_BYTES_MAX + 3);
    char path[SCRATCH_PATH + 32];

    assert_non_null(line);
    memset(line, 'x', PATTERN_BYTES_MAX + 1);
    memcpy(line + PATTERN_BYTES_MAX + 1, "\n", 2);
    scratch_text(dir, "a/sub/.dedupignore", line);
    transcript_expect(dir, "a/sub", &o,
                      ">p \n>p a\n> a/sub\n?bad a/sub\na/sub/.dedupignore\n"
                      "a/sub/x.o\na/sub/y.c\n< a/sub\n< a\n< \n");
    free(line);
    /* a link would lead out of what is backed up, a pipe would hang */
    assert_true(snprintf(path, sizeof path, "%s/a/sub/.dedupignore", dir) > 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    transcript_expect(dir, "a/sub", &o,
                      ">p \n>p a\n> a/sub\n?bad a/sub\n"
                      "a/sub/.dedupignore -> /etc/passwd\n"
                      "a/sub/x.o\na/sub/y.c\n< a/sub\n< a\n< \n");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    transcript_expect(dir, "a/sub", &o,
                      ">p \n>p a\n> a/sub\n?bad a/sub\na/sub/.dedupignore\n"
                      "a/sub/x.o\na/sub/y.c\n< a/sub\n< a\n< \n");
    /* longer than any list of patterns */
    assert_int_equal(unlink(path), 0);
    scratch_text(dir, "a/sub/.dedupignore", "*.o\n");
    assert_int_equal(truncate(path, IGNORE_BYTES_MAX + 1), 0);
    transcript_expect(dir, "a/sub", &o,
                      ">p \n>p a\n> a/sub\n?bad a/sub\na/sub/.dedupignore\n"
                      "a/sub/x.o\na/sub/y.c\n< a/sub\n< a\n< \n");
}

/* Nobody could tell later what they left out. */
static void test_walk_rules__files_with_rules_are_kept(void **state)
{
    const char *dir = *state;
    struct walk_marker m = {bytes_of_str(".nobackup"), bytes_of(NULL, 0)};
    struct pattern_set *patterns;
    struct walk_options o = {
        .marker = &m, .marker_n = 1, .larger = 1, .ignore_files = true};

    assert_int_equal(pattern_set_new(false, &patterns), 0);
    assert_int_equal(pattern_set_add(patterns, bytes_of_str(".*")), 0);
    o.patterns = patterns;
    scratch_text(dir, "a/.dedupignore", "*\n.dedupignore\n!sub\n");
    scratch_text(dir, "a/.hidden", "x");
    scratch_text(dir, "a/sub/.nobackup", "long");
    transcript_expect(dir, "a", &o,
                      ">p \n> a\na/.dedupignore\n> a/sub\n"
                      "a/sub/.nobackup\n< a/sub\n< a\n< \n");
    /* one that nobody heeds is a file like others */
    o.ignore_files = false;
    o.marker_n = 0;
    transcript_expect(dir, "a", &o,
                      ">p \n> a\n> a/sub\na/sub/x.o\na/sub/y.c\n< a/sub\n"
                      "a/x.o\n< a\n< \n");
    pattern_set_free(patterns);
}

/* A file of n times the line, below dir. */
static void lines(const char *dir, const char *name, const char *line, size_t n)
{
    size_t each = strlen(line);
    char *text = malloc(n * each + 1);

    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * each, line, each);
    text[n * each] = 0;
    scratch_text(dir, name, text);
    free(text);
}

/* Whoever may write there must not make the backup of all others slow. */
static void test_walk_rules__too_many_patterns_are_not_heeded(void **state)
{
    static const char *const heeded =
        ">p \n> a\na/.dedupignore\na/big\n> a/sub\na/sub/y.c\n< a/sub\n"
        "< a\n< \n";
    static const char *const not_heeded =
        ">p \n> a\n?bad a\na/.dedupignore\na/big\n> a/sub\na/sub/x.o\n"
        "a/sub/y.c\n< a/sub\na/x.o\n< a\n< \n";
    const char *dir = *state;
    struct walk_options o = {.ignore_files = true};

    lines(dir, "a/.dedupignore", "*.o\n", IGNORE_PATTERNS_MAX);
    transcript_expect(dir, "a", &o, heeded);
    lines(dir, "a/.dedupignore", "*.o\n", IGNORE_PATTERNS_MAX + 1);
    transcript_expect(dir, "a", &o, not_heeded);
    /* in bytes; comments count too, they have to be read */
    lines(dir, "a/.dedupignore", "*.o\n#..........................\n",
          IGNORE_BYTES_MAX / 32 / 4);
    transcript_expect(dir, "a", &o, heeded);
    lines(dir, "a/.dedupignore",
          "*.o\n#.............................................................."
          "............................................................\n",
          IGNORE_BYTES_MAX / 128 + 1);
    transcript_expect(dir, "a", &o, not_heeded);
}

/* ?bad lines of a walk over a/, which holds a chain of n directories d/d/d,
 * each with so many lines. */
static size_t chain_bad(const char *dir, size_t n, const char *line, size_t per)
{
    struct walk_options o = {.ignore_files = true};
    struct transcript *t = calloc(1, sizeof *t);
    char at[SCRATCH_PATH] = "a";
    char name[SCRATCH_PATH + 16];
    size_t bad = 0;

    assert_non_null(t);
    for (size_t i = 0; i < n; i++) {
        size_t end = strlen(at);

        assert_true(snprintf(at + end, sizeof at - end, "/d") > 0);
        assert_true(scratch_run("mkdir -p %s/%s", dir, at));
        assert_true(snprintf(name, sizeof name, "%s/.dedupignore", at) > 0);
        lines(dir, name, line, per);
    }
    transcript_words(dir, "a", &o, t);
    assert_int_equal(t->rc, 0);
    for (const char *p = t->text; (p = strstr(p, "?bad")); p++)
        bad++;
    free(t);
    return bad;
}

static void test_walk_rules__those_above_count_too(void **state)
{
    const char *dir = *state;
    const size_t most = IGNORE_HELD_PATTERNS_MAX / IGNORE_PATTERNS_MAX;

    assert_int_equal(chain_bad(dir, most, "x\n", IGNORE_PATTERNS_MAX), 0);
    /* what lies beside the chain has the room again; it is walked after it */
    scratch_dir(dir, "a/e");
    lines(dir, "a/e/.dedupignore", "x\n", IGNORE_PATTERNS_MAX);
    scratch_dir(dir, "a/d/d/d/d/d");
    lines(dir, "a/d/d/d/d/d/.dedupignore", "x\n", 1);
    assert_int_equal(chain_bad(dir, most, "x\n", IGNORE_PATTERNS_MAX), 1);
}

static void test_walk_rules__so_do_their_bytes(void **state)
{
    const char *dir = *state;
    const size_t most = IGNORE_HELD_BYTES_MAX / IGNORE_BYTES_MAX;
    char line[129];

    memset(line, 'x', 127);
    memcpy(line + 127, "\n", 2);
    assert_int_equal(chain_bad(dir, most, line, (size_t)IGNORE_BYTES_MAX / 128),
                     0);
    scratch_dir(dir, "a/d/d/d/d/d");
    lines(dir, "a/d/d/d/d/d/.dedupignore", "x\n", 1);
    assert_int_equal(chain_bad(dir, most, line, (size_t)IGNORE_BYTES_MAX / 128),
                     1);
}

static struct walk_counts counts_of(const char *dir, const char *const *roots,
                                    size_t n, const struct walk_options *o)
{
    char path[2][SCRATCH_PATH + 16];
    struct bytes root[2];
    struct walk_item item;
    struct walk_counts counts;
    struct walk *w;

    for (size_t i = 0; i < n; i++) {
        assert_true(snprintf(path[i], sizeof path[i], "%s/%s", dir, roots[i]) >
                    0);
        root[i] = bytes_of_str(path[i]);
    }
    assert_int_equal(walk_new(root, n, o, &w), 0);
    do
        assert_int_equal(walk_next(w, &item), 0);
    while (item.kind != WALK_END);
    counts = walk_count(w);
    walk_free(w);
    return counts;
}

static void test_walk_rules__counts_who_left_out_what(void **state)
{
    static const char *const roots[] = {"a", "a/sub/y.c"};
    const char *dir = *state;
    struct walk_options o = {.ignore_files = true, .larger = 9};
    struct walk_counts counts;

    scratch_text(dir, "a/.dedupignore", "*.o\n");
    counts = counts_of(dir, roots, 1, &o);
    assert_int_equal(counts.excluded, 3);
    assert_int_equal(counts.ignored, 2);
    /* what leads to a root is not left out */
    scratch_text(dir, "a/.dedupignore", "sub\n");
    counts = counts_of(dir, roots, 2, &o);
    assert_int_equal(counts.excluded, 1);
    assert_int_equal(counts.ignored, 0);
    counts = counts_of(dir, roots, 1, &o);
    assert_int_equal(counts.excluded, 2);
    assert_int_equal(counts.ignored, 1);
}

/* Few patterns can cost as much as many. */
static void test_walk_rules__costly_patterns_are_dropped_once(void **state)
{
    const char *dir = *state;
    struct walk_options o = {.ignore_files = true};
    char line[256] = "", name[300], want[800];

    /* fifty of these against 200 times 'a' are a million steps */
    for (size_t i = 0; i < 50; i++)
        memcpy(line + 2 * i, "*a", 3);
    memcpy(line + 100, "[bc]*\n", 7);
    lines(dir, "a/.dedupignore", line, 500);
    assert_true(snprintf(name, sizeof name, "a/sub/%0200d", 0) > 0);
    memset(name + 6, 'a', 200);
    scratch_text(dir, name, "");
    scratch_text(dir, "a/sub/.dedupignore", "*.o\n");
    assert_true(snprintf(want, sizeof want,
                         ">p \n> a\na/.dedupignore\na/big\n> a/sub\n"
                         "a/sub/.dedupignore\n?bad a\n%s\na/sub/y.c\n"
                         "< a/sub\na/x.o\n< a\n< \n",
                         name) > 0);
    transcript_expect(dir, "a", &o, want);
}

/* A directory in which all is left out yields nothing for a long time. */
static void test_walk_rules__a_stop_is_heeded_at_each_name(void **state)
{
    const char *dir = *state;
    struct cancel cancel = {0};
    struct walk_options o = {.ignore_files = true, .cancel = &cancel};
    struct transcript *t = calloc(1, sizeof *t);
    char path[SCRATCH_PATH + 8];
    struct walk_item item;
    struct bytes root;
    struct walk *w;

    assert_non_null(t);
    assert_true(snprintf(path, sizeof path, "%s/a", dir) > 0);
    root = bytes_of_str(path);
    assert_int_equal(walk_new(&root, 1, &o, &w), 0);
    do
        assert_int_equal(walk_next(w, &item), 0);
    while (item.path_only);
    cancel_request(&cancel, 15);
    assert_int_equal(walk_next(w, &item), E_CANCELED);
    assert_int_equal(walk_next(w, &item), E_CANCELED);
    /* and nothing is lost by it */
    cancel = (struct cancel){0};
    transcript_of(w, dir, t);
    assert_string_equal(t->text,
                        "a/big\n> a/sub\na/sub/x.o\na/sub/y.c\n< a/sub\n"
                        "a/x.o\n< a\n< \n");
    walk_free(w);
    free(t);
}

static void test_walk_rules__markers_leave_themselves(void **state)
{
    static const char tag[] = "Signature: 8a477f597d28d172789f06886806bc55";
    const char *dir = *state;
    struct walk_marker m[] = {{bytes_of_str("CACHEDIR.TAG"), bytes_of_str(tag)},
                              {bytes_of_str(".nobackup"), bytes_of(NULL, 0)}};
    struct walk_options o = {.marker = m, .marker_n = 2};
    char path[SCRATCH_PATH + 32];

    scratch_text(dir, "a/sub/.nobackup", "");
    transcript_expect(dir, "a", &o,
                      ">p \n> a\na/big\n> a/sub\na/sub/.nobackup\n< a/sub\n"
                      "a/x.o\n< a\n< \n");
    /* the header counts, where there is one */
    assert_true(snprintf(path, sizeof path, "%s/a/sub/.nobackup", dir) > 0);
    assert_int_equal(unlink(path), 0);
    scratch_text(dir, "a/sub/CACHEDIR.TAG", "Signature: 8a477f597d28d172");
    transcript_expect(dir, "a", &o,
                      ">p \n> a\na/big\n> a/sub\na/sub/CACHEDIR.TAG\n"
                      "a/sub/x.o\na/sub/y.c\n< a/sub\na/x.o\n< a\n< \n");
    scratch_text(dir, "a/sub/CACHEDIR.TAG",
                 "Signature: 8a477f597d28d172789f06886806bc55\n# cache\n");
    transcript_expect(dir, "a", &o,
                      ">p \n> a\na/big\n> a/sub\na/sub/CACHEDIR.TAG\n"
                      "< a/sub\na/x.o\n< a\n< \n");
    /* a root is never left out, nor what leads to one */
    transcript_expect(dir, "a/sub", &o,
                      ">p \n>p a\n> a/sub\na/sub/CACHEDIR.TAG\na/sub/x.o\n"
                      "a/sub/y.c\n< a/sub\n< a\n< \n");
    transcript_expect(dir, "a a/sub/y.c", &o,
                      ">p \n> a\na/big\n> a/sub\na/sub/CACHEDIR.TAG\n"
                      "a/sub/y.c\n< a/sub\na/x.o\n< a\n< \n");
    /* a link of that name marks nothing */
    assert_true(snprintf(path, sizeof path, "%s/a/sub/.nobackup", dir) > 0);
    assert_int_equal(symlink("x.o", path), 0);
    assert_true(snprintf(path, sizeof path, "%s/a/sub/CACHEDIR.TAG", dir) > 0);
    assert_int_equal(unlink(path), 0);
    transcript_expect(dir, "a/sub a", &o,
                      ">p \n> a\na/big\n> a/sub\na/sub/.nobackup -> x.o\n"
                      "a/sub/x.o\na/sub/y.c\n< a/sub\na/x.o\n< a\n< \n");
}

static void test_walk_rules__large_files(void **state)
{
    const char *dir = *state;
    struct walk_options o = {.larger = 9};

    transcript_expect(dir, "a", &o,
                      ">p \n> a\n> a/sub\na/sub/x.o\na/sub/y.c\n< a/sub\n"
                      "a/x.o\n< a\n< \n");
    o.larger = 10;
    transcript_expect(dir, "a/big a/sub/x.o", &o,
                      ">p \n>p a\na/big\n>p a/sub\na/sub/x.o\n< a/sub\n< a\n"
                      "< \n");
    /* named, it is a root */
    o.larger = 1;
    transcript_expect(dir, "a/big", &o, ">p \n>p a\na/big\n< a\n< \n");
}

/* Whatever fails, what is left out was told to be, and nothing else is. */
static void test_walk_rules__every_failure(void **state)
{
    const char *dir = *state;
    struct walk_marker m = {bytes_of_str(".nobackup"), bytes_of_str("x")};
    struct walk_options o = {.marker = &m, .marker_n = 1, .ignore_files = true};
    struct transcript *t = calloc(1, sizeof *t);
    uint64_t n, before;
    char plan[64];

    assert_non_null(t);
    scratch_text(dir, "a/.dedupignore", "*.o\n");
    scratch_text(dir, "a/sub/.nobackup", "x");
    before = mem_count();
    transcript_words(dir, "a", &o, t);
    n = mem_count() - before;
    for (uint64_t i = 1; i <= n; i++) {
        mem_fail_after(i, 0);
        transcript_words(dir, "a", &o, t);
        mem_fail_after(0, 0);
        assert_true(t->rc == 0 || t->rc == E_NOMEM);
    }
    assert_int_equal(fileop_fault_set("count,domain=source"), 0);
    transcript_words(dir, "a", &o, t);
    n = fileop_fault_count();
    for (uint64_t i = 1; i <= n; i++) {
        assert_true(snprintf(plan, sizeof plan, "fail:%llu:EIO,domain=source",
                             (unsigned long long)i) > 0);
        assert_int_equal(fileop_fault_set(plan), 0);
        transcript_words(dir, "a", &o, t);
        assert_int_equal(fileop_fault_set(NULL), 0);
        /* what was not heeded is told */
        if (t->rc == 0 && strstr(t->text, "\na/x.o\n") &&
            !strstr(t->text, "?bad a\n"))
            fail_msg("%s: %s", plan, t->text);
    }
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_walk_rules__ignore_files_count_from_where_they_stand, tree,
            gone),
        cmocka_unit_test_setup_teardown(
            test_walk_rules__patterns_come_before_ignore_files, tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk_rules__what_cannot_be_heeded_is_told, tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk_rules__files_with_rules_are_kept, tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk_rules__too_many_patterns_are_not_heeded, tree, gone),
        cmocka_unit_test_setup_teardown(test_walk_rules__those_above_count_too,
                                        tree, gone),
        cmocka_unit_test_setup_teardown(test_walk_rules__so_do_their_bytes,
                                        tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk_rules__counts_who_left_out_what, tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk_rules__costly_patterns_are_dropped_once, tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk_rules__a_stop_is_heeded_at_each_name, tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk_rules__markers_leave_themselves, tree, gone),
        cmocka_unit_test_setup_teardown(test_walk_rules__large_files, tree,
                                        gone),
        cmocka_unit_test_setup_teardown(test_walk_rules__every_failure, tree,
                                        gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
