/* W1 to W6, one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "repo/journal_list.h"
#include "repo/record_journal.h"
#include "repo/repo_log.h"
#include "repo/writer_journal.h"
#include "tests/repo/pack_fixture.h"
#include "tests/repo/repo_fixture.h"

struct bench {
    struct repo_fixture f;
    struct repo *r;
    struct writer *w;
};

static void bench_open(struct bench *b)
{
    *b = (struct bench){.r = NULL};
    clock_fake_set(1000000 * CLOCK_SECOND_NS, 1000 * CLOCK_SECOND_NS);
    repo_fixture_open(&b->f);
    assert_int_equal(repo_fixture_init(&b->f), 0);
    assert_int_equal(repo_fixture_repo(&b->f, "a", &b->r), 0);
}

static void bench_writer(struct bench *b)
{
    assert_int_equal(writer_open(b->r, bytes_of_str("s"), &b->w), 0);
}

static void bench_close(struct bench *b)
{
    writer_free(b->w);
    repo_close(b->r);
    repo_fixture_close(&b->f);
    clock_fake_end();
}

/* The records of the only journal: types as a string ("oRsce": open, renew,
 * segment, commit, end, f: fence), and the last generation that was said. */
struct spoken {
    char types[32];
    uint64_t generation;
    struct writer_id writer;
    struct chain_tip tip;
};

static struct spoken listen(struct bench *b)
{
    static const char letter[] = "?orscpef";
    struct journal_list l = {.item = NULL};
    struct spoken s = {.types = ""};
    struct chain c = {
        .store = b->f.store, .keys = b->r->keys, .kind = ENVELOPE_JOURNAL};

    assert_int_equal(journal_list_load(b->f.store, &l), 0);
    assert_int_equal(l.n, 1);
    c.writer = s.writer = l.item[0].writer;
    for (uint64_t k = 0; k <= l.item[0].last; k++) {
        struct chain_record r = {.signer = {{0}}};
        struct record_journal j;
        bool found;

        assert_int_equal(chain_get(&c, k, &r, &found), 0);
        assert_true(found);
        assert_int_equal(chain_follows(&c, &s.tip, &r), 0);
        assert_int_equal(record_journal_get(&r.record, &j), 0);
        s.types[k] = letter[r.record.type];
        if (r.record.type == RECORD_OPEN || r.record.type == RECORD_RENEW)
            s.generation = j.generation;
        s.tip = (struct chain_tip){true, k, r.id};
        chain_record_release(&r);
    }
    journal_list_release(&l);
    return s;
}

struct by_hand {
    enum record_log_type type;
    struct object_id id;
};

static int say(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    const struct by_hand *x = ctx;

    (void)r;
    d->type = x->type;
    d->says.ids = record_ids_of(&x->id, 1);
    return 0;
}

/* Another process appends to the log; returns the record's number. */
static uint64_t append(struct repo_fixture *f, enum record_log_type type,
                       const struct object_id *id)
{
    struct by_hand x = {.type = type};
    struct repo *r = NULL;
    uint64_t n = 0;

    if (id)
        x.id = *id;
    assert_int_equal(repo_fixture_repo(f, NULL, &r), 0);
    assert_int_equal(repo_log_append(r, say, &x, &n), 0);
    repo_close(r);
    return n;
}

static struct index_pack first_pack_known(struct repo *r)
{
    struct index_reader *ix = NULL;
    struct index_pack pack;
    uint32_t next = 0;
    size_t n = 0;

    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(index_reader_packs(ix, &next, &pack, 1, &n), 0);
    assert_int_equal(n, 1);
    index_reader_free(ix);
    return pack;
}

static struct object_id first_pack(struct repo *r)
{
    return first_pack_known(r).id;
}

static void test_writer__says_open_segment_commit_end(void **state)
{
    struct object_id id;
    struct spoken s;
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_writer(&b);
    assert_int_equal(repo_fixture_publish(&b.f, b.w, b.r, 1), 0);
    assert_int_equal(repo_fixture_commit(b.w, b.r, 1, &id), 0);
    assert_int_equal(writer_end(b.w), 0);
    s = listen(&b);
    assert_string_equal(s.types, "osce");
    assert_int_equal(s.generation, 0);
    /* nothing after the end */
    assert_int_equal(repo_fixture_publish(&b.f, b.w, b.r, 2), E_FENCED);
    assert_int_equal(repo_fixture_commit(b.w, b.r, 2, &id), E_FENCED);
    assert_int_equal(writer_end(b.w), E_FENCED);
    assert_string_equal(listen(&b).types, "osce");
    bench_close(&b);
}

