/* preview_out: what a snapshot would do: `snapshot --dry-run`. Confined to the
 * main thread. */
#ifndef CLI_PREVIEW_OUT_H
#define CLI_PREVIEW_OUT_H

#include "cli/cli.h"
#include "repo/job/snapshot_job.h"

/*
 * preview_out_run: write a line for each entry that would be read, with -v or
 * --json, and a summary. Returns as snap_preview_run().
 */
MUST_CHECK int preview_out_run(struct cli *cli, struct repo *r,
                               const struct snapshot_job_options *o);

#endif
