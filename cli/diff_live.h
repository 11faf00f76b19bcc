/* diff_live: `diff SNAP --live DIR`: a snapshot compared with the live system.
 * Confined to the main thread. */
#ifndef CLI_DIFF_LIVE_H
#define CLI_DIFF_LIVE_H

#include "cli/cli.h"

/* diff_live_options: whether all that was said on the command line goes with
 * --live, or with its absence. Returns 0 or E_USAGE. */
MUST_CHECK int diff_live_options(const struct opt_set *o);

/*
 * diff_live: compare the snapshot that is the only argument with the directory
 * that --live names. Sets incomplete where something could not be read.
 * Returns 0; E_USAGE: not a directory; E_NOTFOUND; E_CORRUPT; as
 * session_open() and live_diff_run().
 */
MUST_CHECK int diff_live_run(struct cli *cli);

#endif
