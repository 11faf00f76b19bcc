/* Collections of a real repository, step by step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "repo/collect.h"
#include "repo/forget.h"
#include "repo/pack_layout.h"
#include "repo/unforget.h"
#include "repo/usage.h"
#include "repo/writer.h"
#include "tests/repo/check_kit.h"

static struct collect_options options(void)
{
    return (struct collect_options){.silence_ns = 1,
                                    .repack = {.unused_percent = 5,
                                               .unused_bytes = UINT64_MAX,
                                               .rewritten_bytes = UINT64_MAX}};
}

static void collect(struct repo *r, const struct collect_options *o,
                    struct collect_done *done)
{
    if (collect_run(r, o, done) < 0)
        fail_msg("collect: %s", err_text());
}

static void forget(struct repo *r, const struct object_id *id, size_t n)
{
    struct forget_ask ask = {.id = id, .id_n = n, .force = true, .drop = true};
    struct forget_plan p = {.n = 0};

    assert_int_equal(forget_run(r, &ask, &p), 0);
    forget_plan_release(&p);
}

static int count_one(void *ctx, const char *name, uint64_t size)
{
    struct collect_sum *s = ctx;

    (void)name;
    s->n++;
    s->bytes += size;
    return 0;
}

static struct collect_sum packs(struct check_kit *k)
{
    struct collect_sum s = {.n = 0};

    assert_int_equal(store_list(k->store, "packs", count_one, &s), 0);
    return s;
}

/* Everything that is left reads right, and nothing is damaged. */
static void sound(struct check_kit *k)
{
    struct check_options opt = {.read_data = true};

    if (check_kit_run(k, k->r, &opt) < 0)
        fail_msg("[%s] %s", k->hit[0].object, k->hit[0].text);
}

/* As by a host that never saw the repository. */
static struct repo *stranger(struct check_kit *k)
{
    struct repo_open_options opt = {.secret = &k->secret};
    char path[SCRATCH_PATH + 32];
    struct repo *r = NULL;

    (void)snprintf(path, sizeof path, "%s/stranger", k->cache);
    assert_true(scratch_run("rm -rf '%s' && mkdir -m 700 '%s'", path, path));
    opt.cache_root = path;
    if (repo_open(k->store, &opt, &r) < 0)
        fail_msg("open: %s", err_text());
    return r;
}

static void test_collect__takes_what_nothing_needs(void **state)
{
    struct check_kit *k = check_kit_open();
    struct collect_options o = options();
    struct repo *r = check_kit_repo(k);
    struct collect_sum before = packs(k);
    struct collect_done done, again;
    uint64_t tip;

    (void)state;
    /* nothing is idle: nothing is said */
    tip = r->state.tip.number;
    collect(r, &o, &done);
    assert_int_equal(done.condemned.n, 0);
    assert_int_equal(r->state.tip.number, tip);
    forget(r, k->snapshot, 2);
    tip = r->state.tip.number;
    collect(r, &o, &done);
    assert_true(done.condemned.n > 0);
    assert_int_equal(done.doomed.n, done.condemned.n);
    assert_int_equal(done.deleted.n, done.condemned.n);
    assert_int_equal(done.rescued.n, 0);
    assert_int_equal(r->state.tip.number, tip + 2);
    assert_true(packs(k).bytes < before.bytes);
    collect(r, &o, &again);
    assert_int_equal(again.condemned.n + again.deleted.n, 0);
    repo_close(r);
    sound(k);
    check_kit_close(k);
}

static void test_collect__a_dry_run_writes_nothing(void **state)
{
    struct check_kit *k = check_kit_open();
    struct collect_options o = options();
    struct repo *r = check_kit_repo(k);
    struct collect_sum before;
    struct collect_done done;
    uint64_t tip;

    (void)state;
    forget(r, k->snapshot, 2);
    before = packs(k);
    tip = r->state.tip.number;
    o.dry_run = true;
    collect(r, &o, &done);
    assert_true(done.condemned.n + done.repacked.packs > 0);
    assert_int_equal(done.repacked.written, 0);
    assert_int_equal(r->state.tip.number, tip);
    assert_int_equal(packs(k).n, before.n);
    assert_int_equal(repo_refresh(r), 0);
    assert_int_equal(r->state.tip.number, tip);
    repo_close(r);
    check_kit_close(k);
}

