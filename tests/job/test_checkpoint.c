/* Checkpoints: what a run leaves while it goes on and where it is stopped, and
 * what the next one makes of that. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fileop_fault.h"
#include "repo/check.h"
#include "repo/job/snap_previous.h"
#include "repo/snapshot_list.h"
#include "tests/job/job_fixture.h"

enum { CHECKPOINTS_MAX = 24, SMALL_UNIT = 4 };

/* A run that is watched, and stopped where it is wanted. */
struct watch {
    struct snapshot_job_options opt;
    struct cancel cancel;
    uint64_t stop_after; /* checkpoints; 0: never */
    size_t n;
    struct object_id id[CHECKPOINTS_MAX];
    struct manifest_stats stats[CHECKPOINTS_MAX];
};

/* The next one is due as soon as there is something new. */
static int note(void *ctx, const struct snapshot_job_result *so_far)
{
    struct watch *w = ctx;

    assert_true(w->n < CHECKPOINTS_MAX);
    assert_int_equal(so_far->checkpoints, w->n + 1);
    w->id[w->n] = so_far->checkpoint;
    w->stats[w->n++] = so_far->stats;
    if (w->n == w->stop_after)
        cancel_request(&w->cancel, 2);
    clock_fake_advance(1);
    return 0;
}

/* What the store does to open the run takes the time to the first one. */
static int tick(void *ctx, enum memory_point point, enum memory_op op,
                const char *name)
{
    (void)ctx;
    (void)point;
    (void)op;
    (void)name;
    clock_fake_advance(1);
    return 0;
}

static struct job_snap run(struct job_fixture *f, struct watch *w)
{
    struct job_snap s;

    w->opt = job_fixture_options(f);
    w->opt.checkpoint_ns = 1;
    w->opt.threads = 1; /* it stops behind the unit at hand */
    w->opt.unit_items = SMALL_UNIT;
    w->opt.cancel = &w->cancel;
    w->opt.on_checkpoint = note;
    w->opt.ctx = w;
    memory_set_hook(f->store, tick, NULL);
    s = job_fixture_run(f, &w->opt);
    memory_set_hook(f->store, NULL, NULL);
    assert_int_equal(s.result.checkpoints, w->n);
    return s;
}

/* A run that is stopped at its n-th checkpoint, which it returns. */
static struct object_id interrupted(struct job_fixture *f, uint64_t n)
{
    struct watch w = {.stop_after = n};
    struct job_snap s = run(f, &w);

    assert_int_equal(s.rc, E_CANCELED);
    assert_true(w.n == n);
    assert_memory_equal(&s.result.checkpoint, &w.id[n - 1], ID_BYTES);
    return w.id[n - 1];
}

static int no_finding(void *ctx, const struct check_finding *found)
{
    (void)ctx;
    if (found->damage || found->unread)
        print_message("%s: %s\n", found->object, found->text);
    return 0;
}

static void clean(struct job_fixture *f, uint64_t snapshots)
{
    struct check_options opt = {.read_data = true, .threads = 1};
    struct check_summary sum;

    assert_int_equal(check_run(f->r, &opt, no_finding, NULL, &sum), 0);
    assert_int_equal(sum.snapshots, snapshots);
}

/* How many files a checkpoint gives back; it is a part of the source. */
static uint64_t gives(struct job_fixture *f, const struct object_id *id)
{
    char list[2 * JOB_PATH];
    uint64_t n = 0;
    FILE *in;

    assert_int_equal(job_fixture_restore(f, id, f->out, NULL).rc, 0);
    assert_true(job_fixture_part(f->src, f->out));
    (void)snprintf(list, sizeof list, "%s/list", f->dir);
    assert_true(scratch_run("find '%s' -type f -printf . >'%s'", f->out, list));
    in = fopen(list, "r");
    assert_non_null(in);
    while (fgetc(in) != EOF)
        n++;
    (void)fclose(in);
    assert_true(scratch_run("rm -rf '%s' '%s'", f->out, list));
    return n;
}

