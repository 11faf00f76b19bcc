/*
 * packed: whether a stream looks compressed or encrypted already, which leaves
 * deduplication nothing to find: one changed byte of a dump changes all that
 * follows in its compressed form. Pure; any thread.
 */
#ifndef CLI_PACKED_H
#define CLI_PACKED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    PACKED_SAMPLE = 1 << 20,    /* bytes that are looked at, at most */
    PACKED_SAMPLE_MIN = 1 << 16 /* fewer say nothing without a known head */
};

/* What has been seen; zeroed: nothing. */
struct packed {
    uint64_t count[256];
    uint64_t n;
    uint8_t head[8];
};

/* packed_add: the next bytes; those beyond PACKED_SAMPLE do not count. */
void packed_add(struct packed *p, struct bytes data);

/* packed_name: "gzip", "zstd" and so on; "compressed or encrypted" where the
 * bytes are as even as chance makes them; NULL: neither. */
const char *packed_name(const struct packed *p);

#endif
