/* Envelopes of the four kinds: as they are, and signed by somebody who holds
 * a key; and each input as content that has to come back. */
#include <stdint.h>
#include <stdlib.h>

#include "repo/envelope.h"
#include "tests/fuzz/fuzz_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { SIGNER_AT = 9 + 1 + 2 + 16 };

static const enum envelope_kind kinds[] = {ENVELOPE_SEGMENT, ENVELOPE_SNAPSHOT,
                                           ENVELOPE_LOG, ENVELOPE_JOURNAL};

static void open_file(enum envelope_kind kind, struct bytes file)
{
    struct envelope e;
    struct buf plain;

    buf_init(&plain, envelope_max_bytes(kind));
    if (envelope_open(fuzz_keys(), kind, bytes_of_str("log/x"), file, &plain,
                      &e) == 0)
        ASSERT(e.content.n <= plain.n);
    buf_release(&plain);
}

static void round_trip(enum envelope_kind kind, struct bytes content)
{
    struct bytes name = bytes_of_str("log/x");
    struct envelope e;
    struct buf file;
    struct buf plain;

    buf_init(&file, envelope_max_bytes(kind));
    buf_init(&plain, envelope_max_bytes(kind));
    ASSERT(envelope_seal(fuzz_keys(), kind, name, content, &file) == 0);
    ASSERT(envelope_open(fuzz_keys(), kind, name, buf_bytes(&file), &plain,
                         &e) == 0);
    ASSERT(bytes_equal(e.content, content));
    buf_release(&file);
    buf_release(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct keyring *k = fuzz_keys();
    uint8_t *p;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        open_file(kinds[i], bytes_of(data, n));
    if (n < SIGNER_AT + sizeof k->member.b + CRYPTO_SIGNATURE_BYTES)
        return 0;
    round_trip(kinds[data[0] % 4], bytes_of(data, n));
    p = malloc(n);
    ASSERT(p);
    memcpy(p, data, n);
    memcpy(p + SIGNER_AT, k->member.b, sizeof k->member.b);
    fuzz_keys_sign(p, n - CRYPTO_SIGNATURE_BYTES, "dedup 1 envelope",
                   bytes_of_str("log/x"));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        open_file(kinds[i], bytes_of(p, n));
    free(p);
    return 0;
}
