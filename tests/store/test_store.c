/* The contract of store.h, for every store and every way of the local one. */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileop.h"
#include "tests/store/store_place.h"
#include "tests/support/prng.h"

static struct store_place place;

static int setup(void **state)
{
    store_place_make(&place, *(enum store_kind *)*state);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_place_remove(&place);
    return 0;
}

static enum store_outcome put(const char *name, const char *content)
{
    enum store_outcome outcome = STORE_EXISTS;

    assert_int_equal(store_put(place.s, name, bytes_of_str(content), &outcome),
                     0);
    return outcome;
}

static void assert_holds(const char *name, struct bytes content)
{
    struct buf got;
    uint64_t size = 0;
    bool found = false;

    buf_init(&got, 1 << 26);
    assert_int_equal(store_get(place.s, name, &got, &found), 0);
    assert_true(found);
    assert_true(bytes_equal(buf_bytes(&got), content));
    buf_release(&got);
    found = false;
    assert_int_equal(store_size(place.s, name, &size, &found), 0);
    assert_true(found);
    assert_int_equal(size, content.n);
}

static void assert_absent(const char *name)
{
    struct buf got;
    uint64_t size = 1;
    bool found = true;
    char byte;

    buf_init(&got, 1000);
    assert_int_equal(store_get(place.s, name, &got, &found), 0);
    assert_false(found);
    assert_int_equal(got.n, 0);
    buf_release(&got);
    found = true;
    assert_int_equal(store_size(place.s, name, &size, &found), 0);
    assert_false(found);
    assert_int_equal(size, 0);
    found = true;
    assert_int_equal(store_get_range(place.s, name, 0, &byte, 1, &found), 0);
    assert_false(found);
}

static void test_store__names_are_checked(void **state)
{
    static const char *const good[] = {
        "config", "a", "keys/0a", "packs/ff/0123.x", "a/b/c/d", "a..b", "a-_."};
    static const char *const bad[] = {
        "",     "/",        "/a",        "a/",   "a//b", ".",   "..",
        "a/..", "../a",     ".tmp",      "a/.b", "A",    "a b", "a+b",
        "a\n",  "\xc3\xa4", "a/b/c/d/e", "a*",   "a\\b", "a:b"};
    char name[STORE_NAME_MAX + 2];
    enum store_outcome outcome;
    bool found;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(store_name_ok(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(store_name_ok(bad[i]));
        assert_int_equal(store_put(place.s, bad[i], bytes_of("x", 1), &outcome),
                         E_INTERNAL);
        assert_int_equal(store_delete(place.s, bad[i]), E_INTERNAL);
        assert_int_equal(store_make_durable(place.s, bad[i], &found),
                         E_INTERNAL);
    }
    memset(name, 'a', sizeof name);
    name[STORE_NAME_MAX] = 0;
    assert_true(store_name_ok(name));
    name[STORE_NAME_MAX] = 'a';
    name[STORE_NAME_MAX + 1] = 0;
    assert_false(store_name_ok(name));
}

static void test_store__the_first_put_of_a_name_wins(void **state)
{
    static const char *const names[] = {"config", "keys/k", "packs/ab/p",
                                        "w/x/y/z"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_absent(names[i]);
        assert_int_equal(put(names[i], "first"), STORE_CREATED);
        assert_int_equal(put(names[i], "the second"), STORE_EXISTS);
        assert_holds(names[i], bytes_of_str("first"));
    }
    store_place_reopen(&place);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(put(names[i], "third"), STORE_EXISTS);
        assert_holds(names[i], bytes_of_str("first"));
    }
}

static void test_store__objects_may_be_empty(void **state)
{
    bool found = false;
    char none;

    (void)state;
    assert_int_equal(put("e", ""), STORE_CREATED);
    assert_holds("e", bytes_of_str(""));
    assert_int_equal(put("e", "no longer"), STORE_EXISTS);
    assert_int_equal(store_get_range(place.s, "e", 0, &none, 0, &found), 0);
    assert_true(found);
}

