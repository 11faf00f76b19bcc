#include "repo/members.h"

#include <stdlib.h>

#include "base/blake3.h"
#include "base/clock.h"
#include "base/mem.h"

enum {
    MEMBERS_WRITER_RANDOM = 8,
    MEMBERS_F = 1 << KEYRING_FULL,
    MEMBERS_W = 1 << KEYRING_WRITE,
    MEMBERS_M = 1 << KEYRING_MAINTAIN
};

/* Who may put what; bits by role. 0, and what stands behind the end: a type of
 * a later version. */
static const uint8_t members_log[] = {
    [RECORD_CONDEMN] = MEMBERS_F | MEMBERS_M,
    [RECORD_DOOM] = MEMBERS_F | MEMBERS_M,
    [RECORD_FORGET] = MEMBERS_F | MEMBERS_M,
    [RECORD_UNFORGET] = MEMBERS_F | MEMBERS_M,
    [RECORD_TAG] = MEMBERS_F | MEMBERS_M,
    [RECORD_PROTECT] = MEMBERS_F | MEMBERS_M,
    [RECORD_SUSPECT] = MEMBERS_F | MEMBERS_M,
    [RECORD_FLAGS] = MEMBERS_F,
    [RECORD_MEMBERS] = MEMBERS_F,
    [RECORD_POLICY] = MEMBERS_F,
    [RECORD_BASE] = MEMBERS_F | MEMBERS_M,
    [RECORD_VOUCH] = MEMBERS_F,
    [RECORD_EPOCH] = MEMBERS_F,
};

/* In one's own journal. */
static const uint8_t members_journal[] = {
    [RECORD_OPEN] = MEMBERS_F | MEMBERS_W | MEMBERS_M,
    [RECORD_RENEW] = MEMBERS_F | MEMBERS_W | MEMBERS_M,
    [RECORD_SEGMENT] = MEMBERS_F | MEMBERS_W | MEMBERS_M,
    [RECORD_COMMIT] = MEMBERS_F | MEMBERS_W,
    [RECORD_PIN] = MEMBERS_F | MEMBERS_M,
    [RECORD_END] = MEMBERS_F | MEMBERS_W | MEMBERS_M,
    [RECORD_FENCE] = MEMBERS_F | MEMBERS_W | MEMBERS_M,
};

/* --- the fold --- */

int members_init(struct members *m, const struct member_id *founder)
{
    /* all at once: who has found one may keep it */
    *m = (struct members){.one = mem_array(MEMBERS_MAX, sizeof *m->one)};
    if (!m->one)
        return err_set(E_NOMEM, "out of memory");
    m->n = 1;
    m->one[0].id = *founder;
    m->one[0].role = KEYRING_FULL;
    return 0;
}

void members_release(struct members *m)
{
    free(m->one);
    free(m->cut);
    free(m->hash);
    idmap_release(&m->journal);
    *m = (struct members){.n = 0};
}

const struct members_one *members_find(const struct members *m,
                                       const struct member_id *id)
{
    for (size_t i = 0; i < m->n; i++) {
        if (memcmp(m->one[i].id.b, id->b, sizeof id->b) == 0)
            return &m->one[i];
    }
    return NULL;
}

/* Whether another of the list that comes later is in its way. */
static bool members_clashes(const struct record_member *a,
                            struct record_members rest)
{
    struct record_member b;

    while (record_member_next(&rest, &b)) {
        if (memcmp(a->id.b, b.id.b, sizeof b.id.b) == 0)
            return true;
        if (a->standing != RECORD_REMOVED && b.standing != RECORD_REMOVED &&
            bytes_equal(a->label, b.label))
            return true;
    }
    return false;
}

/* Whether what a record says of one member may follow what is known of it. */
static bool members_may_become(const struct members_one *old,
                               const struct record_member *next)
{
    if (!old)
        return next->standing == RECORD_ACTIVE;
    return old->role == (enum keyring_role)next->role &&
           next->standing >= old->standing;
}

bool members_may_change(const struct members *m, const struct member_id *signer,
                        const struct record_log *l)
{
    struct record_members list = l->members;
    struct record_member x;
    size_t known = 0;
    size_t full = 0;

    if (!members_may_log(m, signer, RECORD_MEMBERS) || list.n > MEMBERS_MAX)
        return false;
    while (record_member_next(&list, &x)) {
        const struct members_one *old = members_find(m, &x.id);

        if (!members_may_become(old, &x) || members_clashes(&x, list))
            return false;
        known += old != NULL;
        full += x.role == KEYRING_FULL && x.standing == RECORD_ACTIVE;
    }
    return known == m->n && full > 0;
}