/* W1: somebody condemns between our reading of the log and our open: the
 * second look sees it. */
struct late {
    struct repo_fixture *f;
    struct object_id id;
    bool done;
    uint64_t said;
};

static int say_before_open(void *ctx, enum memory_point point,
                           enum memory_op op, const char *name)
{
    struct late *x = ctx;

    if (x->done || point != MEMORY_BEFORE || op != MEMORY_COMMIT ||
        strncmp(name, "w/", 2) != 0)
        return 0;
    x->done = true;
    x->said = append(x->f, RECORD_CONDEMN, &x->id);
    return 0;
}

static void test_writer__looks_again_after_its_open(void **state)
{
    struct late x = {.done = false};
    struct object_id tip;
    struct spoken s;
    uint64_t number;
    struct bench b;

    (void)state;
    bench_open(&b);
    memset(x.id.b, 9, sizeof x.id.b);
    x.f = &b.f;
    memory_set_hook(b.f.store, say_before_open, &x);
    bench_writer(&b);
    memory_set_hook(b.f.store, NULL, NULL);
    assert_int_equal(x.said, 1);
    s = listen(&b);
    assert_string_equal(s.types, "or");
    assert_int_equal(s.generation, 1);
    writer_log_tip(b.w, &number, &tip);
    assert_int_equal(number, 1);
    assert_true(object_id_equal(&tip, &b.r->state.tip.id));
    assert_int_equal(state_of_pack(&b.r->state, &x.id, NULL), STATE_CONDEMNED);
    bench_close(&b);
}

static bool relies_on_all(void *ctx, uint32_t pack)
{
    (void)pack;
    return *(bool *)ctx;
}

static uint64_t generation_of(const struct writer *w)
{
    struct object_id id;
    uint64_t n;

    writer_log_tip(w, &n, &id);
    return n;
}

/* W4: when it is time to, and not before; with the state that was read just
 * then, unless something that we rely on was condemned. */
static void test_writer__renews_in_time(void **state)
{
    bool relies = false;
    struct writer_reliance on = {.on_pack = relies_on_all, .ctx = &relies};
    struct object_id other;
    struct object_id own;
    struct spoken s;
    struct bench b;
    uint64_t n;

    (void)state;
    bench_open(&b);
    bench_writer(&b);
    assert_int_equal(repo_fixture_publish(&b.f, b.w, b.r, 1), 0);
    own = first_pack(b.r);
    memset(other.b, 9, sizeof other.b);
    assert_int_equal(append(&b.f, RECORD_CONDEMN, &other), 1);
    clock_fake_advance(WRITER_SILENCE_NS / 3 - 1);
    assert_int_equal(writer_renew(b.w, &on), 0);
    assert_string_equal(listen(&b).types, "os");
    clock_fake_advance(1);
    assert_int_equal(writer_renew(b.w, &on), 0);
    s = listen(&b);
    assert_string_equal(s.types, "osr");
    assert_int_equal(s.generation, 1);
    /* at once again: it has just spoken */
    assert_int_equal(writer_renew(b.w, &on), 0);
    assert_string_equal(listen(&b).types, "osr");

    /* a pack of our own is always one that we rely on */
    n = append(&b.f, RECORD_CONDEMN, &own);
    assert_int_equal(n, 2);
    clock_fake_advance(WRITER_SILENCE_NS);
    assert_int_equal(writer_renew(b.w, &on), 0);
    s = listen(&b);
    assert_string_equal(s.types, "osrr");
    assert_int_equal(s.generation, 1);
    /* and stays so */
    clock_fake_advance(WRITER_SILENCE_NS);
    assert_int_equal(writer_renew(b.w, &on), 0);
    assert_int_equal(listen(&b).generation, 1);
    bench_close(&b);
}

/* A run that is told that the index has moved on. */
struct told {
    struct bench *b;
    unsigned n;
    enum index_state state; /* of the first pack, when it was told */
    char types[32];         /* what the journal said then */
};

static void tell(void *ctx)
{
    struct told *t = ctx;

    t->n++;
    t->state = first_pack_known(t->b->r).state;
    memcpy(t->types, listen(t->b).types, sizeof t->types);
}

/* Look-ups in older views end before the new generation is said, and when the
 * index knows it. */
