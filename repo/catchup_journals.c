#include "repo/catchup_journals.h"

#include "base/clock.h"
#include "repo/catchup_packs.h"
#include "repo/record_journal.h"
#include "repo/snapshot_list.h"

enum {
    CATCHUP_JOURNALS_YOUNG_S = 3600 /* a record that old is long on the disk */
};

static int catchup_journals_commit(struct catchup_update *up,
                                   const struct object_id *id)
{
    struct catchup *c = up->c;
    struct snapshot s;
    int rc = snapshot_list_read(c->store, c->keys, id, &s);

    if (rc == 0)
        rc = snapshot_list_note(up->u, id, &s.manifest.m);
    else if (rc == E_CORRUPT || rc == E_ROLE)
        rc = snapshot_list_note(up->u, id, NULL);
    snapshot_list_drop(&s);
    return rc;
}

static int catchup_journals_record(struct catchup_update *up,
                                   const struct writer_id *w,
                                   const struct chain_record *r,
                                   struct catchup_mark *mark)
{
    struct record_journal j;
    int rc = record_journal_get(&r->record, &j);

    if (rc < 0)
        return rc;
    mark->number = r->record.number;
    mark->id = r->id;
    if (memcmp(r->signer.b, up->c->state->founder.b, sizeof r->signer.b) != 0)
        return 0;
    switch ((enum record_journal_type)r->record.type) {
    case RECORD_SEGMENT:
        rc = catchup_packs_segment(up, w, &j.id);
        return rc < 0 ? rc : catchup_packs_replaced(up, &j.ids);
    case RECORD_COMMIT:
        return catchup_journals_commit(up, &j.id);
    case RECORD_END:
    case RECORD_FENCE:
        mark->closed = true;
        return 0;
    case RECORD_OPEN:
    case RECORD_RENEW:
    case RECORD_PIN:
        break;
    }
    return 0;
}

/*
 * I10: a mark outlives a power cut, so what it names must. All records of a
 * chain but the last one are durable: each put had returned before the next
 * began. Without this a lost record would look like a rollback.
 */
static int catchup_journals_settle(struct catchup_update *up,
                                   const struct chain *chain,
                                   const struct chain_record *r)
{
    int64_t now = clock_realtime_ns() / CLOCK_SECOND_NS;
    char name[RECORD_NAME_MAX];

    if (r->record.time.s <= now && r->record.time.s > INT64_MIN / 2 &&
        now - r->record.time.s > CATCHUP_JOURNALS_YOUNG_S)
        return 0;
    chain_name(chain, r->record.number, name);
    return store_make_durable(up->c->store, name, NULL);
}

/* Reads a journal from the mark on, up to record number `to`. */
static int catchup_journals_one(struct catchup_update *up,
                                const struct writer_id *w,
                                struct catchup_mark *mark, bool marked,
                                uint64_t to)
{
    struct chain chain = {.store = up->c->store,
                          .keys = up->c->keys,
                          .kind = ENVELOPE_JOURNAL,
                          .writer = *w};
    int rc = 0;

    for (uint64_t k = marked ? mark->number + 1 : 0;
         k <= to && rc == 0 && !(marked && mark->closed); k++) {
        struct chain_tip tip = {marked, mark->number, mark->id};
        struct chain_record r = {.signer = {{0}}};
        bool found = false;

        rc = catchup_update_breathe(up);
        if (rc == 0)
            rc = chain_get(&chain, k, &r, &found);
        if (rc == 0 && !found)
            rc = err_set(E_CORRUPT, "a journal lacks record %llu",
                         (unsigned long long)k);
        if (rc == 0)
            rc = chain_follows(&chain, &tip, &r);
        if (rc == 0)
            rc = catchup_journals_record(up, w, &r, mark);
        if (rc == 0 && (k == to || mark->closed))
            rc = catchup_journals_settle(up, &chain, &r);
        if (rc == 0)
            rc = catchup_update_breathe(up);
        if (rc == 0)
            rc = catchup_marks_put_journal(up->u, w, mark);
        marked = true;
        chain_record_release(&r);
    }
    return rc;
}

struct catchup_journals_known {
    struct catchup_update *up;
    const struct journal_list *list;
    bool *stale;
};

static int catchup_journals_is_there(void *ctx, const struct writer_id *w,
                                     const struct catchup_mark *m)
{
    struct catchup_journals_known *k = ctx;
    uint64_t last;

    if (*k->stale ||
        (journal_list_find(k->list, w, &last) && last >= m->number))
        return 0;
    *k->stale = true;
    return catchup_marks_behind(k->up->c->accept_rollback,
                                "a writer's journal has gone or is shorter");
}

int catchup_journals_known(struct catchup_update *up,
                           const struct journal_list *list, bool *stale)
{
    struct catchup_journals_known k = {up, list, stale};

    return catchup_marks_journals(up->r, catchup_journals_is_there, &k);
}

int catchup_journals_read(struct catchup_update *up,
                          const struct journal_list *list)
{
    int rc = 0;

    for (size_t i = 0; i < list->n && rc == 0; i++) {
        const struct journal_list_item *it = &list->item[i];
        struct catchup_mark mark = {.number = 0};
        bool marked;

        rc = catchup_marks_journal(up->r, &it->writer, &mark, &marked);
        if (rc == 0 && (!marked || (!mark.closed && mark.number < it->last)))
            rc = catchup_journals_one(up, &it->writer, &mark, marked, it->last);
    }
    return rc;
}
