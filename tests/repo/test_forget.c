#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/forget.h"
#include "repo/label_change.h"
#include "tests/repo/repo_fixture.h"

enum { DAY = 86400, MOST = 40 };

/* Snapshots 0.. in the order in which they were put, of day 1.. */
struct world {
    struct repo_fixture f;
    struct repo *r;
    struct writer *w;
    struct object_id id[MOST];
    size_t n;
    struct retention_policy policy;
    struct forget_ask ask;
};

static void world_make(struct world *x)
{
    *x = (struct world){.n = 0};
    repo_fixture_make(&x->f);
    assert_int_equal(repo_fixture_repo(&x->f, "a", &x->r), 0);
    assert_int_equal(writer_open(x->r, bytes_of_str("s"), &x->w), 0);
    x->ask = (struct forget_ask){.policy = &x->policy,
                                 .group_by = FORGET_BY_SERIES,
                                 .now = {.s = 1000 * DAY}};
}

static void world_end(struct world *x)
{
    writer_free(x->w);
    repo_close(x->r);
    repo_fixture_close(&x->f);
}

static void keep_last(struct world *x, uint32_t n)
{
    x->policy.rule[RETENTION_LAST] =
        (struct retention_rule){.reach = RETENTION_COUNT, .count = n};
}

static const struct object_id *put(struct world *x, const char *series,
                                   uint64_t number, bool complete)
{
    struct manifest m = {.series = bytes_of_str(series),
                         .number = number,
                         .root = bytes_of_str("opaque"),
                         .complete = complete};

    assert_true(x->n < MOST);
    m.begin.s = (int64_t)(x->n + 1) * DAY;
    m.stats.files = x->n;
    writer_log_tip(x->w, &m.log_number, &m.log_id);
    assert_int_equal(writer_commit(x->w, &m, &x->id[x->n]), 0);
    return &x->id[x->n++];
}

/* How many of the first n are forgotten, as one who comes anew sees it; they
 * are the ones whose bits are set. */
static void gone(struct world *x, unsigned bits)
{
    struct repo *r = NULL;

    assert_int_equal(repo_fixture_repo(&x->f, NULL, &r), 0);
    for (size_t i = 0; i < x->n; i++) {
        if (state_is_forgotten(&r->state, &x->id[i]) != (bits >> i & 1))
            fail_msg("snapshot %zu is %sforgotten", i,
                     bits >> i & 1 ? "not " : "");
        assert_int_equal(state_is_forgotten(&x->r->state, &x->id[i]),
                         bits >> i & 1);
    }
    repo_close(r);
}

static int run(struct world *x)
{
    struct forget_plan p = {.n = 0};
    int rc = forget_run(x->r, &x->ask, &p);

    forget_plan_release(&p);
    return rc;
}

static int name(struct world *x, const struct object_id *id, size_t n)
{
    x->ask.policy = NULL;
    x->ask.id = id;
    x->ask.id_n = n;
    return run(x);
}

static void test_forget__a_policy_by_series(void **state)
{
    struct forget_plan p = {.n = 0};
    uint64_t tip;
    struct world x;

    (void)state;
    world_make(&x);
    for (uint64_t i = 1; i <= 3; i++) {
        put(&x, "a", i, true);
        put(&x, "b", i, true);
    }
    keep_last(&x, 2);
    tip = x.r->state.tip.number;
    /* a plan changes nothing */
    assert_int_equal(forget_plan_make(x.r, &x.ask, &p), 0);
    assert_int_equal(forget_guard(x.r, &x.ask, &p), 0);
    assert_int_equal(p.go_n, 2);
    assert_int_equal(p.result.kept, 4);
    assert_int_equal(p.n, 6);
    assert_false(p.item[0].keep);
    assert_true(p.item[2].keep);
    assert_int_equal(p.item[4].rank[RETENTION_LAST], 1);
    forget_plan_release(&p);
    gone(&x, 0);
    assert_int_equal(run(&x), 0);
    gone(&x, 1 | 2);
    assert_int_equal(x.r->state.tip.number, tip + 1);
    /* and once more: nothing to say */
    assert_int_equal(run(&x), 0);
    assert_int_equal(x.r->state.tip.number, tip + 1);
    world_end(&x);
}

static void test_forget__groups(void **state)
{
    struct world x;

    (void)state;
    world_make(&x);
    put(&x, "a", 1, true);
    put(&x, "b", 1, true);
    put(&x, "b", 2, true);
    x.ask.group_by = 0;
    keep_last(&x, 1);
    /* all are one group: that would be the last of a */
    assert_int_equal(run(&x), E_REFUSED);
    gone(&x, 0);
    keep_last(&x, 3);
    assert_int_equal(run(&x), 0);
    gone(&x, 0);
    x.ask.group_by =
        FORGET_BY_SERIES | FORGET_BY_HOST | FORGET_BY_PATHS | FORGET_BY_TAGS;
    keep_last(&x, 1);
    assert_int_equal(run(&x), 0);
    gone(&x, 2);
    world_end(&x);
}

