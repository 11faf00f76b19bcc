#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/inode_map.h"
#include "base/mem.h"

enum { OBJECTS = 500 };

static unsigned dropped;

static void drop(void *value)
{
    free(value);
    dropped++;
}

/* A permutation of all objects, so that none comes in order. */
static uint64_t nth(uint64_t i)
{
    return i * 77 % OBJECTS;
}

static void test_inode_map__keeps_apart(void **state)
{
    struct inode_map m = {.tree = NULL};

    (void)state;
    for (uint64_t i = 0; i < OBJECTS; i++) {
        uint64_t *value = malloc(sizeof *value);
        void **at = inode_map_at(&m, nth(i) % 3, UINT64_MAX - nth(i));

        assert_non_null(value);
        assert_non_null(at);
        assert_null(*at);
        *value = nth(i);
        *at = value;
    }
    for (uint64_t i = 0; i < OBJECTS; i++) {
        const uint64_t *value = inode_map_find(&m, i % 3, UINT64_MAX - i);

        assert_non_null(value);
        assert_int_equal(*value, i);
        assert_ptr_equal(*inode_map_at(&m, i % 3, UINT64_MAX - i), value);
        assert_null(inode_map_find(&m, 3 + i % 3, UINT64_MAX - i));
    }
    dropped = 0;
    inode_map_release(&m, drop);
    assert_int_equal(dropped, OBJECTS);
    assert_null(inode_map_find(&m, 0, UINT64_MAX));
}

/* A place that nothing was put into is not dropped. */
static void test_inode_map__nothing_there(void **state)
{
    struct inode_map m = {.tree = NULL};

    (void)state;
    assert_null(inode_map_find(&m, 1, 2));
    assert_null(*inode_map_at(&m, 1, 2));
    assert_null(inode_map_find(&m, 1, 2));
    dropped = 0;
    inode_map_release(&m, drop);
    assert_int_equal(dropped, 0);
    inode_map_release(&m, drop);
}

static void test_inode_map__out_of_memory(void **state)
{
    struct inode_map m = {.tree = NULL};

    (void)state;
    mem_fail_after(1, 0);
    assert_null(inode_map_at(&m, 1, 2));
    mem_fail_after(0, 0);
    assert_non_null(inode_map_at(&m, 1, 2));
    inode_map_release(&m, drop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inode_map__keeps_apart),
        cmocka_unit_test(test_inode_map__nothing_there),
        cmocka_unit_test(test_inode_map__out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
