#include "repo/trust.h"

static bool trust_same(const struct member_id *a, const struct member_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool trust_believed(const struct members *m, const struct member_id *signer,
                    const struct member_id *writer)
{
    const struct members_one *by = members_find(m, signer);

    return by && members_wrote(m, writer) &&
           (trust_same(signer, writer) || by->role == KEYRING_FULL);
}

bool trust_listed(const struct index_pack *p)
{
    static const struct writer_id unknown = {{0}};

    return memcmp(p->writer.b, unknown.b, sizeof unknown.b) != 0;
}

bool trust_member(const struct state *s, const struct member_id *me,
                  const struct member_id *author)
{
    const struct members_one *one;

    if (s->members.trust == RECORD_TRUST_SHARED || trust_same(me, author))
        return true;
    one = members_find(&s->members, author);
    return one && one->role == KEYRING_FULL && one->standing == RECORD_ACTIVE;
}

bool trust_pack(const struct state *s, const struct member_id *me,
                const struct index_pack *p)
{
    /* M7: nobody begins to count on what a member put who is leaving */
    return trust_listed(p) && members_count_on(&s->members, &p->writer) &&
           (trust_member(s, me, &p->member) ||
            state_is_vouched(s, &p->id, &p->dir));
}
