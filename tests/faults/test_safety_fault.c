/*
 * Restores with a safety copy, failed, cut short and killed at each file
 * operation, also of the way back: what stood in the target is complete in the
 * target or in the copy, whenever it ends; after a failure it is in the target,
 * unless that, too, failed, and said so. With the copy on the same file system
 * and on another. Every k-th operation; with --all each.
 */
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileop_fault.h"
#include "source/jail_safety.h"
#include "tests/faults/fault_kit.h"

static struct fault_kit kit;
static char target[FAULT_KIT_PATH];
static char back[2 * FAULT_KIT_PATH]; /* the tree below the target */
static char want[2 * FAULT_KIT_PATH];
static char was[FAULT_KIT_PATH];  /* what the target is like before */
static char near[FAULT_KIT_PATH]; /* a copy on the same file system */
static char far[FAULT_KIT_PATH];  /* on another; empty: there is none */
static const char *safe;          /* of the two */

/* What stood in a target: of all kinds, and everything in the way. */
static void make_was(void)
{
    assert_true(scratch_run(
        "cp -a '%s/ref/0' '%s' && cd '%s%s' && mkdir -p more/deep/er a/more && "
        "echo x >more/x && ln -s nowhere more/deep/link && "
        "ln more/x a/more/hard && mkfifo more/deep/er/pipe && "
        "rm names/file-3 && mkdir names/file-3 && chmod 600 names/file-4 && "
        "chmod 711 names && touch -d '2002-02-02 02:02:02.2' names/file-3 "
        "more/deep/er && ln -sfn elsewhere a/to-large && rm a/b/link a/twin",
        kit.dir, was, was, back + strlen(target)));
}

static void make_far(void)
{
    far[0] = 0;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return;
    (void)snprintf(far, sizeof far, "%s/far", kit.dir);
    if (mkdir(far, 0700) != 0 || mount("far", far, "tmpfs", 0, NULL) != 0) {
        far[0] = 0;
        return;
    }
    (void)snprintf(far, sizeof far, "%s/far/safe", kit.dir);
}

static int setup(void **state)
{
    (void)state;
    fault_kit_make(&kit);
    kit.mirror = true;
    (void)snprintf(target, sizeof target, "%s/run/target", kit.dir);
    (void)snprintf(was, sizeof was, "%s/was", kit.dir);
    (void)snprintf(near, sizeof near, "%s/run/safe", kit.dir);
    fault_kit_back(&kit, target, back);
    fault_kit_expected(&kit, 1, want);
    make_was();
    make_far();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (far[0])
        assert_true(scratch_run("umount '%s/far'", kit.dir));
    fault_kit_remove(&kit);
    return 0;
}

/* ---- one run ------------------------------------------------------------ */

static void count_stuck(void *ctx, struct bytes path, const char *why)
{
    (void)path;
    (void)why;
    (*(unsigned *)ctx)++;
}

/* As the command does it. rc of what cannot come back wins. */
static void restore_safely(struct fault_kit *k, void *ctx)
{
    struct jail_safety *copy = NULL;
    unsigned stuck = 0;
    int rc = jail_safety_open(safe, target, &copy);

    if (rc == 0)
        rc = jail_safety_at(copy, "", &k->safety);
    if (rc == 0) {
        fault_kit_restore(k, ctx);
        rc = k->report->rc;
    }
    if (rc == 0)
        rc = jail_safety_settle(copy);
    if (rc < 0 && copy) {
        int r = jail_safety_back(copy, count_stuck, &stuck);

        k->report->kept = stuck + (r < 0);
    }
    if (copy)
        jail_safety_tidy(copy);
    jail_safety_free(copy);
    k->report->rc = rc;
}

/* Whether what stood at path is at to/path; its text where that counts. */
static bool stands_at(const char *path, const struct stat *st, const char *to)
{
    char now[3 * FAULT_KIT_PATH];
    struct stat have;

    (void)snprintf(now, sizeof now, "%s%s", to, path + strlen(was));
    if (lstat(now, &have) != 0 ||
        ((have.st_mode ^ st->st_mode) & S_IFMT) != 0 ||
        have.st_mode != st->st_mode || have.st_uid != st->st_uid ||
        have.st_gid != st->st_gid || have.st_size != st->st_size ||
        have.st_mtim.tv_sec != st->st_mtim.tv_sec ||
        have.st_mtim.tv_nsec != st->st_mtim.tv_nsec)
        return false;
    if (S_ISREG(st->st_mode))
        return scratch_run("cmp -s \"$(printf '%%b' '%s')\" "
                           "\"$(printf '%%b' '%s')\"",
                           path, now);
    if (S_ISLNK(st->st_mode))
        return scratch_run("test \"$(readlink '%s')\" = \"$(readlink '%s')\"",
                           path, now);
    return true;
}

