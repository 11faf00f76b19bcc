/* How the memory store breaks down when it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "store/memory.h"

static int setup(void **state)
{
    struct store *s = NULL;

    assert_int_equal(memory_open(&s), 0);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    store_close(*state);
    return 0;
}

static int put(struct store *s, const char *name)
{
    enum store_outcome outcome;

    return store_put(s, name, bytes_of_str(name), &outcome);
}

static bool has(struct store *s, const char *name)
{
    uint64_t size;
    bool found;

    assert_int_equal(store_size(s, name, &size, &found), 0);
    return found;
}

static void fail_at(struct store *s, enum memory_point point, uint64_t n)
{
    memory_set_fault(
        s, (struct memory_fault){.point = point, .n = n, .code = E_STORE});
}

static void test_memory__fails_before_without_effect(void **state)
{
    struct store *s = *state;
    bool found;

    /* open, append, commit, make_durable, delete */
    for (uint64_t n = 1; n <= 6; n++) {
        int rc;

        fail_at(s, MEMORY_BEFORE, n);
        rc = put(s, "a");
        if (rc == 0)
            rc = store_make_durable(s, "a", &found);
        if (rc == 0)
            rc = store_delete(s, "a");
        assert_int_equal(rc, n <= 5 ? E_STORE : 0);
        assert_int_equal(memory_passages(s), n < 5 ? n : 5);
        fail_at(s, MEMORY_BEFORE, 0);
        assert_int_equal(has(s, "a"), n > 3 && n <= 5);
        assert_int_equal(store_delete(s, "a"), 0);
    }
    memory_set_fault(s, (struct memory_fault){.point = MEMORY_BEFORE,
                                              .n = 2,
                                              .persistent = true,
                                              .code = E_NOSPACE});
    assert_int_equal(store_delete(s, "a"), 0);
    assert_int_equal(put(s, "a"), E_NOSPACE);
    assert_int_equal(put(s, "a"), E_NOSPACE);
}

static void test_memory__loses_the_reply_to_a_deed_done(void **state)
{
    struct store *s = *state;

    fail_at(s, MEMORY_AFTER, 1);
    assert_int_equal(put(s, "a"), E_STORE);
    assert_true(has(s, "a"));
    memory_power_cut(s, 0);
    assert_true(has(s, "a"));
    fail_at(s, MEMORY_AFTER, 1);
    assert_int_equal(store_delete(s, "a"), E_STORE);
    assert_false(has(s, "a"));
}

static void test_memory__what_is_visible_can_vanish(void **state)
{
    struct store *s = *state;
    bool found;

    fail_at(s, MEMORY_VISIBLE, 1);
    assert_int_equal(put(s, "a"), E_STORE);
    fail_at(s, MEMORY_VISIBLE, 1);
    assert_int_equal(put(s, "b"), E_STORE);
    assert_true(has(s, "a") && has(s, "b"));
    assert_int_equal(store_make_durable(s, "b", &found), 0);
    assert_true(found);
    memory_power_cut(s, 0);
    assert_false(has(s, "a"));
    assert_true(has(s, "b"));
}

static void test_memory__who_finds_it_there_makes_it_durable(void **state)
{
    struct store *s = *state;

    fail_at(s, MEMORY_VISIBLE, 1);
    assert_int_equal(put(s, "a"), E_STORE);
    assert_int_equal(put(s, "a"), 0);
    memory_power_cut(s, 0);
    assert_true(has(s, "a"));
}

static void test_memory__what_is_deleted_can_come_back(void **state)
{
    struct store *s = *state;
    bool found = true;

    assert_int_equal(put(s, "a"), 0);
    assert_int_equal(put(s, "b"), 0);
    assert_int_equal(store_delete(s, "a"), 0);
    assert_int_equal(store_delete(s, "b"), 0);
    assert_int_equal(store_make_durable(s, "b", &found), 0);
    assert_false(found);
    memory_power_cut(s, 0);
    assert_true(has(s, "a"));
    assert_false(has(s, "b"));
}

static void test_memory__a_power_cut_is_decided_by_its_seed(void **state)
{
    struct store *s = *state;
    unsigned kept = 0;

    for (uint64_t seed = 1; seed <= 64; seed++) {
        bool once;

        fail_at(s, MEMORY_VISIBLE, 1);
        assert_int_equal(put(s, "a"), E_STORE);
        memory_power_cut(s, seed);
        once = has(s, "a");
        kept += once;
        /* what it decided stands */
        memory_power_cut(s, 0);
        assert_int_equal(has(s, "a"), once);
        assert_int_equal(store_delete(s, "a"), 0);
        assert_int_equal(store_make_durable(s, "a", NULL), 0);
        fail_at(s, MEMORY_VISIBLE, 1);
        assert_int_equal(put(s, "a"), E_STORE);
        memory_power_cut(s, seed);
        assert_int_equal(has(s, "a"), once);
        assert_int_equal(store_delete(s, "a"), 0);
        assert_int_equal(store_make_durable(s, "a", NULL), 0);
    }
    assert_true(kept > 16 && kept < 48);
}

