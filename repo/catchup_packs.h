/*
 * catchup_packs: packs into the index: from the segments that list them, and,
 * where those are lost, from the packs' own directories. Confined to one
 * thread.
 */
#ifndef REPO_CATCHUP_PACKS_H
#define REPO_CATCHUP_PACKS_H

#include "index/index.h"
#include "repo/record.h"
#include "repo/state.h"

struct catchup_update;
struct members_one;

/* Records that one update of the index takes at random places, but for a pack
 * of more chunks: each may dirty a page, so that these are some 80 MB. */
enum { CATCHUP_PACKS_LOAD = 16384 };

/* Where packs go, and by what they are judged; all lent. */
struct catchup_packs_to {
    struct store *store;        /* asked where segments disagree */
    const struct keyring *keys; /* whose member is to rely on them */
    const struct state *state;
    struct index_update *u;
};

/* catchup_packs_add: describe a pack and all its chunks in an update: both or
 * neither, so that a pack that is known is known whole.
 *   pack    state, condemned_by, chunk_n, dir, trusted and gone are set here.
 *           One that is doomed already has condemned_by 0
 *   dir     checked directory content
 *   added   out: false: the index had it already, or has what is right instead
 * Returns what the index returned; E_NOMEM. */
MUST_CHECK int catchup_packs_add(struct catchup_packs_to *to,
                                 struct index_pack *pack, struct bytes dir,
                                 bool *added);

/*
 * catchup_packs_segment: a segment record of w's journal, which is owner's: the
 * segment's packs into the index, unless it has them. A segment that owner did
 * not sign says nothing. One that cannot be read is counted (segments_lost),
 * and a scan owed.
 *   replaced  those that it stands for: they were merged
 * Returns 0; E_NOMEM; what store or index returned.
 */
MUST_CHECK int catchup_packs_segment(struct catchup_update *up,
                                     const struct writer_id *w,
                                     const struct members_one *owner,
                                     const struct object_id *id,
                                     const struct record_ids *replaced);

/*
 * catchup_packs_again: ask for the segments that were lost to earlier runs: one
 * get for each. What the store cannot give just now stays lost.
 *   ask    false: only say whether there are any
 *   lost   out: some still are
 *   stale  set when one turns out not to be of the member whose journal named
 *          it: perhaps another's names it too, and was not asked; else left
 *          alone
 * Returns 0; E_NOMEM; what the index returned.
 */
MUST_CHECK int catchup_packs_again(struct catchup_update *up, bool ask,
                                   bool *lost, bool *stale);

/*
 * catchup_packs_scan: ask every pack that the index does not know for its own
 * directory. Perhaps nobody's record lists it: it is for reading only (W2),
 * until one does. A pack that the index does know and that has gone, or has
 * another length than was said, is gone from then on. A pack whose
 * directory is damaged is passed over; a few that the store cannot give just
 * now are asked at the next start. Settles else what is owed. Takes no lock
 * where nothing is new. Returns 0; E_NOMEM; what store or index returned.
 */
MUST_CHECK int catchup_packs_scan(struct catchup_update *up);

/* catchup_packs_doubted: whether the index has a pack, not doomed, that has
 * gone or that nothing lists, or a suspect chunk. Goes through all packs. */
MUST_CHECK int catchup_packs_doubted(struct index_reader *r, bool *any);

#endif
