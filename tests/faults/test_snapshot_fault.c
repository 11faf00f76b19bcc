/*
 * Backups, failed, cut short and killed at each file operation. Whatever
 * happened: nobody has to repair anything, the older snapshots are what they
 * were, a run that failed left no snapshot, an error names who is to blame
 * (I9), and the next run succeeds. Every k-th operation; with --all each.
 */
#include <stdio.h>
#include <string.h>

#include "base/fileop_fault.h"
#include "tests/faults/fault_kit.h"

static struct fault_kit kit;

static int setup(void **state)
{
    (void)state;
    fault_kit_make(&kit);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fault_kit_remove(&kit);
    return 0;
}

enum { ANY, REPO, SOURCE, CACHE };

/* What the run finds below its cache directory. */
enum cache { CACHE_THERE, CACHE_GONE, CACHE_JUNK };

struct row {
    const char *action;
    const char *select; /* ":ERRNO,domain=..." */
    int domain;
    uint64_t step; /* usual */
    enum cache cache;
};

struct tally {
    unsigned runs;
    unsigned failed; /* said so */
    unsigned killed;
    unsigned problems;  /* runs that left out files and said so */
    unsigned committed; /* of those killed */
    unsigned unknown;   /* failed, and the snapshot is there and whole */
    unsigned left;      /* runs without a snapshot that left a checkpoint */
};

/* I9: who is blamed. */
static void assert_blame(const struct row *row)
{
    const struct fault_report *r = kit.report;
    bool nospace = strstr(row->select, "ENOSPC") != NULL;
    bool ok = r->rc == 0;

    if (row->domain == REPO)
        ok = ok || r->rc == (nospace ? E_NOSPACE : E_STORE);
    if (row->domain == CACHE)
        ok = ok || r->rc == E_IO || (nospace && r->rc == E_NOSPACE);
    if (row->domain != SOURCE)
        ok = ok && r->problems == 0;
    /* the root of all roots is not one file among others */
    if (row->domain == SOURCE)
        ok = ok || r->rc == E_SOURCE;
    if (row->domain == REPO && r->rc < 0)
        ok = ok && strstr(r->text, kit.repo) != NULL;
    if (!ok)
        fault_kit_wrong(&kit, "the wrong one is to blame");
}

/* The cache as a run may find it that does more than open it. */
static void set_cache(enum cache c)
{
    if (c == CACHE_GONE)
        assert_true(scratch_run("rm -r '%s'", kit.cache));
    if (c == CACHE_JUNK)
        assert_true(scratch_run("f=$(find '%s' -name data.mdb) && "
                                "test -s \"$f\" && "
                                "tr '\\0-\\377' x <\"$f\" >\"$f.x\" && "
                                "cat \"$f.x\" >\"$f\" && rm \"$f.x\"",
                                kit.cache));
}

/* One run with the n-th operation hit. Returns whether there was an n-th. */
static bool one(const struct row *row, uint64_t n, struct tally *t)
{
    char plan[96];
    uint64_t snapshots;
    bool killed;
    bool whole;
    bool hit;
    int rc;

    (void)snprintf(plan, sizeof plan, "%s:%lu%s", row->action, (unsigned long)n,
                   row->select);
    fault_kit_reset(&kit);
    set_cache(row->cache);
    killed = fault_kit_child(&kit, plan, fault_kit_snapshot, NULL);
    if (!killed)
        assert_blame(row);
    rc = killed ? -1 : kit.report->rc;
    hit = killed || kit.report->fired > 0;
    whole = kit.report->problems == 0;
    t->runs += hit;
    t->killed += killed;
    t->failed += !killed && rc < 0;
    t->problems += !whole;
    snapshots = fault_kit_audit(&kit, whole);
    if (rc == 0)
        assert_int_equal(snapshots, 3);
    t->committed += killed && snapshots == 3;
    t->left += snapshots == 2 && kit.report->checkpoints > 0;
    /* a store that fails while it takes the commit record, and cannot be asked
     * any more, leaves the outcome open: the snapshot is whole, or is not */
    t->unknown += rc < 0 && !killed && snapshots == 3;
    return hit;
}

static void each(const struct row *row)
{
    static const char *const found[] = {"", ", no cache", ", junk for a cache"};
    uint64_t step = fault_kit_step(row->step);
    struct tally t = {.runs = 0};
    uint64_t n = 1 + strlen(row->select) % step;

    while (one(row, n, &t)) {
        n += step;
        assert_true(n < 100000);
    }
    print_message(
        "%s%s%s: %u of about %lu: %u failed, %u killed (%u committed), "
        "%u with problems, %u unknown; %u left a checkpoint\n",
        row->action, row->select, found[row->cache], t.runs, (unsigned long)n,
        t.failed, t.killed, t.committed, t.problems, t.unknown, t.left);
    assert_true(t.runs > 0);
    if (strncmp(row->action, "short", 5) == 0)
        assert_int_equal(t.failed + t.problems, 0);
    else if (row->domain == REPO)
        assert_true(t.failed + t.killed > 0);
    if (row->domain == SOURCE)
        assert_true(t.failed <= t.runs / 10);
    if (strstr(row->action, "-from") == NULL)
        assert_true(t.unknown <= 2);
    if (!kit.checkpoints)
        assert_int_equal(t.left, 0);
    else if (t.failed + t.killed > 2)
        assert_true(t.left > 0);
}

