#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "repo/check.h"
#include "repo/envelope.h"
#include "repo/key_change.h"
#include "repo/pack_reader.h"
#include "repo/repo_log.h"
#include "repo/rotate.h"
#include "repo/slot_list.h"
#include "tests/repo/catchup_kit.h"
#include "tests/repo/epoch_kit.h"

static uint32_t rotate(struct epoch_kit *k)
{
    struct rotate_result res;
    int rc = rotate_run(k->r, &k->f.secret, &res);

    if (rc < 0)
        fail_msg("rotate: %s", err_text());
    assert_int_equal(res.members, 1);
    assert_int_equal(keyring_newest(k->r->keys), res.epoch);
    return res.epoch;
}

/* Everything is there, for who starts with nothing but the key: n snapshots,
 * all chunks, and no finding. */
static void check_all(struct epoch_kit *k, const struct object_id *want,
                      size_t n)
{
    assert_int_equal(repo_fixture_check(&k->f, want, n), n);
}

/* --- what it is for --- */

/* Names of all objects that there are. */
struct names {
    char name[64][96];
    size_t n;
};

static int name_one(void *ctx, const char *name, uint64_t size)
{
    struct names *l = ctx;

    (void)size;
    assert_true(l->n < 64 && strlen(name) < sizeof l->name[0]);
    memcpy(l->name[l->n++], name, strlen(name) + 1);
    return 0;
}

static void name_all(struct store *s, struct names *l)
{
    static const char *const below[] = {"packs", "index", "snapshots", "log",
                                        "w"};

    l->n = 0;
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++)
        assert_int_equal(store_list(s, below[i], name_one, l), 0);
}

static bool was_there(const struct names *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->name[i], name) == 0)
            return true;
    return false;
}

static int open_envelope(struct epoch_kit *k, const struct keyring *ring,
                         const char *name)
{
    enum envelope_kind kind = name[0] == 'i'   ? ENVELOPE_SEGMENT
                              : name[0] == 's' ? ENVELOPE_SNAPSHOT
                              : name[0] == 'l' ? ENVELOPE_LOG
                                               : ENVELOPE_JOURNAL;
    bool named = kind == ENVELOPE_LOG || kind == ENVELOPE_JOURNAL;
    struct envelope e;
    struct buf file;
    struct buf plain;
    int rc;

    catchup_kit_get(k->f.store, name, &file);
    buf_init(&plain, envelope_max_bytes(kind));
    rc = envelope_open(ring, kind,
                       named ? bytes_of_str(name) : bytes_of(NULL, 0),
                       buf_bytes(&file), &plain, &e);
    buf_release(&file);
    buf_release(&plain);
    return rc;
}

/* A pack's directory, and its first frame; where the directory says the latter
 * lies is told by who can read it. */
static int open_pack(struct epoch_kit *k, const struct keyring *ring,
                     const char *name, int *frame)
{
    struct frame_ctx *x = NULL;
    struct pack_reader *r = NULL;
    struct pack_info info;
    struct pack_info mine;
    struct pack_dir_reader d;
    struct pack_dir_frame f;
    uint8_t *raw = malloc(FRAME_RAW_MAX);
    struct object_id id;
    int rc;

    assert_non_null(raw);
    assert_true(id_from_hex(strrchr(name, '/') + 1, id.b, sizeof id.b));
    assert_int_equal(frame_ctx_new(&x), 0);
    assert_int_equal(pack_reader_new(k->f.store, k->r->keys, &r), 0);
    assert_int_equal(pack_reader_dir(r, &id, &info), 0);
    pack_reader_free(r);
    pack_dir_read(&d, buf_bytes(&info.dir));
    assert_true(pack_dir_next_frame(&d, &f));
    assert_int_equal(pack_reader_new(k->f.store, ring, &r), 0);
    *frame = pack_reader_frame(r, x, &id, f.key, f.off, f.stored_bytes,
                               f.raw_bytes, raw);
    rc = pack_reader_dir(r, &id, &mine);
    if (rc == 0)
        pack_info_release(&mine);
    pack_reader_free(r);
    pack_info_release(&info);
    frame_ctx_free(x);
    free(raw);
    return rc;
}

/* Who holds the old keys, all of them, opens nothing that came since: however
 * it is told of the epoch. */
