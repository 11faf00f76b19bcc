/* Checkpoints: what a run leaves while it goes on, and what the next one makes
 * of that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "repo/job/snap_previous.h"
#include "tests/job/checkpoint_kit.h"

/* Directories among the files, to be stopped in. */
enum { NESTED = 18 };

static void nested(struct job_fixture *f)
{
    assert_true(
        scratch_run("cd '%s' && for d in file-007.d file-031.d/a/b "
                    "file-031.d/a/c; do mkdir -p $d && for i in 1 2 3 4 "
                    "5 6; do echo $d$i >$d/$i; done; done",
                    f->src));
}

/* While a run goes on it leaves what it has, again and again; its snapshot
 * makes all that superfluous. */
static void test_checkpoint__a_run_leaves_what_it_has(void **state)
{
    struct job_fixture f;
    struct checkpoint_watch w = {.n = 0};
    struct snapshot last;
    struct job_snap s;
    uint64_t before = 0;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    nested(&f);
    s = checkpoint_kit_run(&f, &w);
    assert_int_equal(s.rc, 0);
    assert_true(w.n > 5);
    for (size_t i = 0; i < w.n; i++) {
        struct snapshot m = checkpoint_kit_manifest(&f, &w.id[i]);
        uint64_t files = checkpoint_kit_gives(&f, &w.id[i]);

        assert_false(m.manifest.m.complete);
        assert_int_equal(m.manifest.m.number, 1);
        assert_false(m.manifest.m.has_previous);
        assert_int_equal(files, m.manifest.m.stats.files);
        assert_int_equal(files, w.stats[i].files);
        assert_true(files > before);
        before = files;
        snapshot_list_drop(&m);
    }
    assert_true(before <= JOB_FIXTURE_FILES + NESTED);
    last = checkpoint_kit_manifest(&f, &s.result.id);
    assert_true(last.manifest.m.complete);
    assert_int_equal(last.manifest.m.number, 1);
    snapshot_list_drop(&last);
    job_fixture_returns(&f, &s.result.id);
    for (int fresh = 0; fresh <= 1; fresh++) {
        struct checkpoint_census c;

        job_fixture_reopen(&f, fresh);
        c = checkpoint_kit_census(&f);
        assert_int_equal(c.complete, 1);
        assert_int_equal(c.checkpoints, 0);
        assert_int_equal(c.superseded, w.n);
    }
    checkpoint_kit_clean(&f, 1);
    job_fixture_close(&f);
}

/* Each checkpoint reaches only what was durable and listed when it was
 * committed: with all that came later taken away it is whole. */
static int gone_after(void *ctx, const struct snapshot_job_result *so_far)
{
    struct job_fixture *f = ctx;
    struct job_fixture other = *f;
    struct checkpoint_census c;
    char out[JOB_PATH + 16];
    struct repo_open_options open = {.secret = &f->secret,
                                     .cache_root = other.out};

    /* another process, with a cache of its own, at this very moment */
    (void)snprintf(out, sizeof out, "%s-cache", f->out);
    open.cache_root = out;
    assert_int_equal(repo_open(f->store, &open, &other.r), 0);
    c = checkpoint_kit_census(&other);
    assert_int_equal(c.checkpoints, 1);
    assert_memory_equal(&c.on, &so_far->checkpoint, ID_BYTES);
    checkpoint_kit_clean(&other, 1);
    assert_int_equal(checkpoint_kit_gives(&other, &so_far->checkpoint),
                     so_far->stats.files);
    repo_close(other.r);
    assert_true(scratch_run("rm -rf '%s'", out));
    clock_fake_advance(1);
    return 0;
}

static void test_checkpoint__is_whole_when_it_is_told(void **state)
{
    struct snapshot_job_options o;
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    nested(&f);
    job_fixture_write(&f, "large", 5, 3 << 20);
    o = job_fixture_options(&f);
    o.checkpoint_ns = 1;
    o.unit_items = SMALL_UNIT;
    o.on_checkpoint = gone_after;
    o.ctx = &f;
    memory_set_hook(f.store, checkpoint_kit_tick, NULL);
    s = job_fixture_run(&f, &o);
    memory_set_hook(f.store, NULL, NULL);
    assert_int_equal(s.rc, 0);
    assert_true(s.result.checkpoints > 1);
    job_fixture_close(&f);
}

