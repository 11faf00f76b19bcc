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

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "repo/snapshot_list.h"
#include "tests/job/job_fixture.h"
#include "tests/support/oddtree.h"

static struct restore_job_options usual(void)
{
    return (struct restore_job_options){.threads = 2};
}

/* A source with a bit of everything that a restore decides on. */
static void make_source(struct job_fixture *f)
{
    scratch_dir(f->src, "d");
    scratch_dir(f->src, "d/e");
    scratch_text(f->src, "a.txt", "text of a");
    scratch_text(f->src, "d/b.txt", "text of b");
    scratch_text(f->src, "d/e/c.o", "object");
    job_fixture_write(f, "large", 1, 9000000);
    assert_true(scratch_run("cd %s && ln a.txt d/hard && ln -s a.txt sym && "
                            "mkfifo pipe",
                            f->src));
}

/* As job_fixture_same() where the target was there before the restore: it keeps
 * its own times. */
static bool is_mended(const struct job_fixture *f)
{
    return scratch_run("touch -r %s %s", f->src, f->out) &&
           job_fixture_same(f->src, f->out);
}

static bool is_there(const char *dir, const char *name)
{
    struct stat st;
    char path[2 * JOB_PATH];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return lstat(path, &st) == 0;
}

static uint64_t inode_of(const char *dir, const char *name)
{
    struct stat st;
    char path[2 * JOB_PATH];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(lstat(path, &st), 0);
    return st.st_ino;
}

static void test_restore_job__everything_odd_with_any_threads(void **state)
{
    static const unsigned threads[] = {1, 2, 7};
    struct job_fixture f;
    struct job_snap s;
    FILE *skips = tmpfile();
    uint64_t entries = 0;

    (void)state;
    job_fixture_open(&f);
    assert_non_null(skips);
    assert_true(oddtree_make(f.src, skips));
    (void)fclose(skips);
    s = job_fixture_snap(&f);
    for (size_t i = 0; i < 3; i++) {
        struct restore_job_options o = usual();
        struct job_restore r;

        o.threads = threads[i];
        r = job_fixture_restore(&f, &s.result.id, f.out, &o);
        assert_int_equal(r.rc, 0);
        assert_int_equal(r.failed + r.damaged, 0);
        assert_true(job_fixture_same(f.src, f.out));
        if (i == 0)
            entries = r.entries;
        assert_int_equal(r.entries, entries);
        scratch_remove(f.out);
    }
    job_fixture_close(&f);
}

/* What stands there already is left alone. */
static void test_restore_job__again_writes_nothing(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;
    uint64_t inode;

    (void)state;
    job_fixture_open(&f);
    make_source(&f);
    s = job_fixture_snap(&f);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    inode = inode_of(f.out, "large");
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.bytes_written, 0);
    assert_int_equal(r.failed, 0);
    assert_int_equal(inode_of(f.out, "large"), inode);
    assert_true(job_fixture_same(f.src, f.out));
    job_fixture_close(&f);
}

/* Whatever was done to the target: it is as it was again. */
static void test_restore_job__mends_what_was_changed(void **state)
{
    static const char *const damage[] = {
        "rm a.txt",
        "rm d/hard",
        "rm a.txt d/hard",
        "echo other > d/b.txt",
        "truncate -s 100 large",
        "rm large && mkdir large",
        "rm -r d && echo file > d",
        "rm sym && ln -s / sym",
        "rm pipe && echo x > pipe",
        "chmod 0 d",
        "rm -r d && ln -s /tmp d",
        "cp -p a.txt t && mv t d/hard",
    };
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;

    (void)state;
    job_fixture_open(&f);
    make_source(&f);
    s = job_fixture_snap(&f);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        assert_true(scratch_run("cd %s && %s", f.out, damage[i]));
        assert_false(job_fixture_same(f.src, f.out));
        r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
        assert_int_equal(r.rc, 0);
        assert_int_equal(r.failed, 0);
        if (!is_mended(&f))
            fail_msg("after: %s", damage[i]);
    }
    job_fixture_close(&f);
}

