#include "repo/forget_fit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/usage.h"

enum { FORGET_FIT_TRIES = 10 };

void forget_fit_release(struct forget_fit *f)
{
    free(f->id);
    *f = (struct forget_fit){.id = NULL};
}

/* Whether item i is the newest complete one of something that must not be
 * without. One that bears a time to come stands in for none. */
static bool forget_fit_is_last(const struct repo *r,
                               const struct forget_plan *p, size_t i)
{
    const struct retention_item *it = &p->item[i];
    bool group = true, series = true;

    if (!it->complete)
        return false;
    /* the items stand as the list does, which ascends by time */
    for (size_t k = 0; k < p->n && (group || series); k++) {
        const struct retention_item *o = &p->item[k];

        if (k == i || !o->complete || !o->keep || o->damaged ||
            (o->reason & RETENTION_FUTURE))
            continue;
        if (k > i && bytes_equal(o->group, it->group))
            group = false;
        if ((o->number > it->number || (o->number == it->number && k > i)) &&
            forget_stands_in(&r->state, &p->list.item[p->at[k]],
                             &p->list.item[p->at[i]]))
            series = false;
    }
    return group || series;
}

static int forget_fit_order(const void *va, const void *vb)
{
    const struct retention_item *a = *(struct retention_item *const *)va;
    const struct retention_item *b = *(struct retention_item *const *)vb;
    int c = entry_time_cmp(a->counted, b->counted);

    return c ? c : (a > b) - (a < b);
}

/* One less. What it takes is part of all that is needed. */
static int forget_fit_less(struct forget_fit *f, struct usage_turn *t,
                           const struct object_id *id)
{
    struct usage_own own;
    int rc = usage_turn_take(t, id, &own);

    if (rc == 0 && own.bytes > f->after_bytes)
        rc = err_set(E_BUSY, "the references in the cache have changed");
    if (rc == 0)
        f->after_bytes -= own.bytes;
    return rc;
}

/* Takes out what goes anyhow. */
static int forget_fit_gone(const struct forget_plan *p, struct usage_turn *t,
                           struct forget_fit *f)
{
    int rc = 0;

    for (size_t i = 0; i < p->list.n && rc == 0; i++) {
        const struct snapshot_item *it = &p->list.item[i];

        if (p->goes[i] && !it->superseded)
            rc = forget_fit_less(f, t, &it->id);
    }
    return rc;
}

static int forget_fit_take(struct forget_fit *f, struct usage_turn *t,
                           struct retention_item *it)
{
    int rc = forget_fit_less(f, t, &it->id);

    if (rc < 0)
        return rc;
    if (!MEM_GROW(f->id, f->n, f->cap))
        return err_set(E_NOMEM, "out of memory");
    f->id[f->n++] = it->id;
    it->keep = false;
    return 0;
}

/* The oldest first, until the rest fits. */
static int forget_fit_oldest(const struct repo *r, struct forget_plan *p,
                             struct usage_turn *t, struct forget_fit *f)
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
        if (!forget_fit_is_last(r, p, (size_t)(old[i] - p->item)))
            rc = forget_fit_take(f, t, old[i]);
    }
    free(old);
    return rc;
}

/* All that exists, counted, and a turn that begins with just that: another
 * process could change the counts in between. */
static int forget_fit_begin(struct repo *r, struct cancel *cancel,
                            struct usage_turn **t, uint64_t *needed)
{
    struct roots roots = {.n = 0};
    bool same = false;
    int rc = roots_load(r, &roots);

    for (int i = 0; i < FORGET_FIT_TRIES && rc == 0 && !same; i++) {
        usage_turn_close(*t);
        *t = NULL;
        rc = usage_catch_up(r, &roots, cancel, NULL);
        if (rc == 0)
            rc = usage_turn_open(r, cancel, t, needed);
        if (rc == 0)
            rc = usage_turn_stands_for(*t, &roots, &same);
    }
    if (rc == 0 && !same)
        rc = err_set(E_BUSY, "the references in the cache keep changing");
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
        rc = forget_fit_begin(r, cancel, &t, &f->before_bytes);
    if (rc == 0) {
        f->after_bytes = f->before_bytes;
        rc = forget_fit_gone(&p, t, f);
    }
    if (rc == 0)
        rc = forget_fit_oldest(r, &p, t, f);
    usage_turn_close(t);
    forget_plan_release(&p);
    return rc;
}
