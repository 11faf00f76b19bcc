#include "tests/sim/sim_life.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "repo/collect.h"
#include "repo/forget.h"
#include "repo/unforget.h"
#include "tests/sim/sim_judge.h"
#include "tests/sim/sim_read.h"
#include "tests/sim/sim_writer.h"

enum {
    SIM_LIFE_ATTEMPTS = 5,
    SIM_LIFE_SIEGE = 1000, /* steps of others that one file may take */
    SIM_LIFE_ROUNDS = 40   /* of those who go on as long as somebody writes */
};

struct sim_tally sim_life_tally;

static const char *const sim_life_deeds[SIM_DEEDS] = {
    "write", "collect", "forget", "unforget", "read", "check"};

const char *sim_life_deed(enum sim_deed d)
{
    return sim_life_deeds[d];
}

static struct sim_world *sim_life_world(struct sim_actor *a)
{
    return a->world;
}

static uint64_t sim_life_draw(struct sim_world *w, uint64_t n)
{
    return prng_below(&w->prng, n);
}

/* ---- what may come of a process ---- */

static bool sim_life_may(enum sim_deed d, int rc)
{
    switch (rc) {
    case E_FENCED:
        return d == SIM_WRITE;
    case E_REFUSED:
        return d == SIM_FORGET || d == SIM_UNFORGET;
    case E_NOTFOUND:
        return d == SIM_FORGET;
    default:
        return false;
    }
}

static void sim_life_judge(struct sim_actor *a, enum sim_deed d, int rc)
{
    struct sim_world *w = sim_life_world(a);
    struct sim_process *p = &w->process[a->no];

    if (rc == 0)
        sim_life_tally.done[d]++;
    else
        sim_life_tally.failed[d][-rc]++;
    sim_sched_note(&w->sched, "%s: %d %s", sim_life_deed(d), rc,
                   rc < 0 ? err_text() : "");
    if (rc == 0 || p->down || (rc == E_STORE && p->hurt) || sim_life_may(d, rc))
        return;
    sim_world_fail(w, "%s: %s fails: %d: %s", a->name, sim_life_deed(d), rc,
                   err_text());
}

/* One process: its deed, with the repository open. */
static void sim_life_process(struct sim_actor *a, enum sim_deed d,
                             unsigned *cache,
                             int (*deed)(struct sim_actor *a, struct repo *r))
{
    struct sim_world *w = sim_life_world(a);
    struct repo *r = NULL;
    int rc;

    if (w->failed)
        return;
    w->process[a->no] = (struct sim_process){.alive = true};
    if (*cache == 0 || sim_life_draw(w, 8) == 0)
        *cache = sim_world_fresh(w);
    sim_sched_note(&w->sched, "%s begins, cache %u", sim_life_deed(d), *cache);
    rc = sim_world_repo(w, *cache, &r);
    if (rc == 0)
        rc = deed(a, r);
    sim_life_judge(a, d, rc);
    repo_close(r);
    w->process[a->no] = (struct sim_process){.alive = false};
    clock_fake_advance(CLOCK_SECOND_NS);
}

static void sim_life_rest(struct sim_actor *a)
{
    struct sim_world *w = sim_life_world(a);

    sim_sched_sleep(a->s, sim_life_draw(w, sim_life_draw(w, 2) ? 30 : 400));
}

/* ---- writers ---- */

static struct sim_tree sim_life_tree[SIM_SCHED_ACTORS];

static int sim_life_write(struct sim_actor *a, struct repo *r)
{
    static const char *const series[] = {"sim@one", "sim@two", "sim@three"};
    struct sim_world *w = sim_life_world(a);
    struct sim_writer_options opt = {
        .series = series[sim_life_draw(w, 4) ? a->no % 3 : 0],
        .tree = &sim_life_tree[a->no],
        .force = sim_life_draw(w, 8) == 0,
        .hurries = w->siege              ? 200
                   : sim_life_draw(w, 2) ? 60
                                         : 0,
        .dawdles = w->siege              ? SIM_LIFE_SIEGE
                   : sim_life_draw(w, 3) ? 0
                                         : 300,
        .leaves = sim_life_draw(w, 3) ? 0 : 40};
    struct object_id id;

    return sim_writer_run(w, r, &opt, &id);
}