static void test_snapshot_fault__repository(void **state)
{
    static const struct row row[] = {
        {"fail", ":EIO,domain=repo", REPO, 29, CACHE_THERE},
        {"fail-from", ":EIO,domain=repo", REPO, 37, CACHE_THERE},
        {"fail", ":ENOSPC,domain=repo,class=open+write+name", REPO, 17,
         CACHE_THERE},
        {"fail-from", ":ENOSPC,domain=repo,class=open+write+name", REPO, 17,
         CACHE_THERE},
        {"fail-from", ":EROFS,domain=repo,class=write+name+sync", REPO, 23,
         CACHE_THERE},
        {"lose", ":EIO,domain=repo", REPO, 31, CACHE_THERE},
        {"short", ",domain=repo", REPO, 11, CACHE_THERE},
        {"short-from", ",domain=repo", REPO, 50, CACHE_THERE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        each(&row[i]);
}

static void test_snapshot_fault__source(void **state)
{
    static const struct row row[] = {
        {"fail", ":EIO,domain=source", SOURCE, 41, CACHE_THERE},
        {"fail", ":EACCES,domain=source,class=open", SOURCE, 17, CACHE_THERE},
        {"fail-from", ":EIO,domain=source", SOURCE, 67, CACHE_THERE},
        {"lose", ":EIO,domain=source", SOURCE, 71, CACHE_THERE},
        {"short", ",domain=source", SOURCE, 11, CACHE_THERE},
        {"short-from", ",domain=source", SOURCE, 31, CACHE_THERE},
    };

    (void)state;
    kit.force = true; /* more to read */
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        each(&row[i]);
    kit.force = false;
}

static void test_snapshot_fault__cache(void **state)
{
    static const struct row row[] = {
        {"fail", ":EIO,domain=cache", CACHE, 3, CACHE_THERE},
        {"fail-from", ":EIO,domain=cache", CACHE, 5, CACHE_THERE},
        {"fail-from", ":ENOSPC,domain=cache", CACHE, 5, CACHE_THERE},
        {"lose", ":EIO,domain=cache", CACHE, 5, CACHE_THERE},
        {"kill", ",domain=cache", CACHE, 3, CACHE_THERE},
        {"kill-after", ",domain=cache", CACHE, 5, CACHE_THERE},
        {"fail", ":EIO,domain=cache", CACHE, 3, CACHE_GONE},
        {"fail-from", ":ENOSPC,domain=cache", CACHE, 7, CACHE_GONE},
        {"kill", ",domain=cache", CACHE, 5, CACHE_GONE},
        {"kill-after", ",domain=cache", CACHE, 7, CACHE_GONE},
        {"fail", ":EIO,domain=cache", CACHE, 3, CACHE_JUNK},
        {"lose", ":EIO,domain=cache", CACHE, 5, CACHE_JUNK},
        {"kill", ",domain=cache", CACHE, 3, CACHE_JUNK},
        {"kill-after", ",domain=cache", CACHE, 5, CACHE_JUNK},
        {"fail", ":EIO,domain=other", ANY, 1, CACHE_THERE},
        {"fail-from", ":EIO,domain=other", ANY, 1, CACHE_THERE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        each(&row[i]);
}

static void test_snapshot_fault__killed(void **state)
{
    static const struct row row[] = {
        {"kill", "", ANY, 61, CACHE_THERE},
        {"kill-after", "", ANY, 67, CACHE_THERE},
        {"kill-after", ",domain=repo,class=name+sync", REPO, 11, CACHE_THERE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        each(&row[i]);
}

/* The same while checkpoints are made again and again. What a run has committed
 * it leaves, whatever becomes of it; what it had not is nowhere. */
static void test_snapshot_fault__checkpoints(void **state)
{
    static const struct row row[] = {
        {"fail", ":EIO,domain=repo", REPO, 71, CACHE_THERE},
        {"fail-from", ":ENOSPC,domain=repo,class=open+write+name", REPO, 53,
         CACHE_THERE},
        {"lose", ":EIO,domain=repo", REPO, 83, CACHE_THERE},
        {"fail", ":EIO,domain=cache", CACHE, 13, CACHE_THERE},
        {"kill", "", ANY, 131, CACHE_THERE},
        {"kill-after", ",domain=repo,class=name+sync", REPO, 29, CACHE_THERE},
        {"kill-after", ",domain=cache", CACHE, 29, CACHE_THERE},
    };

    (void)state;
    kit.checkpoints = true;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        each(&row[i]);
    kit.checkpoints = false;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot_fault__repository),
        cmocka_unit_test(test_snapshot_fault__source),
        cmocka_unit_test(test_snapshot_fault__cache),
        cmocka_unit_test(test_snapshot_fault__killed),
        cmocka_unit_test(test_snapshot_fault__checkpoints),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
