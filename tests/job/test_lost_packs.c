/* A host with a write key, whose last tree lies in packs that are damaged or
 * gone. Runs of one thread: what lies in one frame is always the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "index/index.h"
#include "repo/pack_layout.h"
#include "repo/repo_log.h"
#include "tests/job/host_kit.h"
#include "tests/job/job_fixture.h"

enum { FILES = JOB_FIXTURE_FILES };

/* A run that must succeed; kept: how many files it did not open. */
static struct job_snap run(struct job_fixture *f, uint64_t kept)
{
    struct snapshot_job_options o = job_fixture_options(f);
    struct job_snap s;

    o.threads = 1;
    s = job_fixture_run(f, &o);
    assert_int_equal(s.rc, 0);
    assert_int_equal(s.result.kept_files, kept);
    assert_int_equal(s.result.parent_damaged, 0);
    return s;
}

struct meta_packs {
    char name[16][PACK_LAYOUT_NAME_MAX];
    size_t n;
};

/* The metadata packs that the index knows. */
static struct meta_packs meta_packs(struct job_fixture *f)
{
    struct meta_packs m = {.n = 0};
    struct index_reader *r = NULL;
    struct index_pack pack[16];
    uint32_t next = 0;
    size_t n;

    assert_int_equal(index_reader_new(f->r->index, &r), 0);
    assert_int_equal(index_reader_packs(r, &next, pack, 16, &n), 0);
    for (size_t i = 0; i < n; i++) {
        if (pack[i].kind == INDEX_META)
            pack_layout_name(&pack[i].id, m.name[m.n++]);
    }
    index_reader_free(r);
    return m;
}

/* Every frame in them. */
static void damage(struct job_fixture *f, const struct meta_packs *m)
{
    for (size_t i = 0; i < m->n; i++) {
        uint64_t off = 300;

        while (memory_damage(f->store, m->name[i], off, 0x20))
            off += 40; /* no frame, however small, lies between two of these */
        assert_true(off > 300);
    }
}

/* The copy of a list that is open is damaged, the other one closed: its file is
 * read again, as where a list is damaged that anybody could read. The directory
 * is small enough for one page. */
static void test_lost_packs__reads_files_whose_lists_are_closed(void **state)
{
    struct meta_packs with_list;
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_write(&f, "large", 5, 3000000);
    job_fixture_write(&f, "small", 6, 1000);
    job_fixture_write(&f, "other", 7, 1000);
    job_fixture_add_write_key(&f);
    job_fixture_as(&f, true);
    (void)run(&f, 0);
    with_list = meta_packs(&f);
    job_fixture_write(&f, "small", 999, 50000);
    (void)run(&f, 2); /* the pages lie elsewhere now */
    assert_true(scratch_run("cp -p %s/keepsake-* %s/kept", f.r->cache, f.dir));
    host_kit_forget(&f);
    (void)run(&f, 0);
    assert_true(
        scratch_run("cd %s && cp -p %s/kept keepsake-*", f.r->cache, f.dir));
    damage(&f, &with_list);
    job_fixture_as(&f, false);
    assert_int_equal(repo_log_append(f.r, host_kit_mark_nothing, NULL, NULL),
                     0);
    job_fixture_as(&f, true);
    s = run(&f, 2);
    host_kit_returns(&f, &s);
    job_fixture_close(&f);
}

/* A collector has taken the packs in which its tree lay. */
static void test_lost_packs__reads_again_what_is_gone(void **state)
{
    struct meta_packs gone;
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    host_kit_open(&f);
    (void)run(&f, 0);
    gone = meta_packs(&f);
    for (size_t i = 0; i < gone.n; i++)
        assert_int_equal(store_delete(f.store, gone.name[i]), 0);
    s = run(&f, 0);
    host_kit_returns(&f, &s);
    s = run(&f, FILES);
    host_kit_returns(&f, &s);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_packs__reads_files_whose_lists_are_closed),
        cmocka_unit_test(test_lost_packs__reads_again_what_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
