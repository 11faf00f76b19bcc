/*
 * pack_verify: reads a whole pack and proves it: id, directory, signature, the
 * hash of each frame; and with the secret key of its kind that each frame opens
 * and each chunk has its id. Confined to one thread.
 */
#ifndef REPO_PACK_VERIFY_H
#define REPO_PACK_VERIFY_H

#include "repo/pack_reader.h"

#define PACK_VERIFY_NO_FRAME UINT32_MAX

/* One thing that is wrong. */
struct pack_damage {
    uint32_t frame;     /* number of the frame; NO_FRAME: the pack itself */
    bool chunk_known;   /* false: every chunk of the frame, or of the pack */
    struct chunk_id id; /* the chunk, when it is known */
    char text[256];     /* what is wrong */
};

/* Called for each thing that is wrong; a raised E_* ends the verification. */
typedef int pack_verify_fn(void *ctx, const struct pack_damage *d);

/*
 * pack_verify: verify one pack.
 *   file    scratch, its max at least PACK_FULL_BYTES: reuse it for many packs
 *   info    out: as of pack_reader_dir() when the directory could be read,
 *           else zeroed; the caller's to release; may be NULL
 *   damage  may be NULL
 * Returns 0: nothing is wrong; E_CORRUPT: something is, and all of it was
 * reported; E_NOMEM; what the store or damage() returned.
 */
MUST_CHECK int pack_verify(struct store *s, const struct keyring *k,
                           struct frame_ctx *x, const struct object_id *pack,
                           struct buf *file, struct pack_info *info,
                           pack_verify_fn *damage, void *ctx);

#endif
