/* A rebuilt cache holds what updates would have made, or the old one stays. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "base/mem.h"
#include "tests/index/index_kit.h"
#include "tests/support/prng.h"

enum { PACKS = 30, CHUNKS = 5000, IDS = 2500, WAIT_MS = 400 };

static const struct index_options options = {.create = true,
                                             .wait_ms = WAIT_MS};

struct world {
    struct index_kit kit;
    struct index_chunk c[CHUNKS];
};

static struct world the_world;

static int setup(void **state)
{
    struct world *w = &the_world;
    struct prng prng;

    prng_init(&prng, 99);
    index_kit_begin(&w->kit);
    for (size_t i = 0; i < CHUNKS; i++)
        w->c[i] = index_kit_chunk(prng_below(&prng, IDS),
                                  (uint32_t)prng_below(&prng, PACKS),
                                  (uint32_t)prng_below(&prng, 3));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    index_kit_end(&w->kit);
    return 0;
}

/* Packs, every tenth doomed before its chunks come, a suspect and a mark. */
static int put_packs(struct index_update *u, uint64_t mark)
{
    struct chunk_id id = index_kit_chunk_id(3);
    int rc = index_update_put_suspect(u, &id, 2);

    for (uint64_t p = 0; rc == 0 && p < PACKS; p++) {
        struct index_pack pack = index_kit_pack(p);
        uint32_t no;

        if (p % 10 == 4)
            pack.state = INDEX_DOOMED;
        rc = index_update_put_pack(u, &pack, &no);
    }
    if (rc == 0)
        rc = index_update_put_mark(u, bytes_of_str("log"),
                                   bytes_of(&mark, sizeof mark));
    return rc;
}

/* The old cache: a mark, and no chunks. */
static void make_old(struct world *w)
{
    struct index *ix;
    struct index_update *u;
    enum index_fate fate;
    uint64_t mark = 1;

    index_kit_ok(index_discard(w->kit.path, 1000));
    index_kit_ok(index_open(w->kit.path, &w->kit.repo, &options, &ix, &fate));
    index_kit_ok(index_update_begin(ix, 1000, &u));
    index_kit_ok(index_update_put_mark(u, bytes_of_str("log"),
                                       bytes_of(&mark, sizeof mark)));
    index_kit_ok(index_update_commit(u));
    index_close(ix);
}

static int rebuild(struct world *w, uint64_t mark)
{
    struct index_rebuild *rb;
    int rc = index_rebuild_begin(w->kit.path, &w->kit.repo, &options, &rb);

    if (rc < 0)
        return rc;
    rc = put_packs(index_rebuild_update(rb), mark);
    for (size_t i = 0; rc == 0 && i < CHUNKS; i += 1000)
        rc = index_update_put_chunks(index_rebuild_update(rb), w->c + i, 1000);
    if (rc == 0)
        return index_rebuild_commit(rb, NULL, NULL);
    index_rebuild_free(rb);
    return rc;
}

static uint64_t mark_of(struct index_reader *r)
{
    struct buf value;
    uint64_t mark = 0;
    bool found;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    index_kit_ok(index_reader_mark(r, bytes_of_str("log"), &value, &found));
    if (found)
        memcpy(&mark, value.p, sizeof mark);
    buf_release(&value);
    return mark;
}

/* Opens what is there: the old one (1), whole, or the new one, whole. */
static uint64_t which(struct world *w)
{
    struct index *ix = index_kit_open(&w->kit, INDEX_OPENED);
    struct index_reader *r;
    struct index_stats stats;
    uint64_t mark;

    index_kit_ok(index_reader_new(ix, &r));
    index_kit_ok(index_check(r));
    index_kit_ok(index_reader_stats(r, &stats));
    mark = mark_of(r);
    assert_int_equal(stats.pack_n, mark == 1 ? 0 : PACKS);
    assert_true(mark == 1 ? stats.chunk_n == 0 : stats.chunk_n > IDS / 2);
    index_reader_free(r);
    index_close(ix);
    return mark;
}

