/* What a reader holds, and what a collection makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "repo/collect.h"
#include "repo/forget.h"
#include "repo/unforget.h"
#include "repo/writer.h"
#include "tests/repo/check_kit.h"

static void collect(struct repo *r, int64_t silence, struct collect_done *done)
{
    struct collect_options o = {.silence_ns = silence,
                                .repack = {.unused_percent = 5,
                                           .unused_bytes = UINT64_MAX,
                                           .rewritten_bytes = UINT64_MAX}};

    if (collect_run(r, &o, done) < 0)
        fail_msg("collect: %s", err_text());
}

static void forget(struct repo *r, const struct object_id *id, size_t n)
{
    struct forget_ask ask = {.id = id, .id_n = n, .force = true, .drop = true};
    struct forget_plan p = {.n = 0};

    assert_int_equal(forget_run(r, &ask, &p), 0);
    forget_plan_release(&p);
}

/* What goes well stands there. */
static int hold(struct writer *w, const struct object_id *id, size_t n)
{
    bool put;
    int rc = writer_pin(w, id, n, &put);

    if (rc == 0)
        assert_true(put);
    return rc;
}

/* Three snapshots that have nothing in common. */
static struct check_kit *apart(void)
{
    struct check_kit *k = check_kit_bare();

    assert_true(
        scratch_run("mkdir -p '%s/a' && seq 9000 >'%s/a/f'", k->tree, k->tree));
    assert_int_equal(check_kit_backup(k, &k->snapshot[0]), 0);
    assert_true(scratch_run("rm -r '%s/a' && mkdir '%s/b' && seq 9 >'%s/b/g'",
                            k->tree, k->tree, k->tree));
    assert_int_equal(check_kit_backup(k, &k->snapshot[1]), 0);
    assert_true(scratch_run("rm -r '%s/b' && mkdir '%s/c' && seq 99 >'%s/c/h'",
                            k->tree, k->tree, k->tree));
    assert_int_equal(check_kit_backup(k, &k->snapshot[2]), 0);
    return k;
}

static struct writer *reader(struct repo *r)
{
    struct writer *w = NULL;

    assert_int_equal(writer_open(r, bytes_of(NULL, 0), &w), 0);
    return w;
}

/* Forgotten afterwards, it stays whole, and nobody waits for who holds it. */
static void test_writer_pin__holds(void **state)
{
    struct check_kit *k = check_kit_open();
    struct check_options all = {.read_data = true};
    struct repo *r = check_kit_repo(k);
    struct repo *other = check_kit_repo(k);
    struct writer *w = reader(other);
    struct collect_done done;
    bool changed;

    (void)state;
    assert_int_equal(hold(w, k->snapshot, 2), 0);
    assert_false(state_is_forgotten(&other->state, &k->snapshot[0]));
    forget(r, k->snapshot, 2);
    collect(r, INT64_MAX, &done);
    assert_int_equal(done.waiting, 0);
    collect(r, INT64_MAX, &done);
    assert_int_equal(done.fenced, 0);
    /* all of it is there: it can come back */
    assert_int_equal(unforget(r, k->snapshot, 2, NULL, &changed), 0);
    assert_true(changed);
    if (check_kit_run(k, r, &all) < 0)
        fail_msg("[%s] %s", k->hit[0].object, k->hit[0].text);
    /* given up, it goes */
    forget(r, k->snapshot, 2);
    assert_int_equal(writer_end(w), 0);
    collect(r, INT64_MAX, &done);
    assert_true(done.deleted.n > 0);
    assert_int_equal(unforget(r, k->snapshot, 2, NULL, &changed), E_REFUSED);
    writer_free(w);
    repo_close(other);
    repo_close(r);
    check_kit_close(k);
}

/* While other garbage goes, and other writers are waited for. */
static void test_writer_pin__holds_no_others(void **state)
{
    struct check_kit *k = apart();
    struct repo *r = check_kit_repo(k);
    struct repo *other = check_kit_repo(k);
    struct repo *third = check_kit_repo(k);
    struct writer *w = reader(other), *writes = NULL;
    struct collect_done done;
    bool changed;

    (void)state;
    assert_int_equal(hold(w, k->snapshot, 1), 0);
    forget(r, k->snapshot, 2);
    writes = reader(third);
    collect(r, INT64_MAX, &done);
    assert_int_equal(done.waiting, 1);
    assert_int_equal(writer_end(writes), 0);
    collect(r, INT64_MAX, &done);
    assert_int_equal(done.waiting, 0);
    assert_true(done.deleted.n > 0);
    assert_int_equal(unforget(r, &k->snapshot[1], 1, NULL, &changed),
                     E_REFUSED);
    assert_int_equal(unforget(r, &k->snapshot[0], 1, NULL, &changed), 0);
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
    writer_free(writes);
    repo_close(other);
    repo_close(third);
    repo_close(r);
    check_kit_close(k);
}

