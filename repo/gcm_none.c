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

bool gcm_seal(const struct crypto_key *key, struct bytes ad, struct bytes plain,
              uint8_t *out)
{
    (void)key;
    (void)ad;
    (void)plain;
    (void)out;
    return false;
}

bool gcm_open(const struct crypto_key *key, struct bytes ad,
              struct bytes sealed, uint8_t *out)
{
    (void)key;
    (void)ad;
    (void)sealed;
    (void)out;
    return false;
}