static void test_rotate__old_keys_open_nothing_new(void **state)
{
    static struct names before;
    static struct names after;
    struct keyring *thief = keyring_new();
    struct object_id id[2];
    struct epoch_kit k;
    unsigned seen = 0; /* bit by folder */

    (void)state;
    assert_non_null(thief);
    epoch_kit_open(&k);
    assert_int_equal(repo_fixture_backup(&k.f, "b", 1, &id[0]), 0);
    *thief = *k.r->keys;
    assert_int_equal(rotate(&k), 1);
    name_all(k.f.store, &before);
    assert_int_equal(repo_fixture_backup(&k.f, "b", 2, &id[1]), 0);
    assert_int_equal(rotate(&k), 2);
    name_all(k.f.store, &after);
    for (size_t i = 0; i < after.n; i++) {
        const char *name = after.name[i];
        bool old = was_there(&before, name);
        bool pack = name[0] == 'p';
        int frame = 0;

        for (uint32_t begun = 1; begun <= 3; begun += 2) {
            int want = old ? 0 : begun == 1 ? E_CORRUPT : E_ROLE;
            int rc;

            thief->begun = begun;
            rc = pack ? open_pack(&k, thief, name, &frame)
                      : open_envelope(&k, thief, name);
            assert_int_equal(rc, want);
            if (pack)
                assert_int_equal(frame, want);
        }
        /* nor under the old keys by the new number */
        if (!old) {
            thief->epoch[1] = thief->epoch[0];
            thief->held = 2;
            assert_int_equal(pack ? open_pack(&k, thief, name, &frame)
                                  : open_envelope(&k, thief, name),
                             E_CORRUPT);
            thief->held = 1;
            seen |= 1U << (name[0] - 'a');
        }
    }
    /* index, log, packs, snapshots, w */
    assert_int_equal(seen, 1 << 8 | 1 << 11 | 1 << 15 | 1 << 18 | 1 << 22);
    check_all(&k, id, 2);
    keyring_free(thief);
    epoch_kit_close(&k);
}

/* What names chunks stays: what is stored is known, before and after. */
static void test_rotate__deduplication_goes_on(void **state)
{
    struct object_id id[3];
    struct epoch_kit k;

    (void)state;
    epoch_kit_open(&k);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(repo_fixture_backup(&k.f, "b", i + 1, &id[i]), 0);
        assert_int_equal(rotate(&k), i + 1);
        assert_int_equal(repo_refresh(k.r), 0);
        for (uint32_t seed = 1; seed <= i + 1; seed++)
            assert_true(catchup_kit_finds(k.r, INDEX_DEDUP, seed));
        check_all(&k, id, i + 1);
    }
    catchup_kit_knows(&k.f, "b", 3);
    epoch_kit_close(&k);
}

/* A run that does not know yet goes on as it was; when it next looks at the log
 * it learns. */
static bool relies(void *ctx, uint32_t pack)
{
    (void)ctx;
    (void)pack;
    return true;
}

static void test_rotate__a_writer_at_work_goes_on(void **state)
{
    struct writer_reliance on = {.on_pack = relies};
    struct object_id id;
    struct writer *w = NULL;
    struct repo *r = NULL;
    struct epoch_kit k;

    (void)state;
    clock_fake_set(1000000 * CLOCK_SECOND_NS, 1000 * CLOCK_SECOND_NS);
    epoch_kit_open(&k);
    assert_int_equal(repo_fixture_repo(&k.f, "b", &r), 0);
    assert_int_equal(writer_open(r, bytes_of_str("test@series"), &w), 0);
    assert_int_equal(rotate(&k), 1);
    assert_int_equal(keyring_newest(r->keys), 0);
    clock_fake_advance(WRITER_SILENCE_NS);
    assert_int_equal(writer_renew(w, &on), 0);
    assert_int_equal(keyring_newest(r->keys), 1);
    assert_int_equal(rotate(&k), 2);
    /* sealed under the one before; the look at the log behind it learns */
    assert_int_equal(repo_fixture_publish(&k.f, w, r, 1), 0);
    assert_int_equal(keyring_newest(r->keys), 2);
    assert_int_equal(repo_fixture_publish(&k.f, w, r, 2), 0);
    assert_int_equal(rotate(&k), 3);
    assert_int_equal(repo_fixture_commit(w, r, 2, &id), 0);
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
    repo_close(r);
    check_all(&k, &id, 1);
    clock_fake_end();
    epoch_kit_close(&k);
}

/* --- the own slot --- */

