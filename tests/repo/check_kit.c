#include "tests/repo/check_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/content.h"
#include "repo/fetch.h"
#include "repo/job/snapshot_job.h"
#include "repo/repo_init.h"
#include "repo/tree_walk.h"
#include "tests/repo/pack_fixture.h"
#include "tests/support/prng.h"

/* --- the tree --- */

static void kit_random(struct check_kit *k, const char *name, uint64_t seed,
                       size_t n)
{
    uint8_t *p = malloc(n ? n : 1);
    struct prng prng;

    assert_non_null(p);
    prng_init(&prng, seed);
    prng_fill(&prng, p, n);
    scratch_file(k->tree, name, p, n);
    free(p);
}

/* Sorted by name they come before, between and behind what changes. */
static void kit_tree(struct check_kit *k)
{
    char value[3001];

    scratch_dir(k->tree, "empty");
    scratch_dir(k->tree, "deep");
    scratch_dir(k->tree, "deep/deeper");
    scratch_dir(k->tree, "many");
    scratch_text(k->tree, "deep/deeper/small", "a small file");
    kit_random(k, "deep/random", 1, 200000);
    kit_random(k, "list", 2, 3 << 20); /* a list tree of two levels */
    scratch_text(k->tree, "zero", "");
    assert_true(scratch_run("cd '%s' && ln deep/random linked && "
                            "ln -s ../list symlink && mkfifo fifo && "
                            "truncate -s 2M holes && "
                            "printf x | dd of=holes bs=1 seek=1500000 "
                            "conv=notrunc status=none && "
                            "for i in $(seq 1000 1450); do "
                            "echo $i >many/file-$i; done",
                            k->tree));
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = 0;
    k->xattrs = scratch_run("command -v setfattr >/dev/null && "
                            "setfattr -n user.big -v %s '%s/deep/deeper/small' "
                            "2>/dev/null",
                            value, k->tree);
}

static void kit_change(struct check_kit *k, int turn)
{
    char name[64];

    (void)snprintf(name, sizeof name, "many/file-%d", 1100 + turn);
    scratch_text(k->tree, name, "changed, and of another length");
    (void)snprintf(name, sizeof name, "new-%d", turn);
    kit_random(k, name, 100 + (uint64_t)turn, 70000);
    assert_true(scratch_run("printf turn-%d | dd of='%s/list' bs=1 "
                            "seek=1000000 conv=notrunc status=none",
                            turn, k->tree));
    if (turn == 2)
        assert_true(scratch_run("rm '%s/new-1'", k->tree));
}

/* --- the repository --- */

static struct repo *kit_repo(struct check_kit *k, bool no_index,
                             const char *cache)
{
    struct repo_open_options opt = {.secret = &k->secret, .no_index = no_index};
    char path[SCRATCH_PATH + 32];
    struct repo *r = NULL;

    (void)snprintf(path, sizeof path, "%s/%s", k->cache, cache);
    (void)mkdir(path, 0700);
    opt.cache_root = path;
    if (repo_open(k->store, &opt, &r) < 0)
        fail_msg("open: %s", err_text());
    return r;
}

struct check_kit *check_kit_bare(void)
{
    struct check_kit *k = calloc(1, sizeof *k);
    struct repo_init_options init = {.chunk_bytes = 16384};

    assert_non_null(k);
    /* caches in memory where there is such a place: nothing here tests the
     * disk; the tree where files may have attributes */
    scratch_make(k->tree);
    k->tmpdir = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;
    if (access("/dev/shm", W_OK) == 0)
        assert_int_equal(setenv("TMPDIR", "/dev/shm", 1), 0);
    scratch_make(k->cache);
    k->secret = (struct key_slot_secret){
        KEY_SLOT_FILE, bytes_of_str("0123456789abcdef0123456789abcdef")};
    init.secret = &k->secret;
    assert_int_equal(memory_open(&k->store), 0);
    assert_int_equal(repo_init(k->store, &init, NULL), 0);
    k->r = kit_repo(k, true, "none");
    return k;
}

int check_kit_backup(struct check_kit *k, struct object_id *id)
{
    struct bytes root = bytes_of_str(k->tree);
    struct snapshot_job_options opt = {.root = &root,
                                       .root_n = 1,
                                       .series = bytes_of_str("kit@tree"),
                                       .host = bytes_of_str("kit"),
                                       .threads = 1};
    struct repo *r = kit_repo(k, false, "backup");
    struct snapshot_job *j = NULL;
    int rc = snapshot_job_new(r, &opt, &j);

    if (rc == 0)
        rc = snapshot_job_run(j);
    if (rc == 0 && id)
        *id = snapshot_job_result(j)->id;
    snapshot_job_free(j);
    repo_close(r);
    return rc;
}

struct check_kit *check_kit_open(void)
{
    struct check_kit *k = check_kit_bare();

