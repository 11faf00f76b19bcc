#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "repo/fetch.h"
#include "repo/intake.h"
#include "tests/repo/gate.h"
#include "tests/repo/pack_fixture.h"
#include "tests/repo/repo_fixture.h"

enum { CHUNK = 5000, BIG = FRAME_RAW_MAX };

/* An intake whose publications go through a writer. */
struct bench {
    struct repo_fixture f;
    struct repo *r;
    struct writer *w;
    struct intake *in;
    unsigned publications;
    size_t packs; /* published */
    int rc;       /* what publishing returns, when it is not 0 */
    struct kept_frames *kept;
};

static int publish(void *ctx, struct pack_info *pack, size_t n, bool *indexed)
{
    struct bench *b = ctx;

    b->publications++;
    b->packs += n;
    if (b->rc < 0) {
        for (size_t i = 0; i < n; i++)
            pack_info_release(&pack[i]);
        return b->rc;
    }
    return writer_publish(b->w, pack, n, indexed);
}

static void bench_intake(struct bench *b, uint64_t bytes, int64_t ns)
{
    struct intake_options opt = {
        .level = 3, .publish_bytes = bytes, .publish_ns = ns, .kept = b->kept};

    assert_int_equal(intake_open(b->f.store, b->r->keys, b->r->index, &opt,
                                 publish, b, &b->in),
                     0);
}

static void bench_open(struct bench *b, uint64_t bytes, int64_t ns)
{
    *b = (struct bench){.r = NULL};
    repo_fixture_open(&b->f);
    assert_int_equal(repo_fixture_init(&b->f), 0);
    assert_int_equal(repo_fixture_repo(&b->f, "a", &b->r), 0);
    assert_int_equal(writer_open(b->r, bytes_of_str("s"), &b->w), 0);
    bench_intake(b, bytes, ns);
}

static void bench_close(struct bench *b)
{
    intake_free(b->in);
    kept_frames_free(b->kept);
    writer_free(b->w);
    repo_close(b->r);
    repo_fixture_close(&b->f);
}

static struct intake_lane *lane(struct bench *b, enum pack_kind kind)
{
    struct intake_lane *l = NULL;

    assert_int_equal(intake_lane_new(b->in, kind, &l), 0);
    return l;
}

/* Puts chunk number seed; whether it was new. */
static bool put(struct bench *b, struct intake_lane *l, enum pack_kind kind,
                uint64_t seed, size_t n)
{
    static _Thread_local uint8_t bytes[FRAME_RAW_MAX];
    struct chunk_id id;
    bool isnew = false;

    pack_fixture_bytes(seed, bytes, n);
    keyring_chunk_id(b->r->keys, kind, bytes_of(bytes, n), &id);
    assert_int_equal(intake_put(l, bytes_of(bytes, n), &id, &isnew), 0);
    return isnew;
}

static bool has(struct bench *b, struct intake_lane *l, enum pack_kind kind,
                uint64_t seed, size_t n)
{
    uint8_t bytes[CHUNK];
    struct chunk_id id;
    bool it_has;

    pack_fixture_bytes(seed, bytes, n);
    keyring_chunk_id(b->r->keys, kind, bytes_of(bytes, n), &id);
    assert_int_equal(intake_has(l, &id, &it_has), 0);
    return it_has;
}

/* Where the index says that a chunk is. */
static bool locate_kind(struct bench *b, enum pack_kind kind, uint64_t seed,
                        size_t n, struct index_loc *loc)
{
    uint8_t bytes[CHUNK];
    struct index_reader *r = NULL;
    struct chunk_id id;
    bool found;

    pack_fixture_bytes(seed, bytes, n);
    keyring_chunk_id(b->r->keys, kind, bytes_of(bytes, n), &id);
    assert_int_equal(index_reader_new(b->r->index, &r), 0);
    assert_int_equal(index_reader_find(r, &id, INDEX_DEDUP, loc, &found), 0);
    index_reader_free(r);
    return found;
}

static bool locate(struct bench *b, uint64_t seed, size_t n,
                   struct index_loc *loc)
{
    return locate_kind(b, PACK_DATA, seed, n, loc);
}

static void sleep_ms(long ms)
{
    struct timespec t = {.tv_nsec = ms * 1000000};

    (void)nanosleep(&t, NULL);
}