static void test_restore_job__verify_finds_what_times_hide(void **state)
{
    static const char *const victim[] = {"a.txt", "large"};
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;

    (void)state;
    job_fixture_open(&f);
    make_source(&f);
    s = job_fixture_snap(&f);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    for (size_t i = 0; i < 2; i++) {
        struct restore_job_options o = usual();

        assert_true(scratch_run("cd %s && touch -r %s stamp && "
                                "printf X | dd of=%s bs=1 seek=5 conv=notrunc "
                                "status=none && touch -r stamp %s && "
                                "rm stamp && touch -r %s .",
                                f.out, victim[i], victim[i], victim[i], f.src));
        r = job_fixture_restore(&f, &s.result.id, f.out, &o);
        assert_int_equal(r.rc, 0);
        assert_int_equal(r.written, 0);
        assert_false(job_fixture_same(f.src, f.out));
        o.verify = true;
        r = job_fixture_restore(&f, &s.result.id, f.out, &o);
        assert_int_equal(r.rc, 0);
        assert_true(r.written >= 1);
        assert_true(is_mended(&f));
    }
    job_fixture_close(&f);
}

static void test_restore_job__a_dry_run_writes_nothing(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;
    struct job_restore real;
    struct restore_job_options o = usual();

    (void)state;
    job_fixture_open(&f);
    make_source(&f);
    s = job_fixture_snap(&f);
    o.dry_run = true;
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_true(r.written >= 7);
    assert_false(is_there(f.dir, "out"));

    /* and it says what the true one does */
    real = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(real.rc, 0);
    assert_int_equal(r.entries, real.entries);
    assert_int_equal(r.written, real.written);
    assert_int_equal(r.same, real.same);
    assert_int_equal(r.bytes_written, real.bytes_written);
    assert_true(scratch_run("echo other > %s/a.txt", f.out));
    assert_true(scratch_run("cp -a %s %s/before", f.out, f.dir));
    for (int verify = 0; verify < 2; verify++) {
        char before[JOB_PATH + 8];

        o.verify = verify != 0;
        r = job_fixture_restore(&f, &s.result.id, f.out, &o);
        assert_int_equal(r.rc, 0);
        assert_true(r.written >= 1);
        (void)snprintf(before, sizeof before, "%s/before", f.dir);
        assert_true(job_fixture_same(before, f.out));
    }
    job_fixture_close(&f);
}

static struct pattern_set *patterns(const char *one)
{
    struct pattern_set *p = NULL;

    assert_int_equal(pattern_set_new(false, &p), 0);
    assert_int_equal(pattern_set_add(p, bytes_of_str(one)), 0);
    return p;
}

static void test_restore_job__includes_and_excludes(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;
    struct restore_job_options o = usual();

    (void)state;
    job_fixture_open(&f);
    make_source(&f);
    s = job_fixture_snap(&f);

    o.include = patterns("*.o");
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_true(is_there(f.out, "d/e/c.o"));
    assert_false(is_there(f.out, "d/b.txt"));
    assert_false(is_there(f.out, "a.txt"));
    scratch_remove(f.out);

    /* an included directory brings all that is in it */
    pattern_set_free((struct pattern_set *)(uintptr_t)o.include);
    o.include = patterns("e/");
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_true(is_there(f.out, "d/e/c.o"));
    assert_false(is_there(f.out, "d/b.txt"));
    scratch_remove(f.out);

    /* nothing is included: nothing comes, not even the ways there */
    pattern_set_free((struct pattern_set *)(uintptr_t)o.include);
    o.include = patterns("no-such");
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_false(is_there(f.out, "d"));
    scratch_remove(f.out);

    pattern_set_free((struct pattern_set *)(uintptr_t)o.include);
    o.include = NULL;
    o.exclude = patterns("d/");
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_true(is_there(f.out, "a.txt"));
    assert_false(is_there(f.out, "d"));
    pattern_set_free((struct pattern_set *)(uintptr_t)o.exclude);
    job_fixture_close(&f);
}

/* One file as the start of a restore stands in the target under its name. */
static void test_restore_job__a_single_file(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;
    struct job_entry e;
    struct restore_job_options o = usual();
    char path[2 * JOB_PATH];

    (void)state;
    job_fixture_open(&f);
    make_source(&f);
    s = job_fixture_snap(&f);
    assert_true(job_fixture_find(&f, &s.result.id, "d/b.txt", &e));
    o.start = &e.te;
    (void)snprintf(path, sizeof path, "%.*s/d/b.txt", JOB_PATH, f.src + 1);
    o.start_path = bytes_of_str(path);
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.entries, 1);
    assert_true(scratch_run("cmp %s/d/b.txt %s/b.txt", f.src, f.out));
    job_fixture_drop(&e);
    job_fixture_close(&f);
}