static int count_one(void *ctx, const char *name, uint64_t size)
{
    (void)name;
    (void)size;
    ++*(size_t *)ctx;
    return 0;
}

static size_t slots(struct epoch_kit *k)
{
    size_t n = 0;

    assert_int_equal(store_list(k->f.store, "keys", count_one, &n), 0);
    return n;
}

/* How many epochs the slot holds; the log is not asked. */
static uint32_t slot_holds(struct epoch_kit *k)
{
    struct repo_open_options opt = {.no_index = true, .secret = &k->f.secret};
    struct repo *r = NULL;
    uint32_t n;

    assert_int_equal(repo_open(k->f.store, &opt, &r), 0);
    n = r->keys->held;
    repo_close(r);
    return n;
}

/* Another one rotates before the own slot is looked at, and does so with the
 * key as it was: both records are in the log, and the slot that stays holds
 * both. */
static int rotate_before_look(void *ctx, enum memory_point point,
                              enum memory_op op, const char *name)
{
    struct epoch_kit *k = ctx;
    struct rotate_result res;
    char own[SLOT_LIST_NAME_MAX];
    struct repo *r = NULL;

    (void)op;
    slot_list_name(&k->r->slot_id, own);
    if (point != MEMORY_BEFORE || strcmp(name, own) != 0)
        return 0;
    memory_set_hook(k->f.store, NULL, NULL);
    assert_int_equal(repo_fixture_repo(&k->f, NULL, &r), 0);
    assert_int_equal(rotate_run(r, &k->f.secret, &res), 0);
    repo_close(r);
    return 0;
}

static void test_rotate__a_slot_never_loses_keys(void **state)
{
    struct rotate_result res;
    struct epoch_kit k;

    (void)state;
    epoch_kit_open(&k);
    memory_set_hook(k.f.store, rotate_before_look, &k);
    assert_int_equal(rotate_run(k.r, &k.f.secret, &res), 0);
    assert_int_equal(res.epoch, 1);
    assert_int_equal(slots(&k), 4);
    assert_int_equal(slot_holds(&k), 3);
    epoch_kit_close(&k);
}

/* Another secret is set while a rotation is at work, and the other way round:
 * the old one opens nothing afterwards. */
struct change {
    struct epoch_kit *k;
    struct key_slot_secret new;
    enum memory_point point; /* where the other one comes in */
    enum memory_op op;
    bool rotates; /* it does; else it sets the secret */
};

static int change_between(void *ctx, enum memory_point point, enum memory_op op,
                          const char *name)
{
    struct change *c = ctx;
    struct rotate_result res;
    struct repo *r = NULL;

    if (point != c->point || op != c->op || strncmp(name, "keys", 4) != 0)
        return 0;
    memory_set_hook(c->k->f.store, NULL, NULL);
    assert_int_equal(repo_fixture_repo(&c->k->f, NULL, &r), 0);
    if (c->rotates)
        assert_int_equal(rotate_run(r, &c->k->f.secret, &res), 0);
    else
        assert_int_equal(key_change_secret(r, &c->new), 0);
    repo_close(r);
    return 0;
}

