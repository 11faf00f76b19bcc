#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "repo/config.h"
#include "tests/repo/codec_loops.h"

static const struct config good = {
    .repo = {{1, 2, 3}},
    .created = {1700000000, 123456789},
    .chunk_bytes = 65536,
    .data_public = {{4}},
    .meta_public = {{5}},
    .founder = {{6}},
    .level = 3,
};

static int decode(void *ctx, struct bytes in)
{
    struct config c;

    (void)ctx;
    return config_get(in, &c, NULL);
}

static void test_config__round_trip(void **state)
{
    static const struct {
        uint32_t chunk_bytes;
        int level;
    } t[] = {{65536, 3}, {16384, 1}, {262144, 19}, {65536, -1}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct config in = good;
        struct config out;
        struct object_id hash;
        struct object_id mine;
        struct buf b;

        in.chunk_bytes = t[i].chunk_bytes;
        in.level = t[i].level;
        buf_init(&b, CONFIG_BYTES_MAX);
        config_put(&in, &b);
        assert_int_equal(buf_status(&b), 0);
        assert_int_equal(config_get(buf_bytes(&b), &out, &hash), 0);
        blake3_hash(buf_bytes(&b), mine.b);
        assert_true(object_id_equal(&hash, &mine));
        assert_memory_equal(&out.repo, &in.repo, sizeof in.repo);
        assert_int_equal(out.created.s, in.created.s);
        assert_int_equal(out.created.ns, in.created.ns);
        assert_int_equal(out.chunk_bytes, in.chunk_bytes);
        assert_int_equal(out.level, in.level);
        assert_memory_equal(&out.data_public, &in.data_public, 32);
        assert_memory_equal(&out.meta_public, &in.meta_public, 32);
        assert_memory_equal(&out.founder, &in.founder, 32);
        buf_release(&b);
    }
}

static void test_config__damage_is_noticed(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, CONFIG_BYTES_MAX);
    config_put(&good, &b);
    codec_loops_truncate(decode, NULL, buf_bytes(&b), 0);
    codec_loops_longer(decode, NULL, buf_bytes(&b));
    assert_int_equal(codec_loops_flip(decode, NULL, buf_bytes(&b), 0), 0);
    buf_release(&b);
}

/* What a newer program might write, with a checksum that fits. */
static void test_config__what_is_newer_is_unsupported(void **state)
{
    struct buf b;
    static const struct {
        const char *from;
        size_t n;
        uint8_t to;
        size_t at;
        int rc;
    } t[] = {
        {"\x05\x01\x01", 3, 2, 2, E_UNSUPPORTED}, /* suite 2 */
        {"\x0b\x20", 2, 13, 0, E_UNSUPPORTED},    /* tag 13 for 11 */
        {"\x03\x03\x80", 3, 0x81, 2, E_CORRUPT},  /* no power of two */
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        uint8_t *at;

        buf_init(&b, CONFIG_BYTES_MAX);
        config_put(&good, &b);
        at = memmem(b.p, b.n, t[i].from, t[i].n);
        assert_non_null(at);
        at[t[i].at] = t[i].to;
        blake3_hash(bytes_of(b.p, b.n - 32), b.p + b.n - 32);
        assert_int_equal(decode(NULL, buf_bytes(&b)), t[i].rc);
        buf_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config__round_trip),
        cmocka_unit_test(test_config__damage_is_noticed),
        cmocka_unit_test(test_config__what_is_newer_is_unsupported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
