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

/*
 * magic_unproved: E_UNSUPPORTED becomes E_CORRUPT, every other code stays. For
 * what is not the log's: anybody can make bytes that look like a later
 * version's, and whoever holds a key can sign some; a repository that older
 * programs must not touch says so in its log (docs/format.md 8.5). So they cost
 * what they stand in and no more.
 */
MUST_CHECK int magic_unproved(int rc);

#endif
