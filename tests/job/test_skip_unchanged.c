/* A run that finds nothing new makes no snapshot, but says that the last one
 * is as good: which must still be so when it says it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "repo/label_change.h"
#include "tests/job/job_fixture.h"

static struct job_snap skip_run(struct job_fixture *f)
{
    struct snapshot_job_options o = job_fixture_options(f);
    struct job_snap s;

    o.skip_unchanged = true;
    s = job_fixture_run(f, &o);
    assert_int_equal(s.rc, 0);
    return s;
}

static void make_source(struct job_fixture *f)
{
    scratch_text(f->src, "a", "a");
    scratch_dir(f->src, "d");
    scratch_text(f->src, "d/b", "b");
}

static void test_skip_unchanged__makes_none_when_nothing_changed(void **state)
{
    struct job_fixture f;
    struct job_snap first, s;

    (void)state;
    job_fixture_open(&f);
    make_source(&f);
    first = skip_run(&f); /* there is none before */
    assert_false(first.result.skipped);
    job_fixture_reopen(&f, false); /* whose cache was new may rely on nothing */
    s = skip_run(&f);
    assert_true(s.result.skipped);
    assert_true(object_id_equal(&s.result.id, &first.result.id));
    assert_int_equal(s.result.stats.files, 2);
    scratch_text(f.src, "d/b", "another");
    s = skip_run(&f);
    assert_false(s.result.skipped);
    assert_false(object_id_equal(&s.result.id, &first.result.id));
    assert_true(skip_run(&f).result.skipped);
    job_fixture_close(&f);
}

/* Another host, which writes into the log while a run reads its parent. */
struct other {
    struct repo *r;
    struct object_id id;
    atomic_bool done;
};

static int protect_once(void *ctx, enum memory_point point, enum memory_op op,
                        const char *name)
{
    struct other *o = ctx;
    bool changed = false;

    if (point != MEMORY_BEFORE || op != MEMORY_GET || name[0] != 'p' ||
        atomic_exchange(&o->done, true))
        return 0;
    assert_int_equal(
        label_change_protect(o->r, &o->id, 0, bytes_of_str("keep"), &changed),
        0);
    assert_true(changed);
    return 0;
}

/* What was forgotten, or its signer removed, must not pass for a backup: where
 * the log has moved on, whatever by, a snapshot is made. */
static void test_skip_unchanged__makes_one_when_the_log_moved_on(void **state)
{
    struct job_fixture f;
    struct other o = {.r = NULL};
    char cache[JOB_PATH + 8];
    struct repo_open_options opt = {.cache_root = cache};
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    make_source(&f);
    o.id = job_fixture_snap(&f).result.id;
    (void)snprintf(cache, sizeof cache, "%s/other", f.dir);
    opt.secret = &f.secret;
    assert_int_equal(repo_open(f.store, &opt, &o.r), 0);
    job_fixture_reopen(&f, false);
    memory_set_hook(f.store, protect_once, &o);
    s = skip_run(&f);
    memory_set_hook(f.store, NULL, NULL);
    assert_true(atomic_load(&o.done));
    assert_false(s.result.skipped);
    assert_false(object_id_equal(&s.result.id, &o.id));
    job_fixture_returns(&f, &s.result.id);
    assert_true(skip_run(&f).result.skipped); /* nobody was faster now */
    repo_close(o.r);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skip_unchanged__makes_none_when_nothing_changed),
        cmocka_unit_test(test_skip_unchanged__makes_one_when_the_log_moved_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
