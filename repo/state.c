#include "repo/state.h"

#include <stdlib.h>

#include "base/blake3.h"
#include "base/mem.h"

static const char state_feature_provisional[] = "provisional";

int state_init(struct state *s, const struct member_id *founder)
{
    *s = (struct state){.epochs = 1};
    return members_init(&s->members, founder);
}

void state_release(struct state *s)
{
    idmap_release(&s->condemned);
    idmap_release(&s->doomed);
    idmap_release(&s->vouched);
    idmap_release(&s->forgotten);
    members_release(&s->members);
    state_label_release(&s->labels);
    free(s->suspect);
    for (size_t i = 0; i < s->undecided_n; i++) {
        free(s->undecided[i].pack);
        free(s->undecided[i].marked);
    }
    free(s->undecided);
    *s = (struct state){.undecided = NULL};
}

static int state_copy_ids(const struct record_ids *l, struct object_id **out)
{
    *out = mem_array(l->n, sizeof **out);
    if (!*out)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < l->n; i++)
        (*out)[i] = record_id_at(l, i);
    return 0;
}

static int state_condemn(struct state *s, uint64_t number,
                         const struct record_log *l)
{
    struct state_condemn *c;
    int rc;

    if (!MEM_GROW(s->undecided, s->undecided_n, s->undecided_cap))
        return err_set(E_NOMEM, "out of memory");
    c = &s->undecided[s->undecided_n++];
    *c = (struct state_condemn){
        .number = number, .pack_n = l->ids.n, .marked_n = l->marked.n};
    rc = state_copy_ids(&l->ids, &c->pack);
    if (rc == 0)
        rc = state_copy_ids(&l->marked, &c->marked);
    for (size_t i = 0; i < l->ids.n && rc == 0; i++) {
        /* doom is final; a second condemn leaves the first one's number */
        if (idmap_get(&s->doomed, c->pack[i].b, NULL) ||
            idmap_get(&s->condemned, c->pack[i].b, NULL))
            continue;
        rc = idmap_put(&s->condemned, c->pack[i].b, number);
    }
    return rc;
}

static bool state_names(const struct state_condemn *c,
                        const struct object_id *pack)
{
    for (size_t i = 0; i < c->pack_n; i++) {
        if (object_id_equal(&c->pack[i], pack))
            return true;
    }
    return false;
}

/* A pack that a decided record had condemned lives again, unless another one,
 * still undecided, condemns it too: its collector does not wait for writers
 * that would now begin to rely on the pack. */
static int state_revive(struct state *s, const struct object_id *pack)
{
    uint64_t by = UINT64_MAX;

    for (size_t i = 0; i < s->undecided_n; i++) {
        const struct state_condemn *c = &s->undecided[i];

        if (c->number < by && state_names(c, pack))
            by = c->number;
    }
    if (by != UINT64_MAX)
        return idmap_put(&s->condemned, pack->b, by);
    idmap_drop(&s->condemned, pack->b);
    return 0;
}

/* The condemn record is decided: whatever of it is not doomed lives again. */
static int state_decide(struct state *s, uint64_t number)
{
    struct state_condemn c;
    size_t at = 0;
    int rc = 0;

    while (at < s->undecided_n && s->undecided[at].number != number)
        at++;
    if (at == s->undecided_n)
        return 0;
    c = s->undecided[at];
    s->undecided[at] = s->undecided[--s->undecided_n];
    for (size_t i = 0; i < c.pack_n && rc == 0; i++) {
        uint64_t by;

        if (idmap_get(&s->condemned, c.pack[i].b, &by) && by == number)
            rc = state_revive(s, &c.pack[i]);
    }
    free(c.pack);
    free(c.marked);
    return rc;
}

static int state_doom(struct state *s, uint64_t number,
                      const struct record_log *l)
{
    int rc = 0;

    for (size_t i = 0; i < l->ids.n && rc == 0; i++) {
        struct object_id pack = record_id_at(&l->ids, i);

        rc = idmap_put(&s->doomed, pack.b, number);
        if (rc == 0)
            idmap_drop(&s->condemned, pack.b);
    }
    if (rc == 0 && l->decides != RECORD_DECIDES_NONE)
        rc = state_decide(s, l->decides);
    return rc;
}

static int state_forget(struct state *s, uint64_t number,
                        const struct record_log *l, bool forget)
{
    int rc = 0;

    for (size_t i = 0; i < l->ids.n && rc == 0; i++) {
        struct object_id id = record_id_at(&l->ids, i);

        if (forget)
            rc = idmap_put(&s->forgotten, id.b, number);
        else
            idmap_drop(&s->forgotten, id.b);
    }
    return rc;
}

static struct object_id state_vouch_key(const struct object_id *pack,
                                        const struct object_id *dir)
{
    uint8_t both[2 * ID_BYTES];
    struct object_id key;

    memcpy(both, pack->b, ID_BYTES);
    memcpy(both + ID_BYTES, dir->b, ID_BYTES);
    blake3_hash(bytes_of(both, sizeof both), key.b);
    return key;
}

/* Whether the word of a member counts: at is its place among all. */
static bool state_vouches(const struct state *s, uint64_t at)
{
    return s->members.one[at].standing == RECORD_ACTIVE;
}

