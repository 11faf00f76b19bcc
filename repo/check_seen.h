/*
 * check_seen: what a check has found sound already, so that what many
 * snapshots share is walked once: a map from ids to a number. Of an id 16 bytes
 * are kept: ids are keyed hashes, none agree by chance.
 *
 * Memory: 24 bytes for each slot, of which at most three quarters are used.
 * Confined to one thread.
 */
#ifndef REPO_CHECK_SEEN_H
#define REPO_CHECK_SEEN_H

#include <stddef.h>

#include "base/err.h"
#include "base/id.h"

struct check_seen_slot {
    uint8_t id[16];
    uint64_t value; /* 0: free */
};

/* Zeroed: empty. */
struct check_seen {
    struct check_seen_slot *slot;
    size_t slot_n; /* a power of two, or 0 */
    size_t n;
};

void check_seen_release(struct check_seen *s);

/* check_seen_get: the value of an id, 0 when it is not there. */
uint64_t check_seen_get(const struct check_seen *s, const struct chunk_id *id);

/* check_seen_put: set the value (not 0) of an id. E_NOMEM: s is as before. */
MUST_CHECK int check_seen_put(struct check_seen *s, const struct chunk_id *id,
                              uint64_t value);

#endif
