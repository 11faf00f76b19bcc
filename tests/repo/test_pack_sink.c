#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "repo/pack_layout.h"
#include "repo/pack_reader.h"
#include "repo/pack_sink.h"
#include "repo/pack_verify.h"
#include "tests/repo/gate.h"
#include "tests/repo/pack_fixture.h"

enum { THREADS = 3, FRAMES = 40, CHUNKS = 4, EACH = 250000, PACKS = 64 };

static struct pack_fixture fix;

/* What the sink handed over. */
struct taken {
    struct pack_info info[PACKS]; /* by number */
    uint64_t n;
    uint64_t below;
    int rc; /* what done() answers */
};

static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER; /* `taken`s */
static pthread_cond_t told = PTHREAD_COND_INITIALIZER;

/* Each number once; `below` says at every moment what has been handed over. */
static int take(void *ctx, uint64_t pack, uint64_t below,
                struct pack_info *info)
{
    struct taken *t = ctx;

    if (t->rc < 0)
        return err_set(t->rc, "refused");
    pthread_mutex_lock(&told_lock);
    assert_true(pack < PACKS && t->info[pack].bytes == 0);
    t->info[pack] = *info;
    t->n++;
    *info = (struct pack_info){.bytes = 0};
    assert_true(below >= t->below && below <= PACKS);
    t->below = below;
    for (uint64_t i = 0; i < below; i++)
        assert_true(t->info[i].bytes > 0);
    pthread_cond_broadcast(&told);
    pthread_mutex_unlock(&told_lock);
    return 0;
}

/* What `below` is when n packs have been handed over. */
static uint64_t below_of(struct taken *t, uint64_t n)
{
    uint64_t below;

    pthread_mutex_lock(&told_lock);
    while (t->n < n)
        pthread_cond_wait(&told, &told_lock);
    assert_int_equal(t->n, n);
    below = t->below;
    pthread_mutex_unlock(&told_lock);
    return below;
}

static void taken_release(struct taken *t)
{
    for (uint64_t i = 0; i < PACKS; i++)
        pack_info_release(&t->info[i]);
}

struct job {
    struct pack_sink *sink;
    uint64_t seed;
    struct pack_place place[FRAMES];
    int rc;
};

static void *fill(void *arg)
{
    struct job *j = arg;
    struct frame_ctx *x = NULL;
    struct pack_dir_chunk chunk[CHUNKS];
    uint8_t *raw = malloc((size_t)CHUNKS * EACH);

    j->rc = frame_ctx_new(&x);
    for (uint64_t i = 0; i < FRAMES && j->rc == 0; i++) {
        pack_fixture_frame(fix.keys, x, PACK_DATA, j->seed + i * 2 * CHUNKS,
                           CHUNKS, EACH, raw, chunk);
        j->rc = pack_sink_add(j->sink, x, chunk, CHUNKS, &j->place[i], NULL);
    }
    frame_ctx_free(x);
    free(raw);
    return NULL;
}

/* Every frame lies where its thread was told, under the key of that pack. */
static void check_places(const struct job *j, const struct taken *t)
{
    struct pack_reader *r = NULL;
    uint8_t *raw = malloc(FRAME_RAW_MAX);
    uint8_t *want = malloc(EACH);

    assert_int_equal(pack_reader_new(fix.store, fix.keys, &r), 0);
    for (uint64_t i = 0; i < FRAMES; i++) {
        const struct pack_place *p = &j->place[i];

        assert_true(p->pack < t->n);
        assert_int_equal(pack_reader_frame(r, fix.frame, &t->info[p->pack].id,
                                           0, p->off, p->stored_bytes,
                                           p->raw_bytes, raw),
                         0);
        for (uint64_t c = 0; c < CHUNKS; c++) {
            pack_fixture_bytes(j->seed + i * 2 * CHUNKS + c, want, EACH);
            assert_memory_equal(raw + c * EACH, want, EACH);
        }
    }
    pack_reader_free(r);
    free(raw);
    free(want);
}

