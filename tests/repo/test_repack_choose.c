#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/repack_choose.h"
#include "tests/support/prng.h"

enum { MIB = 1 << 20, FULL = 33816576 };

static const struct repack_limits usual = {5, UINT64_MAX, UINT64_MAX, false};

static size_t chosen(const struct repack_pack *p, size_t n)
{
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        k += p[i].chosen;
    return k;
}

static const struct repack_pack *number(const struct repack_pack *p, size_t n,
                                        uint32_t no)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i].no == no)
            return &p[i];
    }
    fail_msg("pack %u is lost", no);
    return p;
}

static void test_repack_choose__nothing_of_nothing(void **state)
{
    struct repack_pack none = {.no = 0};

    (void)state;
    repack_choose(&none, 0, &usual);
}

static void test_repack_choose__the_emptiest_until_little_is_dead(void **state)
{
    /* 5 % of four full packs is a fifth of one */
    struct repack_pack p[] = {{.no = 0, .bytes = FULL, .dead = FULL / 10},
                              {.no = 1, .bytes = FULL, .dead = FULL / 2},
                              {.no = 2, .bytes = FULL, .dead = 0},
                              {.no = 3, .bytes = FULL, .dead = FULL / 20}};

    (void)state;
    repack_choose(p, 4, &usual);
    assert_int_equal(chosen(p, 4), 1);
    assert_true(number(p, 4, 1)->chosen);
    repack_choose(p, 4,
                  &(struct repack_limits){0, UINT64_MAX, UINT64_MAX, false});
    assert_int_equal(chosen(p, 4), 3);
    assert_false(number(p, 4, 2)->chosen);
    repack_choose(p, 4,
                  &(struct repack_limits){100, UINT64_MAX, UINT64_MAX, false});
    assert_int_equal(chosen(p, 4), 0);
    repack_choose(p, 4,
                  &(struct repack_limits){100, FULL / 7, UINT64_MAX, false});
    assert_int_equal(chosen(p, 4), 2);
}

static void test_repack_choose__writes_no_more_than_it_may(void **state)
{
    struct repack_pack p[] = {{.no = 0, .bytes = FULL, .dead = FULL / 2},
                              {.no = 1, .bytes = FULL, .dead = FULL / 2},
                              {.no = 2, .bytes = FULL, .dead = FULL / 4 * 3}};

    (void)state;
    repack_choose(p, 3, &(struct repack_limits){0, UINT64_MAX, 0, false});
    assert_int_equal(chosen(p, 3), 0);
    repack_choose(p, 3,
                  &(struct repack_limits){0, UINT64_MAX, FULL / 2, false});
    assert_int_equal(chosen(p, 3), 1);
    assert_true(number(p, 3, 2)->chosen);
    repack_choose(p, 3, &(struct repack_limits){0, UINT64_MAX, FULL, false});
    assert_int_equal(chosen(p, 3), 2);
}

/* Eight of about one size, and of one kind. */
static void test_repack_choose__joins_small_ones(void **state)
{
    struct repack_pack p[20];

    (void)state;
    for (uint32_t i = 0; i < 20; i++)
        p[i] =
            (struct repack_pack){.no = i, .bytes = 65536, .meta = i % 3 == 0};
    repack_choose(p, 20, &usual);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(number(p, 20, i)->chosen, i % 3 != 0);
        assert_int_equal(number(p, 20, i)->small, i % 3 != 0);
    }
    for (uint32_t i = 0; i < 20; i++)
        p[i] = (struct repack_pack){.no = i, .bytes = i < 7 ? 65536 : 2 * MIB};
    repack_choose(p, 20, &usual);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(number(p, 20, i)->chosen, i >= 7);
    for (uint32_t i = 0; i < 20; i++)
        p[i] = (struct repack_pack){.no = i, .bytes = 9 * MIB};
    repack_choose(p, 20, &usual);
    assert_int_equal(chosen(p, 20), 0);
}

/* An hourly run for years: each byte is written anew a few times, and packs do
 * not become many. */
static void test_repack_choose__small_ones_grow_by_steps(void **state)
{
    static struct repack_pack p[400];
    uint64_t written = 0;
    uint64_t put = 0;
    size_t n = 0;
    uint32_t no = 0;

    (void)state;
    for (int hour = 0; hour < 20000; hour++) {
        uint64_t joined = 0;
        size_t kept = 0;

        assert_true(n < 399);
        p[n++] = (struct repack_pack){.no = no++, .bytes = 131072};
        put += 131072;
        repack_choose(p, n, &usual);
        for (size_t i = 0; i < n; i++) {
            if (p[i].chosen)
                joined += p[i].bytes;
            else
                p[kept++] = p[i];
        }
        n = kept;
        written += joined;
        for (; joined > 0; joined -= joined < FULL ? joined : FULL)
            p[n++] = (struct repack_pack){
                .no = no++, .bytes = joined < FULL ? joined : FULL};
    }
    assert_true(n < 130 + put / (8 * MIB));
    assert_true(written < 4 * put);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repack_choose__nothing_of_nothing),
        cmocka_unit_test(test_repack_choose__the_emptiest_until_little_is_dead),
        cmocka_unit_test(test_repack_choose__writes_no_more_than_it_may),
        cmocka_unit_test(test_repack_choose__joins_small_ones),
        cmocka_unit_test(test_repack_choose__small_ones_grow_by_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
