/* config_job: the jobs of the configuration file. Confined to one thread. */
#ifndef CLI_CONFIG_JOB_H
#define CLI_CONFIG_JOB_H

#include "cli/config_reader.h"

/* config_job_list: append the jobs of a list to r->file. Returns 0; E_USAGE,
 * naming file and line; E_NOMEM. */
MUST_CHECK int config_job_list(struct config_reader *r,
                               const struct config_node *list);

#endif
