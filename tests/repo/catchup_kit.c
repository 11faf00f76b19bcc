#include "tests/repo/catchup_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/repo/pack_fixture.h"

void catchup_kit_start(struct repo_fixture *f, unsigned backups,
                       struct object_id *id)
{
    repo_fixture_open(f);
    assert_int_equal(repo_fixture_init(f), 0);
    for (unsigned i = 0; i < backups; i++)
        assert_int_equal(repo_fixture_backup(f, "a", i + 1, &id[i]), 0);
}

struct copy {
    struct store *from;
    struct store *to;
};

static int copy_object(void *ctx, const char *name, uint64_t size)
{
    struct copy *c = ctx;
    enum store_outcome outcome;
    struct buf b;
    bool found;

    buf_init(&b, size);
    assert_int_equal(store_get(c->from, name, &b, &found), 0);
    assert_int_equal(store_put(c->to, name, buf_bytes(&b), &outcome), 0);
    buf_release(&b);
    return 0;
}

/* A copy of a store, as a backup of it would be. */
struct store *catchup_kit_copy_store(struct store *s)
{
    struct copy c = {.from = s};

    assert_int_equal(memory_open(&c.to), 0);
    assert_int_equal(store_list(s, "", copy_object, &c), 0);
    return c.to;
}

/* Makes f work on another store; returns the one before. */
struct store *catchup_kit_exchange(struct repo_fixture *f, struct store *s)
{
    struct store *before = f->store;

    f->store = s;
    return before;
}

/* Opens the repository with a cache: what comes of it. */
int catchup_kit_try(struct repo_fixture *f, const char *cache)
{
    struct repo *r = NULL;
    int rc = repo_fixture_repo(f, cache, &r);

    repo_close(r);
    return rc;
}

/* Opens it: how many journal records are damaged. */
uint64_t catchup_kit_damaged(struct repo_fixture *f, const char *cache)
{
    struct repo *r = NULL;
    uint64_t n;

    assert_int_equal(repo_fixture_repo(f, cache, &r), 0);
    n = r->journals.records;
    assert_int_equal(n > 0, r->journals.journals > 0);
    repo_close(r);
    return n;
}

int catchup_kit_try_accepting(struct repo_fixture *f, const char *cache)
{
    struct repo_open_options opt = {.secret = &f->secret,
                                    .accept_rollback = true};
    struct repo *r = NULL;
    char path[128];
    int rc;

    (void)snprintf(path, sizeof path, "%s/%s", f->cache, cache);
    opt.cache_root = path;
    rc = repo_open(f->store, &opt, &r);
    repo_close(r);
    return rc;
}

bool catchup_kit_finds(struct repo *r, enum index_purpose purpose,
                       uint64_t seed)
{
    uint8_t chunk[REPO_FIXTURE_CHUNK_BYTES];
    struct index_reader *ix = NULL;
    struct index_loc loc;
    struct chunk_id id;
    bool found = false;

    pack_fixture_bytes(seed * 100, chunk, sizeof chunk);
    keyring_chunk_id(r->keys, PACK_DATA, bytes_of(chunk, sizeof chunk), &id);
    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(index_reader_find(ix, &id, purpose, &loc, &found), 0);
    index_reader_free(ix);
    return found;
}

/* With that cache: exactly the snapshots 1..n are listed, and their chunks can
 * be found; those of n + 1 cannot. Those of `lost` snapshots, known from the
 * packs alone, are for reading only. */
void catchup_kit_knows_but(struct repo_fixture *f, const char *cache,
                           uint64_t n, uint64_t lost)
{
    struct snapshot_list l = {.n = 0};
    struct repo *r = NULL;
    uint64_t relied = 0;

    assert_int_equal(repo_fixture_repo(f, cache, &r), 0);
    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    assert_int_equal(l.n, n);
    for (uint64_t i = 1; i <= n; i++) {
        assert_int_equal(l.item[i - 1].manifest.m.begin.s, i);
        assert_true(catchup_kit_finds(r, INDEX_READ, i));
        relied += catchup_kit_finds(r, INDEX_DEDUP, i);
    }
    assert_int_equal(relied, n - lost);
    assert_false(catchup_kit_finds(r, INDEX_READ, n + 1));
    snapshot_list_release(&l);
    repo_close(r);
}

void catchup_kit_knows(struct repo_fixture *f, const char *cache, uint64_t n)
{
    catchup_kit_knows_but(f, cache, n, 0);
}

static int pick_one(void *ctx, const char *name, uint64_t size)
{
    struct catchup_kit_names *p = ctx;

    (void)size;
    assert_true(p->n < 20);
    (void)snprintf(p->name[p->n++], sizeof p->name[0], "%s", name);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

void catchup_kit_pick(struct store *s, const char *prefix,
                      struct catchup_kit_names *p)
{
    p->n = 0;
    assert_int_equal(store_list(s, prefix, pick_one, p), 0);
    qsort(p->name, p->n, sizeof p->name[0], by_name);
}

void catchup_kit_remove(struct store *s, const char *name)
{
    assert_int_equal(store_delete(s, name), 0);
}

void catchup_kit_get(struct store *s, const char *name, struct buf *b)
{
    bool found;

    buf_init(b, 1 << 20);
    assert_int_equal(store_get(s, name, b, &found), 0);
    assert_true(found);
}

void catchup_kit_replace(struct store *s, const char *name, struct bytes b)
{
    enum store_outcome outcome;

    catchup_kit_remove(s, name);
    assert_int_equal(store_put(s, name, b, &outcome), 0);
    assert_int_equal(outcome, STORE_CREATED);
}

void catchup_kit_publish_many(struct repo_fixture *f, struct writer *w,
                              struct repo *r)
{
    struct pack_fixture p = {.store = f->store, .keys = r->keys};
    struct pack_info info = {.bytes = 0};
    bool indexed;

    assert_int_equal(frame_ctx_new(&p.frame), 0);
    assert_int_equal(
        pack_fixture_pack(&p, PACK_DATA, 100000, 4, 5000, 8, &info), 0);
    frame_ctx_free(p.frame);
    assert_int_equal(writer_publish(w, &info, 1, &indexed), 0);
}
