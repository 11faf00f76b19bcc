#include "tests/faults/record_loop.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(struct record_seen) <= FAULT_KIT_TEXT,
               "it is passed by way of the kit's report");

/* --- what is seen --- */

struct looking {
    const struct record_loop *loop;
    const char *cache; /* NULL: the one in use */
};

static void run_see(struct fault_kit *k, void *ctx)
{
    const struct looking *at = ctx;
    struct record_seen x = {.tip = 0};
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, at->cache, &s, &r);

    if (rc == 0)
        rc = at->loop->see(r, &x);
    if (rc == 0)
        x.tip = r->state.tip.number;
    if (rc == 0)
        rc = fault_kit_check(k, r);
    memcpy(k->report->problem, &x, sizeof x);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

static struct record_seen see(const struct record_loop *l)
{
    char fresh[FAULT_KIT_PATH + 8];
    struct looking at = {.loop = l};
    struct record_seen x, anew;

    fault_kit_must(l->kit, run_see, &at, "looking");
    memcpy(&x, l->kit->report->problem, sizeof x);
    (void)snprintf(fresh, sizeof fresh, "%s-fresh", l->kit->cache);
    at.cache = fresh;
    fault_kit_must(l->kit, run_see, &at, "looking with a new cache");
    memcpy(&anew, l->kit->report->problem, sizeof anew);
    assert_memory_equal(&x, &anew, sizeof x);
    assert_true(scratch_run("rm -rf '%s'", fresh));
    return x;
}

/* --- the loops --- */

struct tally {
    unsigned runs;
    unsigned failed;
    unsigned killed;
    unsigned half; /* some of the records were there, not all */
};

/* What the change makes of what was before. */
struct states {
    struct record_seen before;
    struct record_seen after;
};

static void look(const struct record_loop *l, const struct states *x,
                 bool reported, struct tally *t)
{
    struct record_seen now = see(l);
    size_t done = 0;

    while (done < l->parts && strcmp(now.of[done], x->after.of[done]) == 0)
        done++;
    for (size_t i = done; i < l->parts; i++) {
        if (reported || strcmp(now.of[i], x->before.of[i]) != 0)
            fault_kit_wrong(l->kit, now.of[i]);
    }
    if (now.tip != x->before.tip + done)
        fault_kit_wrong(l->kit, "there are other records than the change's");
    t->half += done > 0 && done < l->parts;
}

/* One change with the n-th operation hit. Returns whether there was an n-th. */
static bool one(const struct record_loop *l, const struct states *x,
                const char *action, const char *select, uint64_t n,
                struct tally *t)
{
    char plan[96];
    bool killed, reported, hit;

    (void)snprintf(plan, sizeof plan, "%s:%lu%s", action, (unsigned long)n,
                   select);
    fault_kit_reset(l->kit);
    killed = fault_kit_child(l->kit, plan, l->change, l->ctx);
    reported = !killed && l->kit->report->rc == 0;
    hit = killed || l->kit->report->fired > 0;
    t->runs += hit;
    t->killed += killed;
    t->failed += !killed && !reported;
    if (!hit)
        assert_true(reported);
    look(l, x, reported, t);
    fault_kit_must(l->kit, l->change, l->ctx, "it cannot be done again");
    look(l, x, true, t);
    return hit;
}

static struct states states_of(const struct record_loop *l)
{
    struct states x;

    fault_kit_reset(l->kit);
    x.before = see(l);
    fault_kit_must(l->kit, l->change, l->ctx, l->name);
    x.after = see(l);
    assert_int_equal(x.after.tip, x.before.tip + l->parts);
    /* nothing is left to be done */
    fault_kit_must(l->kit, l->change, l->ctx, l->name);
    assert_int_equal(see(l).tip, x.after.tip);
    for (size_t i = 0; i < l->parts; i++)
        assert_string_not_equal(x.before.of[i], x.after.of[i]);
    return x;
}

static const struct {
    const char *action;
    const char *select;
    uint64_t step;
} rows[] = {
    {"fail", ":EIO,domain=repo", 61},
    {"fail-from", ":EIO,domain=repo", 67},
    {"fail-from", ":ENOSPC,domain=repo,class=open+write+name", 11},
    {"lose", ":EIO,domain=repo,class=name+sync", 3},
    {"kill", ",domain=repo", 53},
    {"kill-after", ",domain=repo,class=name+sync", 3},
    {"fail-from", ":EIO,domain=cache", 4},
    {"kill", ",domain=cache", 5},
};

void record_loop_run(const struct record_loop *l, size_t which)
{
    struct states x = states_of(l);
    struct tally all = {0};

    assert_in_range(l->parts, 1, RECORD_LOOP_PARTS);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t step = fault_kit_stride(rows[i].step);
        struct tally t = {0};
        uint64_t n = 1 + (which + i) % step;

        for (; one(l, &x, rows[i].action, rows[i].select, n, &t); n += step)
            assert_true(n < 10000);
        print_message("%s: %s%s: %u of about %lu, %u failed, %u killed, %u "
                      "half\n",
                      l->name, rows[i].action, rows[i].select, t.runs,
                      (unsigned long)n, t.failed, t.killed, t.half);
        all.runs += t.runs;
        all.failed += t.failed;
        all.killed += t.killed;
        all.half += t.half;
    }
    assert_true(all.runs > 0 && all.failed > 0 && all.killed > 0);
    assert_true(l->parts == 1 || all.half > 0);
}
