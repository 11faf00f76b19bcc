/* What a restore remembers of hard links: those that are not complete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/job/restore_group.h"

static struct tree_entry name_of(const char *name, uint64_t inode,
                                 uint64_t nlink)
{
    struct tree_entry te = {.e = {.type = ENTRY_FIFO,
                                  .mode = 0600,
                                  .inode = inode,
                                  .nlink = (uint32_t)nlink,
                                  .name = bytes_of_str(name)}};

    return te;
}

/* Finds te; the reference stays with *g. */
static bool find(struct restore_group_map *m, const struct tree_entry *te,
                 uint64_t mark, struct restore_group **g)
{
    bool first;

    assert_int_equal(restore_group_find(m, te, mark, g, &first), 0);
    return first;
}

static void test_restore_group__the_last_name_ends_it(void **state)
{
    struct restore_group_map m;
    struct restore_group *g[3];
    struct tree_entry a;

    (void)state;
    restore_group_map_init(&m);
    for (uint64_t inode = 1; inode <= 10000; inode++) {
        a = name_of("a", inode, 3);
        assert_true(find(&m, &a, 1, &g[0]));
        assert_false(find(&m, &a, 1, &g[1]));
        assert_int_equal(m.by_inode.n, 1);
        assert_false(find(&m, &a, 1, &g[2]));
        assert_int_equal(m.by_inode.n, 0);
        for (size_t i = 0; i < 3; i++) {
            assert_ptr_equal(g[i], g[0]);
            restore_group_unref(g[i]);
        }
    }
    restore_group_map_release(&m);
}

/* A name more came while the snapshot was made: the most that any says. */
static void test_restore_group__names_that_count_differently(void **state)
{
    struct restore_group_map m;
    struct restore_group *g[3];
    struct tree_entry a = name_of("a", 7, 3);
    struct tree_entry b = name_of("b", 7, 2);

    (void)state;
    restore_group_map_init(&m);
    assert_true(find(&m, &a, 1, &g[0]));
    assert_false(find(&m, &b, 1, &g[1]));
    assert_int_equal(m.by_inode.n, 1);
    assert_false(find(&m, &b, 1, &g[2]));
    assert_ptr_equal(g[2], g[0]);
    assert_int_equal(m.by_inode.n, 0);
    for (size_t i = 0; i < 3; i++)
        restore_group_unref(g[i]);
    restore_group_map_release(&m);
}

/* The same inode number on another file system, or another file under it. */
static void test_restore_group__strangers_are_apart(void **state)
{
    struct restore_group_map m;
    struct restore_group *g[3];
    struct tree_entry a = name_of("a", 7, 4);
    struct tree_entry b = name_of("b", 7, 4);

    (void)state;
    restore_group_map_init(&m);
    b.e.mode = 0640;
    assert_true(find(&m, &a, 1, &g[0]));
    assert_true(find(&m, &a, 2, &g[1]));
    assert_ptr_not_equal(g[0], g[1]);
    assert_false(find(&m, &b, 1, &g[2]));
    assert_null(g[2]);
    restore_group_unref(g[0]);
    restore_group_unref(g[1]);
    /* what is not complete goes with the map */
    assert_int_equal(m.by_inode.n, 2);
    restore_group_map_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restore_group__the_last_name_ends_it),
        cmocka_unit_test(test_restore_group__names_that_count_differently),
        cmocka_unit_test(test_restore_group__strangers_are_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
