/* copy: a backup and a restore without a repository between them: what the
 * walk and the reader yield goes straight into a jail. For tests. */
#ifndef TESTS_SOURCE_COPY_H
#define TESTS_SOURCE_COPY_H

#include "source/jail.h"

struct copy_result {
    uint64_t outcome[JAIL_SKIPPED + 1]; /* of directories, when entered */
    uint64_t problems;                  /* of the walk and of reading */
    uint64_t failures;                  /* entries that gave E_TARGET */
    unsigned lost;
    char first[512]; /* the first problem or failure */
};

/*
 * copy_tree: copy the tree at root (absolute) to TARGET/root.
 * Returns 0, or the first error that ends a run (all but E_SOURCE and
 * E_TARGET, which are counted; E_TARGET of jail_open ends it too).
 */
int copy_tree(const char *root, const char *target,
              const struct jail_options *options, struct copy_result *result);

#endif
