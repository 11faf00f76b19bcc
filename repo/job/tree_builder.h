/*
 * tree_builder: builds a snapshot's tree from entries that come depth first,
 * names in byte order: directories are finished when they are left, so memory
 * is bounded by the depth, not by the size. Confined to one caller at a time.
 */
#ifndef REPO_JOB_TREE_BUILDER_H
#define REPO_JOB_TREE_BUILDER_H

#include "repo/tree_entry.h"

struct tree_builder;

/* tree_builder_new: sink is copied. NULL when out of memory. */
struct tree_builder *tree_builder_new(const struct node_key *key,
                                      const struct node_sink *sink);
void tree_builder_free(struct tree_builder *b);

/*
 * tree_builder_enter: what follows, up to the leave, is in this directory.
 *   dir  its entry (dir->dir is ignored); copied. The first is the root: its
 *        name is empty
 * Returns 0; E_LIMIT (metadata too long: nothing happened); E_NOMEM.
 */
MUST_CHECK int tree_builder_enter(struct tree_builder *b,
                                  const struct tree_entry *dir);

/*
 * tree_builder_add: an entry of the directory we are in.
 * Returns 0; E_LIMIT (metadata too long: nothing happened); or what the sink
 * returned, after which only the free is legal.
 */
MUST_CHECK int tree_builder_add(struct tree_builder *b,
                                const struct tree_entry *te);

/*
 * tree_builder_leave: the directory is complete.
 *   root  out, of the last leave: appended: the encoded entry of the root
 */
MUST_CHECK int tree_builder_leave(struct tree_builder *b, struct buf *root);

/*
 * tree_builder_so_far: the tree as if all that is open were left now; what is
 * being built goes on as if nobody had asked. Only below the root.
 *   root  out: appended: the encoded entry of the root
 * Returns 0; E_LIMIT; E_NOMEM; or what the sink returned.
 */
MUST_CHECK int tree_builder_so_far(struct tree_builder *b, struct buf *root);

/* tree_builder_depth: directories that have been entered and not left. */
size_t tree_builder_depth(const struct tree_builder *b);

#endif
