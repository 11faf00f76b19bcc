/* What libipsec-mb seals is, bit for bit, what libcrypto seals: gcm.h itself
 * against crypto_seal() below AVX-512, where only libcrypto is asked. Skipped
 * where gcm_ready() says no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/cpu.h"
#include "repo/crypto.h"
#include "repo/gcm.h"

enum { LENGTH_MAX = (1 << 20) + 48, THREADS = 4, ROUNDS = 40 };

static struct crypto_ctx *ctx;
static uint8_t plain[LENGTH_MAX];
static uint8_t fast[LENGTH_MAX + CRYPTO_TAG_BYTES + 1];
static uint8_t slow[LENGTH_MAX + CRYPTO_TAG_BYTES];
static const struct crypto_key key = {{9, 8, 7}};

static void need_gcm(void)
{
    cpu_cap_level(CPU_AVX512);
    if (cpu_level() < CPU_AVX512 || !gcm_ready()) {
        print_message("no libipsec-mb, or no vectors of AES here\n");
        skip();
    }
}

/* By libcrypto. */
static void seal_slowly(struct bytes ad, size_t n)
{
    cpu_cap_level(CPU_AVX2);
    assert_int_equal(
        crypto_seal(ctx, CRYPTO_AES256_GCM, &key, ad, bytes_of(plain, n), slow),
        0);
    cpu_cap_level(CPU_AVX512);
}

static bool open_fast(struct bytes ad, const uint8_t *sealed, size_t n,
                      uint8_t *out)
{
    return gcm_open(&key, ad, bytes_of(sealed, n + CRYPTO_TAG_BYTES), out);
}

static void check_length(size_t n, struct bytes ad)
{
    uint8_t *back = calloc(1, n + 1);

    assert_non_null(back);
    seal_slowly(ad, n);
    memset(fast, 0xee, n + CRYPTO_TAG_BYTES + 1);
    assert_true(gcm_seal(&key, ad, bytes_of(plain, n), fast));
    assert_memory_equal(fast, slow, n + CRYPTO_TAG_BYTES);
    assert_int_equal(fast[n + CRYPTO_TAG_BYTES], 0xee);
    assert_true(open_fast(ad, slow, n, back));
    assert_memory_equal(back, plain, n);
    assert_int_equal(back[n], 0);
    free(back);
}

/* Every length of the last piece, whatever the loops take at once. */
static void test_gcm__the_same_bytes_for_every_length(void **state)
{
    static const size_t large[] = {65535,     65536,          65537,
                                   (1 << 20), LENGTH_MAX - 1, LENGTH_MAX};
    struct bytes ad = bytes_of_str("addat");

    (void)state;
    need_gcm();
    for (size_t n = 4090; n < 4096 + 1100; n++)
        check_length(n, ad);
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
        check_length(large[i], ad);
}

static void test_gcm__the_same_bytes_for_every_associated_data(void **state)
{
    (void)state;
    need_gcm();
    for (size_t n = 0; n < 300; n++)
        check_length(4096 + n % 17, bytes_of(plain + 5, n));
    check_length(5000, bytes_of(NULL, 0));
}

static void test_gcm__text_and_seal_may_share_memory(void **state)
{
    const size_t n = 70001;
    struct bytes ad = bytes_of_str("ad");

    (void)state;
    need_gcm();
    seal_slowly(ad, n);
    memcpy(fast, plain, n);
    assert_true(gcm_seal(&key, ad, bytes_of(fast, n), fast));
    assert_memory_equal(fast, slow, n + CRYPTO_TAG_BYTES);
    assert_true(open_fast(ad, fast, n, fast));
    assert_memory_equal(fast, plain, n);
}

static void test_gcm__notices_every_change(void **state)
{
    const size_t n = 4096 + 77;
    struct bytes ad = bytes_of_str("ad");
    struct crypto_key other = {{9, 8, 6}};
    uint8_t *back = malloc(n);

    (void)state;
    need_gcm();
    assert_non_null(back);
    assert_true(gcm_seal(&key, ad, bytes_of(plain, n), fast));
    for (size_t i = 0; i < n + CRYPTO_TAG_BYTES; i++) {
        fast[i] ^= 0x10;
        assert_false(open_fast(ad, fast, n, back));
        fast[i] ^= 0x10;
    }
    assert_false(open_fast(bytes_of_str("aD"), fast, n, back));
    assert_false(open_fast(bytes_of_str("a"), fast, n, back));
    assert_false(
        gcm_open(&other, ad, bytes_of(fast, n + CRYPTO_TAG_BYTES), back));
    assert_true(open_fast(ad, fast, n, back));
    free(back);
}

