/*
 * segment: one immutable file of the index: what packs hold;
 * docs/format.md 8. The content stands in an envelope of kind I.
 */
#ifndef REPO_SEGMENT_H
#define REPO_SEGMENT_H

#include "repo/pack_writer.h"

enum {
    SEGMENT_LEVEL_MAX = 30,
    SEGMENT_CONTENT_MAX = 64 * 1048576 - 4096 /* fits the envelope's bound */
};

/* One pack of a segment. */
struct segment_pack {
    struct object_id id;
    enum pack_kind kind;
    uint32_t bytes;
    struct member_id writer;
    struct bytes dir; /* directory content, lent */
};

/*
 * segment_put: append a segment's content to b.
 *   replaces  ids of the segments whose content this one takes over
 *   pack      pack_n packs, ascending by id, none twice
 */
void segment_put(unsigned level, const struct object_id *replaces,
                 size_t replace_n, const struct segment_pack *pack,
                 size_t pack_n, struct buf *b);

/* segment_pack_bytes: upper bound of what one pack adds to a segment. */
size_t segment_pack_bytes(size_t dir_bytes);

/* A checked segment. */
struct segment {
    unsigned level;
    struct bytes replaces; /* replace_n ids, lent */
    size_t replace_n;
    size_t pack_n;
    struct bytes packs; /* encoded, lent */
};

/* segment_get: check the whole content, every directory included. content is
 * lent for as long as out is used. Returns 0 or E_CORRUPT. */
MUST_CHECK int segment_get(struct bytes content, struct segment *out);

/* segment_replaced: the i-th id that it replaces. */
struct object_id segment_replaced(const struct segment *s, size_t i);

/* segment_read / segment_next: walk the packs of a checked segment; false at
 * the end. */
struct segment_reader {
    struct codec c;
    size_t left;
};
void segment_read(struct segment_reader *r, const struct segment *s);
bool segment_next(struct segment_reader *r, struct segment_pack *p);

#endif
