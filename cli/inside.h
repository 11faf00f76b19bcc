/* inside: whether a path lies in a directory, whatever links lead there. */
#ifndef CLI_INSIDE_H
#define CLI_INSIDE_H

#include <stdbool.h>

#include "base/err.h"

/*
 * inside_dir: whether path is dir, or something in it.
 *   path    need not exist: then the part of it that does decides
 *   dir     exists; may be a symbolic link
 *   follow  whether a symbolic link at the end of path means where it points
 *   inside  out
 * Directories are compared by inode on the way up to the root. Returns 0;
 * E_IO when dir cannot be looked at; E_NOMEM.
 */
MUST_CHECK int inside_dir(const char *path, const char *dir, bool follow,
                          bool *inside);

#endif
