/* The directories that the kernel knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fuse/dir_slots.h"

static struct dir_slots *table(void)
{
    struct dir_slot top = {.snap = DIR_SLOTS_NO_SNAP, .ino = 1};
    struct dir_slots *t = dir_slots_new(&top);

    assert_non_null(t);
    return t;
}

static uint32_t enter(struct dir_slots *t, uint32_t parent, uint32_t key,
                      uint32_t snap)
{
    struct dir_slot d = {.parent = parent, .key = key, .snap = snap};
    uint32_t no;

    assert_int_equal(dir_slots_enter(t, &d, &no), 0);
    return no;
}

static void test_dir_slots__one_for_each_place(void **state)
{
    struct dir_slots *t = table();
    uint32_t a = enter(t, DIR_SLOTS_ROOT, 0, 5);
    uint32_t b = enter(t, DIR_SLOTS_ROOT, 1, 5);
    uint32_t c = enter(t, a, 0, 5);
    struct dir_slot d;

    (void)state;
    assert_true(a != DIR_SLOTS_ROOT && a != b && c != a && c != b);
    assert_int_equal(enter(t, DIR_SLOTS_ROOT, 0, 5), a);
    assert_int_equal(enter(t, a, 0, 5), c);
    assert_true(dir_slots_get(t, c, &d));
    assert_int_equal(d.parent, a);
    assert_int_equal(dir_slots_of_snap(t, 5), 3);
    assert_int_equal(dir_slots_of_snap(t, 4), 0);
    assert_false(dir_slots_get(t, c + 1, &d));
    assert_true(dir_slots_get(t, DIR_SLOTS_ROOT, &d));
    dir_slots_free(t);
}

static uint32_t enter_named(struct dir_slots *t, uint32_t parent,
                            const char *name)
{
    struct dir_slot d = {.parent = parent, .snap = DIR_SLOTS_NO_SNAP};
    uint32_t no;

    assert_int_equal(dir_slots_enter_named(t, &d, bytes_of_str(name), &no), 0);
    return no;
}

/* Those that have no place in their directory have a name, which goes with
 * them. */
static void test_dir_slots__one_for_each_name(void **state)
{
    struct dir_slots *t = table();
    const size_t before = dir_slots_bytes(t);
    uint32_t a = enter_named(t, DIR_SLOTS_ROOT, "a");
    uint32_t b = enter_named(t, a, "a");
    char name[DIR_SLOTS_NAME_MAX + 1];

    (void)state;
    assert_int_not_equal(a, b);
    assert_int_equal(enter_named(t, DIR_SLOTS_ROOT, "a"), a);
    assert_int_not_equal(enter_named(t, DIR_SLOTS_ROOT, "b"), a);
    assert_int_equal(enter_named(t, a, "a"), b);
    assert_int_equal(dir_slots_name(t, b, name), 1);
    assert_string_equal(name, "a");
    assert_int_equal(dir_slots_name(t, DIR_SLOTS_ROOT, name), 0);
    assert_string_equal(name, "");
    assert_int_equal(dir_slots_name(t, 99, name), 0);
    memset(name, 'x', DIR_SLOTS_NAME_MAX);
    name[DIR_SLOTS_NAME_MAX] = 0;
    b = enter_named(t, b, name);
    assert_int_equal(dir_slots_name(t, b, name), DIR_SLOTS_NAME_MAX);
    assert_true(dir_slots_bytes(t) > before + DIR_SLOTS_NAME_MAX);
    dir_slots_forget(t, b, 1);
    assert_int_equal(dir_slots_name(t, b, name), 0);
    assert_true(dir_slots_bytes(t) < before + 1000);
    dir_slots_free(t);
}

/* It lives as long as the kernel knows it, or a file or directory in it. */
static void test_dir_slots__goes_when_nobody_knows_it(void **state)
{
    struct dir_slots *t = table();
    uint32_t a = enter(t, DIR_SLOTS_ROOT, 0, 1);
    uint32_t b = enter(t, a, 7, 1);
    struct dir_slot d;

    (void)state;
    dir_slots_hold(t, b); /* a file in it */
    (void)enter(t, a, 7, 1);
    dir_slots_forget(t, b, 2);
    assert_true(dir_slots_get(t, b, &d));
    dir_slots_forget(t, a, 1);
    assert_true(dir_slots_get(t, a, &d)); /* b is below it */
    dir_slots_forget(t, b, 1);
    assert_false(dir_slots_get(t, b, &d));
    assert_false(dir_slots_get(t, a, &d));
    assert_int_equal(dir_slots_of_snap(t, 1), 0);
    /* the top stays, whatever the kernel says */
    dir_slots_forget(t, DIR_SLOTS_ROOT, 100);
    assert_true(dir_slots_get(t, DIR_SLOTS_ROOT, &d));
    /* and its numbers are used again */
    a = enter(t, DIR_SLOTS_ROOT, 3, 2);
    assert_true(a <= b || a == b + 1);
    dir_slots_free(t);
}

