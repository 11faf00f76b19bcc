#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/entry_out.h"

static struct out out;
static char text[8192];

static const char *line(const struct tree_entry *te, const char *path,
                        bool details)
{
    struct buf b;

    buf_init(&b, sizeof text - 1);
    entry_out_line(&b, bytes_of_str(path), te, details);
    assert_int_equal(buf_status(&b), 0);
    memcpy(text, b.p, b.n);
    text[b.n] = 0;
    buf_release(&b);
    return text;
}

static struct tree_entry entry_of(enum entry_type type, uint32_t mode)
{
    struct tree_entry te = {.attr = NULL};

    te.e.type = type;
    te.e.mode = mode;
    te.e.uid = 1000;
    te.e.gid = 4294967295;
    te.e.nlink = 1;
    return te;
}

static void test_entry_out__modes_as_ls_has_them(void **state)
{
    static const struct {
        enum entry_type type;
        uint32_t mode;
        const char *text;
    } t[] = {
        {ENTRY_FILE, 0644, "-rw-r--r--"},    {ENTRY_FILE, 0, "----------"},
        {ENTRY_FILE, 04755, "-rwsr-xr-x"},   {ENTRY_FILE, 04644, "-rwSr--r--"},
        {ENTRY_FILE, 02755, "-rwxr-sr-x"},   {ENTRY_FILE, 02705, "-rwx--Sr-x"},
        {ENTRY_DIR, 01777, "drwxrwxrwt"},    {ENTRY_DIR, 01776, "drwxrwxrwT"},
        {ENTRY_SYMLINK, 0777, "lrwxrwxrwx"}, {ENTRY_CHAR, 0600, "crw-------"},
        {ENTRY_BLOCK, 0660, "brw-rw----"},   {ENTRY_FIFO, 0644, "prw-r--r--"},
        {ENTRY_SOCKET, 07777, "srwsrwsrwt"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct tree_entry te = entry_of(t[i].type, t[i].mode);

        assert_memory_equal(line(&te, "x", true), t[i].text, 10);
    }
}

static void test_entry_out__lines(void **state)
{
    struct tree_entry te = entry_of(ENTRY_FILE, 0644);

    (void)state;
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    te.e.size = 12345;
    te.e.mtime.s = -1;
    te.e.mtime.ns = 999999999;
    te.e.user = bytes_of_str("www\033data-and-more");
    assert_string_equal(line(&te, "a\nb", false), "/a\\nb\n");
    assert_string_equal(line(&te, "a\nb", true),
                        "-rw-r--r-- www\\x1bdata-and-more 4294967295 "
                        "       12345 1969-12-31 23:59:59 /a\\nb\n");
    te = entry_of(ENTRY_BLOCK, 0600);
    te.e.rdev_major = 8;
    te.e.rdev_minor = 17;
    assert_string_equal(line(&te, "sdb1", true),
                        "brw------- 1000     4294967295 "
                        "       8, 17 1970-01-01 00:00:00 /sdb1\n");
    te = entry_of(ENTRY_SYMLINK, 0777);
    te.e.target = bytes_of_str("to\xff");
    assert_string_equal(line(&te, "l", false), "/l\n");
    assert_string_equal(line(&te, "l", true),
                        "lrwxrwxrwx 1000     4294967295 "
                        "           0 1970-01-01 00:00:00 /l -> to\\xff\n");
}

/* What one entry gives as JSON; no repository is asked. */
static const char *json(const struct tree_entry *te, const char *path)
{
    char name[] = "/tmp/test_entry_out.XXXXXX";
    int file = mkstemp(name);
    struct json_out j;
    ssize_t n;

    assert_true(file >= 0);
    (void)unlink(name);
    out_init(&out, file);
    json_out_init(&j, &out);
    assert_int_equal(entry_out_json(&j, NULL, bytes_of_str(path), te), 0);
    assert_int_equal(out_flush(&out), 0);
    json_out_release(&j);
    n = pread(file, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = 0;
    (void)close(file);
    return text;
}

static void test_entry_out__json_says_all(void **state)
{
    struct tree_entry te = entry_of(ENTRY_FILE, 04755);
    struct tree_attr attr = {.name = bytes_of_str("user.a"),
                             .value = bytes_of_str("\xff\x01")};

    (void)state;
    te.e.size = 18446744073709551615U;
    te.e.user = bytes_of_str("u");
    te.e.inode = 7;
    te.e.nlink = 3;
    te.e.has_inode_flags = true;
    te.e.inode_flags = 16;
    te.e.project = 5;
    te.e.changing = true;
    te.attr = &attr;
    te.attr_n = 1;
    assert_string_equal(
        json(&te, "a/b"),
        "{\"v\":1,\"type\":\"entry\",\"path\":\"/a/b\",\"kind\":\"file\","
        "\"mode\":\"4755\",\"uid\":1000,\"gid\":4294967295,\"user\":\"u\","
        "\"mtime\":\"1970-01-01T00:00:00.000000000Z\","
        "\"ctime\":\"1970-01-01T00:00:00.000000000Z\","
        "\"inode\":7,\"links\":3,\"size\":18446744073709551615,"
        "\"inode_flags\":16,\"project\":5,\"changing\":true,"
        "\"xattrs\":[{\"name\":\"user.a\",\"length\":2,"
        "\"value\":\"\xef\xbf\xbd\\u0001\",\"value_b64\":\"/wE=\"}]}\n");
    te = entry_of(ENTRY_CHAR, 0600);
    te.e.rdev_major = 1;
    te.e.rdev_minor = 3;
    assert_non_null(strstr(json(&te, "null"), ",\"major\":1,\"minor\":3}"));
    te = entry_of(ENTRY_DIR, 0700);
    te.e.starts_fs = true;
    te.dir.entries = 1;
    te.dir.below = 2;
    te.dir.bytes = 3;
    assert_non_null(strstr(json(&te, "d"),
                           ",\"entries\":1,\"entries_below\":2,"
                           "\"bytes_below\":3,\"file_system\":true}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry_out__modes_as_ls_has_them),
        cmocka_unit_test(test_entry_out__lines),
        cmocka_unit_test(test_entry_out__json_says_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
