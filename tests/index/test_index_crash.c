/*
 * Other processes, and what ends them: killed and stopped ones, two at once, a
 * full disk. Children report by their exit status and never return into the
 * test runner.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <time.h>
#include <unistd.h>

#include "tests/index/index_kit.h"
#include "tests/support/prng.h"

enum { ROUNDS = 15, PACK_CHUNKS = 300, SHARED = 25 };

static const struct index_options options = {.create = true, .wait_ms = 20000};

/* In a child. */
#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) {                                                         \
            (void)fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__,       \
                          #cond, err_text());                                  \
            _exit(1);                                                          \
        }                                                                      \
    } while (0)

static int setup(void **state)
{
    static struct index_kit kit;

    index_kit_begin(&kit);
    *state = &kit;
    return 0;
}

static int teardown(void **state)
{
    index_kit_end(*state);
    return 0;
}

static uint64_t read_mark(struct index_reader *r, const char *key)
{
    struct buf value;
    uint64_t mark = 0;
    bool found;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    NEED(index_reader_mark(r, bytes_of_str(key), &value, &found) == 0);
    if (found)
        memcpy(&mark, value.p, sizeof mark);
    buf_release(&value);
    return mark;
}

/* In an update: pack number p with its chunks, and the mark. */
static int put_pack(struct index_update *u, uint64_t p, const char *key,
                    uint64_t mark)
{
    static struct index_chunk c[PACK_CHUNKS];
    struct index_pack pack = index_kit_pack(p);
    uint32_t no;
    int rc = index_update_put_pack(u, &pack, &no);

    for (uint64_t i = 0; rc == 0 && i < PACK_CHUNKS; i++)
        c[i] = index_kit_chunk(p * PACK_CHUNKS + i, no, 0);
    if (rc == 0)
        rc = index_update_put_chunks(u, c, PACK_CHUNKS);
    if (rc == 0)
        rc = index_update_put_mark(u, bytes_of_str(key),
                                   bytes_of(&mark, sizeof mark));
    return rc;
}

/* Whether pack p is known, and then with all of its chunks. */
static bool whole_pack(struct index_reader *r, uint64_t p)
{
    struct object_id id = index_kit_object_id(p);
    struct index_pack pack;
    bool found;

    NEED(index_reader_pack_by_id(r, &id, &pack, &found) == 0);
    for (uint64_t i = 0; i < PACK_CHUNKS; i++) {
        struct chunk_id chunk = index_kit_chunk_id(p * PACK_CHUNKS + i);
        struct index_loc loc;
        bool there;

        NEED(index_reader_find(r, &chunk, INDEX_DEDUP, &loc, &there) == 0);
        NEED(there == found);
        NEED(!there || loc.pack == pack.no);
    }
    return found;
}

static void child_updates(const struct index_kit *kit, int report)
{
    struct index *ix;
    struct index_reader *r;
    enum index_fate fate;
    uint64_t next;

    NEED(index_open(kit->path, &kit->repo, &options, &ix, &fate) == 0);
    NEED(index_reader_new(ix, &r) == 0);
    next = read_mark(r, "log");
    index_reader_free(r);
    for (;; next++) {
        struct index_update *u;

        NEED(index_update_begin(ix, 1000, &u) == 0);
        NEED(put_pack(u, next, "log", next + 1) == 0);
        NEED(index_update_commit(u) == 0);
        NEED(write(report, &next, sizeof next) == sizeof next);
    }
}

static void nap_ms(uint64_t ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000),
                         .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&t, NULL);
}

/* Old or new, never between: the mark, the packs and their chunks agree. */
static uint64_t check_whole(const struct index_kit *kit)
{
    struct index *ix = index_kit_open(kit, INDEX_OPENED);
    struct index_reader *r;
    struct index_stats stats;
    uint64_t mark;

    index_kit_ok(index_reader_new(ix, &r));
    mark = read_mark(r, "log");
    index_kit_ok(index_reader_stats(r, &stats));
    assert_int_equal(stats.pack_n, mark);
    assert_int_equal(stats.chunk_n, mark * PACK_CHUNKS);
    for (uint64_t p = 0; p < mark; p++)
        assert_true(whole_pack(r, p));
    assert_false(whole_pack(r, mark));
    index_kit_ok(index_check(r));
    index_reader_free(r);
    index_close(ix);
    return mark;
}

