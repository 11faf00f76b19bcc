/* What a writer publishes is told to its cache in updates of bounded size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/fileop_fault.h"
#include "repo/catchup_packs.h"
#include "tests/repo/catchup_kit.h"
#include "tests/repo/pack_fixture.h"

enum { PACKS = 3, FRAMES = 2, CHUNKS = 5000 };

_Static_assert(FRAMES *CHUNKS<CATCHUP_PACKS_LOAD && 2 * FRAMES * CHUNKS>
                   CATCHUP_PACKS_LOAD,
               "one of them goes into an update, two do not");

struct bench {
    struct repo_fixture f;
    struct repo *r;
    struct writer *w;
    struct pack_info info[PACKS + 1];
};

/* Packs that nobody knows: the first is small, with the chunks of seed 1. */
static void bench_open(struct bench *b)
{
    struct pack_fixture p;

    *b = (struct bench){.r = NULL};
    repo_fixture_make(&b->f);
    assert_int_equal(repo_fixture_repo(&b->f, "a", &b->r), 0);
    assert_int_equal(writer_open(b->r, bytes_of_str("test@series"), &b->w), 0);
    repo_fixture_pack(&b->f, b->r, 1, &b->info[0]);
    p = (struct pack_fixture){.store = b->f.store, .keys = b->r->keys};
    assert_int_equal(frame_ctx_new(&p.frame), 0);
    for (uint64_t i = 1; i <= PACKS; i++)
        assert_int_equal(pack_fixture_pack(&p, PACK_DATA, i * 100000, FRAMES,
                                           CHUNKS, 24, &b->info[i]),
                         0);
    frame_ctx_free(p.frame);
}

static void bench_close(struct bench *b)
{
    for (size_t i = 0; i <= PACKS; i++)
        pack_info_release(&b->info[i]);
    writer_free(b->w);
    repo_close(b->r);
    repo_fixture_close(&b->f);
}

static uint64_t chunks_of(struct repo *r)
{
    struct index_reader *reader = NULL;
    struct index_stats stats;

    assert_int_equal(index_reader_new(r->index, &reader), 0);
    assert_int_equal(index_reader_stats(reader, &stats), 0);
    index_reader_free(reader);
    return stats.chunk_n;
}

/* Operations on the cache's files that telling it of n packs takes: each update
 * has the same few. */
static uint64_t cost(struct bench *b, struct pack_info *info, size_t n)
{
    bool indexed = false;
    uint64_t count;

    assert_int_equal(fileop_fault_set("count,class=stat,domain=cache"), 0);
    assert_int_equal(writer_publish(b->w, info, n, &indexed), 0);
    count = fileop_fault_count();
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_true(indexed);
    return count;
}

static void test_writer_publish__an_update_is_bounded(void **state)
{
    struct bench b;
    uint64_t one;

    (void)state;
    bench_open(&b);
    one = cost(&b, b.info, 1);
    assert_true(one > 0);
    assert_int_equal(cost(&b, b.info + 1, PACKS), PACKS * one);
    assert_int_equal(chunks_of(b.r),
                     REPO_FIXTURE_CHUNKS + PACKS * FRAMES * CHUNKS);
    bench_close(&b);
}

/* One of the updates fails: what was published is known to whoever opens that
 * cache next, for its mark came with the last only. */
static void test_writer_publish__each_update_may_fail(void **state)
{
    unsigned partly = 0;
    bool fired = true;

    (void)state;
    for (unsigned n = 1; fired; n++) {
        struct bench b;
        bool indexed = true;
        char plan[64];
        uint64_t had;

        bench_open(&b);
        (void)snprintf(plan, sizeof plan, "fail:%u:EIO,class=stat,domain=cache",
                       n);
        assert_int_equal(fileop_fault_set(plan), 0);
        assert_int_equal(writer_publish(b.w, b.info, 1 + PACKS, &indexed), 0);
        fired = fileop_fault_fired() > 0;
        assert_int_equal(fileop_fault_set(NULL), 0);
        had = chunks_of(b.r);
        partly += !indexed && had > REPO_FIXTURE_CHUNKS;
        assert_true(!indexed || had > (uint64_t)PACKS * FRAMES * CHUNKS);
        repo_close(b.r);
        b.r = NULL;
        assert_int_equal(repo_fixture_repo(&b.f, "a", &b.r), 0);
        assert_int_equal(chunks_of(b.r),
                         REPO_FIXTURE_CHUNKS + PACKS * FRAMES * CHUNKS);
        assert_true(catchup_kit_finds(b.r, INDEX_DEDUP, 1));
        bench_close(&b);
    }
    assert_true(partly > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer_publish__an_update_is_bounded),
        cmocka_unit_test(test_writer_publish__each_update_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
