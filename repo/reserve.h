/*
 * reserve: an object of no meaning that takes up room, to be given up when a
 * full disk would keep a repository from freeing any (docs/format.md 2). Any
 * thread.
 */
#ifndef REPO_RESERVE_H
#define REPO_RESERVE_H

#include <stdbool.h>

#include "base/err.h"

struct store;

enum { RESERVE_BYTES = 1 << 20 };

#define RESERVE_NAME "reserve"

/* reserve_make: put it, if it is not there and there is room to spare. Returns
 * what the store did; E_NOMEM. */
MUST_CHECK int reserve_make(struct store *s);

/* reserve_spend: delete it. spent: out: it was there. */
MUST_CHECK int reserve_spend(struct store *s, bool *spent);

/* reserve_spend_if_full: the same when less room than it takes is left. */
MUST_CHECK int reserve_spend_if_full(struct store *s);

#endif
