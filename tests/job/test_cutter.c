/*
 * Whatever the buffer, the pieces of a file are those that the chunker makes of
 * each run of data between two holes, taken as a whole.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/job/cutter.h"
#include "source/stat_entry.h"
#include "tests/support/prng.h"
#include "tests/support/scratch.h"

enum { PIECES = 4096, FILE_MAX = 6 << 20, HOLE = READER_HOLE_MIN };

/* A scratch directory, open, a reader, a cutter. */
struct rig {
    char dir[SCRATCH_PATH];
    struct dirfd_pool *pool;
    struct dirfd *at;
    struct attrs_cache *attrs;
    struct reader *reader;
    struct chunker chunker;
    struct cutter *cutter;
    uint8_t *content; /* FILE_MAX bytes: what the file holds */
    size_t n;
    struct extent want[PIECES];
    size_t want_n;
    struct extent got[PIECES];
    size_t got_n;
};

static struct rig rig; /* too large for a stack */

static void rig_open(void)
{
    static const uint8_t key[CHUNKER_KEY_BYTES] = "a key of 16 byte";
    struct reader_options options = {0};
    struct chunker_params params;
    struct statx st;
    int fd;

    memset(&rig, 0, sizeof rig);
    scratch_make(rig.dir);
    fd = open(rig.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st), 0);
    assert_int_equal(dirfd_pool_new(O_RDONLY, DIRFD_OPEN_MIN, &rig.pool), 0);
    assert_int_equal(
        dirfd_root(rig.pool, fd, &st, bytes_of_str(rig.dir), &rig.at), 0);
    assert_int_equal(attrs_cache_new(&rig.attrs), 0);
    options.attrs = rig.attrs;
    assert_int_equal(reader_new(&options, &rig.reader), 0);
    assert_int_equal(chunker_params_of(16384, &params), 0);
    assert_int_equal(chunker_init(&rig.chunker, &params, key), 0);
    rig.cutter = cutter_new(&rig.chunker);
    rig.content = mem_alloc(FILE_MAX);
    assert_non_null(rig.cutter);
    assert_non_null(rig.content);
}

static void rig_close(void)
{
    free(rig.content);
    cutter_free(rig.cutter);
    chunker_release(&rig.chunker);
    reader_free(rig.reader);
    attrs_cache_free(rig.attrs);
    dirfd_unref(rig.at);
    dirfd_pool_free(rig.pool);
    scratch_remove(rig.dir);
}

/* Makes the file of runs: data of so many bytes, or, negative, a hole. Holes
 * begin and end with a block of the file system. */