/* One who has not seen the repository takes nothing over unseen. */
static int sim_life_look(struct sim_actor *a, struct repo *r)
{
    (void)a;
    (void)r;
    return 0;
}

/* Before the i-th run. Under siege files only go, one of each directory: what
 * is left is taken over, and no page of it was there before. */
static void sim_life_change(struct sim_world *w, struct sim_tree *t, uint64_t i)
{
    if (!w->siege || i == 0)
        sim_tree_change(t, w->files, w->versions, &w->prng);
    for (size_t f = 0; w->siege && f < SIM_TREE_FILES; f++) {
        if (i == 0 && t->version[f] == 0)
            t->version[f] = 1 + (unsigned)f;
        if (i > 0 && f % SIM_TREE_IN_DIR == (i - 1) % SIM_TREE_IN_DIR)
            t->version[f] = 0;
    }
}

static void sim_life_writer(struct sim_actor *a)
{
    struct sim_world *w = sim_life_world(a);
    uint64_t n = w->siege ? SIM_TREE_IN_DIR : 1 + sim_life_draw(w, 4);
    unsigned cache = 0;

    sim_life_process(a, SIM_READ, &cache, sim_life_look);
    sim_life_tree[a->no] = (struct sim_tree){.version = {0}};
    for (uint64_t i = 0; i < n; i++) {
        sim_life_change(w, &sim_life_tree[a->no], i);
        sim_life_process(a, SIM_WRITE, &cache, sim_life_write);
        sim_life_rest(a);
    }
    w->writing--;
}

/* Whether one who does something n times does it an i-th time. */
static bool sim_life_goes_on(const struct sim_world *w, uint64_t i, uint64_t n)
{
    return i < n || (w->siege && w->writing > 0 && i < SIM_LIFE_ROUNDS);
}

/* ---- collectors ---- */

static int sim_life_collect(struct sim_actor *a, struct repo *r)
{
    struct sim_world *w = sim_life_world(a);
    struct collect_options opt = {
        .silence_ns = sim_life_draw(w, 3) && !w->siege ? -1 : 0,
        .dry_run = sim_life_draw(w, 16) == 0,
        .repack = {.unused_percent = sim_life_draw(w, 2) ? 0 : 100,
                   .unused_bytes = UINT64_MAX,
                   .rewritten_bytes = sim_life_draw(w, 4) ? UINT64_MAX : 0,
                   .eager = true}};
    struct collect_done done;
    int rc = collect_run(r, &opt, &done);

    if (!opt.dry_run)
        sim_life_tally.condemned += done.condemned.n;
    sim_life_tally.repacked += done.repacked.written > 0;
    sim_life_tally.doomed += done.doomed.n;
    sim_life_tally.rescued += done.rescued.n;
    sim_life_tally.deleted += done.deleted.n;
    sim_life_tally.fenced += done.fenced;
    sim_life_tally.waiting += done.waiting;
    return rc;
}

static void sim_life_collector(struct sim_actor *a)
{
    struct sim_world *w = sim_life_world(a);
    uint64_t n = 1 + sim_life_draw(w, 4);
    unsigned cache = 0;

    for (uint64_t i = 0; sim_life_goes_on(w, i, n); i++) {
        sim_life_rest(a);
        sim_life_process(a, SIM_COLLECT, &cache, sim_life_collect);
    }
}

/* ---- users ---- */

/* Somebody begins to forget it, or to take that back. tries: 0: others are at
 * it, and what is answered may be of before. */
static void sim_life_try(struct sim_world *w, const struct object_id *id,
                         unsigned *tries)
{
    struct sim_snapshot *s = sim_world_snapshot(w, id);

    s->standing = SIM_UNSURE;
    s->tries++;
    *tries = s->open == 0 ? s->tries : 0;
    s->open++;
}

/* ... and was told what came of it. */
static void sim_life_settle(struct sim_world *w, const struct object_id *id,
                            unsigned tries, enum sim_standing is)
{
    struct sim_snapshot *s = sim_world_snapshot(w, id);

    s->open--;
    s->doubt |= is == SIM_UNSURE;
    s->standing = s->tries == tries && !s->doubt ? is : SIM_UNSURE;
}

