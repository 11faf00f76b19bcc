/*
 * repack_fresh: frames made anew, of the chunks that are needed in frames of
 * which much is not: for a key that can read. Confined to one thread; one of
 * its own compresses meanwhile.
 */
#ifndef REPO_REPACK_FRESH_H
#define REPO_REPACK_FRESH_H

#include "repo/pack_reader.h"

struct repack_fresh;

/* Takes a pack that is durable; owns info. */
typedef int repack_fresh_done(void *ctx, struct pack_info *info);

/* repack_fresh_new: s, k and packs are lent; level: of zstd. E_NOMEM,
 * E_INTERNAL. */
MUST_CHECK int repack_fresh_new(struct store *s, const struct keyring *k,
                                struct pack_reader *packs, enum pack_kind kind,
                                int level, repack_fresh_done *done, void *ctx,
                                struct repack_fresh **out);

/* repack_fresh_free: abandons what was not flushed. NULL is fine. */
void repack_fresh_free(struct repack_fresh *x);

/*
 * repack_fresh_add: of a frame of another pack the chunks that are wanted.
 *   chunk, want  f->chunk_n
 * Returns 0; E_CORRUPT: the frame is damaged, and nothing of it was taken;
 * E_ROLE; E_NOMEM; what the store or done() returned.
 */
MUST_CHECK int repack_fresh_add(struct repack_fresh *x,
                                const struct object_id *pack,
                                const struct pack_dir_frame *f,
                                const struct pack_dir_chunk *chunk,
                                const bool *want);

/* repack_fresh_flush: all that was added is durable, and done() was told. */
MUST_CHECK int repack_fresh_flush(struct repack_fresh *x);

#endif
