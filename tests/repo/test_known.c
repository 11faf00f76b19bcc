#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/siphash.h"
#include "repo/known.h"

static struct chunk_id nth(uint64_t i)
{
    struct chunk_id id = {{0}};

    for (uint64_t part = 0; part < 4; part++) {
        struct siphash_key key = {part, 3};
        uint64_t h = siphash(&key, bytes_of(&i, sizeof i));

        memcpy(id.b + 8 * part, &h, 8);
    }
    return id;
}

static void test_known__the_first_claim_wins(void **state)
{
    struct known *k = known_new();

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 10000; i++) {
            struct chunk_id id = nth(i);
            bool mine;

            assert_int_equal(known_has(k, &id), round > 0);
            assert_int_equal(known_claim(k, &id, &mine), 0);
            assert_int_equal(mine, round == 0);
            assert_true(known_has(k, &id));
        }
    }
    assert_int_equal(known_count(k), 10000);
    known_free(k);
}

static void test_known__forgets_only_what_is_published(void **state)
{
    struct known *k = known_new();

    (void)state;
    known_forget(k, 100); /* of an empty set: nothing happens */
    for (uint64_t i = 0; i < 3000; i++) {
        struct chunk_id id = nth(i);
        bool mine;

        assert_int_equal(known_claim(k, &id, &mine), 0);
        if (i % 3 < 2)
            known_place(k, &id, i % 3 ? 7 : 6);
    }
    known_forget(k, 7);
    for (uint64_t i = 0; i < 3000; i++) {
        struct chunk_id id = nth(i);

        assert_int_equal(known_has(k, &id), i % 3 > 0);
    }
    known_forget(k, 8);
    assert_int_equal(known_count(k), 1000); /* those without a pack stay */
    known_free(k);
}

static void test_known__stays_right_without_memory(void **state)
{
    struct known *k = known_new();
    struct chunk_id id;
    uint64_t refused = 0;

    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        bool mine;
        int rc;

        id = nth(i);
        mem_fail_after(i % 2, 0);
        rc = known_claim(k, &id, &mine);
        mem_fail_after(0, 0);
        assert_int_equal(rc, known_has(k, &id) ? 0 : E_NOMEM);
        refused += rc < 0;
    }
    assert_true(refused > 0);
    assert_int_equal(known_count(k), 20000 - refused);
    mem_fail_after(1, 1);
    known_forget(k, UINT64_MAX);
    mem_fail_after(0, 0);
    assert_int_equal(known_count(k), 20000 - refused);
    known_free(k);
}

struct race {
    struct known *k;
    atomic_uint_fast64_t claimed;
};

static void *race_claim(void *arg)
{
    struct race *r = arg;

    for (uint64_t i = 0; i < 20000; i++) {
        struct chunk_id id = nth(i);
        bool mine;

        if (known_claim(r->k, &id, &mine) == 0 && mine) {
            atomic_fetch_add(&r->claimed, 1);
            known_place(r->k, &id, i % 5);
        }
        if (i % 5000 == 0)
            known_forget(r->k, 0);
    }
    return NULL;
}

static void test_known__each_id_is_claimed_once_among_threads(void **state)
{
    struct race r = {.k = known_new()};
    pthread_t t[4];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, race_claim, &r), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    assert_int_equal(atomic_load(&r.claimed), 20000);
    known_free(r.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known__the_first_claim_wins),
        cmocka_unit_test(test_known__forgets_only_what_is_published),
        cmocka_unit_test(test_known__stays_right_without_memory),
        cmocka_unit_test(test_known__each_id_is_claimed_once_among_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
