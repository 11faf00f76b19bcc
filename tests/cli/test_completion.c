#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cli/completion.h"

static const char *const shells[] = {"bash", "zsh", "fish"};

enum { SHELL_N = sizeof shells / sizeof shells[0] };

static char *script_of(const char *shell, struct buf *b)
{
    buf_init(b, COMPLETION_BYTES_MAX);
    assert_int_equal(completion_script(shell, b), 0);
    buf_add(b, "", 1);
    assert_int_equal(buf_status(b), 0);
    return (char *)b->p;
}

static void test_completion__knows_three_shells(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, COMPLETION_BYTES_MAX);
    assert_int_equal(completion_script("tcsh", &b), E_USAGE);
    assert_int_equal(b.n, 0);
    buf_release(&b);
}

/* Behind it neither a letter nor a dash: --all is not --allow-empty. */
static bool has_word(const char *text, const char *word)
{
    for (; (text = strstr(text, word)) != NULL; text++) {
        char next = text[strlen(word)];

        if (next != '-' && (next < 'a' || next > 'z'))
            return true;
    }
    return false;
}

static void test_completion__names_every_command_and_option(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHELL_N; s++) {
        struct buf b;
        const char *text = script_of(shells[s], &b);

        for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++)
            assert_true(
                has_word(text, opt_command_info((enum opt_command)c)->name));
        for (unsigned i = 0; i < OPT_END; i++) {
            char option[80];

            (void)snprintf(option, sizeof option, "%s%s",
                           strcmp(shells[s], "fish") == 0 ? "-l " : "--",
                           opt_info((enum opt_id)i)->name);
            if (!has_word(text, option))
                fail_msg("%s: no %s", shells[s], option);
        }
        buf_release(&b);
    }
}

static void test_completion__tells_what_an_argument_is(void **state)
{
    static const struct {
        const char *argument;
        enum completion_kind kind;
    } rows[] = {
        {"FILE", COMPLETION_FILES},       {"DIR", COMPLETION_DIRECTORIES},
        {"REPO", COMPLETION_DIRECTORIES}, {"own|shared", COMPLETION_WORDS},
        {"PATH...", COMPLETION_FILES},    {"[COMMAND]", COMPLETION_COMMANDS},
        {"COMMAND", COMPLETION_ANY},      {"JOB", COMPLETION_JOBS},
        {"FILENAME", COMPLETION_ANY},     {"", COMPLETION_ANY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(completion_kind(bytes_of_str(rows[i].argument)),
                         rows[i].kind);
}

static void test_completion__goes_the_ways_of_a_command(void **state)
{
    static const char *const want[][2] = {
        {"list", ""}, {"trust", "own|shared"}, {"sheet", "FILE"}, {"", "X..."}};
    const char *args = "list | trust own|shared | sheet FILE | X...";
    struct completion_way w;

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_true(completion_way(&args, &w));
        assert_true(bytes_equal(w.word, bytes_of_str(want[i][0])));
        assert_true(bytes_equal(w.rest, bytes_of_str(want[i][1])));
    }
    assert_false(completion_way(&args, &w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_completion__knows_three_shells),
        cmocka_unit_test(test_completion__names_every_command_and_option),
        cmocka_unit_test(test_completion__tells_what_an_argument_is),
        cmocka_unit_test(test_completion__goes_the_ways_of_a_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
