/*
 * Backups into a store in memory that fails, loses replies, loses the writer
 * and loses power at each of its operations. What was committed is complete
 * whatever was undone, above all what another run relied on while it was
 * visible and not yet durable (I10). Every k-th operation; with --all each.
 */
#include <stdio.h>
#include <string.h>

#include "store/memory.h"
#include "tests/faults/fault_kit.h"

static struct fault_kit kit;
static struct store *store; /* with two snapshots; each child has its own */
static char old[2][2 * FAULT_KIT_PATH]; /* what they are of */
static char second_cache[FAULT_KIT_PATH];

/* The index must be closed before anybody forks. */
static int back_up_once(const char *cache, const char *source)
{
    struct repo *r;
    int rc = fault_kit_open_in(store, cache, &r);

    if (rc == 0)
        rc = fault_kit_back_up(&kit, r, source);
    repo_close(r);
    return rc;
}

static int setup(void **state)
{
    (void)state;
    fault_kit_make(&kit);
    (void)snprintf(second_cache, sizeof second_cache, "%s/run/second", kit.dir);
    assert_true(scratch_run("rm -r '%s/base/run/'*", kit.dir));
    fault_kit_reset(&kit);
    assert_int_equal(memory_open(&store), 0);
    assert_int_equal(fault_kit_init(store), 0);
    for (size_t i = 0; i < 2; i++) {
        fault_kit_expected(&kit, i, old[i]);
        assert_int_equal(back_up_once(kit.cache, old[i]), 0);
    }
    assert_true(scratch_run("cp -a '%s' '%s/base/run/'", kit.cache, kit.dir));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(store);
    fault_kit_remove(&kit);
    return 0;
}

struct mishap {
    struct memory_fault fault;
    bool cut; /* the power goes when the run has ended */
    uint64_t seed;
    /* at the n-th passage of `point` another run begins and ends before the
     * first goes on */
    uint64_t other;
    uint64_t passages;
    bool other_done;
    bool within;      /* the other run is at it */
    bool checkpoints; /* the run leaves some */
};

static int run_other(void *ctx, enum memory_point point, enum memory_op op,
                     const char *name)
{
    struct mishap *m = ctx;

    (void)op;
    (void)name;
    if (m->within || point != m->fault.point || ++m->passages != m->other)
        return 0;
    m->within = true;
    fault_kit_demand(back_up_once(second_cache, kit.source) == 0,
                     "the other run");
    m->within = false;
    m->other_done = true;
    /* and now the first is no more, and the power goes */
    memory_set_fault(store, (struct memory_fault){.point = MEMORY_BEFORE,
                                                  .n = 1,
                                                  .persistent = true,
                                                  .code = E_STORE});
    return err_set(E_STORE, "gone");
}

static void bring_back(struct repo *r, uint64_t n, const char *source)
{
    char target[FAULT_KIT_PATH];

    (void)snprintf(target, sizeof target, "%.*s/%lu", FAULT_KIT_PATH - 24,
                   kit.out, (unsigned long)n);
    fault_kit_demand(scratch_run("rm -rf '%s'", target), target);
    fault_kit_demand(fault_kit_bring_back(&kit, r, n, target) == 0, "restore");
    fault_kit_demand(kit.report->damaged + kit.report->failed == 0,
                     kit.report->problem);
    fault_kit_demand(
        scratch_run(TREECMP " '%s' '%s%s'", source, target, source), "treecmp");
}

/* All that exist restore; the next run adds one that does. Returns how many
 * there were before. */
static uint64_t audit(const char *cache)
{
    struct repo *r;
    uint64_t checkpoints = 0;
    uint64_t n = 0;

    fault_kit_demand(fault_kit_open_in(store, cache, &r) == 0, "open");
    fault_kit_demand(fault_kit_count(r, &n, &checkpoints) == 0, "count");
    kit.report->checkpoints += checkpoints;
    /* what they reach is there */
    if (checkpoints > 0)
        fault_kit_demand(fault_kit_check(&kit, r) == 0, kit.report->problem);
    fault_kit_demand(n >= 2 && n <= 5, "snapshots");
    for (uint64_t i = 0; i < n; i++)
        bring_back(r, i, i < 2 ? old[i] : kit.source);
    fault_kit_demand(fault_kit_back_up(&kit, r, kit.source) == 0,
                     "the next run");
    bring_back(r, n, kit.source);
    fault_kit_demand(fault_kit_superseded(r) == 0, "superseded");
    fault_kit_demand(fault_kit_check(&kit, r) == 0, kit.report->problem);
    repo_close(r);
    return n;
}

static void run_mishap(struct fault_kit *k, void *ctx)
{
    struct mishap *m = ctx;
    char fresh[FAULT_KIT_PATH];
    int rc;

    (void)snprintf(fresh, sizeof fresh, "%s/run/fresh", k->dir);
    memory_set_hook(store, m->other ? run_other : NULL, m);
    memory_set_fault(store, m->fault);
    k->checkpoints = m->checkpoints;
    rc = back_up_once(k->cache, k->source);
    k->checkpoints = false;
    k->report->count = memory_passages(store);
    k->report->fired =
        m->other ? m->other_done : k->report->count >= m->fault.n;
    fault_kit_demand(rc == 0 || rc == m->fault.code, "run");
    fault_kit_demand(k->report->problems == 0, "problems");
    memory_set_hook(store, NULL, NULL);
    memory_set_fault(store, (struct memory_fault){.n = 0});
    if (m->cut)
        memory_power_cut(store, m->seed);
    k->report->snapshots = audit(k->cache);
    fault_kit_demand(rc < 0 || k->report->snapshots >= 3, "a snapshot is lost");
    fault_kit_demand(!m->other_done || k->report->snapshots >= 3,
                     "the other's snapshot is lost");
    fault_kit_demand(audit(fresh) == k->report->snapshots + 1,
                     "a fresh cache differs");
    k->report->rc = rc;
    store_close(store);
}