static void test_rotate__an_old_secret_stays_away(void **state)
{
    static const struct {
        enum memory_point point;
        enum memory_op op;
        bool rotates;
        int rc; /* of what was interrupted */
    } t[] = {{MEMORY_BEFORE, MEMORY_COMMIT, false, E_LATER},
             {MEMORY_AFTER, MEMORY_COMMIT, false, E_LATER},
             {MEMORY_AFTER, MEMORY_SIZE, false, 0},
             {MEMORY_BEFORE, MEMORY_LIST, true, 0},
             {MEMORY_AFTER, MEMORY_LIST, true, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct rotate_result res;
        struct repo *r = NULL;
        struct epoch_kit k;
        struct change c = {
            .k = &k,
            .new = {KEY_SLOT_FILE,
                    bytes_of_str("another key file of 32 bytes. ok")},
            .point = t[i].point,
            .op = t[i].op,
            .rotates = t[i].rotates};

        epoch_kit_open(&k);
        memory_set_hook(k.f.store, change_between, &c);
        assert_int_equal(t[i].rotates ? key_change_secret(k.r, &c.new)
                                      : rotate_run(k.r, &k.f.secret, &res),
                         t[i].rc);
        memory_set_hook(k.f.store, NULL, NULL);
        assert_int_equal(slots(&k), 4);
        assert_int_equal(repo_fixture_repo(&k.f, NULL, &r), E_KEY);
        k.f.secret = c.new;
        assert_int_equal(repo_fixture_repo(&k.f, NULL, &r), 0);
        repo_close(r);
        epoch_kit_close(&k);
    }
}

static void test_rotate__the_own_slot_holds_the_new_keys(void **state)
{
    struct repo_open_options opt = {.no_index = true};
    struct repo *r = NULL;
    struct rotate_result res;
    struct epoch_kit k;
    size_t n;

    (void)state;
    epoch_kit_open(&k);
    n = slots(&k);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(rotate(&k), i);
        assert_int_equal(slots(&k), n);
        opt.secret = &k.f.secret;
        /* the log is not asked */
        assert_int_equal(repo_open(k.f.store, &opt, &r), 0);
        assert_int_equal(r->keys->held, i + 1);
        assert_memory_equal(r->keys->epoch, k.r->keys->epoch,
                            (i + 1) * sizeof r->keys->epoch[0]);
        repo_close(r);
    }
    /* one that has gone meanwhile does not come back */
    assert_int_equal(slot_list_delete(k.f.store, &k.r->slot_id), 0);
    assert_int_equal(rotate_run(k.r, &k.f.secret, &res), E_LATER);
    assert_int_equal(res.epoch, 4);
    assert_int_equal(slots(&k), n - 1);
    epoch_kit_close(&k);
}

/* Replaces the slot between the list that names it and its reading. */
static int rotate_before_get(void *ctx, enum memory_point point,
                             enum memory_op op, const char *name)
{
    struct epoch_kit *k = ctx;
    char own[SLOT_LIST_NAME_MAX];

    slot_list_name(&k->r->slot_id, own);
    if (point != MEMORY_BEFORE || op != MEMORY_GET || strcmp(name, own) != 0)
        return 0;
    memory_set_hook(k->f.store, NULL, NULL);
    (void)rotate(k);
    return 0;
}

static void test_rotate__who_opens_meanwhile_gets_in(void **state)
{
    struct repo *r = NULL;
    struct epoch_kit k;

    (void)state;
    epoch_kit_open(&k);
    memory_set_hook(k.f.store, rotate_before_get, &k);
    assert_int_equal(repo_fixture_repo(&k.f, "b", &r), 0);
    assert_int_equal(r->keys->held, 2);
    assert_memory_equal(&r->slot_id, &k.r->slot_id, sizeof r->slot_id);
    repo_close(r);
    epoch_kit_close(&k);
}

/* Where the log's record is lost, the slot still opens what was written. */
static void test_rotate__a_lost_record_loses_no_keys(void **state)
{
    struct repo_open_options opt = {.no_index = true};
    struct check_options all = {.threads = 1, .read_data = true};
    struct check_summary sum;
    struct object_id id;
    struct repo *r = NULL;
    struct epoch_kit k;

    (void)state;
    epoch_kit_open(&k);
    assert_int_equal(rotate(&k), 1);
    assert_int_equal(repo_fixture_backup(&k.f, "b", 1, &id), 0);
    assert_true(memory_damage(k.f.store, "log/0000000000000001", 300, 1));
    assert_int_equal(catchup_kit_try(&k.f, NULL), E_CORRUPT);
    opt.secret = &k.f.secret;
    assert_int_equal(repo_open(k.f.store, &opt, &r), 0);
    assert_int_equal(check_run(r, &all, NULL, NULL, &sum), E_CORRUPT);
    assert_int_equal(sum.packs, 1);
    assert_int_equal(sum.snapshots, 1);
    assert_int_equal(sum.damages, 2); /* the record; the fixture's tree */
    repo_close(r);
    epoch_kit_close(&k);
}

/* A copy of the log that is older than the slot is taken; epochs go on from
 * there. */
