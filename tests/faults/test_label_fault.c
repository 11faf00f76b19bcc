/*
 * tag and protect of several snapshots, with each k-th operation failed or
 * killed (tests/faults/record_loop.h): each snapshot has all of what is asked
 * for, or nothing. With --all each operation.
 */
#include <stdio.h>
#include <string.h>

#include "repo/label_change.h"
#include "tests/faults/record_loop.h"

enum { SNAPSHOTS = 2 };

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

static int load(struct repo *r, struct snapshot_list *l)
{
    int rc = snapshot_list_load(r->index, &r->state, l);

    if (rc == 0 && l->n != SNAPSHOTS)
        rc = err_set(E_INTERNAL, "%zu snapshots", l->n);
    return rc;
}

static void run_change(struct fault_kit *k, void *ctx)
{
    const struct change *c = ctx;
    struct snapshot_list l = {.n = 0};
    struct store *s;
    struct repo *r;
    bool changed;
    int rc = fault_kit_open(k, NULL, &s, &r);

    if (rc == 0)
        rc = load(r, &l);
    for (size_t i = 0; i < SNAPSHOTS && rc == 0; i++)
        rc = c->run(r, &l.item[i], &changed);
    snapshot_list_release(&l);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

static void see_one(const struct repo *r, const struct snapshot_item *item,
                    char out[RECORD_LOOP_TEXT])
{
    const struct state_labels *labels = &r->state.labels;
    struct record_strings tags;
    struct state_protection p = {.until = LABEL_CHANGE_OFF};
    struct bytes t;
    size_t n = 0;

    if (state_label_tags(labels, &item->id, &tags)) {
        while (record_string_next(&tags, &t))
            n += (size_t)snprintf(out + n, RECORD_LOOP_TEXT - n, "%.*s ",
                                  (int)t.n, (const char *)t.p);
    }
    (void)state_label_protection(labels, &item->id, &p);
    (void)snprintf(out + n, RECORD_LOOP_TEXT - n, "/ %ld %.*s", (long)p.until,
                   (int)p.reason.n, (const char *)p.reason.p);
}

static int see(struct repo *r, struct record_seen *out)
{
    struct snapshot_list l = {.n = 0};
    int rc = load(r, &l);

    for (size_t i = 0; i < SNAPSHOTS && rc == 0; i++)
        see_one(r, &l.item[i], out->of[i]);
    snapshot_list_release(&l);
    return rc;
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

static void each(size_t which)
{
    struct change copy = changes[which];
    struct record_loop l = {.kit = &kit,
                            .name = copy.name,
                            .parts = SNAPSHOTS,
                            .change = run_change,
                            .ctx = &copy,
                            .see = see};

    record_loop_run(&l, which);
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
