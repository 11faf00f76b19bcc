/*
 * Each change of keys (key_rig.h) on a store in memory that fails, loses
 * replies, loses the process and loses power at each of its operations; while
 * others put records into the log; and short of memory at each allocation.
 * Every k-th operation; with --all each.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/memory.h"
#include "tests/faults/key_rig.h"

static struct fault_kit kit;
static struct store *store; /* each child has its own */
static uint64_t snapshots;

static int setup(void **state)
{
    (void)state;
    fault_kit_make_small(&kit);
    assert_int_equal(memory_open(&store), 0);
    assert_int_equal(fault_kit_init(store), 0);
    key_rig_use(&kit, store);
    assert_int_equal(key_rig_prepare(&snapshots), 0);
    assert_true(snapshots > 0);
    fault_kit_keep(&kit);
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
    const struct key_rig_change *c;
    struct memory_fault fault;
    bool cut; /* the power goes when the change has ended */
    uint64_t seed;
    uint64_t other; /* at this passage of fault.point another puts a record */
    bool rotates;   /* that is an epoch */
    uint64_t passages;
    bool within; /* the other is at it */
    uint64_t starve;
    bool starve_all;
    uint64_t allocations; /* before it begins */
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
    fault_kit_demand(key_rig_other(m->c, m->rotates) == 0, "the other");
    m->within = false;
    return 0;
}

/* Opening is failed elsewhere, for all commands. */
static void begin(void *ctx)
{
    struct mishap *m = ctx;

    memory_set_hook(store, m->other ? run_other : NULL, m);
    memory_set_fault(store, m->fault);
    m->allocations = mem_count();
    mem_fail_after(m->starve, m->starve_all);
}

static void run_mishap(struct fault_kit *k, void *ctx)
{
    struct mishap *m = ctx;
    int rc = key_rig_run(m->c, begin, m);

    mem_fail_after(0, 0);
    k->report->count =
        m->starve ? mem_count() - m->allocations : memory_passages(store);
    k->report->fired = m->starve  ? k->report->count >= m->starve
                       : m->other ? m->passages >= m->other
                                  : k->report->count >= m->fault.n;
    if (m->starve)
        fault_kit_demand(rc == 0 || rc == E_NOMEM,
                         "more than memory is missing");
    else if (m->other)
        /* of two that rotate by the same slot one finds it replaced; here each
         * has its own */
        fault_kit_demand(rc == 0, "others were in the way");
    else
        fault_kit_demand(rc == 0 || rc == m->fault.code || rc == E_STORE,
                         "run");
    if (!k->report->fired)
        fault_kit_demand(rc == 0, "without a failure");
    memory_set_hook(store, NULL, NULL);
    memory_set_fault(store, (struct memory_fault){.n = 0});
    if (m->cut)
        memory_power_cut(store, m->seed);
    k->report->failed = rc < 0;
    fault_kit_demand(key_rig_look(m->c, rc == 0, false, snapshots) == 0,
                     "afterwards");
    fault_kit_demand(key_rig_again(m->c) == 0, "again");
    fault_kit_demand(key_rig_look(m->c, rc == 0, true, snapshots) == 0,
                     "at last");
    k->report->rc = 0;
    store_close(store);
}

struct tally {
    unsigned runs;
    unsigned failed;
};

static bool one(struct mishap m, struct tally *t)
{
    (void)snprintf(kit.plan, sizeof kit.plan,
                   "%s: point %d passage %lu%s cut %d seed %lu other %lu, "
                   "memory %lu",
                   m.c->name, (int)m.fault.point, (unsigned long)m.fault.n,
                   m.fault.persistent ? " and later" : "", m.cut,
                   (unsigned long)m.seed, (unsigned long)m.other,
                   (unsigned long)m.starve);
    fault_kit_reset(&kit);
    assert_false(fault_kit_child(&kit, "", run_mishap, &m));
    t->runs += kit.report->fired > 0;
    t->failed += kit.report->failed > 0;
    return kit.report->fired > 0;
}

static uint64_t step_of(const struct key_rig_change *c, uint64_t usual)
{
    return fault_kit_stride(c->coarse * usual);
}

