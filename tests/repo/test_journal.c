/* Writers beside writers, collectors and each other's log records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "repo/journal.h"
#include "repo/journal_list.h"
#include "repo/record_journal.h"
#include "repo/repo_log.h"
#include "repo/writer_journal.h"
#include "tests/repo/repo_fixture.h"

static void start(struct repo_fixture *f)
{
    repo_fixture_open(f);
    assert_int_equal(repo_fixture_init(f), 0);
}

/* A repository and a writer in it, with a cache of its own. */
struct run {
    struct repo *r;
    struct writer *w;
};

static struct run run_open(struct repo_fixture *f)
{
    struct run x = {.r = NULL};

    assert_int_equal(repo_fixture_repo(f, NULL, &x.r), 0);
    assert_int_equal(writer_open(x.r, bytes_of_str("a@b"), &x.w), 0);
    return x;
}

static void run_close(struct run *x)
{
    writer_free(x->w);
    repo_close(x->r);
}

/* The journal that is neither ended nor fenced. */
static struct journal find_open(const struct repo *r)
{
    struct journal_list l = {.item = NULL};
    struct journal found;
    size_t n = 0;

    memset(&found, 0, sizeof found);
    assert_int_equal(journal_list_load(r->store, &l), 0);
    for (size_t i = 0; i < l.n; i++) {
        struct journal j;

        journal_init(&j, &l.item[i].writer);
        assert_int_equal(journal_read(&j, r, NULL), 0);
        if (j.ended || j.fenced)
            continue;
        found = j;
        n++;
    }
    assert_int_equal(n, 1);
    journal_list_release(&l);
    return found;
}

static void test_journal__two_writers_at_once(void **state)
{
    struct repo_fixture f;
    struct object_id id[2];
    struct run a;
    struct run b;

    (void)state;
    start(&f);
    a = run_open(&f);
    b = run_open(&f);
    assert_int_equal(repo_fixture_publish(&f, a.w, a.r, 1), 0);
    assert_int_equal(repo_fixture_publish(&f, b.w, b.r, 2), 0);
    assert_int_equal(repo_fixture_commit(b.w, b.r, 2, &id[1]), 0);
    assert_int_equal(repo_fixture_commit(a.w, a.r, 1, &id[0]), 0);
    assert_int_equal(writer_end(a.w), 0);
    run_close(&a); /* b dies without an end */
    run_close(&b);
    assert_int_equal(repo_fixture_check(&f, id, 2), 2);
    repo_fixture_close(&f);
}

/* A fenced writer publishes nothing more; the next one needs nobody's help. */
static void test_journal__a_fenced_writer_is_stopped(void **state)
{
    struct repo_fixture f;
    struct object_id id[2];
    struct run x;
    struct repo *r = NULL;
    struct journal j;
    bool done;

    (void)state;
    start(&f);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id[0]), 0);
    x = run_open(&f);
    assert_int_equal(repo_fixture_publish(&f, x.w, x.r, 2), 0);
    assert_int_equal(repo_fixture_repo(&f, "c", &r), 0);
    j = find_open(r);
    assert_int_equal(j.generation, 0);
    assert_int_equal(journal_fence(&j, r, &done), 0);
    assert_true(done && j.fenced);
    assert_int_equal(repo_fixture_publish(&f, x.w, x.r, 3), E_FENCED);
    assert_int_equal(repo_fixture_commit(x.w, x.r, 2, &id[1]), E_FENCED);
    assert_int_equal(writer_end(x.w), E_FENCED);
    run_close(&x);
    assert_int_equal(repo_fixture_check(&f, id, 1), 1);
    assert_int_equal(repo_fixture_backup(&f, "a", 4, &id[1]), 0);
    assert_int_equal(repo_fixture_check(&f, id, 2), 2);
    repo_close(r);
    repo_fixture_close(&f);
}

