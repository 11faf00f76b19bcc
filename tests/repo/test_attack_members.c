/*
 * Stolen keys: what a thief puts that holds a member's keys, and can write to
 * the store, but is not who may put it. Everything is sealed and signed well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "repo/journal.h"
#include "repo/journal_list.h"
#include "repo/key_change.h"
#include "repo/key_remove.h"
#include "repo/members_draft.h"
#include "repo/segment_file.h"
#include "repo/segment_list.h"
#include "repo/slot_list.h"
#include "tests/repo/catchup_kit.h"
#include "tests/repo/pack_fixture.h"

enum { THIEF = 3, STRAY = 9 }; /* seeds of packs */

/* A repository with one backup by its founder, and one more key. */
struct world {
    struct repo_fixture f;
    struct key_slot_secret founder;
    struct key_slot_secret theirs;
    struct object_id id[1];
    struct repo *full;  /* the founder's */
    struct repo *thief; /* theirs */
    struct member_id member;
};

static struct repo *open_as(struct world *x,
                            const struct key_slot_secret *secret,
                            const char *cache)
{
    struct repo *r = NULL;

    x->f.secret = *secret;
    assert_int_equal(repo_fixture_repo(&x->f, cache, &r), 0);
    x->f.secret = x->founder;
    return r;
}

static void world_make(struct world *x, enum keyring_role role)
{
    struct key_change_new n = {.role = role,
                               .label = "theirs",
                               .secret = &x->theirs,
                               .has_trust = true};

    catchup_kit_start(&x->f, 1, x->id);
    x->founder = x->f.secret;
    x->theirs = (struct key_slot_secret){
        KEY_SLOT_FILE, bytes_of_str("a thief has this key file, 32 b!")};
    x->full = open_as(x, &x->founder, "full");
    assert_int_equal(key_change_add(x->full, &n, &x->member), 0);
    x->thief = open_as(x, &x->theirs, "thief");
    assert_int_equal(x->thief->keys->role, role);
}

static void world_end(struct world *x)
{
    repo_close(x->full);
    repo_close(x->thief);
    repo_fixture_close(&x->f);
}

/* Whether a snapshot is listed, with a cache (NULL: a fresh one). */
static bool is_listed(struct world *x, const char *cache,
                      const struct object_id *id)
{
    struct snapshot_list l = {.n = 0};
    struct repo *r = open_as(x, &x->founder, cache);
    bool found = false;

    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    for (size_t i = 0; i < l.n; i++)
        found |= object_id_equal(&l.item[i].id, id);
    snapshot_list_release(&l);
    repo_close(r);
    return found;
}

/* Whether a writer would rely on the chunks of a seed. */
static bool is_relied_on(struct world *x, const char *cache, uint64_t seed)
{
    struct repo *r = open_as(x, &x->founder, cache);
    bool finds = catchup_kit_finds(r, INDEX_DEDUP, seed);

    repo_close(r);
    return finds;
}

/* --- what a thief puts --- */

static void put(struct world *x, const struct writer_id *w,
                struct chain_tip *tip, uint32_t type, struct buf *body)
{
    struct chain chain = {.store = x->f.store,
                          .keys = x->thief->keys,
                          .kind = w ? ENVELOPE_JOURNAL : ENVELOPE_LOG};
    bool mine;

    if (w)
        chain.writer = *w;
    assert_int_equal(buf_status(body), 0);
    assert_int_equal(chain_put(&chain, tip, type, buf_bytes(body), &mine), 0);
    assert_true(mine);
    buf_release(body);
}

static void put_log(struct world *x, enum record_log_type type,
                    const struct record_log *l)
{
    struct chain_tip tip;
    struct buf body;

    assert_int_equal(repo_refresh(x->thief), 0);
    tip = x->thief->state.tip;
    buf_init(&body, 1 << 16);
    record_log_put(type, l, &body);
    put(x, NULL, &tip, type, &body);
}

static void put_journal(struct world *x, const struct writer_id *w,
                        struct chain_tip *tip, enum record_journal_type type,
                        const struct record_journal *says)
{
    struct record_journal j = *says;
    struct buf body;

    if (type == RECORD_COMMIT) {
        j.series = bytes_of_str("test@series");
        j.in_series = 9;
        j.complete = true;
    }
    buf_init(&body, 1 << 16);
    record_journal_put(type, &j, &body);
    put(x, w, tip, type, &body);
}

