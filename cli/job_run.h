/*
 * job_run: which snapshots a command line asks for: one of the paths on it, one
 * job of the configuration, or all of them. Confined to the main thread.
 */
#ifndef CLI_JOB_RUN_H
#define CLI_JOB_RUN_H

#include "cli/cli.h"

/*
 * job_run: call one() for each snapshot, with the options that it is to be made
 * with.
 * Returns 0; E_USAGE: no job of that name, none at all, or arguments that do
 * not go with jobs; after all jobs had their turn what one() returned first
 * other than E_LATER; E_LATER: some are to be done later, and what was done is
 * whole; E_CANCELED at once. cli->incomplete: one of them was.
 */
MUST_CHECK int job_run(struct cli *cli, int (*one)(struct cli *cli));

#endif
