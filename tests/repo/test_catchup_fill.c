/*
 * A cache that is empty, and a repository of which more has to be said than
 * fits into one update of the index: it is filled in order, beside the empty
 * one, and takes its place as a whole or not at all.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "repo/catchup.h"
#include "repo/catchup_marks.h"
#include "repo/repo_log.h"
#include "tests/repo/catchup_kit.h"
#include "tests/support/address_space.h"

/* One backup of a few chunks, seed 1, beside more than an update takes.
 * before: if not NULL: chunks of seed 2 are published first; out: the segment
 * that says so. */
static void start_large_after(struct repo_fixture *f,
                              struct catchup_kit_names *before)
{
    struct object_id id;
    struct repo *r = NULL;
    struct writer *w = NULL;

    catchup_kit_start(f, 0, NULL);
    assert_int_equal(repo_fixture_repo(f, "a", &r), 0);
    assert_int_equal(writer_open(r, bytes_of_str("test@series"), &w), 0);
    if (before) {
        assert_int_equal(repo_fixture_publish(f, w, r, 2), 0);
        catchup_kit_pick(f->store, "index", before);
        assert_int_equal(before->n, 1);
    }
    catchup_kit_publish_many(f, w, r);
    assert_int_equal(repo_fixture_publish(f, w, r, 1), 0);
    assert_int_equal(repo_fixture_commit(w, r, 1, &id), 0);
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
    repo_close(r);
}

static void start_large(struct repo_fixture *f)
{
    start_large_after(f, NULL);
}

static struct index_stats stats_of(struct repo *r)
{
    struct index_reader *reader = NULL;
    struct index_stats stats;

    assert_int_equal(index_reader_new(r->index, &reader), 0);
    assert_int_equal(index_check(reader), 0);
    assert_int_equal(index_reader_stats(reader, &stats), 0);
    index_reader_free(reader);
    return stats;
}

static void test_catchup_fill__says_what_updates_said(void **state)
{
    struct index_stats stats[3];
    struct repo_fixture f;

    (void)state;
    start_large(&f);
    /* what the writer told it; filled; and opened again */
    for (unsigned i = 0; i < 3; i++) {
        const char *cache = i == 0 ? "a" : "fresh";
        struct repo *r = NULL;

        assert_int_equal(repo_fixture_repo(&f, cache, &r), 0);
        assert_int_equal(r->filled, i == 1);
        assert_int_equal(r->index_rebuilt, i == 1);
        assert_false(r->private_cache);
        assert_false(r->hurt);
        stats[i] = stats_of(r);
        assert_int_equal(stats[i].chunk_n, stats[0].chunk_n);
        assert_int_equal(stats[i].pack_n, stats[0].pack_n);
        assert_int_equal(stats[i].named_n, stats[0].named_n);
        repo_close(r);
        catchup_kit_knows(&f, cache, 1);
    }
    assert_true(stats[0].chunk_n > 16384);
    /* in order, pages are full */
    assert_true(stats[1].used_bytes < stats[0].used_bytes);
    repo_fixture_close(&f);
}

static void test_catchup_fill__little_enters_by_updates(void **state)
{
    struct repo_fixture f;
    struct object_id id[3];
    struct repo *r = NULL;

    (void)state;
    catchup_kit_start(&f, 3, id);
    assert_int_equal(repo_fixture_repo(&f, NULL, &r), 0);
    assert_true(r->index_rebuilt);
    assert_false(r->filled);
    repo_close(r);
    repo_fixture_close(&f);
}

/* A cache that knows something is not replaced: others rely on it. */
static void test_catchup_fill__not_over_a_cache_that_knows(void **state)
{
    struct repo_fixture f;
    struct repo *r = NULL;
    struct repo *other = NULL;
    struct object_id id;

    (void)state;
    catchup_kit_start(&f, 0, NULL);
    assert_int_equal(repo_fixture_repo(&f, "old", &r), 0);
    repo_close(r);
    assert_int_equal(repo_fixture_repo(&f, "a", &other), 0);
    repo_close(other);
    for (unsigned i = 1; i < 3; i++) {
        struct writer *w = NULL;

        assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
        assert_int_equal(writer_open(r, bytes_of_str("test@series"), &w), 0);
        catchup_kit_publish_many(&f, w, r);
        assert_int_equal(repo_fixture_publish(&f, w, r, i), 0);
        assert_int_equal(repo_fixture_commit(w, r, i, &id), 0);
        assert_int_equal(writer_end(w), 0);
        writer_free(w);
        repo_close(r);
    }
    assert_int_equal(repo_fixture_repo(&f, "old", &r), 0);
    assert_false(r->filled);
    repo_close(r);
    catchup_kit_knows(&f, "old", 2);
    repo_fixture_close(&f);
}