static void test_dir_slots__many(void **state)
{
    enum { MANY = 20000 };
    struct dir_slots *t = table();
    static uint32_t no[MANY];
    uint32_t from = 0, n = 0, at;
    struct dir_slot d;

    (void)state;
    for (uint32_t i = 0; i < MANY; i++)
        no[i] = enter(t, i < 100 ? DIR_SLOTS_ROOT : no[i % 100], i, i % 3);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(
            enter(t, i < 100 ? DIR_SLOTS_ROOT : no[i % 100], i, i % 3), no[i]);
    while (dir_slots_next(t, 1, &from, &d, &at)) {
        assert_int_equal(d.snap, 1);
        n++;
    }
    assert_int_equal(n, dir_slots_of_snap(t, 1));
    /* some 100 bytes each */
    assert_true(dir_slots_bytes(t) < (size_t)MANY * 128);
    for (uint32_t i = 0; i < MANY; i++)
        dir_slots_forget(t, no[i], 2);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(dir_slots_of_snap(t, i), 0);
    dir_slots_free(t);
}

/* Memory goes back when they are forgotten, in whatever order; those that stay
 * keep their numbers. A name of the usual length costs nothing. */
static void test_dir_slots__give_memory_back(void **state)
{
    enum { MANY = 100000 };
    const uint32_t stays = 77777;
    struct dir_slots *t = table();
    const size_t before = dir_slots_bytes(t);
    static uint32_t no[MANY];
    uint32_t from = 0, n = 0, at;
    struct dir_slot d;
    char name[DIR_SLOTS_NAME_MAX + 1];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < MANY; i++) {
            (void)snprintf(name, sizeof name, "a name of 32 bytes, it is %06u",
                           i);
            no[i] = enter_named(t, DIR_SLOTS_ROOT, name);
            assert_true(no[i] <= MANY + 1); /* free ones are used again */
        }
        assert_true(dir_slots_bytes(t) < (size_t)MANY * 110);
        for (uint32_t i = 0; i < MANY; i++) {
            uint32_t k = (uint32_t)((uint64_t)i * 7919 % MANY);

            if (k != stays)
                dir_slots_forget(t, no[k], 1);
        }
        /* but for two pieces, of which one has the top */
        assert_true(dir_slots_bytes(t) < before + 900000);
        (void)snprintf(name, sizeof name, "a name of 32 bytes, it is %06u",
                       stays);
        assert_int_equal(enter_named(t, DIR_SLOTS_ROOT, name), no[stays]);
        assert_true(dir_slots_get(t, no[stays], &d));
        dir_slots_forget(t, no[stays], 1);
        from = n = 0;
        while (dir_slots_next(t, DIR_SLOTS_NO_SNAP, &from, &d, &at))
            n++;
        assert_int_equal(n, 2); /* it, and the top */
        dir_slots_forget(t, no[stays], 1);
    }
    dir_slots_free(t);
}

static void test_dir_slots__out_of_memory(void **state)
{
    struct dir_slots *t = table();
    struct dir_slot d = {.parent = DIR_SLOTS_ROOT, .key = 1, .snap = 1000};
    uint32_t no;

    (void)state;
    mem_fail_after(1, 0);
    assert_int_equal(dir_slots_enter(t, &d, &no), E_NOMEM);
    mem_fail_after(0, 0);
    assert_int_equal(dir_slots_enter(t, &d, &no), 0);
    dir_slots_forget(t, no, 1);
    assert_false(dir_slots_get(t, no, &d));
    dir_slots_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dir_slots__one_for_each_place),
        cmocka_unit_test(test_dir_slots__one_for_each_name),
        cmocka_unit_test(test_dir_slots__goes_when_nobody_knows_it),
        cmocka_unit_test(test_dir_slots__many),
        cmocka_unit_test(test_dir_slots__give_memory_back),
        cmocka_unit_test(test_dir_slots__out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
