/*
 * Keys that are added, removed and given another secret, failed and killed at
 * each file operation. Afterwards every key that worked works, or the one that
 * takes its place; none that was reported as removed writes; a check is clean;
 * and doing it again succeeds. Every k-th operation; with --all each.
 */
#include <stdio.h>
#include <string.h>

#include "base/fileop_fault.h"
#include "repo/key_change.h"
#include "repo/key_remove.h"
#include "repo/slot_list.h"
#include "repo/writer.h"
#include "store/local.h"
#include "tests/faults/fault_kit.h"

static struct fault_kit kit;

/* Of 32 bytes each: no Argon2 in a loop of hundreds of runs. */
static const struct key_slot_secret founder = {
    KEY_SLOT_FILE, {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32}};
static const struct key_slot_secret host = {
    KEY_SLOT_FILE, {(const uint8_t *)"the host has this one, of 32 b ..", 32}};
static const struct key_slot_secret fresh = {
    KEY_SLOT_FILE, {(const uint8_t *)"and this one is what comes new ..", 32}};

enum { SNAPSHOTS = 3 };

/* --- keys --- */

/* What opening with a secret returns; r and s are to be closed. */
static int open_as(const struct key_slot_secret *secret, struct store **s,
                   struct repo **r)
{
    struct repo_open_options opt = {.secret = secret, .cache_root = kit.cache};
    int rc = local_open(kit.repo, s);

    *r = NULL;
    if (rc < 0) {
        *s = NULL;
        return rc;
    }
    return repo_open(*s, &opt, r);
}

/* What writing with a secret returns: E_KEY where no slot opens. */
static int writes(const struct key_slot_secret *secret)
{
    struct writer *w = NULL;
    struct store *s;
    struct repo *r;
    int rc = open_as(secret, &s, &r);

    if (rc == 0)
        rc = writer_open(r, bytes_of_str("probe@x"), &w);
    if (rc == 0)
        rc = writer_end(w);
    writer_free(w);
    repo_close(r);
    store_close(s);
    return rc;
}

static const struct members_one *called(const struct repo *r, const char *label)
{
    const struct members *m = &r->state.members;

    for (size_t i = m->n; i-- > 0;) {
        if (strcmp(m->one[i].label, label) == 0)
            return &m->one[i];
    }
    return NULL;
}

/* How many slots say that label. */
static size_t slots_of(struct store *s, const char *label)
{
    struct slot_list l = {.item = NULL};
    size_t n = 0;

    if (slot_list_load(s, &l) < 0)
        return SIZE_MAX;
    for (size_t i = 0; i < l.n; i++)
        n += strcmp(l.item[i].info.label, label) == 0;
    slot_list_release(&l);
    return n;
}

/* --- what is done --- */

static int add(struct repo *r)
{
    struct key_change_new n = {
        .role = KEYRING_WRITE, .label = "fresh", .secret = &fresh};
    struct member_id id;

    return key_change_add(r, &n, &id);
}

static int remove_host(struct repo *r)
{
    const struct members_one *one = called(r, "host");
    struct key_remove_result done;

    return one ? key_remove(r, &one->id, false, &done)
               : err_set(E_INTERNAL, "the host is no member");
}

static int passwd(struct repo *r)
{
    return key_change_secret(r, &fresh);
}

struct change {
    const char *name;
    int (*run)(struct repo *r);
    const struct key_slot_secret *by;
    /* what must hold: NULL, or what does not */
    const char *(*holds)(bool reported, bool again);
};

/* --- what must hold --- */

