/*
 * One process within another: at each step of the first the second one begins,
 * and ends, before the first goes on. The races that cost other programs data
 * are among them. Afterwards all promises must hold, and nothing may be left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "repo/collect.h"
#include "repo/crypto.h"
#include "repo/crypto_fixed.h"
#include "repo/forget.h"
#include "repo/pack_writer.h"
#include "repo/unforget.h"
#include "repo/writer.h"
#include "tests/sim/sim_fault.h"
#include "tests/sim/sim_judge.h"
#include "tests/sim/sim_read.h"
#include "tests/sim/sim_writer.h"

/* Caches of those who race; others have fresh ones. */
enum { RACE_CACHE_A = 1, RACE_CACHE_B, RACE_CACHE_C, RACE_CACHES };

enum {
    RACE_DIR = 64,
    RACE_OPENING = 16,  /* steps in which a writer opens */
    RACE_READS = 3,     /* one of so many is tried */
    RACE_LONG = 1000000 /* steps, that nobody makes */
};

struct race;
typedef void race_fn(struct race *x);

struct race {
    struct sim_world w;
    unsigned at;    /* the step of the outer one at which ... */
    race_fn *then;  /* ... this happens */
    race_fn *later; /* ... and this at each put behind it; NULL: nothing */
    unsigned step;
    bool reads; /* each read of the outer one is a step, too */
    bool inside;
    unsigned turn[2];   /* of two that run beside each other: steps done, ... */
    unsigned stop[2];   /* ... and the one at which the other goes on */
    int rc[2];          /* what came of them */
    struct object_id a; /* the first snapshot */
    struct sim_tree tree;
};

/* ---- steps --------------------------------------------------------------- */

/* What others can see, or what shows what others did. */
static bool race_is_step(const struct race *x, enum memory_point point,
                         enum memory_op op, const char *name)
{
    if (op == MEMORY_COMMIT)
        return point != MEMORY_AFTER;
    if (point != MEMORY_BEFORE)
        return false;
    return x->reads || op == MEMORY_LIST || op == MEMORY_DELETE ||
           (op == MEMORY_GET && strncmp(name, "log/", 4) == 0);
}

static int race_hook(void *ctx, enum memory_point point, enum memory_op op,
                     const char *name)
{
    struct race *x = ctx;
    const struct sim_actor *a = x->w.sched.current;

    if (a && race_is_step(x, point, op, name) &&
        ++x->turn[a->no] == x->stop[a->no])
        sim_sched_sleep(&x->w.sched, (uint64_t)RACE_LONG << a->no);
    if (x->inside || !x->then || !race_is_step(x, point, op, name))
        return 0;
    x->step++;
    x->inside = true;
    if (x->step == x->at)
        x->then(x);
    else if (x->step > x->at && x->later && op == MEMORY_COMMIT)
        x->later(x);
    x->inside = false;
    return 0;
}

/* ---- processes ----------------------------------------------------------- */

static void race_insist(struct race *x, const char *what, int rc)
{
    if (rc < 0)
        fail_msg("step %u: %s: %d: %s", x->at, what, rc, err_text());
}

static struct repo *race_repo(struct race *x, unsigned cache)
{
    struct repo *r = NULL;

    race_insist(x, "open", sim_world_repo(&x->w, cache, &r));
    return r;
}

/* A snapshot of the tree; returns what came of it. */
static int race_snapshot(struct race *x, unsigned cache, bool force,
                         struct object_id *id)
{
    struct sim_writer_options opt = {
        .series = "race@one", .tree = &x->tree, .force = force, .hurries = 256};
    struct object_id mine;
    struct repo *r = race_repo(x, cache);
    int rc = sim_writer_run(&x->w, r, &opt, id ? id : &mine);

    repo_close(r);
    return rc;
}

static int race_collected(struct race *x, unsigned cache, int64_t silence_ns,
                          bool repacks)
{
    struct collect_options opt = {.silence_ns = silence_ns};
    struct collect_done done;
    struct repo *r = race_repo(x, cache);
    int rc;

    if (repacks)
        opt.repack = (struct repack_limits){.unused_bytes = UINT64_MAX,
                                            .rewritten_bytes = UINT64_MAX,
                                            .eager = true};
    rc = collect_run(r, &opt, &done);
    repo_close(r);
    return rc;
}

