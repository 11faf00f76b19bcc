/*
 * problems: what went wrong with single source files, counted by kind, the
 * first of them by name. A snapshot keeps the list. Locked: any thread.
 */
#ifndef REPO_JOB_PROBLEMS_H
#define REPO_JOB_PROBLEMS_H

#include "repo/manifest.h"

enum { PROBLEMS_KINDS = MANIFEST_METADATA + 1 };

struct problems;

/* problems_new: none so far; NULL when out of memory. */
struct problems *problems_new(void);
void problems_free(struct problems *p);

/*
 * problems_add: one more.
 *   path  raw bytes; copied
 *   text  what happened; copied
 * What finds no memory is counted and not named.
 */
void problems_add(struct problems *p, enum manifest_problem_kind kind,
                  struct bytes path, struct bytes text);

/* problems_count: of one kind; problems_total: of all. */
uint64_t problems_count(struct problems *p, enum manifest_problem_kind kind);
uint64_t problems_total(struct problems *p);

/* problems_list: the named ones in the order of their coming, at most
 * MANIFEST_PROBLEM_MAX; lent until p is freed. No problem may be added
 * meanwhile. */
const struct manifest_problem *problems_list(struct problems *p, size_t *n);

#endif