static void test_index_crash__killed_updates_leave_old_or_new(void **state)
{
    struct index_kit *kit = *state;
    struct prng prng;
    uint64_t before = 0;

    prng_init(&prng, 4711);
    index_close(index_kit_open(kit, INDEX_CREATED));
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t last;
        uint64_t reported = before;
        uint64_t mark;
        int report[2];
        int status;
        pid_t pid;

        assert_int_equal(pipe(report), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            child_updates(kit, report[1]);
        (void)close(report[1]);
        nap_ms(10 + prng_below(&prng, 150));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        while (read(report[0], &last, sizeof last) == sizeof last)
            reported = last + 1;
        (void)close(report[0]);
        mark = check_whole(kit);
        /* what was committed is there; at most one more than was told */
        assert_true(mark == reported || mark == reported + 1);
        before = mark;
    }
    assert_true(before > 0);
    print_message("%llu updates\n", (unsigned long long)before);
}

static void child_shares(const struct index_kit *kit, uint64_t me)
{
    struct index *ix;
    struct index_reader *r;
    enum index_fate fate;

    NEED(index_open(kit->path, &kit->repo, &options, &ix, &fate) == 0);
    NEED(index_reader_new(ix, &r) == 0);
    for (uint64_t i = 0; i < SHARED; i++) {
        struct index_update *u;
        uint64_t seen;

        NEED(index_update_begin(ix, 60000, &u) == 0);
        /* nobody else can change it now */
        NEED(index_reader_renew(r) == 0);
        seen = read_mark(r, "log");
        NEED(put_pack(u, 2 * i + me, "log", seen + 1) == 0);
        NEED(index_update_commit(u) == 0);
        NEED(index_reader_renew(r) == 0);
        NEED(whole_pack(r, 2 * i + me));
        for (uint64_t p = 0; p < SHARED; p += 7)
            (void)whole_pack(r, 2 * p + 1 - me);
    }
    NEED(index_check(r) == 0);
    index_reader_free(r);
    index_close(ix);
    _exit(0);
}