static void race_collect_as(struct race *x, unsigned cache, int64_t silence_ns,
                            bool repacks)
{
    race_insist(x, "collect", race_collected(x, cache, silence_ns, repacks));
}

static void race_forget(struct race *x, const struct object_id *id)
{
    struct forget_ask ask = {.id = id, .id_n = 1, .drop = true, .force = true};
    struct forget_plan plan = {.go_n = 0};
    struct repo *r = race_repo(x, 0);

    race_insist(x, "forget", forget_run(r, &ask, &plan));
    sim_world_snapshot(&x->w, id)->standing = SIM_FORGOTTEN;
    forget_plan_release(&plan);
    repo_close(r);
}

static int race_unforget(struct race *x, unsigned cache)
{
    struct repo *r = race_repo(x, cache);
    bool changed;
    int rc = unforget(r, &x->a, 1, NULL, &changed);

    if (rc == 0)
        sim_world_snapshot(&x->w, &x->a)->standing = SIM_LISTED;
    repo_close(r);
    return rc;
}

/* ---- a race -------------------------------------------------------------- */

static void race_dir(char dir[RACE_DIR])
{
    (void)snprintf(dir, RACE_DIR, "/dev/shm/dedup-race-XXXXXX");
    if (!mkdtemp(dir)) {
        (void)snprintf(dir, RACE_DIR, "/tmp/dedup-race-XXXXXX");
        assert_non_null(mkdtemp(dir));
    }
    assert_int_equal(setenv("TMPDIR", dir, 1), 0);
}

/* Where each step takes long only some of them are tried. */
static unsigned race_stride(void)
{
    const char *env = getenv("DEDUP_RACE_STRIDE");

    return env && atoi(env) > 1 ? (unsigned)atoi(env) : 1;
}

static void race_begin(struct race *x, uint64_t seed, const char *dir,
                       race_fn *before)
{
    struct prng r;

    *x = (struct race){.at = (unsigned)seed};
    sim_world_open(&x->w, seed, dir);
    x->w.caches = RACE_CACHES;
    prng_init(&r, 7);
    for (int i = 0; i < 3; i++)
        sim_tree_change(&x->tree, SIM_TREE_FILES, SIM_TREE_VERSIONS, &r);
    before(x);
    memory_set_hook(x->w.store, race_hook, x);
}

static void race_end(struct race *x)
{
    x->then = NULL;
    sim_judge_promises(&x->w);
    sim_judge_rest(&x->w);
    if (x->w.failed)
        fail_msg("step %u (%u, %u): %s", x->at, x->stop[0], x->stop[1],
                 x->w.why);
    sim_world_close(&x->w);
}

/* The outer one, with the inner one at each of its steps; of reads, which
 * are many, at some. */
static void race_on(race_fn *before, race_fn *outer, race_fn *inner,
                    race_fn *later)
{
    static struct race x;
    char dir[RACE_DIR];
    bool more = true;

    race_dir(dir);
    for (unsigned n = 1; more;
         n += race_stride() * (x.reads ? RACE_READS : 1)) {
        race_begin(&x, n, dir, before);
        x.then = inner;
        x.later = later;
        outer(&x);
        more = x.step >= x.at;
        race_end(&x);
    }
    (void)rmdir(dir);
}

/* Two beside each other: some steps of the first, then some of the second, then
 * the rest of the first, then that of the second. */
static void race_beside(race_fn *before, void (*first)(struct sim_actor *a),
                        void (*second)(struct sim_actor *a), unsigned most)
{
    static struct race x;
    char dir[RACE_DIR];
    bool more = true;

    race_dir(dir);
    for (unsigned n = 1; more; n += race_stride()) {
        for (unsigned m = 1; m <= most; m += race_stride()) {
            race_begin(&x, n, dir, before);
            x.stop[0] = n;
            x.stop[1] = m;
            (void)sim_sched_add(&x.w.sched, "one", first, &x);
            sim_sched_add(&x.w.sched, "two", second, &x)->wakes = RACE_LONG / 2;
            sim_sched_run(&x.w.sched);
            more = x.turn[0] >= n;
            race_end(&x);
        }
    }
    (void)rmdir(dir);
}

