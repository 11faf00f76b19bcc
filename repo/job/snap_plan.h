/*
 * snap_plan: the produce stage of a snapshot: walks the source side by side
 * with the parent snapshot and fills units: entries that are kept, entries to
 * be read by the work stage, and, for large files, parts that are read and cut
 * here, since a file has one place where its next chunk begins.
 *
 * One caller at a time; different threads may take turns.
 */
#ifndef REPO_JOB_SNAP_PLAN_H
#define REPO_JOB_SNAP_PLAN_H

#include "repo/job/parent.h"
#include "repo/job/snap_change.h"
#include "repo/job/snap_previous.h"
#include "repo/job/snap_unit.h"
#include "source/walk.h"

struct snap_plan;

struct snap_plan_config {
    struct walk *walk;     /* lent */
    struct parent *parent; /* lent, with the trees of previous, in their order;
                              entered by the plan */
    const struct snap_previous *previous; /* lent */
    const struct chunker *chunker;        /* lent */
    struct reader_options reader;         /* copied; what it names is lent */
    size_t unit_items;                    /* at most; 0: SNAP_UNIT_ITEMS */
    struct snap_change_rules rules;
};

/* snap_plan_new: config is copied. Returns 0 or E_NOMEM. */
MUST_CHECK int snap_plan_new(const struct snap_plan_config *config,
                             struct snap_plan **out);
void snap_plan_free(struct snap_plan *p);

/*
 * snap_plan_next: fill the next unit.
 *   end  out: set when there is nothing more; the unit is then empty
 * Returns 0; E_CANCELED when the walk was and u is empty; E_NOMEM; E_LIMIT;
 * what reading the parent returned. Trouble with single source files is in the
 * unit, not in the result.
 */
MUST_CHECK int snap_plan_next(struct snap_plan *p, struct snap_unit *u,
                              bool *end);

#endif
