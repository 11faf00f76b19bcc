/*
 * idmap: a map from 32-byte ids to a number, for sets of objects small enough
 * for memory (packs that are condemned, snapshots that are forgotten).
 * Confined to one thread while it changes.
 */
#ifndef REPO_IDMAP_H
#define REPO_IDMAP_H

#include <stdbool.h>

#include "base/err.h"
#include "base/id.h"

struct idmap_slot {
    uint8_t id[ID_BYTES];
    bool used;
    uint64_t value;
};

/* Zeroed: an empty map. */
struct idmap {
    struct idmap_slot *slot;
    size_t slot_n; /* a power of two, or 0 */
    size_t n;      /* ids in it */
};

/* idmap_release: frees all; the map is empty and usable. */
void idmap_release(struct idmap *m);

/* idmap_put: set the value of an id. E_NOMEM: the map is as before. */
MUST_CHECK int idmap_put(struct idmap *m, const void *id, uint64_t value);

/*
 * idmap_claim: set the value of an id that is not there yet.
 *   added  out: false: it is there, with its own value
 * E_NOMEM: the map is as before.
 */
MUST_CHECK int idmap_claim(struct idmap *m, const void *id, uint64_t value,
                           bool *added);

/* idmap_get: whether id is there; value (may be NULL) is set when it is. */
bool idmap_get(const struct idmap *m, const void *id, uint64_t *value);

/* idmap_at: the value of id, to be changed in place until the map changes; NULL
 * when it is not there. */
uint64_t *idmap_at(const struct idmap *m, const void *id);

/* idmap_drop: take id out; absent is fine. */
void idmap_drop(struct idmap *m, const void *id);

/* idmap_drop_below: take out all ids whose value is less than that. */
void idmap_drop_below(struct idmap *m, uint64_t value);

/*
 * idmap_next: walk the ids in no order: the first slot in use from *at on, or
 * NULL after the last; *at (0 at first) moves behind it.
 */
const struct idmap_slot *idmap_next(const struct idmap *m, size_t *at);

#endif
