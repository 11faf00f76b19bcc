/*
 * restore_claim: which paths the parts of one restore will write, so that no
 * two write the same. Confined to the main thread.
 */
#ifndef CLI_RESTORE_CLAIM_H
#define CLI_RESTORE_CLAIM_H

#include "cli/snap_pick.h"

/* Zeroed: nothing; to be released. */
struct restore_claim {
    struct buf text; /* the paths, a NUL behind each */
    const char **path;
    size_t n;
};

/* restore_claim_init: nothing is claimed. */
void restore_claim_init(struct restore_claim *c);
void restore_claim_release(struct restore_claim *c);

/* restore_claim_path: with all below it; no NUL in it. 0 or E_NOMEM. */
MUST_CHECK int restore_claim_path(struct restore_claim *c, struct bytes path);

/* restore_claim_pick: what a pick puts into a target: the names in a directory,
 * or its own. Returns as tree_walk_next(). */
MUST_CHECK int restore_claim_pick(struct restore_claim *c,
                                  const struct snap_pick *pick);

/* restore_claim_check: once, after all. E_REFUSED names a path that is claimed
 * twice, or lies below another one; E_NOMEM. */
MUST_CHECK int restore_claim_check(struct restore_claim *c);

#endif
