/*
 * Files that change while a snapshot reads them: what is stored is right, or
 * what was there when it was read, and then counted; never damage.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fileop_fault.h"
#include "repo/check.h"
#include "tests/job/job_fixture.h"
#include "tests/support/watched.h"

enum {
    LARGE = 40000000, /* more than a pack */
    FIRST = 30,       /* frames that are stored when it changes: of 39 */
    SECOND = 50       /* the same in the second reading, if it finds new data */
};

/* Runs commands in the source after so many appends to packs. */
struct changer {
    const char *src;
    const char *first;
    const char *second;  /* NULL: only one */
    atomic_uint appends; /* packs are closed by a thread of their own */
    atomic_uint done;
};

static int change(void *ctx, enum memory_point point, enum memory_op op,
                  const char *name)
{
    struct changer *c = ctx;
    unsigned n;

    (void)name;
    if (point != MEMORY_BEFORE || op != MEMORY_APPEND)
        return 0;
    n = atomic_fetch_add(&c->appends, 1) + 1;
    if (n == FIRST || (n == SECOND && c->second)) {
        (void)atomic_fetch_add(&c->done, 1);
        assert_true(scratch_run("cd %s && %s", c->src,
                                n == FIRST ? c->first : c->second));
    }
    return 0;
}

static int complain(void *ctx, const struct check_finding *f)
{
    (void)ctx;
    print_message("check: %s: %s\n", f->object, f->text);
    return 0;
}

static void expect_sound(struct job_fixture *f)
{
    const struct check_options opt = {.read_data = true, .threads = 2};
    struct check_summary sum;

    assert_int_equal(check_run(f->r, &opt, complain, NULL, &sum), 0);
}

/* Restores a snapshot; returns whether src/large is there in it. */
static bool restores(struct job_fixture *f, const struct object_id *id,
                     uint64_t size)
{
    struct job_restore r = job_fixture_restore(f, id, f->out, NULL);
    char path[2 * JOB_PATH];
    struct stat st;

    assert_int_equal(r.rc, 0);
    assert_int_equal(r.failed + r.damaged, 0);
    assert_true(scratch_run("cmp %s/a %s/a && cmp %s/z %s/z", f->src, f->out,
                            f->src, f->out));
    (void)snprintf(path, sizeof path, "%s/large", f->out);
    if (lstat(path, &st) < 0)
        return false;
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(st.st_size, size);
    return true;
}

enum fate {
    RIGHT,  /* stored as it is now */
    MOVING, /* stored as it was, and counted */
    GONE    /* not stored, and counted */
};

#define REPLACE                                                                \
    "head -c 40000000 /dev/urandom | dd of=large bs=1M "                       \
    "conv=notrunc iflag=fullblock status=none"

static const struct {
    const char *first;
    const char *second;
    enum fate fate;
    uint64_t least, most; /* bytes stored */
} changes[] = {
    {"head -c 9000000 /dev/urandom >> large", NULL, RIGHT, 49000000, 49000000},
    {"truncate -s 33000000 large", NULL, RIGHT, 33000000, 33000000},
    {"truncate -s 1000 large", NULL, RIGHT, 1000, 1000},
    {"truncate -s 0 large", NULL, RIGHT, 0, 0},
    {"truncate -s 0 large && truncate -s 40000000 large", NULL, RIGHT, LARGE,
     LARGE},
    {"fallocate -p -o 8192 -l 35000000 large", NULL, RIGHT, LARGE, LARGE},
    {"head -c 5000000 /dev/urandom > t && mv t large", NULL, RIGHT, 5000000,
     5000000},
    {"rm large", NULL, GONE, 0, 0},
    {"rm large && mkdir large && echo x > large/in", NULL, GONE, 0, 0},
    {"rm large && mkfifo large", NULL, GONE, 0, 0},
    {"rm large && ln -s a large", NULL, GONE, 0, 0},
    {REPLACE, NULL, RIGHT, LARGE, LARGE},
    {REPLACE, "head -c 9000000 /dev/urandom >> large", MOVING, LARGE, LARGE},
    {REPLACE, "truncate -s 1000 large", MOVING, 1000, LARGE - 1},
    {REPLACE, "truncate -s 0 large", MOVING, 0, LARGE - 1},
    {REPLACE, "rm large && mkdir large", MOVING, LARGE, LARGE},
    {REPLACE, "rm large", MOVING, LARGE, LARGE},
};