/* How many files of the source a run opens. */
static uint64_t opens_of(struct job_fixture *f, struct job_snap *s)
{
    uint64_t n;

    assert_int_equal(fileop_fault_set("count,class=read,domain=source"), 0);
    *s = job_fixture_run(f, NULL);
    n = fileop_fault_count();
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_int_equal(s->rc, 0);
    return n;
}

/* Stopped, it leaves a checkpoint with what has ended, and the next run opens
 * what that lacks, and nothing else. */
static void test_checkpoint__the_next_run_goes_on(void **state)
{
    (void)state;
    for (uint64_t at = 1; at <= 9; at += 4) {
        struct job_fixture f;
        struct object_id id;
        struct snapshot m;
        struct job_snap s;
        struct checkpoint_census c;
        uint64_t had;

        job_fixture_open(&f);
        job_fixture_files(&f);
        id = checkpoint_kit_interrupted(&f, at);
        had = checkpoint_kit_gives(&f, &id);
        assert_true(had > 0 && had < JOB_FIXTURE_FILES);
        assert_int_equal(checkpoint_kit_census(&f).complete, 0);
        assert_int_equal(checkpoint_kit_census(&f).checkpoints, 1);
        c = checkpoint_kit_census(&f);
        assert_memory_equal(&c.on, &id, ID_BYTES);
        checkpoint_kit_clean(&f, 1);
        job_fixture_reopen(&f, false);
        s = job_fixture_snap(&f);
        assert_true(s.result.has_resumed);
        assert_memory_equal(&s.result.resumed, &id, ID_BYTES);
        assert_int_equal(s.result.kept_files, had);
        assert_int_equal(s.result.resumed_files, had);
        job_fixture_returns(&f, &s.result.id);
        m = checkpoint_kit_manifest(&f, &s.result.id);
        assert_int_equal(m.manifest.m.number, 1);
        assert_false(m.manifest.m.has_previous);
        snapshot_list_drop(&m);
        assert_int_equal(checkpoint_kit_census(&f).checkpoints, 0);
        checkpoint_kit_clean(&f, 1);
        /* no checkpoint is left to go on from */
        s = job_fixture_snap(&f);
        assert_false(s.result.has_resumed);
        assert_int_equal(s.result.kept_files, JOB_FIXTURE_FILES);
        assert_int_equal(checkpoint_kit_census(&f).number, 2);
        job_fixture_close(&f);
    }
}

/* An incremental run that was stopped loses neither what it did nor what the
 * last snapshot knows of the rest. */
static void test_checkpoint__an_incremental_run_goes_on(void **state)
{
    struct job_fixture f;
    struct object_id first;
    struct object_id id;
    struct snapshot m;
    struct job_snap s;
    struct checkpoint_watch w = {.stop_after = 2};

    (void)state;
    job_fixture_open(&f);
    for (unsigned i = 0; i < 40; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "f%02u", i);
        job_fixture_write(&f, name, i, 3000);
    }
    first = job_fixture_snap(&f).result.id;
    job_fixture_reopen(&f, false); /* an index just made trusts nothing */
    /* four units from the front, and as many behind the place of the stop */
    assert_true(scratch_run("cd '%s' && for i in 00 01 02 03 08 09 10 11 "
                            "30 31 32 33; do echo $i >f$i; done",
                            f.src));
    s = checkpoint_kit_run(&f, &w);
    assert_int_equal(s.rc, E_CANCELED);
    id = w.id[1];
    m = checkpoint_kit_manifest(&f, &id);
    assert_int_equal(m.manifest.m.number, 2);
    assert_memory_equal(&m.manifest.m.previous, &first, ID_BYTES);
    assert_in_range(m.manifest.m.stats.files, 8, 20);
    snapshot_list_drop(&m);
    job_fixture_reopen(&f, false);
    assert_in_range(opens_of(&f, &s), 4, 8);
    assert_int_equal(s.result.kept_files, 36);
    assert_true(s.result.has_resumed);
    assert_in_range(s.result.resumed_files, 8, 20);
    job_fixture_returns(&f, &s.result.id);
    m = checkpoint_kit_manifest(&f, &s.result.id);
    assert_int_equal(m.manifest.m.number, 2);
    assert_memory_equal(&m.manifest.m.previous, &first, ID_BYTES);
    snapshot_list_drop(&m);
    checkpoint_kit_clean(&f, 2);
    job_fixture_close(&f);
}

/* A run that resumes, and is stopped before it comes as far as the one before,
 * takes nothing away. */
