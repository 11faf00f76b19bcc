#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "chunker/cutprf.h"
#include "tests/chunker/chunk_setup.h"

enum { MOST = 80 };

/* Any number of anchors, anywhere, in any version: what base/siphash.h says. */
static void test_cutprf__every_version_is_siphash(void **state)
{
    const uint64_t seed = 30;
    uint8_t p[1000];
    struct prng prng;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&prng, seed);
    prng_fill(&prng, p, sizeof p);
    for (size_t i = 0; i < CHUNK_LEVELS; i++) {
        const struct cutprf_version *v = cutprf_best(chunk_levels[i]);

        if (chunk_levels[i] > cpu_level())
            break;
        assert_true(v->level <= chunk_levels[i]);
        for (size_t n = 1; n <= MOST; n++) {
            struct siphash_key key = {prng_next(&prng), prng_next(&prng)};
            uint32_t pos[MOST];
            uint32_t kept[MOST];
            uint64_t r[MOST];

            for (size_t j = 0; j < MOST; j++)
                pos[j] = CUTPRF_HISTORY +
                         (uint32_t)prng_below(&prng, sizeof p - CUTPRF_HISTORY);
            memcpy(kept, pos, sizeof pos);
            v->hash(&key, p, pos, n, r);
            for (size_t j = 0; j < n; j++)
                assert_true(r[j] ==
                            siphash(&key, bytes_of(p + kept[j] - 63, 64)));
            for (size_t j = (n + 7) / 8 * 8; j < MOST; j++)
                assert_int_equal(pos[j], kept[j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cutprf__every_version_is_siphash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
