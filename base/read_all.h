/* read_all: a whole file, or what a pipe gives, into a buffer that has a bound.
 * Any thread. */
#ifndef BASE_READ_ALL_H
#define BASE_READ_ALL_H

#include "base/buf.h"
#include "base/err.h"

/*
 * read_all: append to out all that fd still gives.
 *   code  of the error when it cannot be read, or is longer than out may be
 *   name  of it, for messages
 * Returns 0; code; E_NOMEM. After an error out holds a part.
 */
MUST_CHECK int read_all(int fd, int code, const char *name, struct buf *out);

/* read_all_bare: the same for who says things himself: 0 or an errno; too long,
 * and no memory, is the state of out (buf_status). */
MUST_CHECK int read_all_bare(int fd, struct buf *out);

#endif
