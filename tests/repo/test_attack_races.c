/*
 * Two at once, one of them stopped at the worst moment: what one of them did
 * must not cost the other one anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "repo/catchup_marks.h"
#include "repo/intake.h"
#include "repo/repo_init.h"
#include "repo/repo_log.h"
#include "tests/repo/pack_fixture.h"
#include "tests/repo/repo_fixture.h"

/* --- log records by hand --- */

struct by_hand {
    enum record_log_type type;
    struct object_id pack;
    size_t n;
    uint64_t decides;
};

static int say(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    const struct by_hand *x = ctx;

    (void)r;
    d->type = x->type;
    d->says.ids = record_ids_of(&x->pack, x->n);
    d->says.decides = x->decides;
    return 0;
}

static void condemn(struct repo *r, const struct object_id *pack, uint64_t *n)
{
    struct by_hand x = {.type = RECORD_CONDEMN, .pack = *pack, .n = 1};

    assert_int_equal(repo_log_append(r, say, &x, n), 0);
}

/* The one pack of a repository that holds one. */
static struct index_pack only_pack(struct repo *r)
{
    struct index_reader *ix = NULL;
    struct index_pack pack[2];
    uint32_t next = 0;
    size_t n;

    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(index_reader_packs(ix, &next, pack, 2, &n), 0);
    assert_int_equal(n, 1);
    index_reader_free(ix);
    return pack[0];
}

static struct chunk_id chunk_of(const struct repo *r, uint64_t seed,
                                uint8_t bytes[REPO_FIXTURE_CHUNK_BYTES])
{
    struct chunk_id id;

    pack_fixture_bytes(seed * 100, bytes, REPO_FIXTURE_CHUNK_BYTES);
    keyring_chunk_id(r->keys, PACK_DATA,
                     bytes_of(bytes, REPO_FIXTURE_CHUNK_BYTES), &id);
    return id;
}

/* --- two inits --- */

struct intruder {
    struct repo_fixture *f;
    uint64_t at; /* passages until it acts */
    bool acts;
    int rc; /* of its init */
    struct object_id id;
};

/* Another user makes a repository and a backup, at once. */
static int make_another(void *ctx, enum memory_point point, enum memory_op op,
                        const char *name)
{
    struct intruder *x = ctx;

    (void)point;
    (void)op;
    (void)name;
    if (x->acts || x->at == 0 || --x->at > 0)
        return 0;
    x->acts = true;
    x->f->secret.bytes = bytes_of_str("ffffffffffffffffffffffffffffffff");
    x->rc = repo_fixture_init(x->f);
    if (x->rc == 0)
        assert_int_equal(repo_fixture_backup(x->f, "other", 1, &x->id), 0);
    return 0;
}

static void test_attack_races__of_two_inits_one_wins_whole(void **state)
{
    static const struct bytes first = {
        (const uint8_t *)"0123456789abcdef0123456789abcdef", 32};
    bool acted = true;

    (void)state;
    for (uint64_t n = 1; acted; n++) {
        struct repo_fixture f;
        struct intruder x = {.f = &f, .at = n, .rc = E_INTERNAL};
        struct repo_init_options opt;
        struct key_slot_secret secret = {KEY_SLOT_FILE, first};
        struct object_id id;
        int rc;

        assert_true(n < 500);
        repo_fixture_open(&f);
        opt = (struct repo_init_options){.secret = &secret};
        memory_set_hook(f.store, make_another, &x);
        rc = repo_init(f.store, &opt, NULL);
        memory_set_hook(f.store, NULL, NULL);
        acted = x.acts;
        if (acted) {
            assert_true((rc == 0) != (x.rc == 0));
            assert_int_equal(rc == 0 ? x.rc : rc, E_REFUSED);
        }
        if (rc == 0)
            f.secret = secret;
        assert_int_equal(repo_fixture_check(&f, &x.id, acted && x.rc == 0),
                         acted && x.rc == 0);
        assert_int_equal(repo_fixture_backup(&f, "a", 2, &id), 0);
        repo_fixture_close(&f);
    }
}

