/*
 * kept_places: which of the places of a tree node can be opened by a host that
 * holds the keys of single frames only (repo/kept_frames.h). A place does not
 * name the frame's salt: it is read from the pack, once for each frame.
 *
 * Locked: any thread. Its numbers of packs are those of one index, which must
 * not be replaced while it is used.
 */
#ifndef REPO_KEPT_PLACES_H
#define REPO_KEPT_PLACES_H

#include "index/index.h"
#include "repo/kept_frames.h"

struct store;
struct kept_places;

/* kept_places_new: s and frames are lent; NULL when out of memory. */
struct kept_places *kept_places_new(struct store *s,
                                    struct kept_frames *frames);
void kept_places_free(struct kept_places *p);

/*
 * kept_places_frame: the number of the frame of that place in the frames.
 *   pack  the pack that loc names
 *   no    out: NONE: its key is not held, or its pack has gone
 * Returns 0; E_NOMEM; what the store returned.
 */
MUST_CHECK int kept_places_frame(struct kept_places *p,
                                 const struct object_id *pack,
                                 const struct index_loc *loc, uint32_t *no);

/*
 * kept_places_choose: a place of id that dedup may rely on (INDEX_DEDUP) and
 * whose frame can be opened.
 *   loc  in: what index_reader_find() gave; out: the place
 *   no   out: its frame; NONE: there is no such place
 * Returns as kept_places_frame(); what the index returned.
 */
MUST_CHECK int kept_places_choose(struct kept_places *p, struct index_reader *r,
                                  const struct chunk_id *id,
                                  struct index_loc *loc, uint32_t *no);

#endif
