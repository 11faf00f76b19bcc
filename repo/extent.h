/* extent: one run of a file's content; docs/format.md 9.1. Plain data. */
#ifndef REPO_EXTENT_H
#define REPO_EXTENT_H

#include "base/codec.h"
#include "base/id.h"

/* The numbers are part of the format. */
enum extent_kind {
    EXTENT_CHUNK = 0, /* a whole chunk */
    EXTENT_HOLE = 1,  /* zeros, restored as a hole */
    EXTENT_SLICE = 2  /* a part of a chunk */
};

struct extent {
    enum extent_kind kind;
    uint64_t length;    /* bytes of the file, >= 1 */
    uint64_t offset;    /* EXTENT_SLICE: first byte inside the chunk */
    struct chunk_id id; /* zeros for EXTENT_HOLE */
};

enum { EXTENT_BYTES_MAX = 10 + 10 + ID_BYTES };

/* The kind takes two bits of the length's integer. */
#define EXTENT_LENGTH_MAX (UINT64_MAX >> 2)

/* extent_put: append e's encoding to b (sticky failure there); its length is
 * 1..EXTENT_LENGTH_MAX. */
void extent_put(struct buf *b, const struct extent *e);

/*
 * extent_get: decode one extent.
 *   chunk_max  longest chunk there can be: bounds chunks and slices
 * A value out of range fails the cursor; e is then unspecified.
 */
void extent_get(struct codec *c, struct extent *e, uint64_t chunk_max);

#endif