static void test_intake__a_chunk_is_stored_once(void **state)
{
    struct intake_stats s;
    struct intake_lane *a;
    struct intake_lane *c;
    struct bench b;

    (void)state;
    bench_open(&b, UINT64_MAX, INT64_MAX);
    a = lane(&b, PACK_DATA);
    c = lane(&b, PACK_DATA);
    assert_false(has(&b, a, PACK_DATA, 1, CHUNK));
    assert_true(put(&b, a, PACK_DATA, 1, CHUNK));
    /* in the frame that is being filled: for this lane and for others */
    assert_false(put(&b, a, PACK_DATA, 1, CHUNK));
    assert_false(put(&b, c, PACK_DATA, 1, CHUNK));
    assert_true(has(&b, c, PACK_DATA, 1, CHUNK));
    assert_int_equal(intake_lane_flush(a), 0);
    /* in the pack that is being written */
    assert_false(put(&b, c, PACK_DATA, 1, CHUNK));
    assert_int_equal(intake_lane_flush(c), 0);
    assert_int_equal(intake_finish(b.in), 0);
    assert_int_equal(b.packs, 1);
    /* in the index */
    assert_false(put(&b, a, PACK_DATA, 1, CHUNK));
    assert_true(put(&b, a, PACK_DATA, 2, CHUNK));
    intake_stats_get(b.in, &s);
    assert_int_equal(s.new_chunks, 2);
    assert_int_equal(s.new_bytes, 2 * CHUNK);
    assert_int_equal(s.dup_chunks, 4);
    assert_int_equal(s.dup_bytes, 4 * CHUNK);
    assert_int_equal(s.stored_bytes, 65536);
    intake_lane_free(a);
    intake_lane_free(c);
    bench_close(&b);
}

static void test_intake__finds_what_earlier_runs_stored(void **state)
{
    struct intake_lane *l;
    struct index_loc loc;
    struct bench b;

    (void)state;
    bench_open(&b, UINT64_MAX, INT64_MAX);
    l = lane(&b, PACK_DATA);
    assert_true(put(&b, l, PACK_DATA, 1, CHUNK));
    assert_int_equal(intake_lane_flush(l), 0);
    assert_int_equal(intake_finish(b.in), 0);
    intake_lane_free(l);
    intake_free(b.in);

    bench_intake(&b, UINT64_MAX, INT64_MAX);
    l = lane(&b, PACK_DATA);
    assert_true(locate(&b, 1, CHUNK, &loc));
    assert_false(intake_hit(b.in, loc.pack));
    assert_false(put(&b, l, PACK_DATA, 1, CHUNK));
    /* that the run relies on that pack is remembered, and of no other */
    assert_true(intake_hit(b.in, loc.pack));
    assert_false(intake_hit(b.in, loc.pack + 1));
    assert_false(intake_hit(b.in, loc.pack + 1000));
    intake_lane_free(l);
    bench_close(&b);
}

/* Lanes that are not asked for long: what updates of the index free can be used
 * again. */
static void test_intake__holds_on_to_no_view_of_the_index(void **state)
{
    static const uint8_t value[INDEX_MARK_VALUE_MAX];
    struct index_stats stats;
    struct index_reader *r = NULL;
    struct intake_lane *asked;
    struct intake_lane *never;
    struct bench b;

    (void)state;
    bench_open(&b, UINT64_MAX, INT64_MAX);
    asked = lane(&b, PACK_DATA);
    never = lane(&b, PACK_META);
    assert_false(has(&b, asked, PACK_DATA, 1, CHUNK));
    for (unsigned i = 0; i < 100; i++) {
        struct index_update *u = NULL;

        assert_int_equal(index_update_begin(b.r->index, 1000, &u), 0);
        assert_int_equal(index_update_put_mark(u, bytes_of_str("large"),
                                               bytes_of(value, sizeof value)),
                         0);
        assert_int_equal(index_update_commit(u), 0);
    }
    assert_int_equal(index_reader_new(b.r->index, &r), 0);
    assert_int_equal(index_reader_stats(r, &stats), 0);
    assert_true(stats.file_bytes < 20 * sizeof value);
    index_reader_free(r);
    intake_lane_free(asked);
    intake_lane_free(never);
    bench_close(&b);
}

