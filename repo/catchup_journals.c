#include "repo/catchup_journals.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "repo/catchup_packs.h"
#include "repo/catchup_snapshots.h"
#include "repo/magic.h"
#include "repo/record_journal.h"

enum {
    CATCHUP_JOURNALS_YOUNG_S = 3600 /* a record that old is long on the disk */
};

/* A record that was taken, and that no mark names so far. */
struct catchup_taken {
    bool any;
    bool gap; /* it stands behind one */
    struct catchup_mark mark;
    int64_t time_s;
};

/* A journal that is being read. */
struct catchup_journal {
    struct catchup_update *up;
    struct chain chain;
    const struct members_one *owner;
    struct catchup_mark stood;  /* where the index stands for it, if ... */
    bool marked;                /* ... it does */
    uint64_t last;              /* number of the last record that was listed */
    struct chain_tip tip;       /* the record before the next one ... */
    bool unknown;               /* ... is damaged: the link proves nothing */
    bool damaged;               /* a damaged record was met */
    bool gap;                   /* or one by somebody unknown: the mark stays */
    bool closed;                /* ended, fenced, cut, or not to be read now */
    struct catchup_taken taken; /* the last one that was */
    bool again;                 /* read from its first record on, mark or not */
    struct journal_list_numbers there; /* loaded when one is missing */
    size_t at;                         /* all before it have been read */
};

/* --- what a record says --- */

static int catchup_journals_apply(struct catchup_journal *j,
                                  const struct chain_record *r,
                                  const struct record_journal *says)
{
    switch ((enum record_journal_type)r->record.type) {
    case RECORD_SEGMENT:
        return catchup_packs_segment(j->up, &j->chain.writer, j->owner,
                                     &says->id, &says->ids);
    case RECORD_COMMIT:
        return catchup_snapshots_commit(j->up, &j->chain.writer, j->owner,
                                        &r->record, says);
    case RECORD_END:
    case RECORD_FENCE:
        j->closed = true;
        return 0;
    case RECORD_OPEN:
    case RECORD_RENEW:
    case RECORD_PIN:
        break;
    }
    return 0;
}

/* --- marks --- */

/* I10: a mark outlives a power cut, so what it names must. Without this a lost
 * record would look like a rollback. */
static int catchup_journals_settle(struct catchup_journal *j)
{
    int64_t now = clock_realtime_ns() / CLOCK_SECOND_NS;
    int64_t then = j->taken.time_s;
    char name[RECORD_NAME_MAX];

    if (then <= now && then > INT64_MIN / 2 &&
        now - then > CATCHUP_JOURNALS_YOUNG_S)
        return 0;
    chain_name(&j->chain, j->taken.mark.number, name);
    return store_make_durable(j->up->c->store, name, NULL);
}

/* Whether what was taken is ahead of the mark that is due for it: in what is
 * committed, perhaps by others, whose list of the store was a later one. */
static int catchup_journals_ahead(struct catchup_journal *j, bool *ahead)
{
    const struct writer_id *w = &j->chain.writer;
    struct catchup_mark m = {.number = 0};
    bool found;
    int rc = catchup_marks_journal(j->up->r, w, &m, &found);

    *ahead = rc == 0 && (!found || m.number < j->taken.mark.number);
    if (rc < 0 || !*ahead || !j->taken.gap)
        return rc;
    rc = catchup_marks_taken(j->up->r, w, &m, &found);
    *ahead = rc == 0 && (!found || m.number < j->taken.mark.number);
    return rc;
}

/*
 * A mark follows the record that was taken: the journal's own not over a gap,
 * so that each start looks again; none goes back.
 *   settle  it is the last one. All others of a chain are durable: each put had
 *           returned before the next began
 */
