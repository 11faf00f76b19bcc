#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/blake3.h"
#include "base/cpu.h"
#include "base/id.h"
#include "tests/base/blake3_vectors.h"
#include "tests/support/prng.h"

enum { INPUT_BYTES = 4 << 20, LEVELS = CPU_AVX512 + 1 };

static uint8_t *input; /* INPUT_BYTES of i % 251 */
static const uint8_t *const key = (const uint8_t *)BLAKE3_VECTORS_KEY;

static int set_up(void **state)
{
    (void)state;
    input = malloc(INPUT_BYTES);
    if (!input)
        return -1;
    for (size_t i = 0; i < INPUT_BYTES; i++)
        input[i] = (uint8_t)(i % 251);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(input);
    cpu_cap_level(CPU_AVX512);
    return 0;
}

static void assert_hex(const uint8_t out[BLAKE3_BYTES], const char *want)
{
    char hex[2 * BLAKE3_BYTES + 1];

    assert_string_equal(id_hex(out, BLAKE3_BYTES, hex), want);
}

static void test_blake3__equals_the_vectors(void **state)
{
    uint8_t out[BLAKE3_BYTES];

    (void)state;
    for (int level = 0; level < LEVELS; level++) {
        cpu_cap_level((enum cpu_level)level);
        for (size_t i = 0; i < sizeof blake3_vectors / sizeof blake3_vectors[0];
             i++) {
            const struct blake3_vector *v = &blake3_vectors[i];

            blake3_hash(bytes_of(input, v->n), out);
            assert_hex(out, v->hash);
            blake3_keyed(key, bytes_of(input, v->n), out);
            assert_hex(out, v->keyed);
        }
    }
    blake3_hash(bytes_of(NULL, 0), out);
    assert_hex(out, blake3_vectors[0].hash);
}

/* Every length to 300, then the edges of each leaf up to 70 KiB and of
 * growing powers of two up to 4 MiB. Returns 0 after the last. */
static size_t next_length(size_t n)
{
    size_t leaf = n / 1024 * 1024;

    if (n < 300)
        return n + 1;
    if (n >= 70 * 1024 && n < INPUT_BYTES - 1)
        return n * 3 / 2 < INPUT_BYTES - 1 ? n * 3 / 2 : INPUT_BYTES - 1;
    if (n >= INPUT_BYTES - 1)
        return n == INPUT_BYTES ? 0 : n + 1;
    if (n - leaf < 1)
        return n + 1;
    return n - leaf < 1023 ? leaf + 1023 : n + 1;
}

static void write_inputs(const char *dir)
{
    for (size_t n = 0, more = 1; more; n = more) {
        char name[64];
        FILE *f;

        (void)snprintf(name, sizeof name, "%s/%08zu", dir, n);
        f = fopen(name, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(input, 1, n, f), n);
        assert_int_equal(fclose(f), 0);
        more = next_length(n);
    }
}

/* Compares with b3sum's output, a line per file in the order of names. */
static void compare_with(const char *command, const uint8_t *with_key)
{
    FILE *f = popen(command, "r");
    char want[80];
    uint8_t out[BLAKE3_BYTES];

    assert_non_null(f);
    for (size_t n = 0, more = 1; more; n = more) {
        assert_non_null(fgets(want, sizeof want, f));
        want[2 * BLAKE3_BYTES] = 0;
        if (with_key)
            blake3_keyed(with_key, bytes_of(input, n), out);
        else
            blake3_hash(bytes_of(input, n), out);
        assert_hex(out, want);
        more = next_length(n);
    }
    assert_null(fgets(want, sizeof want, f));
    assert_int_equal(pclose(f), 0);
}

