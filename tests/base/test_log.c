#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

struct lines {
    int n;
    char last[2 * LOG_LINE_MAX];
};

static void keep(void *ctx, const char *line)
{
    struct lines *to = ctx;

    to->n++;
    (void)snprintf(to->last, sizeof to->last, "%s", line);
    errno = EIO;
}

static void test_log__is_off_until_a_sink_is_set(void **state)
{
    struct lines got = {0};

    (void)state;
    log_debug("nobody listens");
    log_set_sink(keep, &got);
    log_debug("one %d", 1);
    log_set_sink(NULL, NULL);
    log_debug("two");
    assert_int_equal(got.n, 1);
    assert_non_null(strstr(got.last, "] one 1"));
}

static void test_log__a_message_is_one_safe_line(void **state)
{
    struct lines got = {0};

    (void)state;
    clock_fake_set(0, 12 * CLOCK_SECOND_NS + 345678999);
    log_set_sink(keep, &got);
    log_debug("name %s", "a\nb\x1b[31m");
    log_set_sink(NULL, NULL);
    clock_fake_end();
    assert_non_null(strstr(got.last, "] name a\\nb\\x1b[31m"));
    assert_memory_equal(got.last, "12.345678 [", 11);
}

static void test_log__long_messages_are_cut_at_an_escape(void **state)
{
    struct lines got = {0};
    char message[3 * LOG_LINE_MAX];

    (void)state;
    log_set_sink(keep, &got);
    for (int shift = 0; shift < 4; shift++) {
        size_t n;

        memset(message, '\x1b', sizeof message);
        message[sizeof message - 1] = 0;
        log_debug("%.*s%s", shift, "...", message);
        n = strlen(got.last);
        assert_in_range(n, LOG_LINE_MAX - 4, LOG_LINE_MAX - 1);
        assert_string_equal(got.last + n - 4, "\\x1b");
    }
    log_set_sink(NULL, NULL);
}

static void test_log__leaves_errors_and_the_heap_alone(void **state)
{
    struct lines got = {0};
    uint64_t calls = mem_count();

    (void)state;
    assert_int_equal(err_set(E_LIMIT, "kept"), E_LIMIT);
    errno = ENOENT;
    log_set_sink(keep, &got);
    log_debug("message");
    assert_int_equal(errno, ENOENT);
    log_set_sink(NULL, NULL);
    assert_int_equal(got.n, 1);
    assert_string_equal(err_text(), "kept");
    assert_int_equal(mem_count(), calls);
}

enum { THREADS = 4, EACH = 500 };

static void *talk(void *arg)
{
    for (int i = 0; i < EACH; i++)
        log_debug("message %d", i);
    return arg;
}

static void test_log__threads_do_not_overlap(void **state)
{
    struct lines got = {0}; /* unlocked: the sink is called by one at a time */
    pthread_t thread[THREADS];

    (void)state;
    log_set_sink(keep, &got);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, talk, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    log_set_sink(NULL, NULL);
    assert_int_equal(got.n, THREADS * EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log__is_off_until_a_sink_is_set),
        cmocka_unit_test(test_log__a_message_is_one_safe_line),
        cmocka_unit_test(test_log__long_messages_are_cut_at_an_escape),
        cmocka_unit_test(test_log__leaves_errors_and_the_heap_alone),
        cmocka_unit_test(test_log__threads_do_not_overlap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
