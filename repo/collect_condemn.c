/* C1, C2: which packs nothing needs, and the record that says so. */
#include <stdlib.h>

#include "base/mem.h"
#include "index/index_refs.h"
#include "repo/catchup_marks.h"
#include "repo/collect_step.h"
#include "repo/journal.h"
#include "repo/journal_list.h"
#include "repo/repo_log.h"
#include "repo/trust.h"

enum {
    COLLECT_CONDEMN_PACKS = 32,     /* read at a time */
    COLLECT_CONDEMN_MAX = 100000,   /* of one record */
    COLLECT_CONDEMN_MARKED = 200000 /* roots that one record can name */
};

struct collect_condemn {
    struct collect *c;
    struct roots roots;
    struct collect_proof proof;
    struct index_reader *reader; /* of the proof */
    struct journal_list open;    /* journals not known to be closed */
    struct object_id *pack;      /* candidates */
    size_t n;
    size_t cap;
    struct collect_sum all;
    struct collect_sum sum; /* of the candidates */
};

static void collect_condemn_reset(struct collect_condemn *x)
{
    roots_release(&x->roots);
    collect_proof_end(&x->proof);
    x->reader = NULL;
    journal_list_release(&x->open);
    x->open = (struct journal_list){.item = NULL};
    x->n = 0;
    x->all = x->sum = (struct collect_sum){.n = 0};
}

/* Whether packs may still be named in that journal: not in a reader's (P1). */
static bool collect_condemn_publishes(const struct collect_condemn *x,
                                      const struct writer_id *w)
{
    struct journal j;
    bool pins;

    journal_init(&j, w);
    err_ignore(journal_read(&j, x->c->r, NULL),
               "of what cannot be read more is to be expected");
    pins = j.pin_n > 0;
    journal_release(&j);
    return !pins;
}

/* The journals that are listed now, without those known to be closed. */
static int collect_condemn_open(struct collect_condemn *x)
{
    size_t kept = 0;
    int rc = journal_list_load(x->c->r->store, &x->open);

    for (size_t i = 0; i < x->open.n && rc == 0; i++) {
        bool closed = false;

        rc = catchup_marks_closed(x->reader, &x->open.item[i].writer, &closed);
        if (!closed && collect_condemn_publishes(x, &x->open.item[i].writer))
            x->open.item[kept++] = x->open.item[i];
    }
    x->open.n = kept;
    return rc;
}

/* Whether whoever wrote a pack that no record lists may still be about to list
 * it: some journal of that member is open, or one of nobody knows whom. */
static bool collect_condemn_awaited(const struct collect_condemn *x,
                                    const struct index_pack *p)
{
    const struct members *m = &x->c->r->state.members;

    for (size_t i = 0; i < x->open.n; i++) {
        const struct members_one *owner =
            members_owner(m, &x->open.item[i].writer);

        if (!owner || memcmp(owner->id.b, p->member.b, sizeof owner->id.b) == 0)
            return true;
    }
    return false;
}

/* Whether nothing needs a pack, as the counts say; each chunk is looked at
 * before it is doomed. */
static int collect_condemn_is_idle(struct collect_condemn *x,
                                   const struct index_pack *p, bool *idle)
{
    struct index_use use;
    bool closed = false;
    int rc = 0;

    *idle = false;
    if (p->state != INDEX_LIVE || p->gone)
        return 0;
    rc = index_refs_use(x->reader, p->no, &use);
    if (rc < 0 || use.chunk_n > 0)
        return rc;
    if (trust_listed(p)) {
        rc = catchup_marks_closed(x->reader, &p->writer, &closed);
        *idle = closed;
    } else {
        *idle = !collect_condemn_awaited(x, p);
    }
    return rc;
}

static int collect_condemn_look(struct collect_condemn *x,
                                const struct index_pack *p)
{
    bool idle;
    int rc;

    if (p->state == INDEX_DOOMED)
        return 0;
    x->all.n++;
    x->all.bytes += p->size_bytes;
    rc = collect_condemn_is_idle(x, p, &idle);
    if (rc < 0 || !idle || x->n == COLLECT_CONDEMN_MAX)
        return rc;
    if (!MEM_GROW(x->pack, x->n, x->cap))
        return err_set(E_NOMEM, "out of memory for the packs");
    x->pack[x->n++] = p->id;
    x->sum.n++;
    x->sum.bytes += p->size_bytes;
    return 0;
}

