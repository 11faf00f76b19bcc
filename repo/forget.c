#include "repo/forget.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "repo/forget_fit.h"
#include "repo/repo_log.h"
#include "repo/repo_role.h"

enum {
    FORGET_BATCH_MAX = 100000, /* of 32 bytes: a record holds 16 MiB */
    FORGET_TEXT_MAX = 1 << 30,
    FORGET_HEX_MIN = 8
};

void forget_plan_release(struct forget_plan *p)
{
    snapshot_list_release(&p->list);
    free(p->item);
    free(p->at);
    free(p->goes);
    free(p->go);
    buf_release(&p->text);
    free(p->tag);
    *p = (struct forget_plan){.item = NULL};
}

/* What is not complete, or that nobody can read, stands for nothing. */
static bool forget_is_whole(const struct snapshot_item *it)
{
    return !it->damaged && !it->sealed && it->manifest.m.complete;
}

/*
 * Whether a snapshot counts only beside others of the same key: under `own`
 * those of a write key, which may be a thief's, or of nobody who is known.
 *   gone  those of keys that were removed, too: they can push nothing out any
 *         more, but what they wrote may be meant to
 */
static bool forget_is_apart(const struct state *s,
                            const struct snapshot_item *it, bool gone)
{
    const struct members_one *by = members_find(&s->members, &it->signer);

    if (s->members.trust != RECORD_TRUST_OWN)
        return false;
    if (!by || by->standing == RECORD_REMOVED)
        return gone;
    return by->role != KEYRING_FULL;
}

/* Whether a key that was removed, or of nobody who is known, wrote it. */
static bool forget_is_removed(const struct state *s,
                              const struct snapshot_item *it)
{
    const struct members_one *by = members_find(&s->members, &it->signer);

    return !by || by->standing == RECORD_REMOVED;
}

bool forget_stands_in(const struct state *s, const struct snapshot_item *it,
                      const struct snapshot_item *gone)
{
    bool apart = forget_is_apart(s, it, false);

    if (!bytes_equal(it->manifest.m.series, gone->manifest.m.series) ||
        apart != forget_is_apart(s, gone, false) ||
        (forget_is_removed(s, it) && !forget_is_removed(s, gone)))
        return false;
    return !apart ||
           memcmp(it->signer.b, gone->signer.b, sizeof it->signer.b) == 0;
}

/* ---- what a policy looks at --------------------------------------------- */

/* Strings of a plan while its text still moves. */
struct forget_span {
    size_t from;
    size_t n;
};

/* Lends: ends a member so that no two lists of members look alike. */
static void forget_group_add(struct buf *b, struct bytes x)
{
    codec_put_varint(b, x.n);
    buf_add_bytes(b, x);
}

static void forget_group_tag(void *ctx, struct bytes tag)
{
    forget_group_add(ctx, tag);
}

static struct forget_span forget_group(const struct state *s,
                                       const struct forget_ask *ask,
                                       const struct snapshot_item *it,
                                       struct buf *b)
{
    const struct manifest *m = &it->manifest.m;
    struct forget_span at = {b->n, 0};

    if (ask->group_by & FORGET_BY_SERIES)
        forget_group_add(b, m->series);
    if (forget_is_apart(s, it, true))
        buf_add(b, it->signer.b, sizeof it->signer.b);
    if (ask->group_by & FORGET_BY_HOST)
        forget_group_add(b, m->host);
    if (ask->group_by & FORGET_BY_PATHS) {
        codec_put_varint(b, m->path_n);
        for (size_t i = 0; i < m->path_n; i++)
            forget_group_add(b, m->paths[i]);
    }
    if (ask->group_by & FORGET_BY_TAGS)
        snapshot_list_tags(s, it, forget_group_tag, b);
    at.n = b->n - at.from;
    return at;
}

static bool forget_is_named(const struct forget_ask *ask,
                            const struct object_id *id)
{
    for (size_t i = 0; i < ask->id_n; i++) {
        if (object_id_equal(id, &ask->id[i]))
            return true;
    }
    return false;
}

static bool forget_looks_at(const struct repo *r, const struct forget_ask *ask,
                            const struct snapshot_item *it)
{
    if (!ask->policy)
        return forget_is_named(ask, &it->id);
    return it->damaged || it->sealed || !ask->wants ||
           ask->wants(ask->ctx, &r->state, it);
}

