#include "repo/key_remove.h"

#include "base/blake3.h"
#include "repo/journal.h"
#include "repo/journal_list.h"
#include "repo/members_draft.h"
#include "repo/repo_role.h"
#include "repo/slot_list.h"

enum {
    /* A journal that outruns so many fences is no honest run's. */
    KEY_REMOVE_FENCES = 20,
    /* Records that are missing below others: more are no loss, but a name that
     * was put far out. */
    KEY_REMOVE_GAP_MAX = 1000,
    /* of all cuts together: with the list of members they fit one record */
    KEY_REMOVE_CUTS_MAX = 14 << 20
};

struct key_remove {
    struct repo *r;
    const struct member_id *who;
    bool force;
    struct key_remove_result *out;
    enum record_standing standing; /* what it is to become */
    struct buf cuts;
    size_t cut_n;
    struct members_draft draft;
};

/* --- the records --- */

static int key_remove_compute(void *ctx, const struct repo *r,
                              struct repo_log_draft *d)
{
    struct key_remove *k = ctx;
    const struct members_one *one = members_find(&r->state.members, k->who);
    struct members_change c = {.who = k->who, .standing = k->standing};

    if (!one)
        return err_set(E_REFUSED, "there is no such key");
    if (one->standing >= k->standing) {
        d->nothing = true;
        return 0;
    }
    if (k->standing == RECORD_REMOVED)
        c.cuts = (struct record_cuts){buf_bytes(&k->cuts), k->cut_n};
    return members_draft_make(&k->draft, r, &c, d);
}

static int key_remove_say(struct key_remove *k, enum record_standing standing)
{
    k->standing = standing;
    return repo_log_append(k->r, key_remove_compute, k, NULL);
}

/* --- one journal --- */

struct key_remove_journal {
    struct chain chain;
    struct buf hash;      /* of the records that were read */
    struct chain_tip tip; /* the last of them */
    uint64_t damaged;
    bool closed;
    bool barred; /* void from its open on */
};

/* The bytes that lie under a name have a hash, whatever they are. */
static int key_remove_hash(const struct repo *r, const char *name,
                           struct object_id *id)
{
    struct buf file;
    bool found;
    int rc;

    buf_init(&file, envelope_max_bytes(ENVELOPE_JOURNAL) + 1);
    rc = store_get(r->store, name, &file, &found);
    if (rc == 0 || rc == E_LIMIT || rc == E_CORRUPT)
        blake3_hash(buf_bytes(&file), id->b);
    buf_release(&file);
    return rc == E_LIMIT || rc == E_CORRUPT ? 0 : rc;
}

static int key_remove_said(struct key_remove *k, struct key_remove_journal *j,
                           const struct members_one *owner,
                           const struct chain_record *c)
{
    struct record_journal says;
    int rc;

    if (!members_may_journal(&k->r->state.members, owner, &c->signer,
                             c->record.type))
        return 0;
    rc = record_journal_get(&c->record, &says);
    if (rc < 0)
        return rc;
    j->closed = c->record.type == RECORD_END || c->record.type == RECORD_FENCE;
    j->barred |= c->record.type == RECORD_OPEN && c->record.number == 0 &&
                 members_voids(owner, says.generation);
    return 0;
}

/* Takes record n in, or that it is damaged. */
static int key_remove_record(struct key_remove *k, struct key_remove_journal *j,
                             const struct members_one *owner, uint64_t n)
{
    static const struct object_id unread = {{0}};
    struct chain_record c = {.signer = {{0}}};
    char name[RECORD_NAME_MAX];
    bool found = false;
    int rc = chain_get(&j->chain, n, &c, &found);

    chain_name(&j->chain, n, name);
    j->tip = (struct chain_tip){true, n, c.id};
    if (rc == 0 && found)
        rc = key_remove_said(k, j, owner, &c);
    if (rc == 0 && !found)
        rc = err_set(E_CORRUPT, "%s: is missing", name);
    if (rc == E_CORRUPT || rc == E_UNSUPPORTED) {
        j->damaged++;
        c.id = unread;
        rc = key_remove_hash(k->r, name, &j->tip.id);
    }
    if (rc == 0) {
        buf_add(&j->hash, c.id.b, sizeof c.id.b);
        rc = buf_status(&j->hash);
    }
    chain_record_release(&c);
    return rc;
}

/* Reads on to the end that the store lists. */
static int key_remove_read(struct key_remove *k, struct key_remove_journal *j,
                           const struct members_one *owner)
{
    struct journal_list_numbers there = {.k = NULL};
    uint64_t n = j->tip.any ? j->tip.number + 1 : 0;
    int rc = journal_list_numbers(k->r->store, &j->chain.writer, &there);

    for (size_t i = 0; i < there.n && rc == 0; i++) {
        if (there.k[i] > n && there.k[i] - n > KEY_REMOVE_GAP_MAX)
            break;
        for (; n <= there.k[i] && rc == 0 && !j->closed && !j->barred; n++)
            rc = key_remove_record(k, j, owner, n);
    }
    journal_list_numbers_release(&there);
    return rc;
}

