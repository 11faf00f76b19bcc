/*
 * One record of a journal is damaged: whatever it was, the repository opens,
 * what other records committed is restored bit for bit, backups go on and rely
 * on nothing that only the damaged record listed, check names what is missing,
 * and a record that is put back is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "repo/check.h"
#include "repo/journal_list.h"
#include "repo/record_journal.h"
#include "repo/snapshot_list.h"
#include "repo/writer.h"
#include "tests/job/job_fixture.h"

enum { SNAPS = 4, RECORDS_MAX = 8 };

/* A repository with several snapshots by several writers, and what the source
 * was at each of them. */
struct world {
    struct job_fixture f;
    struct store *sound; /* as it was; f.store is a copy to be damaged */
    struct object_id id[SNAPS];
    struct writer_id writer[SNAPS];
    char types[SNAPS][RECORDS_MAX + 1]; /* of their records: "orsce" */
};

/* --- the world --- */

/* Lets time pass when a run has opened its journal, so that it renews. */
struct pass {
    atomic_bool opened;
    atomic_bool passed;
};

static int pass_time(void *ctx, enum memory_point point, enum memory_op op,
                     const char *name)
{
    struct pass *p = ctx;

    if (point == MEMORY_AFTER && op == MEMORY_COMMIT &&
        strncmp(name, "w/", 2) == 0) {
        p->opened = true;
    } else if (p->opened && !atomic_exchange(&p->passed, true)) {
        clock_fake_advance(WRITER_SILENCE_NS / 2);
    }
    return 0;
}

static bool knew(const struct world *w, int n, const struct writer_id *id)
{
    for (int i = 0; i < n; i++) {
        if (memcmp(w->writer[i].b, id->b, sizeof id->b) == 0)
            return true;
    }
    return false;
}

/* The journal of the n-th run: the one that was not there before. */
static void listen(struct world *w, int n)
{
    static const char letter[] = "?orscpef";
    struct journal_list l = {.item = NULL};
    struct chain c = {
        .store = w->f.store, .keys = w->f.r->keys, .kind = ENVELOPE_JOURNAL};
    size_t at = 0;

    assert_int_equal(journal_list_load(w->f.store, &l), 0);
    assert_int_equal(l.n, n + 1);
    while (knew(w, n, &l.item[at].writer))
        at++;
    c.writer = w->writer[n] = l.item[at].writer;
    assert_true(l.item[at].last < RECORDS_MAX);
    for (uint64_t k = 0; k <= l.item[at].last; k++) {
        struct chain_record r = {.signer = {{0}}};
        bool found;

        assert_int_equal(chain_get(&c, k, &r, &found), 0);
        w->types[n][k] = letter[r.record.type];
        chain_record_release(&r);
    }
    journal_list_release(&l);
}

static void take(struct world *w, int n, const char *series)
{
    struct snapshot_job_options o = job_fixture_options(&w->f);
    struct pass passed = {.opened = false};
    struct job_snap s;

    o.series = bytes_of_str(series);
    memory_set_hook(w->f.store, pass_time, &passed);
    s = job_fixture_run(&w->f, &o);
    memory_set_hook(w->f.store, NULL, NULL);
    assert_int_equal(s.rc, 0);
    w->id[n] = s.result.id;
    listen(w, n);
    assert_string_equal(w->types[n], "orsce");
    assert_true(scratch_run("cp -a %s %s/was-%d", w->f.src, w->f.dir, n));
}

static int copy_object(void *ctx, const char *name, uint64_t size)
{
    struct world *w = ctx;
    enum store_outcome outcome;
    struct buf b;
    bool found;

    buf_init(&b, size);
    assert_int_equal(store_get(w->sound, name, &b, &found), 0);
    assert_int_equal(store_put(w->f.store, name, buf_bytes(&b), &outcome), 0);
    buf_release(&b);
    return 0;
}

/* A new copy of the sound repository, and no cache. */
static void again(struct world *w)
{
    repo_close(w->f.r);
    w->f.r = NULL;
    if (w->f.store != w->sound)
        store_close(w->f.store);
    assert_int_equal(memory_open(&w->f.store), 0);
    assert_int_equal(store_list(w->sound, "", copy_object, w), 0);
    assert_true(scratch_run("rm -rf %s", w->f.cache));
}