/* A word that counts is not replaced by one that may be taken back sooner. */
static int state_vouch(struct state *s, const struct member_id *by,
                       const struct record_log *l)
{
    uint64_t at = (uint64_t)(members_find(&s->members, by) - s->members.one);
    int rc = 0;

    for (size_t i = 0; i < l->vouches.n && rc == 0; i++) {
        struct record_vouch v = record_log_vouch(l, i);
        struct object_id key = state_vouch_key(&v.pack, &v.dir);
        uint64_t before;

        if (!idmap_get(&s->vouched, key.b, &before) ||
            !state_vouches(s, before))
            rc = idmap_put(&s->vouched, key.b, at);
    }
    return rc;
}

static int state_suspects(struct state *s, const struct record_log *l)
{
    for (size_t i = 0; i < l->suspects.n; i++) {
        if (!MEM_GROW(s->suspect, s->suspect_n, s->suspect_cap))
            return err_set(E_NOMEM, "out of memory");
        s->suspect[s->suspect_n++] = record_log_suspect(l, i);
    }
    return 0;
}

static void state_flags(struct state *s, const struct record_log *l)
{
    s->provisional = false;
    for (size_t i = 0; i < RECORD_CLASS_N; i++) {
        struct record_strings names = l->features[i];
        struct bytes name;

        s->refused[i][0] = 0;
        while (record_string_next(&names, &name)) {
            if (bytes_equal(name, bytes_of_str(state_feature_provisional))) {
                s->provisional = true;
                continue;
            }
            memcpy(s->refused[i], name.p, name.n);
            s->refused[i][name.n] = 0;
        }
    }
}

static int state_label(struct state *s, const struct record_log *l,
                       uint32_t type)
{
    struct object_id snapshot = record_id_at(&l->ids, 0);

    if (type == RECORD_TAG)
        return state_label_tag(&s->labels, &snapshot, &l->tags);
    return state_label_protect(&s->labels, &snapshot,
                               &(struct state_protection){l->until, l->text});
}

static int state_epoch(struct state *s, uint64_t number,
                       const struct record_epoch *e)
{
    if (e->number != s->epochs)
        return err_set(E_CORRUPT,
                       "log record %llu begins epoch %u of the repository's "
                       "keys where %u should begin",
                       (unsigned long long)number, e->number, s->epochs);
    s->epochs++;
    return 0;
}

int state_apply(struct state *s, const struct chain_record *r)
{
    struct record_log l;
    int rc;

    s->tip.any = true;
    s->tip.number = r->record.number;
    s->tip.id = r->id;
    if (!members_may_log(&s->members, &r->signer, r->record.type))
        return 0;
    rc = record_log_get(&r->record, &l);
    if (rc < 0)
        return rc;
    switch ((enum record_log_type)r->record.type) {
    case RECORD_CONDEMN:
        return state_condemn(s, r->record.number, &l);
    case RECORD_DOOM:
        return state_doom(s, r->record.number, &l);
    case RECORD_FORGET:
        return state_forget(s, r->record.number, &l, true);
    case RECORD_UNFORGET:
        return state_forget(s, r->record.number, &l, false);
    case RECORD_SUSPECT:
        return state_suspects(s, &l);
    case RECORD_FLAGS:
        state_flags(s, &l);
        return 0;
    case RECORD_TAG:
    case RECORD_PROTECT:
        return state_label(s, &l, r->record.type);
    case RECORD_POLICY:
        return 0; /* for those who forget: nothing that a state decides */
    case RECORD_EPOCH:
        return state_epoch(s, r->record.number, &l.epoch);
    case RECORD_MEMBERS:
        return members_apply(&s->members, &r->signer, r->record.number,
                             r->record.time, &l);
    case RECORD_VOUCH:
        return state_vouch(s, &r->signer, &l);
    case RECORD_BASE:
        break;
    }
    return err_set(E_UNSUPPORTED,
                   "log record %llu is of a kind that this program cannot "
                   "read: use a newer dedup",
                   (unsigned long long)r->record.number);
}

enum state_pack state_of_pack(const struct state *s,
                              const struct object_id *pack, uint64_t *by)
{
    if (idmap_get(&s->doomed, pack->b, NULL))
        return STATE_DOOMED;
    return idmap_get(&s->condemned, pack->b, by) ? STATE_CONDEMNED : STATE_LIVE;
}

bool state_is_vouched(const struct state *s, const struct object_id *pack,
                      const struct object_id *dir)
{
    struct object_id key;
    uint64_t by;

    if (s->vouched.n == 0)
        return false;
    key = state_vouch_key(pack, dir);
    return idmap_get(&s->vouched, key.b, &by) && state_vouches(s, by);
}

bool state_is_forgotten(const struct state *s, const struct object_id *snapshot)
{
    return idmap_get(&s->forgotten, snapshot->b, NULL);
}

static bool state_marked(const struct state_condemn *c,
                         const struct object_id *snapshot)
{
    for (size_t i = 0; i < c->marked_n; i++) {
        if (object_id_equal(&c->marked[i], snapshot))
            return true;
    }
    return false;
}

bool state_trusts_tree(const struct state *s, const struct object_id *snapshot)
{
    if (state_is_forgotten(s, snapshot))
        return false;
    for (size_t i = 0; i < s->undecided_n; i++) {
        if (!state_marked(&s->undecided[i], snapshot))
            return false;
    }
    return true;
}

int state_allows(const struct state *s, enum record_class class)
{
    static const char *const verb[] = {"reading from", "writing to",
                                       "collecting in", "checking"};

    if (s->refused[class][0] == 0)
        return 0;
    return err_set(E_UNSUPPORTED,
                   "%s this repository needs the feature '%s', which this "
                   "dedup does not know: use a newer one",
                   verb[class], s->refused[class]);
}
