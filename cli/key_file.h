/* key_file: makes a file with a fresh 256-bit key in it. */
#ifndef CLI_KEY_FILE_H
#define CLI_KEY_FILE_H

#include "base/secret.h"

enum { KEY_FILE_BYTES = 32 };

/*
 * key_file_create: 64 hex digits and a newline, mode 0600, in a file that must
 * not exist; durable when 0 is returned.
 *   s  initialized; then the key's KEY_FILE_BYTES bytes
 * Returns 0; E_USAGE when it cannot be made (nothing is left behind);
 * E_NOMEM; E_IO.
 */
MUST_CHECK int key_file_create(const char *path, struct secret *s);

#endif
