#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "repo/record_journal.h"
#include "repo/repo_log.h"
#include "repo/snapshot_list.h"
#include "repo/writer.h"
#include "tests/job/job_fixture.h"
#include "tests/support/oddtree.h"
#include "tests/support/prng.h"

/* The directories above the source are in each snapshot, and others change
 * them at any time: these many pages may be new though nothing has changed. */
enum { PAGES_ABOVE = 4 };

/* --- one tree, however it is read --- */

static void make_odd(struct job_fixture *f)
{
    FILE *skips = tmpfile();

    assert_non_null(skips);
    assert_true(oddtree_make(f->src, skips));
    (void)fclose(skips);
}

static void test_snapshot_job__one_tree_whatever_the_threads(void **state)
{
    static const unsigned threads[] = {1, 2, 3, 8};
    struct job_fixture f;
    struct chunk_id first = {{0}};

    (void)state;
    job_fixture_open(&f);
    make_odd(&f);
    job_fixture_write(&f, "large", 1, 3000000);
    for (size_t i = 0; i < 4; i++) {
        struct snapshot_job_options o = job_fixture_options(&f);
        struct job_snap s;
        struct chunk_id root;

        o.threads = threads[i];
        o.force = true;
        s = job_fixture_run(&f, &o);
        assert_int_equal(s.rc, 0);
        assert_int_equal(s.result.kept_files, 0);
        root = job_fixture_root(&f, &s.result.id);
        if (i == 0)
            first = root;
        else
            assert_in_range(s.result.stats.new_chunks, 0, PAGES_ABOVE);
        assert_true(chunk_id_equal(&root, &first));
    }
    /* and once more, with the parent */
    {
        struct job_snap s = job_fixture_run(&f, NULL);
        struct chunk_id root = job_fixture_root(&f, &s.result.id);

        assert_int_equal(s.rc, 0);
        assert_int_equal(s.result.kept_files, s.result.stats.files);
        assert_in_range(s.result.stats.new_chunks, 0, PAGES_ABOVE);
        assert_true(chunk_id_equal(&root, &first));
    }
    job_fixture_close(&f);
}

static void test_snapshot_job__everything_odd_returns(void **state)
{
    struct job_fixture f;

    (void)state;
    job_fixture_open(&f);
    make_odd(&f);
    for (unsigned threads = 1; threads <= 4; threads += 3) {
        struct snapshot_job_options o = job_fixture_options(&f);
        struct job_snap s;

        o.threads = threads;
        s = job_fixture_run(&f, &o);
        assert_int_equal(s.rc, 0);
        job_fixture_returns(&f, &s.result.id);
    }
    job_fixture_close(&f);
}

/* --- what has not changed is not opened --- */

static uint64_t opens_of(struct job_fixture *f, bool force,
                         struct job_snap *snap)
{
    struct snapshot_job_options o = job_fixture_options(f);
    uint64_t n;

    o.force = force;
    assert_int_equal(fileop_fault_set("count,class=open,domain=source"), 0);
    *snap = job_fixture_run(f, &o);
    n = fileop_fault_count();
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_int_equal(snap->rc, 0);
    return n;
}

static void test_snapshot_job__opens_only_what_changed(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    uint64_t all;
    uint64_t none;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    all = opens_of(&f, false, &s);
    assert_false(s.result.has_parent);
    assert_int_equal(s.result.kept_files, 0);
    none = opens_of(&f, false, &s);
    assert_true(s.result.has_parent);
    assert_int_equal(s.result.kept_files, JOB_FIXTURE_FILES);
    assert_int_equal(all - none, JOB_FIXTURE_FILES);

    job_fixture_write(&f, "file-007", 7777, 50);
    assert_int_equal(opens_of(&f, false, &s), none + 1);
    assert_int_equal(s.result.kept_files, JOB_FIXTURE_FILES - 1);
    job_fixture_returns(&f, &s.result.id);

    assert_int_equal(opens_of(&f, true, &s), all);
    assert_int_equal(s.result.kept_files, 0);
    assert_in_range(s.result.stats.new_chunks, 0, PAGES_ABOVE);
    job_fixture_close(&f);
}

