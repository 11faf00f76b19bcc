#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "base/mem.h"
#include "cli/message.h"
#include "cli/opt.h"
#include "cli/piped.h"
#include "tests/support/open_fds.h"
#include "tests/support/scratch.h"

/*
 * Pipes are made, asked and waited for without the seam for file operations:
 * they have no name and no place on a disk. What makes those calls fail is
 * brought about here: no descriptors, nobody to wait for.
 */

enum { WORDS_MAX = 16, GOT_MAX = 1 << 20 };

static char dir[SCRATCH_PATH];

/* ---- what every test leaves as it was ---------------------------------- */

static size_t descriptors;
static int input; /* the real one */
static int said;  /* where messages go */

static int begin(void **state)
{
    char path[SCRATCH_PATH + 16];

    (void)state;
    input = fcntl(0, F_DUPFD_CLOEXEC, 3);
    (void)strcat(strcpy(path, dir), "/said");
    said = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(input > 2 && said > 2);
    message_setup(said, "test", MESSAGE_NORMAL, false);
    descriptors = open_fds();
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_int_equal(open_fds(), descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    message_setup(2, NULL, MESSAGE_NORMAL, false);
    assert_int_equal(dup2(input, 0), 0);
    (void)close(input);
    (void)close(said);
    return 0;
}

/* All that was said so far. */
static const char *heard(void)
{
    static char text[2 * GOT_MAX];
    ssize_t n = pread(said, text, sizeof text - 1, 0);

    assert_true(n >= 0);
    text[n] = 0;
    return text;
}

/* Input comes from a pipe now; returns its other end. */
static int input_is_a_pipe(void)
{
    int fd[2];

    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    assert_int_equal(dup2(fd[0], 0), 0);
    assert_int_equal(close(fd[0]), 0);
    return fd[1];
}

/* ---- a command line, and what it reads --------------------------------- */

struct line {
    char *argv[WORDS_MAX];
    int argc;
    struct opt_set o;
};

static void line_parse(struct line *l, const char *const *words)
{
    l->argc = 0;
    for (; words[l->argc]; l->argc++) {
        l->argv[l->argc] = strdup(words[l->argc]);
        assert_non_null(l->argv[l->argc]);
    }
    assert_int_equal(opt_parse(&l->o, l->argc, l->argv), 0);
}

static void line_release(struct line *l)
{
    opt_release(&l->o);
    while (l->argc)
        free(l->argv[--l->argc]);
}

#define WORDS(...)                                                             \
    ((const char *const[]){"dedup", "snapshot", __VA_ARGS__, NULL})
#define COMMAND(...) WORDS("--command", "name", "--", __VA_ARGS__)
#define SH(text)     COMMAND("sh", "-c", text)
#define STDIN        WORDS("--stdin", "name")

/* What came, and what became of it. */
struct got {
    int rc;
    bool end;
    size_t pauses;
    size_t n;
    char p[GOT_MAX];
};

static struct got got;

/* Reads until the end, an error, or a number of pauses. */
static int drain(struct piped *p, size_t pauses)
{
    got.rc = 0;
    got.end = false;
    got.pauses = got.n = 0;
    while (got.rc == 0 && !got.end && got.pauses < pauses) {
        size_t n = 77;

        if (got.n > sizeof got.p / 2)
            got.n = 0; /* what flows for ever */
        got.rc = piped_read(p, (uint8_t *)got.p + got.n,
                            sizeof got.p - 1 - got.n, &n, &got.end);
        if (got.rc < 0)
            break;
        assert_true(n == 0 || !got.end);
        got.pauses += n == 0 && !got.end;
        got.n += n;
    }
    got.p[got.n] = 0;
    return got.rc;
}

/* All of it; what opening returns when that fails. */
static int take(const char *const *words)
{
    struct line l;
    struct piped *p;
    int rc;

    line_parse(&l, words);
    rc = piped_open(&l.o, NULL, &p);
    if (rc == 0)
        rc = drain(p, SIZE_MAX);
    else
        assert_null(p);
    piped_close(p);
    line_release(&l);
    return rc;
}

static void takes(const char *const *words, const char *want)
{
    if (take(words) < 0)
        fail_msg("%s", err_text());
    assert_string_equal(got.p, want);
}

static void fails(const char *const *words, int rc, const char *why)
{
    assert_int_equal(take(words), rc);
    if (!strstr(err_text(), why))
        fail_msg("'%s' does not say '%s'", err_text(), why);
}

/* ---- time passes while others wait ------------------------------------- */

struct hours {
    pthread_t thread;
    atomic_bool over;
};

static void *hours_pass(void *arg)
{
    struct hours *h = arg;

    while (!atomic_load(&h->over)) {
        clock_fake_advance(CLOCK_SECOND_NS / 10);
        (void)poll(NULL, 0, 1);
    }
    return NULL;
}

static void hours_begin(struct hours *h)
{
    clock_fake_set(0, 0);
    atomic_init(&h->over, false);
    assert_int_equal(pthread_create(&h->thread, NULL, hours_pass, h), 0);
}

static void hours_end(struct hours *h)
{
    atomic_store(&h->over, true);
    assert_int_equal(pthread_join(h->thread, NULL), 0);
    clock_fake_end();
}

/* ---- what goes together ------------------------------------------------ */

static int check(const char *const *words)
{
    struct line l;
    int rc;

    line_parse(&l, words);
    rc = piped_check(&l.o);
    line_release(&l);
    return rc;
}

static void test_piped__wants_an_input_of_its_own(void **state)
{
    int to = input_is_a_pipe();

    (void)state;
    assert_int_equal(check(STDIN), 0);
    assert_int_equal(check(WORDS("/etc", "--passphrase-fd", "0")), 0);
    assert_int_equal(check(WORDS("--stdin", "a", "--passphrase-fd", "5")), 0);
    assert_int_equal(check(WORDS("--stdin", "a", "--passphrase-fd", "0")),
                     E_USAGE);
    assert_int_equal(
        check(WORDS("--stdin", "a", "--passphrase-file", "/dev/stdin")),
        E_USAGE);
    assert_int_equal(
        check(WORDS("--stdin", "a", "--key-file", "/proc/self/fd/0")), E_USAGE);
    assert_non_null(strstr(err_text(), "--key-file"));
    assert_int_equal(check(WORDS("--stdin", "a", "--key-file", "/dev/null")),
                     0);
    /* whoever cannot be asked is not the same */
    assert_int_equal(fileop_fault_set("fail-from:1:EIO,class=stat"), 0);
    assert_int_equal(
        check(WORDS("--stdin", "a", "--passphrase-file", "/dev/stdin")), 0);
    (void)close(to);
}

static void test_piped__wants_no_terminal(void **state)
{
    int lead = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char name[64];
    int fd;

    (void)state;
    assert_true(lead >= 0);
    assert_int_equal(grantpt(lead), 0);
    assert_int_equal(unlockpt(lead), 0);
    assert_int_equal(ptsname_r(lead, name, sizeof name), 0);
    fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(dup2(fd, 0), 0);
    (void)close(fd);
    assert_int_equal(check(STDIN), E_USAGE);
    assert_non_null(strstr(err_text(), "is a terminal"));
    assert_int_equal(check(COMMAND("true")), 0);
    (void)close(lead);
}

/* ---- its output -------------------------------------------------------- */

static void test_piped__takes_what_comes_until_the_end(void **state)
{
    int to = input_is_a_pipe();

    (void)state;
    assert_int_equal(write(to, "some", 4), 4);
    (void)close(to);
    takes(STDIN, "some");
    takes(COMMAND("echo", "a b"), "a b\n");
    takes(SH("echo one; sleep 0.1; echo two"), "one\ntwo\n");
    assert_string_equal(heard(), "");
}

static void test_piped__takes_nothing_for_a_failure(void **state)
{
    int to = input_is_a_pipe();

    (void)state;
    (void)close(to);
    fails(STDIN, E_SOURCE, "standard input: not one byte");
    takes(WORDS("--stdin", "name", "--allow-empty"), "");
    fails(COMMAND("true"), E_SOURCE, "true: not one byte");
    takes(WORDS("--allow-empty", "--command", "name", "--", "true"), "");
    fails(WORDS("--allow-empty", "--command", "name", "--", "false"), E_SOURCE,
          "exit code 1");
}

static void test_piped__says_that_it_cannot_read(void **state)
{
    int fd = open("/", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(dup2(fd, 0), 0);
    (void)close(fd);
    fails(STDIN, E_SOURCE, "reading standard input");
    fails(COMMAND("/no/such/program"), E_USAGE, "--command: /no/such/program");
}

/* A second is long enough to know that nothing comes. */
static void test_piped__tells_that_nothing_came(void **state)
{
    int to = input_is_a_pipe();
    struct hours h;
    struct line l;
    struct piped *p;

    (void)state;
    line_parse(&l, STDIN);
    hours_begin(&h);
    assert_int_equal(piped_open(&l.o, NULL, &p), 0);
    assert_int_equal(drain(p, 2), 0);
    assert_true(clock_monotonic_ns() >= 2 * CLOCK_SECOND_NS);
    assert_int_equal(got.n, 0);
    assert_int_equal(write(to, "late", 4), 4);
    (void)close(to);
    assert_int_equal(drain(p, SIZE_MAX), 0);
    assert_string_equal(got.p, "late");
    assert_true(got.end);
    piped_close(p);
    hours_end(&h);
    line_release(&l);
}

/* ---- its end ----------------------------------------------------------- */

static void test_piped__ends_when_the_command_has_succeeded(void **state)
{
    (void)state;
    fails(SH("echo x; exit 7"), E_SOURCE, "sh: exit code 7: nothing was");
    fails(SH("echo x; kill -KILL $$"), E_SOURCE, "sh: ended by signal 9");
    fails(SH("echo x; echo first >&2; echo last >&2; exit 1"), E_SOURCE,
          "the last it said: last");
    fails(SH("seq 9000 >&2; exit 1"), E_SOURCE, "the last it said: 9000");
    /* it closes its output, or all, and goes on */
    takes(SH("echo x; exec >&-; sleep 0.1"), "x\n");
    takes(SH("echo x; exec >&- 2>&-; sleep 0.1"), "x\n");
    fails(SH("echo x; exec >&-; sleep 0.1; exit 3"), E_SOURCE, "exit code 3");
    fails(SH("echo x; exec >&- 2>&-; sleep 0.1; exit 3"), E_SOURCE,
          "exit code 3");
}

static void test_piped__waits_for_whoever_holds_the_output(void **state)
{
    char text[SCRATCH_PATH + 64], number[16];
    pid_t left;

    (void)state;
    takes(SH("(sleep 0.2; echo child) & echo parent"), "parent\nchild\n");
    /* not for who holds its standard error alone */
    (void)snprintf(text, sizeof text,
                   "sleep 600 >/dev/null & echo $! >%s/left; echo x", dir);
    takes(SH(text), "x\n");
    assert_true(scratch_read(dir, "left", number, sizeof number) > 0);
    left = (pid_t)strtol(number, NULL, 10);
    assert_true(left > 1);
    assert_true(scratch_run("grep -q '^State:.S' /proc/%d/status", left));
    assert_int_equal(kill(left, SIGKILL), 0);
    /* nor for the child of what failed */
    fails(SH("sleep 600 & echo x; exit 4"), E_SOURCE, "exit code 4");
    fails(SH("yes & exit 4"), E_SOURCE, "exit code 4");
    fails(SH("yes >&2 & sleep 600 & exit 4"), E_SOURCE, "exit code 4");
}

/* A child that is left behind and has no end of words is not heard for ever. */
static void test_piped__hears_no_more_than_there_is_at_the_end(void **state)
{
    (void)state;
    takes(SH("yes >&2 & echo x"), "x\n");
}

/* Whoever started us may have said that nobody waits for children. */
static void test_piped__needs_to_know_how_it_ended(void **state)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;

    (void)state;
    assert_int_equal(sigaction(SIGCHLD, &ignore, &old), 0);
    fails(COMMAND("echo", "x"), E_IO, "waiting for echo: No child");
    assert_int_equal(sigaction(SIGCHLD, &old, NULL), 0);
}

/* ---- asked to stop ----------------------------------------------------- */

static void test_piped__can_be_stopped(void **state)
{
    char text[SCRATCH_PATH + 128], asked[8];
    struct cancel c = {0};
    struct line l;
    struct piped *p;

    (void)state;
    (void)snprintf(text, sizeof text,
                   "trap 'seq 30000 >&2; echo bye >&2; echo yes >%s/asked; "
                   "exit' TERM; echo x; "
                   "while :; do sleep 0.01; done",
                   dir);
    line_parse(&l, SH(text));
    assert_int_equal(piped_open(&l.o, &c, &p), 0);
    assert_int_equal(drain(p, 1), 0);
    assert_string_equal(got.p, "x\n");
    cancel_request(&c, SIGTERM);
    assert_int_equal(drain(p, 1), E_CANCELED);
    piped_close(p);
    assert_int_equal(scratch_read(dir, "asked", asked, sizeof asked), 4);
    assert_non_null(strstr(heard(), "warning: sh: bye\n"));
    assert_non_null(strstr(err_text(), "stopped by"));
    line_release(&l);
}

static void test_piped__kills_what_does_not_listen(void **state)
{
    struct hours h;
    struct line l;
    struct piped *p;

    (void)state;
    line_parse(&l, SH("trap '' TERM; echo x; exec sleep 600"));
    hours_begin(&h);
    assert_int_equal(piped_open(&l.o, NULL, &p), 0);
    assert_int_equal(drain(p, 1), 0);
    assert_string_equal(got.p, "x\n");
    piped_close(p);
    assert_true(clock_monotonic_ns() >= 5 * CLOCK_SECOND_NS);
    hours_end(&h);
    line_release(&l);
    piped_close(NULL);
}

/* ---- its standard error ------------------------------------------------ */

static void test_piped__passes_on_its_standard_error(void **state)
{
    static char want[8192] = "dedup: test: warning: sh: one\n"
                             "dedup: test: warning: sh: a?b\n"
                             "dedup: test: warning: sh: ";

    (void)state;
    memset(want + strlen(want), '0', 1024);
    (void)strcat(want, "\ndedup: test: warning: sh: 01\n"
                       "dedup: test: warning: sh: tail\n");
    takes(SH("printf 'one\\n\\na\\0b\\r\\n%01026d\\ntail' 1 >&2; echo x"),
          "x\n");
    assert_string_equal(heard(), want);
}

/* More of it than a pipe holds, before any output; and a last line without an
 * end, while another process holds it. */
static void test_piped__loses_nothing_of_its_standard_error(void **state)
{
    const char *text;

    (void)state;
    takes(SH("seq 30000 >&2; echo x"), "x\n");
    text = heard();
    for (int i = 1; i <= 30000; i++) {
        char line[64];

        (void)snprintf(line, sizeof line, "dedup: test: warning: sh: %d\n", i);
        assert_int_equal(strncmp(text, line, strlen(line)), 0);
        text += strlen(line);
    }
    assert_string_equal(text, "");
    takes(SH("(sleep 0.5 >/dev/null) & printf tail >&2; echo x"), "x\n");
    assert_non_null(strstr(heard(), "sh: tail\n"));
}

static void test_piped__says_once_that_it_looks_packed(void **state)
{
    static const char *const text[] = {
        "printf '\\037\\213\\010'; sleep 0.1; printf more",
        "printf '\\037\\213\\010'; head -c 2200000 /dev/zero"};
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *p;

        if (take(SH(text[i])) < 0)
            fail_msg("%s", err_text());
        for (p = heard(), n = 0; (p = strstr(p, "looks gzip-compressed")); p++)
            n++;
        assert_int_equal(n, i + 1);
    }
}