/* Of two ways to fail what is much as another change does, one will do. */
static bool skips(const struct key_rig_change *c, size_t i)
{
    return fault_kit_step(2) > 1 && c->coarse > 1 && i % 2 == 1;
}

static void tell(const struct key_rig_change *c, const char *what,
                 const struct tally *t, uint64_t n)
{
    print_message("%s, %s: %u of about %lu, %u failed\n", c->name, what,
                  t->runs, (unsigned long)n, t->failed);
}

static const char *const points[] = {"before", "visible", "after"};

enum { LEAST = 20 /* runs of all changes, whatever the step */ };

static void test_key_store_fault__each_operation_fails(void **state)
{
    static const int codes[] = {E_STORE, E_NOSPACE};

    unsigned runs = 0;

    (void)state;
    for (size_t i = 0; i < 2 * key_rig_n; i++) {
        const struct key_rig_change *c = &key_rig_changes[i / 2];
        struct mishap m = {.c = c, .fault = {.code = codes[i % 2]}};

        if (skips(c, i))
            continue;
        for (int p = MEMORY_BEFORE; p <= MEMORY_AFTER; p++) {
            uint64_t step =
                step_of(c, p == MEMORY_VISIBLE ? 1 : 23 + 6 * (i % 2));
            struct tally t = {0};

            m.fault.point = (enum memory_point)p;
            for (m.fault.n = 1 + i % step; one(m, &t); m.fault.n += step)
                assert_true(m.fault.n < 10000);
            tell(c, points[p], &t, m.fault.n);
            runs += t.runs;
        }
    }
    assert_true(runs >= LEAST);
}

/* The process dies at an operation, and then the power goes: what is visible
 * and not durable is undone, or not, in any combination. */
static void test_key_store_fault__power_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < key_rig_n; i++) {
        const struct key_rig_change *c = &key_rig_changes[i];
        struct mishap m = {.c = c,
                           .fault = {.persistent = true, .code = E_STORE},
                           .cut = true};

        for (int p = MEMORY_BEFORE; p <= MEMORY_AFTER; p++) {
            uint64_t step = step_of(c, p == MEMORY_VISIBLE ? 1 : 17);
            struct tally t = {0};
            bool more = true;

            m.fault.point = (enum memory_point)p;
            for (m.fault.n = 1 + i % step; more; m.fault.n += step) {
                m.seed = m.fault.n % 3 ? m.fault.n * 7919 : 0;
                more = one(m, &t);
                assert_true(m.fault.n < 10000);
            }
            tell(c, points[p], &t, m.fault.n);
        }
    }
}

/* Somebody else puts a log record before an operation: the number is taken, and
 * what was computed is computed again, with the keys of a new epoch. */
static void test_key_store_fault__others_are_faster(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * key_rig_n; i++) {
        const struct key_rig_change *c = &key_rig_changes[i / 2];
        struct mishap m = {.c = c, .rotates = i % 2};
        uint64_t step = step_of(c, m.rotates ? 19 : 23);
        struct tally t = {0};

        if (skips(c, i))
            continue;
        for (m.other = 1 + i % step; one(m, &t); m.other += step)
            assert_true(m.other < 10000);
        tell(c, m.rotates ? "another epoch" : "another record", &t, m.other);
        assert_int_equal(t.failed, 0);
    }
}

static void test_key_store_fault__memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * key_rig_n; i++) {
        const struct key_rig_change *c = &key_rig_changes[i / 2];
        struct mishap m = {.c = c, .starve_all = i % 2};
        uint64_t step = step_of(c, m.starve_all ? 97 : 89);
        struct tally t = {0};

        if (skips(c, i))
            continue;
        for (m.starve = 1 + 7 * i % 23 % step; one(m, &t); m.starve += step)
            assert_true(m.starve < 100000);
        tell(c, m.starve_all ? "all later allocations" : "one allocation", &t,
             m.starve);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_store_fault__each_operation_fails),
        cmocka_unit_test(test_key_store_fault__power_cut),
        cmocka_unit_test(test_key_store_fault__others_are_faster),
        cmocka_unit_test(test_key_store_fault__memory),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
