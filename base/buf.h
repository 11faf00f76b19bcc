/*
 * buf: an owned, growing byte buffer with a maximum.
 *
 * Failure is sticky: after an append that did not fit or found no memory, the
 * content stays as it was, further appends do nothing, and buf_status() tells.
 * Encoders therefore append freely and ask once at the end.
 * Confined to one thread.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/bytes.h"
#include "base/err.h"

struct buf {
    uint8_t *p;
    size_t n;   /* bytes used */
    size_t cap; /* bytes allocated, <= max */
    size_t max; /* never grows beyond this many bytes */
    int rc;     /* 0, or the first failure: E_LIMIT or E_NOMEM */
};

/* buf_init: an empty buffer that may hold up to max bytes; allocates nothing.
 */
void buf_init(struct buf *b, size_t max);

/* buf_release: frees the bytes; b is empty with the same max. NULL p is fine.
 */
void buf_release(struct buf *b);

/* buf_reset: empties b, keeps its memory, clears a sticky failure. */
void buf_reset(struct buf *b);

/* buf_status: 0, or the sticky failure (E_LIMIT, E_NOMEM), raised. */
MUST_CHECK int buf_status(const struct buf *b);

/* buf_add: append n bytes at p (p may be NULL when n is 0). */
void buf_add(struct buf *b, const void *p, size_t n);

/* buf_add_bytes: append x. */
void buf_add_bytes(struct buf *b, struct bytes x);

/* buf_add_path: append what stands below the path that b is: with a slash
 * between them where neither is empty. */
void buf_add_path(struct buf *b, struct bytes below);

/* buf_add_zeros: append n zero bytes. */
void buf_add_zeros(struct buf *b, size_t n);

/*
 * buf_extend: append n (> 0) bytes of unspecified value, lent for writing.
 * Returns NULL on (sticky) failure. Valid until the next append.
 */
uint8_t *buf_extend(struct buf *b, size_t n);

/* buf_reserve: make room for n more bytes. Returns E_LIMIT or E_NOMEM. */
MUST_CHECK int buf_reserve(struct buf *b, size_t n);

/* buf_truncate: drop all after the first n bytes; n <= b->n. */
void buf_truncate(struct buf *b, size_t n);

static inline struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){b->p, b->n};
}

#endif
