#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"

static void test_arena__what_was_lent_stays(void **state)
{
    struct arena a = {.first = NULL};
    uint8_t *p[500];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 500; i++) {
            p[i] = arena_alloc(&a, i * 7 % 3000);
            assert_non_null(p[i]);
            assert_int_equal((uintptr_t)p[i] % sizeof(void *), 0);
            memset(p[i], (int)i, i * 7 % 3000);
        }
        for (size_t i = 0; i < 500; i++) {
            for (size_t j = 0; j < i * 7 % 3000; j++)
                assert_int_equal(p[i][j], (uint8_t)i);
        }
        arena_reset(&a);
    }
    arena_release(&a);
}

static void test_arena__reset_reuses_its_memory(void **state)
{
    struct arena a = {.first = NULL};
    uint64_t before;

    (void)state;
    for (size_t i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&a, 2000));
    arena_reset(&a);
    before = mem_count();
    for (size_t i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&a, 2000));
    assert_int_equal(mem_count(), before);
    arena_release(&a);
}

static void test_arena__takes_what_is_larger_than_a_block(void **state)
{
    struct arena a = {.first = NULL};
    struct bytes b;
    uint8_t *p;

    (void)state;
    assert_int_equal(arena_dup(&a, bytes_of_str("small"), &b), 0);
    p = arena_alloc(&a, 1000000);
    assert_non_null(p);
    memset(p, 1, 1000000);
    assert_true(bytes_equal(b, bytes_of_str("small")));
    assert_int_equal(b.p[b.n], 0);
    assert_null(arena_alloc(&a, SIZE_MAX - 5));
    mem_fail_after(1, 0);
    assert_int_equal(arena_dup(&a, bytes_of(p, 1000000), &b), E_NOMEM);
    mem_fail_after(0, 0);
    assert_true(bytes_equal(b, bytes_of_str("small")));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena__what_was_lent_stays),
        cmocka_unit_test(test_arena__reset_reuses_its_memory),
        cmocka_unit_test(test_arena__takes_what_is_larger_than_a_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