/* C3: one that was open before the condemn record, and is at work. */
static void test_collect__waits_for_writers_that_may_count_on_it(void **state)
{
    struct check_kit *k = check_kit_open();
    struct collect_options o = options();
    struct repo *r = check_kit_repo(k);
    struct repo *other = check_kit_repo(k);
    struct collect_done done;
    struct collect_sum before;
    struct writer *w = NULL;

    (void)state;
    forget(r, k->snapshot, 2);
    before = packs(k);
    assert_int_equal(writer_open(other, bytes_of(NULL, 0), &w), 0);
    o.silence_ns = INT64_MAX;
    collect(r, &o, &done);
    assert_int_equal(done.waiting, 1);
    assert_true(done.condemned.n > 0);
    assert_int_equal(done.deleted.n, 0);
    assert_true(packs(k).n >= before.n);
    /* again: what is condemned is not condemned twice */
    collect(r, &o, &done);
    assert_int_equal(done.waiting, 1);
    assert_int_equal(done.condemned.n, 0);
    assert_int_equal(r->state.undecided_n, 1);
    assert_int_equal(writer_end(w), 0);
    collect(r, &o, &done);
    assert_int_equal(done.waiting, 0);
    assert_true(done.deleted.n > 0);
    assert_int_equal(r->state.undecided_n, 0);
    writer_free(w);
    repo_close(other);
    repo_close(r);
    sound(k);
    check_kit_close(k);
}

/* One that opened after the record knows of it: nobody waits. */
static void test_collect__does_not_wait_for_who_knows(void **state)
{
    struct check_kit *k = check_kit_open();
    struct collect_options o = options();
    struct repo *r = check_kit_repo(k);
    struct repo *other = check_kit_repo(k);
    struct repo *third = check_kit_repo(k);
    struct writer *old = NULL, *fresh = NULL;
    struct collect_done done;

    (void)state;
    forget(r, k->snapshot, 2);
    assert_int_equal(writer_open(other, bytes_of(NULL, 0), &old), 0);
    o.silence_ns = INT64_MAX;
    collect(r, &o, &done);
    assert_int_equal(done.waiting, 1);
    assert_int_equal(writer_open(third, bytes_of(NULL, 0), &fresh), 0);
    assert_int_equal(writer_end(old), 0);
    collect(r, &o, &done);
    assert_int_equal(done.waiting, 0);
    assert_true(done.deleted.n > 0);
    assert_int_equal(writer_end(fresh), 0);
    writer_free(old);
    writer_free(fresh);
    repo_close(other);
    repo_close(third);
    repo_close(r);
    sound(k);
    check_kit_close(k);
}

/* A silent one is ended, and publishes nothing more. */
static void test_collect__ends_who_is_silent(void **state)
{
    struct check_kit *k = check_kit_open();
    struct collect_options o = options();
    struct repo *r = check_kit_repo(k);
    struct repo *other = check_kit_repo(k);
    struct pack_info info = {.bytes = 0};
    struct collect_done done;
    struct writer *w = NULL;
    char name[PACK_LAYOUT_NAME_MAX];
    struct object_id id;
    uint64_t size;
    bool indexed, there;

    (void)state;
    forget(r, k->snapshot, 2);
    assert_int_equal(writer_open(other, bytes_of(NULL, 0), &w), 0);
    check_kit_pack(k, other, 7, &info);
    id = info.id;
    /* met for the first time: its silence begins now */
    o.silence_ns = INT64_MAX;
    collect(r, &o, &done);
    assert_int_equal(done.waiting, 1);
    assert_int_equal(done.fenced, 0);
    o.silence_ns = 1;
    collect(r, &o, &done);
    assert_int_equal(done.fenced, 1);
    assert_int_equal(done.waiting, 0);
    assert_true(done.deleted.n > 0);
    assert_int_equal(writer_publish(w, &info, 1, &indexed), E_FENCED);
    writer_free(w);
    repo_close(other);
    /* what it left is nobody's: it goes, too */
    collect(r, &o, &done);
    pack_layout_name(&id, name);
    assert_int_equal(store_size(k->store, name, &size, &there), 0);
    assert_false(there);
    repo_close(r);
    sound(k);
    check_kit_close(k);
}

/* What nobody lists stays as long as its writer may still list it. */
static void test_collect__strays(void **state)
{
    struct check_kit *k = check_kit_open();
    struct collect_options o = options();
    struct repo *r = check_kit_repo(k);
    struct repo *other = check_kit_repo(k);
    struct pack_info info = {.bytes = 0};
    struct collect_done done;
    struct writer *w = NULL;
    uint64_t before = packs(k).n;
    bool indexed;

    (void)state;
    assert_int_equal(writer_open(other, bytes_of(NULL, 0), &w), 0);
    check_kit_pack(k, other, 7, &info);
    o.silence_ns = INT64_MAX;
    collect(r, &o, &done);
    assert_int_equal(done.condemned.n, 0);
    assert_int_equal(packs(k).n, before + 1);
    assert_int_equal(writer_publish(w, &info, 1, &indexed), 0);
    collect(r, &o, &done);
    assert_int_equal(done.condemned.n, 0); /* listed, but its writer is open */
    assert_int_equal(writer_end(w), 0);
    collect(r, &o, &done);
    assert_int_equal(done.deleted.n, 1);
    assert_int_equal(packs(k).n, before);
    writer_free(w);
    repo_close(other);
    repo_close(r);
    sound(k);
    check_kit_close(k);
}

