/*
 * tree_renames: which of the things that went from one tree are those that came
 * in the other, by what they hold: directories whose pages are the same, and
 * files that are not empty. Each is one of a pair at most: the one of the same
 * last name, or else the first in the order of the tree.
 *
 * What is in a directory that was renamed as a whole is part of it. In one that
 * was renamed and changed things are found one by one.
 *
 * Memory has a bound, whatever the trees: where more went and came, nothing is
 * looked for, and tree_renames_reach() says so. Confined to one caller at a
 * time.
 */
#ifndef REPO_TREE_RENAMES_H
#define REPO_TREE_RENAMES_H

#include "base/cancel.h"
#include "repo/tree_diff.h"

/* What was looked for. */
enum tree_renames_scope {
    TREE_RENAMES_NONE, /* nothing: too many directories went and came */
    TREE_RENAMES_DIRS, /* directories alone: too many files did */
    TREE_RENAMES_ALL
};

/* What a thing that went or came is in the other tree. */
struct tree_renames_mate {
    struct bytes path; /* below the start; lent */
    bool meta;         /* and its metadata differs: see tree_diff_compare() */
};

struct tree_renames;

/* tree_renames_new: source is copied: of both trees. bytes_max: memory for what
 * went and came. NULL when out of memory. */
struct tree_renames *tree_renames_new(const struct node_source *source,
                                      size_t bytes_max);
void tree_renames_free(struct tree_renames *r);

/*
 * tree_renames_find: look through two trees, once.
 *   a, b    where they start, as for tree_diff_start(); the starts themselves
 *           were not renamed
 *   cancel  may be NULL
 * Damaged directories count as empty. Returns 0; E_CANCELED; as
 * tree_walk_next().
 */
MUST_CHECK int tree_renames_find(struct tree_renames *r,
                                 const struct tree_entry *a,
                                 const struct tree_entry *b,
                                 const struct cancel *cancel);

/* tree_renames_reach: what was looked for. */
enum tree_renames_scope tree_renames_reach(const struct tree_renames *r);

/*
 * tree_renames_other: whether a thing that went or came was renamed.
 *   item  as tree_diff_next() gave it for the same two starts
 *   mate  out
 */
bool tree_renames_other(const struct tree_renames *r,
                        const struct tree_diff_item *item,
                        struct tree_renames_mate *mate);

#endif
