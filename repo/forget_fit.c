#include "repo/forget_fit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/usage.h"

void forget_fit_release(struct forget_fit *f)
{
    free(f->id);
    *f = (struct forget_fit){.id = NULL};
}

static bool forget_fit_same_writer(const struct forget_plan *p, size_t a,
                                   size_t b)
{
    const struct snapshot_item *x = &p->list.item[p->at[a]];
    const struct snapshot_item *y = &p->list.item[p->at[b]];

    return bytes_equal(p->item[a].series, p->item[b].series) &&
           memcmp(x->signer.b, y->signer.b, sizeof x->signer.b) == 0;
}

/* Whether item i is the newest complete one of something that must not be
 * without. */
static bool forget_fit_is_last(const struct forget_plan *p, size_t i)
{
    const struct retention_item *it = &p->item[i];
    bool group = true, writer = true;

    if (!it->complete)
        return false;
    /* the items stand as the list does, which ascends by time */
    for (size_t k = 0; k < p->n && (group || writer); k++) {
        const struct retention_item *o = &p->item[k];

        if (k == i || !o->complete || !o->keep || o->damaged)
            continue;
        if (k > i && bytes_equal(o->group, it->group))
            group = false;
        if ((o->number > it->number || (o->number == it->number && k > i)) &&
            forget_fit_same_writer(p, i, k))
            writer = false;
    }
    return group || writer;
}

static int forget_fit_order(const void *va, const void *vb)
{
    const struct retention_item *a = *(struct retention_item *const *)va;
    const struct retention_item *b = *(struct retention_item *const *)vb;
    int c = entry_time_cmp(a->counted, b->counted);

    return c ? c : (a > b) - (a < b);
}

/* Takes out what goes anyhow. */
static int forget_fit_gone(const struct forget_plan *p, struct usage_turn *t,
                           struct forget_fit *f)
{
    int rc = 0;

    for (size_t i = 0; i < p->list.n && rc == 0; i++) {
        const struct snapshot_item *it = &p->list.item[i];
        struct usage_own own;

        if (!p->goes[i] || it->superseded)
            continue;
        rc = usage_turn_take(t, &it->id, &own);
        f->after_bytes -= rc == 0 ? own.bytes : 0;
    }
    return rc;
}

static int forget_fit_take(struct forget_fit *f, struct usage_turn *t,
                           struct retention_item *it)
{
    struct usage_own own;
    int rc = usage_turn_take(t, &it->id, &own);

    if (rc < 0)
        return rc;
    if (!MEM_GROW(f->id, f->n, f->cap))
        return err_set(E_NOMEM, "out of memory");
    f->id[f->n++] = it->id;
    f->after_bytes -= own.bytes;
    it->keep = false;
    return 0;
}

/* The oldest first, until the rest fits. */
static int forget_fit_oldest(struct forget_plan *p, struct usage_turn *t,
                             struct forget_fit *f)
{
    struct retention_item **old = mem_array(p->n, sizeof(*old));
    size_t n = 0;
    int rc = 0;

    if (!old)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < p->n; i++) {
        if (p->item[i].keep && !p->item[i].superseded &&
            !retention_is_firm(&p->item[i]))
            old[n++] = &p->item[i];
    }
    if (n > 0)
        qsort(old, n, sizeof(*old), forget_fit_order);
    for (size_t i = 0; i < n && rc == 0 && f->after_bytes > f->max_bytes; i++) {
        if (!forget_fit_is_last(p, (size_t)(old[i] - p->item)))
            rc = forget_fit_take(f, t, old[i]);
    }
    free(old);
    return rc;
}

static int forget_fit_count(struct repo *r, struct cancel *cancel)
{
    struct roots roots = {.n = 0};
    int rc = roots_load(r, &roots);

    if (rc == 0)
        rc = usage_catch_up(r, &roots, cancel, NULL);
    roots_release(&roots);
    return rc;
}

int forget_fit_choose(struct repo *r, const struct forget_ask *ask,
                      struct cancel *cancel, struct forget_fit *f)
{
    struct forget_ask rules = *ask;
    struct forget_plan p = {.n = 0};
    struct usage_turn *t = NULL;
    int rc;

    rules.fit = NULL;
    f->max_bytes = ask->policy->max_size;
    f->tip = r->state.tip;
    rc = forget_plan_make(r, &rules, &p);
    if (rc == 0)
        rc = forget_fit_count(r, cancel);
    if (rc == 0)
        rc = usage_turn_open(r, cancel, &t, &f->before_bytes);
    if (rc == 0) {
        f->after_bytes = f->before_bytes;
        rc = forget_fit_gone(&p, t, f);
    }
    if (rc == 0)
        rc = forget_fit_oldest(&p, t, f);
    usage_turn_close(t);
    forget_plan_release(&p);
    return rc;
}