static void test_store__writes_in_parts_of_any_size(void **state)
{
    enum { TOTAL = 9 << 20 };
    uint8_t *bytes = malloc(TOTAL);
    struct store_writer *w;
    enum store_outcome outcome = STORE_EXISTS;
    struct prng r;
    size_t done = 0;

    (void)state;
    prng_init(&r, 1);
    prng_fill(&r, bytes, TOTAL);
    assert_int_equal(store_writer_open(place.s, &w), 0);
    while (done < TOTAL) {
        size_t n = prng_below(&r, 300000);

        if (n > TOTAL - done)
            n = TOTAL - done;
        assert_int_equal(store_writer_append(w, bytes_of(bytes + done, n)), 0);
        done += n;
    }
    assert_absent("packs/01/big");
    assert_int_equal(store_writer_commit(w, "packs/01/big", &outcome), 0);
    assert_int_equal(outcome, STORE_CREATED);
    store_writer_free(w);
    assert_holds("packs/01/big", bytes_of(bytes, TOTAL));
    free(bytes);
}

struct counted {
    unsigned n;
    uint64_t size;
    char last[STORE_NAME_MAX + 1];
    const char *hex; /* count only this name; NULL: all */
};

static int count(void *ctx, const char *name, uint64_t size)
{
    struct counted *c = ctx;

    assert_true(store_name_ok(name));
    if (c->hex && strcmp(c->hex, name) != 0)
        return 0;
    c->n++;
    c->size += size;
    (void)snprintf(c->last, sizeof c->last, "%s", name);
    return 0;
}

static struct counted listed(const char *prefix)
{
    struct counted c = {0};

    assert_int_equal(store_list(place.s, prefix, count, &c), 0);
    return c;
}

static void test_store__what_is_abandoned_never_was(void **state)
{
    struct store_writer *w;
    enum store_outcome outcome = STORE_CREATED;

    (void)state;
    assert_int_equal(put("packs/01/a", "old"), STORE_CREATED);
    assert_int_equal(store_writer_open(place.s, &w), 0);
    assert_int_equal(store_writer_append(w, bytes_of_str("new")), 0);
    assert_int_equal(listed("").n, 1);
    store_writer_free(w);
    assert_int_equal(store_writer_open(place.s, &w), 0);
    assert_int_equal(store_writer_append(w, bytes_of_str("new")), 0);
    assert_int_equal(store_writer_commit(w, "packs/01/a", &outcome), 0);
    assert_int_equal(outcome, STORE_EXISTS);
    store_writer_free(w);
    store_writer_free(NULL);
    assert_holds("packs/01/a", bytes_of_str("old"));
    assert_int_equal(listed("").n, 1);
}

static void test_store__ranges_are_exact(void **state)
{
    static const struct {
        uint64_t off;
        size_t n;
        int rc;
        const char *is;
    } row[] = {
        {0, 10, 0, "0123456789"},
        {3, 4, 0, "3456"},
        {9, 1, 0, "9"},
        {10, 0, 0, ""},
        {0, 11, E_CORRUPT, NULL},
        {10, 1, E_CORRUPT, NULL},
        {11, 0, E_CORRUPT, NULL},
        {UINT64_MAX, 1, E_CORRUPT, NULL},
        {UINT64_MAX - 3, 10, E_CORRUPT, NULL},
        {5, SIZE_MAX, E_CORRUPT, NULL},
    };

    (void)state;
    assert_int_equal(put("r", "0123456789"), STORE_CREATED);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char to[16] = "";
        bool found = false;

        assert_int_equal(
            store_get_range(place.s, "r", row[i].off, to, row[i].n, &found),
            row[i].rc);
        if (row[i].rc == 0) {
            assert_true(found);
            assert_string_equal(to, row[i].is);
        }
    }
}

static void test_store__get_keeps_to_the_maximum(void **state)
{
    struct buf got;
    bool found;

    (void)state;
    assert_int_equal(put("ten", "0123456789"), STORE_CREATED);
    buf_init(&got, 9);
    assert_int_equal(store_get(place.s, "ten", &got, &found), E_LIMIT);
    buf_release(&got);
    buf_init(&got, 10);
    buf_add(&got, "stale", 5);
    assert_int_equal(store_get(place.s, "ten", &got, &found), 0);
    assert_true(found);
    assert_int_equal(got.n, 10);
    buf_release(&got);
}

static int stop_at_third(void *ctx, const char *name, uint64_t size)
{
    unsigned *n = ctx;

    (void)name;
    (void)size;
    return ++*n == 3 ? err_set(E_CANCELED, "enough") : 0;
}

/* File systems need not say what their entries are. */
static bool blind;
bool __real_fileop_dirent_next(const void *dents, size_t n, size_t *at,
                               struct fileop_dirent *out);
