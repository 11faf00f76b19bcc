/*
 * live_diff: what differs between a directory of a snapshot, before, and one of
 * the live system, after. Both are read side by side, depth first, names
 * ascending; what differs is told as repo/tree_diff tells it, but for
 * directories that are equal: the live one is walked all the same. How single
 * things compare is live_compare's.
 *
 * What the live system does not let be read, and what vanishes or changes
 * meanwhile, is a problem, and the comparison goes on. Nothing is written.
 * Memory goes with the depth alone. Confined to one thread.
 */
#ifndef REPO_JOB_LIVE_DIFF_H
#define REPO_JOB_LIVE_DIFF_H

#include "repo/fetch.h"
#include "repo/keyring.h"
#include "repo/manifest.h"
#include "repo/tree_diff.h"
#include "source/walk.h"

struct live_diff_options {
    struct bytes root; /* absolute canonical path in the live system */
    const struct tree_entry *was; /* what the snapshot has of it; lent */
    struct walk_options walk; /* what of it is left out; owners: not heeded */
};

/* Told as they are met. What they return ends the comparison. */
struct live_diff_events {
    /* paths are below the two starts; of what is live only what stat tells is
     * in the item. DAMAGED: also one file whose content in the snapshot cannot
     * be read. */
    int (*item)(void *ctx, const struct tree_diff_item *item);
    /* UNREADABLE: whether it differs is not told; METADATA: it counts as equal
     * where that could not be read; VANISHED; CHANGING. text: with the path;
     * lent. */
    int (*problem)(void *ctx, enum manifest_problem_kind kind,
                   const char *text);
    void *ctx;
};

/*
 * live_diff_run: compare them.
 *   lane  of the snapshot
 * Returns 0, also with damage and problems; E_CANCELED; E_USAGE: a malformed
 * root; E_NOMEM; E_LIMIT; E_SOURCE: the walk cannot begin; as fetch_get();
 * what an event returned.
 */
MUST_CHECK int live_diff_run(const struct keyring *keys,
                             struct fetch_lane *lane,
                             const struct live_diff_options *o,
                             const struct live_diff_events *events);

#endif
