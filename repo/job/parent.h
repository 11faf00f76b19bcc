/*
 * parent: the trees of earlier snapshots, read side by side with the walk of
 * the source, so that what has not changed is recognised without being opened.
 * There are a few of them, the best one first: where a run was interrupted its
 * checkpoint, and behind it the last complete snapshot, which knows what the
 * checkpoint did not come to.
 *
 * Damage in such a tree costs time, not the run: the directory that cannot be
 * read counts as absent, and everything in it is read again. So does one that
 * this host has not kept what opens it.
 *
 * Confined to one caller at a time.
 */
#ifndef REPO_JOB_PARENT_H
#define REPO_JOB_PARENT_H

#include "repo/fetch.h"
#include "repo/tree_entry.h"

/* The newest checkpoint, the one that reaches farthest, the last complete
 * snapshot. */
enum { PARENT_MAX = 3 };

struct parent;

/* What each of them has under one name; NULL: nothing. Lent until the next
 * call for that parent. */
struct parent_found {
    const struct tree_entry *te[PARENT_MAX];
};

/*
 * parent_new: no parent yet: nothing is found.
 *   lane  what nodes are read through; lent until parent_free()
 * Returns NULL when out of memory.
 */
struct parent *parent_new(struct fetch_lane *lane);
void parent_free(struct parent *p);

/* parent_add: one more tree, behind those that were added before; at most
 * PARENT_MAX, and none once one was entered.
 *   root  the entry of its root directory; lent until parent_free() */
void parent_add(struct parent *p, const struct tree_entry *root);

/* parent_enter_root: stand in the root directories. found: out: their entries
 */
MUST_CHECK int parent_enter_root(struct parent *p, struct parent_found *found);

/* An entry that the source has no more; te: lent until it returns. What it
 * returns ends what called it. */
typedef int parent_gone_fn(void *ctx, const struct tree_entry *te);

/* parent_on_gone: tell from now on of each entry of one tree that
 * parent_find() was not asked for: once a later name is asked for, or
 * parent_rest(). tree: the number in which it was added, from 0 on. */
void parent_on_gone(struct parent *p, size_t tree, parent_gone_fn *fn,
                    void *ctx);

/*
 * parent_find: the entries of that name in the directory we stand in. Within
 * one directory names must be asked for in ascending order.
 * Returns 0; E_NOMEM, E_STORE, E_IO; what parent_on_gone()'s function did.
 */
MUST_CHECK int parent_find(struct parent *p, struct bytes name,
                           struct parent_found *found);

/*
 * parent_enter: go into a directory below the one we stand in.
 *   found  as parent_find() gave it; where it has nothing, or no directory,
 *          nothing will be found
 * Returns as parent_find().
 */
MUST_CHECK int parent_enter(struct parent *p, const struct parent_found *found);

/* parent_rest: all names of the directory we stand in have been asked for.
 * Returns as parent_find(), and what parent_on_gone()'s function did. */
MUST_CHECK int parent_rest(struct parent *p);

/* parent_leave: back to the directory above. */
void parent_leave(struct parent *p);

/* parent_damaged: directories that could not be read. */
uint64_t parent_damaged(const struct parent *p);

#endif
