/*
 * What a full key vouches for after it has read everything, where that takes
 * several log records: on a store that fails, dies and loses power at each
 * operation, that cannot be written to, and while another full key says the
 * same. Every k-th operation; with --all each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repo/check_report.h"
#include "repo/check_vouch.h"
#include "store/memory.h"
#include "tests/faults/key_rig.h"

enum {
    IN_RECORD = 65536, /* vouches that one record holds */
    PACKS = IN_RECORD + 7
};

static struct fault_kit kit;
static struct store *store; /* each child has its own */
static struct check_pack *packs;
static uint64_t snapshots;

static int setup(void **state)
{
    (void)state;
    fault_kit_make_small(&kit);
    assert_int_equal(memory_open(&store), 0);
    assert_int_equal(fault_kit_init(store), 0);
    key_rig_use(&kit, store);
    assert_int_equal(key_rig_prepare(&snapshots), 0);
    fault_kit_keep(&kit);
    packs = calloc(PACKS, sizeof *packs);
    assert_non_null(packs);
    for (uint32_t i = 0; i < PACKS; i++) {
        packs[i] = (struct check_pack){
            .read = true, .state = CHECK_PACK_SOUND, .writer = {{1}}};
        memcpy(packs[i].id.b, &i, sizeof i);
        memcpy(packs[i].dir.b, &i, sizeof i);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(packs);
    store_close(store);
    fault_kit_remove(&kit);
    return 0;
}

static int ignore(void *ctx, const struct check_finding *f)
{
    (void)ctx;
    (void)f;
    return 0;
}

/* The founder's key has read the packs, with that cache. */
static struct check_summary vouch(const char *cache, const char *what)
{
    struct check_summary sum = {.vouched = 0};
    struct check_report report;
    struct check_view v = {
        .report = &report, .pack = packs, .pack_n = PACKS, .pack_cap = PACKS};
    struct repo *r;

    fault_kit_demand(fault_kit_open_in(store, cache, &r) == 0, what);
    check_report_init(&report, ignore, NULL, &sum);
    fault_kit_demand(check_vouch_run(&v, r) == 0, what);
    check_report_release(&report);
    repo_close(r);
    return sum;
}

/* How many are vouched for, as a fresh cache sees it. */
static uint64_t vouched(void)
{
    char cache[FAULT_KIT_PATH + 8];
    struct repo *r;
    uint64_t n = 0;

    (void)snprintf(cache, sizeof cache, "%s-look", kit.cache);
    fault_kit_demand(fault_kit_open_in(store, cache, &r) == 0, "look");
    for (size_t i = 0; i < PACKS; i++)
        n += state_is_vouched(&r->state, &packs[i].id, &packs[i].dir);
    fault_kit_demand(r->state.vouched.n == n, "others are vouched for");
    repo_close(r);
    return n;
}

struct mishap {
    struct memory_fault fault;
    bool cut;
    bool read_only;
    bool another;
    bool done;
    uint64_t theirs;
};

static int hook(void *ctx, enum memory_point point, enum memory_op op,
                const char *name)
{
    struct mishap *m = ctx;
    char cache[FAULT_KIT_PATH + 8];

    if (m->read_only && point == MEMORY_BEFORE &&
        (op == MEMORY_WRITER_OPEN || op == MEMORY_DELETE))
        return err_set(E_STORE, "read-only");
    if (!m->another || m->done || point != MEMORY_BEFORE ||
        op != MEMORY_COMMIT || strncmp(name, "log/", 4) != 0)
        return 0;
    m->done = true;
    (void)snprintf(cache, sizeof cache, "%s-other", kit.cache);
    m->theirs = vouch(cache, "the other").vouched;
    return 0;
}

/* Armed once it is open. */
static struct check_summary vouch_under(struct mishap *m)
{
    struct check_summary sum = {.vouched = 0};
    struct check_report report;
    struct check_view v = {
        .report = &report, .pack = packs, .pack_n = PACKS, .pack_cap = PACKS};
    struct repo *r;

    fault_kit_demand(fault_kit_open_in(store, kit.cache, &r) == 0, "open");
    check_report_init(&report, ignore, NULL, &sum);
    memory_set_hook(store, hook, m);
    memory_set_fault(store, m->fault);
    /* that it cannot be said is no failure of a check */
    fault_kit_demand(check_vouch_run(&v, r) == 0, "vouch");
    kit.report->fired = m->fault.n > 0 && memory_passages(store) >= m->fault.n;
    memory_set_hook(store, NULL, NULL);
    memory_set_fault(store, (struct memory_fault){.n = 0});
    check_report_release(&report);
    repo_close(r);
    return sum;
}

static void run_mishap(struct fault_kit *k, void *ctx)
{
    struct mishap *m = ctx;
    struct check_summary sum = vouch_under(m);
    uint64_t n;

    if (m->cut)
        memory_power_cut(store, m->fault.n % 3);
    n = vouched();
    fault_kit_demand(sum.damages == 0 && sum.unread == 0, "damage");
    fault_kit_demand(sum.vouched + m->theirs <= n,
                     "what was told is not there");
    fault_kit_demand(n == 0 || n == IN_RECORD || n == PACKS,
                     "a part of a record");
    fault_kit_demand(sum.notes == 1 || sum.vouched + m->theirs == PACKS,
                     "a failure that nobody tells");
    k->report->failed = sum.notes;
    k->report->count = sum.vouched;
    fault_kit_demand(vouch(kit.cache, "again").vouched == PACKS - n, "again");
    fault_kit_demand(vouched() == PACKS, "not all in the end");
    fault_kit_demand(vouch(kit.cache, "once more").vouched == 0, "twice");
    k->report->rc = 0;
    store_close(store);
}

static bool one(struct mishap m, unsigned *failed)
{
    (void)snprintf(kit.plan, sizeof kit.plan, "point %d passage %lu%s",
                   (int)m.fault.point, (unsigned long)m.fault.n,
                   m.fault.persistent ? " and later" : "");
    fault_kit_reset(&kit);
    assert_false(fault_kit_child(&kit, "", run_mishap, &m));
    *failed += kit.report->failed > 0;
    return kit.report->fired > 0;
}

static void test_vouch_fault__each_operation_fails_or_is_the_last(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        enum memory_point p = (enum memory_point)(i / 2);
        struct mishap m = {
            .fault = {.point = p, .persistent = i % 2, .code = E_STORE},
            .cut = i % 2};
        uint64_t step = fault_kit_step(p == MEMORY_VISIBLE ? 1 : 7);
        unsigned failed = 0;
        unsigned runs = 0;

        for (m.fault.n = 1 + (uint64_t)i % step; one(m, &failed);
             m.fault.n += step) {
            runs++;
            assert_true(m.fault.n < 1000);
        }
        print_message("point %d%s: %u of about %lu, %u failed\n", (int)p,
                      m.cut ? " and no more" : "", runs,
                      (unsigned long)m.fault.n, failed);
        assert_true(runs > 0);
    }
}

static void test_vouch_fault__a_store_that_is_read_only(void **state)
{
    struct mishap m = {.read_only = true};
    unsigned failed = 0;

    (void)state;
    assert_false(one(m, &failed));
    assert_int_equal(failed, 1);
    assert_int_equal(kit.report->count, 0);
}

/* The number is taken by one who says the same: there is nothing left to say
 * but what the other did not come to. */
static void test_vouch_fault__another_says_it_first(void **state)
{
    struct mishap m = {.another = true};
    unsigned failed = 0;

    (void)state;
    assert_false(one(m, &failed));
    assert_int_equal(failed, 0);
    assert_int_equal(kit.report->count, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vouch_fault__each_operation_fails_or_is_the_last),
        cmocka_unit_test(test_vouch_fault__a_store_that_is_read_only),
        cmocka_unit_test(test_vouch_fault__another_says_it_first),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
