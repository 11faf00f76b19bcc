#include "tests/chunker/chunk_setup.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"

const uint8_t chunk_key[CHUNKER_KEY_BYTES] = "0123456789abcdef";

const uint32_t chunk_sizes[CHUNK_SIZES] = {16 << 10, 32 << 10, 64 << 10,
                                           128 << 10, 256 << 10};

const enum cpu_level chunk_levels[CHUNK_LEVELS] = {CPU_SCALAR, CPU_SSE41,
                                                   CPU_AVX2, CPU_AVX512};

void chunk_team_init(struct chunk_team *t, const struct chunker_params *params,
                     const uint8_t key[CHUNKER_KEY_BYTES])
{
    t->n = 0;
    cpu_cap_level(CPU_AVX512);
    for (size_t i = 0; i < CHUNK_LEVELS && chunk_levels[i] <= cpu_level();
         i++) {
        cpu_cap_level(chunk_levels[i]);
        assert_int_equal(chunker_init(&t->chunker[t->n++], params, key), 0);
        cpu_cap_level(CPU_AVX512);
    }
}

struct chunker_params chunk_params(uint32_t normal)
{
    struct chunker_params params;

    assert_int_equal(chunker_params_of(normal, &params), 0);
    return params;
}

struct chunker chunk_chunker(uint32_t normal)
{
    struct chunker_params params = chunk_params(normal);
    struct chunker c;

    assert_int_equal(chunker_init(&c, &params, chunk_key), 0);
    return c;
}

uint8_t *chunk_stream(enum chunk_data_kind kind, uint64_t seed, size_t n)
{
    uint8_t *p = mem_alloc(n);

    assert_non_null(p);
    chunk_data_fill(kind, seed, p, n);
    return p;
}

struct prng chunk_seeded(uint64_t seed)
{
    struct prng r;

    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&r, seed);
    return r;
}