/* A whole snapshot: the target is not `/`, and keeps its own mode. */
static void test_restore_job__a_whole_snapshot(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;
    struct snapshot m;
    struct tree_entry te = {.attr = NULL};
    struct restore_job_options o = usual();
    struct codec c;
    char back[2 * JOB_PATH];

    (void)state;
    job_fixture_open(&f);
    make_source(&f);
    s = job_fixture_snap(&f);
    assert_int_equal(snapshot_list_read(f.store, f.r->keys, &s.result.id, &m),
                     0);
    codec_init(&c, m.manifest.m.root);
    assert_int_equal(tree_entry_get(&c, &te, true), 0);
    o.start = &te;
    scratch_dir(f.dir, "out");
    assert_int_equal(chmod(f.out, 0711), 0);
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.failed, 0);
    assert_true(scratch_run("test $(stat -c %%a %s) = 711", f.out));
    (void)snprintf(back, sizeof back, "%s%s", f.out, f.src);
    assert_true(job_fixture_same(f.src, back));
    tree_entry_release(&te);
    snapshot_list_drop(&m);
    job_fixture_close(&f);
}

/* A directory that was there and that nobody asked for keeps its metadata: the
 * target itself, and those on the way to what was selected. */
static void test_restore_job__metadata_only_where_asked_for(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;
    struct restore_job_options o = usual();

    (void)state;
    job_fixture_open(&f);
    make_source(&f);
    assert_true(scratch_run("cd %s && chmod 750 . && chmod 710 d && "
                            "chmod 701 d/e",
                            f.src));
    s = job_fixture_snap(&f);
    scratch_dir(f.dir, "out");
    assert_true(
        scratch_run("cd %s && mkdir -p d/e && chmod 1777 . d d/e", f.out));
    o.include = patterns("e/");
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.written, 1); /* c.o */
    assert_int_equal(r.same, 1);    /* e */
    assert_true(scratch_run("cd %s && test \"$(stat -c %%a . d d/e | "
                            "tr '\\n' ' ')\" = '1777 1777 701 '",
                            f.out));

    /* what was made on the way is like the stored one; a dry run knows */
    scratch_remove(f.out);
    o.dry_run = true;
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.entries, 4);
    o.dry_run = false;
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.entries, 4);
    assert_true(scratch_run("cd %s && test \"$(stat -c %%a . d d/e | "
                            "tr '\\n' ' ')\" = '750 710 701 '",
                            f.out));
    pattern_set_free((struct pattern_set *)(uintptr_t)o.include);

    /* without a selection: all but the target */
    o.include = NULL;
    assert_true(scratch_run("cd %s && chmod 1777 . d d/e", f.out));
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_true(scratch_run("cd %s && test \"$(stat -c %%a . d d/e | "
                            "tr '\\n' ' ')\" = '1777 710 701 '",
                            f.out));
    job_fixture_close(&f);
}

/* Rewrites a file as soon as the run has begun to write packs: when something
 * is written after the run's first journal record. */
struct rewrite {
    const char *src;
    bool opened;
    bool done;
};

static int rewrite_once(void *ctx, enum memory_point point, enum memory_op op,
                        const char *name)
{
    struct rewrite *w = ctx;

    if (op == MEMORY_COMMIT && strncmp(name, "w/", 2) == 0)
        w->opened = true;
    if (w->done || !w->opened || point != MEMORY_BEFORE || op != MEMORY_APPEND)
        return 0;
    w->done = true;
    scratch_text(w->src, "a", "two");
    return 0;
}

/* Names of one inode that was changed between the reading of one name and the
 * other: each comes back as it was read. */
static void test_restore_job__links_that_disagree_are_not_linked(void **state)
{
    struct job_fixture f;
    struct rewrite w = {.src = f.src};
    struct snapshot_job_options o;
    struct job_snap s;
    struct job_restore r;

    (void)state;
    job_fixture_open(&f);
    scratch_text(f.src, "a", "one");
    job_fixture_write(&f, "m", 1, 6000000);
    assert_true(scratch_run("cd %s && ln a z && ln m n", f.src));
    o = job_fixture_options(&f);
    o.threads = 1; /* one file after the other */
    memory_set_hook(f.store, rewrite_once, &w);
    s = job_fixture_run(&f, &o);
    memory_set_hook(f.store, NULL, NULL);
    assert_int_equal(s.rc, 0);
    assert_true(w.done);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.failed, 0);
    assert_true(scratch_run("test $(cat %s/a) = one", f.out));
    assert_true(scratch_run("test $(cat %s/z) = two", f.out));
    assert_int_equal(inode_of(f.out, "m"), inode_of(f.out, "n"));
    job_fixture_close(&f);
}

