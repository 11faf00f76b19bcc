/*
 * What a cache could not read when it was due: it takes it once it is there
 * again, and remembers meanwhile how far the repository had come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/catchup_journals.h"
#include "repo/catchup_packs.h"
#include "repo/journal.h"
#include "repo/record_journal.h"
#include "repo/writer_journal.h"
#include "tests/repo/catchup_kit.h"

/* --- objects that go and come back --- */

struct kept {
    char name[96];
    struct buf b;
};

static void take_away(struct repo_fixture *f, const char *name, struct kept *k)
{
    (void)snprintf(k->name, sizeof k->name, "%s", name);
    catchup_kit_get(f->store, name, &k->b);
    catchup_kit_remove(f->store, name);
}

static void take_first(struct repo_fixture *f, const char *prefix,
                       struct kept *k)
{
    struct catchup_kit_names n;

    catchup_kit_pick(f->store, prefix, &n);
    assert_true(n.n > 0);
    take_away(f, n.name[0], k);
}

static void put_back(struct repo_fixture *f, struct kept *k)
{
    enum store_outcome outcome;

    assert_int_equal(store_put(f->store, k->name, buf_bytes(&k->b), &outcome),
                     0);
    assert_int_equal(outcome, STORE_CREATED);
    buf_release(&k->b);
}

struct seen {
    bool hurt;
    bool read;  /* the first chunk of the seed can be */
    bool dedup; /* and relied on */
    size_t listed;
    size_t damaged;
};

static struct seen see(struct repo_fixture *f, const char *cache, uint64_t seed)
{
    struct snapshot_list l = {.n = 0};
    struct repo *r = NULL;
    struct seen s;

    assert_int_equal(repo_fixture_repo(f, cache, &r), 0);
    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    s = (struct seen){.hurt = r->hurt,
                      .read = catchup_kit_finds(r, INDEX_READ, seed),
                      .dedup = catchup_kit_finds(r, INDEX_DEDUP, seed),
                      .listed = l.n};
    for (size_t i = 0; i < l.n; i++)
        s.damaged += l.item[i].damaged;
    snapshot_list_release(&l);
    repo_close(r);
    return s;
}

struct open_writer {
    struct repo_fixture f;
    struct repo *r;
    struct writer *w;
    struct writer_id id;
};

/* A repository and a writer that has published seed 1. */
static void open_writer(struct open_writer *o)
{
    struct catchup_kit_names n;
    uint64_t k;

    *o = (struct open_writer){.r = NULL};
    repo_fixture_open(&o->f);
    assert_int_equal(repo_fixture_init(&o->f), 0);
    assert_int_equal(repo_fixture_repo(&o->f, "w", &o->r), 0);
    assert_int_equal(writer_open(o->r, bytes_of_str("test@series"), &o->w), 0);
    assert_int_equal(repo_fixture_publish(&o->f, o->w, o->r, 1), 0);
    catchup_kit_pick(o->f.store, "w", &n);
    assert_int_equal(n.n, 2);
    assert_true(record_journal_number(n.name[0], &o->id, &k));
}

static void close_writer(struct open_writer *o)
{
    writer_free(o->w);
    repo_close(o->r);
    repo_fixture_close(&o->f);
}

struct watch {
    unsigned packs;
    unsigned segments;
    unsigned snapshots;
    bool fail;
};

static int watch(void *ctx, enum memory_point point, enum memory_op op,
                 const char *name)
{
    struct watch *w = ctx;
    bool mine;

    if (point != MEMORY_BEFORE || op != MEMORY_GET)
        return 0;
    w->packs += strncmp(name, "packs/", 6) == 0;
    w->segments += strncmp(name, "index/", 6) == 0;
    w->snapshots += strncmp(name, "snapshots/", 10) == 0;
    mine =
        strncmp(name, "index/", 6) == 0 || strncmp(name, "snapshots/", 10) == 0;
    return w->fail && mine ? err_set(E_STORE, "a bad spot") : 0;
}

/* A gap of journal records that was known grows: what the new ones listed is
 * looked for as well, also by a process that is at work already. */
