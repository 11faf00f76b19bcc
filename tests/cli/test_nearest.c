#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cli/nearest.h"

static const char *const known[] = {"snapshot",    "snapshots", "restore",
                                    "check",       "ls",        "exclude",
                                    "exclude-file"};

static const char *nearest_known(const char *word)
{
    struct nearest n;

    nearest_init(&n, word);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        nearest_offer(&n, known[i]);
    return n.best ? n.best : "(none)";
}

static void test_nearest__finds_what_was_meant(void **state)
{
    static const struct {
        const char *word, *best;
    } row[] = {
        {"snapshoot", "snapshot"},
        {"snapshosts", "snapshots"},
        {"snap", "snapshot"},
        {"retsore", "restore"},
        {"chekc", "check"},
        {"l", "ls"},
        {"sl", "ls"},
        {"excldue", "exclude"},
        {"exclude-fil", "exclude-file"},
        {"prune", "(none)"},
        {"", "(none)"},
        {"x", "(none)"},
        {"frobnicate", "(none)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        assert_string_equal(nearest_known(row[i].word), row[i].best);
}

static void test_nearest__ignores_words_too_long_to_compare(void **state)
{
    char word[NEAREST_WORD_MAX + 2];
    char other[NEAREST_WORD_MAX + 2];
    struct nearest n;

    (void)state;
    memset(word, 'a', sizeof word);
    memset(other, 'a', sizeof other);
    word[NEAREST_WORD_MAX + 1] = 0;
    other[NEAREST_WORD_MAX] = 0;
    nearest_init(&n, word);
    nearest_offer(&n, other);
    assert_null(n.best);
    word[NEAREST_WORD_MAX] = 0;
    word[0] = 'b';
    nearest_init(&n, word);
    nearest_offer(&n, other);
    assert_ptr_equal(n.best, other);
    assert_int_equal(n.best_steps, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest__finds_what_was_meant),
        cmocka_unit_test(test_nearest__ignores_words_too_long_to_compare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