static void race_run(race_fn *before, race_fn *outer, race_fn *inner)
{
    race_on(before, outer, inner, NULL);
}

/* ---- who does what ------------------------------------------------------- */

static void nothing(struct race *x)
{
    (void)x;
}

/* Those who race have seen the repository before: a parent is taken over
 * unseen only by who has. */
static void one_snapshot(struct race *x)
{
    for (unsigned i = RACE_CACHE_A; i < RACE_CACHES; i++)
        repo_close(race_repo(x, i));
    race_insist(x, "snapshot", race_snapshot(x, RACE_CACHE_A, false, &x->a));
}

static void one_forgotten(struct race *x)
{
    one_snapshot(x);
    race_forget(x, &x->a);
}

/* A writer at work keeps what is condemned from being decided. */
static void one_condemned(struct race *x)
{
    struct repo *r;
    struct writer *w = NULL;

    one_forgotten(x);
    r = race_repo(x, 0);
    race_insist(x, "open", writer_open(r, bytes_of(NULL, 0), &w));
    race_collect_as(x, 0, 0, false);
    race_insist(x, "end", writer_end(w));
    writer_free(w);
    repo_close(r);
}

static void one_condemned_that_is_back(struct race *x)
{
    one_condemned(x);
    race_insist(x, "unforget", race_unforget(x, 0));
}

static void write_again(struct race *x)
{
    struct object_id id;

    race_insist(x, "snapshot", race_snapshot(x, RACE_CACHE_B, true, &id));
}

/* One that may be fenced by those who find it silent. */
static void write_or_be_fenced(struct race *x)
{
    struct object_id id;
    int rc = race_snapshot(x, RACE_CACHE_B, false, &id);

    if (rc != E_FENCED)
        race_insist(x, "snapshot", rc);
}

static void write_on(struct race *x)
{
    struct object_id id;

    race_insist(x, "snapshot", race_snapshot(x, RACE_CACHE_B, false, &id));
}

static void write_and_forget(struct race *x)
{
    write_again(x);
    race_forget(x, &x->a);
}

static void collect(struct race *x)
{
    race_collect_as(x, RACE_CACHE_A, -1, false);
}

static void collect_patiently(struct race *x)
{
    race_collect_as(x, 0, 0, true);
}

static void collect_all(struct race *x)
{
    race_collect_as(x, 0, -1, true);
    race_collect_as(x, 0, -1, true);
}

static void forget_it(struct race *x)
{
    race_forget(x, &x->a);
}

static void collect_as_b(struct race *x)
{
    race_collect_as(x, RACE_CACHE_B, -1, false);
}

static void collect_as_c(struct race *x)
{
    race_collect_as(x, RACE_CACHE_C, 0, false);
}

static void forget_and_collect(struct race *x)
{
    race_forget(x, &x->a);
    collect_all(x);
}

static void forget_and_collect_patiently(struct race *x)
{
    race_forget(x, &x->a);
    collect_patiently(x);
    collect_patiently(x);
}

/* ---- tests --------------------------------------------------------------- */

/* Collection lists snapshots, a new one reuses old chunks, the old one is
 * forgotten, the chunks are swept (Proxmox Backup Server, PSA-2025-00019). */
static void test_races__a_snapshot_within_a_collection(void **state)
{
    (void)state;
    race_run(one_forgotten, collect, write_again);
    race_run(one_snapshot, collect, write_and_forget);
    race_run(one_condemned, collect, write_again);
}

static void test_races__a_collection_within_a_snapshot(void **state)
{
    (void)state;
    race_run(one_forgotten, write_or_be_fenced, collect_all);
    race_run(one_forgotten, write_on, collect_patiently);
}

/* A writer is stopped; what it has or relied on is swept; its next put lands.
 */
static void test_races__a_put_that_lands_after_a_collection(void **state)
{
    (void)state;
    race_run(one_snapshot, write_or_be_fenced, forget_and_collect);
    race_run(one_snapshot, write_on, forget_and_collect_patiently);
}