static int wait_once(void *ctx, enum memory_point point, enum memory_op op,
                     const char *name)
{
    struct rewrite *w = ctx;

    if (op == MEMORY_COMMIT && strncmp(name, "w/", 2) == 0)
        w->opened = true;
    if (!w->done && w->opened && point == MEMORY_BEFORE &&
        op == MEMORY_APPEND) {
        w->done = true;
        clock_fake_advance(3600 * CLOCK_SECOND_NS);
    }
    return 0;
}

/* Of a file that was just written the first name is read too early to be
 * settled, the last one an hour later; it is one file. */
static void test_restore_job__links_read_at_different_times_are_one(
    void **state)
{
    struct job_fixture f;
    struct rewrite w = {.opened = false};
    struct snapshot_job_options o;
    struct job_entry e;
    struct job_snap s;
    struct job_restore r;

    (void)state;
    job_fixture_open(&f);
    clock_fake_end();
    clock_fake_set(clock_realtime_ns() - 10 * CLOCK_SECOND_NS,
                   clock_monotonic_ns());
    scratch_text(f.src, "a", "one");
    job_fixture_write(&f, "m", 1, 6000000);
    assert_true(scratch_run("cd %s && ln a z", f.src));
    o = job_fixture_options(&f);
    o.threads = 1; /* one file after the other */
    memory_set_hook(f.store, wait_once, &w);
    s = job_fixture_run(&f, &o);
    memory_set_hook(f.store, NULL, NULL);
    assert_int_equal(s.rc, 0);
    assert_true(w.done);
    assert_true(job_fixture_find(&f, &s.result.id, "a", &e));
    assert_true(e.te.e.unsettled);
    job_fixture_drop(&e);
    assert_true(job_fixture_find(&f, &s.result.id, "z", &e));
    assert_false(e.te.e.unsettled);
    job_fixture_drop(&e);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.failed, 0);
    assert_int_equal(inode_of(f.out, "a"), inode_of(f.out, "z"));
    job_fixture_close(&f);
}

/* Names of one file that stand in the target as two equal files. */
static void test_restore_job__parted_links_are_joined(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;

    (void)state;
    job_fixture_open(&f);
    scratch_text(f.src, "a", "one");
    assert_true(scratch_run("cd %s && ln a z && ln a y", f.src));
    s = job_fixture_snap(&f);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    assert_true(scratch_run("cd %s && cp -p z x && mv x z", f.out));
    assert_int_not_equal(inode_of(f.out, "a"), inode_of(f.out, "z"));
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.failed, 0);
    assert_int_equal(inode_of(f.out, "a"), inode_of(f.out, "z"));
    assert_int_equal(inode_of(f.out, "a"), inode_of(f.out, "y"));
    assert_true(is_mended(&f));
    /* and then they are left alone */
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.written, 0);
    job_fixture_close(&f);
}

/*
 * One of several names has to be written, and others were left alone before
 * that, in a directory that is finished: all are one file after one run, and
 * that is not the one of which somebody keeps a name elsewhere.
 */
static void test_restore_job__a_name_written_late_joins_the_others(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;

    (void)state;
    job_fixture_open(&f);
    assert_true(
        scratch_run("cd %s && mkdir d && echo one >d/a && ln d/a d/y && "
                    "ln d/a z && mkfifo d/p && ln d/p q && "
                    "touch -d 2020-01-01 d",
                    f.src));
    s = job_fixture_snap(&f);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    assert_true(scratch_run("cd %s && mv z ../stray && echo other >z && "
                            "mv q ../fifo && echo other >q",
                            f.out));
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.failed, 0);
    assert_int_equal(inode_of(f.out, "d/a"), inode_of(f.out, "z"));
    assert_int_equal(inode_of(f.out, "d/a"), inode_of(f.out, "d/y"));
    assert_int_equal(inode_of(f.out, "d/p"), inode_of(f.out, "q"));
    assert_true(scratch_run("cd %s/.. && test $(stat -c %%h stray) = 1 && "
                            "rm stray fifo",
                            f.out));
    assert_true(is_mended(&f));
    job_fixture_close(&f);
}

