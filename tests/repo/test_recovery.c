#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "repo/recovery.h"
#include "repo/sheet.h"
#include "tests/repo/codec_loops.h"

/* What a sheet of n epochs says; founder: of who made the repository. */
static struct recovery *example(size_t n, bool founder)
{
    struct recovery *r = recovery_new();
    struct crypto_signer signer;

    assert_non_null(r);
    memset(r->repo.b, 1, sizeof r->repo.b);
    r->created = (struct entry_time){1700000000, 123456789};
    r->chunk_bytes = 65536;
    r->level = 3;
    memset(r->seed.b, 2, sizeof r->seed.b);
    crypto_signer_load(&r->seed, &signer, &r->founder);
    if (!founder)
        memset(r->founder.b, 3, sizeof r->founder.b);
    r->root_n = n;
    for (size_t i = 0; i < n; i++)
        memset(r->root[i].b, (int)(4 + i), sizeof r->root[i].b);
    r->log_number = 300;
    memset(r->log_hash, 9, sizeof r->log_hash);
    return r;
}

static void content_of(const struct recovery *r, struct secret *content)
{
    assert_int_equal(secret_init(content, RECOVERY_BYTES_MAX), 0);
    assert_int_equal(recovery_put(r, content), 0);
}

static int decode(void *ctx, struct bytes in)
{
    return recovery_get(ctx, in);
}

static void test_recovery__round_trip(void **state)
{
    static const struct {
        size_t epochs;
        bool founder;
        uint32_t chunk_bytes;
        int level;
        int64_t s;
        uint64_t number;
    } t[] = {
        {1, true, 65536, 3, 1700000000, 0},
        {2, false, 16384, 19, 0, 1},
        {3, true, 262144, -1, -1, UINT64_MAX},
        {RECOVERY_EPOCHS_MAX, false, 32768, 1, INT64_MAX, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct recovery *in = example(t[i].epochs, t[i].founder);
        struct recovery *out = recovery_new();
        struct secret content;

        assert_non_null(out);
        in->chunk_bytes = t[i].chunk_bytes;
        in->level = t[i].level;
        in->created.s = t[i].s;
        in->log_number = t[i].number;
        content_of(in, &content);
        assert_int_equal(recovery_get(out, secret_bytes(&content)), 0);
        assert_memory_equal(out, in, sizeof *in);
        secret_release(&content);
        recovery_free(in);
        recovery_free(out);
    }
}

/* Six lines to be typed for a repository whose keys were never changed. */
static void test_recovery__a_sheet_is_short(void **state)
{
    struct recovery *r = example(1, true);
    struct sheet *s = sheet_new();
    struct secret content;

    (void)state;
    assert_non_null(s);
    content_of(r, &content);
    sheet_set(s, secret_bytes(&content));
    assert_int_equal(sheet_last(s), 6);
    secret_release(&content);
    sheet_free(s);
    recovery_free(r);
}

/* The longest one fits on as many lines as a sheet has. */
static void test_recovery__a_sheet_has_lines_enough(void **state)
{
    struct recovery *r = example(RECOVERY_EPOCHS_MAX, false);
    struct secret content;

    (void)state;
    r->created.s = INT64_MIN;
    r->log_number = UINT64_MAX;
    content_of(r, &content);
    assert_true(content.n + SHEET_SUM_BYTES <= SHEET_BYTES_MAX);
    secret_release(&content);
    recovery_free(r);
}

static void test_recovery__damage_is_noticed(void **state)
{
    struct recovery *r = example(2, false);
    struct recovery *out = recovery_new();
    struct secret content;

    (void)state;
    assert_non_null(out);
    content_of(r, &content);
    codec_loops_truncate(decode, out, secret_bytes(&content), 0);
    codec_loops_longer(decode, out, secret_bytes(&content));
    /* keys are any bytes: the sheet's checksum guards those */
    (void)codec_loops_flip(decode, out, secret_bytes(&content), 1);
    secret_release(&content);
    recovery_free(r);
    recovery_free(out);
}

static void test_recovery__what_cannot_be_is_refused(void **state)
{
    enum { VERSION, CHUNK, LEVEL, FOUNDER = 28, EPOCHS = 61 };
    static const struct {
        size_t at;
        uint8_t is;
        uint8_t to;
        int rc;
    } t[] = {
        {VERSION, 1, 0, E_CORRUPT}, {VERSION, 1, 2, E_UNSUPPORTED},
        {CHUNK, 16, 13, E_CORRUPT}, {CHUNK, 16, 19, E_CORRUPT},
        {LEVEL, 3, 20, E_CORRUPT},  {FOUNDER, 1, 0, E_CORRUPT},
        {FOUNDER, 1, 3, E_CORRUPT}, {EPOCHS, 1, 0, E_CORRUPT},
        {EPOCHS, 1, 2, E_CORRUPT},
    };
    struct recovery *r = example(1, true);
    struct recovery *out = recovery_new();
    struct secret content;

    (void)state;
    assert_non_null(out);
    content_of(r, &content);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        assert_int_equal(content.p[t[i].at], t[i].is);
        content.p[t[i].at] = t[i].to;
        assert_int_equal(recovery_get(out, secret_bytes(&content)), t[i].rc);
        content.p[t[i].at] = t[i].is;
    }
    secret_release(&content);
    recovery_free(r);
    recovery_free(out);
}

/* There is one sheet for one thing to say. */
static void test_recovery__the_founder_is_said_one_way(void **state)
{
    enum { FOUNDER = 29 };
    struct recovery *r = example(1, false);
    struct recovery *out = recovery_new();
    struct crypto_signer signer;
    struct member_id member;
    struct secret content;

    (void)state;
    assert_non_null(out);
    content_of(r, &content);
    assert_memory_equal(content.p + FOUNDER, &r->founder, sizeof r->founder);
    crypto_signer_load(&r->seed, &signer, &member);
    memcpy(content.p + FOUNDER, &member, sizeof member);
    assert_int_equal(recovery_get(out, secret_bytes(&content)), E_CORRUPT);
    secret_release(&content);
    recovery_free(r);
    recovery_free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recovery__round_trip),
        cmocka_unit_test(test_recovery__a_sheet_is_short),
        cmocka_unit_test(test_recovery__a_sheet_has_lines_enough),
        cmocka_unit_test(test_recovery__damage_is_noticed),
        cmocka_unit_test(test_recovery__what_cannot_be_is_refused),
        cmocka_unit_test(test_recovery__the_founder_is_said_one_way),
    };

    if (crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
