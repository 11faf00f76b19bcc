#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fileop_fault.h"
#include "repo/cache_dir.h"
#include "tests/support/scratch.h"

static const struct repo_id repo = {{0xab, 1}};

static unsigned mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    return st.st_mode & 07777;
}

/* All that is missing on the way is made, for nobody else to look into. */
static void test_cache_dir__is_made_for_the_owner_alone(void **state)
{
    char dir[SCRATCH_PATH];
    char root[SCRATCH_PATH + 16];
    char *path = NULL;
    char *again = NULL;

    (void)state;
    scratch_make(dir);
    (void)snprintf(root, sizeof root, "%s/a/b", dir);
    assert_int_equal(cache_dir_open(root, &repo, &path), 0);
    assert_non_null(strstr(path, "/a/b/ab01000000"));
    assert_int_equal(mode_of(root), 0700);
    assert_int_equal(mode_of(path), 0700);
    assert_int_equal(cache_dir_open(root, &repo, &again), 0);
    assert_string_equal(path, again);
    free(path);
    free(again);
    scratch_remove(dir);
}

static void test_cache_dir__what_stands_in_the_way(void **state)
{
    char dir[SCRATCH_PATH];
    char root[SCRATCH_PATH + 16];
    char longest[CACHE_DIR_PATH_MAX];
    char *path = NULL;

    (void)state;
    scratch_make(dir);
    scratch_text(dir, "file", "x");
    (void)snprintf(root, sizeof root, "%s/file", dir);
    assert_int_equal(cache_dir_open(root, &repo, &path), E_IO);
    assert_null(path);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(cache_dir_open(longest, &repo, &path), E_LIMIT);
    assert_null(path);
    scratch_remove(dir);
}

/* A private one is nobody else's, and leaves nothing behind. */
static void test_cache_dir__private_ones_come_and_go(void **state)
{
    char dir[SCRATCH_PATH];
    char *a = NULL;
    char *b = NULL;
    int held_a;
    int held_b;

    (void)state;
    scratch_make(dir);
    assert_int_equal(setenv("TMPDIR", dir, 1), 0);
    assert_int_equal(cache_dir_private(&a, &held_a), 0);
    assert_int_equal(cache_dir_private(&b, &held_b), 0);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_string_not_equal(a, b);
    assert_int_equal(strncmp(a, dir, strlen(dir)), 0);
    assert_int_equal(mode_of(a), 0700);
    assert_true(scratch_run("cd %s && mkdir index index.bad && "
                            "touch index/data index/lock index.lock",
                            a));
    cache_dir_remove(a, held_a);
    assert_true(scratch_run("test ! -e %s && test -d %s", a, b));
    cache_dir_remove(b, held_b);
    assert_true(scratch_run("test -z \"$(ls %s)\"", dir));
    free(a);
    free(b);
    scratch_remove(dir);
}

/* One whose process was killed goes when the next is made; those of the living
 * stay, and so does what only looks alike. */
static void test_cache_dir__those_of_the_dead_go(void **state)
{
    static const char dead[] = "dedup-cache-0123456789abcdef0123456789abcdef";
    char dir[SCRATCH_PATH];
    char *live = NULL;
    char *next = NULL;
    int held_live;
    int held_next;

    (void)state;
    scratch_make(dir);
    assert_int_equal(setenv("TMPDIR", dir, 1), 0);
    assert_int_equal(cache_dir_private(&live, &held_live), 0);
    assert_true(
        scratch_run("cd %s && mkdir -m 700 %s dedup-cache-mine "
                    "other && mkdir %s/index && touch %s/index/data.mdb "
                    "&& ln -s other dedup-cache-"
                    "ffffffffffffffffffffffffffffffff",
                    dir, dead, dead, dead));
    assert_int_equal(cache_dir_private(&next, &held_next), 0);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_true(scratch_run("cd %s && test ! -e %s && test -d %s && test -d %s",
                            dir, dead, live, next));
    assert_true(
        scratch_run("cd %s && test -d dedup-cache-mine && test -d other "
                    "&& test -L dedup-cache-"
                    "ffffffffffffffffffffffffffffffff",
                    dir));
    cache_dir_remove(live, held_live);
    cache_dir_remove(next, held_next);
    free(live);
    free(next);
    scratch_remove(dir);
}

/* What another user left is not ours to remove, though we could. */
static void test_cache_dir__those_of_others_stay(void **state)
{
    static const char other[] = "dedup-cache-0123456789abcdef0123456789abcdef";
    char dir[SCRATCH_PATH];
    char *next = NULL;
    int held;

    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can make a directory of another user */
    scratch_make(dir);
    assert_true(
        scratch_run("cd %s && mkdir %s && chown 65534 %s", dir, other, other));
    assert_int_equal(setenv("TMPDIR", dir, 1), 0);
    assert_int_equal(cache_dir_private(&next, &held), 0);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_true(scratch_run("test -d %s/%s", dir, other));
    cache_dir_remove(next, held);
    free(next);
    scratch_remove(dir);
}

/* The next directory that is locked goes before it is, and this was its path.
 */
static bool swept_next;
static char swept[SCRATCH_PATH + 64];