static void test_index_crash__two_processes_update_and_read(void **state)
{
    struct index_kit *kit = *state;
    pid_t pid[2];

    for (uint64_t i = 0; i < 2; i++) {
        pid[i] = fork();
        assert_true(pid[i] >= 0);
        if (pid[i] == 0)
            child_shares(kit, i);
    }
    for (int i = 0; i < 2; i++) {
        int status;

        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(check_whole(kit), 2 * SHARED);
}

static void child_stalls(const struct index_kit *kit, int report)
{
    struct index *ix;
    struct index_reader *r;
    struct index_update *u;
    enum index_fate fate;

    NEED(index_open(kit->path, &kit->repo, &options, &ix, &fate) == 0);
    NEED(index_reader_new(ix, &r) == 0);
    NEED(index_update_begin(ix, 1000, &u) == 0);
    NEED(put_pack(u, 1000, "log", 99) == 0);
    NEED(write(report, "x", 1) == 1);
    (void)raise(SIGSTOP);
    _exit(0);
}

/* A stopped process keeps nobody waiting; a killed one leaves nothing. */
static void test_index_crash__a_stopped_update_blocks_nobody(void **state)
{
    struct index_kit *kit = *state;
    struct index_update *u;
    struct index_reader *r;
    struct index *ix;
    int report[2];
    int status;
    char x;
    pid_t pid;

    assert_int_equal(pipe(report), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child_stalls(kit, report[1]);
    assert_int_equal(read(report[0], &x, 1), 1);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    ix = index_kit_open(kit, INDEX_OPENED);
    assert_int_equal(index_update_begin(ix, 50, &u), E_BUSY);
    index_kit_ok(index_reader_new(ix, &r));
    assert_false(whole_pack(r, 1000));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    index_kit_ok(index_update_begin(ix, 1000, &u));
    index_kit_ok(put_pack(u, 0, "log", 1));
    index_kit_ok(index_update_commit(u));
    index_reader_free(r);
    index_close(ix);
    assert_int_equal(check_whole(kit), 1);
    (void)close(report[0]);
    (void)close(report[1]);
}

/* Until the cache cannot grow. Returns how many updates were taken. */
static uint64_t fill_up(struct index *ix, const char *path)
{
    uint64_t done = 0;
    int rc = 0;

    while (rc == 0) {
        struct index_update *u;

        NEED(done < 1000);
        rc = index_update_begin(ix, 1000, &u);
        NEED(rc == 0);
        rc = put_pack(u, done, "log", done + 1);
        if (rc == 0)
            rc = index_update_commit(u);
        else
            index_update_abort(u);
        done += rc == 0;
    }
    NEED(rc == E_NOSPACE);
    NEED(strstr(err_text(), path) != NULL);
    return done;
}

/* What was there is still there, readable, and goes on when there is room. */
static void after_full(struct index *ix, uint64_t done, void (*more)(void *),
                       void *arg)
{
    struct index_reader *r;
    struct index_update *u;

    NEED(done > 0);
    NEED(index_reader_new(ix, &r) == 0);
    NEED(read_mark(r, "log") == done);
    for (uint64_t p = 0; p < done; p++)
        NEED(whole_pack(r, p));
    NEED(!whole_pack(r, done));
    NEED(index_check(r) == 0);
    more(arg);
    NEED(index_update_begin(ix, 1000, &u) == 0);
    NEED(put_pack(u, done, "log", done + 1) == 0);
    NEED(index_update_commit(u) == 0);
    NEED(index_reader_renew(r) == 0);
    NEED(whole_pack(r, done));
    index_reader_free(r);
}

static void more_file(void *arg)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY,
                           .rlim_max = RLIM_INFINITY};

    (void)arg;
    NEED(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void more_tmpfs(void *arg)
{
    const char *dir = arg;

    NEED(mount("none", dir, "tmpfs", MS_REMOUNT, "size=16m") == 0);
}

static void child_grows(const struct index_kit *kit, int go)
{
    struct index *ix;
    enum index_fate fate;
    char x;

    NEED(read(go, &x, 1) == 1);
    NEED(index_open(kit->path, &kit->repo, &options, &ix, &fate) == 0);
    for (uint64_t p = 0; p < 60; p++) {
        struct index_update *u;

        NEED(index_update_begin(ix, 1000, &u) == 0);
        NEED(put_pack(u, p, "log", p + 1) == 0);
        NEED(index_update_commit(u) == 0);
    }
    index_close(ix);
    _exit(0);
}

/* Another process grows the cache beyond what this one has mapped. */
static void test_index_crash__an_outgrown_map_says_so(void **state)
{
    struct index_kit *kit = *state;
    struct index_options small = options;
    struct index_update *u;
    struct index_reader *r;
    struct index *ix;
    enum index_fate fate;
    int go[2];
    int status;
    pid_t pid;

    assert_int_equal(pipe(go), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child_grows(kit, go[0]);
    small.map_bytes = 1 << 20;
    index_kit_ok(index_open(kit->path, &kit->repo, &small, &ix, &fate));
    index_kit_ok(index_reader_new(ix, &r));
    index_reader_pause(r);
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(index_reader_renew(r), E_LATER);
    assert_int_equal(index_update_begin(ix, 0, &u), E_LATER);
    index_reader_free(r);
    index_close(ix);
    assert_int_equal(check_whole(kit), 60);
    (void)close(go[0]);
    (void)close(go[1]);
}

static void run_child(void (*f)(const struct index_kit *),
                      const struct index_kit *kit)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        f(kit);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("no mount namespaces here: skipped\n");
        skip();
    }
    assert_int_equal(status, 0);
}

static void child_limited(const struct index_kit *kit)
{
    struct rlimit limit = {.rlim_cur = 400000, .rlim_max = RLIM_INFINITY};
    struct index *ix;
    enum index_fate fate;

    NEED(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    NEED(index_open(kit->path, &kit->repo, &options, &ix, &fate) == 0);
    NEED(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    after_full(ix, fill_up(ix, kit->path), more_file, NULL);
    index_close(ix);
}

static void child_tmpfs(const struct index_kit *kit)
{
    struct index_kit full = *kit;
    struct index *ix;
    enum index_fate fate;

    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", kit->dir, "tmpfs", 0, "size=400k") != 0)
        _exit(77);
    (void)snprintf(full.path, sizeof full.path, "%s/c", kit->dir);
    NEED(index_open(full.path, &full.repo, &options, &ix, &fate) == 0);
    after_full(ix, fill_up(ix, full.path), more_tmpfs, full.dir);
    index_close(ix);
    /* no room even for an empty one */
    NEED(mount("none", kit->dir, "tmpfs", 0, "size=8k") == 0);
    NEED(index_open(full.path, &full.repo, &options, &ix, &fate) == E_NOSPACE);
    NEED(strstr(err_text(), full.path) != NULL);
}

static void test_index_crash__a_file_limit_is_no_space(void **state)
{
    run_child(child_limited, *state);
}

static void test_index_crash__a_full_disk_is_no_space(void **state)
{
    run_child(child_tmpfs, *state);
}

#define WITH_KIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KIT(test_index_crash__killed_updates_leave_old_or_new),
        WITH_KIT(test_index_crash__two_processes_update_and_read),
        WITH_KIT(test_index_crash__a_stopped_update_blocks_nobody),
        WITH_KIT(test_index_crash__an_outgrown_map_says_so),
        WITH_KIT(test_index_crash__a_file_limit_is_no_space),
        WITH_KIT(test_index_crash__a_full_disk_is_no_space),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
