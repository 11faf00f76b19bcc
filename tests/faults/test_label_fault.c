/*
 * tag and protect with their n-th file operation failed, cut off from its reply
 * or killed, in the repository and in the cache: each snapshot has all of what
 * is asked for, or nothing; what was reported is there; the same again succeeds
 * and leaves one record for each snapshot, whatever came of the first; a new
 * cache sees the same, and a check is clean. Every k-th operation; with --all
 * each.
 */
#include <stdio.h>
#include <string.h>

#include "repo/label_change.h"
#include "tests/faults/fault_kit.h"

enum { SNAPSHOTS = 2, SEEN_MAX = 160 };

static struct fault_kit kit;

/* --- what is done --- */

struct change {
    const char *name;
    int (*run)(struct repo *r, const struct snapshot_item *item, bool *changed);
};

static int retag(struct repo *r, const struct snapshot_item *item,
                 bool *changed)
{
    struct bytes add[] = {bytes_of_str("new"), bytes_of_str("newer")};
    struct bytes old = bytes_of_str("old");
    struct label_change_tags c = {
        .add = add, .add_n = 2, .remove = &old, .remove_n = 1};

    return label_change_tag(r, item, &c, changed);
}

static int clear(struct repo *r, const struct snapshot_item *item,
                 bool *changed)
{
    struct label_change_tags c = {.set = true};

    return label_change_tag(r, item, &c, changed);
}

static int protect(struct repo *r, const struct snapshot_item *item,
                   bool *changed)
{
    return label_change_protect(r, &item->id, INT64_C(4102444800),
                                bytes_of_str("an audit"), changed);
}

static int expose(struct repo *r, const struct snapshot_item *item,
                  bool *changed)
{
    return label_change_protect(r, &item->id, LABEL_CHANGE_OFF,
                                bytes_of_str(""), changed);
}

/* What snapshots have to begin with. */
static int label(struct repo *r, const struct snapshot_item *item,
                 bool *changed)
{
    struct bytes tags[] = {bytes_of_str("old"), bytes_of_str("kept")};
    struct label_change_tags c = {.add = tags, .add_n = 2};
    int rc = label_change_tag(r, item, &c, changed);

    if (rc == 0)
        rc = label_change_protect(r, &item->id, 0, bytes_of_str("for ever"),
                                  changed);
    return rc;
}

static const struct change changes[] = {
    {"tag", retag},
    {"tag --clear", clear},
    {"protect", protect},
    {"protect --off", expose},
};
static const struct change prepared = {"prepare", label};

/* --- children --- */

/* In shared memory, by way of the kit's report. */
struct seen {
    char of[SNAPSHOTS][SEEN_MAX];
    uint64_t tip;
};
_Static_assert(sizeof(struct seen) <= FAULT_KIT_TEXT, "it is passed there");

static int open_list(const char *cache, struct store **s, struct repo **r,
                     struct snapshot_list *l)
{
    int rc = fault_kit_open(&kit, cache, s, r);

    *l = (struct snapshot_list){.n = 0};
    if (rc == 0)
        rc = snapshot_list_load((*r)->index, &(*r)->state, l);
    if (rc == 0 && l->n != SNAPSHOTS)
        rc = err_set(E_INTERNAL, "%zu snapshots", l->n);
    return rc;
}

static void close_list(struct store *s, struct repo *r, struct snapshot_list *l)
{
    snapshot_list_release(l);
    repo_close(r);
    store_close(s);
}

static void run_change(struct fault_kit *k, void *ctx)
{
    const struct change *c = ctx;
    struct snapshot_list l;
    struct store *s;
    struct repo *r;
    bool changed;
    int rc = open_list(NULL, &s, &r, &l);

    for (size_t i = 0; i < SNAPSHOTS && rc == 0; i++) {
        rc = c->run(r, &l.item[i], &changed);
        k->report->new_bytes += rc == 0 && changed;
    }
    close_list(s, r, &l);
    k->report->rc = rc;
}

static void see_one(const struct repo *r, const struct snapshot_item *item,
                    char out[SEEN_MAX])
{
    const struct state_labels *labels = &r->state.labels;
    struct record_strings tags;
    struct state_protection p = {.until = LABEL_CHANGE_OFF};
    struct bytes t;
    size_t n = 0;

    if (state_label_tags(labels, &item->id, &tags)) {
        while (record_string_next(&tags, &t))
            n += (size_t)snprintf(out + n, SEEN_MAX - n, "%.*s ", (int)t.n,
                                  (const char *)t.p);
    }
    (void)state_label_protection(labels, &item->id, &p);
    (void)snprintf(out + n, SEEN_MAX - n, "/ %ld %.*s", (long)p.until,
                   (int)p.reason.n, (const char *)p.reason.p);
}

/* ctx: a cache, or NULL for the one in use. */
static void run_see(struct fault_kit *k, void *ctx)
{
    struct seen x = {.tip = 0};
    struct snapshot_list l;
    struct store *s;
    struct repo *r;
    int rc = open_list(ctx, &s, &r, &l);

    for (size_t i = 0; i < SNAPSHOTS && rc == 0; i++)
        see_one(r, &l.item[i], x.of[i]);
    if (rc == 0)
        x.tip = r->state.tip.number;
    if (rc == 0)
        rc = fault_kit_check(k, r);
    memcpy(k->report->problem, &x, sizeof x);
    close_list(s, r, &l);
    k->report->rc = rc;
}

static struct seen see(void)
{
    char fresh[FAULT_KIT_PATH + 8];
    struct seen x, anew;

