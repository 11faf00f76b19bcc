#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/fields.h"
#include "repo/manifest.h"
#include "tests/repo/codec_loops.h"

static void fill(struct manifest *m)
{
    static struct bytes paths[2];
    static struct bytes tags[1];
    static struct manifest_problem problems[2];

    paths[0] = bytes_of_str("/srv/www");
    paths[1] = bytes_of_str("/etc");
    tags[0] = bytes_of_str("weekly");
    problems[0] = (struct manifest_problem){MANIFEST_UNREADABLE,
                                            bytes_of_str("/etc/shadow"),
                                            bytes_of_str("denied")};
    problems[1] = (struct manifest_problem){
        MANIFEST_VANISHED, bytes_of_str("/srv/x"), bytes_of(NULL, 0)};
    *m = (struct manifest){
        .series = bytes_of_str("srv@www"),
        .number = 7,
        .has_previous = true,
        .previous = {{1}},
        .root = bytes_of_str("entry"),
        .begin = {1700000000, 1},
        .end = {1700000100, 999999999},
        .utc_offset = -3600,
        .log_number = 41,
        .log_id = {{2}},
        .complete = true,
        .host = bytes_of_str("srv"),
        .user = bytes_of_str("root"),
        .program = bytes_of_str("dedup 0.1"),
        .options = bytes_of_str("--exclude x"),
        .paths = paths,
        .path_n = 2,
        .tags = tags,
        .tag_n = 1,
        .stats = {1, 2, 3, 4, 5, 6, 7},
        .problem_total = 3,
        .problems = problems,
        .problem_n = 2,
    };
}

static int decode(void *ctx, struct bytes in)
{
    struct manifest_copy c;
    int rc = manifest_get(in, &c);

    (void)ctx;
    manifest_release(&c);
    return rc;
}

static void test_manifest__round_trip(void **state)
{
    struct manifest in;
    struct manifest_copy out;
    struct buf b;
    struct buf again;

    (void)state;
    fill(&in);
    buf_init(&b, MANIFEST_BYTES_MAX);
    buf_init(&again, MANIFEST_BYTES_MAX);
    manifest_put(&in, &b);
    assert_int_equal(buf_status(&b), 0);
    assert_int_equal(manifest_get(buf_bytes(&b), &out), 0);
    assert_true(bytes_equal(out.m.series, in.series));
    assert_int_equal(out.m.number, 7);
    assert_true(out.m.has_previous && out.m.complete);
    assert_int_equal(out.m.utc_offset, -3600);
    assert_int_equal(out.m.end.ns, 999999999);
    assert_int_equal(out.m.log_number, 41);
    assert_int_equal(out.m.path_n, 2);
    assert_true(bytes_equal(out.m.paths[1], in.paths[1]));
    assert_memory_equal(&out.m.stats, &in.stats, sizeof in.stats);
    assert_int_equal(out.m.problem_total, 3);
    assert_int_equal(out.m.problem_n, 2);
    assert_true(
        bytes_equal(out.m.problems[0].path, bytes_of_str("/etc/shadow")));
    /* one value has one encoding: what is decoded encodes to the same */
    manifest_put(&out.m, &again);
    assert_true(bytes_equal(buf_bytes(&b), buf_bytes(&again)));
    manifest_release(&out);
    buf_release(&b);
    buf_release(&again);
}

static void test_manifest__the_least_there_is(void **state)
{
    struct manifest in = {.series = bytes_of_str("a"), .number = 1};
    struct manifest_copy out;
    struct buf b;

    (void)state;
    buf_init(&b, MANIFEST_BYTES_MAX);
    manifest_put(&in, &b);
    assert_int_equal(manifest_get(buf_bytes(&b), &out), 0);
    assert_false(out.m.complete || out.m.has_previous);
    assert_int_equal(out.m.path_n, 0);
    manifest_release(&out);
    buf_release(&b);
}

static void test_manifest__damage_is_noticed(void **state)
{
    struct manifest m;
    struct buf b;

    (void)state;
    fill(&m);
    buf_init(&b, MANIFEST_BYTES_MAX);
    manifest_put(&m, &b);
    codec_loops_truncate(decode, NULL, buf_bytes(&b), 8);
    (void)codec_loops_flip(decode, NULL, buf_bytes(&b), 1);
    buf_release(&b);
}

/* A field of a later version is kept if it may be, and refused if not. */
static void test_manifest__newer_fields(void **state)
{
    static const struct {
        uint64_t tag;
        int rc;
    } t[] = {{30, 0}, {31, E_UNSUPPORTED}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct manifest m;
        struct manifest_copy out;
        struct buf b;
        struct buf again;

        fill(&m);
        buf_init(&b, MANIFEST_BYTES_MAX);
        buf_init(&again, MANIFEST_BYTES_MAX);
        manifest_put(&m, &b);
        codec_put_varint(&b, t[i].tag);
        codec_put_string(&b, bytes_of_str("news"));
        assert_int_equal(manifest_get(buf_bytes(&b), &out), t[i].rc);
        if (t[i].rc == 0) {
            manifest_put(&out.m, &again);
            assert_true(bytes_equal(buf_bytes(&b), buf_bytes(&again)));
        }
        manifest_release(&out);
        buf_release(&b);
        buf_release(&again);
    }
}

static void test_manifest__series_names(void **state)
{
    char longest[102];
    static const struct {
        const char *name;
        bool ok;
    } t[] = {{"a", true},    {"HOST@srv-www", true}, {"A.b_c+d-9", true},
             {"", false},    {"a b", false},         {"a/b", false},
             {"a\n", false}, {"\xc3\xa9", false},    {"a:b", false}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        assert_int_equal(manifest_series_ok(bytes_of_str(t[i].name)), t[i].ok);
    assert_false(manifest_series_ok(bytes_of("a\0b", 3)));
    memset(longest, 'x', sizeof longest);
    assert_true(manifest_series_ok(bytes_of(longest, 100)));
    assert_false(manifest_series_ok(bytes_of(longest, 101)));
}

static void test_manifest__lack_of_memory_is_reported(void **state)
{
    struct manifest m;
    struct buf b;

    (void)state;
    fill(&m);
    buf_init(&b, MANIFEST_BYTES_MAX);
    manifest_put(&m, &b);
    for (uint64_t n = 1; n < 20; n++) {
        int rc;

        mem_fail_after(n, 0);
        rc = decode(NULL, buf_bytes(&b));
        mem_fail_after(0, 0);
        if (rc == 0) {
            buf_release(&b);
            return;
        }
        assert_int_equal(rc, E_NOMEM);
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest__round_trip),
        cmocka_unit_test(test_manifest__the_least_there_is),
        cmocka_unit_test(test_manifest__damage_is_noticed),
        cmocka_unit_test(test_manifest__newer_fields),
        cmocka_unit_test(test_manifest__series_names),
        cmocka_unit_test(test_manifest__lack_of_memory_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
