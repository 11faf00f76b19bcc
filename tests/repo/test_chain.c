/* Numbered records: who has a number, who follows whom, and what became of a
 * put whose answer was lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/chain.h"
#include "repo/record_log.h"
#include "tests/repo/pack_fixture.h"

struct bench {
    struct pack_fixture f;
    struct chain log;
    struct chain journal;
};

static void bench_open(struct bench *b)
{
    pack_fixture_open(&b->f);
    b->log = (struct chain){
        .store = b->f.store, .keys = b->f.keys, .kind = ENVELOPE_LOG};
    b->journal = b->log;
    b->journal.kind = ENVELOPE_JOURNAL;
    memset(b->journal.writer.b, 3, sizeof b->journal.writer.b);
}

static bool put(const struct chain *c, struct chain_tip *tip, const char *body)
{
    bool mine = false;

    assert_int_equal(
        chain_put(c, tip, RECORD_POLICY, bytes_of_str(body), &mine), 0);
    return mine;
}

/* Whether record n is there with that body, behind tip. */
static bool follows(const struct chain *c, const struct chain_tip *tip,
                    uint64_t n, const char *body)
{
    struct chain_record r = {.signer = {{0}}};
    bool found;
    int rc;

    assert_int_equal(chain_get(c, n, &r, &found), 0);
    assert_true(found);
    assert_int_equal(r.record.number, n);
    assert_true(bytes_equal(r.record.body, bytes_of_str(body)));
    rc = chain_follows(c, tip, &r);
    chain_record_release(&r);
    assert_true(rc == 0 || rc == E_CORRUPT);
    return rc == 0;
}

static void test_chain__records_follow_each_other(void **state)
{
    struct chain_tip none = {.any = false};
    struct chain_tip first;
    struct chain_tip tip = none;
    struct chain_record r = {.signer = {{0}}};
    struct bench b;
    bool found;

    (void)state;
    bench_open(&b);
    assert_int_equal(chain_get(&b.log, 0, &r, &found), 0);
    assert_false(found);
    assert_true(put(&b.log, &tip, "zero"));
    assert_true(tip.any);
    assert_int_equal(tip.number, 0);
    first = tip;
    assert_true(put(&b.log, &tip, "one"));
    assert_int_equal(tip.number, 1);
    assert_true(put(&b.journal, &none, "of a journal"));
    none.any = false;
    assert_true(follows(&b.log, &none, 0, "zero"));
    assert_true(follows(&b.log, &first, 1, "one"));
    assert_false(follows(&b.log, &none, 1, "one"));
    assert_false(follows(&b.log, &first, 0, "zero"));
    assert_false(follows(&b.log, &tip, 1, "one"));
    first.id.b[5] ^= 1; /* another history */
    assert_false(follows(&b.log, &first, 1, "one"));
    assert_non_null(strstr(err_text(), "forked"));
    first.number = 7;
    assert_false(follows(&b.log, &first, 1, "one"));
    pack_fixture_close(&b.f);
}

/* Two want a number: one has it, the other is told, and its tip stays. */
static void test_chain__a_number_is_taken_once(void **state)
{
    struct chain_tip a = {.any = false};
    struct chain_tip c;
    struct chain_tip before;
    struct bench b;

    (void)state;
    bench_open(&b);
    assert_true(put(&b.log, &a, "zero"));
    before = c = a;
    assert_true(put(&b.log, &a, "same"));
    assert_false(
        put(&b.log, &c, "same")); /* the body says nothing: the nonce */
    assert_memory_equal(&c, &before, sizeof c);
    assert_true(follows(&b.log, &c, 1, "same"));
    assert_true(put(&b.log, &a, "two"));
    pack_fixture_close(&b.f);
}

/* Fails the n-th passage through a point of the put that follows. */
struct fault {
    enum memory_point point;
    enum memory_op op;
    unsigned n; /* that many passages fail */
};

static int fail_put(void *ctx, enum memory_point point, enum memory_op op,
                    const char *name)
{
    struct fault *x = ctx;

    (void)name;
    if (x->n == 0 || point != x->point || op != x->op)
        return 0;
    x->n--;
    return err_set(E_STORE, "answer lost");
}

