#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/table.h"

static const struct table_column columns[] = {{"ID", false, false, 0},
                                              {"SIZE", true, false, 0},
                                              {"PATHS", false, true, 0}};

/* Most important first: a, then c; d is empty everywhere. */
static const struct table_column giving[] = {{"a", false, false, 0},
                                             {"b", true, false, 60},
                                             {"c", false, true, 30},
                                             {"d", false, true, 20}};

static struct out out;
static char text[4096];

static int print(const struct table *t, size_t width)
{
    char path[] = "/tmp/test_table.XXXXXX";
    int file = mkstemp(path);
    ssize_t n;
    int rc;

    assert_true(file >= 0);
    unlink(path);
    out_init(&out, file);
    rc = table_print(t, &out, width);
    assert_int_equal(out_flush(&out), 0);
    n = pread(file, text, sizeof text - 1, 0);
    assert_true(n >= 0);
    text[n] = 0;
    close(file);
    return rc;
}

static void row(struct table *t, const char *id, uint64_t size,
                const char *paths)
{
    table_text(t, id);
    table_size(t, size);
    table_text(t, paths);
}

static void test_table__lines_end_without_blanks(void **state)
{
    struct table t;

    (void)state;
    table_init(&t, columns, 3);
    row(&t, "3fa0c1", 999, "");
    row(&t, "", 1, "");
    assert_int_equal(print(&t, 0), 0);
    assert_string_equal(text, "ID       SIZE  PATHS\n"
                              "3fa0c1  999 B\n"
                              "          1 B\n");
    table_release(&t);
}

static void test_table__aligns(void **state)
{
    struct table t;

    (void)state;
    table_init(&t, columns, 3);
    row(&t, "3fa0c1", 999, "/etc");
    row(&t, "b", 1400000000, "/srv/\xc3\xa9t\xc3\xa9");
    assert_int_equal(print(&t, 0), 0);
    assert_string_equal(text, "ID        SIZE  PATHS\n"
                              "3fa0c1   999 B  /etc\n"
                              "b       1.4 GB  /srv/\xc3\xa9t\xc3\xa9\n");
    table_release(&t);
}

static void test_table__escapes(void **state)
{
    struct table t;

    (void)state;
    table_init(&t, columns, 3);
    row(&t, "a\x1b\\", 0, "x\ny");
    assert_int_equal(print(&t, 0), 0);
    assert_string_equal(text, "ID       SIZE  PATHS\n"
                              "a\\x1b\\\\   0 B  x\\ny\n");
    table_release(&t);
}

static void test_table__shrinks_to_the_terminal(void **state)
{
    struct table t;
    char *save = NULL;

    (void)state;
    table_init(&t, columns, 3);
    row(&t, "3fa0c1", 999, "/srv/a/very/long/path/that/does/not/fit/here");
    row(&t, "3fa0c2", 999, "/short");
    assert_int_equal(print(&t, 40), 0);
    assert_non_null(strstr(text, "\xe2\x80\xa6"));
    assert_non_null(strstr(text, "/short\n"));
    for (char *l = strtok_r(text, "\n", &save); l;
         l = strtok_r(NULL, "\n", &save))
        assert_true(strlen(l) <= 40 + 2); /* the ellipsis has three bytes */
    /* Where there is no room at all everything is cut: no line is longer. */
    assert_int_equal(print(&t, 10), 0);
    assert_string_equal(text, "ID  \xe2\x80\xa6"
                              "E  \xe2\x80\xa6S\n"
                              "\xe2\x80\xa6"
                              "1  \xe2\x80\xa6"
                              "B  \xe2\x80\xa6"
                              "e\n"
                              "\xe2\x80\xa6"
                              "2  \xe2\x80\xa6"
                              "B  \xe2\x80\xa6"
                              "t\n");
    table_release(&t);
}

static void test_table__less_important_columns_give_way(void **state)
{
    struct table t;

    (void)state;
    table_init(&t, giving, 4);
    for (int i = 0; i < 2; i++) {
        table_text(&t, "0123456789");
        table_text(&t, "12345");
        table_text(&t, "a-name-of-20-columns");
        table_text(&t, "");
    }
    /* 10 + 5 + 20 + 1, and three gaps: all of it, without a terminal too. */
    assert_int_equal(print(&t, 42), 0);
    assert_memory_equal(text, "a               b  c                     d\n",
                        43);
    assert_int_equal(print(&t, 0), 0);
    assert_memory_equal(text, "a               b  c                     d\n",
                        43);
    /* The empty one first, ... */
    assert_int_equal(print(&t, 41), 0);
    assert_memory_equal(text, "a               b  c\n", 21);
    /* ... what needs a wider terminal before anything is cut, ... */
    assert_int_equal(print(&t, 38), 0);
    assert_memory_equal(text, "a           c\n", 14);
    assert_non_null(strstr(text, "0123456789  a-name-of-20-columns\n"));
    /* ... then cells are cut, ... */
    assert_int_equal(print(&t, 30), 0);
    assert_non_null(strstr(text, "0123456789  a-name-o"));
    assert_non_null(strstr(text, "\xe2\x80\xa6"));
    /* ... and what is left goes, but for what always stays. */
    assert_int_equal(print(&t, 29), 0);
    assert_memory_equal(text, "a\n0123456789\n", 13);
    assert_int_equal(print(&t, 8), 0);
    assert_memory_equal(text,
                        "a\n012\xe2\x80\xa6"
                        "6789\n",
                        13);
    table_release(&t);
}

static void test_table__prints_titles_alone(void **state)
{
    struct table t;

    (void)state;
    table_init(&t, columns, 3);
    assert_int_equal(print(&t, 80), 0);
    assert_string_equal(text, "ID  SIZE  PATHS\n");
    table_release(&t);
}

static void test_table__survives_every_failed_allocation(void **state)
{
    uint64_t before = mem_count(), n;
    struct table t;

    (void)state;
    table_init(&t, columns, 3);
    row(&t, "a", 1, "b");
    assert_int_equal(print(&t, 0), 0);
    table_release(&t);
    n = mem_count() - before;
    assert_true(n >= 2);
    for (uint64_t i = 1; i <= n; i++) {
        int rc;

        table_init(&t, columns, 3);
        mem_fail_after(i, 1);
        row(&t, "a", 1, "b");
        rc = print(&t, 0);
        mem_fail_after(0, 0);
        assert_int_equal(rc, E_NOMEM);
        table_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table__lines_end_without_blanks),
        cmocka_unit_test(test_table__aligns),
        cmocka_unit_test(test_table__escapes),
        cmocka_unit_test(test_table__shrinks_to_the_terminal),
        cmocka_unit_test(test_table__less_important_columns_give_way),
        cmocka_unit_test(test_table__prints_titles_alone),
        cmocka_unit_test(test_table__survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