/* After the doom it holds nothing: who put it sees that, and a collection is
 * not misled (P2). */
static void test_writer_pin__too_late(void **state)
{
    struct check_kit *k = apart();
    struct repo *r = check_kit_repo(k);
    struct repo *other = check_kit_repo(k);
    struct collect_done done;
    struct writer *w;

    (void)state;
    forget(r, k->snapshot, 1);
    collect(r, INT64_MAX, &done);
    assert_true(done.deleted.n > 0);
    w = reader(other);
    assert_int_equal(hold(w, k->snapshot, 1), 0);
    assert_true(state_is_forgotten(&other->state, &k->snapshot[0]));
    collect(r, INT64_MAX, &done);
    collect(r, INT64_MAX, &done);
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
    repo_close(other);
    repo_close(r);
    check_kit_close(k);
}

/* One that is silent is ended, and learns it. */
static void test_writer_pin__is_fenced(void **state)
{
    struct check_kit *k = apart();
    struct repo *r = check_kit_repo(k);
    struct repo *other = check_kit_repo(k);
    struct writer *w = reader(other);
    struct collect_done done;

    (void)state;
    assert_int_equal(hold(w, k->snapshot, 1), 0);
    forget(r, k->snapshot, 1);
    collect(r, INT64_MAX, &done);
    assert_int_equal(done.fenced, 0);
    assert_int_equal(done.deleted.n, 0);
    collect(r, 1, &done);
    assert_int_equal(done.fenced, 1);
    assert_true(done.deleted.n > 0);
    assert_int_equal(hold(w, k->snapshot, 1), E_FENCED);
    writer_free(w);
    repo_close(other);
    repo_close(r);
    check_kit_close(k);
}

/* Journals cannot be listed, for a reason that is none of the store's: the
 * index stays as it is. */
static int stuck(void *ctx, enum memory_point point, enum memory_op op,
                 const char *name)
{
    (void)ctx;
    (void)name;
    return point == MEMORY_BEFORE && op == MEMORY_LIST
               ? err_set(E_NOSPACE, "the cache is full")
               : 0;
}

/* The index cannot be brought up to date: what is pinned is held all the same,
 * and whoever could not begin to write is in nobody's way. */
static void test_writer_pin__without_an_index(void **state)
{
    struct check_kit *k = apart();
    struct repo *r = check_kit_repo(k);
    struct repo *other = check_kit_repo(k);
    struct repo *third = check_kit_repo(k);
    struct writer *w = NULL, *none = NULL;
    struct collect_done done;
    bool changed, put;

    (void)state;
    memory_set_hook(k->store, stuck, NULL);
    assert_int_equal(writer_open(third, bytes_of(NULL, 0), &none), E_NOSPACE);
    assert_null(none);
    assert_int_equal(writer_open_to_pin(other, &w), 0);
    assert_int_equal(writer_pin(w, k->snapshot, 1, &put), E_NOSPACE);
    assert_true(put);
    memory_set_hook(k->store, NULL, NULL);
    forget(r, k->snapshot, 2);
    collect(r, INT64_MAX, &done);
    assert_int_equal(done.waiting, 0);
    assert_true(done.deleted.n > 0);
    assert_int_equal(unforget(r, &k->snapshot[1], 1, NULL, &changed),
                     E_REFUSED);
    assert_int_equal(unforget(r, k->snapshot, 1, NULL, &changed), 0);
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
    repo_close(other);
    repo_close(third);
    repo_close(r);
    check_kit_close(k);
}

/*
 * A reader that moves its pin to another journal while a collector looks at the
 * journals, in two steps: behind the collector's passage number `open` it
 * begins the new one, behind number `pin` it pins there and ends the old one.
 * Then it starts again, a few times.
 */
struct move {
    struct repo *r;
    struct writer *w;
    struct writer *fresh; /* begun; NULL: not yet */
    const struct object_id *id;
    unsigned open, pin;
    unsigned n; /* passages since the last move */
    unsigned moves;
    bool inside;
};

static int move_pin(void *ctx, enum memory_point point, enum memory_op op,
                    const char *name)
{
    struct move *x = ctx;

    if (x->inside || x->moves == 40 || point != MEMORY_AFTER ||
        name[0] != 'w' || (op != MEMORY_LIST && op != MEMORY_GET))
        return 0;
    x->inside = true;
    if (x->n == x->open)
        x->fresh = reader(x->r);
    if (x->n == x->pin) {
        assert_int_equal(hold(x->fresh, x->id, 1), 0);
        assert_int_equal(writer_end(x->w), 0);
        writer_free(x->w);
        x->w = x->fresh;
        x->fresh = NULL;
        x->moves++;
        x->n = 0;
    } else {
        x->n++;
    }
    x->inside = false;
    return 0;
}

