/*
 * Trust among writers: what a thief of a write key can say of packs, and whom
 * that harms: docs/format.md 8 (believed), 8.2. Everything is sealed and signed
 * well, by a key that may; what is in it is a lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/catchup_packs.h"
#include "repo/check.h"
#include "repo/key_change.h"
#include "repo/pack_layout.h"
#include "repo/pack_reader.h"
#include "repo/segment_file.h"
#include "repo/segment_list.h"
#include "repo/segment_merge.h"
#include "tests/repo/catchup_kit.h"
#include "tests/repo/pack_fixture.h"

enum {
    FOUNDER = 1,  /* seeds of packs: what the founder has */
    VICTIM = 2,   /* ... a host with a write key of its own */
    TOMORROW = 3, /* ... nobody so far */
    PLACES = 20   /* more than anybody looks at in one go */
};

struct world {
    struct repo_fixture f;
    struct key_slot_secret secret[3]; /* founder, thief, host */
    struct object_id id[1];
    struct repo *full;
    struct repo *thief;
    struct repo *host;
};

enum { FULL, THIEF, HOST };

static struct repo *open_as(struct world *x, int who, const char *cache)
{
    struct repo *r = NULL;

    x->f.secret = x->secret[who];
    assert_int_equal(repo_fixture_repo(&x->f, cache, &r), 0);
    x->f.secret = x->secret[FULL];
    return r;
}

static struct repo *add(struct world *x, int who, const char *label)
{
    struct key_change_new n = {
        .role = KEYRING_WRITE, .label = label, .secret = &x->secret[who]};
    struct member_id id;

    assert_int_equal(key_change_add(x->full, &n, &id), 0);
    return open_as(x, who, label);
}

static int backup(struct world *x, int who, uint64_t seed)
{
    static const char *const cache[] = {"full", "thief", "host"};
    struct object_id id;
    int rc;

    x->f.secret = x->secret[who];
    rc = repo_fixture_backup(&x->f, cache[who], seed, &id);
    x->f.secret = x->secret[FULL];
    return rc;
}

static void world_make(struct world *x)
{
    catchup_kit_start(&x->f, 1, x->id);
    x->secret[FULL] = x->f.secret;
    x->secret[THIEF] = (struct key_slot_secret){
        KEY_SLOT_FILE, bytes_of_str("a thief has this key file, 32 b!")};
    x->secret[HOST] = (struct key_slot_secret){
        KEY_SLOT_FILE, bytes_of_str("a host has this key file, 32 by!")};
    x->full = open_as(x, FULL, "full");
    x->thief = add(x, THIEF, "thief");
    x->host = add(x, HOST, "host");
    assert_int_equal(repo_refresh(x->full), 0);
    assert_int_equal(x->full->state.members.trust, RECORD_TRUST_OWN);
}

static void world_end(struct world *x)
{
    repo_close(x->full);
    repo_close(x->thief);
    repo_close(x->host);
    repo_fixture_close(&x->f);
}

/* Whether that key would store the chunks of a seed again, with a cache (NULL:
 * a fresh one). */
static bool relies(struct world *x, int who, const char *cache, uint64_t seed)
{
    struct repo *r = open_as(x, who, cache);
    bool finds = catchup_kit_finds(r, INDEX_DEDUP, seed);
    struct index_reader *ix = NULL;

    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(index_check(ix), 0);
    index_reader_free(ix);
    repo_close(r);
    return finds;
}

/* The same for caches that have grown and fresh ones. */
static void expect_relies(struct world *x, int who, uint64_t seed, bool want)
{
    assert_int_equal(relies(x, who, NULL, seed), want);
    assert_int_equal(relies(x, who,
                            who == FULL    ? "full"
                            : who == THIEF ? "thief"
                                           : "host",
                            seed),
                     want);
}

/* --- lies --- */

/* The ids of the chunks of a seed. */
static void ids_of(const struct repo *r, uint64_t seed,
                   struct pack_dir_chunk chunk[REPO_FIXTURE_CHUNKS])
{
    uint8_t raw[REPO_FIXTURE_CHUNK_BYTES];

    for (uint64_t i = 0; i < REPO_FIXTURE_CHUNKS; i++) {
        pack_fixture_bytes(seed * 100 + i, raw, sizeof raw);
        keyring_chunk_id(r->keys, PACK_DATA, bytes_of(raw, sizeof raw),
                         &chunk[i].id);
        chunk[i].bytes = sizeof raw;
    }
}

