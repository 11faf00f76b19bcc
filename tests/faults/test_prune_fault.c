/*
 * A collection that ends a dead run, writes packs anew, condemns, dooms and
 * deletes, with its n-th operation failed, cut off from its reply or killed, in
 * the repository and in the cache: nothing that a snapshot needs is lost, for
 * the cache in use and for a new one; the same again succeeds without a human,
 * and leaves no more than an undisturbed one does. Every k-th operation; with
 * --all each.
 */
#include <stdio.h>
#include <string.h>

#include "repo/collect.h"
#include "repo/forget.h"
#include "tests/faults/fault_kit.h"

enum { SLACK = 192 << 10 /* bytes of padding: packs end elsewhere */ };

static struct fault_kit kit;
static uint64_t undisturbed; /* bytes of packs that it leaves */
static uint64_t disturbed;   /* bytes of packs before it */

/* --- children --- */

static int count_bytes(void *ctx, const char *name, uint64_t size)
{
    uint64_t *bytes = ctx;

    (void)name;
    *bytes += size;
    return 0;
}

static void run_prune(struct fault_kit *k, void *ctx)
{
    struct collect_options o = {
        .repack = {.unused_bytes = UINT64_MAX, .rewritten_bytes = UINT64_MAX}};
    struct collect_done done = {.fenced = 0};
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, NULL, &s, &r);

    (void)ctx;
    if (rc == 0)
        rc = collect_run(r, &o, &done);
    k->report->new_bytes = done.repacked.written;
    k->report->lost = done.deleted.n;
    k->report->kept = done.fenced;
    k->report->failed = done.waiting;
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

/* The first of the tree's, and all but the last of the other series. */
static void run_forget(struct fault_kit *k, void *ctx)
{
    struct retention_policy policy = {
        .rule[RETENTION_LAST] = {.reach = RETENTION_COUNT, .count = 1}};
    struct forget_ask ask = {
        .policy = &policy, .group_by = FORGET_BY_SERIES, .now.s = INT32_MAX};
    struct forget_plan p = {.n = 0};
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, NULL, &s, &r);

    (void)ctx;
    if (rc == 0)
        rc = forget_run(r, &ask, &p);
    forget_plan_release(&p);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

/* ctx: a cache, or NULL for the one in use. All that is left reads right. */
static void run_look(struct fault_kit *k, void *ctx)
{
    struct store *s;
    struct repo *r;
    uint64_t bytes = 0;
    int rc = fault_kit_open(k, ctx, &s, &r);

    if (rc == 0)
        rc = fault_kit_count(r, &k->report->snapshots, NULL);
    if (rc == 0)
        rc = fault_kit_check(k, r);
    if (rc == 0)
        rc = store_list(s, "packs", count_bytes, &bytes);
    k->report->count = bytes;
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

static uint64_t look(bool fresh)
{
    char cache[FAULT_KIT_PATH + 8];

    (void)snprintf(cache, sizeof cache, "%s-fresh", kit.cache);
    fault_kit_must(&kit, run_look, fresh ? cache : NULL, "looking");
    if (fresh)
        assert_true(scratch_run("rm -rf '%s'", cache));
    if (kit.report->snapshots != 1)
        fault_kit_wrong(&kit, "the snapshots are others");
    return kit.report->count;
}

/* --- setting up --- */

/* Returns whether the prune had something to write anew: which chunks share a
 * pack is up to the threads. */
static bool setup_one(void)
{
    fault_kit_make(&kit);
    fault_kit_interrupt(&kit); /* a dead run, and what it left */
    fault_kit_must(&kit, run_forget, NULL, "forgetting");
    fault_kit_keep(&kit);
    disturbed = look(false);
    fault_kit_must(&kit, run_prune, NULL, "pruning");
    return kit.report->new_bytes > 0;
}

static int setup(void **state)
{
    (void)state;
    for (unsigned tries = 1; !setup_one(); tries++) {
        assert_in_range(tries, 1, 20);
        fault_kit_remove(&kit);
        kit = (struct fault_kit){.report = NULL};
    }
    assert_true(kit.report->lost > 0);
    assert_int_equal(kit.report->kept, 1);
    assert_int_equal(kit.report->failed, 0);
    undisturbed = look(false);
    assert_true(undisturbed < disturbed);
    assert_int_equal(look(true), undisturbed);
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

/* One prune with the n-th operation hit. Returns whether there was an n-th. */
static bool one(const char *action, const char *select, uint64_t n,
                struct tally *t)
{
    char plan[96];
    bool killed, failed, hit;

    (void)snprintf(plan, sizeof plan, "%s:%lu%s", action, (unsigned long)n,
                   select);
    fault_kit_reset(&kit);
    killed = fault_kit_child(&kit, plan, run_prune, NULL);
    failed = !killed && kit.report->rc < 0;
    hit = killed || kit.report->fired > 0;
    t->runs += hit;
    t->killed += killed;
    t->failed += failed;
    (void)look(true);
    (void)look(false);
    fault_kit_must(&kit, run_prune, NULL, "it cannot be done again");
    /* what the first one wrote, and did not come to list, goes by the next */
    fault_kit_must(&kit, run_prune, NULL, "it cannot be done once more");
    if (look(true) > undisturbed + SLACK)
        fault_kit_wrong(&kit, "more is left than need be");
    return hit;
}

static void each(const char *action, const char *select, uint64_t usual)
{
    uint64_t step = fault_kit_step(usual);
    struct tally t = {0};
    uint64_t n = 1;

    for (; one(action, select, n, &t); n += step)
        assert_true(n < 20000);
    print_message("%s%s: %u of about %lu, %u failed, %u killed\n", action,
                  select, t.runs, (unsigned long)n, t.failed, t.killed);
    assert_true(t.runs > 0 && t.failed + t.killed > 0);
}

static void test_prune_fault__fail(void **state)
{
    (void)state;
    each("fail", ":EIO,domain=repo", 197);
    each("fail-from", ":EIO,domain=repo", 263);
}

static void test_prune_fault__full(void **state)
{
    (void)state;
    each("fail-from", ":ENOSPC,domain=repo,class=open+write+name", 83);
}

static void test_prune_fault__lose(void **state)
{
    (void)state;
    each("lose", ":EIO,domain=repo,class=name+sync", 19);
}

static void test_prune_fault__kill(void **state)
{
    (void)state;
    each("kill", ",domain=repo", 181);
    each("kill-after", ",domain=repo,class=name+sync", 17);
}

static void test_prune_fault__cache(void **state)
{
    (void)state;
    each("fail-from", ":EIO,domain=cache", 23);
    each("kill", ",domain=cache", 29);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prune_fault__fail),
        cmocka_unit_test(test_prune_fault__full),
        cmocka_unit_test(test_prune_fault__lose),
        cmocka_unit_test(test_prune_fault__kill),
        cmocka_unit_test(test_prune_fault__cache),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
