#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cli/terminal.h"

/*
 * The far side of a pseudo-terminal: a child asks, its controlling terminal
 * being the near side, and exits with what came of it.
 */
enum { TYPED_OK = 0, TYPED_OTHER = 100 };

static _Noreturn void ask_child(const char *want, struct cancel *c)
{
    struct secret s = {0};
    int rc = secret_init(&s, 16);

    if (rc == 0)
        rc = terminal_ask("passphrase: ", c, &s);
    if (rc == 0 && !bytes_equal(secret_bytes(&s), bytes_of_str(want)))
        _exit(TYPED_OTHER);
    _exit(-rc);
}

/* What the terminal showed until the child ended. */
static char shown[4096];

static void read_shown(int pty)
{
    size_t n = 0;
    ssize_t got;

    while (n < sizeof shown - 1 &&
           (got = read(pty, shown + n, sizeof shown - 1 - n)) > 0)
        n += (size_t)got;
    shown[n] = 0;
}

/* Types once the prompt stands. Returns the child's exit code. */
static int ask(const char *type, const char *want, struct cancel *c)
{
    char prompt[64] = "";
    int pty, status;
    pid_t pid = forkpty(&pty, NULL, NULL, NULL);
    struct pollfd p;
    ssize_t n;

    assert_true(pid >= 0);
    if (pid == 0)
        ask_child(want, c);
    p = (struct pollfd){.fd = pty, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 10000), 1);
    n = read(pty, prompt, sizeof prompt - 1);
    assert_true(n > 0);
    assert_string_equal(prompt, "passphrase: ");
    assert_int_equal(write(pty, type, strlen(type)), (ssize_t)strlen(type));
    read_shown(pty);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(pty);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void test_terminal__asks_without_echo(void **state)
{
    (void)state;
    assert_int_equal(ask("secret\n", "secret", NULL), TYPED_OK);
    assert_null(strstr(shown, "secret"));
    assert_int_equal(ask("\n", "", NULL), TYPED_OK);
    assert_int_equal(ask("0123456789abcdef\n", "0123456789abcdef", NULL),
                     TYPED_OK);
}

static void test_terminal__refuses_what_is_no_line(void **state)
{
    (void)state;
    assert_int_equal(ask("0123456789abcdefg\n", "", NULL), -E_LIMIT);
    assert_int_equal(ask("\004", "", NULL), -E_USAGE); /* Ctrl-D */
}

static void test_terminal__stops_asking_when_told_to(void **state)
{
    struct cancel c = {0};

    (void)state;
    cancel_request(&c, SIGTERM);
    assert_int_equal(ask("", "", &c), -E_CANCELED);
}

/* Whatever came of asking, the terminal echoes again. */
static void test_terminal__leaves_the_echo_on(void **state)
{
    struct cancel c = {0};
    struct termios mode;
    int pty, status;
    pid_t pid;

    (void)state;
    cancel_request(&c, SIGTERM);
    pid = forkpty(&pty, NULL, NULL, NULL);
    assert_true(pid >= 0);
    if (pid == 0) {
        struct secret s = {0};
        int rc = secret_init(&s, 16);

        if (rc == 0)
            rc = terminal_ask("", &c, &s);
        if (rc != E_CANCELED || tcgetattr(0, &mode) < 0)
            _exit(1);
        _exit(mode.c_lflag & ECHO ? 0 : 2);
    }
    read_shown(pty);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(pty);
}

static void test_terminal__needs_a_terminal_to_ask(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0) {
        (void)setsid();
        ask_child("", NULL);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), -E_USAGE);
}

static void test_terminal__knows_one_when_it_sees_it(void **state)
{
    struct winsize size = {.ws_row = 24, .ws_col = 132};
    int near_fd, far_fd, fd[2];

    (void)state;
    assert_int_equal(openpty(&far_fd, &near_fd, NULL, NULL, &size), 0);
    assert_int_equal(pipe(fd), 0);
    setenv("TERM", "xterm", 1);
    assert_true(terminal_is(near_fd));
    assert_true(terminal_can_redraw(near_fd));
    assert_int_equal(terminal_columns(near_fd), 132);
    assert_false(terminal_is(fd[0]));
    assert_false(terminal_can_redraw(fd[0]));
    assert_int_equal(terminal_columns(fd[0]), 80);
    setenv("TERM", "dumb", 1);
    assert_false(terminal_can_redraw(near_fd));
    unsetenv("TERM");
    assert_false(terminal_can_redraw(near_fd));
    close(near_fd);
    close(far_fd);
    close(fd[0]);
    close(fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminal__asks_without_echo),
        cmocka_unit_test(test_terminal__refuses_what_is_no_line),
        cmocka_unit_test(test_terminal__stops_asking_when_told_to),
        cmocka_unit_test(test_terminal__leaves_the_echo_on),
        cmocka_unit_test(test_terminal__needs_a_terminal_to_ask),
        cmocka_unit_test(test_terminal__knows_one_when_it_sees_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