/* A pack that is all in order, but that its chunks are not what their ids say:
 * those are of seed. */
static void garbage(struct world *x, struct repo *as, uint64_t seed,
                    struct pack_info *info)
{
    struct pack_dir_chunk chunk[REPO_FIXTURE_CHUNKS];
    uint8_t raw[REPO_FIXTURE_CHUNKS * REPO_FIXTURE_CHUNK_BYTES];
    struct frame_ctx *frame = NULL;
    struct pack_writer *w = NULL;
    struct frame f;

    ids_of(as, seed, chunk);
    memset(raw, 'x', sizeof raw);
    *info = (struct pack_info){.bytes = 0};
    assert_int_equal(frame_ctx_new(&frame), 0);
    assert_int_equal(pack_writer_open(x->f.store, as->keys, PACK_DATA,
                                      bytes_of_str("garbage"), &w),
                     0);
    assert_int_equal(frame_prepare(frame, bytes_of(raw, sizeof raw), 3), 0);
    assert_int_equal(frame_seal(frame, pack_writer_key(w),
                                pack_dir_what(chunk, REPO_FIXTURE_CHUNKS), &f),
                     0);
    assert_int_equal(pack_writer_add(w, &f, chunk, REPO_FIXTURE_CHUNKS, NULL),
                     0);
    assert_int_equal(pack_writer_commit(w, false, info), 0);
    pack_writer_free(w);
    frame_ctx_free(frame);
}

/* A directory that names the chunks of seed, in place of what a pack holds. */
static void false_dir(struct repo *as, uint64_t seed, struct bytes real,
                      struct buf *out)
{
    struct pack_dir_chunk chunk[REPO_FIXTURE_CHUNKS];
    struct pack_dir_reader r;
    struct pack_dir_chunk had;
    struct pack_dir_frame f;

    buf_init(out, 1 << 16);
    buf_add_bytes(out, real);
    ids_of(as, seed, chunk);
    pack_dir_read(&r, real);
    for (size_t i = 0; pack_dir_next_frame(&r, &f);) {
        while (pack_dir_next_chunk(&r, &had)) {
            for (size_t k = 0; k + ID_BYTES <= out->n; k++)
                if (memcmp(out->p + k, had.id.b, ID_BYTES) == 0)
                    memcpy(out->p + k, chunk[i].id.b, ID_BYTES);
            i++;
        }
    }
}

/* A run of as: one segment with that level and these packs, which it is said to
 * replace. before: its journal's name sorts before those of all others, or
 * behind them. */
static void say(struct world *x, struct repo *as, bool before, unsigned level,
                struct segment_pack *pack, size_t n,
                const struct object_id *replaces, size_t replace_n)
{
    struct chain chain = {
        .store = x->f.store, .keys = as->keys, .kind = ENVELOPE_JOURNAL};
    struct record_journal open = {.generation = 0};
    struct record_journal j = {.ids = record_ids_of(replaces, replace_n)};
    struct chain_tip tip = {.any = false};
    const struct record_journal *says[] = {&open, &j, &j};
    static const enum record_journal_type type[] = {RECORD_OPEN, RECORD_SEGMENT,
                                                    RECORD_END};
    bool mine;

    assert_int_equal(repo_refresh(as), 0);
    open.generation = as->state.tip.number;
    open.log_id = as->state.tip.id;
    assert_int_equal(segment_file_write(x->f.store, as->keys, level, replaces,
                                        replace_n, pack, n, &j.id),
                     0);
    do
        members_writer_new(&as->keys->member, &chain.writer);
    while (before ? chain.writer.b[0] > 4 : chain.writer.b[0] < 252);
    for (unsigned i = 0; i < 3; i++) {
        struct buf body;

        buf_init(&body, 1 << 16);
        record_journal_put(type[i], says[i], &body);
        assert_int_equal(
            chain_put(&chain, &tip, type[i], buf_bytes(&body), &mine), 0);
        assert_true(mine);
        buf_release(&body);
    }
}

static struct segment_pack pack_of(const struct pack_info *info)
{
    return (struct segment_pack){.id = info->id,
                                 .kind = info->kind,
                                 .bytes = info->bytes,
                                 .writer = info->writer,
                                 .dir = buf_bytes(&info->dir)};
}

