/* The directories above the snapshots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fuse/top.h"
#include "repo/state.h"

enum { ITEMS = 12 };

struct world {
    struct snapshot_item item[ITEMS];
    struct snapshot_list list;
    struct state state;
    struct top *top;
};

/* 2026-11-20T02:00:03 where it was made, an hour east of Greenwich. */
#define WHEN INT64_C(1795136403)

static void world_add(struct world *w, const char *series, int64_t when,
                      bool complete)
{
    struct snapshot_item *it = &w->item[w->list.n++];
    struct manifest *m = &it->manifest.m;

    it->id.b[0] = (uint8_t)(0xa0 + w->list.n);
    m->series = bytes_of_str(series);
    m->begin = (struct entry_time){when, 5};
    m->utc_offset = 3600;
    m->complete = complete;
    m->root = bytes_of_str("root");
}

static void world_init(struct world *w)
{
    static const struct member_id founder = {{1}};

    *w = (struct world){.list = {.n = 0}};
    w->list.item = w->item;
    assert_int_equal(state_init(&w->state, &founder), 0);
    w->top = top_new();
    assert_non_null(w->top);
}

static bool world_show(struct world *w, bool all)
{
    bool changed;

    assert_int_equal(top_update(w->top, &w->list, &w->state, all, &changed), 0);
    return changed;
}

static void world_release(struct world *w)
{
    top_free(w->top);
    state_release(&w->state);
}

/* All names in a directory, in order, each found again by its name. */
static const char *names(struct world *w, enum top_kind kind, uint32_t arg)
{
    static char text[1024];
    struct top_child c, again;
    uint64_t from = 0;

    text[0] = 0;
    while (top_next(w->top, kind, arg, from, &c)) {
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s ",
                       c.name);
        assert_true(top_named(w->top, kind, arg, c.name, &again));
        assert_int_equal(again.key, c.key);
        assert_int_equal(again.arg, c.arg);
        from = c.next;
    }
    return text;
}

static void test_top__leads_to_snapshots(void **state)
{
    struct top_child c;
    struct world w;

    (void)state;
    world_init(&w);
    world_add(&w, "web", WHEN, true);
    world_add(&w, "web", WHEN + 86400, true);
    world_add(&w, "db", WHEN, true);
    world_add(&w, "db", WHEN, true);           /* the same second */
    world_add(&w, "web", WHEN + 90000, false); /* a checkpoint */
    assert_true(world_show(&w, false));
    assert_false(world_show(&w, false));
    assert_string_equal(names(&w, TOP_ROOT, 0),
                        "by-id by-series by-date by-tag .versions latest ");
    assert_string_equal(names(&w, TOP_BY_SERIES, 0), "web db ");
    assert_string_equal(names(&w, TOP_SERIES, 0),
                        "2026-11-20T02:00:03 2026-11-21T02:00:03 latest ");
    assert_string_equal(names(&w, TOP_SERIES, 1),
                        "2026-11-20T02:00:03 2026-11-20T02:00:03#02 latest ");
    assert_string_equal(names(&w, TOP_BY_DATE, 0), "2026 ");
    assert_string_equal(names(&w, TOP_YEAR, 2026), "11 ");
    assert_string_equal(names(&w, TOP_MONTH, 202611), "20 21 ");
    assert_string_equal(names(&w, TOP_DAY, 20261120),
                        "02:00:03_web 02:00:03_db 02:00:03_db#02 ");
    assert_string_equal(names(&w, TOP_BY_ID, 0),
                        "a1000000 a2000000 a3000000 a4000000 ");
    /* as versions they have a name that is no other's */
    assert_string_equal(names(&w, TOP_VERSIONS, 0),
                        "2026-11-20T02:00:03_web 2026-11-21T02:00:03_web "
                        "2026-11-20T02:00:03_db 2026-11-20T02:00:03_db#02 ");
    assert_true(top_named(w.top, TOP_ROOT, 0, "latest", &c));
    assert_int_equal(c.arg, 1);
    assert_int_equal(c.kind, TOP_SNAPSHOT);
    assert_false(top_named(w.top, TOP_SERIES, 1, "2026-11-21T02:00:03", &c));
    assert_false(top_named(w.top, TOP_VERSIONS, 0, "2026-11-20T02:00:03", &c));
    assert_false(
        top_named(w.top, TOP_VERSIONS, 0, "2026-11-21T02:00:03_db", &c));
    /* all of them */
    assert_true(world_show(&w, true));
    assert_string_equal(names(&w, TOP_MONTH, 202611), "20 21 ");
    assert_true(top_named(w.top, TOP_SERIES, 0, "2026-11-21T03:00:03", &c));
    assert_true(top_named(w.top, TOP_ROOT, 0, "latest", &c));
    assert_int_equal(c.arg, 1); /* complete ones only */
    world_release(&w);
}

