/* Heads of tar members, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/job/export_tar.h"

struct head {
    struct entry e;
    struct export_runs runs;
    struct export_member m;
    struct buf b;
};

static void head_init(struct head *h, const char *path, enum entry_type type)
{
    *h = (struct head){.e = {.type = type, .mode = 0640}};
    h->m = (struct export_member){
        .e = &h->e, .path = bytes_of_str(path), .runs = &h->runs};
    buf_init(&h->b, 1 << 24);
}

static void head_make(struct head *h)
{
    buf_reset(&h->b);
    assert_int_equal(export_tar_head(&h->b, &h->m), 0);
    assert_int_equal(h->b.n % EXPORT_TAR_BLOCK, 0);
    for (size_t at = 0; at < h->b.n; at += EXPORT_TAR_BLOCK) {
        /* headers have their sum; other blocks are records or a map */
        const uint8_t *p = h->b.p + at;
        unsigned sum = 8 * ' ', said;

        if (memcmp(p + 257, "ustar\00000", 8) != 0)
            continue;
        for (size_t i = 0; i < EXPORT_TAR_BLOCK; i++)
            sum += i >= 148 && i < 156 ? 0 : p[i];
        assert_int_equal(sscanf((const char *)p + 148, "%o", &said), 1);
        assert_int_equal(said, sum);
    }
}

static void head_release(struct head *h)
{
    export_runs_release(&h->runs);
    buf_release(&h->b);
}

/* The value of a record, as text; "" when there is none. Each record must have
 * the length that it says. */
static const char *record(const struct head *h, const char *key)
{
    static char value[4096];
    const char *p = (const char *)h->b.p + EXPORT_TAR_BLOCK;
    unsigned n;

    value[0] = '\0';
    if (h->b.p[156] != 'x')
        return value;
    assert_int_equal(sscanf((const char *)h->b.p + 124, "%o", &n), 1);
    while (n > 0) {
        char *end;
        unsigned long len = strtoul(p, &end, 10);
        const char *eq;

        assert_in_range(len, 5, n);
        assert_int_equal(*end, ' ');
        assert_int_equal(p[len - 1], '\n');
        eq = memchr(end, '=', len - (size_t)(end - p));
        assert_non_null(eq);
        if ((size_t)(eq - end - 1) == strlen(key) &&
            memcmp(end + 1, key, strlen(key)) == 0) {
            size_t vn = len - (size_t)(eq + 1 - p) - 1;

            assert_true(vn < sizeof value);
            memcpy(value, eq + 1, vn);
            value[vn] = '\0';
        }
        p += len;
        n -= (unsigned)len;
    }
    return value;
}

static const char *field(const struct head *h, size_t at)
{
    return (const char *)h->b.p + h->b.n - EXPORT_TAR_BLOCK + at;
}

static void test_export_tar__what_fits_needs_no_record(void **state)
{
    struct head h;

    (void)state;
    head_init(&h, "a/b", ENTRY_FILE);
    h.e.size = 5;
    h.e.uid = 1000;
    h.e.mtime.s = 1700000000;
    h.e.user = bytes_of_str("ann");
    assert_int_equal(export_runs_whole(&h.runs, 5), 0);
    head_make(&h);
    assert_int_equal(h.b.n, EXPORT_TAR_BLOCK);
    assert_string_equal(field(&h, 0), "a/b");
    assert_string_equal(field(&h, 100), "0000640");
    assert_string_equal(field(&h, 108), "0001750");
    assert_string_equal(field(&h, 124), "00000000005");
    assert_string_equal(field(&h, 136), "14524770400");
    assert_string_equal(field(&h, 265), "ann");
    assert_int_equal(*field(&h, 156), '0');
    head_release(&h);
}