/* What the index of r knows of the packs by a member, the first of them. */
static struct pack_info pack_by(struct world *x, const struct repo *r,
                                const struct member_id *member)
{
    struct pack_info info = {.bytes = 0};
    struct pack_reader *packs = NULL;
    struct index_reader *ix = NULL;
    struct index_pack pack;
    uint32_t next = 0;
    size_t n = 1;

    assert_int_equal(pack_reader_new(x->f.store, r->keys, &packs), 0);
    assert_int_equal(index_reader_new(r->index, &ix), 0);
    while (n > 0 && info.bytes == 0) {
        assert_int_equal(index_reader_packs(ix, &next, &pack, 1, &n), 0);
        if (n && memcmp(pack.member.b, member->b, sizeof member->b) == 0)
            assert_int_equal(pack_reader_dir(packs, &pack.id, &info), 0);
    }
    assert_true(info.bytes > 0);
    index_reader_free(ix);
    pack_reader_free(packs);
    return info;
}

/* --- a check by the full key --- */

struct found {
    uint64_t damages; /* to packs */
    uint64_t vouched;
    char text[4096]; /* of all */
};

static int note(void *ctx, const struct check_finding *f)
{
    struct found *n = ctx;
    size_t at = strlen(n->text);

    if (f->kind == CHECK_CACHE)
        fail_msg("%s", f->text);
    if (f->kind != CHECK_PACK || !f->damage)
        return 0;
    n->damages++;
    (void)snprintf(n->text + at, sizeof n->text - at, "%s: %s\n", f->object,
                   f->text);
    return 0;
}

/* What it says of packs, and for how many it vouches: the snapshots here have
 * no trees, so that there is damage in any case. */
static void check(struct world *x, struct found *n)
{
    const struct check_options opt = {.threads = 1, .read_data = true};
    struct repo *r = open_as(x, FULL, "full");
    struct check_summary sum = {.damages = 0};

    *n = (struct found){.damages = 0};
    assert_int_equal(check_run(r, &opt, note, n, &sum), E_CORRUPT);
    assert_int_equal(sum.damages - n->damages, sum.snapshots);
    n->vouched = sum.vouched;
    repo_close(r);
}

/* --- who relies on whom --- */

static void test_attack_trust__own_relies_on_its_own_and_full_keys(void **state)
{
    struct world x;
    struct found n;

    (void)state;
    world_make(&x);
    assert_int_equal(backup(&x, HOST, VICTIM), 0);
    expect_relies(&x, HOST, VICTIM, true);
    expect_relies(&x, HOST, FOUNDER, true);
    expect_relies(&x, THIEF, FOUNDER, true);
    expect_relies(&x, THIEF, VICTIM, false);
    expect_relies(&x, FULL, VICTIM, false);
    /* one cache for all: it stands for whoever used it last */
    assert_true(relies(&x, HOST, "one", VICTIM));
    assert_false(relies(&x, THIEF, "one", VICTIM));
    assert_true(relies(&x, HOST, "one", VICTIM));
    /* the log changes it, there and back */
    assert_int_equal(key_change_trust(x.full, RECORD_TRUST_SHARED), 0);
    expect_relies(&x, THIEF, VICTIM, true);
    assert_int_equal(key_change_trust(x.full, RECORD_TRUST_OWN), 0);
    expect_relies(&x, THIEF, VICTIM, false);
    /* a full key that has read it says so */
    check(&x, &n);
    assert_int_equal(n.damages, 0);
    assert_int_equal(n.vouched, 1);
    expect_relies(&x, THIEF, VICTIM, true);
    expect_relies(&x, FULL, VICTIM, true);
    check(&x, &n);
    assert_int_equal(n.damages, 0);
    assert_int_equal(n.vouched, 0);
    world_end(&x);
}

/* The store gives no pack. */
static int withhold_packs(void *ctx, enum memory_point point, enum memory_op op,
                          const char *name)
{
    (void)ctx;
    return point == MEMORY_BEFORE && op == MEMORY_GET &&
                   strncmp(name, "packs/", 6) == 0
               ? err_set(E_STORE, "not now")
               : 0;
}

static int no_vain_vouch(void *ctx, const struct check_finding *f)
{
    (void)ctx;
    assert_null(strstr(f->text, "put down"));
    return 0;
}

