#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/random.h"

/* Chance alone fails this once in 2^64 runs. */
static void test_random__bytes_differ_each_time(void **state)
{
    uint8_t a[8] = {0};
    uint8_t b[8] = {0};

    (void)state;
    assert_int_equal(random_bytes(a, sizeof a), 0);
    assert_int_equal(random_bytes(b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
}

/* Every byte position is written, and nothing behind the end. */
static void check_fills(size_t n)
{
    enum { MAX = 700, ROUNDS = 16 };
    uint8_t x[MAX + 8];
    uint8_t seen[MAX + 8];

    assert_true(n <= MAX);
    memset(seen, 0, sizeof seen);
    for (int round = 0; round < ROUNDS; round++) {
        memset(x, 0, sizeof x);
        assert_int_equal(random_bytes(x, n), 0);
        for (size_t i = 0; i < sizeof x; i++)
            seen[i] |= x[i];
    }
    for (size_t i = 0; i < sizeof seen; i++)
        assert_int_equal(seen[i] != 0, i < n);
}

static void test_random__fills_exactly_what_was_asked(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 700; n += 1 + n / 5) {
        check_fills(n);
        random_seed_for_tests(n);
        check_fills(n);
        random_unseed_for_tests();
    }
}

static void test_random__a_seed_repeats_its_sequence(void **state)
{
    uint8_t a[33], b[33], c[33];

    (void)state;
    random_seed_for_tests(1);
    assert_int_equal(random_bytes(a, sizeof a), 0);
    assert_int_equal(random_bytes(c, sizeof c), 0);
    assert_memory_not_equal(a, c, sizeof a);
    random_seed_for_tests(1);
    assert_int_equal(random_bytes(b, sizeof b), 0);
    assert_memory_equal(a, b, sizeof a);
    random_seed_for_tests(2);
    assert_int_equal(random_bytes(b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    random_seed_for_tests(1);
    random_unseed_for_tests();
    assert_int_equal(random_bytes(b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
}

static void *draw(void *out)
{
    assert_int_equal(random_bytes(out, 8), 0);
    return NULL;
}

static void test_random__threads_share_the_seeded_sequence(void **state)
{
    enum { THREADS = 8 };
    pthread_t thread[THREADS];
    uint8_t got[THREADS][8];

    (void)state;
    random_seed_for_tests(3);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, draw, got[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    random_unseed_for_tests();
    for (int i = 0; i < THREADS; i++) {
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(got[i], got[k], 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random__bytes_differ_each_time),
        cmocka_unit_test(test_random__fills_exactly_what_was_asked),
        cmocka_unit_test(test_random__a_seed_repeats_its_sequence),
        cmocka_unit_test(test_random__threads_share_the_seeded_sequence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
