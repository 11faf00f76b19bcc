/* Which checkpoints nobody needs any more: docs/format.md 10.1, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "repo/superseded.h"
#include "tests/support/prng.h"

/* A snapshot of the world: "a2c" is series a, number 2, complete; "a2x3" is a
 * checkpoint of run x with 3 entries; '!' behind it: it is superseded. */
static struct superseded read_one(const char *text, size_t at, bool *want)
{
    struct superseded s = {.series = bytes_of(text, 1),
                           .number = (uint64_t)(text[1] - '0'),
                           .complete = text[2] == 'c',
                           .begin = {text[2], 0},
                           .at = at};
    const char *rest = text + 3;

    s.id.b[0] = (uint8_t)(at + 1);
    if (!s.complete)
        s.entries = (uint64_t)(*rest++ - '0');
    *want = *rest == '!';
    return s;
}

enum { WORDS = 8, SHUFFLES = 40 };

static void shuffle(struct superseded *s, size_t n, struct prng *r)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)prng_below(r, i);
        struct superseded t = s[i - 1];

        s[i - 1] = s[k];
        s[k] = t;
    }
}

static void check_world(const char *const *word, struct prng *r)
{
    struct superseded s[WORDS];
    bool want[WORDS];
    size_t n = 0;

    for (; n < WORDS && word[n]; n++)
        s[n] = read_one(word[n], n, &want[n]);
    shuffle(s, n, r);
    superseded_mark(s, n);
    for (size_t i = 0; i < n; i++)
        if (s[i].is != want[s[i].at])
            fail_msg("%s among %s %s ...", word[s[i].at], word[0],
                     word[1] ? word[1] : "");
}

static void test_superseded__by_what_and_by_nothing_else(void **state)
{
    static const char *const world[][WORDS] = {
        {NULL},
        {"a1c"},
        {"a1x1"}, /* a series of one checkpoint */
        /* by the snapshot of its run, and by any of that number or higher */
        {"a1x1!", "a1c"},
        {"a1x1!", "a2c"},
        {"a1x1!", "a9c", "a1c"},
        /* not by older ones, nor by those of another series */
        {"a2x1", "a1c"},
        {"a1x1", "b1c", "b2c"},
        /* the last of one run, of which none is complete */
        {"a1x1!", "a1x2!", "a1x3"},
        {"a2x1!", "a2x2", "a1c"},
        /* runs are told apart by their begin, number and series */
        {"a1x1", "a1y2"},
        {"a1x1", "a2x2"},
        {"a1x1", "b1x2"},
        {"a1x1!", "a1x2", "a1y1!", "a1y2!", "a1y3"},
        /* several runs until one is done */
        {"a2x1!", "a2y7!", "a2c", "a3z1", "a1c"},
        {"a2x1!", "b2x1", "a2c", "b1c"},
    };
    struct prng r;

    (void)state;
    prng_init(&r, 1);
    for (size_t i = 0; i < sizeof world / sizeof world[0]; i++)
        for (int k = 0; k < SHUFFLES; k++)
            check_world(world[i], &r);
}

/* Two of a run that count the same: one stays, the same one for everybody. */
static void test_superseded__one_of_equals_stays(void **state)
{
    struct prng r;

    (void)state;
    prng_init(&r, 2);
    for (int k = 0; k < SHUFFLES; k++) {
        struct superseded s[3];
        bool want;

        for (size_t i = 0; i < 3; i++)
            s[i] = read_one("a1x4", i, &want);
        shuffle(s, 3, &r);
        superseded_mark(s, 3);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(s[i].is, s[i].at != 2);
    }
}

static void test_superseded__counts_what_has_ended(void **state)
{
    struct object_id id = {{7}};
    struct manifest m = {
        .series = bytes_of_str("s"),
        .number = 4,
        .begin = {5, 6},
        .stats = {.files = 1, .directories = 10, .others = 100, .bytes = 9}};
    struct superseded s = superseded_of(&id, &m, 3);

    (void)state;
    assert_int_equal(s.entries, 111);
    assert_int_equal(s.at, 3);
    assert_int_equal(s.number, 4);
    assert_false(s.complete);
    assert_true(object_id_equal(&s.id, &id));
    assert_int_equal(entry_time_cmp(s.begin, m.begin), 0);
    assert_true(bytes_equal(s.series, m.series));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_superseded__by_what_and_by_nothing_else),
        cmocka_unit_test(test_superseded__one_of_equals_stays),
        cmocka_unit_test(test_superseded__counts_what_has_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
