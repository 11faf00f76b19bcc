#include "repo/repo.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/cache_dir.h"
#include "repo/catchup.h"
#include "repo/node.h"
#include "repo/repo_cache.h"
#include "repo/repo_init.h"
#include "repo/repo_unlock.h"

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

/* replaceable: no reader of the index is open. */
static int repo_catch_up(struct repo *r, bool replaceable, bool *stale)
{
    char path[CACHE_DIR_PATH_MAX];
    struct catchup c = {.store = r->store,
                        .keys = r->keys,
                        .index = r->index,
                        .state = &r->state,
                        .repo = &r->config.repo,
                        .wait_ms = REPO_CACHE_WAIT_MS,
                        .accept_rollback = r->accept_rollback,
                        .starting = !r->caught_up};
    int rc = cache_dir_index(r->cache, path);

    if (rc < 0)
        return rc;
    c.index_path = replaceable ? path : NULL;
    rc = catchup_run(&c, stale);
    r->filled |= c.filled;
    if (rc == 0) {
        r->index_rebuilt |= r->filled;
        r->journals = c.journals;
        r->hurt = c.hurt;
        r->caught_up |= !*stale;
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
        int rc = repo_catch_up(r, true, &stale);

        if (rc == 0 && !stale)
            return 0;
        if (rc == E_ROLLBACK)
            return rc;
        rc = repo_cache_retry(r, rc, stale);
        if (rc < 0)
            return rc;
    }
    return err_set(E_INTERNAL, "the cache stays out of date");
}

int repo_refresh_in_use(struct repo *r)
{
    bool stale = false;
    int rc = repo_catch_up(r, false, &stale);

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
    rc = repo_init_finish(r->store, r->keys);
    if (rc == E_REFUSED)
        return err_load(&why);
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
    r->threads = opt->threads ? opt->threads : 1;
    if (rc == 0)
        rc = repo_read_config(s, &r->config, &hash);
    if (rc == 0)
        rc = repo_unlock(r, opt->secret, &hash);
    if (rc == 0)
        rc = state_init(&r->state, &r->config.founder);
    if (rc == 0 && !opt->no_index)
        rc = repo_cache_open(r, opt->cache_root);
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
