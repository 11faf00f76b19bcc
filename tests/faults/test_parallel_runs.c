/*
 * Several backups into one repository at once: processes that share a cache,
 * processes and threads with caches of their own; and a process that was
 * stopped while it holds the cache: nobody waits for it for ever.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "repo/cache_dir.h"
#include "store/local.h"
#include "tests/faults/fault_kit.h"

enum { RUNS = 3, ROUNDS = 4 };

static struct fault_kit kit;

static int setup(void **state)
{
    (void)state;
    fault_kit_make(&kit);
    kit.force = true; /* each reads everything */
    kit.threads = 2;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fault_kit_remove(&kit);
    return 0;
}

/* One run; its result counts, its report does not (others write it too). */
static int run_once(const char *cache)
{
    struct fault_report own = {.rc = 0};
    struct fault_kit k = kit;
    struct store *s;
    struct repo *r;
    int rc;

    k.report = &own;
    rc = fault_kit_open(&k, cache, &s, &r);
    if (rc == 0)
        rc = fault_kit_back_up(&k, r, k.source);
    if (rc < 0)
        (void)fprintf(stderr, "a run beside others: %d %s\n", rc, err_text());
    repo_close(r);
    store_close(s);
    return rc;
}

static void cache_of(int i, bool shared, char path[FAULT_KIT_PATH])
{
    (void)snprintf(path, FAULT_KIT_PATH, "%s/run/cache", kit.dir);
    if (!shared && i > 0)
        (void)snprintf(path, FAULT_KIT_PATH, "%s/run/cache-%d", kit.dir, i);
}

/* Restores all, checks all, with each cache. */
static void run_census(struct fault_kit *k, void *ctx)
{
    char target[FAULT_KIT_PATH];
    struct store *s;
    struct repo *r;
    uint64_t n = 0;
    int rc = fault_kit_open(k, ctx, &s, &r);

    if (rc == 0)
        rc = fault_kit_count(r, &n, NULL);
    for (uint64_t i = 0; i < n && rc == 0; i++) {
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

static void assert_all_whole(uint64_t snapshots, const char *cache)
{
    char target[FAULT_KIT_PATH];
    char back[2 * FAULT_KIT_PATH];
    char want[2 * FAULT_KIT_PATH];

    assert_true(scratch_run("rm -rf '%s'", kit.out));
    assert_false(
        fault_kit_child(&kit, "", run_census, (void *)(uintptr_t)cache));
    if (kit.report->rc < 0 || kit.report->damaged || kit.report->failed ||
        kit.report->snapshots != snapshots)
        fault_kit_wrong(&kit, cache);
    for (uint64_t i = 0; i < snapshots; i++) {
        (void)snprintf(target, sizeof target, "%.*s/%lu", FAULT_KIT_PATH - 24,
                       kit.out, (unsigned long)i);
        fault_kit_back(&kit, target, back);
        fault_kit_expected(&kit, i < 2 ? i : 2, want);
        fault_kit_same(want, back, "");
    }
}

static void run_processes(bool shared)
{
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pid[RUNS];

        fault_kit_reset(&kit);
        for (int i = 0; i < RUNS; i++) {
            char cache[FAULT_KIT_PATH];

            cache_of(i, shared, cache);
            (void)fflush(NULL);
            pid[i] = fork();
            assert_true(pid[i] >= 0);
            if (pid[i] == 0)
                exit(run_once(cache) == 0 ? 0 : 1);
        }
        for (int i = 0; i < RUNS; i++) {
            int status;

            assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
            assert_int_equal(status, 0);
        }
        for (int i = 0; i < RUNS; i++) {
            char cache[FAULT_KIT_PATH];

            cache_of(i, shared, cache);
            assert_all_whole(2 + RUNS, cache);
        }
    }
}

static void test_parallel_runs__processes_share_a_cache(void **state)
{
    (void)state;
    run_processes(true);
}

static void test_parallel_runs__processes_with_caches_of_their_own(void **state)
{
    (void)state;
    run_processes(false);
}

struct lane {
    pthread_t thread;
    char cache[FAULT_KIT_PATH];
    int rc;
};

static void *run_lane(void *ctx)
{
    struct lane *l = ctx;

    l->rc = run_once(l->cache);
    return NULL;
}

/* In a child, which may have threads. */
static void run_threads(struct fault_kit *k, void *ctx)
{
    struct lane lane[RUNS];
    int rc = 0;

    (void)ctx;
    for (int i = 0; i < RUNS; i++) {
        cache_of(i, false, lane[i].cache);
        if (pthread_create(&lane[i].thread, NULL, run_lane, &lane[i]) != 0)
            abort();
    }
    for (int i = 0; i < RUNS; i++) {
        (void)pthread_join(lane[i].thread, NULL);
        rc = rc ? rc : lane[i].rc;
    }
    k->report->rc = rc;
}

static void test_parallel_runs__threads(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        fault_kit_reset(&kit);
        assert_false(fault_kit_child(&kit, "", run_threads, NULL));
        assert_int_equal(kit.report->rc, 0);
        assert_all_whole(2 + RUNS, kit.cache);
    }
}

/* Takes the lock of updates of the cache, tells so, and sleeps. */
static _Noreturn void hold_cache(int to)
{
    struct index_options opt = {.create = false, .wait_ms = 1000};
    struct index_update *u;
    enum index_fate fate;
    struct index *ix;
    struct store *s;
    struct config config;
    char *dir;
    char path[CACHE_DIR_PATH_MAX];

    if (local_open(kit.repo, &s) < 0 || repo_probe(s, &config) < 0 ||
        cache_dir_open(kit.cache, &config.repo, &dir) < 0 ||
        cache_dir_index(dir, path) < 0 ||
        index_open(path, &config.repo, &opt, &ix, &fate) < 0 || !ix ||
        index_update_begin(ix, 1000, &u) < 0 || write(to, "", 1) != 1)
        _exit(1);
    for (;;)
        (void)pause();
}

static void test_parallel_runs__a_stopped_one_stops_nobody(void **state)
{
    struct timespec from;
    struct timespec to;
    int ends[2];
    int status;
    char byte;
    pid_t pid;

    (void)state;
    fault_kit_reset(&kit);
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        hold_cache(ends[1]);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    assert_false(fault_kit_child(&kit, "", fault_kit_snapshot, NULL));
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    print_message("a cache held by a stopped process: rc %d after %ld s\n",
                  kit.report->rc, (long)(to.tv_sec - from.tv_sec));
    if (kit.report->rc != 0 || kit.report->problems)
        fault_kit_wrong(&kit, "a cache that is held");
    /* as long as one wait for the lock, not one for each use of it */
    assert_in_range(to.tv_sec - from.tv_sec, 0, 100);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(close(ends[0]), 0);
    /* the cache that was held catches up */
    assert_int_equal(fault_kit_audit(&kit, true), 3);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parallel_runs__processes_share_a_cache),
        cmocka_unit_test(
            test_parallel_runs__processes_with_caches_of_their_own),
        cmocka_unit_test(test_parallel_runs__threads),
        cmocka_unit_test(test_parallel_runs__a_stopped_one_stops_nobody),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