static void world_open(struct world *w)
{
    static const char *const series[SNAPS] = {"test", "other", "test", "test"};

    *w = (struct world){.sound = NULL};
    job_fixture_open(&w->f);
    job_fixture_files(&w->f);
    for (int i = 0; i < SNAPS; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "new-%d", i);
        job_fixture_write(&w->f, name, 100 + (uint64_t)i, 50000);
        take(w, i, series[i]);
    }
    w->sound = w->f.store;
}

static void world_close(struct world *w)
{
    if (w->sound != w->f.store)
        store_close(w->sound);
    job_fixture_close(&w->f);
}

/* --- damage --- */

enum how { FLIP, CUT, DELETE, HOWS };

static void name_of(const struct world *w, int n, uint64_t k,
                    char out[RECORD_NAME_MAX])
{
    record_journal_name(&w->writer[n], k, out);
}

static void hurt(struct world *w, const char *name, enum how how)
{
    if (how == DELETE)
        assert_int_equal(store_delete(w->f.store, name), 0);
    else
        assert_true(memory_damage(w->f.store, name, 200, how == FLIP));
}

static void put_back(struct world *w, const char *name)
{
    assert_int_equal(store_delete(w->f.store, name), 0);
    assert_int_equal(copy_object(w, name, 1 << 20), 0);
}

/* --- what must hold --- */

static bool is_listed(struct world *w, const struct object_id *id)
{
    struct snapshot_list l = {.n = 0};
    bool found = false;

    assert_int_equal(snapshot_list_load(w->f.r->index, &w->f.r->state, &l), 0);
    for (size_t i = 0; i < l.n; i++)
        found |= object_id_equal(&l.item[i].id, id);
    snapshot_list_release(&l);
    return found;
}

static size_t untrusted(struct world *w, struct object_id *id, size_t cap)
{
    struct index_reader *ix = NULL;
    static struct index_pack pack[64];
    uint32_t next = 0;
    size_t found = 0;
    size_t n;

    assert_int_equal(index_reader_new(w->f.r->index, &ix), 0);
    assert_int_equal(index_reader_packs(ix, &next, pack, 64, &n), 0);
    assert_in_range(n, 1, 63);
    for (size_t i = 0; i < n; i++) {
        if ((!pack[i].trusted || pack[i].gone) && found < cap)
            id[found++] = pack[i].id;
    }
    index_reader_free(ix);
    return found;
}

static void expect_restored(struct world *w, int n)
{
    struct job_restore got =
        job_fixture_restore(&w->f, &w->id[n], w->f.out, NULL);
    char was[JOB_PATH + 8];

    (void)snprintf(was, sizeof was, "%s/was-%d", w->f.dir, n);
    assert_int_equal(got.rc, 0);
    assert_true(job_fixture_same(was, w->f.out));
    assert_true(scratch_run("rm -rf %s", w->f.out));
}

/* All are listed, but `missing` (-1: none), and what is listed is whole. */
static void expect_all_but(struct world *w, int missing)
{
    for (int i = 0; i < SNAPS; i++) {
        assert_int_equal(is_listed(w, &w->id[i]), i != missing);
        if (i != missing)
            expect_restored(w, i);
    }
}

static void expect_told(struct world *w, const char *name)
{
    const struct journal_damage *d = &w->f.r->journals;

    assert_int_equal(d->journals, name ? 1 : 0);
    assert_int_equal(d->records, name ? 1 : 0);
    assert_int_equal(d->named_n, name ? 1 : 0);
    assert_int_equal(w->f.r->hurt, name != NULL);
    if (!name)
        return;
    assert_string_equal(d->named[0].name, name);
    assert_true(strlen(d->named[0].why) > 3);
    assert_null(strstr(d->named[0].why, name));
}

struct findings {
    const char *object;
    struct object_id snapshot;
    bool object_named;
    bool snapshot_named;
    unsigned paths;
};

