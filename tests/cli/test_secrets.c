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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/secrets.h"

static const char hex_key[] =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

static char dir[] = "/tmp/test_secrets.XXXXXX";
static char path[64]; /* of a file in it */

static void put(const void *p, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), (ssize_t)n);
    assert_int_equal(close(fd), 0);
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

/* A command line: words until a NULL. Parses it, and asks for the secret. */
static int get(struct secrets *s, struct secrets_key *key,
               const char *const *words)
{
    char *argv[8] = {NULL};
    struct opt_set o;
    int argc = 0, rc;

    for (; words[argc]; argc++) {
        argv[argc] = strdup(words[argc]);
        assert_non_null(argv[argc]);
    }
    rc = opt_parse(&o, argc, argv);
    assert_int_equal(rc, 0);
    rc = secrets_get(s, &o, false, NULL, key);
    opt_release(&o);
    while (argc)
        free(argv[--argc]);
    return rc;
}

#define WORDS(...) ((const char *const[]){"dedup", "check", __VA_ARGS__, NULL})

static void clear_env(void)
{
    unsetenv("DEDUP_PASSPHRASE");
    unsetenv("DEDUP_PASSPHRASE_FILE");
    unsetenv("DEDUP_PASSPHRASE_COMMAND");
    unsetenv("DEDUP_KEY_FILE");
    unsetenv("CREDENTIALS_DIRECTORY");
}

/* The words must give this passphrase; NULL: none, with E_USAGE. */
static void check(const char *const *words, const char *want)
{
    struct secrets s;
    struct secrets_key key;
    int rc;

    assert_int_equal(secrets_init(&s), 0);
    rc = get(&s, &key, words);
    if (!want) {
        assert_int_equal(rc, E_USAGE);
    } else {
        if (rc < 0)
            fail_msg("%s", err_text());
        assert_int_equal(key.kind, SECRETS_PASSPHRASE);
        assert_true(bytes_equal(secret_bytes(&key.secret), bytes_of_str(want)));
    }
    secrets_key_release(&key);
    secrets_release(&s);
}

static void test_secrets__keeps_the_process_to_itself(void **state)
{
    struct secrets s;
    struct rlimit core;
    char *value;

    (void)state;
    setenv("DEDUP_PASSPHRASE", "from the environment", 1);
    value = getenv("DEDUP_PASSPHRASE");
    assert_int_equal(secrets_init(&s), 0);
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
    assert_int_equal(core.rlim_cur, 0);
    assert_int_equal(core.rlim_max, 0);
    assert_null(getenv("DEDUP_PASSPHRASE"));
    for (size_t i = 0; i < strlen("from the environment"); i++)
        assert_int_equal(value[i], 0);
    assert_true(bytes_equal(secret_bytes(&s.env),
                            bytes_of_str("from the environment")));
    secrets_release(&s);
    assert_int_equal(system("test -z \"$(env | grep DEDUP_PASSPHRASE=)\""), 0);
}

