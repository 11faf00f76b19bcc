#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/reader.h"
#include "tests/source/reader_rig.h"

static void read_all(struct reader_rig *rig)
{
    enum { CAP = 1 << 20 };
    uint8_t *block = malloc(CAP);
    struct reader_run run;

    assert_non_null(block);
    do {
        assert_int_equal(reader_next(rig->reader, block, CAP, &run), 0);
    } while (run.kind != READER_END);
    free(block);
}

/* How many pages of a file are in the page cache. */
static size_t rig_cached(const struct reader_rig *rig, const char *name,
                         size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *map = malloc(n / page + 1);
    int fd = reader_rig_fd(rig, name, O_RDONLY);
    void *p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
    size_t sum = 0;

    assert_non_null(map);
    assert_true(p != MAP_FAILED);
    assert_int_equal(mincore(p, n, map), 0);
    for (size_t i = 0; i < (n + page - 1) / page; i++)
        sum += map[i] & 1;
    assert_int_equal(munmap(p, n), 0);
    assert_int_equal(close(fd), 0);
    free(map);
    return sum;
}

static void rig_evict(const struct reader_rig *rig, const char *name)
{
    int fd = reader_rig_fd(rig, name, O_RDONLY);

    assert_int_equal(fsync(fd), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    assert_int_equal(close(fd), 0);
}

/* Whole or given up in the middle: what was in memory is, what was not is not.
 */
static void test_reader_cache__is_left_as_it_was(void **state)
{
    enum { SIZE = 20000001, FEW = 100, AHEAD = 1024 };
    uint8_t *content = calloc(1, SIZE);
    size_t before;
    struct reader_run run;
    struct reader_rig rig;

    (void)state;
    assert_non_null(content);
    reader_rig_open(&rig);

    scratch_file(rig.dir, "f", content, SIZE);
    rig_evict(&rig, "f");
    before = rig_cached(&rig, "f", SIZE);
    if (before > 0)
        print_message("this file system keeps its pages\n");
    for (int part = 0; part < 2 && before == 0; part++) {
        struct entry e = reader_rig_file(&rig, "f");
        bool changed;

        if (part) {
            assert_int_equal(reader_next(rig.reader, content, SIZE / 2, &run),
                             0);
            assert_int_equal(run.n, SIZE / 2);
            reader_close(rig.reader);
        } else {
            read_all(&rig);
            assert_int_equal(reader_finish(rig.reader, &e, &changed), 0);
        }
        /* given up, what is just being read ahead comes behind us */
        assert_true(rig_cached(&rig, "f", SIZE) <= (part ? AHEAD : 0));
    }
    scratch_file(rig.dir, "f", content, SIZE);
    before = rig_cached(&rig, "f", SIZE);
    assert_true(before > FEW);
    (void)reader_rig_file(&rig, "f");
    read_all(&rig);
    reader_close(rig.reader);
    assert_int_equal(rig_cached(&rig, "f", SIZE), before);

    free(content);
    reader_rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_cache__is_left_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
