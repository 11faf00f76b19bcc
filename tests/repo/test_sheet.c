#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "repo/crypto.h"
#include "repo/sheet.h"

enum { TEXT_MAX = SHEET_LINES_MAX * SHEET_LINE_CHARS + 1 };

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static uint8_t salt; /* what sheets differ by */

static uint8_t content_byte(size_t i)
{
    return (uint8_t)(i * 7 + i / 256 + 3 + salt);
}

/* A sheet of n bytes as text, a line each. */
static char *sheet_of(size_t n, bool compact)
{
    struct sheet *s = sheet_new();
    uint8_t *content = malloc(n);
    char *text = calloc(1, TEXT_MAX);
    char line[SHEET_LINE_CHARS];
    size_t at = 0;

    assert_non_null(s);
    assert_non_null(content);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        content[i] = content_byte(i);
    sheet_set(s, bytes_of(content, n));
    for (size_t i = 1; i <= sheet_last(s); i++)
        at += (size_t)snprintf(text + at, TEXT_MAX - at, "%s%s",
                               sheet_text(s, i, compact, line),
                               compact ? " " : "\n");
    sheet_free(s);
    free(content);
    return text;
}

/* Reads text as a whole; *n is then how many bytes it says. */
static int whole(const char *text, size_t *n)
{
    struct sheet *s = sheet_new();
    struct secret content = {0};
    int rc;

    assert_non_null(s);
    assert_int_equal(secret_init(&content, SHEET_BYTES_MAX), 0);
    rc = sheet_read(s, bytes_of_str(text));
    if (rc == 0)
        rc = sheet_get(s, &content);
    if (rc == 0)
        assert_int_equal(sheet_missing(s), 0);
    for (size_t i = 0; rc == 0 && i < content.n; i++)
        assert_int_equal(content.p[i], content_byte(i));
    *n = content.n;
    secret_release(&content);
    sheet_free(s);
    return rc;
}

static void refused(const char *text, const char *why)
{
    size_t n;

    assert_int_equal(whole(text, &n), E_KEY);
    assert_string_equal(err_text(), why);
}

/* The published form, so that sheets of today are read for ever. */
static void test_sheet__the_form_does_not_change(void **state)
{
    char *text = sheet_of(25, false);

    (void)state;
    assert_string_equal(text,
                        "1: 0C51 260Z 4RPK 8ET2 9585 EQK5 DHSQ N0C8 AJQ7\n"
                        "2: HYB9 V95B PA9W DB75 28A5 P PJQJ\n");
    free(text);
}

static void test_sheet__every_length_is_read_back(void **state)
{
    (void)state;
    for (size_t n = 1; n <= SHEET_BYTES_MAX - SHEET_SUM_BYTES;
         n += n < 130 ? 1 : 97) {
        for (int compact = 0; compact < 2; compact++) {
            char *text = sheet_of(n, compact);
            size_t got;

            assert_int_equal(whole(text, &got), 0);
            assert_int_equal(got, n);
            free(text);
        }
    }
}

static void test_sheet__people_may_write_it_their_way(void **state)
{
    char *text = sheet_of(110, false);
    char *other = calloc(1, (size_t)3 * TEXT_MAX);
    size_t n;
    char *to = other;

    (void)state;
    assert_non_null(other);
    /* small letters, O I L U, other gaps, line ends of another world */
    for (const char *p = text; *p; p++) {
        char c = *p;

        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (p > text && p[-1] != '\n' && p[1] != ':' && p[2] != ':') {
            c = c == '0' ? 'o' : c;
            c = c == '1' ? (p - text) % 2 ? 'I' : 'l' : c;
            c = c == 'v' ? 'u' : c;
        }
        if (c == ' ')
            *to++ = '-';
        if (c == '\n')
            *to++ = '\r';
        *to++ = c;
    }
    assert_int_equal(whole(other, &n), 0);
    assert_int_equal(n, 110);
    free(other);
    free(text);
}

