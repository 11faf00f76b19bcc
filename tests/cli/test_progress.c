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
    struct progress_rate r = {.last_ns = 0};

    buf_init(b, 4096);
    progress_rate_note(&r, &s->n, elapsed_ns);
    progress_line(b, s, &r, columns);
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
        {{.phase = "snapshot", .n = {.files_done = 12, .bytes_done = 3500}},
         S / 2,
         "snapshot  12 files  3.5 kB"},
        /* unchanged data moves no bytes, and has no rate */
        {{.phase = "p", .n = {.files_done = 1, .bytes_done = 1000}},
         9 * S,
         "p  1 files  1.0 kB"},
        {{.phase = "p", .n = {.bytes_moved = 40000000}},
         4 * S,
         "p  0 files  0 B  10.0 MB/s"},
        {{.phase = "p", .n = {.files_done = 5, .files_total = 50}},
         S,
         "p  10 %  5/50 files  0 B"},
        {{.phase = "p", .n = {.bytes_done = 50, .bytes_total = 100}},
         S,
         "p  50 %  0 files  50 B"},
        /* totals were a guess: never more than all, never done too early */
        {{.phase = "p", .n = {.files_done = 60, .files_total = 50}},
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
    /* In the first half of the time 50 files of 25 bytes were looked at, in the
     * other as many bytes as that row says were moved. */
    static const struct {
        uint64_t moved;
        int64_t elapsed_s;
        const char *left; /* NULL: nothing is said */
    } row[] = {
        {25, 1, NULL},
        {0, 30, "about 38 s left"},
        {25, 10, "about 10 s left"},
        {25, 60, "about 60-70 s left"},
        {25, 2400, "about 40-59 min left"},
        {25, 36000, "about 10-15 h left"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct progress_sample s = {.phase = "p",
                                    .n = {.files_done = 50,
                                          .files_total = 100,
                                          .bytes_done = 25,
                                          .bytes_total = 100}};
        struct progress_rate r = {.last_ns = 0};
        struct buf b;
        char *left;

        progress_rate_note(&r, &s.n, row[i].elapsed_s * S / 2);
        s.n.bytes_done += row[i].moved;
        s.n.bytes_moved = row[i].moved;
        progress_rate_note(&r, &s.n, row[i].elapsed_s * S);
        buf_init(&b, 4096);
        progress_line(&b, &s, &r, 80);
        buf_add(&b, "", 1);
        assert_int_equal(buf_status(&b), 0);
        left = strstr((char *)b.p, "about");
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
                                .n = {.files_done = 12345,
                                      .files_total = 78579,
                                      .bytes_done = 1234567890,
                                      .bytes_total = 9876543210,
                                      .bytes_moved = 99999999},
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
    out->n.files_done = (uint64_t)atomic_fetch_add(&samples, 1);
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
    assert_int_equal(progress_start(&p, sample, phase, PROGRESS_DRAW, NULL), 0);
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
    assert_int_equal(progress_start(&p, sample, phase, PROGRESS_NONE, NULL), 0);
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
