#include "repo/journal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/journal_list.h"
#include "repo/record_journal.h"
#include "repo/repo_role.h"
#include "repo/writer_process.h"

void journal_init(struct journal *j, const struct writer_id *w)
{
    *j = (struct journal){.writer = *w};
}

void journal_release(struct journal *j)
{
    free(j->pin);
    *j = (struct journal){.writer = j->writer};
}

static int journal_add_pins(struct journal *j, const struct record_ids *ids)
{
    for (size_t i = 0; i < ids->n; i++) {
        if (!MEM_GROW(j->pin, j->pin_n, j->pin_cap))
            return err_set(E_NOMEM, "out of memory");
        j->pin[j->pin_n++] = record_id_at(ids, i);
    }
    return 0;
}

/* What an open record says of its process. */
static bool journal_is_dead(const struct record_process *p)
{
    struct writer_process text;
    struct record_process self;

    writer_process_get(&text, &self);
    return writer_process_is_dead(&self, p);
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
                         const struct members_one *owner,
                         const struct chain_record *c)
{
    struct record_journal says;
    int rc = 0;

    if (members_may_journal(&r->state.members, owner, &c->signer,
                            c->record.type)) {
        rc = record_journal_get(&c->record, &says);
        if (rc == 0 &&
            (c->record.type == RECORD_OPEN) != (c->record.number == 0))
            rc = err_set(E_CORRUPT, "a journal opened in its middle");
        if (rc < 0)
            return rc;
        if (c->record.type == RECORD_OPEN || c->record.type == RECORD_RENEW)
            j->generation = says.generation;
        if (c->record.type == RECORD_OPEN)
            j->dead = journal_is_dead(&says.process);
        if (c->record.type == RECORD_PIN)
            rc = journal_add_pins(j, &says.ids);
        if (rc < 0)
            return rc;
        j->ended = c->record.type == RECORD_END;
        j->fenced = c->record.type == RECORD_FENCE;
        j->spoke = c->record.time;
    }
    j->tip = (struct chain_tip){true, c->record.number, c->id};
    return 0;
}

static uint64_t journal_next(const struct journal *j)
{
    return j->tip.any ? j->tip.number + 1 : 0;
}

/* No record has the next number: whether later ones are there. They are listed
 * after we asked, and number k is there before k + 1 is put: it is asked for
 * again. */
static int journal_is_broken(const struct journal *j, const struct repo *r,
                             bool *broken)
{
    struct journal_list_numbers there = {.k = NULL};
    struct chain chain = journal_chain(j, r);
    char name[RECORD_NAME_MAX];
    uint64_t size;
    bool found = false;
    int rc = journal_list_numbers(r->store, &j->writer, &there);

    chain_name(&chain, journal_next(j), name);
    *broken = there.n > 0 && there.k[there.n - 1] > journal_next(j);
    if (rc == 0 && *broken)
        rc = store_size(r->store, name, &size, &found);
    *broken = *broken && !found;
    journal_list_numbers_release(&there);
    return rc;
}

static int journal_end(const struct journal *j, const struct repo *r)
{
    struct chain chain = journal_chain(j, r);
    char name[RECORD_NAME_MAX];
    bool broken;
    int rc = journal_is_broken(j, r, &broken);

    if (rc < 0 || !broken)
        return rc;
    chain_name(&chain, journal_next(j), name);
    return err_set(E_CORRUPT, "%s: is missing, and later ones are there", name);
}

/* Passes over what does not stand behind the tip. Returns whether more does. */
static bool journal_skip(struct journal *j, const struct members *m,
                         const struct members_one *owner)
{
    uint64_t next = members_next(m, owner, &j->writer, journal_next(j));

    if (next == UINT64_MAX)
        return false;
    if (next > journal_next(j)) {
        j->tip = (struct chain_tip){.any = true, .number = next - 1};
        j->unknown = true;
    }
    return true;
}

/* Reads the record behind the tip. */
static int journal_step(struct journal *j, const struct repo *r,
                        const struct members_one *owner, bool *found)
{
    const struct members *m = &r->state.members;
    struct chain chain = journal_chain(j, r);
    struct chain_record c = {.signer = {{0}}};
    uint64_t next = journal_next(j);
    int rc;

    rc = chain_get(&chain, next, &c, found);
    /* the hashes of a cut say more than links (M3) */
    if (rc == 0 && *found && !j->unknown && owner->standing != RECORD_REMOVED)
        rc = chain_follows(&chain, &j->tip, &c);
    if (rc == 0 && *found && !members_stands(m, owner, &j->writer, next, &c.id))
        rc = err_set(E_CORRUPT, "is not what stood there when its member was "
                                "removed");
    if (rc == 0 && *found) {
        rc = journal_apply(j, r, owner, &c);
        j->unknown = false;
    } else if (rc == 0) {
        rc = journal_end(j, r);
    }
    chain_record_release(&c);
    return rc;
}

int journal_read(struct journal *j, const struct repo *r, bool *more)
{
    const struct members *m = &r->state.members;
    const struct members_one *owner = members_owner(m, &j->writer);
    uint64_t before = journal_next(j);
    bool found = true;
    int rc = 0;

    if (!owner)
        return err_set(E_LATER, "a journal whose member is not known");
    while (rc == 0 && found && !j->ended && !j->fenced) {
        if (journal_skip(j, m, owner))
            rc = journal_step(j, r, owner, &found);
        else
            j->ended = true; /* where it was cut (M3) */
    }
    if (more)
        *more = journal_next(j) > before;
    return rc;
}

/* Puts a fence behind the record that tip names; done: tip is the fence. */
static int journal_fence_at(const struct repo *r, const struct writer_id *w,
                            struct chain_tip *tip, bool *done)
{
    struct record_journal says = {.seen = r->state.tip.number};
    struct chain chain = {.store = r->store,
                          .keys = r->keys,
                          .kind = ENVELOPE_JOURNAL,
                          .writer = *w};
    char name[RECORD_NAME_MAX];
    struct buf body;
    int rc;

    *done = false;
    if (r->keys->role != KEYRING_FULL && r->keys->role != KEYRING_MAINTAIN)
        return err_set(E_ROLE, "this key may not end the runs of others");
    /* R3: what we saw may be lost in a power cut and put once more; it must
     * not come to stand before our fence then */
    chain_name(&chain, tip->number, name);
    rc = store_make_durable(r->store, name, NULL);
    if (rc < 0)
        return rc;
    buf_init(&body, 1024);
    record_journal_put(RECORD_FENCE, &says, &body);
    rc = buf_status(&body);
    if (rc == 0)
        rc = chain_put(&chain, tip, RECORD_FENCE, buf_bytes(&body), done);
    buf_release(&body);
    return rc;
}

int journal_fence(struct journal *j, const struct repo *r, bool *done)
{
    struct chain_tip tip = j->tip;
    int rc;

    *done = false;
    ASSERT(j->tip.any && !j->ended && !j->fenced);
    rc = repo_role_active(r);
    if (rc == 0)
        rc = journal_fence_at(r, &j->writer, &tip, done);
    if (rc == 0 && *done) {
        j->tip = tip;
        j->fenced = true;
    }
    return rc;
}
