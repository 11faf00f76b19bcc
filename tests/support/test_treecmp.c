#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/oddtree.h"
#include "tests/support/scratch.h"

/* What tests rely on must be seen to fail: one difference a row. */
static const struct {
    const char *change; /* a shell command in B */
    const char *line;   /* a part of what treecmp says */
    const char *ignore; /* with which it says nothing; NULL: none */
    bool root;
} rows[] = {
    {"printf x | dd of=f bs=1 seek=9 conv=notrunc 2>/dev/null; "
     "touch -d @1000000000.5 f",
     "/f: content", NULL, false},
    {"printf x >>f; touch -d @1000000000.5 f", "/f: size 20, 21", NULL, false},
    {"chmod 4644 f", "/f: mode 644, 4644", "mode", false},
    {"chmod 0700 d", "/d: mode 755, 700", "mode", false},
    {"chown 1:2 f", "/f: owner 0:0, 1:2", "owner", true},
    {"chown -h 1:2 l", "/l: owner", "owner", true},
    {"touch -d @1000000000.500000001 f", "/f: mtime", "mtime", false},
    {"touch -h -d @1 l", "/l: mtime", "mtime", false},
    {"touch -d @1 d", "/d: mtime", "dirtime", false},
    {"rm f", "/f: only in A", NULL, false},
    {"touch new; touch -d @1000000000 .", "/new: only in B", NULL, false},
    {"rm d/g; mkdir d/g; touch -d @1000000000 d", "/d/g: type", NULL, false},
    {"ln -sfn other l; touch -h -d @1000000000 l .", "/l: symlink target", NULL,
     false},
    {"cp -p one x && mv x one; touch -d @1000000000 .", "hard-link group",
     "links", false},
    {"ln -f one f; touch -d @1000000000 .", "/one: hard-link group", NULL,
     false},
    {"setfattr -n user.a -v 2 f", "/f: attribute user.a", "xattr", false},
    {"setfattr -x user.a f", "user.a is only in A", "xattr", false},
    {"setfattr -n user.b -v 2 d", "user.b is only in B", "xattr", false},
    {"setfacl -m u:1:r f", "posix_acl_access is only in B", NULL, false},
    {"setcap cap_net_raw=ep f || setfattr -n security.capability "
     "-v 0x0100000200200000000000000000000000000000 f",
     "security.capability is only in B", "xattr", true},
    {"cp -p --sparse=never hole x && mv x hole; touch -d @1000000000 .",
     "/hole: holes", "holes", false},
    {"rm p; mknod p c 1 5; touch -d @1000000000 p .", "/p: device", NULL, true},
    {"rm q; touch q; touch -d @1000000000 q .", "/q: type", NULL, false},
    {"chattr +d f", "/f: inode flags 0, 40", "flags", true},
};

static void make_pair(const char *dir, bool root)
{
    assert_true(scratch_run(
        "cd %s && rm -rf A B && mkdir A A/d && cd A && "
        "printf 12345678901234567890 >f && setfattr -n user.a -v 1 f && "
        "printf x >d/g && ln -s there l && printf 1 >one && ln one two && "
        "truncate -s 1M hole && mkfifo q && "
        "if %s; then mknod p c 1 3; else mkfifo p; fi && chmod 644 f && "
        "chmod 755 d && touch -d @1000000000.5 f && "
        "touch -h -d @1000000000 l hole one p q d/g && "
        "touch -d @1000000000 d . && cd .. && cp -a A B",
        dir, root ? "true" : "false"));
}

static void test_treecmp__notices_each_difference(void **state)
{
    char dir[SCRATCH_PATH];
    bool root = geteuid() == 0;

    (void)state;
    scratch_make(dir);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].root && !root)
            continue;
        make_pair(dir, root);
        assert_true(scratch_run("%s %s/A %s/B >&2", TREECMP, dir, dir));
        assert_true(scratch_run("cd %s/B && %s", dir, rows[i].change));
        if (!scratch_run("cd %s; %s A B >out; "
                         "test $? = 1 && grep -qE '%s' out",
                         dir, TREECMP, rows[i].line)) {
            (void)scratch_run("cat %s/out >&2", dir);
            fail_msg("not noticed: %s", rows[i].change);
        }
        if (rows[i].ignore &&
            !scratch_run("cd %s; %s --ignore=%s A B >out; "
                         "! grep -qE '%s' out",
                         dir, TREECMP, rows[i].ignore, rows[i].line))
            fail_msg("not ignored: %s", rows[i].change);
    }
    scratch_remove(dir);
}

static void test_treecmp__takes_a_part_for_a_part(void **state)
{
    char dir[SCRATCH_PATH];

    (void)state;
    scratch_make(dir);
    make_pair(dir, false);
    assert_true(scratch_run("cd %s && rm B/one && rm -r B/d/* && "
                            "touch -d @1000000000 B B/d && %s --part A B >&2 "
                            "&& ! %s A B >out && ! %s --part B A >out && "
                            "echo y >B/d/g && ! %s --part A B >out",
                            dir, TREECMP, TREECMP, TREECMP, TREECMP));
    scratch_remove(dir);
}

static void test_treecmp__is_content_with_the_odd(void **state)
{
    char dir[SCRATCH_PATH];
    FILE *skips = tmpfile();

    (void)state;
    assert_non_null(skips);
    scratch_make(dir);
    assert_true(oddtree_make(dir, skips));
    (void)fclose(skips);
    if (geteuid() == 0)
        assert_true(scratch_run("%s %s %s", TREECMP, dir, dir));
    scratch_remove(dir);
}

static void test_treecmp__says_when_it_cannot(void **state)
{
    (void)state;
    assert_true(
        scratch_run("%s /none /none 2>/dev/null; test $? = 2", TREECMP));
    assert_true(
        scratch_run("%s --ignore=typo / / 2>/dev/null; test $? = 2", TREECMP));
    assert_true(scratch_run("%s / 2>/dev/null; test $? = 2", TREECMP));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_treecmp__notices_each_difference),
        cmocka_unit_test(test_treecmp__takes_a_part_for_a_part),
        cmocka_unit_test(test_treecmp__is_content_with_the_odd),
        cmocka_unit_test(test_treecmp__says_when_it_cannot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
