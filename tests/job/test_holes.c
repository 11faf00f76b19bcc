/*
 * Short holes, from the source to the entry and back: on the file system of the
 * temporary directory and on a tmpfs.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fileop_fault.h"
#include "base/mem.h"
#include "source/reader.h"
#include "tests/job/job_fixture.h"
#include "tests/support/prng.h"

enum { BLOCK = 4096, K = 1024 };

/* A file being made: data that is not zero, and holes, one after the other. */
struct maker {
    int fd;
    uint64_t size;
    struct prng r;
};

static void maker_open(struct maker *m, const struct job_fixture *f,
                       const char *name)
{
    char path[2 * JOB_PATH];

    (void)snprintf(path, sizeof path, "%s/%s", f->src, name);
    *m = (struct maker){
        .fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    assert_true(m->fd >= 0);
    prng_init(&m->r, 99);
}

static void maker_data(struct maker *m, size_t n)
{
    uint8_t *p = mem_alloc(n);

    assert_non_null(p);
    prng_fill(&m->r, p, n);
    p[0] = p[n - 1] = 1;
    assert_int_equal(pwrite(m->fd, p, n, (off_t)m->size), n);
    m->size += n;
    free(p);
}

static void maker_hole(struct maker *m, size_t n)
{
    m->size += n;
}

static void maker_close(struct maker *m)
{
    assert_int_equal(ftruncate(m->fd, (off_t)m->size), 0);
    assert_int_equal(close(m->fd), 0);
}

/* The holes of src/name that a snapshot keeps in the entry. */
static struct short_hole_list holes_of(const struct job_fixture *f,
                                       const char *name)
{
    struct short_hole_list l = {.n = 0};
    char path[2 * JOB_PATH];
    struct stat st;
    off_t off = 0;
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", f->src, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    while (off < st.st_size) {
        off_t hole = lseek(fd, off, SEEK_HOLE);

        assert_true(hole >= off);
        off = lseek(fd, hole, SEEK_DATA);
        if (off < 0)
            off = st.st_size;
        if (off > hole && off - hole < READER_HOLE_MIN)
            assert_int_equal(
                short_hole_add(&l, (uint64_t)hole, (uint64_t)(off - hole)), 0);
    }
    assert_int_equal(close(fd), 0);
    return l;
}

/* The entry keeps exactly the short holes that the file has; returns how many.
 */
static size_t entry_has(struct job_fixture *f, const struct job_snap *s,
                        const char *name)
{
    struct short_hole_list l = holes_of(f, name);
    struct job_entry e;
    struct buf b;
    size_t n = l.n;

    assert_true(job_fixture_find(f, &s->result.id, name, &e));
    buf_init(&b, SHORT_HOLE_BYTES_MAX);
    if (n > 0)
        short_hole_put(&b, &l);
    assert_true(bytes_equal(buf_bytes(&b), e.te.holes));
    buf_release(&b);
    job_fixture_drop(&e);
    short_hole_release(&l);
    return n;
}

/* The next fixture is made on the i-th of the two file systems; false: there is
 * no such. */
static bool place(unsigned i)
{
    static char usual[SCRATCH_PATH];
    const char *dir = usual;

    if (!*usual) {
        const char *tmp = getenv("TMPDIR");

        (void)snprintf(usual, sizeof usual, "%s", tmp && *tmp ? tmp : "/tmp");
    }
    if (i == 1)
        dir = "/dev/shm";
    if (access(dir, W_OK) != 0) {
        print_message("skipped: %s\n", dir);
        return false;
    }
    assert_int_equal(setenv("TMPDIR", dir, 1), 0);
    return true;
}

static void make_pattern(struct job_fixture *f, const char *name, size_t times,
                         size_t data, size_t hole)
{
    struct maker m;

    maker_open(&m, f, name);
    for (size_t i = 0; i < times; i++) {
        maker_data(&m, data);
        maker_hole(&m, hole);
    }
    maker_close(&m);
}

/* As a database leaves a file: pages here and there. */
static void make_database(struct job_fixture *f, const char *name)
{
    struct maker m;
    struct prng r;

    prng_init(&r, 5);
    maker_open(&m, f, name);
    for (unsigned i = 0; i < 1500; i++) {
        maker_data(&m, BLOCK * (1 + prng_below(&r, 4)));
        maker_hole(&m, BLOCK * (1 + prng_below(&r, 9)));
    }
    maker_close(&m);
}

