/* What a snapshot relies on while others collect: chunks, and the parent whose
 * subtrees it takes over. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "repo/record_journal.h"
#include "repo/repo_log.h"
#include "repo/snapshot_list.h"
#include "repo/writer.h"
#include "tests/job/job_fixture.h"
#include "tests/support/oddtree.h"
#include "tests/support/prng.h"

struct by_hand {
    enum record_log_type type;
    struct object_id id[64]; /* of packs, or a snapshot */
    size_t n;
};

static int say(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    const struct by_hand *x = ctx;

    (void)r;
    d->type = x->type;
    d->says.ids = record_ids_of(x->id, x->n);
    return 0;
}

/* The packs of a kind (0: of both) that the index knows. */
static void all_packs(struct repo *r, struct by_hand *x, unsigned kind)
{
    struct index_reader *ix = NULL;
    static struct index_pack pack[64];
    uint32_t next = 0;
    size_t n;

    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(index_reader_packs(ix, &next, pack, 64, &n), 0);
    assert_in_range(n, 1, 63);
    x->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (kind == 0 || pack[i].kind == kind)
            x->id[x->n++] = pack[i].id;
    }
    assert_true(x->n > 0);
    index_reader_free(ix);
}

static void delete_packs(struct job_fixture *f, const struct by_hand *x)
{
    char name[ID_HEX_CHARS + 16];
    char hex[ID_HEX_CHARS + 1];

    for (size_t i = 0; i < x->n; i++) {
        (void)id_hex(x->id[i].b, ID_BYTES, hex);
        (void)snprintf(name, sizeof name, "packs/%.2s/%s", hex, hex);
        assert_int_equal(store_delete(f->store, name), 0);
    }
}

/* A collector has condemned every pack, and marked nothing: the next run
 * relies on none of them, attributes of files and directories included, and is
 * whole when they are gone. */
static void test_snapshot_reliance__relies_on_nothing_that_is_condemned(
    void **state)
{
    struct job_fixture f;
    struct by_hand x = {.type = RECORD_CONDEMN};
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    job_fixture_write(&f, "large", 5, 3000000);
    scratch_dir(f.src, "dir");
    if (!scratch_run("cd %s && v=$(head -c 1500 /dev/zero | tr '\\0' v) && "
                     "setfattr -n user.long -v d$v dir && "
                     "setfattr -n user.long -v f$v file-001",
                     f.src))
        print_message("no extended attributes: not tested\n");
    (void)job_fixture_snap(&f);
    s = job_fixture_snap(&f);
    assert_int_equal(s.result.kept_files, JOB_FIXTURE_FILES + 1);
    all_packs(f.r, &x, 0);
    assert_int_equal(repo_log_append(f.r, say, &x, NULL), 0);
    s = job_fixture_snap(&f);
    assert_int_equal(s.result.kept_files, 0);
    assert_true(s.result.stats.new_bytes >= s.result.stats.bytes);
    job_fixture_returns(&f, &s.result.id);

    x.type = RECORD_DOOM;
    assert_int_equal(repo_log_append(f.r, say, &x, NULL), 0);
    delete_packs(&f, &x);
    for (int fresh = 0; fresh < 2; fresh++) {
        job_fixture_reopen(&f, fresh != 0);
        job_fixture_returns(&f, &s.result.id);
    }
    job_fixture_close(&f);
}

/* Cuts a file off as soon as the run stores content. What is left has more
 * holes than ext4 takes blocks for its list of extents: with fewer the file
 * would look dense once it is written back. */
struct cut_off {
    const char *src;
    atomic_bool done;
};

static int cut_off(void *ctx, enum memory_point point, enum memory_op op,
                   const char *name)
{
    struct cut_off *c = ctx;

    (void)name;
    if (point == MEMORY_BEFORE && op == MEMORY_APPEND &&
        !atomic_exchange(&c->done, true))
        assert_true(scratch_run("cd %s && truncate -s 20000 sparse", c->src));
    return 0;
}

/* An entry that was to be kept is read again, because its chunks are condemned,
 * and has become shorter meanwhile: it has the holes it has now. */
static void test_snapshot_reliance__what_is_read_again_has_its_own_holes(
    void **state)
{
    struct job_fixture f;
    struct cut_off c = {.done = false};
    struct by_hand x = {.type = RECORD_CONDEMN};
    struct snapshot_job_options o;
    struct job_entry e;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    c.src = f.src;
    job_fixture_write(&f, "first", 5, 30000000);
    assert_true(scratch_run("cd %s && for i in 0 2 4 6 8 10; do printf x | "
                            "dd of=sparse bs=1 seek=$((i * 4096)) status=none "
                            "conv=notrunc; done && touch -d 2001-01-01 sparse",
                            f.src));
    s = job_fixture_snap(&f);
    assert_true(job_fixture_find(&f, &s.result.id, "sparse", &e));
    assert_true(e.te.holes.n > 0);
    job_fixture_drop(&e);
    all_packs(f.r, &x, 0);
    assert_int_equal(repo_log_append(f.r, say, &x, NULL), 0);
    o = job_fixture_options(&f);
    o.threads = 1;
    memory_set_hook(f.store, cut_off, &c);
    s = job_fixture_run(&f, &o);
    memory_set_hook(f.store, NULL, NULL);
    assert_int_equal(s.rc, 0);
    assert_true(c.done);
    assert_true(job_fixture_find(&f, &s.result.id, "sparse", &e));
    assert_int_equal(e.te.e.size, 20000);
    assert_true(short_hole_ok(e.te.holes, 20000));
    job_fixture_drop(&e);
    job_fixture_returns(&f, &s.result.id);
    job_fixture_close(&f);
}

