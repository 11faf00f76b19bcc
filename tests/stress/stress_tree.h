/*
 * stress_tree: what the stress backs up. A tree is a version of each of its
 * files, and a version says what is in a file, whoever's it is: so processes
 * store the same chunks again and again, also those that others give back.
 */
#ifndef STRESS_STRESS_TREE_H
#define STRESS_STRESS_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/support/prng.h"

enum { STRESS_TREE_FILES = 40, STRESS_TREE_VERSIONS = 6 };

/* 0: it is not there */
struct stress_tree {
    unsigned version[STRESS_TREE_FILES];
};

/* stress_tree_change: some files, in the directory as well. false: errno. */
bool stress_tree_change(struct stress_tree *t, const char *dir, struct prng *r);

/* stress_tree_files: files below a directory, whatever they are called. */
size_t stress_tree_files(const char *dir);

/* stress_tree_is: whether the directory is just that. why: what is not. */
bool stress_tree_is(const struct stress_tree *t, const char *dir,
                    char why[256]);

#endif
