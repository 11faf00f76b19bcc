/* Key slots (with a key file: no time is spent on Argon2id), and the bundle
 * in them. */
#include <stdint.h>
#include <stdlib.h>

#include "repo/key_slot.h"
#include "tests/fuzz/fuzz_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct keyring *k;
    struct key_slot_secret secret = {KEY_SLOT_FILE, {NULL, 0}};
    struct key_slot_info info;
    bool opened = false;
    int rc;

    (void)fuzz_keys();
    if (!k)
        k = keyring_new();
    ASSERT(k);
    secret.bytes = bytes_of_str("0123456789abcdef0123456789abcdef");
    if (key_slot_info_get(bytes_of(data, n), &info) == 0)
        ASSERT(strlen(info.label) <= KEY_SLOT_LABEL_MAX);
    rc = key_slot_open(bytes_of(data, n), &secret, k, &opened);
    ASSERT(rc == 0 || !opened);
    rc = keyring_load(k, bytes_of(data, n));
    ASSERT(rc == 0 || rc == E_CORRUPT || rc == E_UNSUPPORTED);
    return 0;
}
