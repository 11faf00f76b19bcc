#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>

#include "base/text.h"
#include "tests/support/prng.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { OUT_MAX = 1 << 20 };

static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, OUT_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

/* What was appended to out since the last call, as a string. */
static const char *taken(void)
{
    static char s[4096];

    assert_int_equal(buf_status(&out), 0);
    assert_true(out.n < sizeof s);
    if (out.n)
        memcpy(s, out.p, out.n);
    s[out.n] = 0;
    buf_reset(&out);
    return s;
}

static void test_text__utf8_decodes_every_code_point(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        uint8_t b[4];
        uint32_t got = UINT32_MAX;
        bool surrogate = cp >= 0xd800 && cp <= 0xdfff;
        size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;

        for (size_t i = n; i-- > 1;)
            b[i] = (uint8_t)(0x80 | (cp >> 6 * (n - 1 - i) & 0x3f));
        b[0] = (uint8_t)cp;
        if (n > 1)
            b[0] = (uint8_t)(0xf00u >> n | cp >> 6 * (n - 1));
        assert_int_equal(text_utf8(bytes_of(b, n), &got), surrogate ? 0 : n);
        if (!surrogate)
            assert_int_equal(got, cp);
        for (size_t cut = 0; cut < n; cut++)
            assert_int_equal(text_utf8(bytes_of(b, cut), &got), 0);
    }
}

/* A second, slow decoder: by the table of well-formed sequences in the Unicode
 * standard instead of by arithmetic. */
static size_t well_formed(const uint8_t b[4])
{
    static const struct {
        uint8_t first[2], second[2];
        size_t n;
    } row[] = {
        {{0x00, 0x7f}, {0, 0xff}, 1},    {{0xc2, 0xdf}, {0x80, 0xbf}, 2},
        {{0xe0, 0xe0}, {0xa0, 0xbf}, 3}, {{0xe1, 0xec}, {0x80, 0xbf}, 3},
        {{0xed, 0xed}, {0x80, 0x9f}, 3}, {{0xee, 0xef}, {0x80, 0xbf}, 3},
        {{0xf0, 0xf0}, {0x90, 0xbf}, 4}, {{0xf1, 0xf3}, {0x80, 0xbf}, 4},
        {{0xf4, 0xf4}, {0x80, 0x8f}, 4},
    };

    for (size_t i = 0; i < COUNT(row); i++) {
        bool good = b[0] >= row[i].first[0] && b[0] <= row[i].first[1] &&
                    b[1] >= row[i].second[0] && b[1] <= row[i].second[1];

        for (size_t k = 2; k < row[i].n; k++)
            good = good && b[k] >= 0x80 && b[k] <= 0xbf;
        if (good)
            return row[i].n;
    }
    return 0;
}

static void test_text__utf8_refuses_all_that_is_ill_formed(void **state)
{
    static const uint8_t tail[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    uint32_t cp;

    (void)state;
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            for (size_t k = 0; k < COUNT(tail) * COUNT(tail); k++) {
                uint8_t b[4] = {(uint8_t)first, (uint8_t)second,
                                tail[k % COUNT(tail)], tail[k / COUNT(tail)]};

                assert_int_equal(text_utf8(bytes_of(b, 4), &cp),
                                 well_formed(b));
            }
        }
    }
}

