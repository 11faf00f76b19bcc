/* Whose snapshots a run goes on from: docs/format.md 8.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "repo/key_change.h"
#include "repo/members_draft.h"
#include "repo/snapshot_list.h"
#include "repo/writer.h"
#include "tests/job/job_fixture.h"

enum { BYTES = 5000 };

/* A source with one file, and a thief beside its host. */
struct world {
    struct job_fixture f; /* the host's, with a full key */
    struct job_fixture thief;
    uint8_t file[BYTES];
    char theirs[JOB_PATH];
};

static void world_make(struct world *x, enum keyring_role role,
                       enum record_trust trust)
{
    static const struct key_slot_secret secret = {
        KEY_SLOT_FILE,
        {(const uint8_t *)"a thief has this key file, 32 b!", 32}};
    struct key_change_new n = {.role = role,
                               .label = "thief",
                               .secret = &secret,
                               .has_trust = true,
                               .trust = trust};
    struct repo_open_options opt = {.secret = &secret};
    struct member_id id;

    job_fixture_open(&x->f);
    for (size_t i = 0; i < BYTES; i++)
        x->file[i] = (uint8_t)(i * 7);
    scratch_file(x->f.src, "file", x->file, BYTES);
    assert_int_equal(key_change_add(x->f.r, &n, &id), 0);
    x->thief = x->f;
    (void)snprintf(x->theirs, sizeof x->theirs, "%s/theirs", x->f.dir);
    opt.cache_root = x->theirs;
    assert_int_equal(repo_open(x->f.store, &opt, &x->thief.r), 0);
    assert_int_equal(repo_refresh(x->f.r), 0);
}

static void world_end(struct world *x)
{
    repo_close(x->thief.r);
    job_fixture_close(&x->f);
}

/* The thief puts garbage under the id of the file's chunk, and relies on it. */
static void garbage(struct world *x)
{
    struct repo *r = x->thief.r;
    struct pack_dir_chunk chunk = {.bytes = BYTES};
    struct pack_info info = {.bytes = 0};
    uint8_t raw[BYTES] = {0};
    struct frame_ctx *frame = NULL;
    struct pack_writer *p = NULL;
    struct writer *w = NULL;
    struct frame f;
    bool indexed;

    keyring_chunk_id(r->keys, PACK_DATA, bytes_of(x->file, BYTES), &chunk.id);
    assert_int_equal(frame_ctx_new(&frame), 0);
    assert_int_equal(pack_writer_open(x->f.store, r->keys, PACK_DATA,
                                      bytes_of_str("garbage"), &p),
                     0);
    assert_int_equal(frame_prepare(frame, bytes_of(raw, BYTES), 3), 0);
    assert_int_equal(
        frame_seal(frame, pack_writer_key(p), pack_dir_what(&chunk, 1), &f), 0);
    assert_int_equal(pack_writer_add(p, &f, &chunk, 1, NULL), 0);
    assert_int_equal(pack_writer_commit(p, false, &info), 0);
    pack_writer_free(p);
    frame_ctx_free(frame);
    assert_int_equal(writer_open(r, bytes_of_str("t@t"), &w), 0);
    assert_int_equal(writer_publish(w, &info, 1, &indexed), 0);
    assert_true(indexed);
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
}

static struct job_snap run(struct job_fixture *f)
{
    struct job_snap s = job_fixture_run(f, NULL);

    assert_int_equal(s.rc, 0);
    return s;
}

/* A snapshot in the host's series, all of whose entries are as they are on the
 * disk, but for the content behind them. */
