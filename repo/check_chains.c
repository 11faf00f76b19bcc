#include "repo/check_chains.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "repo/epoch.h"
#include "repo/magic.h"
#include "repo/record_journal.h"

void check_chains_release(struct check_chains *c)
{
    state_release(&c->state);
    free(c->seen);
    free(c->segment);
    free(c->commit);
    free(c->merged);
    free(c->strange);
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
        rc = epoch_take(c->keys, &c->state, r, true);
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

static int check_journal_replaced(struct check_chains *c,
                                  const struct members_one *by,
                                  const struct record_ids *ids)
{
    for (size_t i = 0; i < ids->n; i++) {
        if (!MEM_GROW(c->merged, c->merged_n, c->merged_cap))
            return err_set(E_NOMEM, "out of memory");
        c->merged[c->merged_n++] =
            (struct check_replaced){record_id_at(ids, i), by};
    }
    return 0;
}

/* Two members may name one segment: it counts where its signer does. */
static int check_journal_segment(struct check_chains *c,
                                 const struct check_chain *ch,
                                 const struct record_journal *j)
{
    int rc = check_journal_replaced(c, ch->owner, &j->ids);
    uint64_t first;
    bool added;

    if (rc == 0 && idmap_get(&c->named, j->id.b, &first) &&
        c->segment[first].member == ch->owner)
        return 0;
    if (rc < 0)
        return rc;
    if (!MEM_GROW(c->segment, c->segment_n, c->segment_cap))
        return err_set(E_NOMEM, "out of memory");
    c->segment[c->segment_n++] = (struct check_segment){
        .id = j->id, .writer = ch->chain.writer, .member = ch->owner};
    return idmap_claim(&c->named, j->id.b, c->segment_n - 1, &added);
}

static int check_journal_commit(struct check_chains *c,
                                const struct check_chain *ch,
                                const struct object_id *id)
{
    const struct member_id *member = &ch->owner->id;
    uint64_t first;
    bool added;

    if (idmap_get(&c->committed, id->b, &first) &&
        memcmp(c->commit[first].member.b, member->b, sizeof member->b) == 0)
        return 0;
    if (!MEM_GROW(c->commit, c->commit_n, c->commit_cap))
        return err_set(E_NOMEM, "out of memory");
    c->commit[c->commit_n++] = (struct check_commit){*id, *member};
    return idmap_claim(&c->committed, id->b, c->commit_n - 1, &added);
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
        return check_journal_segment(c, ch, &j);
    case RECORD_COMMIT:
        return check_journal_commit(c, ch, &j.id);
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

/* by signed what does not count: what a removed key has left behind is no
 * damage. NULL: nobody knows who it was. */
static int check_chain_strange(struct check_chains *c, enum check_kind kind,
                               const char *name, const struct members_one *by)
{
    if (!by)
        return check_report_against(c->report, kind, name,
                                    "signed by somebody who is no member: it "
                                    "counts for nothing");
    if (by->standing != RECORD_ACTIVE)
        return check_report_note(c->report, kind, name,
                                 "signed by the removed key '%s': it counts "
                                 "for nothing",
                                 by->label);
    return check_report_against(c->report, kind, name,
                                "signed by the key '%s', which may not: it "
                                "counts for nothing; somebody else may have "
                                "that key",
                                by->label);
}

/* While the log is read: a later record may remove by. */
static int check_chain_wait(struct check_chains *c, uint64_t number,
                            const struct members_one *by)
{
    if (!MEM_GROW(c->strange, c->strange_n, c->strange_cap))
        return err_set(E_NOMEM, "out of memory");
    c->strange[c->strange_n++] = (struct check_strange){number, by};
    return 0;
}

static int check_chain_waited(struct check_chains *c)
{
    int rc = 0;

    c->log_read = true;
    for (size_t i = 0; i < c->strange_n && rc == 0; i++) {
        char name[RECORD_NAME_MAX];

        record_log_name(c->strange[i].number, name);
        rc = check_chain_strange(c, CHECK_LOG, name, c->strange[i].by);
    }
    return rc;
}

/* Whether r counts, by who signed it; where it does not, that is reported. */
static int check_chain_signed(struct check_chains *c, struct check_chain *ch,
                              const struct chain_record *r, const char *name,
                              bool *counts)
{
    const struct members *m = &c->state.members;
    const struct members_one *by = members_find(m, &r->signer);

    *counts =
        ch->kind == CHECK_LOG
            ? members_may_log(m, &r->signer, r->record.type)
            : members_may_journal(m, ch->owner, &r->signer, r->record.type);
    if (*counts)
        return 0;
    if (by && ch->kind == CHECK_LOG && !c->log_read)
        return check_chain_wait(c, r->record.number, by);
    return check_chain_strange(c, ch->kind, name, by);
}

/* A record that was read. Where its link is broken it still says something. */
static int check_chain_record(struct check_chains *c, struct check_chain *ch,
                              const struct chain_record *r, const char *name)
{
    bool counts = false;
    int rc = 0;

    /* the hashes of a cut say more than links (M3) */
    if (!ch->unknown && (!ch->owner || ch->owner->standing != RECORD_REMOVED))
        rc = check_report_rc(c->report, chain_follows(&ch->chain, &ch->tip, r),
                             ch->kind, name);
    ch->tip = (struct chain_tip){true, r->record.number, r->id};
    ch->unknown = false;
    if (rc < 0)
        return rc;
    rc = check_chain_signed(c, ch, r, name, &counts);
    if (rc < 0)
        return rc;
    /* it takes its number all the same */
    if (ch->kind == CHECK_LOG)
        return check_log_body(c, r, name);
    if (!counts)
        return 0;
    rc = magic_unproved(check_journal_body(c, ch, r, name));
    return check_report_rc(c->report, rc, ch->kind, name);
}

/* A record that is not there, or cannot be read: rc says why. */
static int check_chain_lost(struct check_chains *c, struct check_chain *ch,
                            uint64_t number, int rc, const char *name)
{
    /* nothing of a record is believed before its signature: what looks like a
     * newer format may be damage just as well */
    rc = check_report_rc(c->report, magic_unproved(rc), ch->kind, name);
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
    uint64_t stands = number;
    struct chain_record r = {.signer = {{0}}};
    char name[RECORD_NAME_MAX];
    int rc = cancel_check(c->cancel);

    if (rc < 0)
        return rc;
    /* what does not stand of a removed member's */
    if (ch->owner)
        stands = members_next(&c->state.members, ch->owner, &ch->chain.writer,
                              number);
    *found = stands > number;
    if (*found) {
        ch->tip = (struct chain_tip){.any = true, .number = stands - 1};
        ch->unknown = true;
        return 0;
    }
    chain_name(&ch->chain, number, name);
    rc = chain_get(&ch->chain, number, &r, found);
    if (rc == 0 && *found && ch->owner &&
        !members_stands(&c->state.members, ch->owner, &ch->chain.writer, number,
                        &r.id))
        rc = err_set(E_CORRUPT, "is not what stood there when its member was "
                                "removed");
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
    return rc < 0 ? rc : check_chain_waited(c);
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

/* Whether anything of a journal may count. It is reported when not. */
static int check_chains_owner(struct check_chains *c, struct check_chain *ch,
                              const struct check_record *first, bool *counts)
{
    const struct members *m = &c->state.members;
    char name[RECORD_NAME_MAX];

    chain_name(&ch->chain, first->number, name);
    ch->owner = members_owner(m, &ch->chain.writer);
    *counts =
        ch->owner && members_role_may_journal(ch->owner->role, RECORD_OPEN);
    if (!*counts)
        return check_report_against(c->report, CHECK_JOURNAL, name,
                                    "in a journal of somebody who is no member "
                                    "that writes: it counts for nothing");
    ch->end = members_end(m, ch->owner, &ch->chain.writer);
    return 0;
}

/* Of a removed member it is known how much there has to be. */
static int check_chains_rest(struct check_chains *c, struct check_chain *ch)
{
    char name[RECORD_NAME_MAX];
    bool found = true;
    uint64_t next;
    int rc = 0;

    for (;;) {
        next = ch->tip.any ? ch->tip.number + 1 : 0;
        if (rc < 0 || !found || next >= ch->end)
            break;
        rc = check_chain_next(c, ch, &found);
    }
    if (rc < 0 || found)
        return rc;
    chain_name(&ch->chain, next, name);
    rc = err_set(E_CORRUPT, "missing, up to number %" PRIu64, ch->end - 1);
    return check_chain_lost(c, ch, ch->end - 1, rc, name);
}

/* The n records of one journal that are there. */
static int check_chains_journal(struct check_chains *c,
                                const struct check_record *record, size_t n)
{
    struct check_chain ch = {.chain = {.store = c->store,
                                       .keys = c->keys,
                                       .kind = ENVELOPE_JOURNAL,
                                       .writer = record->writer},
                             .kind = CHECK_JOURNAL};
    char name[RECORD_NAME_MAX];
    bool counts = false;
    size_t i = 0;
    int rc = check_chains_owner(c, &ch, record, &counts);

    c->report->sum->journals++;
    if (rc < 0 || !counts)
        return rc;
    for (; i < n && record[i].number < ch.end && rc == 0; i++)
        rc = check_chain_to(c, &ch, record[i].number);
    if (rc == 0 && ch.end != UINT64_MAX)
        rc = check_chains_rest(c, &ch);
    if (rc < 0 || i == n)
        return rc;
    chain_name(&ch.chain, record[i].number, name);
    return check_report_note(c->report, CHECK_JOURNAL, name,
                             "and %zu records of the removed key '%s' that "
                             "were put later: they count for nothing",
                             n - i - 1, ch.owner->label);
}

/* Journals of removed members of which nothing is there any more. */
static int check_chains_gone(struct check_chains *c, const struct idmap *there)
{
    struct check_record none = {.number = 0};
    size_t at = 0;
    int rc = 0;

    while (rc == 0 && members_next_cut(&c->state.members, &at, &none.writer)) {
        uint8_t key[ID_BYTES] = {0};

        memcpy(key, none.writer.b, sizeof none.writer.b);
        if (!idmap_get(there, key, NULL))
            rc = check_chains_journal(c, &none, 0);
    }
    return rc;
}

/* What records say was replaced counts for a full key, and for segments of
 * one's own. */
static int check_chains_merged(struct check_chains *c)
{
    int rc = 0;

    for (size_t i = 0; i < c->merged_n && rc == 0; i++) {
        const struct check_replaced *m = &c->merged[i];
        uint64_t at;

        if (m->by->role == KEYRING_FULL ||
            (idmap_get(&c->named, m->id.b, &at) &&
             c->segment[at].member == m->by))
            rc = idmap_put(&c->replaced, m->id.b, 0);
    }
    return rc;
}

int check_chains_read(struct check_chains *c, const struct member_id *founder)
{
    struct check_records list = {.item = NULL};
    struct idmap there = {.n = 0};
    int rc = state_init(&c->state, founder);

    /* listed before the log is read: the log then holds whatever these
     * records have seen */
    if (rc == 0)
        rc = check_records_load(c->store, "w", &list);
    if (rc == 0)
        rc = check_chains_log(c);
    c->report->sum->log_records = c->seen_n;
    for (size_t i = 0; i < list.n && rc == 0;) {
        size_t n = check_records_run(&list, i);
        uint8_t key[ID_BYTES] = {0};

        memcpy(key, list.item[i].writer.b, sizeof list.item[i].writer.b);
        rc = idmap_put(&there, key, 0);
        if (rc == 0)
            rc = check_chains_journal(c, &list.item[i], n);
        i += n;
    }
    if (rc == 0)
        rc = check_chains_gone(c, &there);
    if (rc == 0)
        rc = check_chains_merged(c);
    idmap_release(&there);
    check_records_release(&list);
    return rc;
}
