/*
 * cutter: turns what a file reader yields, runs of data and holes, into pieces:
 * chunks and holes, in order. Bytes go into the caller's buffer, as many as
 * fit; what is left of a chunk that is not decided yet is kept for the next
 * fill. Confined to one caller at a time.
 */
#ifndef REPO_JOB_CUTTER_H
#define REPO_JOB_CUTTER_H

#include "base/arena.h"
#include "chunker/chunker.h"
#include "repo/extent.h"
#include "repo/short_hole.h"
#include "source/reader.h"

/* One piece of a file. */
struct cutter_piece {
    struct extent extent; /* EXTENT_CHUNK (its id not known yet) or hole */
    const uint8_t *bytes; /* of the chunk, in the caller's buffer */
};

/* A growing list of pieces; zeroed: empty. */
struct cutter_list {
    struct cutter_piece *piece;
    size_t n;
    size_t cap;
};

void cutter_list_release(struct cutter_list *l);

/* A buffer that is being filled; the caller's. */
struct cutter_buf {
    uint8_t *p;
    size_t n;   /* bytes used */
    size_t cap; /* with room for at least one longest chunk */
};

struct cutter;

/* cutter_new: c is lent until cutter_free(). NULL when out of memory. */
struct cutter *cutter_new(const struct chunker *c);
void cutter_free(struct cutter *k);

/* What runs come from: as reader_next(), which says what is asked of it. */
typedef int cutter_next_fn(void *ctx, uint8_t *buf, size_t cap,
                           struct reader_run *run);

/* cutter_start: the file that r has open, from its beginning. */
void cutter_start(struct cutter *k, struct reader *r);

/* cutter_start_at: whatever next(ctx) yields from now on. */
void cutter_start_at(struct cutter *k, cutter_next_fn *next, void *ctx);

/*
 * cutter_fill: read and cut until the buffer is full, the file ends, or the
 * source pauses.
 *   b     has room for at least one longest chunk
 *   list  pieces are appended; they point into b
 *   end   out: the file has ended; nothing is left over
 * Returns 0; E_NOMEM; else as what the runs come from (E_SOURCE).
 */
MUST_CHECK int cutter_fill(struct cutter *k, struct cutter_buf *b,
                           struct cutter_list *list, bool *end);

/*
 * cutter_holes: the short holes met since the start, as an entry keeps them.
 *   a    what out's bytes come from
 *   out  out: empty: none
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int cutter_holes(const struct cutter *k, struct arena *a,
                            struct bytes *out);

#endif
