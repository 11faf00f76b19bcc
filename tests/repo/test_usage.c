/* Counts that follow what comes and goes are those of counting all anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "index/index_refs.h"
#include "repo/forget.h"
#include "repo/usage.h"
#include "tests/repo/check_kit.h"
#include "tests/support/prng.h"

enum { MOST = 4000, ROUNDS = 14 };

struct counted {
    struct chunk_id id;
    uint32_t count;
};

struct counts {
    struct counted c[MOST];
    size_t n;       /* chunks that have a place */
    size_t used;    /* of them, referenced */
    uint64_t bytes; /* that packs say are used */
};

static struct counts a_counts, b_counts;

/* Also: each referenced chunk is at home in a pack that holds it, and packs
 * count as used what is at home there. */
static void counts_get(struct repo *r, struct counts *out)
{
    struct index_place place = {.started = false};
    struct index_reader *reader = NULL;
    struct index_chunk c;
    uint32_t at_home = 0;
    uint32_t used = 0;
    size_t n = 1;

    *out = (struct counts){.n = 0};
    assert_int_equal(index_reader_new(r->index, &reader), 0);
    for (;;) {
        struct index_ref ref;

        assert_int_equal(index_reader_chunks(reader, &place, &c, 1, &n), 0);
        if (n == 0)
            break;
        assert_int_equal(index_refs_get(reader, &c.id, &ref), 0);
        at_home += ref.count > 0 && ref.home == c.loc.pack;
        if (out->n > 0 && chunk_id_equal(&out->c[out->n - 1].id, &c.id))
            continue;
        assert_true(out->n < MOST);
        out->c[out->n++] = (struct counted){c.id, ref.count};
        out->used += ref.count > 0;
    }
    for (uint32_t next = 0;;) {
        struct index_pack p;
        struct index_use use;

        assert_int_equal(index_reader_packs(reader, &next, &p, 1, &n), 0);
        if (n == 0)
            break;
        assert_int_equal(index_refs_use(reader, p.no, &use), 0);
        used += use.chunk_n;
        out->bytes += use.bytes;
    }
    assert_int_equal(at_home, out->used);
    assert_int_equal(used, out->used);
    index_reader_free(reader);
}

static void spoil(struct repo *r)
{
    struct index_update *u = NULL;

    assert_int_equal(index_update_begin(r->index, 1000, &u), 0);
    assert_int_equal(index_update_drop_mark(u, bytes_of("C", 1)), 0);
    assert_int_equal(index_update_commit(u), 0);
}

static void same(const struct counts *a, const struct counts *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->used, b->used);
    for (size_t i = 0; i < a->n; i++) {
        assert_true(chunk_id_equal(&a->c[i].id, &b->c[i].id));
        assert_int_equal(a->c[i].count, b->c[i].count);
    }
}

static void change(struct check_kit *k, struct prng *prng)
{
    for (uint64_t i = prng_below(prng, 4); i > 0; i--) {
        char name[32];
        char text[64];

        (void)snprintf(name, sizeof name, "some-%lu",
                       (unsigned long)prng_below(prng, 8));
        (void)snprintf(text, sizeof text, "text %lu",
                       (unsigned long)prng_below(prng, 6));
        scratch_text(k->tree, name, text);
    }
    if (prng_below(prng, 3) == 0)
        assert_true(scratch_run("cd '%s' && rm -f some-%lu && "
                                "head -c 200000 /dev/urandom >random",
                                k->tree, (unsigned long)prng_below(prng, 8)));
}

static void forget_some(struct check_kit *k, struct repo *r, struct prng *prng)
{
    struct snapshot_list l = {.n = 0};
    struct forget_ask ask = {.drop = true, .force = true};
    struct forget_plan p = {.n = 0};

    (void)k;
    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    ask.id = &l.item[prng_below(prng, l.n)].id;
    ask.id_n = 1;
    if (l.n > 2)
        assert_int_equal(forget_run(r, &ask, &p), 0);
    forget_plan_release(&p);
    snapshot_list_release(&l);
}

static void test_usage__changes_come_to_the_same(void **state)
{
    struct check_kit *k = check_kit_open();
    struct prng prng;

    (void)state;
    prng_init(&prng, 7);
    for (int i = 0; i < ROUNDS; i++) {
        struct roots roots = {.n = 0};
        struct usage_done done;
        struct repo *r;

        change(k, &prng);
        assert_int_equal(check_kit_backup(k, NULL), 0);
        r = check_kit_repo(k);
        if (prng_below(&prng, 2))
            forget_some(k, r, &prng);
        assert_int_equal(roots_load(r, &roots), 0);
        assert_int_equal(usage_catch_up(r, &roots, NULL, &done), 0);
        assert_int_equal(done.anew, i == 0);
        counts_get(r, &a_counts);
        assert_int_equal(usage_catch_up(r, &roots, NULL, &done), 0);
        assert_int_equal(done.added + done.removed, 0);
        spoil(r);
        assert_int_equal(usage_catch_up(r, &roots, NULL, &done), 0);
        assert_true(done.anew);
        counts_get(r, &b_counts);
        same(&a_counts, &b_counts);
        roots_release(&roots);
        repo_close(r);
    }
    check_kit_close(k);
}

