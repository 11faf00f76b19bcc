#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/restore_claim.h"

/* Which paths cannot be restored together. */
static void test_restore_claim__refuses_what_meets(void **state)
{
    static const struct {
        const char *path[4];
        bool meets;
    } row[] = {
        {{NULL}, false},
        {{"a"}, false},
        {{"a", "b"}, false},
        {{"a", "a"}, true},
        {{"a", "b", "a"}, true},
        {{"a/b", "a"}, true},
        {{"a", "a-b", "a/b"}, true},
        {{"a", "a-b", "ab"}, false},
        {{"a/b", "a/bc", "a/c"}, false},
        {{"", "a"}, true},
        {{"a\377", "a\001", "a/x", "a"}, true},
        {{"a\377", "a\001", "b/x", "a"}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct restore_claim c;

        restore_claim_init(&c);
        for (size_t k = 0; k < 4 && row[i].path[k]; k++)
            assert_int_equal(
                restore_claim_path(&c, bytes_of_str(row[i].path[k])), 0);
        assert_int_equal(restore_claim_check(&c), row[i].meets ? E_REFUSED : 0);
        restore_claim_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restore_claim__refuses_what_meets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
