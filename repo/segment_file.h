/* segment_file: segments as objects of the store: "index/<id>". */
#ifndef REPO_SEGMENT_FILE_H
#define REPO_SEGMENT_FILE_H

#include "repo/segment.h"

enum { SEGMENT_FILE_NAME_MAX = 6 + ID_HEX_CHARS + 1 };

/* segment_file_name: "index/<id>". */
void segment_file_name(const struct object_id *id,
                       char out[SEGMENT_FILE_NAME_MAX]);

/* A segment that was read: release it. */
struct segment_file {
    struct segment segment; /* borrows from plain */
    struct member_id signer;
    struct buf plain;
};

void segment_file_release(struct segment_file *f);

/*
 * segment_file_read: read, prove the id, open, check.
 * Returns 0; E_CORRUPT (also when it is not there, or of a later format);
 * E_NOMEM;
 * what the store returned. f may be released after any of them.
 */
MUST_CHECK int segment_file_read(struct store *s, const struct keyring *k,
                                 const struct object_id *id,
                                 struct segment_file *f);

/*
 * segment_file_write: seal a segment and make it durable.
 *   level, replaces, pack  as segment_put(); pack is sorted here
 *   id                     out
 * Returns 0; E_LIMIT (too much for one segment); E_NOMEM; what the store
 * returned.
 */
MUST_CHECK int segment_file_write(struct store *s, const struct keyring *k,
                                  unsigned level,
                                  const struct object_id *replaces,
                                  size_t replace_n, struct segment_pack *pack,
                                  size_t pack_n, struct object_id *id);

#endif
