/*
 * Backups, failed, cut short and killed at each file operation. Whatever
 * happened: nobody has to repair anything, the older snapshots are what they
 * were, a run that failed left no snapshot, an error names who is to blame
 * (I9), and the next run succeeds. Every k-th operation; with --all each.
 */
#include "tests/faults/run_loop.h"

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

static void test_snapshot_fault__repository(void **state)
{
    static const struct run_loop_row row[] = {
        {"fail", ":EIO,domain=repo", RUN_LOOP_REPO, 73, RUN_LOOP_THERE},
        {"fail-from", ":EIO,domain=repo", RUN_LOOP_REPO, 97, RUN_LOOP_THERE},
        {"fail", ":ENOSPC,domain=repo,class=open+write+name", RUN_LOOP_REPO, 43,
         RUN_LOOP_THERE},
        {"fail-from", ":ENOSPC,domain=repo,class=open+write+name",
         RUN_LOOP_REPO, 43, RUN_LOOP_THERE},
        {"fail-from", ":EROFS,domain=repo,class=write+name+sync", RUN_LOOP_REPO,
         59, RUN_LOOP_THERE},
        {"lose", ":EIO,domain=repo", RUN_LOOP_REPO, 79, RUN_LOOP_THERE},
        {"short", ",domain=repo", RUN_LOOP_REPO, 29, RUN_LOOP_THERE},
        {"short-from", ",domain=repo", RUN_LOOP_REPO, 127, RUN_LOOP_THERE},
    };

    (void)state;
    run_loop(&kit, row, sizeof row / sizeof row[0]);
}

static void test_snapshot_fault__source(void **state)
{
    static const struct run_loop_row row[] = {
        {"fail", ":EIO,domain=source", RUN_LOOP_SOURCE, 103, RUN_LOOP_THERE},
        {"fail", ":EACCES,domain=source,class=open", RUN_LOOP_SOURCE, 43,
         RUN_LOOP_THERE},
        {"fail-from", ":EIO,domain=source", RUN_LOOP_SOURCE, 167,
         RUN_LOOP_THERE},
        {"lose", ":EIO,domain=source", RUN_LOOP_SOURCE, 179, RUN_LOOP_THERE},
        {"short", ",domain=source", RUN_LOOP_SOURCE, 29, RUN_LOOP_THERE},
        {"short-from", ",domain=source", RUN_LOOP_SOURCE, 79, RUN_LOOP_THERE},
    };

    (void)state;
    kit.force = true; /* more to read */
    run_loop(&kit, row, sizeof row / sizeof row[0]);
    kit.force = false;
}

static void test_snapshot_fault__cache(void **state)
{
    static const struct run_loop_row row[] = {
        {"fail", ":EIO,domain=cache", RUN_LOOP_CACHE, 7, RUN_LOOP_THERE},
        {"fail-from", ":EIO,domain=cache", RUN_LOOP_CACHE, 13, RUN_LOOP_THERE},
        {"fail-from", ":ENOSPC,domain=cache", RUN_LOOP_CACHE, 13,
         RUN_LOOP_THERE},
        {"lose", ":EIO,domain=cache", RUN_LOOP_CACHE, 13, RUN_LOOP_THERE},
        {"kill", ",domain=cache", RUN_LOOP_CACHE, 7, RUN_LOOP_THERE},
        {"kill-after", ",domain=cache", RUN_LOOP_CACHE, 13, RUN_LOOP_THERE},
        {"fail", ":EIO,domain=cache", RUN_LOOP_CACHE, 7, RUN_LOOP_GONE},
        {"fail-from", ":ENOSPC,domain=cache", RUN_LOOP_CACHE, 17,
         RUN_LOOP_GONE},
        {"kill", ",domain=cache", RUN_LOOP_CACHE, 13, RUN_LOOP_GONE},
        {"kill-after", ",domain=cache", RUN_LOOP_CACHE, 17, RUN_LOOP_GONE},
        {"fail", ":EIO,domain=cache", RUN_LOOP_CACHE, 7, RUN_LOOP_JUNK},
        {"lose", ":EIO,domain=cache", RUN_LOOP_CACHE, 13, RUN_LOOP_JUNK},
        {"kill", ",domain=cache", RUN_LOOP_CACHE, 7, RUN_LOOP_JUNK},
        {"kill-after", ",domain=cache", RUN_LOOP_CACHE, 13, RUN_LOOP_JUNK},
        {"fail", ":EIO,domain=other", RUN_LOOP_ANY, 1, RUN_LOOP_THERE},
        {"fail-from", ":EIO,domain=other", RUN_LOOP_ANY, 1, RUN_LOOP_THERE},
    };

    (void)state;
    run_loop(&kit, row, sizeof row / sizeof row[0]);
}

static void test_snapshot_fault__killed(void **state)
{
    static const struct run_loop_row row[] = {
        {"kill", "", RUN_LOOP_ANY, 157, RUN_LOOP_THERE},
        {"kill-after", "", RUN_LOOP_ANY, 167, RUN_LOOP_THERE},
        {"kill-after", ",domain=repo,class=name+sync", RUN_LOOP_REPO, 29,
         RUN_LOOP_THERE},
    };

    (void)state;
    run_loop(&kit, row, sizeof row / sizeof row[0]);
}

/* The same while checkpoints are made again and again. What a run has committed
 * it leaves, whatever becomes of it; what it had not is nowhere. */
static void test_snapshot_fault__checkpoints(void **state)
{
    static const struct run_loop_row row[] = {
        {"fail", ":EIO,domain=repo", RUN_LOOP_REPO, 179, RUN_LOOP_THERE},
        {"fail-from", ":ENOSPC,domain=repo,class=open+write+name",
         RUN_LOOP_REPO, 137, RUN_LOOP_THERE},
        {"lose", ":EIO,domain=repo", RUN_LOOP_REPO, 211, RUN_LOOP_THERE},
        {"fail", ":EIO,domain=cache", RUN_LOOP_CACHE, 37, RUN_LOOP_THERE},
        {"kill", "", RUN_LOOP_ANY, 331, RUN_LOOP_THERE},
        {"kill-after", ",domain=repo,class=name+sync", RUN_LOOP_REPO, 73,
         RUN_LOOP_THERE},
        {"kill-after", ",domain=cache", RUN_LOOP_CACHE, 73, RUN_LOOP_THERE},
    };

    (void)state;
    kit.checkpoints = true;
    run_loop(&kit, row, sizeof row / sizeof row[0]);
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