static void test_pack_sink__threads_fill_whole_packs(void **state)
{
    struct taken t = {.n = 0};
    static struct job job[THREADS];
    struct pack_sink *q = NULL;
    pthread_t id[THREADS];
    size_t partial = 0;

    (void)state;
    assert_int_equal(
        pack_sink_open(fix.store, fix.keys, PACK_DATA, take, &t, &q), 0);
    for (size_t i = 0; i < THREADS; i++) {
        job[i] = (struct job){.sink = q, .seed = 2000 * i};
        assert_int_equal(pthread_create(&id[i], NULL, fill, &job[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(id[i], NULL), 0);
        assert_int_equal(job[i].rc, 0);
    }
    assert_int_equal(pack_sink_flush(q), 0);
    assert_true(t.n >= 2);
    assert_int_equal(t.below, t.n);
    for (uint64_t i = 0; i < t.n; i++)
        partial += t.info[i].bytes != PACK_FULL_BYTES;
    assert_int_equal(t.info[0].bytes, PACK_FULL_BYTES);
    assert_true(partial <= THREADS);
    for (size_t i = 0; i < THREADS; i++)
        check_places(&job[i], &t);
    pack_sink_free(q);
    taken_release(&t);
}

/* What is less than a pack goes into one, whoever adds it. */
static void *fill_little(void *arg)
{
    struct job *j = arg;
    struct frame_ctx *x = NULL;
    struct pack_dir_chunk chunk[CHUNKS];
    uint8_t raw[CHUNKS * 100];

    j->rc = frame_ctx_new(&x);
    for (uint64_t i = 0; i < FRAMES && j->rc == 0; i++) {
        pack_fixture_frame(fix.keys, x, PACK_DATA, j->seed + i * 2 * CHUNKS,
                           CHUNKS, 100, raw, chunk);
        j->rc = pack_sink_add(j->sink, x, chunk, CHUNKS, &j->place[i], NULL);
    }
    frame_ctx_free(x);
    return NULL;
}

static void test_pack_sink__threads_share_a_small_pack(void **state)
{
    struct taken t = {.n = 0};
    static struct job job[THREADS];
    struct pack_sink *q = NULL;
    pthread_t id[THREADS];

    (void)state;
    assert_int_equal(
        pack_sink_open(fix.store, fix.keys, PACK_DATA, take, &t, &q), 0);
    for (size_t i = 0; i < THREADS; i++) {
        job[i] = (struct job){.sink = q, .seed = 2000 * i};
        assert_int_equal(pthread_create(&id[i], NULL, fill_little, &job[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(id[i], NULL), 0);
        assert_int_equal(job[i].rc, 0);
    }
    assert_int_equal(pack_sink_flush(q), 0);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.info[0].frame_n, THREADS * FRAMES);
    pack_sink_free(q);
    taken_release(&t);
}

/* One frame through the sink. */
static int add_one(struct pack_sink *q, uint64_t seed)
{
    struct pack_dir_chunk chunk[2];
    uint8_t raw[200];

    pack_fixture_frame(fix.keys, fix.frame, PACK_META, seed, 2, 100, raw,
                       chunk);
    return pack_sink_add(q, fix.frame, chunk, 2, NULL, NULL);
}

static void test_pack_sink__flush_makes_all_of_it_durable(void **state)
{
    struct taken t = {.n = 0};
    struct pack_sink *q = NULL;
    struct buf file;

    (void)state;
    buf_init(&file, PACK_FULL_BYTES);
    assert_int_equal(
        pack_sink_open(fix.store, fix.keys, PACK_META, take, &t, &q), 0);
    assert_int_equal(pack_sink_flush(q), 0); /* nothing there: nothing made */
    assert_int_equal(t.n, 0);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(add_one(q, 10 * i), 0);
        assert_int_equal(add_one(q, 10 * i + 2), 0);
        assert_int_equal(pack_sink_flush(q), 0);
        assert_int_equal(t.n, i + 1);
        memory_power_cut(fix.store, 0);
        assert_int_equal(pack_verify(fix.store, fix.keys, fix.frame,
                                     &t.info[i].id, &file, NULL, NULL, NULL),
                         0);
        assert_int_equal(t.info[i].chunk_n, 4);
        assert_int_equal(pack_sink_flush(q), 0);
    }
    assert_int_equal(t.n, 3);
    assert_int_equal(add_one(q, 1), 0); /* abandoned */
    pack_sink_free(q);
    taken_release(&t);
    buf_release(&file);
}

/* A pack of very many chunks ends early, and is not padded to full length. */
static void test_pack_sink__a_pack_has_so_many_chunks(void **state)
{
    static struct pack_dir_chunk chunk[FRAME_CHUNKS_MAX];
    static uint8_t raw[FRAME_CHUNKS_MAX];
    struct taken t = {.n = 0};
    struct pack_sink *q = NULL;

    (void)state;
    assert_int_equal(
        pack_sink_open(fix.store, fix.keys, PACK_DATA, take, &t, &q), 0);
    for (uint64_t f = 0; f < 5; f++) {
        for (size_t i = 0; i < FRAME_CHUNKS_MAX; i++) {
            uint64_t no = f * FRAME_CHUNKS_MAX + i;

            memcpy(chunk[i].id.b, &no, sizeof no);
            chunk[i].bytes = 1;
        }
        assert_int_equal(frame_prepare(fix.frame, bytes_of(raw, sizeof raw), 3),
                         0);
        assert_int_equal(
            pack_sink_add(q, fix.frame, chunk, FRAME_CHUNKS_MAX, NULL, NULL),
            0);
    }
    assert_int_equal(pack_sink_flush(q), 0);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.info[0].chunk_n, 32768);
    assert_int_equal(t.info[1].chunk_n, 8192);
    assert_true(t.info[0].bytes < 2 << 20);
    pack_sink_free(q);
    taken_release(&t);
}

/* The first failure kills the sink, for all threads and for good. */
static void test_pack_sink__failures_stick(void **state)
{
    static const struct {
        int done;
        int store;
    } t[] = {{E_NOSPACE, 0}, {0, E_STORE}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct taken taken = {.rc = t[i].done};
        struct memory_fault fault = {.point = MEMORY_BEFORE,
                                     .n = 1,
                                     .persistent = true,
                                     .code = t[i].store};
        struct memory_fault none = {.n = 0};
        struct pack_sink *q = NULL;
        int want = t[i].done ? t[i].done : t[i].store;

        assert_int_equal(
            pack_sink_open(fix.store, fix.keys, PACK_META, take, &taken, &q),
            0);
        assert_int_equal(add_one(q, 1), 0);
        if (t[i].store)
            memory_set_fault(fix.store, fault);
        assert_int_equal(pack_sink_flush(q), want);
        memory_set_fault(fix.store, none);
        assert_int_equal(add_one(q, 2), want);
        assert_int_equal(pack_sink_flush(q), want);
        pack_sink_free(q);
    }
}

/* Whatever the store does when: each thread is told the same, and nobody adds
 * to a pack that another's failure has ended. */
static void test_pack_sink__all_threads_fail_alike(void **state)
{
    static struct job job[THREADS];

    (void)state;
    for (unsigned n = 1; n < 60; n++) {
        struct memory_fault fault = {.point = MEMORY_BEFORE,
                                     .n = n,
                                     .persistent = true,
                                     .code = E_NOSPACE};
        struct memory_fault none = {.n = 0};
        struct taken t = {.n = 0};
        struct pack_sink *q = NULL;
        pthread_t id[THREADS];
        int failed = 0;

        assert_int_equal(
            pack_sink_open(fix.store, fix.keys, PACK_DATA, take, &t, &q), 0);
        memory_set_fault(fix.store, fault);
        for (size_t i = 0; i < THREADS; i++) {
            job[i] = (struct job){.sink = q, .seed = 2000 * i};
            assert_int_equal(pthread_create(&id[i], NULL, fill_little, &job[i]),
                             0);
        }
        for (size_t i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(id[i], NULL), 0);
            assert_true(job[i].rc == 0 || job[i].rc == E_NOSPACE);
            failed += job[i].rc < 0;
        }
        assert_int_equal(pack_sink_flush(q), E_NOSPACE);
        assert_true(failed > 0 || n > 1);
        memory_set_fault(fix.store, none);
        pack_sink_free(q);
        taken_release(&t);
    }
}