/* The n-th operation fails: there was room for updates, a private one serves,
 * or the error is told. */
static void fail_at(struct repo_fixture *f, uint64_t n, const char *cache)
{
    struct repo *r = NULL;
    char plan[64];
    int rc;

    (void)snprintf(plan, sizeof plan, "fail:%u:ENOSPC", (unsigned)n);
    assert_int_equal(fileop_fault_set(plan), 0);
    rc = repo_fixture_repo(f, cache, &r);
    assert_int_equal(fileop_fault_set(NULL), 0);
    if (rc == 0)
        assert_true(catchup_kit_finds(r, INDEX_READ, 1));
    else
        assert_int_equal(rc, E_NOSPACE);
    repo_close(r);
}

/* The n-th operation is the last one before SIGKILL. */
static void kill_at(struct repo_fixture *f, uint64_t n, const char *cache)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct repo *r = NULL;
        char plan[64];

        (void)snprintf(plan, sizeof plan, "kill-after:%u", (unsigned)n);
        if (fileop_fault_set(plan) == 0)
            err_ignore(repo_fixture_repo(f, cache, &r), "killed in it");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Whatever becomes of one operation on the cache: the next process has what it
 * needs. */
static void test_catchup_fill__each_operation_may_fail(void **state)
{
    struct repo_fixture f;
    struct repo *r = NULL;
    uint64_t count;

    (void)state;
    start_large(&f);
    assert_int_equal(fileop_fault_set("count"), 0);
    assert_int_equal(repo_fixture_repo(&f, NULL, &r), 0);
    count = fileop_fault_count();
    assert_int_equal(fileop_fault_set(NULL), 0);
    repo_close(r);
    for (uint64_t n = 1; n <= count; n++) {
        char cache[32];

        (void)snprintf(cache, sizeof cache, "at-%u", (unsigned)n);
        fail_at(&f, n, cache);
        catchup_kit_knows(&f, cache, 1);
        (void)snprintf(cache, sizeof cache, "killed-%u", (unsigned)n);
        kill_at(&f, n, cache);
        catchup_kit_knows(&f, cache, 1);
    }
    repo_fixture_close(&f);
}

/* --- others, while it is filled --- */

struct meanwhile {
    struct repo_fixture f;
    struct repo *keys;  /* without an index */
    struct repo *other; /* with the cache "a" */
    char path[128];
    struct catchup c;
    void (*act)(struct meanwhile *m); /* NULL: it did */
};

static void meanwhile_open_index(struct meanwhile *m)
{
    struct index_options opt = {.create = true, .wait_ms = 1000};
    enum index_fate fate;

    assert_int_equal(
        index_open(m->path, &m->keys->config.repo, &opt, &m->c.index, &fate),
        0);
}

/* Ready to catch up from nothing. */
static void meanwhile_begin(struct meanwhile *m)
{
    struct repo_open_options opt = {.no_index = true};

    *m = (struct meanwhile){.act = NULL};
    start_large(&m->f);
    opt.secret = &m->f.secret;
    assert_int_equal(repo_open(m->f.store, &opt, &m->keys), 0);
    assert_int_equal(repo_fixture_repo(&m->f, "a", &m->other), 0);
    (void)snprintf(m->path, sizeof m->path, "%s/by-hand", m->f.cache);
    m->c = (struct catchup){.store = m->f.store,
                            .keys = m->keys->keys,
                            .state = &m->keys->state,
                            .index_path = m->path,
                            .repo = &m->keys->config.repo,
                            .wait_ms = 1000,
                            .starting = true};
    meanwhile_open_index(m);
}