/* What the list of the series says. */
struct census {
    size_t complete;
    size_t checkpoints; /* not superseded */
    size_t superseded;
    uint64_t number;         /* of the newest complete one */
    struct object_id newest; /* the same */
    struct object_id on;     /* the newest checkpoint */
};

static struct census census(struct job_fixture *f)
{
    struct snapshot_list l = {.item = NULL};
    struct census c = {.complete = 0};
    const struct snapshot_item *it;

    assert_int_equal(snapshot_list_load(f->r->index, &f->r->state, &l), 0);
    for (size_t i = 0; i < l.n; i++) {
        bool complete = l.item[i].manifest.m.complete;

        assert_false(complete && l.item[i].superseded);
        if (i > 0 && !complete && !l.item[i - 1].manifest.m.complete &&
            entry_time_cmp(l.item[i].manifest.m.begin,
                           l.item[i - 1].manifest.m.begin) == 0)
            assert_true(l.item[i].manifest.m.stats.files >
                        l.item[i - 1].manifest.m.stats.files);
        c.complete += complete;
        c.checkpoints += !complete && !l.item[i].superseded;
        c.superseded += l.item[i].superseded;
    }
    it = snapshot_list_newest(&l, bytes_of_str("test"));
    if (it) {
        c.number = it->manifest.m.number;
        c.newest = it->id;
    }
    it = snapshot_list_checkpoint(&l, bytes_of_str("test"), false);
    if (it)
        c.on = it->id;
    snapshot_list_release(&l);
    return c;
}

static struct snapshot manifest_of(struct job_fixture *f,
                                   const struct object_id *id)
{
    struct snapshot s;

    assert_int_equal(snapshot_list_read(f->store, f->r->keys, id, &s), 0);
    return s;
}

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
    struct watch w = {.n = 0};
    struct snapshot last;
    struct job_snap s;
    uint64_t before = 0;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    nested(&f);
    s = run(&f, &w);
    assert_int_equal(s.rc, 0);
    assert_true(w.n > 5);
    for (size_t i = 0; i < w.n; i++) {
        struct snapshot m = manifest_of(&f, &w.id[i]);
        uint64_t files = gives(&f, &w.id[i]);

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
    last = manifest_of(&f, &s.result.id);
    assert_true(last.manifest.m.complete);
    assert_int_equal(last.manifest.m.number, 1);
    snapshot_list_drop(&last);
    job_fixture_returns(&f, &s.result.id);
    for (int fresh = 0; fresh <= 1; fresh++) {
        struct census c;

        job_fixture_reopen(&f, fresh);
        c = census(&f);
        assert_int_equal(c.complete, 1);
        assert_int_equal(c.checkpoints, 0);
        assert_int_equal(c.superseded, w.n);
    }
    clean(&f, 1);
    job_fixture_close(&f);
}

/* Each checkpoint reaches only what was durable and listed when it was
 * committed: with all that came later taken away it is whole. */
