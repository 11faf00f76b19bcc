/*
 * What the holder of a stolen write key can try so that others delete what is
 * needed: garbage beside honest packs, trees that point at what is not theirs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "repo/collect.h"
#include "repo/forget.h"
#include "repo/frame.h"
#include "repo/key_change.h"
#include "repo/pack_writer.h"
#include "repo/tree_entry.h"
#include "repo/writer.h"
#include "tests/repo/check_kit.h"

enum { ROUNDS = 12 };

static const struct collect_options options = {
    .silence_ns = 1,
    .repack = {.unused_percent = 100, .unused_bytes = UINT64_MAX}};

/* As by a host with a cache of its own. */
static struct repo *open_as(struct check_kit *k,
                            const struct key_slot_secret *secret,
                            const char *name)
{
    struct repo_open_options opt = {.secret = secret};
    char path[SCRATCH_PATH + 32];
    struct repo *r = NULL;

    (void)snprintf(path, sizeof path, "%s/%s", k->cache, name);
    assert_true(scratch_run("rm -rf '%s' && mkdir -m 700 '%s'", path, path));
    opt.cache_root = path;
    if (repo_open(k->store, &opt, &r) < 0)
        fail_msg("open: %s", err_text());
    return r;
}

static void sound(struct check_kit *k)
{
    struct check_options opt = {.read_data = true};

    if (check_kit_run(k, k->r, &opt) == 0)
        return;
    /* damage in the thief's own packs only */
    for (size_t n = 0; n < k->hit_n; n++) {
        if (k->hit[n].kind == CHECK_PATH)
            fail_msg("%s: %s", k->hit[n].path, k->hit[n].text);
    }
}

static void collect(struct check_kit *k, const struct key_slot_secret *secret,
                    const char *cache, struct collect_done *done)
{
    struct repo *r = open_as(k, secret, cache);

    if (collect_run(r, &options, done) < 0)
        fail_msg("collect: %s", err_text());
    repo_close(r);
}

/* ---- garbage ------------------------------------------------------------- */

static void put_garbage(struct pack_writer *pw, struct frame_ctx *x,
                        const struct index_chunk *c)
{
    static uint8_t raw[1 << 20];
    struct pack_dir_chunk dc = {.id = c->id, .bytes = c->loc.bytes};
    struct frame f;

    assert_int_equal(frame_prepare(x, bytes_of(raw, dc.bytes), 3), 0);
    assert_int_equal(
        frame_seal(x, pack_writer_key(pw), pack_dir_what(&dc, 1), &f), 0);
    assert_int_equal(pack_writer_add(pw, &f, &dc, 1, NULL), 0);
}

/* A pack that says to hold every chunk of content. */
static void forge_pack(struct check_kit *k, struct repo *thief,
                       struct pack_info *info)
{
    struct index_place place = {.started = false};
    struct index_reader *reader = NULL;
    struct pack_writer *pw = NULL;
    struct frame_ctx *x = NULL;
    struct chunk_id last = {{0}};
    struct index_chunk c;
    size_t n = 1;

    assert_int_equal(frame_ctx_new(&x), 0);
    assert_int_equal(pack_writer_open(k->store, thief->keys, PACK_DATA,
                                      bytes_of_str("garbage"), &pw),
                     0);
    assert_int_equal(index_reader_new(thief->index, &reader), 0);
    for (;;) {
        struct index_pack p;
        bool found;

        assert_int_equal(index_reader_chunks(reader, &place, &c, 1, &n), 0);
        if (n == 0)
            break;
        assert_int_equal(index_reader_pack(reader, c.loc.pack, &p, &found), 0);
        if (p.kind != INDEX_DATA || chunk_id_equal(&last, &c.id))
            continue;
        last = c.id;
        put_garbage(pw, x, &c);
    }
    index_reader_free(reader);
    assert_int_equal(pack_writer_commit(pw, false, info), 0);
    pack_writer_free(pw);
    frame_ctx_free(x);
}

static void poison(struct check_kit *k, const struct key_slot_secret *secret)
{
    struct repo *thief = open_as(k, secret, "thief");

    for (int i = 0; i < ROUNDS; i++) {
        struct pack_info info = {.bytes = 0};
        struct writer *w = NULL;
        bool indexed;

        assert_int_equal(writer_open(thief, bytes_of(NULL, 0), &w), 0);
        forge_pack(k, thief, &info);
        assert_int_equal(writer_publish(w, &info, 1, &indexed), 0);
        assert_int_equal(writer_end(w), 0);
        writer_free(w);
    }
    repo_close(thief);
}

