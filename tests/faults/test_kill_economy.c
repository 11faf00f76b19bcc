/*
 * What a kill -9 costs: a backup of one large incompressible file, killed when
 * half of it is in the repository; the next run stores again at most what was
 * published last, and what was under way. Scaled down: tests/faults/
 * kill_economy.sh does it with 4 GiB through the program.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* Megabytes of the packs; while others write. */
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

/* In a child: a run of its own that is killed when the repository holds
 * `until` MiB. */
static void run_and_kill(struct fault_kit *k, void *ctx)
{
    unsigned until = *(const unsigned *)ctx;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        run_big(k, NULL);
        _exit(1); /* too late to be killed */
    }
    while (stored_mib() < until && waitpid(pid, &status, WNOHANG) == 0)
        (void)usleep(5000);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    k->report->rc = WIFSIGNALED(status) ? 0 : E_INTERNAL;
}

static void test_kill_economy__little_is_stored_twice(void **state)
{
    unsigned before = stored_mib();
    unsigned until = before + FILE_MIB / 2;
    unsigned at_kill;
    unsigned after;

    (void)state;
    assert_false(fault_kit_child(&kit, "", run_and_kill, &until));
    assert_int_equal(kit.report->rc, 0);
    at_kill = stored_mib();
    assert_true(at_kill >= until);
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