static void test_export_tar__types(void **state)
{
    static const struct {
        enum entry_type type;
        char said;
        const char *name;
    } want[] = {{ENTRY_DIR, '5', "x/"}, {ENTRY_SYMLINK, '2', "x"},
                {ENTRY_CHAR, '3', "x"}, {ENTRY_BLOCK, '4', "x"},
                {ENTRY_FIFO, '6', "x"}, {ENTRY_FILE, '0', "x"}};
    struct head h;

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        head_init(&h, "x", want[i].type);
        if (want[i].type == ENTRY_SYMLINK)
            h.e.target = bytes_of_str("there");
        head_make(&h);
        assert_int_equal(*field(&h, 156), want[i].said);
        assert_string_equal(field(&h, 0), want[i].name);
        assert_true(export_tar_takes(want[i].type));
        head_release(&h);
    }
    assert_false(export_tar_takes(ENTRY_SOCKET));
    head_init(&h, "", ENTRY_DIR);
    head_make(&h);
    assert_string_equal(field(&h, 0), "./");
    head_release(&h);
    /* a link holds no data, whatever the size of the file */
    head_init(&h, "x", ENTRY_FILE);
    h.e.size = 7;
    h.m.link = bytes_of_str("y");
    head_make(&h);
    assert_int_equal(*field(&h, 156), '1');
    assert_string_equal(field(&h, 157), "y");
    assert_string_equal(field(&h, 124), "00000000000");
    head_release(&h);
}

/* Records count their own length: each from 1 to where it has four digits. */
static void test_export_tar__lengths_of_records(void **state)
{
    char target[ENTRY_TARGET_MAX + 1];
    struct head h;

    (void)state;
    memset(target, 't', sizeof target);
    for (size_t n = 1; n <= 1100; n++) {
        head_init(&h, "x", ENTRY_SYMLINK);
        h.e.target = bytes_of((const uint8_t *)target, n);
        head_make(&h);
        assert_int_equal(strlen(record(&h, "linkpath")), n > 100 ? n : 0);
        head_release(&h);
    }
}

static void test_export_tar__numbers_that_do_not_fit(void **state)
{
    struct head h;

    (void)state;
    head_init(&h, "x", ENTRY_FILE);
    h.e.uid = 07777777;
    h.e.gid = 010000000;
    h.e.size = UINT64_C(8589934592);
    assert_int_equal(export_runs_whole(&h.runs, h.e.size), 0);
    head_make(&h);
    assert_string_equal(record(&h, "uid"), "");
    assert_string_equal(record(&h, "gid"), "2097152");
    assert_string_equal(record(&h, "size"), "8589934592");
    assert_string_equal(field(&h, 108), "7777777");
    assert_string_equal(field(&h, 116), "0000000");
    head_release(&h);
}

static void test_export_tar__times(void **state)
{
    static const struct {
        int64_t s;
        uint32_t ns;
        const char *said;
    } want[] = {{1, 0, ""},
                {1, 5, "1.000000005"},
                {0, 999999999, "0.999999999"},
                {-1, 0, "-1.000000000"},
                {-1, 750000000, "-0.250000000"},
                {-5, 250000000, "-4.750000000"},
                {UINT32_MAX * INT64_C(2), 0, ""},
                {INT64_C(8589934592), 0, "8589934592.000000000"},
                {INT64_MIN, 0, "-9223372036854775808.000000000"},
                {INT64_MAX, 1, "9223372036854775807.000000001"}};
    struct head h;

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        head_init(&h, "x", ENTRY_FIFO);
        h.e.mtime = (struct entry_time){want[i].s, want[i].ns};
        head_make(&h);
        assert_string_equal(record(&h, "mtime"), want[i].said);
        head_release(&h);
    }
}

static void test_export_tar__names_that_are_no_text(void **state)
{
    char longer[300];
    struct head h;

    (void)state;
    head_init(&h, "x\377", ENTRY_FIFO);
    head_make(&h);
    assert_int_equal(h.b.n, EXPORT_TAR_BLOCK);
    head_release(&h);
    memset(longer, 'n', sizeof longer);
    longer[299] = '\0';
    head_init(&h, longer, ENTRY_FIFO);
    head_make(&h);
    assert_string_equal(record(&h, "path"), longer);
    assert_string_equal(record(&h, "hdrcharset"), "");
    head_release(&h);
    longer[200] = '\377';
    head_init(&h, longer, ENTRY_FIFO);
    head_make(&h);
    assert_string_equal(record(&h, "path"), longer);
    assert_string_equal(record(&h, "hdrcharset"), "BINARY");
    head_release(&h);
}