/* Nobody vouches for what he has not read, nor for what nothing lists; and who
 * may not vouch does not try. */
static void test_attack_trust__vouching_takes_reading(void **state)
{
    static const struct key_slot_secret secret = {
        KEY_SLOT_FILE,
        {(const uint8_t *)"the key file of somebody who r..", 32}};
    const struct key_change_new reader = {
        .role = KEYRING_READ, .label = "reads", .secret = &secret};
    struct check_options opt = {.threads = 1};
    struct check_summary sum = {.damages = 0};
    struct key_slot_secret mine;
    struct member_id id;
    struct pack_info info;
    struct repo *r = NULL;
    struct world x;
    struct found n;
    uint64_t tip;

    (void)state;
    world_make(&x);
    assert_int_equal(backup(&x, HOST, VICTIM), 0);
    r = open_as(&x, FULL, "full");
    tip = r->state.tip.number;
    assert_int_equal(check_run(r, &opt, NULL, NULL, &sum), E_CORRUPT);
    assert_int_equal(sum.vouched, 0);
    assert_int_equal(r->state.tip.number, tip);
    repo_close(r);
    expect_relies(&x, FULL, VICTIM, false);
    r = open_as(&x, FULL, "full");
    opt.read_data = true;
    memory_set_hook(x.f.store, withhold_packs, NULL);
    assert_int_not_equal(check_run(r, &opt, NULL, NULL, &sum), 0);
    memory_set_hook(x.f.store, NULL, NULL);
    assert_int_equal(sum.vouched, 0);
    repo_close(r);
    repo_fixture_pack(&x.f, x.thief, TOMORROW, &info);
    pack_info_release(&info);
    assert_int_equal(key_change_add(x.full, &reader, &id), 0);
    mine = x.f.secret;
    x.f.secret = secret;
    assert_int_equal(repo_fixture_repo(&x.f, NULL, &r), 0);
    x.f.secret = mine;
    assert_int_equal(check_run(r, &opt, no_vain_vouch, NULL, &sum), E_CORRUPT);
    assert_int_equal(sum.vouched, 0);
    repo_close(r);
    check(&x, &n);
    assert_int_equal(n.vouched, 1);
    world_end(&x);
}

/* --- garbage under the ids of tomorrow's chunks --- */

static void test_attack_trust__garbage_is_stored_again_and_named(void **state)
{
    struct writer *w = NULL;
    struct world x;
    struct found n;

    (void)state;
    world_make(&x);
    assert_int_equal(writer_open(x.thief, bytes_of_str("t@t"), &w), 0);
    for (unsigned i = 0; i < PLACES; i++) {
        struct pack_info info;
        bool indexed;

        garbage(&x, x.thief, TOMORROW, &info);
        assert_int_equal(writer_publish(w, &info, 1, &indexed), 0);
    }
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
    expect_relies(&x, HOST, TOMORROW, false);
    expect_relies(&x, FULL, TOMORROW, false);
    expect_relies(&x, THIEF, TOMORROW, true);
    assert_int_equal(backup(&x, HOST, TOMORROW), 0);
    expect_relies(&x, HOST, TOMORROW, true);
    /* every chunk of every snapshot comes back right, past all that garbage */
    assert_int_equal(repo_fixture_check(&x.f, x.id, 1), 2);
    check(&x, &n);
    assert_non_null(strstr(n.text, "packs/"));
    assert_int_equal(n.damages, PLACES);
    /* the host's pack, and none of the thief's */
    assert_int_equal(n.vouched, 1);
    expect_relies(&x, FULL, TOMORROW, true);
    expect_relies(&x, THIEF, TOMORROW, true);
    assert_int_equal(repo_fixture_check(&x.f, x.id, 1), 2);
    world_end(&x);
}

/* --- other people's packs --- */

/* Every way to list somebody's pack with other chunks in it: as its writer, or
 * as one's own; read before what its writer says, or after. */
