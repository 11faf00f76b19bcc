/*
 * The local store, failed and killed at every file operation: an object is
 * whole or absent, what was acknowledged is there, and the next run works.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileop_fault.h"
#include "tests/store/store_place.h"
#include "tests/support/open_fds.h"
#include "tests/support/prng.h"

static struct store_place place;
static uint8_t pack[300000];

static int setup(void **state)
{
    struct prng r;

    /* thousands of fsyncs: what they cost on a disk proves nothing here */
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 1);
    prng_init(&r, 7);
    prng_fill(&r, pack, sizeof pack);
    store_place_make(&place, *(enum store_kind *)*state);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(fileop_fault_set(NULL), 0);
    store_place_remove(&place);
    return 0;
}

enum { OBJECTS = 4 };

/* The first byte says which; a torn one would be shorter or zeros. */
static const char *const names[OBJECTS] = {"config", "packs/ab/p", "w/x/0",
                                           "packs/ab/q"};

static struct bytes content(int i)
{
    return i == 1 ? bytes_of(pack, sizeof pack) : bytes_of_str(names[i]);
}

/* One run of a program; acknowledged[i]: it was told that object i is safe.
 * Returns the first error. */
static int run(struct store *s, bool acknowledged[OBJECTS])
{
    int first = 0;

    for (int i = 0; i < OBJECTS; i++) {
        struct bytes all = content(i);
        struct store_writer *w = NULL;
        enum store_outcome outcome;
        int rc = store_writer_open(s, &w);

        for (size_t at = 0; rc == 0 && at < all.n; at += 100000) {
            size_t n = all.n - at < 100000 ? all.n - at : 100000;

            rc = store_writer_append(w, bytes_of(all.p + at, n));
        }
        if (rc == 0)
            rc = store_writer_commit(w, names[i], &outcome);
        acknowledged[i] = rc == 0;
        store_writer_free(w);
        if (rc == 0 && i == 2)
            rc = store_make_durable(s, names[0], NULL);
        first = first ? first : rc;
    }
    return first;
}

struct seen {
    bool listed[OBJECTS];
    unsigned others;
};

static int see(void *ctx, const char *name, uint64_t size)
{
    struct seen *seen = ctx;

    for (int i = 0; i < OBJECTS; i++)
        if (strcmp(name, names[i]) == 0) {
            assert_int_equal(size, content(i).n);
            seen->listed[i] = true;
            return 0;
        }
    seen->others++;
    return 0;
}

/* What holds after any crash, seen by a new process without faults. */
static void assert_sound(const bool acknowledged[OBJECTS])
{
    struct seen seen = {0};

    assert_int_equal(fileop_fault_set(NULL), 0);
    store_place_reopen(&place);
    assert_int_equal(store_list(place.s, "", see, &seen), 0);
    assert_int_equal(seen.others, 0);
    for (int i = 0; i < OBJECTS; i++) {
        struct buf got;
        bool found;

        buf_init(&got, 1 << 20);
        assert_int_equal(store_get(place.s, names[i], &got, &found), 0);
        assert_int_equal(found, seen.listed[i]);
        if (found)
            assert_true(bytes_equal(buf_bytes(&got), content(i)));
        if (acknowledged[i])
            assert_true(found);
        buf_release(&got);
    }
}

/* The next run needs no human. */
static void assert_goes_on(void)
{
    bool acknowledged[OBJECTS];

    assert_int_equal(run(place.s, acknowledged), 0);
    assert_sound(acknowledged);
}

