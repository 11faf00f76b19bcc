/*
 * Backups and restores that run out of memory at each allocation: they say so
 * and nothing else, leak nothing (under ASan), blame no file, and the next run
 * works. Every k-th allocation; with --all each.
 */
#include <stdio.h>

#include "base/mem.h"
#include "tests/faults/fault_kit.h"

static struct fault_kit kit;
static char target[FAULT_KIT_PATH];

static int setup(void **state)
{
    (void)state;
    fault_kit_make(&kit);
    (void)snprintf(target, sizeof target, "%s/run/target", kit.dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fault_kit_remove(&kit);
    return 0;
}

struct shortage {
    fault_kit_run *run;
    void *ctx;
    uint64_t n;
    bool persistent;
};

static void run_short(struct fault_kit *k, void *ctx)
{
    const struct shortage *s = ctx;
    uint64_t before = mem_count();

    mem_fail_after(s->n, s->persistent);
    s->run(k, s->ctx);
    mem_fail_after(0, 0);
    k->report->count = mem_count() - before;
}

/* Returns whether there was an n-th allocation. */
static bool starve(struct shortage *s)
{
    const struct fault_report *r = kit.report;

    fault_kit_reset(&kit);
    (void)snprintf(kit.plan, sizeof kit.plan, "allocation %lu%s",
                   (unsigned long)s->n, s->persistent ? " and later" : "");
    assert_false(fault_kit_child(&kit, "", run_short, s));
    if ((r->rc != 0 && r->rc != E_NOMEM) || r->problems || r->failed ||
        r->damaged || r->lost)
        fault_kit_wrong(&kit, "more than memory is missing");
    return r->count >= s->n;
}

/* The last way: with a checkpoint every few entries. */
static void test_alloc_fault__snapshot(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        bool persistent = way == 1;
        struct shortage s = {fault_kit_snapshot, NULL, 1, persistent};
        uint64_t step = fault_kit_step(way == 2 ? 151 : persistent ? 97 : 61);
        unsigned runs = 0;
        unsigned failed = 0;

        kit.checkpoints = way == 2;

        for (; starve(&s); s.n += step) {
            int rc = kit.report->rc;
            uint64_t n = fault_kit_audit(&kit, true);

            runs++;
            failed += rc < 0;
            if (rc == 0)
                assert_int_equal(n, 3);
            else
                assert_int_equal(n, 2);
        }
        kit.checkpoints = false;
        print_message("%s: %u of about %lu allocations, %u runs failed\n",
                      persistent ? "all later ones" : "one", runs,
                      (unsigned long)s.n, failed);
        /* a checkpoint that cannot be left does not end the run */
        assert_true(failed > runs / (way == 2 ? 4 : 2));
    }
}

static void test_alloc_fault__restore(void **state)
{
    char back[2 * FAULT_KIT_PATH];
    char want[2 * FAULT_KIT_PATH];

    (void)state;
    fault_kit_back(&kit, target, back);
    fault_kit_expected(&kit, 1, want);
    for (int persistent = 0; persistent < 2; persistent++) {
        struct shortage s = {fault_kit_restore, target, 1, persistent != 0};
        uint64_t step = fault_kit_step(persistent ? 83 : 41);
        unsigned runs = 0;
        unsigned failed = 0;

        for (; starve(&s); s.n += step) {
            runs++;
            failed += kit.report->rc < 0;
            assert_false(fault_kit_child(&kit, "", fault_kit_restore, target));
            assert_int_equal(kit.report->rc, 0);
            fault_kit_same(want, back, "");
        }
        print_message("%s: %u of about %lu allocations, %u runs failed\n",
                      persistent ? "all later ones" : "one", runs,
                      (unsigned long)s.n, failed);
        assert_true(failed > runs / 2);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_fault__snapshot),
        cmocka_unit_test(test_alloc_fault__restore),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
