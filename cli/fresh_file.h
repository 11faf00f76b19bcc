/* fresh_file: a file of ours alone, that must not exist yet, made durable: a
 * key or a recovery sheet. */
#ifndef CLI_FRESH_FILE_H
#define CLI_FRESH_FILE_H

#include "base/bytes.h"
#include "base/err.h"

/*
 * fresh_file_create: empty, mode 0600, not through a symbolic link.
 *   fd  out: the caller's to close; -1 after an error
 * Returns 0; E_USAGE when it cannot be made, or is there.
 */
MUST_CHECK int fresh_file_create(const char *path, int *fd);

/* fresh_file_write: all of x, and make file and name durable. Returns 0; E_IO;
 * E_USAGE (path too long). */
MUST_CHECK int fresh_file_write(int fd, const char *path, struct bytes x);

/* fresh_file_drop: remove the file, since rc (raised) made it useless: half a
 * secret must not be taken for one later. Returns rc. */
MUST_CHECK int fresh_file_drop(const char *path, int rc);

#endif