/* Content and nodes have different names and lie in different packs. */
static void test_intake__keeps_the_kinds_apart(void **state)
{
    struct intake_lane *data;
    struct intake_lane *meta;
    struct bench b;

    (void)state;
    bench_open(&b, UINT64_MAX, INT64_MAX);
    data = lane(&b, PACK_DATA);
    meta = lane(&b, PACK_META);
    assert_true(put(&b, data, PACK_DATA, 1, CHUNK));
    assert_true(put(&b, meta, PACK_META, 1, CHUNK));
    assert_false(put(&b, data, PACK_DATA, 1, CHUNK));
    assert_false(put(&b, meta, PACK_META, 1, CHUNK));
    assert_int_equal(intake_lane_flush(data), 0);
    assert_int_equal(intake_lane_flush(meta), 0);
    assert_int_equal(intake_finish(b.in), 0);
    assert_int_equal(b.packs, 2);
    intake_lane_free(data);
    intake_lane_free(meta);
    bench_close(&b);
}

/* Consecutive new chunks of a lane lie one after the other in a frame, up to
 * its bound. */
static void test_intake__frames_are_consecutive_chunks(void **state)
{
    enum { CHUNKS = 3 * (FRAME_RAW_MAX / CHUNK) };
    struct intake_lane *l;
    struct index_loc before = {.pack = INDEX_NO_PACK};
    unsigned frames = 0;
    struct bench b;

    (void)state;
    bench_open(&b, UINT64_MAX, INT64_MAX);
    l = lane(&b, PACK_DATA);
    for (uint64_t i = 0; i < CHUNKS; i++)
        assert_true(put(&b, l, PACK_DATA, i, CHUNK));
    assert_int_equal(intake_lane_flush(l), 0);
    assert_int_equal(intake_lane_flush(l), 0); /* nothing to flush */
    assert_int_equal(intake_finish(b.in), 0);
    for (uint64_t i = 0; i < CHUNKS; i++) {
        struct index_loc loc;

        assert_true(locate(&b, i, CHUNK, &loc));
        assert_int_equal(loc.bytes, CHUNK);
        if (before.pack == loc.pack && before.frame_off == loc.frame_off) {
            assert_int_equal(loc.off, before.off + before.bytes);
        } else {
            assert_int_equal(loc.off, 0);
            frames++;
        }
        before = loc;
    }
    assert_int_equal(frames, 3);
    intake_lane_free(l);
    bench_close(&b);
}

/* A publication is due after so many bytes of durable packs. */
static void test_intake__publishes_by_bytes(void **state)
{
    enum { PACK = 33 };
    struct intake_lane *l;
    struct intake_stats s;
    struct bench b;
    uint64_t seed = 0; /* even ones do not compress */

    (void)state;
    bench_open(&b, 40 << 20, INT64_MAX);
    l = lane(&b, PACK_DATA);
    assert_int_equal(intake_publish_due(b.in), 0);
    for (unsigned i = 0; i < PACK; i++, seed += 2) {
        assert_true(put(&b, l, PACK_DATA, seed, BIG));
        assert_int_equal(intake_publish_due(b.in), 0);
    }
    assert_int_equal(b.publications, 0); /* one full pack is not enough */
    for (unsigned i = 0; i < 3 * PACK && b.publications == 0; i++, seed += 2) {
        assert_true(put(&b, l, PACK_DATA, seed, BIG));
        assert_int_equal(intake_publish_due(b.in), 0);
    }
    assert_int_equal(b.publications, 1);
    assert_true(b.packs >= 2);
    intake_stats_get(b.in, &s);
    assert_true(s.stored_bytes >= 40 << 20);
    /* what is published is found in the index, what is not in memory */
    assert_false(put(&b, l, PACK_DATA, 0, BIG));
    assert_false(put(&b, l, PACK_DATA, seed - 2, BIG));
    intake_lane_free(l);
    bench_close(&b);
}

