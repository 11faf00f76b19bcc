#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileop_fault.h"
#include "base/mem.h"
#include "cli/spawn.h"
#include "tests/support/scratch.h"

static char dir[SCRATCH_PATH];

/* No more of what is printed than this. */
enum { SAID_MAX = 4096 };

static char said[SAID_MAX];

#define WORDS(...) ((char *const[]){__VA_ARGS__, NULL})

/* Its wait status; said: what it wrote to its standard output. */
static int run(struct spawn s)
{
    size_t n = 0;
    ssize_t got;
    int status, fd[2];
    pid_t pid;

    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    s.out = fd[1];
    if (spawn_start(&s, &pid) < 0)
        fail_msg("%s", err_text());
    (void)close(fd[1]);
    while ((got = read(fd[0], said + n, sizeof said - 1 - n)) > 0)
        n += (size_t)got;
    said[n] = 0;
    (void)close(fd[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int run_sh(char *text)
{
    char sh[] = "sh", c[] = "-c";

    return run((struct spawn){.argv = WORDS(sh, c, text), .in = -1, .err = -1});
}

static void test_spawn__hands_on_what_stands_in_argv(void **state)
{
    char printf_[] = "printf", format[] = "%s|", words[] = "a b",
         home[] = "$HOME", star[] = "*", none[] = "";

    (void)state;
    assert_int_equal(run((struct spawn){.argv = WORDS(printf_, format, words,
                                                      home, star, none),
                                        .in = -1,
                                        .err = -1}),
                     0);
    assert_string_equal(said, "a b|$HOME|*||");
}

static void cannot(const char *name, int rc)
{
    char path[SCRATCH_PATH + 16];
    struct spawn s = {.argv = WORDS(path), .in = -1, .out = -1, .err = -1};
    pid_t pid;

    (void)strncpy(path, name, sizeof path - 1);
    path[sizeof path - 1] = 0;
    assert_int_equal(spawn_start(&s, &pid), rc);
    assert_non_null(strstr(err_text(), name));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

static void test_spawn__says_what_cannot_be_run(void **state)
{
    char path[SCRATCH_PATH + 16];

    (void)state;
    scratch_text(dir, "text", "no program");
    (void)snprintf(path, sizeof path, "%s/text", dir);
    cannot(path, E_USAGE);
    assert_non_null(strstr(err_text(), "Permission denied"));
    assert_int_equal(chmod(path, 0755), 0);
    cannot(path, E_USAGE);
    assert_non_null(strstr(err_text(), "Exec format error"));
    cannot(dir, E_USAGE);
    (void)snprintf(path, sizeof path, "%s/none", dir);
    cannot(path, E_USAGE);
    cannot("no-such-program-in-path", E_USAGE);
    assert_non_null(strstr(err_text(), "No such file"));
    cannot("", E_USAGE);
}

/* In a process of its own, whose limits it may lower. */
static _Noreturn void crowded_child(void)
{
    struct rlimit none = {.rlim_cur = 0};
    char true_[] = "true";
    struct spawn s = {.argv = WORDS(true_), .in = -1, .out = -1, .err = -1};
    pid_t pid;

    /* root needs no permission to start one more */
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
        _exit(1);
    if (setrlimit(RLIMIT_NPROC, &none) < 0)
        _exit(2);
    _exit(spawn_start(&s, &pid) == E_IO &&
                  strstr(err_text(), "true: no process can be started")
              ? 0
              : 3);
}

/* Nothing is wrong with what the user said. */
static void test_spawn__tells_want_of_processes_from_wrong_usage(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0)
        crowded_child();
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_spawn__survives_want_of_memory(void **state)
{
    (void)state;
    mem_fail_after(1, 0);
    cannot("true", E_NOMEM);
    mem_fail_after(0, 0);
}

static void test_spawn__keeps_secrets(void **state)
{
    char env[] = "env";

    (void)state;
    assert_int_equal(setenv("DEDUP_PASSPHRASE", "s3cret", 1), 0);
    assert_int_equal(setenv("DEDUP_PASSPHRASE_FILE", "s3cret", 1), 0);
    assert_int_equal(setenv("DEDUP_PASSPHRASE_COMMAND", "s3cret", 1), 0);
    assert_int_equal(setenv("DEDUP_REPO", "repo", 1), 0);
    assert_int_equal(
        run((struct spawn){.argv = WORDS(env), .in = -1, .err = -1}), 0);
    assert_non_null(strstr(said, "DEDUP_REPO=repo\n"));
    assert_non_null(strstr(said, "PATH="));
    assert_null(strstr(said, "PASSPHRASE"));
    assert_null(strstr(said, "s3cret"));
    assert_int_equal(unsetenv("DEDUP_PASSPHRASE"), 0);
    assert_int_equal(unsetenv("DEDUP_PASSPHRASE_FILE"), 0);
    assert_int_equal(unsetenv("DEDUP_PASSPHRASE_COMMAND"), 0);
    assert_int_equal(unsetenv("DEDUP_REPO"), 0);
}

static void test_spawn__keeps_our_signals_to_us(void **state)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    char pipe_[] = "kill -PIPE $$; echo on", term[] = "kill -TERM $$; echo on";
    sigset_t set, before;

    (void)state;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &set, &before), 0);
    assert_int_equal(sigaction(SIGPIPE, &ignore, &old), 0);
    assert_int_equal(WTERMSIG(run_sh(pipe_)), SIGPIPE);
    assert_int_equal(WTERMSIG(run_sh(term)), SIGTERM);
    assert_string_equal(said, "");
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    assert_int_equal(sigaction(SIGPIPE, &old, NULL), 0);
}

static void test_spawn__closes_what_we_were_started_with_if_asked(void **state)
{
    char sh[] = "sh", c[] = "-c", look[] = "test ! -e /proc/$$/fd/20";
    struct spawn s = {.argv = WORDS(sh, c, look), .in = -1, .err = -1};

    (void)state;
    assert_int_equal(fcntl(2, F_DUPFD, 20), 20);
    assert_int_equal(WEXITSTATUS(run(s)), 1);
    s.only_these = true;
    assert_int_equal(WEXITSTATUS(run(s)), 0);
    assert_int_equal(close(20), 0);
}

/* Its input, and its standard error in its output: in and err stay open. */
static void test_spawn__connects_the_first_three(void **state)
{
    char sh[] = "sh", c[] = "-c", text[] = "cat; echo told >&2";
    struct spawn s = {.argv = WORDS(sh, c, text)};
    char told[16] = "";
    int err[2];

    (void)state;
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    s.err = err[1];
    assert_int_equal(spawn_null(&s.in), 0);
    assert_int_equal(run(s), 0);
    assert_string_equal(said, "");
    assert_int_equal(read(err[0], told, sizeof told - 1), 5);
    assert_string_equal(told, "told\n");
    assert_int_equal(close(s.in), 0);

    scratch_text(dir, "in", "given\n");
    s.in = open(strcat(strcpy(said, dir), "/in"), O_RDONLY | O_CLOEXEC);
    assert_true(s.in > 2);
    assert_int_equal(run(s), 0);
    assert_string_equal(said, "given\n");
    assert_int_equal(close(s.in), 0);
    assert_int_equal(close(err[0]), 0);
    assert_int_equal(close(err[1]), 0);
}

static void test_spawn__leads_a_group_if_asked(void **state)
{
    char sh[] = "sh", c[] = "-c", text[] = "kill -0 -$$ 2>/dev/null";
    struct spawn s = {.argv = WORDS(sh, c, text), .in = -1, .err = -1};

    (void)state;
    assert_int_not_equal(run(s), 0);
    s.own_group = true;
    assert_int_equal(run(s), 0);
}

static void test_spawn__null_may_not_be_there(void **state)
{
    int fd;

    (void)state;
    assert_int_equal(fileop_fault_set("fail:1:EMFILE"), 0);
    assert_int_equal(spawn_null(&fd), E_IO);
    assert_int_equal(fd, -1);
    assert_int_equal(fileop_fault_set(NULL), 0);
}

static int make_dir(void **state)
{
    (void)state;
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
        cmocka_unit_test(test_spawn__hands_on_what_stands_in_argv),
        cmocka_unit_test(test_spawn__says_what_cannot_be_run),
        cmocka_unit_test(test_spawn__tells_want_of_processes_from_wrong_usage),
        cmocka_unit_test(test_spawn__survives_want_of_memory),
        cmocka_unit_test(test_spawn__keeps_secrets),
        cmocka_unit_test(test_spawn__keeps_our_signals_to_us),
        cmocka_unit_test(test_spawn__closes_what_we_were_started_with_if_asked),
        cmocka_unit_test(test_spawn__connects_the_first_three),
        cmocka_unit_test(test_spawn__leads_a_group_if_asked),
        cmocka_unit_test(test_spawn__null_may_not_be_there),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
