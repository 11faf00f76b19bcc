/*
 * tree_walk: a snapshot's tree in depth-first order, names ascending; and the
 * way to one entry by its path. Confined to one caller at a time.
 *
 * A directory that cannot be read does not end the walk: it is reported and
 * left, so that all the rest can still be had.
 */
#ifndef REPO_TREE_WALK_H
#define REPO_TREE_WALK_H

#include "repo/tree_entry.h"

enum {
    TREE_WALK_DEPTH_MAX = 4097,   /* directories in each other */
    TREE_WALK_PATH_MAX = 1 << 20, /* bytes of a path */
};

enum tree_walk_kind {
    TREE_WALK_ENTER,   /* a directory, before what is in it */
    TREE_WALK_ENTRY,   /* anything else */
    TREE_WALK_LEAVE,   /* the directory entered last and not left yet */
    TREE_WALK_DAMAGED, /* the rest of the directory we are in is lost: see the
                          error record; its LEAVE follows */
    TREE_WALK_END
};

struct tree_walk_item {
    enum tree_walk_kind kind;
    /* ENTER, ENTRY: lent until the next step. LEAVE, DAMAGED, END: NULL. */
    const struct tree_entry *te;
    /* Of te, or of the directory: below the walk's start, "a/b/c"; empty for
     * the start itself. Lent until the next step. */
    struct bytes path;
};

struct tree_walk;

/* tree_walk_new: source is copied; NULL when out of memory. */
struct tree_walk *tree_walk_new(const struct node_source *source);
void tree_walk_free(struct tree_walk *w);

/*
 * tree_walk_start: begin at an entry: a directory is entered first, anything
 * else is the only ENTRY.
 *   te  copied
 */
MUST_CHECK int tree_walk_start(struct tree_walk *w,
                               const struct tree_entry *te);

/* tree_walk_next: the next step. Returns 0; E_NOMEM; E_LIMIT (too deep);
 * E_STORE, E_IO, E_ROLE. Damage is in the item. */
MUST_CHECK int tree_walk_next(struct tree_walk *w, struct tree_walk_item *item);

/* tree_walk_skip: after an ENTER: go straight to its LEAVE. */
void tree_walk_skip(struct tree_walk *w);

/*
 * tree_walk_find: the entry at a path below a directory.
 *   root   where the path begins
 *   path   "a/b/c"; slashes at the ends and double ones are of no account;
 *          empty: root itself
 *   raw    out: emptied; holds what te borrows
 *   te     out: to be released; valid when found
 *   found  out
 * Returns as tree_walk_next(); E_CORRUPT when the way there is damaged.
 */
MUST_CHECK int tree_walk_find(const struct node_source *source,
                              const struct tree_entry *root, struct bytes path,
                              struct buf *raw, struct tree_entry *te,
                              bool *found);

#endif
