/*
 * snap_pick: the snapshot that the user named, read from the repository, and
 * the entry in it that the path behind ":/" names. Confined to one thread.
 */
#ifndef CLI_SNAP_PICK_H
#define CLI_SNAP_PICK_H

#include "cli/session.h"
#include "repo/fetch.h"
#include "repo/snapshot_list.h"
#include "repo/tree_entry.h"

/* Zeroed: nothing picked. */
struct snap_pick {
    struct snapshot snapshot;
    struct buf path;      /* in the snapshot, "srv/www"; empty: its root */
    struct tree_entry te; /* what is there */
    struct buf te_raw;    /* what te borrows */
    struct fetch *fetch;
    struct fetch_lane *lane; /* for whoever reads on */
};

/*
 * snap_pick_open: find it.
 *   spec        as cli/snap_spec.h says
 *   one_series  refuse to choose between series
 *   all         checkpoints count that are not superseded
 *   p           out: release it whatever is returned; s must outlive it
 * Returns 0; E_USAGE; E_NOTFOUND: no such snapshot, or no such path in it;
 * E_CORRUPT; what the repository returned. Several candidates are listed on
 * standard error; so is that it is a checkpoint.
 */
MUST_CHECK int snap_pick_open(struct session *s, const char *spec,
                              bool one_series, bool all, struct snap_pick *p);

/*
 * snap_pick_item: the snapshot that spec names, in a list; no path behind it.
 *   item  out, lent by the list
 * Returns as snap_pick_open().
 */
MUST_CHECK int snap_pick_item(const struct snapshot_list *list,
                              const char *spec, bool all,
                              const struct snapshot_item **item);

/* snap_pick_gone: rc ended the reading of p. Damage of a snapshot that was
 * forgotten meanwhile is E_NOTFOUND, which says so; all else stays. Nobody else
 * uses s or p. */
MUST_CHECK int snap_pick_gone(struct session *s, const struct snap_pick *p,
                              int rc);

void snap_pick_release(struct snap_pick *p);

#endif
