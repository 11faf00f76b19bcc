#include "repo/check_chains.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "repo/epoch.h"
#include "repo/record_journal.h"

void check_chains_release(struct check_chains *c)
{
    state_release(&c->state);
    free(c->seen);
    free(c->segment);
    free(c->commit);
    idmap_release(&c->named);
    idmap_release(&c->replaced);
    idmap_release(&c->committed);
}

/* --- what records say --- */

static int check_log_body(struct check_chains *c, const struct chain_record *r,
                          const char *name)
{
    uint32_t epochs = c->state.epochs;
    int rc;

    if (!MEM_GROW(c->seen, c->seen_n, c->seen_cap))
        return err_set(E_NOMEM, "out of memory");
    c->seen[c->seen_n++] = (struct chain_tip){true, r->record.number, r->id};
    rc = state_apply(&c->state, r);
    /* opening may have stopped before it came here */
    if (rc == 0 && c->state.epochs > epochs)
        rc = epoch_take(c->keys, &c->state, r);
    if (rc == E_CORRUPT) /* perhaps for want of a record before it */
        rc = check_report_absent(c->report);
    return check_report_rc(c->report, rc, CHECK_LOG, name);
}

static int check_chains_tip_order(const void *key, const void *item)
{
    const uint64_t *number = key;
    const struct chain_tip *tip = item;

    return (*number > tip->number) - (*number < tip->number);
}

int check_chains_saw(struct check_chains *c, uint64_t number,
                     const struct object_id *id, const char *who)
{
    const struct chain_tip *tip = NULL;
    char name[RECORD_NAME_MAX];
    int rc;

    if (c->seen_n > 0)
        tip = bsearch(&number, c->seen, c->seen_n, sizeof *tip,
                      check_chains_tip_order);
    if (c->forked || (tip && object_id_equal(&tip->id, id)))
        return 0;
    /* one in the middle that could not be read has been reported as such */
    if (!tip && c->log.tip.any && number <= c->log.tip.number)
        return 0;
    c->forked = true;
    record_log_name(number, name);
    rc = tip ? E_CORRUPT : check_report_absent(c->report);
    rc = err_set(rc, "%s, which %s has seen: the log was rolled back",
                 tip ? "is not the one" : "is missing", who);
    return check_report_rc(c->report, rc, CHECK_LOG, name);
}

static int check_journal_segment(struct check_chains *c,
                                 const struct writer_id *w,
                                 const struct record_journal *j)
{
    int rc = 0;

    for (size_t i = 0; i < j->ids.n && rc == 0; i++) {
        struct object_id old = record_id_at(&j->ids, i);

        rc = idmap_put(&c->replaced, old.b, 0);
    }
    if (rc < 0 || idmap_get(&c->named, j->id.b, NULL))
        return rc;
    if (!MEM_GROW(c->segment, c->segment_n, c->segment_cap))
        return err_set(E_NOMEM, "out of memory");
    c->segment[c->segment_n++] =
        (struct check_segment){.id = j->id, .writer = *w};
    return idmap_put(&c->named, j->id.b, 0);
}

static int check_journal_commit(struct check_chains *c,
                                const struct object_id *id)
{
    if (idmap_get(&c->committed, id->b, NULL))
        return 0;
    if (!MEM_GROW(c->commit, c->commit_n, c->commit_cap))
        return err_set(E_NOMEM, "out of memory");
    c->commit[c->commit_n++] = *id;
    return idmap_put(&c->committed, id->b, 0);
}

static int check_journal_body(struct check_chains *c, struct check_chain *ch,
                              const struct chain_record *r, const char *name)
{
    bool opens = r->record.type == RECORD_OPEN;
    struct record_journal j;
    int rc = record_journal_get(&r->record, &j);

    if (rc < 0)
        return rc;
    if ((r->record.number == 0) != opens)
        return err_set(E_CORRUPT, "%s",
                       opens ? "opens the journal again"
                             : "does not open the journal");
    if (ch->closed)
        return err_set(E_CORRUPT, "stands behind the end of the journal");
    switch ((enum record_journal_type)r->record.type) {
    case RECORD_OPEN:
    case RECORD_RENEW:
        return check_chains_saw(c, j.generation, &j.log_id, name);
    case RECORD_SEGMENT:
        return check_journal_segment(c, &ch->chain.writer, &j);
    case RECORD_COMMIT:
        return check_journal_commit(c, &j.id);
    case RECORD_END:
    case RECORD_FENCE:
        ch->closed = true;
        return 0;
    case RECORD_PIN:
        break;
    }
    return 0;
}

/* --- chains --- */

/* A record that was read. Where its link is broken it still says something. */
static int check_chain_record(struct check_chains *c, struct check_chain *ch,
                              const struct chain_record *r, const char *name)
{
    int rc = 0;

    if (!ch->unknown)
        rc = check_report_rc(c->report, chain_follows(&ch->chain, &ch->tip, r),
                             ch->kind, name);
    ch->tip = (struct chain_tip){true, r->record.number, r->id};
    ch->unknown = false;
    if (rc < 0)
        return rc;
    if (memcmp(r->signer.b, c->state.founder.b, sizeof r->signer.b) != 0)
        return check_report_damage(c->report, ch->kind, name,
                                   "signed by somebody who is no member: it "
                                   "counts for nothing");
    if (ch->kind == CHECK_LOG)
        return check_log_body(c, r, name);
    return check_report_rc(c->report, check_journal_body(c, ch, r, name),
                           ch->kind, name);
}