/* What went with it, unasked. */
static void sim_life_gone(struct sim_world *w, const struct forget_plan *p)
{
    for (size_t i = 0; i < p->go_n; i++) {
        struct sim_snapshot *s = sim_world_snapshot(w, &p->go[i]);

        if (!s->complete)
            s->standing = SIM_UNSURE;
    }
}

/* Those that somebody forgets, or takes back, at once. */
struct sim_life_some {
    size_t n;
    struct object_id id[SIM_WORLD_SNAPSHOTS];
    unsigned tries[SIM_WORLD_SNAPSHOTS];
};

/* One of them, or all. none: there are none. */
static struct sim_life_some *sim_life_pick(struct sim_world *w,
                                           const struct snapshot_list *l)
{
    struct sim_life_some *some = mem_alloc(sizeof *some);
    bool all = sim_life_draw(w, w->siege ? 2 : 4) == 0;
    size_t at = l->n > 0 ? sim_life_draw(w, l->n) : 0;

    ASSERT(some && l->n <= SIM_WORLD_SNAPSHOTS);
    for (size_t i = 0; i < l->n; i++) {
        if (all || i == at)
            some->id[some->n++] = l->item[i].id;
    }
    for (size_t i = 0; i < some->n; i++)
        sim_life_try(w, &some->id[i], &some->tries[i]);
    return some;
}

/*
 * done: what they are then. A refusal because of one says nothing of the
 * others, of which somebody may have brought some back, or taken some out,
 * since the list was made: the state s, from which it was computed, tells what
 * each was.
 */
static void sim_life_tell(struct sim_world *w, struct sim_life_some *some,
                          int rc, enum sim_standing done, const struct state *s)
{
    for (size_t i = 0; i < some->n; i++) {
        enum sim_standing was =
            state_is_forgotten(s, &some->id[i]) ? SIM_FORGOTTEN : SIM_LISTED;

        sim_life_settle(w, &some->id[i], some->tries[i],
                        rc == 0           ? done
                        : rc == E_REFUSED ? was
                                          : SIM_UNSURE);
    }
    free(some);
}

static int sim_life_forget(struct sim_actor *a, struct repo *r)
{
    struct sim_world *w = sim_life_world(a);
    struct forget_plan plan = {.go_n = 0};
    struct snapshot_list list = {.n = 0};
    struct forget_ask ask = {.drop = w->siege || sim_life_draw(w, 4) > 0,
                             .force = sim_life_draw(w, 2) > 0};
    struct sim_life_some *some;
    int rc = snapshot_list_load(r->index, &r->state, &list);

    if (rc == 0) {
        some = sim_life_pick(w, &list);
        ask.id = some->id;
        ask.id_n = some->n;
        if (some->n > 0)
            rc = forget_run(r, &ask, &plan);
        sim_life_gone(w, &plan);
        sim_life_tell(w, some, rc, SIM_FORGOTTEN, &r->state);
        forget_plan_release(&plan);
    }
    snapshot_list_release(&list);
    return rc;
}

static int sim_life_unforget(struct sim_actor *a, struct repo *r)
{
    struct sim_world *w = sim_life_world(a);
    struct snapshot_list list = {.n = 0};
    struct sim_life_some *some;
    bool changed;
    int rc = snapshot_list_load_forgotten(r->index, &r->state, &list);

    if (rc == 0) {
        some = sim_life_pick(w, &list);
        if (some->n > 0)
            rc = unforget(r, some->id, some->n, NULL, &changed);
        sim_life_tell(w, some, rc, SIM_LISTED, &r->state);
    }
    snapshot_list_release(&list);
    return rc;
}

static void sim_life_user(struct sim_actor *a)
{
    struct sim_world *w = sim_life_world(a);
    uint64_t n = 2 + sim_life_draw(w, 6);
    unsigned cache = 0;

    for (uint64_t i = 0; sim_life_goes_on(w, i, n); i++) {
        sim_life_rest(a);
        if (sim_life_draw(w, 3) > 0)
            sim_life_process(a, SIM_FORGET, &cache, sim_life_forget);
        else
            sim_life_process(a, SIM_UNFORGET, &cache, sim_life_unforget);
    }
}

