/* A host with a write key: it backs up incrementally, and can read nothing
 * back but what its last snapshot needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fileop_fault.h"
#include "repo/check.h"
#include "repo/fetch.h"
#include "repo/job/snap_previous.h"
#include "repo/keepsake_file.h"
#include "repo/repo_log.h"
#include "repo/snapshot_own.h"
#include "tests/job/host_kit.h"
#include "tests/job/job_fixture.h"

enum {
    FILES = JOB_FIXTURE_FILES,
    /* bytes of the pages above the source: other tests change those */
    ANCESTORS = 4000
};

/* A run that must succeed; how many files it did not open. */
static struct job_snap run(struct job_fixture *f, uint64_t kept)
{
    struct job_snap s = job_fixture_snap(f);

    assert_int_equal(s.result.kept_files, kept);
    assert_int_equal(s.result.parent_damaged, 0);
    return s;
}

static void forget_cache(struct job_fixture *f)
{
    repo_close(f->r);
    f->r = NULL;
    assert_true(scratch_run("rm -rf %s/cache-write", f->dir));
    job_fixture_as(f, true);
}

/* Bytes of content that lie in data packs. */
static uint64_t data_bytes(struct job_fixture *f)
{
    struct index_reader *r = NULL;
    struct index_pack pack[16];
    uint64_t bytes = 0;
    uint32_t next = 0;
    size_t n = 1;

    assert_int_equal(index_reader_new(f->r->index, &r), 0);
    while (n > 0) {
        assert_int_equal(index_reader_packs(r, &next, pack, 16, &n), 0);
        for (size_t i = 0; i < n; i++)
            bytes += pack[i].kind == INDEX_DATA ? pack[i].size_bytes : 0;
    }
    index_reader_free(r);
    return bytes;
}

/* Whether the host can read a node of a tree. */
static bool can_read(struct job_fixture *f, const struct chunk_id *node)
{
    struct kept_frames *kept = kept_frames_new();
    struct fetch_lane *lane = NULL;
    struct fetch *fetch = NULL;
    struct fetch_chunk c;
    struct keepsake k;
    int rc;

    assert_non_null(kept);
    assert_true(keepsake_file_read(f->r, bytes_of_str("test"), true, kept, &k));
    assert_int_equal(
        fetch_open(f->store, f->r->keys, f->r->index, 1 << 20, &fetch), 0);
    assert_int_equal(fetch_keep(fetch, kept), 0);
    assert_int_equal(fetch_lane_new(fetch, &lane), 0);
    rc = fetch_get(lane, PACK_META, node, 0, &c);
    fetch_release(lane, &c);
    if (rc != 0)
        assert_int_equal(rc, E_ROLE);
    fetch_lane_free(lane);
    fetch_free(fetch);
    keepsake_release(&k);
    kept_frames_free(kept);
    return rc == 0;
}

/* The root of the source's pages in a snapshot, as the full key sees it. */
static struct chunk_id root_of(struct job_fixture *f, const struct job_snap *s)
{
    struct chunk_id root;

    job_fixture_as(f, false);
    root = job_fixture_root(f, &s->result.id);
    job_fixture_as(f, true);
    return root;
}

static void test_write_host__opens_what_has_changed_and_no_more(void **state)
{
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    host_kit_open(&f);
    s = run(&f, 0);
    assert_false(s.result.has_parent);
    host_kit_returns(&f, &s);
    s = run(&f, FILES);
    assert_true(s.result.has_parent);
    assert_true(s.result.stats.new_bytes < ANCESTORS);
    job_fixture_write(&f, "file-007", 999, 50000);
    s = run(&f, FILES - 1);
    host_kit_returns(&f, &s);
    scratch_dir(f.src, "sub");
    job_fixture_write(&f, "sub/new", 1, 5000);
    s = run(&f, FILES);
    host_kit_returns(&f, &s);
    /* as another process, which has nothing but the cache */
    job_fixture_as(&f, true);
    s = run(&f, FILES + 1);
    host_kit_returns(&f, &s);
    job_fixture_close(&f);
}

