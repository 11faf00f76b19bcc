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
 * hook_before: run --before, if it was given; a signal ends it.
 * Returns 0; E_LATER: its exit code 75 asks for that; E_SOURCE: any other but
 * 0; E_CANCELED; E_NOMEM; E_IO.
 */
MUST_CHECK int hook_before(const struct cli *cli);

/*
 * hook_after: run --after, if it was given, to its end.
 *   rc  what became of hook_before() and of all that followed; "$1" is the exit
 *       code that it stands for
 * Returns rc; where that is 0, E_IO: --after failed, the snapshot was made.
 */
MUST_CHECK int hook_after(const struct cli *cli, int rc);

#endif