static const char *holds_added(bool reported, bool again)
{
    struct store *s;
    struct repo *r;
    const char *wrong = NULL;
    int rc = writes(&fresh);
    size_t n;

    if (rc < 0 && reported)
        return "a key that was added does not work";
    if (rc < 0 && rc != E_KEY && rc != E_ROLE)
        return "a key that was not added is neither absent nor no member";
    if (writes(&host) < 0)
        return "another key does not work any more";
    rc = open_as(&founder, &s, &r);
    if (rc < 0)
        wrong = "the founder's key does not open";
    n = rc == 0 ? slots_of(s, "fresh") : 0;
    if (rc == 0 && again && n != 1)
        wrong = "slots of attempts that failed are left";
    if (rc == 0 &&
        r->state.members.trust != (called(r, "fresh") || called(r, "host")
                                       ? RECORD_TRUST_OWN
                                       : RECORD_TRUST_SHARED))
        wrong = "trust is not what the first write key makes it";
    repo_close(r);
    store_close(s);
    return wrong;
}

static const char *holds_passwd(bool reported, bool again)
{
    int old = writes(&host);
    int new = writes(&fresh);

    if (old < 0 && new < 0)
        return "neither secret works";
    if ((reported || again) && (new < 0 || old != E_KEY))
        return "the new secret is not the only one";
    if ((old < 0 && old != E_KEY) || (new < 0 && new != E_KEY))
        return "a secret opens something that does not write";
    return NULL;
}

/* The holder has a copy of the slot. */
static bool bring_slots_back(void)
{
    return scratch_run("cp -n '%s'/slots/* '%s'/keys/", kit.dir, kit.repo);
}

static const char *holds_removed(bool reported, bool again)
{
    const struct members_one *one;
    struct store *s;
    struct repo *r;
    const char *wrong = NULL;
    int rc;

    if ((reported || again) && writes(&host) != E_KEY)
        return "its slot is left";
    if (!bring_slots_back())
        return "cp";
    rc = writes(&host);
    if ((reported || again) && rc != E_ROLE)
        return "a key that was removed writes";
    if (rc < 0 && rc != E_ROLE)
        return "the key neither works nor is removed";
    rc = open_as(&founder, &s, &r);
    if (rc < 0)
        wrong = "the founder's key does not open";
    one = rc == 0 ? called(r, "host") : NULL;
    if (again && (!one || one->standing != RECORD_REMOVED))
        wrong = "it is not removed";
    repo_close(r);
    store_close(s);
    return wrong;
}

static const struct change changes[] = {
    {"add", add, &founder, holds_added},
    {"passwd", passwd, &host, holds_passwd},
    {"remove", remove_host, &founder, holds_removed},
};

/* --- children --- */

static void run_change(struct fault_kit *k, void *ctx)
{
    const struct change *c = ctx;
    struct store *s;
    struct repo *r;
    int rc = open_as(c->by, &s, &r);

    if (rc == 0)
        rc = c->run(r);
    k->report->rc = rc;
    repo_close(r);
    store_close(s);
}

/* Done again, where it is not done: by the key that it was done by, or, of
 * another secret, by that. */
static void run_again(struct fault_kit *k, void *ctx)
{
    const struct change *c = ctx;
    struct store *s;
    struct repo *r;
    int rc = open_as(c->by, &s, &r);

    if (rc == E_KEY && c->run == passwd) {
        store_close(s);
        rc = open_as(&fresh, &s, &r);
    }
    if (rc == 0)
        rc = c->run(r);
    if (rc == E_REFUSED && c->run == add && called(r, "fresh"))
        rc = 0; /* it came, and nobody heard */
    k->report->rc = rc;
    repo_close(r);
    store_close(s);
}

struct look {
    const struct change *c;
    bool reported;
    bool again;
};

static void run_look(struct fault_kit *k, void *ctx)
{
    const struct look *l = ctx;
    const char *wrong = l->c->holds(l->reported, l->again);
    struct store *s = NULL;
    struct repo *r = NULL;
    uint64_t n = 0;
    int rc =
        wrong ? err_set(E_INTERNAL, "%s", wrong) : open_as(&founder, &s, &r);

    if (wrong) {
        k->report->rc = rc;
        return;
    }
    if (rc == 0)
        rc = fault_kit_check(k, r);
    if (rc == 0)
        rc = fault_kit_count(r, &n, NULL);
    if (rc == 0 && n != SNAPSHOTS)
        rc = err_set(E_INTERNAL, "%lu snapshots", (unsigned long)n);
    k->report->rc = rc;
    repo_close(r);
    store_close(s);
}

