/*
 * pack_reader: reads packs by ranges: the directory (K_index is enough), and
 * single frames (needs the kind's secret key). pack_verify.h proves whole ones.
 *
 * A reader serves many packs and remembers the keys of those used last, since
 * unlocking one costs 40 us. Locked: any thread; each brings its own frame_ctx.
 */
#ifndef REPO_PACK_READER_H
#define REPO_PACK_READER_H

#include "repo/pack_writer.h"

struct pack_reader;

/* pack_reader_new: s and k are lent until pack_reader_free(). E_NOMEM. */
MUST_CHECK int pack_reader_new(struct store *s, const struct keyring *k,
                               struct pack_reader **out);
void pack_reader_free(struct pack_reader *r);

/*
 * pack_reader_key: the key of one entry of a pack's header.
 *   entry  key entry, as the frame's directory record says
 *   out    secret: wipe it
 * Reads the header when the key is not remembered. Returns 0; E_ROLE;
 * E_CORRUPT; E_NOMEM; what the store returned. A pack that is not there is
 * E_CORRUPT, and so is one that calls itself newer.
 */
MUST_CHECK int pack_reader_key(struct pack_reader *r,
                               const struct object_id *pack, uint32_t entry,
                               struct frame_key *out);

/* pack_reader_entry: a key entry as it stands in a pack's header: whoever can
 * open it or not can take it elsewhere. Errors as pack_reader_key(), without
 * E_ROLE. */
MUST_CHECK int pack_reader_entry(struct pack_reader *r,
                                 const struct object_id *pack, uint32_t entry,
                                 struct pack_layout_key *out);

/*
 * pack_reader_sealed: the stored bytes of one frame, held against the hash that
 * the directory has.
 *   to  stored_bytes bytes
 * Errors as pack_reader_entry().
 */
MUST_CHECK int pack_reader_sealed(struct pack_reader *r,
                                  const struct object_id *pack,
                                  const struct pack_dir_frame *f, uint8_t *to);

/*
 * pack_reader_frame: read and open one frame.
 *   off, stored_bytes, raw_bytes  as the index says; checked here
 *   entry  key entry
 *   out    raw_bytes bytes
 * Errors as pack_reader_key.
 */
MUST_CHECK int pack_reader_frame(struct pack_reader *r, struct frame_ctx *x,
                                 const struct object_id *pack, uint32_t entry,
                                 uint32_t off, uint32_t stored_bytes,
                                 uint32_t raw_bytes, uint8_t *out);

/* pack_reader_kept: pack_reader_frame() with the key of that one frame, which
 * the reader's own keyring need not be able to open. Without E_ROLE. */
MUST_CHECK int pack_reader_kept(struct pack_reader *r, struct frame_ctx *x,
                                const struct object_id *pack,
                                enum pack_kind kind,
                                const struct frame_kept *kept, uint32_t off,
                                uint32_t stored_bytes, uint32_t raw_bytes,
                                uint8_t *out);

/*
 * pack_reader_dir: read header, trailer and directory: who wrote the pack, and
 * what it holds. The writer's signature is checked; whether the writer may
 * write is the caller's question.
 *   info  out: as after the commit; the caller's to release. The id is the
 *         name asked for: it is not recomputed here
 * Errors as pack_reader_key, without E_ROLE.
 */
MUST_CHECK int pack_reader_dir(struct pack_reader *r,
                               const struct object_id *pack,
                               struct pack_info *info);

#endif