static void test_blake3__equals_b3sum(void **state)
{
    char dir[] = "/tmp/test_blake3.XXXXXX";
    char command[256];

    (void)state;
    if (system("b3sum --version >/dev/null 2>&1") != 0) {
        print_message("skipped: b3sum is not installed\n");
        skip();
    }
    assert_non_null(mkdtemp(dir));
    write_inputs(dir);
    cpu_cap_level(CPU_AVX512);
    (void)snprintf(command, sizeof command, "b3sum --no-names %s/*", dir);
    compare_with(command, NULL);
    (void)snprintf(command, sizeof command,
                   "printf '%%s' '%s' | b3sum --keyed --no-names %s/*",
                   BLAKE3_VECTORS_KEY, dir);
    compare_with(command, key);
    (void)snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void test_blake3__all_levels_agree_on_every_length(void **state)
{
    uint8_t want[BLAKE3_BYTES];
    uint8_t out[BLAKE3_BYTES];

    (void)state;
    /* 37 is prime to block and leaf: all remainders come by */
    for (size_t n = 0; n <= 20000; n += n < 1100 ? 1 : 37) {
        cpu_cap_level(CPU_SCALAR);
        blake3_keyed(key, bytes_of(input + n % 64, n), want);
        for (int level = 1; level < LEVELS; level++) {
            cpu_cap_level((enum cpu_level)level);
            blake3_keyed(key, bytes_of(input + n % 64, n), out);
            assert_memory_equal(out, want, sizeof want);
        }
    }
}

/* Feeds n bytes in pieces: mostly small, sometimes up to all that is left. */
static void feed(struct blake3 *h, struct prng *r, size_t n)
{
    size_t at = 0;

    while (at < n) {
        size_t bound = prng_below(r, 4) ? 3000 : n - at + 1;
        size_t now = (size_t)prng_below(r, bound);

        now = now < n - at ? now : n - at;
        blake3_update(h, bytes_of(input + at, now));
        at += now;
    }
}

static void test_blake3__updates_may_be_split_anywhere(void **state)
{
    struct blake3 h;
    struct prng r;
    uint8_t want[BLAKE3_BYTES];
    uint8_t out[BLAKE3_BYTES];

    (void)state;
    prng_init(&r, 1);
    for (int round = 0; round < 400; round++) {
        size_t n = (size_t)prng_below(&r, round % 8 ? 20000 : 1000000);

        n = round % 3 ? n : n / 1024 * 1024;
        cpu_cap_level((enum cpu_level)(round % LEVELS));
        blake3_keyed(key, bytes_of(input, n), want);
        blake3_init_keyed(&h, key);
        feed(&h, &r, n);
        blake3_final(&h, out);
        assert_memory_equal(out, want, sizeof want);
        blake3_hash(bytes_of(input, n), want);
        blake3_init(&h);
        feed(&h, &r, n);
        blake3_update(&h, bytes_of(NULL, 0));
        blake3_final(&h, out);
        assert_memory_equal(out, want, sizeof want);
    }
}

static void test_blake3__final_wipes_the_key(void **state)
{
    static const struct blake3 zero;
    struct blake3 h;
    uint8_t out[BLAKE3_BYTES];

    (void)state;
    blake3_init_keyed(&h, key);
    blake3_update(&h, bytes_of(input, 5000));
    blake3_final(&h, out);
    assert_memory_equal(&h, &zero, sizeof h);
}

enum { BATCH = 200 };

static void check_batch(struct prng *r, size_t n, size_t longest)
{
    static uint8_t out[BATCH][BLAKE3_BYTES];
    struct blake3_item item[BATCH] = {0};
    uint8_t want[BLAKE3_BYTES];

    memset(out, 0, sizeof out);
    for (size_t i = 0; i < n; i++) {
        size_t len = (size_t)prng_below(r, longest + 1);

        len = prng_below(r, 5) ? len : len / 1024 * 1024;
        item[i].in = bytes_of(input + prng_below(r, 1000), len);
        item[i].out = out[i];
    }
    blake3_keyed_many(key, item, n);
    for (size_t i = 0; i < n; i++) {
        blake3_keyed(key, item[i].in, want);
        assert_memory_equal(out[i], want, sizeof want);
    }
}

static void test_blake3__a_batch_equals_one_by_one(void **state)
{
    static const size_t longest[] = {0, 63, 1024, 5000, 66000, 300000};
    struct prng r;

    (void)state;
    prng_init(&r, 2);
    for (int level = 0; level < LEVELS; level++) {
        cpu_cap_level((enum cpu_level)level);
        for (size_t k = 0; k < sizeof longest / sizeof longest[0]; k++) {
            check_batch(&r, 0, longest[k]);
            check_batch(&r, 1, longest[k]);
            check_batch(&r, 1 + (size_t)prng_below(&r, 20), longest[k]);
            check_batch(&r, k < 4 ? BATCH : 20, longest[k]);
        }
    }
}

static void test_blake3__key_and_mode_matter(void **state)
{
    uint8_t other[BLAKE3_KEY_BYTES];
    uint8_t a[BLAKE3_BYTES];
    uint8_t b[BLAKE3_BYTES];

    (void)state;
    blake3_keyed(key, bytes_of(input, 100), a);
    blake3_hash(bytes_of(input, 100), b);
    assert_memory_not_equal(a, b, sizeof a);
    for (size_t i = 0; i < sizeof other; i++) {
        memcpy(other, key, sizeof other);
        other[i] ^= 1;
        blake3_keyed(other, bytes_of(input, 100), b);
        assert_memory_not_equal(a, b, sizeof a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blake3__equals_the_vectors),
        cmocka_unit_test(test_blake3__equals_b3sum),
        cmocka_unit_test(test_blake3__all_levels_agree_on_every_length),
        cmocka_unit_test(test_blake3__updates_may_be_split_anywhere),
        cmocka_unit_test(test_blake3__final_wipes_the_key),
        cmocka_unit_test(test_blake3__a_batch_equals_one_by_one),
        cmocka_unit_test(test_blake3__key_and_mode_matter),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
