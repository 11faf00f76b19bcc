#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/err.h"

static void test_err__set_replaces_the_record(void **state)
{
    (void)state;
    assert_int_equal(err_set(E_CORRUPT, "pack %d", 7), E_CORRUPT);
    assert_string_equal(err_text(), "pack 7");
    assert_int_equal(err_set(E_IO, "other"), E_IO);
    assert_string_equal(err_text(), "other");
}

static void test_err__errno_is_named_and_enomem_becomes_its_code(void **state)
{
    (void)state;
    assert_int_equal(err_set_errno(E_IO, ENOENT, "open %s", "f"), E_IO);
    assert_string_equal(err_text(), "open f: No such file or directory");
    assert_int_equal(err_set_errno(E_IO, ENOMEM, "open f"), E_NOMEM);
    assert_string_equal(err_text(), "open f: Cannot allocate memory");
}

static void test_err__context_goes_before_and_keeps_the_code(void **state)
{
    int rc = err_set(E_CORRUPT, "trailer at 9");

    (void)state;
    rc = err_add(rc, "pack %s", "3fa0");
    rc = err_add(rc, "snapshot");
    assert_int_equal(rc, E_CORRUPT);
    assert_string_equal(err_text(), "snapshot: pack 3fa0: trailer at 9");
    assert_int_equal(err_add(0, "nothing happened"), 0);
    assert_string_equal(err_text(), "snapshot: pack 3fa0: trailer at 9");
}

static void test_err__may_quote_the_record_itself(void **state)
{
    (void)state;
    assert_int_equal(err_set(E_IO, "disk"), E_IO);
    assert_int_equal(err_set(E_STORE, "store says: %s", err_text()), E_STORE);
    assert_string_equal(err_text(), "store says: disk");
    assert_int_equal(err_add(E_STORE, "%s again", err_text()), E_STORE);
    assert_string_equal(err_text(), "store says: disk again: store says: disk");
    assert_int_equal(err_set_errno(E_IO, ENOENT, "first %s", err_text()), E_IO);
    assert_string_equal(err_text(), "first store says: disk again: "
                                    "store says: disk: "
                                    "No such file or directory");
}

static void test_err__long_texts_are_cut(void **state)
{
    char text[2 * ERR_TEXT_MAX];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    assert_int_equal(err_set(E_IO, "%s", text), E_IO);
    assert_int_equal(strlen(err_text()), ERR_TEXT_MAX - 1);
    assert_int_equal(err_add(E_IO, "where"), E_IO);
    assert_int_equal(strlen(err_text()), ERR_TEXT_MAX - 1);
    assert_memory_equal(err_text(), "where: xxx", 10);
    assert_int_equal(err_set_errno(E_IO, ENOENT, "%s", text), E_IO);
    assert_int_equal(strlen(err_text()), ERR_TEXT_MAX - 1);
    for (size_t n = ERR_TEXT_MAX - 4; n <= ERR_TEXT_MAX; n++) {
        text[n] = 0;
        assert_int_equal(err_set(E_IO, "x"), E_IO);
        assert_int_equal(err_add(E_IO, "%s", text), E_IO);
        assert_int_equal(strlen(err_text()),
                         n + 3 < ERR_TEXT_MAX ? n + 3 : ERR_TEXT_MAX - 1);
        text[n] = 'x';
    }
}

static void *raise_elsewhere(void *out)
{
    struct err_record *rec = out;

    assert_string_equal(err_text(), "");
    err_save(err_set(E_NOSPACE, "in a worker"), rec);
    return NULL;
}

static void test_err__threads_have_their_own_record(void **state)
{
    struct err_record rec;
    pthread_t thread;

    (void)state;
    assert_int_equal(err_set(E_IO, "mine"), E_IO);
    assert_int_equal(pthread_create(&thread, NULL, raise_elsewhere, &rec), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(err_text(), "mine");
    assert_int_equal(err_load(&rec), E_NOSPACE);
    assert_string_equal(err_text(), "in a worker");
}

/* The exit codes are a promise for ever: all of them, spelt out. */
static void test_err__exit_codes(void **state)
{
    static const int exits[] = {
        [-E_USAGE] = 1,  [-E_NOTFOUND] = 1, [-E_NOMEM] = 2,
        [-E_IO] = 2,     [-E_LIMIT] = 2,    [-E_UNSUPPORTED] = 2,
        [-E_NOREPO] = 4, [-E_KEY] = 5,      [-E_ROLE] = 5,
        [-E_BUSY] = 6,   [-E_NOSPACE] = 7,  [-E_CORRUPT] = 8,
        [-E_STORE] = 9,  [-E_REFUSED] = 10, [-E_FENCED] = 75,
        [-E_LATER] = 75, [-E_CANCELED] = 2, [-E_INTERNAL] = 2,
        [-E_SOURCE] = 2, [-E_TARGET] = 2,   [-E_ROLLBACK] = 8,
    };

    (void)state;
    for (int i = 0; i < (int)(sizeof exits / sizeof exits[0]); i++)
        assert_int_equal(err_exit_code(-i), exits[i]);
    assert_int_equal(err_exit_code(-1000), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err__set_replaces_the_record),
        cmocka_unit_test(test_err__errno_is_named_and_enomem_becomes_its_code),
        cmocka_unit_test(test_err__context_goes_before_and_keeps_the_code),
        cmocka_unit_test(test_err__may_quote_the_record_itself),
        cmocka_unit_test(test_err__long_texts_are_cut),
        cmocka_unit_test(test_err__threads_have_their_own_record),
        cmocka_unit_test(test_err__exit_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
