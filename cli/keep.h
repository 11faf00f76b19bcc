/*
 * keep: the retention policy that options or a job's `retention` say
 * (docs/retention.md), rule by rule, under one name in both. Confined to one
 * thread.
 */
#ifndef CLI_KEEP_H
#define CLI_KEEP_H

#include "cli/config_file.h"
#include "repo/retention.h"

/* Zeroed: no rule. */
struct keep {
    struct retention_policy policy;
    struct retention_tags *tags; /* owned, as is what they hold; policy has
                                    them, too */
    size_t tags_n;
    size_t tags_cap;
};

void keep_release(struct keep *k);

/* keep_name: the i-th rule's name, such as "keep-daily"; NULL behind the last.
 */
const char *keep_name(size_t i);

/*
 * keep_add: one rule more, or another value for it; keep-tag adds up.
 *   key   one of the names
 *   text  lent for as long as k is used
 * Returns 0; E_USAGE, quoting text; E_NOMEM.
 */
MUST_CHECK int keep_add(struct keep *k, const char *key, const char *text);

/* keep_options: those of a command line. any: out: there are some. As
 * keep_add(), naming the option. */
MUST_CHECK int keep_options(const struct opt_set *o, struct keep *k, bool *any);

/* keep_job: those of a job, which were checked when they were read. */
MUST_CHECK int keep_job(const struct config_job *job, struct keep *k);

#endif
