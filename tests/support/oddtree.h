/*
 * oddtree: a tree with everything odd that a file system can hold, for tests
 * of backup and restore: names, links, holes, devices, attributes, ACLs,
 * capabilities, modes, times, depth, flags. The same call makes the same tree,
 * but for inode numbers and ctimes.
 */
#ifndef TESTS_SUPPORT_ODDTREE_H
#define TESTS_SUPPORT_ODDTREE_H

#include <stdbool.h>
#include <stdio.h>

enum {
    ODDTREE_DEPTH = 250 /* levels of 20 bytes: paths beyond PATH_MAX */
};

/*
 * oddtree_make: fills the existing directory dir.
 *   skips  one line for each thing this user or file system cannot have:
 *          "WHAT: reason"
 * Returns false, with a line on stderr, when something ordinary fails.
 */
bool oddtree_make(const char *dir, FILE *skips);

#endif