static void test_attack_trust__others_packs_stay_what_they_are(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 8; way++) {
        bool before = way & 1;
        bool claims = way & 2;
        int whose = way & 4 ? HOST : FULL;
        uint64_t seed = whose == HOST ? VICTIM : FOUNDER;
        struct segment_pack pack;
        struct pack_info info;
        struct world x;
        struct found n;
        struct buf lie;

        world_make(&x);
        assert_int_equal(backup(&x, HOST, VICTIM), 0);
        assert_int_equal(repo_refresh(x.host), 0);
        assert_int_equal(repo_refresh(x.full), 0);
        info = pack_by(&x, x.host,
                       &(whose == HOST ? x.host : x.full)->keys->member);
        false_dir(x.thief, TOMORROW, buf_bytes(&info.dir), &lie);
        pack = pack_of(&info);
        pack.dir = buf_bytes(&lie);
        if (claims)
            pack.writer = x.thief->keys->member;
        say(&x, x.thief, before, 0, &pack, 1, NULL, 0);
        expect_relies(&x, whose, TOMORROW, false);
        expect_relies(&x, THIEF, TOMORROW, false);
        expect_relies(&x, whose, seed, true);
        assert_int_equal(repo_fixture_check(&x.f, x.id, 1), 2);
        check(&x, &n);
        assert_non_null(strstr(n.text, "'thief'"));
        assert_int_equal(n.damages, 1);
        assert_int_equal(n.vouched, 1);
        expect_relies(&x, FULL, VICTIM, true);
        expect_relies(&x, FULL, TOMORROW, false);
        pack_info_release(&info);
        buf_release(&lie);
        world_end(&x);
    }
}

/* One that a full key has put and not listed so far. */
static void test_attack_trust__nobody_lists_others_packs(void **state)
{
    struct pack_info info = {.bytes = 0};
    struct segment_pack pack;
    struct world x;
    struct buf lie;

    (void)state;
    world_make(&x);
    repo_fixture_pack(&x.f, x.full, VICTIM, &info);
    false_dir(x.thief, TOMORROW, buf_bytes(&info.dir), &lie);
    pack = pack_of(&info);
    pack.dir = buf_bytes(&lie);
    say(&x, x.thief, true, 0, &pack, 1, NULL, 0);
    expect_relies(&x, HOST, TOMORROW, false);
    expect_relies(&x, FULL, TOMORROW, false);
    expect_relies(&x, FULL, VICTIM, false);
    pack_info_release(&info);
    buf_release(&lie);
    world_end(&x);
}

/* A pack that was vouched for, which its writer then says holds other chunks: a
 * vouch is for what was read. */
static void test_attack_trust__a_vouch_is_for_one_directory(void **state)
{
    (void)state;
    for (unsigned before = 0; before < 2; before++) {
        char name[PACK_LAYOUT_NAME_MAX];
        struct segment_pack pack;
        struct pack_info info;
        struct world x;
        struct found n;
        struct buf lie;

        world_make(&x);
        assert_int_equal(backup(&x, THIEF, VICTIM), 0);
        check(&x, &n);
        assert_int_equal(n.damages, 0);
        assert_int_equal(n.vouched, 1);
        assert_int_equal(repo_refresh(x.thief), 0);
        info = pack_by(&x, x.thief, &x.thief->keys->member);
        false_dir(x.thief, TOMORROW, buf_bytes(&info.dir), &lie);
        pack = pack_of(&info);
        pack.dir = buf_bytes(&lie);
        say(&x, x.thief, before, 0, &pack, 1, NULL, 0);
        expect_relies(&x, HOST, TOMORROW, false);
        expect_relies(&x, HOST, VICTIM, true);
        /* and where the pack itself cannot tell any more */
        pack_layout_name(&info.id, name);
        assert_true(memory_damage(x.f.store, name, info.bytes - 30, 1));
        assert_false(relies(&x, HOST, NULL, TOMORROW));
        pack_info_release(&info);
        buf_release(&lie);
        world_end(&x);
    }
}

/* --- merges --- */

static size_t live(struct repo *r, struct segment_list *l)
{
    struct index_reader *ix = NULL;

    *l = (struct segment_list){.item = NULL};
    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(segment_list_load(ix, l), 0);
    index_reader_free(ix);
    return l->n;
}