static void test_secrets__a_passphrase_is_one_line(void **state)
{
    static const struct {
        const char *in;
        size_t n;
        const char *want;
    } row[] = {
        {"one", 3, "one"},
        {"one\n", 4, "one"},
        {"one\r\n", 5, "one"},
        {" o n e \n", 8, " o n e "},
        {"\xff\xfe\n", 3, "\xff\xfe"},
        {"one\r", 4, "one\r"},
        {"", 0, NULL},
        {"\n", 1, NULL},
        {"\r\n", 2, NULL},
        {"one\n\n", 5, NULL},
        {"one\ntwo", 7, NULL},
        {"one\ntwo\n", 8, NULL},
        {"one\0two", 7, NULL},
        {"\none", 4, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        put(row[i].in, row[i].n);
        check(WORDS("--passphrase-file", path), row[i].want);
    }
}

static void test_secrets__bounds_a_passphrase(void **state)
{
    char text[SECRETS_PASSPHRASE_MAX + 4];

    (void)state;
    memset(text, 'a', sizeof text);
    text[SECRETS_PASSPHRASE_MAX] = 0;
    put_text(text);
    check(WORDS("--passphrase-file", path), text);
    text[SECRETS_PASSPHRASE_MAX] = '\r';
    text[SECRETS_PASSPHRASE_MAX + 1] = '\n';
    put(text, SECRETS_PASSPHRASE_MAX + 2);
    text[SECRETS_PASSPHRASE_MAX] = 0;
    check(WORDS("--passphrase-file", path), text);
    memset(text, 'a', sizeof text);
    put(text, SECRETS_PASSPHRASE_MAX + 1);
    check(WORDS("--passphrase-file", path), NULL);
    put(text, SECRETS_PASSPHRASE_MAX + 3);
    check(WORDS("--passphrase-file", path), NULL);
}

static void test_secrets__reads_a_descriptor(void **state)
{
    char number[16];
    int fd;

    (void)state;
    put_text("from fd\n");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)snprintf(number, sizeof number, "%d", fd);
    check(WORDS("--passphrase-fd", number), "from fd");
    close(fd);
    check(WORDS("--passphrase-fd", number), NULL);
}

static void test_secrets__runs_a_command(void **state)
{
    (void)state;
    check(WORDS("--passphrase-command", "echo a b | tr a-z A-Z"), "A B");
    check(WORDS("--passphrase-command", "printf '%s' 'x y'"), "x y");
    check(WORDS("--passphrase-command", "echo one; exit 3"), NULL);
    assert_non_null(strstr(err_text(), "exit code 3"));
    check(WORDS("--passphrase-command", "kill -TERM $$"), NULL);
    check(WORDS("--passphrase-command", "true"), NULL);
    check(WORDS("--passphrase-command", "echo one; echo two"), NULL);
    check(WORDS("--passphrase-command", "/nonexistent/x 2>&-"), NULL);
    check(WORDS("--passphrase-command", "yes"), NULL); /* never ends */
}

/* Nor our signal mask, nor our ignored SIGPIPE. */
static void test_secrets__a_command_sees_no_secret(void **state)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    sigset_t term, before;

    (void)state;
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &term, &before), 0);
    assert_int_equal(sigaction(SIGPIPE, &ignore, &old), 0);
    setenv("DEDUP_PASSPHRASE", "s3cret", 1);
    check(WORDS("--passphrase-command",
                "if env | grep -q s3cret; then echo leaked; else echo no; fi"),
          "no");
    check(WORDS("--passphrase-command", "kill -PIPE $$; echo on"), NULL);
    check(WORDS("--passphrase-command", "kill -TERM $$; echo on"), NULL);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    assert_int_equal(sigaction(SIGPIPE, &old, NULL), 0);
}

static void test_secrets__a_command_can_be_canceled(void **state)
{
    char sleeping[] = "exec sleep 600", name[] = "--passphrase-command";
    char dedup[] = "dedup", command[] = "check";
    char *argv[] = {dedup, command, name, sleeping};
    struct cancel c = {0};
    struct secrets s;
    struct secrets_key key;
    struct opt_set o;
    int64_t begin = clock_monotonic_ns();

    (void)state;
    cancel_request(&c, SIGTERM);
    assert_int_equal(secrets_init(&s), 0);
    assert_int_equal(opt_parse(&o, 4, argv), 0);
    assert_int_equal(secrets_get(&s, &o, false, &c, &key), E_CANCELED);
    assert_true(clock_monotonic_ns() - begin < 60 * CLOCK_SECOND_NS);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    opt_release(&o);
    secrets_key_release(&key);
    secrets_release(&s);
}

