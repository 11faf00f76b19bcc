#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/out.h"

static struct out o; /* too big for a stack frame here */

static void test_out__writes_all_in_order(void **state)
{
    char path[] = "/tmp/test_out.XXXXXX";
    size_t total = 0, at = 0;
    uint8_t *want, *got;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    want = malloc(1 << 20);
    got = malloc(1 << 20);
    assert_non_null(want);
    assert_non_null(got);
    for (size_t i = 0; i < 1 << 20; i++)
        want[i] = (uint8_t)(i * 7 + (i >> 9));
    out_init(&o, fd);
    for (size_t n = 1; total + n < 1 << 20; n = n * 3 + 1) {
        out_add(&o, bytes_of(want + total, n));
        total += n;
    }
    out_text(&o, "end");
    assert_int_equal(out_flush(&o), 0);
    assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)total + 3);
    while (at < total) {
        ssize_t n = pread(fd, got + at, total - at, (off_t)at);

        assert_true(n > 0);
        at += (size_t)n;
    }
    assert_memory_equal(got, want, total);
    assert_true(total > 3 * OUT_BUFFER_BYTES);
    free(want);
    free(got);
    close(fd);
    unlink(path);
}

static void test_out__notices_a_full_disk(void **state)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    out_init(&o, fd);
    out_text(&o, "lost");
    assert_false(out_failed(&o));
    assert_int_equal(out_flush(&o), E_IO);
    assert_true(out_failed(&o));
    assert_false(out_reader_left(&o));
    out_text(&o, "more");
    assert_int_equal(out_flush(&o), E_IO);
    close(fd);
}

static void test_out__notices_that_the_reader_left(void **state)
{
    int fd[2];

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fd), 0);
    close(fd[0]);
    out_init(&o, fd[1]);
    out_text(&o, "lost");
    assert_int_equal(out_flush(&o), E_IO);
    assert_true(out_reader_left(&o));
    close(fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out__writes_all_in_order),
        cmocka_unit_test(test_out__notices_a_full_disk),
        cmocka_unit_test(test_out__notices_that_the_reader_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
