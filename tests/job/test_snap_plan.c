#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "repo/job/snap_unit.h"
#include "tests/job/job_fixture.h"

/* The directories above the source are in each snapshot, and others change
 * them at any time: these many pages may be new though nothing has changed. */
enum { PAGES_ABOVE = 4, ASKS_ABOVE = 12 * PAGES_ABOVE };

/* --- what changed in the tick of the clock in which we looked --- */

enum { ODD_DIRS = 40 }; /* more asks than ASKS_ABOVE */

/* Directories, and what is no file, each with an attribute that its ctime does
 * not speak of: see the run below. */
static void make_attributed(struct job_fixture *f)
{
    const char *space = geteuid() == 0 ? "trusted" : "user";

    assert_true(scratch_run("cd %s && for i in $(seq %d); do mkdir d$i && "
                            "echo $i > d$i/f && setfattr -n %s.late -v $i d$i;"
                            " done; touch -d 2001-01-01 d1 && chmod 0700 d1",
                            f->src, (int)ODD_DIRS, space));
    if (geteuid() != 0)
        return; /* others may not give attributes to the following */
    assert_true(scratch_run("cd %s && ln -s to l && mkfifo p && mknod c c 1 3 "
                            "&& for i in l p c; do "
                            "setfattr -h -n trusted.late -v x $i; done",
                            f->src));
}

/* A run that sees no attributes, as if they came right after its look: what
 * the source says about their changes is what it will say to the next run. */
static struct job_snap run_before_the_attributes(struct job_fixture *f)
{
    struct job_snap s;

    assert_int_equal(
        fileop_fault_set("fail-from:1:EOPNOTSUPP,class=meta,domain=source"), 0);
    s = job_fixture_run(f, NULL);
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_int_equal(s.rc, 0);
    assert_int_equal(s.problem[MANIFEST_METADATA], 0);
    return s;
}

static size_t attributes_of(struct job_fixture *f, const struct job_snap *s,
                            const char *name, bool unsettled)
{
    struct job_entry e;
    size_t n;

    assert_true(job_fixture_find(f, &s->result.id, name, &e));
    assert_int_equal(e.te.e.unsettled, unsettled);
    n = e.te.attr_n;
    job_fixture_drop(&e);
    return n;
}

/* Equal times prove nothing about an entry that had just changed when it was
 * looked at, whatever its type; about all others they do. */
static void test_snap_plan__looks_again_at_what_had_just_changed(void **state)
{
    static const char *const name[] = {"d1", "d7", "l", "p", "c"};
    size_t names = geteuid() == 0 ? sizeof name / sizeof name[0] : 2;

    (void)state;
    for (unsigned recent = 0; recent <= 1; recent++) {
        struct job_fixture f;
        struct job_snap s;

        job_fixture_open(&f);
        make_attributed(&f);
        /* the fixture's clock is an hour ahead: all has settled; an hour
         * behind: nothing */
        if (recent)
            clock_fake_advance(-7200 * CLOCK_SECOND_NS);
        s = run_before_the_attributes(&f);
        job_fixture_reopen(&f, false); /* an index just made trusts nothing */
        for (size_t i = 0; i < names; i++)
            assert_int_equal(attributes_of(&f, &s, name[i], recent), 0);
        if (recent)
            clock_fake_advance(7200 * CLOCK_SECOND_NS);
        s = job_fixture_snap(&f);
        assert_int_equal(s.result.kept_files, recent ? 0 : ODD_DIRS);
        for (size_t i = 0; i < names; i++)
            assert_int_equal(attributes_of(&f, &s, name[i], false), recent);
        if (recent)
            job_fixture_returns(&f, &s.result.id);
        job_fixture_close(&f);
    }
}

/* How often a run asks for attributes, flags, project ids. */
static uint64_t asks_of(struct job_fixture *f, struct job_snap *s)
{
    uint64_t n;

    assert_int_equal(fileop_fault_set("count,class=meta,domain=source"), 0);
    *s = job_fixture_snap(f);
    n = fileop_fault_count();
    assert_int_equal(fileop_fault_set(NULL), 0);
    return n;
}

/* A directory in a settled tree has just changed: it alone is asked, and of its
 * entries none is opened or written anew. */
static void test_snap_plan__looks_again_at_nothing_else(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_entry before;
    struct job_entry after;
    struct chunk_id root;
    struct chunk_id settled;

    (void)state;
    job_fixture_open(&f);
    make_attributed(&f);
    (void)job_fixture_snap(&f);
    job_fixture_reopen(&f, false);
    assert_in_range(asks_of(&f, &s), 0, ASKS_ABOVE);
    settled = job_fixture_root(&f, &s.result.id);
    assert_true(job_fixture_find(&f, &s.result.id, "d7", &before));
    /* in the past of the fixture's clock, but within its window */
    clock_fake_advance(-7200 * CLOCK_SECOND_NS);
    assert_true(scratch_run("chmod 0711 %s/d7", f.src));
    s = job_fixture_snap(&f);
    clock_fake_advance(7200 * CLOCK_SECOND_NS);
    assert_int_equal(s.result.kept_files, ODD_DIRS);
    assert_true(job_fixture_find(&f, &s.result.id, "d7", &after));
    assert_true(after.te.e.unsettled);
    assert_true(chunk_id_equal(&before.te.dir.root, &after.te.dir.root));
    job_fixture_drop(&before);
    job_fixture_drop(&after);
    /* the run after asks once more, the one after that does not */
    assert_in_range(asks_of(&f, &s), 1, ASKS_ABOVE);
    assert_int_equal(attributes_of(&f, &s, "d7", false), 1);
    assert_int_equal(s.result.kept_files, ODD_DIRS);
    assert_in_range(s.result.stats.new_chunks, 1, PAGES_ABOVE + 1);
    root = job_fixture_root(&f, &s.result.id);
    assert_false(chunk_id_equal(&root, &settled));
    assert_in_range(asks_of(&f, &s), 0, ASKS_ABOVE);
    settled = job_fixture_root(&f, &s.result.id);
    assert_true(chunk_id_equal(&root, &settled));
    job_fixture_close(&f);
}

/* A place that is used again tells nothing of what it held. */
static void test_snap_unit__kept_items_begin_empty(void **state)
{
    struct snap_unit u = {.n = 0};
    struct snap_item *it;

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(snap_unit_reset(&u, 4096), 0);
        it = snap_unit_add(&u, SNAP_PROBLEM);
        assert_int_equal(snap_unit_problem(&u, it, MANIFEST_UNREADABLE, NULL,
                                           bytes_of_str("a"), "why"),
                         0);
        it->first = it->last = it->has_attrs = it->must_check = true;
        it->resumed = it->fresh = true;
        it->piece = it->piece_n = 7;
        assert_int_equal(snap_unit_reset(&u, 4096), 0);
        it = snap_unit_add_kept(&u);
        assert_int_equal(it->what, SNAP_KEPT);
        assert_null(it->dir);
        assert_int_equal(it->problem, 0);
        assert_int_equal(it->problem_path.n + it->problem_text.n, 0);
        assert_int_equal(it->piece + it->piece_n, 0);
        assert_false(it->first || it->last || it->has_attrs || it->must_check ||
                     it->resumed || it->fresh);
    }
    snap_unit_release(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snap_plan__looks_again_at_what_had_just_changed),
        cmocka_unit_test(test_snap_plan__looks_again_at_nothing_else),
        cmocka_unit_test(test_snap_unit__kept_items_begin_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