static void test_chain__lost_answers_are_settled_by_reading(void **state)
{
    static const struct {
        struct fault fault;
        int rc;
        bool there;
    } t[] = {
        {{MEMORY_BEFORE, MEMORY_COMMIT, 1}, E_STORE, false},
        {{MEMORY_VISIBLE, MEMORY_COMMIT, 1}, 0, true},
        {{MEMORY_AFTER, MEMORY_COMMIT, 1}, 0, true},
        {{MEMORY_BEFORE, MEMORY_WRITER_OPEN, 1}, E_STORE, false},
        {{MEMORY_BEFORE, MEMORY_APPEND, 1}, E_STORE, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct chain_tip tip = {.any = false};
        struct chain_tip before;
        struct fault fault = t[i].fault;
        struct bench b;
        bool mine = false;

        bench_open(&b);
        assert_true(put(&b.log, &tip, "zero"));
        before = tip;
        memory_set_hook(b.f.store, fail_put, &fault);
        assert_int_equal(
            chain_put(&b.log, &tip, RECORD_POLICY, bytes_of_str("one"), &mine),
            t[i].rc);
        memory_set_hook(b.f.store, NULL, NULL);
        assert_int_equal(fault.n, 0);
        if (t[i].there) {
            assert_true(mine);
            /* durable, too: what was only visible would be gone */
            memory_power_cut(b.f.store, 0);
            assert_true(follows(&b.log, &before, 1, "one"));
        } else {
            assert_memory_equal(&tip, &before, sizeof tip);
        }
        assert_true(put(&b.log, &tip, "next"));
        assert_int_equal(tip.number, t[i].there ? 2 : 1);
        pack_fixture_close(&b.f);
    }
}

/* The answer is lost, and it was somebody else who won. */
struct rival {
    const struct chain *c;
    struct chain_tip tip;
    bool done;
};

static int rival_first(void *ctx, enum memory_point point, enum memory_op op,
                       const char *name)
{
    struct rival *x = ctx;

    (void)name;
    if (x->done || point != MEMORY_BEFORE || op != MEMORY_COMMIT)
        return 0;
    x->done = true;
    assert_true(put(x->c, &x->tip, "rival"));
    return err_set(E_STORE, "answer lost");
}

static void test_chain__a_lost_answer_may_be_anothers_win(void **state)
{
    struct chain_tip tip = {.any = false};
    struct rival x = {.done = false};
    struct chain_tip before;
    struct bench b;

    (void)state;
    bench_open(&b);
    assert_true(put(&b.log, &tip, "zero"));
    before = x.tip = tip;
    x.c = &b.log;
    memory_set_hook(b.f.store, rival_first, &x);
    assert_false(put(&b.log, &tip, "mine"));
    memory_set_hook(b.f.store, NULL, NULL);
    assert_true(x.done);
    assert_memory_equal(&tip, &before, sizeof tip);
    assert_true(follows(&b.log, &before, 1, "rival"));
    pack_fixture_close(&b.f);
}

/* A record that is sealed for its name and carries another number. */
static void test_chain__carries_the_number_of_its_name(void **state)
{
    struct record rec = {
        .number = 4, .predecessor = {{1}}, .type = RECORD_POLICY};
    struct chain_record r = {.signer = {{0}}};
    enum store_outcome outcome;
    struct buf content;
    struct buf file;
    struct bench b;
    bool found;

    (void)state;
    bench_open(&b);
    for (uint64_t named = 4; named < 6; named++) {
        char name[RECORD_NAME_MAX];

        buf_init(&content, 4096);
        buf_init(&file, envelope_max_bytes(ENVELOPE_LOG));
        chain_name(&b.log, named, name);
        record_put(&rec, &content);
        assert_int_equal(envelope_seal(b.f.keys, ENVELOPE_LOG,
                                       bytes_of_str(name), buf_bytes(&content),
                                       &file),
                         0);
        assert_int_equal(store_put(b.f.store, name, buf_bytes(&file), &outcome),
                         0);
        assert_int_equal(chain_get(&b.log, named, &r, &found),
                         named == 4 ? 0 : E_CORRUPT);
        chain_record_release(&r);
        buf_release(&content);
        buf_release(&file);
    }
    pack_fixture_close(&b.f);
}

/* Every byte of a record counts, and so does its name. */
static void test_chain__damage_is_noticed(void **state)
{
    static const char zero[] = "log/0000000000000000";
    struct chain_tip tip = {.any = false};
    struct chain_record r = {.signer = {{0}}};
    enum store_outcome outcome;
    struct bench b;
    struct buf file;
    uint64_t size;
    bool found;

    (void)state;
    bench_open(&b);
    assert_true(put(&b.log, &tip, "zero"));
    assert_true(put(&b.log, &tip, "one"));
    assert_int_equal(store_size(b.f.store, zero, &size, &found), 0);
    for (uint64_t i = 0; i < size; i++) {
        int rc;

        assert_true(memory_damage(b.f.store, zero, i, 0x10));
        rc = chain_get(&b.log, 0, &r, &found);
        assert_true(rc == E_CORRUPT || rc == E_UNSUPPORTED);
        assert_null(r.plain.p);
        assert_true(memory_damage(b.f.store, zero, i, 0x10));
    }
    /* the record of one number under another one's name */
    buf_init(&file, 1 << 20);
    assert_int_equal(store_get(b.f.store, zero, &file, &found), 0);
    assert_int_equal(store_put(b.f.store, "log/0000000000000002",
                               buf_bytes(&file), &outcome),
                     0);
    assert_int_equal(chain_get(&b.log, 2, &r, &found), E_CORRUPT);
    /* cut short, or empty */
    assert_true(memory_damage(b.f.store, zero, size - 1, 0));
    assert_int_equal(chain_get(&b.log, 0, &r, &found), E_CORRUPT);
    assert_true(memory_damage(b.f.store, zero, 0, 0));
    assert_int_equal(chain_get(&b.log, 0, &r, &found), E_CORRUPT);
    buf_release(&file);
    pack_fixture_close(&b.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain__records_follow_each_other),
        cmocka_unit_test(test_chain__a_number_is_taken_once),
        cmocka_unit_test(test_chain__lost_answers_are_settled_by_reading),
        cmocka_unit_test(test_chain__a_lost_answer_may_be_anothers_win),
        cmocka_unit_test(test_chain__carries_the_number_of_its_name),
        cmocka_unit_test(test_chain__damage_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
