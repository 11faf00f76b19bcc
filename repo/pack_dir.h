/*
 * pack_dir: a pack's directory: which frames it holds, and which chunks they
 * hold; docs/format.md 7. The same bytes stand in the pack, sealed, and in the
 * segments of the index.
 *
 * A directory from outside is first checked whole with pack_dir_check(); the
 * iterators then cannot fail. Confined to one thread.
 */
#ifndef REPO_PACK_DIR_H
#define REPO_PACK_DIR_H

#include "base/codec.h"
#include "repo/frame.h"

enum {
    PACK_KEYS_MAX = 1024,           /* key entries of one pack */
    PACK_CHUNK_MAX = FRAME_RAW_MAX, /* bytes of one chunk */
    PACK_DIR_MAX = 33816576,        /* bytes: no longer than a pack */
    PACK_DIR_FRAME_MIN = 4 + ID_BYTES + 1 + ID_BYTES + 1, /* with a chunk */
    PACK_DIR_FRAME_MAX = 5 + 5 + 5 + 5 + ID_BYTES + 5,
    PACK_DIR_CHUNK_MAX = ID_BYTES + 5
};

struct pack_dir_chunk {
    struct chunk_id id;
    uint32_t bytes; /* of its plaintext, 1..PACK_CHUNK_MAX */
};

/* pack_dir_what: n chunks as bytes that stand for their content, for
 * frame_seal() and pack_writer_open(); lent, and of this machine alone. */
static inline struct bytes pack_dir_what(const struct pack_dir_chunk *chunk,
                                         size_t n)
{
    _Static_assert(sizeof *chunk == ID_BYTES + 4, "no padding");
    return bytes_of(chunk, n * sizeof *chunk);
}

/* One frame of a directory. */
struct pack_dir_frame {
    uint32_t key; /* key entry of the pack that it is sealed under */
    uint32_t off; /* from the pack's first byte */
    uint32_t
        stored_bytes;   /* FRAME_OVERHEAD + 1 .. raw_bytes + FRAME_OVERHEAD */
    uint32_t raw_bytes; /* 1..FRAME_RAW_MAX; the sum of its chunks */
    struct object_id hash; /* of the stored bytes */
    uint32_t chunk_n;      /* 1..FRAME_CHUNKS_MAX */
};

/* What a frame may lie between. */
struct pack_dir_bounds {
    uint32_t first; /* first byte after the header */
    uint32_t end;   /* first byte of the directory, or of the trailer */
    uint32_t key_n; /* key entries of the pack */
};

/* --- building --- */

struct pack_dir {
    struct buf frames; /* encoded, without the count in front */
    uint32_t frame_n;
    uint32_t chunk_n;
};

void pack_dir_init(struct pack_dir *d);
void pack_dir_release(struct pack_dir *d);

/*
 * pack_dir_add: append a frame and its chunks.
 *   chunk  f->chunk_n chunks in the order of their bytes in the frame
 * Returns 0, E_LIMIT or E_NOMEM (d unchanged).
 */
MUST_CHECK int pack_dir_add(struct pack_dir *d, const struct pack_dir_frame *f,
                            const struct pack_dir_chunk *chunk);

/* pack_dir_put: append the directory's content to b. */
void pack_dir_put(const struct pack_dir *d, struct buf *b);

/* pack_dir_bytes: how long that is. */
size_t pack_dir_bytes(const struct pack_dir *d);

/* --- reading --- */

/*
 * pack_dir_check: whether content is a directory: every field in range, frames
 * ascending without overlap within the bounds, chunks that add up.
 *   frame_n, chunk_n  out: how many; may be NULL
 * Returns 0 or E_CORRUPT.
 */
MUST_CHECK int pack_dir_check(struct bytes content,
                              const struct pack_dir_bounds *bounds,
                              uint32_t *frame_n, uint32_t *chunk_n);

/* Walks a checked directory: for each frame, then for each of its chunks. */
struct pack_dir_reader {
    struct codec c;
    uint32_t frames_left;
    uint32_t chunks_left; /* of the current frame */
};

/* pack_dir_read: start at the first frame of checked content, borrowed. */
void pack_dir_read(struct pack_dir_reader *r, struct bytes content);

/* pack_dir_count: how many chunks checked content has; goes through it. */
uint32_t pack_dir_count(struct bytes content);

/* pack_dir_next_frame: the next frame (chunks not read are skipped); false at
 * the end. */
bool pack_dir_next_frame(struct pack_dir_reader *r, struct pack_dir_frame *f);

/* pack_dir_next_chunk: the frame's next chunk; false after its last. */
bool pack_dir_next_chunk(struct pack_dir_reader *r, struct pack_dir_chunk *c);

#endif