static void test_sheet__a_page_around_it_is_passed_over(void **state)
{
    static const char *const frame[][2] = {
        {"Dear reader,\n1: no\n" SHEET_BEGIN "\n", SHEET_END "\n3: words\n"},
        {"<!--\n  " SHEET_BEGIN "  \r\n", "\t" SHEET_END "\r\n-->"},
        {"-----" SHEET_BEGIN "-----\n", "-----" SHEET_END "-----"},
        {SHEET_BEGIN "\n", ""}, /* who types leaves the end out */
    };
    char *text = sheet_of(60, false);
    char page[1024];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof frame / sizeof frame[0]; i++) {
        (void)snprintf(page, sizeof page, "%s%s%s", frame[i][0], text,
                       frame[i][1]);
        assert_int_equal(whole(page, &n), 0);
        assert_int_equal(n, 60);
    }
    free(text);
    refused("Dear reader,", "no recovery sheet: each line begins with its "
                            "number and a colon");
    refused("", "recovery sheet: not one line is there");
    refused("0: 0", "a recovery sheet has no line 0");
    refused("421: 0", "a recovery sheet has no line 421");
    refused("99999: 0", "no recovery sheet: each line begins with its number "
                        "and a colon");
}

/* Each character of each line replaced by each other one. */
static void test_sheet__a_typing_error_is_named_by_its_line(void **state)
{
    char *text = sheet_of(50, false);
    char why[80];
    size_t line = 1;
    size_t tried = 0;

    (void)state;
    for (char *p = text; *p; p++) {
        char was = *p;

        if (was == '\n')
            line++;
        if (!strchr(alphabet, was) || p[1] == ':')
            continue;
        (void)snprintf(why, sizeof why, "recovery sheet: mistyped: line %zu",
                       line);
        for (const char *c = alphabet; *c; c++) {
            if (*c == was)
                continue;
            *p = *c;
            refused(text, why);
            tried++;
        }
        *p = was;
    }
    assert_int_equal(tried, (36 + 36 + 29 + 4) * 31);
    free(text);
}

static void test_sheet__a_slip_is_named_by_its_line(void **state)
{
    static const struct {
        const char *from; /* of the second line */
        const char *to;
    } t[] = {
        {"2: ", "2: 0"},    /* one too many */
        {"2: H", "2: "},    /* one too few */
        {"2: ", "2: \xc3"}, /* not of the alphabet */
        {"2: ", "2: ?"},    {"2: H", "2: *"},
    };
    char *text = sheet_of(50, false);

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        char other[1024];
        char *at = strstr(text, "2: ");

        assert_non_null(at);
        assert_memory_equal(at, "2: H", 4);
        (void)snprintf(other, sizeof other, "%.*s%s%s", (int)(at - text), text,
                       t[i].to, at + strlen(t[i].from));
        refused(other, "recovery sheet: mistyped: line 2");
    }
    free(text);
}

/* Neighbours exchanged: what tired people type. */
static void test_sheet__exchanged_neighbours_are_named(void **state)
{
    char *text = sheet_of(50, false);
    size_t line = 1;
    char why[80];

    (void)state;
    for (char *p = text; *p; p++) {
        char was = *p;

        if (was == '\n')
            line++;
        if (!strchr(alphabet, was) || !p[1] || !strchr(alphabet, p[1]) ||
            p[1] == was)
            continue;
        (void)snprintf(why, sizeof why, "recovery sheet: mistyped: line %zu",
                       line);
        *p = p[1];
        p[1] = was;
        refused(text, why);
        p[1] = *p;
        *p = was;
    }
    free(text);
}

static void test_sheet__cut_anywhere_it_says_so(void **state)
{
    char *text = sheet_of(50, false);
    size_t n = strlen(text);
    size_t got;

    (void)state;
    /* but for the newline at its end */
    for (size_t i = 0; i + 1 < n; i++) {
        char *cut = strndup(text, i);

        assert_non_null(cut);
        assert_int_equal(whole(cut, &got), E_KEY);
        free(cut);
    }
    text[strlen(text) - 1] = 0;
    assert_int_equal(whole(text, &got), 0);
    *strstr(text, "3: ") = 0;
    refused(text, "recovery sheet: what follows line 2 is missing");
    *strstr(text, "2: ") = 0;
    refused(text, "recovery sheet: what follows line 1 is missing");
    free(text);
}

