/*
 * config_apply: which configuration file counts, and what of it becomes part of
 * a set of options: docs/config.md. Confined to the main thread.
 */
#ifndef CLI_CONFIG_APPLY_H
#define CLI_CONFIG_APPLY_H

#include "cli/config_file.h"

/*
 * config_apply_read: read the file that --config or DEDUP_CONFIG names, else
 * the user's, else the system's, unless that is shut to us: c->shut names it
 * then; none of them: c stays empty.
 *   c  out: zeroed first; release it whatever is returned
 * Returns 0; E_USAGE; E_NOMEM. c->path becomes o->config: c outlives o.
 */
MUST_CHECK int config_apply_read(struct opt_set *o, struct config_file *c);

/* config_apply_adds_up: whether an option holds patterns: those of all levels
 * count, the lower ones first, and since the last match wins, what is said
 * nearer decides. */
bool config_apply_adds_up(enum opt_id id);

/* config_apply_top: complete o with what stands at the top. Returns 0 or
 * E_NOMEM. */
MUST_CHECK int config_apply_top(struct opt_set *o, const struct config_file *c);

/*
 * config_apply_snapshot: complete o, of a snapshot, with a job, the defaults
 * and the top.
 *   job  NULL: none; else its paths, or its command, become the arguments,
 *        where o has none
 * Returns 0; E_NOMEM.
 */
MUST_CHECK int config_apply_snapshot(struct opt_set *o,
                                     const struct config_file *c,
                                     const struct config_job *job);

/*
 * config_apply_job: the options of a job's run, whatever command asks for them.
 *   asked  its arguments do not count
 *   o      out: release it whatever is returned
 * Returns 0; E_NOMEM.
 */
MUST_CHECK int config_apply_job(const struct opt_set *asked,
                                const struct config_file *c,
                                const struct config_job *job,
                                struct opt_set *o);

#endif