/* The library writes nothing then: it must not look like a seal, or a text. */
static void test_gcm__a_refusal_is_noticed(void **state)
{
    struct bytes nothing = {.p = NULL, .n = 5000};
    struct bytes ad = bytes_of_str("ad");

    (void)state;
    need_gcm();
    assert_false(gcm_seal(&key, ad, nothing, fast));
    assert_false(gcm_seal(&key, (struct bytes){.p = NULL, .n = 5},
                          bytes_of(plain, 5000), fast));
    assert_true(gcm_seal(&key, ad, bytes_of(plain, 5000), fast));
    assert_false(
        open_fast((struct bytes){.p = NULL, .n = 2}, fast, 5000, slow));
}

/* As crypto.h promises it of what is large, too. */
static void test_gcm__what_does_not_open_leaves_no_text(void **state)
{
    const size_t n = 9001;
    struct bytes ad = bytes_of_str("ad");
    struct bytes sealed = bytes_of(fast, n + CRYPTO_TAG_BYTES);

    (void)state;
    need_gcm();
    assert_int_equal(
        crypto_seal(ctx, CRYPTO_AES256_GCM, &key, ad, bytes_of(plain, n), fast),
        0);
    assert_int_equal(
        crypto_open(ctx, CRYPTO_AES256_GCM, &key, ad, sealed, slow), 0);
    assert_memory_equal(slow, plain, n);
    fast[n / 2] ^= 1;
    assert_int_equal(
        crypto_open(ctx, CRYPTO_AES256_GCM, &key, ad, sealed, slow), E_CORRUPT);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(slow[i], 0);
}

static void test_gcm__says_which_library_seals(void **state)
{
    (void)state;
    cpu_cap_level(CPU_AVX2);
    assert_string_equal(crypto_suite_by(CRYPTO_AES256_GCM), "libcrypto");
    need_gcm();
    assert_string_equal(crypto_suite_by(CRYPTO_AES256_GCM), "libipsec-mb");
    assert_string_equal(crypto_suite_by(CRYPTO_CHACHA20_POLY1305), "libcrypto");
    assert_string_not_equal(gcm_version(), "none");
}

struct worker {
    pthread_t thread;
    size_t length;
    uint8_t *sealed;
    int rc;
};

static void *worker_run(void *arg)
{
    struct worker *w = arg;
    struct crypto_ctx *mine;

    w->rc = crypto_ctx_new(&mine);
    for (int i = 0; i < ROUNDS && w->rc == 0; i++) {
        w->rc = crypto_seal(mine, CRYPTO_AES256_GCM, &key, bytes_of_str("t"),
                            bytes_of(plain, w->length), w->sealed);
        if (w->rc == 0)
            w->rc = crypto_open(
                mine, CRYPTO_AES256_GCM, &key, bytes_of_str("t"),
                bytes_of(w->sealed, w->length + CRYPTO_TAG_BYTES), w->sealed);
        if (w->rc == 0 && memcmp(w->sealed, plain, w->length) != 0)
            w->rc = E_CORRUPT;
    }
    crypto_ctx_free(mine);
    return NULL;
}

/* One table of functions for all threads. First, so that they make it. */
static void test_gcm__many_threads_at_once(void **state)
{
    struct worker w[THREADS];

    (void)state;
    cpu_cap_level(CPU_AVX512);
    for (size_t i = 0; i < THREADS; i++) {
        w[i].length = 4096 + 5000 * i;
        w[i].sealed = malloc(w[i].length + CRYPTO_TAG_BYTES);
        assert_non_null(w[i].sealed);
        assert_int_equal(pthread_create(&w[i].thread, NULL, worker_run, &w[i]),
                         0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(w[i].thread, NULL);
        assert_int_equal(w[i].rc, 0);
        free(w[i].sealed);
    }
}

static int setup(void **state)
{
    (void)state;
    if (crypto_init() < 0)
        return -1;
    crypto_random(plain, sizeof plain);
    return crypto_ctx_new(&ctx);
}

static int teardown(void **state)
{
    (void)state;
    crypto_ctx_free(ctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gcm__many_threads_at_once),
        cmocka_unit_test(test_gcm__the_same_bytes_for_every_length),
        cmocka_unit_test(test_gcm__the_same_bytes_for_every_associated_data),
        cmocka_unit_test(test_gcm__text_and_seal_may_share_memory),
        cmocka_unit_test(test_gcm__notices_every_change),
        cmocka_unit_test(test_gcm__a_refusal_is_noticed),
        cmocka_unit_test(test_gcm__what_does_not_open_leaves_no_text),
        cmocka_unit_test(test_gcm__says_which_library_seals),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
