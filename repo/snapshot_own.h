/* snapshot_own: what a host whose key may not read snapshots remembers of its
 * own. Confined to one thread. */
#ifndef REPO_SNAPSHOT_OWN_H
#define REPO_SNAPSHOT_OWN_H

#include "repo/repo.h"
#include "repo/snapshot_list.h"

/*
 * snapshot_own_fill: put the descriptions that this host has kept into a list:
 * of each series the one of the snapshot that it wrote last, which is not
 * sealed any more. Returns 0 or E_NOMEM.
 */
MUST_CHECK int snapshot_own_fill(const struct repo *r, struct snapshot_list *l);

#endif