/* A journal of the thief's own, which names a generation. */
static void put_open(struct world *x, struct writer_id *w,
                     struct chain_tip *tip, uint64_t generation)
{
    struct chain log = {
        .store = x->f.store, .keys = x->thief->keys, .kind = ENVELOPE_LOG};
    struct record_journal open = {.generation = generation};
    struct chain_record r = {.signer = {{0}}};
    bool found;

    assert_int_equal(chain_get(&log, generation, &r, &found), 0);
    assert_true(found);
    open.log_id = r.id;
    chain_record_release(&r);
    *tip = (struct chain_tip){.any = false};
    members_writer_new(&x->member, w);
    put_journal(x, w, tip, RECORD_OPEN, &open);
}

/* A snapshot object signed by k, which needs the founder's chunks. */
static struct object_id put_snapshot(struct world *x, const struct keyring *k,
                                     uint64_t number)
{
    struct manifest m = {.series = bytes_of_str("test@series"),
                         .number = number,
                         .root = bytes_of_str("opaque"),
                         .options = bytes_of_str("1"),
                         .complete = true};
    char name[SNAPSHOT_LIST_NAME_MAX];
    enum store_outcome outcome;
    struct object_id id;
    struct buf content;
    struct buf file;

    m.log_number = x->full->state.tip.number;
    m.log_id = x->full->state.tip.id;
    buf_init(&content, 1 << 16);
    buf_init(&file, envelope_max_bytes(ENVELOPE_SNAPSHOT));
    manifest_put(&m, &content);
    assert_int_equal(envelope_seal(k, ENVELOPE_SNAPSHOT, bytes_of(NULL, 0),
                                   buf_bytes(&content), &file),
                     0);
    blake3_hash(buf_bytes(&file), id.b);
    snapshot_list_name(&id, name);
    assert_int_equal(store_put(x->f.store, name, buf_bytes(&file), &outcome),
                     0);
    buf_release(&content);
    buf_release(&file);
    return id;
}

/* A pack by k with the chunks of a seed, and a segment that lists it. */
static struct object_id put_segment(struct world *x, struct repo *as,
                                    uint64_t seed, struct pack_info *info)
{
    struct segment_pack pack;
    struct object_id id;

    *info = (struct pack_info){.bytes = 0};
    repo_fixture_pack(&x->f, as, seed, info);
    pack = (struct segment_pack){.id = info->id,
                                 .kind = info->kind,
                                 .bytes = info->bytes,
                                 .writer = info->writer,
                                 .dir = buf_bytes(&info->dir)};
    assert_int_equal(
        segment_file_write(x->f.store, as->keys, 0, NULL, 0, &pack, 1, &id), 0);
    return id;
}

/* The whole of it: a journal that opens with that generation, lists a pack,
 * commits a snapshot and ends. */
static struct object_id put_run(struct world *x, uint64_t generation,
                                struct writer_id *w, struct chain_tip *tip)
{
    struct object_id id = put_snapshot(x, x->thief->keys, 7);
    struct record_journal j = {.id = id};
    struct record_journal s = {.generation = 0};
    struct pack_info info;

    s.id = put_segment(x, x->thief, THIEF, &info);
    pack_info_release(&info);
    put_open(x, w, tip, generation);
    put_journal(x, w, tip, RECORD_SEGMENT, &s);
    put_journal(x, w, tip, RECORD_COMMIT, &j);
    put_journal(x, w, tip, RECORD_END, &j);
    return id;
}

/* --- the log --- */

static struct object_id founders_pack(struct world *x)
{
    struct catchup_kit_names n;
    struct object_id id;

    catchup_kit_pick(x->f.store, "packs", &n);
    assert_true(id_from_hex(strrchr(n.name[0], '/') + 1, id.b, sizeof id.b));
    return id;
}