/* In one second: in the order of the list, the same in each mount, and `ls`
 * shows it; a name that is there does not change. */
static void test_top__of_one_second(void **state)
{
    static const char eleven[] =
        "2026-11-20T02:00:03 2026-11-20T02:00:03#02 "
        "2026-11-20T02:00:03#03 2026-11-20T02:00:03#04 "
        "2026-11-20T02:00:03#05 2026-11-20T02:00:03#06 "
        "2026-11-20T02:00:03#07 2026-11-20T02:00:03#08 "
        "2026-11-20T02:00:03#09 2026-11-20T02:00:03#10 "
        "2026-11-20T02:00:03#11 latest ";
    struct top_child c, last = {.name = ""};
    struct world w;

    (void)state;
    world_init(&w);
    for (int i = 0; i < 11; i++)
        world_add(&w, "a", WHEN, true);
    (void)world_show(&w, false);
    assert_string_equal(names(&w, TOP_SERIES, 0), eleven);
    (void)names(&w, TOP_VERSIONS, 0);
    for (uint64_t from = 0; top_next(w.top, TOP_VERSIONS, 0, from, &c);
         last = c) {
        assert_true(strcmp(last.name, c.name) < 0);
        assert_int_equal(strncmp(c.name, "2026-11-20T02:00:03_a", 21), 0);
        from = c.next;
    }
    assert_false(
        top_named(w.top, TOP_VERSIONS, 0, "2026-11-20T02:00:03_a#12", &c));
    /* one that goes leaves the names of the others, and comes back */
    w.item[0].damaged = true;
    (void)world_show(&w, false);
    assert_false(top_named(w.top, TOP_SERIES, 0, "2026-11-20T02:00:03", &c));
    assert_true(top_named(w.top, TOP_SERIES, 0, "2026-11-20T02:00:03#02", &c));
    assert_int_equal(c.arg, 1);
    w.item[0].damaged = false;
    (void)world_show(&w, false);
    assert_string_equal(names(&w, TOP_SERIES, 0), eleven);
    world_release(&w);
}

/* Those that are forgotten go, and keep their number; they may come back. */
static void test_top__follows(void **state)
{
    struct top_child c;
    struct world w;
    uint64_t edition;

    (void)state;
    world_init(&w);
    world_add(&w, "a", WHEN, true);
    world_add(&w, "b", WHEN + 5, true);
    (void)world_show(&w, false);
    edition = top_edition(w.top);
    assert_false(world_show(&w, false));
    assert_int_equal(top_edition(w.top), edition);
    w.list.n = 1;
    assert_true(world_show(&w, false));
    assert_int_not_equal(top_edition(w.top), edition);
    assert_string_equal(names(&w, TOP_BY_SERIES, 0), "a ");
    assert_true(top_named(w.top, TOP_ROOT, 0, "latest", &c));
    assert_int_equal(c.arg, 0);
    assert_true(top_snap(w.top, 1)->gone);
    w.list.n = 2;
    assert_true(world_show(&w, false));
    assert_string_equal(names(&w, TOP_BY_SERIES, 0), "a b ");
    assert_false(top_snap(w.top, 1)->gone);
    assert_int_equal(top_snap_n(w.top), 2);
    w.list.n = 0;
    assert_true(world_show(&w, false));
    assert_string_equal(names(&w, TOP_ROOT, 0),
                        "by-id by-series by-date by-tag .versions ");
    assert_string_equal(names(&w, TOP_BY_ID, 0), "");
    world_release(&w);
}

