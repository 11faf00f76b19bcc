#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fileop_fault.h"
#include "base/mem.h"
#include "base/read_all.h"

enum { WHOLE = 100000 };

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 31 >> 3);
}

/* A descriptor that gives n bytes. */
static int file_of(size_t n)
{
    static uint8_t data[WHOLE];
    int fd = memfd_create("read_all", MFD_CLOEXEC);

    assert_true(fd >= 0);
    for (size_t i = 0; i < n; i++)
        data[i] = byte_at(i);
    assert_int_equal(pwrite(fd, data, n, 0), n);
    return fd;
}

static int all_of(size_t n, size_t max, struct buf *out)
{
    int fd = file_of(n);
    int rc;

    buf_init(out, max);
    rc = read_all(fd, E_USAGE, "f", out);
    (void)close(fd);
    return rc;
}

static void test_read_all__reads_to_the_end(void **state)
{
    static const size_t n[] = {0, 1, 4095, 4096, 4097, WHOLE};
    struct buf out;

    (void)state;
    for (size_t k = 0; k < sizeof n / sizeof n[0]; k++) {
        assert_int_equal(all_of(n[k], n[k], &out), 0);
        assert_int_equal(out.n, n[k]);
        for (size_t i = 0; i < n[k]; i++)
            assert_int_equal(out.p[i], byte_at(i));
        buf_release(&out);
    }
}

static void test_read_all__does_not_stop_at_short_reads(void **state)
{
    struct buf out;

    (void)state;
    assert_int_equal(fileop_fault_set("short-from:1"), 0);
    assert_int_equal(all_of(WHOLE, WHOLE, &out), 0);
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_int_equal(out.n, WHOLE);
    buf_release(&out);
}

static void test_read_all__says_what_is_too_long(void **state)
{
    struct buf out;

    (void)state;
    assert_int_equal(all_of(WHOLE, WHOLE - 1, &out), E_USAGE);
    assert_string_equal(err_text(), "f: longer than 99999 bytes");
    buf_release(&out);
}

static void test_read_all__says_what_cannot_be_read(void **state)
{
    struct buf out;

    (void)state;
    for (int i = 1; i <= 3; i++) {
        char plan[] = "fail:1:EIO,class=read";

        plan[5] = (char)('0' + i);
        assert_int_equal(fileop_fault_set(plan), 0);
        assert_int_equal(all_of(5000, WHOLE, &out), E_USAGE);
        assert_string_equal(err_text(), "f: Input/output error");
        assert_int_equal(fileop_fault_set(NULL), 0);
        buf_release(&out);
    }
}

static void test_read_all__runs_out_of_memory(void **state)
{
    struct buf out;
    int rc;

    (void)state;
    mem_fail_after(1, 0);
    rc = all_of(5000, WHOLE, &out);
    mem_fail_after(0, 0);
    assert_int_equal(rc, E_NOMEM);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_all__reads_to_the_end),
        cmocka_unit_test(test_read_all__does_not_stop_at_short_reads),
        cmocka_unit_test(test_read_all__says_what_is_too_long),
        cmocka_unit_test(test_read_all__says_what_cannot_be_read),
        cmocka_unit_test(test_read_all__runs_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