static bool only_b(void *ctx, const struct state *s,
                   const struct snapshot_item *it)
{
    (void)ctx;
    (void)s;
    return bytes_equal(it->manifest.m.series, bytes_of_str("b"));
}

static void test_forget__looks_at_what_is_wanted_only(void **state)
{
    struct world x;

    (void)state;
    world_make(&x);
    for (uint64_t i = 1; i <= 2; i++) {
        put(&x, "a", i, true);
        put(&x, "b", i, true);
    }
    keep_last(&x, 1);
    x.ask.wants = only_b;
    assert_int_equal(run(&x), 0);
    gone(&x, 2);
    world_end(&x);
}

/* F1: a checkpoint goes with what superseded it, and with no later record. */
static void test_forget__superseded_checkpoints_go_first(void **state)
{
    struct world x;
    uint64_t tip;

    (void)state;
    world_make(&x);
    put(&x, "a", 1, false);
    put(&x, "b", 1, false);
    put(&x, "a", 1, true);
    put(&x, "a", 2, true);
    put(&x, "b", 1, true);
    keep_last(&x, 1);
    tip = x.r->state.tip.number;
    x.ask.batch = 1; /* the record of the checkpoint comes first */
    assert_int_equal(run(&x), 0);
    gone(&x, 1 | 2 | 4);
    assert_int_equal(x.r->state.tip.number, tip + 3);
    {
        uint64_t of[3];

        for (size_t i = 0; i < 3; i++)
            assert_true(idmap_get(&x.r->state.forgotten, x.id[i].b, &of[i]));
        assert_true(of[0] < of[2]);
    }
    world_end(&x);
}

/* Named ones alone: what superseded them is another matter. */
static void test_forget__a_named_one_takes_its_checkpoints_with_it(void **state)
{
    struct world x;

    (void)state;
    world_make(&x);
    put(&x, "a", 1, true);
    put(&x, "a", 2, false);
    put(&x, "a", 2, true);
    put(&x, "b", 1, false);
    put(&x, "b", 1, true);
    assert_int_equal(name(&x, &x.id[2], 1), 0);
    gone(&x, 2 | 4);
    world_end(&x);
}

static void test_forget__the_last_complete_one_stays(void **state)
{
    struct object_id both[2];
    struct world x;

    (void)state;
    world_make(&x);
    put(&x, "a", 1, true);
    put(&x, "a", 2, true);
    put(&x, "a", 3, false);
    put(&x, "b", 1, true);
    both[0] = x.id[0];
    both[1] = x.id[1];
    x.ask.force = true;
    assert_int_equal(name(&x, both, 2), E_REFUSED);
    assert_int_equal(name(&x, both, 1), 0);
    assert_int_equal(name(&x, both + 1, 1), E_REFUSED);
    gone(&x, 1);
    x.ask.policy = &x.policy;
    x.policy.has_max_age = true;
    x.policy.max_age.days = 1;
    assert_int_equal(run(&x), E_REFUSED);
    gone(&x, 1);
    /* but a series may go as a whole */
    x.ask.drop = true;
    assert_int_equal(name(&x, both + 1, 1), 0);
    gone(&x, 1 | 2);
    world_end(&x);
}

static void test_forget__guards_that_can_be_forced(void **state)
{
    struct bytes tag = bytes_of_str("prod");
    struct retention_tags tags = {&tag, 1};
    struct world x;

    (void)state;
    world_make(&x);
    for (uint64_t i = 1; i <= 4; i++)
        put(&x, "a", i, true);
    assert_int_equal(run(&x), E_REFUSED); /* no rule */
    keep_last(&x, 1);
    x.policy.tags = &tags;
    x.policy.tags_n = 1;
    assert_int_equal(run(&x), E_REFUSED); /* nothing is prod */
    x.policy.tags_n = 0;
    x.ask.has_max_remove = true;
    x.ask.max_remove = 2;
    assert_int_equal(run(&x), E_REFUSED); /* three would go */
    x.ask.max_remove_percent = 74;
    assert_int_equal(run(&x), E_REFUSED);
    gone(&x, 0);
    x.ask.max_remove_percent = 75;
    keep_last(&x, 2);
    assert_int_equal(run(&x), 0);
    gone(&x, 3);
    keep_last(&x, 1);
    x.ask.max_remove_percent = 10;
    assert_int_equal(run(&x), E_REFUSED);
    x.policy.tags_n = 1;
    x.ask.force = true;
    assert_int_equal(run(&x), 0);
    gone(&x, 7);
    world_end(&x);
}