/* The file system takes no more links: the name becomes a copy. */
static void test_restore_job__a_link_that_fails_becomes_a_copy(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;
    uint64_t names;

    (void)state;
    job_fixture_open(&f);
    scratch_text(f.src, "a", "one");
    assert_true(scratch_run("cd %s && ln a b && ln a c && ln a d", f.src));
    s = job_fixture_snap(&f);
    assert_int_equal(fileop_fault_set("count,class=name,domain=target"), 0);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    names = fileop_fault_count();
    assert_int_equal(r.rc, 0);
    assert_true(names > 3);
    for (uint64_t n = 1; n <= names; n++) {
        char plan[80];

        scratch_remove(f.out);
        (void)snprintf(plan, sizeof plan,
                       "fail:%llu:EMLINK,class=name,domain=target",
                       (unsigned long long)n);
        assert_int_equal(fileop_fault_set(plan), 0);
        r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
        assert_int_equal(fileop_fault_set(NULL), 0);
        assert_true(r.rc == 0 || r.rc == E_TARGET);
        /* what is there is right, and what is not there was reported */
        for (const char *c = "abcd"; r.rc == 0 && *c; c++) {
            char name[2] = {*c, 0};

            if (is_there(f.out, name))
                assert_true(scratch_run("cmp %s/a %s/%s", f.src, f.out, name));
            else
                assert_true(r.failed > 0);
        }
    }
    assert_int_equal(fileop_fault_set(NULL), 0);
    job_fixture_close(&f);
}

/* Damage is counted, what is sound comes back. */
static void test_restore_job__damage_costs_what_it_hit(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;

    (void)state;
    job_fixture_open(&f);
    make_source(&f);
    s = job_fixture_snap(&f);
    scratch_text(f.src, "later", "in a pack of its own");
    job_fixture_damage(&f, PACK_DATA);
    s = job_fixture_snap(&f);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    assert_true(r.damaged > 0);
    assert_int_equal(r.failed, 0);
    assert_true(scratch_run("cmp %s/later %s/later", f.src, f.out));
    assert_true(is_there(f.out, "sym"));
    assert_true(is_there(f.out, "d/e"));
    /* nothing half-written stands under a file's name, nor beside it */
    assert_false(is_there(f.out, "a.txt"));
    assert_false(is_there(f.out, "large") &&
                 !scratch_run("cmp %s/large %s/large", f.src, f.out));
    assert_true(scratch_run("test -z \"$(find %s -name '.dedup-*')\"", f.out));
    job_fixture_close(&f);
}

static void test_restore_job__overwrite_never_keeps_what_stands(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_restore r;
    struct restore_job_options o = usual();

    (void)state;
    job_fixture_open(&f);
    make_source(&f);
    s = job_fixture_snap(&f);
    scratch_dir(f.dir, "out");
    scratch_text(f.out, "a.txt", "mine");
    o.overwrite = JAIL_NEVER;
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_true(r.kept >= 1);
    assert_true(scratch_run("test \"$(cat %s/a.txt)\" = mine", f.out));
    assert_true(scratch_run("cmp %s/d/b.txt %s/d/b.txt", f.src, f.out));
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restore_job__everything_odd_with_any_threads),
        cmocka_unit_test(test_restore_job__again_writes_nothing),
        cmocka_unit_test(test_restore_job__mends_what_was_changed),
        cmocka_unit_test(test_restore_job__verify_finds_what_times_hide),
        cmocka_unit_test(test_restore_job__a_dry_run_writes_nothing),
        cmocka_unit_test(test_restore_job__includes_and_excludes),
        cmocka_unit_test(test_restore_job__metadata_only_where_asked_for),
        cmocka_unit_test(test_restore_job__a_single_file),
        cmocka_unit_test(test_restore_job__a_whole_snapshot),
        cmocka_unit_test(test_restore_job__links_that_disagree_are_not_linked),
        cmocka_unit_test(
            test_restore_job__links_read_at_different_times_are_one),
        cmocka_unit_test(test_restore_job__parted_links_are_joined),
        cmocka_unit_test(
            test_restore_job__a_name_written_late_joins_the_others),
        cmocka_unit_test(test_restore_job__a_link_that_fails_becomes_a_copy),
        cmocka_unit_test(test_restore_job__damage_costs_what_it_hit),
        cmocka_unit_test(test_restore_job__overwrite_never_keeps_what_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
