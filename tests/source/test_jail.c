#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/source/copy.h"
#include "tests/support/oddtree.h"
#include "tests/support/scratch.h"

static bool is_root;

/* Whether treecmp finds no difference; prints those it finds. */
static bool same_trees(const char *options, const char *a, const char *b)
{
    return scratch_run("%s %s %s %s >&2", TREECMP, options, a, b);
}

/* A scratch directory with "src", filled, and "dst". */
static void make_odd(char dir[SCRATCH_PATH], char src[SCRATCH_PATH + 8])
{
    FILE *skips = tmpfile();

    scratch_make(dir);
    scratch_dir(dir, "src");
    assert_true(snprintf(src, SCRATCH_PATH + 8, "%s/src", dir) > 0);
    assert_non_null(skips);
    assert_true(oddtree_make(src, skips));
    (void)fclose(skips);
}

static void test_jail__writes_everything_back(void **state)
{
    char dir[SCRATCH_PATH];
    char src[SCRATCH_PATH + 8];
    char dst[SCRATCH_PATH + 8];
    char back[2 * SCRATCH_PATH];
    struct jail_options options = {.max_open = DIRFD_OPEN_MIN};
    struct copy_result result;

    (void)state;
    make_odd(dir, src);
    assert_true(snprintf(dst, sizeof dst, "%s/dst/new", dir) > 0);
    assert_true(snprintf(back, sizeof back, "%s%s", dst, src) > 0);
    assert_int_equal(copy_tree(src, dst, &options, &result), 0);
    print_message("%s\n", result.first);
    assert_int_equal(result.problems, 0);
    assert_int_equal(result.failures, 0);
    assert_int_equal(result.lost, is_root ? 0 : result.lost);
    assert_true(same_trees("--hole-min=4096", src, back));

    /* Once more: everything is there and is left alone. */
    assert_int_equal(copy_tree(src, dst, &options, &result), 0);
    assert_int_equal(result.failures, 0);
    assert_true(same_trees("--hole-min=4096", src, back));
    scratch_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jail__writes_everything_back),
    };

    is_root = geteuid() == 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