static void test_catchup_again__a_gap_that_grows(void **state)
{
    (void)state;
    for (int at_work = 0; at_work < 2; at_work++) {
        struct catchup_kit_names n;
        struct open_writer o;
        struct object_id id;
        struct repo *r = NULL;

        open_writer(&o);
        assert_int_equal(repo_fixture_publish(&o.f, o.w, o.r, 2), 0);
        catchup_kit_pick(o.f.store, "w", &n);
        assert_int_equal(n.n, 3);
        catchup_kit_remove(o.f.store, n.name[1]);
        assert_true(see(&o.f, "x", 2).dedup);
        assert_int_equal(repo_fixture_repo(&o.f, "x", &r), 0);
        assert_int_equal(repo_fixture_publish(&o.f, o.w, o.r, 3), 0);
        assert_int_equal(repo_fixture_commit(o.w, o.r, 3, &id), 0);
        catchup_kit_pick(o.f.store, "w", &n);
        assert_int_equal(n.n, 4);
        catchup_kit_remove(o.f.store, n.name[1]);
        catchup_kit_remove(o.f.store, n.name[2]);
        if (at_work) {
            assert_int_equal(repo_refresh_in_use(r), 0);
            assert_true(catchup_kit_finds(r, INDEX_READ, 3));
            assert_false(catchup_kit_finds(r, INDEX_DEDUP, 3));
        }
        repo_close(r);
        assert_true(see(&o.f, "x", 3).read);
        assert_int_equal(see(&o.f, "x", 3).listed, 1);
        close_writer(&o);
    }
}

/* What is withheld is kept by a record that is damaged, or by a segment that is
 * gone: the packs are looked for at each start, until all is told. */
static void test_catchup_again__a_pack_is_back(void **state)
{
    (void)state;
    for (int segment = 0; segment < 2; segment++) {
        struct catchup_kit_names n;
        struct repo_fixture f;
        struct object_id id;
        struct kept pack;
        struct kept teller;

        catchup_kit_start(&f, 1, &id);
        catchup_kit_pick(f.store, "w", &n);
        take_away(&f, n.name[1], &teller);
        if (segment) {
            put_back(&f, &teller);
            take_first(&f, "index", &teller);
        }
        take_first(&f, "packs", &pack);
        assert_true(see(&f, "x", 1).hurt);
        assert_false(see(&f, "x", 1).read);
        put_back(&f, &pack);
        assert_true(see(&f, "x", 1).read);
        assert_false(see(&f, "x", 1).dedup);
        put_back(&f, &teller);
        assert_true(see(&f, "x", 1).dedup);
        assert_false(see(&f, "x", 1).hurt);
        repo_fixture_close(&f);
    }
}

/* Both are back at once: no pack is asked, the segment says it all. */
static void test_catchup_again__a_segment_is_back(void **state)
{
    struct repo_fixture f;
    struct object_id id;
    struct kept segment;
    struct kept pack;

    (void)state;
    catchup_kit_start(&f, 1, &id);
    take_first(&f, "index", &segment);
    take_first(&f, "packs", &pack);
    assert_true(see(&f, "x", 1).hurt);
    put_back(&f, &segment);
    put_back(&f, &pack);
    for (unsigned open = 0; open < 2; open++) {
        struct watch w = {.fail = false};
        struct seen s;

        memory_set_hook(f.store, watch, &w);
        s = see(&f, "x", 1);
        memory_set_hook(f.store, NULL, NULL);
        assert_true(s.dedup);
        assert_false(s.hurt);
        /* it is asked for once more, and not again */
        assert_int_equal(w.segments, open == 0);
    }
    repo_fixture_close(&f);
}

static void test_catchup_again__a_snapshot_is_back(void **state)
{
    struct repo_fixture f;
    struct object_id id[2];
    struct kept s;

    (void)state;
    catchup_kit_start(&f, 2, id);
    take_first(&f, "snapshots", &s);
    assert_int_equal(see(&f, "x", 1).damaged, 1);
    assert_int_equal(see(&f, "x", 1).damaged, 1);
    put_back(&f, &s);
    assert_int_equal(see(&f, "x", 1).damaged, 0);
    catchup_kit_knows(&f, "x", 2);
    repo_fixture_close(&f);
}

