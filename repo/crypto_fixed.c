#include "repo/crypto_fixed.h"

#include <pthread.h>
#include <sodium.h>

#include "base/err.h"

static pthread_mutex_t crypto_fixed_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t crypto_fixed_state[2]; /* seed, requests so far */

static const char *crypto_fixed_name(void)
{
    return "fixed";
}

static void crypto_fixed_fill(void *const to, const size_t n)
{
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    uint8_t key[crypto_stream_chacha20_KEYBYTES] = {0};

    pthread_mutex_lock(&crypto_fixed_lock);
    for (size_t i = 0; i < 16; i++)
        key[i] = (uint8_t)(crypto_fixed_state[i / 8] >> (8 * (i % 8)));
    crypto_fixed_state[1]++;
    pthread_mutex_unlock(&crypto_fixed_lock);
    crypto_stream_chacha20(to, n, nonce, key);
}

static uint32_t crypto_fixed_u32(void)
{
    uint32_t v;

    crypto_fixed_fill(&v, sizeof v);
    return v;
}

void crypto_fixed_seed(uint64_t seed)
{
    pthread_mutex_lock(&crypto_fixed_lock);
    crypto_fixed_state[0] = seed;
    crypto_fixed_state[1] = 0;
    pthread_mutex_unlock(&crypto_fixed_lock);
}

void crypto_fixed_start(void)
{
    static randombytes_implementation fixed = {.implementation_name =
                                                   crypto_fixed_name,
                                               .random = crypto_fixed_u32,
                                               .buf = crypto_fixed_fill};
    int rc = randombytes_set_implementation(&fixed);

    ASSERT(rc == 0);
}