static int catchup_journals_mark(struct catchup_journal *j, bool settle)
{
    const struct writer_id *w = &j->chain.writer;
    bool ahead = false;
    int rc = j->taken.any ? catchup_journals_ahead(j, &ahead) : 0;

    if (rc == 0 && ahead && settle)
        rc = catchup_journals_settle(j);
    if (rc < 0 || !ahead)
        return rc;
    rc = catchup_update_breathe(j->up);
    if (rc == 0)
        rc = catchup_journals_ahead(j, &ahead);
    if (rc < 0 || !ahead)
        return rc;
    return j->taken.gap
               ? catchup_marks_put_taken(j->up->u, w, &j->taken.mark)
               : catchup_marks_put_journal(j->up->u, w, &j->taken.mark);
}

/* --- damage --- */

/*
 * Record k is damaged, or all from k to last are missing; why: the text of the
 * error. What they may have listed is looked for in the packs themselves, once
 * for all up to there: those were durable before the last was put (I2). More
 * that go missing behind them are news.
 */
static int catchup_journals_damaged(struct catchup_journal *j, uint64_t k,
                                    uint64_t last, const char *why)
{
    struct catchup_update *up = j->up;
    char name[RECORD_NAME_MAX];
    bool known;
    int rc;

    chain_name(&j->chain, k, name);
    log_debug("journal record damaged: %s: %s", name, why);
    journal_damage_note(&up->c->journals, name, why, !j->damaged);
    j->damaged = true;
    j->gap = true;
    rc = catchup_marks_damage(up->r, &j->chain.writer, last, &known);
    if (rc < 0 || known)
        return rc;
    up->scan = true;
    rc = catchup_update_breathe(up);
    if (rc == 0)
        rc = catchup_marks_put_damage(up->u, &j->chain.writer, last);
    return rc < 0 ? rc : catchup_marks_put_owed(up->u);
}

/* Record k is missing: the next one that is there. */
static int catchup_journals_missing(struct catchup_journal *j, uint64_t k,
                                    uint64_t *next)
{
    int rc = 0;

    j->unknown = true;
    *next = j->last + 1;
    if (!j->there.k)
        rc = journal_list_numbers(j->up->c->store, &j->chain.writer, &j->there);
    while (rc == 0 && j->at < j->there.n && j->there.k[j->at] <= k)
        j->at++;
    if (rc == 0 && j->at < j->there.n && j->there.k[j->at] < *next)
        *next = j->there.k[j->at];
    return rc < 0 ? rc
                  : catchup_journals_damaged(j, k, *next - 1, "is missing");
}

/* Whether r, whose seal and signature are good, comes behind the record that
 * was read before it; when it does not, both stand, as damage. */
static int catchup_journals_link(struct catchup_journal *j,
                                 const struct chain_record *r, bool *restart)
{
    bool behind_mark =
        j->marked && !j->again && r->record.number == j->stood.number + 1;
    /* the hashes of a cut say more than links (M3) */
    bool proved = j->unknown || j->owner->standing == RECORD_REMOVED;
    int rc = proved ? 0 : chain_follows(&j->chain, &j->tip, r);

    *restart = rc == E_CORRUPT && behind_mark;
    if (*restart)
        return 0;
    return rc == E_CORRUPT
               ? catchup_journals_damaged(j, r->record.number, r->record.number,
                                          err_text())
               : rc;
}

/* --- reading --- */

/* Whether an open record keeps its journal from being read: it is of a state
 * that ours does not reach yet, and leaves no mark (M1). */
static bool catchup_journals_bars(const struct catchup_journal *j,
                                  const struct chain_record *r,
                                  const struct record_journal *says)
{
    return r->record.type == RECORD_OPEN && r->record.number == 0 &&
           says->generation > j->up->c->state->tip.number;
}

/* Record k or the next that may count. */
static uint64_t catchup_journals_next(const struct catchup_journal *j,
                                      uint64_t k)
{
    return members_next(&j->up->c->state->members, j->owner, &j->chain.writer,
                        k);
}

/* Takes a record in that authenticates on its own; of those who may not put it
 * nothing counts, not even what cannot be understood. */