static void make_edges(struct job_fixture *f)
{
    struct maker m;

    maker_open(&m, f, "edges"); /* only the first is a short one */
    for (size_t n = 252; n <= 260; n += 4) {
        maker_data(&m, BLOCK);
        maker_hole(&m, n * K);
    }
    maker_data(&m, 100);
    maker_close(&m);
    maker_open(&m, f, "start");
    maker_hole(&m, 64 * K);
    maker_data(&m, 50000);
    maker_close(&m);
    maker_open(&m, f, "end");
    maker_data(&m, 15 * BLOCK);
    maker_hole(&m, 100001);
    maker_close(&m);
    maker_open(&m, f, "only");
    maker_hole(&m, 99999);
    maker_close(&m);
}

static void test_holes__short_ones_return(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct job_fixture f;
        struct job_snap s;

        if (!place(i))
            continue;
        job_fixture_open(&f);
        make_pattern(&f, "pattern", 128, BLOCK, BLOCK);
        make_database(&f, "database");
        make_edges(&f);
        job_fixture_write(&f, "dense", 1, 300000);
        assert_true(scratch_run("head -c 1000000 /dev/zero > %s/zeros", f.src));
        s = job_fixture_snap(&f);
        assert_int_equal(entry_has(&f, &s, "pattern"), 128);
        assert_int_equal(entry_has(&f, &s, "database"), 1500);
        assert_int_equal(entry_has(&f, &s, "edges"), 1);
        assert_int_equal(entry_has(&f, &s, "start"), 1);
        assert_int_equal(entry_has(&f, &s, "end"), 1);
        assert_int_equal(entry_has(&f, &s, "only"), 1);
        assert_int_equal(entry_has(&f, &s, "dense"), 0);
        assert_int_equal(entry_has(&f, &s, "zeros"), 0);
        job_fixture_returns(&f, &s.result.id);
        /* kept entries keep theirs */
        job_fixture_reopen(&f, false);
        s = job_fixture_snap(&f);
        assert_int_equal(s.result.kept_files, 8);
        assert_int_equal(entry_has(&f, &s, "database"), 1500);
        job_fixture_returns(&f, &s.result.id);
        job_fixture_close(&f);
    }
}

/* The same bytes with other holes are the same chunks. */
static void test_holes__are_no_other_content(void **state)
{
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    if (!place(0))
        skip();
    job_fixture_open(&f);
    make_database(&f, "database");
    s = job_fixture_snap(&f);
    assert_true(s.result.stats.new_bytes > 1000000);
    assert_true(scratch_run("cd %s && cp --sparse=never database full && "
                            "fallocate -p -o 0 -l 4096 database",
                            f.src));
    s = job_fixture_snap(&f);
    assert_int_equal(entry_has(&f, &s, "full"), 0);
    assert_true(entry_has(&f, &s, "database") > 1400);
    assert_true(s.result.stats.new_bytes < 200000);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

static uint64_t blocks_of(const char *dir, const char *name)
{
    char path[2 * JOB_PATH];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(stat(path, &st), 0);
    return (uint64_t)st.st_blocks * 512;
}

/* What is more than an entry holds comes back as zeros. */
static void test_holes__too_many_become_zeros(void **state)
{
    enum { MORE = 500 };
    struct job_fixture f;
    struct job_restore r;
    struct job_snap s;

    (void)state;
    if (!place(0))
        skip();
    job_fixture_open(&f);
    make_pattern(&f, "many", SHORT_HOLE_MAX + MORE, BLOCK, BLOCK);
    s = job_fixture_snap(&f);
    assert_int_equal(entry_has(&f, &s, "many"), SHORT_HOLE_MAX);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.failed + r.damaged, 0);
    assert_true(scratch_run("cmp %s/many %s/many", f.src, f.out));
    if (blocks_of(f.src, "many") == (uint64_t)BLOCK * (SHORT_HOLE_MAX + MORE))
        assert_int_equal(blocks_of(f.out, "many"),
                         blocks_of(f.src, "many") + (uint64_t)BLOCK * MORE);
    job_fixture_close(&f);
}

