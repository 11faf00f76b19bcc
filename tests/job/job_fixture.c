#include "tests/job/job_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "repo/fetch.h"
#include "repo/key_change.h"
#include "repo/repo_init.h"
#include "repo/snapshot_list.h"
#include "repo/tree_walk.h"
#include "tests/support/prng.h"

static void path_of(char out[JOB_PATH], const char *dir, const char *name)
{
    assert_true(snprintf(out, JOB_PATH, "%s/%s", dir, name) < JOB_PATH);
}

static void check(int rc, const char *what)
{
    if (rc < 0)
        fail_msg("%s: %s", what, err_text());
}

void job_fixture_open(struct job_fixture *f)
{
    struct repo_init_options init = {.chunk_bytes = 16384};

    *f = (struct job_fixture){.r = NULL};
    f->secret = (struct key_slot_secret){
        KEY_SLOT_FILE, bytes_of_str("0123456789abcdef0123456789abcdef")};
    init.secret = &f->secret;
    scratch_make(f->dir);
    path_of(f->src, f->dir, "src");
    path_of(f->out, f->dir, "out");
    path_of(f->cache, f->dir, "cache");
    scratch_dir(f->dir, "src");
    clock_fake_end();
    clock_fake_set(clock_realtime_ns() + 3600 * CLOCK_SECOND_NS,
                   clock_monotonic_ns());
    check(memory_open(&f->store), "store");
    check(repo_init(f->store, &init, NULL), "init");
    job_fixture_reopen(f, false);
}

void job_fixture_close(struct job_fixture *f)
{
    repo_close(f->r);
    store_close(f->store);
    scratch_remove(f->dir);
    clock_fake_end();
}

void job_fixture_reopen(struct job_fixture *f, bool fresh)
{
    struct repo_open_options opt = {.secret = &f->secret,
                                    .cache_root = f->cache};

    repo_close(f->r);
    f->r = NULL;
    if (fresh)
        assert_true(scratch_run("rm -rf %s", f->cache));
    check(repo_open(f->store, &opt, &f->r), "open");
}

void job_fixture_add_write_key(struct job_fixture *f)
{
    struct key_change_new n = {.role = KEYRING_WRITE, .label = "host"};
    struct member_id id;

    f->write_secret = (struct key_slot_secret){
        KEY_SLOT_FILE, bytes_of_str("fedcba9876543210fedcba9876543210")};
    n.secret = &f->write_secret;
    check(repo_refresh(f->r), "refresh");
    check(key_change_add(f->r, &n, &id), "key");
}

void job_fixture_as(struct job_fixture *f, bool write)
{
    struct repo_open_options opt = {.secret =
                                        write ? &f->write_secret : &f->secret};
    char cache[JOB_PATH];

    path_of(cache, f->dir, write ? "cache-write" : "cache");
    opt.cache_root = cache;
    repo_close(f->r);
    f->r = NULL;
    check(repo_open(f->store, &opt, &f->r), "open");
    assert_int_equal(f->r->keys->role, write ? KEYRING_WRITE : KEYRING_FULL);
}

struct snapshot_job_options job_fixture_options(const struct job_fixture *f)
{
    static struct bytes root;

    root = bytes_of_str(f->src);
    return (struct snapshot_job_options){.root = &root,
                                         .root_n = 1,
                                         .series = bytes_of_str("test"),
                                         .threads = 2};
}

/* The kernel's clock for files ticks every few ms; what changes from now on
 * shall have another ctime than what was there before. */
static void next_tick(void)
{
    struct timespec then;
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME_COARSE, &then);
    do {
        const struct timespec ms = {.tv_nsec = 1000000};

        (void)nanosleep(&ms, NULL);
        (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    } while (now.tv_sec == then.tv_sec && now.tv_nsec == then.tv_nsec);
}

struct job_snap job_fixture_run(struct job_fixture *f,
                                const struct snapshot_job_options *o)
{
    struct snapshot_job_options usual = job_fixture_options(f);
    struct job_snap s = {.rc = 0};
    struct snapshot_job *j = NULL;

    clock_fake_advance(CLOCK_SECOND_NS);
    check(snapshot_job_new(f->r, o ? o : &usual, &j), "snapshot");
    s.rc = snapshot_job_run(j);
    s.result = *snapshot_job_result(j);
    for (unsigned i = 0; i < PROBLEMS_KINDS; i++)
        s.problem[i] = problems_count(snapshot_job_problems(j),
                                      (enum manifest_problem_kind)i);
    snapshot_job_free(j);
    next_tick();
    return s;
}

struct job_snap job_fixture_snap(struct job_fixture *f)
{
    struct job_snap s = job_fixture_run(f, NULL);

    check(s.rc, "snapshot");
    for (unsigned i = 0; i < PROBLEMS_KINDS; i++)
        assert_int_equal(s.problem[i], 0);
    return s;
}

