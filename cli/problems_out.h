/* problems_out: what could not be backed up into a snapshot: `snapshots
 * --problems`. Confined to the main thread. */
#ifndef CLI_PROBLEMS_OUT_H
#define CLI_PROBLEMS_OUT_H

#include "cli/session.h"
#include "repo/snapshot_list.h"

/* problems_out_kind: "unreadable", "vanished", "changing", "metadata". */
const char *problems_out_kind(enum manifest_problem_kind kind);

/* problems_out_json: one as a line. Returns as json_out_end(). */
MUST_CHECK int problems_out_json(struct json_out *j,
                                 const struct manifest_problem *p);

/*
 * problems_out: write them, a line each, in the order in which they were met.
 *   spec  of the snapshot, one of the list
 * Returns 0; E_USAGE; E_NOTFOUND; E_CORRUPT; what store or output returned.
 */
MUST_CHECK int problems_out(struct cli *cli, const struct session *s,
                            const struct snapshot_list *l, const char *spec);

#endif