/* Behind a gap a commit is met again by a process at work, too. */
static void test_catchup_again__a_snapshot_is_back_at_work(void **state)
{
    struct snapshot_list l = {.n = 0};
    struct catchup_kit_names n;
    struct repo_fixture f;
    struct object_id id;
    struct repo *r = NULL;
    struct kept s;

    (void)state;
    catchup_kit_start(&f, 1, &id);
    catchup_kit_pick(f.store, "w", &n);
    catchup_kit_remove(f.store, n.name[0]);
    take_first(&f, "snapshots", &s);
    assert_int_equal(repo_fixture_repo(&f, "x", &r), 0);
    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    assert_int_equal(l.n, 1);
    assert_true(l.item[0].damaged);
    snapshot_list_release(&l);
    put_back(&f, &s);
    assert_int_equal(repo_refresh_in_use(r), 0);
    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    assert_int_equal(l.n, 1);
    assert_false(l.item[0].damaged);
    snapshot_list_release(&l);
    repo_close(r);
    repo_fixture_close(&f);
}

/* --- what it costs, and what may fail --- */

/* One get for each that is lost, none where a process is at work already; no
 * lock that a stopped process could hold, and nothing is lost to a store that
 * cannot give it. */
static void test_catchup_again__asking_is_cheap(void **state)
{
    struct index_update *u = NULL;
    struct repo_fixture f;
    struct object_id id[3];
    struct repo *held = NULL;
    struct kept segment;
    struct kept snapshot;

    (void)state;
    catchup_kit_start(&f, 3, id);
    take_first(&f, "index", &segment);
    take_first(&f, "snapshots", &snapshot);
    assert_true(see(&f, "x", 1).hurt);
    for (int fail = 0; fail < 2; fail++) {
        struct watch w = {.fail = fail};

        memory_set_hook(f.store, watch, &w);
        assert_int_equal(repo_fixture_repo(&f, "x", &held), 0);
        assert_int_equal(w.segments, 1);
        assert_int_equal(w.snapshots, 1);
        assert_int_equal(w.packs, 0);
        assert_true(held->hurt);
        assert_int_equal(index_update_begin(held->index, 0, &u), 0);
        assert_int_equal(repo_refresh_in_use(held), 0);
        /* as a new process would, with the lock held */
        held->caught_up = false;
        assert_int_equal(repo_refresh_in_use(held), 0);
        memory_set_hook(f.store, NULL, NULL);
        assert_int_equal(w.segments, 2);
        assert_int_equal(w.snapshots, 2);
        assert_int_equal(w.packs, 0);
        assert_true(held->hurt);
        index_update_abort(u);
        repo_close(held);
    }
    put_back(&f, &segment);
    put_back(&f, &snapshot);
    assert_false(see(&f, "x", 1).hurt);
    catchup_kit_knows(&f, "x", 3);
    repo_fixture_close(&f);
}

static int refuse_lists(void *ctx, enum memory_point point, enum memory_op op,
                        const char *name)
{
    (void)ctx;
    return point == MEMORY_BEFORE && op == MEMORY_LIST &&
                   strcmp(name, "packs") == 0
               ? err_set(E_STORE, "no list")
               : 0;
}

/* A segment was lost, and its packs could not be asked: that stays owed, also
 * where a process is at work already. */
static void test_catchup_again__lost_segments_leave_packs_owed(void **state)
{
    struct catchup_kit_names before;
    struct catchup_kit_names after;
    struct open_writer o;
    struct repo *r = NULL;
    unsigned i = 0;

    (void)state;
    open_writer(&o);
    assert_int_equal(repo_fixture_repo(&o.f, "x", &r), 0);
    catchup_kit_pick(o.f.store, "index", &before);
    assert_int_equal(repo_fixture_publish(&o.f, o.w, o.r, 2), 0);
    catchup_kit_pick(o.f.store, "index", &after);
    assert_int_equal(before.n, 1);
    assert_int_equal(after.n, 2);
    i = strcmp(after.name[0], before.name[0]) == 0;
    catchup_kit_remove(o.f.store, after.name[i]);
    memory_set_hook(o.f.store, refuse_lists, NULL);
    assert_int_equal(repo_refresh_in_use(r), E_STORE);
    memory_set_hook(o.f.store, NULL, NULL);
    assert_int_equal(repo_refresh_in_use(r), 0);
    assert_true(catchup_kit_finds(r, INDEX_READ, 2));
    assert_false(catchup_kit_finds(r, INDEX_DEDUP, 2));
    repo_close(r);
    close_writer(&o);
}

