/*
 * pack_writer: writes one pack; docs/format.md 7. Frames go to the store as
 * they arrive; directory, signature and padding follow at the commit. Each pack
 * has a fresh secret; nothing but the sealed copy in its header survives.
 *
 * Confined to one thread. Where several threads fill packs: pack_sink.h.
 */
#ifndef REPO_PACK_WRITER_H
#define REPO_PACK_WRITER_H

#include "repo/keyring.h"
#include "repo/pack_info.h"
#include "repo/pack_layout.h"

struct store;
struct pack_writer;

/*
 * pack_writer_open: start a pack with a fresh key.
 *   s, k  lent until the writer is freed
 *   what  pack_dir_what() of the chunks for which it is opened
 *   out   owns the writer
 * Returns 0, E_NOMEM, or what the store returned.
 */
MUST_CHECK int pack_writer_open(struct store *s, const struct keyring *k,
                                enum pack_kind kind, struct bytes what,
                                struct pack_writer **out);

/* pack_writer_key: what frames for this pack, opened by pack_writer_open(), are
 * sealed under; lent, constant and readable from any thread as long as w lives.
 */
const struct frame_key *pack_writer_key(const struct pack_writer *w);

/* pack_writer_key_room: how many entries a key table with n of use has. */
uint32_t pack_writer_key_room(size_t n);

/*
 * pack_writer_open_moved: start a pack for frames that other packs hold, which
 * nobody need be able to open: their keys come with them.
 *   key  n (1..PACK_KEYS_MAX) entries of other packs' key tables
 * Returns as pack_writer_open().
 */
MUST_CHECK int pack_writer_open_moved(struct store *s, const struct keyring *k,
                                      enum pack_kind kind,
                                      const struct pack_layout_key *key,
                                      size_t n, struct pack_writer **out);

/* pack_writer_fits: whether a frame of that many bytes and chunks can still be
 * added. An empty pack takes any frame. */
bool pack_writer_fits(const struct pack_writer *w, size_t stored_bytes,
                      size_t chunk_n);

/* pack_writer_bytes: how long the pack would be if committed now, before
 * padding. 0 while it holds no frame. */
size_t pack_writer_bytes(const struct pack_writer *w);

/* pack_writer_chunks: how many chunks the pack holds. */
uint32_t pack_writer_chunks(const struct pack_writer *w);

/*
 * pack_writer_add: append a frame that was sealed under pack_writer_key(w).
 *   chunk   chunk_n (1..FRAME_CHUNKS_MAX) chunks, in the frame's order
 *   off     out: where the frame lies in the pack; may be NULL
 * Returns 0; E_LIMIT: it does not fit (w unchanged); otherwise w is dead and
 * only pack_writer_free() is legal: E_NOMEM, or what the store returned.
 */
MUST_CHECK int pack_writer_add(struct pack_writer *w, const struct frame *f,
                               const struct pack_dir_chunk *chunk,
                               size_t chunk_n, uint32_t *off);

/* pack_writer_add_moved: the same of a frame of another pack, sealed under the
 * key of entry `key` of this one's table. */
MUST_CHECK int pack_writer_add_moved(struct pack_writer *w,
                                     const struct frame *f, uint32_t key,
                                     const struct pack_dir_chunk *chunk,
                                     size_t chunk_n, uint32_t *off);

/*
 * pack_writer_commit: write directory and trailer and make the pack durable
 * under its name. w must hold a frame, and is dead afterwards: free it.
 *   full  pad to PACK_FULL_BYTES: for packs that were closed because the next
 *         frame did not fit
 *   out   what a segment says about the pack; the caller's to release
 * Returns 0, E_NOMEM, or what the store returned (nothing then exists under
 * the pack's name that is known to be durable).
 */
MUST_CHECK int pack_writer_commit(struct pack_writer *w, bool full,
                                  struct pack_info *out);

/* pack_writer_free: abandons what was not committed; wipes the key. */
void pack_writer_free(struct pack_writer *w);

#endif
