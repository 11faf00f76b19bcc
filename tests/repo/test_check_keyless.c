/* Whoever holds the objects and no key finds each byte that has changed in an
 * object with an id, and each gap in the numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/repo/check_kit.h"

static struct check_kit *kit;

static int open_kit(void **state)
{
    (void)state;
    kit = check_kit_open();
    return 0;
}

static int close_kit(void **state)
{
    (void)state;
    check_kit_close(kit);
    return 0;
}

static bool is_record(const char *name)
{
    return strncmp(name, "log/", 4) == 0 || strncmp(name, "w/", 2) == 0;
}

static void expect(const char *name, uint64_t at)
{
    assert_int_equal(check_kit_keyless(kit, 1 + (unsigned)(at % 3)), E_CORRUPT);
    if (kit->hit_n != 1 || strcmp(kit->hit[0].object, name) != 0)
        fail_msg("byte %llu of %s: %zu findings, the first %s",
                 (unsigned long long)at, name, kit->hit_n, kit->hit[0].object);
}

static void test_check_keyless__each_byte_of_an_id_counts(void **state)
{
    size_t tried = 0;

    (void)state;
    for (size_t i = 0; i < kit->object_n; i++) {
        const struct check_kit_object *o = &kit->object[i];
        size_t step = o->n / 40 + 1;

        if (is_record(o->name))
            continue;
        for (size_t at = i % 5; at < o->n; at += step, tried++) {
            assert_true(memory_damage(kit->store, o->name, at, 0x80));
            expect(o->name, at);
            assert_true(memory_damage(kit->store, o->name, at, 0x80));
        }
        check_kit_put(kit, o->name, o->p, o->n - 1);
        expect(o->name, o->n - 1);
        check_kit_put(kit, o->name, o->p, 0);
        expect(o->name, 0);
        check_kit_restore(kit, o);
    }
    assert_true(tried > 400);
    assert_int_equal(check_kit_keyless(kit, 2), 0);
    assert_int_equal(kit->hit_n, 0);
}

static void test_check_keyless__counts_what_it_has_read(void **state)
{
    uint64_t bytes = 0;
    size_t n = 0;
    struct check_progress progress = {0};
    struct check_options opt = {.threads = 2, .progress = &progress};
    struct check_summary sum;

    (void)state;
    for (size_t i = 0; i < kit->object_n; i++) {
        const struct check_kit_object *o = &kit->object[i];

        if (is_record(o->name) || strcmp(o->name, "config") == 0)
            continue;
        bytes += o->n;
        n++;
    }
    assert_int_equal(check_keyless(kit->store, &opt, NULL, NULL, &sum), 0);
    assert_int_equal(sum.objects, n);
    assert_int_equal(sum.read_bytes, bytes);
    assert_int_equal(atomic_load(&progress.objects), n);
    assert_int_equal(atomic_load(&progress.object_total), n);
    assert_int_equal(atomic_load(&progress.bytes), bytes);
    assert_int_equal(atomic_load(&progress.byte_total), bytes);
}

/* A number that is missing, unless nothing stands behind it. */
static void test_check_keyless__each_gap_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < kit->object_n; i++) {
        const struct check_kit_object *o = &kit->object[i];
        bool last = i + 1 == kit->object_n ||
                    strncmp(o->name, kit->object[i + 1].name, 2 + 32) != 0;

        if (strncmp(o->name, "w/", 2) != 0)
            continue;
        check_kit_put(kit, o->name, NULL, 0);
        if (last) {
            assert_int_equal(check_kit_keyless(kit, 1), 0);
            assert_int_equal(kit->hit_n, 0);
        } else {
            expect(o->name, 0);
            assert_int_equal(kit->hit[0].kind, CHECK_JOURNAL);
        }
        check_kit_restore(kit, o);
    }
}

static void test_check_keyless__strangers_are_noted(void **state)
{
    static const char *const stray[] = {
        "readme",
        "packs/readme",
        "packs/00/readme",
        "index/x",
        "w/x/00000000",
        "log/1",
        "config.old",
        "snapshots/0123",
        "keys/a/b/c",
        ("packs/00/"
         "ff00000000000000000000000000000000000000000000000000000000000000"),
    };
    enum { N = sizeof stray / sizeof stray[0] };

    (void)state;
    for (size_t i = 0; i < N; i++)
        check_kit_put(kit, stray[i], "x", 1);
    assert_int_equal(check_kit_keyless(kit, 1), 0);
    assert_int_equal(kit->hit_n, N);
    for (size_t i = 0; i < N; i++) {
        assert_non_null(check_kit_find(kit, CHECK_NAME, stray[i]));
        check_kit_put(kit, stray[i], NULL, 0);
    }
    /* thousands are counted */
    for (int i = 0; i < 250; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "stray/%d", i);
        check_kit_put(kit, name, "x", 1);
    }
    assert_int_equal(check_kit_keyless(kit, 1), 0);
    assert_int_equal(kit->hit_n, 101);
    for (int i = 0; i < 250; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "stray/%d", i);
        check_kit_put(kit, name, NULL, 0);
    }
}

static void test_check_keyless__needs_a_repository(void **state)
{
    const struct check_options opt = {.threads = 1};
    struct check_summary sum;
    struct store *s = NULL;

    (void)state;
    assert_int_equal(memory_open(&s), 0);
    assert_int_equal(check_keyless(s, &opt, NULL, NULL, &sum), E_NOREPO);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_keyless__each_byte_of_an_id_counts),
        cmocka_unit_test(test_check_keyless__counts_what_it_has_read),
        cmocka_unit_test(test_check_keyless__each_gap_is_found),
        cmocka_unit_test(test_check_keyless__strangers_are_noted),
        cmocka_unit_test(test_check_keyless__needs_a_repository),
    };

    return cmocka_run_group_tests(tests, open_kit, close_kit);
}