/* ... or when time is up, if anything is new. */
static void test_intake__publishes_by_time(void **state)
{
    struct intake_lane *l;
    struct index_loc loc;
    struct bench b;

    (void)state;
    clock_fake_set(1000 * CLOCK_SECOND_NS, 1000 * CLOCK_SECOND_NS);
    bench_open(&b, UINT64_MAX, 60 * CLOCK_SECOND_NS);
    l = lane(&b, PACK_DATA);
    clock_fake_advance(61 * CLOCK_SECOND_NS);
    assert_int_equal(intake_publish_due(b.in), 0);
    assert_int_equal(b.publications, 0); /* nothing is new */
    assert_true(put(&b, l, PACK_DATA, 1, CHUNK));
    assert_int_equal(intake_lane_flush(l), 0);
    clock_fake_advance(59 * CLOCK_SECOND_NS);
    assert_int_equal(intake_publish_due(b.in), 0);
    assert_int_equal(b.publications, 0);
    assert_false(locate(&b, 1, CHUNK, &loc));
    clock_fake_advance(1 * CLOCK_SECOND_NS);
    assert_int_equal(intake_publish_due(b.in), 0);
    assert_int_equal(b.publications, 1);
    assert_true(locate(&b, 1, CHUNK, &loc));
    clock_fake_end();
    intake_lane_free(l);
    bench_close(&b);
}

/* Puts big chunks, from seed on, until something has been published. Returns
 * the next seed. */
static uint64_t put_until_published(struct bench *b, struct intake_lane *l,
                                    uint64_t seed)
{
    unsigned before = b->publications;

    for (; b->publications == before; seed += 2) {
        assert_true(put(b, l, PACK_DATA, seed, BIG));
        assert_int_equal(intake_publish_due(b->in), 0);
    }
    return seed;
}

/* A frame of one small chunk. */
static void put_small(struct bench *b, struct intake_lane *l, uint64_t seed)
{
    assert_int_equal(intake_lane_flush(l), 0);
    assert_true(put(b, l, PACK_DATA, seed, CHUNK));
    assert_int_equal(intake_lane_flush(l), 0);
}

/* ... also where much is published in between: what lies in a pack that is not
 * full does not wait for that any longer. */
static void test_intake__publishes_by_time_beside_bytes(void **state)
{
    struct intake_lane *l;
    struct index_loc loc;
    struct bench b;

    (void)state;
    clock_fake_set(1000 * CLOCK_SECOND_NS, 1000 * CLOCK_SECOND_NS);
    bench_open(&b, 1, 60 * CLOCK_SECOND_NS);
    l = lane(&b, PACK_DATA);
    clock_fake_advance(40 * CLOCK_SECOND_NS);
    (void)put_until_published(&b, l, 0);
    put_small(&b, l, 1);
    assert_int_equal(intake_publish_due(b.in), 0);
    assert_false(locate(&b, 1, CHUNK, &loc));
    clock_fake_advance(20 * CLOCK_SECOND_NS);
    assert_int_equal(intake_publish_due(b.in), 0);
    assert_true(locate(&b, 1, CHUNK, &loc));
    /* the time begins anew */
    put_small(&b, l, 3);
    clock_fake_advance(59 * CLOCK_SECOND_NS);
    assert_int_equal(intake_publish_due(b.in), 0);
    assert_false(locate(&b, 3, CHUNK, &loc));
    clock_fake_advance(1 * CLOCK_SECOND_NS);
    assert_int_equal(intake_publish_due(b.in), 0);
    assert_true(locate(&b, 3, CHUNK, &loc));
    clock_fake_end();
    intake_lane_free(l);
    bench_close(&b);
}

/* A thread that puts a chunk, and is held while its frame is added. */
static void *put_held(void *ctx)
{
    struct bench *b = ctx;
    struct intake_lane *l = lane(b, PACK_DATA);

    assert_true(put(b, l, PACK_DATA, 5, CHUNK));
    gate_stop_me();
    assert_int_equal(intake_lane_flush(l), 0);
    intake_lane_free(l);
    return NULL;
}

/* What lies in a pack that is still open is known, though later packs have been
 * published. */
