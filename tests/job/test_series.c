#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/job/series.h"

enum { ROOTS_MAX = 4 };

/* The name of up to four roots; the list ends with NULL. */
static const char *name_of(const char *host, const char *const *root)
{
    static char out[MANIFEST_SERIES_MAX + 1];
    struct bytes b[ROOTS_MAX];
    size_t n = 0;

    while (n < ROOTS_MAX && root[n]) {
        b[n] = bytes_of_str(root[n]);
        n++;
    }
    assert_int_equal(series_default(bytes_of_str(host), b, n, out), 0);
    assert_true(manifest_series_ok(bytes_of_str(out)));
    return out;
}

static void test_series__says_what_it_can(void **state)
{
    static const struct {
        const char *host;
        const char *root[ROOTS_MAX + 1];
        const char *name;
    } t[] = {
        {"web1", {"/srv/www"}, "web1@srv-www"},
        {"web1", {"/"}, "web1@-"},
        {"web1", {"/srv/www", "/etc"}, "web1@etc+srv-www"},
        {"web1", {"/etc", "/srv/www"}, "web1@etc+srv-www"},
        {"web1", {"/etc", "/etc"}, "web1@etc"},
        {"db-2.example", {"/v/a.b_c"}, "db-2.example@v-a.b_c"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        assert_string_equal(name_of(t[i].host, t[i].root), t[i].name);
}

static void test_series__of_a_name(void **state)
{
    static const char long_host[] =
        "a-host-whose-name-is-longer-than-forty-letters.example";
    static const char long_name[] =
        "a-name-of-just-fifty-letters-which-is-the-longest.";
    char out[MANIFEST_SERIES_MAX + 1], other[MANIFEST_SERIES_MAX + 1];

    (void)state;
    assert_int_equal(
        series_named(bytes_of_str("web1"), bytes_of_str("my-db"), out), 0);
    assert_string_equal(out, "web1@my-db");
    assert_int_equal(strlen(long_name), SERIES_NAME_MAX);
    assert_int_equal(
        series_named(bytes_of_str(long_host), bytes_of_str(long_name), out), 0);
    assert_true(manifest_series_ok(bytes_of_str(out)));
    assert_non_null(strstr(out, long_name));
    assert_int_equal(series_named(bytes_of_str(long_host + 1),
                                  bytes_of_str(long_name), other),
                     0);
    assert_string_not_equal(out, other);
    /* cut to one beginning, two hosts stay apart */
    assert_int_equal(series_named(bytes_of_str("a-host-whose-name-is-longer-"
                                               "than-forty-letters.other"),
                                  bytes_of_str(long_name), other),
                     0);
    assert_string_not_equal(out, other);
}

/* What loses something has a hash: readable before it, distinct by it. */
static void test_series__keeps_apart_what_looks_alike(void **state)
{
    static const struct {
        const char *host;
        const char *root[ROOTS_MAX + 1];
        const char *begin;
    } t[] = {
        {"h", {"/srv-www"}, "h@srv-www."},
        {"h", {"/srv-www/a"}, "h@srv-www-a."},
        {"h", {"/srv/www-a"}, "h@srv-www-a."},
        {"h", {"/a+b"}, "h@a+b."},
        {"h", {"/a b"}, "h@a_b."},
        {"h", {"/a\nb"}, "h@a_b."},
        {"h", {"/a\xc3\xa4"}, "h@a__."},
        {"h", {"/a\xff\xfe"}, "h@a__."},
        {"h h", {"/x"}, "h_h@x."},
        {"h\xff", {"/x"}, "h_@x."},
        {"0123456789012345678901234567890123456789-long",
         {"/x"},
         "0123456789012345678901234567890123456789@x."},
    };
    enum { N = sizeof t / sizeof t[0] };
    char name[N][MANIFEST_SERIES_MAX + 1];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        size_t n = strlen(t[i].begin);

        memcpy(name[i], name_of(t[i].host, t[i].root), sizeof name[i]);
        assert_memory_equal(name[i], t[i].begin, n);
        assert_int_equal(strlen(name[i]), n + 8);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(name[i], name[k]);
    }
}

static void test_series__a_host_is_part_of_the_hash(void **state)
{
    static const char *const root[] = {"/a b", NULL};
    char one[MANIFEST_SERIES_MAX + 1];

    (void)state;
    memcpy(one, name_of("h1", root), sizeof one);
    assert_string_not_equal(one + 2, name_of("h2", root) + 2);
}

static void test_series__long_paths_fit(void **state)
{
    char path[3][201];
    const char *root[] = {path[0], NULL};
    char one[MANIFEST_SERIES_MAX + 1];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        (void)memset(path[i], 'a', 200);
        path[i][0] = '/';
        path[i][200] = 0;
    }
    path[1][199] = 'b';
    memcpy(one, name_of("h", root), sizeof one);
    assert_int_equal(strlen(one), MANIFEST_SERIES_MAX);
    root[0] = path[1];
    assert_string_not_equal(one, name_of("h", root));
    root[0] = path[2];
    assert_string_equal(one, name_of("h", root));
    /* exactly as long as a series may be: nothing is lost */
    path[0][MANIFEST_SERIES_MAX - 2 + 1] = 0;
    root[0] = path[0];
    assert_int_equal(strlen(name_of("h", root)), MANIFEST_SERIES_MAX);
    assert_null(strchr(name_of("h", root), '.'));
    path[2][MANIFEST_SERIES_MAX - 2 + 2] = 0;
    root[0] = path[2];
    assert_int_equal(strlen(name_of("h", root)), MANIFEST_SERIES_MAX);
    assert_non_null(strchr(name_of("h", root), '.'));
}

static void test_series__out_of_memory(void **state)
{
    static const char *const root[] = {"/a b", NULL};
    struct bytes b = bytes_of_str(root[0]);
    char out[MANIFEST_SERIES_MAX + 1];
    uint64_t before = mem_count();
    uint64_t n;

    (void)state;
    (void)name_of("h", root);
    n = mem_count() - before;
    assert_true(n > 0);
    for (uint64_t i = 1; i <= n; i++) {
        mem_fail_after(i, 0);
        assert_int_equal(series_default(bytes_of_str("h"), &b, 1, out),
                         E_NOMEM);
    }
    mem_fail_after(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series__says_what_it_can),
        cmocka_unit_test(test_series__of_a_name),
        cmocka_unit_test(test_series__keeps_apart_what_looks_alike),
        cmocka_unit_test(test_series__a_host_is_part_of_the_hash),
        cmocka_unit_test(test_series__long_paths_fit),
        cmocka_unit_test(test_series__out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
