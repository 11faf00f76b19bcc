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

enum { LIST_MAX = 700 };

/* Directory `no` is listed, or its rest; it holds those from first on. */
static void list_part(struct world *w, unsigned no, bool begun, unsigned first,
                      size_t n)
{
    static struct chunk_id dir[LIST_MAX];
    struct chunk_id id = id_of(no);

    assert_true(n <= LIST_MAX);
    for (size_t i = 0; i < n; i++)
        dir[i] = id_of(first + (unsigned)i);
    foresee_listed(w->f, &id, begun, dir, n);
}

static void list(struct world *w, unsigned no, unsigned first, size_t n)
{
    list_part(w, no, true, first, n);
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

/* A listing in several answers: the rest stands behind what was there. */
static void test_foresee__the_rest_of_a_listing(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    list(&w, 1, 10, 2);
    list(&w, 10, 20, 1);
    list_part(&w, 10, false, 21, 1);
    list_part(&w, 1, false, 12, 9); /* by somebody else: not the last one */
    assert_int_equal(steps(&w), 2);
    assert_int_equal(w.loaded[0], 20);
    assert_int_equal(w.loaded[1], 21);
    list(&w, 20, 0, 0);
    list(&w, 21, 0, 0);
    assert_int_equal(steps(&w), 1);
    assert_int_equal(w.loaded[2], 11);
    foresee_free(w.f);
}

/* However often it was right: so many ahead, and no more. */
static void test_foresee__bounds(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    list(&w, 1, 100, 64);
    for (unsigned i = 0; i < 40; i++)
        list(&w, 100 + i, 0, 0);
    assert_int_equal(steps(&w), 8);
    assert_int_equal(w.loaded[0], 140);
    assert_int_equal(w.loaded[7], 147);
    /* deep down the farthest are forgotten, the nearest are there */
    for (unsigned i = 0; i < 100; i++)
        list(&w, i ? 1000 * i : 140, 1000 * (i + 1), 64);
    assert_int_equal(steps(&w), 8);
    assert_int_equal(w.loaded[8], 100000);
    foresee_free(w.f);
}

/* Of a directory of very many the first ones are known, also when they come in
 * parts; then those above it are not. */
static void test_foresee__very_many(void **state)
{
    struct world w;

    (void)state;
    for (unsigned parts = 1; parts <= 3; parts++) {
        world_open(&w);
        list(&w, 1, 10, 20);
        list(&w, 10, 1000, parts == 1 ? LIST_MAX : 300);
        for (unsigned i = 1; i < parts; i++)
            list_part(&w, 10, false, 1000 + i * 300, 300);
        list(&w, 1000 + 510, 0, 0);
        assert_int_equal(steps(&w), 1); /* nothing stands behind that */
        assert_int_equal(w.loaded[0], 1000 + 511);
        foresee_free(w.f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foresee__who_goes_through_a_tree),
        cmocka_unit_test(test_foresee__who_does_something_else),
        cmocka_unit_test(test_foresee__one_at_a_time),
        cmocka_unit_test(test_foresee__the_rest_of_a_listing),
        cmocka_unit_test(test_foresee__bounds),
        cmocka_unit_test(test_foresee__very_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