/* --- two processes and one cache --- */

/* What another process does to the cache while we read the store. */
struct overtaking {
    struct repo_fixture *f;
    struct repo *ours;
    struct index_pack pack;
    bool done;
    uint64_t number;
};

static int overtake(void *ctx, enum memory_point point, enum memory_op op,
                    const char *name)
{
    struct overtaking *x = ctx;
    struct index_update *u = NULL;
    struct repo *r = NULL;

    if (x->done || point != MEMORY_BEFORE || op != MEMORY_LIST ||
        strcmp(name, "w") != 0)
        return 0;
    x->done = true;
    assert_int_equal(repo_fixture_repo(x->f, NULL, &r), 0);
    condemn(r, &x->pack.id, &x->number);
    assert_int_equal(index_update_begin(x->ours->index, 1000, &u), 0);
    assert_int_equal(
        index_update_set_state(u, x->pack.no, INDEX_CONDEMNED, x->number), 0);
    assert_int_equal(catchup_marks_put_log(u, &r->state.tip), 0);
    assert_int_equal(index_update_commit(u), 0);
    repo_close(r);
    return 0;
}

/* A catch-up that was overtaken by another process with the same cache has read
 * an older log: what that one wrote, and has begun to rely on, stays. */
static void test_attack_races__an_older_view_never_replaces_a_later(
    void **state)
{
    struct repo_fixture f;
    struct overtaking x = {.f = &f};
    struct object_id id;
    struct repo *b = NULL;
    struct by_hand doom = {.type = RECORD_DOOM};

    (void)state;
    repo_fixture_open(&f);
    assert_int_equal(repo_fixture_init(&f), 0);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id), 0);
    assert_int_equal(repo_fixture_repo(&f, "a", &x.ours), 0);
    x.pack = only_pack(x.ours);
    condemn(x.ours, &x.pack.id, &doom.decides);
    assert_int_equal(only_pack(x.ours).state, INDEX_CONDEMNED);
    /* decided: the pack lives again, which is news to us */
    assert_int_equal(repo_fixture_repo(&f, "b", &b), 0);
    assert_int_equal(repo_log_append(b, say, &doom, NULL), 0);
    repo_close(b);

    memory_set_hook(f.store, overtake, &x);
    assert_int_equal(repo_refresh(x.ours), 0);
    memory_set_hook(f.store, NULL, NULL);
    assert_true(x.done);
    assert_int_equal(only_pack(x.ours).state, INDEX_CONDEMNED);
    assert_int_equal(only_pack(x.ours).condemned_by, x.number);
    assert_int_equal(x.ours->state.tip.number, x.number);
    repo_close(x.ours);
    repo_fixture_close(&f);
}

/* --- a renewal and a lane that looked before --- */

static int no_publish(void *ctx, struct pack_info *pack, size_t n,
                      bool *indexed)
{
    (void)ctx;
    (void)pack;
    (void)n;
    *indexed = false;
    return err_set(E_INTERNAL, "nothing to publish");
}

static void moved(void *ctx)
{
    intake_look_again(ctx);
}

static bool relies(void *ctx, uint32_t pack)
{
    return intake_hit(ctx, pack);
}

/* A writer that has renewed with a generation finds nothing any more that was
 * condemned before it: its collector does not wait for that writer. */