static void test_checkpoint__stopped_early_it_loses_nothing(void **state)
{
    struct job_fixture f;
    struct object_id far;
    struct object_id near;
    struct job_snap s;
    uint64_t had;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    far = checkpoint_kit_interrupted(&f, 9);
    had = checkpoint_kit_gives(&f, &far);
    job_fixture_reopen(&f, false);
    /* in byte order before all others */
    assert_true(scratch_run("cd '%s' && echo 1 >'!1' && echo 2 >'!2'", f.src));
    near = checkpoint_kit_interrupted(&f, 1);
    assert_true(checkpoint_kit_gives(&f, &near) < had);
    assert_int_equal(checkpoint_kit_census(&f).checkpoints, 2);
    checkpoint_kit_clean(&f, 2);
    job_fixture_reopen(&f, false);
    s = job_fixture_snap(&f);
    assert_memory_equal(&s.result.resumed, &near, ID_BYTES);
    assert_int_equal(s.result.kept_files, had + 2);
    assert_int_equal(s.result.resumed_files, had + 2);
    job_fixture_returns(&f, &s.result.id);
    assert_int_equal(checkpoint_kit_census(&f).checkpoints, 0);
    checkpoint_kit_clean(&f, 1);
    job_fixture_close(&f);
}

/* Nothing new has ended: there is nothing worth a checkpoint. */
static void test_checkpoint__none_without_news(void **state)
{
    struct checkpoint_watch w = {.cancel = {15}};
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    s = checkpoint_kit_run(&f, &w); /* stopped before it began */
    assert_int_equal(s.rc, E_CANCELED);
    assert_int_equal(w.n, 0);
    assert_int_equal(checkpoint_kit_census(&f).checkpoints, 0);
    (void)job_fixture_snap(&f);
    job_fixture_reopen(&f, false);
    w = (struct checkpoint_watch){.n = 0};
    s = checkpoint_kit_run(&f, &w); /* all is as it was: none while it runs */
    assert_int_equal(s.rc, 0);
    assert_int_equal(w.n, 0);
    assert_int_equal(s.result.kept_files, JOB_FIXTURE_FILES);
    checkpoint_kit_clean(&f, 2);
    job_fixture_close(&f);
}

/* One is due when the walk has left its root, and has not said so yet. */
static void test_checkpoint__of_a_walk_that_has_come_home(void **state)
{
    struct checkpoint_watch w = {.unit_items = 1000};
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    s = checkpoint_kit_run(&f, &w);
    assert_int_equal(s.rc, 0);
    assert_true(w.n > 0);
    assert_int_equal(w.stats[w.n - 1].files, JOB_FIXTURE_FILES);
    assert_int_equal(checkpoint_kit_census(&f).superseded, w.n);
    job_fixture_returns(&f, &s.result.id);
    checkpoint_kit_clean(&f, 1);
    job_fixture_close(&f);
}

/* A run beside: both end in snapshots of one number, and the checkpoints of
 * both are superfluous with the first. */
static int beside(void *ctx, const struct snapshot_job_result *so_far)
{
    struct job_fixture *f = ctx;
    struct snapshot_job_options o = job_fixture_options(f);
    struct job_fixture other = *f;
    struct repo_open_options open = {.secret = &f->secret};
    struct snapshot_job *j;
    char cache[JOB_PATH + 16];

    if (so_far->checkpoints != 2)
        return 0;
    (void)snprintf(cache, sizeof cache, "%s-beside", f->out);
    open.cache_root = cache;
    assert_int_equal(repo_open(f->store, &open, &other.r), 0);
    clock_fake_advance(1000);
    assert_int_equal(snapshot_job_new(other.r, &o, &j), 0);
    assert_int_equal(snapshot_job_run(j), 0);
    assert_true(snapshot_job_result(j)->has_resumed);
    snapshot_job_free(j);
    assert_int_equal(checkpoint_kit_census(&other).complete, 1);
    assert_int_equal(checkpoint_kit_census(&other).checkpoints, 0);
    repo_close(other.r);
    return 0;
}

static int beside_and_on(void *ctx, const struct snapshot_job_result *so_far)
{
    int rc = beside(ctx, so_far);

    clock_fake_advance(1);
    return rc;
}

