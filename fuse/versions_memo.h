/*
 * versions_memo: the directories that paths are (fuse/versions.h), kept for the
 * paths that were asked for last, so that who goes through a tree does not
 * begin at the tops of all snapshots each time. VERSIONS_MEMO_PATHS of them, of
 * one edition of the top; each takes up to 40 bytes for each snapshot. Where
 * something could not be read is kept with them: until the next edition nobody
 * tries again.
 *
 * Locked: any thread.
 */
#ifndef FUSE_VERSIONS_MEMO_H
#define FUSE_VERSIONS_MEMO_H

#include "fuse/versions.h"

enum { VERSIONS_MEMO_PATHS = 16 };

struct versions_memo;

/* versions_memo_new: of no snapshot. NULL when out of memory. */
struct versions_memo *versions_memo_new(void);

/* versions_memo_free: all that was lent is given back before. NULL is fine. */
void versions_memo_free(struct versions_memo *m);

/* versions_memo_is: whether it is of that edition. */
bool versions_memo_is(struct versions_memo *m, uint64_t edition);

/* versions_memo_set: from now on it is of that edition, and of those snapshots,
 * in order; they are taken over, whatever is returned. E_NOMEM: as before. */
MUST_CHECK int versions_memo_set(struct versions_memo *m, uint64_t edition,
                                 struct versions_snaps *snaps);

/*
 * versions_memo_get: lend the directories that a path is.
 *   path  "a/b/c"; empty: the top
 * Returns as versions_below().
 */
MUST_CHECK int versions_memo_get(struct versions_memo *m,
                                 const struct versions_reader *r,
                                 struct bytes path, struct versions_dirs **out);

/* versions_memo_give: give them back; NULL is fine. */
void versions_memo_give(struct versions_memo *m, struct versions_dirs *d);

#endif
