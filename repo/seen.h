/*
 * seen: what a walk has met already, so that what many
 * snapshots share is walked once: a map from ids to a number. Of an id 16 bytes
 * are kept: ids are keyed hashes, none agree by chance.
 *
 * Memory: 24 bytes for each slot, of which at most three quarters are used.
 * Confined to one thread.
 */
#ifndef REPO_SEEN_H
#define REPO_SEEN_H

#include <stddef.h>

#include "base/err.h"
#include "base/id.h"

struct seen_slot {
    uint8_t id[16];
    uint64_t value; /* 0: free */
};

/* Zeroed: empty. */
struct seen {
    struct seen_slot *slot;
    size_t slot_n; /* a power of two, or 0 */
    size_t n;
};

void seen_release(struct seen *s);

/* seen_get: the value of an id, 0 when it is not there. */
uint64_t seen_get(const struct seen *s, const struct chunk_id *id);

/* seen_put: set the value (not 0) of an id. E_NOMEM: s is as before. */
MUST_CHECK int seen_put(struct seen *s, const struct chunk_id *id,
                        uint64_t value);

#endif
