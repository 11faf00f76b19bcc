#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/label_change.h"
#include "tests/repo/repo_fixture.h"

struct world {
    struct repo_fixture f;
    struct repo *r;
    struct snapshot_list l;
};

static void world_make(struct world *x)
{
    struct object_id id;

    *x = (struct world){.r = NULL};
    repo_fixture_make(&x->f);
    assert_int_equal(repo_fixture_backup(&x->f, "a", 1, &id), 0);
    assert_int_equal(repo_fixture_repo(&x->f, "a", &x->r), 0);
    assert_int_equal(snapshot_list_load(x->r->index, &x->r->state, &x->l), 0);
    assert_int_equal(x->l.n, 1);
}

static void world_end(struct world *x)
{
    snapshot_list_release(&x->l);
    repo_close(x->r);
    repo_fixture_close(&x->f);
}

/* The tags that the log names, with spaces between; "-": it names none. */
static const char *tags_of(const struct world *x)
{
    static char out[400];
    struct record_strings l;
    struct bytes t;
    size_t n = 0;

    if (!state_label_tags(&x->r->state.labels, &x->l.item[0].id, &l))
        return "-";
    while (record_string_next(&l, &t)) {
        assert_true(n + t.n + 1 < sizeof out);
        if (n)
            out[n++] = ' ';
        memcpy(out + n, t.p, t.n);
        n += t.n;
    }
    out[n] = 0;
    return out;
}

static bool change(struct world *x, bool set, const char *add,
                   const char *remove)
{
    struct bytes a = bytes_of_str(add ? add : "");
    struct bytes b = bytes_of_str(remove ? remove : "");
    struct label_change_tags c = {.set = set,
                                  .add = &a,
                                  .add_n = add != NULL,
                                  .remove = &b,
                                  .remove_n = remove != NULL};
    bool changed;

    assert_int_equal(label_change_tag(x->r, &x->l.item[0], &c, &changed), 0);
    return changed;
}

static void test_label_change__tags(void **state)
{
    uint64_t tip;
    struct world x;

    (void)state;
    world_make(&x);
    assert_string_equal(tags_of(&x), "-");
    tip = x.r->state.tip.number;
    assert_false(change(&x, false, NULL, "none")); /* nothing to say */
    assert_int_equal(x.r->state.tip.number, tip);
    assert_true(change(&x, false, "a", NULL));
    assert_true(change(&x, false, "b", NULL));
    assert_false(change(&x, false, "a", NULL));
    assert_string_equal(tags_of(&x), "a b");
    assert_true(change(&x, false, "c", "a"));
    assert_string_equal(tags_of(&x), "b c");
    assert_true(change(&x, true, "z", NULL));
    assert_string_equal(tags_of(&x), "z");
    assert_true(change(&x, true, NULL, NULL));
    assert_string_equal(tags_of(&x), "");
    assert_false(change(&x, true, NULL, NULL));
    world_end(&x);
}

/* Two at once: what the other one said is not lost. */
struct rival {
    struct world *x;
    bool done;
};

static int other_first(void *ctx, enum memory_point point, enum memory_op op,
                       const char *name)
{
    struct rival *v = ctx;
    struct bytes tag = bytes_of_str("theirs");
    struct label_change_tags c = {.add = &tag, .add_n = 1};
    struct repo *r = NULL;
    bool changed;

    if (v->done || point != MEMORY_BEFORE || op != MEMORY_COMMIT ||
        strncmp(name, "log/", 4) != 0)
        return 0;
    v->done = true;
    assert_int_equal(repo_fixture_repo(&v->x->f, NULL, &r), 0);
    assert_int_equal(label_change_tag(r, &v->x->l.item[0], &c, &changed), 0);
    repo_close(r);
    return 0;
}

static void test_label_change__of_two_at_once_both_count(void **state)
{
    struct world x;
    struct rival v = {&x, false};

    (void)state;
    world_make(&x);
    memory_set_hook(x.f.store, other_first, &v);
    assert_true(change(&x, false, "ours", NULL));
    memory_set_hook(x.f.store, NULL, NULL);
    assert_true(v.done);
    assert_string_equal(tags_of(&x), "theirs ours");
    world_end(&x);
}

static void test_label_change__protection(void **state)
{
    struct object_id *id;
    bool changed;
    struct world x;

    (void)state;
    world_make(&x);
    id = &x.l.item[0].id;
    assert_int_equal(label_change_protect(x.r, id, LABEL_CHANGE_OFF,
                                          bytes_of(NULL, 0), &changed),
                     0);
    assert_false(changed);
    assert_int_equal(
        label_change_protect(x.r, id, 0, bytes_of_str("why"), &changed), 0);
    assert_true(changed);
    assert_int_equal(
        label_change_protect(x.r, id, 0, bytes_of_str("why"), &changed), 0);
    assert_false(changed);
    assert_true(state_label_protects(&x.r->state.labels, id, INT64_MAX));
    assert_int_equal(
        label_change_protect(x.r, id, 500, bytes_of(NULL, 0), &changed), 0);
    assert_true(changed);
    assert_false(state_label_protects(&x.r->state.labels, id, 500));
    world_end(&x);
}

static void test_label_change__what_is_a_tag(void **state)
{
    char longest[RECORD_TAG_MAX + 1];

    (void)state;
    memset(longest, 'x', sizeof longest);
    assert_true(label_change_tag_ok(bytes_of(longest, RECORD_TAG_MAX)));
    assert_false(label_change_tag_ok(bytes_of(longest, RECORD_TAG_MAX + 1)));
    assert_false(label_change_tag_ok(bytes_of(NULL, 0)));
    assert_false(label_change_tag_ok(bytes_of_str("a b")));
    assert_false(label_change_tag_ok(bytes_of_str("a,b")));
    assert_false(label_change_tag_ok(bytes_of_str("a\n")));
    assert_true(label_change_tag_ok(bytes_of_str("vor-dem-Umzug.2026")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label_change__tags),
        cmocka_unit_test(test_label_change__of_two_at_once_both_count),
        cmocka_unit_test(test_label_change__protection),
        cmocka_unit_test(test_label_change__what_is_a_tag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
