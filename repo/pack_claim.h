/*
 * pack_claim: segments that say different things of one pack: the pack itself
 * tells whose it is and what it holds, since its writer has signed that
 * (docs/format.md 8). A stolen key can lie in its own segments only, so nobody
 * has to ask as long as all agree.
 */
#ifndef REPO_PACK_CLAIM_H
#define REPO_PACK_CLAIM_H

#include "index/index.h"
#include "repo/members.h"

struct store;

/* pack_claim_dir: the hash that stands for a directory's content. */
void pack_claim_dir(struct bytes content, struct object_id *out);

/* pack_claim_same: whether two say the same: member and directory. */
bool pack_claim_same(const struct index_pack *a, const struct index_pack *b);

/*
 * pack_claim_settle: ask the pack.
 *   had, next  what two segments say of it; they differ
 *   take       out: next is right, and had is not. Where the pack does not
 *              tell: our own member is rather believed than full ones, and
 *              those rather than others
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int pack_claim_settle(struct store *s, const struct keyring *k,
                                 const struct members *m,
                                 const struct index_pack *had,
                                 const struct index_pack *next, bool *take);

#endif
