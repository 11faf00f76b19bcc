/*
 * manners: how much of the machine a run takes, as --limit-read, --limit-write,
 * --cpu and --nice say. Confined to the main thread.
 */
#ifndef CLI_MANNERS_H
#define CLI_MANNERS_H

#include "cli/cli.h"

/*
 * manners_apply: from now on, for this thread and all that it starts, programs
 * too. What an earlier call set is replaced, but for --nice, which only a
 * privileged process could take back: it stays.
 * Returns 0; E_USAGE: no such rate or number. That the system refuses --nice is
 * a warning.
 */
MUST_CHECK int manners_apply(const struct cli *cli);

#endif