static void test_export_tar__attributes_and_acls(void **state)
{
    static const uint8_t acl[] = {
        2, 0, 0, 0, 1, 0, 6,    0, 0xff, 0xff, 0xff, 0xff, 2,    0,    5,
        0, 3, 1, 0, 0, 4, 0,    4, 0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,
        7, 0, 0, 0, 0, 0, 0x20, 0, 0,    0,    0xff, 0xff, 0xff, 0xff};
    struct entry_xattr x[] = {
        {bytes_of_str("system.posix_acl_access"), bytes_of(acl, sizeof acl)},
        {bytes_of_str("system.posix_acl_default"),
         bytes_of(acl, sizeof acl - 1)},
        {bytes_of_str("user.a=b%"), bytes_of_str("v\nw")}};
    struct head h;

    (void)state;
    head_init(&h, "x", ENTRY_DIR);
    h.e.xattr = x;
    h.e.xattr_n = 3;
    head_make(&h);
    assert_string_equal(record(&h, "SCHILY.xattr.user.a%3Db%25"), "v\nw");
    assert_string_equal(
        record(&h, "SCHILY.acl.access"),
        "user::rw-,user:259:r-x,group::r--,mask::rwx,other::---");
    /* one that is cut off is no ACL; the attribute is there all the same */
    assert_string_equal(record(&h, "SCHILY.acl.default"), "");
    assert_int_not_equal(record(&h, "SCHILY.xattr.system.posix_acl_default")[0],
                         '\0');
    head_release(&h);
}

/* What follows the header: the map, in whole blocks. */
static const char *map(const struct head *h)
{
    return (const char *)h->b.p + h->b.n - EXPORT_TAR_BLOCK;
}

static void test_export_tar__holes(void **state)
{
    struct export_run run[] = {{0, 10}, {4096, 5000}};
    struct head h;

    (void)state;
    head_init(&h, "d/x", ENTRY_FILE);
    h.e.size = 20000;
    h.runs = (struct export_runs){.run = run, .n = 2, .bytes = 5010};
    head_make(&h);
    assert_string_equal(map(&h), "3\n0\n10\n4096\n5000\n20000\n0\n");
    assert_string_equal(record(&h, "GNU.sparse.name"), "d/x");
    assert_string_equal(record(&h, "GNU.sparse.realsize"), "20000");
    assert_string_equal(record(&h, "path"), "");
    assert_string_equal((const char *)h.b.p + h.b.n - 1024,
                        "GNUSparseFile.0/x");
    /* its size is that of the map and the data */
    assert_string_equal((const char *)h.b.p + h.b.n - 1024 + 124,
                        "00000012622");
    h.e.size = 9096; /* data to the end */
    head_make(&h);
    assert_string_equal(map(&h), "2\n0\n10\n4096\n5000\n");
    h.runs = (struct export_runs){.n = 0}; /* a hole alone */
    head_make(&h);
    assert_string_equal(map(&h), "1\n9096\n0\n");
    buf_release(&h.b);
}

static void test_export_tar__no_memory(void **state)
{
    struct entry_xattr x = {bytes_of_str("user.a"), bytes_of_str("v")};
    struct head h;
    uint64_t n, made;

    (void)state;
    head_init(&h, "x", ENTRY_FILE);
    h.e.size = 5;
    h.e.xattr = &x;
    h.e.xattr_n = 1;
    for (n = 1;; n++) {
        int rc;

        buf_release(&h.b);
        made = mem_count();
        mem_fail_after(n, 0);
        rc = export_tar_head(&h.b, &h.m);
        mem_fail_after(0, 0);
        if (mem_count() - made < n)
            break;
        assert_int_equal(rc, E_NOMEM);
        assert_int_equal(h.b.n, 0);
    }
    assert_in_range(n, 4, 1000);
    head_release(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_export_tar__what_fits_needs_no_record),
        cmocka_unit_test(test_export_tar__types),
        cmocka_unit_test(test_export_tar__lengths_of_records),
        cmocka_unit_test(test_export_tar__numbers_that_do_not_fit),
        cmocka_unit_test(test_export_tar__times),
        cmocka_unit_test(test_export_tar__names_that_are_no_text),
        cmocka_unit_test(test_export_tar__attributes_and_acls),
        cmocka_unit_test(test_export_tar__holes),
        cmocka_unit_test(test_export_tar__no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