static int gone_after(void *ctx, const struct snapshot_job_result *so_far)
{
    struct job_fixture *f = ctx;
    struct job_fixture other = *f;
    struct census c;
    char out[JOB_PATH + 16];
    struct check_options opt = {.read_data = true, .threads = 1};
    struct check_summary sum;
    struct repo_open_options open = {.secret = &f->secret,
                                     .cache_root = other.out};

    /* another process, with a cache of its own, at this very moment */
    (void)snprintf(out, sizeof out, "%s-cache", f->out);
    open.cache_root = out;
    assert_int_equal(repo_open(f->store, &open, &other.r), 0);
    c = census(&other);
    assert_int_equal(c.checkpoints, 1);
    assert_memory_equal(&c.on, &so_far->checkpoint, ID_BYTES);
    assert_int_equal(check_run(other.r, &opt, no_finding, NULL, &sum), 0);
    assert_int_equal(sum.snapshots, 1);
    assert_int_equal(gives(&other, &so_far->checkpoint), so_far->stats.files);
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
    memory_set_hook(f.store, tick, NULL);
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
        struct census c;
        uint64_t had;

        job_fixture_open(&f);
        job_fixture_files(&f);
        id = interrupted(&f, at);
        had = gives(&f, &id);
        assert_true(had > 0 && had < JOB_FIXTURE_FILES);
        assert_int_equal(census(&f).complete, 0);
        assert_int_equal(census(&f).checkpoints, 1);
        c = census(&f);
        assert_memory_equal(&c.on, &id, ID_BYTES);
        clean(&f, 1);
        job_fixture_reopen(&f, false);
        s = job_fixture_snap(&f);
        assert_true(s.result.has_resumed);
        assert_memory_equal(&s.result.resumed, &id, ID_BYTES);
        assert_int_equal(s.result.kept_files, had);
        assert_int_equal(s.result.resumed_files, had);
        job_fixture_returns(&f, &s.result.id);
        m = manifest_of(&f, &s.result.id);
        assert_int_equal(m.manifest.m.number, 1);
        assert_false(m.manifest.m.has_previous);
        snapshot_list_drop(&m);
        assert_int_equal(census(&f).checkpoints, 0);
        clean(&f, 1);
        /* no checkpoint is left to go on from */
        s = job_fixture_snap(&f);
        assert_false(s.result.has_resumed);
        assert_int_equal(s.result.kept_files, JOB_FIXTURE_FILES);
        assert_int_equal(census(&f).number, 2);
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
    struct watch w = {.stop_after = 2};

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
    s = run(&f, &w);
    assert_int_equal(s.rc, E_CANCELED);
    id = w.id[1];
    m = manifest_of(&f, &id);
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
    m = manifest_of(&f, &s.result.id);
    assert_int_equal(m.manifest.m.number, 2);
    assert_memory_equal(&m.manifest.m.previous, &first, ID_BYTES);
    snapshot_list_drop(&m);
    clean(&f, 2);
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
    far = interrupted(&f, 9);
    had = gives(&f, &far);
    job_fixture_reopen(&f, false);
    /* in byte order before all others */
    assert_true(scratch_run("cd '%s' && echo 1 >'!1' && echo 2 >'!2'", f.src));
    near = interrupted(&f, 1);
    assert_true(gives(&f, &near) < had);
    assert_int_equal(census(&f).checkpoints, 2);
    clean(&f, 2);
    job_fixture_reopen(&f, false);
    s = job_fixture_snap(&f);
    assert_memory_equal(&s.result.resumed, &near, ID_BYTES);
    assert_int_equal(s.result.kept_files, had + 2);
    assert_int_equal(s.result.resumed_files, had + 2);
    job_fixture_returns(&f, &s.result.id);
    assert_int_equal(census(&f).checkpoints, 0);
    clean(&f, 1);
    job_fixture_close(&f);
}

/* Nothing new has ended: there is nothing worth a checkpoint. */
static void test_checkpoint__none_without_news(void **state)
{
    struct watch w = {.cancel = {15}};
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    s = run(&f, &w); /* stopped before it began */
    assert_int_equal(s.rc, E_CANCELED);
    assert_int_equal(w.n, 0);
    assert_int_equal(census(&f).checkpoints, 0);
    (void)job_fixture_snap(&f);
    job_fixture_reopen(&f, false);
    w = (struct watch){.n = 0};
    s = run(&f, &w); /* all is as it was: none while it runs */
    assert_int_equal(s.rc, 0);
    assert_int_equal(w.n, 0);
    assert_int_equal(s.result.kept_files, JOB_FIXTURE_FILES);
    clean(&f, 2);
    job_fixture_close(&f);
}

/* Asks to stop when a pack has been begun. */
struct stopper {
    struct watch *w;
    unsigned after; /* operations of the store */
    atomic_uint n;  /* that there were */
};

static int stop_later(void *ctx, enum memory_point point, enum memory_op op,
                      const char *name)
{
    struct stopper *s = ctx;

    (void)point;
    (void)op;
    (void)name;
    if (atomic_fetch_add(&s->n, 1) + 1 == s->after)
        cancel_request(&s->w->cancel, 15);
    return 0;
}

