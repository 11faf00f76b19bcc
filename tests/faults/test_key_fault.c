/*
 * Each change of keys (key_rig.h), failed and killed at each file operation.
 * Afterwards every key that worked works, or the one that takes its place; none
 * that was reported as removed writes; a check is clean; and doing it again
 * succeeds. Every k-th operation; with --all each.
 */
#include <stdio.h>
#include <string.h>

#include "tests/faults/key_rig.h"

static struct fault_kit kit;
static uint64_t snapshots;

/* --- children --- */

static void run_change(struct fault_kit *k, void *ctx)
{
    k->report->rc = key_rig_run(ctx, NULL, NULL);
}

static void run_again(struct fault_kit *k, void *ctx)
{
    k->report->rc = key_rig_again(ctx);
}

struct look {
    const struct key_rig_change *c;
    bool reported;
    bool again;
};

static void run_look(struct fault_kit *k, void *ctx)
{
    const struct look *l = ctx;

    k->report->rc = key_rig_look(l->c, l->reported, l->again, snapshots);
}

static void run_prepare(struct fault_kit *k, void *ctx)
{
    (void)ctx;
    k->report->rc = key_rig_prepare(&k->report->snapshots);
}

static int setup(void **state)
{
    (void)state;
    fault_kit_make_small(&kit);
    key_rig_use(&kit, NULL);
    fault_kit_must(&kit, run_prepare, NULL, "prepare");
    snapshots = kit.report->snapshots;
    assert_true(snapshots > 0);
    assert_true(scratch_run("cp -a '%s/keys' '%s/slots'", kit.repo, kit.dir));
    fault_kit_keep(&kit);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fault_kit_remove(&kit);
    return 0;
}

/* --- the loops --- */

struct tally {
    unsigned runs;
    unsigned failed;
    unsigned killed;
};

/* One change with the n-th operation hit. Returns whether there was an n-th. */
static bool one(const struct key_rig_change *c, const char *action,
                const char *select, uint64_t n, struct tally *t)
{
    struct key_rig_change copy = *c;
    struct look look = {.c = c};
    char plan[96];
    bool killed;
    bool hit;

    (void)snprintf(plan, sizeof plan, "%s:%lu%s", action, (unsigned long)n,
                   select);
    fault_kit_reset(&kit);
    killed = fault_kit_child(&kit, plan, run_change, &copy);
    look.reported = !killed && kit.report->rc == 0;
    hit = killed || kit.report->fired > 0;
    t->runs += hit;
    t->killed += killed;
    t->failed += !killed && !look.reported;
    if (!hit)
        assert_true(look.reported);
    fault_kit_must(&kit, run_look, &look, c->name);
    fault_kit_must(&kit, run_again, &copy, "it cannot be done again");
    look.again = true;
    fault_kit_must(&kit, run_look, &look, c->name);
    return hit;
}

static void each(const char *name)
{
    static const struct {
        const char *action;
        const char *select;
        uint64_t step;
    } row[] = {
        {"fail", ":EIO,domain=repo", 101},
        {"fail-from", ":EIO,domain=repo", 131},
        {"fail-from", ":ENOSPC,domain=repo,class=open+write+name", 47},
        {"lose", ":EIO,domain=repo,class=name+sync", 11},
        {"kill", ",domain=repo", 97},
        {"kill-after", ",domain=repo,class=name+sync", 7},
        {"fail-from", ":EIO,domain=cache", 59},
        {"kill", ",domain=cache", 61},
    };
    const struct key_rig_change *c = key_rig_find(name);

    assert_non_null(c);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        uint64_t step = fault_kit_stride(c->coarse * row[i].step);
        struct tally t = {0};
        uint64_t n = 1 + strlen(name) % step;

        /* what is much as another change does: one row or a few will do */
        if (fault_kit_step(2) > 1 && i % c->coarse != strlen(name) % c->coarse)
            continue;
        for (; one(c, row[i].action, row[i].select, n, &t); n += step)
            assert_true(n < 10000);
        print_message("%s: %s%s: %u of about %lu, %u failed, %u killed\n",
                      c->name, row[i].action, row[i].select, t.runs,
                      (unsigned long)n, t.failed, t.killed);
        assert_true(t.runs > 0 || c->coarse > 1);
        if (t.runs > 3 && strstr(row[i].select, "repo"))
            assert_true(t.failed + t.killed > 0);
    }
}

static void test_key_fault__add(void **state)
{
    (void)state;
    each("add write");
    each("add full");
    each("add read");
    each("add maintain");
    each("add phrase");
}

static void test_key_fault__passwd(void **state)
{
    (void)state;
    each("passwd");
    each("passwd phrase");
}

static void test_key_fault__remove(void **state)
{
    (void)state;
    each("remove");
    each("remove forced");
    each("leave");
}

static void test_key_fault__rotate(void **state)
{
    (void)state;
    each("rotate");
}

static void test_key_fault__trust(void **state)
{
    (void)state;
    each("trust");
}

static void test_key_fault__vouch(void **state)
{
    (void)state;
    each("vouch");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_fault__add),
        cmocka_unit_test(test_key_fault__passwd),
        cmocka_unit_test(test_key_fault__remove),
        cmocka_unit_test(test_key_fault__rotate),
        cmocka_unit_test(test_key_fault__trust),
        cmocka_unit_test(test_key_fault__vouch),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
