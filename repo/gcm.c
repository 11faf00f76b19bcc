#include "repo/gcm.h"

#include <pthread.h>

#include <intel-ipsec-mb.h>

/* AES-GCM for vectors; a library that tests itself, and leaves no keys behind
 * in registers. */
#define GCM_FEATURES (IMB_CPUFLAGS_AVX512_T2 | IMB_FEATURE_SAFE_DATA)

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
    if (gcm_has(m, GCM_FEATURES))
        init_mb_mgr_avx512(m);
    if (gcm_has(m, GCM_FEATURES | IMB_FEATURE_SELF_TEST_PASS))
        gcm_library = m;
    else
        free_mb_mgr(m);
}

bool gcm_ready(void)
{
    (void)pthread_once(&gcm_once, gcm_prepare);
    return gcm_library != NULL;
}

const char *gcm_version(void)
{
    return imb_get_version_str();
}

/* What the library needs in memory for one message. It stores whole vectors of
 * the key, and its header says so to some systems only. */
struct gcm_work {
    _Alignas(64) struct gcm_key_data key;
    struct gcm_context_data context;
};

/* The library tells of a refusal by writing nothing (and by a variable that all
 * threads share). The chance of a tag of zeros is 2^-128. */
bool gcm_seal(const struct crypto_key *key, struct bytes ad, struct bytes plain,
              uint8_t *out)
{
    static const uint8_t none[CRYPTO_TAG_BYTES];
    uint8_t *tag = out + plain.n;
    struct gcm_work w;

    memset(tag, 0, CRYPTO_TAG_BYTES);
    IMB_AES256_GCM_PRE(gcm_library, key->b, &w.key);
    IMB_AES256_GCM_ENC(gcm_library, &w.key, &w.context, out, plain.p, plain.n,
                       crypto_nonce, ad.p, ad.n, tag, CRYPTO_TAG_BYTES);
    crypto_wipe(&w, sizeof w);
    return !crypto_equal(tag, none, sizeof none);
}

bool gcm_open(const struct crypto_key *key, struct bytes ad,
              struct bytes sealed, uint8_t *out)
{
    size_t n = sealed.n - CRYPTO_TAG_BYTES;
    uint8_t tag[CRYPTO_TAG_BYTES];
    struct gcm_work w;

    for (size_t i = 0; i < sizeof tag; i++)
        tag[i] = (uint8_t)~sealed.p[n + i]; /* wrong, until it is written */
    IMB_AES256_GCM_PRE(gcm_library, key->b, &w.key);
    IMB_AES256_GCM_DEC(gcm_library, &w.key, &w.context, out, sealed.p, n,
                       crypto_nonce, ad.p, ad.n, tag, CRYPTO_TAG_BYTES);
    crypto_wipe(&w, sizeof w);
    return crypto_equal(tag, sealed.p + n, sizeof tag);
}
