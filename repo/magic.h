/* magic: the first nine bytes of every file; docs/format.md 1. */
#ifndef REPO_MAGIC_H
#define REPO_MAGIC_H

#include "base/codec.h"

enum {
    MAGIC_BYTES = 9, /* with the version */
    MAGIC_VERSION = 1
};

/* magic_put: append the first bytes of a file of a kind ('C', 'K', ...). */
void magic_put(struct buf *b, char kind);

/*
 * magic_get: read them. what names the file, for the message.
 * Returns 0; E_CORRUPT (not a file of that kind); E_UNSUPPORTED (a newer
 * version).
 */
MUST_CHECK int magic_get(struct codec *c, char kind, const char *what);

#endif
