#include "tests/repo/member_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "repo/chain.h"
#include "repo/key_change.h"
#include "repo/members_draft.h"

struct repo *member_kit_open_as(struct member_kit *x,
                                const struct key_slot_secret *secret,
                                const char *cache)
{
    struct repo *r = NULL;

    x->f.secret = *secret;
    assert_int_equal(repo_fixture_repo(&x->f, cache, &r), 0);
    x->f.secret = x->founder;
    return r;
}

void member_kit_make(struct member_kit *x, enum keyring_role role)
{
    struct key_change_new n = {.role = role,
                               .label = "theirs",
                               .secret = &x->theirs,
                               .has_trust = true};

    catchup_kit_start(&x->f, 1, x->id);
    x->founder = x->f.secret;
    x->theirs = (struct key_slot_secret){
        KEY_SLOT_FILE, bytes_of_str("a thief has this key file, 32 b!")};
    x->full = member_kit_open_as(x, &x->founder, "full");
    assert_int_equal(key_change_add(x->full, &n, &x->member), 0);
    x->thief = member_kit_open_as(x, &x->theirs, "thief");
    assert_int_equal(x->thief->keys->role, role);
}

struct member_kit_step {
    struct members_change change;
    struct members_draft draft;
};

static int member_kit_draft(void *ctx, const struct repo *r,
                            struct repo_log_draft *d)
{
    struct member_kit_step *s = ctx;

    return members_draft_make(&s->draft, r, &s->change, d);
}

void member_kit_say(struct member_kit *x, enum record_standing standing)
{
    struct member_kit_step s = {
        .change = {.who = &x->member, .standing = standing}};

    members_draft_init(&s.draft);
    assert_int_equal(repo_log_append(x->full, member_kit_draft, &s, NULL), 0);
    members_draft_release(&s.draft);
}

void member_kit_close(struct member_kit *x)
{
    repo_close(x->full);
    repo_close(x->thief);
    repo_fixture_close(&x->f);
}

bool member_kit_listed(struct member_kit *x, const char *cache,
                       const struct object_id *id)
{
    struct snapshot_list l = {.n = 0};
    struct repo *r = member_kit_open_as(x, &x->founder, cache);
    bool found = false;

    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    for (size_t i = 0; i < l.n; i++)
        found |= object_id_equal(&l.item[i].id, id);
    snapshot_list_release(&l);
    repo_close(r);
    return found;
}

bool member_kit_relied_on(struct member_kit *x, const char *cache,
                          uint64_t seed)
{
    struct repo *r = member_kit_open_as(x, &x->founder, cache);
    bool finds = catchup_kit_finds(r, INDEX_DEDUP, seed);

    repo_close(r);
    return finds;
}

/* --- what a thief puts --- */

static void put(struct member_kit *x, const struct writer_id *w,
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

void member_kit_put_log(struct member_kit *x, enum record_log_type type,
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

void member_kit_put_journal(struct member_kit *x, const struct writer_id *w,
                            struct chain_tip *tip,
                            enum record_journal_type type,
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

void member_kit_put_open(struct member_kit *x, struct writer_id *w,
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
    member_kit_put_journal(x, w, tip, RECORD_OPEN, &open);
}

struct object_id member_kit_put_snapshot(struct member_kit *x,
                                         const struct keyring *k,
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

struct object_id member_kit_put_segment(struct member_kit *x, struct repo *as,
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

struct object_id member_kit_put_run(struct member_kit *x, uint64_t generation,
                                    struct writer_id *w, struct chain_tip *tip)
{
    struct object_id id = member_kit_put_snapshot(x, x->thief->keys, 7);
    struct record_journal j = {.id = id};
    struct record_journal s = {.generation = 0};
    struct pack_info info;

    s.id = member_kit_put_segment(x, x->thief, MEMBER_KIT_THIEF, &info);
    pack_info_release(&info);
    member_kit_put_open(x, w, tip, generation);
    member_kit_put_journal(x, w, tip, RECORD_SEGMENT, &s);
    member_kit_put_journal(x, w, tip, RECORD_COMMIT, &j);
    member_kit_put_journal(x, w, tip, RECORD_END, &j);
    return id;
}
