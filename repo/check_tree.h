/*
 * check_tree: walks the trees of snapshots and proves everything in them: that
 * each page and list node is there and says of itself what is so, that the
 * sums in entries are those of what is below, that each chunk can be had. What
 * is hurt is reported with its path, for each snapshot that has it; what was
 * found sound once is not walked again.
 *
 * Confined to one thread.
 */
#ifndef REPO_CHECK_TREE_H
#define REPO_CHECK_TREE_H

#include "repo/check_chunks.h"
#include "repo/tree_entry.h"

struct check_tree;

/* Whose tree it is. */
struct check_tree_snapshot {
    struct object_id id;
    struct bytes series;
    struct entry_time begin;
    struct bytes root; /* encoded entry of `/` */
};

/* check_tree_open: v, late and opt are lent until the close. Returns 0,
 * E_NOMEM, E_INTERNAL or what the index returned. */
MUST_CHECK int check_tree_open(struct check_view *v, struct check_late *late,
                               const struct check_options *opt,
                               struct check_tree **out);
void check_tree_close(struct check_tree *t);

/*
 * check_tree_walk: walk one snapshot's tree and report. One that has been
 * forgotten or superseded meanwhile is left.
 * Returns 0, also when there is damage; E_ROLE; E_CANCELED; E_NOMEM; what the
 * store, the index or the report returned.
 */
MUST_CHECK int check_tree_walk(struct check_tree *t,
                               const struct check_tree_snapshot *s);

#endif
