/*
 * catchup_update: what a catch-up writes to the index, as a run of updates of
 * bounded size, begun when the first is needed: a catch-up that meets nothing
 * new takes no lock. Confined to one thread.
 */
#ifndef REPO_CATCHUP_UPDATE_H
#define REPO_CATCHUP_UPDATE_H

#include "repo/catchup.h"
#include "repo/catchup_marks.h"

struct catchup_update {
    struct catchup *c;       /* lent */
    struct index_reader *r;  /* what was committed when the last update began */
    struct index_update *u;  /* NULL: none is open */
    size_t chunks;           /* put into it */
    struct catchup_mark log; /* the log's mark when the run began, if ... */
    bool marked;             /* ... there was one */
    bool ahead;              /* the index stands for more than this key may
                                read: it was removed, and is shared */
    bool overtaken;          /* by another process: start over */
    bool scan;               /* packs have to be asked for their directories */
    bool counts; /* what is open holds what others put, to be counted on */
};

/* catchup_update_init: a run over c's index; nothing is begun. up may be
 * released after an error too. Returns what the index returned. */
MUST_CHECK int catchup_update_init(struct catchup_update *up,
                                   struct catchup *c);

/* catchup_update_release: abandons an update that is open. */
void catchup_update_release(struct catchup_update *up);

/*
 * catchup_update_breathe: between two facts: from its return on up->u is an
 * open update with room; one that had grown large was committed.
 * Returns 0; E_LATER: another process has brought the index up to date
 * meanwhile (overtaken is set), or replaced it; E_BUSY; what the index
 * returned.
 */
MUST_CHECK int catchup_update_breathe(struct catchup_update *up);

/*
 * catchup_update_commit: the end of the run; no update open is fine.
 * M7 (docs/concurrency.md 14): nothing that a journal says can be found in the
 * index, by us or another process, before the log was looked at once more after
 * it was read. Returns 0; E_LATER: the log has grown: its member may be leaving
 * since (overtaken is set); what the store or the index returned. The update is
 * open still when the look failed.
 */
MUST_CHECK int catchup_update_commit(struct catchup_update *up);

#endif
