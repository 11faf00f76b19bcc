/* check_keyless: what can be proved of an object without a key; check_keyless()
 * itself is in check.h. */
#ifndef REPO_CHECK_KEYLESS_H
#define REPO_CHECK_KEYLESS_H

#include "repo/check_report.h"

/*
 * check_keyless_slot: whether a key slot has its id, and can be decoded as far
 * as is possible without its secret. One that has gone meanwhile is fine.
 * Returns 0, also when there is damage; E_NOMEM; what the store or the report
 * returned.
 */
MUST_CHECK int check_keyless_slot(struct store *s, const struct object_id *id,
                                  struct check_report *report);

/* check_threads: how many to use: as asked for, or one for each core. */
unsigned check_threads(const struct check_options *opt);

#endif