static void test_writer__tells_of_the_index_before_it_renews(void **state)
{
    struct bench b;
    struct told t = {.b = &b};
    struct writer_reliance on = {.moved = tell, .ctx = &t};
    struct object_id own;

    (void)state;
    bench_open(&b);
    bench_writer(&b);
    assert_int_equal(repo_fixture_publish(&b.f, b.w, b.r, 1), 0);
    own = first_pack(b.r);
    assert_int_equal(append(&b.f, RECORD_CONDEMN, &own), 1);
    assert_int_equal(first_pack_known(b.r).state, INDEX_LIVE);
    assert_int_equal(writer_renew(b.w, &on), 0);
    assert_int_equal(t.n, 0); /* it is not time to */
    clock_fake_advance(WRITER_SILENCE_NS / 3);
    assert_int_equal(writer_renew(b.w, &on), 0);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.state, INDEX_CONDEMNED);
    assert_string_equal(t.types, "os");
    assert_string_equal(listen(&b).types, "osr");
    bench_close(&b);
}

/* Condemned and doomed between two looks, or doomed before the index has heard
 * of it: the index knows of no condemn record then, and the pack is lost all
 * the same. */
static void test_writer__a_doom_is_a_loss_however_it_is_met(void **state)
{
    enum { OWN, HIT, NOT_HIT, UNKNOWN, WAYS };

    (void)state;
    for (int way = 0; way < WAYS; way++) {
        bool relies = way == HIT;
        struct writer_reliance on = {.on_pack = relies_on_all, .ctx = &relies};
        struct pack_info info = {.bytes = 0};
        struct object_id id;
        struct bench b;

        bench_open(&b);
        bench_writer(&b);
        if (way == UNKNOWN) {
            repo_fixture_pack(&b.f, b.r, 1, &info);
            id = info.id;
        } else {
            assert_int_equal(repo_fixture_publish(&b.f, b.w, b.r, 1), 0);
            id = first_pack(b.r);
        }
        if (way == HIT || way == NOT_HIT) {
            /* it is another's now */
            writer_free(b.w);
            assert_int_equal(writer_open(b.r, bytes_of_str("s"), &b.w), 0);
        }
        (void)append(&b.f, RECORD_CONDEMN, &id);
        assert_int_equal(append(&b.f, RECORD_DOOM, &id), 2);
        if (way == UNKNOWN) {
            bool indexed;

            assert_int_equal(repo_refresh(b.r), 0);
            assert_int_equal(writer_publish(b.w, &info, 1, &indexed), 0);
            assert_true(indexed);
        }
        clock_fake_advance(WRITER_SILENCE_NS);
        assert_int_equal(writer_renew(b.w, &on), 0);
        assert_int_equal(generation_of(b.w), way == NOT_HIT ? 2 : 0);
        bench_close(&b);
    }
}

/* ... or that trees are taken over from a snapshot that was forgotten. */
static void test_writer__renews_with_its_parent_in_mind(void **state)
{
    struct object_id parent = {{5}};
    bool relies = false;
    struct writer_reliance on = {.parent = &parent,
                                 .parent_n = 1,
                                 .on_pack = relies_on_all,
                                 .ctx = &relies};
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_writer(&b);
    assert_int_equal(append(&b.f, RECORD_UNFORGET, &parent), 1);
    clock_fake_advance(WRITER_SILENCE_NS);
    assert_int_equal(writer_renew(b.w, &on), 0);
    assert_int_equal(listen(&b).generation, 1);
    assert_int_equal(append(&b.f, RECORD_FORGET, &parent), 2);
    clock_fake_advance(WRITER_SILENCE_NS);
    assert_int_equal(writer_renew(b.w, &on), 0);
    assert_string_equal(listen(&b).types, "orr");
    assert_int_equal(listen(&b).generation, 1);
    bench_close(&b);
}

/* The segment record of the journal that is not w's goes. */
static void lose_of_others(struct bench *b)
{
    struct journal_list l = {.item = NULL};
    char name[RECORD_NAME_MAX];
    size_t n = 0;

    assert_int_equal(journal_list_load(b->f.store, &l), 0);
    assert_int_equal(l.n, 2);
    for (size_t i = 0; i < l.n; i++)
        if (memcmp(l.item[i].writer.b, b->w->chain.writer.b,
                   sizeof l.item[i].writer.b) != 0) {
            record_journal_name(&l.item[i].writer, 1, name);
            assert_int_equal(store_delete(b->f.store, name), 0);
            n++;
        }
    assert_int_equal(n, 1);
    journal_list_release(&l);
}

/* ... or that trees are taken over while damage is met, which may have taken
 * what lists their packs. */
