#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/job/restore_extra.h"
#include "tests/job/job_fixture.h"

/* The names in text, each a letter. */
static struct restore_extra names(const char *text)
{
    struct restore_extra x = {.end = 0};
    size_t n = strlen(text);

    x.names.name = mem_alloc((n + 1) * sizeof *x.names.name);
    assert_non_null(x.names.name);
    buf_init(&x.names.text, 2 * n + 1);
    for (size_t i = 0; i < n; i++)
        buf_add(&x.names.text, (const char[]){text[i], 0}, 2);
    assert_int_equal(buf_status(&x.names.text), 0);
    for (; x.names.n < n; x.names.n++)
        x.names.name[x.names.n] = (const char *)x.names.text.p + 2 * x.names.n;
    return x;
}

static void pass(struct restore_extra *x, const char *text)
{
    for (; *text; text++)
        restore_extra_pass(x, bytes_of(text, 1));
}

static void assert_rest(struct restore_extra *x, const char *want)
{
    const char *name;
    char got[16] = "";

    while ((name = restore_extra_next(x)) != NULL)
        (void)strcat(got, name);
    assert_string_equal(got, want);
    restore_extra_release(x);
}

static void test_restore_extra__what_did_not_pass(void **state)
{
    static const struct {
        const char *there, *stored, *extra;
    } row[] = {
        {"", "", ""},         {"abc", "", "abc"},   {"", "abc", ""},
        {"abc", "abc", ""},   {"bd", "abcde", ""},  {"abcde", "bd", "ace"},
        {"ab", "cd", "ab"},   {"cd", "ab", "cd"},   {"acf", "bce", "af"},
        {"abcd", "d", "abc"}, {"abcd", "a", "bcd"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct restore_extra x = names(row[i].there);

        pass(&x, row[i].stored);
        restore_extra_end(&x);
        assert_rest(&x, row[i].extra);
    }
}

/* A list that breaks off tells of nothing that it is gone. */
static void test_restore_extra__nothing_of_a_damaged_directory(void **state)
{
    struct restore_extra x = names("abcde");

    (void)state;
    pass(&x, "bc");
    restore_extra_drop(&x);
    restore_extra_end(&x);
    assert_rest(&x, "");
}

/* In a restore: of a tree whose pages are damaged nothing is deleted. */
static void test_restore_extra__a_damaged_snapshot_deletes_nothing(void **state)
{
    const struct bytes all[] = {bytes_of_str("/")};
    const struct restore_delete d = {.root = all, .root_n = 1};
    struct restore_job_options o = {.threads = 2, .mirror = &d};
    struct job_fixture f;
    struct job_restore r;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    s = job_fixture_snap(&f);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    assert_true(
        scratch_run("cd %s && echo mine >mine && cp -a . ../before", f.out));
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_true(
        scratch_run("cd %s && ! test -e mine && echo mine >mine", f.out));
    {
        struct job_entry e;

        assert_true(job_fixture_find(&f, &s.result.id, "", &e));
        o.start = &e.te;
        o.start_path = bytes_of_str(f.src + 1);
        job_fixture_damage(&f, PACK_META);
        job_fixture_reopen(&f, true);
        r = job_fixture_restore(&f, &s.result.id, f.out, &o);
        job_fixture_drop(&e);
    }
    assert_true(r.damaged > 0);
    assert_true(scratch_run("cd %s && diff -r . ../before", f.out));
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restore_extra__what_did_not_pass),
        cmocka_unit_test(test_restore_extra__nothing_of_a_damaged_directory),
        cmocka_unit_test(
            test_restore_extra__a_damaged_snapshot_deletes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