static void test_checkpoint__two_runs_of_a_series(void **state)
{
    struct snapshot_job_options o;
    struct job_fixture f;
    struct job_snap s;
    struct snapshot m;
    struct checkpoint_census c;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    o = job_fixture_options(&f);
    o.checkpoint_ns = 1;
    o.unit_items = SMALL_UNIT;
    o.threads = 1;
    o.on_checkpoint = beside_and_on;
    o.ctx = &f;
    memory_set_hook(f.store, checkpoint_kit_tick, NULL);
    s = job_fixture_run(&f, &o);
    memory_set_hook(f.store, NULL, NULL);
    assert_int_equal(s.rc, 0);
    assert_true(s.result.checkpoints > 3);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_reopen(&f, true);
    c = checkpoint_kit_census(&f);
    assert_int_equal(c.complete, 2);
    assert_int_equal(c.checkpoints, 0);
    assert_int_equal(c.number, 1);
    /* the one that began last is the newer one */
    assert_memory_not_equal(&c.newest, &s.result.id, ID_BYTES);
    job_fixture_returns(&f, &c.newest);
    checkpoint_kit_clean(&f, 2);
    s = job_fixture_snap(&f);
    m = checkpoint_kit_manifest(&f, &s.result.id);
    assert_int_equal(m.manifest.m.number, 2);
    assert_memory_equal(&m.manifest.m.previous, &c.newest, ID_BYTES);
    snapshot_list_drop(&m);
    job_fixture_close(&f);
}

static bool trusted(struct job_fixture *f, const char *series)
{
    struct snap_previous p = {.item = NULL};
    bool all;

    assert_int_equal(snap_previous_find(f->r, bytes_of_str(series), false, &p),
                     0);
    assert_int_equal(p.parent_n, 1);
    all = p.trusted_n == 1 && !p.parent[0].must_check;
    assert_int_equal(p.parent[0].must_check, p.trusted_n == 0);
    snap_previous_release(&p);
    return all;
}

/* A snapshot that cannot be read may supersede it, and its chunks may be gone
 * (concurrency.md S2): each of them is asked for. */
static void test_checkpoint__is_not_trusted_beside_what_is_unreadable(
    void **state)
{
    struct snapshot_job_options o;
    struct job_fixture f;
    struct job_snap s;
    char name[SNAPSHOT_LIST_NAME_MAX];

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    (void)checkpoint_kit_interrupted(&f, 5);
    o = job_fixture_options(&f);
    o.series = bytes_of_str("sound");
    assert_int_equal(job_fixture_run(&f, &o).rc, 0);
    o.series = bytes_of_str("damaged");
    s = job_fixture_run(&f, &o);
    assert_int_equal(s.rc, 0);
    job_fixture_reopen(&f, false);
    assert_true(trusted(&f, "test"));
    assert_true(trusted(&f, "sound"));
    snapshot_list_name(&s.result.id, name);
    assert_true(memory_damage(f.store, name, 100, 1));
    job_fixture_reopen(&f, true);
    job_fixture_reopen(&f, false); /* an index just made trusts nothing */
    assert_false(trusted(&f, "test"));
    assert_true(trusted(&f, "sound"));
    s = job_fixture_snap(&f);
    assert_true(s.result.resumed_files > 0);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

/* --force reads all, whatever a checkpoint says. */
static void test_checkpoint__not_when_all_is_to_be_read(void **state)
{
    struct snapshot_job_options o;
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    (void)checkpoint_kit_interrupted(&f, 5);
    o = job_fixture_options(&f);
    o.force = true;
    s = job_fixture_run(&f, &o);
    assert_int_equal(s.rc, 0);
    assert_false(s.result.has_resumed);
    assert_int_equal(s.result.kept_files, 0);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoint__a_run_leaves_what_it_has),
        cmocka_unit_test(test_checkpoint__is_whole_when_it_is_told),
        cmocka_unit_test(test_checkpoint__the_next_run_goes_on),
        cmocka_unit_test(test_checkpoint__an_incremental_run_goes_on),
        cmocka_unit_test(test_checkpoint__stopped_early_it_loses_nothing),
        cmocka_unit_test(test_checkpoint__none_without_news),
        cmocka_unit_test(test_checkpoint__of_a_walk_that_has_come_home),
        cmocka_unit_test(test_checkpoint__two_runs_of_a_series),
        cmocka_unit_test(
            test_checkpoint__is_not_trusted_beside_what_is_unreadable),
        cmocka_unit_test(test_checkpoint__not_when_all_is_to_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