static void test_write_host__cannot_read_back(void **state)
{
    struct job_fixture f;
    struct snapshot s;
    struct job_snap r;

    (void)state;
    host_kit_open(&f);
    r = run(&f, 0);
    assert_int_equal(snapshot_list_read(f.store, f.r->keys, &r.result.id, &s),
                     E_ROLE);
    job_fixture_close(&f);
}

/* A page of an older tree that the last run did not need stays closed, and so
 * does what the last run replaced itself. */
static void test_write_host__older_trees_are_closed(void **state)
{
    struct chunk_id root[3];
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    host_kit_open(&f);
    for (unsigned i = 0; i < 3; i++) {
        /* every page is another: none that is left shares a frame */
        assert_true(scratch_run("touch %s/file-*", f.src));
        clock_fake_advance(CLOCK_SECOND_NS);
        s = run(&f, 0);
        root[i] = root_of(&f, &s);
        for (unsigned k = 0; k <= i; k++)
            assert_int_equal(can_read(&f, &root[k]), k == i);
    }
    job_fixture_close(&f);
}

/* Without the keepsake, or without any cache, everything is read once, nothing
 * of it is stored again, and the run after that knows again. */
static void test_write_host__losing_it_costs_one_read(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    uint64_t bytes;

    (void)state;
    host_kit_open(&f);
    job_fixture_write(&f, "large", 5, 3000000);
    s = run(&f, 0);
    bytes = data_bytes(&f);
    for (unsigned i = 0; i < 4; i++) {
        if (i % 2)
            forget_cache(&f);
        else
            host_kit_forget(&f);
        s = run(&f, 0);
        assert_false(s.result.has_parent);
        assert_int_equal(data_bytes(&f), bytes);
        /* pages and lists alone */
        assert_in_range(s.result.stats.new_bytes, 1, 60000);
        s = run(&f, FILES + 1);
        assert_true(s.result.stats.new_bytes < ANCESTORS);
    }
    host_kit_returns(&f, &s);
    job_fixture_close(&f);
}

/* What was a page of last week's tree is one again: it is found stored, but in
 * a frame that has been closed. */
static void test_write_host__goes_back_to_an_older_state(void **state)
{
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    host_kit_open(&f);
    (void)run(&f, 0);
    assert_true(scratch_run("mv %s/file-007 %s/kept-aside", f.src, f.dir));
    (void)run(&f, FILES - 1);
    assert_true(scratch_run("mv %s/kept-aside %s/file-007", f.dir, f.src));
    (void)run(&f, FILES - 1);
    s = run(&f, FILES);
    s = run(&f, FILES);
    host_kit_returns(&f, &s);
    job_fixture_close(&f);
}

static struct job_snap run_with(struct job_fixture *f, const char *series,
                                const char *below, bool force)
{
    struct snapshot_job_options o = job_fixture_options(f);
    char path[2 * JOB_PATH];
    struct bytes root;
    struct job_snap s;

    (void)snprintf(path, sizeof path, "%s%s", f->src, below);
    root = bytes_of_str(path);
    o.root = &root;
    o.series = bytes_of_str(series);
    o.force = force;
    s = job_fixture_run(f, &o);
    assert_int_equal(s.rc, 0);
    return s;
}

static void test_write_host__reads_all_when_told_and_knows_all_after(
    void **state)
{
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    host_kit_open(&f);
    (void)run(&f, 0);
    for (unsigned i = 0; i < 2; i++) {
        s = run_with(&f, "test", "", true);
        assert_int_equal(s.result.kept_files, 0);
        /* with the keepsake its pages are known: none is stored twice */
        assert_true(s.result.stats.new_bytes < ANCESTORS);
    }
    s = run(&f, FILES);
    host_kit_returns(&f, &s);
    job_fixture_close(&f);
}

static void test_write_host__keeps_series_apart(void **state)
{
    static const char *const series[] = {"test", "other"};
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    host_kit_open(&f);
    for (unsigned i = 0; i < 6; i++) {
        s = run_with(&f, series[i % 2], "", false);
        assert_int_equal(s.result.kept_files, i < 2 ? 0 : FILES);
        if (i >= 2)
            assert_true(s.result.stats.new_bytes < ANCESTORS);
        host_kit_returns(&f, &s);
    }
    job_fixture_close(&f);
}

