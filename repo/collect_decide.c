/* C4, C5: what of a condemn record goes, and what something needs after all. */
#include <stdlib.h>

#include "base/mem.h"
#include "index/index_refs.h"
#include "repo/collect_step.h"
#include "repo/repo_log.h"
#include "repo/settle.h"

enum {
    COLLECT_DECIDE_BATCH = 10000, /* chunks that move house in one update */
    COLLECT_DECIDE_WAIT_MS = 60000
};

struct collect_decide {
    struct collect *c;
    uint64_t condemn;
    struct roots roots;
    struct collect_proof proof;
    struct object_id *doomed; /* doomed_n */
    struct object_id *rescued;
    size_t doomed_n;
    size_t rescued_n;
    struct collect_sum doom;
    struct collect_sum rescue;
};

static void collect_decide_reset(struct collect_decide *x)
{
    roots_release(&x->roots);
    collect_proof_end(&x->proof);
    free(x->doomed);
    free(x->rescued);
    *x = (struct collect_decide){.c = x->c, .condemn = x->condemn};
}

static const struct state_condemn *collect_decide_record(const struct state *s,
                                                         uint64_t condemn)
{
    for (size_t i = 0; i < s->undecided_n; i++) {
        if (s->undecided[i].number == condemn)
            return &s->undecided[i];
    }
    return NULL;
}

/* A pack of which nobody can tell what it holds stays, but nobody can rely on
 * it either. */
static int collect_decide_one(struct collect_decide *x,
                              const struct object_id *id)
{
    struct index_pack p = {.size_bytes = 0};
    struct collect_sum *sum;
    bool found;
    bool stays = true;
    int rc = index_reader_pack_by_id(x->proof.reader, id, &p, &found);

    if (rc == 0 && found)
        rc = collect_proof_pack(&x->proof, id, &stays);
    if (rc == 0 && found && stays)
        collect_proof_stays(&x->proof, id);
    if (rc == E_CORRUPT) {
        err_ignore(rc, "'dedup check' tells of it");
        stays = true;
        rc = 0;
    }
    if (rc < 0)
        return rc;
    if (stays)
        x->rescued[x->rescued_n++] = *id;
    else
        x->doomed[x->doomed_n++] = *id;
    sum = stays ? &x->rescue : &x->doom;
    sum->n++;
    sum->bytes += p.size_bytes;
    return 0;
}

static int collect_decide_all(struct collect_decide *x,
                              const struct state_condemn *s)
{
    int rc = collect_proof_add(&x->proof, s->pack, s->pack_n);

    x->doomed = mem_array(s->pack_n, sizeof *x->doomed);
    x->rescued = mem_array(s->pack_n, sizeof *x->rescued);
    if (!x->doomed || !x->rescued)
        return err_set(E_NOMEM, "out of memory for the packs");
    for (size_t i = 0; i < s->pack_n && rc == 0; i++) {
        rc = cancel_check(x->c->o->cancel);
        /* another record that named it too was decided first, or a doom */
        if (rc == 0 &&
            state_of_pack(&x->c->r->state, &s->pack[i], NULL) != STATE_DOOMED)
            rc = collect_decide_one(x, &s->pack[i]);
    }
    return rc;
}

static int collect_decide_compute(void *ctx, const struct repo *r,
                                  struct repo_log_draft *d)
{
    struct collect_decide *x = ctx;
    const struct state_condemn *s;
    int rc;

    collect_decide_reset(x);
    d->nothing = !collect_decide_record(&r->state, x->condemn);
    if (d->nothing)
        return 0;
    rc = collect_mark_proof(x->c, &x->roots, false, &x->proof);
    s = collect_decide_record(&r->state, x->condemn);
    if (rc == 0)
        rc = collect_decide_all(x, s);
    /* the places that the others are had from must last before these go */
    if (rc == 0)
        rc = settle_journals(r);
    /* none may be open when the log is read again */
    collect_proof_end(&x->proof);
    d->type = RECORD_DOOM;
    d->says.decides = x->condemn;
    d->says.ids = record_ids_of(x->doomed, x->doomed_n);
    d->says.rescued = record_ids_of(x->rescued, x->rescued_n);
    return rc;
}

/* ---- what is rescued ------------------------------------------------------
 */

/* A needed chunk whose home cannot be relied on is at home here from now on:
 * else its pack would look idle each time, and be condemned for nothing. */
static int collect_decide_house_one(struct collect_decide *x,
                                    struct index_update *u,
                                    const struct chunk_id *id, uint32_t no)
{
    struct index_ref ref;
    bool lasts = false;
    int rc = index_refs_get(x->proof.reader, id, &ref);

    if (rc < 0 || ref.count == 0 || ref.home == no)
        return rc;
    if (ref.home != INDEX_NO_PACK)
        rc = collect_proof_lasts(&x->proof, id, ref.home, &lasts);
    return rc < 0 || lasts ? rc : index_refs_settle_in(u, id, no);
}

/* *u: an update, which is made to stay small. */
static int collect_decide_house_chunks(struct collect_decide *x,
                                       struct bytes content, uint32_t no,
                                       struct index_update **u)
{
    struct pack_dir_reader dir;
    struct pack_dir_frame f;
    struct pack_dir_chunk c;
    size_t n = 0;
    int rc = 0;

    pack_dir_read(&dir, content);
    while (rc == 0 && pack_dir_next_frame(&dir, &f)) {
        while (rc == 0 && pack_dir_next_chunk(&dir, &c)) {
            rc = collect_decide_house_one(x, *u, &c.id, no);
            if (rc < 0 || ++n % COLLECT_DECIDE_BATCH != 0)
                continue;
            rc = index_update_commit(*u);
            *u = NULL;
            if (rc == 0)
                rc = index_update_begin(x->c->r->index, COLLECT_DECIDE_WAIT_MS,
                                        u);
        }
    }
    return rc;
}

static int collect_decide_house_pack(struct collect_decide *x,
                                     const struct object_id *id)
{
    struct pack_info info = {.bytes = 0};
    struct index_update *u = NULL;
    struct index_pack p;
    bool found = false;
    int rc = pack_reader_dir(x->proof.packs, id, &info);

    if (rc == 0)
        rc = index_update_begin(x->c->r->index, COLLECT_DECIDE_WAIT_MS, &u);
    if (rc == 0)
        rc = index_update_find_pack(u, id, &p, &found);
    if (rc == 0 && found)
        rc = collect_decide_house_chunks(x, buf_bytes(&info.dir), p.no, &u);
    if (rc == 0)
        rc = index_update_commit(u);
    else
        index_update_abort(u);
    pack_info_release(&info);
    return rc;
}

/* Only the cache is changed: what fails costs a look at the next time. */
static void collect_decide_house(struct collect_decide *x)
{
    int rc = collect_proof_begin(&x->proof, x->c->r, false);

    for (size_t i = 0; i < x->rescued_n && rc == 0; i++)
        rc = collect_decide_house_pack(x, &x->rescued[i]);
    err_ignore(rc, "these packs will be looked at again");
}

int collect_decide(struct collect *c, uint64_t condemn)
{
    struct collect_decide x = {.c = c, .condemn = condemn};
    uint64_t number = 0;
    int rc = repo_log_append(c->r, collect_decide_compute, &x, &number);

    if (rc == 0 && number > 0) {
        c->done->doomed.n += x.doom.n;
        c->done->doomed.bytes += x.doom.bytes;
        c->done->rescued.n += x.rescue.n;
        c->done->rescued.bytes += x.rescue.bytes;
        collect_decide_house(&x);
    }
    collect_decide_reset(&x);
    return rc;
}
