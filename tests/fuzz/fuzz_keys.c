#include "tests/fuzz/fuzz_keys.h"

#include "base/blake3.h"
#include "repo/crypto_fixed.h"

static struct keyring *fuzz_keys_ring;

const struct keyring *fuzz_keys(void)
{
    if (fuzz_keys_ring)
        return fuzz_keys_ring;
    crypto_fixed_start();
    ASSERT(crypto_init() == 0);
    fuzz_keys_ring = keyring_new();
    ASSERT(fuzz_keys_ring);
    keyring_create(fuzz_keys_ring);
    return fuzz_keys_ring;
}

void fuzz_keys_sign(uint8_t *p, size_t n, const char *label, struct bytes place)
{
    struct object_id hash;
    struct blake3 h;

    blake3_init(&h);
    blake3_update(&h, bytes_of(p, n));
    blake3_update(&h, place);
    blake3_final(&h, hash.b);
    ASSERT(crypto_signature_make(&fuzz_keys()->signer, label, &hash, p + n) ==
           0);
}