/* ---- what fails -------------------------------------------------------- */

/* Each of its operations fails: it is whole, or it is an error. */
static void every_failure(const char *const *words, const char *data,
                          const char *how)
{
    static const int errors[] = {E_IO, E_SOURCE};
    size_t met[2] = {0};
    uint64_t fired = 1;

    for (int n = 1; fired; n++) {
        char plan[64];
        int to = input_is_a_pipe(), rc;

        assert_true(n < 1000);
        assert_int_equal(write(to, data, strlen(data)), strlen(data));
        (void)close(to);
        (void)snprintf(plan, sizeof plan, "%s:%d:EIO", how, n);
        assert_int_equal(fileop_fault_set(plan), 0);
        rc = take(words);
        fired = fileop_fault_fired();
        assert_int_equal(fileop_fault_set(NULL), 0);
        met[0] += rc == errors[0];
        met[1] += rc == errors[1];
        if (rc == 0)
            assert_string_equal(got.p, data);
        else
            assert_true(rc == errors[0] || rc == errors[1]);
        if (!fired)
            assert_int_equal(rc, 0);
    }
    assert_true(met[1] > 0);
    assert_true(met[0] > 0 || words[2][2] == 's');
}

static void test_piped__is_whole_or_fails(void **state)
{
    static const char *const how[] = {"fail", "fail-from", "lose"};

    (void)state;
    for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
        every_failure(STDIN, "some", how[i]);
        every_failure(SH("echo said >&2; echo some"), "some\n", how[i]);
    }
    assert_int_equal(fileop_fault_set("short-from:1"), 0);
    takes(SH("echo said >&2; seq 5"), "1\n2\n3\n4\n5\n");
    assert_non_null(strstr(heard(), "sh: said\n"));
}