bool __wrap_fileop_dirent_next(const void *dents, size_t n, size_t *at,
                               struct fileop_dirent *out);
bool __wrap_fileop_dirent_next(const void *dents, size_t n, size_t *at,
                               struct fileop_dirent *out)
{
    bool more = __real_fileop_dirent_next(dents, n, at, out);

    if (more && blind)
        out->type = DT_UNKNOWN;
    return more;
}

static void test_store__lists_names_alone(void **state)
{
    (void)state;
    assert_int_equal(put("w/01/0", "12"), STORE_CREATED);
    assert_int_equal(put("w/01/1", "12"), STORE_CREATED);
    assert_int_equal(put("w/02/0", "12"), STORE_CREATED);
    for (unsigned i = 0; i < 2; i++) {
        struct counted c = {.n = 0};

        blind = i;
        assert_int_equal(store_list_names(place.s, "w", count, &c), 0);
        assert_int_equal(c.n, 3);
        assert_int_equal(listed("w").size, 6);
    }
    blind = false;
}

static void test_store__lists_each_object_once(void **state)
{
    char name[64];
    unsigned n = 0;

    (void)state;
    assert_int_equal(listed("").n, 0);
    assert_int_equal(listed("packs").n, 0);
    for (unsigned i = 0; i < 64; i++) {
        (void)snprintf(name, sizeof name, "packs/%02x/p%u", i % 16, i);
        assert_int_equal(put(name, "12345"), STORE_CREATED);
    }
    assert_int_equal(put("config", "1"), STORE_CREATED);
    assert_int_equal(put("packs.old/a", "1"), STORE_CREATED);
    assert_int_equal(put("w/01/0", "12"), STORE_CREATED);
    assert_int_equal(put("w/01/1", "12"), STORE_CREATED);
    assert_int_equal(put("w/012/0", "12"), STORE_CREATED);
    assert_int_equal(listed("").n, 69);
    assert_int_equal(listed("packs").n, 64);
    assert_int_equal(listed("packs").size, 320);
    assert_int_equal(listed("packs/0f").n, 4);
    assert_int_equal(listed("w/01").n, 2);
    assert_int_equal(listed("w").size, 6);
    assert_int_equal(listed("nothing/there").n, 0);
    assert_string_equal(listed("w/012").last, "w/012/0");
    for (unsigned i = 0; i < 64; i++) {
        struct counted c = {.hex = name};

        (void)snprintf(name, sizeof name, "packs/%02x/p%u", i % 16, i);
        assert_int_equal(store_list(place.s, "packs", count, &c), 0);
        assert_int_equal(c.n, 1);
    }
    assert_int_equal(store_list(place.s, "", stop_at_third, &n), E_CANCELED);
    assert_int_equal(n, 3);
}

static void test_store__deletes_what_is_there_and_what_is_not(void **state)
{
    bool found = true;

    (void)state;
    assert_int_equal(store_delete(place.s, "no/such/thing"), 0);
    assert_int_equal(put("packs/01/a", "1"), STORE_CREATED);
    assert_int_equal(put("packs/01/b", "2"), STORE_CREATED);
    assert_int_equal(store_delete(place.s, "packs/01/a"), 0);
    assert_int_equal(store_delete(place.s, "packs/01/a"), 0);
    assert_absent("packs/01/a");
    assert_holds("packs/01/b", bytes_of_str("2"));
    assert_int_equal(listed("").n, 1);
    assert_int_equal(store_make_durable(place.s, "packs/01/a", &found), 0);
    assert_false(found);
    assert_int_equal(store_make_durable(place.s, "packs/01/b", &found), 0);
    assert_true(found);
    found = true;
    assert_int_equal(store_make_durable(place.s, "no/such/dir", &found), 0);
    assert_false(found);
    assert_int_equal(store_make_durable(place.s, "packs/01/b", NULL), 0);
    assert_int_equal(put("packs/01/a", "again"), STORE_CREATED);
    assert_holds("packs/01/a", bytes_of_str("again"));
}

static void test_store__probe_leaves_nothing(void **state)
{
    uint64_t free_bytes = 0;

    (void)state;
    assert_int_equal(put("probe-0-0", "of another"), STORE_CREATED);
    assert_int_equal(store_probe(place.s), 0);
    assert_int_equal(listed("").n, 1);
    assert_int_equal(store_free_space(place.s, &free_bytes), 0);
    assert_true(free_bytes > 0);
    assert_true(strlen(store_place(place.s)) > 0);
}

