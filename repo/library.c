#include "repo/library.h"

#include <openssl/crypto.h>
#include <sodium.h>
#include <zstd.h>

#include "repo/gcm.h"

const char *library_sodium(void)
{
    return sodium_version_string();
}

const char *library_openssl(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

const char *library_ipsec_mb(void)
{
    return gcm_version();
}

const char *library_zstd(void)
{
    return ZSTD_versionString();
}
