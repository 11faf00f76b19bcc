#include "repo/key_remove.h"

#include "repo/journal_list.h"
#include "repo/members_draft.h"
#include "repo/repo_role.h"
#include "repo/slot_list.h"

enum {
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
    size_t cut_n; /* runs */
    struct members_draft draft;
};

/* --- one journal --- */

struct key_remove_journal {
    struct chain chain;
    uint64_t next;   /* number behind the last one that was read */
    uint64_t first;  /* number of the first in hash */
    struct buf hash; /* of a run */
};

static int key_remove_end_run(struct key_remove *k,
                              struct key_remove_journal *j)
{
    struct record_cut cut = {.writer = j->chain.writer,
                             .first = j->first,
                             .hash = j->hash.p,
                             .n = j->hash.n / ID_BYTES};
    int rc = buf_status(&j->hash);

    if (rc == 0 && cut.n > 0) {
        record_member_cut_put(&k->cuts, &cut);
        k->cut_n++;
        rc = buf_status(&k->cuts);
    }
    buf_reset(&j->hash);
    return rc;
}

/* Takes record n in, which was listed: its hash, or that it cannot be read. It
 * must not be lost again (I10). */
static int key_remove_record(struct key_remove *k, struct key_remove_journal *j,
                             uint64_t n)
{
    struct object_id unread = {{0}};
    struct chain_record c = {.signer = {{0}}};
    char name[RECORD_NAME_MAX];
    bool found = false;
    int rc;

    chain_name(&j->chain, n, name);
    rc = store_make_durable(k->r->store, name, NULL);
    if (rc == 0)
        rc = chain_get(&j->chain, n, &c, &found);
    if (rc == 0 && !found)
        rc = err_set(E_CORRUPT, "%s: is missing", name);
    if (rc == E_CORRUPT || rc == E_UNSUPPORTED || rc == E_ROLE) {
        k->out->damaged++;
        c.id = unread;
        rc = 0;
    }
    if (rc == 0)
        buf_add(&j->hash, c.id.b, sizeof c.id.b);
    chain_record_release(&c);
    return rc;
}

/* The records that the store lists, in runs. */
static int key_remove_read(struct key_remove *k, struct key_remove_journal *j)
{
    struct journal_list_numbers there = {.k = NULL};
    int rc = journal_list_numbers(k->r->store, &j->chain.writer, &there);

    for (size_t i = 0; i < there.n && rc == 0; i++) {
        if (there.k[i] != j->next) {
            k->out->damaged++; /* what is missing before it */
            rc = key_remove_end_run(k, j);
            j->first = there.k[i];
        }
        if (rc == 0)
            rc = key_remove_record(k, j, there.k[i]);
        j->next = there.k[i] + 1;
    }
    journal_list_numbers_release(&there);
    return rc < 0 ? rc : key_remove_end_run(k, j);
}

static int key_remove_journal(struct key_remove *k, const struct writer_id *w)
{
    struct key_remove_journal j = {.chain = {.store = k->r->store,
                                             .keys = k->r->keys,
                                             .kind = ENVELOPE_JOURNAL,
                                             .writer = *w}};
    int rc;

    buf_init(&j.hash, KEY_REMOVE_CUTS_MAX);
    rc = key_remove_read(k, &j);
    buf_release(&j.hash);
    k->out->journals++;
    return rc == E_LIMIT ? err_add(rc, "the journals of this key") : rc;
}

/* --- all of them --- */

/* What cannot be read may be of an epoch of keys that began since the log was
 * read: the number is lost then, and all is read again. */
static int key_remove_log_grown(const struct repo *r, bool *grown)
{
    char name[RECORD_NAME_MAX];
    uint64_t bytes;

    record_log_name(r->state.tip.number + 1, name);
    return store_size(r->store, name, &bytes, grown);
}

/* The cuts: all that is there of its journals, and nothing else. The tip in
 * whose state it is leaving was read before. */
static int key_remove_journals(struct key_remove *k)
{
    struct journal_list list = {.item = NULL};
    bool grown = false;
    int rc = journal_list_load(k->r->store, &list);

    buf_reset(&k->cuts);
    k->cut_n = 0;
    k->out->journals = 0;
    k->out->damaged = 0;
    for (size_t i = 0; i < list.n && rc == 0; i++) {
        if (members_owns(k->who, &list.item[i].writer))
            rc = key_remove_journal(k, &list.item[i].writer);
    }
    journal_list_release(&list);
    if (rc == 0 && k->out->damaged > 0 && !k->force)
        rc = key_remove_log_grown(k->r, &grown);
    if (rc == 0 && k->out->damaged > 0 && !k->force && !grown)
        rc = err_set(E_REFUSED,
                     "%llu records of its journals are damaged or missing: "
                     "what they said would be void for ever ('dedup check' "
                     "names them); it writes nothing any more, and --force "
                     "removes it",
                     (unsigned long long)k->out->damaged);
    return rc;
}

/* R4: what the reading of the journals comes after must last. */
static int key_remove_settle_tip(const struct repo *r)
{
    char name[RECORD_NAME_MAX];

    record_log_name(r->state.tip.number, name);
    return store_make_durable(r->store, name, NULL);
}

/* --- the records --- */

/* Called again when the number is lost: then the journals are read again too,
 * since what took it may count on what was put there meanwhile (M3). */
static int key_remove_compute(void *ctx, const struct repo *r,
                              struct repo_log_draft *d)
{
    struct key_remove *k = ctx;
    const struct members_one *one = members_find(&r->state.members, k->who);
    struct members_change c = {.who = k->who, .standing = k->standing};
    int rc = 0;

    if (!one)
        return err_set(E_REFUSED, "there is no such key");
    if (one->standing >= k->standing) {
        d->nothing = true;
        return 0;
    }
    if (k->standing == RECORD_REMOVED) {
        rc = key_remove_settle_tip(r);
        if (rc == 0)
            rc = key_remove_journals(k);
        c.cuts = (struct record_cuts){buf_bytes(&k->cuts), k->cut_n};
    }
    return rc < 0 ? rc : members_draft_make(&k->draft, r, &c, d);
}

static int key_remove_say(struct key_remove *k, enum record_standing standing)
{
    k->standing = standing;
    return repo_log_append(k->r, key_remove_compute, k, NULL);
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
    if (rc == 0)
        rc = key_remove_say(k, RECORD_REMOVED);
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
