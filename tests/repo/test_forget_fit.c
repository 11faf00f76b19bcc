/* Which snapshots go so that the rest fits a size: of three of one series. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/forget_fit.h"
#include "tests/repo/check_kit.h"

/* What is asked of a repository with three snapshots. */
struct question {
    struct retention_policy policy;
    struct forget_ask ask;
    struct forget_fit fit;
};

static void question_of(struct question *q, uint64_t max)
{
    *q = (struct question){
        .policy = {.has_max_size = true, .max_size = max},
        .ask = {.group_by = FORGET_BY_SERIES, .now.s = INT32_MAX}};
    q->ask.policy = &q->policy;
}

static void choose(struct repo *r, struct question *q)
{
    forget_fit_release(&q->fit);
    if (forget_fit_choose(r, &q->ask, NULL, &q->fit) < 0)
        fail_msg("%s", err_text());
    q->ask.fit = &q->fit;
}

/* The chosen ones are the first n of the kit's, the oldest first. */
static void chose(const struct check_kit *k, const struct question *q, size_t n)
{
    assert_int_equal(q->fit.n, n);
    for (size_t i = 0; i < n; i++)
        assert_true(object_id_equal(&q->fit.id[i], &k->snapshot[i]));
}

static void test_forget_fit__the_oldest_go_until_it_fits(void **state)
{
    struct check_kit *k = check_kit_open();
    struct repo *r = check_kit_repo(k);
    struct forget_plan p = {.n = 0};
    struct question q;
    uint64_t all, without_one;

    (void)state;
    question_of(&q, UINT64_MAX);
    choose(r, &q);
    chose(k, &q, 0);
    all = q.fit.before_bytes;
    assert_true(all > 0 && q.fit.after_bytes == all);
    q.policy.max_size = all;
    choose(r, &q);
    chose(k, &q, 0);
    q.policy.max_size = all - 1;
    choose(r, &q);
    chose(k, &q, 1);
    without_one = q.fit.after_bytes;
    q.policy.max_size = without_one - 1;
    choose(r, &q);
    chose(k, &q, 2);
    assert_true(q.fit.after_bytes < without_one);
    /* the last one stays, and that is told */
    q.policy.max_size = 1;
    choose(r, &q);
    chose(k, &q, 2);
    assert_true(q.fit.after_bytes > 1);
    /* and so it comes */
    q.policy.max_size = all - 1;
    choose(r, &q);
    assert_int_equal(forget_run(r, &q.ask, &p), 0);
    assert_int_equal(p.go_n, 1);
    assert_true(object_id_equal(&p.go[0], &k->snapshot[0]));
    forget_plan_release(&p);
    choose(r, &q);
    chose(k, &q, 0);
    assert_int_equal(q.fit.before_bytes, without_one);
    forget_fit_release(&q.fit);
    repo_close(r);
    check_kit_close(k);
}

/* One that bears a time to come stays, and stands in for no other one. */
static void test_forget_fit__what_is_to_come_counts_for_nobody(void **state)
{
    struct check_kit *k = check_kit_open();
    struct repo *r = check_kit_repo(k);
    struct snapshot_list l = {.n = 0};
    struct question q;

    (void)state;
    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    assert_int_equal(l.n, CHECK_KIT_SNAPSHOTS);
    question_of(&q, 1);
    q.ask.now = l.item[1].manifest.m.begin;
    choose(r, &q);
    chose(k, &q, 1);
    snapshot_list_release(&l);
    forget_fit_release(&q.fit);
    repo_close(r);
    check_kit_close(k);
}

/* Whoever writes the log may have changed what takes how much. */
static void test_forget_fit__a_log_that_has_moved_asks_again(void **state)
{
    struct check_kit *k = check_kit_open();
    struct repo *r = check_kit_repo(k);
    struct repo_log_draft tag = {.type = RECORD_TAG};
    struct forget_plan p = {.n = 0};
    struct question q;

    (void)state;
    question_of(&q, 1);
    choose(r, &q);
    tag.says.ids = record_ids_of(&k->snapshot[0], 1);
    check_kit_append(k, tag);
    assert_int_equal(forget_run(r, &q.ask, &p), E_LATER);
    forget_plan_release(&p);
    choose(r, &q);
    assert_int_equal(forget_run(r, &q.ask, &p), 0);
    assert_int_equal(p.go_n, 2);
    forget_plan_release(&p);
    forget_fit_release(&q.fit);
    repo_close(r);
    check_kit_close(k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forget_fit__the_oldest_go_until_it_fits),
        cmocka_unit_test(test_forget_fit__what_is_to_come_counts_for_nobody),
        cmocka_unit_test(test_forget_fit__a_log_that_has_moved_asks_again),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
