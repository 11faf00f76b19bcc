/* prune_out: runs a collection and tells what it did. Confined to the main
 * thread. */
#ifndef CLI_PRUNE_OUT_H
#define CLI_PRUNE_OUT_H

#include "cli/session.h"

/* prune_out_check: whether the options can be followed: before anything is
 * done. E_USAGE. */
MUST_CHECK int prune_out_check(const struct opt_set *o);

/* prune_out: as the command line of prune, or of `forget --prune`, says.
 * Returns as collect_run(). */
MUST_CHECK int prune_out(struct cli *cli, struct session *s);

#endif
