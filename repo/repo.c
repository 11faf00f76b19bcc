#include "repo/repo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blake3.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "repo/cache_dir.h"
#include "repo/catchup.h"
#include "repo/compress.h"
#include "repo/node.h"

enum { REPO_UPDATE_WAIT_MS = 20000, REPO_NAME_MAX = 5 + ID_HEX_CHARS + 1 };

/* --- making one --- */

static int repo_any_object(void *ctx, const char *name, uint64_t size)
{
    (void)ctx;
    (void)size;
    return err_set(E_REFUSED,
                   "there are other files already (%s): a repository needs a "
                   "directory of its own",
                   name);
}

/* Key slots do not count: those of an init that ended halfway fit no config,
 * and one that is at work beside us needs its own. */
static int repo_nothing_else(struct store *s)
{
    static const char *const folder[] = {"packs", "snapshots", "index", "log",
                                         "w"};
    int rc = 0;

    for (size_t i = 0; i < sizeof folder / sizeof folder[0] && rc == 0; i++)
        rc = store_list(s, folder[i], repo_any_object, NULL);
    return rc;
}

static int repo_check_empty(struct store *s)
{
    uint64_t size;
    bool found;
    int rc = store_size(s, "config", &size, &found);

    if (rc == 0 && found)
        return err_set(E_REFUSED, "%s: there is a repository already",
                       store_place(s));
    if (rc == 0)
        rc = repo_nothing_else(s);
    return err_add(rc, "%s", store_place(s));
}

static int repo_put(struct store *s, const char *name, struct bytes file)
{
    enum store_outcome outcome;
    int rc = store_put(s, name, file, &outcome);

    if (rc == 0 && outcome == STORE_EXISTS)
        rc = err_set(E_REFUSED, "%s: somebody else makes a repository here",
                     store_place(s));
    return rc;
}

static int repo_put_slot(struct store *s, const struct keyring *k,
                         const struct repo_init_options *opt)
{
    bool pass = opt->secret->kind == KEY_SLOT_PASSPHRASE;
    struct key_slot_info info = {.kdf = opt->secret->kind,
                                 .passes = pass ? KEY_SLOT_PASSES : 0,
                                 .kib = pass ? KEY_SLOT_KIB : 0,
                                 .role = KEYRING_FULL};
    char name[REPO_NAME_MAX];
    char hex[ID_HEX_CHARS + 1];
    struct object_id id;
    struct buf file;
    int rc;

    if (opt->label)
        (void)snprintf(info.label, sizeof info.label, "%s", opt->label);
    buf_init(&file, KEY_SLOT_BYTES_MAX);
    rc = key_slot_seal(k, &info, opt->secret, &file);
    if (rc == 0) {
        blake3_hash(buf_bytes(&file), id.b);
        (void)snprintf(name, sizeof name, "keys/%s",
                       id_hex(id.b, sizeof id.b, hex));
        rc = repo_put(s, name, buf_bytes(&file));
    }
    buf_release(&file);
    return rc;
}

/* log/0: which features there are. That somebody else was faster is fine: only
 * who has this repository's keys can have been. */
static int repo_put_flags(struct store *s, const struct keyring *k)
{
    struct chain chain = {.store = s, .keys = k, .kind = ENVELOPE_LOG};
    struct chain_tip tip = {.any = false};
    struct record_log l = {.decides = 0};
    struct buf names;
    struct buf body;
    bool mine = false;
    int rc;

    buf_init(&names, 256);
    buf_init(&body, 1024);
    record_string_put(&names, bytes_of_str("provisional"));
    l.features[RECORD_CLASS_COLLECT].encoded = buf_bytes(&names);
    l.features[RECORD_CLASS_COLLECT].n = 1;
    record_log_put(RECORD_FLAGS, &l, &body);
    rc = buf_status(&body);
    if (rc == 0)
        rc = chain_put(&chain, &tip, RECORD_FLAGS, buf_bytes(&body), &mine);
    buf_release(&names);
    buf_release(&body);
    return rc;
}

static int repo_init_objects(struct store *s, struct keyring *k,
                             const struct repo_init_options *opt,
                             struct config *c)
{
    int64_t now = clock_realtime_ns();
    struct buf file;
    int rc;

