/*
 * secrets_kept: what sources of secrets have given, for as long as the program
 * runs: a descriptor can be read once only, and nobody likes to type the same
 * for each of many jobs. Confined to the main thread.
 */
#ifndef CLI_SECRETS_KEPT_H
#define CLI_SECRETS_KEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/secret.h"
#include "cli/opt.h"

struct secrets_kept_one;

/* Zeroed: nothing. */
struct secrets_kept {
    struct secrets_kept_one *one;
    size_t n, cap;
};

/*
 * secrets_kept_find: what was kept of a source.
 *   id    the option that names it
 *   text  its value: the same means the same source
 *   kind  out, as it was kept
 * Returns NULL when there is nothing; else lent until the next call.
 */
const struct secret *secrets_kept_find(const struct secrets_kept *k,
                                       enum opt_id id, const char *text,
                                       int *kind);

/*
 * secrets_kept_add: keep a copy, which takes the place of one that was kept of
 * that source.
 * Returns 0; E_NOMEM.
 */
MUST_CHECK int secrets_kept_add(struct secrets_kept *k, enum opt_id id,
                                const char *text, int kind, struct bytes b);

/* secrets_kept_release: wipes. */
void secrets_kept_release(struct secrets_kept *k);

#endif
