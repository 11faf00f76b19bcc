#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "repo/idmap.h"
#include "tests/support/prng.h"

enum { IDS = 600, STEPS = 9000 };

/* Ids that differ in few bits of what spreads them: long runs of slots. */
static void id_of(unsigned i, uint8_t id[ID_BYTES])
{
    memset(id, 0, ID_BYTES);
    id[0] = (uint8_t)(i % 7);
    id[20] = (uint8_t)i;
    id[21] = (uint8_t)(i >> 8);
}

/* Against a plain array: any sequence of puts and drops. */
static void test_idmap__holds_what_was_put(void **state)
{
    static uint64_t value[IDS];
    static bool there[IDS];
    struct idmap m = {.slot = NULL};
    struct prng r;
    size_t n = 0;

    (void)state;
    memset(there, 0, sizeof there);
    print_message("seed 99\n");
    prng_init(&r, 99);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)prng_below(&r, IDS);
        uint8_t id[ID_BYTES];
        uint64_t got = 0;

        id_of(i, id);
        if (prng_below(&r, 2)) {
            assert_int_equal(idmap_put(&m, id, step), 0);
            n += !there[i];
            there[i] = true;
            value[i] = step;
        } else {
            idmap_drop(&m, id);
            n -= there[i];
            there[i] = false;
        }
        assert_int_equal(m.n, n);
        i = (unsigned)prng_below(&r, IDS);
        id_of(i, id);
        assert_int_equal(idmap_get(&m, id, &got), there[i]);
        if (there[i])
            assert_int_equal(got, value[i]);
    }
    for (size_t at = 0; n > 0; n--) {
        const struct idmap_slot *slot = idmap_next(&m, &at);
        unsigned i;

        assert_non_null(slot);
        i = (unsigned)slot->id[20] | (unsigned)slot->id[21] << 8;
        assert_true(there[i]);
        assert_int_equal(slot->value, value[i]);
        there[i] = false;
        if (n == 1)
            assert_null(idmap_next(&m, &at));
    }
    idmap_release(&m);
}

/* A claim sets what is not there and leaves what is. */
static void test_idmap__a_claim_changes_nothing_that_is_there(void **state)
{
    struct idmap m = {.slot = NULL};

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < IDS; i++) {
            uint8_t id[ID_BYTES];
            bool added;

            id_of(i, id);
            assert_int_equal(
                idmap_claim(&m, id, i + 1000U * (unsigned)round, &added), 0);
            assert_int_equal(added, round == 0);
            assert_int_equal(*idmap_at(&m, id), i);
        }
    }
    assert_int_equal(m.n, IDS);
    idmap_release(&m);
}

/* Runs of slots that go around the table's end, and every part of them. */
static void test_idmap__drops_what_is_below(void **state)
{
    struct prng r;

    (void)state;
    print_message("seed 7\n");
    prng_init(&r, 7);
    for (unsigned round = 0; round < 60; round++) {
        uint64_t value[IDS];
        struct idmap m = {.slot = NULL};
        unsigned ids = 1 + (unsigned)prng_below(&r, IDS);
        uint64_t below = prng_below(&r, 12);
        size_t left = 0;
        uint8_t id[ID_BYTES];

        for (unsigned i = 0; i < ids; i++) {
            id_of(i, id);
            id[0] = (uint8_t)(0xff - i % 3); /* the last slots come first */
            memset(id + 1, 0xff, 7);
            value[i] = prng_below(&r, 11);
            left += value[i] >= below;
            assert_int_equal(idmap_put(&m, id, value[i]), 0);
        }
        idmap_drop_below(&m, below);
        assert_int_equal(m.n, left);
        for (unsigned i = 0; i < ids; i++) {
            const uint64_t *at;

            id_of(i, id);
            id[0] = (uint8_t)(0xff - i % 3);
            memset(id + 1, 0xff, 7);
            at = idmap_at(&m, id);
            assert_int_equal(at != NULL, value[i] >= below);
            if (at)
                assert_int_equal(*at, value[i]);
        }
        idmap_release(&m);
    }
}

static void test_idmap__zeroed_is_empty(void **state)
{
    struct idmap m = {.slot = NULL};
    uint8_t id[ID_BYTES] = {0};
    size_t at = 0;

    (void)state;
    assert_false(idmap_get(&m, id, NULL));
    idmap_drop(&m, id);
    assert_null(idmap_next(&m, &at));
    idmap_release(&m);
    assert_int_equal(idmap_put(&m, id, 5), 0);
    assert_true(idmap_get(&m, id, NULL));
    idmap_release(&m);
    assert_false(idmap_get(&m, id, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idmap__holds_what_was_put),
        cmocka_unit_test(test_idmap__a_claim_changes_nothing_that_is_there),
        cmocka_unit_test(test_idmap__drops_what_is_below),
        cmocka_unit_test(test_idmap__zeroed_is_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
