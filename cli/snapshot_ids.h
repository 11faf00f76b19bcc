/* snapshot_ids: how lists of snapshots show ids. Pure; any thread. */
#ifndef CLI_SNAPSHOT_IDS_H
#define CLI_SNAPSHOT_IDS_H

#include "repo/snapshot_list.h"

/* snapshot_ids_chars: how many hex digits it takes to tell the snapshots of a
 * list apart, 8 at least. */
size_t snapshot_ids_chars(const struct snapshot_list *l);

#endif
