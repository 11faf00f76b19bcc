#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/child.h"
#include "tests/support/scratch.h"

static char dir[SCRATCH_PATH];

/* A shell that does what text says, in dir. */
static void start(const char *text, struct child *c)
{
    char sh[] = "/bin/sh", dash_c[] = "-c", all[SCRATCH_PATH + 256];
    char *argv[] = {sh, dash_c, all, NULL};
    const struct spawn s = {.argv = argv, .in = -1, .out = -1, .err = -1};

    (void)snprintf(all, sizeof all, "cd %s; %s", dir, text);
    assert_int_equal(child_start(&s, c), 0);
    assert_true(c->pid > 0);
}

/* A file of that name has come to be. */
static void await(const char *name)
{
    char path[SCRATCH_PATH + 32];

    (void)strcat(strcat(strcpy(path, dir), "/"), name);
    while (access(path, F_OK) < 0)
        (void)poll(NULL, 0, 5);
    assert_int_equal(unlink(path), 0);
}

static void test_child__tells_how_it_ended(void **state)
{
    static const struct {
        const char *text;
        int code, status;
    } t[] = {{"exit 0", CLD_EXITED, 0},
             {"exit 7", CLD_EXITED, 7},
             {"kill -9 $$", CLD_KILLED, SIGKILL}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct child c;
        siginfo_t how;

        start(t[i].text, &c);
        assert_int_equal(child_wait(&c, NULL, &how), 0);
        assert_int_equal(how.si_code, t[i].code);
        assert_int_equal(how.si_status, t[i].status);
        assert_int_equal(c.pid, 0);
    }
}

static void test_child__is_none_when_it_cannot_start(void **state)
{
    char name[] = "/no/such/program";
    char *argv[] = {name, NULL};
    const struct spawn s = {.argv = argv, .in = -1, .out = -1, .err = -1};
    struct child c = {.pid = 4711};

    (void)state;
    assert_int_equal(child_start(&s, &c), E_USAGE);
    assert_int_equal(c.pid, 0);
}

static void test_child__is_ended_when_asked_to_stop(void **state)
{
    struct cancel stop = {0};
    struct child c;
    siginfo_t how;

    (void)state;
    start("trap ': >tidied; exit' TERM; : >on; while :; do sleep 0.01; done",
          &c);
    await("on");
    cancel_request(&stop, SIGTERM);
    assert_int_equal(child_wait(&c, &stop, &how), E_CANCELED);
    await("tidied");
}

/* Its children would go on else: sleep has the one descriptor that is left. */
static void test_child__takes_its_own_children_along(void **state)
{
    struct cancel stop = {0};
    struct pollfd p = {.events = POLLIN};
    char sh[] = "/bin/sh", dash_c[] = "-c", text[SCRATCH_PATH + 64];
    char *argv[] = {sh, dash_c, text, NULL};
    struct spawn s = {.argv = argv, .in = -1, .err = -1, .only_these = true};
    struct child c;
    siginfo_t how;
    int fd[2];

    (void)state;
    (void)snprintf(text, sizeof text, "sleep 600 & : >%s/on; wait", dir);
    assert_int_equal(pipe(fd), 0);
    s.out = fd[1];
    assert_int_equal(child_start(&s, &c), 0);
    assert_int_equal(close(fd[1]), 0);
    await("on");
    cancel_request(&stop, SIGTERM);
    assert_int_equal(child_wait(&c, &stop, &how), E_CANCELED);
    p.fd = fd[0];
    assert_int_equal(poll(&p, 1, 60000), 1);
    assert_true(p.revents & POLLHUP);
    assert_int_equal(close(fd[0]), 0);
}

static void test_child__is_killed_when_it_does_not_listen(void **state)
{
    struct cancel stop = {0};
    struct child c;
    siginfo_t how;

    (void)state;
    start("trap '' TERM; : >on; exec sleep 600", &c);
    await("on");
    cancel_request(&stop, SIGTERM);
    clock_fake_set(0, 0); /* who sleeps lets it go on */
    assert_int_equal(child_wait(&c, &stop, &how), E_CANCELED);
    assert_true(clock_monotonic_ns() >= 5 * CLOCK_SECOND_NS);
    clock_fake_end();
}

/* Without being continued it would never see the signal, and be killed. */
static void test_child__hears_though_it_was_stopped(void **state)
{
    struct cancel stop = {0};
    struct child c;
    siginfo_t how;

    (void)state;
    start("trap ': >tidied; exit' TERM; : >on; while :; do :; done", &c);
    await("on");
    assert_int_equal(kill(c.pid, SIGSTOP), 0);
    do {
        assert_int_equal(
            waitid(P_PID, (id_t)c.pid, &how, WSTOPPED | WEXITED | WNOWAIT), 0);
    } while (how.si_code != CLD_STOPPED);
    cancel_request(&stop, SIGTERM);
    assert_int_equal(child_wait(&c, &stop, &how), E_CANCELED);
    await("tidied");
}

static void test_child__says_when_nobody_can_tell(void **state)
{
    struct child c;
    siginfo_t how;

    (void)state;
    start("exit 0", &c);
    assert_int_equal(waitpid(c.pid, NULL, 0), c.pid); /* somebody else did */
    assert_int_equal(child_wait(&c, NULL, &how), E_IO);
}

static int make_dir(void **state)
{
    (void)state;
    (void)alarm(600);
    (void)setsid(); /* no terminal: what is started leads its own group */
    scratch_make(dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    scratch_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child__tells_how_it_ended),
        cmocka_unit_test(test_child__is_none_when_it_cannot_start),
        cmocka_unit_test(test_child__is_ended_when_asked_to_stop),
        cmocka_unit_test(test_child__takes_its_own_children_along),
        cmocka_unit_test(test_child__is_killed_when_it_does_not_listen),
        cmocka_unit_test(test_child__hears_though_it_was_stopped),
        cmocka_unit_test(test_child__says_when_nobody_can_tell),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
