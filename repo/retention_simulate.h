/*
 * retention_simulate: what a policy would keep in times to come, if snapshots
 * went on coming as they did lately: docs/retention.md. Pure, as retention is;
 * any thread.
 */
#ifndef REPO_RETENTION_SIMULATE_H
#define REPO_RETENTION_SIMULATE_H

#include "repo/retention.h"

enum {
    RETENTION_SIMULATE_DAYS_MAX = 3650,
    RETENTION_SIMULATE_ROWS = 24,  /* about so many are told */
    RETENTION_SIMULATE_RECENT = 30 /* snapshots that tell a group's rhythm */
};

/* One day. Checkpoints and what is damaged are not counted. */
struct retention_simulate_row {
    struct entry_time time;
    size_t kept;
    size_t gone;                     /* since the row before */
    struct entry_time oldest;        /* of those kept; 0 s: none is */
    size_t by_unit[RETENTION_UNITS]; /* how many each rule keeps */
    size_t within;
    size_t tagged;
    size_t named;
    bool refused; /* since the row before a forget would have been refused:
                     a group would be emptied, or a tag matched nothing */
};

typedef int retention_simulate_each(void *ctx,
                                    const struct retention_simulate_row *row);

/*
 * retention_simulate: each() is called for now, for every so many days, and for
 * the last one, in this order.
 *   item  as for retention_apply(); what it borrows is lent
 *   days  from 1 to RETENTION_SIMULATE_DAYS_MAX
 * Returns 0; E_NOMEM; what each() returned.
 */
MUST_CHECK int retention_simulate(const struct retention_policy *p,
                                  struct entry_time now,
                                  const struct retention_item *item, size_t n,
                                  uint32_t days, retention_simulate_each *each,
                                  void *ctx);

#endif