static struct retention_item forget_item(const struct repo *r,
                                         const struct forget_ask *ask,
                                         const struct snapshot_item *it)
{
    const struct manifest *m = &it->manifest.m;

    return (struct retention_item){
        .series = m->series,
        .number = m->number,
        .id = it->id,
        .time = m->begin,
        .complete = m->complete,
        .superseded = it->superseded,
        .damaged = it->damaged || it->sealed,
        .is_protected =
            state_label_protects(&r->state.labels, &it->id, ask->now.s),
        .named = ask->policy && forget_is_named(ask, &it->id)};
}

/* Items, with their groups. */
static int forget_collect(const struct repo *r, const struct forget_ask *ask,
                          struct forget_plan *p)
{
    struct forget_span *group = mem_array(p->list.n, sizeof *group);
    int rc;

    p->item = mem_array(p->list.n, sizeof *p->item);
    p->at = mem_array(p->list.n, sizeof *p->at);
    p->goes = mem_array(p->list.n, sizeof *p->goes);
    p->go = mem_array(p->list.n, sizeof *p->go);
    if (!group || !p->item || !p->at || !p->goes || !p->go) {
        free(group);
        return err_set(E_NOMEM, "out of memory for the snapshots");
    }
    for (size_t i = 0; i < p->list.n; i++) {
        const struct snapshot_item *it = &p->list.item[i];

        if (!forget_looks_at(r, ask, it))
            continue;
        p->item[p->n] = forget_item(r, ask, it);
        group[p->n] = forget_group(&r->state, ask, it, &p->text);
        p->at[p->n++] = i;
    }
    rc = buf_status(&p->text);
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        if (group[i].n > 0)
            p->item[i].group = bytes_of(p->text.p + group[i].from, group[i].n);
    }
    free(group);
    return rc;
}

/* ---- tags that a policy asks for ---------------------------------------- */

struct forget_tags {
    struct bytes *tag; /* owned */
    size_t n;
    size_t cap;
    bool full; /* out of memory */
};

static void forget_tags_add(void *ctx, struct bytes tag)
{
    struct forget_tags *t = ctx;

    if (t->full || !MEM_GROW(t->tag, t->n, t->cap))
        t->full = true;
    else
        t->tag[t->n++] = tag;
}

/* The items borrow from t, and through it from the state. */
static int forget_tags_fill(const struct state *s, struct forget_plan *p,
                            struct forget_tags *t)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++) {
        size_t before = t->n;

        snapshot_list_tags(s, &p->list.item[p->at[i]], forget_tags_add, t);
        p->item[i].tag_n = t->n - before;
    }
    if (t->full)
        return err_set(E_NOMEM, "out of memory for the tags");
    for (size_t i = 0; i < p->n; i++) {
        if (p->item[i].tag_n > 0)
            p->item[i].tag = t->tag + n;
        n += p->item[i].tag_n;
    }
    return 0;
}

/* What was chosen for its size goes, too, where rules keep it. */
static void forget_take_fit(const struct forget_fit *f, struct forget_plan *p)
{
    for (size_t k = 0; k < f->n; k++) {
        for (size_t i = 0; i < p->n; i++) {
            struct retention_item *it = &p->item[i];

            if (!it->keep || retention_is_firm(it) ||
                !object_id_equal(&it->id, &f->id[k]))
                continue;
            it->keep = false;
            it->reason |= RETENTION_TOO_LARGE;
            p->result.kept--;
            p->result.removed += it->complete;
        }
    }
}

static int forget_decide(const struct repo *r, const struct forget_ask *ask,
                         struct forget_plan *p)
{
    struct forget_tags t = {.tag = NULL};
    int rc = ask->policy->tags_n > 0 ? forget_tags_fill(&r->state, p, &t) : 0;

    if (rc == 0)
        rc = retention_apply(ask->policy, ask->now, p->item, p->n, &p->result);
    if (rc == 0 && ask->fit)
        forget_take_fit(ask->fit, p);
    p->tag = t.tag;
    return rc;
}

/* ---- what goes ---------------------------------------------------------- */

