#include "repo/gcm.h"

#include <pthread.h>

#include <intel-ipsec-mb.h>

/* The library's table of functions: written once, then only read. */
static pthread_once_t gcm_once = PTHREAD_ONCE_INIT;
static IMB_MGR *gcm_library;

static bool gcm_has(const IMB_MGR *m, uint64_t features)
{
    return (m->features & features) == features;
}

static void gcm_prepare(void)
{
    IMB_MGR *m = alloc_mb_mgr(0);

    if (!m)
        return;
    if (gcm_has(m, IMB_CPUFLAGS_AVX512_T2))
        init_mb_mgr_avx512(m);
    if (gcm_has(m, IMB_CPUFLAGS_AVX512_T2 | IMB_FEATURE_SELF_TEST_PASS) &&
        imb_get_errno(m) == 0)
        gcm_library = m;
    else
        free_mb_mgr(m);
}

bool gcm_ready(void)
{
    int rc = pthread_once(&gcm_once, gcm_prepare);

    ASSERT(rc == 0); /* fails for a once that is none */
    return gcm_library != NULL;
}

const char *gcm_version(void)
{
    return imb_get_version_str();
}

/* What the library needs in memory for one message. */
struct gcm_work {
    struct gcm_key_data key;
    struct gcm_context_data context;
};

void gcm_seal(const struct crypto_key *key,
              const uint8_t nonce[GCM_NONCE_BYTES], struct bytes ad,
              struct bytes plain, uint8_t *out)
{
    struct gcm_work w;

    IMB_AES256_GCM_PRE(gcm_library, key->b, &w.key);
    IMB_AES256_GCM_ENC(gcm_library, &w.key, &w.context, out, plain.p, plain.n,
                       nonce, ad.p, ad.n, out + plain.n, CRYPTO_TAG_BYTES);
    crypto_wipe(&w, sizeof w);
}

bool gcm_open(const struct crypto_key *key,
              const uint8_t nonce[GCM_NONCE_BYTES], struct bytes ad,
              struct bytes sealed, uint8_t *out)
{
    size_t n = sealed.n - CRYPTO_TAG_BYTES;
    uint8_t tag[CRYPTO_TAG_BYTES];
    struct gcm_work w;

    IMB_AES256_GCM_PRE(gcm_library, key->b, &w.key);
    IMB_AES256_GCM_DEC(gcm_library, &w.key, &w.context, out, sealed.p, n, nonce,
                       ad.p, ad.n, tag, CRYPTO_TAG_BYTES);
    crypto_wipe(&w, sizeof w);
    return crypto_equal(tag, sealed.p + n, sizeof tag);
}