/* The parent is forgotten while it is taken over; collectors are at it all the
 * time, and wait for a writer at work (W4, I6). */
static void test_races__collections_all_along_a_snapshot(void **state)
{
    (void)state;
    race_on(one_snapshot, write_on, forget_it, collect_as_c);
    race_on(one_snapshot, write_again, forget_it, collect_as_c);
    race_on(one_condemned_that_is_back, write_on, forget_it, collect_as_c);
}

static void collector(struct sim_actor *a)
{
    struct race *x = a->world;

    x->rc[a->no] = race_collected(x, RACE_CACHE_A, -1, false);
}

static void opener(struct sim_actor *a)
{
    struct race *x = a->world;
    struct object_id id;

    x->rc[a->no] = race_snapshot(x, RACE_CACHE_B, true, &id);
}

/* A writer opens between two steps of a collection, looks at what is there, and
 * ends after it: C3 behind C2, W1's second read. */
static void test_races__a_snapshot_begun_within_a_collection(void **state)
{
    (void)state;
    race_beside(one_forgotten, collector, opener, RACE_OPENING);
}

/* Two collections, of which each finds that one of two copies is superfluous
 * (kopia#1087). */
static void copies(struct race *x)
{
    unsigned at = x->at;

    x->at = 8; /* after its first look, before its pack is known */
    memory_set_hook(x->w.store, race_hook, x);
    x->then = write_again;
    one_snapshot(x);
    x->then = NULL;
    x->step = 0;
    x->at = at;
}

static void test_races__a_collection_within_a_collection(void **state)
{
    (void)state;
    race_run(copies, collect, collect_as_b);
    race_run(one_forgotten, collect, collect_all);
    race_run(one_snapshot, collect, forget_and_collect);
}

static void unforget_it(struct race *x)
{
    int rc = race_unforget(x, 0);

    if (rc != E_REFUSED)
        race_insist(x, "unforget", rc);
}

static void test_races__an_unforget_within_a_collection(void **state)
{
    (void)state;
    race_run(one_forgotten, collect, unforget_it);
    race_run(one_condemned, collect, unforget_it);
}

static void test_races__a_collection_within_an_unforget(void **state)
{
    (void)state;
    race_run(one_forgotten, unforget_it, collect_all);
}

/* ---- who only looks ------------------------------------------------------ */

/* Packs of the first snapshot are needed in part by the second. */
static void two_snapshots(struct race *x)
{
    struct prng r;

    one_snapshot(x);
    prng_init(&r, 11);
    sim_tree_change(&x->tree, SIM_TREE_FILES, SIM_TREE_VERSIONS, &r);
    write_on(x);
    x->reads = true;
}

static void two_of_which_one_is_forgotten(struct race *x)
{
    two_snapshots(x);
    race_forget(x, &x->a);
}

static void check(struct race *x)
{
    struct repo *r = race_repo(x, 0);

    race_insist(x, "check", sim_judge_check(&x->w, r));
    repo_close(r);
}

/* Whatever one that only looks meets was there when it began, or was put
 * meanwhile: nothing is lost, and it says so. */
static void test_races__a_collection_within_a_check(void **state)
{
    (void)state;
    race_run(two_snapshots, check, forget_and_collect);
}

static void write_then_collect(struct race *x)
{
    write_again(x);
    collect_all(x);
}

static void test_races__a_snapshot_within_a_check(void **state)
{
    (void)state;
    race_run(two_of_which_one_is_forgotten, check, write_then_collect);
}

/* ---- the same chunk twice in one pack (rustic#392) ----------------------- */

static void twice_frame(struct race *x, struct repo *r, struct pack_writer *p,
                        const unsigned *no, size_t n)
{
    unsigned char raw[4 * SIM_TREE_CHUNK_MAX];
    struct pack_dir_chunk chunk[4];
    struct frame_ctx *ctx = NULL;
    struct frame f;
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        size_t bytes = sim_tree_chunk(no[i], raw + at);

        chunk[i].bytes = (uint32_t)bytes;
        keyring_chunk_id(r->keys, PACK_DATA, bytes_of(raw + at, bytes),
                         &chunk[i].id);
        at += bytes;
    }
    race_insist(x, "frame", frame_ctx_new(&ctx));
    race_insist(x, "frame", frame_prepare(ctx, bytes_of(raw, at), 1));
    race_insist(
        x, "frame",
        frame_seal(ctx, pack_writer_key(p), pack_dir_what(chunk, n), &f));
    race_insist(x, "frame", pack_writer_add(p, &f, chunk, n, NULL));
    frame_ctx_free(ctx);
}