/* A thief that merges others' segments hides nothing of them. */
static void test_attack_trust__others_segments_are_not_replaced(void **state)
{
    (void)state;
    for (unsigned before = 0; before < 2; before++) {
        struct segment_list l;
        struct world x;
        size_t n;

        world_make(&x);
        n = live(x.full, &l);
        assert_int_equal(n, 1);
        say(&x, x.thief, before, 1, NULL, 0, &l.item[0].id, 1);
        segment_list_release(&l);
        for (unsigned fresh = 0; fresh < 2; fresh++) {
            struct repo *r = open_as(&x, FULL, fresh ? NULL : "full");

            assert_int_equal(live(r, &l), n + 1);
            segment_list_release(&l);
            repo_close(r);
        }
        expect_relies(&x, HOST, FOUNDER, true);
        assert_int_equal(repo_fixture_check(&x.f, x.id, 1), 1);
        world_end(&x);
    }
}

/* Merges segments with a full key: each pack that comes of it must be one of
 * these, as it is. Returns how many there are. */
static size_t merge(struct world *x, const struct segment_list_item *item,
                    size_t n, const struct pack_info *const is[2])
{
    struct segment_list_item out;
    struct segment_reader walk;
    struct segment_file file;
    struct segment_pack p;
    size_t packs;

    assert_int_equal(segment_merge_write(x->f.store, x->full->keys,
                                         x->full->index, &x->full->state, 0,
                                         item, n, &out),
                     0);
    assert_int_equal(
        segment_file_read(x->f.store, x->full->keys, &out.id, &file), 0);
    packs = file.segment.pack_n;
    segment_read(&walk, &file.segment);
    while (segment_next(&walk, &p)) {
        const struct pack_info *i = is[!object_id_equal(&p.id, &is[0]->id)];

        assert_true(object_id_equal(&p.id, &i->id));
        assert_memory_equal(p.writer.b, i->writer.b, sizeof p.writer.b);
        assert_true(bytes_equal(p.dir, buf_bytes(&i->dir)));
    }
    segment_file_release(&file);
    return packs;
}

/* What a full key merges keeps its authors, and none of the lies, in whatever
 * order they come. */
static void test_attack_trust__merging_believes_no_lie(void **state)
{
    (void)state;
    for (unsigned claims = 0; claims < 2; claims++) {
        struct segment_list_item back[3];
        struct segment_list l;
        struct segment_pack pack[2];
        struct pack_info founders, theirs;
        const struct pack_info *const is[2] = {&founders, &theirs};
        struct world x;
        struct buf lie;

        world_make(&x);
        assert_int_equal(backup(&x, THIEF, VICTIM), 0);
        assert_int_equal(repo_refresh(x.thief), 0);
        founders = pack_by(&x, x.thief, &x.full->keys->member);
        theirs = pack_by(&x, x.thief, &x.thief->keys->member);
        false_dir(x.thief, TOMORROW, buf_bytes(&founders.dir), &lie);
        pack[0] = pack_of(&founders);
        pack[0].dir = buf_bytes(&lie);
        if (claims)
            pack[0].writer = x.thief->keys->member;
        pack[1] = pack_of(&theirs);
        say(&x, x.thief, true, 0, pack, 2, NULL, 0);
        assert_int_equal(repo_refresh(x.full), 0);
        assert_int_equal(live(x.full, &l), 3);
        for (size_t i = 0; i < 3; i++)
            back[2 - i] = l.item[i];
        assert_int_equal(merge(&x, l.item, 3, is), 2);
        assert_int_equal(merge(&x, back, 3, is), 2);
        /* those of the thief alone */
        for (size_t i = 0; i < 3 && !claims; i++) {
            if (memcmp(l.item[i].member.b, x.thief->keys->member.b,
                       sizeof l.item[i].member.b) == 0)
                assert_int_equal(merge(&x, &l.item[i], 1, is), 1);
        }
        segment_list_release(&l);
        pack_info_release(&founders);
        pack_info_release(&theirs);
        buf_release(&lie);
        world_end(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_attack_trust__own_relies_on_its_own_and_full_keys),
        cmocka_unit_test(test_attack_trust__vouching_takes_reading),
        cmocka_unit_test(test_attack_trust__garbage_is_stored_again_and_named),
        cmocka_unit_test(test_attack_trust__others_packs_stay_what_they_are),
        cmocka_unit_test(test_attack_trust__nobody_lists_others_packs),
        cmocka_unit_test(test_attack_trust__a_vouch_is_for_one_directory),
        cmocka_unit_test(test_attack_trust__others_segments_are_not_replaced),
        cmocka_unit_test(test_attack_trust__merging_believes_no_lie),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
