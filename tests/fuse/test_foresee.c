/* Which directories are read before they are listed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fuse/foresee.h"

/* A directory's pages have its number in their id. */
static struct chunk_id id_of(unsigned no)
{
    struct chunk_id id = {{0}};

    memcpy(id.b, &no, sizeof no);
    return id;
}

struct world {
    struct foresee *f;
    unsigned loaded[64];
    size_t n;
};

static void world_load(void *ctx, const struct chunk_id *root)
{
    struct world *w = ctx;

    assert_true(w->n < sizeof w->loaded / sizeof w->loaded[0]);
    memcpy(&w->loaded[w->n++], root->b, sizeof w->loaded[0]);
}

static void world_open(struct world *w)
{
    *w = (struct world){.n = 0};
    w->f = foresee_new(world_load, w);
    assert_non_null(w->f);
}

/* Directory `no` is listed; it holds those from first on. */
static void list(struct world *w, unsigned no, unsigned first, size_t n)
{
    struct foresee_dirs dirs = {.n = n};
    struct chunk_id id = id_of(no);

    for (size_t i = 0; i < n; i++)
        dirs.root[i] = id_of(first + (unsigned)i);
    foresee_listed(w->f, &id, &dirs);
}

static size_t steps(struct world *w)
{
    size_t n = 0;

    while (foresee_step(w->f)) {
        n++;
        assert_true(n < 1000);
    }
    return n;
}

/* One that was listed alone shows nothing yet; the second one in order does. */
static void test_foresee__who_goes_through_a_tree(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    assert_int_equal(steps(&w), 0);
    list(&w, 1, 10, 5);
    assert_int_equal(steps(&w), 0);
    list(&w, 10, 20, 2); /* the first one in it */
    assert_int_equal(steps(&w), 2);
    assert_int_equal(w.loaded[0], 20);
    assert_int_equal(w.loaded[1], 21);
    list(&w, 20, 0, 0);
    list(&w, 21, 0, 0);
    assert_int_equal(steps(&w), 4);
    assert_int_equal(w.loaded[2], 11);
    assert_int_equal(w.loaded[5], 14);
    assert_int_equal(steps(&w), 0); /* none twice */
    list(&w, 11, 30, 1);
    assert_int_equal(steps(&w), 1);
    assert_int_equal(w.loaded[6], 30);
    foresee_free(w.f);
}

/* Some may be passed over; one that nobody foresaw ends it. */
static void test_foresee__who_does_something_else(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    list(&w, 1, 10, 10);
    list(&w, 14, 0, 0);
    assert_int_equal(steps(&w), 2);
    assert_int_equal(w.loaded[0], 15);
    assert_int_equal(w.loaded[1], 16);
    list(&w, 99, 200, 3);
    assert_int_equal(steps(&w), 0);
    list(&w, 17, 0, 0); /* forgotten, with all that was foreseen */
    assert_int_equal(steps(&w), 0);
    foresee_free(w.f);
}

/* While one is read, another thread answers requests: it does not read, too. */
static void load_and_step(void *ctx, const struct chunk_id *root)
{
    struct world *w = ctx;

    assert_false(foresee_step(w->f));
    world_load(w, root);
}

static void test_foresee__one_at_a_time(void **state)
{
    struct world w = {.n = 0};

    (void)state;
    w.f = foresee_new(load_and_step, &w);
    assert_non_null(w.f);
    list(&w, 1, 10, 5);
    list(&w, 10, 0, 0);
    assert_int_equal(steps(&w), 2);
    assert_int_equal(w.n, 2);
    foresee_free(w.f);
}

/* However often it was right: so many ahead, and no more. */
static void test_foresee__bounds(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    list(&w, 1, 100, FORESEE_DIRS);
    for (unsigned i = 0; i < 40; i++)
        list(&w, 100 + i, 0, 0);
    assert_int_equal(steps(&w), 8);
    assert_int_equal(w.loaded[0], 140);
    assert_int_equal(w.loaded[7], 147);
    /* deep down the farthest are forgotten, the nearest are there */
    for (unsigned i = 0; i < 100; i++)
        list(&w, i ? 1000 * i : 140, 1000 * (i + 1), FORESEE_DIRS);
    assert_int_equal(steps(&w), 8);
    assert_int_equal(w.loaded[8], 100000);
    foresee_free(w.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foresee__who_goes_through_a_tree),
        cmocka_unit_test(test_foresee__who_does_something_else),
        cmocka_unit_test(test_foresee__one_at_a_time),
        cmocka_unit_test(test_foresee__bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