/* Puts a record that would do something; whether it did. */
static bool log_record_works(struct world *x, enum record_log_type type)
{
    struct record_log l = {.ids = record_ids_of(&x->id[0], 1)};
    struct record_member m[2];
    struct object_id pack = founders_pack(x);
    struct object_id one = {{1}};
    uint8_t pair[2 * ID_BYTES];
    const struct state *s = &x->full->state;
    struct record_strings tags;
    struct buf list;
    bool works = false;

    buf_init(&list, 4096);
    if (type == RECORD_DOOM || type == RECORD_CONDEMN)
        l.ids = record_ids_of(&pack, 1);
    memcpy(pair, one.b, ID_BYTES);
    memcpy(pair + ID_BYTES, pack.b, ID_BYTES);
    l.suspects = l.vouches = (struct fields_list){pair, 1};
    if (type == RECORD_FLAGS || type == RECORD_TAG) {
        record_string_put(&list, bytes_of_str("x-1"));
        l.features[RECORD_CLASS_READ] =
            (struct record_strings){buf_bytes(&list), 1};
        l.tags = l.features[RECORD_CLASS_READ];
    }
    if (type == RECORD_MEMBERS) {
        /* there is no key but mine */
        m[0] = (struct record_member){.id = s->members.one[0].id,
                                      .role = KEYRING_FULL,
                                      .standing = RECORD_ACTIVE,
                                      .label = bytes_of_str("a")};
        m[1] = (struct record_member){.id = x->member,
                                      .role = (unsigned)x->thief->keys->role,
                                      .standing = RECORD_ACTIVE,
                                      .label = bytes_of_str("b")};
        record_member_put(&list, &m[0]);
        record_member_put(&list, &m[1]);
        l.members = (struct record_members){buf_bytes(&list), 2};
        l.trust = RECORD_TRUST_OWN;
    }
    put_log(x, type, &l);
    assert_int_equal(repo_refresh(x->full), 0);
    assert_int_equal(s->tip.number, x->thief->state.tip.number + 1);
    switch (type) {
    case RECORD_CONDEMN:
    case RECORD_DOOM:
        works = state_of_pack(s, &pack, NULL) != STATE_LIVE;
        break;
    case RECORD_FORGET:
        works = state_is_forgotten(s, &x->id[0]);
        break;
    case RECORD_TAG:
        works = state_label_tags(&s->labels, &x->id[0], &tags);
        break;
    case RECORD_PROTECT:
        works = state_label_protects(&s->labels, &x->id[0], 0);
        break;
    case RECORD_SUSPECT:
        works = s->suspect_n > 0;
        break;
    case RECORD_FLAGS:
        works = state_allows(s, RECORD_CLASS_READ) < 0;
        break;
    case RECORD_MEMBERS:
        works = s->members.trust == RECORD_TRUST_OWN;
        break;
    case RECORD_VOUCH:
        works = state_is_vouched(s, &one, &pack);
        break;
    case RECORD_UNFORGET:
    case RECORD_POLICY:
    case RECORD_BASE:
        break;
    }
    buf_release(&list);
    return works;
}

static void test_attack_members__the_log_heeds_who_may_sign(void **state)
{
    static const struct {
        enum record_log_type type;
        bool by_maintain;
    } t[] = {
        {RECORD_CONDEMN, true}, {RECORD_DOOM, true},     {RECORD_FORGET, true},
        {RECORD_TAG, true},     {RECORD_PROTECT, true},  {RECORD_SUSPECT, true},
        {RECORD_FLAGS, false},  {RECORD_MEMBERS, false}, {RECORD_VOUCH, false}};
    static const enum keyring_role role[] = {KEYRING_FULL, KEYRING_READ,
                                             KEYRING_WRITE, KEYRING_MAINTAIN};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        for (size_t k = 0; k < sizeof role / sizeof role[0]; k++) {
            bool may = role[k] == KEYRING_FULL ||
                       (role[k] == KEYRING_MAINTAIN && t[i].by_maintain);
            struct world x;

            world_make(&x, role[k]);
            if (log_record_works(&x, t[i].type) != may)
                fail_msg("log type %d by role %d", (int)t[i].type,
                         (int)role[k]);
            world_end(&x);
        }
}

/* --- journals of others --- */

/* The founder's run, still open; tip: its last record. */
static struct writer *victim(struct world *x, struct journal *j)
{
    struct journal_list l = {.item = NULL};
    struct writer *w = NULL;

    assert_int_equal(writer_open(x->full, bytes_of_str("v@v"), &w), 0);
    assert_int_equal(journal_list_load(x->f.store, &l), 0);
    for (size_t i = 0; i < l.n; i++) {
        journal_init(j, &l.item[i].writer);
        assert_int_equal(journal_read(j, x->full, NULL), 0);
        if (!j->ended && !j->fenced)
            break;
    }
    journal_list_release(&l);
    assert_false(j->ended || j->fenced);
    return w;
}

