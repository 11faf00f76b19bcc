#include "repo/key_remove.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/journal_list.h"
#include "repo/magic.h"
#include "repo/members_draft.h"
#include "repo/repo_role.h"
#include "repo/segment_file.h"
#include "repo/slot_list.h"
#include "repo/snapshot_list.h"

enum {
    /* of all cuts together: with the list of members they fit one record */
    KEY_REMOVE_CUTS_MAX = 14 << 20
};

struct key_remove {
    struct repo *r;
    const struct member_id *who;
    bool force;
    size_t cuts_max;
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
    struct buf cuts; /* of this journal */
    size_t cut_n;
};

static int key_remove_end_run(struct key_remove_journal *j)
{
    struct record_cut cut = {.writer = j->chain.writer,
                             .first = j->first,
                             .hash = j->hash.p,
                             .n = j->hash.n / ID_BYTES};
    int rc = buf_status(&j->hash);

    if (rc == 0 && cut.n > 0) {
        record_member_cut_put(&j->cuts, &cut);
        j->cut_n++;
        rc = buf_status(&j->cuts);
    }
    buf_reset(&j->hash);
    return rc;
}

static int key_remove_segment(const struct key_remove *k,
                              const struct object_id *id)
{
    struct segment_file file;
    int rc = segment_file_read(k->r->store, k->r->keys, id, &file);

    segment_file_release(&file);
    return rc;
}

static int key_remove_snapshot(const struct key_remove *k,
                               const struct object_id *id)
{
    struct snapshot s;
    int rc;

    if (state_is_forgotten(&k->r->state, id))
        return 0;
    rc = snapshot_list_read(k->r->store, k->r->keys, id, &s);
    snapshot_list_drop(&s);
    return rc;
}

/* Whether a record says what can be understood and be had: else it would go on
 * looking like damage for ever, and a thief may have put it for that. The index
 * is not asked: what it has read may have gone since. */
static int key_remove_means(const struct key_remove *k,
                            const struct chain_record *c)
{
    struct record_journal says;
    int rc;

    if (memcmp(c->signer.b, k->who->b, sizeof c->signer.b) != 0)
        return 0;
    rc = magic_unproved(record_journal_get(&c->record, &says));
    if (rc == 0 && c->record.type == RECORD_SEGMENT)
        rc = key_remove_segment(k, &says.id);
    else if (rc == 0 && c->record.type == RECORD_COMMIT)
        rc = key_remove_snapshot(k, &says.id);
    return rc;
}

/* Reads record n, which was listed. sound: out: false: it cannot be read. It
 * must not be lost again (I10). */
static int key_remove_record(const struct key_remove *k,
                             const struct key_remove_journal *j, uint64_t n,
                             struct object_id *id, bool *sound)
{
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
    if (rc == 0)
        rc = key_remove_means(k, &c);
    *id = c.id;
    *sound = rc == 0;
    chain_record_release(&c);
    return rc == E_CORRUPT || rc == E_UNSUPPORTED || rc == E_ROLE ? 0 : rc;
}

/* The records that the store lists, in runs. What cannot be read ends one: it
 * takes no room, however much of it there is. */
static int key_remove_read(struct key_remove *k, struct key_remove_journal *j)
{
    struct journal_list_numbers there = {.k = NULL};
    int rc = journal_list_numbers(k->r->store, &j->chain.writer, &there);

    for (size_t i = 0; i < there.n && rc == 0; i++) {
        uint64_t n = there.k[i];
        struct object_id id;
        bool sound = false;

        if (n != j->next)
            k->out->damaged++; /* what is missing before it */
        j->next = n + 1;
        rc = key_remove_record(k, j, n, &id, &sound);
        if (rc == 0 && !sound)
            k->out->damaged++;
        if (rc < 0 || !sound)
            continue;
        if (n != j->first + j->hash.n / ID_BYTES) {
            rc = key_remove_end_run(j);
            j->first = n;
        }
        buf_add(&j->hash, id.b, sizeof id.b);
    }
    journal_list_numbers_release(&there);
    return rc < 0 ? rc : key_remove_end_run(j);
}

/* Adds the cuts of a journal to the others', unless they do not fit.
 *   bytes  out: how long they are; SIZE_MAX: too long by themselves */