static void test_index_rebuild__equals_updates(void **state)
{
    struct world *w = *state;
    struct index_kit other = w->kit;
    struct index_place place[2] = {{.started = false}, {.started = false}};
    struct index *ix[2];
    struct index_reader *r[2];
    struct index_update *u;
    struct index_stats stats[2];
    struct index_chunk got[2][64];
    size_t total = 0;
    size_t n;
    uint64_t mark = 7;

    index_kit_ok(rebuild(w, mark));
    ix[0] = index_kit_open(&w->kit, INDEX_OPENED);
    (void)snprintf(other.path, sizeof other.path, "%s/other", other.dir);
    ix[1] = index_kit_open(&other, INDEX_CREATED);
    index_kit_ok(index_update_begin(ix[1], 0, &u));
    index_kit_ok(put_packs(u, mark));
    for (size_t i = 0; i < CHUNKS; i += 500)
        index_kit_ok(index_update_put_chunks(u, w->c + i, 500));
    index_kit_ok(index_update_commit(u));
    for (size_t k = 0; k < 2; k++) {
        index_kit_ok(index_reader_new(ix[k], &r[k]));
        index_kit_ok(index_check(r[k]));
        index_kit_ok(index_reader_stats(r[k], &stats[k]));
        assert_int_equal(mark_of(r[k]), mark);
    }
    assert_int_equal(stats[0].chunk_n, stats[1].chunk_n);
    assert_int_equal(stats[0].suspect_n, 1);
    assert_true(stats[0].used_bytes < stats[1].used_bytes);
    do {
        size_t m;

        index_kit_ok(index_reader_chunks(r[0], &place[0], got[0], 64, &n));
        index_kit_ok(index_reader_chunks(r[1], &place[1], got[1], 64, &m));
        assert_int_equal(n, m);
        for (size_t i = 0; i < n; i++) {
            assert_memory_equal(&got[0][i].id, &got[1][i].id, ID_BYTES);
            assert_memory_equal(&got[0][i].loc, &got[1][i].loc,
                                offsetof(struct index_loc, key_slot));
        }
        total += n;
    } while (n > 0);
    assert_true(total > CHUNKS / 2);
    for (size_t k = 0; k < 2; k++) {
        index_reader_free(r[k]);
        index_close(ix[k]);
    }
}

static void test_index_rebuild__abandoned_leaves_the_old(void **state)
{
    struct world *w = *state;
    struct index_rebuild *rb;
    struct index_rebuild *second;
    char fresh[128];

    make_old(w);
    (void)snprintf(fresh, sizeof fresh, "%s.new", w->kit.path);
    index_kit_ok(index_rebuild_begin(w->kit.path, &w->kit.repo, &options, &rb));
    assert_int_equal(
        index_rebuild_begin(w->kit.path, &w->kit.repo, &options, &second),
        E_BUSY);
    assert_int_equal(which(w), 1);
    assert_int_equal(access(fresh, F_OK), 0); /* who opens leaves it alone */
    index_kit_ok(put_packs(index_rebuild_update(rb), 9));
    index_kit_ok(
        index_update_put_chunks(index_rebuild_update(rb), w->c, CHUNKS));
    index_rebuild_free(rb);
    index_rebuild_free(NULL);
    assert_int_equal(access(fresh, F_OK), -1);
    assert_int_equal(which(w), 1);
    /* a chunk in a pack that was never put */
    index_kit_ok(index_rebuild_begin(w->kit.path, &w->kit.repo, &options, &rb));
    assert_int_equal(index_update_put_chunks(index_rebuild_update(rb), w->c, 1),
                     E_INTERNAL);
    assert_int_equal(index_rebuild_commit(rb, NULL, NULL), E_INTERNAL);
    assert_int_equal(which(w), 1);
}

/* Another process that gets on is waited for; one that is stopped is not, and
 * has its place. */
static void test_index_rebuild__waits_while_another_gets_on(void **state)
{
    enum { NAP_MS = 50, NAPS = 3 * WAIT_MS / NAP_MS };
    struct world *w = *state;

    make_old(w);
    for (int stopped = 0; stopped < 2; stopped++) {
        struct index_rebuild *rb;
        int begun[2];
        int status;
        char c;
        pid_t pid;

        assert_int_equal(pipe(begun), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            index_kit_ok(
                index_rebuild_begin(w->kit.path, &w->kit.repo, &options, &rb));
            if (write(begun[1], "!", 1) != 1)
                _exit(1);
            for (int i = 0; i < NAPS; i++) {
                clock_sleep_ns(NAP_MS * (CLOCK_SECOND_NS / 1000));
                if (!stopped)
                    index_rebuild_show(rb);
            }
            index_rebuild_free(rb);
            _exit(0);
        }
        assert_int_equal(read(begun[0], &c, 1), 1);
        assert_int_equal(
            index_rebuild_begin(w->kit.path, &w->kit.repo, &options, &rb),
            stopped ? E_BUSY : 0);
        index_rebuild_free(rb);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        (void)close(begun[0]);
        (void)close(begun[1]);
    }
    assert_int_equal(which(w), 1);
}

static int refuse(void *ctx)
{
    *(bool *)ctx = true;
    return err_set(E_LATER, "somebody was faster");
}

/* What it is made of can be read meanwhile, and who asked for it may find that
 * the old one should stay after all. */
