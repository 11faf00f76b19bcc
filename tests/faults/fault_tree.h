/*
 * fault_tree: a small tree with everything odd in it, in three versions that
 * follow each other: what the fault tests back up. A few dozen entries, one
 * file of 3 MiB.
 */
#ifndef TESTS_FAULTS_FAULT_TREE_H
#define TESTS_FAULTS_FAULT_TREE_H

enum { FAULT_TREE_VERSIONS = 3 };

/* fault_tree_make: fills the existing directory dir: version 1. Fails the test
 * when it cannot. */
void fault_tree_make(const char *dir);

/* fault_tree_change: from version 1 to 2, or (to) from 2 to 3: new, changed,
 * grown, shrunk, moved and removed entries, and metadata. */
void fault_tree_change(const char *dir, int to);

#endif
