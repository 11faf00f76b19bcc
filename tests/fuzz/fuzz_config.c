/* The config file: as it is, and with a checksum that fits. */
#include <stdint.h>
#include <stdlib.h>

#include "base/blake3.h"
#include "repo/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is accepted says the same when it is written anew. */
static void check(struct bytes file)
{
    struct config c;
    struct config d;
    struct buf b;

    if (config_get(file, &c, NULL) < 0)
        return;
    buf_init(&b, CONFIG_BYTES_MAX);
    config_put(&c, &b);
    ASSERT(buf_status(&b) == 0);
    ASSERT(config_get(buf_bytes(&b), &d, NULL) == 0);
    ASSERT(memcmp(&c, &d, sizeof c) == 0);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t *p;

    check(bytes_of(data, n));
    if (n < BLAKE3_BYTES)
        return 0;
    p = malloc(n);
    ASSERT(p);
    memcpy(p, data, n);
    blake3_hash(bytes_of(p, n - BLAKE3_BYTES), p + n - BLAKE3_BYTES);
    check(bytes_of(p, n));
    free(p);
    return 0;
}
