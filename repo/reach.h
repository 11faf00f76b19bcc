/*
 * reach: which chunks an entry needs besides the pages of a directory: its
 * extents, the list nodes that hold them, its large attributes. Confined to one
 * thread.
 */
#ifndef REPO_REACH_H
#define REPO_REACH_H

#include "repo/frame.h"
#include "repo/tree_entry.h"

struct reach;

/*
 * Called for each chunk, possibly several times for the same one.
 *   kind   PACK_DATA: content; PACK_META: a list node
 *   bytes  of the chunk where the reference says so; 0: unknown
 *   stop   set it to end the walk without an error
 */
typedef int reach_each(void *ctx, enum pack_kind kind,
                       const struct chunk_id *id, uint64_t bytes, bool *stop);

/* reach_new: source for list nodes, copied; NULL when out of memory. */
struct reach *reach_new(const struct node_source *source);
void reach_free(struct reach *r);

/*
 * reach_entry: all chunks of one entry. A list node is reported before it is
 * read, so a callback that finds it missing can stop.
 * Returns 0; what each() returned; E_CORRUPT, or what the source returned.
 */
MUST_CHECK int reach_entry(struct reach *r, const struct tree_entry *te,
                           reach_each *each, void *ctx);

#endif
