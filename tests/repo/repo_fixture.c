#include "tests/repo/repo_fixture.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "repo/fetch.h"
#include "repo/repo_init.h"
#include "tests/repo/pack_fixture.h"

void repo_fixture_open(struct repo_fixture *f)
{
    /* in memory where there is such a place: nothing here tests the disk */
    *f = (struct repo_fixture){.cache = "/dev/shm/dedup-test-XXXXXX"};
    assert_int_equal(memory_open(&f->store), 0);
    if (!mkdtemp(f->cache)) {
        (void)snprintf(f->cache, sizeof f->cache, "/tmp/dedup-test-XXXXXX");
        assert_non_null(mkdtemp(f->cache));
    }
    f->secret = (struct key_slot_secret){
        KEY_SLOT_FILE, bytes_of_str("0123456789abcdef0123456789abcdef")};
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void repo_fixture_close(struct repo_fixture *f)
{
    (void)nftw(f->cache, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    store_close(f->store);
}

int repo_fixture_init(struct repo_fixture *f)
{
    struct repo_init_options opt = {.secret = &f->secret, .label = "test"};

    return repo_init(f->store, &opt, NULL);
}

void repo_fixture_make(struct repo_fixture *f)
{
    repo_fixture_open(f);
    assert_int_equal(repo_fixture_init(f), 0);
}

int repo_fixture_repo(struct repo_fixture *f, const char *cache,
                      struct repo **r)
{
    struct repo_open_options opt = {.secret = &f->secret};
    char path[128];

    if (cache)
        (void)snprintf(path, sizeof path, "%s/%s", f->cache, cache);
    else
        (void)snprintf(path, sizeof path, "%s/fresh-%u", f->cache,
                       f->fresh_n++);
    (void)mkdir(path, 0700);
    opt.cache_root = path;
    return repo_open(f->store, &opt, r);
}

static int write_pack(struct repo_fixture *f, struct repo *r, uint64_t seed,
                      struct pack_info *info)
{
    struct pack_fixture p = {.store = f->store, .keys = r->keys};
    int rc = frame_ctx_new(&p.frame);

    if (rc == 0)
        rc =
            pack_fixture_pack(&p, PACK_DATA, seed * 100, 1, REPO_FIXTURE_CHUNKS,
                              REPO_FIXTURE_CHUNK_BYTES, info);
    frame_ctx_free(p.frame);
    return rc;
}

void repo_fixture_pack(struct repo_fixture *f, struct repo *r, uint64_t seed,
                       struct pack_info *info)
{
    assert_int_equal(write_pack(f, r, seed, info), 0);
}

int repo_fixture_publish(struct repo_fixture *f, struct writer *w,
                         struct repo *r, uint64_t seed)
{
    struct pack_info info = {.bytes = 0};
    bool indexed;
    int rc = write_pack(f, r, seed, &info);

    return rc < 0 ? rc : writer_publish(w, &info, 1, &indexed);
}

int repo_fixture_commit(struct writer *w, struct repo *r, uint64_t seed,
                        struct object_id *id)
{
    char options[32];
    struct object_id mine;
    struct manifest m = {.series = bytes_of_str("test@series"),
                         .number = 1,
                         .root = bytes_of_str("opaque"),
                         .complete = true};
    int rc;

    (void)r;
    (void)snprintf(options, sizeof options, "%llu", (unsigned long long)seed);
    m.options = bytes_of_str(options);
    m.begin.s = (int64_t)seed;
    writer_log_tip(w, &m.log_number, &m.log_id);
    rc = writer_commit(w, &m, &mine);
    if (rc == 0)
        *id = mine;
    return rc;
}

int repo_fixture_backup(struct repo_fixture *f, const char *cache,
                        uint64_t seed, struct object_id *id)
{
    struct repo *r = NULL;
    struct writer *w = NULL;
    int rc = repo_fixture_repo(f, cache, &r);

    if (rc == 0)
        rc = writer_open(r, bytes_of_str("test@series"), &w);
    if (rc == 0)
        rc = repo_fixture_publish(f, w, r, seed);
    if (rc == 0)
        rc = repo_fixture_commit(w, r, seed, id);
    if (rc == 0)
        rc = writer_end(w);
    writer_free(w);
    repo_close(r);
    return rc;
}

/* Reads the chunks of seed back. */
static void check_chunks(struct repo_fixture *f, struct repo *r, uint64_t seed)
{
    uint8_t want[REPO_FIXTURE_CHUNK_BYTES];
    struct fetch *fetch = NULL;
    struct fetch_lane *lane = NULL;

    assert_int_equal(fetch_open(f->store, r->keys, r->index, 1 << 20, &fetch),
                     0);
    assert_int_equal(fetch_lane_new(fetch, &lane), 0);
    for (uint64_t i = 0; i < REPO_FIXTURE_CHUNKS; i++) {
        struct fetch_chunk c = {.frame = NULL};
        struct chunk_id id;
        int rc;

        pack_fixture_bytes(seed * 100 + i, want, sizeof want);
        keyring_chunk_id(r->keys, PACK_DATA, bytes_of(want, sizeof want), &id);
        rc = fetch_get(lane, PACK_DATA, &id, sizeof want, &c);
        if (rc < 0)
            fail_msg("chunk %llu of snapshot %llu: %s", (unsigned long long)i,
                     (unsigned long long)seed, err_text());
        assert_true(bytes_equal(c.bytes, bytes_of(want, sizeof want)));
        fetch_release(lane, &c);
    }
    fetch_lane_free(lane);
    fetch_free(fetch);
}

static bool listed(const struct snapshot_list *l, const struct object_id *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (object_id_equal(&l->item[i].id, id))
            return true;
    return false;
}

size_t repo_fixture_check(struct repo_fixture *f, const struct object_id *want,
                          size_t want_n)
{
    struct snapshot_list l = {.n = 0};
    struct repo *r = NULL;
    size_t n;
    int rc = repo_fixture_repo(f, NULL, &r);

    if (rc < 0)
        fail_msg("open: %s", err_text());
    assert_int_equal(snapshot_list_load(r->index, &r->state, &l), 0);
    for (size_t i = 0; i < want_n; i++)
        assert_true(listed(&l, &want[i]));
    for (size_t i = 0; i < l.n; i++) {
        struct snapshot s;
        char options[32] = "";

        assert_false(l.item[i].damaged);
        assert_int_equal(
            snapshot_list_read(f->store, r->keys, &l.item[i].id, &s), 0);
        memcpy(options, s.manifest.m.options.p, s.manifest.m.options.n);
        check_chunks(f, r, strtoull(options, NULL, 10));
        snapshot_list_drop(&s);
    }
    assert_int_equal(r->segments_lost, 0);
    n = l.n;
    snapshot_list_release(&l);
    repo_close(r);
    return n;
}
