#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fileop_fault.h"
#include "base/thread.h"
#include "source/dirfd.h"
#include "tests/support/open_fds.h"
#include "tests/support/scratch.h"

enum { DIRS = 40 };

struct rig {
    char dir[SCRATCH_PATH];
    struct dirfd_pool *pool;
    struct dirfd *root;
    struct dirfd *d[DIRS];
};

/* Opens a child of the root. */
static struct dirfd *child(struct rig *rig, const char *name)
{
    struct dirfd *d = NULL;
    struct statx st;
    int open_errno = 0;

    assert_true(dirfd_pin(rig->root) >= 0);
    assert_int_equal(dirfd_open(rig->root, name, 0, &st, &d, &open_errno), 0);
    dirfd_unpin(rig->root);
    return d;
}

static int many(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct statx st;
    char name[32];

    assert_non_null(rig);
    *state = rig;
    scratch_make(rig->dir);
    assert_int_equal(dirfd_pool_new(O_RDONLY, DIRFD_OPEN_MIN, &rig->pool), 0);
    assert_int_equal(dirfd_root_at(rig->pool, rig->dir, &st, &rig->root), 0);
    for (unsigned i = 0; i < DIRS; i++) {
        assert_true(snprintf(name, sizeof name, "%u", i) > 0);
        scratch_dir(rig->dir, name);
        rig->d[i] = child(rig, name);
        assert_non_null(rig->d[i]);
    }
    return 0;
}

static int gone(void **state)
{
    struct rig *rig = *state;

    for (unsigned i = 0; i < DIRS; i++)
        dirfd_unref(rig->d[i]);
    dirfd_unref(rig->root);
    dirfd_pool_free(rig->pool);
    scratch_remove(rig->dir);
    free(rig);
    return 0;
}

/* Whatever is pinned and let go of, no more than the budget stays open. */
static void test_dirfd__keeps_to_its_budget(void **state)
{
    struct rig *rig = *state;
    size_t before = open_fds();
    size_t unpooled = before - DIRFD_OPEN_MIN;

    for (unsigned i = 0; i < DIRS; i++)
        assert_true(dirfd_pin(rig->d[i]) >= 0);
    /* the root is pinned for good, and counts */
    assert_int_equal(open_fds(), unpooled + DIRS + 1);
    for (unsigned i = 0; i < DIRS; i++)
        dirfd_unpin(rig->d[i]);
    assert_int_equal(open_fds(), before);
    for (unsigned i = 0; i < DIRS; i++) {
        dirfd_unref(rig->d[i]);
        rig->d[i] = NULL;
    }
    assert_int_equal(open_fds(), unpooled + 1);
}

/* What is open stands; what is closed, where its name still means it. Neither
 * is opened for that. */
static void test_dirfd__stands(void **state)
{
    struct rig *rig = *state;
    struct dirfd *open = rig->d[DIRS - 1];
    const size_t before = open_fds();

    assert_int_equal(fileop_fault_set("count,class=open"), 0);
    assert_true(dirfd_stands(open));
    assert_true(dirfd_stands(rig->d[0]));
    assert_true(scratch_run("cd %s && mkdir x && rmdir 1 2 && mv x 2 && "
                            "mv 3 m && touch 3 && mv 4 5 && mv %d elsewhere",
                            rig->dir, DIRS - 1));
    assert_true(dirfd_stands(open));       /* wherever */
    assert_false(dirfd_stands(rig->d[1])); /* gone */
    assert_false(dirfd_stands(rig->d[2])); /* another one */
    assert_false(dirfd_stands(rig->d[3])); /* a file */
    assert_false(dirfd_stands(rig->d[4])); /* elsewhere */
    assert_true(dirfd_stands(rig->d[5]));
    assert_int_equal(fileop_fault_count(), 0);
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_int_equal(open_fds(), before);
    assert_int_equal(dirfd_pin(rig->d[1]), -1);
    assert_true(dirfd_pin(rig->d[5]) >= 0);
    dirfd_unpin(rig->d[5]);
}

/* One that has the number of an inode that went is another one. */
static void test_dirfd__inodes_are_used_again(void **state)
{
    struct rig *rig = *state;
    unsigned same = 0;
    char path[SCRATCH_PATH + 8];
    struct stat st;

    for (unsigned i = 0; i < 8; i++) {
        (void)usleep(20000); /* the clock of the kernel ticks */
        assert_true(
            scratch_run("cd %s && rmdir %u && mkdir %u", rig->dir, i, i));
        assert_true(snprintf(path, sizeof path, "%s/%u", rig->dir, i) > 0);
        assert_int_equal(stat(path, &st), 0);
        same += st.st_ino == dirfd_inode(rig->d[i]);
        assert_false(dirfd_stands(rig->d[i]));
        assert_int_equal(dirfd_pin(rig->d[i]), -1);
    }
    print_message("%u of 8 had the number of the one before\n", same);
}

/* That it cannot be looked at does not mean that it is gone. */
static void test_dirfd__says_why(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(fileop_fault_set("fail:1:EIO,class=stat"), 0);
    assert_int_equal(dirfd_pin(rig->d[0]), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(fileop_fault_set("fail:1:EMFILE,class=open"), 0);
    assert_int_equal(dirfd_pin(rig->d[0]), -1);
    assert_int_equal(errno, EMFILE);
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_true(dirfd_pin(rig->d[0]) >= 0);
    dirfd_unpin(rig->d[0]);
}

static void *pins(void *arg)
{
    struct rig *rig = arg;

    for (unsigned i = 0; i < 100 * DIRS; i++) {
        struct dirfd *d = rig->d[i * 7 % DIRS];
        struct stat st;
        int fd = dirfd_pin(d);

        if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != dirfd_inode(d) ||
            !dirfd_stands(d))
            return rig;
        dirfd_unpin(d);
    }
    return NULL;
}

/* Several threads pin the same ones, which are closed and opened all the time:
 * each gets what it asked for. */
static void test_dirfd__is_for_many_threads(void **state)
{
    struct rig *rig = *state;
    size_t before = open_fds();
    pthread_t thread[3];
    void *failed;

    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(thread_start(&thread[i], pins, rig), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(thread[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(open_fds(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_dirfd__keeps_to_its_budget, many,
                                        gone),
        cmocka_unit_test_setup_teardown(test_dirfd__stands, many, gone),
        cmocka_unit_test_setup_teardown(test_dirfd__inodes_are_used_again, many,
                                        gone),
        cmocka_unit_test_setup_teardown(test_dirfd__says_why, many, gone),
        cmocka_unit_test_setup_teardown(test_dirfd__is_for_many_threads, many,
                                        gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
