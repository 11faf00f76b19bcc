/*
 * segment_merge: keeps the number of segments small, like a log-structured
 * merge tree: eight of one level become one of the next, so that a repository
 * of n runs is read from some 8 log8 n segments. One that is as long as the
 * other seven together waits for others of its size: of a level there are then
 * at most 8, and one more for each doubling from the shortest to the longest.
 * Nothing is deleted here: the new one says which it replaces.
 *
 * Only segments of writers that have ended or were fenced are merged: who
 * published a pack, and whether he may still rely on it, must be told from the
 * journal that names its segment.
 */
#ifndef REPO_SEGMENT_MERGE_H
#define REPO_SEGMENT_MERGE_H

#include "repo/segment_file.h"
#include "repo/segment_list.h"
#include "repo/state.h"

enum {
    SEGMENT_MERGE_FAN = 8,
    /* of content in one merge: bounds its memory to four times as much; what
     * would be longer stays as it is */
    SEGMENT_MERGE_BYTES = 16 << 20
};

/*
 * segment_merge_pick: which to merge: the smallest of the lowest level that
 * has eight of about a size.
 *   l      candidates
 *   out    the SEGMENT_MERGE_FAN that were picked
 *   level  out: theirs
 * false: nothing needs to be merged.
 */
bool segment_merge_pick(const struct segment_list *l,
                        struct segment_list_item out[SEGMENT_MERGE_FAN],
                        unsigned *level);

/*
 * segment_merge_write: write the segment that replaces some.
 * What one of them is not believed in is left out (repo/trust.h).
 *   ix     asked where two of them disagree; caught up with all of them
 *   item   the n (>= 1) to merge, all of that level
 *   state  doomed packs are left out: dooms override every segment
 *   out    the new one; its writer is not set. Durable, named by no record yet
 * Returns 0; E_CORRUPT: one of them cannot be read (merge others); E_NOMEM;
 * E_LIMIT; what the store returned.
 */
MUST_CHECK int segment_merge_write(struct store *s, const struct keyring *k,
                                   struct index *ix, const struct state *state,
                                   unsigned level,
                                   const struct segment_list_item *item,
                                   size_t n, struct segment_list_item *out);

#endif
