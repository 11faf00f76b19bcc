#include "repo/catchup.h"

#include "base/log.h"
#include "repo/catchup_journals.h"
#include "repo/catchup_log.h"
#include "repo/catchup_packs.h"
#include "repo/catchup_snapshots.h"

enum { CATCHUP_TRIES = 10 /* when other processes are faster */ };

/* What journals say, and what earlier runs could not read of it. What cannot be
 * read may be of an epoch of keys that began since the log was read. */
static int catchup_read(struct catchup_update *up,
                        const struct journal_list *list, bool *lost,
                        bool *stale)
{
    int rc = catchup_packs_again(up, up->c->starting, lost, stale);

    if (rc == 0 && !*stale)
        rc = catchup_journals_read(up, list);
    if (rc == 0 && !*stale && up->c->journals.journals > 0)
        rc = catchup_log_still(up);
    if (rc == 0 && !*stale && up->c->starting)
        rc = catchup_snapshots_again(up, stale);
    return rc;
}

/* The index stands for the log as it was read. */
static int catchup_finish(struct catchup_update *up, bool log_moved,
                          bool *stale)
{
    int rc = 0;

    if ((log_moved || up->u) && up->c->state->suspect_n > 0)
        rc = catchup_log_suspects(up);
    if (rc == 0 && log_moved)
        rc = catchup_journals_cut(up, stale);
    if (rc < 0 || *stale)
        return rc;
    if (log_moved)
        rc = catchup_log_note(up);
    return rc < 0 ? rc : catchup_update_commit(up);
}

static int catchup_apply(struct catchup_update *up,
                         const struct journal_list *list, bool *stale)
{
    bool log_moved = catchup_log_moved(up);
    bool ours = true;
    bool lost = false;
    /* should an earlier one have died before all packs were asked */
    int rc = catchup_marks_owed(up->r, &up->scan);

    /* filled from nothing: a journal that has gone whole, with all that it
     * listed, is missed by nobody */
    up->scan |= !up->marked;
    if (rc == 0)
        rc = catchup_marks_is_member(up->r, &up->c->keys->member, &ours);
    if (rc == 0 && (log_moved || !ours))
        rc = catchup_log_states(up);
    if (rc == 0)
        rc = catchup_read(up, list, &lost, stale);
    if (rc < 0 || *stale)
        return rc;
    /* a pack may be back that was missing when it was looked for */
    up->scan |= up->c->starting && (lost || up->c->journals.journals > 0);
    if (up->scan)
        rc = catchup_packs_scan(up);
    if (rc == 0)
        rc = catchup_finish(up, log_moved, stale);
    up->c->hurt =
        lost || up->c->segments_lost > 0 || up->c->journals.journals > 0;
    return rc;
}

static int catchup_read_all(struct catchup_update *up, bool *stale)
{
    struct catchup *c = up->c;
    struct journal_list list = {.item = NULL};
    int rc = catchup_log_fold(up, stale);

    if (rc == 0)
        rc = journal_list_load(c->store, &list);
    if (rc == 0 && !*stale && !up->ahead)
        rc = catchup_journals_known(up, &list, stale);
    if (rc == 0 && !*stale && !up->ahead)
        rc = catchup_apply(up, &list, stale);
    journal_list_release(&list);
    return rc;
}

/* How one attempt went. */
struct catchup_attempt {
    bool fill;      /* in: fill a new index in the place of the empty one */
    bool no_fill;   /* in: there was no room for one: by updates, however many
                       that takes */
    bool overtaken; /* out: try again, with fill and no_fill as they are then */
};

/* A second index beside the first, and what is sorted for it, take more of
 * memory, address space and disk than updates do. */
static void catchup_without_fill(struct catchup_attempt *a, int rc)
{
    if (!a->fill || (rc != E_NOMEM && rc != E_LIMIT && rc != E_NOSPACE))
        return;
    log_debug("the cache is filled by updates: %s", err_text());
    a->fill = false;
    a->no_fill = true;
    a->overtaken = true;
}

static int catchup_once(struct catchup *c, struct catchup_attempt *a,
                        bool *stale)
{
    struct catchup_update up;
    int rc = a->fill ? catchup_update_init_fill(&up, c)
                     : catchup_update_init(&up, c);

    *stale = false;
    up.no_fill = a->no_fill;
    c->journals = (struct journal_damage){.journals = 0};
    c->segments_lost = 0;
    if (rc == 0)
        rc = catchup_read_all(&up, stale);
    if (rc == 0 && a->fill && !*stale) {
        rc = catchup_update_place(&up);
        c->filled = rc == 0;
        if (rc == 0)
            rc = err_set(E_LATER, "the cache was filled: open it again");
    }
    a->overtaken = up.overtaken;
    catchup_without_fill(a, rc);
    a->fill |= up.wants_fill;
    catchup_update_release(&up);
    return rc;
}

int catchup_run(struct catchup *c, bool *stale)
{
    struct catchup_attempt a = {.overtaken = true};
    int rc = 0;

    for (int i = 0; i < CATCHUP_TRIES && a.overtaken; i++)
        rc = catchup_once(c, &a, stale);
    return rc;
}