/* Those that are named go, and no rule speaks of them. */
static void forget_take_named(struct forget_plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->item[i].is_protected)
            p->item[i].reason = RETENTION_PROTECTED;
        p->result.removed += p->item[i].complete;
    }
}

/* Superseded checkpoints of a series go with, or before, what superseded them:
 * else they would come back to life (F1). */
static void forget_take_superseded(struct forget_plan *p, struct bytes series)
{
    for (size_t i = 0; i < p->list.n; i++) {
        const struct snapshot_item *it = &p->list.item[i];

        if (it->superseded && bytes_equal(it->manifest.m.series, series))
            p->goes[i] = true;
    }
}

static void forget_take(struct forget_plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (!p->item[i].keep)
            p->goes[p->at[i]] = true;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (p->goes[p->at[i]] && !p->item[i].damaged)
            forget_take_superseded(p, p->item[i].series);
    }
    for (int superseded = 1; superseded >= 0; superseded--) {
        for (size_t i = 0; i < p->list.n; i++) {
            if (p->goes[i] && p->list.item[i].superseded == superseded)
                p->go[p->go_n++] = p->list.item[i].id;
        }
    }
}

int forget_plan_make(const struct repo *r, const struct forget_ask *ask,
                     struct forget_plan *p)
{
    int rc;

    buf_init(&p->text, FORGET_TEXT_MAX);
    rc = snapshot_list_load(r->index, &r->state, &p->list);
    if (rc == 0) /* tags decide */
        rc = snapshot_list_recall_all(r->store, r->keys, &p->list);
    if (rc == 0)
        rc = forget_collect(r, ask, p);
    if (rc == 0 && ask->policy)
        rc = forget_decide(r, ask, p);
    else if (rc == 0)
        forget_take_named(p);
    if (rc == 0)
        forget_take(p);
    return rc;
}

/* ---- guards ------------------------------------------------------------- */

/* A snapshot among those that stand for the same. */
struct forget_heir {
    const struct snapshot_item *it;
    bool apart;
    bool removed; /* its key was */
    bool goes;
};

/* By what they stand for; the newest first. */
static int forget_heir_order(const void *va, const void *vb)
{
    const struct forget_heir *a = va;
    const struct forget_heir *b = vb;
    int c = bytes_cmp(a->it->manifest.m.series, b->it->manifest.m.series);

    if (c == 0)
        c = a->apart - b->apart;
    if (c == 0 && a->apart)
        c = memcmp(a->it->signer.b, b->it->signer.b, sizeof a->it->signer.b);
    if (c == 0)
        c = (a->it->manifest.m.number < b->it->manifest.m.number) -
            (a->it->manifest.m.number > b->it->manifest.m.number);
    return c;
}

static bool forget_heir_same(const struct forget_heir *a,
                             const struct forget_heir *b)
{
    return bytes_equal(a->it->manifest.m.series, b->it->manifest.m.series) &&
           a->apart == b->apart &&
           (!a->apart || memcmp(a->it->signer.b, b->it->signer.b,
                                sizeof a->it->signer.b) == 0);
}

static int forget_refuse_last(const struct forget_heir *h)
{
    struct bytes series = h->it->manifest.m.series;
    char hex[ID_HEX_CHARS + 1];

    return err_set(E_REFUSED,
                   "series '%.*s'%s would be left without a complete snapshot: "
                   "%.*s is its last, and stays",
                   (int)series.n, (const char *)series.p,
                   h->apart ? ", as one key wrote it," : "", FORGET_HEX_MIN,
                   id_hex(h->it->id.b, sizeof h->it->id.b, hex));
}

static int forget_refuse_unsure(const struct forget_heir *h)
{
    struct bytes series = h->it->manifest.m.series;
    char hex[ID_HEX_CHARS + 1];

    return err_set(
        E_REFUSED,
        "%.*s, the newest of series '%.*s', cannot go while a snapshot is "
        "damaged: that may be an unfinished one, which would take its place "
        "('dedup check' names it; forget it first)",
        FORGET_HEX_MIN, id_hex(h->it->id.b, sizeof h->it->id.b, hex),
        (int)series.n, (const char *)series.p);
}

/* Of those that stand for the same, the first n: whether all that count go.
 * Where some are of keys in good standing, those of a removed one, perhaps a
 * stolen one, cannot stand in for them. */
