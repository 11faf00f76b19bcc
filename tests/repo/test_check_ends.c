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

/* A read that fails once is no damage, whatever it was and whatever rests on
 * it. */
static void test_check_ends__no_failure_of_the_store_is_damage(void **state)
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

/* An object that the store does not give any more. */
static int withhold(void *ctx, enum memory_point point, enum memory_op op,
                    const char *name)
{
    (void)point;
    if (op == MEMORY_GET && strcmp(name, ctx) == 0)
        return err_set(E_STORE, "somewhere: cannot read %s: I/O error", name);
    return 0;
}

static void check_without(struct check_kit *k, const char *name)
{
    memory_set_hook(k->store, withhold, (void *)(uintptr_t)name);
    for (int i = 0; i < 2; i++) {
        const struct check_kit_hit *h = NULL;

        if (i == 0)
            assert_int_equal(check_kit_run(k, k->r, &all), E_STORE);
        else
            assert_int_equal(check_kit_keyless(k, 2),
                             strncmp(name, "log/", 4) == 0 ||
                                     strncmp(name, "w/", 2) == 0
                                 ? 0
                                 : E_STORE);
        for (size_t j = 0; j < k->hit_n && !h; j++) {
            if (strcmp(k->hit[j].object, name) == 0)
                h = &k->hit[j];
        }
        /* what a segment says can be had from its packs */
        if (strncmp(name, "index/", 6) == 0)
            assert_null(check_kit_find(k, CHECK_PATH, NULL));
        if (k->sum.unread > 0 && (!h || !h->unread))
            fail_msg("%s is not named", name);
    }
    memory_set_hook(k->store, NULL, NULL);
}

/* What cannot be read is named, and the rest is checked all the same: damage
 * elsewhere is found. */
static void test_check_ends__goes_on_after_what_cannot_be_read(void **state)
{
    struct check_kit *k = check_kit_small();
    const struct check_kit_object *slot;
    size_t at = 0;

    (void)state;
    scratch_text(k->tree, "c", "the third file");
    assert_int_equal(check_kit_backup(k, &k->snapshot[1]), 0);
    check_kit_keep(k);
    slot = check_kit_object_at(k, "keys/", &at);
    for (size_t i = 0; i < k->object_n; i++)
        check_without(k, k->object[i].name);
    for (size_t i = 0; i < k->object_n; i++) {
        const char *name = k->object[i].name;

        if (strcmp(name, slot->name) == 0)
            continue;
        assert_true(memory_damage(k->store, slot->name, 20, 1));
        memory_set_hook(k->store, withhold, (void *)(uintptr_t)name);
        assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
        assert_int_equal(k->sum.damages, 1);
        assert_true(k->sum.unread > 0);
        memory_set_hook(k->store, NULL, NULL);
        assert_true(memory_damage(k->store, slot->name, 20, 1));
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
        cmocka_unit_test(test_check_ends__no_failure_of_the_store_is_damage),
        cmocka_unit_test(test_check_ends__goes_on_after_what_cannot_be_read),
        cmocka_unit_test(test_check_ends__each_lack_of_memory_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