static bool doubted(struct repo *r)
{
    struct index_reader *ix = NULL;
    bool any = true;

    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(catchup_packs_doubted(ix, &any), 0);
    index_reader_free(ix);
    return any;
}

/* A pack that is not relied on puts a parent in doubt until it is doomed: no
 * tree that is trusted needs it then. */
static void test_catchup_again__a_doomed_pack_is_no_doubt(void **state)
{
    struct index_update *u = NULL;
    struct index_reader *ix = NULL;
    struct index_pack pack;
    struct open_writer o;
    uint32_t next = 0;
    size_t n;

    (void)state;
    open_writer(&o);
    assert_false(doubted(o.r));
    assert_int_equal(index_reader_new(o.r->index, &ix), 0);
    assert_int_equal(index_reader_packs(ix, &next, &pack, 1, &n), 0);
    assert_int_equal(n, 1);
    index_reader_free(ix);
    assert_int_equal(index_update_begin(o.r->index, 0, &u), 0);
    assert_int_equal(index_update_set_gone(u, pack.no, true), 0);
    assert_int_equal(index_update_commit(u), 0);
    assert_true(doubted(o.r));
    assert_int_equal(index_update_begin(o.r->index, 0, &u), 0);
    assert_int_equal(index_update_set_state(u, pack.no, INDEX_DOOMED, 0), 0);
    assert_int_equal(index_update_commit(u), 0);
    assert_false(doubted(o.r));
    close_writer(&o);
}

/* --- how far the repository had come --- */

/* What was taken behind a gap is not taken back unnoticed, whether the gap is
 * at the beginning or behind a mark. */
static void test_catchup_again__a_tail_behind_a_gap(void **state)
{
    (void)state;
    for (unsigned gap = 0; gap < 2; gap++) {
        struct catchup_kit_names n;
        struct repo_fixture f;
        struct object_id id;

        catchup_kit_start(&f, 1, &id);
        catchup_kit_pick(f.store, "w", &n);
        assert_int_equal(n.n, 4);
        catchup_kit_remove(f.store, n.name[gap]);
        assert_int_equal(catchup_kit_damaged(&f, "x"), 1);
        assert_int_equal(catchup_kit_damaged(&f, "x"), 1);
        catchup_kit_remove(f.store, n.name[3]);
        assert_int_equal(catchup_kit_try(&f, "x"), E_ROLLBACK);
        assert_int_equal(catchup_kit_try_accepting(&f, "x"), 0);
        assert_int_equal(catchup_kit_try(&f, "x"), 0);
        repo_fixture_close(&f);
    }
}

/* Whoever read the store's list before another process did puts no mark back
 * that the other one has put. */
static void with_an_older_list(bool segment)
{
    struct journal_list list = {.item = NULL};
    struct catchup_update up;
    struct catchup_mark m;
    struct open_writer o;
    struct repo *r = NULL;
    struct catchup c;
    bool found;

    open_writer(&o);
    assert_int_equal(repo_fixture_repo(&o.f, "x", &r), 0);
    c = (struct catchup){.store = r->store,
                         .keys = r->keys,
                         .index = r->index,
                         .state = &r->state};
    assert_int_equal(catchup_update_init(&up, &c), 0);
    /* a record that makes an update necessary, or one that does not */
    if (segment)
        assert_int_equal(repo_fixture_publish(&o.f, o.w, o.r, 2), 0);
    else
        assert_int_equal(writer_journal_put_generation(o.w, RECORD_RENEW, NULL),
                         0);
    assert_int_equal(journal_list_load(o.f.store, &list), 0);
    assert_int_equal(repo_fixture_publish(&o.f, o.w, o.r, 3), 0);
    assert_int_equal(repo_refresh_in_use(r), 0);
    assert_int_equal(catchup_journals_read(&up, &list), 0);
    assert_int_equal(catchup_update_commit(&up), 0);
    assert_int_equal(index_reader_renew(up.r), 0);
    assert_int_equal(catchup_marks_journal(up.r, &o.id, &m, &found), 0);
    assert_true(found);
    assert_int_equal(m.number, 3);
    catchup_update_release(&up);
    journal_list_release(&list);
    repo_close(r);
    close_writer(&o);
}

