#include "tests/faults/run_loop.h"

#include <stdio.h>
#include <string.h>

struct tally {
    unsigned runs;
    unsigned failed; /* said so */
    unsigned killed;
    unsigned problems;  /* runs that left out files and said so */
    unsigned committed; /* of those killed */
    unsigned unknown;   /* failed, and the snapshot is there and whole */
    unsigned left;      /* runs without a snapshot that left a checkpoint */
};

/* I9: who is blamed. */
static void assert_blame(struct fault_kit *k, const struct run_loop_row *row)
{
    const struct fault_report *r = k->report;
    bool nospace = strstr(row->select, "ENOSPC") != NULL;
    bool ok = r->rc == 0;

    if (row->domain == RUN_LOOP_REPO)
        ok = ok || r->rc == (nospace ? E_NOSPACE : E_STORE);
    if (row->domain == RUN_LOOP_CACHE)
        ok = ok || r->rc == E_IO || (nospace && r->rc == E_NOSPACE);
    if (row->domain != RUN_LOOP_SOURCE)
        ok = ok && r->problems == 0;
    /* the root of all roots is not one file among others */
    if (row->domain == RUN_LOOP_SOURCE)
        ok = ok || r->rc == E_SOURCE;
    if (row->domain == RUN_LOOP_REPO && r->rc < 0)
        ok = ok && strstr(r->text, k->repo) != NULL;
    if (!ok)
        fault_kit_wrong(k, "the wrong one is to blame");
}

/* The cache as a run may find it that does more than open it. */
static void set_cache(struct fault_kit *k, enum run_loop_cache c)
{
    if (c == RUN_LOOP_GONE)
        assert_true(scratch_run("rm -r '%s'", k->cache));
    if (c == RUN_LOOP_JUNK)
        assert_true(scratch_run("f=$(find '%s' -name data.mdb) && "
                                "test -s \"$f\" && "
                                "tr '\\0-\\377' x <\"$f\" >\"$f.x\" && "
                                "cat \"$f.x\" >\"$f\" && rm \"$f.x\"",
                                k->cache));
}

/* One run with the n-th operation hit. Returns whether there was an n-th. */
static bool one(struct fault_kit *k, const struct run_loop_row *row, uint64_t n,
                struct tally *t)
{
    char plan[96];
    uint64_t snapshots;
    bool killed;
    bool whole;
    bool hit;
    int rc;

    (void)snprintf(plan, sizeof plan, "%s:%lu%s", row->action, (unsigned long)n,
                   row->select);
    fault_kit_reset(k);
    set_cache(k, row->cache);
    killed = fault_kit_child(k, plan, fault_kit_snapshot, NULL);
    if (!killed)
        assert_blame(k, row);
    rc = killed ? -1 : k->report->rc;
    hit = killed || k->report->fired > 0;
    whole = k->report->problems == 0;
    t->runs += hit;
    t->killed += killed;
    t->failed += !killed && rc < 0;
    t->problems += !whole;
    snapshots = fault_kit_audit(k, whole);
    if (rc == 0)
        assert_int_equal(snapshots, 3);
    t->committed += killed && snapshots == 3;
    t->left += snapshots == 2 && k->report->checkpoints > 0;
    /* a store that fails while it takes the commit record, or is asked whether
     * that lasts, leaves the outcome open: the snapshot is whole, or is not */
    t->unknown += rc < 0 && !killed && snapshots == 3;
    return hit;
}

static void each(struct fault_kit *k, const struct run_loop_row *row)
{
    static const char *const found[] = {"", ", no cache", ", junk for a cache"};
    uint64_t step = fault_kit_step(row->step);
    struct tally t = {.runs = 0};
    uint64_t n = 1 + strlen(row->select) % step;

    while (one(k, row, n, &t)) {
        n += step;
        assert_true(n < 100000);
    }
    print_message(
        "%s%s%s: %u of about %lu: %u failed, %u killed (%u committed), "
        "%u with problems, %u unknown; %u left a checkpoint\n",
        row->action, row->select, found[row->cache], t.runs, (unsigned long)n,
        t.failed, t.killed, t.committed, t.problems, t.unknown, t.left);
    assert_true(t.runs > 0);
    if (strncmp(row->action, "short", 5) == 0)
        assert_int_equal(t.failed + t.problems, 0);
    else if (row->domain == RUN_LOOP_REPO)
        assert_true(t.failed + t.killed > 0);
    if (row->domain == RUN_LOOP_SOURCE)
        assert_true(t.failed <= t.runs / 10);
    /* from the record's sync to the last look at the log */
    if (strstr(row->action, "-from") == NULL)
        assert_true(t.unknown <= 5);
    if (!k->checkpoints && !k->interrupted)
        assert_int_equal(t.left, 0);
    else if (t.failed + t.killed > 2 && row->domain != RUN_LOOP_CACHE)
        assert_true(t.left > 0); /* without a cache a run may end at once */
}

void run_loop(struct fault_kit *k, const struct run_loop_row *row, size_t n)
{
    for (size_t i = 0; i < n; i++)
        each(k, &row[i]);
}
