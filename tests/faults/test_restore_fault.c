/*
 * Restores, failed, cut short and killed at each file operation: an error
 * names who is to blame, nothing outside the target and nothing in the
 * repository changes, and the next restore into the same target completes it.
 * Temporary files stay only where removing them was impossible. Every k-th
 * operation; with --all each. Restores that delete what else is there, too.
 */
#include <stdio.h>
#include <string.h>

#include "base/fileop_fault.h"
#include "tests/faults/fault_kit.h"

static struct fault_kit kit;
static char target[FAULT_KIT_PATH];
static char back[2 * FAULT_KIT_PATH]; /* the tree below the target */
static char want[2 * FAULT_KIT_PATH];

static int setup(void **state)
{
    (void)state;
    fault_kit_make(&kit);
    (void)snprintf(target, sizeof target, "%s/run/target", kit.dir);
    fault_kit_back(&kit, target, back);
    fault_kit_expected(&kit, 1, want);
    assert_true(scratch_run("mkdir '%s/base/run/outside' && cd "
                            "'%s/base/run/outside' && echo x >file && "
                            "mkdir dir && ln -s file link && "
                            "cp -a . ../../outside",
                            kit.dir, kit.dir));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fault_kit_remove(&kit);
    return 0;
}

enum { ANY, REPO, TARGET };

struct row {
    const char *action;
    const char *select; /* ":ERRNO,domain=..." */
    int domain;
    bool over; /* an older version stands in the target */
    uint64_t step;
    bool mirror; /* ... with more in it, which is to be deleted */
};

struct tally {
    unsigned runs;
    unsigned failed; /* said so, or counted entries that failed */
    unsigned lost;   /* lost something of an entry's metadata, and said so */
    unsigned killed;
    unsigned left; /* temporary files */
    unsigned kept; /* files that the next restore had no need to write */
};

static void assert_blame(const struct row *row)
{
    const struct fault_report *r = kit.report;
    bool ok = r->damaged == 0;

    if (row->domain == REPO)
        ok = ok && (r->rc == 0 || r->rc == E_STORE) && r->failed == 0;
    if (row->domain == TARGET)
        ok = ok && (r->rc == 0 || r->rc == E_TARGET ||
                    (r->rc == E_NOSPACE && strstr(row->select, "ENOSPC")));
    if (!ok)
        fault_kit_wrong(&kit, "the wrong one is to blame");
}

/* What a restore left behind under temporary names, each as jail.h says. */
static unsigned count_left(void)
{
    char path[FAULT_KIT_PATH];
    char text[64];
    unsigned n = 0;

    (void)snprintf(path, sizeof path, "%s/run", kit.dir);
    assert_true(scratch_run("find '%s' -name '.dedup-*' >'%s/all' && "
                            "wc -l <'%s/all' >'%s/left'",
                            target, path, path, path));
    assert_true(
        scratch_run("! grep -qvE '/[.]dedup-[0-9a-f]{40}$' '%s/all'", path));
    (void)scratch_read(path, "left", text, sizeof text);
    assert_int_equal(sscanf(text, "%u", &n), 1);
    return n;
}

static void assert_untouched(void)
{
    char a[FAULT_KIT_PATH];
    char b[FAULT_KIT_PATH];

    (void)snprintf(a, sizeof a, "%s/base/outside", kit.dir);
    (void)snprintf(b, sizeof b, "%s/run/outside", kit.dir);
    fault_kit_same(a, b, "");
    assert_true(
        scratch_run("diff -r '%s/base/run/repo' '%s'", kit.dir, kit.repo));
}

/* The next restore, without a human. */
static void assert_completes(void)
{
    const struct fault_report *r = kit.report;

    assert_false(fault_kit_child(&kit, "", fault_kit_restore, target));
    if (r->rc < 0 || r->failed || r->damaged || r->lost)
        fault_kit_wrong(&kit, "the next restore did not complete it");
    fault_kit_same(want, back, "");
}

/*
 * The files that have their names in the target, with their inodes; but for the
 * names of the one that has several: until it has all of them, however many it
 * has, it is not the one of the snapshot, and written anew.
 */
static void list_files(const char *to)
{
    assert_true(scratch_run("cd '%s/run' && if test -d '%s'; then find '%s' "
                            "-type f ! -name one ! -name '*link' "
                            "! -name '.dedup-*' "
                            "-printf '%%i %%P\\n'; fi | LC_ALL=C sort >%s",
                            kit.dir, back, back, to));
}

/*
 * The next restore after a kill: it writes no file again that has its name, and
 * removes what the dead one left.
 */
static unsigned assert_resumes(void)
{
    char path[FAULT_KIT_PATH];
    char text[64];
    unsigned n = 0;

    list_files("had");
    assert_completes();
    list_files("has");
    assert_true(scratch_run("cd '%s/run' && test -z \"$(LC_ALL=C comm -23 had "
                            "has)\" && wc -l <had >kept",
                            kit.dir));
    assert_int_equal(count_left(), 0);
    (void)snprintf(path, sizeof path, "%s/run", kit.dir);
    (void)scratch_read(path, "kept", text, sizeof text);
    assert_int_equal(sscanf(text, "%u", &n), 1);
    return n;
}