/* Who is faster wins the number; the fence then has to look again. */
static void test_journal__a_writer_may_be_faster_than_its_fence(void **state)
{
    struct repo_fixture f;
    struct object_id id;
    struct run x;
    struct repo *r = NULL;
    struct journal j;
    bool done = true;
    bool more;

    (void)state;
    start(&f);
    x = run_open(&f);
    assert_int_equal(repo_fixture_repo(&f, "c", &r), 0);
    j = find_open(r);
    assert_int_equal(repo_fixture_publish(&f, x.w, x.r, 1), 0);
    assert_int_equal(journal_fence(&j, r, &done), 0);
    assert_false(done || j.fenced);
    assert_int_equal(journal_read(&j, r, &more), 0);
    assert_true(more);
    assert_int_equal(repo_fixture_commit(x.w, x.r, 1, &id), 0);
    assert_int_equal(journal_read(&j, r, &more), 0);
    assert_int_equal(journal_fence(&j, r, &done), 0);
    assert_true(done);
    run_close(&x);
    assert_int_equal(repo_fixture_check(&f, &id, 1), 1);
    repo_close(r);
    repo_fixture_close(&f);
}

/* Whoever collects must know all that a journal says: a record that cannot be
 * read, or is missing below others, is no end. */
static void test_journal__a_gap_is_no_end(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        for (uint64_t k = 0; k < 4; k++) {
            struct journal_list l = {.item = NULL};
            struct repo_fixture f;
            struct object_id id;
            struct repo *r = NULL;
            struct journal j;
            char name[RECORD_NAME_MAX];
            bool last = k == 3;

            start(&f);
            assert_int_equal(repo_fixture_backup(&f, "a", 1, &id), 0);
            assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
            assert_int_equal(journal_list_load(f.store, &l), 0);
            assert_int_equal(l.n, 1);
            assert_int_equal(l.item[0].last, 3);
            record_journal_name(&l.item[0].writer, k, name);
            if (way == 0)
                assert_int_equal(store_delete(f.store, name), 0);
            else
                assert_true(memory_damage(f.store, name, 200, 1));
            journal_init(&j, &l.item[0].writer);
            assert_int_equal(journal_read(&j, r, NULL),
                             way == 0 && last ? 0 : E_CORRUPT);
            assert_false(j.ended);
            assert_int_equal(j.tip.any, k > 0);
            if (k > 0)
                assert_int_equal(j.tip.number, k - 1);
            journal_list_release(&l);
            repo_close(r);
            repo_fixture_close(&f);
        }
    }
}

struct speaker {
    struct writer *w;
    bool done;
};

/* The writer speaks twice before anybody's list of its records. */
static int speak(void *ctx, enum memory_point point, enum memory_op op,
                 const char *name)
{
    struct speaker *x = ctx;

    if (x->done || point != MEMORY_BEFORE || op != MEMORY_LIST ||
        strncmp(name, "w/", 2) != 0)
        return 0;
    x->done = true;
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            writer_journal_put_generation(x->w, RECORD_RENEW, NULL), 0);
    return 0;
}

/* Records that came after we had asked for the first of them are no gap. */
static void test_journal__what_came_meanwhile_is_no_gap(void **state)
{
    struct repo_fixture f;
    struct speaker s = {.done = false};
    struct repo *r = NULL;
    struct journal j;
    struct run x;

    (void)state;
    start(&f);
    x = run_open(&f);
    assert_int_equal(repo_fixture_repo(&f, "c", &r), 0);
    j = find_open(r);
    assert_int_equal(j.tip.number, 0);
    s.w = x.w;
    memory_set_hook(f.store, speak, &s);
    assert_int_equal(journal_read(&j, r, NULL), 0);
    memory_set_hook(f.store, NULL, NULL);
    assert_true(s.done);
    assert_int_equal(journal_read(&j, r, NULL), 0);
    assert_int_equal(j.tip.number, 2);
    run_close(&x);
    repo_close(r);
    repo_fixture_close(&f);
}

/* A fence whose answer was lost is still a fence, by whoever finds it. */
static void test_journal__lost_answers_are_settled(void **state)
{
    struct repo_fixture f;
    struct memory_fault fault = {
        .point = MEMORY_AFTER, .n = 1, .code = E_STORE};
    struct memory_fault none = {.n = 0};
    struct run x;
    struct repo *r = NULL;
    struct journal j;
    bool done = false;

    (void)state;
    start(&f);
    x = run_open(&f);
    assert_int_equal(repo_fixture_repo(&f, "c", &r), 0);
    j = find_open(r);
    for (; !done; fault.n++) {
        int rc;

        memory_set_fault(f.store, fault);
        rc = journal_fence(&j, r, &done);
        memory_set_fault(f.store, none);
        if (done) /* the put's answer was lost, and that was noticed */
            break;
        assert_int_equal(rc, E_STORE);
        assert_true(fault.n < 10);
    }
    assert_int_equal(writer_end(x.w), E_FENCED);
    run_close(&x);
    repo_close(r);
    repo_fixture_close(&f);
}