/* A record lists the runs of one journal behind each other. */
static int members_cut_add(struct members *m, const struct record_cut *c)
{
    uint8_t key[ID_BYTES] = {0};
    size_t from = m->hash_n;
    bool first;
    int rc;

    memcpy(key, c->writer.b, sizeof c->writer.b);
    rc = idmap_claim(&m->journal, key, m->cut_n, &first);
    if (rc < 0)
        return rc;
    if (!MEM_GROW(m->cut, m->cut_n, m->cut_cap))
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < c->n; i++) {
        if (!MEM_GROW(m->hash, m->hash_n, m->hash_cap))
            return err_set(E_NOMEM, "out of memory");
        memcpy(m->hash[m->hash_n++].b, c->hash + i * ID_BYTES, ID_BYTES);
    }
    if (!first)
        m->cut[m->cut_n - 1].more = true;
    m->cut[m->cut_n++] =
        (struct members_cut){.first = c->first, .from = from, .n = c->n};
    return 0;
}

/* Those of the journals of whom this record removes. */
static int members_cuts(struct members *m, const bool *gone,
                        struct record_cuts cuts)
{
    struct record_cut c;
    int rc = 0;

    while (rc == 0 && record_member_cut_next(&cuts, &c)) {
        const struct members_one *owner = members_owner(m, &c.writer);

        if (owner && gone[owner - m->one])
            rc = members_cut_add(m, &c);
    }
    return rc;
}

/* Makes one what a record says. Returns whether that removes it. */
static bool members_become(struct members_one *one,
                           const struct record_member *x, uint64_t number,
                           struct entry_time time)
{
    bool removed =
        one->standing != RECORD_REMOVED && x->standing == RECORD_REMOVED;

    if (one->role == 0)
        *one = (struct members_one){.id = x->id,
                                    .role = (enum keyring_role)x->role,
                                    .since = number,
                                    .added = time};
    one->standing = x->standing;
    memset(one->label, 0, sizeof one->label);
    if (x->label.n > 0)
        memcpy(one->label, x->label.p, x->label.n);
    return removed;
}

int members_apply(struct members *m, const struct member_id *signer,
                  uint64_t number, struct entry_time time,
                  const struct record_log *l)
{
    struct record_members list = l->members;
    struct record_member x;
    bool gone[MEMBERS_MAX] = {false};

    if (!members_may_change(m, signer, l))
        return 0;
    while (record_member_next(&list, &x)) {
        const struct members_one *old = members_find(m, &x.id);
        size_t at = old ? (size_t)(old - m->one) : m->n++;

        /* everybody relied on what a full key wrote and vouched for */
        if (old && old->role == KEYRING_FULL &&
            old->standing == RECORD_ACTIVE && x.standing != RECORD_ACTIVE)
            m->trust_at = number;
        gone[at] = members_become(&m->one[at], &x, number, time);
        if (gone[at])
            m->removed_at = number;
    }
    if (m->trust != l->trust)
        m->trust_at = number;
    m->trust = l->trust;
    return members_cuts(m, gone, l->cuts);
}

/* --- whose journal --- */

static void members_writer_tail(const struct member_id *id, struct writer_id *w)
{
    static const char label[] = "dedup 1 writer";
    uint8_t in[sizeof label - 1 + sizeof id->b + MEMBERS_WRITER_RANDOM];
    uint8_t hash[BLAKE3_BYTES];

    memcpy(in, label, sizeof label - 1);
    memcpy(in + sizeof label - 1, id->b, sizeof id->b);
    memcpy(in + sizeof in - MEMBERS_WRITER_RANDOM, w->b, MEMBERS_WRITER_RANDOM);
    blake3_hash(bytes_of(in, sizeof in), hash);
    memcpy(w->b + MEMBERS_WRITER_RANDOM, hash,
           sizeof w->b - MEMBERS_WRITER_RANDOM);
}

void members_writer_new(const struct member_id *id, struct writer_id *w)
{
    /* two runs of a machine that was resumed twice differ in time at least */
    int64_t now[] = {clock_realtime_ns(), clock_monotonic_ns()};
    struct bytes what[] = {bytes_of(id->b, sizeof id->b),
                           bytes_of(now, sizeof now)};

    crypto_fresh(w->b, MEMBERS_WRITER_RANDOM, "dedup 1 writer name", what, 2);
    members_writer_tail(id, w);
}

