/* A libipsec-mb that gives wrong results, in the place of gcm.c: nothing that
 * is sealed may come from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "repo/crypto.h"
#include "repo/gcm.h"

enum { LENGTH = 5000 };

static int sealed_here;
static int opened_here;

bool gcm_ready(void)
{
    return true;
}

const char *gcm_version(void)
{
    return "wrong";
}

/* As far as it goes it is consistent: what it sealed it would open. */
void gcm_seal(const struct crypto_key *key,
              const uint8_t nonce[GCM_NONCE_BYTES], struct bytes ad,
              struct bytes plain, uint8_t *out)
{
    (void)key;
    (void)nonce;
    (void)ad;
    sealed_here++;
    memmove(out, plain.p, plain.n);
    memset(out + plain.n, 0, CRYPTO_TAG_BYTES);
}

bool gcm_open(const struct crypto_key *key,
              const uint8_t nonce[GCM_NONCE_BYTES], struct bytes ad,
              struct bytes sealed, uint8_t *out)
{
    (void)key;
    (void)nonce;
    (void)ad;
    opened_here++;
    memmove(out, sealed.p, sealed.n - CRYPTO_TAG_BYTES);
    return true;
}

static void test_gcm_wrong__is_tried_once_and_not_used(void **state)
{
    static uint8_t plain[LENGTH], back[LENGTH];
    static uint8_t mine[LENGTH + CRYPTO_TAG_BYTES];
    static uint8_t want[LENGTH + CRYPTO_TAG_BYTES];
    const struct crypto_key key = {{4}};
    struct bytes text = bytes_of(plain, LENGTH);
    struct bytes ad = bytes_of_str("ad");
    struct crypto_ctx *x;

    (void)state;
    if (cpu_level() < CPU_AVX512)
        skip();
    assert_int_equal(crypto_init(), 0);
    assert_int_equal(crypto_ctx_new(&x), 0);
    cpu_cap_level(CPU_AVX2);
    assert_int_equal(crypto_seal(x, CRYPTO_AES256_GCM, &key, ad, text, want),
                     0);
    assert_int_equal(sealed_here, 0);
    cpu_cap_level(CPU_AVX512);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            crypto_seal(x, CRYPTO_AES256_GCM, &key, ad, text, mine), 0);
        assert_memory_equal(mine, want, sizeof want);
        assert_int_equal(crypto_open(x, CRYPTO_AES256_GCM, &key, ad,
                                     bytes_of(mine, sizeof mine), back),
                         0);
        assert_memory_equal(back, plain, LENGTH);
    }
    assert_int_equal(sealed_here, 1);
    assert_int_equal(opened_here, 0);
    crypto_ctx_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gcm_wrong__is_tried_once_and_not_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
