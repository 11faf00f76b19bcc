/*
 * config: the constants of a repository, in the clear; docs/format.md 4. The
 * key bundle holds the file's hash, so that an exchanged one fits no slot.
 */
#ifndef REPO_CONFIG_H
#define REPO_CONFIG_H

#include "base/buf.h"
#include "base/entry.h"
#include "repo/crypto.h"

enum {
    CONFIG_BYTES_MAX = 4096,
    CONFIG_CHUNK_MIN = 16384, /* of the normal chunk size */
    CONFIG_CHUNK_MAX = 262144,
    CONFIG_CHUNK_DEFAULT = 65536
};

struct config {
    struct repo_id repo;
    struct entry_time created;
    uint32_t chunk_bytes; /* normal chunk size: a power of two */
    struct crypto_public data_public;
    struct crypto_public meta_public;
    struct member_id founder; /* the first full key */
    int level;                /* default level, as compress_pack() takes it */
};

/* config_put: append the file to b. */
void config_put(const struct config *c, struct buf *b);

/*
 * config_get: decode the file.
 *   hash  out: H(file); may be NULL
 * Returns 0; E_CORRUPT; E_UNSUPPORTED (newer version, suite or field).
 */
MUST_CHECK int config_get(struct bytes file, struct config *c,
                          struct object_id *hash);

#endif