/* Another root of the same series: what both have is known. */
static void test_write_host__takes_other_roots(void **state)
{
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    host_kit_open(&f);
    scratch_dir(f.src, "sub");
    for (unsigned i = 0; i < 5; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "sub/f-%u", i);
        job_fixture_write(&f, name, 100 + i, 5000);
    }
    (void)run(&f, 0);
    s = run_with(&f, "test", "/sub", false);
    assert_int_equal(s.result.kept_files, 5);
    s = run_with(&f, "test", "/sub", false);
    assert_int_equal(s.result.kept_files, 5);
    assert_true(s.result.stats.new_bytes < ANCESTORS);
    /* the other files are not of its tree any more */
    s = run(&f, 5);
    s = run(&f, FILES + 5);
    host_kit_returns(&f, &s);
    job_fixture_close(&f);
}

/* A condemn record is undecided: each chunk is looked up (I6). For that the
 * lists of large files are read, which earlier runs had taken over unread. */
static void test_write_host__looks_up_what_large_files_reach(void **state)
{
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    host_kit_open(&f);
    job_fixture_write(&f, "large", 5, 3000000);
    job_fixture_write(&f, "larger", 6, 20000000);
    (void)run(&f, 0);
    for (unsigned i = 0; i < 3; i++) {
        /* pages alone are written, and their frames alone are new */
        job_fixture_write(&f, "file-007", 999 + i, 50000);
        (void)run(&f, FILES + 1);
    }
    job_fixture_as(&f, false);
    assert_int_equal(repo_log_append(f.r, host_kit_mark_nothing, NULL, NULL),
                     0);
    job_fixture_as(&f, true);
    for (unsigned i = 0; i < 2; i++) {
        s = run(&f, FILES + 2);
        assert_true(s.result.stats.new_bytes < ANCESTORS);
    }
    host_kit_returns(&f, &s);
    /* a list that is closed costs a read of its file */
    host_kit_forget(&f);
    (void)run(&f, 0);
    s = run(&f, FILES + 2);
    host_kit_returns(&f, &s);
    job_fixture_close(&f);
}

/* The seal holds whatever the disk or a stranger made of it. */
static void test_write_host__is_not_stopped_by_a_bad_keepsake(void **state)
{
    static const char *const harm[] = {
        "truncate -s 50 $f", "printf xxxx > $f", "rm $f; mkdir $f",
        "printf x | dd of=$f bs=1 seek=300 conv=notrunc 2>/dev/null"};
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    host_kit_open(&f);
    for (size_t i = 0; i < sizeof harm / sizeof harm[0]; i++) {
        s = run(&f, i ? FILES : 0);
        assert_true(scratch_run("for f in %s/keepsake-*; do %s; done",
                                f.r->cache, harm[i]));
        s = run(&f, 0);
        host_kit_returns(&f, &s);
        assert_true(
            scratch_run("rmdir %s/keepsake-* 2>/dev/null; true", f.r->cache));
        (void)run(&f, i == 2 ? 0 : FILES);
    }
    job_fixture_close(&f);
}

/* Two runs at once began with the same keepsake; the last to end has written
 * its own over the other's. Both are right. */
static void test_write_host__two_runs_at_once(void **state)
{
    struct job_fixture f;
    struct job_snap s[2];

    (void)state;
    host_kit_open(&f);
    (void)run(&f, 0);
    assert_true(
        scratch_run("cd %s && cp -p keepsake-* %s/first", f.r->cache, f.dir));
    job_fixture_write(&f, "file-007", 1000, 50000);
    s[0] = run(&f, FILES - 1);
    host_kit_returns(&f, &s[0]);
    assert_true(scratch_run("cd %s && cp -p keepsake-* %s/second && "
                            "cp -p %s/first keepsake-*",
                            f.r->cache, f.dir, f.dir));
    job_fixture_write(&f, "file-008", 1001, 50000);
    s[1] = run(&f, FILES - 2);
    host_kit_returns(&f, &s[1]);
    (void)run(&f, FILES);
    /* the other one had been the last */
    assert_true(
        scratch_run("cd %s && cp -p %s/second keepsake-*", f.r->cache, f.dir));
    s[0] = run(&f, FILES - 1);
    host_kit_returns(&f, &s[0]);
    job_fixture_close(&f);
}

