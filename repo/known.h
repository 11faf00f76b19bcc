/*
 * known: the chunks of one kind that a run has stored and that the index does
 * not know yet: in frames being filled, in packs being written, in packs whose
 * segment is still to come. Its size is bounded by what lies between two
 * segments, not by the run.
 *
 * Locked: any thread.
 */
#ifndef REPO_KNOWN_H
#define REPO_KNOWN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/id.h"

struct known;

/* The pack of a chunk whose frame is still being filled. */
#define KNOWN_NO_PACK UINT64_MAX

/* known_new: an empty set; NULL when out of memory. */
struct known *known_new(void);
void known_free(struct known *k);

/* known_has: whether id is in the set. */
bool known_has(struct known *k, const struct chunk_id *id);

/*
 * known_claim: put id into the set, without a pack.
 *   mine  out: true: the caller is the first and has to store the chunk; false:
 *         somebody has it or is about to store it
 * Returns 0 or E_NOMEM (the set is as before).
 */
MUST_CHECK int known_claim(struct known *k, const struct chunk_id *id,
                           bool *mine);

/* known_place: the claimed id now lies in the pack with that number. */
void known_place(struct known *k, const struct chunk_id *id, uint64_t pack);

/* known_forget: drop the ids that lie in packs below that number: the index
 * has them. */
void known_forget(struct known *k, uint64_t below);

/* known_count: ids in the set. */
size_t known_count(struct known *k);

#endif
