/*
 * catchup: brings state and index to what the store says: new log records,
 * new journal records, the segments they name. The index is believed only as
 * far as its marks agree with the store (I5); otherwise it is emptied and
 * filled again.
 *
 * Its parts: catchup_log (the log), catchup_journals (journals), catchup_packs
 * (segments and packs), catchup_snapshots, catchup_marks (how far the index
 * stands for them), catchup_update (how it is written).
 *
 * Confined to one thread at a time.
 */
#ifndef REPO_CATCHUP_H
#define REPO_CATCHUP_H

#include "index/index.h"
#include "repo/journal_damage.h"
#include "repo/state.h"

struct catchup {
    struct store *store;    /* lent */
    struct keyring *keys;   /* lent; epochs that began are added */
    struct index *index;    /* lent */
    struct state *state;    /* lent; brought forward */
    const char *index_path; /* lent: where it stands: when it is empty and much
                               has to be said, another may take its place, if
                               there is room for both; NULL: none may */
    const struct repo_id *repo; /* lent; whose it is; with index_path */
    uint32_t wait_ms;           /* for the index's update lock */
    bool accept_rollback;
    bool starting; /* ask again for what earlier processes could not read */
    bool filled;   /* out: the index's place was taken by one that was filled
                      from nothing, and E_LATER returned: open it again */
    uint64_t segments_lost; /* out: that could not be read; what they said was
                               taken from the packs themselves */
    struct journal_damage journals; /* out: likewise; met by each run anew */
    bool hurt; /* out: the index lacks, or knows from packs alone, something
                  that a damaged record or a lost segment says, of this run or
                  of an earlier one */
};

/*
 * catchup_run: do it.
 *   stale  out: the index stands for something else: discard it and call again
 *          with an empty one; the state stands for this repository's log and
 *          stays
 * Returns 0; E_ROLLBACK: the repository is older than what this cache has
 * seen; E_CORRUPT (the log is damaged); E_BUSY (update lock); E_LATER
 * (other processes kept changing the cache, or filled); E_NOSPACE or E_IO of
 * the cache; what the store returned.
 */
MUST_CHECK int catchup_run(struct catchup *c, bool *stale);

#endif
