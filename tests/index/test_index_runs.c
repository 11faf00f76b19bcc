/* The external sort: the same as sorting in memory, at any size of run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/fileop_fault.h"
#include "base/mem.h"
#include "index/index_runs.h"
#include "index/index_sort.h"
#include "tests/index/index_kit.h"
#include "tests/support/prng.h"

enum { CHUNKS = 3000 };

struct world {
    struct index_kit kit;
    struct index_chunk in[CHUNKS];
    struct index_sort_ref want[CHUNKS];
};

static struct world the_world;

/* Few ids, so that many are equal; ids that differ in the last byte only. */
static int setup(void **state)
{
    struct world *w = &the_world;
    struct prng prng;

    prng_init(&prng, 1);
    index_kit_begin(&w->kit);
    for (size_t i = 0; i < CHUNKS; i++) {
        w->in[i] = index_kit_chunk(prng_below(&prng, 900),
                                   (uint32_t)prng_below(&prng, 5),
                                   (uint32_t)prng_below(&prng, 4));
        w->in[i].id.b[31] = (uint8_t)prng_below(&prng, 2);
        w->want[i] = index_sort_ref(&w->in[i]);
    }
    index_sort(w->want, CHUNKS);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    index_kit_end(&w->kit);
    return 0;
}

static bool same(const struct index_chunk *a, const struct index_chunk *b)
{
    return chunk_id_equal(&a->id, &b->id) &&
           index_sort_loc_cmp(&a->loc, &b->loc) == 0 &&
           a->loc.bytes == b->loc.bytes && a->loc.key_slot == b->loc.key_slot &&
           a->loc.frame_raw == b->loc.frame_raw &&
           a->loc.frame_stored == b->loc.frame_stored;
}

/* n chunks through runs of a size; *got of them came out as they should. */
static int sort_all(struct world *w, size_t n, size_t run, size_t *got)
{
    struct index_runs *r;
    struct index_chunk c;
    bool more = true;
    int rc = index_runs_new(w->kit.dir, run, &r);

    *got = 0;
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = index_runs_add(r, &w->in[i]);
    if (rc == 0)
        rc = index_runs_merge(r);
    while (rc == 0 && more) {
        rc = index_runs_next(r, &c, &more);
        if (rc == 0 && more && n == CHUNKS)
            assert_true(same(&c, w->want[*got].chunk));
        *got += rc == 0 && more;
    }
    index_runs_free(r);
    return rc;
}

static void test_index_runs__sort_as_memory_does(void **state)
{
    static const size_t run[] = {1, 7, 100, 999, 1000, 2999, 3000, 3001, 9000};
    struct world *w = *state;
    size_t got;

    for (size_t i = 0; i < sizeof run / sizeof run[0]; i++) {
        index_kit_ok(sort_all(w, CHUNKS, run[i], &got));
        assert_int_equal(got, CHUNKS);
    }
    index_kit_ok(sort_all(w, 0, 10, &got));
    assert_int_equal(got, 0);
    index_kit_ok(sort_all(w, 1, 10, &got));
    assert_int_equal(got, 1);
}

static void test_index_runs__every_operation_may_fail(void **state)
{
    struct world *w = *state;
    char plan[64];
    size_t got;
    uint64_t count;

    index_kit_ok(fileop_fault_set("count"));
    index_kit_ok(sort_all(w, CHUNKS, 500, &got));
    count = fileop_fault_count();
    assert_true(count > 12);
    for (uint64_t n = 1; n < count; n++) { /* the last one closes */
        (void)snprintf(plan, sizeof plan, "fail:%llu:ENOSPC",
                       (unsigned long long)n);
        index_kit_ok(fileop_fault_set(plan));
        assert_int_equal(sort_all(w, CHUNKS, 500, &got), E_NOSPACE);
    }
    for (uint64_t n = 1; n < count; n++) {
        (void)snprintf(plan, sizeof plan, "short:%llu", (unsigned long long)n);
        index_kit_ok(fileop_fault_set(plan));
        index_kit_ok(sort_all(w, CHUNKS, 500, &got));
        assert_int_equal(got, CHUNKS);
    }
    index_kit_ok(fileop_fault_set(NULL));
}

static void test_index_runs__every_allocation_may_fail(void **state)
{
    struct world *w = *state;
    size_t got;
    uint64_t n = 0;
    int rc;

    do {
        mem_fail_after(++n, 0);
        rc = sort_all(w, CHUNKS, 500, &got);
        mem_fail_after(0, 0);
        if (rc < 0 && rc != E_NOMEM)
            index_kit_ok(rc);
    } while (rc < 0);
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_runs__sort_as_memory_does),
        cmocka_unit_test(test_index_runs__every_operation_may_fail),
        cmocka_unit_test(test_index_runs__every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
