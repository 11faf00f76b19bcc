#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fileop_fault.h"
#include "base/mem.h"
#include "tests/source/copy.h"
#include "tests/source/jail_rig.h"
#include "tests/support/open_fds.h"

/* Whatever stands there under its own name is whole. */
static void check_no_halves(const struct jail_rig *rig)
{
    assert_true(
        scratch_run("cd %s 2>/dev/null || exit 0; for x in f d/g h hole; do "
                    "test ! -e $x || cmp -s $x %s/$x || exit 1; done",
                    rig->dst, rig->src));
}

static void run_faults(const char *action, bool expect_failure)
{
    struct jail_rig rig;
    struct copy_result result;
    uint64_t count;
    size_t fds = open_fds();
    char plan[64];

    jail_rig_small(&rig);
    assert_int_equal(fileop_fault_set("count,domain=target"), 0);
    assert_int_equal(copy_tree(rig.src, rig.target, &jail_rig_plain, &result),
                     0);
    count = fileop_fault_count();
    assert_true(count > 50);
    for (uint64_t n = 1; n <= count; n++) {
        int rc;

        assert_true(scratch_run("rm -rf %s", rig.target));
        assert_true(snprintf(plan, sizeof plan, "%s:%llu%s,domain=target",
                             action, (unsigned long long)n,
                             expect_failure ? ":EIO" : "") > 0);
        assert_int_equal(fileop_fault_set(plan), 0);
        rc = copy_tree(rig.src, rig.target, &jail_rig_plain, &result);
        assert_int_equal(fileop_fault_set(NULL), 0);
        assert_true(rc == 0 || rc == E_TARGET || rc == E_SOURCE);
        check_no_halves(&rig);
        /* what was not reported is there: but for a close that fails, and
         * what may fail without loss */
        if (rc == 0 && result.failures == 0 && result.problems == 0)
            assert_true(jail_rig_same(&rig, ""));
        assert_int_equal(open_fds(), fds);
        /* and the next run puts it right */
        assert_int_equal(
            copy_tree(rig.src, rig.target, &jail_rig_plain, &result), 0);
        assert_string_equal(result.first, "");
        assert_true(scratch_run("find %s -name '.dedup-*' -delete; "
                                "touch -r %s/d %s/d; touch -r %s %s",
                                rig.dst, rig.src, rig.dst, rig.src, rig.dst));
        if (!jail_rig_same(&rig, ""))
            fail_msg("%s %llu", action, (unsigned long long)n);
    }
    scratch_remove(rig.dir);
}

static void test_jail__every_failure_is_told(void **state)
{
    (void)state;
    run_faults("fail", true);
}

static void test_jail__every_lost_answer_is_told(void **state)
{
    (void)state;
    run_faults("lose", true);
}

static void test_jail__short_writes_are_finished(void **state)
{
    (void)state;
    run_faults("short", false);
}

static void test_jail__a_killed_restore_can_be_run_again(void **state)
{
    struct jail_rig rig;
    struct copy_result result;
    uint64_t count;

    (void)state;
    jail_rig_small(&rig);
    assert_int_equal(fileop_fault_set("count,domain=target"), 0);
    assert_int_equal(copy_tree(rig.src, rig.target, &jail_rig_plain, &result),
                     0);
    count = fileop_fault_count();
    assert_int_equal(fileop_fault_set(NULL), 0);
    for (uint64_t n = 1; n <= count; n += 3) {
        int status;
        pid_t child;

        assert_true(scratch_run("rm -rf %s", rig.target));
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            char plan[64];
            int rc;

            (void)snprintf(plan, sizeof plan, "kill:%llu,domain=target",
                           (unsigned long long)n);
            rc = fileop_fault_set(plan);
            if (rc == 0)
                rc = copy_tree(rig.src, rig.target, &jail_rig_plain, &result);
            _exit(rc < 0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        check_no_halves(&rig);
        assert_int_equal(
            copy_tree(rig.src, rig.target, &jail_rig_plain, &result), 0);
        assert_string_equal(result.first, "");
        assert_true(scratch_run("find %s -name '.dedup-*' -delete; "
                                "touch -r %s/d %s/d; touch -r %s %s",
                                rig.dst, rig.src, rig.dst, rig.src, rig.dst));
        assert_true(jail_rig_same(&rig, ""));
    }
    scratch_remove(rig.dir);
}

static void test_jail__every_allocation_may_fail(void **state)
{
    struct jail_rig rig;
    struct copy_result result;
    size_t fds = open_fds();
    uint64_t count = mem_count();

    (void)state;
    jail_rig_small(&rig);
    assert_int_equal(copy_tree(rig.src, rig.target, &jail_rig_plain, &result),
                     0);
    count = mem_count() - count;
    for (uint64_t n = 1; n <= count; n++) {
        int rc;

        assert_true(scratch_run("rm -rf %s", rig.target));
        mem_fail_after(n, 0);
        rc = copy_tree(rig.src, rig.target, &jail_rig_plain, &result);
        mem_fail_after(0, 0);
        assert_true(rc == 0 || rc == E_NOMEM);
        check_no_halves(&rig);
        if (rc == 0 && result.failures == 0 && result.problems == 0)
            assert_true(jail_rig_same(&rig, ""));
        assert_int_equal(open_fds(), fds);
    }
    scratch_remove(rig.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jail__every_failure_is_told),
        cmocka_unit_test(test_jail__every_lost_answer_is_told),
        cmocka_unit_test(test_jail__short_writes_are_finished),
        cmocka_unit_test(test_jail__a_killed_restore_can_be_run_again),
        cmocka_unit_test(test_jail__every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