static void make(const long *run, size_t n)
{
    char path[SCRATCH_PATH + 8];
    struct prng r;
    int fd;

    (void)snprintf(path, sizeof path, "%s/f", rig.dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    prng_init(&r, 7);
    rig.n = 0;
    rig.want_n = 0;
    for (size_t i = 0; i < n; i++) {
        size_t bytes = (size_t)(run[i] < 0 ? -run[i] : run[i]);
        uint8_t *p = rig.content + rig.n;
        size_t known = 0;

        assert_true(rig.n + bytes <= FILE_MAX);
        rig.n += bytes;
        if (run[i] < 0) {
            memset(p, 0, bytes);
            rig.want[rig.want_n++] =
                (struct extent){.kind = EXTENT_HOLE, .length = bytes};
            continue;
        }
        prng_fill(&r, p, bytes);
        assert_int_equal(pwrite(fd, p, bytes, p - rig.content), bytes);
        while (bytes > 0) {
            size_t len = chunker_next(&rig.chunker, p, bytes, true, &known);

            rig.want[rig.want_n++] =
                (struct extent){.kind = EXTENT_CHUNK, .length = len};
            p += len;
            bytes -= len;
        }
    }
    assert_int_equal(ftruncate(fd, (off_t)rig.n), 0);
    assert_int_equal(close(fd), 0);
}

static struct entry open_file(void)
{
    struct entry e = {.type = ENTRY_FILE, .name = bytes_of_str("f")};
    bool vanished;

    assert_int_equal(reader_open(rig.reader, rig.at, e.name, &e, &vanished), 0);
    assert_false(vanished);
    cutter_start(rig.cutter, rig.reader);
    return e;
}

/* Cuts the open file with buffers that hold cap bytes, of which `used` are
 * taken at first; its pieces are checked against the content, byte by byte, and
 * noted in rig.got. Holes in a row are one. */
static void cut(size_t cap, size_t used, bool check)
{
    struct cutter_list list = {.piece = NULL};
    struct cutter_buf b = {.p = mem_alloc(cap), .n = used, .cap = cap};
    uint64_t off = 0;
    bool end = false;

    assert_non_null(b.p);
    rig.got_n = 0;
    while (!end) {
        list.n = 0;
        assert_int_equal(cutter_fill(rig.cutter, &b, &list, &end), 0);
        for (size_t i = 0; i < list.n; i++) {
            const struct cutter_piece *p = &list.piece[i];
            struct extent *last = &rig.got[rig.got_n - (rig.got_n > 0)];

            if (p->extent.kind == EXTENT_CHUNK) {
                assert_true(p->bytes >= b.p);
                assert_true(p->bytes + p->extent.length <= b.p + b.n);
                if (check)
                    assert_memory_equal(p->bytes, rig.content + off,
                                        p->extent.length);
            }
            off += p->extent.length;
            if (rig.got_n > 0 && p->extent.kind == EXTENT_HOLE &&
                last->kind == EXTENT_HOLE) {
                last->length += p->extent.length;
                continue;
            }
            assert_true(rig.got_n < PIECES);
            rig.got[rig.got_n++] = p->extent;
        }
        b.n = 0; /* the caller has stored them */
    }
    free(b.p);
    cutter_list_release(&list);
}

static void check_pieces(void)
{
    assert_int_equal(rig.got_n, rig.want_n);
    for (size_t i = 0; i < rig.want_n; i++) {
        assert_int_equal(rig.got[i].kind, rig.want[i].kind);
        assert_int_equal(rig.got[i].length, rig.want[i].length);
    }
}

static void test_cutter__pieces_do_not_depend_on_the_buffer(void **state)
{
    static const long shape[][6] = {
        {0},
        {1},
        {10240}, /* the shortest chunk */
        {65536}, /* the longest */
        {65537},
        {3000000},
        {-HOLE},
        {4096, -HOLE, 1000},
        {-HOLE, 122 * 4096, -4 * HOLE, 17 * 4096, -HOLE},
        {-2 * HOLE, 4096, -2 * HOLE},
    };

    (void)state;
    rig_open();
    for (size_t i = 0; i < sizeof shape / sizeof shape[0]; i++) {
        size_t max = rig.chunker.params.max;
        size_t n = 6;

        while (n > 0 && shape[i][n - 1] == 0)
            n--;
        make(shape[i], n);
        for (size_t k = 0; k < 12; k++) {
            static const size_t more[] = {0,     1,      63,      4095,
                                          10240, 40000,  65536,   65537,
                                          99999, 250000, 1 << 20, 5 << 20};

            for (size_t used = 0; used <= more[k]; used += more[k] / 2 + 1) {
                (void)open_file();
                cut(max + more[k], used, true);
                check_pieces();
            }
        }
    }
    rig_close();
}

/* Short holes are noted once, whole, whatever the buffer cuts them into. */
static void test_cutter__notes_short_holes(void **state)
{
    static const struct short_hole hole[] = {
        {0, 8192},
        {12288, 4096},
        {300000 / 4096 * 4096, 262144 - 4096},
        {700416, 4096}};
    struct short_hole_list want = {.n = 0};
    struct arena a = {0};
    struct buf b;

    (void)state;
    rig_open();
    make((const long[]){704512}, 1);
    for (size_t i = 0; i < sizeof hole / sizeof hole[0]; i++) {
        assert_int_equal(short_hole_add(&want, hole[i].off, hole[i].n), 0);
        assert_true(scratch_run("cd %s && fallocate -p -o %llu -l %llu f",
                                rig.dir, (unsigned long long)hole[i].off,
                                (unsigned long long)hole[i].n));
    }
    buf_init(&b, SHORT_HOLE_BYTES_MAX);
    short_hole_put(&b, &want);
    for (size_t more = 0; more < 400000; more = more * 2 + 1111) {
        struct bytes got;

        (void)open_file();
        cut(rig.chunker.params.max + more, 0, false);
        assert_int_equal(cutter_holes(rig.cutter, &a, &got), 0);
        assert_true(bytes_equal(got, buf_bytes(&b)));
        /* the next file begins without */
        (void)open_file();
        assert_int_equal(cutter_holes(rig.cutter, &a, &got), 0);
        assert_int_equal(got.n, 0);
    }
    buf_release(&b);
    arena_release(&a);
    short_hole_release(&want);
    rig_close();
}

/* Whoever writes to the file while it is read: what is read is cut as it is,
 * and the reader says that it changed. */
static void test_cutter__files_that_change_meanwhile(void **state)
{
    static const long shape[] = {2000000};
    static const char *const change[] = {
        "truncate -s 1000000 f",
        "truncate -s 0 f",
        "truncate -s 3000000 f",
        "head -c 100000 /dev/urandom >> f",
        "rm f",
    };

    (void)state;
    rig_open();
    for (size_t i = 0; i < sizeof change / sizeof change[0]; i++) {
        struct cutter_list list = {.piece = NULL};
        struct cutter_buf b = {.cap = 200000};
        uint64_t bytes = 0;
        struct entry e;
        bool changed = false;
        bool end = false;

        make(shape, 1);
        b.p = mem_alloc(b.cap);
        assert_non_null(b.p);
        e = open_file();
        for (unsigned round = 0; !end; round++) {
            assert_true(round < 100);
            assert_int_equal(cutter_fill(rig.cutter, &b, &list, &end), 0);
            b.n = 0;
            if (round == 0)
                assert_true(scratch_run("cd %s && %s", rig.dir, change[i]));
        }
        for (size_t k = 0; k < list.n; k++)
            bytes += list.piece[k].extent.length;
        assert_int_equal(reader_finish(rig.reader, &e, &changed), 0);
        assert_true(changed);
        assert_int_equal(bytes, e.size);
        assert_true(bytes <= 2000000);
        free(b.p);
        cutter_list_release(&list);
    }
    rig_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cutter__pieces_do_not_depend_on_the_buffer),
        cmocka_unit_test(test_cutter__notes_short_holes),
        cmocka_unit_test(test_cutter__files_that_change_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