/* --- the log --- */

/* Forgets one snapshot unless it is forgotten; other: somebody who appends
 * while this one is still computing. */
struct forget {
    struct object_id id;
    struct record_ids ids;
    struct repo *other; /* NULL: nobody */
    struct object_id other_id;
    unsigned calls;
    bool saw_other; /* the last time */
};

static int forget(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    struct forget *x = ctx;

    x->calls++;
    x->saw_other = state_is_forgotten(&r->state, &x->other_id);
    d->nothing = state_is_forgotten(&r->state, &x->id);
    d->type = RECORD_FORGET;
    d->says.ids = record_ids_of(&x->id, 1);
    if (x->other) {
        struct forget y = {.id = x->other_id};
        struct repo *other = x->other;

        x->other = NULL;
        return repo_log_append(other, forget, &y, NULL);
    }
    return 0;
}

static void test_journal__the_loser_of_a_number_computes_again(void **state)
{
    struct repo_fixture f;
    struct object_id id[2];
    struct repo *a = NULL;
    struct repo *b = NULL;
    struct forget x = {.calls = 0};
    uint64_t n = 0;

    (void)state;
    start(&f);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id[0]), 0);
    assert_int_equal(repo_fixture_backup(&f, "a", 2, &id[1]), 0);
    assert_int_equal(repo_fixture_repo(&f, "a", &a), 0);
    assert_int_equal(repo_fixture_repo(&f, "b", &b), 0);
    x.id = id[0];
    x.other = b;
    x.other_id = id[1];
    assert_int_equal(repo_log_append(a, forget, &x, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(x.calls, 2);
    assert_true(x.saw_other);
    assert_int_equal(a->state.tip.number, 2);
    assert_true(state_is_forgotten(&a->state, &id[0]));
    assert_int_equal(repo_log_append(a, forget, &x, &n), 0);
    assert_int_equal(n, 0); /* nothing to say any more */
    repo_close(a);
    repo_close(b);
    assert_int_equal(repo_fixture_check(&f, NULL, 0), 0);
    repo_fixture_close(&f);
}

/* Failing and dying at every operation of an append: the log stays whole, and
 * what was reported is there. */
static void test_journal__an_append_may_die_anywhere(void **state)
{
    (void)state;
    for (int point = MEMORY_BEFORE; point <= MEMORY_AFTER; point++)
        for (int dies = 0; dies < 2; dies++)
            for (uint64_t n = 1;; n++) {
                struct memory_fault fault = {.point = (enum memory_point)point,
                                             .n = n,
                                             .persistent = dies != 0,
                                             .code = E_STORE};
                struct memory_fault none = {.n = 0};
                struct repo_fixture f;
                struct repo *r = NULL;
                struct forget x = {.calls = 0};
                uint64_t number = 0;
                int rc;

                start(&f);
                assert_int_equal(repo_fixture_backup(&f, "a", 1, &x.id), 0);
                assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
                memory_set_fault(f.store, fault);
                rc = repo_log_append(r, forget, &x, &number);
                memory_set_fault(f.store, none);
                memory_power_cut(f.store, n % 3);
                repo_close(r);
                assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
                if (rc == 0)
                    assert_true(state_is_forgotten(&r->state, &x.id));
                assert_int_equal(repo_log_append(r, forget, &x, &number), 0);
                assert_true(state_is_forgotten(&r->state, &x.id));
                repo_close(r);
                repo_fixture_close(&f);
                if (rc == 0 && n > 12)
                    break;
                assert_true(n < 100);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_journal__two_writers_at_once),
        cmocka_unit_test(test_journal__a_fenced_writer_is_stopped),
        cmocka_unit_test(test_journal__a_writer_may_be_faster_than_its_fence),
        cmocka_unit_test(test_journal__a_gap_is_no_end),
        cmocka_unit_test(test_journal__what_came_meanwhile_is_no_gap),
        cmocka_unit_test(test_journal__lost_answers_are_settled),
        cmocka_unit_test(test_journal__the_loser_of_a_number_computes_again),
        cmocka_unit_test(test_journal__an_append_may_die_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