static void test_catchup_again__an_older_list_puts_no_mark_back(void **state)
{
    (void)state;
    with_an_older_list(false);
    with_an_older_list(true);
}

struct settled {
    char name[RECORD_NAME_MAX];
    unsigned n;
};

static int count_settled(void *ctx, enum memory_point point, enum memory_op op,
                         const char *name)
{
    struct settled *s = ctx;

    s->n += point == MEMORY_BEFORE && op == MEMORY_MAKE_DURABLE &&
            strcmp(name, s->name) == 0;
    return 0;
}

/* I10: a mark names what is durable, whatever junk is listed behind it. */
static void test_catchup_again__the_last_sound_record_is_settled(void **state)
{
    (void)state;
    for (int junk = 0; junk < 2; junk++) {
        enum store_outcome outcome;
        struct settled s = {.n = 0};
        char name[RECORD_NAME_MAX];
        struct open_writer o;

        open_writer(&o);
        record_journal_name(&o.id, 1, s.name);
        record_journal_name(&o.id, 99999999, name);
        if (junk)
            assert_int_equal(
                store_put(o.f.store, name, bytes_of_str("nothing"), &outcome),
                0);
        memory_set_hook(o.f.store, count_settled, &s);
        assert_int_equal(catchup_kit_try(&o.f, "x"), 0);
        assert_int_equal(s.n, 1);
        /* the mark stands: once */
        assert_int_equal(catchup_kit_try(&o.f, "x"), 0);
        memory_set_hook(o.f.store, NULL, NULL);
        assert_int_equal(s.n, 1);
        close_writer(&o);
    }
}

/* --- whose word counts --- */

/* Makes k sign as somebody whom nobody knows. */
static void other_signer(struct keyring *k)
{
    crypto_random(k->seed.b, sizeof k->seed.b);
    crypto_signer_load(&k->seed, &k->signer, &k->member);
}

/* A record of a kind that nobody knows is damage to whoever must understand it,
 * and stops nobody; one by somebody who may not speak is not even that. */
static void test_catchup_again__strangers_stop_nobody(void **state)
{
    enum { UNKNOWN_TYPE = 99 };

    (void)state;
    for (int stranger = 0; stranger < 2; stranger++) {
        struct chain_tip tip = {.any = false};
        struct journal_list list = {.item = NULL};
        struct keyring *k = keyring_new();
        struct catchup_update up;
        struct repo_fixture f;
        struct object_id id;
        struct repo *r = NULL;
        struct chain chain;
        struct catchup c;
        bool mine;

        assert_non_null(k);
        catchup_kit_start(&f, 1, &id);
        assert_int_equal(repo_fixture_repo(&f, "x", &r), 0);
        *k = *r->keys;
        if (stranger)
            other_signer(k);
        chain = (struct chain){
            .store = f.store, .keys = k, .kind = ENVELOPE_JOURNAL};
        members_writer_new(&r->keys->member, &chain.writer);
        assert_int_equal(
            chain_put(&chain, &tip, UNKNOWN_TYPE, bytes_of(NULL, 0), &mine), 0);
        assert_true(mine);
        assert_int_equal(journal_list_load(f.store, &list), 0);
        c = (struct catchup){.store = r->store,
                             .keys = r->keys,
                             .index = r->index,
                             .state = &r->state};
        assert_int_equal(catchup_update_init(&up, &c), 0);
        assert_int_equal(catchup_journals_read(&up, &list), 0);
        assert_int_equal(c.journals.records, stranger ? 0 : 1);
        catchup_update_release(&up);
        journal_list_release(&list);
        repo_close(r);
        keyring_free(k);
        repo_fixture_close(&f);
    }
}