static void test_writer__renews_with_damage_in_mind(void **state)
{
    static const struct {
        bool damage;
        bool parent;
        uint64_t generation;
    } way[] = {{true, true, 0}, {true, false, 1}, {false, true, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
        struct object_id parent = {{5}};
        struct object_id other = {{9}};
        struct object_id id;
        bool relies = false;
        struct writer_reliance on = {.parent = &parent,
                                     .parent_n = way[i].parent,
                                     .on_pack = relies_on_all,
                                     .ctx = &relies};
        struct bench b;

        bench_open(&b);
        bench_writer(&b);
        assert_int_equal(repo_fixture_backup(&b.f, "b", 1, &id), 0);
        if (way[i].damage)
            lose_of_others(&b);
        assert_int_equal(append(&b.f, RECORD_UNFORGET, &other), 1);
        clock_fake_advance(WRITER_SILENCE_NS);
        assert_int_equal(writer_renew(b.w, &on), 0);
        assert_int_equal(b.r->hurt, way[i].damage);
        assert_int_equal(generation_of(b.w), way[i].generation);
        bench_close(&b);
    }
}

/* A collector ends the writer whose records listen() has told. */
static void end_it(struct bench *b, struct spoken *s)
{
    struct record_journal fence = {.seen = 0};
    struct chain c = {.store = b->f.store,
                      .keys = b->r->keys,
                      .kind = ENVELOPE_JOURNAL,
                      .writer = s->writer};
    struct buf body;
    bool mine = false;

    buf_init(&body, 1024);
    record_journal_put(RECORD_FENCE, &fence, &body);
    assert_int_equal(
        chain_put(&c, &s->tip, RECORD_FENCE, buf_bytes(&body), &mine), 0);
    assert_true(mine);
    buf_release(&body);
}

/* Somebody has ended us: nothing more is said, and nothing exists. */
static void test_writer__stops_when_it_is_fenced(void **state)
{
    for (int at = 0; at < 4; at++) {
        bool relies = false;
        struct writer_reliance on = {.on_pack = relies_on_all, .ctx = &relies};
        struct object_id id = {{0}};
        struct spoken s;
        struct bench b;
        int rc;

        (void)state;
        bench_open(&b);
        bench_writer(&b);
        assert_int_equal(repo_fixture_publish(&b.f, b.w, b.r, 1), 0);
        s = listen(&b);
        end_it(&b, &s);
        clock_fake_advance(WRITER_SILENCE_NS);
        switch (at) {
        case 0:
            rc = repo_fixture_publish(&b.f, b.w, b.r, 2);
            break;
        case 1:
            rc = repo_fixture_commit(b.w, b.r, 1, &id);
            break;
        case 2:
            rc = writer_renew(b.w, &on);
            break;
        default:
            rc = writer_end(b.w);
            break;
        }
        assert_int_equal(rc, E_FENCED);
        /* whatever it tries afterwards */
        assert_int_equal(repo_fixture_publish(&b.f, b.w, b.r, 3), E_FENCED);
        assert_int_equal(repo_fixture_commit(b.w, b.r, 1, &id), E_FENCED);
        assert_int_equal(writer_end(b.w), E_FENCED);
        assert_string_equal(listen(&b).types, "osf");
        assert_int_equal(repo_fixture_check(&b.f, NULL, 0), 0);
        bench_close(&b);
    }
}

/* What happens while it opens: its cache is lost once it is announced, and, if
 * asked for, a collector is faster than its end. */
struct loss {
    struct bench *b;
    bool fenced;
    unsigned puts; /* of journal records */
};

static int lose_cache(void *ctx, enum memory_point point, enum memory_op op,
                      const char *name)
{
    struct loss *x = ctx;
    bool ours = op == MEMORY_COMMIT && strncmp(name, "w/", 2) == 0;
    char index[160];
    char away[160];
    FILE *f;

    if (ours && point == MEMORY_BEFORE && ++x->puts == 2 && x->fenced) {
        struct spoken s = listen(x->b);

        end_it(x->b, &s);
    }
    if (!ours || point != MEMORY_AFTER || x->puts != 1)
        return 0;
    (void)snprintf(index, sizeof index, "%s/index", x->b->r->cache);
    (void)snprintf(away, sizeof away, "%s/away", x->b->r->cache);
    assert_int_equal(rename(index, away), 0);
    f = fopen(index, "we"); /* no place for another */
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(setenv("TMPDIR", "/nonexistent", 1), 0);
    return 0;
}

/* Announced, and no cache can be had any more: it says that it ends, to the
 * store alone. */
static void test_writer__gives_up_without_a_cache(void **state)
{
    (void)state;
    for (int fenced = 0; fenced < 2; fenced++) {
        struct bench b;
        struct loss x = {.b = &b, .fenced = fenced};

        bench_open(&b);
        memory_set_hook(b.f.store, lose_cache, &x);
        assert_int_equal(writer_open(b.r, bytes_of_str("s"), &b.w), E_IO);
        memory_set_hook(b.f.store, NULL, NULL);
        assert_int_equal(unsetenv("TMPDIR"), 0);
        assert_null(b.r->index);
        assert_null(b.w);
        assert_string_equal(listen(&b).types, fenced ? "of" : "oe");
        bench_close(&b);
    }
}

/* A feature that writers must know and this one does not. */
static int say_flags(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    const struct buf *names = ctx;

    (void)r;
    d->type = RECORD_FLAGS;
    d->says.features[RECORD_CLASS_WRITE].encoded = buf_bytes(names);
    d->says.features[RECORD_CLASS_WRITE].n = 1;
    return 0;
}

static void test_writer__refuses_what_it_does_not_know(void **state)
{
    struct writer *w = NULL;
    struct bench b;
    struct buf names;

    (void)state;
    bench_open(&b);
    buf_init(&names, 100);
    record_string_put(&names, bytes_of_str("from-the-future"));
    assert_int_equal(repo_log_append(b.r, say_flags, &names, NULL), 0);
    assert_int_equal(writer_open(b.r, bytes_of_str("s"), &w), E_UNSUPPORTED);
    assert_null(w);
    buf_release(&names);
    bench_close(&b);
}

/* The same, said by another process since we have read the log. */
static void test_writer__looks_for_features_when_it_opens(void **state)
{
    struct writer *w = NULL;
    struct repo *other = NULL;
    struct bench b;
    struct buf names;

    (void)state;
    bench_open(&b);
    buf_init(&names, 100);
    record_string_put(&names, bytes_of_str("from-the-future"));
    assert_int_equal(repo_fixture_repo(&b.f, "b", &other), 0);
    assert_int_equal(repo_log_append(other, say_flags, &names, NULL), 0);
    repo_close(other);
    assert_int_equal(writer_open(b.r, bytes_of_str("s"), &w), E_UNSUPPORTED);
    assert_null(w);
    buf_release(&names);
    bench_close(&b);
}

/* Somebody, or one of us, has that name: another one is taken. */
static int take_name(void *ctx, enum memory_point point, enum memory_op op,
                     const char *name)
{
    struct repo_fixture *f = ctx;
    enum store_outcome outcome;

    if (point != MEMORY_BEFORE || op != MEMORY_COMMIT ||
        strncmp(name, "w/", 2) != 0)
        return 0;
    memory_set_hook(f->store, NULL, NULL);
    return store_put(f->store, name, bytes_of_str("taken"), &outcome);
}

static void test_writer__a_name_that_is_taken_is_left(void **state)
{
    struct journal_list l = {.item = NULL};
    struct repo_fixture f;
    struct repo *r = NULL;
    struct writer *w = NULL;
    struct object_id id;

    (void)state;
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    memory_set_hook(f.store, take_name, &f);
    assert_int_equal(writer_open(r, bytes_of_str("a@b"), &w), 0);
    assert_int_equal(repo_fixture_publish(&f, w, r, 1), 0);
    assert_int_equal(repo_fixture_commit(w, r, 1, &id), 0);
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
    assert_int_equal(journal_list_load(f.store, &l), 0);
    assert_int_equal(l.n, 2);
    journal_list_release(&l);
    assert_int_equal(repo_fixture_check(&f, &id, 1), 1);
    repo_close(r);
    repo_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer__says_open_segment_commit_end),
        cmocka_unit_test(test_writer__looks_again_after_its_open),
        cmocka_unit_test(test_writer__renews_in_time),
        cmocka_unit_test(test_writer__tells_of_the_index_before_it_renews),
        cmocka_unit_test(test_writer__a_doom_is_a_loss_however_it_is_met),
        cmocka_unit_test(test_writer__renews_with_its_parent_in_mind),
        cmocka_unit_test(test_writer__renews_with_damage_in_mind),
        cmocka_unit_test(test_writer__stops_when_it_is_fenced),
        cmocka_unit_test(test_writer__gives_up_without_a_cache),
        cmocka_unit_test(test_writer__refuses_what_it_does_not_know),
        cmocka_unit_test(test_writer__looks_for_features_when_it_opens),
        cmocka_unit_test(test_writer__a_name_that_is_taken_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
