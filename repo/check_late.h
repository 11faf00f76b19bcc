/*
 * check_late: what came into the repository behind the view's back. Others go
 * on while a check runs: a collector writes chunks anew and deletes the packs
 * where they were, a backup relies on a segment that was put just before it.
 * Before a chunk is called lost the repository itself catches up, and where
 * its index knows a pack that the view does not, the chunk is read from there.
 *
 * Confined to one thread.
 */
#ifndef REPO_CHECK_LATE_H
#define REPO_CHECK_LATE_H

#include "repo/check_view.h"
#include "repo/fetch.h"
#include "repo/repo.h"

struct check_late;

/* check_late_open: r and v are lent until the close; v is open. Where r has no
 * index nothing is ever found. Returns 0, E_NOMEM, E_INTERNAL or what the
 * index returned. */
MUST_CHECK int check_late_open(struct repo *r, const struct check_view *v,
                               struct check_late **out);
void check_late_close(struct check_late *l);

/*
 * check_late_get: look for a chunk that the view has lost.
 *   again  it was just read in vain: what was put since the last look counts
 *   out    gets its bytes; NULL: not wanted. Where the key may not open the
 *          pack they are not asked for, and the pack is only known to be there
 *   bytes  out: its length
 *   found  out: it can be had
 * Returns 0; E_NOMEM; E_STORE: whether it is there is not known; E_LATER,
 * E_BUSY: the cache is held by another process; E_IO.
 */
MUST_CHECK int check_late_get(struct check_late *l, enum pack_kind kind,
                              const struct chunk_id *id, bool again,
                              struct buf *out, uint64_t *bytes, bool *found);

enum check_late_fate {
    CHECK_LATE_ABSENT,  /* no journal commits it, as far as is known */
    CHECK_LATE_NEEDED,  /* it is to be had */
    CHECK_LATE_NEEDLESS /* forgotten or superseded: it may be gone */
};

/* check_late_snapshot: what has become of a snapshot by now. Where r has no
 * index it is absent. Errors as above. */
MUST_CHECK int check_late_snapshot(struct check_late *l,
                                   const struct object_id *id,
                                   enum check_late_fate *fate);

#endif