static void garbage(enum record_trust trust, enum keyring_role collector)
{
    struct check_kit *k = check_kit_open();
    struct key_slot_secret stolen = {
        KEY_SLOT_FILE, bytes_of_str("a thief has this key file, 32 b!")};
    struct key_slot_secret keeper = {
        KEY_SLOT_FILE, bytes_of_str("who keeps the house: a file, 32b")};
    struct key_change_new write = {.role = KEYRING_WRITE,
                                   .label = "thief",
                                   .secret = &stolen,
                                   .has_trust = true,
                                   .trust = trust};
    struct key_change_new keep = {
        .role = collector, .label = "keeper", .secret = &keeper};
    struct repo *full = check_kit_repo(k);
    struct collect_done done;
    struct member_id id;

    assert_int_equal(key_change_add(full, &write, &id), 0);
    assert_int_equal(key_change_add(full, &keep, &id), 0);
    repo_close(full);
    poison(k, &stolen);
    for (int i = 0; i < 2; i++) {
        collect(k, &keeper, "keeper", &done);
        sound(k);
    }
    check_kit_close(k);
}

static void test_attack_collect__garbage_beside_honest_packs(void **state)
{
    (void)state;
    garbage(RECORD_TRUST_OWN, KEYRING_FULL);
    garbage(RECORD_TRUST_SHARED, KEYRING_FULL);
    garbage(RECORD_TRUST_OWN, KEYRING_MAINTAIN);
    garbage(RECORD_TRUST_SHARED, KEYRING_MAINTAIN);
}

/* ---- trees --------------------------------------------------------------- */

/* A snapshot whose root has an attribute that is another one's root page: its
 * id, before that one's is counted. */
static void forge_edge(struct repo *r, const struct snapshot *honest, int turn,
                       struct object_id *id)
{
    struct manifest m = honest->manifest.m;
    struct tree_entry te = {.attr_n = 0};
    struct tree_attr a = {
        .name = bytes_of_str("user.x"), .is_chunk = true, .length = 2000};
    struct writer *w = NULL;
    struct codec c;
    struct buf b;

    codec_init(&c, m.root);
    assert_int_equal(tree_entry_get(&c, &te, true), 0);
    a.id = te.dir.root;
    te.attr_n = 0;
    assert_int_equal(tree_entry_add_attr(&te, &a), 0);
    buf_init(&b, 1 << 20);
    assert_int_equal(tree_entry_put(&b, &te), 0);
    m.root = buf_bytes(&b);
    m.number = 100 + (uint64_t)turn;
    m.has_previous = false;
    assert_int_equal(writer_open(r, m.series, &w), 0);
    assert_int_equal(writer_commit(w, &m, id), 0);
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
    buf_release(&b);
    tree_entry_release(&te);
}

static void test_attack_collect__a_page_named_as_content(void **state)
{
    struct check_kit *k = check_kit_open();
    struct repo *r = check_kit_repo(k);
    struct object_id honest, forged;
    struct collect_done done;
    struct snapshot s;

    (void)state;
    /* the counts stand for what there is */
    assert_int_equal(collect_run(r, &options, &done), 0);
    repo_close(r);
    assert_true(scratch_run("head -c 300000 /dev/urandom >'%s/aaa'", k->tree));
    assert_int_equal(check_kit_backup(k, &honest), 0);
    r = check_kit_repo(k);
    assert_int_equal(snapshot_list_read(k->store, r->keys, &honest, &s), 0);
    for (int i = 0; i < 64; i++) {
        forge_edge(r, &s, i, &forged);
        if (memcmp(forged.b, honest.b, sizeof forged.b) < 0)
            break;
    }
    snapshot_list_drop(&s);
    repo_close(r);
    r = check_kit_repo(k);
    assert_int_equal(collect_run(r, &options, &done), 0);
    assert_int_equal(done.deleted.n, 0);
    repo_close(r);
    check_kit_close(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack_collect__garbage_beside_honest_packs),
        cmocka_unit_test(test_attack_collect__a_page_named_as_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