static void test_usage__own_is_what_would_be_free(void **state)
{
    struct check_kit *k = check_kit_open();
    struct repo *r = check_kit_repo(k);
    struct roots all = {.n = 0};

    (void)state;
    assert_int_equal(roots_load(r, &all), 0);
    assert_int_equal(all.n, CHECK_KIT_SNAPSHOTS);
    for (size_t i = 0; i < all.n; i++) {
        struct roots less = {.n = 0};
        struct usage_own own;

        assert_int_equal(usage_catch_up(r, &all, NULL, NULL), 0);
        counts_get(r, &a_counts);
        assert_int_equal(usage_own(r, &all.id[i], NULL, &own), 0);
        for (size_t n = 0; n < all.n; n++) {
            if (n != i)
                assert_int_equal(roots_add(&less, &all.id[n]), 0);
        }
        assert_int_equal(usage_catch_up(r, &less, NULL, NULL), 0);
        counts_get(r, &b_counts);
        assert_int_equal(own.chunks, a_counts.used - b_counts.used);
        assert_int_equal(own.bytes, a_counts.bytes - b_counts.bytes);
        assert_true(own.chunks > 0);
        roots_release(&less);
    }
    roots_release(&all);
    repo_close(r);
    check_kit_close(k);
}

/* One after the other: each frees what only it and those before it need. */
static void test_usage__in_turn(void **state)
{
    struct check_kit *k = check_kit_open();
    struct repo *r = check_kit_repo(k);
    struct roots all = {.n = 0};
    struct usage_turn *t = NULL;
    uint64_t needed, chunks;

    (void)state;
    assert_int_equal(roots_load(r, &all), 0);
    assert_int_equal(usage_catch_up(r, &all, NULL, NULL), 0);
    assert_int_equal(usage_turn_open(r, NULL, &t, &needed), 0);
    counts_get(r, &a_counts);
    assert_int_equal(needed, a_counts.bytes);
    chunks = a_counts.used;
    for (size_t i = 0; i < all.n; i++) {
        struct roots less = {.n = 0};
        struct usage_own own;

        assert_int_equal(usage_turn_take(t, &all.id[i], &own), 0);
        needed -= own.bytes;
        chunks -= own.chunks;
        for (size_t n = i + 1; n < all.n; n++)
            assert_int_equal(roots_add(&less, &all.id[n]), 0);
        assert_int_equal(usage_catch_up(r, &less, NULL, NULL), 0);
        counts_get(r, &b_counts);
        assert_int_equal(needed, b_counts.bytes);
        assert_int_equal(chunks, b_counts.used);
        roots_release(&less);
    }
    assert_int_equal(needed, 0);
    usage_turn_close(t);
    roots_release(&all);
    repo_close(r);
    check_kit_close(k);
}

/* What went may be deleted already: counting it out is not possible. */
static void test_usage__of_what_is_gone_all_is_counted_anew(void **state)
{
    struct check_kit *k = check_kit_open();
    struct repo *r = check_kit_repo(k);
    struct forget_ask ask = {.id = k->snapshot, .id_n = 1};
    struct forget_plan p = {.n = 0};
    struct roots roots = {.n = 0};
    struct usage_done done;
    char name[SNAPSHOT_LIST_NAME_MAX];

    (void)state;
    assert_int_equal(roots_load(r, &roots), 0);
    assert_int_equal(usage_catch_up(r, &roots, NULL, &done), 0);
    roots_release(&roots);
    assert_int_equal(forget_run(r, &ask, &p), 0);
    snapshot_list_name(&k->snapshot[0], name);
    check_kit_put(k, name, NULL, 0);
    assert_int_equal(roots_load(r, &roots), 0);
    assert_int_equal(usage_catch_up(r, &roots, NULL, &done), 0);
    assert_true(done.anew);
    counts_get(r, &a_counts);
    spoil(r);
    assert_int_equal(usage_catch_up(r, &roots, NULL, &done), 0);
    counts_get(r, &b_counts);
    same(&a_counts, &b_counts);
    forget_plan_release(&p);
    roots_release(&roots);
    repo_close(r);
    check_kit_close(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage__changes_come_to_the_same),
        cmocka_unit_test(test_usage__own_is_what_would_be_free),
        cmocka_unit_test(test_usage__in_turn),
        cmocka_unit_test(test_usage__of_what_is_gone_all_is_counted_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
