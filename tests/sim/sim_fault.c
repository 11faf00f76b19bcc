#include "tests/sim/sim_fault.h"

#include "base/clock.h"
#include "repo/writer.h"

enum { SIM_FAULT_IDLE = 100000 /* operations of one that has crashed */ };

static const char *const sim_fault_names[SIM_FAULTS] = {
    "",     "crash", "fail",          "sleep",        "crash-after",
    "lost", "late",  "crash-visible", "sleep-visible"};

static const char *const sim_fault_ops[] = {"open", "append", "put",    "get",
                                            "size", "list",   "delete", "sync"};

const char *sim_fault_name(enum sim_fault f)
{
    return sim_fault_names[f];
}

void sim_fault_odds(struct sim_world *w, struct prng *r)
{
    static const unsigned put[] = {0, 0, 400, 1500, 4000};
    static const unsigned any[] = {0, 0, 30, 100, 400};
    static const unsigned power[] = {0, 0, 0, 10, 30};
    static const unsigned nap[] = {0, 50, 150, 300};
    static const unsigned stick[] = {0, 128, 220, 240, 250, 254};

    w->odds.put = put[prng_below(r, 5)];
    w->odds.any = any[prng_below(r, 5)];
    w->odds.power = power[prng_below(r, 5)];
    w->odds.visible = prng_below(r, 3) == 0 ? 30000 : 4000;
    w->odds.nap = nap[prng_below(r, 4)];
    w->odds.hours = prng_below(r, 3) == 0 ? 1000 : 100;
    w->sched.stick = stick[prng_below(r, 6)];
}

static bool sim_fault_chance(struct sim_world *w, unsigned odds)
{
    return odds > 0 && prng_below(&w->sched.prng, 65536) < odds;
}

static int sim_fault_down(struct sim_world *w, struct sim_process *p)
{
    if (++p->idle > SIM_FAULT_IDLE) {
        sim_world_fail(w, "one that lost its store goes on for ever");
        ASSERT(false);
    }
    return err_set(E_STORE, "the store is gone");
}

static uint64_t sim_fault_nap(struct sim_world *w)
{
    static const unsigned most[] = {20, 300, 3000, 20000};

    return 1 + prng_below(&w->sched.prng, most[prng_below(&w->sched.prng, 4)]);
}

/* The power fails where the store is, and all who use it give up. */
static void sim_fault_power(struct sim_world *w)
{
    uint64_t seed =
        prng_below(&w->sched.prng, 3) == 0 ? 0 : prng_next(&w->sched.prng);

    w->cuts++;
    sim_sched_note(&w->sched, "*** power cut");
    for (size_t i = 0; i < w->sched.n; i++) {
        if (w->process[i].alive)
            w->process[i].down = w->process[i].hurt = true;
    }
    memory_power_cut(w->store, seed);
}

static enum sim_fault sim_fault_draw(struct sim_world *w, enum memory_op op)
{
    bool changes = op == MEMORY_COMMIT || op == MEMORY_DELETE;

    if (!sim_fault_chance(w, changes ? w->odds.put : w->odds.any))
        return SIM_NONE;
    return (enum sim_fault)(
        1 + prng_below(&w->sched.prng, op == MEMORY_COMMIT ? SIM_FAULTS - 1
                                       : changes           ? SIM_LATE
                                                           : SIM_LOST));
}

static int sim_fault_before(struct sim_world *w, struct sim_process *p,
                            enum memory_op op, const char *name)
{
    sim_sched_pass(&w->sched);
    if (w->sched.step > SIM_WORLD_STEPS)
        sim_world_fail(w, "the history does not end");
    /* what a put changes is best seen by those who come at once */
    if (sim_fault_chance(w,
                         op == MEMORY_COMMIT ? w->odds.nap * 20 : w->odds.nap))
        sim_sched_sleep(&w->sched, sim_fault_nap(w));
    if (sim_fault_chance(w, w->odds.hours))
        clock_fake_advance(WRITER_SILENCE_NS / 3 + 1);
    if (!p->down && sim_fault_chance(w, w->odds.power))
        sim_fault_power(w);
    if (p->down)
        return sim_fault_down(w, p);
    p->due = sim_fault_draw(w, op);
    sim_sched_note(&w->sched, "%s %s%s%s", sim_fault_ops[op], name,
                   p->due ? " " : "", sim_fault_names[p->due]);
    if (p->due == SIM_NONE)
        return 0;
    w->faults[p->due]++;
    p->hurt = true;
    if (p->due == SIM_CRASH || p->due == SIM_FAIL) {
        p->down = p->due == SIM_CRASH;
        return err_set(E_STORE, "failed");
    }
    if (p->due == SIM_SLEEP || p->due == SIM_LATE) {
        sim_sched_sleep(&w->sched, sim_fault_nap(w));
        sim_sched_note(&w->sched, "%s %s awakes", sim_fault_ops[op], name);
    }
    /* the power may have failed meanwhile */
    return p->down ? sim_fault_down(w, p) : 0;
}

static int sim_fault_visible(struct sim_world *w, struct sim_process *p,
                             const char *name)
{
    if (p->due == SIM_SLEEP_VISIBLE) {
        sim_sched_sleep(&w->sched, sim_fault_nap(w));
        sim_sched_note(&w->sched, "put %s awakes", name);
    } else if (sim_fault_chance(w, w->odds.visible)) {
        sim_sched_pass(&w->sched);
    }
    if (p->due == SIM_CRASH_VISIBLE)
        p->down = true;
    return p->down ? sim_fault_down(w, p) : 0;
}

static int sim_fault_after(struct sim_world *w, struct sim_process *p)
{
    if (p->due == SIM_CRASH_AFTER || p->due == SIM_LATE)
        p->down = true;
    if (p->down)
        return sim_fault_down(w, p);
    return p->due == SIM_LOST ? err_set(E_STORE, "no reply") : 0;
}

int sim_fault_hook(void *ctx, enum memory_point point, enum memory_op op,
                   const char *name)
{
    struct sim_world *w = ctx;
    struct sim_process *p = sim_world_self(w);

    if (!p)
        return 0;
    if (p->down)
        return sim_fault_down(w, p);
    /* what nobody else sees */
    if (op == MEMORY_WRITER_OPEN || op == MEMORY_APPEND)
        return 0;
    switch (point) {
    case MEMORY_BEFORE:
        return sim_fault_before(w, p, op, name);
    case MEMORY_VISIBLE:
        return sim_fault_visible(w, p, name);
    case MEMORY_AFTER:
        break;
    }
    return sim_fault_after(w, p);
}
