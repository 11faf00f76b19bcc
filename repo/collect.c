#include "repo/collect.h"

#include "repo/collect_step.h"
#include "repo/repo_log.h"
#include "repo/repo_role.h"
#include "repo/reserve.h"
#include "repo/usage.h"
#include "repo/writer.h"
#include "store/store.h"

enum {
    COLLECT_TRIES = 10, /* when others are faster */
    COLLECT_ROUNDS = 100
};

int collect_sound(const struct repo *r)
{
    if (!r->hurt && r->segments_lost == 0 && r->journals.journals == 0)
        return 0;
    return err_set(E_CORRUPT,
                   "%s: something is damaged that could say what is needed: "
                   "nothing is taken away ('dedup check' tells more)",
                   store_place(r->store));
}

/* The roots of r's state, with what open journals pin. */
static int collect_roots(struct collect *c, struct roots *roots)
{
    int rc = collect_sound(c->r);

    if (rc == 0)
        rc = roots_load(c->r, roots);
    return rc < 0 ? rc : collect_pins(c->r, roots);
}

int collect_mark_proof(struct collect *c, struct roots *roots, bool live,
                       struct collect_proof *p)
{
    bool same = false;
    int rc = collect_roots(c, roots);

    *p = (struct collect_proof){.r = c->r};
    for (int i = 0; i < COLLECT_TRIES && rc == 0 && !same; i++) {
        collect_proof_end(p);
        rc = usage_catch_up(c->r, roots, c->o->cancel, NULL);
        if (rc == 0)
            rc = collect_proof_begin(p, c->r, live);
        if (rc == 0)
            rc = usage_stands_for(p->reader, roots, &same);
    }
    if (rc == 0 && !same)
        rc = err_set(E_BUSY, "the references in the cache keep changing");
    return rc;
}

/* The oldest condemn record that nobody has decided. */
static bool collect_undecided(const struct state *s, uint64_t *number)
{
    bool any = false;

    for (size_t i = 0; i < s->undecided_n; i++) {
        if (!any || s->undecided[i].number < *number)
            *number = s->undecided[i].number;
        any = true;
    }
    return any;
}

/* Goes on with all that is condemned, the oldest first, as far as can be. */
static int collect_go_on(struct collect *c)
{
    uint64_t number = 0;
    bool all = true;
    int rc = 0;

    while (rc == 0 && all && collect_undecided(&c->r->state, &number)) {
        rc = cancel_check(c->o->cancel);
        if (rc == 0)
            rc = collect_wait(c, number, &all);
        if (rc == 0 && all)
            rc = collect_decide(c, number);
    }
    return rc;
}

/* What dead runs left is nobody's only when their journals are closed: else it
 * would stay until something else is condemned. */
static int collect_end_silent(struct collect *c)
{
    uint64_t before = c->done->fenced;
    bool all;
    int rc = collect_wait(c, UINT64_MAX, &all);

    c->done->waiting = 0;
    return rc == 0 && c->done->fenced > before ? repo_refresh(c->r) : rc;
}

int collect_on_newest(struct collect *c, collect_step_fn *step, void *ctx)
{
    for (int i = 0; i < COLLECT_TRIES; i++) {
        bool again;
        int rc = cancel_check(c->o->cancel);

        if (rc == 0)
            rc = step(c, ctx);
        if (rc != E_CORRUPT)
            return rc;
        rc = repo_log_overtaken(c->r, &again);
        if (rc == 0)
            rc = repo_refresh(c->r);
        if (rc < 0)
            return rc;
    }
    return err_set(E_BUSY, "others collect all the time");
}

static int collect_count(struct collect *c, void *ctx)
{
    struct roots roots = {.n = 0};
    int rc = collect_roots(c, &roots);

    (void)ctx;
    if (rc == 0)
        rc = usage_catch_up(c->r, &roots, c->o->cancel, NULL);
    roots_release(&roots);
    return rc;
}

/* Moves what is needed in packs that are mostly idle, as far as there is room:
 * half of what is free is left to others. more: out: there may be more to move
 * when the old packs have gone. */
