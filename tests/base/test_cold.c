#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cold.h"
#include "tests/support/scratch.h"

enum { PAGES_MAX = 8192 };

static char scratch[SCRATCH_PATH];
static size_t page;

/* A new file of n bytes of which nothing is in the page cache; -1 where the
 * file system keeps it there. */
static int cold_file(size_t n)
{
    char path[SCRATCH_PATH + 8];
    void *p = calloc(1, n + 1);
    int fd;

    assert_non_null(p);
    scratch_file(scratch, "f", p, n);
    free(p);
    (void)snprintf(path, sizeof path, "%s/f", scratch);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    return fd;
}

/* Which pages are there; returns how many. */
static size_t pages_of(int fd, size_t n, unsigned char map[PAGES_MAX])
{
    size_t pages = (n + page - 1) / page;
    size_t sum = 0;
    void *p;

    assert_true(pages <= PAGES_MAX);
    p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(p != MAP_FAILED);
    assert_int_equal(mincore(p, n, map), 0);
    assert_int_equal(munmap(p, n), 0);
    for (size_t i = 0; i < pages; i++)
        sum += map[i] &= 1;
    return sum;
}

/* Reads [off, off + n), and nothing ahead. */
static void warm(int fd, size_t off, size_t n)
{
    char byte;

    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
    for (; n > 0; off += page, n -= n < page ? n : page)
        assert_int_equal(pread(fd, &byte, 1, (off_t)off), 1);
}

/* Reads all of it as a backup does, dropping in steps. */
static void pass(struct cold *c, int fd, size_t n, size_t step)
{
    char *block = malloc(step);
    size_t off;

    assert_non_null(block);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
    for (off = 0; off + step < n; off += step) {
        assert_int_equal(pread(fd, block, step, (off_t)off), step);
        cold_drop(c, fd, off, off + step);
    }
    assert_true(pread(fd, block, step, (off_t)off) >= 0);
    cold_drop(c, fd, off, n);
    free(block);
}

static int begin(void **state)
{
    static unsigned char map[PAGES_MAX];
    size_t left;
    int fd;

    (void)state;
    page = (size_t)sysconf(_SC_PAGESIZE);
    scratch_make(scratch);
    fd = cold_file(100 * page);
    left = pages_of(fd, 100 * page, map);
    (void)close(fd);
    if (left > 0)
        print_message("this file system keeps its pages: nothing to see\n");
    return left > 0;
}

static int end(void **state)
{
    (void)state;
    cold_assume_old_kernel(false);
    scratch_remove(scratch);
    return 0;
}

/* With the kernel as it is, and as one that is old. */
static void both(void (*test)(bool old))
{
    for (int old = 0; old < 2; old++) {
        cold_assume_old_kernel(old);
        test(old);
    }
}

static void all_cold(bool old)
{
    static const size_t sizes[] = {1,       4095,    4096,     4097,
                                   16384,   100000,  1048576,  1048577,
                                   5000000, 9000001, 30000000, 0};
    static unsigned char map[PAGES_MAX];
    struct cold c;

    for (size_t i = 0; sizes[i]; i++) {
        int fd = cold_file(sizes[i]);

        cold_look(&c, fd, sizes[i]);
        pass(&c, fd, sizes[i], 1 << 20);
        /* a fast disk may have brought what the first page was asked with */
        if (!old || sizes[i] >= COLD_MAP_MIN) {
            assert_true(c.any);
            assert_int_equal(pages_of(fd, sizes[i], map), 0);
        }
        (void)close(fd);
    }
}

static void test_cold__what_was_not_there_goes(void **state)
{
    (void)state;
    both(all_cold);
}

static void all_warm(bool old)
{
    static const size_t sizes[] = {1, 100000, 1048577, 9000001, 0};
    static unsigned char map[PAGES_MAX];
    struct cold c;

    (void)old;
    for (size_t i = 0; sizes[i]; i++) {
        int fd = cold_file(sizes[i]);

        warm(fd, 0, sizes[i]);
        cold_look(&c, fd, sizes[i]);
        assert_false(c.any);
        pass(&c, fd, sizes[i], 1 << 20);
        assert_int_equal(pages_of(fd, sizes[i], map),
                         (sizes[i] + page - 1) / page);
        (void)close(fd);
    }
}

static void test_cold__what_was_there_stays(void **state)
{
    (void)state;
    both(all_warm);
}

/* Each page that was there is there; beyond that no more than its granule. */
static void some_warm(bool old)
{
    static const struct {
        size_t off;
        size_t n;
    } at[] = {{0, 1},
              {77777, 1},
              {1 << 20, 1 << 20},
              {5000000, 200000},
              {8999999, 1}};
    const size_t n = 9000001;
    static unsigned char before[PAGES_MAX], after[PAGES_MAX];
    struct cold c;
    int fd = cold_file(n);

    (void)old;
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
        warm(fd, at[i].off, at[i].n);
    (void)pages_of(fd, n, before);
    cold_look(&c, fd, n);
    pass(&c, fd, n, 1 << 20);
    (void)pages_of(fd, n, after);
    for (size_t i = 0; i < (n + page - 1) / page; i++) {
        size_t first = i * page / c.granule * (c.granule / page);
        unsigned char any = 0;

        if (before[i])
            assert_true(after[i]);
        for (size_t k = first; k < first + c.granule / page; k++)
            any |= k < (n + page - 1) / page ? before[k] : 0;
        if (!any)
            assert_false(after[i]);
    }
    (void)close(fd);
}

static void test_cold__each_granule_by_itself(void **state)
{
    (void)state;
    both(some_warm);
}

/* A sparse file of any length: the map is bounded, and nothing is read. */
static void huge(bool old)
{
    char byte;
    struct cold c;
    int fd = cold_file(1);

    (void)old;
    assert_int_equal(ftruncate(fd, (off_t)1 << 42), 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)1 << 41), 1);
    cold_look(&c, fd, UINT64_C(1) << 42);
    assert_true((c.size + c.granule - 1) / c.granule <= COLD_GRANULES);
    cold_drop(&c, fd, 0, UINT64_C(1) << 42);
    cold_look(&c, fd, 0);
    assert_false(c.any);
    cold_drop(&c, fd, 0, 0);
    (void)close(fd);
}

static void test_cold__files_of_any_length(void **state)
{
    (void)state;
    both(huge);
}

static void test_cold__nothing_to_ask_is_warm(void **state)
{
    struct cold c;

    (void)state;
    for (int old = 0; old < 2; old++) {
        cold_assume_old_kernel(old);
        cold_look(&c, -1, 1 << 20);
        assert_false(c.any);
        cold_drop(&c, -1, 0, 1 << 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cold__what_was_not_there_goes),
        cmocka_unit_test(test_cold__what_was_there_stays),
        cmocka_unit_test(test_cold__each_granule_by_itself),
        cmocka_unit_test(test_cold__files_of_any_length),
        cmocka_unit_test(test_cold__nothing_to_ask_is_warm),
    };

    if (begin(NULL) != 0) {
        (void)end(NULL);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, end);
}