static void test_write_host__counts_its_series_by_commit_records(void **state)
{
    struct snapshot_list l = {.n = 0};
    struct object_id before = {{0}};
    struct job_fixture f;

    (void)state;
    host_kit_open(&f);
    for (unsigned i = 0; i < 4; i++) {
        if (i == 2)
            forget_cache(&f);
        (void)job_fixture_snap(&f);
    }
    for (unsigned fresh = 0; fresh < 2; fresh++) {
        if (fresh)
            forget_cache(&f);
        assert_int_equal(snapshot_list_load(f.r->index, &f.r->state, &l), 0);
        assert_int_equal(l.n, 4);
        for (size_t i = 0; i < l.n; i++) {
            const struct snapshot_item *it = &l.item[i];

            assert_true(it->sealed && !it->damaged);
            assert_int_equal(it->manifest.m.number, i + 1);
            assert_true(it->manifest.m.complete);
            assert_true(
                bytes_equal(it->manifest.m.series, bytes_of_str("test")));
            assert_true(it->manifest.m.begin.s > 0);
        }
        snapshot_list_release(&l);
    }
    /* they say so themselves */
    job_fixture_as(&f, false);
    assert_int_equal(snapshot_list_load(f.r->index, &f.r->state, &l), 0);
    for (size_t i = 0; i < l.n; i++) {
        const struct manifest *m = &l.item[i].manifest.m;

        assert_false(l.item[i].sealed || l.item[i].damaged);
        assert_int_equal(m->number, i + 1);
        assert_int_equal(m->has_previous, i > 0);
        if (i > 0)
            assert_true(object_id_equal(&m->previous, &before));
        before = l.item[i].id;
    }
    snapshot_list_release(&l);
    job_fixture_close(&f);
}

/* One cache for both keys: what the one could not read the other reads. */
static void test_write_host__a_full_key_reads_what_was_sealed(void **state)
{
    struct repo_open_options opt = {.no_index = false};
    struct snapshot_list l = {.n = 0};
    char cache[JOB_PATH];
    struct job_fixture f;

    (void)state;
    host_kit_open(&f);
    (void)run(&f, 0);
    repo_close(f.r);
    f.r = NULL;
    (void)snprintf(cache, sizeof cache, "%s/cache-write", f.dir);
    opt.cache_root = cache;
    opt.secret = &f.secret;
    assert_int_equal(repo_open(f.store, &opt, &f.r), 0);
    assert_int_equal(snapshot_list_load(f.r->index, &f.r->state, &l), 0);
    assert_int_equal(l.n, 1);
    assert_false(l.item[0].sealed);
    assert_int_equal(l.item[0].manifest.m.path_n, 1);
    snapshot_list_release(&l);
    job_fixture_close(&f);
}

static int due(void *ctx, enum memory_point point, enum memory_op op,
               const char *name)
{
    (void)ctx;
    (void)point;
    (void)op;
    (void)name;
    clock_fake_advance(1);
    return 0;
}

static int stop(void *ctx, const struct snapshot_job_result *so_far)
{
    (void)so_far;
    cancel_request(ctx, 2);
    return 0;
}

/* A run that is stopped behind its first checkpoint. */
static struct job_snap interrupted(struct job_fixture *f)
{
    struct snapshot_job_options o = job_fixture_options(f);
    struct cancel cancel = {0};
    struct job_snap s;

    o.checkpoint_ns = 1;
    o.threads = 1;
    o.unit_items = 4;
    o.cancel = &cancel;
    o.on_checkpoint = stop;
    o.ctx = &cancel;
    memory_set_hook(f->store, due, NULL);
    s = job_fixture_run(f, &o);
    memory_set_hook(f->store, NULL, NULL);
    assert_int_equal(s.rc, E_CANCELED);
    assert_int_equal(s.result.checkpoints, 1);
    assert_true(s.result.stats.files > 0 && s.result.stats.files < FILES);
    return s;
}

