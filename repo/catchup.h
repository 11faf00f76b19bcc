/*
 * catchup: brings state and index to what the store says: new log records,
 * new journal records, the segments they name. The index is believed only as
 * far as its marks agree with the store (I5); otherwise it is emptied and
 * filled again.
 *
 * Confined to one thread at a time.
 */
#ifndef REPO_CATCHUP_H
#define REPO_CATCHUP_H

#include "index/index.h"
#include "repo/state.h"

struct catchup {
    struct store *store;        /* lent */
    const struct keyring *keys; /* lent */
    struct index *index;        /* lent */
    struct state *state;        /* lent; brought forward */
    uint32_t wait_ms;           /* for the index's update lock */
    bool accept_rollback;
    uint64_t segments_lost; /* out: that could not be read; what they said was
                               taken from the packs themselves */
};

/*
 * catchup_run: do it.
 *   stale  out: the index stands for something else: discard it and call again
 *          with an empty one (the state too)
 * Returns 0; E_ROLLBACK: the repository is older than what this cache has
 * seen; E_CORRUPT (log or journals damaged); E_BUSY (update lock); E_LATER
 * (other processes kept changing the cache); E_NOSPACE or E_IO of the cache;
 * what the store returned.
 */
MUST_CHECK int catchup_run(struct catchup *c, bool *stale);

/* Where a writer's journal stands in the index. */
struct catchup_mark {
    uint64_t number;
    struct object_id id;
    bool closed; /* ended or fenced */
};

/* catchup_note_journal / catchup_note_log: put such a mark into an update. */
MUST_CHECK int catchup_note_journal(struct index_update *u,
                                    const struct writer_id *w,
                                    const struct catchup_mark *m);
MUST_CHECK int catchup_note_log(struct index_update *u,
                                const struct chain_tip *tip);

/* catchup_closed: whether the index knows the end, or the fence, of a journal.
 */
MUST_CHECK int catchup_closed(struct index_reader *r, const struct writer_id *w,
                              bool *closed);

/* catchup_add_pack: describe a pack and all its chunks in an update: both or
 * neither, so that a pack that is known is known whole.
 *   dir     checked directory content
 *   added   out: false: the index had it already */
MUST_CHECK int catchup_add_pack(struct index_update *u, const struct state *s,
                                struct index_pack *pack, struct bytes dir,
                                bool *added);

#endif
