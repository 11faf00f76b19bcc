#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chunker/anchor.h"
#include "chunker/chunker.h"
#include "tests/chunker/chunk_data.h"

static const uint8_t key[CHUNKER_KEY_BYTES] = "0123456789abcdef";

static const uint32_t sizes[] = {16 << 10, 32 << 10, 64 << 10, 128 << 10,
                                 256 << 10};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* ---- the definition of docs/chunker.md, word by word, from the matrices ----
 */

/* lag_product[j][x]: what byte x adds to the digest j positions later */
static uint8_t lag_product[32][256];

static uint8_t oracle_apply(uint64_t matrix, uint8_t x)
{
    unsigned y = 0;

    for (unsigned i = 0; i < 8; i++) {
        unsigned row = (unsigned)(matrix >> (8 * (7 - i))) & 0xff;

        y |= (unsigned)__builtin_parity(row & x) << i;
    }
    return (uint8_t)y;
}

static int oracle_setup(void **state)
{
    (void)state;
    for (unsigned j = 0; j < 32; j++) {
        for (unsigned x = 0; x < 256; x++) {
            uint8_t y = (uint8_t)x;

            for (unsigned k = 0; k < 5; k++) {
                if (j >> k & 1)
                    y = oracle_apply(anchor_matrix[k], y);
            }
            lag_product[j][x] = y;
        }
    }
    return 0;
}

static bool oracle_anchor(const uint8_t *p, size_t at)
{
    uint8_t digest = 0;

    for (size_t j = 0; j < 32; j++)
        digest ^= lag_product[j][p[at - j]];
    return digest == anchor_target;
}

/* latest[i] = 1 + the last anchor at or before i, or 0 */
static uint32_t *oracle_anchors(const uint8_t *p, size_t n)
{
    uint32_t *latest = mem_array(n + 1, sizeof *latest);

    assert_non_null(latest);
    for (size_t i = 31; i < n; i++)
        latest[i] = oracle_anchor(p, i) ? (uint32_t)i + 1 : latest[i - 1];
    return latest;
}

/* Does the stream p, last cut at s, have a cut at s + len? */
static bool oracle_cuts(const struct chunker_params *params, const uint8_t *p,
                        const uint32_t *latest, size_t s, size_t len)
{
    struct siphash_key k = siphash_key_load(key);
    size_t cut = s + len;
    unsigned bits = 0;
    size_t a;
    uint64_t r;

    if (len == params->max)
        return true;
    if (len < params->min || latest[cut - 1] == 0)
        return false;
    a = latest[cut - 1] - 1;
    if (cut - a > 4096)
        return false;
    r = siphash(&k, bytes_of(p + a - 63, 64));
    while ((uint32_t)4096 << bits < params->normal)
        bits++;
    if (len >= params->normal)
        bits -= 2;
    return a + 1 + r % 4096 == cut && (r >> 12) % (1u << bits) == 0;
}

static size_t oracle_next(const struct chunker_params *params, const uint8_t *p,
                          const uint32_t *latest, size_t s, size_t n)
{
    for (size_t len = params->min; len <= n - s; len++) {
        if (oracle_cuts(params, p, latest, s, len))
            return len;
    }
    return n - s;
}

/* ---- the tests ---- */

static struct chunker chunker_of(uint32_t normal)
{
    struct chunker_params params;
    struct chunker c;

    assert_int_equal(chunker_params_of(normal, &params), 0);
    assert_int_equal(chunker_init(&c, &params, key), 0);
    return c;
}

static void test_chunker__cuts_as_defined(void **state)
{
    enum { N = 3 << 20 };
    uint8_t *p = mem_alloc(N);

    (void)state;
    assert_non_null(p);
    for (int kind = 0; kind < CHUNK_DATA_KINDS; kind++) {
        uint32_t *latest;

        chunk_data_fill((enum chunk_data_kind)kind, 1, p, N);
        latest = oracle_anchors(p, N);
        for (size_t i = 0; i < SIZES; i++) {
            struct chunker c = chunker_of(sizes[i]);
            size_t known = 0;

            for (size_t s = 0, len; s < N; s += len) {
                len = chunker_next(&c, p + s, N - s, true, &known);
                assert_int_equal(len, oracle_next(&c.params, p, latest, s, N));
            }
        }
        free(latest);
    }
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunker__cuts_as_defined),
    };

    return cmocka_run_group_tests(tests, oracle_setup, NULL);
}
