#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repo/job/current.h"

static void is_at(struct current *c, const char *want)
{
    uint8_t path[CURRENT_MAX];
    size_t n = current_path(c, path);

    assert_true(bytes_equal(bytes_of(path, n), bytes_of_str(want)));
}

static void test_current__follows_the_walk(void **state)
{
    struct current *c = calloc(1, sizeof *c);

    (void)state;
    assert_non_null(c);
    is_at(c, "");
    current_enter(c, bytes_of_str(""));
    current_enter(c, bytes_of_str("srv"));
    current_enter(c, bytes_of_str("www"));
    current_at(c, bytes_of_str("a"));
    is_at(c, "/srv/www/a");
    current_leave(c);
    current_at(c, bytes_of_str("b"));
    is_at(c, "/srv/b");
    current_leave(c);
    current_at(c, bytes_of_str("c"));
    is_at(c, "/c");
    current_leave(c); /* the root */
    current_leave(c); /* one too many does no harm */
    current_at(c, bytes_of_str("d"));
    is_at(c, "/d");
    free(c);
}

static void test_current__finds_back_from_too_deep(void **state)
{
    struct current *c = calloc(1, sizeof *c);
    uint8_t name[255], path[CURRENT_MAX];

    (void)state;
    assert_non_null(c);
    memset(name, 'n', sizeof name);
    current_enter(c, bytes_of_str("top"));
    for (int i = 0; i < 100; i++) {
        current_enter(c, bytes_of(name, sizeof name));
        current_at(c, bytes_of(name, sizeof name));
        assert_true(current_path(c, path) <= CURRENT_MAX);
    }
    for (int i = 0; i < 100; i++)
        current_leave(c);
    current_at(c, bytes_of_str("x"));
    is_at(c, "/top/x");
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_current__follows_the_walk),
        cmocka_unit_test(test_current__finds_back_from_too_deep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