static void test_intake__knows_what_an_open_pack_holds(void **state)
{
    struct intake_lane *l;
    struct intake_stats s;
    struct index_loc loc;
    struct gate gate;
    struct bench b;
    pthread_t t;
    uint64_t seed;

    (void)state;
    bench_open(&b, 1, INT64_MAX);
    gate_shut(&gate, b.f.store, MEMORY_APPEND);
    l = lane(&b, PACK_DATA);
    seed = put_until_published(&b, l, 0);
    put_small(&b, l, 1); /* into the pack that the other thread holds open, */
    assert_int_equal(pthread_create(&t, NULL, put_held, &b), 0);
    gate_wait(&gate, 1);
    put_small(&b, l, 3);                /* ... into the next, */
    while (!locate(&b, 3, CHUNK, &loc)) /* ... which is published */
        seed = put_until_published(&b, l, seed);
    assert_false(locate(&b, 1, CHUNK, &loc));
    assert_true(has(&b, l, PACK_DATA, 1, CHUNK));
    assert_false(put(&b, l, PACK_DATA, 1, CHUNK));
    assert_false(put(&b, l, PACK_DATA, 3, CHUNK));
    gate_open(&gate);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(intake_lane_flush(l), 0);
    assert_int_equal(intake_finish(b.in), 0);
    for (uint64_t i = 1; i <= 5; i += 2)
        assert_true(locate(&b, i, CHUNK, &loc));
    intake_stats_get(b.in, &s);
    assert_int_equal(s.dup_chunks, 2);
    gate_remove(&gate, b.f.store);
    intake_lane_free(l);
    bench_close(&b);
}

/* A thread that looks a node up, and is held when it has found it. */
struct asker {
    struct bench *b;
    struct intake_lane *l;
    bool has;
};

static void *ask_held(void *ctx)
{
    struct asker *a = ctx;

    gate_stop_me();
    a->has = has(a->b, a->l, PACK_META, 1, CHUNK);
    return NULL;
}

/* One that has the others look again; hit: what is remembered then. */
struct renewer {
    struct intake *in;
    uint32_t pack;
    bool hit;
    _Atomic bool over;
};

static void *look_again(void *ctx)
{
    struct renewer *r = ctx;

    intake_look_again(r->in);
    r->hit = intake_hit(r->in, r->pack);
    r->over = true;
    return NULL;
}

/* W4: no look-up is under way in an older view when intake_look_again returns,
 * and what it found is remembered. */
static void test_intake__looks_again_when_look_ups_have_ended(void **state)
{
    struct renewer r = {.over = false};
    struct index_loc loc;
    struct asker a;
    struct gate gate;
    struct bench b;
    pthread_t t[2];

    (void)state;
    bench_open(&b, UINT64_MAX, INT64_MAX);
    intake_free(b.in);
    b.kept = kept_frames_new();
    assert_non_null(b.kept);
    bench_intake(&b, UINT64_MAX, INT64_MAX);
    a = (struct asker){&b, lane(&b, PACK_META), false};
    assert_true(put(&b, a.l, PACK_META, 1, CHUNK));
    assert_int_equal(intake_lane_flush(a.l), 0);
    assert_int_equal(intake_finish(b.in), 0);
    assert_true(locate_kind(&b, PACK_META, 1, CHUNK, &loc));
    r.in = b.in;
    r.pack = loc.pack;
    /* that its frame's key is held is seen in the pack: after the index */
    gate_shut(&gate, b.f.store, MEMORY_GET);
    assert_int_equal(pthread_create(&t[0], NULL, ask_held, &a), 0);
    gate_wait(&gate, 1);
    assert_int_equal(pthread_create(&t[1], NULL, look_again, &r), 0);
    for (unsigned i = 0; i < 20 && !r.over; i++)
        sleep_ms(10);
    assert_false(r.over);
    assert_false(intake_hit(b.in, loc.pack));
    gate_open(&gate);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    assert_true(a.has);
    assert_true(r.hit);
    gate_remove(&gate, b.f.store);
    intake_lane_free(a.l);
    bench_close(&b);
}

/* From its publication on a chunk is what the index says it is: once its pack
 * is condemned, it is stored again. */
