/*
 * roots: the snapshots whose chunks must stay: docs/concurrency.md 1. Confined
 * to one thread.
 */
#ifndef REPO_ROOTS_H
#define REPO_ROOTS_H

#include "repo/repo.h"

/* Zeroed: none. Ascending by id. */
struct roots {
    struct object_id *id;
    size_t n;
    size_t cap;
};

void roots_release(struct roots *l);

/*
 * roots_load: all that are committed and neither forgotten nor superseded in
 * r's state, as it was caught up last.
 *   l  zeroed; to be released whatever is returned
 * Returns 0; E_CORRUPT: the manifest of one cannot be read, so that nobody
 * knows what it needs; E_ROLE: ... by this key; E_NOMEM; what the index
 * returned.
 */
MUST_CHECK int roots_load(const struct repo *r, struct roots *l);

/* roots_add: one more, if it is not there: a pinned one. E_NOMEM. */
MUST_CHECK int roots_add(struct roots *l, const struct object_id *id);

/* roots_has: whether it is one of them. */
bool roots_has(const struct roots *l, const struct object_id *id);

/* roots_without: those of l that others does not have. out: zeroed. E_NOMEM. */
MUST_CHECK int roots_without(const struct roots *l, const struct roots *others,
                             struct roots *out);

/*
 * roots_by_time: all of l, in the order of their times as far as r's cache
 * knows these, forgotten ones included: what they need stands in packs in about
 * that order.
 *   out  l->n of them
 * Returns 0, E_NOMEM or what the index returned.
 */
MUST_CHECK int roots_by_time(const struct repo *r, const struct roots *l,
                             struct object_id *out);

#endif
