#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fileop.h"
#include "base/id.h"
#include "cli/key_file.h"
#include "tests/support/scratch.h"

static char top[SCRATCH_PATH];
static struct secret s;

static int setup(void **state)
{
    (void)state;
    scratch_make(top);
    return secret_init(&s, KEY_FILE_BYTES);
}

static int teardown(void **state)
{
    (void)state;
    secret_release(&s);
    scratch_remove(top);
    return 0;
}

static const char *path_of(const char *name)
{
    static char path[2 * SCRATCH_PATH];

    (void)snprintf(path, sizeof path, "%s/%s", top, name);
    return path;
}

static void test_key_file__holds_what_it_gave(void **state)
{
    char text[100], hex[2 * KEY_FILE_BYTES + 1];
    struct stat st;

    (void)state;
    assert_int_equal(key_file_create(path_of("key"), &s), 0);
    assert_int_equal(s.n, KEY_FILE_BYTES);
    assert_int_equal(scratch_read(top, "key", text, sizeof text), 65);
    assert_int_equal(text[64], '\n');
    text[64] = 0;
    assert_string_equal(text, id_hex(s.p, s.n, hex));
    assert_int_equal(fileop_fstatat(AT_FDCWD, path_of("key"), &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(key_file_create(path_of("other"), &s), 0);
    assert_string_not_equal(text, id_hex(s.p, s.n, hex));
}

static void test_key_file__is_never_written_over(void **state)
{
    char text[100];

    (void)state;
    scratch_text(top, "there", "mine");
    assert_int_equal(key_file_create(path_of("there"), &s), E_USAGE);
    assert_int_equal(scratch_read(top, "there", text, sizeof text), 4);
    assert_true(scratch_run("ln -s target '%s/link'", top));
    assert_int_equal(key_file_create(path_of("link"), &s), E_USAGE);
    assert_false(scratch_run("test -e '%s/target'", top));
    assert_int_equal(key_file_create(path_of("no/such/dir"), &s), E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_key_file__holds_what_it_gave,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_file__is_never_written_over,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