static void test_snapshot_trust__a_thiefs_snapshot_is_no_parent(void **state)
{
    struct job_snap s;
    static struct world x;

    (void)state;
    world_make(&x, KEYRING_WRITE, RECORD_TRUST_OWN);
    garbage(&x);
    s = run(&x.thief);
    assert_true(s.result.stats.new_bytes < BYTES); /* nodes */
    s = run(&x.f);
    assert_true(s.result.foreign_parent);
    assert_false(s.result.has_parent);
    assert_int_equal(s.result.kept_files, 0);
    job_fixture_returns(&x.f, &s.result.id);
    /* it follows it in the series all the same */
    {
        struct snapshot mine;

        assert_int_equal(
            snapshot_list_read(x.f.store, x.f.r->keys, &s.result.id, &mine), 0);
        assert_int_equal(mine.manifest.m.number, 2);
        snapshot_list_drop(&mine);
    }
    /* and the next one keeps what its own parent has, whatever the thief puts
     * in between */
    s = run(&x.thief);
    s = run(&x.f);
    assert_true(s.result.foreign_parent);
    assert_true(s.result.has_parent);
    assert_int_equal(s.result.kept_files, 1);
    job_fixture_returns(&x.f, &s.result.id);
    world_end(&x);
}

static void test_snapshot_trust__full_keys_are_relied_on(void **state)
{
    struct job_snap s;
    static struct world x;

    (void)state;
    world_make(&x, KEYRING_FULL, RECORD_TRUST_OWN);
    (void)run(&x.thief);
    s = run(&x.f);
    assert_false(s.result.foreign_parent);
    assert_true(s.result.has_parent);
    assert_int_equal(s.result.kept_files, 1);
    job_fixture_returns(&x.f, &s.result.id);
    world_end(&x);
}

/* What was taken over while everybody was relied on is looked at again. */
static void test_snapshot_trust__a_change_of_trust_reads_again(void **state)
{
    struct job_snap s;
    static struct world x;

    (void)state;
    world_make(&x, KEYRING_WRITE, RECORD_TRUST_SHARED);
    garbage(&x);
    s = run(&x.f);
    /* that is what shared means */
    assert_true(s.result.stats.new_bytes < BYTES); /* nodes */
    assert_int_equal(key_change_trust(x.f.r, RECORD_TRUST_OWN), 0);
    job_fixture_reopen(&x.f, false); /* a cache just filled proves nothing */
    s = run(&x.f);
    assert_true(s.result.has_parent);
    assert_true(s.result.stats.new_bytes >= BYTES);
    job_fixture_returns(&x.f, &s.result.id);
    world_end(&x);
}

struct leaving {
    struct members_change change;
    struct members_draft draft;
};

static int say_leaving(void *ctx, const struct repo *r,
                       struct repo_log_draft *d)
{
    struct leaving *l = ctx;

    return members_draft_make(&l->draft, r, &l->change, d);
}

/* M7: no subtree of a parent is taken over unseen whose member is leaving: what
 * it reaches may be in no cut. */
static void test_snapshot_trust__who_leaves_is_looked_at(void **state)
{
    struct leaving l = {.change = {.standing = RECORD_LEAVING}};
    static struct world x;
    struct job_snap s;

    (void)state;
    world_make(&x, KEYRING_WRITE, RECORD_TRUST_SHARED);
    (void)run(&x.f);
    scratch_file(x.f.src, "more", x.file, BYTES / 2);
    (void)run(&x.thief);
    l.change.who = &x.thief.r->keys->member;
    members_draft_init(&l.draft);
    assert_int_equal(repo_log_append(x.f.r, say_leaving, &l, NULL), 0);
    members_draft_release(&l.draft);
    job_fixture_reopen(&x.f, false);
    s = run(&x.f);
    assert_true(s.result.has_parent);
    assert_true(s.result.stats.new_bytes >= BYTES / 2);
    job_fixture_returns(&x.f, &s.result.id);
    world_end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot_trust__a_thiefs_snapshot_is_no_parent),
        cmocka_unit_test(test_snapshot_trust__full_keys_are_relied_on),
        cmocka_unit_test(test_snapshot_trust__a_change_of_trust_reads_again),
        cmocka_unit_test(test_snapshot_trust__who_leaves_is_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