bool members_owns(const struct member_id *id, const struct writer_id *w)
{
    struct writer_id mine = *w;

    members_writer_tail(id, &mine);
    return memcmp(mine.b, w->b, sizeof w->b) == 0;
}

const struct members_one *members_owner(const struct members *m,
                                        const struct writer_id *w)
{
    for (size_t i = 0; i < m->n; i++) {
        if (members_owns(&m->one[i].id, w))
            return &m->one[i];
    }
    return NULL;
}

static const struct members_cut *members_cut_of(const struct members *m,
                                                const struct writer_id *w)
{
    uint8_t key[ID_BYTES] = {0};
    uint64_t at;

    memcpy(key, w->b, sizeof w->b);
    return idmap_get(&m->journal, key, &at) ? &m->cut[at] : NULL;
}

bool members_count_on(const struct members *m, const struct writer_id *w)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->one[i].standing == RECORD_LEAVING &&
            members_owns(&m->one[i].id, w))
            return false;
    }
    return true;
}

static uint64_t members_cut_end(const struct members_cut *run)
{
    return run->first + run->n;
}

uint64_t members_end(const struct members *m, const struct members_one *one,
                     const struct writer_id *w)
{
    const struct members_cut *run;

    if (one->standing != RECORD_REMOVED)
        return UINT64_MAX;
    run = members_cut_of(m, w);
    while (run && run->more)
        run++;
    return run ? members_cut_end(run) : 0;
}

uint64_t members_next(const struct members *m, const struct members_one *one,
                      const struct writer_id *w, uint64_t k)
{
    static const struct object_id unread = {{0}};
    const struct members_cut *run;

    if (one->standing != RECORD_REMOVED)
        return k;
    run = members_cut_of(m, w);
    while (run) {
        if (k < run->first)
            k = run->first;
        for (; k < members_cut_end(run); k++) {
            if (!object_id_equal(&m->hash[run->from + (k - run->first)],
                                 &unread))
                return k;
        }
        run = run->more ? run + 1 : NULL;
    }
    return UINT64_MAX;
}

bool members_stands(const struct members *m, const struct members_one *one,
                    const struct writer_id *w, uint64_t k,
                    const struct object_id *hash)
{
    const struct members_cut *run;

    if (one->standing != RECORD_REMOVED)
        return true;
    run = members_cut_of(m, w);
    while (run && run->more && k >= members_cut_end(run))
        run++;
    return run && k >= run->first && k < members_cut_end(run) &&
           object_id_equal(&m->hash[run->from + (k - run->first)], hash);
}

bool members_next_cut(const struct members *m, size_t *at, struct writer_id *w)
{
    const struct idmap_slot *slot = idmap_next(&m->journal, at);

    if (slot)
        memcpy(w->b, slot->id, sizeof w->b);
    return slot != NULL;
}

/* --- who may sign what --- */

bool members_role_may_log(enum keyring_role role, uint32_t type)
{
    unsigned may = type < sizeof members_log ? members_log[type] : 0;

    return (may ? may : MEMBERS_F | MEMBERS_M) & 1U << role;
}

bool members_role_may_journal(enum keyring_role role, uint32_t type)
{
    unsigned may = type < sizeof members_journal ? members_journal[type] : 0;

    return (may ? may : MEMBERS_F | MEMBERS_W | MEMBERS_M) & 1U << role;
}

bool members_may_log(const struct members *m, const struct member_id *signer,
                     uint32_t type)
{
    const struct members_one *one = members_find(m, signer);

    return one && one->standing == RECORD_ACTIVE &&
           members_role_may_log(one->role, type);
}

bool members_may_journal(const struct members *m,
                         const struct members_one *owner,
                         const struct member_id *signer, uint32_t type)
{
    const struct members_one *one = members_find(m, signer);

    if (!one)
        return false;
    if (type == RECORD_FENCE &&
        (one->role == KEYRING_FULL || one->role == KEYRING_MAINTAIN))
        return true;
    return one == owner && members_role_may_journal(one->role, type);
}

bool members_wrote(const struct members *m, const struct member_id *writer)
{
    const struct members_one *one = members_find(m, writer);

    return one && members_role_may_journal(one->role, RECORD_SEGMENT);
}