/* ---- readers ---- */

static bool sim_life_listed(const struct snapshot_list *l,
                            const struct object_id *id)
{
    for (size_t i = 0; i < l->n; i++) {
        if (object_id_equal(&l->item[i].id, id))
            return !l->item[i].superseded;
    }
    return false;
}

/* It could not be read: whether it is a snapshot all the same. */
static int sim_life_is_listed(struct repo *r, const struct object_id *id,
                              bool *is)
{
    struct snapshot_list list = {.n = 0};
    int rc = repo_refresh(r);

    if (rc == 0)
        rc = snapshot_list_load(r->index, &r->state, &list);
    *is = rc == 0 && sim_life_listed(&list, id);
    snapshot_list_release(&list);
    return rc;
}

/* What one meets may have moved, or gone: what is there after all must read. */
static int sim_life_read_one(struct sim_actor *a, struct repo *r,
                             const struct object_id *id)
{
    struct sim_world *w = sim_life_world(a);
    bool is = true;
    int rc = E_CORRUPT;

    for (unsigned i = 0; i < SIM_LIFE_ATTEMPTS && is && rc == E_CORRUPT; i++) {
        rc = sim_read(r, id);
        if (rc == E_CORRUPT && i + 1 == SIM_LIFE_ATTEMPTS)
            sim_world_fail(w, "%s cannot read what is there: %s", a->name,
                           err_text());
        if (rc == E_CORRUPT) {
            int seen = sim_life_is_listed(r, id, &is);

            rc = seen < 0 ? seen : rc;
        }
    }
    return rc == E_CORRUPT && !is ? 0 : rc;
}

static int sim_life_read(struct sim_actor *a, struct repo *r)
{
    struct snapshot_list list = {.n = 0};
    int rc = snapshot_list_load(r->index, &r->state, &list);

    for (size_t i = 0; i < list.n && rc == 0; i++) {
        if (!list.item[i].superseded)
            rc = sim_life_read_one(a, r, &list.item[i].id);
    }
    snapshot_list_release(&list);
    return rc;
}

static int sim_life_check(struct sim_actor *a, struct repo *r)
{
    return sim_judge_check(sim_life_world(a), r);
}

static void sim_life_reader(struct sim_actor *a)
{
    struct sim_world *w = sim_life_world(a);
    uint64_t n = 1 + sim_life_draw(w, 2);
    unsigned cache = 0;

    for (uint64_t i = 0; i < n; i++) {
        sim_life_rest(a);
        if (sim_life_draw(w, 4) > 0)
            sim_life_process(a, SIM_READ, &cache, sim_life_read);
        else
            sim_life_process(a, SIM_CHECK, &cache, sim_life_check);
    }
}

/* ---- all of them ---- */

static void sim_life_add(struct sim_world *w, const char *name, uint64_t n,
                         void (*life)(struct sim_actor *a))
{
    char full[16];

    for (uint64_t i = 0; i < n; i++) {
        (void)snprintf(full, sizeof full, "%.8s%u", name, (unsigned)i);
        (void)sim_sched_add(&w->sched, full, life, w);
    }
}

void sim_life_people(struct sim_world *w)
{
    w->files = 2 + (unsigned)sim_life_draw(w, SIM_TREE_FILES - 1);
    w->versions = sim_life_draw(w, 2) ? 2 + (unsigned)sim_life_draw(w, 5)
                                      : SIM_TREE_VERSIONS;
    w->siege = sim_life_draw(w, 8) == 0;
    w->writing = 1 + (unsigned)sim_life_draw(w, w->siege ? 2 : 3);
    sim_life_add(w, "w", w->writing, sim_life_writer);
    sim_life_add(w, "c", 1 + sim_life_draw(w, 2), sim_life_collector);
    sim_life_add(w, "u", w->siege + sim_life_draw(w, 3), sim_life_user);
    sim_life_add(w, "r", sim_life_draw(w, 2), sim_life_reader);
}