static int is_whole(const char *path, const struct stat *st, int type,
                    struct FTW *at)
{
    (void)at;
    if (type == FTW_D || strchr(path, '\n')) /* too odd for this shell */
        return 0;
    if (stands_at(path, st, target) || stands_at(path, st, safe))
        return 0;
    print_message("%s: neither in the target nor in the copy\n", path);
    return 1;
}

static void assert_nothing_lost(void)
{
    if (nftw(was, is_whole, 30, FTW_PHYS) != 0)
        fault_kit_wrong(&kit, "something is lost");
}

/* ---- all runs ----------------------------------------------------------- */

struct row {
    const char *action;
    const char *select; /* ":ERRNO,domain=..." */
    bool far;
    uint64_t step;
};

struct tally {
    unsigned runs;
    unsigned back;  /* failed, and everything came back */
    unsigned stuck; /* ... and not everything did */
    unsigned killed;
    unsigned done; /* all the same */
};

static void assert_outcome(struct tally *t)
{
    const struct fault_report *r = kit.report;

    if (r->rc == 0 && r->failed == 0 && r->lost == 0)
        fault_kit_same(want, back, "");
    t->done += r->rc == 0;
    t->stuck += r->rc < 0 && r->kept > 0;
    t->back += r->rc < 0 && r->kept == 0;
    if (r->rc == 0 || r->kept > 0)
        return;
    /* what is new stays, so directories have other times */
    fault_kit_same(target, was, "--part --ignore=dirtime,links");
    if (scratch_run("test -e '%s' && find '%s' ! -type d | grep -q .", safe,
                    safe))
        fault_kit_wrong(&kit, "something is left in the copy");
}

static bool one(const struct row *row, uint64_t n, struct tally *t)
{
    char plan[96];
    bool killed;

    (void)snprintf(plan, sizeof plan, "%s:%lu%s", row->action, (unsigned long)n,
                   row->select);
    fault_kit_reset(&kit);
    safe = row->far ? far : near;
    assert_true(
        scratch_run("rm -rf '%s' && cp -a '%s' '%s'", safe, was, target));
    killed = fault_kit_child(&kit, plan, restore_safely, target);
    assert_nothing_lost();
    if (!killed)
        assert_outcome(t);
    t->killed += killed;
    t->runs += killed || kit.report->fired > 0;
    return killed || kit.report->fired > 0;
}

static struct tally each(const struct row *row)
{
    uint64_t step =
        fault_kit_step(fault_kit_is_slow() ? 3 * row->step + 1 : row->step);
    struct tally t = {.runs = 0};
    uint64_t n = 1 + strlen(row->select) % step;

    while (one(row, n, &t)) {
        n += step;
        assert_true(n < 100000);
    }
    print_message("%s%s%s: %u of about %lu: %u done, %u failed and back, %u "
                  "not quite, %u killed\n",
                  row->action, row->select, row->far ? " (far)" : "", t.runs,
                  (unsigned long)n, t.done, t.back, t.stuck, t.killed);
    assert_true(t.runs > 0);
    return t;
}

static void all(const struct row *row, size_t n)
{
    struct tally sum = {.runs = 0};

    for (size_t i = 0; i < n; i++) {
        struct tally t;

        if (row[i].far && !far[0])
            continue;
        t = each(&row[i]);
        sum.back += t.back;
        sum.killed += t.killed;
    }
    assert_true(sum.back + sum.killed > 0);
}

static void test_safety_fault__failed(void **state)
{
    static const struct row row[] = {
        {"fail", ":EIO,domain=target", false, 67},
        {"fail", ":ENOSPC,domain=target,class=open+write+name", false, 37},
        {"fail", ":EIO,domain=repo", false, 17},
        {"lose", ":EIO,domain=target", false, 127},
        {"short", ",domain=target", false, 19},
        {"fail-from", ":EIO,domain=target", false, 149},
        {"fail-from", ":ENOSPC,domain=target,class=open+write", false, 29},
    };

    (void)state;
    all(row, sizeof row / sizeof row[0]);
}

static void test_safety_fault__far(void **state)
{
    static const struct row row[] = {
        {"fail", ":EIO,domain=target", true, 97},
        {"fail", ":ENOSPC,domain=target,class=open+write+name", true, 53},
        {"fail-from", ":ENOSPC,domain=target,class=open+write", true, 37},
        {"kill-after", ",domain=target,class=name+write", true, 23},
    };

    (void)state;
    if (!far[0])
        skip();
    all(row, sizeof row / sizeof row[0]);
}

static void test_safety_fault__killed(void **state)
{
    static const struct row row[] = {
        {"kill", ",domain=target,class=name+write", false, 11},
        {"kill-after", ",domain=target,class=name", false, 7},
    };

    (void)state;
    all(row, sizeof row / sizeof row[0]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safety_fault__failed),
        cmocka_unit_test(test_safety_fault__far),
        cmocka_unit_test(test_safety_fault__killed),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
