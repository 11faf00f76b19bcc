/*
 * gcm: AES-256-GCM by libipsec-mb, which has it for vectors of AES instructions
 * (AVX-512, VAES, VPCLMULQDQ): 2.5 times as fast as libcrypto 3.0, the same
 * bytes. docs/adr/0022. A build without that library has the same functions,
 * and gcm_ready() says no. The nonce is crypto_nonce.
 *
 * Any thread. Keys that are expanded on the way are wiped.
 */
#ifndef REPO_GCM_H
#define REPO_GCM_H

#include <stdbool.h>

#include "base/bytes.h"
#include "repo/crypto.h"

/* gcm_ready: whether the two functions below may be called: the library is
 * there, has passed its own self test, and the processor has the instructions.
 * The first call in a process takes a millisecond, the others nothing. */
bool gcm_ready(void);

/* gcm_version: what the library says of itself, or "none"; static storage. */
const char *gcm_version(void);

/*
 * gcm_seal: text and tag of plain. Returns false when the library refuses.
 *   out  plain.n + CRYPTO_TAG_BYTES bytes; may be plain.p, else no overlap
 */
bool gcm_seal(const struct crypto_key *key, struct bytes ad, struct bytes plain,
              uint8_t *out);

/*
 * gcm_open: the reverse. Returns whether the tag is right, compared in constant
 * time; out may be written in any case.
 *   sealed  at least CRYPTO_TAG_BYTES
 *   out     sealed.n - CRYPTO_TAG_BYTES bytes; may be sealed.p, else no overlap
 */
bool gcm_open(const struct crypto_key *key, struct bytes ad,
              struct bytes sealed, uint8_t *out);

#endif
