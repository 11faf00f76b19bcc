/*
 * content: what a file is made of: a short run of extents that stands in the
 * entry, or the root of a list tree (docs/format.md 9.1, 9.3).
 */
#ifndef REPO_CONTENT_H
#define REPO_CONTENT_H

#include "repo/extent.h"
#include "repo/node.h"

enum { CONTENT_INLINE_MAX = 16 }; /* extents that may stand in an entry */

/* Borrows; who fills it says for how long. The size stands in the entry. */
struct content {
    bool is_list;
    struct chunk_id root; /* is_list */
    struct bytes extents; /* otherwise: extent_n of them, encoded */
    size_t extent_n;
};

/* content_put / content_get: as it stands in an entry. The cursor fails when
 * inline extents do not add up to size. What is got borrows from the input. */
void content_put(struct buf *b, const struct content *ct);
void content_get(struct codec *c, struct content *ct, uint64_t size);

struct content_writer;

/* content_writer_new: see node_writer_new. Confined to one thread. */
struct content_writer *content_writer_new(const struct node_key *key,
                                          const struct node_sink *sink);
void content_writer_free(struct content_writer *w);

/* content_writer_reset: start with an empty file. */
void content_writer_reset(struct content_writer *w);

/* content_writer_add: append an extent. Errors as node_writer_add. */
MUST_CHECK int content_writer_add(struct content_writer *w,
                                  const struct extent *e);

/*
 * content_writer_finish: the file is complete.
 *   ct  out: lent until the next reset
 * Errors as node_writer_finish.
 */
MUST_CHECK int content_writer_finish(struct content_writer *w,
                                     struct content *ct);

struct content_reader;

/* content_reader_new: see node_reader_new. Confined to one thread. */
struct content_reader *content_reader_new(const struct node_source *source);
void content_reader_free(struct content_reader *r);

/*
 * content_reader_open: start at the extent that holds the byte at offset.
 *   ct    its bytes must stay until the reader is opened again
 *   size  of the file, bytes
 * Returns 0, E_CORRUPT, E_NOMEM or what the source returned.
 */
MUST_CHECK int content_reader_open(struct content_reader *r,
                                   const struct content *ct, uint64_t size,
                                   uint64_t offset);

/*
 * content_reader_next: the next extent.
 *   e     out
 *   at    out: offset of its first byte in the file
 *   more  out: false at the end of the file; e is then unspecified
 * E_CORRUPT also when the extents do not add up to the file's size.
 */
MUST_CHECK int content_reader_next(struct content_reader *r, struct extent *e,
                                   uint64_t *at, bool *more);

#endif
