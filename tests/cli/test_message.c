#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"

static int file;
static char text[1 << 20];

static int open_file(void **state)
{
    char path[] = "/tmp/test_message.XXXXXX";

    (void)state;
    file = mkstemp(path);
    assert_true(file >= 0);
    unlink(path);
    return 0;
}

static int close_file(void **state)
{
    (void)state;
    message_setup(2, NULL, MESSAGE_NORMAL, false);
    close(file);
    return 0;
}

static const char *said(void)
{
    ssize_t n = pread(file, text, sizeof text - 1, 0);

    assert_true(n >= 0);
    text[n] = 0;
    assert_int_equal(ftruncate(file, 0), 0);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    return text;
}

static void test_message__names_program_and_command(void **state)
{
    (void)state;
    message_setup(file, "snapshot", MESSAGE_NORMAL, false);
    assert_int_equal(err_set(E_IO, "%s", "/a: no"), E_IO);
    message_error();
    message_warn("%d left", 3);
    assert_string_equal(said(), "dedup: snapshot: /a: no\n"
                                "dedup: snapshot: warning: 3 left\n");
    message_setup(file, NULL, MESSAGE_NORMAL, false);
    message_error();
    assert_string_equal(said(), "dedup: /a: no\n");
}

static void test_message__puts_what_follows_below_the_error(void **state)
{
    (void)state;
    message_setup(file, "ls", MESSAGE_QUIET, false);
    for (int i = 0; i < MESSAGE_FOLLOW_MAX + 2; i++)
        message_follow("%d\n", i);
    assert_string_equal(said(), "");
    assert_int_equal(err_set(E_USAGE, "which?"), E_USAGE);
    message_error();
    assert_string_equal(said(), "dedup: ls: which?\n"
                                "dedup: ls: 0\\n\ndedup: ls: 1\\n\n"
                                "dedup: ls: 2\\n\ndedup: ls: 3\\n\n"
                                "dedup: ls: 4\\n\ndedup: ls: 5\\n\n"
                                "dedup: ls: 6\\n\ndedup: ls: 7\\n\n"
                                "dedup: ls: 8\\n\ndedup: ls: 9\\n\n"
                                "dedup: ls: 10\\n\n");
    message_error();
    assert_string_equal(said(), "dedup: ls: which?\n");
}

static void test_message__escapes_names(void **state)
{
    (void)state;
    message_setup(file, "ls", MESSAGE_NORMAL, false);
    message_warn("%s", "a\x1b[31m\nb\r\xff\xe2\x80\xae");
    assert_string_equal(said(), "dedup: ls: warning: "
                                "a\\x1b[31m\\nb\\r\\xff\\u{202e}\n");
}

static void test_message__says_what_the_level_allows(void **state)
{
    static const struct {
        enum message_level level;
        bool watched;
        const char *says;
    } row[] = {
        {MESSAGE_QUIET, true, "dedup: warning: w\n"},
        {MESSAGE_NORMAL, false, "dedup: warning: w\n"},
        {MESSAGE_NORMAL, true, "dedup: warning: w\ndedup: n\n"},
        {MESSAGE_VERBOSE, false, "dedup: warning: w\ndedup: n\ndedup: d\n"},
        {MESSAGE_VERBOSE, true, "dedup: warning: w\ndedup: n\ndedup: d\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        message_setup(file, NULL, row[i].level, row[i].watched);
        message_warn("w");
        message_note("n");
        message_detail("d");
        assert_string_equal(said(), row[i].says);
    }
}

static void test_message__names_twenty_and_counts_the_rest(void **state)
{
    struct message_problems p = {0};
    const char *lines;
    size_t n = 0;

    (void)state;
    message_setup(file, NULL, MESSAGE_QUIET, false);
    for (int i = 0; i < 20; i++)
        message_problem(&p, "file %d", i);
    message_problems_end(&p, "files could not be read");
    lines = said();
    for (const char *c = lines; *c; c++)
        n += *c == '\n';
    assert_int_equal(n, 20);
    message_problem(&p, "file 20");
    message_problems_end(&p, "files could not be read");
    assert_string_equal(said(),
                        "dedup: warning: 21 files could not be read, of which "
                        "the first 20 are named above\n");
}

static void test_message__keeps_the_status_line_below(void **state)
{
    (void)state;
    message_setup(file, NULL, MESSAGE_NORMAL, true);
    message_status("");
    assert_string_equal(said(), "");
    message_status("10 %");
    assert_string_equal(said(), "\r\033[K10 %");
    message_warn("w");
    assert_string_equal(said(), "\r\033[Kdedup: warning: w\n10 %");
    message_line("so far");
    assert_string_equal(said(), "\r\033[Kso far\n10 %");
    message_status("");
    assert_string_equal(said(), "\r\033[K");
    message_warn("w");
    message_line("so far");
    assert_string_equal(said(), "dedup: warning: w\nso far\n");
}

static void test_message__cuts_what_is_too_long(void **state)
{
    static char big[3 * MESSAGE_LINE_MAX];
    const char *lines;

    (void)state;
    memset(big, '\n', sizeof big - 1);
    message_setup(file, NULL, MESSAGE_NORMAL, false);
    message_status(big);
    (void)said();
    message_warn("%s", big);
    lines = said();
    assert_true(strlen(lines) < 2 * MESSAGE_LINE_MAX);
    message_status("");
    message_line(big);
    (void)said();
    message_warn("%s", big);
    lines = said();
    assert_true(strlen(lines) <= MESSAGE_LINE_MAX);
    assert_int_equal(strchr(lines, '\n') - lines, (long)strlen(lines) - 1);
}

static void *talk(void *arg)
{
    for (int i = 0; i < 500; i++) {
        if (arg)
            message_status(i % 2 ? "sssssssss" : "");
        else
            message_warn("%s", "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww");
    }
    return NULL;
}

static void test_message__lines_of_threads_do_not_mix(void **state)
{
    pthread_t t[3];
    char *line, *save = NULL;
    size_t n = 0;

    (void)state;
    message_setup(file, NULL, MESSAGE_NORMAL, true);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, talk, i ? NULL : t), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    message_status("");
    (void)said();
    for (line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        char *w = strstr(line, "dedup: warning: wwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
                               "www");

        n += w && strlen(w) == 50;
    }
    assert_int_equal(n, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message__names_program_and_command),
        cmocka_unit_test(test_message__puts_what_follows_below_the_error),
        cmocka_unit_test(test_message__escapes_names),
        cmocka_unit_test(test_message__says_what_the_level_allows),
        cmocka_unit_test(test_message__names_twenty_and_counts_the_rest),
        cmocka_unit_test(test_message__keeps_the_status_line_below),
        cmocka_unit_test(test_message__cuts_what_is_too_long),
        cmocka_unit_test(test_message__lines_of_threads_do_not_mix),
    };

    return cmocka_run_group_tests(tests, open_file, close_file);
}
