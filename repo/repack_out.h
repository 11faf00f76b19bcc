/*
 * repack_out: one pack made of frames that other packs hold. Which frames is
 * gathered first, since the pack begins with their keys; then it is written.
 * Confined to one thread.
 */
#ifndef REPO_REPACK_OUT_H
#define REPO_REPACK_OUT_H

#include "repo/pack_reader.h"

struct repack_out;

/* repack_out_new: s, k and packs are lent; NULL when out of memory. */
struct repack_out *repack_out_new(struct store *s, const struct keyring *k,
                                  struct pack_reader *packs,
                                  enum pack_kind kind);
void repack_out_free(struct repack_out *o);

/* repack_out_is_empty: nothing is gathered. */
bool repack_out_is_empty(const struct repack_out *o);

/*
 * repack_out_add: one frame more, if there is room.
 *   pack   that holds it
 *   chunk  f->chunk_n of them; copied
 *   fits   out: false: write first, then add again. An empty one takes any
 * Returns 0; E_NOMEM; E_CORRUPT: its key cannot be read; what the store
 * returned.
 */
MUST_CHECK int repack_out_add(struct repack_out *o,
                              const struct object_id *pack,
                              const struct pack_dir_frame *f,
                              const struct pack_dir_chunk *chunk, bool *fits);

/*
 * repack_out_write: write what is gathered, durably; nothing is then.
 *   full  more frames follow than had room
 *   info  out: the pack; the caller's to release
 * Returns 0; E_CORRUPT: a frame is not what it was: nothing was written;
 * E_NOMEM; what the store returned.
 */
MUST_CHECK int repack_out_write(struct repack_out *o, bool full,
                                struct pack_info *info);

#endif