    kit_tree(k);
    for (int i = 0; i < CHECK_KIT_SNAPSHOTS; i++) {
        if (i > 0)
            kit_change(k, i);
        if (check_kit_backup(k, &k->snapshot[i]) < 0)
            fail_msg("backup: %s", err_text());
    }
    k->whole = kit_repo(k, false, "whole");
    check_kit_keep(k);
    return k;
}

static void kit_forget(struct check_kit *k)
{
    for (size_t i = 0; i < k->object_n; i++)
        free(k->object[i].p);
    free(k->object);
    k->object = NULL;
    k->object_n = 0;
}

void check_kit_close(struct check_kit *k)
{
    kit_forget(k);
    repo_close(k->r);
    repo_close(k->whole);
    store_close(k->store);
    scratch_remove(k->tree);
    scratch_remove(k->cache);
    if (k->tmpdir)
        assert_int_equal(setenv("TMPDIR", k->tmpdir, 1), 0);
    else
        assert_int_equal(unsetenv("TMPDIR"), 0);
    free(k->tmpdir);
    free(k);
}

/* --- objects --- */

static int kit_listed(void *ctx, const char *name, uint64_t size)
{
    struct check_kit *k = ctx;
    struct check_kit_object *o;
    struct buf b;
    bool found;

    k->object = realloc(k->object, (k->object_n + 1) * sizeof *o);
    assert_non_null(k->object);
    o = &k->object[k->object_n++];
    (void)snprintf(o->name, sizeof o->name, "%s", name);
    buf_init(&b, 64 << 20);
    assert_int_equal(store_get(k->store, name, &b, &found), 0);
    assert_true(found);
    assert_int_equal(b.n, size);
    o->p = b.p;
    o->n = b.n;
    return 0;
}

static int kit_order(const void *a, const void *b)
{
    const struct check_kit_object *x = a;
    const struct check_kit_object *y = b;

    return strcmp(x->name, y->name);
}

void check_kit_keep(struct check_kit *k)
{
    kit_forget(k);
    assert_int_equal(store_list(k->store, "", kit_listed, k), 0);
    qsort(k->object, k->object_n, sizeof *k->object, kit_order);
}

const struct check_kit_object *check_kit_object_at(const struct check_kit *k,
                                                   const char *prefix,
                                                   size_t *at)
{
    for (; *at < k->object_n; ++*at) {
        if (strncmp(k->object[*at].name, prefix, strlen(prefix)) == 0)
            return &k->object[(*at)++];
    }
    return NULL;
}

void check_kit_put(struct check_kit *k, const char *name, const void *p,
                   size_t n)
{
    enum store_outcome outcome;

    assert_int_equal(store_delete(k->store, name), 0);
    if (!p)
        return;
    assert_int_equal(store_put(k->store, name, bytes_of(p, n), &outcome), 0);
    assert_int_equal(outcome, STORE_CREATED);
}

void check_kit_restore(struct check_kit *k, const struct check_kit_object *o)
{
    check_kit_put(k, o->name, o->p, o->n);
}

/* --- checking --- */

static int kit_snapshot(const struct check_kit *k, const struct object_id *id)
{
    for (int i = 0; i < CHECK_KIT_SNAPSHOTS; i++) {
        if (object_id_equal(&k->snapshot[i], id))
            return i;
    }
    return -1;
}

static int kit_report(void *ctx, const struct check_finding *f)
{
    struct check_kit *k = ctx;
    struct check_kit_hit *h;

    assert_true(k->hit_n < CHECK_KIT_HITS);
    h = &k->hit[k->hit_n++];
    *h = (struct check_kit_hit){.kind = f->kind,
                                .damage = f->damage,
                                .unread = f->unread,
                                .is_dir = f->is_dir,
                                .snapshot = -1,
                                .more = f->more};
    assert_non_null(f->object);
    assert_non_null(f->text);
    assert_true(f->text[0] != 0);
    (void)snprintf(h->object, sizeof h->object, "%s", f->object);
    (void)snprintf(h->text, sizeof h->text, "%.255s", f->text);
    (void)snprintf(h->path, sizeof h->path, "%.*s", (int)f->path.n,
                   f->path.p ? (const char *)f->path.p : "");
    if (f->has_snapshot)
        h->snapshot = kit_snapshot(k, &f->snapshot);
    if (f->kind == CHECK_PATH) {
        assert_true((f->damage || f->unread) && f->has_snapshot);
        assert_true(bytes_equal(f->series, bytes_of_str("kit@tree")));
    }
    return 0;
}

