/* fuzz_keys: one keyring, the same in every run, for decoders of what is
 * sealed. */
#ifndef TESTS_FUZZ_FUZZ_KEYS_H
#define TESTS_FUZZ_FUZZ_KEYS_H

#include "repo/keyring.h"

/* fuzz_keys: role full; made at the first call, never freed. */
const struct keyring *fuzz_keys(void);

/* fuzz_keys_sign: sign the first n bytes at p, and place, as label; right
 * behind them. */
void fuzz_keys_sign(uint8_t *p, size_t n, const char *label,
                    struct bytes place);

#endif
