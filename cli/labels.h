/* labels: what `tag` and `protect` share: several snapshots that the user
 * named, and something done to each. Confined to the main thread. */
#ifndef CLI_LABELS_H
#define CLI_LABELS_H

#include "cli/session.h"
#include "repo/snapshot_list.h"

/* Changes one snapshot, or tells about it. */
typedef int labels_do(struct cli *cli, struct session *s,
                      const struct snapshot_item *item, void *ctx);

/*
 * labels_each: open the repository, find all snapshots that the arguments name,
 * and, when all of them are there, call what for each, in that order.
 * Returns 0; E_USAGE; E_NOTFOUND; E_ROLE; what `what` returned.
 */
MUST_CHECK int labels_each(struct cli *cli, labels_do *what, void *ctx);

#endif