    fault_kit_must(&kit, run_see, NULL, "looking");
    memcpy(&x, kit.report->problem, sizeof x);
    (void)snprintf(fresh, sizeof fresh, "%s-fresh", kit.cache);
    fault_kit_must(&kit, run_see, fresh, "looking with a new cache");
    memcpy(&anew, kit.report->problem, sizeof anew);
    assert_memory_equal(&x, &anew, sizeof x);
    assert_true(scratch_run("rm -rf '%s'", fresh));
    return x;
}

static void run_back_up(struct fault_kit *k, void *ctx)
{
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, NULL, &s, &r);

    (void)ctx;
    if (rc == 0)
        rc = fault_kit_back_up(k, r, k->source);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

static int setup(void **state)
{
    (void)state;
    fault_kit_make_small(&kit);
    for (int i = 0; i < SNAPSHOTS; i++)
        fault_kit_must(&kit, run_back_up, NULL, "backing up");
    fault_kit_must(&kit, run_change, (void *)(uintptr_t)&prepared, "preparing");
    fault_kit_keep(&kit);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fault_kit_remove(&kit);
    return 0;
}

/* --- the loops --- */

struct tally {
    unsigned runs;
    unsigned failed;
    unsigned killed;
    unsigned half; /* one of the two snapshots was changed */
};

/* What the change makes of what was before. */
struct states {
    struct seen before;
    struct seen after;
};

static void look(const struct states *x, bool reported, struct tally *t)
{
    struct seen now = see();
    bool done[SNAPSHOTS];

    for (size_t i = 0; i < SNAPSHOTS; i++) {
        done[i] = strcmp(now.of[i], x->after.of[i]) == 0;
        if (!done[i] && (reported || strcmp(now.of[i], x->before.of[i]) != 0))
            fault_kit_wrong(&kit, now.of[i]);
    }
    if (done[1] && !done[0])
        fault_kit_wrong(&kit, "the second was changed before the first");
    if (now.tip != x->before.tip + done[0] + done[1])
        fault_kit_wrong(&kit, "there are other records than changes");
    t->half += done[0] && !done[1];
}

/* One change with the n-th operation hit. Returns whether there was an n-th. */
static bool one(const struct change *c, const struct states *x,
                const char *action, const char *select, uint64_t n,
                struct tally *t)
{
    struct change copy = *c;
    char plan[96];
    bool killed, reported, hit;

    (void)snprintf(plan, sizeof plan, "%s:%lu%s", action, (unsigned long)n,
                   select);
    fault_kit_reset(&kit);
    killed = fault_kit_child(&kit, plan, run_change, &copy);
    reported = !killed && kit.report->rc == 0;
    hit = killed || kit.report->fired > 0;
    t->runs += hit;
    t->killed += killed;
    t->failed += !killed && !reported;
    if (!hit)
        assert_true(reported);
    look(x, reported, t);
    fault_kit_must(&kit, run_change, &copy, "it cannot be done again");
    look(x, true, t);
    return hit;
}

static struct states states_of(const struct change *c)
{
    struct change copy = *c;
    struct states x;

    fault_kit_reset(&kit);
    x.before = see();
    fault_kit_must(&kit, run_change, &copy, c->name);
    assert_int_equal(kit.report->new_bytes, SNAPSHOTS);
    x.after = see();
    assert_int_equal(x.after.tip, x.before.tip + SNAPSHOTS);
    fault_kit_must(&kit, run_change, &copy,
                   c->name); /* nothing is left to be done */
    assert_int_equal(kit.report->new_bytes, 0);
    assert_int_equal(see().tip, x.after.tip);
    for (size_t i = 0; i < SNAPSHOTS; i++)
        assert_string_not_equal(x.before.of[i], x.after.of[i]);
    return x;
}

static void each(size_t which)
{
    static const struct {
        const char *action;
        const char *select;
        uint64_t step;
    } row[] = {
        {"fail", ":EIO,domain=repo", 61},
        {"fail-from", ":EIO,domain=repo", 67},
        {"fail-from", ":ENOSPC,domain=repo,class=open+write+name", 11},
        {"lose", ":EIO,domain=repo,class=name+sync", 3},
        {"kill", ",domain=repo", 53},
        {"kill-after", ",domain=repo,class=name+sync", 3},
        {"fail-from", ":EIO,domain=cache", 4},
        {"kill", ",domain=cache", 5},
    };
    const struct change *c = &changes[which];
    struct states x = states_of(c);
    struct tally all = {0};

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        uint64_t step = fault_kit_step(row[i].step);
        struct tally t = {0};
        uint64_t n = 1 + (which + i) % step;

        for (; one(c, &x, row[i].action, row[i].select, n, &t); n += step)
            assert_true(n < 10000);
        print_message("%s: %s%s: %u of about %lu, %u failed, %u killed, %u "
                      "half\n",
                      c->name, row[i].action, row[i].select, t.runs,
                      (unsigned long)n, t.failed, t.killed, t.half);
        all.runs += t.runs;
        all.failed += t.failed;
        all.killed += t.killed;
        all.half += t.half;
    }
    assert_true(all.runs > 0 && all.failed > 0 && all.killed > 0);
    assert_true(all.half > 0);
}

static void test_label_fault__tag(void **state)
{
    (void)state;
    each(0);
}

static void test_label_fault__tag_clear(void **state)
{
    (void)state;
    each(1);
}

static void test_label_fault__protect(void **state)
{
    (void)state;
    each(2);
}

static void test_label_fault__protect_off(void **state)
{
    (void)state;
    each(3);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label_fault__tag),
        cmocka_unit_test(test_label_fault__tag_clear),
        cmocka_unit_test(test_label_fault__protect),
        cmocka_unit_test(test_label_fault__protect_off),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