    keyring_create(k);
    c->repo = k->repo;
    c->created.s = now / 1000000000;
    c->created.ns = (uint32_t)(now % 1000000000);
    c->data_public = k->data_public;
    c->meta_public = k->meta_public;
    c->founder = k->member;
    buf_init(&file, CONFIG_BYTES_MAX);
    config_put(c, &file);
    rc = buf_status(&file);
    if (rc == 0) {
        blake3_hash(buf_bytes(&file), k->config.b);
        rc = repo_put_slot(s, k, opt);
    }
    /* of several who try at once the config decides who has made it; all that
     * came before harms nobody, what follows is the winner's */
    if (rc == 0)
        rc = repo_put(s, "config", buf_bytes(&file));
    if (rc == 0)
        rc = repo_put_flags(s, k);
    buf_release(&file);
    return rc;
}

int repo_init(struct store *s, const struct repo_init_options *opt,
              struct repo_id *id)
{
    struct config c = {.chunk_bytes = opt->chunk_bytes ? opt->chunk_bytes
                                                       : CONFIG_CHUNK_DEFAULT,
                       .level =
                           opt->level ? opt->level : COMPRESS_LEVEL_DEFAULT};
    struct keyring *k = NULL;
    int rc = crypto_init();

    if (c.chunk_bytes < CONFIG_CHUNK_MIN || c.chunk_bytes > CONFIG_CHUNK_MAX ||
        (c.chunk_bytes & (c.chunk_bytes - 1)) != 0)
        return err_set(E_USAGE, "chunk size: 16K, 32K, 64K, 128K or 256K");
    if (c.level != COMPRESS_LEVEL_NONE &&
        (c.level < COMPRESS_LEVEL_MIN || c.level > COMPRESS_LEVEL_MAX))
        return err_set(E_USAGE, "compression level: 1 to 19, or none");
    if (rc == 0)
        rc = repo_check_empty(s);
    if (rc == 0)
        rc = store_probe(s);
    if (rc < 0)
        return rc;
    k = keyring_new();
    if (!k)
        return err_set(E_NOMEM, "out of memory");
    rc = repo_init_objects(s, k, opt, &c);
    if (rc == 0 && id)
        *id = k->repo;
    keyring_free(k);
    return rc;
}

/* --- opening --- */

static int repo_read_config(struct store *s, struct config *c,
                            struct object_id *hash)
{
    struct buf file;
    bool found;
    int rc;

    buf_init(&file, CONFIG_BYTES_MAX);
    rc = store_get(s, "config", &file, &found);
    if (rc == 0 && !found)
        rc = err_set(E_NOREPO,
                     "%s: no repository there; make one with 'dedup init'",
                     store_place(s));
    else if (rc == E_LIMIT)
        rc = err_set(E_CORRUPT, "config: longer than a config can be");
    if (rc == 0)
        rc = config_get(buf_bytes(&file), c, hash);
    buf_release(&file);
    return rc;
}

int repo_probe(struct store *s, struct config *config)
{
    return repo_read_config(s, config, NULL);
}

struct repo_slots {
    struct repo *r;
    const struct key_slot_secret *secret;
    const struct object_id *config; /* H(config) */
    bool opened;
    bool any;     /* a sound slot of this kind was there */
    bool foreign; /* one was opened, but belongs to another config */
    bool damaged; /* a slot could not be read */
    bool newer;   /* ... since only a newer program can */
};

static bool repo_fits_config(const struct repo *r,
                             const struct object_id *config)
{
    return object_id_equal(&r->keys->config, config) &&
           memcmp(r->keys->repo.b, r->config.repo.b, sizeof r->config.repo.b) ==
               0;
}

/* A damaged slot must not be taken for one with another passphrase. */
static int repo_slot_is_whole(const char *name, struct bytes file)
{
    const char *slash = strrchr(name, '/');
    struct object_id id;
    struct object_id real;

    blake3_hash(file, real.b);
    if (slash && id_from_hex(slash + 1, id.b, sizeof id.b) &&
        object_id_equal(&id, &real))
        return 0;
    return err_set(E_CORRUPT, "its bytes are not those it is named after");
}