/* A run that was interrupted goes on from its checkpoint, and takes what that
 * did not come to from the last complete snapshot; of both it holds what opens
 * them, until it has come to its end. */
/* How many of the host's parents are checkpoints: each is looked at, entry by
 * entry, since only who can read them all knows which is a root. */
static size_t checkpoints(struct job_fixture *f)
{
    struct snap_previous p = {.item = NULL};
    size_t n = 0;

    assert_int_equal(snap_previous_find(f->r, bytes_of_str("test"), false, &p),
                     0);
    for (size_t i = 0; i < p.parent_n; i++) {
        n += p.parent[i].checkpoint;
        assert_true(!p.parent[i].checkpoint || p.parent[i].must_check);
    }
    snap_previous_release(&p);
    return n;
}

static void test_write_host__goes_on_from_a_checkpoint(void **state)
{
    struct job_fixture f;
    struct job_snap half;
    struct job_snap s;

    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        host_kit_open(&f);
        if (!first) {
            (void)run(&f, 0);
            assert_true(scratch_run("touch %s/file-00*", f.src));
            clock_fake_advance(CLOCK_SECOND_NS);
        }
        half = interrupted(&f);
        assert_true(
            scratch_run("ls %s/keepsake-*-checkpoint >/dev/null", f.r->cache));
        assert_true(scratch_run("cp %s/keepsake-*-checkpoint %s/kept",
                                f.r->cache, f.dir));
        assert_true(scratch_run("ls %s/keepsake-*-checkpoint >%s/name",
                                f.r->cache, f.dir));
        job_fixture_as(&f, true);
        assert_int_equal(checkpoints(&f), 1);
        s = job_fixture_snap(&f);
        assert_true(s.result.has_resumed);
        assert_int_equal(s.result.resumed_files, half.result.stats.files);
        assert_true(s.result.kept_files > 0);
        /* of the ten that had changed those are read that had not been */
        if (!first)
            assert_true(s.result.kept_files >= FILES - 10);
        host_kit_returns(&f, &s);
        assert_false(
            scratch_run("ls %s/keepsake-*-checkpoint 2>/dev/null", f.r->cache));
        /* one of a run that is over is none, should it come back */
        assert_true(scratch_run("cp %s/kept \"$(cat %s/name)\"", f.dir, f.dir));
        assert_int_equal(checkpoints(&f), 0);
        s = run(&f, FILES);
        host_kit_returns(&f, &s);
        job_fixture_close(&f);
    }
}

struct found {
    uint64_t damages;
    uint64_t notes;
};

static int note(void *ctx, const struct check_finding *f)
{
    struct found *found = ctx;

    found->damages += f->damage || f->unread;
    found->notes += !f->damage && !f->unread;
    return 0;
}

static int harm(void *ctx, const char *name, uint64_t size)
{
    struct job_fixture *f = ctx;

    assert_true(memory_damage(f->store, name, size / 2, 1));
    return 0;
}

/* A check proves what it may see, and tells what is sealed from what is not
 * whole. */
static void test_write_host__checks_what_it_sees(void **state)
{
    struct check_options opt = {.read_data = true, .threads = 1};
    struct check_summary sum;
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    host_kit_open(&f);
    (void)run(&f, 0);
    s = run(&f, FILES);
    for (unsigned harmed = 0; harmed < 2; harmed++) {
        struct found found = {.damages = 0};

        sum = (struct check_summary){.damages = 0};
        assert_int_equal(check_run(f.r, &opt, note, &found, &sum),
                         harmed ? E_CORRUPT : 0);
        assert_int_equal(sum.snapshots, 2);
        assert_int_equal(sum.snapshots_sealed, harmed ? 0 : 2);
        assert_int_equal(sum.snapshots_hurt, harmed ? 2 : 0);
        assert_int_equal(found.damages, harmed ? 2 : 0);
        assert_int_equal(found.notes, harmed ? 0 : 1);
        assert_true(sum.read_bytes > 0);
        if (!harmed) {
            host_kit_returns(&f, &s);
            assert_int_equal(store_list(f.store, "snapshots", harm, &f), 0);
        }
    }
    job_fixture_close(&f);
}