static int catchup_journals_take(struct catchup_journal *j,
                                 const struct chain_record *r)
{
    const struct members *m = &j->up->c->state->members;
    struct record_journal says;
    int rc;

    /* it may be a member that a later log record brings */
    j->gap |= !members_find(m, &r->signer);
    if (!members_may_journal(m, j->owner, &r->signer, r->record.type))
        return 0;
    rc = magic_unproved(record_journal_get(&r->record, &says));
    if (rc == E_CORRUPT)
        return catchup_journals_damaged(j, r->record.number, r->record.number,
                                        err_text());
    if (rc < 0)
        return rc;
    if (catchup_journals_bars(j, r, &says)) {
        j->closed = true;
        return 0;
    }
    rc = catchup_journals_apply(j, r, &says);
    if (rc == 0)
        rc = catchup_journals_mark(j, false);
    if (rc < 0)
        return rc;
    /* nothing can follow the last record that stands */
    j->closed |= catchup_journals_next(j, r->record.number + 1) == UINT64_MAX;
    j->taken = (struct catchup_taken){
        .any = true,
        .gap = j->gap,
        .mark = {.number = r->record.number, .id = r->id, .closed = j->closed},
        .time_s = r->record.time.s};
    return 0;
}

/* Whether r is the record that a cut leaves in its place. */
static int catchup_journals_in_place(struct catchup_journal *j,
                                     const struct chain_record *r)
{
    if (members_stands(&j->up->c->state->members, j->owner, &j->chain.writer,
                       r->record.number, &r->id))
        return 0;
    return err_set(E_CORRUPT, "is not what stood there when its member was "
                              "removed");
}

/* Reads record k; next: out: the number to go on with. */
static int catchup_journals_step(struct catchup_journal *j, uint64_t k,
                                 uint64_t *next)
{
    struct chain_record r = {.signer = {{0}}};
    bool restart = false;
    bool found = false;
    int rc;

    *next = catchup_journals_next(j, k);
    if (*next != k) {
        j->unknown = true;
        return 0;
    }
    *next = k + 1;
    rc = chain_get(&j->chain, k, &r, &found);
    if (rc == 0 && !found)
        return catchup_journals_missing(j, k, next);
    if (rc == E_ROLE) { /* what comes after a removal is not for this key */
        *next = j->last + 1;
        return 0;
    }
    /* nothing is believed before its signature: what looks like a newer format
     * may be damage just as well */
    if (rc == 0)
        rc = catchup_journals_in_place(j, &r);
    if (rc == E_CORRUPT || rc == E_UNSUPPORTED) {
        chain_record_release(&r);
        j->unknown = true;
        return catchup_journals_damaged(j, k, k, err_text());
    }
    if (rc == 0)
        rc = catchup_journals_link(j, &r, &restart);
    if (rc == 0 && restart) {
        /* the record at the mark is not the one of then, or this one is not
         * what followed it: the whole journal tells */
        j->again = true;
        j->tip = (struct chain_tip){.any = false};
        j->at = 0;
        *next = 0;
    } else if (rc == 0) {
        j->tip = (struct chain_tip){true, k, r.id};
        j->unknown = false;
        rc = catchup_journals_take(j, &r);
    }
    chain_record_release(&r);
    return rc;
}

/* M1: whether anything of the journal may count; how far it reaches then. */
static bool catchup_journals_counts(struct catchup_journal *j)
{
    const struct members *m = &j->up->c->state->members;
    uint64_t end;

    j->owner = members_owner(m, &j->chain.writer);
    if (!j->owner || !members_role_may_journal(j->owner->role, RECORD_OPEN))
        return false;
    end = members_end(m, j->owner, &j->chain.writer);
    if (end != UINT64_MAX && end > 0)
        j->last = end - 1;
    return end > 0;
}

/* The mark stands where the journal was cut meanwhile (M3): it is closed. */
static int catchup_journals_close(struct catchup_journal *j)
{
    const struct writer_id *w = &j->chain.writer;
    struct catchup_mark m = {.number = 0};
    bool found = false;
    int rc = catchup_update_breathe(j->up);

    if (rc == 0)
        rc = catchup_marks_journal(j->up->r, w, &m, &found);
    if (rc < 0 || !found || m.number != j->stood.number)
        return rc;
    m.closed = true;
    return catchup_marks_put_journal(j->up->u, w, &m);
}