static void twice(struct race *x)
{
    static const unsigned first[] = {0, 1, 2}, second[] = {2, 0, 3, 2};
    struct repo *r = race_repo(x, RACE_CACHE_A);
    struct pack_writer *p = NULL;
    struct pack_info info = {.bytes = 0};
    struct writer *w = NULL;
    bool indexed;

    race_insist(x, "open", writer_open(r, bytes_of(NULL, 0), &w));
    race_insist(x, "pack",
                pack_writer_open(x->w.store, r->keys, PACK_DATA,
                                 bytes_of_str("twice"), &p));
    twice_frame(x, r, p, first, 3);
    twice_frame(x, r, p, second, 4);
    race_insist(x, "pack", pack_writer_commit(p, false, &info));
    race_insist(x, "publish", writer_publish(w, &info, 1, &indexed));
    race_insist(x, "end", writer_end(w));
    pack_writer_free(p);
    writer_free(w);
    repo_close(r);
    one_snapshot(x);
}

static void collect_twice(struct race *x)
{
    race_collect_as(x, RACE_CACHE_A, -1, true);
    race_collect_as(x, RACE_CACHE_B, -1, true);
}

static void test_races__the_same_chunk_twice_in_a_pack(void **state)
{
    (void)state;
    race_run(twice, collect_twice, nothing);
}

/* ---- trees present, closure not (bup) ------------------------------------ */

static void hollow_tree(struct race *x, unsigned d0f0, unsigned d1f0,
                        unsigned d2f1)
{
    x->tree = (struct sim_tree){.version = {0}};
    x->tree.version[0] = d0f0;
    x->tree.version[SIM_TREE_IN_DIR] = d1f0;
    x->tree.version[2 * SIM_TREE_IN_DIR + 1] = d2f1;
}

/* The page of d1 stays in a pack, for the sake of that of d2; what is in the
 * file d1/f0 goes. */
static void hollow(struct race *x)
{
    struct object_id id;

    hollow_tree(x, 1, 0, 0);
    race_insist(x, "snapshot", race_snapshot(x, RACE_CACHE_A, true, &id));
    hollow_tree(x, 1, SIM_TREE_VERSIONS - 1, 1);
    one_snapshot(x);
    hollow_tree(x, 0, 0, 1);
    race_insist(x, "snapshot", race_snapshot(x, RACE_CACHE_A, true, &id));
    race_forget(x, &x->a);
    collect(x);
    collect(x);
    assert_int_equal(race_unforget(x, 0), E_REFUSED);
    hollow_tree(x, 0, SIM_TREE_VERSIONS - 1, 1);
}

static void test_races__trees_whose_chunks_are_gone(void **state)
{
    (void)state;
    race_run(hollow, write_on, collect_patiently);
}

static int set_up(void **state)
{
    (void)state;
    crypto_fixed_start();
    return crypto_init();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_races__a_snapshot_within_a_collection),
        cmocka_unit_test(test_races__a_collection_within_a_snapshot),
        cmocka_unit_test(test_races__a_put_that_lands_after_a_collection),
        cmocka_unit_test(test_races__a_snapshot_begun_within_a_collection),
        cmocka_unit_test(test_races__collections_all_along_a_snapshot),
        cmocka_unit_test(test_races__a_collection_within_a_collection),
        cmocka_unit_test(test_races__an_unforget_within_a_collection),
        cmocka_unit_test(test_races__a_collection_within_an_unforget),
        cmocka_unit_test(test_races__a_collection_within_a_check),
        cmocka_unit_test(test_races__a_snapshot_within_a_check),
        cmocka_unit_test(test_races__the_same_chunk_twice_in_a_pack),
        cmocka_unit_test(test_races__trees_whose_chunks_are_gone),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, set_up, NULL);
}