/* Ends a journal: what was read of it then is all that it will ever say. */
static int key_remove_close(struct key_remove *k, struct key_remove_journal *j,
                            const struct members_one *owner)
{
    bool done = false;
    int rc = key_remove_read(k, j, owner);

    for (int i = 0; i < KEY_REMOVE_FENCES && rc == 0 && j->tip.any &&
                    !j->closed && !j->barred && !done;
         i++) {
        rc = journal_fence_at(k->r, &j->chain.writer, &j->tip, &done);
        if (rc == 0 && done) {
            k->out->fenced++;
            buf_add(&j->hash, j->tip.id.b, sizeof j->tip.id.b);
            rc = buf_status(&j->hash);
        } else if (rc == 0) {
            rc = key_remove_read(k, j, owner);
        }
    }
    return rc;
}

/* I10: a cut lists what must not be lost again. */
static int key_remove_settle(const struct key_remove *k,
                             const struct key_remove_journal *j)
{
    char name[RECORD_NAME_MAX];

    chain_name(&j->chain, j->tip.number, name);
    return store_make_durable(k->r->store, name, NULL);
}

static int key_remove_journal(struct key_remove *k,
                              const struct members_one *owner,
                              const struct writer_id *w)
{
    struct key_remove_journal j = {.chain = {.store = k->r->store,
                                             .keys = k->r->keys,
                                             .kind = ENVELOPE_JOURNAL,
                                             .writer = *w}};
    int rc;

    buf_init(&j.hash, KEY_REMOVE_CUTS_MAX);
    rc = key_remove_close(k, &j, owner);
    if (rc == 0 && j.tip.any && !j.barred) {
        struct record_cut cut = {
            .writer = *w, .hash = j.hash.p, .n = j.hash.n / ID_BYTES};

        rc = key_remove_settle(k, &j);
        record_member_cut_put(&k->cuts, &cut);
        if (rc == 0)
            rc = buf_status(&k->cuts);
        k->cut_n++;
        k->out->journals++;
        k->out->damaged += j.damaged;
    }
    buf_release(&j.hash);
    return rc == E_LIMIT ? err_add(rc, "the journals of this key") : rc;
}

/* --- all of them --- */

static int key_remove_journals(struct key_remove *k)
{
    const struct members_one *owner =
        members_find(&k->r->state.members, k->who);
    struct journal_list list = {.item = NULL};
    int rc = journal_list_load(k->r->store, &list);

    for (size_t i = 0; i < list.n && rc == 0; i++) {
        if (members_owns(k->who, &list.item[i].writer))
            rc = key_remove_journal(k, owner, &list.item[i].writer);
    }
    journal_list_release(&list);
    if (rc == 0 && k->out->damaged > 0 && !k->force)
        rc = err_set(E_REFUSED,
                     "%llu records of its journals are damaged: what they said "
                     "would be void for ever ('dedup check' names them); it "
                     "writes nothing any more, and --force removes it",
                     (unsigned long long)k->out->damaged);
    return rc;
}

/* Our own key cannot sign what follows its leaving. */
static int key_remove_own(struct key_remove *k)
{
    int rc = key_remove_say(k, RECORD_LEAVING);

    if (rc == 0)
        rc = slot_list_drop(k->r->store, k->who, NULL);
    k->out->unfinished = rc == 0;
    return rc;
}

static int key_remove_steps(struct key_remove *k)
{
    int rc;

    if (memcmp(k->who->b, k->r->keys->member.b, sizeof k->who->b) == 0) {
        if (!k->force)
            return err_set(E_REFUSED,
                           "%s: this is the key in use: remove it with "
                           "another one, or with --force",
                           store_place(k->r->store));
        return key_remove_own(k);
    }
    rc = key_remove_say(k, RECORD_LEAVING);
    if (rc == 0 && members_find(&k->r->state.members, k->who)->standing !=
                       RECORD_REMOVED) {
        rc = key_remove_journals(k);
        if (rc == 0)
            rc = key_remove_say(k, RECORD_REMOVED);
    }
    if (rc == 0)
        rc = slot_list_drop(k->r->store, k->who, NULL);
    return rc;
}

int key_remove(struct repo *r, const struct member_id *who, bool force,
               struct key_remove_result *out)
{
    struct key_remove k = {.r = r, .who = who, .force = force, .out = out};
    int rc = repo_role_allows(r, REPO_ACT_KEYS);

    *out = (struct key_remove_result){.journals = 0};
    members_draft_init(&k.draft);
    buf_init(&k.cuts, KEY_REMOVE_CUTS_MAX);
    if (rc == 0)
        rc = key_remove_steps(&k);
    buf_release(&k.cuts);
    members_draft_release(&k.draft);
    return rc;
}