static void test_intake__relies_on_the_index_after_a_publication(void **state)
{
    struct index_update *u = NULL;
    struct intake_lane *l;
    struct index_loc loc;
    struct bench b;

    (void)state;
    bench_open(&b, UINT64_MAX, INT64_MAX);
    l = lane(&b, PACK_DATA);
    assert_true(put(&b, l, PACK_DATA, 1, CHUNK));
    assert_int_equal(intake_lane_flush(l), 0);
    assert_int_equal(intake_finish(b.in), 0);
    assert_true(locate(&b, 1, CHUNK, &loc));
    assert_int_equal(index_update_begin(b.r->index, 1000, &u), 0);
    assert_int_equal(index_update_set_state(u, loc.pack, INDEX_CONDEMNED, 1),
                     0);
    assert_int_equal(index_update_commit(u), 0);
    /* seen after the next publication */
    assert_true(put(&b, l, PACK_DATA, 2, CHUNK));
    assert_int_equal(intake_lane_flush(l), 0);
    assert_int_equal(intake_finish(b.in), 0);
    assert_false(has(&b, l, PACK_DATA, 1, CHUNK));
    assert_true(put(&b, l, PACK_DATA, 1, CHUNK));
    assert_int_equal(intake_lane_flush(l), 0);
    assert_int_equal(intake_finish(b.in), 0);
    assert_true(locate(&b, 1, CHUNK, &loc));
    intake_lane_free(l);
    bench_close(&b);
}

/* What fails to be published fails the run. */
static void test_intake__a_failed_publication_is_reported(void **state)
{
    struct intake_lane *l;
    struct bench b;

    (void)state;
    bench_open(&b, UINT64_MAX, INT64_MAX);
    l = lane(&b, PACK_DATA);
    assert_true(put(&b, l, PACK_DATA, 1, CHUNK));
    assert_int_equal(intake_lane_flush(l), 0);
    b.rc = err_set(E_FENCED, "test");
    assert_int_equal(intake_finish(b.in), E_FENCED);
    intake_lane_free(l);
    bench_close(&b);
}

/* Lanes on threads of their own put the same chunks at the same time. */
struct putter {
    struct bench *b;
    unsigned stored;
    unsigned shift;
};

enum { SHARED = 900 };

static void *put_all(void *ctx)
{
    struct putter *p = ctx;
    struct intake_lane *l = lane(p->b, PACK_DATA);

    for (unsigned i = 0; i < SHARED; i++)
        p->stored += put(p->b, l, PACK_DATA, (i + p->shift) % SHARED, CHUNK);
    assert_int_equal(intake_lane_flush(l), 0);
    intake_lane_free(l);
    return NULL;
}

static void test_intake__lanes_store_each_chunk_once(void **state)
{
    enum { THREADS = 4 };
    struct putter p[THREADS];
    pthread_t t[THREADS];
    struct intake_stats s;
    struct index_loc loc;
    unsigned stored = 0;
    struct bench b;

    (void)state;
    bench_open(&b, UINT64_MAX, INT64_MAX);
    for (unsigned i = 0; i < THREADS; i++) {
        p[i] = (struct putter){&b, 0, i * SHARED / THREADS};
        assert_int_equal(pthread_create(&t[i], NULL, put_all, &p[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
        stored += p[i].stored;
    }
    assert_int_equal(stored, SHARED);
    assert_int_equal(intake_finish(b.in), 0);
    intake_stats_get(b.in, &s);
    assert_int_equal(s.new_chunks, SHARED);
    assert_int_equal(s.dup_chunks, (THREADS - 1) * SHARED);
    for (unsigned i = 0; i < SHARED; i++)
        assert_true(locate(&b, i, CHUNK, &loc));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intake__a_chunk_is_stored_once),
        cmocka_unit_test(test_intake__finds_what_earlier_runs_stored),
        cmocka_unit_test(test_intake__holds_on_to_no_view_of_the_index),
        cmocka_unit_test(test_intake__keeps_the_kinds_apart),
        cmocka_unit_test(test_intake__frames_are_consecutive_chunks),
        cmocka_unit_test(test_intake__publishes_by_bytes),
        cmocka_unit_test(test_intake__publishes_by_time),
        cmocka_unit_test(test_intake__publishes_by_time_beside_bytes),
        cmocka_unit_test(test_intake__knows_what_an_open_pack_holds),
        cmocka_unit_test(test_intake__looks_again_when_look_ups_have_ended),
        cmocka_unit_test(test_intake__relies_on_the_index_after_a_publication),
        cmocka_unit_test(test_intake__a_failed_publication_is_reported),
        cmocka_unit_test(test_intake__lanes_store_each_chunk_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
