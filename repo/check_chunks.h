/*
 * check_chunks: whether a chunk that a tree points to can be had. Where its
 * pack is sound as far as is known, a lookup decides; where something is wrong
 * with all its packs, the chunk is read; where nothing of that helps, it may
 * have moved meanwhile (check_late).
 *
 * Confined to one thread.
 */
#ifndef REPO_CHECK_CHUNKS_H
#define REPO_CHECK_CHUNKS_H

#include "repo/check_late.h"

struct check_chunks;

/* check_chunks_open: v, open, and late are lent until the close. Returns 0,
 * E_NOMEM, E_INTERNAL or what the index returned. */
MUST_CHECK int check_chunks_open(const struct check_view *v,
                                 struct check_late *late,
                                 struct check_chunks **out);
void check_chunks_close(struct check_chunks *c);

/* check_chunks_source: tree nodes, proved as they are read; lent. */
struct node_source check_chunks_source(struct check_chunks *c);

/*
 * check_chunks_test: whether a chunk of content can be had.
 *   bytes  its length; 0: not said
 *   least  it must be this long at least
 * Returns 0; E_CORRUPT, with why: it cannot; E_NOMEM; what store or index
 * returned.
 */
MUST_CHECK int check_chunks_test(struct check_chunks *c,
                                 const struct chunk_id *id, uint64_t bytes,
                                 uint64_t least);

#endif