static int key_remove_journal(struct key_remove *k, const struct writer_id *w,
                              size_t *bytes)
{
    struct key_remove_journal j = {.chain = {.store = k->r->store,
                                             .keys = k->r->keys,
                                             .kind = ENVELOPE_JOURNAL,
                                             .writer = *w}};
    int rc;

    buf_init(&j.hash, k->cuts_max);
    buf_init(&j.cuts, k->cuts_max);
    rc = key_remove_read(k, &j);
    *bytes = rc == E_LIMIT ? SIZE_MAX : j.cuts.n;
    if (rc == E_LIMIT || (rc == 0 && k->cuts.n + j.cuts.n > k->cuts_max)) {
        k->out->left_out++;
        rc = 0;
    } else if (rc == 0) {
        buf_add_bytes(&k->cuts, buf_bytes(&j.cuts));
        k->cut_n += j.cut_n;
        rc = buf_status(&k->cuts);
    }
    buf_release(&j.hash);
    buf_release(&j.cuts);
    return rc;
}

/* --- all of them --- */

/* Reads those whose cuts are not longer; bytes: one for each of the list. */
static int key_remove_round(struct key_remove *k,
                            const struct journal_list *list, size_t longest,
                            size_t *bytes)
{
    int rc = 0;

    buf_reset(&k->cuts);
    k->cut_n = 0;
    *k->out = (struct key_remove_result){.journals = 0};
    for (size_t i = 0; i < list->n && rc == 0; i++) {
        if (!members_owns(k->who, &list->item[i].writer))
            continue;
        k->out->journals++;
        if (bytes[i] <= longest)
            rc = key_remove_journal(k, &list->item[i].writer, &bytes[i]);
        else
            k->out->left_out++;
    }
    return rc;
}

static int key_remove_shorter(const void *a, const void *b)
{
    const size_t *x = a;
    const size_t *y = b;

    return (*x > *y) - (*x < *y);
}

/* The length up to which cuts fit beside each other. */
static int key_remove_longest(const struct key_remove *k, const size_t *bytes,
                              size_t n, size_t *longest)
{
    size_t *sorted = mem_array(n, sizeof *sorted);
    size_t sum = 0;

    *longest = 0;
    if (!sorted)
        return err_set(E_NOMEM, "out of memory");
    memcpy(sorted, bytes, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, key_remove_shorter);
    for (size_t i = 0; i < n && sorted[i] <= k->cuts_max - sum; i++) {
        sum += sorted[i];
        *longest = sorted[i];
    }
    free(sorted);
    return 0;
}

/* Where they do not fit, the longest are left out: honest runs are short, and
 * whoever holds a stolen key can make them as long as he likes. */
static int key_remove_rounds(struct key_remove *k,
                             const struct journal_list *list)
{
    size_t *bytes = mem_array(list->n, sizeof *bytes);
    size_t longest = 0;
    int rc = bytes ? 0 : err_set(E_NOMEM, "out of memory");

    if (rc == 0)
        rc = key_remove_round(k, list, SIZE_MAX, bytes);
    if (rc == 0 && k->out->left_out > 0 && k->force) {
        rc = key_remove_longest(k, bytes, list->n, &longest);
        if (rc == 0)
            rc = key_remove_round(k, list, longest, bytes);
    }
    free(bytes);
    return rc;
}

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

    if (rc == 0)
        rc = key_remove_rounds(k, &list);
    journal_list_release(&list);
    if (rc == 0 && k->out->left_out > 0 && !k->force)
        rc = err_set(E_REFUSED,
                     "%llu of its journals, the longest, do not fit into the "
                     "record that removes it: what they said would be void "
                     "for ever; it writes nothing any more. If they are a "
                     "thief's, --force removes it",
                     (unsigned long long)k->out->left_out);
    if (rc == 0 && k->out->damaged > 0 && !k->force)
        rc = key_remove_log_grown(k->r, &grown);
    if (rc == 0 && k->out->damaged > 0 && !k->force && !grown)
        rc = err_set(E_REFUSED,
                     "%llu records of its journals are damaged or missing, "
                     "or name what is: "
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

int key_remove_bounded(struct repo *r, const struct member_id *who, bool force,
                       size_t cuts_max, struct key_remove_result *out)
{
    struct key_remove k = {
        .r = r, .who = who, .force = force, .cuts_max = cuts_max, .out = out};
    int rc = repo_role_allows(r, REPO_ACT_KEYS);

    *out = (struct key_remove_result){.journals = 0};
    members_draft_init(&k.draft);
    buf_init(&k.cuts, cuts_max);
    if (rc == 0)
        rc = key_remove_steps(&k);
    buf_release(&k.cuts);
    members_draft_release(&k.draft);
    return rc;
}

int key_remove(struct repo *r, const struct member_id *who, bool force,
               struct key_remove_result *out)
{
    return key_remove_bounded(r, who, force, KEY_REMOVE_CUTS_MAX, out);
}