enum { RACERS = 6, RACES = 16 };

struct racer {
    pthread_t thread;
    char content[8];
    bool won[RACES];
};

static pthread_barrier_t race_start;

static void *race(void *arg)
{
    struct racer *r = arg;

    for (unsigned i = 0; i < RACES; i++) {
        enum store_outcome outcome = STORE_EXISTS;
        char name[32];

        (void)snprintf(name, sizeof name, "packs/%02x/%u", i / 4, i);
        (void)pthread_barrier_wait(&race_start);
        if (store_put(place.s, name, bytes_of_str(r->content), &outcome) < 0)
            abort();
        r->won[i] = outcome == STORE_CREATED;
    }
    return NULL;
}

static void test_store__of_many_threads_one_creates(void **state)
{
    static struct racer racers[RACERS];

    (void)state;
    (void)pthread_barrier_init(&race_start, NULL, RACERS);
    for (int i = 0; i < RACERS; i++) {
        (void)snprintf(racers[i].content, 8, "%d", i);
        assert_int_equal(
            pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++)
        (void)pthread_join(racers[i].thread, NULL);
    (void)pthread_barrier_destroy(&race_start);
    for (unsigned i = 0; i < RACES; i++) {
        int winners = 0;
        int winner = 0;
        char name[32];

        for (int k = 0; k < RACERS; k++) {
            winners += racers[k].won[i];
            winner = racers[k].won[i] ? k : winner;
        }
        assert_int_equal(winners, 1);
        (void)snprintf(name, sizeof name, "packs/%02x/%u", i / 4, i);
        assert_holds(name, bytes_of_str(racers[winner].content));
    }
    assert_int_equal(listed("").n, RACES);
}

static atomic_bool churn_stop;

static void *churn(void *arg)
{
    enum store_outcome outcome;
    char name[32];

    (void)arg;
    for (unsigned i = 0; !atomic_load(&churn_stop); i++) {
        (void)snprintf(name, sizeof name, "d/new%u", i);
        if (store_put(place.s, name, bytes_of_str("x"), &outcome) < 0)
            abort();
        if (i >= 3)
            (void)snprintf(name, sizeof name, "d/new%u", i - 3);
        if (store_delete(place.s, name) < 0)
            abort();
    }
    return NULL;
}

static int count_old(void *ctx, const char *name, uint64_t size)
{
    unsigned *old = ctx;

    (void)size;
    *old += strncmp(name, "d/old", 5) == 0;
    return 0;
}

static void test_store__lists_all_that_stays_while_others_come_and_go(
    void **state)
{
    pthread_t thread;
    char name[32];

    (void)state;
    for (int i = 0; i < 30; i++) {
        (void)snprintf(name, sizeof name, "d/old%d", i);
        assert_int_equal(put(name, "x"), STORE_CREATED);
    }
    atomic_store(&churn_stop, false);
    assert_int_equal(pthread_create(&thread, NULL, churn, NULL), 0);
    for (unsigned i = 0; i < 200; i++) {
        unsigned old = 0;

        assert_int_equal(store_list(place.s, "d", count_old, &old), 0);
        assert_int_equal(old, 30);
    }
    atomic_store(&churn_stop, true);
    (void)pthread_join(thread, NULL);
}

int main(void)
{
    static const struct store_clause clauses[] = {
        STORE_CLAUSE(test_store__names_are_checked),
        STORE_CLAUSE(test_store__the_first_put_of_a_name_wins),
        STORE_CLAUSE(test_store__objects_may_be_empty),
        STORE_CLAUSE(test_store__writes_in_parts_of_any_size),
        STORE_CLAUSE(test_store__what_is_abandoned_never_was),
        STORE_CLAUSE(test_store__ranges_are_exact),
        STORE_CLAUSE(test_store__get_keeps_to_the_maximum),
        STORE_CLAUSE(test_store__lists_each_object_once),
        STORE_CLAUSE(test_store__lists_names_alone),
        STORE_CLAUSE(test_store__deletes_what_is_there_and_what_is_not),
        STORE_CLAUSE(test_store__probe_leaves_nothing),
        STORE_CLAUSE(test_store__of_many_threads_one_creates),
        STORE_CLAUSE(test_store__lists_all_that_stays_while_others_come_and_go),
    };

    return store_place_run(clauses, sizeof clauses / sizeof clauses[0],
                           STORE_IN_MEMORY, setup, teardown);
}
