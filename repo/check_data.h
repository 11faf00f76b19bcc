/* check_data: reads every pack of the view in full, on several threads, and
 * marks those that are not what they should be as doubted. */
#ifndef REPO_CHECK_DATA_H
#define REPO_CHECK_DATA_H

#include "repo/check_view.h"

/*
 * check_data_run: do it. Memory: 38 MiB for each thread.
 * Returns 0, also when there is damage; E_UNSUPPORTED; E_CANCELED; E_NOMEM;
 * what the store or the report returned.
 */
MUST_CHECK int check_data_run(struct check_view *v,
                              const struct check_options *opt,
                              unsigned threads);

#endif