static void test_text__escapes_what_is_not_plain_text(void **state)
{
    static const struct {
        const char *name;
        const char *want;
    } rows[] = {
        {"", ""},
        {"plain name.txt", "plain name.txt"},
        {"\xc3\xa4 \xe6\xbc\xa2 \xf0\x9f\x98\x80",
         "\xc3\xa4 \xe6\xbc\xa2 \xf0\x9f\x98\x80"},
        {"a\\b", "a\\\\b"},
        {"\t\n\r", "\\t\\n\\r"},
        {"\x1b[31mred", "\\x1b[31mred"},
        {"\x01\x7f", "\\x01\\x7f"},
        {"\xc2\x85\xc2\x9b", "\\u{85}\\u{9b}"},
        {"\x85\x9b", "\\x85\\x9b"},
        {"\xff\xfe", "\\xff\\xfe"},
        {"\xc3", "\\xc3"},
        {"\xc3(", "\\xc3("},
        {"\xe2\x82", "\\xe2\\x82"},
        {"\xc0\xaf", "\\xc0\\xaf"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"\xd8\x9c", "\\u{61c}"},
        {"\xe2\x80\x8e\xe2\x80\x8f", "\\u{200e}\\u{200f}"},
        {"\xe2\x80\xaa\xe2\x80\xae", "\\u{202a}\\u{202e}"},
        {"\xe2\x81\xa6\xe2\x81\xa9", "\\u{2066}\\u{2069}"},
        {"\xe2\x80\xa8\xe2\x80\xa9", "\\u{2028}\\u{2029}"},
        {"\xe2\x80\x8b\xe2\x80\x8d", "\\u{200b}\\u{200d}"},
        {"\xef\xbb\xbf", "\\u{feff}"},
        {"\xc2\xad", "\\u{ad}"},
        {"\xef\xb8\x8f", "\\u{fe0f}"},
        {"\xef\xbf\xbe", "\\u{fffe}"},
        {"\xf3\xa0\x81\x81", "\\u{e0041}"},
        {"\xf4\x8f\xbf\xbf", "\\u{10ffff}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        text_escape(&out, bytes_of_str(rows[i].name));
        assert_string_equal(taken(), rows[i].want);
    }
    text_escape(&out, bytes_of("a\0b", 3));
    assert_string_equal(taken(), "a\\x00b");
}

static bool is_dangerous(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x61c ||
           (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
           (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff ||
           (cp >= 0xe0000 && cp <= 0xe0fff);
}

/* Reads an escaped form back, as its description in the header says. */
static size_t unescape(const char *s, size_t n, uint8_t *to)
{
    size_t at = 0;

    for (size_t i = 0; i < n;) {
        unsigned v;
        int used = 0;

        if (s[i] != '\\') {
            to[at++] = (uint8_t)s[i++];
        } else if (sscanf(s + i, "\\x%2x%n", &v, &used) == 1) {
            to[at++] = (uint8_t)v;
            i += (size_t)used;
        } else if (sscanf(s + i, "\\u{%x}%n", &v, &used) == 1) {
            size_t len = v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;

            to[at] = (uint8_t)(0xf00u >> len | v >> 6 * (len - 1));
            for (size_t k = 1; k < len; k++)
                to[at + k] = (uint8_t)(0x80 | (v >> 6 * (len - 1 - k) & 0x3f));
            at += len;
            i += (size_t)used;
        } else {
            char c = s[i + 1];

            to[at++] = (uint8_t)(c == 't'   ? '\t'
                                 : c == 'n' ? '\n'
                                 : c == 'r' ? '\r'
                                            : '\\');
            i += 2;
        }
    }
    return at;
}

static void random_name(struct prng *r, uint8_t *name, size_t n)
{
    static const uint8_t favourites[] = {0x1b, '\\', 'x',  'u',  '{',  0xc2,
                                         0x85, 0xe2, 0x80, 0xae, 0xf3, 0xa0};

    for (size_t i = 0; i < n; i++) {
        uint64_t x = prng_next(r);

        name[i] =
            x % 2 ? favourites[x / 2 % COUNT(favourites)] : (uint8_t)(x >> 32);
    }
}

static void test_text__escaped_names_are_safe_and_can_be_read_back(void **state)
{
    uint8_t name[64];
    uint8_t back[4 * sizeof name];
    struct prng r;

    (void)state;
    prng_init(&r, 5);
    for (int round = 0; round < 20000; round++) {
        size_t n = (size_t)prng_below(&r, sizeof name + 1);
        const char *s;
        size_t len;

        random_name(&r, name, n);
        text_escape(&out, bytes_of(name, n));
        s = taken();
        len = strlen(s);
        for (size_t i = 0, used; i < len; i += used) {
            uint32_t cp;

            used = text_utf8(bytes_of(s + i, len - i), &cp);
            assert_true(used > 0);
            assert_false(is_dangerous(cp));
        }
        assert_int_equal(unescape(s, len, back), n);
        assert_memory_equal(back, name, n);
    }
}

static void test_text__columns_of_narrow_wide_and_combining(void **state)
{
    (void)state;
    assert_int_equal(text_columns('a'), 1);
    assert_int_equal(text_columns(0xe4), 1);
    assert_int_equal(text_columns(0x416), 1);
    assert_int_equal(text_columns(0x301), 0);
    assert_int_equal(text_columns(0x6f22), 2);
    assert_int_equal(text_columns(0xac00), 2);
    assert_int_equal(text_columns(0xff21), 2);
    assert_int_equal(text_columns(0x1f600), 2);
}

static void test_text__cuts_in_the_middle(void **state)
{
    static const struct {
        const char *name;
        size_t columns;
        const char *want;
    } rows[] = {
        {"abcdefgh", 8, "abcdefgh"},
        {"abcdefgh", 7,
         "abc\xe2\x80\xa6"
         "fgh"},
        {"abcdefgh", 6,
         "ab\xe2\x80\xa6"
         "fgh"},
        {"abcdefgh", 2,
         "\xe2\x80\xa6"
         "h"},
        {"abcdefgh", 1, "\xe2\x80\xa6"},
        {"abcdefgh", 0, ""},
        {"", 0, ""},
        /* an escape is kept whole */
        {"ab\ncdefgh", 6,
         "ab\xe2\x80\xa6"
         "fgh"},
        {"a\x1b"
         "bcdefgh",
         8,
         "a\xe2\x80\xa6"
         "cdefgh"},
        {"abcdefg\x1b", 6, "ab\xe2\x80\xa6"},
        /* a wide letter that does not fit leaves a column free */
        {"\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 6,
         "\xe6\xbc\xa2\xe2\x80\xa6\xe6\xbc\xa2"},
        /* marks stay on their letter, or go with it */
        {"ae\xcc\x81xye\xcc\x81z", 5,
         "ae\xcc\x81\xe2\x80\xa6"
         "e\xcc\x81z"},
        {"abcde\xcc\x81z", 2, "\xe2\x80\xa6z"},
        {"abcdee\xcc\x81", 1, "\xe2\x80\xa6"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        text_escape_cut(&out, bytes_of_str(rows[i].name), rows[i].columns);
        assert_string_equal(taken(), rows[i].want);
    }
}

static size_t columns_of(const char *s)
{
    struct bytes left = bytes_of_str(s);
    size_t sum = 0;

    while (left.n > 0) {
        uint32_t cp = 0;
        size_t used = text_utf8(left, &cp);

        assert_true(used > 0);
        sum += text_columns(cp);
        left = bytes_of(left.p + used, left.n - used);
    }
    return sum;
}

static void test_text__a_cut_name_fits(void **state)
{
    uint8_t name[40];
    struct prng r;

    (void)state;
    prng_init(&r, 6);
    for (int round = 0; round < 20000; round++) {
        size_t n = (size_t)prng_below(&r, sizeof name + 1);
        size_t columns = (size_t)prng_below(&r, 60);
        size_t whole;

        random_name(&r, name, n);
        text_escape(&out, bytes_of(name, n));
        whole = columns_of(taken());
        text_escape_cut(&out, bytes_of(name, n), columns);
        if (whole <= columns)
            assert_int_equal(columns_of(taken()), whole);
        else
            assert_true(columns_of(taken()) <= columns);
    }
}

static void test_text__sizes_for_people(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *want;
    } rows[] = {
        {0, "0 B"},
        {999, "999 B"},
        {1000, "1.0 kB"},
        {1049, "1.0 kB"},
        {1050, "1.1 kB"},
        {99949, "99.9 kB"},
        {99950, "100 kB"},
        {142499, "142 kB"},
        {142500, "143 kB"},
        {999499, "999 kB"},
        {999500, "1.0 MB"},
        {1360000000, "1.4 GB"},
        {999499999999999, "999 TB"},
        {999500000000000, "1.0 PB"},
        {UINT64_MAX, "18.4 EB"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        text_size(&out, rows[i].bytes);
        assert_string_equal(taken(), rows[i].want);
    }
}

static void test_text__durations_for_people(void **state)
{
    static const struct {
        uint64_t ms;
        const char *want;
    } rows[] = {
        {0, "0 ms"},
        {999, "999 ms"},
        {1000, "1.0 s"},
        {3499, "3.4 s"},
        {9999, "9.9 s"},
        {10000, "10 s"},
        {59999, "59 s"},
        {60000, "1 min 0 s"},
        {185000, "3 min 5 s"},
        {3599999, "59 min 59 s"},
        {7980000, "2 h 13 min"},
        {86399000, "23 h 59 min"},
        {273600000, "3 d 4 h"},
        {UINT64_MAX / 1000000, "213503 d 23 h"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        text_duration(&out, rows[i].ms * 1000000);
        assert_string_equal(taken(), rows[i].want);
    }
}

typedef int parse_fn(const char *text, uint64_t min, uint64_t max,
                     uint64_t *value);

struct parse_row {
    const char *text;
    uint64_t want;
};

static void check_parses(parse_fn *parse, const struct parse_row *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t v = 1;
        uint64_t want = row[i].want;

        assert_int_equal(parse(row[i].text, 0, UINT64_MAX, &v), 0);
        assert_int_equal(v, want);
        assert_int_equal(parse(row[i].text, want, want, &v), 0);
        v = 7;
        if (want > 0)
            assert_int_equal(parse(row[i].text, 0, want - 1, &v), E_USAGE);
        if (want < UINT64_MAX)
            assert_int_equal(parse(row[i].text, want + 1, UINT64_MAX, &v),
                             E_USAGE);
        assert_int_equal(v, 7);
        assert_non_null(strstr(err_text(), row[i].text));
    }
}

static void check_refuses(parse_fn *parse, const char *const *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t v = 7;

        assert_int_equal(parse(text[i], 0, UINT64_MAX, &v), E_USAGE);
        assert_int_equal(v, 7);
        assert_non_null(strstr(err_text(), text[i]));
    }
}

static void test_text__parses_numbers(void **state)
{
    static const struct parse_row good[] = {
        {"0", 0},
        {"007", 7},
        {"18446744073709551615", UINT64_MAX},
    };
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "-1",
                                      "+1",
                                      "1x",
                                      "0x10",
                                      "1.0",
                                      "18446744073709551616",
                                      "99999999999999999999999"};

    (void)state;
    check_parses(text_parse_uint, good, COUNT(good));
    check_refuses(text_parse_uint, bad, COUNT(bad));
}

static void test_text__parses_sizes(void **state)
{
    static const struct parse_row good[] = {
        {"0", 0},
        {"512", 512},
        {"512B", 512},
        {"64K", 65536},
        {"64k", 65536},
        {"64KiB", 65536},
        {"64kib", 65536},
        {"64kB", 64000},
        {"64KB", 64000},
        {"1MiB", 1 << 20},
        {"2GB", 2000000000},
        {"3T", UINT64_C(3) << 40},
        {"1P", UINT64_C(1) << 50},
        {"15E", UINT64_C(15) << 60},
        {"18EB", UINT64_C(18000000000000000000)},
    };
    static const char *const bad[] = {
        "",     "K",     "-1K",   "1 K",
        "1.5G", "1KK",   "1Ki",   "1iB",
        "1KBx", "1KiBx", "16E",   "19EB",
        "1Z",   "0x1K",  "1\xff", "18446744073709551615K"};

    (void)state;
    check_parses(text_parse_size, good, COUNT(good));
    check_refuses(text_parse_size, bad, COUNT(bad));
}

static void test_text__parses_durations(void **state)
{
    static const struct parse_row good[] = {
        {"0s", 0},         {"90s", 90},     {"2m", 120},
        {"1d12h", 129600}, {"2w", 1209600}, {"1w1d1h1m1s", 694861},
    };
    static const char *const bad[] = {"",
                                      "5",
                                      "s",
                                      "1h1d",
                                      "1d1d",
                                      "1d 2h",
                                      "-1d",
                                      "1.5h",
                                      "1D",
                                      "1d2",
                                      "30500568904944w",
                                      "18446744073709551615s1s"};

    (void)state;
    check_parses(text_parse_duration, good, COUNT(good));
    check_refuses(text_parse_duration, bad, COUNT(bad));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text__utf8_decodes_every_code_point),
        cmocka_unit_test(test_text__utf8_refuses_all_that_is_ill_formed),
        cmocka_unit_test(test_text__escapes_what_is_not_plain_text),
        cmocka_unit_test(
            test_text__escaped_names_are_safe_and_can_be_read_back),
        cmocka_unit_test(test_text__columns_of_narrow_wide_and_combining),
        cmocka_unit_test(test_text__cuts_in_the_middle),
        cmocka_unit_test(test_text__a_cut_name_fits),
        cmocka_unit_test(test_text__sizes_for_people),
        cmocka_unit_test(test_text__durations_for_people),
        cmocka_unit_test(test_text__parses_numbers),
        cmocka_unit_test(test_text__parses_sizes),
        cmocka_unit_test(test_text__parses_durations),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
