/* Restores that keep what they take away, with several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/job/job_fixture.h"
#include "tests/support/oddtree.h"

static char safe[2 * JOB_PATH]; /* the copy */
static char was[2 * JOB_PATH];  /* what the target is like at first */

/* The stored tree, with other content in every file, and more. */
static void spoil(struct job_fixture *f, const struct job_snap *s,
                  const char *to)
{
    struct job_restore r = job_fixture_restore(f, &s->result.id, to, NULL);

    assert_int_equal(r.rc, 0);
    assert_int_equal(r.failed + r.damaged, 0);
    assert_true(scratch_run(
        "cd '%s' && mkdir -p more/below && "
        "for n in 1 2 3 4 5 6 7 8 9; do echo $n >more/below/$n; done && "
        "ln more/below/1 more/link && "
        "find . -type f -size -1000k -execdir sh -c 'for f; do "
        "case $f in *immutable* | *append*) continue ;; esac; "
        "echo other >>\"$f\"; touch -d 2002-02-02 \"$f\"; done' - {} + && "
        "touch -d 2001-02-03 more/below more .",
        to));
}

/* The odd tree is stored; another one stands in the target. */
static struct job_snap make(struct job_fixture *f)
{
    FILE *skips = tmpfile();
    struct job_snap s;

    job_fixture_open(f);
    (void)snprintf(safe, sizeof safe, "%s.safe", f->out);
    (void)snprintf(was, sizeof was, "%s.was", f->out);
    assert_non_null(skips);
    assert_true(oddtree_make(f->src, skips));
    (void)fclose(skips);
    s = job_fixture_snap(f);
    spoil(f, &s, f->out);
    spoil(f, &s, was);
    assert_true(job_fixture_same(was, f->out));
    return s;
}

static void unmake(struct job_fixture *f)
{
    scratch_remove(was);
    scratch_remove(safe);
    scratch_remove(f->out);
    job_fixture_close(f);
}

static void stuck(void *ctx, struct bytes path, const char *why)
{
    (void)ctx;
    fail_msg("%.*s: %s", (int)path.n, (const char *)path.p, why);
}

/* What a restore that went well has kept is all that was there. */
static void test_restore_safety__there_and_back(void **state)
{
    const struct bytes root = bytes_of_str("/");
    const struct restore_delete mirror = {.root = &root, .root_n = 1};
    struct restore_job_options o = {
        .threads = 7, .keep_whole = true, .mirror = &mirror};
    struct job_fixture f;
    struct job_snap s = make(&f);
    struct jail_safety *copy;
    struct job_restore r;

    (void)state;
    assert_int_equal(jail_safety_open(safe, f.out, &copy), 0);
    assert_int_equal(jail_safety_at(copy, "", &o.safety), 0);
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.failed + r.damaged, 0);
    assert_int_equal(jail_safety_settle(copy), 0);
    assert_true(scratch_run("touch -r '%s' '%s'", f.src, f.out));
    assert_true(job_fixture_same(f.src, f.out));

    assert_int_equal(jail_safety_back(copy, stuck, NULL), 0);
    assert_int_equal(atomic_load(&jail_safety_progress(copy)->kept),
                     atomic_load(&jail_safety_progress(copy)->back));
    jail_safety_tidy(copy);
    jail_safety_free(copy);
    assert_int_not_equal(access(safe, F_OK), 0);
    assert_true(scratch_run("touch -r '%s' '%s'", was, f.out));
    assert_true(job_fixture_same(was, f.out));
    unmake(&f);
}

static void count(void *ctx, struct bytes path, const char *why)
{
    assert_true(bytes_equal(path, bytes_of_str("theirs")));
    assert_true(*why != 0);
    (*(unsigned *)ctx)++;
}

/* What cannot be kept is not replaced: something has its name in the copy. */
static void test_restore_safety__a_name_that_is_taken(void **state)
{
    struct restore_job_options o = {.threads = 2, .keep_whole = true};
    struct job_fixture f;
    struct job_snap s;
    struct jail_safety *copy;
    struct job_restore r;
    unsigned told = 0;

    (void)state;
    job_fixture_open(&f);
    (void)snprintf(safe, sizeof safe, "%s.safe", f.out);
    assert_true(scratch_run("cd '%s' && echo a >free && echo b >taken", f.src));
    s = job_fixture_snap(&f);
    assert_true(scratch_run(
        "mkdir '%s' && cd '%s' && echo old >free && echo old >taken", f.out,
        f.out));
    assert_int_equal(jail_safety_open(safe, f.out, &copy), 0);
    assert_int_equal(jail_safety_at(copy, "", &o.safety), 0);
    assert_true(scratch_run("cd '%s' && echo mine >taken && mkdir theirs && "
                            "echo theirs >theirs/x",
                            safe));
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.failed, 1);
    assert_int_equal(atomic_load(&jail_safety_progress(copy)->kept), 1);
    assert_true(scratch_run("test \"$(cat '%s/taken' '%s/free' '%s/taken' "
                            "'%s/free')\" = \"$(printf "
                            "'mine\\nold\\nold\\na\\n')\"",
                            safe, safe, f.out, f.out));
    /* what others put there does not come back, and is told */
    assert_int_equal(jail_safety_back(copy, count, &told), 0);
    assert_int_equal(told, 1);
    assert_true(scratch_run("test -f '%s/theirs/x' && test ! -e '%s/theirs'",
                            safe, f.out));
    jail_safety_free(copy);
    scratch_remove(safe);
    scratch_remove(f.out);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restore_safety__there_and_back),
        cmocka_unit_test(test_restore_safety__a_name_that_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
