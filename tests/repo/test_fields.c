#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "repo/fields.h"

static void test_fields__odd_unknown_refuses_even_is_kept(void **state)
{
    struct buf b;
    struct buf keep;
    struct buf again;
    struct fields_out o;
    struct fields f;
    uint64_t tag;
    struct bytes value;

    (void)state;
    buf_init(&b, 1000);
    buf_init(&keep, 1000);
    buf_init(&again, 1000);
    fields_begin(&o, &b, bytes_of(NULL, 0));
    fields_put_varint(&o, 1, 300);
    fields_put(&o, 2, bytes_of_str("two"));
    fields_put(&o, 6, bytes_of_str("six"));
    fields_put(&o, 1000, bytes_of_str("far"));
    fields_finish(&o);

    /* a program that knows only 1 and 6 */
    fields_init(&f, buf_bytes(&b), &keep);
    while (fields_next(&f, &tag, &value)) {
        if (tag == 1)
            assert_int_equal(fields_get_varint(&f, value, 300), 300);
        else if (tag != 6)
            fields_skip(&f, tag, value);
    }
    assert_int_equal(fields_end(&f, "test"), 0);
    fields_begin(&o, &again, buf_bytes(&keep));
    fields_put_varint(&o, 1, 300);
    fields_put(&o, 6, bytes_of_str("six"));
    fields_finish(&o);
    assert_true(bytes_equal(buf_bytes(&b), buf_bytes(&again)));

    /* and one that does not know 1 */
    fields_init(&f, buf_bytes(&b), NULL);
    while (fields_next(&f, &tag, &value))
        fields_skip(&f, tag, value);
    assert_int_equal(fields_end(&f, "test"), E_UNSUPPORTED);
    buf_release(&b);
    buf_release(&keep);
    buf_release(&again);
}

static int walk(struct bytes in)
{
    struct fields f;
    uint64_t tag;
    struct bytes value;

    fields_init(&f, in, NULL);
    while (fields_next(&f, &tag, &value))
        ;
    return fields_end(&f, "test");
}

static void test_fields__order_and_lengths_are_kept(void **state)
{
    static const struct {
        const char *p;
        size_t n;
        int rc;
    } t[] = {
        {"", 0, 0},
        {"\x00\x00", 2, 0},
        {"\x02\x00\x04\x01x", 5, 0},
        {"\x02\x00\x02\x00", 4, E_CORRUPT}, /* twice */
        {"\x04\x00\x02\x00", 4, E_CORRUPT}, /* descending */
        {"\x00\x00\x00\x00", 4, E_CORRUPT},
        {"\x02", 1, E_CORRUPT},
        {"\x02\x02x", 3, E_CORRUPT},
        {"\x82\x00\x00", 3, E_CORRUPT}, /* long form */
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        assert_int_equal(walk(bytes_of(t[i].p, t[i].n)), t[i].rc);
}

static void test_fields__values_fill_their_field(void **state)
{
    static const struct {
        const char *p;
        size_t n;
        size_t list; /* elements of 2 bytes; 99: refused */
    } t[] = {
        {"\x00", 1, 0},
        {"\x01"
         "ab",
         3, 1},
        {"", 0, 99},
        {"\x01"
         "a",
         2, 99},
        {"\x01"
         "abc",
         4, 99},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, 99},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct fields f;
        struct fields_list l;

        fields_init(&f, bytes_of(NULL, 0), NULL);
        l = fields_get_list(&f, bytes_of(t[i].p, t[i].n), 2);
        assert_int_equal(fields_end(&f, "test"),
                         t[i].list == 99 ? E_CORRUPT : 0);
        if (t[i].list != 99)
            assert_int_equal(l.n, t[i].list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields__odd_unknown_refuses_even_is_kept),
        cmocka_unit_test(test_fields__order_and_lengths_are_kept),
        cmocka_unit_test(test_fields__values_fill_their_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
