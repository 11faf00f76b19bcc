/*
 * In front of crypto_signature_ok() (the linker's --wrap): a signature that was
 * proved in this process is not proved again. A history opens its repository
 * two dozen times, and each reads all records.
 */
#include <string.h>

#include "base/blake3.h"
#include "repo/crypto.h"

enum { SIM_PROOF_SLOTS = 1 << 14 };

/* Only one thread of a simulation runs at a time. */
static uint8_t sim_proof_known[SIM_PROOF_SLOTS][BLAKE3_BYTES];

bool __real_crypto_signature_ok(
    const struct member_id *member, const char *label,
    const struct object_id *hash,
    const uint8_t signature[CRYPTO_SIGNATURE_BYTES]);

bool __wrap_crypto_signature_ok(
    const struct member_id *member, const char *label,
    const struct object_id *hash,
    const uint8_t signature[CRYPTO_SIGNATURE_BYTES]);

bool __wrap_crypto_signature_ok(const struct member_id *member,
                                const char *label, const struct object_id *hash,
                                const uint8_t signature[CRYPTO_SIGNATURE_BYTES])
{
    uint8_t all[sizeof *member + sizeof *hash + CRYPTO_SIGNATURE_BYTES + 64] = {
        0};
    uint8_t sum[BLAKE3_BYTES];
    size_t at;

    memcpy(all, member, sizeof *member);
    memcpy(all + sizeof *member, hash, sizeof *hash);
    memcpy(all + sizeof *member + sizeof *hash, signature,
           CRYPTO_SIGNATURE_BYTES);
    (void)strncpy((char *)all + sizeof all - 64, label, 63);
    blake3_hash(bytes_of(all, sizeof all), sum);
    at = ((size_t)sum[0] << 8 | sum[1]) % SIM_PROOF_SLOTS;
    if (memcmp(sim_proof_known[at], sum, sizeof sum) == 0)
        return true;
    if (!__real_crypto_signature_ok(member, label, hash, signature))
        return false;
    memcpy(sim_proof_known[at], sum, sizeof sum);
    return true;
}