static void test_attack_races__after_a_renewal_nothing_older_is_seen(
    void **state)
{
    static const struct intake_options opt = {.level = 3};
    struct repo_fixture f;
    struct object_id id;
    struct repo *r = NULL;
    struct repo *other = NULL;
    struct writer *w = NULL;
    struct intake *in = NULL;
    struct intake_lane *lane = NULL;
    struct writer_reliance on = {.moved = moved, .on_pack = relies};
    uint8_t bytes[REPO_FIXTURE_CHUNK_BYTES];
    struct index_pack pack;
    struct chunk_id chunk;
    uint64_t condemned;
    uint64_t generation;
    bool has;

    (void)state;
    repo_fixture_open(&f);
    assert_int_equal(repo_fixture_init(&f), 0);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id), 0);
    clock_fake_set(clock_realtime_ns(), clock_monotonic_ns());
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    pack = only_pack(r);
    chunk = chunk_of(r, 1, bytes);
    assert_int_equal(writer_open(r, bytes_of_str("s"), &w), 0);
    assert_int_equal(
        intake_open(f.store, r->keys, r->index, &opt, no_publish, NULL, &in),
        0);
    assert_int_equal(intake_lane_new(in, PACK_DATA, &lane), 0);
    on.ctx = in;

    assert_int_equal(repo_fixture_repo(&f, "b", &other), 0);
    condemn(other, &pack.id, &condemned);
    repo_close(other);
    clock_fake_advance(WRITER_SILENCE_NS / 2);
    assert_int_equal(writer_renew(w, &on), 0);
    writer_log_tip(w, &generation, &id);
    assert_int_equal(generation, condemned);
    assert_int_equal(intake_has(lane, &chunk, &has), 0);
    assert_false(has);
    assert_false(intake_hit(in, pack.no));

    clock_fake_end();
    intake_lane_free(lane);
    intake_free(in);
    writer_free(w);
    repo_close(r);
    repo_fixture_close(&f);
}

/* --- a lost segment, and a pack that nobody lists --- */

static int delete_later(void *ctx, const char *name, uint64_t size)
{
    (void)size;
    (void)snprintf(ctx, STORE_NAME_MAX + 1, "%s", name);
    return 0;
}

/* A run that died left a pack that no record names; nothing keeps it. That a
 * segment is lost too must not make it something to rely on (W2). */
static void test_attack_races__unlisted_packs_are_only_read(void **state)
{
    struct repo_fixture f;
    struct pack_fixture p = {.store = NULL};
    struct pack_info info = {.bytes = 0};
    struct object_id id;
    struct repo *r = NULL;
    struct index_reader *ix = NULL;
    struct index_loc loc;
    uint8_t bytes[REPO_FIXTURE_CHUNK_BYTES];
    char segment[STORE_NAME_MAX + 1];
    bool found;

    (void)state;
    repo_fixture_open(&f);
    assert_int_equal(repo_fixture_init(&f), 0);
    assert_int_equal(repo_fixture_backup(&f, "a", 1, &id), 0);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    p.store = f.store;
    p.keys = r->keys;
    assert_int_equal(frame_ctx_new(&p.frame), 0);
    assert_int_equal(pack_fixture_pack(&p, PACK_DATA, 200, 1,
                                       REPO_FIXTURE_CHUNKS,
                                       REPO_FIXTURE_CHUNK_BYTES, &info),
                     0);
    frame_ctx_free(p.frame);
    pack_info_release(&info);
    repo_close(r);
    assert_int_equal(store_list(f.store, "index", delete_later, segment), 0);
    assert_int_equal(store_delete(f.store, segment), 0);

    assert_int_equal(repo_fixture_repo(&f, NULL, &r), 0);
    assert_int_equal(r->segments_lost, 1);
    assert_int_equal(index_reader_new(r->index, &ix), 0);
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct chunk_id chunk = chunk_of(r, seed, bytes);

        assert_int_equal(
            index_reader_find(ix, &chunk, INDEX_READ, &loc, &found), 0);
        assert_true(found);
        assert_int_equal(
            index_reader_find(ix, &chunk, INDEX_DEDUP, &loc, &found), 0);
        assert_false(found);
    }
    index_reader_free(ix);
    repo_close(r);
    repo_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack_races__of_two_inits_one_wins_whole),
        cmocka_unit_test(
            test_attack_races__an_older_view_never_replaces_a_later),
        cmocka_unit_test(
            test_attack_races__after_a_renewal_nothing_older_is_seen),
        cmocka_unit_test(test_attack_races__unlisted_packs_are_only_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
