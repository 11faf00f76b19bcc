/* The parent is walked side by side with the source: names ascend on both
 * sides, and each may have what the other has not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "repo/job/parent.h"
#include "tests/job/job_fixture.h"

/* A parent that reads a snapshot of the fixture. */
struct bench {
    struct job_fixture f;
    struct fetch *fetch;
    struct fetch_lane *lane;
    struct parent *p;
    struct job_entry root; /* of the source's directory */
};

static void bench_open(struct bench *b)
{
    struct job_snap s;

    job_fixture_open(&b->f);
    scratch_text(b->f.src, "b", "b");
    scratch_dir(b->f.src, "d");
    scratch_text(b->f.src, "d/x", "x");
    scratch_dir(b->f.src, "d/e");
    scratch_text(b->f.src, "d/e/y", "y");
    scratch_text(b->f.src, "f", "f");
    s = job_fixture_snap(&b->f);
    assert_true(job_fixture_find(&b->f, &s.result.id, "", &b->root));
}

static void bench_start(struct bench *b)
{
    assert_int_equal(
        fetch_open(b->f.store, b->f.r->keys, b->f.r->index, 0, &b->fetch), 0);
    assert_int_equal(fetch_lane_new(b->fetch, &b->lane), 0);
    b->p = parent_new(b->lane);
    assert_non_null(b->p);
    parent_add(b->p, &b->root.te);
}

static void bench_close(struct bench *b)
{
    parent_free(b->p);
    fetch_lane_free(b->lane);
    fetch_free(b->fetch);
    job_fixture_drop(&b->root);
    job_fixture_close(&b->f);
}

/* Whether the directory we stand in has that name. */
static const struct tree_entry *find(struct bench *b, const char *name)
{
    struct parent_found found;

    assert_int_equal(parent_find(b->p, bytes_of_str(name), &found), 0);
    for (size_t i = 0; i < PARENT_MAX; i++)
        if (found.te[i])
            assert_true(bytes_equal(found.te[i]->e.name, bytes_of_str(name)));
    return found.te[0];
}

/* Into what the first tree has under that name. */
static void enter(struct bench *b, const struct tree_entry *te)
{
    struct parent_found found = {{te}};

    assert_int_equal(parent_enter(b->p, &found), 0);
}

static int enter_root(struct bench *b)
{
    struct parent_found found;

    return parent_enter_root(b->p, &found);
}

static void test_parent__finds_what_was_there(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_start(&b);
    assert_int_equal(enter_root(&b), 0);
    assert_null(find(&b, "a")); /* new */
    assert_non_null(find(&b, "b"));
    assert_null(find(&b, "bb"));
    enter(&b, find(&b, "d"));
    enter(&b, find(&b, "e"));
    assert_non_null(find(&b, "y"));
    assert_null(find(&b, "z"));
    parent_leave(b.p);
    assert_non_null(find(&b, "x"));
    parent_leave(b.p);
    assert_null(find(&b, "e")); /* that was a level below */
    assert_non_null(find(&b, "f"));
    assert_null(find(&b, "g"));
    assert_null(find(&b, "h"));
    parent_leave(b.p);
    /* once more, from the start, and past what was deleted in the source */
    assert_int_equal(enter_root(&b), 0);
    assert_non_null(find(&b, "f"));
    assert_int_equal(parent_damaged(b.p), 0);
    bench_close(&b);
}

static void test_parent__nothing_below_what_is_no_directory(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_start(&b);
    assert_int_equal(enter_root(&b), 0);
    enter(&b, find(&b, "b")); /* a file before */
    assert_null(find(&b, "x"));
    enter(&b, NULL);
    assert_null(find(&b, "x"));
    parent_leave(b.p);
    parent_leave(b.p);
    assert_non_null(find(&b, "d"));
    parent_leave(b.p);
    parent_free(b.p);
    b.p = parent_new(b.lane);
    assert_non_null(b.p);
    assert_int_equal(enter_root(&b), 0); /* no parent at all */
    assert_null(find(&b, "b"));
    enter(&b, NULL);
    assert_null(find(&b, "b"));
    assert_int_equal(parent_damaged(b.p), 0);
    bench_close(&b);
}