static void must(fault_kit_run *run, void *ctx, const char *what)
{
    assert_false(fault_kit_child(&kit, "", run, ctx));
    if (kit.report->rc < 0)
        fault_kit_wrong(&kit, what);
}

/* The host: a key, a run that ended, and one that died. */
static void run_prepare(struct fault_kit *k, void *ctx)
{
    struct key_change_new n = {
        .role = KEYRING_WRITE, .label = "host", .secret = &host};
    struct writer *w = NULL;
    struct member_id id;
    struct store *s;
    struct repo *r;
    int rc = open_as(&founder, &s, &r);

    (void)ctx;
    if (rc == 0)
        rc = key_change_add(r, &n, &id);
    repo_close(r);
    store_close(s);
    if (rc == 0)
        rc = open_as(&host, &s, &r);
    if (rc == 0)
        rc = fault_kit_back_up(k, r, k->source);
    if (rc == 0)
        rc = writer_open(r, bytes_of_str("dies@x"), &w);
    writer_free(w);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

static int setup(void **state)
{
    (void)state;
    fault_kit_make(&kit);
    must(run_prepare, NULL, "prepare");
    assert_true(scratch_run("cd '%s' && cp -a run/repo/keys slots && "
                            "rm -rf base/run && rm -rf run/out && "
                            "cp -a run base/run",
                            kit.dir));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fault_kit_remove(&kit);
    return 0;
}

/* --- the loops --- */

/* One change with the n-th operation hit. Returns whether there was an n-th. */
static bool one(const struct change *c, const char *action, const char *select,
                uint64_t n, unsigned *failed)
{
    struct change copy = *c;
    struct look look = {.c = c};
    char plan[96];
    bool killed;
    bool hit;

    (void)snprintf(plan, sizeof plan, "%s:%lu%s", action, (unsigned long)n,
                   select);
    fault_kit_reset(&kit);
    killed = fault_kit_child(&kit, plan, run_change, &copy);
    look.reported = !killed && kit.report->rc == 0;
    hit = killed || kit.report->fired > 0;
    *failed += !look.reported;
    must(run_look, &look, c->name);
    must(run_again, &copy, "it cannot be done again");
    look.again = true;
    must(run_look, &look, c->name);
    return hit;
}

static void each(const struct change *c)
{
    static const struct {
        const char *action;
        const char *select;
        uint64_t step;
    } row[] = {
        {"fail", ":EIO,domain=repo", 19},
        {"fail-from", ":EIO,domain=repo", 31},
        {"fail-from", ":ENOSPC,domain=repo,class=open+write+name", 11},
        {"lose", ":EIO,domain=repo,class=name+sync", 5},
        {"kill", ",domain=repo", 23},
        {"kill-after", ",domain=repo,class=name+sync", 3},
        {"fail-from", ":EIO,domain=cache", 13},
        {"kill", ",domain=cache", 13},
    };

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        uint64_t step = fault_kit_step(row[i].step);
        unsigned failed = 0;
        unsigned runs = 0;
        uint64_t n = 1;

        for (; one(c, row[i].action, row[i].select, n, &failed); n += step) {
            runs++;
            assert_true(n < 10000);
        }
        print_message("%s: %s%s: %u of about %lu, %u failed\n", c->name,
                      row[i].action, row[i].select, runs, (unsigned long)n,
                      failed);
        assert_true(runs > 0);
        if (strstr(row[i].select, "repo"))
            assert_true(failed > 0);
    }
}

static void test_key_fault__add(void **state)
{
    (void)state;
    each(&changes[0]);
}

static void test_key_fault__passwd(void **state)
{
    (void)state;
    each(&changes[1]);
}

static void test_key_fault__remove(void **state)
{
    (void)state;
    each(&changes[2]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_fault__add),
        cmocka_unit_test(test_key_fault__passwd),
        cmocka_unit_test(test_key_fault__remove),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
