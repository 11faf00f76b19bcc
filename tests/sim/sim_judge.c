#include "tests/sim/sim_judge.h"

#include <stdlib.h>
#include <string.h>

#include "repo/check.h"
#include "repo/closure.h"
#include "repo/collect.h"
#include "repo/fetch.h"
#include "repo/idmap.h"
#include "repo/pack_reader.h"
#include "repo/roots.h"
#include "repo/snapshot_list.h"
#include "tests/sim/sim_read.h"

enum {
    SIM_JUDGE_REPACKS = 4,
    SIM_JUDGE_CACHE_BYTES = 1 << 20,
    SIM_JUDGE_PACKS = 64
};

static bool sim_judge_failed(struct sim_world *w, const char *what, int rc)
{
    if (rc < 0)
        sim_world_fail(w, "%s: %d: %s", what, rc, err_text());
    return rc < 0;
}

/* ---- promises ---- */

static bool sim_judge_listed(const struct snapshot_list *l,
                             const struct object_id *id)
{
    for (size_t i = 0; i < l->n; i++) {
        if (object_id_equal(&l->item[i].id, id))
            return true;
    }
    return false;
}

static void sim_judge_ledger(struct sim_world *w, const struct repo *r,
                             const struct snapshot_list *l)
{
    for (size_t i = 0; i < w->snapshot_n; i++) {
        const struct sim_snapshot *s = &w->snapshot[i];
        bool listed = sim_judge_listed(l, &s->id);
        bool forgotten = state_is_forgotten(&r->state, &s->id);
        char hex[ID_HEX_CHARS + 1];

        (void)id_hex(s->id.b, sizeof s->id.b, hex);
        if (s->told && !listed && !forgotten)
            sim_world_fail(w, "%.8s was committed, and is not there", hex);
        if (s->told && s->standing == SIM_LISTED && s->complete && !listed)
            sim_world_fail(w, "%.8s is forgotten, and nobody asked", hex);
        if (s->standing == SIM_FORGOTTEN && listed)
            sim_world_fail(w, "%.8s was forgotten, and is there", hex);
    }
}

static void sim_judge_read(struct sim_world *w, struct repo *r,
                           const struct snapshot_list *l)
{
    for (size_t i = 0; i < l->n && !w->failed; i++) {
        int rc = l->item[i].superseded ? 0 : sim_read(r, &l->item[i].id);

        if (rc < 0)
            sim_world_fail(w, "it is there, and does not read: %d: %s", rc,
                           err_text());
    }
}

static void sim_judge_repo(struct sim_world *w, struct repo *r)
{
    struct snapshot_list list = {.n = 0};
    int rc = snapshot_list_load(r->index, &r->state, &list);

    if (!sim_judge_failed(w, "list", rc)) {
        sim_judge_ledger(w, r, &list);
        sim_judge_read(w, r, &list);
    }
    snapshot_list_release(&list);
}

void sim_judge_promises(struct sim_world *w)
{
    struct repo *r = NULL;

    if (w->failed)
        return;
    if (!sim_judge_failed(w, "open", sim_world_repo(w, 0, &r)))
        sim_judge_repo(w, r);
    repo_close(r);
}

/* ---- garbage ---- */

struct sim_judge {
    struct sim_world *w;
    struct repo *r;
    struct idmap reached; /* chunks, and nodes */
    struct fetch *fetch;
    struct fetch_lane *lane;
    struct closure *closure;
    struct index_reader *reader;
    struct pack_reader *packs;
};

static void sim_judge_end(struct sim_judge *x)
{
    pack_reader_free(x->packs);
    index_reader_free(x->reader);
    closure_free(x->closure);
    fetch_lane_free(x->lane);
    fetch_free(x->fetch);
    idmap_release(&x->reached);
}

static int sim_judge_begin(struct sim_judge *x)
{
    struct node_source source;
    struct repo *r = x->r;
    int rc = fetch_open(r->store, r->keys, r->index, SIM_JUDGE_CACHE_BYTES,
                        &x->fetch);

    if (rc == 0)
        rc = fetch_lane_new(x->fetch, &x->lane);
    if (rc == 0)
        rc = index_reader_new(r->index, &x->reader);
    if (rc == 0)
        rc = pack_reader_new(r->store, r->keys, &x->packs);
    if (rc < 0)
        return rc;
    source = fetch_node_source(x->lane);
    x->closure = closure_new(&source, 1, NULL);
    return x->closure ? 0 : E_NOMEM;
}

static int sim_judge_visit(void *ctx, const struct edges_to *to, bool *below)
{
    struct sim_judge *x = ctx;

    return idmap_claim(&x->reached, to->id.b, 1, below);
}

static int sim_judge_root(struct sim_judge *x, const struct object_id *id)
{
    struct snapshot s;
    int rc = snapshot_list_read(x->r->store, x->r->keys, id, &s);

    if (rc == 0) {
        rc = closure_walk(x->closure, &s.manifest.m.root, 1, NULL,
                          sim_judge_visit, x);
        snapshot_list_drop(&s);
    }
    return rc;
}

static int sim_judge_mark(struct sim_judge *x)
{
    struct roots roots = {.n = 0};
    int rc = roots_load(x->r, &roots);

    for (size_t i = 0; i < roots.n && rc == 0; i++)
        rc = sim_judge_root(x, &roots.id[i]);
    roots_release(&roots);
    return rc;
}

