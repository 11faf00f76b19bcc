/*
 * catchup_update: what a catch-up writes to the index, as a run of updates of
 * bounded size, begun when the first is needed: a catch-up that meets nothing
 * new takes no lock. An empty index of which more has to be said than fits into
 * one update is better filled in order, beside it (index_rebuild), where there
 * is room for both. Confined to one thread.
 */
#ifndef REPO_CATCHUP_UPDATE_H
#define REPO_CATCHUP_UPDATE_H

#include "repo/catchup.h"
#include "repo/catchup_marks.h"

struct catchup_update {
    struct catchup *c;      /* lent */
    struct index_reader *r; /* what was committed when the last update began */
    struct index_update *u; /* NULL: none is open */
    struct index_rebuild *fill;  /* NULL: r and u are of c's index; else of one
                                    that takes its place at the end */
    struct index_reader *before; /* with fill: of c's index */
    bool empty;                  /* c's index was, and nothing was committed */
    bool wants_fill;             /* it is too much for updates: start over so */
    bool no_fill;                /* that was tried, and there is no room */
    size_t load;                 /* records put into it at random places */
    struct catchup_mark log;     /* the log's mark when the run began, if ... */
    bool marked;                 /* ... there was one */
    bool ahead;                  /* the index stands for more than this key may
                                    read: it was removed, and is shared */
    bool overtaken;              /* by another process: start over */
    bool scan;   /* packs have to be asked for their directories */
    bool counts; /* what is open holds what others put, to be counted on */
};

/* catchup_update_init: a run over c's index; nothing is begun. up may be
 * released after an error too. Returns what the index returned.
 * catchup_update_init_fill: one that fills another in its place, in order.
 * Returns besides E_LATER: another process has filled or replaced it; E_BUSY:
 * one is filling it, and does not get on. */
MUST_CHECK int catchup_update_init(struct catchup_update *up,
                                   struct catchup *c);
MUST_CHECK int catchup_update_init_fill(struct catchup_update *up,
                                        struct catchup *c);

/* catchup_update_release: abandons an update that is open, or the filling. */
void catchup_update_release(struct catchup_update *up);

/*
 * catchup_update_breathe: between two facts: from its return on up->u is an
 * open update with room; one that had grown large was committed.
 *   more  of what counts as load that is about to be put
 * Returns 0; E_LATER: another process has brought the index up to date
 * meanwhile, or it wants to be filled (overtaken is set), or was replaced;
 * E_BUSY; what the index returned.
 */
MUST_CHECK int catchup_update_breathe(struct catchup_update *up);
MUST_CHECK int catchup_update_breathe_for(struct catchup_update *up,
                                          size_t more);

/*
 * catchup_update_commit: the end of the run; no update open is fine.
 * M7 (docs/concurrency.md 14): nothing that a journal says can be found in the
 * index, by us or another process, before the log was looked at once more after
 * it was read. Returns 0; E_LATER: the log has grown: its member may be leaving
 * since (overtaken is set); what the store or the index returned. The update is
 * open still when the look failed.
 */
MUST_CHECK int catchup_update_commit(struct catchup_update *up);

/*
 * catchup_update_place: the end of a filling, after catchup_update_commit():
 * what was filled takes the place of c's index, which has to be opened again;
 * up is to be released. Returns 0; E_LATER: another process was faster; what
 * the index returned. The old one stays after an error.
 */
MUST_CHECK int catchup_update_place(struct catchup_update *up);

#endif