/* A thread's frame of 1 MiB that does not compress: it can be added as often as
 * it is wanted. */
struct feeder {
    struct pack_sink *sink;
    struct frame_ctx *x;
    uint8_t *raw;
    struct pack_dir_chunk chunk;
    pthread_t thread;
    int rc;
};

static void feeder_init(struct feeder *f, struct pack_sink *q)
{
    *f = (struct feeder){.sink = q, .raw = malloc(FRAME_RAW_MAX)};
    assert_non_null(f->raw);
    assert_int_equal(frame_ctx_new(&f->x), 0);
    pack_fixture_frame(fix.keys, f->x, PACK_DATA, 0, 1, FRAME_RAW_MAX, f->raw,
                       &f->chunk);
}

static void feeder_release(struct feeder *f)
{
    frame_ctx_free(f->x);
    free(f->raw);
}

/* Adds frames until one lies in the pack of that number. */
static void feed_until(struct feeder *f, uint64_t pack)
{
    struct pack_place place = {.pack = UINT64_MAX};

    while (place.pack != pack)
        assert_int_equal(
            pack_sink_add(f->sink, f->x, &f->chunk, 1, &place, NULL), 0);
}

/* Adds a frame, and is held while it does. */
static void *feed_held(void *arg)
{
    struct feeder *f = arg;

    gate_stop_me();
    f->rc = pack_sink_add(f->sink, f->x, &f->chunk, 1, NULL, NULL);
    return NULL;
}