/* What touches a file in any way makes it be looked at again. */
static void test_snapshot_job__notices_every_kind_of_change(void **state)
{
    static const char *const change[] = {
        "touch -d 2001-01-01 file-005",
        "chmod 0600 file-005",
        "ln file-005 zz-link",
        "mv file-005 zz-moved",
        "cp --preserve=all file-005 t && mv t file-005",
        "printf x >> file-005",
        "rm file-005 && mkdir file-005",
        "rm file-005 && ln -s else file-005",
        "rm file-005",
    };
    struct job_fixture f;
    const char *d = f.src;

    (void)state;
    job_fixture_open(&f);
    for (size_t i = 0; i < sizeof change / sizeof change[0]; i++) {
        struct job_snap s;

        assert_true(scratch_run("rm -rf %s && mkdir %s", d, d));
        job_fixture_files(&f);
        (void)job_fixture_snap(&f);
        s = job_fixture_snap(&f);
        assert_int_equal(s.result.kept_files, JOB_FIXTURE_FILES);
        assert_true(scratch_run("cd %s && %s", d, change[i]));
        s = job_fixture_snap(&f);
        assert_int_equal(s.result.kept_files, JOB_FIXTURE_FILES - 1);
        job_fixture_returns(&f, &s.result.id);
    }
    job_fixture_close(&f);
}

