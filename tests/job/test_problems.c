#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "repo/job/problems.h"

static void test_problems__counts_all_and_names_the_first(void **state)
{
    struct problems *p = problems_new();
    const struct manifest_problem *list;
    char path[32];
    size_t n;

    (void)state;
    assert_non_null(p);
    assert_int_equal(problems_total(p), 0);
    for (unsigned i = 0; i < MANIFEST_PROBLEM_MAX + 50; i++) {
        (void)snprintf(path, sizeof path, "/p/%u", i);
        problems_add(p, i % 2 ? MANIFEST_VANISHED : MANIFEST_UNREADABLE,
                     bytes_of_str(path), bytes_of_str("why"));
    }
    assert_int_equal(problems_total(p), MANIFEST_PROBLEM_MAX + 50);
    assert_int_equal(problems_count(p, MANIFEST_VANISHED),
                     MANIFEST_PROBLEM_MAX / 2 + 25);
    assert_int_equal(problems_count(p, MANIFEST_CHANGING), 0);
    list = problems_list(p, &n);
    assert_int_equal(n, MANIFEST_PROBLEM_MAX);
    for (unsigned i = 0; i < MANIFEST_PROBLEM_MAX; i++) {
        (void)snprintf(path, sizeof path, "/p/%u", i);
        assert_true(bytes_equal(list[i].path, bytes_of_str(path)));
        assert_int_equal(list[i].kind,
                         i % 2 ? MANIFEST_VANISHED : MANIFEST_UNREADABLE);
    }
    problems_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_problems__counts_all_and_names_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
