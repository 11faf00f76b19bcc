/* job_series: whether each job of a configuration has a series of its own.
 * Confined to the main thread. */
#ifndef CLI_JOB_SERIES_H
#define CLI_JOB_SERIES_H

#include "cli/config_file.h"

/*
 * job_series_check: whether no two jobs have one series in one repository: each
 * would take the other's snapshots for its own earlier ones, and retention
 * would count them together. o  the command line Returns 0; E_USAGE: two have,
 * the text names both lines; E_NOMEM. A job whose series cannot be is not
 * looked at: its run will tell.
 */
MUST_CHECK int job_series_check(const struct opt_set *o,
                                const struct config_file *c);

#endif
