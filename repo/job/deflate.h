/*
 * deflate: bytes to a raw deflate stream (RFC 1951) and back, by zlib: the one
 * file that knows it. Confined to one thread at a time.
 */
#ifndef REPO_JOB_DEFLATE_H
#define REPO_JOB_DEFLATE_H

#include <stdbool.h>

#include "base/buf.h"

struct deflate;

/* deflate_new: NULL when out of memory. */
struct deflate *deflate_new(void);
void deflate_free(struct deflate *d);

/*
 * deflate_piece: append the compressed form of x to out: by itself, so that
 * pieces which were made anywhere stand behind each other as one stream.
 *   last  it ends with this piece
 * Returns 0; E_NOMEM; E_LIMIT.
 */
MUST_CHECK int deflate_piece(struct deflate *d, struct bytes x, bool last,
                             struct buf *out);

/* deflate_add: append what is ready of one long stream to out; more may follow,
 * unless last. Returns as deflate_piece(). */
MUST_CHECK int deflate_add(struct deflate *d, struct bytes x, bool last,
                           struct buf *out);

/* deflate_back: hand what a whole stream holds to put, in pieces. Returns 0;
 * E_NOMEM; E_INTERNAL: it is no such stream; what put returned. */
MUST_CHECK int deflate_back(struct bytes stream,
                            int (*put)(void *ctx, struct bytes b), void *ctx);

/* deflate_crc: CRC-32 of what was summed up before (0 at first) and x. */
uint32_t deflate_crc(uint32_t crc, struct bytes x);

/* deflate_crc_join: of two pieces, of which the second one has n bytes. */
uint32_t deflate_crc_join(uint32_t a, uint32_t b, uint64_t n);

#endif