struct tally {
    unsigned runs;
    unsigned failed;
    unsigned committed; /* of those */
};

/* Returns whether there was a passage to hit. */
static bool one(struct mishap m, struct tally *t)
{
    (void)snprintf(kit.plan, sizeof kit.plan,
                   "point %d passage %lu%s code %d cut %d seed %lu other %lu",
                   (int)m.fault.point, (unsigned long)m.fault.n,
                   m.fault.persistent ? " and later" : "", m.fault.code, m.cut,
                   (unsigned long)m.seed, (unsigned long)m.other);
    fault_kit_reset(&kit);
    assert_false(fault_kit_child(&kit, "", run_mishap, &m));
    t->runs += kit.report->fired > 0;
    t->failed += kit.report->rc < 0;
    t->committed += kit.report->rc < 0 && kit.report->snapshots > 2;
    return kit.report->fired > 0;
}

static const char *const points[] = {"before", "visible", "after"};

static void test_memory_fault__each_operation_fails(void **state)
{
    static const int codes[] = {E_STORE, E_NOSPACE};

    (void)state;
    for (int p = MEMORY_BEFORE; p <= MEMORY_AFTER; p++) {
        for (size_t c = 0; c < 2; c++) {
            struct mishap m = {.fault = {.point = (enum memory_point)p,
                                         .n = 1 + c,
                                         .code = codes[c]}};
            struct tally t = {0};

            for (; one(m, &t); m.fault.n += fault_kit_step(7))
                assert_true(m.fault.n < 10000);
            print_message("%s, %s: %u of about %lu, %u failed (%u "
                          "committed)\n",
                          points[p], c ? "full" : "lost", t.runs,
                          (unsigned long)m.fault.n, t.failed, t.committed);
            assert_true(t.runs > 0);
        }
    }
}

/* The process dies at an operation, and then the power goes: what is visible
 * and not durable is undone, or not, in any combination. */
static void test_memory_fault__power_cut(void **state)
{
    (void)state;
    for (int p = MEMORY_BEFORE; p <= MEMORY_AFTER; p++) {
        struct mishap m = {.fault = {.point = (enum memory_point)p,
                                     .n = 1,
                                     .persistent = true,
                                     .code = E_STORE},
                           .cut = true};
        struct tally t = {0};
        bool more = true;

        for (; more; m.fault.n += fault_kit_step(5)) {
            m.seed = m.fault.n % 3 ? m.fault.n * 7919 : 0;
            more = one(m, &t);
            assert_true(m.fault.n < 10000);
        }
        print_message("power cut %s: %u of about %lu, %u failed (%u "
                      "committed)\n",
                      points[p], t.runs, (unsigned long)m.fault.n, t.failed,
                      t.committed);
        assert_true(t.failed > 0);
    }
}

/* The same of a run that leaves checkpoints: those that were committed reach
 * what is there, and the next run makes up for all. */
static void test_memory_fault__power_cut_between_checkpoints(void **state)
{
    (void)state;
    for (int p = MEMORY_BEFORE; p <= MEMORY_AFTER; p++) {
        struct mishap m = {.fault = {.point = (enum memory_point)p,
                                     .n = 1,
                                     .persistent = true,
                                     .code = E_STORE},
                           .cut = true,
                           .checkpoints = true};
        uint64_t step = fault_kit_step(p == MEMORY_VISIBLE ? 13 : 67);
        struct tally t = {0};
        unsigned left = 0;
        bool more = true;

        for (; more; m.fault.n += step) {
            m.seed = m.fault.n % 3 ? m.fault.n * 7919 : 0;
            more = one(m, &t);
            left += kit.report->checkpoints > 0;
            assert_true(m.fault.n < 10000);
        }
        print_message("power cut %s, with checkpoints: %u of about %lu, %u "
                      "failed, %u left some\n",
                      points[p], t.runs, (unsigned long)m.fault.n, t.failed,
                      left);
        assert_true(t.failed > 0 && left > 0);
    }
}

/* Another run sees what is visible, relies on it, commits; then the power goes
 * for what was not durable. */
static void test_memory_fault__visible_is_not_durable(void **state)
{
    static const enum memory_point at[] = {MEMORY_VISIBLE, MEMORY_BEFORE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct mishap m = {.fault = {.point = at[i], .code = E_STORE},
                           .cut = true,
                           .other = 1};
        struct tally t = {0};

        for (; one(m, &t); m.other += fault_kit_step(i ? 13 : 2)) {
            m.seed = m.other % 2 ? 0 : m.other * 104729;
            assert_true(m.other < 10000);
        }
        print_message("another run %s: %u of about %lu\n", points[at[i]],
                      t.runs, (unsigned long)m.other);
        assert_true(t.runs > 3);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_fault__each_operation_fails),
        cmocka_unit_test(test_memory_fault__power_cut),
        cmocka_unit_test(test_memory_fault__power_cut_between_checkpoints),
        cmocka_unit_test(test_memory_fault__visible_is_not_durable),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
