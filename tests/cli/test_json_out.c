#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/json_out.h"

/* What a line becomes, read back from the file behind out. */
static struct out out;
static struct json_out json;
static char text[1 << 16];
static int file;

static int open_file(void **state)
{
    char path[] = "/tmp/test_json_out.XXXXXX";

    (void)state;
    file = mkstemp(path);
    assert_true(file >= 0);
    unlink(path);
    out_init(&out, file);
    json_out_init(&json, &out);
    return 0;
}

static int close_file(void **state)
{
    (void)state;
    json_out_release(&json);
    close(file);
    return 0;
}

static const char *written(void)
{
    ssize_t n;

    assert_int_equal(out_flush(&out), 0);
    n = pread(file, text, sizeof text - 1, 0);
    assert_true(n >= 0);
    text[n] = 0;
    return text;
}

static void test_json_out__writes_one_object_a_line(void **state)
{
    (void)state;
    json_out_begin(&json, "a");
    json_out_u64(&json, "big", UINT64_MAX);
    json_out_i64(&json, "small", INT64_MIN);
    json_out_bool(&json, "yes", true);
    json_out_bool(&json, "no", false);
    json_out_null(&json, "none");
    json_out_time(&json, "time", (struct entry_time){1795199403, 7});
    json_out_hex(&json, "id", bytes_of("\x01\xab", 2));
    assert_int_equal(json_out_end(&json), 0);
    json_out_begin(&json, "b");
    assert_int_equal(json_out_end(&json), 0);
    assert_string_equal(
        written(), "{\"v\":1,\"type\":\"a\",\"big\":18446744073709551615,"
                   "\"small\":-9223372036854775808,\"yes\":true,\"no\":false,"
                   "\"none\":null,\"time\":\"2026-11-20T18:30:03.000000007Z\","
                   "\"id\":\"01ab\"}\n"
                   "{\"v\":1,\"type\":\"b\"}\n");
}

static void test_json_out__nests(void **state)
{
    (void)state;
    json_out_begin(&json, "a");
    json_out_list(&json, "empty");
    json_out_close(&json);
    json_out_list(&json, "list");
    json_out_u64(&json, NULL, 1);
    json_out_text(&json, NULL, "x");
    json_out_object(&json, NULL);
    json_out_u64(&json, "k", 2);
    json_out_close(&json);
    json_out_close(&json);
    json_out_object(&json, "object");
    json_out_close(&json);
    json_out_u64(&json, "last", 3);
    assert_int_equal(json_out_end(&json), 0);
    assert_string_equal(written(),
                        "{\"v\":1,\"type\":\"a\",\"empty\":[],\"list\":[1,"
                        "\"x\",{\"k\":2}],\"object\":{},\"last\":3}\n");
}

static void test_json_out__escapes_and_twins(void **state)
{
    static const struct {
        const char *in;
        size_t n;
        const char *json;
    } row[] = {
        {"plain", 5, "\"plain\""},
        {"", 0, "\"\""},
        {"a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\""},
        {"\n\t\r\b\x1b\x7f", 6,
         "\"\\u000a\\u0009\\u000d\\u0008\\u001b\\u007f\""},
        {"\0\x1f !", 4, "\"\\u0000\\u001f !\""},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9,
         "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        /* what steers a terminal, or cannot be seen */
        {"\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\xa0", 9,
         "\"\\u009b\\u202e\\udb40\\udc20\""},
        /* base64 of one, two, three and four bytes */
        {"\xff", 1, "\"\xef\xbf\xbd\",\"x_b64\":\"/w==\""},
        {"\xff"
         "a",
         2,
         "\"\xef\xbf\xbd"
         "a\",\"x_b64\":\"/2E=\""},
        {"a\xff\xfe", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\",\"x_b64\":\"Yf/+\""},
        {"ab\xc3(", 4, "\"ab\xef\xbf\xbd(\",\"x_b64\":\"YWLDKA==\""},
        /* a surrogate, an overlong slash, a truncated sequence */
        {"\xed\xa0\x80", 3,
         "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"x_b64\":\"7aCA\""},
        {"\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\",\"x_b64\":\"wK8=\""},
        {"\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\",\"x_b64\":\"4oI=\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char want[200];
        const char *got;

        (void)snprintf(want, sizeof want, "{\"v\":1,\"type\":\"t\",\"x\":%s}\n",
                       row[i].json);
        assert_int_equal(ftruncate(file, 0), 0);
        assert_int_equal(lseek(file, 0, SEEK_SET), 0);
        json_out_begin(&json, "t");
        json_out_bytes(&json, "x", bytes_of(row[i].in, row[i].n));
        assert_int_equal(json_out_end(&json), 0);
        got = written();
        assert_string_equal(got, want);
    }
}

static void test_json_out__drops_a_line_that_failed(void **state)
{
    static uint8_t big[JSON_OUT_LINE_MAX];

    (void)state;
    memset(big, 'a', sizeof big);
    json_out_begin(&json, "t");
    json_out_bytes(&json, "x", bytes_of(big, sizeof big));
    assert_int_equal(json_out_end(&json), E_LIMIT);
    json_out_begin(&json, "ok");
    assert_int_equal(json_out_end(&json), 0);
    assert_string_equal(written(), "{\"v\":1,\"type\":\"ok\"}\n");
}

static void test_json_out__reports_a_failed_allocation(void **state)
{
    (void)state;
    mem_fail_after(1, 1);
    json_out_begin(&json, "t");
    assert_int_equal(json_out_end(&json), E_NOMEM);
    mem_fail_after(0, 0);
    assert_string_equal(written(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_json_out__writes_one_object_a_line,
                                        open_file, close_file),
        cmocka_unit_test_setup_teardown(test_json_out__nests, open_file,
                                        close_file),
        cmocka_unit_test_setup_teardown(test_json_out__escapes_and_twins,
                                        open_file, close_file),
        cmocka_unit_test_setup_teardown(test_json_out__drops_a_line_that_failed,
                                        open_file, close_file),
        cmocka_unit_test_setup_teardown(
            test_json_out__reports_a_failed_allocation, open_file, close_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