static void test_rotate__goes_on_from_an_older_log(void **state)
{
    char path[96];
    struct repo_open_options opt = {.cache_root = path,
                                    .accept_rollback = true};
    struct crypto_key old;
    struct object_id id;
    struct epoch_kit k;

    (void)state;
    epoch_kit_open(&k);
    assert_int_equal(rotate(&k), 1);
    assert_int_equal(rotate(&k), 2);
    old = k.r->keys->epoch[2].k_repo;
    opt.secret = &k.f.secret;
    repo_close(k.r);
    k.r = NULL;
    catchup_kit_remove(k.f.store, "log/0000000000000002");
    assert_int_equal(catchup_kit_try(&k.f, "a"), E_ROLLBACK);
    assert_int_equal(catchup_kit_try_accepting(&k.f, "a"), 0);
    /* the cache asks no more, but the slot does */
    assert_int_equal(catchup_kit_try(&k.f, "a"), E_ROLLBACK);
    (void)snprintf(path, sizeof path, "%s/a", k.f.cache);
    assert_int_equal(repo_open(k.f.store, &opt, &k.r), 0);
    assert_int_equal(k.r->state.epochs, 2);
    assert_int_equal(k.r->keys->held, 3);
    /* what was sealed under the one that the log lost opens again, and the
     * epoch that was asked for is a new one */
    assert_int_equal(rotate(&k), 3);
    assert_memory_equal(&k.r->keys->epoch[2].k_repo, &old, sizeof old);
    assert_int_equal(repo_fixture_backup(&k.f, "b", 1, &id), 0);
    check_all(&k, &id, 1);
    epoch_kit_close(&k);
}

/* --- who may, and how often --- */

static void test_rotate__is_for_full_keys(void **state)
{
    struct epoch_kit k;

    (void)state;
    epoch_kit_open(&k);
    for (int role = KEYRING_READ; role <= KEYRING_MAINTAIN; role++) {
        struct key_slot_secret secret = {KEY_SLOT_FILE,
                                         bytes_of(k.file[role], 32)};
        struct rotate_result res;
        struct repo *r = NULL;

        assert_int_equal(epoch_kit_repo(&k, (enum keyring_role)role, NULL, &r),
                         0);
        assert_int_equal(rotate_run(r, &secret, &res), E_ROLE);
        assert_int_equal(res.epoch, 0);
        repo_close(r);
    }
    assert_int_equal(repo_refresh(k.r), 0);
    assert_int_equal(k.r->state.epochs, 1);
    epoch_kit_close(&k);
}

static void test_rotate__there_are_256_epochs(void **state)
{
    struct object_id id[2];
    struct rotate_result res;
    struct epoch_kit k;

    (void)state;
    epoch_kit_open(&k);
    assert_int_equal(repo_fixture_backup(&k.f, "b", 1, &id[0]), 0);
    for (uint32_t i = 1; i < KEYRING_EPOCHS_MAX; i++)
        assert_int_equal(rotate(&k), i);
    assert_int_equal(rotate_run(k.r, &k.f.secret, &res), E_LIMIT);
    assert_int_equal(res.epoch, 0);
    assert_int_equal(repo_fixture_backup(&k.f, "b", 2, &id[1]), 0);
    check_all(&k, id, 2);
    epoch_kit_close(&k);
}

/* --- others at the log, and failures --- */

struct other {
    struct epoch_kit *k;
    bool rotates; /* else it says something else */
    bool done;
};

static int say_policy(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    (void)ctx;
    (void)r;
    d->type = RECORD_POLICY;
    d->says.text = bytes_of_str("keep all");
    return 0;
}

static int be_faster(void *ctx, enum memory_point point, enum memory_op op,
                     const char *name)
{
    struct other *x = ctx;
    struct rotate_result res;
    struct repo *r = NULL;

    if (x->done || point != MEMORY_BEFORE || op != MEMORY_COMMIT ||
        strncmp(name, "log/", 4) != 0)
        return 0;
    x->done = true;
    assert_int_equal(repo_fixture_repo(&x->k->f, "b", &r), 0);
    if (x->rotates)
        assert_int_equal(rotate_run(r, &x->k->f.secret, &res), 0);
    else
        assert_int_equal(repo_log_append(r, say_policy, NULL, NULL), 0);
    repo_close(r);
    return 0;
}

/* The record is computed again: another number, another root. */
static void test_rotate__a_taken_number_is_computed_again(void **state)
{
    struct object_id id;

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct rotate_result res;
        struct epoch_kit k;
        struct other x = {.k = &k, .rotates = i == 1};
        int rc;

        epoch_kit_open(&k);
        memory_set_hook(k.f.store, be_faster, &x);
        rc = rotate_run(k.r, &k.f.secret, &res);
        memory_set_hook(k.f.store, NULL, NULL);
        assert_true(x.done);
        /* the other one has replaced the slot that both were opened with: its
         * own is replaced in turn */
        assert_int_equal(rc, 0);
        assert_int_equal(slots(&k), 4);
        assert_int_equal(slot_holds(&k), res.epoch + 1);
        assert_int_equal(res.epoch, x.rotates ? 2 : 1);
        assert_int_equal(k.r->state.tip.number, 2);
        assert_int_equal(k.r->state.epochs, res.epoch + 1);
        assert_int_equal(repo_fixture_backup(&k.f, "b", 1, &id), 0);
        check_all(&k, &id, 1);
        epoch_kit_close(&k);
    }
}

