#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/signals.h"

#define WAIT_STEPS 5000 /* of a millisecond, until a test gives up */

static void nap(void)
{
    clock_sleep_ns(CLOCK_SECOND_NS / 1000);
}

static int wait_for_signal(struct cancel *c)
{
    for (int i = 0; i < WAIT_STEPS && !cancel_signal(c); i++)
        nap();
    return cancel_signal(c);
}

static void test_signals__the_first_asks_to_stop(void **state)
{
    static const int asks[] = {SIGINT, SIGTERM, SIGHUP};

    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        struct cancel c = {0};
        struct signals *s;

        assert_int_equal(signals_start(&s, &c), 0);
        assert_int_equal(cancel_check(&c), 0);
        assert_int_equal(kill(getpid(), asks[i]), 0);
        assert_int_equal(wait_for_signal(&c), asks[i]);
        assert_int_equal(cancel_check(&c), E_CANCELED);
        signals_stop(s);
    }
}

/* In a child, before it has threads. */
static _Noreturn void second_signal_child(void)
{
    struct cancel c = {0};
    struct signals *s;

    if (signals_start(&s, &c) < 0)
        _exit(1);
    (void)kill(getpid(), SIGINT);
    if (wait_for_signal(&c) != SIGINT)
        _exit(2);
    (void)kill(getpid(), SIGTERM);
    for (int i = 0; i < WAIT_STEPS; i++)
        nap();
    _exit(3);
}

static void test_signals__the_second_ends_the_process(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0)
        second_signal_child();
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
}

static void count(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void test_signals__usr1_asks_for_a_report(void **state)
{
    struct cancel c = {0};
    struct signals *s;
    atomic_int n = 0;

    (void)state;
    assert_int_equal(signals_start(&s, &c), 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0); /* nobody reports yet */
    signals_on_report(s, count, &n);
    for (int i = 0; i < WAIT_STEPS && atomic_load(&n) == 0; i++) {
        assert_int_equal(kill(getpid(), SIGUSR1), 0);
        nap();
    }
    assert_true(atomic_load(&n) > 0);
    signals_on_report(s, NULL, NULL);
    atomic_store(&n, 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_int_equal(wait_for_signal(&c), SIGTERM);
    signals_stop(s);
    assert_int_equal(atomic_load(&n), 0);
}

static void test_signals__a_broken_pipe_is_an_error_not_an_end(void **state)
{
    struct cancel c = {0};
    struct signals *s;
    int fd[2];

    (void)state;
    assert_int_equal(signals_start(&s, &c), 0);
    assert_int_equal(pipe(fd), 0);
    close(fd[0]);
    assert_int_equal(write(fd[1], "x", 1), -1);
    close(fd[1]);
    signals_stop(s);
    signals_stop(NULL);
}

static void test_signals__lets_us_wait_for_children(void **state)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct cancel c = {0};
    struct signals *s;
    int status;
    pid_t pid;

    (void)state;
    assert_int_equal(sigaction(SIGCHLD, &ignore, NULL), 0);
    assert_int_equal(signals_start(&s, &c), 0);
    pid = fork();
    if (pid == 0)
        _exit(7);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
    signals_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals__the_second_ends_the_process),
        cmocka_unit_test(test_signals__the_first_asks_to_stop),
        cmocka_unit_test(test_signals__usr1_asks_for_a_report),
        cmocka_unit_test(test_signals__a_broken_pipe_is_an_error_not_an_end),
        cmocka_unit_test(test_signals__lets_us_wait_for_children),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