/* A file that is being read is not in it, and is left within one unit. */
static void test_checkpoint__not_with_half_a_file(void **state)
{
    bool met = false;

    (void)state;
    for (unsigned after = 1; after < 60 && !met; after++) {
        struct watch w = {.n = 0};
        struct stopper stop = {.w = &w, .after = after};
        struct job_fixture f;
        struct job_snap s;
        struct job_entry e;

        job_fixture_open(&f);
        job_fixture_write(&f, "a", 1, 5000);
        job_fixture_write(&f, "huge", 2, 24 << 20);
        job_fixture_write(&f, "z", 3, 5000);
        w.opt = job_fixture_options(&f);
        w.opt.checkpoint_ns = INT64_MAX;
        w.opt.cancel = &w.cancel;
        w.opt.on_checkpoint = note;
        w.opt.ctx = &w;
        memory_set_hook(f.store, stop_later, &stop);
        s = job_fixture_run(&f, &w.opt);
        memory_set_hook(f.store, NULL, NULL);
        met = s.rc == E_CANCELED && w.n == 1;
        if (met) {
            assert_false(job_fixture_find(&f, &w.id[0], "huge", &e));
            assert_false(job_fixture_find(&f, &w.id[0], "z", &e));
            assert_int_equal(gives(&f, &w.id[0]), 1);
            assert_true(s.result.stats.new_bytes > 1 << 20);
            job_fixture_reopen(&f, false);
            s = job_fixture_snap(&f);
            assert_int_equal(s.result.kept_files, 1);
            /* what of it was stored is found */
            assert_true(s.result.stats.new_bytes < 24 << 20);
            job_fixture_returns(&f, &s.result.id);
            clean(&f, 1);
        }
        job_fixture_close(&f);
    }
    assert_true(met);
}

/* Wherever it is stopped, it is a checkpoint or nothing, and never half a
 * snapshot for a whole one. */
static void test_checkpoint__stopped_anywhere(void **state)
{
    unsigned complete = 0;
    unsigned checkpoints = 0;
    unsigned nothing = 0;

    (void)state;
    for (unsigned after = 1; after < 400 && complete < 3; after += 2) {
        struct watch w = {.n = 0};
        struct stopper stop = {.w = &w, .after = after};
        struct job_fixture f;
        struct job_snap s;

        job_fixture_open(&f);
        for (char name[] = "a"; name[0] <= 'j'; name[0]++)
            job_fixture_write(&f, name, (uint64_t)name[0], 700000);
        w.opt = job_fixture_options(&f);
        w.opt.checkpoint_ns = INT64_MAX;
        w.opt.unit_items = SMALL_UNIT;
        w.opt.cancel = &w.cancel;
        w.opt.on_checkpoint = note;
        w.opt.ctx = &w;
        memory_set_hook(f.store, stop_later, &stop);
        s = job_fixture_run(&f, &w.opt);
        memory_set_hook(f.store, NULL, NULL);
        complete += s.rc == 0;
        checkpoints += s.rc != 0 && w.n == 1;
        nothing += s.rc != 0 && w.n == 0;
        if (s.rc != 0)
            assert_int_equal(s.rc, E_CANCELED);
        if (w.n > 0)
            assert_int_equal(gives(&f, &w.id[0]), w.stats[0].files);
        if (s.rc == 0)
            job_fixture_returns(&f, &s.result.id);
        assert_int_equal(census(&f).complete, s.rc == 0);
        s = job_fixture_snap(&f);
        assert_int_equal(s.result.resumed_files, w.n ? w.stats[0].files : 0);
        job_fixture_returns(&f, &s.result.id);
        job_fixture_close(&f);
    }
    print_message("%u complete, %u checkpoints, %u nothing\n", complete,
                  checkpoints, nothing);
    assert_true(complete > 0 && checkpoints > 0 && nothing > 0);
}

/* Asks to stop after a while. */
struct canceller {
    pthread_t thread;
    struct watch *w;
    int64_t after_ns;
};

