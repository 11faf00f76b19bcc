/*
 * forget by a policy, in one record and in several, and unforget, with each
 * k-th operation failed or killed (tests/faults/record_loop.h): what one record
 * says goes, or comes back, as a whole; a superseded checkpoint goes first and
 * is never there without what superseded it. With --all each operation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "repo/forget.h"
#include "repo/unforget.h"
#include "repo/writer.h"
#include "tests/faults/record_loop.h"

/* In the order in which they were made; a run of the second left the
 * checkpoint. */
enum { FIRST, CHECKPOINT, SECOND, THIRD, FOURTH, SNAPSHOTS };

static struct fault_kit kit;

/* --- setting up --- */

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

/* As the first, but the next in its series, and not complete. */
static int leave_checkpoint(struct repo *r, const struct snapshot_item *first)
{
    struct manifest m = first->manifest.m;
    struct writer *w = NULL;
    struct object_id id;
    int rc = writer_open(r, m.series, &w);

    if (rc < 0)
        return rc;
    m.number++;
    m.has_previous = true;
    m.previous = first->id;
    m.begin = m.end;
    m.complete = false;
    writer_log_tip(w, &m.log_number, &m.log_id);
    rc = writer_commit(w, &m, &id);
    writer_free(w);
    return rc;
}

static void run_checkpoint(struct fault_kit *k, void *ctx)
{
    struct snapshot_list l = {.n = 0};
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, NULL, &s, &r);

    (void)ctx;
    if (rc == 0)
        rc = snapshot_list_load(r->index, &r->state, &l);
    if (rc == 0)
        rc = leave_checkpoint(r, &l.item[0]);
    snapshot_list_release(&l);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

/* --- what is done --- */

/* ctx: how many ids a record holds. */
static void run_forget(struct fault_kit *k, void *ctx)
{
    struct retention_policy policy = {
        .rule[RETENTION_LAST] = {.reach = RETENTION_COUNT, .count = 2}};
    struct forget_ask ask = {.policy = &policy,
                             .group_by = FORGET_BY_SERIES,
                             .now.s = clock_realtime_ns() / CLOCK_SECOND_NS + 1,
                             .batch = *(const size_t *)ctx};
    struct forget_plan p = {.n = 0};
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, NULL, &s, &r);

    if (rc == 0)
        rc = forget_run(r, &ask, &p);
    forget_plan_release(&p);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

/* All complete ones that are forgotten. */
static void run_unforget(struct fault_kit *k, void *ctx)
{
    struct snapshot_list l = {.n = 0};
    struct object_id id[SNAPSHOTS];
    bool changed;
    struct store *s;
    struct repo *r;
    size_t n = 0;
    int rc = fault_kit_open(k, NULL, &s, &r);

    (void)ctx;
    if (rc == 0)
        rc = snapshot_list_load_forgotten(r->index, &r->state, &l);
    for (size_t i = 0; i < l.n && n < SNAPSHOTS; i++) {
        if (l.item[i].manifest.m.complete)
            id[n++] = l.item[i].id;
    }
    if (rc == 0)
        rc = unforget(r, id, n, NULL, &changed);
    snapshot_list_release(&l);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

/* --- what is seen --- */

static size_t place(const struct snapshot_item *it)
{
    const struct manifest *m = &it->manifest.m;

    if (!m->complete)
        return CHECKPOINT;
    return m->number == 1 ? FIRST : (size_t)m->number;
}

static int see_each(struct repo *r, char out[SNAPSHOTS][24])
{
    struct snapshot_list l = {.n = 0};
    struct snapshot_list gone = {.n = 0};
    int rc = snapshot_list_load(r->index, &r->state, &l);

    if (rc == 0)
        rc = snapshot_list_load_forgotten(r->index, &r->state, &gone);
    if (rc == 0 && l.n + gone.n != SNAPSHOTS)
        rc = err_set(E_INTERNAL, "%zu snapshots", l.n + gone.n);
    for (size_t i = 0; i < l.n && rc == 0; i++) {
        bool live = !l.item[i].superseded && !l.item[i].manifest.m.complete;

        (void)snprintf(out[place(&l.item[i])], 24, "%s",
                       live ? "came to life" : "there");
    }
    for (size_t i = 0; i < gone.n && rc == 0; i++)
        (void)snprintf(out[place(&gone.item[i])], 24, "gone");
    snapshot_list_release(&l);
    snapshot_list_release(&gone);
    return rc;
}

/* All in one. */
static int see_all(struct repo *r, struct record_seen *out)
{
    char of[SNAPSHOTS][24] = {{0}};
    int rc = see_each(r, of);
    size_t n = 0;

    for (size_t i = 0; i < SNAPSHOTS; i++)
        n += (size_t)snprintf(out->of[0] + n, RECORD_LOOP_TEXT - n, "%s ",
                              of[i]);
    return rc;
}

/* One by one, as records of one id each tell of them. */
static int see_parts(struct repo *r, struct record_seen *out)
{
    static const size_t part[] = {CHECKPOINT, FIRST, SECOND};
    char of[SNAPSHOTS][24] = {{0}};
    int rc = see_each(r, of);

    if (rc == 0 &&
        (strcmp(of[THIRD], "there") != 0 || strcmp(of[FOURTH], "there") != 0))
        rc = err_set(E_INTERNAL, "one went that was to stay");
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++)
        (void)snprintf(out->of[i], RECORD_LOOP_TEXT, "%s", of[part[i]]);
    return rc;
}

/* --- the tests --- */

static int setup(void **state)
{
    (void)state;
    fault_kit_make_small(&kit);
    fault_kit_must(&kit, run_back_up, NULL, "backing up");
    fault_kit_must(&kit, run_checkpoint, NULL, "leaving a checkpoint");
    for (int i = SECOND; i < SNAPSHOTS; i++)
        fault_kit_must(&kit, run_back_up, NULL, "backing up");
    fault_kit_keep(&kit);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fault_kit_remove(&kit);
    return 0;
}

static void test_forget_fault__one_record(void **state)
{
    size_t batch = 0;
    struct record_loop l = {.kit = &kit,
                            .name = "forget",
                            .parts = 1,
                            .change = run_forget,
                            .ctx = &batch,
                            .see = see_all};

    (void)state;
    record_loop_run(&l, 0);
}

static void test_forget_fault__several_records(void **state)
{
    size_t batch = 1;
    struct record_loop l = {.kit = &kit,
                            .name = "forget in pieces",
                            .parts = 3,
                            .change = run_forget,
                            .ctx = &batch,
                            .see = see_parts};

    (void)state;
    record_loop_run(&l, 1);
}

/* The last: it leaves the kit with forgotten snapshots. */
static void test_forget_fault__unforget(void **state)
{
    size_t batch = 0;
    struct record_loop l = {.kit = &kit,
                            .name = "unforget",
                            .parts = 1,
                            .change = run_unforget,
                            .see = see_all};

    (void)state;
    fault_kit_reset(&kit);
    fault_kit_must(&kit, run_forget, &batch, "forgetting");
    fault_kit_keep(&kit);
    record_loop_run(&l, 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forget_fault__one_record),
        cmocka_unit_test(test_forget_fault__several_records),
        cmocka_unit_test(test_forget_fault__unforget),
    };

    fault_kit_args(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