/* A commit or segment by the thief in the founder's journal. */
static void test_attack_members__nobody_speaks_in_others_journals(void **state)
{
    struct world x;
    struct journal j;
    struct writer *w;
    struct record_journal says = {.generation = 0};
    struct pack_info info;
    struct object_id id, theirs;

    (void)state;
    world_make(&x, KEYRING_WRITE);
    w = victim(&x, &j);
    id = put_snapshot(&x, x.thief->keys, 7);
    says.id = id;
    put_journal(&x, &j.writer, &j.tip, RECORD_COMMIT, &says);
    /* one that the founder has put, and did not commit so far */
    theirs = put_snapshot(&x, x.full->keys, 8);
    says.id = theirs;
    put_journal(&x, &j.writer, &j.tip, RECORD_COMMIT, &says);
    says.id = put_segment(&x, x.thief, THIEF, &info);
    pack_info_release(&info);
    put_journal(&x, &j.writer, &j.tip, RECORD_SEGMENT, &says);
    assert_false(is_listed(&x, NULL, &id));
    assert_false(is_listed(&x, "full", &id));
    assert_false(is_listed(&x, NULL, &theirs));
    assert_false(is_listed(&x, "full", &theirs));
    assert_false(is_relied_on(&x, NULL, THIEF));
    assert_false(is_relied_on(&x, "full", THIEF));
    writer_free(w);
    world_end(&x);
}

/* What the founder signed, named by the thief's journal. */
static void test_attack_members__nobody_speaks_for_others_objects(void **state)
{
    struct world x;
    struct record_journal says = {.generation = 0};
    struct writer_id w;
    struct chain_tip tip;
    struct pack_info info;
    struct object_id id;

    (void)state;
    world_make(&x, KEYRING_WRITE);
    put_open(&x, &w, &tip, 0);
    id = put_snapshot(&x, x.full->keys, 7);
    says.id = id;
    put_journal(&x, &w, &tip, RECORD_COMMIT, &says);
    says.id = put_segment(&x, x.full, STRAY, &info);
    pack_info_release(&info);
    put_journal(&x, &w, &tip, RECORD_SEGMENT, &says);
    assert_false(is_listed(&x, NULL, &id));
    assert_false(is_listed(&x, "full", &id));
    assert_false(is_relied_on(&x, NULL, STRAY));
    assert_false(is_relied_on(&x, "full", STRAY));
    /* its own does exist */
    id = put_snapshot(&x, x.thief->keys, 8);
    says.id = id;
    put_journal(&x, &w, &tip, RECORD_COMMIT, &says);
    assert_true(is_listed(&x, NULL, &id));
    world_end(&x);
}

/* Objects of the founder's that the thief's journal names while they cannot be
 * read: when they can be, who has signed them is known. */
static void test_attack_members__a_claim_on_what_is_damaged_fails(void **state)
{
    struct world x;
    struct record_journal says = {.generation = 0};
    char name[2][SNAPSHOT_LIST_NAME_MAX];
    struct object_id snapshot, segment;
    struct pack_info info;
    struct chain_tip tip;
    struct writer_id w;
    struct buf file[2];

    (void)state;
    world_make(&x, KEYRING_WRITE);
    snapshot = put_snapshot(&x, x.full->keys, 7);
    segment = put_segment(&x, x.full, STRAY, &info);
    pack_info_release(&info);
    snapshot_list_name(&snapshot, name[0]);
    segment_file_name(&segment, name[1]);
    for (size_t i = 0; i < 2; i++) {
        catchup_kit_get(x.f.store, name[i], &file[i]);
        catchup_kit_remove(x.f.store, name[i]);
    }
    put_open(&x, &w, &tip, 0);
    says.id = snapshot;
    put_journal(&x, &w, &tip, RECORD_COMMIT, &says);
    says.id = segment;
    put_journal(&x, &w, &tip, RECORD_SEGMENT, &says);
    assert_true(is_listed(&x, "late", &snapshot)); /* as damaged */
    for (size_t i = 0; i < 2; i++) {
        catchup_kit_replace(x.f.store, name[i], buf_bytes(&file[i]));
        buf_release(&file[i]);
    }
    assert_false(is_listed(&x, "late", &snapshot));
    assert_false(is_relied_on(&x, "late", STRAY));
    assert_true(is_listed(&x, "late", &x.id[0]));
    world_end(&x);
}