static void meanwhile_end(struct meanwhile *m)
{
    index_close(m->c.index);
    repo_close(m->other);
    repo_close(m->keys);
    repo_fixture_close(&m->f);
}

/* The snapshot is read last, and only when filling: what comes before it is too
 * much for updates. */
static int meanwhile_hook(void *ctx, enum memory_point point, enum memory_op op,
                          const char *name)
{
    struct meanwhile *m = ctx;
    void (*act)(struct meanwhile *) = m->act;

    if (!act || point != MEMORY_BEFORE || op != MEMORY_GET ||
        strncmp(name, "snapshots/", 10) != 0)
        return 0;
    m->act = NULL;
    act(m);
    return 0;
}

/* Returns the number in the log's mark of what stands there then; -1: none. */
static int64_t meanwhile_run(struct meanwhile *m,
                             void (*act)(struct meanwhile *m))
{
    struct catchup_mark mark = {.number = 0};
    struct index_reader *r = NULL;
    bool found;
    bool stale;

    m->act = act;
    memory_set_hook(m->f.store, meanwhile_hook, m);
    assert_int_equal(catchup_run(&m->c, &stale), E_LATER);
    memory_set_hook(m->f.store, NULL, NULL);
    assert_null(m->act);
    assert_false(stale);
    index_close(m->c.index);
    meanwhile_open_index(m);
    assert_int_equal(index_reader_new(m->c.index, &r), 0);
    assert_int_equal(catchup_marks_log(r, &mark, &found), 0);
    index_reader_free(r);
    return found ? (int64_t)mark.number : -1;
}

static int say_unforget(void *ctx, const struct repo *r,
                        struct repo_log_draft *d)
{
    (void)r;
    d->type = RECORD_UNFORGET;
    d->says.ids = record_ids_of(ctx, 1);
    return 0;
}

static void log_grows(struct meanwhile *m)
{
    struct object_id any = {{7}};

    assert_int_equal(repo_log_append(m->other, say_unforget, &any, NULL), 0);
}

/* M7: what journals say is found by nobody before the log was looked at once
 * more. */
static void test_catchup_fill__the_log_is_looked_at_again(void **state)
{
    struct meanwhile m;

    (void)state;
    meanwhile_begin(&m);
    assert_int_equal(m.other->state.tip.number, 0);
    assert_int_equal(meanwhile_run(&m, log_grows), 1);
    assert_true(m.c.filled);
    meanwhile_end(&m);
}

static void another_fills(struct meanwhile *m)
{
    struct chain_tip tip = {.any = true, .number = 77};
    struct index_update *u = NULL;

    assert_int_equal(index_update_begin(m->c.index, 1000, &u), 0);
    assert_int_equal(catchup_marks_put_log(u, &tip), 0);
    assert_int_equal(index_update_commit(u), 0);
}

static void another_discards(struct meanwhile *m)
{
    assert_int_equal(index_discard(m->path, 1000), 0);
}

/* What another process has put there meanwhile stays: others rely on it. */
static void test_catchup_fill__not_over_what_another_filled(void **state)
{
    static const struct {
        void (*act)(struct meanwhile *m);
        int64_t number;
    } way[] = {{another_fills, 77}, {another_discards, -1}};

    (void)state;
    for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
        struct meanwhile m;

        meanwhile_begin(&m);
        assert_int_equal(meanwhile_run(&m, way[i].act), way[i].number);
        assert_false(m.c.filled);
        meanwhile_end(&m);
    }
}

/* A store that answers slowly, as soon as another process fills. */
struct slow {
    unsigned segments; /* asked for */
    int begun;         /* where it is said */
};

enum {
    SLOW_WAIT_MS = 1500, /* what others wait for it */
    SLOW_GET_MS = 400    /* one answer; several are due */
};

static int slow_hook(void *ctx, enum memory_point point, enum memory_op op,
                     const char *name)
{
    struct slow *s = ctx;

    if (point != MEMORY_BEFORE || op != MEMORY_GET)
        return 0;
    s->segments += strncmp(name, "index/", 6) == 0;
    if (s->segments < 3) /* both, before it is known that they are too much */
        return 0;
    if (s->begun >= 0 && write(s->begun, "!", 1) != 1)
        _exit(1);
    s->begun = -1;
    clock_sleep_ns(SLOW_GET_MS * (CLOCK_SECOND_NS / 1000));
    return 0;
}