bool job_fixture_find(struct job_fixture *f, const struct object_id *snapshot,
                      const char *path, struct job_entry *out)
{
    struct fetch *fetch = NULL;
    struct fetch_lane *lane = NULL;
    struct node_source source;
    struct tree_entry root = {.attr = NULL};
    char whole[2 * JOB_PATH];
    struct snapshot s;
    struct codec c;
    bool found;

    (void)snprintf(whole, sizeof whole, "%s/%s", f->src, path);
    *out = (struct job_entry){.raw = {.p = NULL}};
    buf_init(&out->raw, TREE_ENTRY_BYTES_MAX);
    check(snapshot_list_read(f->store, f->r->keys, snapshot, &s), "manifest");
    codec_init(&c, s.manifest.m.root);
    check(tree_entry_get(&c, &root, true), "root");
    check(fetch_open(f->store, f->r->keys, f->r->index, 1 << 20, &fetch),
          "fetch");
    check(fetch_lane_new(fetch, &lane), "fetch");
    source = fetch_node_source(lane);
    check(tree_walk_find(&source, &root, bytes_of_str(whole), &out->raw,
                         &out->te, &found),
          path);
    fetch_lane_free(lane);
    fetch_free(fetch);
    tree_entry_release(&root);
    snapshot_list_drop(&s);
    return found;
}

void job_fixture_drop(struct job_entry *e)
{
    tree_entry_release(&e->te);
    buf_release(&e->raw);
}

struct chunk_id job_fixture_root(struct job_fixture *f,
                                 const struct object_id *snapshot)
{
    struct job_entry e;
    struct chunk_id id;

    assert_true(job_fixture_find(f, snapshot, "", &e));
    id = e.te.dir.root;
    job_fixture_drop(&e);
    return id;
}

static struct job_restore results(struct restore_job *j, int rc)
{
    const struct restore_progress *p = restore_job_progress(j);
    struct job_restore r = {.rc = rc,
                            .entries = p->entries,
                            .written = p->written,
                            .same = p->same,
                            .kept = p->kept,
                            .failed = p->failed,
                            .damaged = p->damaged,
                            .skipped = p->skipped,
                            .bytes_written = p->bytes_written};

    for (unsigned i = 0; i < JAIL_LOST_KINDS; i++)
        r.lost += p->lost[i];
    return r;
}

struct job_restore job_fixture_restore(struct job_fixture *f,
                                       const struct object_id *snapshot,
                                       const char *target,
                                       const struct restore_job_options *o)
{
    struct restore_job_options opt = {.threads = 2};
    struct restore_job *j = NULL;
    struct job_restore r;
    struct job_entry e;

    if (o)
        opt = *o;
    if (!opt.start) {
        assert_true(job_fixture_find(f, snapshot, "", &e));
        opt.start = &e.te;
        opt.start_path = bytes_of_str(f->src + 1);
    }
    opt.target = target;
    check(restore_job_new(f->r, &opt, &j), "restore");
    r = results(j, restore_job_run(j));
    restore_job_free(j);
    if (!o || !o->start)
        job_fixture_drop(&e);
    return r;
}

bool job_fixture_same(const char *a, const char *b)
{
    return scratch_run("%s %s %s >&2", TREECMP, a, b);
}

bool job_fixture_part(const char *whole, const char *part)
{
    return scratch_run(TREECMP " --part '%s' '%s'", whole, part);
}

void job_fixture_returns(struct job_fixture *f,
                         const struct object_id *snapshot)
{
    struct job_restore r = job_fixture_restore(f, snapshot, f->out, NULL);

    check(r.rc, "restore");
    assert_int_equal(r.failed, 0);
    assert_int_equal(r.damaged, 0);
    assert_true(job_fixture_same(f->src, f->out));
    scratch_remove(f->out);
}

void job_fixture_write(struct job_fixture *f, const char *name, uint64_t seed,
                       size_t n)
{
    uint8_t *p = mem_alloc(n ? n : 1);
    struct prng r;

    assert_non_null(p);
    prng_init(&r, seed);
    prng_fill(&r, p, n);
    scratch_file(f->src, name, p, n);
    free(p);
}

struct damage {
    struct store *store;
    struct index_reader *reader;
    enum pack_kind kind;
    unsigned n;
};

static int damage_pack(void *ctx, const char *name, uint64_t size)
{
    struct damage *d = ctx;
    struct index_pack pack;
    struct object_id id;
    bool found;
    int rc;

    assert_true(id_from_hex(strrchr(name, '/') + 1, id.b, sizeof id.b));
    rc = index_reader_pack_by_id(d->reader, &id, &pack, &found);
    if (rc < 0 || !found || pack.kind != (enum index_kind)d->kind)
        return rc;
    /* no frame, however small, lies between two of these */
    for (uint64_t off = 300; off < size; off += 40)
        (void)memory_damage(d->store, name, off, 0x20);
    d->n++;
    return 0;
}

void job_fixture_damage(struct job_fixture *f, enum pack_kind kind)
{
    struct damage d = {.store = f->store, .kind = kind};

    assert_int_equal(index_reader_new(f->r->index, &d.reader), 0);
    assert_int_equal(store_list(f->store, "packs", damage_pack, &d), 0);
    index_reader_free(d.reader);
    assert_true(d.n > 0);
}

void job_fixture_files(struct job_fixture *f)
{
    char name[32];

    for (unsigned i = 0; i < JOB_FIXTURE_FILES; i++) {
        (void)snprintf(name, sizeof name, "file-%03u", i);
        job_fixture_write(f, name, i, 100 + i * 977);
    }
}