/* A key that reads has no journal, and no pack of its own. */
static void test_attack_members__roles_hold_in_ones_own_journal(void **state)
{
    static const struct {
        enum keyring_role role;
        bool publishes, commits;
    } t[] = {{KEYRING_FULL, true, true},
             {KEYRING_READ, false, false},
             {KEYRING_WRITE, true, true},
             {KEYRING_MAINTAIN, true, false}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct object_id id;
        struct chain_tip tip;
        struct writer_id w;
        struct world x;

        world_make(&x, t[i].role);
        id = put_run(&x, 0, &w, &tip);
        for (int fresh = 0; fresh < 2; fresh++) {
            const char *cache = fresh ? NULL : "full";

            assert_int_equal(is_listed(&x, cache, &id), t[i].commits);
            assert_int_equal(is_relied_on(&x, cache, THIEF), t[i].publishes);
        }
        world_end(&x);
    }
}

/* A pack whose writer may not write counts for nothing, not even for reading
 * what was lost. */
static void test_attack_members__packs_of_readers_are_none(void **state)
{
    static const enum keyring_role role[] = {KEYRING_READ, KEYRING_WRITE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pack_info info;
        struct repo *r;
        struct world x;

        world_make(&x, role[i]);
        (void)put_segment(&x, x.thief, THIEF, &info);
        pack_info_release(&info);
        r = open_as(&x, &x.founder, NULL);
        assert_int_equal(catchup_kit_finds(r, INDEX_READ, THIEF), i == 1);
        repo_close(r);
        world_end(&x);
    }
}

static bool stands_in_list(struct world *x, const struct object_id *segment)
{
    struct repo *r = open_as(x, &x->founder, NULL);
    struct segment_list l = {.item = NULL};
    struct index_reader *ix = NULL;
    bool found = false;

    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(segment_list_load(ix, &l), 0);
    for (size_t i = 0; i < l.n; i++)
        found |= object_id_equal(&l.item[i].id, segment);
    segment_list_release(&l);
    index_reader_free(ix);
    repo_close(r);
    return found;
}

/* A merge that claims to stand for the founder's segments. */
static void test_attack_members__nobody_replaces_others_segments(void **state)
{
    static const enum keyring_role role[] = {KEYRING_WRITE, KEYRING_FULL};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct record_journal says = {.generation = 0};
        struct catchup_kit_names n;
        struct object_id theirs;
        struct pack_info info;
        struct chain_tip tip;
        struct writer_id w;
        struct world x;

        world_make(&x, role[i]);
        catchup_kit_pick(x.f.store, "index", &n);
        assert_true(id_from_hex(n.name[0] + 6, theirs.b, sizeof theirs.b));
        put_open(&x, &w, &tip, 0);
        says.id = put_segment(&x, x.thief, THIEF, &info);
        pack_info_release(&info);
        says.ids = record_ids_of(&theirs, 1);
        put_journal(&x, &w, &tip, RECORD_SEGMENT, &says);
        /* a full key may merge any */
        assert_int_equal(stands_in_list(&x, &theirs), role[i] == KEYRING_WRITE);
        world_end(&x);
    }
}

/* --- removed --- */

/* Steps of a removal, with a moment between them. */
static int step(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    const struct members_change *c = ctx;
    static struct members_draft draft;
    static bool ready;

    if (!ready)
        members_draft_init(&draft);
    ready = true;
    return members_draft_make(&draft, r, c, d);
}

static void say_standing(struct world *x, enum record_standing standing)
{
    struct members_change c = {.who = &x->member, .standing = standing};

    assert_int_equal(repo_log_append(x->full, step, &c, NULL), 0);
}

/* What was reported as done before is there; what comes later is void: in a
 * journal that looks old, in one that looks new, and behind the end of one that
 * was there. */
