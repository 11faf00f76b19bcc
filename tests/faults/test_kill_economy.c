/*
 * What a kill -9 costs: a backup of one large incompressible file, killed when
 * about half of it is in the repository; the next run stores again at most what
 * was published last, and what was under way. Scaled down: tests/faults/
 * kill_economy.sh does it with 4 GiB through the program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/faults/fault_kit.h"
#include "tests/support/prng.h"

enum {
    MIB = 1 << 20,
    FILE_MIB = 320,
    PUBLISH_MIB = 32,
    /* a pack that is open and one that is on its way to the disk */
    PACKS_MIB = 2 * 33
};

static struct fault_kit kit;
static char big[FAULT_KIT_PATH];

static int setup(void **state)
{
    static uint8_t block[MIB];
    struct prng r;
    char path[FAULT_KIT_PATH + 8];
    FILE *f;

    (void)state;
    fault_kit_make(&kit);
    kit.publish_bytes = (uint64_t)PUBLISH_MIB * MIB;
    kit.threads = 2;
    scratch_dir(kit.dir, "big");
    (void)snprintf(big, sizeof big, "%s/big", kit.dir);
    (void)snprintf(path, sizeof path, "%s/file", big);
    f = fopen(path, "we");
    assert_non_null(f);
    prng_init(&r, 99);
    for (int i = 0; i < FILE_MIB; i++) {
        prng_fill(&r, block, sizeof block);
        assert_int_equal(fwrite(block, 1, sizeof block, f), sizeof block);
    }
    assert_int_equal(fclose(f), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fault_kit_remove(&kit);
    return 0;
}

/* Megabytes of the repository. */
static unsigned stored_mib(void)
{
    char text[64];
    unsigned n = 0;

    assert_true(scratch_run("du -sm '%s' 2>/dev/null | cut -f1 >'%s/du'",
                            kit.repo, kit.dir));
    (void)scratch_read(kit.dir, "du", text, sizeof text);
    assert_int_equal(sscanf(text, "%u", &n), 1);
    return n;
}

static void run_big(struct fault_kit *k, void *ctx)
{
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, NULL, &s, &r);

    (void)ctx;
    if (rc == 0)
        rc = fault_kit_back_up(k, r, big);
    k->report->rc = rc;
    repo_close(r);
    store_close(s);
}

/* Kills by count, not by time: a first run tells how often a whole one writes,
 * the second ends in the middle of that, on any machine. */
static void test_kill_economy__little_is_stored_twice(void **state)
{
    unsigned before = stored_mib();
    unsigned at_kill;
    unsigned after;
    uint64_t writes;
    char plan[64];

    (void)state;
    assert_false(
        fault_kit_child(&kit, "count,class=write,domain=repo", run_big, NULL));
    assert_int_equal(kit.report->rc, 0);
    writes = kit.report->count;
    fault_kit_reset(&kit);
    (void)snprintf(plan, sizeof plan, "kill:%lu,class=write,domain=repo",
                   (unsigned long)(writes * 6 / 10));
    assert_true(fault_kit_child(&kit, plan, run_big, NULL));
    at_kill = stored_mib();
    assert_in_range(at_kill - before, FILE_MIB * 4 / 10, FILE_MIB * 7 / 10);
    assert_false(fault_kit_child(&kit, "", run_big, NULL));
    assert_int_equal(kit.report->rc, 0);
    after = stored_mib();
    print_message("%d MiB, killed with %u stored; the next run stored %lu: "
                  "%u in all, %d MiB between publications\n",
                  FILE_MIB, at_kill - before,
                  (unsigned long)(kit.report->new_bytes >> 20), after - before,
                  PUBLISH_MIB);
    /* what the killed run had published is not stored again */
    assert_in_range(kit.report->new_bytes >> 20, 1,
                    FILE_MIB - (at_kill - before) + PUBLISH_MIB + PACKS_MIB);
    (void)fault_kit_audit(&kit, true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kill_economy__little_is_stored_twice),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