static void test_index_rebuild__is_looked_at_and_given_up(void **state)
{
    struct world *w = *state;
    struct index_rebuild *rb;
    struct index_reader *r;
    struct index_stats stats;
    char fresh[128];
    bool asked = false;

    make_old(w);
    (void)snprintf(fresh, sizeof fresh, "%s.new", w->kit.path);
    index_kit_ok(index_rebuild_begin(w->kit.path, &w->kit.repo, &options, &rb));
    index_kit_ok(index_reader_new(index_rebuild_index(rb), &r));
    index_kit_ok(put_packs(index_rebuild_update(rb), 9));
    index_kit_ok(
        index_update_put_chunks(index_rebuild_update(rb), w->c, CHUNKS));
    assert_int_equal(mark_of(r), 0);
    index_kit_ok(index_rebuild_turn(rb));
    index_kit_ok(index_reader_renew(r));
    assert_int_equal(mark_of(r), 9);
    index_kit_ok(index_reader_stats(r, &stats));
    assert_int_equal(stats.pack_n, PACKS);
    assert_int_equal(stats.chunk_n, 0);
    index_reader_free(r);
    assert_int_equal(index_rebuild_commit(rb, refuse, &asked), E_LATER);
    assert_true(asked);
    assert_int_equal(access(fresh, F_OK), -1);
    assert_int_equal(which(w), 1);
}

/* Who has the old one open goes on reading it, and is told when it writes. */
static void test_index_rebuild__tells_who_has_the_old_one(void **state)
{
    struct world *w = *state;
    struct index_update *u;
    struct index_reader *r;
    struct index *ix;

    make_old(w);
    ix = index_kit_open(&w->kit, INDEX_OPENED);
    index_kit_ok(index_update_begin(ix, 0, &u));
    assert_int_equal(rebuild(w, 8), E_BUSY);
    index_update_abort(u);
    index_kit_ok(index_reader_new(ix, &r));
    index_kit_ok(rebuild(w, 8));
    assert_int_equal(mark_of(r), 1);
    index_kit_ok(index_reader_renew(r));
    assert_int_equal(mark_of(r), 1);
    assert_int_equal(index_update_begin(ix, 0, &u), E_LATER);
    index_reader_free(r);
    index_close(ix);
    assert_int_equal(which(w), 8);
}

/* Each file operation fails once, or is the last one before SIGKILL. */
static void test_index_rebuild__is_all_or_nothing(void **state)
{
    struct world *w = *state;
    char plan[64];
    char fresh[128];
    uint64_t count;
    bool was_old = false;

    make_old(w);
    (void)snprintf(fresh, sizeof fresh, "%s.new", w->kit.path);
    index_kit_ok(fileop_fault_set("count"));
    index_kit_ok(rebuild(w, 2));
    count = fileop_fault_count();
    for (uint64_t n = 1; n <= count; n++) {
        int status;
        int rc;
        pid_t pid;

        index_kit_ok(fileop_fault_set(NULL));
        make_old(w);
        (void)snprintf(plan, sizeof plan, "fail:%llu:EIO",
                       (unsigned long long)n);
        index_kit_ok(fileop_fault_set(plan));
        rc = rebuild(w, 3);
        index_kit_ok(fileop_fault_set(NULL));
        /* one error after the swap: the new one is there all the same */
        assert_true(rc < 0 || which(w) == 3);
        was_old |= which(w) == 1;
        make_old(w);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            (void)snprintf(plan, sizeof plan, "kill:%llu",
                           (unsigned long long)n);
            if (fileop_fault_set(plan) == 0)
                err_ignore(rebuild(w, 4), "killed in it");
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_true(which(w) == 1 || which(w) == 4);
        /* and nothing is left, or stops the next one */
        assert_int_equal(access(fresh, F_OK), -1);
        if (n % 8 == 0) {
            index_kit_ok(rebuild(w, 5));
            assert_int_equal(which(w), 5);
        }
    }
    assert_true(was_old);
}

static void test_index_rebuild__every_allocation_may_fail(void **state)
{
    struct world *w = *state;
    uint64_t n = 0;
    int rc;

    make_old(w);
    do {
        mem_fail_after(++n, 0);
        rc = rebuild(w, 6);
        mem_fail_after(0, 0);
        if (rc < 0 && rc != E_NOMEM)
            index_kit_ok(rc);
        assert_int_equal(which(w), rc == 0 ? 6 : 1);
    } while (rc < 0);
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_rebuild__equals_updates),
        cmocka_unit_test(test_index_rebuild__abandoned_leaves_the_old),
        cmocka_unit_test(test_index_rebuild__waits_while_another_gets_on),
        cmocka_unit_test(test_index_rebuild__is_looked_at_and_given_up),
        cmocka_unit_test(test_index_rebuild__tells_who_has_the_old_one),
        cmocka_unit_test(test_index_rebuild__is_all_or_nothing),
        cmocka_unit_test(test_index_rebuild__every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