static void test_local_fault__each_operation_fails(void **state)
{
    static const struct {
        const char *action;
        const char *errnum;
        int rc; /* what may be reported, or 0 */
    } row[] = {
        {"fail", ":EIO", E_STORE},        {"fail", ":ENOSPC", E_NOSPACE},
        {"fail", ":ENOMEM", E_NOMEM},     {"fail-from", ":EIO", E_STORE},
        {"fail-from", ":EROFS", E_STORE}, {"fail-from", ":EDQUOT", E_NOSPACE},
        {"lose", ":EIO", E_STORE},        {"short", "", 0},
    };

    (void)state;
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        unsigned failed = 0;
        unsigned n = 0;
        uint64_t fired = 1;

        while (fired > 0) {
            bool acknowledged[OBJECTS];
            size_t files = open_fds();
            char plan[64];
            int rc;

            assert_true(++n < 1000);
            (void)snprintf(plan, sizeof plan, "%s:%u%s", row[k].action, n,
                           row[k].errnum);
            assert_int_equal(fileop_fault_set(plan), 0);
            rc = run(place.s, acknowledged);
            fired = fileop_fault_fired();
            failed += rc < 0;
            assert_true(rc == 0 || rc == row[k].rc);
            if (rc < 0)
                assert_non_null(strstr(err_text(), place.path));
            assert_sound(acknowledged);
            assert_int_equal(open_fds(), files);
            assert_goes_on();
            store_place_clear(&place);
        }
        print_message("%s%s: %u of %u runs failed\n", row[k].action,
                      row[k].errnum, failed, n);
        /* most operations matter; those that do not are closes and hints */
        assert_true(n > (row[k].rc < 0 ? 40 : 5));
        if (row[k].rc < 0)
            assert_true(failed > n / 2);
        else
            assert_int_equal(failed, 0);
    }
}

/* In a child: run, and tell of each acknowledged object with a byte. */
static void run_and_die(const char *plan, int to)
{
    if (fileop_fault_set(plan) < 0)
        _exit(2);
    for (int i = 0; i < OBJECTS; i++) {
        enum store_outcome outcome;
        char told = (char)i;

        if (store_put(place.s, names[i], content(i), &outcome) < 0 ||
            write(to, &told, 1) != 1)
            _exit(3);
    }
    _exit(0);
}

/* Returns whether the child was killed. */
static bool kill_child(const char *plan, bool acknowledged[OBJECTS])
{
    int ends[2];
    int status;
    char told;
    pid_t pid;

    memset(acknowledged, 0, OBJECTS * sizeof *acknowledged);
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        run_and_die(plan, ends[1]);
    (void)close(ends[1]);
    while (read(ends[0], &told, 1) == 1)
        acknowledged[(int)told] = true;
    (void)close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

static void test_local_fault__killed_at_each_operation(void **state)
{
    static const char *const plans[] = {"kill", "kill-after"};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        bool killed = true;
        unsigned n = 0;

        while (killed) {
            bool acknowledged[OBJECTS];
            char plan[64];

            assert_true(++n < 1000);
            (void)snprintf(plan, sizeof plan, "%s:%u", plans[k], n);
            killed = kill_child(plan, acknowledged);
            assert_sound(acknowledged);
            assert_goes_on();
            store_place_clear(&place);
        }
        print_message("%s: %u runs\n", plans[k], n);
        assert_true(n > 40);
    }
}

static void test_local_fault__a_file_that_was_not_synced_is_void(void **state)
{
    enum store_outcome outcome;
    uint64_t size;
    bool found;

    (void)state;
    assert_int_equal(
        store_put(place.s, "packs/ab/p", bytes_of_str("x"), &outcome), 0);
    /* the first sync of a put in a settled directory is that of the file */
    assert_int_equal(fileop_fault_set("fail:1:EIO,class=sync"), 0);
    assert_int_equal(
        store_put(place.s, "packs/ab/q", bytes_of_str("x"), &outcome), E_STORE);
    assert_int_equal(fileop_fault_fired(), 1);
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_int_equal(store_size(place.s, "packs/ab/q", &size, &found), 0);
    assert_false(found);
    /* nothing that has a name is in doubt: the store goes on */
    assert_int_equal(
        store_put(place.s, "packs/ab/q", bytes_of_str("y"), &outcome), 0);
    assert_int_equal(outcome, STORE_CREATED);
}