static void *cancel_later(void *ctx)
{
    struct canceller *c = ctx;
    struct timespec t = {c->after_ns / 1000000000, c->after_ns % 1000000000};

    (void)nanosleep(&t, NULL);
    cancel_request(&c->w->cancel, 15);
    return NULL;
}

enum { MANY_FILES = 900, MANY_UNIT = 300, MANY_ROUNDS = 24, MANY_CYCLES = 10 };

/* Workers drop what they have not done of their units, wherever that is, and
 * also when the source has come to its end. */
static void test_checkpoint__stopped_in_the_middle_of_units(void **state)
{
    struct job_fixture f;
    struct timespec from;
    struct timespec to;
    unsigned complete = 0;
    unsigned cut = 0;

    (void)state;
    job_fixture_open(&f);
    for (unsigned i = 0; i < MANY_FILES; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "f%03u", i);
        job_fixture_write(&f, name, i, 2000);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    (void)job_fixture_snap(&f);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    for (unsigned i = 0; i < MANY_ROUNDS * (cut ? 1 : MANY_CYCLES); i++) {
        struct watch w = {.n = 0};
        struct canceller c = {.w = &w};
        char series[16];
        struct job_snap s;

        (void)snprintf(series, sizeof series, "r%u", i);
        w.opt = job_fixture_options(&f);
        w.opt.series = bytes_of_str(series);
        w.opt.checkpoint_ns = INT64_MAX;
        w.opt.unit_items = MANY_UNIT;
        w.opt.cancel = &w.cancel;
        w.opt.on_checkpoint = note;
        w.opt.ctx = &w;
        c.after_ns = ((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec -
                      from.tv_nsec) *
                     (i % MANY_ROUNDS) / (2 * MANY_ROUNDS);
        assert_int_equal(pthread_create(&c.thread, NULL, cancel_later, &c), 0);
        s = job_fixture_run(&f, &w.opt);
        assert_int_equal(pthread_join(c.thread, NULL), 0);
        if (s.rc == 0) {
            job_fixture_returns(&f, &s.result.id);
            complete++;
            continue;
        }
        assert_int_equal(s.rc, E_CANCELED);
        if (w.n == 0)
            continue;
        assert_int_equal(gives(&f, &w.id[0]), w.stats[0].files);
        cut += w.stats[0].files % MANY_UNIT != 0;
    }
    print_message("%u complete, %u cut in a unit\n", complete, cut);
    assert_true(cut > 0);
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
    assert_int_equal(census(&other).complete, 1);
    assert_int_equal(census(&other).checkpoints, 0);
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
    struct census c;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    o = job_fixture_options(&f);
    o.checkpoint_ns = 1;
    o.unit_items = SMALL_UNIT;
    o.threads = 1;
    o.on_checkpoint = beside_and_on;
    o.ctx = &f;
    memory_set_hook(f.store, tick, NULL);
    s = job_fixture_run(&f, &o);
    memory_set_hook(f.store, NULL, NULL);
    assert_int_equal(s.rc, 0);
    assert_true(s.result.checkpoints > 3);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_reopen(&f, true);
    c = census(&f);
    assert_int_equal(c.complete, 2);
    assert_int_equal(c.checkpoints, 0);
    assert_int_equal(c.number, 1);
    /* the one that began last is the newer one */
    assert_memory_not_equal(&c.newest, &s.result.id, ID_BYTES);
    job_fixture_returns(&f, &c.newest);
    clean(&f, 2);
    s = job_fixture_snap(&f);
    m = manifest_of(&f, &s.result.id);
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
    (void)interrupted(&f, 5);
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
    (void)interrupted(&f, 5);
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
        cmocka_unit_test(test_checkpoint__not_with_half_a_file),
        cmocka_unit_test(test_checkpoint__stopped_anywhere),
        cmocka_unit_test(test_checkpoint__stopped_in_the_middle_of_units),
        cmocka_unit_test(test_checkpoint__two_runs_of_a_series),
        cmocka_unit_test(
            test_checkpoint__is_not_trusted_beside_what_is_unreadable),
        cmocka_unit_test(test_checkpoint__not_when_all_is_to_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
