/*
 * forget_out: what a policy makes of each snapshot, and why: a table for
 * people, lines for programs. Confined to one thread.
 */
#ifndef CLI_FORGET_OUT_H
#define CLI_FORGET_OUT_H

#include "cli/cli.h"
#include "repo/forget_fit.h"

/* forget_out_reasons: "daily 3, monthly 1, protected"; empty: no rule keeps it.
 */
void forget_out_reasons(const struct retention_item *it, struct buf *out);

/* forget_out_count: how many snapshots of the whole list go, checkpoints not
 * counted. stays: out: how many do not. */
size_t forget_out_count(const struct forget_plan *p, size_t *stays);

/* forget_out_table: all that was looked at, group by group, the newest first.
 * Returns 0; E_LIMIT; E_NOMEM. */
MUST_CHECK int forget_out_table(struct cli *cli, const struct forget_plan *p);

/* forget_out_json: the same, a line for each, and one for the whole. fit: what
 * goes for its size; NULL: nothing.
 *   done  it is so; else it would be */
MUST_CHECK int forget_out_json(struct json_out *j, const struct forget_plan *p,
                               const struct forget_fit *fit, bool done);

#endif
