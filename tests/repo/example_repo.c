#include "tests/repo/example_repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "base/clock.h"
#include "repo/crypto_fixed.h"
#include "repo/dir_writer.h"
#include "repo/manifest.h"
#include "repo/record_journal.h"
#include "repo/repo.h"
#include "repo/repo_init.h"
#include "repo/segment_file.h"
#include "repo/snapshot_list.h"

enum { EXAMPLE_TIME = 1700000000 };

static int open_slot(void *ctx, const char *name, uint64_t size)
{
    struct example_repo *x = ctx;
    struct key_slot_secret secret = {KEY_SLOT_FILE,
                                     bytes_of_str(EXAMPLE_REPO_KEY_FILE)};
    struct buf file;
    bool found;
    bool opened;

    (void)size;
    buf_init(&file, KEY_SLOT_BYTES_MAX);
    assert_int_equal(store_get(x->store, name, &file, &found), 0);
    assert_int_equal(key_slot_open(buf_bytes(&file), &secret, x->keys, &opened),
                     0);
    assert_true(opened);
    buf_release(&file);
    return 0;
}

static void build_keys(struct example_repo *x)
{
    struct key_slot_secret secret = {KEY_SLOT_FILE,
                                     bytes_of_str(EXAMPLE_REPO_KEY_FILE)};
    struct repo_init_options opt = {.secret = &secret, .label = "example"};

    assert_int_equal(repo_init(x->store, &opt, NULL), 0);
    assert_int_equal(repo_probe(x->store, &x->config), 0);
    x->keys = keyring_new();
    assert_non_null(x->keys);
    assert_int_equal(store_list(x->store, "keys", open_slot, x), 0);
    assert_int_equal(keyring_set_public(x->keys, &x->config.data_public,
                                        &x->config.meta_public),
                     0);
}

/* A pack that holds one chunk. */
static void build_pack(struct example_repo *x, enum pack_kind kind,
                       struct bytes plain, struct chunk_id *id,
                       struct pack_info *info)
{
    struct pack_dir_chunk chunk = {.bytes = (uint32_t)plain.n};
    struct pack_writer *w = NULL;
    struct frame_ctx *ctx = NULL;
    struct frame f;

    keyring_chunk_id(x->keys, kind, plain, id);
    chunk.id = *id;
    assert_int_equal(frame_ctx_new(&ctx), 0);
    assert_int_equal(
        pack_writer_open(x->store, x->keys, kind, pack_dir_what(&chunk, 1), &w),
        0);
    assert_int_equal(frame_prepare(ctx, plain, 3), 0);
    /* stored as it is: nothing here depends on the version of zstd */
    assert_int_equal(frame_stored_bytes(ctx), plain.n + FRAME_OVERHEAD);
    assert_int_equal(
        frame_seal(ctx, pack_writer_key(w), pack_dir_what(&chunk, 1), &f), 0);
    assert_int_equal(pack_writer_add(w, &f, &chunk, 1, NULL), 0);
    assert_int_equal(pack_writer_commit(w, false, info), 0);
    pack_writer_free(w);
    frame_ctx_free(ctx);
}

static int keep_page(void *ctx, struct bytes node, struct chunk_id *id)
{
    struct example_repo *x = ctx;

    buf_reset(&x->page_bytes);
    buf_add_bytes(&x->page_bytes, node);
    keyring_chunk_id(x->keys, PACK_META, node, id);
    return 0;
}

static void common(struct entry *e)
{
    e->uid = e->gid = 1000;
    e->user = e->group = bytes_of_str("ada");
    e->mtime.s = e->ctime.s = EXAMPLE_TIME - 3600;
    e->nlink = 1;
}

/* The directory's page and the entry of `/`. */
static void build_tree(struct example_repo *x)
{
    struct node_sink sink = {.put = keep_page, .ctx = x};
    struct extent extent = {.kind = EXTENT_CHUNK,
                            .length = sizeof EXAMPLE_REPO_CONTENT - 1,
                            .id = x->chunk};
    struct tree_entry file = {.e = {.name = bytes_of_str("hello.txt"),
                                    .type = ENTRY_FILE,
                                    .mode = 0644,
                                    .size = extent.length,
                                    .inode = 12},
                              .holes = bytes_of("\1\6\4", 3)};
    struct tree_entry root = {
        .e = {.type = ENTRY_DIR, .mode = 0755, .inode = 2, .starts_fs = true}};
    struct dir_writer *w;
    struct node_key key;
    struct buf extents;

    memcpy(key.b, x->keys->k_page.b, sizeof key.b);
    buf_init(&extents, 100);
    extent_put(&extents, &extent);
    file.content.extents = buf_bytes(&extents);
    file.content.extent_n = 1;
    common(&file.e);
    common(&root.e);
    w = dir_writer_new(&key, &sink);
    assert_non_null(w);
    assert_int_equal(dir_writer_add(w, &file), 0);
    assert_int_equal(dir_writer_finish(w, &root.dir), 0);
    root.dir.below = 1;
    root.dir.bytes = extent.length;
    assert_int_equal(tree_entry_put(&x->root, &root), 0);
    dir_writer_free(w);
    buf_release(&extents);
}