/* A sink in which pack 0 is full and pack 1 was begun, and n threads that are
 * adding to lanes of their own: one to pack 1. */
struct wide {
    struct taken t;
    struct pack_sink *q;
    struct gate gate;
    struct feeder mine;
    struct feeder held[3];
    size_t n;
};

static void wide_open(struct wide *w, size_t n)
{
    *w = (struct wide){.n = n};
    gate_shut(&w->gate, fix.store, MEMORY_APPEND);
    assert_int_equal(
        pack_sink_open(fix.store, fix.keys, PACK_DATA, take, &w->t, &w->q), 0);
    feeder_init(&w->mine, w->q);
    feed_until(&w->mine, 1);
    for (size_t i = 0; i < n; i++) {
        struct feeder *f = &w->held[i];

        feeder_init(f, w->q);
        assert_int_equal(pthread_create(&f->thread, NULL, feed_held, f), 0);
        gate_wait(&w->gate, (unsigned)i + 1);
    }
}

static void wide_let_go(struct wide *w)
{
    gate_open(&w->gate);
    for (size_t i = 0; i < w->n; i++) {
        assert_int_equal(pthread_join(w->held[i].thread, NULL), 0);
        assert_int_equal(w->held[i].rc, 0);
    }
}

static void wide_close(struct wide *w)
{
    pack_sink_free(w->q);
    gate_remove(&w->gate, fix.store);
    for (size_t i = 0; i < w->n; i++)
        feeder_release(&w->held[i]);
    feeder_release(&w->mine);
    taken_release(&w->t);
}

/* Later packs are handed over while one is open: `below` stays at that. */
static void test_pack_sink__below_stays_at_an_open_pack(void **state)
{
    static struct wide w;

    (void)state;
    wide_open(&w, 1);
    feed_until(&w.mine, 4);
    assert_int_equal(below_of(&w.t, 3), 1); /* 0, 2 and 3 */
    wide_let_go(&w);
    assert_int_equal(pack_sink_flush(w.q), 0);
    assert_int_equal(below_of(&w.t, 5), 5);
    wide_close(&w);
}

/* Packs that were opened while many threads were at work are filled by one that
 * is left: the first of them first. */
static void test_pack_sink__no_open_pack_is_left_behind(void **state)
{
    static struct wide w;

    (void)state;
    wide_open(&w, 3);
    wide_let_go(&w); /* 1 to 3 are open, with a frame each */
    feed_until(&w.mine, 6);
    assert_int_equal(below_of(&w.t, 4), 4);
    assert_int_equal(pack_sink_flush(w.q), 0);
    assert_int_equal(below_of(&w.t, 7), 7);
    wide_close(&w);
}

/* Threads that add frames until they are told of a failure. Frames of very many
 * chunks: four fill a pack, so that much happens soon. */
enum { CROWD = 6, CROWD_FRAMES = 2000, CROWD_HANG = 60 /* seconds */ };

/* What fails, and is hit by a crowd. */
struct storm {
    struct store *store; /* of its own: packs are given up */
    struct pack_sink *q;
    struct taken t;
    struct memory_fault fault; /* from when the sink is wide on */
    uint64_t last;             /* done() takes no more than that many packs */
    _Atomic uint64_t added;
};

/* Until nobody has added a frame for a while: all wait for the disk. */
static void storm_calm(struct storm *s)
{
    const struct timespec while_ = {.tv_nsec = 20000000};
    uint64_t before = UINT64_MAX;

    while (s->added != before) {
        before = s->added;
        (void)nanosleep(&while_, NULL);
    }
}

static int storm_done(void *ctx, uint64_t pack, uint64_t below,
                      struct pack_info *info)
{
    struct storm *s = ctx;

    if (s->t.n < s->last)
        return take(&s->t, pack, below, info);
    storm_calm(s);
    return err_set(E_NOSPACE, "refused");
}

struct storm_thread {
    struct storm *storm;
    pthread_t id;
    int rc;
};

