#include "repo/members_draft.h"

#include "repo/repo_role.h"

enum { MEMBERS_DRAFT_BYTES_MAX = 1 << 20 };

static const char members_draft_founder[] = "first";

void members_draft_init(struct members_draft *d)
{
    buf_init(&d->list, MEMBERS_DRAFT_BYTES_MAX);
}

void members_draft_release(struct members_draft *d)
{
    buf_release(&d->list);
}

const char *members_draft_label(const struct repo *r,
                                const struct members_one *one)
{
    bool us = memcmp(one->id.b, r->keys->member.b, sizeof one->id.b) == 0;

    if (one->label[0] || one->since > 0)
        return one->label;
    return us && r->slot.label[0] ? r->slot.label : members_draft_founder;
}

const struct members_one *members_draft_taken(const struct repo *r,
                                              struct bytes label)
{
    const struct members *m = &r->state.members;

    for (size_t i = 0; i < m->n; i++) {
        if (m->one[i].standing != RECORD_REMOVED &&
            bytes_equal(bytes_of_str(members_draft_label(r, &m->one[i])),
                        label))
            return &m->one[i];
    }
    return NULL;
}

/* Why a record would be void. */
static int members_draft_why(const struct repo *r,
                             const struct members_change *c)
{
    if (c->added && members_draft_taken(r, c->added->label))
        return err_set(E_REFUSED,
                       "%s: there is a key '%.*s' already: choose another "
                       "label, or remove that one first",
                       store_place(r->store), (int)c->added->label.n,
                       (const char *)c->added->label.p);
    if (c->added)
        return err_set(E_REFUSED, "%s: there have been %d keys: no more fit",
                       store_place(r->store), MEMBERS_MAX);
    return err_set(E_REFUSED,
                   "%s: this is the last key whose role is 'full': without "
                   "one nobody could add a key, or forget, again; add another "
                   "one first",
                   store_place(r->store));
}

int members_draft_make(struct members_draft *d, const struct repo *r,
                       const struct members_change *c,
                       struct repo_log_draft *out)
{
    const struct members *m = &r->state.members;
    int rc = repo_role_active(r);

    buf_reset(&d->list);
    for (size_t i = 0; i < m->n; i++) {
        const struct members_one *one = &m->one[i];
        bool is = c->who && memcmp(one->id.b, c->who->b, sizeof one->id.b) == 0;
        struct record_member x = {
            .id = one->id,
            .role = (unsigned)one->role,
            .standing =
                is && c->standing > one->standing ? c->standing : one->standing,
            .label = bytes_of_str(members_draft_label(r, one))};

        record_member_put(&d->list, &x);
    }
    if (c->added)
        record_member_put(&d->list, c->added);
    if (rc == 0)
        rc = buf_status(&d->list);
    if (rc < 0)
        return rc;
    out->type = RECORD_MEMBERS;
    out->says.members =
        (struct record_members){buf_bytes(&d->list), m->n + (c->added ? 1 : 0)};
    out->says.trust = c->has_trust ? c->trust : m->trust;
    out->says.cuts = c->cuts;
    if (r->keys->role != KEYRING_FULL ||
        members_may_change(m, &r->keys->member, &out->says))
        return 0; /* who puts it looks at the role */
    return members_draft_why(r, c);
}