/* Each tree is asked by itself, and entered where it has that directory. */
static void test_parent__several_trees_side_by_side(void **state)
{
    struct parent_found found;
    struct job_entry later;
    struct job_snap s;
    struct bench b;

    (void)state;
    bench_open(&b);
    assert_true(scratch_run("cd '%s' && rm -r b d/e && echo n >d/n && mkdir b",
                            b.f.src));
    s = job_fixture_snap(&b.f);
    assert_true(job_fixture_find(&b.f, &s.result.id, "", &later));
    bench_start(&b);
    parent_add(b.p, &later.te);
    assert_int_equal(enter_root(&b), 0);
    assert_int_equal(parent_find(b.p, bytes_of_str("b"), &found), 0);
    assert_int_equal(found.te[0]->e.type, ENTRY_FILE);
    assert_int_equal(found.te[1]->e.type, ENTRY_DIR);
    assert_int_equal(parent_find(b.p, bytes_of_str("d"), &found), 0);
    assert_int_equal(parent_enter(b.p, &found), 0);
    assert_int_equal(parent_find(b.p, bytes_of_str("e"), &found), 0);
    assert_non_null(found.te[0]);
    assert_null(found.te[1]);
    assert_int_equal(parent_enter(b.p, &found), 0);
    assert_int_equal(parent_find(b.p, bytes_of_str("y"), &found), 0);
    assert_non_null(found.te[0]);
    assert_null(found.te[1]);
    parent_leave(b.p);
    assert_int_equal(parent_find(b.p, bytes_of_str("n"), &found), 0);
    assert_null(found.te[0]);
    assert_non_null(found.te[1]);
    assert_int_equal(parent_find(b.p, bytes_of_str("x"), &found), 0);
    assert_non_null(found.te[0]);
    assert_non_null(found.te[1]);
    job_fixture_drop(&later);
    bench_close(&b);
}

/* Their names, and an error to return. */
struct gone {
    char names[32];
    int rc;
};

static int gone(void *ctx, const struct tree_entry *te)
{
    struct gone *g = ctx;

    (void)strncat(g->names, (const char *)te->e.name.p, te->e.name.n);
    return g->rc;
}

static void test_parent__tells_what_was_not_asked_for(void **state)
{
    struct gone g = {.rc = 0};
    struct parent_found found;
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_start(&b);
    parent_add(b.p, &b.root.te); /* another one, which is not told of */
    parent_on_gone(b.p, 0, gone, &g);
    assert_int_equal(enter_root(&b), 0);
    assert_null(find(&b, "c"));
    assert_string_equal(g.names, "b");
    enter(&b, find(&b, "d"));
    assert_null(find(&b, "a"));
    assert_int_equal(parent_rest(b.p), 0);
    assert_string_equal(g.names, "bex");
    parent_leave(b.p);
    assert_non_null(find(&b, "f")); /* d was asked for */
    assert_int_equal(parent_rest(b.p), 0);
    assert_string_equal(g.names, "bex");
    parent_leave(b.p);
    g = (struct gone){.rc = E_SOURCE};
    assert_int_equal(enter_root(&b), 0);
    assert_int_equal(parent_find(b.p, bytes_of_str("c"), &found), E_SOURCE);
    bench_close(&b);
}

static void test_parent__damage_is_absence(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    job_fixture_damage(&b.f, PACK_META);
    bench_start(&b);
    assert_int_equal(enter_root(&b), 0);
    assert_int_equal(parent_damaged(b.p), 1);
    assert_null(find(&b, "b"));
    enter(&b, find(&b, "d"));
    assert_null(find(&b, "x"));
    parent_leave(b.p);
    assert_int_equal(parent_damaged(b.p), 1);
    bench_close(&b);
}

/* A store that fails is no damage: the run must not read everything again, and
 * must not go on. */
static void test_parent__trouble_with_the_store_is_no_damage(void **state)
{
    struct memory_fault fault = {
        .point = MEMORY_BEFORE, .n = 1, .persistent = true, .code = E_STORE};
    struct memory_fault none = {.n = 0};
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_start(&b);
    memory_set_fault(b.f.store, fault);
    assert_int_equal(enter_root(&b), E_STORE);
    memory_set_fault(b.f.store, none);
    assert_int_equal(parent_damaged(b.p), 0);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parent__finds_what_was_there),
        cmocka_unit_test(test_parent__nothing_below_what_is_no_directory),
        cmocka_unit_test(test_parent__several_trees_side_by_side),
        cmocka_unit_test(test_parent__tells_what_was_not_asked_for),
        cmocka_unit_test(test_parent__damage_is_absence),
        cmocka_unit_test(test_parent__trouble_with_the_store_is_no_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