static bool forget_takes_last(const struct forget_heir *h, size_t n)
{
    bool goes = false, stays = false;
    bool good_goes = false, good_stays = false;

    for (size_t i = 0; i < n; i++) {
        goes = goes || h[i].goes;
        stays = stays || !h[i].goes;
        good_goes = good_goes || (h[i].goes && !h[i].removed);
        good_stays = good_stays || (!h[i].goes && !h[i].removed);
    }
    return (goes && !stays) || (good_goes && !good_stays);
}

/* h: the complete ones, sorted. unsure: one that stays cannot be read. drop: a
 * series may go as a whole. */
static int forget_guard_heirs(const struct forget_heir *h, size_t n,
                              bool unsure, bool drop)
{
    for (size_t i = 0; i < n;) {
        size_t end = i;

        while (end < n && forget_heir_same(&h[i], &h[end]))
            end++;
        if (!drop && forget_takes_last(&h[i], end - i))
            return forget_refuse_last(&h[i]);
        if (h[i].goes && unsure)
            return forget_refuse_unsure(&h[i]);
        i = end;
    }
    return 0;
}

static int forget_guard_last(const struct repo *r, const struct forget_ask *ask,
                             const struct forget_plan *p)
{
    struct forget_heir *h = mem_array(p->list.n, sizeof *h);
    bool unsure = false;
    size_t n = 0;
    int rc;

    if (!h)
        return err_set(E_NOMEM, "out of memory for the snapshots");
    for (size_t i = 0; i < p->list.n; i++) {
        const struct snapshot_item *it = &p->list.item[i];

        if (forget_is_whole(it))
            h[n++] = (struct forget_heir){
                .it = it,
                .apart = forget_is_apart(&r->state, it, false),
                .removed = forget_is_removed(&r->state, it),
                .goes = p->goes[i]};
        else if (it->damaged || it->sealed)
            unsure = unsure || !p->goes[i];
    }
    qsort(h, n, sizeof *h, forget_heir_order);
    rc = forget_guard_heirs(h, n, unsure, ask->drop);
    free(h);
    return rc;
}

static int forget_guard_named(const struct forget_ask *ask,
                              const struct forget_plan *p)
{
    char hex[ID_HEX_CHARS + 1];

    for (size_t i = 0; i < ask->id_n; i++) {
        bool found = false;

        for (size_t k = 0; k < p->list.n && !found; k++)
            found = object_id_equal(&p->list.item[k].id, &ask->id[i]);
        if (!found)
            return err_set(E_NOTFOUND, "snapshot %.*s was forgotten meanwhile",
                           FORGET_HEX_MIN, id_hex(ask->id[i].b, ID_BYTES, hex));
    }
    return 0;
}

static int forget_guard_protected(const struct forget_plan *p)
{
    char hex[ID_HEX_CHARS + 1];

    for (size_t i = 0; i < p->n; i++) {
        if (!p->item[i].keep && p->item[i].is_protected)
            return err_set(E_REFUSED,
                           "snapshot %.*s is protected ('dedup protect --off' "
                           "ends that)",
                           FORGET_HEX_MIN,
                           id_hex(p->item[i].id.b, ID_BYTES, hex));
    }
    return 0;
}

/* How many complete ones may go at most. */
static uint64_t forget_limit(const struct forget_ask *ask,
                             const struct forget_plan *p)
{
    uint64_t complete = 0;

    if (ask->max_remove_percent == 0)
        return ask->max_remove;
    for (size_t i = 0; i < p->n; i++)
        complete += p->item[i].complete && !p->item[i].damaged;
    return complete * ask->max_remove_percent / 100;
}

static int forget_guard_many(const struct forget_ask *ask,
                             const struct forget_plan *p)
{
    uint64_t limit = ask->has_max_remove ? forget_limit(ask, p) : UINT64_MAX;

    if (p->result.removed <= limit)
        return 0;
    return err_set(E_REFUSED,
                   "%zu snapshot%s would go, and more than %" PRIu64
                   " are not to (--max-remove)",
                   p->result.removed, p->result.removed == 1 ? "" : "s", limit);
}

