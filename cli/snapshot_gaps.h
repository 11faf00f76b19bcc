/*
 * snapshot_gaps: what a command that goes through all snapshots has to leave
 * out: those that are damaged, and those that are sealed to the key. Confined
 * to the main thread.
 */
#ifndef CLI_SNAPSHOT_GAPS_H
#define CLI_SNAPSHOT_GAPS_H

#include "cli/message.h"
#include "repo/snapshot_list.h"

/* snapshot_gaps_has: whether one has to be left out. Pure. */
bool snapshot_gaps_has(const struct snapshot_item *it);

/* snapshot_gaps_tell: each damaged one is a problem; of the sealed ones it
 * warns how many there are.
 *   damage  counts on */
void snapshot_gaps_tell(const struct snapshot_list *l,
                        struct message_problems *damage);

#endif