/* Reads one on from the mark. */
static int catchup_journals_one(struct catchup_update *up,
                                const struct journal_list_item *it)
{
    struct catchup_journal j = {.up = up,
                                .chain = {.store = up->c->store,
                                          .keys = up->c->keys,
                                          .kind = ENVELOPE_JOURNAL,
                                          .writer = it->writer},
                                .last = it->last};
    uint64_t k = 0;
    int rc = catchup_marks_journal(up->r, &it->writer, &j.stood, &j.marked);

    if (rc < 0 || (j.marked && j.stood.closed) || !catchup_journals_counts(&j))
        return rc;
    if (j.marked) {
        j.tip = (struct chain_tip){true, j.stood.number, j.stood.id};
        k = j.stood.number + 1;
        if (catchup_journals_next(&j, k) == UINT64_MAX)
            return catchup_journals_close(&j);
    }
    while (rc == 0 && k <= j.last && !j.closed)
        rc = catchup_journals_step(&j, k, &k);
    if (rc == 0)
        rc = catchup_journals_mark(&j, true);
    journal_list_numbers_release(&j.there);
    return rc;
}

int catchup_journals_read(struct catchup_update *up,
                          const struct journal_list *list)
{
    int rc = 0;

    for (size_t i = 0; i < list->n && rc == 0; i++)
        rc = catchup_journals_one(up, &list->item[i]);
    return rc;
}

/* --- journals that the index knows --- */

struct catchup_journals_known {
    struct catchup_update *up;
    const struct journal_list *list;
    bool *stale;
};

/* M4: whether the index has taken what does not stand, since its member was
 * removed later. */
static bool catchup_journals_is_cut(const struct catchup_update *up,
                                    const struct writer_id *w,
                                    const struct catchup_mark *m)
{
    const struct members *members = &up->c->state->members;
    const struct members_one *owner;

    if (up->log.number >= members->removed_at)
        return false;
    owner = members_owner(members, w);
    return !owner || !members_stands(members, owner, w, m->number, &m->id);
}

static int catchup_journals_is_there(void *ctx, const struct writer_id *w,
                                     const struct catchup_mark *m)
{
    struct catchup_journals_known *k = ctx;
    char hex[2 * sizeof w->b + 1];
    char what[sizeof hex + 64];
    uint64_t last;

    if (!*k->stale && catchup_journals_is_cut(k->up, w, m))
        *k->stale = true;
    if (*k->stale ||
        (journal_list_find(k->list, w, &last) && last >= m->number))
        return 0;
    *k->stale = true;
    (void)snprintf(what, sizeof what,
                   "w/%s, a writer's journal, has gone or is shorter",
                   id_hex(w->b, sizeof w->b, hex));
    return catchup_marks_behind(k->up->c->accept_rollback, what);
}

static int catchup_journals_look_cut(void *ctx, const struct writer_id *w,
                                     const struct catchup_mark *m)
{
    struct catchup_journals_known *k = ctx;

    *k->stale |= catchup_journals_is_cut(k->up, w, m);
    return 0;
}

int catchup_journals_cut(struct catchup_update *up, bool *stale)
{
    struct catchup_journals_known k = {.up = up, .stale = stale};
    int rc = catchup_update_breathe(up);

    if (rc == 0)
        rc = catchup_marks_journals(up->r, catchup_journals_look_cut, &k);
    return rc < 0 ? rc
                  : catchup_marks_takens(up->r, catchup_journals_look_cut, &k);
}

int catchup_journals_known(struct catchup_update *up,
                           const struct journal_list *list, bool *stale)
{
    struct catchup_journals_known k = {up, list, stale};
    int rc = catchup_marks_journals(up->r, catchup_journals_is_there, &k);

    return rc < 0 ? rc
                  : catchup_marks_takens(up->r, catchup_journals_is_there, &k);
}