static int forget_guard_policy(const struct forget_ask *ask,
                               const struct forget_plan *p)
{
    const struct retention_policy *policy = ask->policy;

    if (!retention_has_rule(policy))
        return err_set(E_REFUSED,
                       "no rule says what to keep: give one, such as "
                       "--keep-daily 7");
    if (p->result.tags_unmatched > 0) {
        struct bytes tag = policy->tags[p->result.tag_unmatched].tag[0];

        return err_set(E_REFUSED,
                       "--keep-tag %.*s: no snapshot has %s tag%s; nothing was "
                       "forgotten",
                       (int)tag.n, (const char *)tag.p,
                       policy->tags[p->result.tag_unmatched].n > 1
                           ? "that and the other"
                           : "that",
                       policy->tags[p->result.tag_unmatched].n > 1 ? "s" : "");
    }
    if (p->result.groups_emptied > 0) {
        for (size_t i = 0; i < p->n; i++) {
            if (bytes_equal(p->item[i].group, p->result.emptied) &&
                p->item[i].complete)
                return err_set(
                    E_REFUSED,
                    "the rules keep nothing of the group of series '%.*s'",
                    (int)p->item[i].series.n,
                    (const char *)p->item[i].series.p);
        }
    }
    return 0;
}

/* What nothing overrides. */
static int forget_guard_always(const struct repo *r,
                               const struct forget_ask *ask,
                               const struct forget_plan *p)
{
    int rc = forget_guard_protected(p);

    return rc == 0 ? forget_guard_last(r, ask, p) : rc;
}

int forget_guard(const struct repo *r, const struct forget_ask *ask,
                 const struct forget_plan *p)
{
    int rc = forget_guard_named(ask, p);

    if (rc == 0)
        rc = forget_guard_always(r, ask, p);
    if (rc == 0 && !ask->force && ask->policy)
        rc = forget_guard_policy(ask, p);
    if (rc == 0 && !ask->force)
        rc = forget_guard_many(ask, p);
    return rc;
}

/* ---- doing it ----------------------------------------------------------- */

struct forget_draft {
    const struct forget_ask *ask;
    bool begun;               /* the first record is put */
    struct forget_plan *plan; /* of the last attempt */
};

static size_t forget_batch(const struct forget_ask *ask)
{
    return ask->batch ? ask->batch : FORGET_BATCH_MAX;
}

static int forget_compute(void *ctx, const struct repo *r,
                          struct repo_log_draft *d)
{
    struct forget_draft *x = ctx;
    size_t most = forget_batch(x->ask);
    int rc;

    forget_plan_release(x->plan);
    if (x->ask->fit && !x->begun &&
        !object_id_equal(&x->ask->fit->tip.id, &r->state.tip.id))
        return err_set(E_LATER, "the log has moved meanwhile; try again");
    rc = forget_plan_make(r, x->ask, x->plan);
    if (rc == 0)
        rc = x->begun ? forget_guard_always(r, x->ask, x->plan)
                      : forget_guard(r, x->ask, x->plan);
    if (rc < 0)
        return rc;
    d->nothing = x->plan->go_n == 0;
    d->type = RECORD_FORGET;
    d->says.ids =
        record_ids_of(x->plan->go, x->plan->go_n < most ? x->plan->go_n : most);
    return 0;
}

/* What one record could not hold: the plan is made anew on each. */
static int forget_rest(struct repo *r, const struct forget_ask *ask,
                       const struct forget_plan *p)
{
    size_t most = forget_batch(ask);
    struct forget_ask again = *ask;
    struct forget_plan rest = {.n = 0};
    struct forget_draft x = {.ask = &again, .begun = true, .plan = &rest};
    uint64_t number = 1;
    int rc = 0;

    if (!ask->policy) {
        again.id = p->go + most;
        again.id_n = p->go_n - most;
    }
    while (rc == 0 && number > 0)
        rc = repo_log_append(r, forget_compute, &x, &number);
    forget_plan_release(&rest);
    return rc;
}

int forget_run(struct repo *r, const struct forget_ask *ask,
               struct forget_plan *p)
{
    struct forget_draft x = {.ask = ask, .plan = p};
    int rc = repo_role_allows(r, REPO_ACT_FORGET);

    if (rc == 0)
        rc = repo_log_append(r, forget_compute, &x, NULL);
    if (rc == 0 && p->go_n > forget_batch(ask))
        rc = forget_rest(r, ask, p);
    return rc;
}