/* Puts a whole journal once more, word for word, signed with k. */
static void say_again(struct repo_fixture *f, const struct repo *r,
                      const struct keyring *k)
{
    struct chain heard = {
        .store = f->store, .keys = r->keys, .kind = ENVELOPE_JOURNAL};
    struct chain_record said[4] = {{.signer = {{0}}}};
    struct chain_tip tip = {.any = false};
    struct catchup_kit_names n;
    struct chain chain;
    uint64_t number;
    bool ok;

    catchup_kit_pick(f->store, "w", &n);
    assert_int_equal(n.n, 4); /* open, segment, commit, end */
    assert_true(record_journal_number(n.name[0], &heard.writer, &number));
    for (unsigned i = 0; i < n.n; i++) {
        assert_int_equal(chain_get(&heard, i, &said[i], &ok), 0);
        assert_true(ok);
        catchup_kit_remove(f->store, n.name[i]);
    }
    chain = heard;
    chain.keys = k;
    for (unsigned i = 0; i < n.n; i++) {
        assert_int_equal(chain_put(&chain, &tip, said[i].record.type,
                                   said[i].record.body, &ok),
                         0);
        assert_true(ok);
        chain_record_release(&said[i]);
    }
}

/* All of a journal's records are sealed and signed well, by somebody who holds
 * the keys to seal them: they count by whose signature it is alone. */
static void test_catchup_again__strangers_commit_nothing(void **state)
{
    (void)state;
    for (int stranger = 0; stranger < 2; stranger++) {
        struct keyring *k = keyring_new();
        struct repo_fixture f;
        struct object_id id;
        struct repo *r = NULL;
        struct seen s;

        assert_non_null(k);
        catchup_kit_start(&f, 1, &id);
        assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
        *k = *r->keys;
        if (stranger)
            other_signer(k);
        say_again(&f, r, k);
        s = see(&f, "x", 1);
        assert_int_equal(s.listed, stranger ? 0 : 1);
        assert_int_equal(s.dedup, !stranger);
        /* the pack itself says what it holds */
        assert_true(s.read);
        assert_int_equal(catchup_kit_damaged(&f, "x"), 0);
        repo_close(r);
        keyring_free(k);
        repo_fixture_close(&f);
    }
}

/* A fence that is cut to nothing, or replaced by an empty file because a disk
 * does not give it back, is damage, and still a fence for who slept. */
static void test_catchup_again__an_empty_file_keeps_a_fence(void **state)
{
    enum store_outcome outcome;
    struct catchup_kit_names n;
    struct open_writer o;
    struct repo *other = NULL;
    struct object_id id;
    struct journal j;
    bool done;

    (void)state;
    open_writer(&o);
    assert_int_equal(repo_fixture_repo(&o.f, "c", &other), 0);
    journal_init(&j, &o.id);
    assert_int_equal(journal_read(&j, other, NULL), 0);
    assert_int_equal(journal_fence(&j, other, &done), 0);
    assert_true(done);
    catchup_kit_pick(o.f.store, "w", &n);
    assert_int_equal(n.n, 3);
    catchup_kit_remove(o.f.store, n.name[2]);
    assert_int_equal(
        store_put(o.f.store, n.name[2], bytes_of(NULL, 0), &outcome), 0);
    assert_int_equal(catchup_kit_damaged(&o.f, "x"), 1);
    assert_int_equal(catchup_kit_damaged(&o.f, NULL), 1);
    assert_int_equal(repo_fixture_publish(&o.f, o.w, o.r, 2), E_FENCED);
    assert_int_equal(repo_fixture_commit(o.w, o.r, 1, &id), E_FENCED);
    assert_int_equal(see(&o.f, NULL, 1).listed, 0);
    repo_close(other);
    close_writer(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catchup_again__a_gap_that_grows),
        cmocka_unit_test(test_catchup_again__a_pack_is_back),
        cmocka_unit_test(test_catchup_again__a_segment_is_back),
        cmocka_unit_test(test_catchup_again__a_snapshot_is_back),
        cmocka_unit_test(test_catchup_again__a_snapshot_is_back_at_work),
        cmocka_unit_test(test_catchup_again__asking_is_cheap),
        cmocka_unit_test(test_catchup_again__lost_segments_leave_packs_owed),
        cmocka_unit_test(test_catchup_again__a_doomed_pack_is_no_doubt),
        cmocka_unit_test(test_catchup_again__a_tail_behind_a_gap),
        cmocka_unit_test(test_catchup_again__an_older_list_puts_no_mark_back),
        cmocka_unit_test(test_catchup_again__the_last_sound_record_is_settled),
        cmocka_unit_test(test_catchup_again__strangers_stop_nobody),
        cmocka_unit_test(test_catchup_again__strangers_commit_nothing),
        cmocka_unit_test(test_catchup_again__an_empty_file_keeps_a_fence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