/* In the place of the C library's. */
int flock(int fd, int operation)
{
    char self[32];

    if (swept_next) {
        ssize_t n;

        swept_next = false;
        (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        n = readlink(self, swept, sizeof swept - 1);
        assert_in_range(n, 1, sizeof swept - 2);
        swept[n] = 0;
        assert_int_equal(rmdir(swept), 0);
    }
    return (int)syscall(SYS_flock, fd, operation);
}

/* A sweep may come between the making of a directory and its lock: what is
 * held then is gone, and another is made. */
static void test_cache_dir__one_swept_before_it_is_held(void **state)
{
    char dir[SCRATCH_PATH];
    char *path = NULL;
    int held;

    (void)state;
    scratch_make(dir);
    assert_int_equal(setenv("TMPDIR", dir, 1), 0);
    swept_next = true;
    assert_int_equal(cache_dir_private(&path, &held), 0);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_false(swept_next);
    assert_string_not_equal(path, swept);
    assert_int_equal(mode_of(path), 0700);
    cache_dir_remove(path, held);
    free(path);
    scratch_remove(dir);
}

/* Nor is what another user gave the name of a cache, in a directory where he
 * may, or what has more in it than a cache. */
static void test_cache_dir__what_is_no_cache_stays(void **state)
{
    static const char name[] = "dedup-cache-0123456789abcdef0123456789abcdef";
    static const char *const make[] = {
        "mkdir -m 755 $D",
        "mkdir -m 700 $D && echo x > $D/photo",
        "mkdir -m 700 $D && mkdir $D/index && echo x > $D/index/photo",
        "mkdir -m 700 $D && mkdir -p $D/index/data.mdb/photos",
        "mkdir -m 700 $D && mkdir $D/photos",
    };
    static const char *const cache[] = {
        "mkdir -m 700 $D",
        "mkdir -m 700 $D && touch $D/index.lock && mkdir $D/index.bad",
        "mkdir -m 700 $D && mkdir $D/index.new && touch $D/index.new/runs",
    };
    const size_t stay = sizeof make / sizeof make[0];
    const size_t all = stay + sizeof cache / sizeof cache[0];

    (void)state;
    for (size_t i = 0; i < all; i++) {
        char dir[SCRATCH_PATH];
        char path[SCRATCH_PATH + sizeof name];
        char *next = NULL;
        int held;

        scratch_make(dir);
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        assert_true(scratch_run("D=%s && %s", path,
                                i < stay ? make[i] : cache[i - stay]));
        assert_true(scratch_run("cp -r %s %s/before", path, dir));
        assert_int_equal(setenv("TMPDIR", dir, 1), 0);
        assert_int_equal(cache_dir_private(&next, &held), 0);
        assert_int_equal(unsetenv("TMPDIR"), 0);
        if (i < stay)
            assert_true(scratch_run("diff -r %s %s/before", path, dir));
        else
            assert_true(scratch_run("test ! -e %s", path));
        cache_dir_remove(next, held);
        free(next);
        scratch_remove(dir);
    }
}

/* Nor is what could not be looked at, whichever operation failed. */
static void test_cache_dir__what_cannot_be_looked_at_stays(void **state)
{
    static const char name[] = "dedup-cache-0123456789abcdef0123456789abcdef";
    char dir[SCRATCH_PATH];
    uint64_t fired = 1;

    (void)state;
    scratch_make(dir);
    assert_int_equal(setenv("TMPDIR", dir, 1), 0);
    assert_true(scratch_run("cd %s && mkdir -m 700 %s && mkdir %s/index && "
                            "echo x >%s/index/photo",
                            dir, name, name, name));
    for (int n = 1; fired; n++) {
        char plan[64];
        char *next = NULL;
        int held, rc;

        assert_in_range(n, 1, 1000);
        (void)snprintf(plan, sizeof plan, "fail:%d:EIO,domain=cache", n);
        assert_int_equal(fileop_fault_set(plan), 0);
        rc = cache_dir_private(&next, &held);
        fired = fileop_fault_fired();
        assert_int_equal(fileop_fault_set(NULL), 0);
        assert_true(rc == 0 || (rc == E_IO && fired));
        assert_true(scratch_run("test -f %s/%s/index/photo", dir, name));
        if (rc == 0)
            cache_dir_remove(next, held);
        free(next);
    }
    assert_int_equal(unsetenv("TMPDIR"), 0);
    scratch_remove(dir);
}

/* Where others may rename our directories there is nothing private. */
static void test_cache_dir__others_may_not_write_beside_it(void **state)
{
    static const struct {
        unsigned mode;
        int rc;
    } row[] = {{0700, 0},    {0755, 0},     {01777, 0},
               {01770, 0},   {0777, E_IO},  {0770, E_IO},
               {0702, E_IO}, {02775, E_IO}, {03775, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char dir[SCRATCH_PATH];
        char *next = NULL;
        int held;

        scratch_make(dir);
        assert_true(scratch_run("chmod %o %s", row[i].mode, dir));
        assert_int_equal(setenv("TMPDIR", dir, 1), 0);
        assert_int_equal(cache_dir_private(&next, &held), row[i].rc);
        assert_int_equal(unsetenv("TMPDIR"), 0);
        if (row[i].rc < 0) {
            assert_non_null(strstr(err_text(), "sticky"));
            assert_null(next);
        } else {
            cache_dir_remove(next, held);
        }
        assert_true(scratch_run("test -z \"$(ls %s)\"", dir));
        free(next);
        scratch_remove(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cache_dir__is_made_for_the_owner_alone),
        cmocka_unit_test(test_cache_dir__what_stands_in_the_way),
        cmocka_unit_test(test_cache_dir__private_ones_come_and_go),
        cmocka_unit_test(test_cache_dir__those_of_the_dead_go),
        cmocka_unit_test(test_cache_dir__those_of_others_stay),
        cmocka_unit_test(test_cache_dir__one_swept_before_it_is_held),
        cmocka_unit_test(test_cache_dir__what_is_no_cache_stays),
        cmocka_unit_test(test_cache_dir__what_cannot_be_looked_at_stays),
        cmocka_unit_test(test_cache_dir__others_may_not_write_beside_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