static void test_local_fault__a_name_that_was_not_synced_ends_trust(
    void **state)
{
    enum store_outcome outcome;
    struct store_writer *w;
    bool found;

    (void)state;
    assert_int_equal(
        store_put(place.s, "packs/ab/p", bytes_of_str("x"), &outcome), 0);
    assert_int_equal(store_writer_open(place.s, &w), 0);
    /* the second is that of the directory */
    assert_int_equal(fileop_fault_set("fail:2:EIO,class=sync"), 0);
    assert_int_equal(
        store_put(place.s, "packs/ab/q", bytes_of_str("x"), &outcome), E_STORE);
    assert_int_equal(fileop_fault_set(NULL), 0);
    /* an fsync now would succeed, and lie */
    assert_int_equal(
        store_put(place.s, "packs/ab/q", bytes_of_str("x"), &outcome), E_STORE);
    assert_int_equal(store_make_durable(place.s, "packs/ab/q", &found),
                     E_STORE);
    assert_int_equal(store_writer_commit(w, "packs/ab/r", &outcome), E_STORE);
    store_writer_free(w);
    store_place_reopen(&place);
    assert_int_equal(
        store_put(place.s, "packs/ab/q", bytes_of_str("x"), &outcome), 0);
}

static void test_local_fault__make_durable_syncs_all_on_the_way(void **state)
{
    enum store_outcome outcome;
    bool found;

    (void)state;
    assert_int_equal(
        store_put(place.s, "packs/ab/p", bytes_of_str("x"), &outcome), 0);
    store_place_reopen(&place);
    /* root, packs, packs/ab, the file */
    assert_int_equal(fileop_fault_set("count,class=sync,domain=repo"), 0);
    assert_int_equal(store_make_durable(place.s, "packs/ab/p", &found), 0);
    assert_int_equal(fileop_fault_count(), 4);
    /* the names of the directories stay durable */
    assert_int_equal(store_make_durable(place.s, "packs/ab/p", &found), 0);
    assert_int_equal(fileop_fault_count(), 6);
    for (unsigned n = 1; n <= 4; n++) {
        char plan[64];

        store_place_reopen(&place);
        (void)snprintf(plan, sizeof plan, "fail:%u:EIO,class=sync", n);
        assert_int_equal(fileop_fault_set(plan), 0);
        assert_int_equal(store_make_durable(place.s, "packs/ab/p", &found),
                         E_STORE);
        assert_false(found);
    }
}

/* Somebody made the directory and the object and died before the fsyncs. */
static void test_local_fault__what_others_left_is_made_durable(void **state)
{
    enum store_outcome outcome;

    (void)state;
    assert_int_equal(
        store_put(place.s, "packs/ab/p", bytes_of_str("x"), &outcome), 0);
    store_place_reopen(&place);
    assert_int_equal(fileop_fault_set("count,class=sync"), 0);
    assert_int_equal(
        store_put(place.s, "packs/ab/p", bytes_of_str("x"), &outcome), 0);
    assert_int_equal(outcome, STORE_EXISTS);
    /* my file, root, packs, the file that was there, packs/ab */
    assert_int_equal(fileop_fault_count(), 5);
}

int main(void)
{
    static const struct store_clause clauses[] = {
        STORE_CLAUSE(test_local_fault__each_operation_fails),
        STORE_CLAUSE(test_local_fault__killed_at_each_operation),
        STORE_CLAUSE(test_local_fault__a_file_that_was_not_synced_is_void),
        STORE_CLAUSE(test_local_fault__a_name_that_was_not_synced_ends_trust),
        STORE_CLAUSE(test_local_fault__make_durable_syncs_all_on_the_way),
        STORE_CLAUSE(test_local_fault__what_others_left_is_made_durable),
    };

    return store_place_run(clauses, sizeof clauses / sizeof clauses[0],
                           STORE_BY_TMPFILE, setup, teardown);
}