static int repo_try_slot(void *ctx, const char *name, uint64_t size)
{
    struct repo_slots *slots = ctx;
    struct key_slot_info info;
    struct buf file;
    bool newer;
    bool found;
    int rc;

    if (slots->opened)
        return 0;
    if (size > KEY_SLOT_BYTES_MAX) {
        slots->damaged = true;
        return 0;
    }
    buf_init(&file, KEY_SLOT_BYTES_MAX);
    rc = store_get(slots->r->store, name, &file, &found);
    if (rc == 0 && found)
        rc = key_slot_info_get(buf_bytes(&file), &info);
    if (rc == 0 && found && info.kdf == slots->secret->kind) {
        rc = key_slot_open(buf_bytes(&file), slots->secret, slots->r->keys,
                           &slots->opened);
        if (rc == 0 && !slots->opened)
            rc = repo_slot_is_whole(name, buf_bytes(&file));
        slots->any |= rc == 0;
    }
    if (slots->opened && !repo_fits_config(slots->r, slots->config)) {
        slots->opened = false;
        slots->foreign = true;
    }
    newer =
        rc == E_UNSUPPORTED && repo_slot_is_whole(name, buf_bytes(&file)) == 0;
    buf_release(&file);
    if (rc != E_CORRUPT && rc != E_UNSUPPORTED && rc != E_LIMIT)
        return rc;
    /* another slot may be sound */
    log_debug("%s: %s", name, err_text());
    if (newer)
        slots->newer = true;
    else
        slots->damaged = true;
    return 0;
}

static int repo_unlock(struct repo *r, const struct key_slot_secret *secret,
                       const struct object_id *config)
{
    struct repo_slots slots = {.r = r, .secret = secret, .config = config};
    int rc;

    r->keys = keyring_new();
    if (!r->keys)
        return err_set(E_NOMEM, "out of memory");
    rc = store_list(r->store, "keys", repo_try_slot, &slots);
    if (rc < 0)
        return rc;
    if (!slots.opened && slots.damaged && !slots.any)
        return err_set(E_CORRUPT,
                       "%s: its key slots are damaged; restore what is below "
                       "keys/ from a copy",
                       store_place(r->store));
    if (!slots.opened && slots.newer && !slots.any)
        return err_set(E_UNSUPPORTED,
                       "%s: a newer version made its key slots: use that",
                       store_place(r->store));
    if (!slots.opened && slots.foreign)
        return err_set(E_CORRUPT,
                       "%s: config and key slot are of two repositories; "
                       "restore the one that was exchanged from a copy",
                       store_place(r->store));
    if (!slots.opened)
        return err_set(E_KEY, "%s: wrong %s%s", store_place(r->store),
                       secret->kind == KEY_SLOT_FILE ? "key file"
                                                     : "passphrase",
                       slots.damaged ? ", or that of a damaged key slot" : "");
    return keyring_set_public(r->keys, &r->config.data_public,
                              &r->config.meta_public);
}

static int repo_open_index(struct repo *r)
{
    struct index_options opt = {.create = true, .wait_ms = REPO_UPDATE_WAIT_MS};
    char path[CACHE_DIR_PATH_MAX];
    enum index_fate fate = INDEX_CREATED;
    int rc = cache_dir_index(r->cache, path);

    if (rc == 0)
        rc = index_open(path, &r->config.repo, &opt, &r->index, &fate);
    if (rc < 0)
        return rc;
    r->index_rebuilt = fate != INDEX_OPENED;
    return 0;
}

/* The cache cannot be used, for the reason rc: one of our own, for this process
 * only. */
static int repo_private_cache(struct repo *r, int rc)
{
    err_save(rc, &r->cache_trouble);
    index_close(r->index);
    r->index = NULL;
    free(r->cache);
    r->cache = NULL;
    rc = cache_dir_private(&r->cache, &r->cache_held);
    if (rc < 0)
        return rc;
    r->private_cache = true;
    return repo_open_index(r);
}

/* Whether rc is trouble with the cache that a private one does not have: the
 * file system, or a process that holds it and was stopped. */
static bool repo_wants_private(const struct repo *r, int rc)
{
    return !r->private_cache && (rc == E_UNSUPPORTED || rc == E_BUSY ||
                                 rc == E_IO || rc == E_NOSPACE);
}

static int repo_open_cache(struct repo *r, const char *root)
{
    int rc = cache_dir_open(root, &r->config.repo, &r->cache);

    if (rc == 0)
        rc = repo_open_index(r);
    return repo_wants_private(r, rc) ? repo_private_cache(r, rc) : rc;
}

/* Sets the cache aside and starts with an empty one. */
static int repo_discard_index(struct repo *r)
{
    char path[CACHE_DIR_PATH_MAX];
    int rc = cache_dir_index(r->cache, path);

    index_close(r->index);
    r->index = NULL;
    if (rc == 0)
        rc = index_discard(path, REPO_UPDATE_WAIT_MS);
    return rc < 0 ? rc : repo_open_index(r);
}

/* Whether the cache itself is damaged. What it remembers guards against old
 * copies of the repository, so damage in the repository must not cost it. */