/* Whether there were so many passages. */
static bool moves_at(unsigned open, unsigned pin)
{
    struct check_kit *k = apart();
    struct repo *r = check_kit_repo(k);
    struct move x = {
        .r = check_kit_repo(k), .id = k->snapshot, .open = open, .pin = pin};
    struct collect_done done;
    bool changed;

    x.w = reader(x.r);
    assert_int_equal(hold(x.w, k->snapshot, 1), 0);
    forget(r, k->snapshot, 2); /* the other one gives it work */
    memory_set_hook(k->store, move_pin, &x);
    collect(r, INT64_MAX, &done);
    memory_set_hook(k->store, NULL, NULL);
    collect(r, INT64_MAX, &done);
    collect(r, INT64_MAX, &done);
    if (unforget(r, k->snapshot, 1, NULL, &changed) < 0)
        fail_msg("begun at passage %u, moved at %u: %s", open, pin, err_text());
    if (x.fresh)
        assert_int_equal(writer_end(x.fresh), 0);
    writer_free(x.fresh);
    assert_int_equal(writer_end(x.w), 0);
    writer_free(x.w);
    repo_close(x.r);
    repo_close(r);
    check_kit_close(k);
    return x.moves > 0;
}

/* Begun early, it is moved at each passage; begun late, at once. */
static void test_writer_pin__moves(void **state)
{
    bool opened = true;
    unsigned open, pin = 0;

    (void)state;
    for (open = 0; opened; open++) {
        bool moved = true;

        for (pin = open; moved && (pin == open || open < 2); pin++)
            moved = moves_at(open, pin);
        opened = moved || pin > open + 1;
    }
    assert_in_range(open, 10, 100);
}

/* Pins under a fault of the store. What writer_pin() said, or writer_open(). */
static int pin_under(struct check_kit *k, struct repo *other,
                     struct memory_fault fault, struct writer **w)
{
    int rc;

    memory_set_fault(k->store, fault);
    rc = writer_open(other, bytes_of(NULL, 0), w);
    if (rc == 0)
        rc = hold(*w, k->snapshot, 1);
    return rc;
}

/* Whatever fails while a pin is put: who is told that it holds has it, and who
 * is told otherwise stands in nobody's way, once its writer has ended. */
static void test_writer_pin__each_operation_fails(void **state)
{
    static const enum memory_point points[] = {MEMORY_BEFORE, MEMORY_VISIBLE,
                                               MEMORY_AFTER};
    const struct memory_fault none = {.n = 0};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof points / sizeof points[0]; i++) {
        struct memory_fault fault = {
            .point = points[i / 2], .persistent = i % 2, .code = E_STORE};
        bool met = true;
        unsigned held = 0, failed = 0;

        for (fault.n = 1; met; fault.n++) {
            struct check_kit *k = apart();
            struct repo *r = check_kit_repo(k), *other = check_kit_repo(k);
            struct collect_done done;
            struct writer *w = NULL;
            bool changed;
            int rc = pin_under(k, other, fault, &w);

            met = memory_passages(k->store) >= fault.n;
            memory_set_fault(k->store, none);
            forget(r, k->snapshot, 2);
            if (rc < 0 && w)
                err_ignore(writer_end(w), "it may have been lost");
            collect(r, INT64_MAX, &done);
            collect(r, rc == 0 ? INT64_MAX : 1, &done);
            collect(r, INT64_MAX, &done);
            changed = false;
            if (rc == 0) {
                held++;
                assert_int_equal(unforget(r, k->snapshot, 1, NULL, &changed),
                                 0);
                assert_true(changed);
                assert_int_equal(writer_end(w), 0);
            } else {
                failed++;
                assert_int_equal(rc, E_STORE);
                assert_int_equal(unforget(r, k->snapshot, 1, NULL, &changed),
                                 E_REFUSED);
            }
            assert_int_equal(unforget(r, &k->snapshot[1], 1, NULL, &changed),
                             E_REFUSED);
            writer_free(w);
            repo_close(other);
            repo_close(r);
            check_kit_close(k);
        }
        assert_true(held > 0);
        assert_true(failed > 0 || points[i / 2] == MEMORY_VISIBLE);
        assert_in_range(fault.n, 2, 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer_pin__holds),
        cmocka_unit_test(test_writer_pin__holds_no_others),
        cmocka_unit_test(test_writer_pin__too_late),
        cmocka_unit_test(test_writer_pin__is_fenced),
        cmocka_unit_test(test_writer_pin__without_an_index),
        cmocka_unit_test(test_writer_pin__moves),
        cmocka_unit_test(test_writer_pin__each_operation_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