struct meddler {
    struct store *s;
    unsigned calls;
    enum store_outcome outcome;
};

/* another actor, between my commit becoming visible and durable */
static int meddle(void *ctx, enum memory_point point, enum memory_op op,
                  const char *name)
{
    struct meddler *m = ctx;

    if (point != MEMORY_VISIBLE || m->calls++ > 0)
        return 0;
    assert_int_equal(op, MEMORY_COMMIT);
    assert_string_equal(name, "log/1");
    return store_put(m->s, "log/1", bytes_of_str("theirs"), &m->outcome);
}

static void test_memory__a_hook_is_another_actor(void **state)
{
    struct store *s = *state;
    struct meddler m = {.s = s, .outcome = STORE_CREATED};
    enum store_outcome mine = STORE_EXISTS;

    memory_set_hook(s, meddle, &m);
    assert_int_equal(store_put(s, "log/1", bytes_of_str("mine"), &mine), 0);
    assert_int_equal(mine, STORE_CREATED);
    assert_int_equal(m.outcome, STORE_EXISTS);
    assert_int_equal(m.calls, 2);
    memory_set_hook(s, NULL, NULL);
    memory_power_cut(s, 0);
    assert_true(has(s, "log/1"));
}

static void test_memory__has_a_capacity(void **state)
{
    struct store *s = *state;
    uint64_t bytes;

    assert_int_equal(store_free_space(s, &bytes), 0);
    assert_true(bytes == UINT64_MAX);
    memory_set_capacity(s, 5);
    assert_int_equal(put(s, "ab"), 0);
    assert_int_equal(put(s, "abcd"), E_NOSPACE);
    assert_false(has(s, "abcd"));
    assert_int_equal(put(s, "abc"), 0);
    assert_int_equal(store_free_space(s, &bytes), 0);
    assert_int_equal(bytes, 0);
    assert_int_equal(store_delete(s, "ab"), 0);
    assert_int_equal(put(s, "a"), 0);
}

static void test_memory__can_be_damaged(void **state)
{
    struct store *s = *state;
    char to[4] = "";
    uint64_t size;
    bool found;

    assert_int_equal(put(s, "abcd"), 0);
    assert_false(memory_damage(s, "abcd", 4, 1));
    assert_false(memory_damage(s, "none", 0, 1));
    assert_true(memory_damage(s, "abcd", 1, 'b' ^ 'x'));
    assert_int_equal(store_get_range(s, "abcd", 0, to, 3, &found), 0);
    assert_string_equal(to, "axc");
    assert_true(memory_damage(s, "abcd", 2, 0));
    assert_int_equal(store_size(s, "abcd", &size, &found), 0);
    assert_int_equal(size, 2);
}

static int take_nothing(void *ctx, const char *name, uint64_t size)
{
    (void)ctx;
    (void)name;
    (void)size;
    return 0;
}

static int run_all(struct store *s)
{
    int rc = put(s, "a/b");

    if (rc == 0)
        rc = put(s, "a/c");
    return rc ? rc : store_list(s, "a", take_nothing, NULL);
}

static void test_memory__survives_every_failed_allocation(void **state)
{
    int rc = E_NOMEM;
    uint64_t n;

    for (n = 1; rc == E_NOMEM; n++) {
        assert_true(n < 100);
        mem_fail_after(n, 0);
        rc = run_all(*state);
        mem_fail_after(0, 0);
    }
    assert_int_equal(rc, 0);
    assert_true(n > 8);
    assert_true(has(*state, "a/b") && has(*state, "a/c"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_memory__fails_before_without_effect),
        TEST(test_memory__loses_the_reply_to_a_deed_done),
        TEST(test_memory__what_is_visible_can_vanish),
        TEST(test_memory__who_finds_it_there_makes_it_durable),
        TEST(test_memory__what_is_deleted_can_come_back),
        TEST(test_memory__a_power_cut_is_decided_by_its_seed),
        TEST(test_memory__a_hook_is_another_actor),
        TEST(test_memory__has_a_capacity),
        TEST(test_memory__can_be_damaged),
        TEST(test_memory__survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