static void test_snapshot_job__touched_or_moved_data_is_not_stored_again(
    void **state)
{
    struct job_fixture f;
    struct job_snap s;
    uint64_t meta;

    (void)state;
    job_fixture_open(&f);
    job_fixture_write(&f, "data", 1, 500000);
    s = job_fixture_snap(&f);
    assert_int_equal(s.result.stats.bytes, 500000);
    assert_true(s.result.stats.new_bytes >= 500000);
    assert_true(scratch_run("touch %s/data", f.src));
    s = job_fixture_snap(&f);
    meta = s.result.stats.new_bytes; /* the directories on the way to it */
    assert_true(meta < 20000);
    assert_int_equal(s.result.kept_files, 0);
    assert_true(scratch_run("mv %s/data %s/other", f.src, f.src));
    s = job_fixture_snap(&f);
    assert_true(s.result.stats.new_bytes < 20000);
    assert_true(scratch_run("cp %s/other %s/copy", f.src, f.src));
    s = job_fixture_snap(&f);
    assert_true(s.result.stats.new_bytes < 20000);
    /* a byte in the middle costs the chunks around it */
    assert_true(scratch_run("printf X | dd of=%s/copy bs=1 seek=250000 "
                            "conv=notrunc status=none",
                            f.src));
    s = job_fixture_snap(&f);
    assert_true(s.result.stats.new_bytes > 10000);
    assert_true(s.result.stats.new_bytes < 200000);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

/* --- numbers, series --- */

static void test_snapshot_job__numbers_its_series(void **state)
{
    struct job_fixture f;
    struct snapshot_job_options o;
    struct object_id before = {{0}};

    (void)state;
    job_fixture_open(&f);
    scratch_text(f.src, "a", "a");
    for (uint64_t n = 1; n <= 3; n++) {
        struct job_snap s = job_fixture_snap(&f);
        struct snapshot m;

        assert_int_equal(
            snapshot_list_read(f.store, f.r->keys, &s.result.id, &m), 0);
        assert_int_equal(m.manifest.m.number, n);
        assert_int_equal(m.manifest.m.has_previous, n > 1);
        if (n > 1)
            assert_true(object_id_equal(&m.manifest.m.previous, &before));
        before = s.result.id;
        snapshot_list_drop(&m);
    }
    o = job_fixture_options(&f);
    o.series = bytes_of_str("other");
    {
        struct job_snap s = job_fixture_run(&f, &o);
        struct snapshot m;

        assert_int_equal(s.rc, 0);
        assert_false(s.result.has_parent);
        assert_int_equal(
            snapshot_list_read(f.store, f.r->keys, &s.result.id, &m), 0);
        assert_int_equal(m.manifest.m.number, 1);
        assert_false(m.manifest.m.has_previous);
        snapshot_list_drop(&m);
    }
    job_fixture_close(&f);
}

/* --- trouble with the source --- */

static void test_snapshot_job__leaves_out_what_patterns_say(void **state)
{
    struct job_fixture f;
    struct snapshot_job_options o;
    struct pattern_set *p = NULL;
    struct job_entry e;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    scratch_text(f.src, "keep.c", "1");
    scratch_text(f.src, "drop.o", "2");
    scratch_dir(f.src, "tmp");
    scratch_text(f.src, "tmp/x", "3");
    assert_int_equal(pattern_set_new(false, &p), 0);
    assert_int_equal(pattern_set_add(p, bytes_of_str("*.o")), 0);
    assert_int_equal(pattern_set_add(p, bytes_of_str("tmp/")), 0);
    /* the scratch directory itself lies below /tmp: a root is never left out */
    o = job_fixture_options(&f);
    o.patterns = p;
    s = job_fixture_run(&f, &o);
    assert_int_equal(s.rc, 0);
    assert_int_equal(s.result.stats.files, 1);
    assert_int_equal(s.result.excluded, 2);
    assert_true(job_fixture_find(&f, &s.result.id, "keep.c", &e));
    job_fixture_drop(&e);
    assert_false(job_fixture_find(&f, &s.result.id, "drop.o", &e));
    job_fixture_drop(&e);
    assert_false(job_fixture_find(&f, &s.result.id, "tmp", &e));
    job_fixture_drop(&e);
    pattern_set_free(p);
    job_fixture_close(&f);
}

/* The source's n-th open fails: the file is named, the rest is stored, and the
 * next run brings it. */
static void test_snapshot_job__a_file_that_cannot_be_opened(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct snapshot m;
    uint64_t opens;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    opens = opens_of(&f, true, &s);
    for (uint64_t n = opens; n > opens - 3; n--) {
        struct snapshot_job_options o = job_fixture_options(&f);
        char plan[64];

        o.threads = 1;
        o.force = true;
        (void)snprintf(plan, sizeof plan,
                       "fail:%llu:EACCES,class=open,domain=source",
                       (unsigned long long)n);
        assert_int_equal(fileop_fault_set(plan), 0);
        s = job_fixture_run(&f, &o);
        assert_int_equal(fileop_fault_fired(), 1);
        assert_int_equal(fileop_fault_set(NULL), 0);
        assert_int_equal(s.rc, 0);
        assert_int_equal(s.problem[MANIFEST_UNREADABLE], 1);
        assert_int_equal(s.result.stats.files, JOB_FIXTURE_FILES - 1);
        assert_int_equal(
            snapshot_list_read(f.store, f.r->keys, &s.result.id, &m), 0);
        assert_int_equal(m.manifest.m.problem_total, 1);
        assert_int_equal(m.manifest.m.problem_n, 1);
        assert_non_null(memmem(m.manifest.m.problems[0].path.p,
                               m.manifest.m.problems[0].path.n, "/file-", 6));
        snapshot_list_drop(&m);
    }
    s = job_fixture_snap(&f);
    assert_int_equal(s.result.stats.files, JOB_FIXTURE_FILES);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

/* Attributes that could not be read once are not given up for ever: equal
 * times do not make such an entry a kept one. */
static void test_snapshot_job__asks_again_for_missing_metadata(void **state)
{
    struct job_fixture f;
    struct snapshot_job_options o;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    o = job_fixture_options(&f);
    job_fixture_write(&f, "large", 5, 5 << 20);
    assert_int_equal(fileop_fault_set("fail-from:1:EIO,class=meta,"
                                      "domain=source"),
                     0);
    s = job_fixture_run(&f, &o);
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_int_equal(s.rc, 0);
    assert_in_range(s.problem[MANIFEST_METADATA], JOB_FIXTURE_FILES + 1,
                    JOB_FIXTURE_FILES + 100);
    s = job_fixture_snap(&f);
    assert_int_equal(s.rc, 0);
    assert_int_equal(s.result.kept_files, 0);
    assert_int_equal(s.problem[MANIFEST_METADATA], 0);
    s = job_fixture_snap(&f);
    assert_int_equal(s.result.kept_files, JOB_FIXTURE_FILES + 1);
    job_fixture_close(&f);
}

static void test_snapshot_job__a_missing_root(void **state)
{
    struct job_fixture f;
    struct snapshot_job_options o;
    struct bytes root[2];
    struct job_snap s;
    char gone[JOB_PATH + 8];

    (void)state;
    job_fixture_open(&f);
    scratch_text(f.src, "a", "a");
    (void)snprintf(gone, sizeof gone, "%s-gone", f.src);
    root[0] = bytes_of_str(f.src);
    root[1] = bytes_of_str(gone);
    o = job_fixture_options(&f);
    o.root = root;
    o.root_n = 2;
    s = job_fixture_run(&f, &o);
    assert_int_equal(s.rc, 0);
    assert_int_equal(s.problem[MANIFEST_UNREADABLE], 1);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

/* Appends to a file until told to stop. */
struct grower {
    char path[JOB_PATH + 16];
    atomic_bool stop;
};

static void *grow(void *ctx)
{
    struct grower *g = ctx;
    int fd = open(g->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    static const char block[4096] = "block";

    while (fd >= 0 && !atomic_load(&g->stop)) {
        if (write(fd, block, sizeof block) < 0)
            break;
        (void)usleep(200);
    }
    (void)close(fd);
    return NULL;
}

/* A file that changes while it is read, twice, is stored, marked, named, and
 * read again by the next run. */
static void test_snapshot_job__a_file_that_keeps_changing(void **state)
{
    static const size_t bytes[] = {300000, 6000000};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct job_fixture f;
        struct grower g = {.stop = false};
        struct job_entry e;
        struct job_snap s;
        pthread_t t;

        job_fixture_open(&f);
        job_fixture_write(&f, "log", i, bytes[i]);
        (void)snprintf(g.path, sizeof g.path, "%s/log", f.src);
        assert_int_equal(pthread_create(&t, NULL, grow, &g), 0);
        /* a run may be faster than the one who writes */
        for (unsigned attempt = 0; attempt < 200; attempt++) {
            s = job_fixture_run(&f, NULL);
            assert_int_equal(s.rc, 0);
            if (s.problem[MANIFEST_CHANGING] == 1)
                break;
        }
        atomic_store(&g.stop, true);
        assert_int_equal(pthread_join(t, NULL), 0);
        assert_int_equal(s.problem[MANIFEST_CHANGING], 1);
        assert_true(job_fixture_find(&f, &s.result.id, "log", &e));
        assert_true(e.te.e.changing);
        assert_true(e.te.e.size >= bytes[i]);
        job_fixture_drop(&e);
        s = job_fixture_snap(&f);
        assert_int_equal(s.result.kept_files, 0);
        s = job_fixture_snap(&f);
        assert_int_equal(s.result.kept_files, 1);
        job_fixture_returns(&f, &s.result.id);
        job_fixture_close(&f);
    }
}

/* Appends to a large file when the first of it is written to a pack. */
struct once {
    const char *src;
    bool opened;
    bool done;
};

static int append_once(void *ctx, enum memory_point point, enum memory_op op,
                       const char *name)
{
    struct once *o = ctx;

    if (op == MEMORY_COMMIT && strncmp(name, "w/", 2) == 0)
        o->opened = true;
    if (o->done || !o->opened || point != MEMORY_BEFORE || op != MEMORY_APPEND)
        return 0;
    o->done = true;
    assert_true(scratch_run("echo more >> %s/large", o->src));
    return 0;
}

/* One change while a file is read: it is read again, and that is that. */
static void test_snapshot_job__a_file_that_changes_once(void **state)
{
    struct job_fixture f;
    struct once once = {.src = f.src};
    struct snapshot_job_options o;
    struct job_entry e;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_write(&f, "large", 1, 9000000);
    o = job_fixture_options(&f);
    o.threads = 1; /* reading and writing take turns */
    memory_set_hook(f.store, append_once, &once);
    s = job_fixture_run(&f, &o);
    memory_set_hook(f.store, NULL, NULL);
    assert_int_equal(s.rc, 0);
    assert_true(once.done);
    assert_int_equal(s.problem[MANIFEST_CHANGING], 0);
    assert_true(job_fixture_find(&f, &s.result.id, "large", &e));
    assert_false(e.te.e.changing);
    assert_int_equal(e.te.e.size, 9000005);
    job_fixture_drop(&e);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

/* --- shapes --- */

/* Larger than a unit, and more extents than an entry holds. */
static void test_snapshot_job__large_and_sparse_files(void **state)
{
    struct job_fixture f;
    struct job_entry e;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_write(&f, "a-large", 1, 12345678);
    job_fixture_write(&f, "b-unit", 2, SNAP_UNIT_BYTES);
    job_fixture_write(&f, "c-unit-1", 3, SNAP_UNIT_BYTES + 1);
    scratch_text(f.src, "d-empty", "");
    job_fixture_write(&f, "e-sparse", 4, 700000);
    assert_true(scratch_run("truncate -s 20000000 %s/e-sparse && printf end >> "
                            "%s/e-sparse && truncate -s 50000000 %s/e-sparse",
                            f.src, f.src, f.src));
    assert_true(scratch_run("truncate -s 3000000000 %s/f-hole", f.src));
    s = job_fixture_snap(&f);
    assert_true(job_fixture_find(&f, &s.result.id, "a-large", &e));
    assert_true(e.te.content.is_list);
    job_fixture_drop(&e);
    assert_true(job_fixture_find(&f, &s.result.id, "f-hole", &e));
    assert_int_equal(e.te.e.size, 3000000000);
    assert_int_equal(e.te.content.extent_n, 1);
    job_fixture_drop(&e);
    job_fixture_returns(&f, &s.result.id);
    /* a change in the middle of the large one */
    assert_true(scratch_run("printf X | dd of=%s/a-large bs=1 seek=6000000 "
                            "conv=notrunc status=none",
                            f.src));
    s = job_fixture_snap(&f);
    assert_int_equal(s.result.kept_files, 5);
    assert_true(s.result.stats.new_bytes < 400000);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

static void test_snapshot_job__deep_directories(void **state)
{
    enum { DEPTH = 200 };
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    assert_true(scratch_run("cd %s && for i in $(seq %d); do mkdir d && cd -P d"
                            " && echo $i > f; done",
                            f.src, (int)DEPTH));
    s = job_fixture_snap(&f);
    assert_int_equal(s.result.stats.files, DEPTH);
    job_fixture_returns(&f, &s.result.id);
    s = job_fixture_snap(&f);
    assert_int_equal(s.result.kept_files, DEPTH);
    job_fixture_close(&f);
}

static long anonymous_kib(void)
{
    FILE *in = fopen("/proc/self/status", "re");
    char line[256];
    long kib = -1;

    assert_non_null(in);
    while (fgets(line, sizeof line, in))
        if (sscanf(line, "RssAnon: %ld", &kib) == 1)
            break;
    (void)fclose(in);
    return kib;
}

/* DEDUP_TEST_ENTRIES says how many; RssAnon is printed. */
static void test_snapshot_job__many_entries_in_one_directory(void **state)
{
    const char *asked = getenv("DEDUP_TEST_ENTRIES");
    unsigned long n = asked ? strtoul(asked, NULL, 10) : 20000;
    struct job_fixture f;
    struct job_snap s;
    char name[64];
    int dir;

    (void)state;
    job_fixture_open(&f);
    dir = open(f.src, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned long i = 0; i < n; i++) {
        int fd;

        (void)snprintf(name, sizeof name, "entry-%08lx", i * 2654435761UL);
        fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        if (i % 100 == 0)
            assert_int_equal(write(fd, name, 10), 10);
        assert_int_equal(close(fd), 0);
    }
    assert_int_equal(close(dir), 0);
    print_message("RssAnon %ld KiB before\n", anonymous_kib());
    s = job_fixture_snap(&f);
    print_message("RssAnon %ld KiB after a snapshot of %lu entries\n",
                  anonymous_kib(), n);
    assert_int_equal(s.result.stats.files, n);
    scratch_text(f.src, "one more", "x");
    s = job_fixture_snap(&f);
    print_message("RssAnon %ld KiB after the next\n", anonymous_kib());
    assert_int_equal(s.result.kept_files, n);
    /* the pages that changed, and what leads to them */
    assert_true(s.result.stats.new_bytes < 400000);
    if (!asked)
        job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

/* --- a long life --- */

static void edit(struct job_fixture *f, struct prng *r)
{
    for (unsigned i = 0; i < 12; i++) {
        char name[32];
        unsigned long long a = prng_below(r, 30);
        unsigned long long b = prng_below(r, 30);

        (void)snprintf(name, sizeof name, "d%llu", a % 5);
        (void)scratch_run("mkdir -p %s/%s", f->src, name);
        (void)snprintf(name, sizeof name, "d%llu/f%llu", a % 5, a);
        switch (prng_below(r, 7)) {
        case 0:
        case 1:
        case 2:
            job_fixture_write(f, name, prng_next(r), prng_below(r, 200000));
            break;
        case 3:
            assert_true(scratch_run("rm -f %s/%s", f->src, name));
            break;
        case 4:
            (void)scratch_run("mv -T %s/%s %s/g%llu 2>/dev/null", f->src, name,
                              f->src, b);
            break;
        case 5:
            (void)scratch_run("ln %s/%s %s/h%llu 2>/dev/null", f->src, name,
                              f->src, b);
            break;
        default:
            assert_true(scratch_run("echo more >> %s/%s", f->src, name));
            break;
        }
    }
}

/* All snapshots of a changing tree are what the tree was, to the end, whatever
 * becomes of the cache. */
static void test_snapshot_job__twenty_snapshots_of_a_changing_tree(void **state)
{
    enum { RUNS = 20 };
    struct job_fixture f;
    struct object_id id[RUNS];
    struct prng r;
    char copy[2 * JOB_PATH];

    (void)state;
    print_message("seed 4242\n");
    prng_init(&r, 4242);
    job_fixture_open(&f);
    scratch_dir(f.dir, "kept");
    for (unsigned i = 0; i < RUNS; i++) {
        struct snapshot_job_options o = job_fixture_options(&f);
        struct job_snap s;

        edit(&f, &r);
        o.threads = 1 + i % 3;
        if (i % 6 == 5)
            job_fixture_reopen(&f, true);
        else if (i % 2)
            job_fixture_reopen(&f, false);
        s = job_fixture_run(&f, &o);
        assert_int_equal(s.rc, 0);
        id[i] = s.result.id;
        assert_true(scratch_run("cp -a %s %s/kept/%u", f.src, f.dir, i));
    }
    job_fixture_reopen(&f, true);
    for (unsigned i = 0; i < RUNS; i++) {
        struct job_restore res = job_fixture_restore(&f, &id[i], f.out, NULL);

        assert_int_equal(res.rc, 0);
        assert_int_equal(res.failed + res.damaged, 0);
        (void)snprintf(copy, sizeof copy, "%s/kept/%u", f.dir, i);
        assert_true(job_fixture_same(copy, f.out));
        scratch_remove(f.out);
    }
    job_fixture_close(&f);
}

/* What is damaged is stored again by the next run that reads it. */
static void test_snapshot_job__a_damaged_parent_costs_only_time(void **state)
{
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    (void)job_fixture_snap(&f);
    job_fixture_damage(&f, PACK_META);
    s = job_fixture_run(&f, NULL);
    assert_int_equal(s.rc, 0);
    assert_true(s.result.parent_damaged > 0);
    assert_int_equal(s.result.kept_files, 0);
    assert_int_equal(s.result.stats.files, JOB_FIXTURE_FILES);
    job_fixture_close(&f);
}

/* --- beside a collector --- */

/* A clock that was wrong for one run: the runs after it still follow it. */
static void test_snapshot_job__a_snapshot_from_the_future(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct object_id before = {{0}};

    (void)state;
    job_fixture_open(&f);
    scratch_text(f.src, "a", "a");
    clock_fake_advance(400 * 86400 * CLOCK_SECOND_NS);
    before = job_fixture_snap(&f).result.id;
    clock_fake_advance(-400 * 86400 * CLOCK_SECOND_NS);
    for (uint64_t n = 2; n <= 4; n++) {
        struct snapshot m;

        s = job_fixture_snap(&f);
        assert_int_equal(
            snapshot_list_read(f.store, f.r->keys, &s.result.id, &m), 0);
        assert_int_equal(m.manifest.m.number, n);
        assert_true(object_id_equal(&m.manifest.m.previous, &before));
        before = s.result.id;
        snapshot_list_drop(&m);
    }
    job_fixture_close(&f);
}

static void test_snapshot_job__a_canceled_run_commits_nothing(void **state)
{
    struct job_fixture f;
    struct snapshot_job_options o;
    struct snapshot_list l = {.n = 0};
    struct cancel c = {.signal = 0};
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    o = job_fixture_options(&f);
    o.cancel = &c;
    cancel_request(&c, 15);
    s = job_fixture_run(&f, &o);
    assert_int_equal(s.rc, E_CANCELED);
    job_fixture_reopen(&f, false);
    assert_int_equal(snapshot_list_load(f.r->index, &f.r->state, &l), 0);
    assert_int_equal(l.n, 0);
    snapshot_list_release(&l);
    s = job_fixture_snap(&f);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot_job__one_tree_whatever_the_threads),
        cmocka_unit_test(test_snapshot_job__everything_odd_returns),
        cmocka_unit_test(test_snapshot_job__opens_only_what_changed),
        cmocka_unit_test(test_snapshot_job__notices_every_kind_of_change),
        cmocka_unit_test(
            test_snapshot_job__touched_or_moved_data_is_not_stored_again),
        cmocka_unit_test(test_snapshot_job__numbers_its_series),
        cmocka_unit_test(test_snapshot_job__leaves_out_what_patterns_say),
        cmocka_unit_test(test_snapshot_job__a_file_that_cannot_be_opened),
        cmocka_unit_test(test_snapshot_job__asks_again_for_missing_metadata),
        cmocka_unit_test(test_snapshot_job__a_missing_root),
        cmocka_unit_test(test_snapshot_job__a_file_that_keeps_changing),
        cmocka_unit_test(test_snapshot_job__a_file_that_changes_once),
        cmocka_unit_test(test_snapshot_job__large_and_sparse_files),
        cmocka_unit_test(test_snapshot_job__deep_directories),
        cmocka_unit_test(test_snapshot_job__many_entries_in_one_directory),
        cmocka_unit_test(
            test_snapshot_job__twenty_snapshots_of_a_changing_tree),
        cmocka_unit_test(test_snapshot_job__a_damaged_parent_costs_only_time),
        cmocka_unit_test(test_snapshot_job__a_snapshot_from_the_future),
        cmocka_unit_test(test_snapshot_job__a_canceled_run_commits_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