static void test_piped__survives_want_of_memory(void **state)
{
    struct line l;
    int rc = E_NOMEM;

    (void)state;
    line_parse(&l, SH("echo x"));
    for (uint64_t n = 1; rc < 0; n++) {
        struct piped *p;

        assert_true(n < 100);
        mem_fail_after(n, 0);
        rc = piped_open(&l.o, NULL, &p);
        mem_fail_after(0, 0);
        assert_true(rc == 0 || (rc == E_NOMEM && !p && n < 7));
        assert_true(rc < 0 || n == 7);
        piped_close(p);
    }
    line_release(&l);
}

/* Two for its output, two for its standard error, one for its input. */
static void test_piped__survives_want_of_descriptors(void **state)
{
    int first_free = fcntl(0, F_DUPFD_CLOEXEC, 3);
    struct rlimit before, now;
    rlim_t n = 0;
    int rc = E_IO;

    (void)state;
    assert_true(first_free > 2);
    (void)close(first_free);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (now = before; rc < 0 && n < 64; n++) {
        now.rlim_cur = (rlim_t)first_free + n;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
        rc = take(COMMAND("echo", "x"));
        assert_true(rc == E_IO || (rc == 0 && n >= 5));
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, 0);
    assert_string_equal(got.p, "x\n");
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_piped__wants_an_input_of_its_own),
        TEST(test_piped__wants_no_terminal),
        TEST(test_piped__takes_what_comes_until_the_end),
        TEST(test_piped__takes_nothing_for_a_failure),
        TEST(test_piped__says_that_it_cannot_read),
        TEST(test_piped__tells_that_nothing_came),
        TEST(test_piped__ends_when_the_command_has_succeeded),
        TEST(test_piped__waits_for_whoever_holds_the_output),
        TEST(test_piped__hears_no_more_than_there_is_at_the_end),
        TEST(test_piped__needs_to_know_how_it_ended),
        TEST(test_piped__can_be_stopped),
        TEST(test_piped__kills_what_does_not_listen),
        TEST(test_piped__passes_on_its_standard_error),
        TEST(test_piped__loses_nothing_of_its_standard_error),
        TEST(test_piped__says_once_that_it_looks_packed),
        TEST(test_piped__is_whole_or_fails),
        TEST(test_piped__survives_want_of_memory),
        TEST(test_piped__survives_want_of_descriptors),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
