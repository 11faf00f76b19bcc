/* gcm_none: gcm.h where a build has no libipsec-mb. */
#include "repo/gcm.h"

bool gcm_ready(void)
{
    return false;
}

const char *gcm_version(void)
{
    return "none";
}

void gcm_seal(const struct crypto_key *key,
              const uint8_t nonce[GCM_NONCE_BYTES], struct bytes ad,
              struct bytes plain, uint8_t *out)
{
    (void)key;
    (void)nonce;
    (void)ad;
    (void)plain;
    (void)out;
    ASSERT(gcm_ready());
}

bool gcm_open(const struct crypto_key *key,
              const uint8_t nonce[GCM_NONCE_BYTES], struct bytes ad,
              struct bytes sealed, uint8_t *out)
{
    (void)key;
    (void)nonce;
    (void)ad;
    (void)sealed;
    (void)out;
    ASSERT(gcm_ready());
    return false;
}
