/*
 * Real full disks: the repository, or the cache, on a small tmpfs. A backup
 * that does not fit says so (E_NOSPACE), older snapshots stay, and it fits
 * once there is space again. A full cache costs nothing but time. Needs root.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "repo/collect.h"
#include "repo/forget.h"
#include "tests/faults/fault_kit.h"

enum {
    DISK_BYTES = 24 << 20,
    DISK_PERCENT = 60 /* of it that can be free */
};

static struct fault_kit kit;
static bool available;

static int setup(void **state)
{
    (void)state;
    fault_kit_make(&kit);
    available = geteuid() == 0 && scratch_alone();
    if (!available)
        print_message("skipped: only root can mount a tmpfs\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fault_kit_remove(&kit);
    return 0;
}

/* A tmpfs at dir with what was in dir. */
static bool mount_over(const char *dir)
{
    char options[64];

    (void)snprintf(options, sizeof options, "size=%d,mode=700", DISK_BYTES);
    if (!scratch_run("mv '%s' '%s.was' && mkdir '%s'", dir, dir, dir) ||
        mount("tmpfs", dir, "tmpfs", 0, options) != 0)
        return false;
    return scratch_run("cp -a '%s.was/.' '%s/' && rm -r '%s.was'", dir, dir,
                       dir);
}

/* Leaves `bytes` free on the disk of dir. Removing DIR.../fill frees it all. */
static void fill(const char *dir, uint64_t bytes)
{
    char path[FAULT_KIT_PATH + 8];
    struct statvfs st;
    uint64_t available_bytes;
    int fd;

    (void)snprintf(path, sizeof path, "%s/.fill", dir);
    assert_int_equal(statvfs(dir, &st), 0);
    available_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    assert_true(available_bytes > bytes);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, (off_t)(available_bytes - bytes)),
                     0);
    assert_int_equal(close(fd), 0);
}

static void run_full(const char *dir, uint64_t bytes, unsigned *failed)
{
    uint64_t n;
    bool whole;
    int rc;

    fault_kit_reset(&kit);
    if (!mount_over(dir)) {
        print_message("skipped: a tmpfs cannot be mounted here\n");
        skip();
    }
    fill(dir, bytes);
    (void)snprintf(kit.plan, sizeof kit.plan, "%s with %lu bytes free", dir,
                   (unsigned long)bytes);
    assert_false(fault_kit_child(&kit, "", fault_kit_snapshot, NULL));
    rc = kit.report->rc;
    whole = kit.report->problems == 0;
    if (!whole || (rc != 0 && (rc != E_NOSPACE || dir != kit.repo)))
        fault_kit_wrong(&kit, "a full disk and nothing else was to be told");
    /* while it is still full, what is there can be read */
    assert_false(fault_kit_child(&kit, "", fault_kit_restore, kit.out));
    assert_int_equal(kit.report->rc, 0);
    assert_true(scratch_run("rm '%s/.fill'; rm -r '%s'/*", dir, kit.out));
    n = fault_kit_audit(&kit, true);
    assert_int_equal(n, rc == 0 ? 3 : 2);
    *failed += rc < 0;
    assert_int_equal(umount2(dir, MNT_DETACH), 0);
}

static void test_disk_full__repository(void **state)
{
    static const uint64_t free_kib[] = {0,   4,   8,    12,   20,   64,  128,
                                        256, 700, 1000, 1400, 2000, 8000};
    unsigned failed = 0;

    (void)state;
    if (!available)
        skip();
    for (size_t i = 0; i < sizeof free_kib / sizeof free_kib[0]; i++)
        run_full(kit.repo, free_kib[i] << 10, &failed);
    print_message("%u of %zu runs did not fit\n", failed,
                  sizeof free_kib / sizeof free_kib[0]);
    assert_in_range(failed, 5, sizeof free_kib / sizeof free_kib[0] - 1);
}

/* ---- forget and prune ---------------------------------------------------- */

/* ctx: NULL: prune only. The tree's first snapshot goes, and what it alone
 * needs. */