static int kit_ran(struct check_kit *k, int rc)
{
    size_t damages = 0;
    size_t unread = 0;

    for (size_t i = 0; i < k->hit_n; i++) {
        assert_false(k->hit[i].damage && k->hit[i].unread);
        damages += k->hit[i].damage;
        unread += k->hit[i].unread;
    }
    if (rc != (damages ? E_CORRUPT : unread ? E_STORE : 0))
        fail_msg("%zu damages, %zu unread, but %d: %s", damages, unread, rc,
                 err_text());
    assert_int_equal(k->sum.damages, damages);
    assert_int_equal(k->sum.unread, unread);
    assert_int_equal(k->sum.notes, k->hit_n - damages - unread);
    return rc;
}

int check_kit_run(struct check_kit *k, struct repo *r,
                  const struct check_options *opt)
{
    k->hit_n = 0;
    return kit_ran(k, check_run(r, opt, kit_report, k, &k->sum));
}

int check_kit_keyless(struct check_kit *k, unsigned threads)
{
    struct check_options opt = {.threads = threads};

    k->hit_n = 0;
    return kit_ran(k, check_keyless(k->store, &opt, kit_report, k, &k->sum));
}

const struct check_kit_hit *check_kit_find(const struct check_kit *k,
                                           enum check_kind kind,
                                           const char *object)
{
    for (size_t i = 0; i < k->hit_n; i++) {
        if (k->hit[i].kind == kind &&
            (!object || strcmp(object, k->hit[i].object) == 0))
            return &k->hit[i];
    }
    return NULL;
}

/* --- the oracle --- */

struct kit_oracle {
    struct check_kit *k;
    struct fetch_lane *lane;
    struct content_reader *content;
    int snapshot;
    size_t failed;
    char dir[64][512]; /* directories of which a part could not be read */
    size_t dir_n;
    char file[2048][512];
    size_t file_n;
};

/* Whether everything of an entry can be read. */
static bool kit_readable(struct kit_oracle *o, const struct tree_entry *te)
{
    struct fetch_chunk chunk;
    struct extent e;
    uint64_t at;
    bool more = te->e.type == ENTRY_FILE;
    int rc = 0;

    for (size_t i = 0; i < te->attr_n && rc == 0; i++) {
        if (!te->attr[i].is_chunk)
            continue;
        rc = fetch_get(o->lane, PACK_DATA, &te->attr[i].id, te->attr[i].length,
                       &chunk);
        fetch_release(o->lane, &chunk);
    }
    if (rc == 0 && more)
        rc = content_reader_open(o->content, &te->content, te->e.size, 0);
    while (rc == 0 && more) {
        rc = content_reader_next(o->content, &e, &at, &more);
        if (rc < 0 || !more || e.kind == EXTENT_HOLE)
            continue;
        rc = fetch_get(o->lane, PACK_DATA, &e.id, (size_t)e.length, &chunk);
        fetch_release(o->lane, &chunk);
    }
    assert_true(rc == 0 || rc == E_CORRUPT);
    return rc == 0;
}

static void kit_failed(struct kit_oracle *o, struct bytes path, bool is_dir)
{
    char *to = is_dir ? o->dir[o->dir_n++] : o->file[o->file_n++];

    assert_true(o->dir_n < 64 && o->file_n < 2048);
    assert_true(path.n < sizeof o->dir[0]);
    memcpy(to, path.p ? (const char *)path.p : "", path.n);
    to[path.n] = 0;
    o->failed++;
}

static void kit_walk(struct kit_oracle *o, const struct tree_entry *root)
{
    struct node_source source = fetch_node_source(o->lane);
    struct tree_walk *w = tree_walk_new(&source);
    struct tree_walk_item item = {.kind = TREE_WALK_ENTER};

    assert_non_null(w);
    o->dir_n = o->file_n = 0;
    assert_int_equal(tree_walk_start(w, root), 0);
    while (item.kind != TREE_WALK_END) {
        assert_int_equal(tree_walk_next(w, &item), 0);
        if (item.kind == TREE_WALK_DAMAGED)
            kit_failed(o, item.path, true);
        else if (item.te && !kit_readable(o, item.te))
            kit_failed(o, item.path, false);
    }
    tree_walk_free(w);
}

/* Whether the last run found path hurt in the snapshot at hand. */
static bool kit_found(const struct kit_oracle *o, const char *path, bool is_dir)
{
    for (size_t i = 0; i < o->k->hit_n; i++) {
        const struct check_kit_hit *h = &o->k->hit[i];

        if (h->kind == CHECK_PATH && h->snapshot == o->snapshot && !h->more &&
            h->is_dir == is_dir && strcmp(h->path, path) == 0)
            return true;
    }
    return false;
}

/* Whether the oracle failed at that path, or in a directory above it. */
static bool kit_justified(const struct kit_oracle *o,
                          const struct check_kit_hit *h)
{
    for (size_t i = 0; i < o->file_n; i++) {
        if (!h->is_dir && strcmp(o->file[i], h->path) == 0)
            return true;
    }
    for (size_t i = 0; i < o->dir_n; i++) {
        size_t n = strlen(o->dir[i]);

        if (strncmp(o->dir[i], h->path, n) == 0 &&
            (n == 0 || h->path[n] == 0 || h->path[n] == '/'))
            return true;
    }
    return false;
}

