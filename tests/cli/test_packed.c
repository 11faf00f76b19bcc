#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/packed.h"
#include "tests/support/prng.h"

static void test_packed__knows_heads(void **state)
{
    static const struct {
        const char *name; /* NULL: none */
        size_t n;
        const char *head;
    } row[] = {{"gzip", 4, "\x1f\x8b\x08\x00"},
               {NULL, 2, "\x1f\x8b"},
               {NULL, 3, "\x1f\x8b\x07"},
               {"xz", 6,
                "\xfd"
                "7zXZ\x00"},
               {NULL, 5,
                "\xfd"
                "7zXZ"},
               {"zstd", 4, "\x28\xb5\x2f\xfd"},
               {"bzip2", 4, "BZh9"},
               {"lz4", 4, "\x04\x22\x4d\x18"},
               {NULL, 4, "-- P"},
               {NULL, 0, ""}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct packed p = {.n = 0};
        const char *name;

        /* byte by byte, as a pipe may bring them */
        for (size_t k = 0; k < row[i].n; k++)
            packed_add(&p, bytes_of(row[i].head + k, 1));
        name = packed_name(&p);
        if (row[i].name)
            assert_string_equal(name, row[i].name);
        else
            assert_null(name);
    }
}

static void test_packed__knows_what_chance_looks_like(void **state)
{
    struct packed p = {.n = 0};
    uint8_t *data = mem_alloc(2 * PACKED_SAMPLE);
    struct prng r;

    (void)state;
    assert_non_null(data);
    prng_init(&r, 3);
    prng_fill(&r, data, 2 * PACKED_SAMPLE);
    packed_add(&p, bytes_of(data, PACKED_SAMPLE_MIN - 1));
    assert_null(packed_name(&p));
    packed_add(&p, bytes_of(data, 1));
    assert_non_null(packed_name(&p));
    packed_add(&p, bytes_of(data, 2 * PACKED_SAMPLE));
    assert_int_equal(p.n, PACKED_SAMPLE);
    assert_non_null(packed_name(&p));
    free(data);
}

static void test_packed__takes_text_for_text(void **state)
{
    struct packed p = {.n = 0};
    struct prng r;

    (void)state;
    prng_init(&r, 4);
    /* base64 of chance: 64 values of equal chance */
    while (p.n < PACKED_SAMPLE) {
        uint8_t c;

        prng_fill(&r, &c, 1);
        c = (uint8_t)(' ' + c % 64);
        packed_add(&p, bytes_of(&c, 1));
    }
    assert_null(packed_name(&p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed__knows_heads),
        cmocka_unit_test(test_packed__knows_what_chance_looks_like),
        cmocka_unit_test(test_packed__takes_text_for_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