/* A listing goes on behind what it gave, while others come and go: each that
 * stays is given once. */
static void test_top__listed_while_others_come(void **state)
{
    static const enum top_kind kinds[] = {TOP_ROOT, TOP_SERIES, TOP_BY_ID};

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (unsigned when = 0; when < 8; when++) {
            struct top_child c = {.next = 0};
            unsigned latest = 0, n = 0;
            struct world w;

            world_init(&w);
            world_add(&w, "a", WHEN, true);
            world_add(&w, "a", WHEN + 1, true);
            (void)world_show(&w, false);
            for (unsigned i = 0; i == 0 || n == i; i++) {
                if (i == when)
                    world_add(&w, "a", WHEN + 2, true);
                (void)world_show(&w, false);
                if (!top_next(w.top, kinds[k], 0, c.next, &c))
                    break;
                n++;
                latest += strcmp(c.name, "latest") == 0;
            }
            assert_int_equal(latest, kinds[k] != TOP_BY_ID);
            assert_in_range(n, kinds[k] == TOP_ROOT ? 6 : 2,
                            kinds[k] == TOP_ROOT ? 6 : 4);
            world_release(&w);
        }
    }
}

/* Ids that begin alike are shown longer; what cannot be shown is not. */
static void test_top__odd_ones(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    world_add(&w, "a", WHEN, true);
    world_add(&w, "a", WHEN + 1, true);
    memcpy(w.item[1].id.b, w.item[0].id.b, 6);
    w.item[1].id.b[6] = 9;
    world_add(&w, "a", INT64_MAX, true);
    world_add(&w, "a", INT64_MIN, true);
    world_add(&w, "hidden", WHEN, true);
    w.item[4].damaged = true;
    world_add(&w, "hidden", WHEN, true);
    w.item[5].sealed = true;
    (void)world_show(&w, true);
    assert_string_equal(names(&w, TOP_BY_ID, 0),
                        "a1000000 a1000000000009 a3000000 a4000000 ");
    assert_string_equal(names(&w, TOP_BY_DATE, 0), "0001 2026 9999 ");
    assert_string_equal(names(&w, TOP_BY_SERIES, 0), "a ");
    world_release(&w);
}

/* What is known of a snapshot stays when no more than its name is told. */
static void test_top__is_told_in_brief(void **state)
{
    struct bytes tag = bytes_of_str("kept");
    struct manifest *m;
    struct world w;

    (void)state;
    world_init(&w);
    world_add(&w, "web", WHEN, true);
    m = &w.item[0].manifest.m;
    m->tags = &tag;
    m->tag_n = 1;
    assert_false(top_knows(w.top, &w.item[0].id));
    assert_true(world_show(&w, false));
    assert_true(top_knows(w.top, &w.item[0].id));
    m->tag_n = 0;
    m->root = bytes_of(NULL, 0);
    assert_false(world_show(&w, false));
    assert_string_equal(names(&w, TOP_BY_TAG, 0), "kept ");
    assert_true(bytes_equal(top_snap(w.top, 0)->root, bytes_of_str("root")));
    m->root = bytes_of_str("root");
    assert_true(world_show(&w, false));
    assert_string_equal(names(&w, TOP_BY_TAG, 0), "");
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_top__leads_to_snapshots),
        cmocka_unit_test(test_top__of_one_second),
        cmocka_unit_test(test_top__follows),
        cmocka_unit_test(test_top__listed_while_others_come),
        cmocka_unit_test(test_top__odd_ones),
        cmocka_unit_test(test_top__is_told_in_brief),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