/* Fails, or dies, at every operation of the store. What was there is there, who
 * has the key gets in, and the next one goes through. */
static bool survives(enum memory_point point, uint64_t n, bool dies)
{
    struct memory_fault fault = {
        .point = point, .n = n, .persistent = dies, .code = E_STORE};
    struct memory_fault none = {.n = 0};
    struct rotate_result res;
    struct object_id id[2];
    struct epoch_kit k;
    uint32_t next;
    bool hit;
    int rc;

    epoch_kit_open(&k);
    assert_int_equal(repo_fixture_backup(&k.f, "b", 1, &id[0]), 0);
    memory_set_fault(k.f.store, fault);
    rc = rotate_run(k.r, &k.f.secret, &res);
    hit = memory_passages(k.f.store) >= n;
    memory_set_fault(k.f.store, none);
    if (dies)
        memory_power_cut(k.f.store, n % 3);
    repo_close(k.r);
    k.r = NULL;
    if (!hit)
        assert_int_equal(rc, 0);
    check_all(&k, id, 1);
    assert_int_equal(repo_fixture_repo(&k.f, "a", &k.r), 0);
    assert_true(k.r->state.epochs == 1 || k.r->state.epochs == 2);
    /* what was said to have begun has */
    assert_true(res.epoch == 0 || k.r->state.epochs == 2);
    next = k.r->state.epochs;
    assert_int_equal(rotate(&k), next);
    assert_int_equal(repo_fixture_backup(&k.f, "b", 2, &id[1]), 0);
    check_all(&k, id, 2);
    epoch_kit_close(&k);
    return hit;
}

static void test_rotate__survives_failure_at_every_operation(void **state)
{
    static const enum memory_point point[] = {MEMORY_BEFORE, MEMORY_VISIBLE,
                                              MEMORY_AFTER};
    uint64_t steps = 0;

    (void)state;
    for (size_t p = 0; p < sizeof point / sizeof point[0]; p++)
        for (int dies = 0; dies < 2; dies++) {
            uint64_t n = 1;

            while (survives(point[p], n, dies))
                n++;
            steps += n - 1;
            assert_true(n > 2);
        }
    assert_true(steps > 40);
}

static void test_rotate__needs_memory_or_says_so(void **state)
{
    uint64_t n;
    int rc = E_NOMEM;

    (void)state;
    for (n = 1; rc != 0; n++) {
        struct rotate_result res;
        struct epoch_kit k;

        epoch_kit_open(&k);
        mem_fail_after(n, 0);
        rc = rotate_run(k.r, &k.f.secret, &res);
        mem_fail_after(0, 0);
        if (rc < 0)
            assert_int_equal(rc, E_NOMEM);
        repo_close(k.r);
        k.r = NULL;
        assert_int_equal(repo_fixture_repo(&k.f, "a", &k.r), 0);
        (void)rotate(&k);
        epoch_kit_close(&k);
    }
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotate__old_keys_open_nothing_new),
        cmocka_unit_test(test_rotate__deduplication_goes_on),
        cmocka_unit_test(test_rotate__a_writer_at_work_goes_on),
        cmocka_unit_test(test_rotate__the_own_slot_holds_the_new_keys),
        cmocka_unit_test(test_rotate__a_slot_never_loses_keys),
        cmocka_unit_test(test_rotate__an_old_secret_stays_away),
        cmocka_unit_test(test_rotate__who_opens_meanwhile_gets_in),
        cmocka_unit_test(test_rotate__a_lost_record_loses_no_keys),
        cmocka_unit_test(test_rotate__goes_on_from_an_older_log),
        cmocka_unit_test(test_rotate__is_for_full_keys),
        cmocka_unit_test(test_rotate__there_are_256_epochs),
        cmocka_unit_test(test_rotate__a_taken_number_is_computed_again),
        cmocka_unit_test(test_rotate__survives_failure_at_every_operation),
        cmocka_unit_test(test_rotate__needs_memory_or_says_so),
    };

    return crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
