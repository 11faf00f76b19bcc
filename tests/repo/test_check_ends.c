/* How a check ends before its time: asked to, without memory, with a store that
 * fails. Whatever it does, it changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/repo/check_kit.h"

static const struct check_options all = {.read_data = true, .threads = 2};

static int refuse(void *ctx, const struct check_finding *f)
{
    int *left = ctx;

    (void)f;
    return --*left < 0 ? err_set(E_REFUSED, "enough") : 0;
}

static void test_check_ends__it_stops_when_asked(void **state)
{
    struct check_kit *k = check_kit_small();
    struct cancel cancel = {0};
    struct check_options opt = all;
    struct check_summary sum;
    int left = 1;

    (void)state;
    opt.cancel = &cancel;
    cancel_request(&cancel, 2);
    assert_int_equal(check_run(k->r, &opt, NULL, NULL, &sum), E_CANCELED);
    assert_int_equal(check_keyless(k->store, &opt, NULL, NULL, &sum),
                     E_CANCELED);
    for (size_t at = 0;;) {
        const struct check_kit_object *o =
            check_kit_object_at(k, "packs/", &at);

        if (!o)
            break;
        assert_true(memory_damage(k->store, o->name, 400, 1));
    }
    assert_int_equal(check_run(k->r, &all, refuse, &left, &sum), E_REFUSED);
    left = 1;
    assert_int_equal(check_keyless(k->store, &all, refuse, &left, &sum),
                     E_REFUSED);
    check_kit_close(k);
}

/* Only reading: whatever would change the store ends the test. */
static int only_reads(void *ctx, enum memory_point point, enum memory_op op,
                      const char *name)
{
    (void)ctx;
    (void)point;
    if (op == MEMORY_GET || op == MEMORY_SIZE || op == MEMORY_LIST)
        return 0;
    return err_set(E_INTERNAL, "a check changes %s", name);
}

static void test_check_ends__it_changes_nothing(void **state)
{
    struct check_kit *k = check_kit_small();
    size_t n = k->object_n;

    (void)state;
    memory_set_hook(k->store, only_reads, NULL);
    assert_int_equal(check_kit_run(k, k->r, &all), 0);
    assert_int_equal(check_kit_keyless(k, 2), 0);
    for (size_t i = 0; i < k->object_n; i++) {
        assert_true(memory_damage(k->store, k->object[i].name, 20, 1));
        assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
        assert_true(memory_damage(k->store, k->object[i].name, 20, 1));
    }
    memory_set_hook(k->store, NULL, NULL);
    check_kit_keep(k);
    assert_int_equal(k->object_n, n);
    check_kit_close(k);
}

static void test_check_ends__each_failure_of_the_store_ends_it(void **state)
{
    struct check_kit *k = check_kit_small();
    struct check_summary sum;

    (void)state;
    for (int keyless = 0; keyless < 2; keyless++) {
        int rc = E_STORE;

        for (uint64_t n = 1; rc == E_STORE; n++) {
            struct memory_fault fault = {
                .point = MEMORY_BEFORE, .n = n, .code = E_STORE};

            memory_set_fault(k->store, fault);
            rc = keyless ? check_keyless(k->store, &all, NULL, NULL, &sum)
                         : check_run(k->r, &all, NULL, NULL, &sum);
            assert_true(rc == E_STORE || rc == 0);
            assert_int_equal(sum.damages, 0);
            assert_true(n > 5 || rc == E_STORE);
        }
    }
    check_kit_close(k);
}

static void test_check_ends__each_lack_of_memory_ends_it(void **state)
{
    struct check_kit *k = check_kit_small();
    struct check_options opt = {.read_data = true, .threads = 1};
    struct check_summary sum;

    (void)state;
    for (int keyless = 0; keyless < 2; keyless++) {
        int rc = E_NOMEM;

        for (uint64_t n = 1; rc == E_NOMEM; n++) {
            mem_fail_after(n, 1);
            rc = keyless ? check_keyless(k->store, &opt, NULL, NULL, &sum)
                         : check_run(k->r, &opt, NULL, NULL, &sum);
            mem_fail_after(0, 0);
            assert_true(rc == E_NOMEM || rc == 0);
            assert_int_equal(sum.damages, 0);
        }
    }
    check_kit_close(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_ends__it_stops_when_asked),
        cmocka_unit_test(test_check_ends__it_changes_nothing),
        cmocka_unit_test(test_check_ends__each_failure_of_the_store_ends_it),
        cmocka_unit_test(test_check_ends__each_lack_of_memory_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
