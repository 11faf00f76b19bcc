/*
 * own_size: what snapshots alone take: what would be free without one of them.
 * Confined to the main thread.
 */
#ifndef CLI_OWN_SIZE_H
#define CLI_OWN_SIZE_H

#include "cli/session.h"
#include "repo/usage.h"

/* own_size_ready: bring the counts up to date, on which the sizes rest. Where
 * a snapshot is damaged nobody knows them: E_CORRUPT. As usage_catch_up(). */
MUST_CHECK int own_size_ready(struct cli *cli, struct session *s);

/* own_size_tell: all about one snapshot, for people or programs. ready: as
 * above. */
MUST_CHECK int own_size_tell(struct cli *cli, struct session *s,
                             const char *spec);

#endif
