#include "repo/key_change.h"

#include "repo/manifest.h"
#include "repo/members_draft.h"
#include "repo/repo_role.h"
#include "repo/slot_list.h"

bool key_change_label_ok(const char *label)
{
    return manifest_series_ok(bytes_of_str(label));
}

/* --- coming --- */

struct key_change_add {
    const struct key_change_new *new;
    struct keyring *keys; /* the new member's */
    struct object_id slot;
    struct record_member member;
    struct members_draft draft;
};

static bool key_change_first_writer(const struct members *m)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->one[i].role == KEYRING_WRITE)
            return false;
    }
    return true;
}

/* M5: an epoch that began since the slot was put has no share for its member;
 * one that begins after the record that is drafted here has. */
static int key_change_epochs(struct key_change_add *a, const struct repo *r)
{
    struct object_id old = a->slot;
    int rc;

    if (r->keys->held == a->keys->held)
        return 0;
    keyring_member_epochs(r->keys, a->keys);
    rc = slot_list_put(r->store, a->keys, a->new->label, a->new->secret,
                       &a->slot);
    return rc < 0 ? rc : slot_list_delete(r->store, &old);
}

static int key_change_draft_add(void *ctx, const struct repo *r,
                                struct repo_log_draft *d)
{
    struct key_change_add *a = ctx;
    struct members_change c = {.added = &a->member,
                               .has_trust = a->new->has_trust,
                               .trust = a->new->trust};
    int rc;

    /* our own, of an attempt whose answer was lost */
    if (members_find(&r->state.members, &a->member.id)) {
        d->nothing = true;
        return 0;
    }
    if (!c.has_trust && a->new->role == KEYRING_WRITE &&key_change_first_writer(
                                            &r->state.members)) {
        c.has_trust = true;
        c.trust = RECORD_TRUST_OWN;
    }
    rc = key_change_epochs(a, r);
    return rc < 0 ? rc : members_draft_make(&a->draft, r, &c, d);
}

/* Slots of that label whose member never came: of attempts that did not finish.
 * Now that the label is ours nobody can come under it any more. */
static int key_change_clear(const struct repo *r, const char *label)
{
    struct slot_list l = {.item = NULL};
    int rc = slot_list_load(r->store, &l);

    for (size_t i = 0; i < l.n && rc == 0; i++) {
        const struct slot_list_item *it = &l.item[i];

        if (strcmp(it->info.label, label) == 0 &&
            !members_find(&r->state.members, &it->info.member))
            rc = slot_list_delete(r->store, &it->id);
    }
    slot_list_release(&l);
    return rc;
}

/* The slot is there: the member may come. */
static int key_change_join(struct repo *r, const struct key_change_new *n,
                           struct keyring *k, const struct object_id *slot)
{
    struct key_change_add a = {.new = n,
                               .keys = k,
                               .slot = *slot,
                               .member = {.id = k->member,
                                          .role = (unsigned)n->role,
                                          .label = bytes_of_str(n->label)}};
    int rc;

    members_draft_init(&a.draft);
    rc = repo_log_append(r, key_change_draft_add, &a, NULL);
    members_draft_release(&a.draft);
    if (rc == E_REFUSED || rc == E_ROLE) {
        struct err_record why;

        /* certainly no member: the slot is of no use to anybody */
        err_save(rc, &why);
        err_ignore(slot_list_delete(r->store, &a.slot),
                   "what failed says more");
        return err_load(&why);
    }
    return rc < 0 ? rc : key_change_clear(r, n->label);
}

int key_change_may_add(const struct repo *r, const struct key_change_new *n)
{
    int rc = repo_role_allows(r, REPO_ACT_KEYS);

    if (rc == 0 && !key_change_label_ok(n->label))
        rc = err_set(E_USAGE,
                     "'%s': a label is 1 to 100 of A-Z a-z 0-9 . _ @ + -",
                     n->label);
    if (rc == 0 && members_draft_taken(r, bytes_of_str(n->label)))
        rc = err_set(E_REFUSED,
                     "%s: there is a key '%s' already: choose another label, "
                     "or remove that one first",
                     store_place(r->store), n->label);
    return rc;
}

int key_change_add(struct repo *r, const struct key_change_new *n,
                   struct member_id *id)
{
    struct keyring *k = keyring_new();
    struct object_id slot;
    int rc = key_change_may_add(r, n);

    if (rc == 0 && !k)
        rc = err_set(E_NOMEM, "out of memory");
    if (rc == 0) {
        keyring_member(r->keys, n->role, k);
        *id = k->member;
        rc = slot_list_put(r->store, k, n->label, n->secret, &slot);
    }
    if (rc == 0)
        rc = key_change_join(r, n, k, &slot);
    keyring_free(k);
    return rc;
}

/* --- another secret --- */

int key_change_secret(struct repo *r, const struct key_slot_secret *secret)
{
    struct object_id slot;
    int rc = repo_role_allows(r, REPO_ACT_OWN_KEY);

    if (rc == 0)
        rc = slot_list_put(r->store, r->keys, r->slot.label, secret, &slot);
    if (rc == 0)
        rc = slot_list_drop(r->store, &r->keys->member, &slot);
    return rc;
}

/* --- trust --- */

struct key_change_trust {
    enum record_trust trust;
    struct members_draft draft;
};

static int key_change_draft_trust(void *ctx, const struct repo *r,
                                  struct repo_log_draft *d)
{
    struct key_change_trust *t = ctx;
    struct members_change c = {.has_trust = true, .trust = t->trust};

    if (r->state.members.trust == t->trust) {
        d->nothing = true;
        return 0;
    }
    return members_draft_make(&t->draft, r, &c, d);
}

int key_change_trust(struct repo *r, enum record_trust trust)
{
    struct key_change_trust t = {.trust = trust};
    int rc = repo_role_allows(r, REPO_ACT_KEYS);

    members_draft_init(&t.draft);
    if (rc == 0)
        rc = repo_log_append(r, key_change_draft_trust, &t, NULL);
    members_draft_release(&t.draft);
    return rc;
}
