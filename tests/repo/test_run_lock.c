/* The lock of a series: one holder, gone with its process, and never in the
 * way when it cannot be had. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "repo/run_lock.h"
#include "tests/support/scratch.h"

static char dir[SCRATCH_PATH];

static int setup(void **state)
{
    (void)state;
    scratch_make(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(dir);
    return 0;
}

static int take(const char *series, int *lock, struct run_holder *who)
{
    return run_lock_take(dir, bytes_of_str(series), lock, who);
}

static void test_run_lock__has_one_holder(void **state)
{
    struct run_holder who = {.pid = 0};
    int first;
    int second;
    int other;

    (void)state;
    clock_fake_set(1234567890 * CLOCK_SECOND_NS, 1);
    assert_int_equal(take("s", &first, &who), 0);
    assert_true(first >= 0);
    assert_int_equal(take("s", &second, &who), 0);
    assert_int_equal(second, -1);
    assert_int_equal(who.pid, getpid());
    assert_int_equal(who.since_s, 1234567890);
    /* names that would be something else as a file's whole name */
    assert_int_equal(take("..", &other, &who), 0);
    assert_true(other >= 0);
    run_lock_drop(other);
    run_lock_drop(first);
    run_lock_drop(-1);
    assert_int_equal(take("s", &second, &who), 0);
    assert_true(second >= 0);
    run_lock_drop(second);
    clock_fake_end();
}

/* However its process ends: here it is killed, and nobody takes note. */
static void test_run_lock__goes_with_its_process(void **state)
{
    struct run_holder who;
    int ends[2];
    int lock;
    char byte;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (take("s", &lock, &who) < 0 || lock < 0 ||
            write(ends[1], "", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(take("s", &lock, &who), 0);
    assert_int_equal(lock, -1);
    assert_int_equal(who.pid, pid);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), 0);
    assert_int_equal(take("s", &lock, &who), 0);
    assert_true(lock >= 0);
    run_lock_drop(lock);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* A link that stands there is not followed: what it names stays as it is. */
static void test_run_lock__follows_no_link(void **state)
{
    char link[SCRATCH_PATH + 16];
    char target[SCRATCH_PATH + 16];
    struct run_holder who;
    int lock;

    (void)state;
    (void)snprintf(link, sizeof link, "%s/run-linked", dir);
    (void)snprintf(target, sizeof target, "%s/elsewhere", dir);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(take("linked", &lock, &who), E_IO);
    assert_int_equal(lock, -1);
    assert_int_not_equal(access(target, F_OK), 0);
}

/* What the file says is only for people. */
static void test_run_lock__reads_any_file(void **state)
{
    static const char too_much[] = "99999999999999999999999999999 "
                                   "9999999999999999999999999999\n";
    const char *const text[] = {"", "1\n", "x", "-1 -1\n", too_much};
    struct run_holder who;
    int lock;
    int second;

    (void)state;
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        assert_int_equal(take("s", &lock, &who), 0);
        assert_true(lock >= 0);
        scratch_file(dir, "run-s", text[i], strlen(text[i]));
        assert_int_equal(take("s", &second, &who), 0);
        assert_int_equal(second, -1);
        if (strlen(text[i]) < 42)
            assert_int_equal(who.pid, 0);
        run_lock_drop(lock);
    }
}

/* Whatever operation fails: there is a lock, or none and an error. */
static void test_run_lock__fails_at_every_operation(void **state)
{
    struct run_holder who;
    uint64_t fired = 1;
    unsigned taken = 0;

    (void)state;
    for (unsigned n = 1; fired > 0; n++) {
        char plan[64];
        int second;
        int lock;
        int rc;

        (void)snprintf(plan, sizeof plan, "fail:%u:EIO,domain=cache", n);
        assert_int_equal(fileop_fault_set(plan), 0);
        rc = take("s", &lock, &who);
        fired = fileop_fault_fired();
        assert_int_equal(fileop_fault_set(NULL), 0);
        assert_true(rc == 0 || rc == E_IO);
        assert_int_equal(lock >= 0, rc == 0);
        taken += rc == 0;
        assert_int_equal(take("s", &second, &who), 0);
        assert_int_equal(second >= 0, rc != 0);
        run_lock_drop(second);
        run_lock_drop(lock);
        assert_true(n < 20);
    }
    assert_true(taken >= 2); /* one without its text */
}

/* Killed while it takes the lock: nobody has it, and what it left in the file,
 * or did not, stops nobody and misleads nobody. */
static void test_run_lock__is_killed_at_every_operation(void **state)
{
    static const char *const how[] = {"kill", "kill-after", "short"};

    (void)state;
    for (size_t h = 0; h < sizeof how / sizeof how[0]; h++) {
        bool hit = true;
        unsigned n = 1;

        for (; hit; n++) {
            struct run_holder who = {.pid = 1};
            char plan[64];
            int status = 0;
            int second;
            int lock;
            pid_t pid;

            assert_true(scratch_run("rm -f %s/run-s", dir));
            (void)snprintf(plan, sizeof plan, "%s:%u,domain=cache", how[h], n);
            pid = fork();
            assert_true(pid >= 0);
            if (pid == 0) {
                if (fileop_fault_set(plan) < 0 || take("s", &lock, &who) < 0)
                    _exit(1);
                _exit(fileop_fault_fired() > 0 ? 2 : 0);
            }
            assert_int_equal(waitpid(pid, &status, 0), pid);
            hit = WIFSIGNALED(status) || WEXITSTATUS(status) == 2;
            assert_int_equal(WIFEXITED(status) && WEXITSTATUS(status) == 1, 0);
            assert_int_equal(take("s", &lock, &who), 0);
            assert_true(lock >= 0);
            assert_int_equal(take("s", &second, &who), 0);
            assert_int_equal(second, -1);
            assert_int_equal(who.pid, getpid());
            run_lock_drop(lock);
            assert_true(n < 20);
        }
        assert_true(n > 2);
    }
}

static void test_run_lock__a_path_too_long_is_none(void **state)
{
    static char path[8192];
    struct run_holder who;
    int lock = 0;

    (void)state;
    memset(path, 'x', sizeof path - 1);
    assert_int_equal(run_lock_take(path, bytes_of_str("s"), &lock, &who),
                     E_LIMIT);
    assert_int_equal(lock, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_lock__has_one_holder),
        cmocka_unit_test(test_run_lock__goes_with_its_process),
        cmocka_unit_test(test_run_lock__follows_no_link),
        cmocka_unit_test(test_run_lock__reads_any_file),
        cmocka_unit_test(test_run_lock__fails_at_every_operation),
        cmocka_unit_test(test_run_lock__is_killed_at_every_operation),
        cmocka_unit_test(test_run_lock__a_path_too_long_is_none),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