static int collect_move(struct collect *c, bool *more)
{
    struct repack_limits l = c->o->repack;
    struct repack_done moved;
    uint64_t room = UINT64_MAX;
    bool tight;
    int rc = repack(c->r, &l, c->o->cancel, true, &moved);

    if (rc == 0 && c->o->dry_run) {
        c->done->repacked = moved;
        return 0;
    }
    if (rc == 0 && moved.packs > 0)
        rc = store_free_space(c->r->store, &room);
    if (rc < 0 || moved.packs == 0)
        return rc;
    tight = moved.bytes > room / 2;
    if (tight)
        l.rewritten_bytes = room / 2;
    rc = repack(c->r, &l, c->o->cancel, false, &moved);
    c->done->repacked.packs += moved.packs;
    c->done->repacked.bytes += moved.bytes;
    c->done->repacked.written += moved.written;
    *more = rc == 0 && tight && moved.packs > 0;
    c->done->no_room = tight && moved.packs == 0;
    return rc;
}

/* What is needed in packs that are mostly idle moves, before these are looked
 * at: they are found idle then. */
static int collect_repack(struct collect *c, bool *more)
{
    int rc = collect_on_newest(c, collect_count, NULL);

    if (rc == 0)
        rc = collect_move(c, more);
    if (rc == E_NOSPACE) {
        err_ignore(rc, "whole packs can go all the same");
        c->done->no_room = true;
        rc = reserve_spend_if_full(c->r->store);
    }
    return rc;
}

/* What is condemned and not decided. */
static int collect_count_undecided(struct collect *c)
{
    struct index_reader *reader = NULL;
    int rc = index_reader_new(c->r->index, &reader);

    for (size_t i = 0; i < c->r->state.undecided_n && rc == 0; i++) {
        const struct state_condemn *s = &c->r->state.undecided[i];

        for (size_t n = 0; n < s->pack_n && rc == 0; n++) {
            struct index_pack p = {.size_bytes = 0};
            bool found;

            rc = index_reader_pack_by_id(reader, &s->pack[n], &p, &found);
            c->done->undecided.n++;
            c->done->undecided.bytes += p.size_bytes;
        }
    }
    index_reader_free(reader);
    return rc;
}

/* Looks for what nothing needs. */
static int collect_new(struct collect *c, bool *more)
{
    int rc = c->o->dry_run ? 0 : collect_end_silent(c);

    *more = false;
    if (rc == 0)
        rc = collect_repack(c, more);
    return rc < 0 ? rc : collect_condemn(c);
}

/* Until nothing more can be done: on a disk that is nearly full the room for
 * what moves comes from what has moved before. */
static int collect_rounds(struct collect *c)
{
    bool more = true;
    int rc = 0;

    for (int i = 0; i < COLLECT_ROUNDS && rc == 0 && more; i++) {
        uint64_t before = c->done->deleted.bytes;

        more = false;
        /* while a condemn record waits for a writer there is no other */
        if (c->r->state.undecided_n == 0)
            rc = collect_new(c, &more);
        if (rc == 0 && !c->o->dry_run)
            rc = collect_go_on(c);
        if (rc == 0 && !c->o->dry_run)
            rc = collect_delete(c);
        more = more && c->done->deleted.bytes > before;
    }
    return rc;
}

int collect_run(struct repo *r, const struct collect_options *o,
                struct collect_done *done)
{
    struct collect c = {.r = r,
                        .o = o,
                        .done = done,
                        .silence_ns =
                            o->silence_ns ? o->silence_ns : WRITER_SILENCE_NS};
    int rc = repo_role_allows(r, REPO_ACT_COLLECT);

    *done = (struct collect_done){.fenced = 0};
    if (rc == 0 && !o->dry_run)
        rc = reserve_spend_if_full(r->store);
    if (rc == 0)
        rc = repo_refresh(r);
    if (rc == 0)
        rc = state_allows(&r->state, RECORD_CLASS_COLLECT);
    if (rc == 0 && !o->dry_run)
        rc = collect_delete(&c);
    if (rc == 0)
        rc = collect_sound(r);
    if (rc == 0 && !o->dry_run)
        rc = collect_go_on(&c);
    if (rc == 0)
        rc = collect_rounds(&c);
    if (rc == 0)
        rc = collect_count_undecided(&c);
    if (rc == 0 && !o->dry_run)
        err_ignore(reserve_make(r->store), "the next run makes it");
    return rc;
}
