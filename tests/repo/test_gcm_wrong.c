/* A libipsec-mb that gives wrong results in one respect: it must be noticed,
 * and nothing that is sealed or opened may come from it. Each fault has a
 * process of its own, since the library is tried once. Skipped where there is
 * none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "repo/crypto.h"
#include "repo/gcm.h"

enum { LENGTH = 5000, LONG = 6000, FAULTED = 1, UNNOTICED, WRONG, USED };

enum fault {
    NONE,
    SEAL_ANOTHER_KEY,
    SEAL_WITHOUT_AD,
    SEAL_NOTHING,
    SEAL_WRONG_WHEN_LONG,
    SEAL_REFUSES,
    OPEN_WRONG_TEXT,
    OPEN_ANYTHING,
    OPEN_NOTHING,
    FAULTS
};

static enum fault fault;
static int calls;

/* The linker gives crypto_bulk.c these (--wrap), and the real ones to us. */
bool __real_gcm_seal(const struct crypto_key *key, struct bytes ad,
                     struct bytes plain, uint8_t *out);
bool __real_gcm_open(const struct crypto_key *key, struct bytes ad,
                     struct bytes sealed, uint8_t *out);
bool __wrap_gcm_seal(const struct crypto_key *key, struct bytes ad,
                     struct bytes plain, uint8_t *out);
bool __wrap_gcm_open(const struct crypto_key *key, struct bytes ad,
                     struct bytes sealed, uint8_t *out);

bool __wrap_gcm_seal(const struct crypto_key *key, struct bytes ad,
                     struct bytes plain, uint8_t *out)
{
    struct crypto_key k = *key;
    bool good;

    calls++;
    k.b[31] ^= fault == SEAL_ANOTHER_KEY;
    if (fault == SEAL_WITHOUT_AD)
        ad = bytes_of(NULL, 0);
    good = __real_gcm_seal(&k, ad, plain, out);
    if (fault == SEAL_NOTHING)
        memcpy(out, plain.p, plain.n);
    if (fault == SEAL_WRONG_WHEN_LONG && plain.n >= LONG)
        out[LONG - 1] ^= 1;
    return good && fault != SEAL_REFUSES;
}

bool __wrap_gcm_open(const struct crypto_key *key, struct bytes ad,
                     struct bytes sealed, uint8_t *out)
{
    bool good = __real_gcm_open(key, ad, sealed, out);

    calls++;
    if (fault == OPEN_WRONG_TEXT)
        out[100] ^= 1;
    if (fault == OPEN_ANYTHING)
        return true;
    return good && fault != OPEN_NOTHING;
}

/* Exit code of a process in which the library has that fault. */
static int run(void)
{
    static uint8_t plain[LENGTH], back[LENGTH];
    static uint8_t mine[LENGTH + CRYPTO_TAG_BYTES];
    static uint8_t want[LENGTH + CRYPTO_TAG_BYTES];
    const struct crypto_key key = {{4}};
    struct bytes text = bytes_of(plain, LENGTH);
    struct bytes ad = bytes_of_str("ad");
    struct crypto_ctx *x;

    if (crypto_init() < 0 || crypto_ctx_new(&x) < 0)
        return FAULTED;
    cpu_cap_level(CPU_AVX2);
    if (crypto_seal(x, CRYPTO_AES256_GCM, &key, ad, text, want) < 0 || calls)
        return FAULTED;
    cpu_cap_level(CPU_AVX512);
    if (strcmp(crypto_suite_by(CRYPTO_AES256_GCM),
               fault == NONE ? "libipsec-mb" : "libcrypto") != 0)
        return UNNOTICED;
    calls = 0;
    if (crypto_seal(x, CRYPTO_AES256_GCM, &key, ad, text, mine) < 0 ||
        memcmp(mine, want, sizeof want) != 0 ||
        crypto_open(x, CRYPTO_AES256_GCM, &key, ad, bytes_of(mine, sizeof mine),
                    back) < 0 ||
        memcmp(back, plain, LENGTH) != 0)
        return WRONG;
    crypto_ctx_free(x);
    return calls == (fault == NONE ? 2 : 0) ? 0 : USED;
}

static void test_gcm_wrong__is_noticed_and_not_used(void **state)
{
    (void)state;
    if (cpu_level() < CPU_AVX512 || !gcm_ready())
        skip();
    for (fault = NONE; fault < FAULTS; fault++) {
        int status = 0;
        pid_t pid;

        (void)fflush(NULL);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(run());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        print_message("fault %d\n", (int)fault);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gcm_wrong__is_noticed_and_not_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