static void test_attack_members__a_removed_key_writes_nothing(void **state)
{
    struct key_remove_result done;
    struct record_journal says = {.generation = 0};
    struct object_id before, open, old, new, behind;
    struct writer_id w[4];
    struct chain_tip tip[4];
    struct world x;

    (void)state;
    world_make(&x, KEYRING_WRITE);
    before = put_run(&x, 0, &w[0], &tip[0]);
    /* one that is at work */
    open = put_snapshot(&x, x.thief->keys, 8);
    put_open(&x, &w[1], &tip[1], 0);
    says.id = open;
    put_journal(&x, &w[1], &tip[1], RECORD_COMMIT, &says);
    assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
    assert_int_equal(done.journals, 2);
    assert_int_equal(done.fenced, 1);
    assert_int_equal(done.damaged, 0);
    /* it holds its keys still */
    old = put_snapshot(&x, x.thief->keys, 9);
    says.id = old;
    put_open(&x, &w[2], &tip[2], 0);
    put_journal(&x, &w[2], &tip[2], RECORD_COMMIT, &says);
    new = put_snapshot(&x, x.thief->keys, 10);
    says.id = new;
    put_open(&x, &w[3], &tip[3], x.full->state.tip.number);
    put_journal(&x, &w[3], &tip[3], RECORD_COMMIT, &says);
    behind = put_snapshot(&x, x.thief->keys, 11);
    says.id = behind;
    put_journal(&x, &w[0], &tip[0], RECORD_COMMIT, &says);
    for (int fresh = 0; fresh < 2; fresh++) {
        const char *cache = fresh ? NULL : "full";

        assert_true(is_listed(&x, cache, &before));
        assert_true(is_listed(&x, cache, &open));
        assert_true(is_relied_on(&x, cache, THIEF));
        assert_false(is_listed(&x, cache, &old));
        assert_false(is_listed(&x, cache, &new));
        assert_false(is_listed(&x, cache, &behind));
    }
    world_end(&x);
}

/* An honest run of a key that is removed is told: when it opens, when it
 * renews, when it finds its journal fenced. */
static void test_attack_members__a_removed_key_is_told(void **state)
{
    struct key_remove_result done;
    struct object_id id;
    struct writer *early = NULL;
    struct writer *late = NULL;
    struct world x;

    (void)state;
    world_make(&x, KEYRING_WRITE);
    assert_int_equal(writer_open(x.thief, bytes_of_str("a@b"), &early), 0);
    assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
    assert_int_equal(done.fenced, 1);
    assert_int_equal(repo_fixture_publish(&x.f, early, x.thief, STRAY), E_ROLE);
    assert_int_equal(repo_fixture_commit(early, x.thief, STRAY, &id), E_FENCED);
    writer_free(early);
    assert_int_equal(writer_open(x.thief, bytes_of_str("a@b"), &late), E_ROLE);
    assert_null(late);
    assert_int_equal(repo_fixture_check(&x.f, x.id, 1), 1);
    world_end(&x);
}

/* Who opens between the two records sees that it is leaving; what an open
 * record says that did not look is void. A fence is no way out. */
static void test_attack_members__who_leaves_opens_nothing(void **state)
{
    struct record_journal says = {.generation = 0};
    struct writer *w = NULL;
    struct object_id early, late;
    struct writer_id name[2];
    struct chain_tip tip[2];
    struct world x;

    (void)state;
    world_make(&x, KEYRING_WRITE);
    put_open(&x, &name[0], &tip[0], 0);
    say_standing(&x, RECORD_LEAVING);
    assert_int_equal(writer_open(x.thief, bytes_of_str("a@b"), &w), E_ROLE);
    put_open(&x, &name[1], &tip[1], x.full->state.tip.number);
    early = put_snapshot(&x, x.thief->keys, 7);
    says.id = early;
    put_journal(&x, &name[0], &tip[0], RECORD_COMMIT, &says);
    late = put_snapshot(&x, x.thief->keys, 8);
    says.id = late;
    put_journal(&x, &name[1], &tip[1], RECORD_COMMIT, &says);
    for (int fresh = 0; fresh < 2; fresh++) {
        const char *cache = fresh ? NULL : "full";

        assert_true(is_listed(&x, cache, &early));
        assert_false(is_listed(&x, cache, &late));
    }
    world_end(&x);
}

/* M4: a cache has taken what a thief put between the two records, in a journal
 * that no cut lists: it is made anew. */
static void test_attack_members__a_cache_beyond_a_cut_is_made_anew(void **state)
{
    struct object_id id;
    struct writer_id w;
    struct chain_tip tip;
    struct world x;

    (void)state;
    world_make(&x, KEYRING_WRITE);
    say_standing(&x, RECORD_LEAVING);
    id = put_run(&x, 0, &w, &tip);
    assert_true(is_listed(&x, "late", &id));
    assert_true(is_relied_on(&x, "late", THIEF));
    say_standing(&x, RECORD_REMOVED);
    assert_false(is_listed(&x, "late", &id));
    assert_false(is_relied_on(&x, "late", THIEF));
    assert_false(is_listed(&x, NULL, &id));
    world_end(&x);
}