static void test_sheet__lines_left_out_are_named(void **state)
{
    char *text = sheet_of(100, false);
    char *line[6];
    char some[1024];
    char *save = text;

    (void)state;
    for (size_t i = 0; i < 6; i++)
        line[i] = strsep(&save, "\n");
    (void)snprintf(some, sizeof some, "%s\n%s\n", line[5], line[0]);
    refused(some, "recovery sheet: missing: lines 2, 3, 4, 5");
    line[2][5] = line[2][5] == '7' ? '8' : '7';
    (void)snprintf(some, sizeof some, "%s\n%s\n%s\n%s\n", line[5], line[0],
                   line[2], line[1]);
    refused(some, "recovery sheet: mistyped: line 3; missing: lines 4, 5");
    /* a line under another's number */
    line[1][0] = '5';
    refused(line[1], "recovery sheet: mistyped: line 5; missing: lines 1, 2, "
                     "3, 4");
    free(text);
}

static void test_sheet__a_line_may_be_typed_again(void **state)
{
    char *text = sheet_of(50, false);
    char *second = strstr(text, "2: ");
    char again[1024];
    size_t n;

    (void)state;
    /* sound, then mistyped, and the other way round */
    (void)snprintf(again, sizeof again, "%s2: 1234 5678\n", text);
    assert_int_equal(whole(again, &n), 0);
    (void)snprintf(again, sizeof again, "2: 1234 5678\n%s", text);
    assert_int_equal(whole(again, &n), 0);
    (void)snprintf(again, sizeof again, "%s%s", text, second);
    assert_int_equal(whole(again, &n), 0);
    free(text);
}

static void test_sheet__lines_of_two_sheets_do_not_mix(void **state)
{
    char *a = sheet_of(50, false);
    char *c = sheet_of(90, false);
    char *b;
    char both[2048];

    (void)state;
    salt = 1;
    b = sheet_of(50, false);
    salt = 0;
    (void)snprintf(both, sizeof both, "%s%s", a, strstr(c, "3: "));
    refused(both, "recovery sheet: there twice, each time another: line 3");
    (void)snprintf(both, sizeof both, "%s%s", a, strstr(c, "4: "));
    refused(both, "recovery sheet: line 3 was the last, and line 4 is another "
                  "sheet's");
    /* the last line of the one behind the others of the other */
    (void)snprintf(both, sizeof both, "%.*s%s", (int)(strstr(a, "3: ") - a), a,
                   strstr(b, "3: "));
    refused(both, "recovery sheet: each line is sound, but they are lines of "
                  "different sheets");
    free(a);
    free(b);
    free(c);
}

static void test_sheet__who_types_is_asked_for_the_next_line(void **state)
{
    char *text = sheet_of(50, false);
    struct sheet *s = sheet_new();
    char *save = text;
    size_t at = 1;

    (void)state;
    assert_non_null(s);
    for (char *line; (line = strsep(&save, "\n")) && *line; at++) {
        char was = line[8];

        assert_int_equal(sheet_missing(s), at);
        line[8] = was == 'Z' ? 'Y' : 'Z';
        assert_int_equal(sheet_read(s, bytes_of_str(line)), 0);
        assert_int_equal(sheet_missing(s), at);
        line[8] = was;
        assert_int_equal(sheet_read(s, bytes_of_str(line)), 0);
    }
    assert_int_equal(sheet_missing(s), 0);
    assert_int_equal(sheet_last(s), 3);
    sheet_free(s);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sheet__the_form_does_not_change),
        cmocka_unit_test(test_sheet__every_length_is_read_back),
        cmocka_unit_test(test_sheet__people_may_write_it_their_way),
        cmocka_unit_test(test_sheet__a_page_around_it_is_passed_over),
        cmocka_unit_test(test_sheet__a_typing_error_is_named_by_its_line),
        cmocka_unit_test(test_sheet__a_slip_is_named_by_its_line),
        cmocka_unit_test(test_sheet__exchanged_neighbours_are_named),
        cmocka_unit_test(test_sheet__cut_anywhere_it_says_so),
        cmocka_unit_test(test_sheet__lines_left_out_are_named),
        cmocka_unit_test(test_sheet__a_line_may_be_typed_again),
        cmocka_unit_test(test_sheet__lines_of_two_sheets_do_not_mix),
        cmocka_unit_test(test_sheet__who_types_is_asked_for_the_next_line),
    };

    if (crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