static void one_change(size_t i, unsigned threads)
{
    struct job_fixture f;
    struct snapshot_job_options o;
    struct changer c = {.first = changes[i].first, .second = changes[i].second};
    struct job_entry e;
    struct job_snap s;
    bool found;

    job_fixture_open(&f);
    c.src = f.src;
    job_fixture_write(&f, "large", 1, LARGE);
    scratch_text(f.src, "a", "before it");
    scratch_text(f.src, "z", "behind it");
    o = job_fixture_options(&f);
    o.threads = threads;
    memory_set_hook(f.store, change, &c);
    s = job_fixture_run(&f, &o);
    memory_set_hook(f.store, NULL, NULL);
    assert_int_equal(s.rc, 0);
    assert_int_equal(atomic_load(&c.done), changes[i].second ? 2 : 1);
    assert_int_equal(s.problem[MANIFEST_UNREADABLE], 0);
    found = job_fixture_find(&f, &s.result.id, "large", &e);
    if (threads == 1) {
        /* reading and storing take turns: it is known when it changed */
        assert_int_equal(s.problem[MANIFEST_VANISHED], changes[i].fate == GONE);
        assert_int_equal(s.problem[MANIFEST_CHANGING],
                         changes[i].fate == MOVING);
        assert_int_equal(found, changes[i].fate != GONE);
    }
    assert_int_equal(found, s.problem[MANIFEST_VANISHED] == 0);
    if (found) {
        assert_int_equal(e.te.e.changing, s.problem[MANIFEST_CHANGING]);
        if (threads == 1)
            assert_in_range(e.te.e.size, changes[i].least, changes[i].most);
    }
    assert_int_equal(restores(&f, &s.result.id, found ? e.te.e.size : 0),
                     found);
    if (threads == 1 && changes[i].fate == RIGHT)
        assert_true(scratch_run("cmp %s/large %s/large", f.src, f.out));
    job_fixture_drop(&e);
    scratch_remove(f.out);
    expect_sound(&f);
    /* and the next run has it as it is */
    s = job_fixture_snap(&f);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

static void test_changing_files__larger_than_a_pack(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0];
         i += WATCHED ? 5 : 1) {
        print_message("%s; %s\n", changes[i].first,
                      changes[i].second ? changes[i].second : "");
        one_change(i, 1);
    }
}

/* With several threads nobody knows when; sound it is all the same. */
static void test_changing_files__on_several_threads(void **state)
{
    static const size_t some[] = {0, 2, 5, 8};

    (void)state;
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
        one_change(some[i], 3);
}

/* Makes a file small and large, until told to stop. */
struct flipper {
    char path[JOB_PATH + 16];
    atomic_bool stop;
};

static void *flip(void *ctx)
{
    static const char block[65536] = "block";
    struct flipper *g = ctx;
    int fd = open(g->path, O_WRONLY | O_CLOEXEC);
    bool fine = fd >= 0;

    while (fine && !atomic_load(&g->stop)) {
        for (unsigned i = 0; i < 40 && fine; i++)
            fine = pwrite(fd, block, sizeof block, (off_t)i * 65536) > 0;
        fine = fine && ftruncate(fd, 10) == 0;
    }
    (void)close(fd);
    return NULL;
}

/* Small when it is listed and large when it is read, or the other way round:
 * whatever a run meets, what it stores is whole. */
