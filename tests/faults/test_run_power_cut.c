/*
 * Power cuts during backups, on a real ext4: the file system with repository
 * and cache is shut down without flushing its log, and mounted again. Each
 * snapshot that was reported as done restores; nobody has to repair anything.
 * 3 cuts; with --all 36. Needs root and loop devices; skips without.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/faults/fault_kit.h"
#include "tests/support/prng.h"

#define SHUTDOWN_IOCTL    _IOR('X', 125, uint32_t)
#define SHUTDOWN_NO_FLUSH 2U

enum {
    CUTS = 36,
    RUNS = 20,
    DONE_MAX = 2, /* snapshots that a cut waits for, at most */
    DELAY_MAX_US = 300000,
    NAP_US = 1000,
    NAPS_MAX = 300000
};

static struct fault_kit kit;
static char mounted[FAULT_KIT_PATH];
static bool available;

static bool mount_image(void)
{
    return scratch_run("mount -o loop '%s/image' '%s' 2>/dev/null", kit.dir,
                       mounted);
}

static int setup(void **state)
{
    (void)state;
    fault_kit_make(&kit);
    kit.force = true;
    kit.threads = 2;
    (void)snprintf(mounted, sizeof mounted, "%s/m", kit.dir);
    available = scratch_alone() &&
                scratch_run("cd '%s' && mkdir m && truncate -s 256M image && "
                            "mkfs.ext4 -q -F image 2>/dev/null",
                            kit.dir) &&
                mount_image();
    if (!available) {
        print_message("skipped: cannot mount an ext4 image here\n");
        return 0;
    }
    assert_true(scratch_run("cp -a '%s' '%s' '%s/' && sync -f '%s'", kit.repo,
                            kit.cache, mounted, mounted));
    (void)snprintf(kit.repo, sizeof kit.repo, "%s/m/repo", kit.dir);
    (void)snprintf(kit.cache, sizeof kit.cache, "%s/m/cache", kit.dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)umount2(mounted, MNT_DETACH);
    fault_kit_remove(&kit);
    return 0;
}

/* Run after run, each with a new file, until the store is gone. */
static _Noreturn void back_up_until_the_cut(struct fault_kit *k, unsigned cut)
{
    for (unsigned i = 0; i < RUNS; i++) {
        static uint8_t bytes[300000];
        struct store *s;
        struct repo *r;
        struct prng p;
        int rc;

        prng_init(&p, cut * 1000 + i);
        prng_fill(&p, bytes, sizeof bytes);
        scratch_file(k->source, "new each time", bytes, sizeof bytes);
        rc = fault_kit_open(k, NULL, &s, &r);
        if (rc == 0)
            rc = fault_kit_back_up(k, r, k->source);
        repo_close(r);
        store_close(s);
        if (rc < 0)
            break;
        k->report->count++;
    }
    _exit(0);
}

/* All restore; the last that was reported is what was there then, unless a
 * later one was committed and could not be reported. */
static void run_census(struct fault_kit *k, void *ctx)
{
    char target[FAULT_KIT_PATH];
    struct store *s;
    struct repo *r;
    uint64_t n = 0;
    int rc = fault_kit_open(k, ctx, &s, &r);

    if (rc == 0)
        rc = fault_kit_count(r, &n, NULL);
    for (uint64_t i = n > 4 ? n - 4 : 0; i < n && rc == 0; i++) {
        (void)snprintf(target, sizeof target, "%.*s/%lu", FAULT_KIT_PATH - 24,
                       k->out, (unsigned long)i);
        rc = fault_kit_bring_back(k, r, i, target);
    }
    if (rc == 0)
        rc = fault_kit_check(k, r);
    k->report->snapshots = n;
    k->report->rc = rc;
    repo_close(r);
    store_close(s);
}

/* Until so many snapshots were reported as done: the machine may be slow. */
static void wait_for(const volatile uint64_t *count, uint64_t done)
{
    for (unsigned i = 0; *count < done; i++) {
        assert_true(i < NAPS_MAX);
        (void)usleep(NAP_US);
    }
}

/* Some time after that. Returns how many were reported. */
static uint64_t cut_power(unsigned cut, uint64_t at_done, unsigned after_us)
{
    uint32_t how = SHUTDOWN_NO_FLUSH;
    uint64_t done;
    int status;
    int fd;
    pid_t pid;

    *kit.report = (struct fault_report){.rc = 0};
    (void)fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        back_up_until_the_cut(&kit, cut);
    fd = open(mounted, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    wait_for(&kit.report->count, at_done);
    (void)usleep(after_us);
    assert_int_equal(ioctl(fd, SHUTDOWN_IOCTL, &how), 0);
    (void)close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    done = kit.report->count;
    assert_int_equal(umount(mounted), 0);
    assert_true(mount_image());
    return done;
}

static void assert_census(uint64_t least, const char *cache)
{
    assert_true(scratch_run("rm -rf '%s'", kit.out));
    assert_false(
        fault_kit_child(&kit, "", run_census, (void *)(uintptr_t)cache));
    if (kit.report->rc < 0 || kit.report->damaged || kit.report->failed ||
        kit.report->snapshots < least || kit.report->snapshots > least + 1)
        fault_kit_wrong(&kit, cache);
}

static void test_run_power_cut__what_was_done_restores(void **state)
{
    unsigned cuts = fault_kit_step(2) == 1 ? CUTS : 3;
    uint64_t n = 2;
    uint64_t reported = 0;
    struct prng r;

    (void)state;
    if (!available)
        skip();
    prng_init(&r, 20261121);
    for (unsigned cut = 0; cut < cuts; cut++) {
        unsigned us = (unsigned)prng_below(&r, DELAY_MAX_US);
        uint64_t at_done = cut % (DONE_MAX + 1);
        uint64_t done = cut_power(cut, at_done, us);
        char fresh[FAULT_KIT_PATH];

        (void)snprintf(kit.plan, sizeof kit.plan,
                       "cut %u, %u us after %lu were done", cut, us,
                       (unsigned long)at_done);
        assert_true(done >= at_done);
        reported += done;
        assert_census(n + done, kit.cache);
        n = kit.report->snapshots;
        (void)snprintf(fresh, sizeof fresh, "%s/fresh-%u", kit.dir, cut);
        assert_census(n, fresh);
        assert_int_equal(kit.report->snapshots, n);
    }
    print_message("%u cuts, %lu snapshots reported, %lu there\n", cuts,
                  (unsigned long)reported, (unsigned long)n - 2);
    assert_true(reported > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_power_cut__what_was_done_restores),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