/* An entry that calls a hole what is data: the data wins. */
static void test_holes__are_but_a_hint(void **state)
{
    struct job_fixture f;
    struct restore_job_options o = {.threads = 2};
    struct tree_entry te = {.attr = NULL};
    struct short_hole_list l = {.n = 0};
    struct job_restore r;
    struct job_entry e;
    struct job_snap s;
    struct buf holes;
    struct buf lie;
    struct codec c;

    (void)state;
    if (!place(0))
        skip();
    job_fixture_open(&f);
    scratch_dir(f.src, "d");
    make_pattern(&f, "d/f", 40, BLOCK, BLOCK);
    s = job_fixture_snap(&f);
    assert_true(job_fixture_find(&f, &s.result.id, "d/f", &e));
    buf_init(&holes, SHORT_HOLE_BYTES_MAX);
    buf_init(&lie, TREE_ENTRY_BYTES_MAX);
    /* parts of data, of holes, and of both; the last byte */
    for (uint64_t off = 1; off + 1000 < e.te.e.size; off += 5000)
        assert_int_equal(short_hole_add(&l, off, 900), 0);
    assert_int_equal(short_hole_add(&l, e.te.e.size - 1, 1), 0);
    short_hole_put(&holes, &l);
    e.te.holes = buf_bytes(&holes);
    e.te.fields = bytes_of(NULL, 0);
    assert_int_equal(tree_entry_put(&lie, &e.te), 0);
    codec_init(&c, buf_bytes(&lie));
    assert_int_equal(tree_entry_get(&c, &te, false), 0);
    assert_true(bytes_equal(te.holes, buf_bytes(&holes)));
    o.start = &te;
    o.start_path = bytes_of_str("d/f");
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.written, 1);
    assert_true(scratch_run("cmp %s/d/f %s/f", f.src, f.out));
    tree_entry_release(&te);
    job_fixture_drop(&e);
    short_hole_release(&l);
    buf_release(&holes);
    buf_release(&lie);
    job_fixture_close(&f);
}

/* Attributes are more than holes where an entry cannot hold both. */
static void test_holes__give_way_to_attributes(void **state)
{
    enum { ATTRS = 124 };
    static const uint8_t value[TREE_ATTR_INLINE_MAX];
    struct job_fixture f;
    struct job_entry e;
    struct job_snap s;
    char path[2 * JOB_PATH];
    bool room = true;

    (void)state;
    if (!place(1))
        skip();
    job_fixture_open(&f);
    make_pattern(&f, "f", SHORT_HOLE_MAX, BLOCK, BLOCK);
    (void)snprintf(path, sizeof path, "%s/f", f.src);
    for (unsigned i = 0; i < ATTRS && room; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "user.%03u", i);
        room = setxattr(path, name, value, sizeof value, 0) == 0;
    }
    s = job_fixture_snap(&f);
    assert_true(job_fixture_find(&f, &s.result.id, "f", &e));
    if (room) {
        assert_int_equal(e.te.attr_n, ATTRS);
        assert_int_equal(e.te.holes.n, 0);
    } else {
        print_message("skipped: no room for attributes here\n");
    }
    job_fixture_drop(&e);
    job_fixture_close(&f);
}

/* A file may be larger than one extent can be long: whoever may write one must
 * not cost its neighbours their backup. Only some file systems have such. */
static void test_holes__longer_than_an_extent(void **state)
{
    static const uint64_t size[] = {EXTENT_LENGTH_MAX, EXTENT_LENGTH_MAX + 1,
                                    2 * EXTENT_LENGTH_MAX + 1};
    struct job_fixture f;
    struct job_snap s;
    struct job_entry e;
    bool made = true;

    (void)state;
    if (!place(1))
        skip();
    job_fixture_open(&f);
    for (size_t i = 0; i < 3 && made; i++)
        made = scratch_run("truncate -s %llu %s/%zu 2> /dev/null",
                           (unsigned long long)size[i], f.src, i);
    if (!made) {
        job_fixture_close(&f);
        skip();
    }
    job_fixture_write(&f, "neighbour", 1, 1000);
    s = job_fixture_snap(&f);
    for (size_t i = 0; i < 3; i++) {
        char name[] = {(char)('0' + i), 0};

        assert_true(job_fixture_find(&f, &s.result.id, name, &e));
        assert_int_equal(e.te.e.size, size[i]);
        job_fixture_drop(&e);
    }
    assert_true(job_fixture_find(&f, &s.result.id, "neighbour", &e));
    assert_int_equal(e.te.e.size, 1000);
    job_fixture_drop(&e);
    job_fixture_close(&f);
}

/* A file with data at both ends and one hole between, as long as a file can
 * be; false: not on this file system. */
static bool make_longest(struct job_fixture *f, const char *name)
{
    char path[2 * JOB_PATH];
    struct maker m;

    (void)snprintf(path, sizeof path, "%s/%s", f->src, name);
    if (!scratch_run("truncate -s 7E %s 2> /dev/null", path)) {
        (void)unlink(path);
        return false;
    }
    maker_open(&m, f, name);
    maker_data(&m, 3 * BLOCK);
    m.size = (7ULL << 60) - 20000000;
    maker_data(&m, 10000000);
    m.size = 7ULL << 60;
    maker_close(&m);
    return true;
}