/* While a run is at it, its parent is forgotten, and packs are condemned for
 * roots without it. */
struct meanwhile {
    struct job_fixture *f;
    const struct object_id *parent;
    struct by_hand packs;
    bool opened; /* the run has */
    bool done;
    bool harmless; /* what is said concerns somebody else */
    uint64_t said; /* number of the last record */
};

static int forget_and_condemn(void *ctx, enum memory_point point,
                              enum memory_op op, const char *name)
{
    struct meanwhile *m = ctx;
    struct repo_open_options opt = {.secret = &m->f->secret};
    struct by_hand x = {.type = RECORD_FORGET, .id = {*m->parent}, .n = 1};
    struct repo *r = NULL;
    char cache[JOB_PATH + 8];

    if (op == MEMORY_COMMIT && strncmp(name, "w/", 2) == 0)
        m->opened = true;
    if (m->done || !m->opened || point != MEMORY_AFTER || op != MEMORY_GET ||
        strncmp(name, "packs/", 6) != 0)
        return 0;
    m->done = true;
    (void)snprintf(cache, sizeof cache, "%s-2", m->f->cache);
    opt.cache_root = cache;
    assert_int_equal(repo_open(m->f->store, &opt, &r), 0);
    if (m->harmless)
        memset(x.id[0].b, 7, sizeof x.id[0].b);
    assert_int_equal(repo_log_append(r, say, &x, &m->said), 0);
    if (!m->harmless)
        assert_int_equal(repo_log_append(r, say, &m->packs, &m->said), 0);
    repo_close(r);
    clock_fake_advance(WRITER_SILENCE_NS / 2);
    return 0;
}

/* The highest generation that any renewal says. */
struct renewals {
    struct job_fixture *f;
    unsigned n;
    uint64_t generation;
};

static int read_renewal(void *ctx, const char *name, uint64_t size)
{
    struct renewals *x = ctx;
    struct chain c = {
        .store = x->f->store, .keys = x->f->r->keys, .kind = ENVELOPE_JOURNAL};
    struct chain_record r = {.signer = {{0}}};
    struct record_journal j;
    uint64_t k;
    bool found;

    (void)size;
    assert_true(record_journal_number(name, &c.writer, &k));
    assert_int_equal(chain_get(&c, k, &r, &found), 0);
    assert_int_equal(record_journal_get(&r.record, &j), 0);
    if (r.record.type == RECORD_RENEW) {
        x->n++;
        if (j.generation > x->generation)
            x->generation = j.generation;
    }
    chain_record_release(&r);
    return 0;
}

/* The files that the run took over from its parent may lie in packs that were
 * condemned after it began: its renewal must not say otherwise, or collectors
 * would no longer wait for its commit. */
static void test_snapshot_reliance__renews_with_what_it_still_relies_on(
    void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct job_fixture f;
        struct meanwhile m = {.f = &f, .packs = {.type = RECORD_CONDEMN}};
        struct renewals n = {.f = &f};
        struct job_snap first;
        struct job_snap s;

        job_fixture_open(&f);
        job_fixture_files(&f);
        first = job_fixture_snap(&f);
        m.parent = &first.result.id;
        /* whoever has filled the cache itself asks for every chunk */
        job_fixture_reopen(&f, false);
        all_packs(f.r, &m.packs, INDEX_DATA);
        m.harmless = i == 1;
        memory_set_hook(f.store, forget_and_condemn, &m);
        s = job_fixture_run(&f, NULL);
        memory_set_hook(f.store, NULL, NULL);
        assert_int_equal(s.rc, 0);
        assert_true(m.done);
        assert_int_equal(s.result.kept_files, JOB_FIXTURE_FILES);
        assert_int_equal(store_list(f.store, "w", read_renewal, &n), 0);
        assert_int_equal(n.n, 1);
        if (m.harmless)
            assert_int_equal(n.generation, m.said);
        else
            assert_true(n.generation < m.said);
        job_fixture_returns(&f, &s.result.id);
        job_fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_snapshot_reliance__relies_on_nothing_that_is_condemned),
        cmocka_unit_test(
            test_snapshot_reliance__what_is_read_again_has_its_own_holes),
        cmocka_unit_test(
            test_snapshot_reliance__renews_with_what_it_still_relies_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