static int find(void *ctx, const struct check_finding *f)
{
    struct findings *x = ctx;

    x->object_named |= f->damage && strcmp(f->object, x->object) == 0;
    x->snapshot_named |= f->damage && f->kind == CHECK_SNAPSHOT &&
                         f->has_snapshot &&
                         object_id_equal(&f->snapshot, &x->snapshot) &&
                         bytes_equal(f->series, bytes_of_str("test"));
    x->paths += f->kind == CHECK_PATH;
    return 0;
}

/* check names the record, and the snapshot if it is missing for that. */
static void expect_checked(struct world *w, const char *name, int missing)
{
    const struct check_options opt = {.read_data = true, .threads = 2};
    struct findings x = {.object = name};
    struct check_summary sum;

    if (missing >= 0)
        x.snapshot = w->id[missing];
    assert_int_equal(check_run(w->f.r, &opt, find, &x, &sum), E_CORRUPT);
    assert_true(x.object_named);
    assert_int_equal(x.snapshot_named, missing >= 0);
    assert_int_equal(x.paths, 0);
}

static void delete_packs(struct world *w, const struct object_id *id, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char name[PACK_LAYOUT_NAME_MAX];

        pack_layout_name(&id[i], name);
        assert_int_equal(store_delete(w->f.store, name), 0);
    }
}

/* The next run works, and its snapshot needs none of the packs that only the
 * damaged record listed: it is whole when they are gone. */
static void expect_goes_on(struct world *w)
{
    struct object_id pack[16];
    size_t n = untrusted(w, pack, 16);
    struct job_snap s;

    /* as tomorrow's run: it has not filled the cache itself */
    job_fixture_reopen(&w->f, false);
    assert_false(w->f.r->index_rebuilt);
    s = job_fixture_snap(&w->f);
    job_fixture_returns(&w->f, &s.result.id);
    job_fixture_reopen(&w->f, true);
    job_fixture_returns(&w->f, &s.result.id);
    delete_packs(w, pack, n);
    job_fixture_reopen(&w->f, true);
    job_fixture_returns(&w->f, &s.result.id);
}

/* --- each record, in each way --- */

static void one_case(struct world *w, int n, uint64_t k, enum how how)
{
    char type = w->types[n][k];
    bool noticed = !(how == DELETE && type == 'e'); /* merely shorter */
    int missing = type == 'c' ? n : -1;
    char name[RECORD_NAME_MAX];
    struct object_id pack[16];

    again(w);
    name_of(w, n, k, name);
    hurt(w, name, how);
    for (int open = 0; open < 3; open++) {
        job_fixture_reopen(&w->f, open == 0);
        expect_told(w, noticed ? name : NULL);
        assert_int_equal(untrusted(w, pack, 16) > 0, type == 's');
    }
    expect_all_but(w, missing);
    if (noticed)
        expect_checked(w, name, missing);

    put_back(w, name);
    job_fixture_reopen(&w->f, false);
    expect_told(w, NULL);
    assert_int_equal(untrusted(w, pack, 16), 0);
    expect_all_but(w, -1);

    again(w);
    hurt(w, name, how);
    job_fixture_reopen(&w->f, false);
    expect_goes_on(w);
}

static void each_record_of(int n)
{
    struct world w;

    world_open(&w);
    for (uint64_t k = 0; k < strlen(w.types[n]); k++) {
        for (int how = 0; how < HOWS; how++)
            one_case(&w, n, k, (enum how)how);
    }
    world_close(&w);
}

/* Of the first journal: whatever came later relies on its packs. */
static void test_journal_damage__the_first_journal(void **state)
{
    (void)state;
    each_record_of(0);
}

static void test_journal_damage__one_in_between(void **state)
{
    (void)state;
    each_record_of(2);
}

/* The packs that the damaged record listed are gone too: nobody knows of them,
 * and the parent needs them. The next run stores again what they held. */