static void *storm_add(void *arg)
{
    static const uint8_t raw[FRAME_CHUNKS_MAX];
    struct storm_thread *t = arg;
    struct pack_dir_chunk *chunk = calloc(FRAME_CHUNKS_MAX, sizeof *chunk);
    struct frame_ctx *x = NULL;

    for (size_t i = 0; i < FRAME_CHUNKS_MAX; i++)
        chunk[i].bytes = 1;
    t->rc = frame_ctx_new(&x);
    if (t->rc == 0)
        t->rc = frame_prepare(x, bytes_of(raw, sizeof raw), 3);
    for (unsigned i = 0; i < CROWD_FRAMES && t->rc == 0; i++) {
        t->rc =
            pack_sink_add(t->storm->q, x, chunk, FRAME_CHUNKS_MAX, NULL, NULL);
        t->storm->added += t->rc == 0;
    }
    frame_ctx_free(x);
    free(chunk);
    return NULL;
}

/* What was handed over is durable, and nothing of it is missing. */
static void storm_check(struct storm *s)
{
    memory_power_cut(s->store, 0);
    for (uint64_t i = 0; i < PACKS; i++) {
        char name[PACK_LAYOUT_NAME_MAX];
        uint64_t bytes;
        bool found;

        if (s->t.info[i].bytes == 0)
            continue;
        pack_layout_name(&s->t.info[i].id, name);
        assert_int_equal(store_size(s->store, name, &bytes, &found), 0);
        assert_true(found);
        assert_int_equal(bytes, s->t.info[i].bytes);
    }
}

static void storm_pass(struct storm *s)
{
    const struct memory_fault none = {.n = 0};
    struct storm_thread t[CROWD];
    struct feeder f;

    assert_int_equal(memory_open(&s->store), 0);
    assert_int_equal(
        pack_sink_open(s->store, fix.keys, PACK_DATA, storm_done, s, &s->q), 0);
    feeder_init(&f, s->q);
    feed_until(&f, 1);
    (void)below_of(&s->t, 1);
    memory_set_fault(s->store, s->fault);
    for (size_t i = 0; i < CROWD; i++) {
        t[i] = (struct storm_thread){.storm = s};
        assert_int_equal(pthread_create(&t[i].id, NULL, storm_add, &t[i]), 0);
    }
    for (size_t i = 0; i < CROWD; i++) {
        assert_int_equal(pthread_join(t[i].id, NULL), 0);
        assert_int_equal(t[i].rc, E_NOSPACE);
    }
    assert_int_equal(pack_sink_flush(s->q), E_NOSPACE);
    assert_int_equal(pack_sink_add(s->q, f.x, &f.chunk, 1, NULL, NULL),
                     E_NOSPACE);
    pack_sink_free(s->q);
    memory_set_fault(s->store, none);
    storm_check(s);
    feeder_release(&f);
    taken_release(&s->t);
    store_close(s->store);
}

/* Where several packs are open, and wherever their threads stand: each is told,
 * nobody waits for ever, and nothing is handed over that is not durable. */
static void test_pack_sink__all_lanes_fail_alike(void **state)
{
    enum { OPS = 18, DONE = 15 };
    static struct storm s;

    (void)state;
    for (unsigned i = 0; i < OPS + DONE; i++) {
        enum memory_point at = (enum memory_point)(i % 3);

        s = (struct storm){.last = UINT64_MAX};
        if (i < OPS)
            s.fault = (struct memory_fault){
                .point = at,
                .n = 1 + (at == MEMORY_BEFORE ? (uint64_t)i * 4 : i / 3),
                .persistent = true,
                .code = E_NOSPACE};
        else
            s.last = 1 + i - OPS;
        (void)alarm(CROWD_HANG);
        storm_pass(&s);
        (void)alarm(0);
    }
}

static int setup(void **state)
{
    (void)state;
    pack_fixture_open(&fix);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pack_fixture_close(&fix);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack_sink__threads_fill_whole_packs),
        cmocka_unit_test(test_pack_sink__threads_share_a_small_pack),
        cmocka_unit_test(test_pack_sink__flush_makes_all_of_it_durable),
        cmocka_unit_test(test_pack_sink__a_pack_has_so_many_chunks),
        cmocka_unit_test(test_pack_sink__failures_stick),
        cmocka_unit_test(test_pack_sink__all_threads_fail_alike),
        cmocka_unit_test(test_pack_sink__below_stays_at_an_open_pack),
        cmocka_unit_test(test_pack_sink__no_open_pack_is_left_behind),
        cmocka_unit_test(test_pack_sink__all_lanes_fail_alike),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