static void expect_list(struct job_fixture *f, bool sealed, bool damaged)
{
    struct snapshot_list l = {.n = 0};

    assert_int_equal(snapshot_list_load(f->r->index, &f->r->state, &l), 0);
    assert_int_equal(l.n, 2);
    for (size_t i = 0; i < l.n; i++) {
        assert_int_equal(l.item[i].sealed, sealed);
        assert_int_equal(l.item[i].damaged, damaged);
    }
    snapshot_list_release(&l);
}

/* What was damaged when it was first met is sealed once it is whole again; what
 * was sealed, and cannot be read with a key that may, is damaged. */
static void test_write_host__damage_comes_and_goes(void **state)
{
    struct repo_open_options opt = {.no_index = false};
    char cache[JOB_PATH];
    struct job_fixture f;

    (void)state;
    host_kit_open(&f);
    (void)run(&f, 0);
    (void)run(&f, FILES);
    expect_list(&f, true, false);
    assert_int_equal(store_list(f.store, "snapshots", harm, &f), 0);
    forget_cache(&f);
    expect_list(&f, false, true);
    assert_int_equal(store_list(f.store, "snapshots", harm, &f), 0);
    job_fixture_as(&f, true);
    expect_list(&f, true, false);
    assert_int_equal(store_list(f.store, "snapshots", harm, &f), 0);
    (void)snprintf(cache, sizeof cache, "%s/cache-write", f.dir);
    opt.cache_root = cache;
    opt.secret = &f.secret;
    repo_close(f.r);
    assert_int_equal(repo_open(f.store, &opt, &f.r), 0);
    expect_list(&f, false, true);
    job_fixture_close(&f);
}

/* Of its own last one the host knows all, of others that they are there. */
static void test_write_host__knows_its_last_one(void **state)
{
    struct snapshot_list l = {.n = 0};
    struct job_fixture f;

    (void)state;
    host_kit_open(&f);
    (void)run(&f, 0);
    (void)run(&f, FILES);
    (void)run_with(&f, "other", "", false);
    for (unsigned lost = 0; lost < 2; lost++) {
        assert_int_equal(snapshot_list_load(f.r->index, &f.r->state, &l), 0);
        assert_int_equal(snapshot_own_fill(f.r, &l), 0);
        assert_int_equal(l.n, 3);
        for (size_t i = 0; i < l.n; i++) {
            const struct manifest *m = &l.item[i].manifest.m;

            assert_int_equal(l.item[i].sealed, lost || i == 0);
            assert_int_equal(m->path_n, lost || i == 0 ? 0 : 1);
            assert_int_equal(m->number, i == 1 ? 2 : 1);
        }
        snapshot_list_release(&l);
        if (!lost)
            host_kit_forget(&f);
    }
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_host__opens_what_has_changed_and_no_more),
        cmocka_unit_test(test_write_host__cannot_read_back),
        cmocka_unit_test(test_write_host__older_trees_are_closed),
        cmocka_unit_test(test_write_host__losing_it_costs_one_read),
        cmocka_unit_test(test_write_host__goes_back_to_an_older_state),
        cmocka_unit_test(
            test_write_host__reads_all_when_told_and_knows_all_after),
        cmocka_unit_test(test_write_host__keeps_series_apart),
        cmocka_unit_test(test_write_host__takes_other_roots),
        cmocka_unit_test(test_write_host__looks_up_what_large_files_reach),
        cmocka_unit_test(test_write_host__is_not_stopped_by_a_bad_keepsake),
        cmocka_unit_test(test_write_host__two_runs_at_once),
        cmocka_unit_test(test_write_host__counts_its_series_by_commit_records),
        cmocka_unit_test(test_write_host__a_full_key_reads_what_was_sealed),
        cmocka_unit_test(test_write_host__goes_on_from_a_checkpoint),
        cmocka_unit_test(test_write_host__checks_what_it_sees),
        cmocka_unit_test(test_write_host__damage_comes_and_goes),
        cmocka_unit_test(test_write_host__knows_its_last_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