static int collect_condemn_choose(struct collect_condemn *x)
{
    struct index_pack pack[COLLECT_CONDEMN_PACKS];
    uint32_t next = 0;
    size_t n = 1;
    int rc = 0;

    while (rc == 0 && n > 0) {
        rc = index_reader_packs(x->reader, &next, pack, COLLECT_CONDEMN_PACKS,
                                &n);
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = collect_condemn_look(x, &pack[i]);
    }
    return rc;
}

/* Whether a candidate can go. What nobody can read stays, and nobody can rely
 * on it either. */
static int collect_condemn_prove_one(struct collect_condemn *x,
                                     const struct object_id *id, bool *goes)
{
    struct index_pack p = {.size_bytes = 0};
    bool needed = true;
    bool found;
    int rc = index_reader_pack_by_id(x->reader, id, &p, &found);

    if (rc == 0)
        rc = collect_proof_pack(&x->proof, id, &needed);
    if (rc == 0 && needed)
        collect_proof_stays(&x->proof, id);
    if (rc == E_CORRUPT) {
        err_ignore(rc, "'dedup check' tells of it");
        rc = 0;
    }
    *goes = rc == 0 && !needed;
    if (rc == 0 && needed) {
        x->sum.n--;
        x->sum.bytes -= p.size_bytes;
    }
    return rc;
}

/* What the record says of the roots must be true: that they need none of these.
 * Runs that know of it take subtrees over on its word. */
static int collect_condemn_prove(struct collect_condemn *x)
{
    size_t kept = 0;
    int rc = collect_proof_add(&x->proof, x->pack, x->n);

    for (size_t i = 0; i < x->n && rc == 0; i++) {
        bool goes = false;

        rc = cancel_check(x->c->o->cancel);
        if (rc == 0)
            rc = collect_condemn_prove_one(x, &x->pack[i], &goes);
        if (goes)
            x->pack[kept++] = x->pack[i];
    }
    x->n = kept;
    return rc;
}

static int collect_condemn_find(struct collect_condemn *x)
{
    int rc;

    collect_condemn_reset(x);
    rc = collect_mark_proof(x->c, &x->roots, true, &x->proof);
    x->reader = x->proof.reader;
    if (rc == 0 && x->roots.n > COLLECT_CONDEMN_MARKED)
        rc = err_set(E_LIMIT, "more than %d snapshots", COLLECT_CONDEMN_MARKED);
    if (rc == 0)
        rc = collect_condemn_open(x);
    if (rc == 0)
        rc = collect_condemn_choose(x);
    if (rc == 0)
        rc = collect_condemn_prove(x);
    /* no reader may be open when the log is read again */
    collect_proof_end(&x->proof);
    x->reader = NULL;
    return rc;
}

static int collect_condemn_compute(void *ctx, const struct repo *r,
                                   struct repo_log_draft *d)
{
    struct collect_condemn *x = ctx;
    int rc = 0;

    d->nothing = r->state.undecided_n > 0;
    if (!d->nothing)
        rc = collect_condemn_find(x);
    if (rc < 0)
        return rc;
    d->nothing = d->nothing || x->n == 0;
    d->type = RECORD_CONDEMN;
    d->says.ids = record_ids_of(x->pack, x->n);
    d->says.marked = record_ids_of(x->roots.id, x->roots.n);
    return 0;
}

/* Packs that killed runs left: nobody lists them. They are met before the
 * journals are read: who opens one later has not written them. */
static int collect_condemn_strays(struct repo *r)
{
    struct index_update *u = NULL;
    int rc = index_update_begin(r->index, 60000, &u);

    if (rc == 0)
        rc = catchup_marks_put_owed(u);
    if (rc == 0)
        rc = index_update_commit(u);
    else
        index_update_abort(u);
    return rc < 0 ? rc : repo_refresh(r);
}

/* What would be condemned. */
static int collect_condemn_dry(struct collect *c, void *ctx)
{
    (void)c;
    return collect_condemn_find(ctx);
}

static void collect_condemn_add(struct collect_sum *to,
                                const struct collect_sum *x)
{
    to->n += x->n;
    to->bytes += x->bytes;
}

int collect_condemn(struct collect *c)
{
    struct collect_condemn x = {.c = c};
    uint64_t number = 0;
    int rc = collect_condemn_strays(c->r);

    if (rc == 0 && c->o->dry_run)
        rc = collect_on_newest(c, collect_condemn_dry, &x);
    else if (rc == 0)
        rc = repo_log_append(c->r, collect_condemn_compute, &x, &number);
    if (rc == 0 && (number > 0 || c->o->dry_run))
        collect_condemn_add(&c->done->condemned, &x.sum);
    /* what we have written ourselves was not there */
    if (c->done->all.n == 0)
        c->done->all = x.all;
    collect_condemn_reset(&x);
    free(x.pack);
    return rc;
}