static bool one(const struct row *row, uint64_t n, struct tally *t)
{
    char plan[96];
    unsigned left;
    bool killed;
    bool hit;

    (void)snprintf(plan, sizeof plan, "%s:%lu%s", row->action, (unsigned long)n,
                   row->select);
    fault_kit_reset(&kit);
    kit.mirror = row->mirror;
    if (row->mirror)
        assert_true(
            scratch_run("cp -a '%s/ref/0' '%s' && cd '%s' && "
                        "mkdir -p more/deep/er a/more && echo x >more/x "
                        "&& ln -s '%s/run/outside' more/deep/link && "
                        "ln '%s/run/outside/file' a/more/hard && "
                        "mkfifo more/deep/er/pipe",
                        kit.dir, target, back, kit.dir, kit.dir));
    else if (row->over)
        assert_true(scratch_run("cp -a '%s/ref/0' '%s' && cd '%s' && "
                                "rm a/b/link a/twin",
                                kit.dir, target, back));
    else
        assert_true(scratch_run("mkdir '%s'", target));
    killed = fault_kit_child(&kit, plan, fault_kit_restore, target);
    if (!killed)
        assert_blame(row);
    hit = killed || kit.report->fired > 0;
    t->runs += hit;
    t->killed += killed;
    t->failed += !killed && (kit.report->rc < 0 || kit.report->failed > 0);
    t->lost += kit.report->lost > 0;
    left = count_left();
    t->left += left;
    if (strcmp(row->action, "fail") == 0 ||
        strncmp(row->action, "short", 5) == 0)
        assert_int_equal(left, 0);
    assert_untouched();
    /* Nothing said: nothing wrong. */
    if (!killed && kit.report->rc == 0 && kit.report->failed == 0 &&
        kit.report->lost == 0)
        fault_kit_same(want, back, "");
    if (killed && !row->over)
        t->kept += assert_resumes();
    else
        assert_completes();
    return hit;
}

/* Whether some of it made the restore fail. */
static bool each(const struct row *row)
{
    uint64_t step =
        fault_kit_step(fault_kit_is_slow() ? 2 * row->step + 1 : row->step);
    struct tally t = {.runs = 0};
    uint64_t n = 1 + strlen(row->select) % step;

    while (one(row, n, &t)) {
        n += step;
        assert_true(n < 100000);
    }
    print_message("%s%s%s: %u of about %lu: %u failed, %u lost metadata, "
                  "%u killed, %u temporary files, %u files kept\n",
                  row->action, row->select, row->over ? " (over)" : "", t.runs,
                  (unsigned long)n, t.failed, t.lost, t.killed, t.left, t.kept);
    assert_true(t.runs > 0);
    if (strncmp(row->action, "short", 5) == 0)
        assert_int_equal(t.failed + t.lost, 0);
    if (t.killed > 0 && !row->over)
        assert_true(t.kept > 0);
    return t.failed + t.killed > 0;
}

/* A few operations of one row may all be such that the restore goes on. */
static void all(const struct row *row, size_t n)
{
    bool any = false;

    for (size_t i = 0; i < n; i++)
        any = each(&row[i]) || any;
    assert_true(any);
}

static void test_restore_fault__repository(void **state)
{
    static const struct row row[] = {
        {"fail", ":EIO,domain=repo", REPO, false, 7, false},
        {"fail-from", ":EIO,domain=repo", REPO, true, 11, false},
        {"lose", ":EIO,domain=repo", REPO, false, 13, false},
        {"short", ",domain=repo", REPO, false, 5, false},
    };

    (void)state;
    all(row, sizeof row / sizeof row[0]);
}

static void test_restore_fault__target(void **state)
{
    static const struct row row[] = {
        {"fail", ":EIO,domain=target", TARGET, false, 97, false},
        {"fail", ":EIO,domain=target", TARGET, true, 101, false},
        {"fail", ":ENOSPC,domain=target,class=open+write+name", TARGET, false,
         41, false},
        {"fail-from", ":ENOSPC,domain=target,class=open+write+name", TARGET,
         true, 61, false},
        {"fail-from", ":EIO,domain=target", TARGET, false, 151, false},
        {"fail-from", ":EROFS,domain=target,class=name+write+meta", TARGET,
         true, 149, false},
        {"lose", ":EIO,domain=target", TARGET, false, 113, false},
        {"lose", ":EIO,domain=target", TARGET, true, 127, false},
        {"short", ",domain=target", TARGET, false, 17, false},
        {"short-from", ",domain=target", TARGET, true, 30, false},
    };

    (void)state;
    all(row, sizeof row / sizeof row[0]);
}

static void test_restore_fault__killed(void **state)
{
    static const struct row row[] = {
        {"kill", "", ANY, false, 97, false},
        {"kill-after", "", ANY, true, 103, false},
        {"kill-after", ",domain=target,class=name+write", TARGET, false, 41,
         false},
    };

    (void)state;
    all(row, sizeof row / sizeof row[0]);
}

/* What else is there goes in the end, and nothing goes in its stead. */
static void test_restore_fault__deleting(void **state)
{
    static const struct row row[] = {
        {"fail", ":EIO,domain=target", TARGET, true, 29, true},
        {"fail", ":EIO,domain=target,class=name", TARGET, true, 1, true},
        {"fail-from", ":EROFS,domain=target,class=name+write+meta", TARGET,
         true, 41, true},
        {"lose", ":EIO,domain=target", TARGET, true, 61, true},
        {"short", ",domain=target", TARGET, true, 19, true},
        {"kill-after", ",domain=target", ANY, true, 67, true},
        {"kill", ",domain=target,class=name", ANY, true, 1, true},
    };

    (void)state;
    all(row, sizeof row / sizeof row[0]);
    kit.mirror = false;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restore_fault__repository),
        cmocka_unit_test(test_restore_fault__target),
        cmocka_unit_test(test_restore_fault__killed),
        cmocka_unit_test(test_restore_fault__deleting),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