static void test_secrets__reads_a_key_file(void **state)
{
    static const struct {
        const char *in;
        size_t n;
        bool good;
    } row[] = {
        {hex_key, 64, true},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
         65, true},
        {"\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27\30"
         "\31\32\33\34\35\36\37",
         32, true},
        /* text of that length is a passphrase, or half of the digits */
        {"correct horse battery staple 12 ", 32, false},
        {hex_key, 32, false},
        {hex_key, 63, false},
        {hex_key, 31, false},
        {"", 0, false},
        {"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", 64,
         false},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f "
         "\n",
         66, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct secrets s;
        struct secrets_key key;
        int rc;

        put(row[i].in, row[i].n);
        assert_int_equal(secrets_init(&s), 0);
        rc = get(&s, &key, WORDS("--key-file", path));
        assert_int_equal(rc, row[i].good ? 0 : E_USAGE);
        if (row[i].good) {
            assert_int_equal(key.kind, SECRETS_KEY);
            assert_int_equal(key.secret.n, SECRETS_KEY_BYTES);
            for (uint8_t k = 0; k < SECRETS_KEY_BYTES; k++)
                assert_int_equal(key.secret.p[k], k);
        }
        secrets_key_release(&key);
        secrets_release(&s);
    }
}

static void test_secrets__the_first_source_wins(void **state)
{
    char credential[80];

    (void)state;
    (void)snprintf(credential, sizeof credential, "%s/dedup.passphrase", dir);
    put_text("file\n");
    assert_int_equal(rename(path, credential), 0);
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    check(WORDS(NULL), "file");
    setenv("DEDUP_PASSPHRASE", "variable", 1);
    check(WORDS(NULL), "variable");
    check(WORDS(NULL), "file"); /* the variable was taken */
    setenv("DEDUP_PASSPHRASE", "variable", 1);
    setenv("DEDUP_PASSPHRASE_COMMAND", "echo command", 1);
    check(WORDS(NULL), "command");
    put_text("other\n");
    setenv("DEDUP_PASSPHRASE_FILE", path, 1);
    check(WORDS(NULL), "other");
    check(WORDS("--passphrase-command", "echo argv"), "argv");
    check(WORDS("--passphrase-file", credential), "file");
    assert_int_equal(unlink(credential), 0);
    clear_env();
}

static void test_secrets__refuses_two_at_once(void **state)
{
    (void)state;
    put_text("x\n");
    check(WORDS("--passphrase-file", path, "--passphrase-command", "echo x"),
          NULL);
    assert_non_null(strstr(err_text(), "not both"));
    check(WORDS("--key-file", path, "--passphrase-fd", "0"), NULL);
}

static void test_secrets__names_a_file_that_is_not_there(void **state)
{
    (void)state;
    check(WORDS("--passphrase-file", "/nonexistent/file"), NULL);
    assert_non_null(strstr(err_text(), "/nonexistent/file: No such file"));
}

/* Without any source, and without a terminal to ask on. */
static void test_secrets__says_what_to_give(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0) {
        struct secrets s;
        struct secrets_key key;

        (void)setsid();
        if (close(0) < 0 || secrets_init(&s) < 0)
            _exit(1);
        if (get(&s, &key, WORDS(NULL)) != E_USAGE)
            _exit(2);
        _exit(strstr(err_text(), "--passphrase-file") ? 0 : 3);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int make_dir(void **state)
{
    (void)state;
    clear_env();
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/file", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets__says_what_to_give),
        cmocka_unit_test(test_secrets__keeps_the_process_to_itself),
        cmocka_unit_test(test_secrets__a_passphrase_is_one_line),
        cmocka_unit_test(test_secrets__bounds_a_passphrase),
        cmocka_unit_test(test_secrets__reads_a_descriptor),
        cmocka_unit_test(test_secrets__runs_a_command),
        cmocka_unit_test(test_secrets__a_command_sees_no_secret),
        cmocka_unit_test(test_secrets__a_command_can_be_canceled),
        cmocka_unit_test(test_secrets__reads_a_key_file),
        cmocka_unit_test(test_secrets__the_first_source_wins),
        cmocka_unit_test(test_secrets__refuses_two_at_once),
        cmocka_unit_test(test_secrets__names_a_file_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
