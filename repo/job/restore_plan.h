/*
 * restore_plan: the produce stage of a restore: walks the snapshot's tree,
 * makes the directories, and fills units with what is to be written into them.
 * One caller at a time; different threads may take turns.
 */
#ifndef REPO_JOB_RESTORE_PLAN_H
#define REPO_JOB_RESTORE_PLAN_H

#include "repo/fetch.h"
#include "repo/job/restore_job.h"
#include "repo/job/restore_unit.h"

struct restore_plan;

/* restore_plan_new: all is lent. Returns 0 or E_NOMEM. */
MUST_CHECK int restore_plan_new(const struct restore_job_options *options,
                                struct jail *jail, struct fetch_lane *lane,
                                struct restore_plan **out);

/* restore_plan_free: NULL is fine. */
void restore_plan_free(struct restore_plan *p);

/* restore_plan_next: fill the next unit; end as in base/pipe.h. Trouble with
 * single entries is in the unit. */
MUST_CHECK int restore_plan_next(struct restore_plan *p, struct restore_unit *u,
                                 bool *end);

#endif