static void build_segment(struct example_repo *x)
{
    const struct pack_info *info[] = {&x->data, &x->meta};
    struct segment_pack pack[2];

    for (size_t i = 0; i < 2; i++)
        pack[i] = (struct segment_pack){.id = info[i]->id,
                                        .kind = info[i]->kind,
                                        .bytes = info[i]->bytes,
                                        .writer = info[i]->writer,
                                        .dir = buf_bytes(&info[i]->dir)};
    assert_int_equal(
        segment_file_write(x->store, x->keys, 0, NULL, 0, pack, 2, &x->segment),
        0);
}

static void build_snapshot(struct example_repo *x,
                           const struct chain_tip *log_tip)
{
    static const struct bytes path = {(const uint8_t *)"/home/ada", 9};
    struct manifest m = {.series = bytes_of_str("ada@home-ada"),
                         .number = 1,
                         .root = buf_bytes(&x->root),
                         .begin = {EXAMPLE_TIME, 0},
                         .end = {EXAMPLE_TIME + 1, 500000000},
                         .utc_offset = 3600,
                         .log_number = log_tip->number,
                         .log_id = log_tip->id,
                         .complete = true,
                         .host = bytes_of_str("ada"),
                         .user = bytes_of_str("ada"),
                         .program = bytes_of_str("example"),
                         .paths = &path,
                         .path_n = 1,
                         .stats = {.files = 1, .bytes = 22}};
    char name[SNAPSHOT_LIST_NAME_MAX];
    enum store_outcome outcome;
    struct buf file;

    manifest_put(&m, &x->manifest);
    assert_int_equal(buf_status(&x->manifest), 0);
    buf_init(&file, envelope_max_bytes(ENVELOPE_SNAPSHOT));
    assert_int_equal(envelope_seal(x->keys, ENVELOPE_SNAPSHOT,
                                   bytes_of(NULL, 0), buf_bytes(&x->manifest),
                                   &file),
                     0);
    blake3_hash(buf_bytes(&file), x->snapshot.b);
    snapshot_list_name(&x->snapshot, name);
    assert_int_equal(store_put(x->store, name, buf_bytes(&file), &outcome), 0);
    buf_release(&file);
}

static void say(const struct chain *c, struct chain_tip *tip,
                enum record_journal_type type, const struct record_journal *j)
{
    struct buf body;
    bool mine;

    buf_init(&body, 10000);
    record_journal_put(type, j, &body);
    assert_int_equal(chain_put(c, tip, type, buf_bytes(&body), &mine), 0);
    assert_true(mine);
    buf_release(&body);
}

/* The steps of a run, in the order that counts (I2). */
static void build_run(struct example_repo *x)
{
    struct chain log = {
        .store = x->store, .keys = x->keys, .kind = ENVELOPE_LOG};
    struct chain journal = {
        .store = x->store, .keys = x->keys, .kind = ENVELOPE_JOURNAL};
    struct chain_record first = {.signer = {{0}}};
    struct chain_tip log_tip;
    struct chain_tip tip = {.any = false};
    struct record_journal j = {.process = {bytes_of_str("ada"), 42, 4200,
                                           bytes_of_str("boot"), 1,
                                           bytes_of_str("ada@home-ada")}};
    bool found;

    members_writer_new(&x->keys->member, &x->writer);
    journal.writer = x->writer;
    assert_int_equal(chain_get(&log, 0, &first, &found), 0);
    log_tip = (struct chain_tip){true, 0, first.id};
    chain_record_release(&first);
    j.log_id = log_tip.id;
    say(&journal, &tip, RECORD_OPEN, &j);
    build_pack(x, PACK_DATA,
               bytes_of(EXAMPLE_REPO_CONTENT, sizeof EXAMPLE_REPO_CONTENT - 1),
               &x->chunk, &x->data);
    build_tree(x);
    build_pack(x, PACK_META, buf_bytes(&x->page_bytes), &x->page, &x->meta);
    build_segment(x);
    j.id = x->segment;
    say(&journal, &tip, RECORD_SEGMENT, &j);
    build_snapshot(x, &log_tip);
    j.id = x->snapshot;
    j.series = bytes_of_str("ada@home-ada");
    j.in_series = 1;
    j.complete = true;
    say(&journal, &tip, RECORD_COMMIT, &j);
    say(&journal, &tip, RECORD_END, &j);
}

void example_repo_build(struct example_repo *x)
{
    *x = (struct example_repo){.store = NULL};
    buf_init(&x->page_bytes, NODE_BYTES_MAX);
    buf_init(&x->root, TREE_ENTRY_BYTES_MAX);
    buf_init(&x->manifest, MANIFEST_BYTES_MAX);
    crypto_fixed_seed(1);
    clock_fake_set(EXAMPLE_TIME * CLOCK_SECOND_NS, 0);
    assert_int_equal(memory_open(&x->store), 0);
    build_keys(x);
    crypto_fixed_seed(2);
    build_run(x);
    clock_fake_end();
}

void example_repo_release(struct example_repo *x)
{
    buf_release(&x->page_bytes);
    buf_release(&x->root);
    buf_release(&x->manifest);
    pack_info_release(&x->data);
    pack_info_release(&x->meta);
    keyring_free(x->keys);
    store_close(x->store);
}
