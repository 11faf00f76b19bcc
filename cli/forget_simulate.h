/*
 * forget_simulate: what a policy would keep in the days to come: a table for
 * people, lines for programs. Confined to one thread.
 */
#ifndef CLI_FORGET_SIMULATE_H
#define CLI_FORGET_SIMULATE_H

#include "cli/cli.h"
#include "repo/forget.h"

/* forget_simulate_check: whether --simulate, if it is given, goes with the rest
 * of the command line. Returns 0 or E_USAGE. */
MUST_CHECK int forget_simulate_check(const struct opt_set *o);

/*
 * forget_simulate: what --simulate asks for; nothing is written.
 *   p  made, and allowed: what there is now
 * Returns 0; E_NOMEM; E_LIMIT; what the output returned.
 */
MUST_CHECK int forget_simulate(struct cli *cli, const struct forget_ask *ask,
                               const struct forget_plan *p);

#endif