static bool repo_index_is_damaged(struct repo *r)
{
    struct index_reader *reader = NULL;
    struct err_record why;
    int rc;

    err_save(E_CORRUPT, &why);
    rc = index_reader_new(r->index, &reader);
    if (rc == 0)
        rc = index_check(reader);
    index_reader_free(reader);
    err_ignore(err_load(&why), "the first error stands");
    return rc == E_CORRUPT;
}

/* Another process has replaced the cache, or it outgrew our map: the one that
 * is there now. */
static int repo_reopen_index(struct repo *r)
{
    index_close(r->index);
    r->index = NULL;
    return repo_open_index(r);
}

/* What catching up failed with decides how it is tried again. */
static int repo_retry(struct repo *r, int rc, bool stale)
{
    if (stale || (rc == E_CORRUPT && repo_index_is_damaged(r)))
        rc = repo_discard_index(r);
    else if (rc == E_LATER || rc == E_LIMIT)
        rc = repo_reopen_index(r);
    else if (rc == E_UNSUPPORTED)
        return rc;
    return repo_wants_private(r, rc) ? repo_private_cache(r, rc) : rc;
}

static int repo_catch_up(struct repo *r, bool *stale)
{
    struct catchup c = {.store = r->store,
                        .keys = r->keys,
                        .index = r->index,
                        .state = &r->state,
                        .wait_ms = REPO_UPDATE_WAIT_MS,
                        .accept_rollback = r->accept_rollback};
    int rc = catchup_run(&c, stale);

    if (rc == 0) {
        r->journals = c.journals;
        r->hurt = c.hurt;
    }
    /* a later catch-up, which reads only what is new, does not meet them */
    if (c.segments_lost > r->segments_lost)
        r->segments_lost = c.segments_lost;
    return rc;
}

int repo_refresh(struct repo *r)
{
    for (int attempt = 0; attempt < 4; attempt++) {
        bool stale = false;
        int rc = repo_catch_up(r, &stale);

        if (rc == 0 && !stale)
            return 0;
        if (rc == E_ROLLBACK)
            return rc;
        rc = repo_retry(r, rc, stale);
        if (rc < 0)
            return rc;
    }
    return err_set(E_INTERNAL, "the cache stays out of date");
}

int repo_refresh_in_use(struct repo *r)
{
    bool stale = false;
    int rc = repo_catch_up(r, &stale);

    if (rc == 0 && stale)
        rc = err_set(E_LATER, "the cache is out of date");
    return rc;
}

/* An init that died after its config left no first log record: it is made up
 * for, provided that nothing was ever put here. rc is what opening met. */
static int repo_finish_init(struct repo *r, int rc)
{
    struct err_record why;

    if (rc != E_CORRUPT || r->state.tip.any || r->keys->role != KEYRING_FULL)
        return rc;
    err_save(rc, &why);
    rc = repo_nothing_else(r->store);
    if (rc == E_REFUSED)
        return err_load(&why);
    if (rc == 0)
        rc = repo_put_flags(r->store, r->keys);
    return rc < 0 ? rc : repo_refresh(r);
}

int repo_open(struct store *s, const struct repo_open_options *opt,
              struct repo **out)
{
    struct repo *r = mem_alloc(sizeof *r);
    struct object_id hash;
    int rc = crypto_init();

    *out = NULL;
    if (!r)
        return err_set(E_NOMEM, "out of memory");
    r->store = s;
    r->accept_rollback = opt->accept_rollback;
    if (rc == 0)
        rc = repo_read_config(s, &r->config, &hash);
    if (rc == 0)
        rc = repo_unlock(r, opt->secret, &hash);
    if (rc == 0)
        state_init(&r->state, &r->config.founder);
    if (rc == 0 && !opt->no_index)
        rc = repo_open_cache(r, opt->cache_root);
    if (rc == 0 && !opt->no_index)
        rc = repo_finish_init(r, repo_refresh(r));
    if (rc == 0)
        rc = state_allows(&r->state, RECORD_CLASS_READ);
    if (rc < 0) {
        repo_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

void repo_close(struct repo *r)
{
    if (!r)
        return;
    index_close(r->index);
    if (r->private_cache)
        cache_dir_remove(r->cache, r->cache_held);
    free(r->cache);
    state_release(&r->state);
    keyring_free(r->keys);
    free(r);
}

void repo_node_key(const struct repo *r, struct node_key *out)
{
    memcpy(out->b, r->keys->k_page.b, sizeof out->b);
}