/* What a hole costs does not depend on its length: the test has a time limit
 * that nobody keeps who counts its bytes, or its parts. */
static void test_holes__cost_nothing(void **state)
{
    struct restore_job_options o = {.threads = 2, .verify = true};
    struct job_fixture f;
    struct job_restore r;
    struct job_snap s;

    (void)state;
    if (!place(1))
        skip();
    job_fixture_open(&f);
    if (!make_longest(&f, "f")) {
        job_fixture_close(&f);
        skip();
    }
    assert_true(scratch_run("ln %s/f %s/linked && truncate -s 5E %s/empty",
                            f.src, f.src, f.src));
    /* linked files are not cut into parts */
    for (unsigned i = 0; i < 2; i++) {
        s = job_fixture_snap(&f);
        job_fixture_returns(&f, &s.result.id);
        assert_true(scratch_run("rm -f %s/linked", f.src));
    }
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.written, 0);
    /* one byte in the middle of the hole is seen, and so is a lost end */
    assert_true(scratch_run("cd %s && touch -r f ../ref && printf x | "
                            "dd of=f bs=1 seek=4E conv=notrunc 2> /dev/null && "
                            "touch -r ../ref f",
                            f.out));
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.written, 1);
    /* a target that was there keeps its own times */
    assert_true(scratch_run("touch -r %s %s", f.src, f.out));
    assert_true(job_fixture_same(f.src, f.out));
    job_fixture_close(&f);
}

/* Parts begin where data does: at any distance, behind any hole. */
static void test_holes__lie_between_parts(void **state)
{
    static const size_t data[] = {1,       BLOCK,   100000, 9 << 20,
                                  1 << 20, 3 << 20, BLOCK,  17 << 20};
    static const size_t hole[] = {8 << 20,  16 << 20, 1 << 20, 300 * K,
                                  40 << 20, 7 << 20,  9 << 20, 8 << 20};
    struct job_fixture f;
    struct job_snap s;
    struct maker m;

    (void)state;
    if (!place(1))
        skip();
    job_fixture_open(&f);
    for (unsigned first = 0; first < 2; first++) {
        maker_open(&m, &f, first ? "hole-first" : "data-first");
        for (size_t i = 0; i < sizeof data / sizeof *data; i++) {
            if (first)
                maker_hole(&m, hole[i]);
            /* holes begin with a page */
            maker_data(&m, (data[i] + BLOCK - 1) / BLOCK * BLOCK);
            if (!first)
                maker_hole(&m, hole[i]);
        }
        maker_close(&m);
    }
    s = job_fixture_snap(&f);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

struct canceller {
    struct cancel cancel;
    uint64_t reads; /* of the target until it was asked */
};

static int cancel_at_read(void *ctx, enum memory_point point, enum memory_op op,
                          const char *name)
{
    struct canceller *c = ctx;

    if (point != MEMORY_BEFORE || op != MEMORY_GET ||
        strncmp(name, "packs/", 6) != 0)
        return 0;
    if (fileop_fault_count() > 100 && !cancel_signal(&c->cancel)) {
        c->reads = fileop_fault_count();
        cancel_request(&c->cancel, SIGINT);
    }
    return 0;
}

/* Who asks to stop does not wait for the end of a file. */
static void test_holes__comparing_can_be_cancelled(void **state)
{
    struct canceller c = {.reads = 0};
    struct restore_job_options o = {
        .threads = 1, .verify = true, .cancel = &c.cancel};
    struct job_fixture f;
    struct job_restore r;
    struct job_snap s;
    uint64_t reads;

    (void)state;
    if (!place(0))
        skip();
    job_fixture_open(&f);
    job_fixture_write(&f, "f", 1, 24 << 20);
    s = job_fixture_snap(&f);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    assert_int_equal(fileop_fault_set("count,class=read,domain=target"), 0);
    memory_set_hook(f.store, cancel_at_read, &c);
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    memory_set_hook(f.store, NULL, NULL);
    reads = fileop_fault_count();
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_int_equal(r.rc, E_CANCELED);
    assert_int_equal(reads, c.reads);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holes__short_ones_return),
        cmocka_unit_test(test_holes__are_no_other_content),
        cmocka_unit_test(test_holes__too_many_become_zeros),
        cmocka_unit_test(test_holes__are_but_a_hint),
        cmocka_unit_test(test_holes__give_way_to_attributes),
        cmocka_unit_test(test_holes__longer_than_an_extent),
        cmocka_unit_test(test_holes__cost_nothing),
        cmocka_unit_test(test_holes__lie_between_parts),
        cmocka_unit_test(test_holes__comparing_can_be_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
