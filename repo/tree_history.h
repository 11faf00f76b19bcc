/*
 * tree_history: what became of one path from snapshot to snapshot, in each
 * series by itself. Memory goes with the number of series. Confined to one
 * thread.
 */
#ifndef REPO_TREE_HISTORY_H
#define REPO_TREE_HISTORY_H

#include "repo/tree_walk.h"

enum tree_history_event {
    TREE_HISTORY_NOTHING, /* as it was */
    TREE_HISTORY_CAME,    /* it was not there before, or not of this type */
    TREE_HISTORY_CHANGED, /* another content, or target */
    TREE_HISTORY_META,    /* other metadata alone */
    TREE_HISTORY_WENT
};

struct tree_history;

/* tree_history_new: source and path, as for tree_walk_find(), are copied. NULL
 * when out of memory. */
struct tree_history *tree_history_new(const struct node_source *source,
                                      struct bytes path);
void tree_history_free(struct tree_history *h);

/*
 * tree_history_next: the next snapshot of a series, older ones first.
 *   root  entry of its top, encoded, as its manifest has it
 *   te    out: how the path is there now; lent until the next call. After WENT
 *         how it was. NULL with NOTHING
 * Returns as tree_walk_find(); E_CORRUPT, also where damage in a directory
 * hides whether it changed, leaves all as it was before: the next one of the
 * series is compared with the last that could be.
 */
MUST_CHECK int tree_history_next(struct tree_history *h, struct bytes series,
                                 struct bytes root,
                                 enum tree_history_event *event,
                                 const struct tree_entry **te);

#endif
