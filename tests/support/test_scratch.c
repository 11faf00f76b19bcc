/* What killed tests leave behind goes with the next that runs. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/scratch.h"

/* A test that makes a directory of its own, tells its path and waits for its
 * end. */
static pid_t start(int tell[2], char path[SCRATCH_PATH])
{
    pid_t pid;

    assert_int_equal(pipe(tell), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        scratch_make(path);
        scratch_text(path, "file", "x");
        (void)scratch_run("chattr +i '%s/file' 2>/dev/null", path);
        scratch_dir(path, "mounted");
        if (scratch_alone())
            (void)scratch_run("mount -t tmpfs none '%s/mounted' 2>/dev/null && "
                              "touch '%s/mounted/file'",
                              path, path);
        if (write(tell[1], path, SCRATCH_PATH) != SCRATCH_PATH)
            _exit(1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(tell[0], path, SCRATCH_PATH), SCRATCH_PATH);
    return pid;
}

static void test_scratch__the_leavings_of_the_killed_are_removed(void **state)
{
    char place[SCRATCH_PATH], one[SCRATCH_PATH], other[SCRATCH_PATH] = "";
    char next[SCRATCH_PATH];
    int tell[2];
    pid_t pid;

    (void)state;
    scratch_make(place);
    assert_int_equal(setenv("TMPDIR", place, 1), 0);
    scratch_make(one);
    pid = start(tell, other);
    scratch_make(next);
    assert_true(scratch_run("test -e '%s/file'", other));
    /* what it mounted is its own */
    assert_true(scratch_run("test ! -e '%s/mounted/file'", other));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(scratch_run("test -e '%s'", other));
    scratch_remove(next);
    scratch_make(next);
    assert_true(scratch_run("test ! -e '%s' && test -e '%s'", other, one));
    assert_int_equal(unsetenv("TMPDIR"), 0);
    scratch_remove(place);
    assert_int_equal(close(tell[0]) | close(tell[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scratch__the_leavings_of_the_killed_are_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
