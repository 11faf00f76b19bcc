/* What libipsec-mb seals is, bit for bit, what libcrypto seals: crypto_seal()
 * at the processor's level against the same below AVX-512, where only libcrypto
 * is asked. Skipped where gcm_ready() says no. */
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
static uint8_t fast[LENGTH_MAX + CRYPTO_TAG_BYTES];
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

static void seal(enum cpu_level level, struct bytes ad, size_t n, uint8_t *out)
{
    cpu_cap_level(level);
    assert_int_equal(
        crypto_seal(ctx, CRYPTO_AES256_GCM, &key, ad, bytes_of(plain, n), out),
        0);
}

static int open_at(enum cpu_level level, struct bytes ad, const uint8_t *sealed,
                   size_t n, uint8_t *out)
{
    cpu_cap_level(level);
    return crypto_open(ctx, CRYPTO_AES256_GCM, &key, ad,
                       bytes_of(sealed, n + CRYPTO_TAG_BYTES), out);
}

static void check_length(size_t n, struct bytes ad)
{
    uint8_t *back = malloc(n);

    assert_non_null(back);
    seal(CPU_AVX2, ad, n, slow);
    seal(CPU_AVX512, ad, n, fast);
    assert_memory_equal(fast, slow, n + CRYPTO_TAG_BYTES);
    memset(back, 0, n);
    assert_int_equal(open_at(CPU_AVX512, ad, slow, n, back), 0);
    assert_memory_equal(back, plain, n);
    memset(back, 0, n);
    assert_int_equal(open_at(CPU_AVX2, ad, fast, n, back), 0);
    assert_memory_equal(back, plain, n);
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
    seal(CPU_AVX2, ad, n, slow);
    memcpy(fast, plain, n);
    cpu_cap_level(CPU_AVX512);
    assert_int_equal(
        crypto_seal(ctx, CRYPTO_AES256_GCM, &key, ad, bytes_of(fast, n), fast),
        0);
    assert_memory_equal(fast, slow, n + CRYPTO_TAG_BYTES);
    assert_int_equal(open_at(CPU_AVX512, ad, fast, n, fast), 0);
    assert_memory_equal(fast, plain, n);
}

static void test_gcm__notices_every_change_and_leaves_no_text(void **state)
{
    const size_t n = 4096 + 77;
    struct bytes ad = bytes_of_str("ad");
    struct crypto_key other = {{9, 8, 6}};
    uint8_t *back = malloc(n);
    uint8_t *zeros = calloc(1, n);

    (void)state;
    need_gcm();
    assert_true(back && zeros);
    seal(CPU_AVX512, ad, n, fast);
    for (size_t i = 0; i < n + CRYPTO_TAG_BYTES; i += i < n - 40 ? 61 : 1) {
        fast[i] ^= 0x10;
        memset(back, 0xee, n);
        assert_int_equal(open_at(CPU_AVX512, ad, fast, n, back), E_CORRUPT);
        assert_memory_equal(back, zeros, n);
        fast[i] ^= 0x10;
    }
    assert_int_equal(open_at(CPU_AVX512, bytes_of_str("aD"), fast, n, back),
                     E_CORRUPT);
    assert_int_equal(open_at(CPU_AVX512, bytes_of_str("a"), fast, n, back),
                     E_CORRUPT);
    assert_int_equal(crypto_open(ctx, CRYPTO_AES256_GCM, &other, ad,
                                 bytes_of(fast, n + CRYPTO_TAG_BYTES), back),
                     E_CORRUPT);
    assert_memory_equal(back, zeros, n);
    assert_int_equal(open_at(CPU_AVX512, ad, fast, n, back), 0);
    free(back);
    free(zeros);
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
        cmocka_unit_test(test_gcm__notices_every_change_and_leaves_no_text),
        cmocka_unit_test(test_gcm__says_which_library_seals),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
