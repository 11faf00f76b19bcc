#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/id.h"

static void test_id__hex_and_back(void **state)
{
    uint8_t all[256];
    uint8_t back[256];
    char hex[2 * sizeof all + 1];

    (void)state;
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    assert_ptr_equal(id_hex(all, sizeof all, hex), hex);
    assert_int_equal(strlen(hex), 2 * sizeof all);
    assert_memory_equal(hex, "000102030405060708090a0b0c0d0e0f10", 34);
    assert_string_equal(hex + 2 * 252, "fcfdfeff");
    assert_true(id_from_hex(hex, back, sizeof back));
    assert_memory_equal(back, all, sizeof all);
    assert_string_equal(id_hex(all, 0, hex), "");
    assert_true(id_from_hex("", back, 0));
}

static void test_id__only_lower_case_digits_of_the_right_number(void **state)
{
    static const char *const bad[] = {"",   "0",    "012", "01234", "0g12",
                                      "0A", "01 2", "-1f", "0x1f",  "01f\xc3"};
    uint8_t out[2];
    char text[5] = "0000";

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(id_from_hex(bad[i], out, sizeof out));
    for (int c = 1; c < 256; c++) {
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');

        for (size_t i = 0; i < 4; i++) {
            text[i] = (char)c;
            assert_int_equal(id_from_hex(text, out, 2), digit);
            text[i] = '0';
        }
    }
}

static void test_id__equal_compares_every_byte(void **state)
{
    struct chunk_id a = {{0}};
    struct object_id x = {{0}};

    (void)state;
    for (size_t i = 0; i < ID_BYTES; i++) {
        struct chunk_id b = a;
        struct object_id y = x;

        assert_true(chunk_id_equal(&a, &b));
        assert_true(object_id_equal(&x, &y));
        b.b[i] ^= 0x80;
        y.b[i] ^= 1;
        assert_false(chunk_id_equal(&a, &b));
        assert_false(object_id_equal(&x, &y));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id__hex_and_back),
        cmocka_unit_test(test_id__only_lower_case_digits_of_the_right_number),
        cmocka_unit_test(test_id__equal_compares_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