/* Whether anything in a pack is needed, be it there a second time. */
static int sim_judge_needs(struct sim_judge *x, const struct object_id *id,
                           bool *needed)
{
    struct pack_info info = {.bytes = 0};
    struct pack_dir_reader dir;
    struct pack_dir_frame frame;
    struct pack_dir_chunk chunk;
    int rc = pack_reader_dir(x->packs, id, &info);

    *needed = false;
    if (rc < 0)
        return rc;
    pack_dir_read(&dir, buf_bytes(&info.dir));
    while (pack_dir_next_frame(&dir, &frame)) {
        while (pack_dir_next_chunk(&dir, &chunk))
            *needed |= idmap_get(&x->reached, chunk.id.b, NULL);
    }
    pack_info_release(&info);
    return 0;
}

static int sim_judge_pack(void *ctx, const char *name, uint64_t size)
{
    struct sim_judge *x = ctx;
    struct index_pack p = {.state = INDEX_LIVE};
    struct object_id id;
    bool known;
    bool needed = false;
    int rc;

    (void)size;
    ASSERT(id_from_hex(strrchr(name, '/') + 1, id.b, sizeof id.b));
    rc = index_reader_pack_by_id(x->reader, &id, &p, &known);
    if (rc == 0 && !known)
        sim_world_fail(x->w, "%s is left: nobody knows it", name);
    else if (rc == 0 && p.state == INDEX_DOOMED)
        sim_world_fail(x->w, "%s is left: it is doomed", name);
    else if (rc == 0)
        rc = sim_judge_needs(x, &id, &needed);
    if (rc == 0 && !needed)
        sim_world_fail(x->w, "%s is left: nothing needs it (state %d)", name,
                       (int)p.state);
    return rc;
}

static void sim_judge_garbage(struct sim_world *w, struct repo *r)
{
    struct sim_judge x = {.w = w, .r = r};
    int rc = sim_judge_begin(&x);

    if (rc == 0)
        rc = sim_judge_mark(&x);
    if (rc == 0)
        rc = store_list(r->store, "packs", sim_judge_pack, &x);
    (void)sim_judge_failed(w, "garbage", rc);
    sim_judge_end(&x);
}

/* ---- check ---- */

/* Those who check while others are at work are told by what check_run() returns
 * what came of it. */
static int sim_judge_finding(void *ctx, const struct check_finding *f)
{
    struct sim_world *w = ctx;

    if ((f->damage || f->unread) && !sim_world_self(w))
        sim_world_fail(w, "check: %s: %s: %s", check_kind_name(f->kind),
                       f->object, f->text);
    else
        sim_sched_note(&w->sched, "check notes: %s: %s: %s",
                       check_kind_name(f->kind), f->object, f->text);
    return 0;
}

int sim_judge_check(struct sim_world *w, struct repo *r)
{
    struct check_options opt = {.read_data = true, .threads = 1};
    struct check_summary sum;

    return check_run(r, &opt, sim_judge_finding, w, &sum);
}

/* ---- all of it ---- */

static void sim_judge_collect(struct sim_world *w)
{
    struct collect_options opt = {.silence_ns = -1};
    struct collect_done done;
    struct repo *r = NULL;
    unsigned cache =
        w->caches > 0 ? 1 + (unsigned)prng_below(&w->prng, w->caches) : 0;
    int rc = sim_world_repo(w, cache, &r);

    for (int i = 0; i < SIM_JUDGE_COLLECTIONS && rc == 0; i++) {
        rc = collect_run(r, &opt, &done);
        sim_sched_note(&w->sched, "quiet collection: %llu doomed, %llu gone",
                       (unsigned long long)done.doomed.n,
                       (unsigned long long)done.deleted.n);
    }
    (void)sim_judge_failed(w, "quiet collection", rc);
    repo_close(r);
}

/* Packs are written anew until there is nothing to gain, and then no more. */
static void sim_judge_repack(struct sim_world *w)
{
    struct collect_options opt = {
        .silence_ns = -1,
        .repack = {.unused_bytes = UINT64_MAX, .rewritten_bytes = UINT64_MAX}};
    struct collect_done done = {.fenced = 0};
    struct repo *r = NULL;
    int rc = sim_world_repo(w, 0, &r);

    for (int i = 0; i <= SIM_JUDGE_REPACKS && rc == 0; i++)
        rc = collect_run(r, &opt, &done);
    if (!sim_judge_failed(w, "quiet repacking", rc) && done.repacked.packs > 0)
        sim_world_fail(w, "a collection after %d others writes %zu packs anew",
                       SIM_JUDGE_REPACKS, (size_t)done.repacked.packs);
    repo_close(r);
}

void sim_judge_rest(struct sim_world *w)
{
    struct repo *r = NULL;

    if (w->failed)
        return;
    sim_judge_collect(w);
    if (!w->failed && !w->safety && prng_below(&w->prng, 4) == 0)
        sim_judge_repack(w);
    if (!w->failed && !sim_judge_failed(w, "open", sim_world_repo(w, 0, &r))) {
        sim_judge_repo(w, r);
        if (!w->failed && !w->safety)
            sim_judge_garbage(w, r);
        if (!w->failed && prng_below(&w->prng, 4) == 0)
            (void)sim_judge_failed(w, "check", sim_judge_check(w, r));
    }
    repo_close(r);
}
