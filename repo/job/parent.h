/*
 * parent: the tree of the previous snapshot, read side by side with the walk of
 * the source, so that what has not changed is recognised without being opened.
 *
 * Damage in the parent's tree costs time, not the run: the directory that
 * cannot be read counts as absent, and everything in it is read again. So does
 * one that this host has not kept what opens it.
 *
 * Confined to one caller at a time.
 */
#ifndef REPO_JOB_PARENT_H
#define REPO_JOB_PARENT_H

#include "repo/fetch.h"
#include "repo/tree_entry.h"

struct parent;

/*
 * parent_new: no parent yet: nothing is found.
 *   lane  what nodes are read through; lent until parent_free()
 * Returns NULL when out of memory.
 */
struct parent *parent_new(struct fetch_lane *lane);
void parent_free(struct parent *p);

/* parent_enter_root: stand in the root directory of the parent snapshot.
 *   root  its entry; NULL: there is no parent */
MUST_CHECK int parent_enter_root(struct parent *p,
                                 const struct tree_entry *root);

/*
 * parent_find: the entry of that name in the directory we stand in. Within one
 * directory names must be asked for in ascending order.
 *   te  out: lent until the next call; NULL: none
 * Returns 0; E_NOMEM, E_STORE, E_IO.
 */
MUST_CHECK int parent_find(struct parent *p, struct bytes name,
                           const struct tree_entry **te);

/*
 * parent_enter: go into a directory below the one we stand in.
 *   te  its entry as parent_find() gave it, or NULL (or no directory): nothing
 *       will be found in it
 * Returns as parent_find().
 */
MUST_CHECK int parent_enter(struct parent *p, const struct tree_entry *te);

/* parent_leave: back to the directory above. */
void parent_leave(struct parent *p);

/* parent_damaged: directories of the parent that could not be read. */
uint64_t parent_damaged(const struct parent *p);

#endif
