#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cli/words.h"

static void test_words__counts_have_commas(void **state)
{
    static const struct {
        uint64_t n;
        const char *text;
    } t[] = {{0, "0"},
             {7, "7"},
             {999, "999"},
             {1000, "1,000"},
             {78579, "78,579"},
             {123456, "123,456"},
             {1234567, "1,234,567"},
             {UINT64_MAX, "18,446,744,073,709,551,615"}};
    char out[WORDS_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        assert_string_equal(words_count(t[i].n, out), t[i].text);
}

static void test_words__sizes_and_times(void **state)
{
    char out[WORDS_MAX];

    (void)state;
    assert_string_equal(words_size(0, out), "0 B");
    assert_string_equal(words_size(1400000000, out), "1.4 GB");
    assert_true(strlen(words_size(UINT64_MAX, out)) < WORDS_MAX);
    assert_string_equal(words_duration(3400000000, out), "3.4 s");
    /* a clock that was set back makes no text of 584 years */
    assert_string_equal(words_duration(-1, out), words_duration(0, out));
    assert_true(strlen(words_duration(INT64_MAX, out)) < WORDS_MAX);
}

static void test_words__one_is_no_plural(void **state)
{
    (void)state;
    assert_string_equal(words_plural(0), "s");
    assert_string_equal(words_plural(1), "");
    assert_string_equal(words_plural(2), "s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words__counts_have_commas),
        cmocka_unit_test(test_words__sizes_and_times),
        cmocka_unit_test(test_words__one_is_no_plural),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
