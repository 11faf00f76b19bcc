#include "repo/journal.h"

#include "repo/record_journal.h"

void journal_init(struct journal *j, const struct writer_id *w)
{
    *j = (struct journal){.writer = *w};
}

static struct chain journal_chain(const struct journal *j, const struct repo *r)
{
    return (struct chain){.store = r->store,
                          .keys = r->keys,
                          .kind = ENVELOPE_JOURNAL,
                          .writer = j->writer};
}

/* Folds one record in that follows the tip. */
static int journal_apply(struct journal *j, const struct repo *r,
                         const struct chain_record *c)
{
    struct record_journal says;
    int rc = 0;

    if (memcmp(c->signer.b, r->state.founder.b, sizeof c->signer.b) == 0) {
        rc = record_journal_get(&c->record, &says);
        if (rc == 0 &&
            (c->record.type == RECORD_OPEN) != (c->record.number == 0))
            rc = err_set(E_CORRUPT, "a journal opened in its middle");
        if (rc < 0)
            return rc;
        if (c->record.type == RECORD_OPEN || c->record.type == RECORD_RENEW)
            j->generation = says.generation;
        j->ended = c->record.type == RECORD_END;
        j->fenced = c->record.type == RECORD_FENCE;
        j->spoke = c->record.time;
    }
    j->tip = (struct chain_tip){true, c->record.number, c->id};
    return 0;
}

int journal_read(struct journal *j, const struct repo *r, bool *more)
{
    struct chain chain = journal_chain(j, r);
    uint64_t before = j->tip.any ? j->tip.number + 1 : 0;
    bool found = true;
    int rc = 0;

    while (rc == 0 && found && !j->ended && !j->fenced) {
        struct chain_record c = {.signer = {{0}}};

        rc = chain_get(&chain, j->tip.any ? j->tip.number + 1 : 0, &c, &found);
        if (rc == 0 && found)
            rc = chain_follows(&chain, &j->tip, &c);
        if (rc == 0 && found)
            rc = journal_apply(j, r, &c);
        chain_record_release(&c);
    }
    if (more)
        *more = (j->tip.any ? j->tip.number + 1 : 0) > before;
    return rc;
}

int journal_fence(struct journal *j, const struct repo *r, bool *done)
{
    struct record_journal says = {.seen = r->state.tip.number};
    struct chain chain = journal_chain(j, r);
    struct chain_tip tip = j->tip;
    char name[RECORD_NAME_MAX];
    struct buf body;
    int rc;

    *done = false;
    ASSERT(j->tip.any && !j->ended && !j->fenced);
    if (r->keys->role != KEYRING_FULL && r->keys->role != KEYRING_MAINTAIN)
        return err_set(E_ROLE, "this key may not end the runs of others");
    /* R3: what we saw may be lost in a power cut and put once more; it must
     * not come to stand before our fence then */
    chain_name(&chain, tip.number, name);
    rc = store_make_durable(r->store, name, NULL);
    if (rc < 0)
        return rc;
    buf_init(&body, 1024);
    record_journal_put(RECORD_FENCE, &says, &body);
    rc = buf_status(&body);
    if (rc == 0)
        rc = chain_put(&chain, &tip, RECORD_FENCE, buf_bytes(&body), done);
    buf_release(&body);
    if (rc == 0 && *done) {
        j->tip = tip;
        j->fenced = true;
    }
    return rc;
}
