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
            test_walk_rules__markers_leave_themselves, tree, gone),
        cmocka_unit_test_setup_teardown(test_walk_rules__large_files, tree,
                                        gone),
        cmocka_unit_test_setup_teardown(test_walk_rules__every_failure, tree,
                                        gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
