#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/mem.h"

static void assert_zero(const uint8_t *p, size_t n)
{
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(p[i], 0);
}

static void test_mem__new_memory_is_zeroed(void **state)
{
    uint8_t *p;

    (void)state;
    /* twice, so that the second may get what the first has dirtied */
    for (int i = 0; i < 2; i++) {
        p = mem_alloc(3000);
        assert_zero(p, 3000);
        memset(p, 0xff, 3000);
        free(p);
        p = mem_array(30, 100);
        assert_zero(p, 3000);
        memset(p, 0xff, 3000);
        free(p);
    }
}

static void test_mem__an_array_may_be_empty_but_not_overflow(void **state)
{
    void *p = mem_array(0, 100);

    (void)state;
    assert_non_null(p);
    free(p);
    assert_null(mem_array(SIZE_MAX / 2, 3));
    assert_null(mem_array(SIZE_MAX, SIZE_MAX));
}

static void test_mem__resize_keeps_the_content(void **state)
{
    uint8_t *p = mem_resize(NULL, 3);
    uint8_t *q;

    (void)state;
    assert_non_null(p);
    memcpy(p, "abc", 3);
    q = mem_resize(p, 100000);
    assert_non_null(q);
    assert_memory_equal(q, "abc", 3);
    mem_fail_after(1, 0);
    assert_null(mem_resize(q, 200000));
    assert_memory_equal(q, "abc", 3);
    mem_fail_after(0, 0);
    free(q);
}

static void test_mem__grow_makes_room_and_keeps_the_content(void **state)
{
    uint32_t *list = NULL;
    size_t cap = 0;
    uint64_t calls = mem_count();

    (void)state;
    for (uint32_t n = 0; n < 1000; n++) {
        assert_true(MEM_GROW(list, n, cap));
        assert_true(cap > n);
        list[n] = n;
    }
    for (uint32_t n = 0; n < 1000; n++)
        assert_int_equal(list[n], n);
    assert_int_equal(cap, 1024);
    assert_int_equal(mem_count() - calls, 7); /* 16, 32, ... 1024 */
    free(list);
}

static void test_mem__grow_fails_without_a_trace(void **state)
{
    struct {
        uint8_t b[4096];
    } *list = NULL;
    void *before;
    size_t cap = 0;

    (void)state;
    mem_fail_after(1, 0);
    assert_false(MEM_GROW(list, 0, cap));
    assert_null(list);
    assert_int_equal(cap, 0);
    mem_fail_after(0, 0);
    assert_true(MEM_GROW(list, 0, cap));
    assert_int_equal(cap, 16);
    before = list;
    mem_fail_after(1, 1);
    assert_true(MEM_GROW(list, 15, cap)); /* there is room */
    assert_false(MEM_GROW(list, 16, cap));
    assert_ptr_equal(list, before);
    assert_int_equal(cap, 16);
    mem_fail_after(0, 0);

    /* products and doublings that do not fit into a size_t: the allocator is
     * not even asked, since what it would get is small */
    cap = SIZE_MAX / 4096 / 2 + 2;
    assert_false(MEM_GROW(list, cap, cap));
    assert_ptr_equal(list, before);
    cap = SIZE_MAX / 2 + 9;
    assert_false(mem_grow(&list, cap, &cap, 1));
    assert_ptr_equal(list, before);
    assert_int_equal(cap, SIZE_MAX / 2 + 9);
    free(list);
}

static void test_mem__dup_ends_with_a_nul(void **state)
{
    char *p = mem_dup(bytes_of("a\0b", 3));

    (void)state;
    assert_non_null(p);
    assert_memory_equal(p, "a\0b", 4);
    free(p);
    p = mem_dup(bytes_of(NULL, 0));
    assert_non_null(p);
    assert_string_equal(p, "");
    free(p);
}

/* Of ten allocations, which fail: one bit each, the first one lowest. */
static unsigned failures(uint64_t after, int persistent)
{
    unsigned failed = 0;

    mem_fail_after(after, persistent);
    for (unsigned i = 0; i < 10; i++) {
        void *p = NULL;

        switch (i % 4) {
        case 0:
            p = mem_alloc(1);
            break;
        case 1:
            p = mem_array(1, 1);
            break;
        case 2:
            p = mem_resize(NULL, 1);
            break;
        default:
            p = mem_dup(bytes_of("x", 1));
            break;
        }
        if (!p)
            failed |= 1u << i;
        free(p);
    }
    mem_fail_after(0, 0);
    return failed;
}

static void test_mem__the_nth_fails_once_or_for_good(void **state)
{
    uint64_t calls = mem_count();

    (void)state;
    assert_int_equal(failures(0, 0), 0);
    for (unsigned n = 1; n <= 10; n++) {
        assert_int_equal(failures(n, 0), 1u << (n - 1));
        assert_int_equal(failures(n, 1), 0x3ff & ~((1u << (n - 1)) - 1));
    }
    assert_int_equal(failures(11, 1), 0);
    assert_int_equal(mem_count(), calls + 22 * 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mem__new_memory_is_zeroed),
        cmocka_unit_test(test_mem__an_array_may_be_empty_but_not_overflow),
        cmocka_unit_test(test_mem__resize_keeps_the_content),
        cmocka_unit_test(test_mem__grow_makes_room_and_keeps_the_content),
        cmocka_unit_test(test_mem__grow_fails_without_a_trace),
        cmocka_unit_test(test_mem__dup_ends_with_a_nul),
        cmocka_unit_test(test_mem__the_nth_fails_once_or_for_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