/* A record that stood there is exchanged for another, which is signed and
 * sealed as well: the cut knows it. */
static void test_attack_members__records_below_a_cut_stay(void **state)
{
    struct key_remove_result done;
    struct record_journal says = {.generation = 0};
    char name[RECORD_NAME_MAX];
    struct object_id before, forged;
    struct chain_tip old;
    struct chain_tip tip;
    struct writer_id w;
    struct buf wrong;
    struct buf right;
    struct store *copy;
    struct world x;

    (void)state;
    world_make(&x, KEYRING_WRITE);
    put_open(&x, &w, &tip, 0);
    old = tip;
    copy = catchup_kit_copy_store(x.f.store);
    before = put_snapshot(&x, x.thief->keys, 7);
    says.id = before;
    put_journal(&x, &w, &tip, RECORD_COMMIT, &says);
    assert_int_equal(key_remove(x.full, &x.member, false, &done), 0);
    /* in a copy of the store another record takes that number */
    copy = catchup_kit_exchange(&x.f, copy);
    forged = put_snapshot(&x, x.thief->keys, 8);
    says.id = forged;
    put_journal(&x, &w, &old, RECORD_COMMIT, &says);
    record_journal_name(&w, 1, name);
    catchup_kit_get(x.f.store, name, &wrong);
    copy = catchup_kit_exchange(&x.f, copy);
    (void)put_snapshot(&x, x.thief->keys, 8);
    catchup_kit_get(x.f.store, name, &right);
    catchup_kit_replace(x.f.store, name, buf_bytes(&wrong));
    assert_false(is_listed(&x, NULL, &forged));
    assert_int_equal(catchup_kit_damaged(&x.f, "late"), 1);
    catchup_kit_replace(x.f.store, name, buf_bytes(&right));
    assert_int_equal(catchup_kit_damaged(&x.f, "late"), 0);
    assert_true(is_listed(&x, "late", &before));
    buf_release(&wrong);
    buf_release(&right);
    store_close(copy);
    world_end(&x);
}

/* Garbage in its own journals keeps nobody from removing a key; what stands
 * beside it still counts. */
static void test_attack_members__damage_does_not_stop_a_removal(void **state)
{
    static const struct {
        uint64_t k; /* where junk stands */
        bool damage;
    } t[] = {{4, true}, {60, true}, {99999999, false}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct key_remove_result done;
        struct record_journal says = {.generation = 0};
        char name[RECORD_NAME_MAX];
        enum store_outcome outcome;
        struct object_id before;
        struct writer_id w;
        struct chain_tip tip;
        struct world x;

        world_make(&x, KEYRING_WRITE);
        put_open(&x, &w, &tip, 0);
        before = put_snapshot(&x, x.thief->keys, 7);
        says.id = before;
        put_journal(&x, &w, &tip, RECORD_COMMIT, &says);
        record_journal_name(&w, t[i].k, name);
        assert_int_equal(
            store_put(x.f.store, name, bytes_of_str("junk"), &outcome), 0);
        if (t[i].damage) {
            assert_int_equal(key_remove(x.full, &x.member, false, &done),
                             E_REFUSED);
            assert_int_equal(
                members_find(&x.full->state.members, &x.member)->standing,
                RECORD_LEAVING);
        }
        assert_int_equal(key_remove(x.full, &x.member, true, &done), 0);
        assert_int_equal(done.damaged > 0, t[i].damage);
        assert_true(is_listed(&x, NULL, &before));
        /* and it is over with */
        assert_int_equal(catchup_kit_damaged(&x.f, NULL), 0);
        world_end(&x);
    }
}

/* --- slots --- */