static void test_forget__what_is_protected_stays(void **state)
{
    struct world x;
    bool changed;

    (void)state;
    world_make(&x);
    for (uint64_t i = 1; i <= 3; i++)
        put(&x, "a", i, true);
    assert_int_equal(
        label_change_protect(x.r, &x.id[0], 0, bytes_of(NULL, 0), &changed), 0);
    keep_last(&x, 1);
    assert_int_equal(run(&x), 0);
    gone(&x, 2);
    x.ask.force = true;
    assert_int_equal(name(&x, &x.id[0], 1), E_REFUSED);
    gone(&x, 2);
    assert_int_equal(label_change_protect(x.r, &x.id[0], LABEL_CHANGE_OFF,
                                          bytes_of(NULL, 0), &changed),
                     0);
    assert_int_equal(name(&x, &x.id[0], 1), 0);
    gone(&x, 3);
    assert_int_equal(name(&x, &x.id[0], 1), E_NOTFOUND);
    world_end(&x);
}

/* What cannot be read may be a checkpoint, which would come back to life. */
static void test_forget__no_newest_one_beside_damage(void **state)
{
    char path[SNAPSHOT_LIST_NAME_MAX];
    struct world x;

    (void)state;
    world_make(&x);
    for (uint64_t i = 1; i <= 3; i++)
        put(&x, "a", i, true);
    put(&x, "b", 1, false);
    snapshot_list_name(&x.id[3], path);
    assert_int_equal(store_delete(x.f.store, path), 0);
    repo_close(x.r);
    writer_free(x.w);
    x.w = NULL;
    assert_int_equal(repo_fixture_repo(&x.f, NULL, &x.r), 0);
    assert_int_equal(name(&x, &x.id[2], 1), E_REFUSED);
    assert_int_equal(name(&x, &x.id[0], 1), 0);
    gone(&x, 1);
    /* named, the damaged one goes; then the newest one may */
    assert_int_equal(name(&x, &x.id[3], 1), 0);
    assert_int_equal(name(&x, &x.id[2], 1), 0);
    gone(&x, 1 | 4 | 8);
    world_end(&x);
}

/* R1: two who each leave the other's snapshot as the last one. */
struct rival {
    struct world *x;
    bool done;
};

static int other_first(void *ctx, enum memory_point point, enum memory_op op,
                       const char *name)
{
    struct rival *v = ctx;
    struct forget_ask ask = {.id = &v->x->id[1], .id_n = 1};
    struct forget_plan p = {.n = 0};
    struct repo *r = NULL;

    if (v->done || point != MEMORY_BEFORE || op != MEMORY_COMMIT ||
        strncmp(name, "log/", 4) != 0)
        return 0;
    v->done = true;
    assert_int_equal(repo_fixture_repo(&v->x->f, NULL, &r), 0);
    assert_int_equal(forget_run(r, &ask, &p), 0);
    forget_plan_release(&p);
    repo_close(r);
    return 0;
}

static void test_forget__of_two_at_once_one_snapshot_stays(void **state)
{
    struct world x;
    struct rival v = {&x, false};

    (void)state;
    world_make(&x);
    put(&x, "a", 1, true);
    put(&x, "a", 2, true);
    memory_set_hook(x.f.store, other_first, &v);
    assert_int_equal(name(&x, &x.id[0], 1), E_REFUSED);
    memory_set_hook(x.f.store, NULL, NULL);
    assert_true(v.done);
    gone(&x, 2);
    world_end(&x);
}

/* A record holds so many; the plan is made anew on each. */
static void test_forget__more_than_one_record_holds(void **state)
{
    struct object_id id[4];
    struct world x;
    uint64_t tip;

    (void)state;
    world_make(&x);
    for (uint64_t i = 1; i <= 10; i++)
        put(&x, "a", i, true);
    keep_last(&x, 3);
    x.policy.rule[RETENTION_LAST].count = 7;
    x.ask.batch = 2;
    x.ask.has_max_remove = true;
    x.ask.max_remove = 3;
    tip = x.r->state.tip.number;
    assert_int_equal(run(&x), 0);
    gone(&x, 7);
    assert_int_equal(x.r->state.tip.number, tip + 2);
    memcpy(id, &x.id[3], sizeof id);
    x.ask.force = true;
    assert_int_equal(name(&x, id, 4), 0);
    gone(&x, 0x7f);
    assert_int_equal(x.r->state.tip.number, tip + 4);
    world_end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forget__a_policy_by_series),
        cmocka_unit_test(test_forget__groups),
        cmocka_unit_test(test_forget__looks_at_what_is_wanted_only),
        cmocka_unit_test(test_forget__superseded_checkpoints_go_first),
        cmocka_unit_test(
            test_forget__a_named_one_takes_its_checkpoints_with_it),
        cmocka_unit_test(test_forget__the_last_complete_one_stays),
        cmocka_unit_test(test_forget__guards_that_can_be_forced),
        cmocka_unit_test(test_forget__what_is_protected_stays),
        cmocka_unit_test(test_forget__no_newest_one_beside_damage),
        cmocka_unit_test(test_forget__of_two_at_once_one_snapshot_stays),
        cmocka_unit_test(test_forget__more_than_one_record_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
