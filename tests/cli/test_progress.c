#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/message.h"
#include "cli/progress.h"

#define S CLOCK_SECOND_NS

static char *line_of(const struct progress_sample *s, int64_t elapsed_ns,
                     size_t columns, struct buf *b)
{
    buf_init(b, 4096);
    progress_line(b, s, elapsed_ns, columns);
    buf_add(b, "", 1);
    assert_int_equal(buf_status(b), 0);
    return (char *)b->p;
}

static void test_progress__shows_what_is_known(void **state)
{
    static const struct {
        struct progress_sample s;
        int64_t elapsed_ns;
        const char *line;
    } row[] = {
        {{.phase = "snapshot"}, 0, "snapshot  0 files  0 B"},
        {{.phase = "snapshot", .files_done = 12, .bytes_done = 3500},
         S / 2,
         "snapshot  12 files  3.5 kB"},
        /* unchanged data moves no bytes, and has no rate */
        {{.phase = "p", .files_done = 1, .bytes_done = 1000},
         9 * S,
         "p  1 files  1.0 kB"},
        {{.phase = "p", .bytes_moved = 40000000},
         4 * S,
         "p  0 files  0 B  10.0 MB/s"},
        {{.phase = "p", .files_done = 5, .files_total = 50},
         S,
         "p  10 %  5/50 files  0 B"},
        {{.phase = "p", .bytes_done = 50, .bytes_total = 100},
         S,
         "p  50 %  0 files  50 B"},
        /* totals were a guess: never more than all, never done too early */
        {{.phase = "p", .files_done = 60, .files_total = 50},
         S,
         "p  98 %  60 files  0 B"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct buf b;

        assert_string_equal(line_of(&row[i].s, row[i].elapsed_ns, 80, &b),
                            row[i].line);
        buf_release(&b);
    }
}

static void test_progress__says_how_long_as_a_range(void **state)
{
    static const struct {
        uint64_t files_done, files_total, bytes_done, bytes_total;
        int64_t elapsed_s;
        const char *left; /* NULL: nothing is said */
    } row[] = {
        {10, 100, 10, 100, 1, NULL},   /* too early */
        {1, 1000, 1, 1000, 10, NULL},  /* too little */
        {0, 0, 0, 0, 10, NULL},        /* nothing known */
        {100, 100, 100, 100, 9, NULL}, /* all done */
        {10, 100, 10, 100, 10, "about 90 s left"},
        {50, 100, 0, 0, 30, "about 30 s left"},
        {0, 0, 50, 100, 30, "about 30 s left"},
        {50, 100, 25, 100, 60, "about 1-3 min left"},
        {25, 100, 50, 100, 60, "about 1-3 min left"},
        {25, 100, 20, 100, 60, "about 3-4 min left"},
        {10, 100, 10, 100, 1200, "about 3 h left"},
        {99, 100, 99, 100, 10, "about 1 s left"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct progress_sample s = {.phase = "p",
                                    .files_done = row[i].files_done,
                                    .files_total = row[i].files_total,
                                    .bytes_done = row[i].bytes_done,
                                    .bytes_total = row[i].bytes_total};
        struct buf b;
        char *left = strstr(line_of(&s, row[i].elapsed_s * S, 80, &b), "about");

        if (row[i].left)
            assert_string_equal(left ? left : "(nothing)", row[i].left);
        else
            assert_null(left);
        buf_release(&b);
    }
}

static void test_progress__fits_any_terminal(void **state)
{
    struct progress_sample s = {.phase = "snapshot",
                                .files_done = 12345,
                                .files_total = 78579,
                                .bytes_done = 1234567890,
                                .bytes_total = 9876543210,
                                .bytes_moved = 99999999,
                                .path_n = PROGRESS_PATH_MAX};
    bool path_shown = false;

    (void)state;
    memset(s.path, 'a', sizeof s.path);
    s.path[7] = '\n';
    s.path[PROGRESS_PATH_MAX - 3] = 0x1b;
    for (size_t columns = 0; columns <= 250; columns++) {
        struct buf b;
        char *line = line_of(&s, 100 * S, columns, &b);

        /* the ellipsis is one column of three bytes */
        assert_true(strlen(line) <= columns + 2);
        assert_null(strpbrk(line, "\n\r\033"));
        path_shown |= strstr(line, "aaa") != NULL;
        buf_release(&b);
    }
    assert_true(path_shown);
}

static atomic_int samples;

static void sample(void *arg, struct progress_sample *out)
{
    out->phase = arg;
    out->files_done = (uint64_t)atomic_fetch_add(&samples, 1);
}

static void test_progress__draws_and_takes_away(void **state)
{
    char path[] = "/tmp/test_progress.XXXXXX", text[4096], phase[] = "phase";
    int file = mkstemp(path);
    struct progress *p;
    ssize_t n;

    (void)state;
    assert_true(file >= 0);
    unlink(path);
    message_setup(file, NULL, MESSAGE_NORMAL, true);
    atomic_store(&samples, 0);
    assert_int_equal(progress_start(&p, sample, phase, true, NULL), 0);
    for (int i = 0; i < 3000 && atomic_load(&samples) < 2; i++)
        clock_sleep_ns(S / 1000);
    progress_stop(p);
    assert_true(atomic_load(&samples) >= 2);
    n = pread(file, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = 0;
    assert_non_null(strstr(text, "\r\033[Kphase  1 files"));
    assert_string_equal(text + n - 4, "\r\033[K");
    message_setup(2, NULL, MESSAGE_NORMAL, false);
    close(file);
}

static void test_progress__is_silent_without_a_terminal(void **state)
{
    char phase[] = "phase";
    struct progress *p;

    (void)state;
    atomic_store(&samples, 0);
    assert_int_equal(progress_start(&p, sample, phase, false, NULL), 0);
    progress_stop(p);
    progress_stop(NULL);
    assert_int_equal(atomic_load(&samples), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress__shows_what_is_known),
        cmocka_unit_test(test_progress__says_how_long_as_a_range),
        cmocka_unit_test(test_progress__fits_any_terminal),
        cmocka_unit_test(test_progress__draws_and_takes_away),
        cmocka_unit_test(test_progress__is_silent_without_a_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