/* What is in the clear of a slot is sealed with it. */
static void test_attack_members__slots_are_what_they_say(void **state)
{
    static const struct {
        const char *what;
        size_t at; /* behind the magic, in format.md's order */
        uint8_t x;
    } t[] = {{"role", 9 + 1 + 8 + 16, KEYRING_WRITE ^ KEYRING_FULL},
             {"member", 9 + 1 + 8 + 16 + 1 + 5, 1},
             {"label", 9 + 1 + 8 + 16 + 1 + 32 + 1, 'a' ^ 'b'}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct slot_list l = {.item = NULL};
        enum store_outcome outcome;
        char hex[ID_HEX_CHARS + 1];
        char name[80];
        struct object_id id;
        struct repo *r = NULL;
        struct buf file;
        struct world x;

        world_make(&x, KEYRING_WRITE);
        assert_int_equal(slot_list_load(x.f.store, &l), 0);
        for (size_t k = 0; k < l.n; k++)
            if (memcmp(l.item[k].info.member.b, x.member.b, 32) == 0)
                id = l.item[k].id;
        (void)snprintf(name, sizeof name, "keys/%s",
                       id_hex(id.b, sizeof id.b, hex));
        catchup_kit_get(x.f.store, name, &file);
        catchup_kit_remove(x.f.store, name);
        file.p[t[i].at] ^= t[i].x;
        blake3_hash(buf_bytes(&file), id.b);
        (void)snprintf(name, sizeof name, "keys/%s",
                       id_hex(id.b, sizeof id.b, hex));
        assert_int_equal(store_put(x.f.store, name, buf_bytes(&file), &outcome),
                         0);
        x.f.secret = x.theirs;
        if (repo_fixture_repo(&x.f, NULL, &r) == 0)
            fail_msg("a slot opens whose %s was changed", t[i].what);
        buf_release(&file);
        slot_list_release(&l);
        world_end(&x);
    }
}

/* Counts what unlocking asks of the store. */
static int count_op(void *ctx, enum memory_point point, enum memory_op op,
                    const char *name)
{
    uint64_t *n = ctx;

    (void)name;
    *n += point == MEMORY_BEFORE && (op == MEMORY_GET || op == MEMORY_LIST);
    return 0;
}

/* Who tries a wrong secret learns nothing of what role a right one has. */
static void test_attack_members__a_wrong_secret_is_one_whatever_role(
    void **state)
{
    static const enum keyring_role role[] = {KEYRING_FULL, KEYRING_READ,
                                             KEYRING_WRITE, KEYRING_MAINTAIN};
    char text[ERR_TEXT_MAX] = "";
    uint64_t ops = 0;

    (void)state;
    for (size_t i = 0; i < sizeof role / sizeof role[0]; i++) {
        struct repo *r = NULL;
        uint64_t n = 0;
        struct world x;

        world_make(&x, role[i]);
        /* the founder's slot is not there */
        assert_int_equal(slot_list_drop(x.f.store, &x.full->keys->member, NULL),
                         0);
        x.f.secret = (struct key_slot_secret){
            KEY_SLOT_FILE, bytes_of_str("00000000000000000000000000000000")};
        memory_set_hook(x.f.store, count_op, &n);
        assert_int_equal(repo_fixture_repo(&x.f, "wrong", &r), E_KEY);
        memory_set_hook(x.f.store, NULL, NULL);
        if (i == 0)
            (void)snprintf(text, sizeof text, "%s", err_text());
        assert_string_equal(err_text(), text);
        ops = i == 0 ? n : ops;
        assert_int_equal(n, ops);
        world_end(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack_members__the_log_heeds_who_may_sign),
        cmocka_unit_test(test_attack_members__nobody_speaks_in_others_journals),
        cmocka_unit_test(test_attack_members__nobody_speaks_for_others_objects),
        cmocka_unit_test(test_attack_members__a_claim_on_what_is_damaged_fails),
        cmocka_unit_test(test_attack_members__roles_hold_in_ones_own_journal),
        cmocka_unit_test(test_attack_members__packs_of_readers_are_none),
        cmocka_unit_test(test_attack_members__nobody_replaces_others_segments),
        cmocka_unit_test(test_attack_members__a_removed_key_writes_nothing),
        cmocka_unit_test(test_attack_members__a_removed_key_is_told),
        cmocka_unit_test(test_attack_members__who_leaves_opens_nothing),
        cmocka_unit_test(
            test_attack_members__a_cache_beyond_a_cut_is_made_anew),
        cmocka_unit_test(test_attack_members__records_below_a_cut_stay),
        cmocka_unit_test(test_attack_members__damage_does_not_stop_a_removal),
        cmocka_unit_test(test_attack_members__slots_are_what_they_say),
        cmocka_unit_test(
            test_attack_members__a_wrong_secret_is_one_whatever_role),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