static void kit_compare(struct kit_oracle *o)
{
    for (size_t i = 0; i < o->dir_n; i++)
        if (!kit_found(o, o->dir[i], true))
            fail_msg("snapshot %d, directory %s: not found", o->snapshot,
                     o->dir[i]);
    for (size_t i = 0; i < o->file_n; i++)
        if (!kit_found(o, o->file[i], false))
            fail_msg("snapshot %d, %s: not found", o->snapshot, o->file[i]);
    for (size_t i = 0; i < o->k->hit_n; i++) {
        const struct check_kit_hit *h = &o->k->hit[i];

        if (h->kind == CHECK_PATH && h->snapshot == o->snapshot && !h->more &&
            !kit_justified(o, h))
            fail_msg("snapshot %d, %s: can be read, but: %s", o->snapshot,
                     h->path, h->text);
    }
}

static void kit_oracle_snapshot(struct kit_oracle *o)
{
    struct tree_entry root = {.attr = NULL};
    struct snapshot s;
    struct codec c;
    int rc = snapshot_list_read(o->k->store, o->k->r->keys,
                                &o->k->snapshot[o->snapshot], &s);

    o->dir_n = o->file_n = 0;
    if (rc == 0) {
        codec_init(&c, s.manifest.m.root);
        assert_int_equal(tree_entry_get(&c, &root, true), 0);
        kit_walk(o, &root);
    } else {
        const struct check_kit_hit *h =
            check_kit_find(o->k, CHECK_SNAPSHOT, NULL);

        assert_int_equal(rc, E_CORRUPT);
        assert_non_null(h);
        o->failed++;
    }
    kit_compare(o);
    snapshot_list_drop(&s);
    tree_entry_release(&root);
}

size_t check_kit_oracle(struct check_kit *k)
{
    struct kit_oracle *o = calloc(1, sizeof *o);
    struct fetch *f = NULL;
    struct node_source source;
    size_t failed;

    assert_non_null(o);
    o->k = k;
    assert_int_equal(
        fetch_open(k->store, k->r->keys, k->whole->index, 16 << 20, &f), 0);
    assert_int_equal(fetch_lane_new(f, &o->lane), 0);
    source = fetch_node_source(o->lane);
    o->content = content_reader_new(&source);
    assert_non_null(o->content);
    for (o->snapshot = 0; o->snapshot < CHECK_KIT_SNAPSHOTS; o->snapshot++)
        kit_oracle_snapshot(o);
    failed = o->failed;
    content_reader_free(o->content);
    fetch_lane_free(o->lane);
    fetch_free(f);
    free(o);
    return failed;
}

struct check_kit *check_kit_small(void)
{
    struct check_kit *k = check_kit_bare();

    scratch_text(k->tree, "a", "the first file");
    scratch_dir(k->tree, "d");
    scratch_text(k->tree, "d/b", "the second file");
    assert_int_equal(check_kit_backup(k, &k->snapshot[0]), 0);
    check_kit_keep(k);
    return k;
}

struct repo *check_kit_repo(struct check_kit *k)
{
    struct repo_open_options opt = {
        .secret = &k->secret, .cache_root = k->cache, .threads = 3};
    struct repo *r = NULL;

    if (repo_open(k->store, &opt, &r) < 0)
        fail_msg("open: %s", err_text());
    return r;
}

static int check_kit_draft(void *ctx, const struct repo *r,
                           struct repo_log_draft *d)
{
    (void)r;
    *d = *(struct repo_log_draft *)ctx;
    return 0;
}

void check_kit_append(struct check_kit *k, struct repo_log_draft d)
{
    struct repo *r = check_kit_repo(k);

    assert_int_equal(repo_log_append(r, check_kit_draft, &d, NULL), 0);
    repo_close(r);
}

void check_kit_expect_clean(struct check_kit *k, size_t notes)
{
    const struct check_options opt = {.read_data = true, .threads = 2};

    if (check_kit_run(k, k->r, &opt) < 0)
        fail_msg("[%s] %s", k->hit[0].object, k->hit[0].text);
    assert_int_equal(k->hit_n, notes);
}

void check_kit_pack(struct check_kit *k, struct repo *r, uint64_t seed,
                    struct pack_info *info)
{
    struct pack_fixture p = {.store = k->store, .keys = r->keys};

    assert_int_equal(frame_ctx_new(&p.frame), 0);
    assert_int_equal(pack_fixture_pack(&p, PACK_DATA, seed, 2, 3, 900, info),
                     0);
    frame_ctx_free(p.frame);
}
