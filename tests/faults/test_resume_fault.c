/*
 * Backups by a host whose key only writes, which goes on from the keepsake in
 * its cache, and backups that go on from the checkpoint of an interrupted run:
 * failed, cut short, killed and short of space at each file operation, short of
 * memory at each allocation. Whatever became of a keepsake, the next run
 * succeeds, and the one after that opens no unchanged file. Every k-th
 * operation; with --all each.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/faults/run_loop.h"

static struct fault_kit kit;

static const struct run_loop_row rows[] = {
    {"fail", ":EIO,domain=repo", RUN_LOOP_REPO, 211, RUN_LOOP_THERE},
    {"fail-from", ":ENOSPC,domain=repo,class=open+write+name", RUN_LOOP_REPO,
     101, RUN_LOOP_THERE},
    {"lose", ":EIO,domain=repo,class=name+sync", RUN_LOOP_REPO, 61,
     RUN_LOOP_THERE},
    {"kill", ",domain=repo", RUN_LOOP_REPO, 197, RUN_LOOP_THERE},
    {"kill-after", ",domain=repo,class=name+sync", RUN_LOOP_REPO, 41,
     RUN_LOOP_THERE},
    {"fail", ":EIO,domain=cache", RUN_LOOP_CACHE, 29, RUN_LOOP_THERE},
    {"fail", ":ENOSPC,domain=cache,class=open+write+name", RUN_LOOP_CACHE, 7,
     RUN_LOOP_THERE},
    {"fail-from", ":ENOSPC,domain=cache,class=open+write+name", RUN_LOOP_CACHE,
     11, RUN_LOOP_THERE},
    {"lose", ":EIO,domain=cache,class=name+sync+write", RUN_LOOP_CACHE, 7,
     RUN_LOOP_THERE},
    {"short", ",domain=cache", RUN_LOOP_CACHE, 3, RUN_LOOP_THERE},
    {"kill", ",domain=cache,class=name+sync+write", RUN_LOOP_CACHE, 7,
     RUN_LOOP_THERE},
    {"kill-after", ",domain=cache,class=open+write", RUN_LOOP_CACHE, 7,
     RUN_LOOP_THERE},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static void run_short(struct fault_kit *k, void *ctx)
{
    const uint64_t *n = ctx;
    uint64_t before = mem_count();

    mem_fail_after(*n, false);
    fault_kit_snapshot(k, NULL);
    mem_fail_after(0, 0);
    k->report->count = mem_count() - before;
}

static void starve(uint64_t step)
{
    unsigned failed = 0;
    unsigned runs = 0;
    uint64_t n = 1;

    for (;; n += step, runs++) {
        bool whole;
        int rc;

        fault_kit_reset(&kit);
        (void)snprintf(kit.plan, sizeof kit.plan, "allocation %lu",
                       (unsigned long)n);
        assert_false(fault_kit_child(&kit, "", run_short, &n));
        rc = kit.report->rc;
        if ((rc != 0 && rc != E_NOMEM) || kit.report->problems)
            fault_kit_wrong(&kit, "more than memory is missing");
        if (kit.report->count < n)
            break;
        whole = rc == 0;
        failed += !whole;
        assert_int_equal(fault_kit_audit(&kit, true), whole ? 3 : 2);
    }
    print_message("one of about %lu allocations: %u runs, %u failed\n",
                  (unsigned long)n, runs, failed);
    assert_true(failed > runs / 2);
}

static void test_resume_fault__host(void **state)
{
    (void)state;
    fault_kit_make_host(&kit);
    run_loop(&kit, rows, ROWS);
    starve(fault_kit_step(317));
    fault_kit_remove(&kit);
}

static void test_resume_fault__host_with_checkpoints(void **state)
{
    static const struct run_loop_row more[] = {
        {"kill", ",domain=repo,class=name+sync", RUN_LOOP_REPO, 101,
         RUN_LOOP_THERE},
        {"fail-from", ":ENOSPC,domain=cache,class=open+write+name",
         RUN_LOOP_CACHE, 31, RUN_LOOP_THERE},
        {"kill", ",domain=cache,class=name+sync+write", RUN_LOOP_CACHE, 29,
         RUN_LOOP_THERE},
    };

    (void)state;
    fault_kit_make_host(&kit);
    kit.checkpoints = true;
    run_loop(&kit, more, sizeof more / sizeof more[0]);
    fault_kit_remove(&kit);
}

static void test_resume_fault__host_that_was_interrupted(void **state)
{
    (void)state;
    fault_kit_make_host(&kit);
    fault_kit_interrupt(&kit);
    run_loop(&kit, rows, ROWS);
    starve(fault_kit_step(449));
    fault_kit_remove(&kit);
}

static void test_resume_fault__interrupted(void **state)
{
    static const struct run_loop_row more[] = {
        {"fail", ":EIO,domain=repo", RUN_LOOP_REPO, 229, RUN_LOOP_THERE},
        {"fail-from", ":EIO,domain=repo", RUN_LOOP_REPO, 307, RUN_LOOP_THERE},
        {"lose", ":EIO,domain=repo,class=name+sync", RUN_LOOP_REPO, 59,
         RUN_LOOP_THERE},
        {"kill", "", RUN_LOOP_ANY, 397, RUN_LOOP_THERE},
        {"kill-after", ",domain=repo,class=name+sync", RUN_LOOP_REPO, 53,
         RUN_LOOP_THERE},
        {"fail", ":EIO,domain=cache", RUN_LOOP_CACHE, 19, RUN_LOOP_GONE},
    };

    (void)state;
    fault_kit_make(&kit);
    fault_kit_interrupt(&kit);
    run_loop(&kit, more, sizeof more / sizeof more[0]);
    starve(fault_kit_step(347));
    fault_kit_remove(&kit);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume_fault__host),
        cmocka_unit_test(test_resume_fault__host_with_checkpoints),
        cmocka_unit_test(test_resume_fault__host_that_was_interrupted),
        cmocka_unit_test(test_resume_fault__interrupted),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