static void test_changing_files__small_ones_and_large_ones(void **state)
{
    enum { RUNS = WATCHED ? 5 : 25 };
    struct job_fixture f;
    struct flipper g = {.stop = false};
    struct object_id id[RUNS];
    pthread_t t;

    (void)state;
    job_fixture_open(&f);
    scratch_text(f.src, "a", "before it");
    scratch_text(f.src, "z", "behind it");
    scratch_text(f.src, "large", "small");
    (void)snprintf(g.path, sizeof g.path, "%s/large", f.src);
    assert_int_equal(pthread_create(&t, NULL, flip, &g), 0);
    for (unsigned i = 0; i < RUNS; i++) {
        struct job_snap s = job_fixture_run(&f, NULL);

        assert_int_equal(s.rc, 0);
        assert_int_equal(s.result.stats.files, 3);
        id[i] = s.result.id;
    }
    atomic_store(&g.stop, true);
    assert_int_equal(pthread_join(t, NULL), 0);
    for (unsigned i = 0; i < RUNS; i++) {
        struct job_entry e;

        assert_true(job_fixture_find(&f, &id[i], "large", &e));
        assert_true(restores(&f, &id[i], e.te.e.size));
        job_fixture_drop(&e);
        scratch_remove(f.out);
    }
    expect_sound(&f);
    job_fixture_close(&f);
}

enum { AWAY_DIRS = 320 }; /* more than a walk keeps open */

/* How many of the directories have no attribute in a snapshot: these must be
 * asked again. */
static unsigned bare_dirs(struct job_fixture *f, const struct job_snap *s)
{
    unsigned bare = 0;

    for (unsigned i = 0; i < AWAY_DIRS; i++) {
        struct job_entry e;
        char name[16];

        assert_true(snprintf(name, sizeof name, "d%u", i) > 0);
        /* else it was away when it was looked at */
        if (job_fixture_find(f, &s->result.id, name, &e)) {
            assert_true(e.te.attr_n == 1 || e.te.e.unsettled);
            bare += e.te.attr_n == 0;
        }
        job_fixture_drop(&e);
    }
    return bare;
}

static struct job_snap touched_run(struct job_fixture *f, const char *plan)
{
    struct job_snap s;

    assert_true(scratch_run("touch %s/d*", f->src));
    assert_int_equal(fileop_fault_set(plan), 0);
    s = job_fixture_run(f, NULL);
    return s;
}

/* A directory that is away for a moment, when its attributes are read, is told
 * of, and has them from the next run on. */
static void test_changing_files__a_directory_that_was_away(void **state)
{
    struct job_fixture f;
    unsigned met = 0;
    uint64_t opens;

    (void)state;
    job_fixture_open(&f);
    for (unsigned i = 0; i < AWAY_DIRS; i++) {
        char name[16], path[2 * JOB_PATH];

        assert_true(snprintf(name, sizeof name, "d%u", i) > 0);
        scratch_dir(f.src, name);
        assert_true(snprintf(path, sizeof path, "%s/%s", f.src, name) > 0);
        assert_int_equal(setxattr(path, "user.x", "1", 1, 0), 0);
    }
    (void)touched_run(&f, "count,class=open,domain=source");
    opens = fileop_fault_count();
    /* the first is "/", without which there is no run */
    for (uint64_t n = 2; n <= opens; n += opens / (WATCHED ? 8 : 30)) {
        struct job_snap s;
        unsigned bare;
        char plan[64];

        assert_true(snprintf(plan, sizeof plan,
                             "fail:%llu:ESTALE,class=open,domain=source",
                             (unsigned long long)n) > 0);
        s = touched_run(&f, plan);
        assert_int_equal(fileop_fault_set(NULL), 0);
        assert_int_equal(s.rc, 0);
        bare = bare_dirs(&f, &s);
        assert_true(bare <= s.problem[MANIFEST_VANISHED]);
        met += bare;
        s = job_fixture_snap(&f);
        assert_int_equal(bare_dirs(&f, &s), 0);
        job_fixture_returns(&f, &s.result.id);
    }
    print_message("%u directories were away\n", met);
    assert_true(met > 0);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changing_files__larger_than_a_pack),
        cmocka_unit_test(test_changing_files__on_several_threads),
        cmocka_unit_test(test_changing_files__a_directory_that_was_away),
        cmocka_unit_test(test_changing_files__small_ones_and_large_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