static void test_journal_damage__packs_are_gone_with_it(void **state)
{
    (void)state;
    for (int n = 0; n < SNAPS; n++) {
        char name[RECORD_NAME_MAX];
        struct object_id pack[16];
        struct world w;

        world_open(&w);
        again(&w);
        name_of(&w, n, 2, name);
        hurt(&w, name, FLIP);
        job_fixture_reopen(&w.f, false);
        delete_packs(&w, pack, untrusted(&w, pack, 16));
        job_fixture_reopen(&w.f, true);
        assert_int_equal(untrusted(&w, pack, 16), 0);
        expect_told(&w, name);
        expect_goes_on(&w);
        world_close(&w);
    }
}

/* ... or look like those of a newer version, by one bit: neither opening nor
 * checking stops there. */
static void test_journal_damage__packs_look_newer(void **state)
{
    enum { VERSION_AT = 8, VERSION_XOR = 2 };
    const struct check_options opt = {.read_data = true, .threads = 2};
    char pack_name[PACK_LAYOUT_NAME_MAX];
    char name[RECORD_NAME_MAX];
    struct object_id pack[16];
    struct check_summary sum;
    struct findings x = {.object = name};
    struct world w;

    (void)state;
    world_open(&w);
    again(&w);
    name_of(&w, 0, 2, name);
    hurt(&w, name, FLIP);
    job_fixture_reopen(&w.f, false);
    assert_in_range(untrusted(&w, pack, 16), 1, 15);
    pack_layout_name(&pack[0], pack_name);
    assert_true(memory_damage(w.f.store, pack_name, VERSION_AT, VERSION_XOR));
    job_fixture_reopen(&w.f, true);
    expect_told(&w, name);
    assert_int_equal(check_run(w.f.r, &opt, find, &x, &sum), E_CORRUPT);
    assert_true(x.object_named);
    assert_true(x.paths > 0);
    world_close(&w);
}

static int delete_later(void *ctx, const char *name, uint64_t size)
{
    struct buf *names = ctx;

    (void)size;
    buf_add(names, name, strlen(name) + 1);
    return 0;
}

static void delete_below(struct store *s, const char *prefix)
{
    struct buf names;

    buf_init(&names, 1 << 16);
    assert_int_equal(store_list(s, prefix, delete_later, &names), 0);
    assert_true(names.n > 0);
    for (size_t at = 0; at < names.n;
         at += strlen((const char *)names.p + at) + 1)
        assert_int_equal(store_delete(s, (const char *)names.p + at), 0);
    buf_release(&names);
}

/* No segment is left: the packs themselves say what is where. */
static void test_journal_damage__no_segment_is_left(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    again(&w);
    delete_below(w.f.store, "index");
    job_fixture_reopen(&w.f, false);
    assert_true(w.f.r->segments_lost > 0);
    assert_true(w.f.r->hurt);
    expect_all_but(&w, -1);
    /* told once; what was lost stays lost */
    job_fixture_reopen(&w.f, false);
    assert_int_equal(w.f.r->segments_lost, 0);
    assert_true(w.f.r->hurt);
    expect_goes_on(&w);
    world_close(&w);
}

/* A journal is gone with all that it said: its snapshot never was, for a new
 * cache; those that rely on its packs are whole. */
static void test_journal_damage__a_whole_journal_is_gone(void **state)
{
    char folder[RECORD_NAME_MAX];
    struct world w;

    (void)state;
    world_open(&w);
    for (int n = 0; n < SNAPS; n++) {
        again(&w);
        job_fixture_reopen(&w.f, false);
        name_of(&w, n, 0, folder);
        *strrchr(folder, '/') = 0;
        delete_below(w.f.store, folder);
        job_fixture_reopen(&w.f, true);
        expect_told(&w, NULL);
        expect_all_but(&w, n);
        expect_goes_on(&w);
    }
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_journal_damage__the_first_journal),
        cmocka_unit_test(test_journal_damage__one_in_between),
        cmocka_unit_test(test_journal_damage__packs_are_gone_with_it),
        cmocka_unit_test(test_journal_damage__packs_look_newer),
        cmocka_unit_test(test_journal_damage__no_segment_is_left),
        cmocka_unit_test(test_journal_damage__a_whole_journal_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
