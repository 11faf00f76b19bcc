/*
 * hook: what the user wants run around a snapshot: --before, which makes ready
 * (mounts a file system's snapshot, say), and --after, which tidies up whatever
 * became of it. By /bin/sh, with /dev/null as standard input; what they write
 * goes to our standard error. Confined to the main thread.
 */
#ifndef CLI_HOOK_H
#define CLI_HOOK_H

#include "cli/cli.h"

/*
 * hook_around: --before, then one(), then --after.
 *   1. Where --before does not exit with 0, one() is not called. Its exit code
 *      75 asks for a later time, and is ours then.
 *   2. --after is run once --before was, or was not asked for, also when that
 *      or one() failed or was stopped; "$1" is the exit code that stands so
 * far. Returns what one() returned; E_LATER, E_SOURCE: of --before; E_CANCELED;
 * E_IO: all went well but --after.
 */
MUST_CHECK int hook_around(struct cli *cli, int (*one)(struct cli *cli));

#endif