/* Who starts meanwhile waits for what is filled, and does not fill another. */
static void test_catchup_fill__is_waited_for(void **state)
{
    struct index_reader *r = NULL;
    struct index_stats stats;
    struct meanwhile m;
    int begun[2];
    bool stale;
    int status;
    char c;
    pid_t pid;

    (void)state;
    meanwhile_begin(&m);
    m.c.wait_ms = SLOW_WAIT_MS;
    index_close(m.c.index);
    m.c.index = NULL;
    assert_int_equal(pipe(begun), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct slow slow = {.begun = begun[1]};

        meanwhile_open_index(&m);
        memory_set_hook(m.f.store, slow_hook, &slow);
        _exit(catchup_run(&m.c, &stale) == E_LATER && m.c.filled ? 0 : 1);
    }
    assert_int_equal(read(begun[0], &c, 1), 1);
    meanwhile_open_index(&m);
    assert_int_equal(catchup_run(&m.c, &stale), E_LATER);
    assert_false(m.c.filled);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    index_close(m.c.index);
    meanwhile_open_index(&m);
    assert_int_equal(index_reader_new(m.c.index, &r), 0);
    assert_int_equal(index_reader_stats(r, &stats), 0);
    assert_true(stats.chunk_n > 16384);
    index_reader_free(r);
    (void)close(begun[0]);
    (void)close(begun[1]);
    meanwhile_end(&m);
}

/* Where there is too little room for a second cache beside the first, the
 * first is filled by updates: whatever can be had suffices for all. */
static void test_catchup_fill__an_address_space_of_any_size(void **state)
{
    struct rlimit before;
    struct repo_fixture f;
    unsigned filled = 0;
    unsigned updated = 0;

    (void)state;
    if (!address_space_has_bounds())
        skip();
    start_large(&f);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    for (unsigned mb = 80; mb <= 480; mb += 40) {
        struct rlimit less = before;
        struct repo *r = NULL;
        char cache[32];
        int rc;

        (void)snprintf(cache, sizeof cache, "in-%u", mb);
        less.rlim_cur = address_space_now() + ((rlim_t)mb << 20);
        assert_int_equal(setrlimit(RLIMIT_AS, &less), 0);
        rc = repo_fixture_repo(&f, cache, &r);
        assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
        if (rc < 0)
            fail_msg("in %u MiB: %s", mb, err_text());
        assert_false(r->private_cache);
        assert_true(catchup_kit_finds(r, INDEX_DEDUP, 1));
        filled += r->filled;
        updated += !r->filled;
        repo_close(r);
    }
    assert_true(filled > 0 && updated > 0);
    repo_fixture_close(&f);
}

/* What the attempt that found out that there is much had met already is not
 * met twice. */
static void test_catchup_fill__what_is_lost_is_counted_once(void **state)
{
    struct catchup_kit_names n;
    struct repo_fixture f;
    struct repo *r = NULL;

    (void)state;
    start_large_after(&f, &n);
    catchup_kit_remove(f.store, n.name[0]);
    assert_int_equal(repo_fixture_repo(&f, NULL, &r), 0);
    assert_true(r->filled);
    assert_true(r->hurt);
    assert_int_equal(r->segments_lost, 1);
    assert_true(catchup_kit_finds(r, INDEX_READ, 2));
    assert_false(catchup_kit_finds(r, INDEX_DEDUP, 2));
    repo_close(r);
    repo_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catchup_fill__says_what_updates_said),
        cmocka_unit_test(test_catchup_fill__little_enters_by_updates),
        cmocka_unit_test(test_catchup_fill__not_over_a_cache_that_knows),
        cmocka_unit_test(test_catchup_fill__each_operation_may_fail),
        cmocka_unit_test(test_catchup_fill__the_log_is_looked_at_again),
        cmocka_unit_test(test_catchup_fill__not_over_what_another_filled),
        cmocka_unit_test(test_catchup_fill__is_waited_for),
        cmocka_unit_test(test_catchup_fill__an_address_space_of_any_size),
        cmocka_unit_test(test_catchup_fill__what_is_lost_is_counted_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