static void run_prune(struct fault_kit *k, void *ctx)
{
    struct retention_policy policy = {
        .rule[RETENTION_LAST] = {.reach = RETENTION_COUNT, .count = 1}};
    struct forget_ask ask = {
        .policy = &policy, .group_by = FORGET_BY_SERIES, .now.s = INT32_MAX};
    struct collect_options o = {.repack = {.unused_percent = 5,
                                           .unused_bytes = UINT64_MAX,
                                           .rewritten_bytes = UINT64_MAX}};
    struct collect_done done = {.fenced = 0};
    struct forget_plan p = {.n = 0};
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, NULL, &s, &r);

    if (rc == 0 && ctx)
        rc = forget_run(r, &ask, &p);
    if (rc == 0)
        rc = collect_run(r, &o, &done);
    k->report->lost = done.deleted.n;
    forget_plan_release(&p);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

static void run_check(struct fault_kit *k, void *ctx)
{
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, NULL, &s, &r);

    (void)ctx;
    if (rc == 0)
        rc = fault_kit_check(k, r);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

/* A pack that only a snapshot in the middle needs. */
static void back_up_something_large(void)
{
    fault_kit_must(&kit, fault_kit_snapshot, NULL, "the tree");
    assert_true(
        scratch_run("head -c 2000000 /dev/urandom >'%s/large'", kit.source));
    fault_kit_must(&kit, fault_kit_snapshot, NULL, "a large file");
    assert_true(scratch_run("rm '%s/large'", kit.source));
    fault_kit_must(&kit, fault_kit_snapshot, NULL, "without it");
}

/* What is not needed can be forgotten, and goes, with so many bytes free.
 * fails: after a backup that may not have fitted, and has left what it could
 * store. */
static void prune_full(uint64_t bytes, bool fails, unsigned *failed)
{
    fault_kit_reset(&kit);
    if (!mount_over(kit.repo)) {
        print_message("skipped: a tmpfs cannot be mounted here\n");
        skip();
    }
    (void)snprintf(kit.plan, sizeof kit.plan, "%lu bytes free%s",
                   (unsigned long)bytes, fails ? ", and a backup" : "");
    back_up_something_large();
    fault_kit_must(&kit, run_prune, NULL, "the reserve");
    if (fails)
        assert_true(scratch_run("head -c 6000000 /dev/urandom >'%s/large'",
                                kit.source));
    fill(kit.repo, bytes);
    if (fails) {
        assert_false(fault_kit_child(&kit, "", fault_kit_snapshot, NULL));
        if (kit.report->rc != 0 && kit.report->rc != E_NOSPACE)
            fault_kit_wrong(&kit, "a full disk was to be told");
        *failed += kit.report->rc != 0;
        assert_true(scratch_run("rm '%s/large'", kit.source));
    }
    fault_kit_must(&kit, run_prune, &kit, "a full disk");
    if (kit.report->lost == 0)
        fault_kit_wrong(&kit, "something was to be deleted");
    /* there is room again for what the tree needs, without help */
    fault_kit_must(&kit, fault_kit_snapshot, NULL, "a backup in what is free");
    assert_true(scratch_run("rm '%s/.fill'", kit.repo));
    fault_kit_must(&kit, run_prune, NULL, "the reserve again");
    assert_true(scratch_run("test -f '%s/reserve'", kit.repo));
    fault_kit_must(&kit, fault_kit_snapshot, NULL, "a backup");
    fault_kit_must(&kit, run_check, NULL, "all of it");
    assert_int_equal(umount2(kit.repo, MNT_DETACH), 0);
}

/* With not a byte free, and with more; with --all at each hundredth of the
 * disk.
 */
static void test_disk_full__forget_and_prune(void **state)
{
    static const uint64_t free_kib[] = {0, 4, 8, 16, 64, 300, 1100, 5000};
    unsigned failed = 0;

    (void)state;
    if (!available)
        skip();
    for (size_t i = 0; i < sizeof free_kib / sizeof free_kib[0]; i++)
        prune_full(free_kib[i] << 10, i % 2 == 1, &failed);
    for (uint64_t i = 0; fault_kit_step(100) == 1 && i < DISK_PERCENT; i++)
        prune_full(DISK_BYTES / 100 * i, true, &failed);
    assert_true(failed > 0);
}

static void test_disk_full__cache(void **state)
{
    static const uint64_t free_kib[] = {0, 4, 8, 16, 32, 64, 128};
    unsigned failed = 0;

    (void)state;
    if (!available)
        skip();
    for (size_t i = 0; i < sizeof free_kib / sizeof free_kib[0]; i++)
        run_full(kit.cache, free_kib[i] << 10, &failed);
    assert_int_equal(failed, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk_full__repository),
        cmocka_unit_test(test_disk_full__forget_and_prune),
        cmocka_unit_test(test_disk_full__cache),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
