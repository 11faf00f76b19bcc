/* snapshot_filter: which of the snapshots a list shows. Confined to one thread.
 */
#ifndef CLI_SNAPSHOT_FILTER_H
#define CLI_SNAPSHOT_FILTER_H

#include "cli/opt.h"
#include "repo/snapshot_list.h"

struct snapshot_filter {
    const char *series; /* NULL: any */
    const char *host;
    const struct opt_set *tags; /* it has one of --tag, if any is given */
    bool has_since, has_until;
    struct entry_time since, until; /* both included */
    bool checkpoints;               /* these count, too */
};

/* snapshot_filter_make: as the options say. Returns 0 or E_USAGE. */
MUST_CHECK int snapshot_filter_make(const struct opt_set *o,
                                    struct snapshot_filter *f);

/* snapshot_filter_wants: whether one that is not damaged is asked for. What is
 * sealed has neither host nor tags. */
bool snapshot_filter_wants(const struct snapshot_filter *f,
                           const struct state *s,
                           const struct snapshot_item *it);

/*
 * snapshot_filter_refuse: for a command that was told which snapshot is meant:
 * none of the options that choose among all may stand on its command line.
 * Returns 0; E_USAGE, which names them.
 */
MUST_CHECK int snapshot_filter_refuse(const struct opt_set *o);

/*
 * snapshot_filter_series: whether a series that is asked for is there.
 *   l  all snapshots
 * Returns 0, also when a damaged one may be of it; E_NOTFOUND.
 */
MUST_CHECK int snapshot_filter_series(const struct snapshot_filter *f,
                                      const struct snapshot_list *l);

/* snapshot_filter_is_all: nothing is asked for. */
bool snapshot_filter_is_all(const struct snapshot_filter *f);

/*
 * snapshot_filter_apply: keep those that are asked for, and the damaged ones,
 * which may be. The others stay in the list behind its n, to be released.
 *   s  whose labels count
 * Returns how many checkpoints were left out that still serve.
 */
size_t snapshot_filter_apply(const struct snapshot_filter *f,
                             const struct state *s, struct snapshot_list *l);

/* snapshot_filter_none: nothing was kept, which is no error; say why it may be
 * so. Main thread.
 *   left  as snapshot_filter_apply() returned */
void snapshot_filter_none(const struct snapshot_filter *f, size_t left);

#endif