/* C4: a snapshot that came back since is not lost. */
static void test_collect__an_unforgotten_snapshot_is_rescued(void **state)
{
    struct check_kit *k = check_kit_open();
    struct collect_options o = options();
    struct repo *r = check_kit_repo(k);
    struct repo *other = check_kit_repo(k);
    struct collect_done done;
    struct writer *w = NULL;
    bool changed;

    (void)state;
    forget(r, k->snapshot, 2);
    assert_int_equal(writer_open(other, bytes_of(NULL, 0), &w), 0);
    o.silence_ns = INT64_MAX;
    collect(r, &o, &done);
    assert_true(done.condemned.n > 0);
    assert_int_equal(unforget(other, k->snapshot, 2, NULL, &changed), 0);
    assert_true(changed);
    assert_int_equal(writer_end(w), 0);
    collect(r, &o, &done);
    assert_int_equal(done.doomed.n, 0);
    assert_true(done.rescued.n > 0);
    assert_int_equal(r->state.undecided_n, 0);
    writer_free(w);
    repo_close(other);
    repo_close(r);
    sound(k);
    check_kit_close(k);
}

static void test_collect__what_is_gone_does_not_come_back(void **state)
{
    struct check_kit *k = check_kit_open();
    struct collect_options o = options();
    struct repo *r = check_kit_repo(k);
    struct collect_done done;
    bool changed;

    (void)state;
    forget(r, k->snapshot, 2);
    collect(r, &o, &done);
    assert_true(done.deleted.n > 0);
    assert_int_equal(unforget(r, k->snapshot + 1, 1, NULL, &changed),
                     E_REFUSED);
    assert_false(changed);
    repo_close(r);
    check_kit_close(k);
}

/* D6: what is damaged could say what is needed. */
static void test_collect__refuses_beside_damage(void **state)
{
    struct check_kit *k = check_kit_open();
    struct collect_options o = options();
    const struct check_kit_object *journal;
    struct collect_done done;
    struct repo *r;
    size_t at = 0;
    uint64_t before;

    (void)state;
    r = check_kit_repo(k);
    forget(r, k->snapshot, 2);
    repo_close(r);
    check_kit_keep(k);
    before = packs(k).n;
    journal = check_kit_object_at(k, "w/", &at);
    assert_non_null(journal);
    check_kit_put(k, journal->name, "x", 1);
    r = stranger(k);
    assert_int_equal(collect_run(r, &o, &done), E_CORRUPT);
    assert_int_equal(packs(k).n, before);
    repo_close(r);
    /* who has read it while it was sound knows what it said */
    r = check_kit_repo(k);
    collect(r, &o, &done);
    assert_true(done.deleted.n > 0);
    repo_close(r);
    check_kit_restore(k, journal);
    sound(k);
    check_kit_close(k);
}

/* Many small packs become few; all is there still. */
static void test_collect__joins_small_packs(void **state)
{
    struct check_kit *k = check_kit_bare();
    struct collect_options o = options();
    struct collect_done done;
    struct repo *r;
    uint64_t before;

    (void)state;
    for (int i = 0; i < 12; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "file-%d", i);
        scratch_text(k->tree, name, name);
        assert_int_equal(check_kit_backup(k, NULL), 0);
    }
    before = packs(k).n;
    r = check_kit_repo(k);
    collect(r, &o, &done);
    assert_true(done.repacked.packs >= 16);
    assert_true(packs(k).n < before / 2);
    repo_close(r);
    sound(k);
    check_kit_close(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collect__takes_what_nothing_needs),
        cmocka_unit_test(test_collect__a_dry_run_writes_nothing),
        cmocka_unit_test(test_collect__waits_for_writers_that_may_count_on_it),
        cmocka_unit_test(test_collect__does_not_wait_for_who_knows),
        cmocka_unit_test(test_collect__ends_who_is_silent),
        cmocka_unit_test(test_collect__strays),
        cmocka_unit_test(test_collect__an_unforgotten_snapshot_is_rescued),
        cmocka_unit_test(test_collect__what_is_gone_does_not_come_back),
        cmocka_unit_test(test_collect__refuses_beside_damage),
        cmocka_unit_test(test_collect__joins_small_packs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
