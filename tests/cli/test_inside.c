#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/inside.h"
#include "tests/support/scratch.h"

static char top[SCRATCH_PATH];

static int setup(void **state)
{
    (void)state;
    scratch_make(top);
    return scratch_run("cd '%s' && mkdir -p repo/packs other/deep && "
                       "touch repo/config other/file && "
                       "ln -s repo link && ln -s repo/packs packs && "
                       "ln -s nowhere dangling && ln -s ../repo other/up",
                       top)
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(top);
    return 0;
}

static bool is_inside(const char *path, const char *dir, bool follow)
{
    char p[2 * SCRATCH_PATH], d[2 * SCRATCH_PATH];
    bool inside = !follow; /* whatever: it is set */

    (void)snprintf(p, sizeof p, "%s/%s", top, path);
    (void)snprintf(d, sizeof d, "%s/%s", top, dir);
    assert_int_equal(inside_dir(p, d, follow, &inside), 0);
    return inside;
}

static void test_inside__finds_every_way_in(void **state)
{
    static const struct {
        const char *path;
        bool follow;
        bool inside;
    } t[] = {
        {"repo", true, true},
        {"repo/", true, true},
        {"repo/packs", true, true},
        {"repo/config", true, true},
        {"repo/new/and/deep", true, true},
        {"repo//new", true, true},
        {"other/../repo", true, true},
        {"link", true, true},
        {"link/new", true, true},
        {"packs/new", true, true},
        {"other/up/packs", true, true},
        {"", true, false},
        {"other", true, false},
        {"other/file", true, false},
        {"other/file/below", true, false},
        {"repository", true, false},
        {"new/repo", true, false},
        {"dangling", true, false},
        {"dangling/x", true, false},
        /* the link itself is elsewhere */
        {"link", false, false},
        {"packs", false, false},
        {"other/up", false, false},
        {"repo", false, true},
        {"repo/config", false, true},
        {"link/packs", false, true},
        {"link/new", false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        if (is_inside(t[i].path, "repo", t[i].follow) != t[i].inside)
            fail_msg("%s: not %d", t[i].path, t[i].inside);
        assert_int_equal(is_inside(t[i].path, "link", t[i].follow),
                         t[i].inside);
    }
}

static void test_inside__relative_and_root(void **state)
{
    char before[SCRATCH_PATH];
    bool inside;

    (void)state;
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(top), 0);
    assert_int_equal(inside_dir("repo/x", "repo", true, &inside), 0);
    assert_true(inside);
    assert_int_equal(inside_dir("x", "repo", true, &inside), 0);
    assert_false(inside);
    assert_int_equal(inside_dir("x", ".", true, &inside), 0);
    assert_true(inside);
    assert_int_equal(inside_dir("", ".", true, &inside), 0);
    assert_true(inside);
    assert_int_equal(inside_dir("/nowhere/x", "repo", true, &inside), 0);
    assert_false(inside);
    assert_int_equal(inside_dir("/nowhere", "/", true, &inside), 0);
    assert_true(inside);
    assert_int_equal(inside_dir("x", "nothing", true, &inside), E_IO);
    assert_int_equal(chdir(before), 0);
}

static void test_inside__out_of_memory(void **state)
{
    bool inside;

    (void)state;
    mem_fail_after(1, 0);
    assert_int_equal(inside_dir("x", top, true, &inside), E_NOMEM);
    mem_fail_after(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inside__finds_every_way_in),
        cmocka_unit_test(test_inside__relative_and_root),
        cmocka_unit_test(test_inside__out_of_memory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