/* A record that is not there, or cannot be read: rc says why. */
static int check_chain_lost(struct check_chains *c, struct check_chain *ch,
                            uint64_t number, int rc, const char *name)
{
    /* nothing of a record is believed before its signature: what looks like a
     * newer format may be damage just as well */
    if (rc == E_UNSUPPORTED)
        rc = err_set(E_CORRUPT, "%s (or its first bytes are damaged)",
                     err_text());
    rc = check_report_rc(c->report, rc, ch->kind, name);
    ch->tip = (struct chain_tip){.any = true, .number = number};
    ch->unknown = true;
    c->damaged |= ch->kind == CHECK_JOURNAL;
    return rc;
}

/* Reads the record behind the tip. found: out: false: there is none. */
static int check_chain_next(struct check_chains *c, struct check_chain *ch,
                            bool *found)
{
    uint64_t number = ch->tip.any ? ch->tip.number + 1 : 0;
    struct chain_record r = {.signer = {{0}}};
    char name[RECORD_NAME_MAX];
    int rc = cancel_check(c->cancel);

    if (rc < 0)
        return rc;
    *found = false;
    chain_name(&ch->chain, number, name);
    rc = chain_get(&ch->chain, number, &r, found);
    if (rc == 0 && *found) {
        rc = check_chain_record(c, ch, &r, name);
    } else if (rc < 0) {
        /* where the store fails, who knows whether there is one at all? */
        *found = rc != E_STORE || number <= ch->listed;
        ch->blind = !*found;
        rc = check_chain_lost(c, ch, number, rc, name);
    }
    chain_record_release(&r);
    return rc;
}

/* Reads on up to and with a number that was listed. */
static int check_chain_to(struct check_chains *c, struct check_chain *ch,
                          uint64_t number)
{
    int rc = 0;

    ch->listed = number;
    while (rc == 0 && (!ch->tip.any || ch->tip.number < number)) {
        uint64_t next = ch->tip.any ? ch->tip.number + 1 : 0;
        uint64_t last = next < number ? number - 1 : number;
        char name[RECORD_NAME_MAX];
        bool found;

        rc = check_chain_next(c, ch, &found);
        if (rc < 0 || found)
            continue;
        chain_name(&ch->chain, next, name);
        rc = err_set(E_CORRUPT, "missing, up to number %" PRIu64, last);
        rc = check_chain_lost(c, ch, last, rc, name);
    }
    return rc;
}

static int check_chains_log(struct check_chains *c)
{
    struct check_records list = {.item = NULL};
    bool found = true;
    int rc = check_records_load(c->store, "log", &list);

    c->log = (struct check_chain){
        .chain = {.store = c->store, .keys = c->keys, .kind = ENVELOPE_LOG},
        .kind = CHECK_LOG};
    for (size_t i = 0; i < list.n && rc == 0; i++)
        rc = check_chain_to(c, &c->log, list.item[i].number);
    while (rc == 0 && list.n > 0 && found)
        rc = check_chain_next(c, &c->log, &found);
    if (rc == 0 && list.n == 0)
        rc = check_report_damage(c->report, CHECK_LOG, "log/0000000000000000",
                                 "is missing: the log is empty");
    check_records_release(&list);
    return rc;
}

int check_chains_more(struct check_chains *c)
{
    bool found = !c->log.blind;
    int rc = 0;

    while (rc == 0 && found)
        rc = check_chain_next(c, &c->log, &found);
    c->report->sum->log_records = c->seen_n;
    return rc;
}

/* The n records of one journal. */
static int check_chains_journal(struct check_chains *c,
                                const struct check_record *record, size_t n)
{
    struct check_chain ch = {.chain = {.store = c->store,
                                       .keys = c->keys,
                                       .kind = ENVELOPE_JOURNAL,
                                       .writer = record->writer},
                             .kind = CHECK_JOURNAL};
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = check_chain_to(c, &ch, record[i].number);
    c->report->sum->journals++;
    return rc;
}

int check_chains_read(struct check_chains *c, const struct member_id *founder)
{
    struct check_records list = {.item = NULL};
    int rc;

    state_init(&c->state, founder);
    /* listed before the log is read: the log then holds whatever these
     * records have seen */
    rc = check_records_load(c->store, "w", &list);
    if (rc == 0)
        rc = check_chains_log(c);
    c->report->sum->log_records = c->seen_n;
    for (size_t i = 0; i < list.n && rc == 0;) {
        size_t n = check_records_run(&list, i);

        rc = check_chains_journal(c, &list.item[i], n);
        i += n;
    }
    check_records_release(&list);
    return rc;
}
