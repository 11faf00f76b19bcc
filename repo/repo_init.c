#include "repo/repo_init.h"

#include "base/blake3.h"
#include "base/clock.h"
#include "repo/chain.h"
#include "repo/compress.h"
#include "repo/config.h"
#include "repo/record_log.h"
#include "repo/slot_list.h"
#include "store/store.h"

static int repo_init_any_object(void *ctx, const char *name, uint64_t size)
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
static int repo_init_nothing_else(struct store *s)
{
    static const char *const folder[] = {"packs", "snapshots", "index", "log",
                                         "w"};
    int rc = 0;

    for (size_t i = 0; i < sizeof folder / sizeof folder[0] && rc == 0; i++)
        rc = store_list_names(s, folder[i], repo_init_any_object, NULL);
    return rc;
}

static int repo_init_check_empty(struct store *s)
{
    uint64_t size;
    bool found;
    int rc = store_size(s, "config", &size, &found);

    if (rc == 0 && found)
        return err_set(E_REFUSED, "%s: there is a repository already",
                       store_place(s));
    if (rc == 0)
        rc = repo_init_nothing_else(s);
    return err_add(rc, "%s", store_place(s));
}

static int repo_init_put(struct store *s, const char *name, struct bytes file)
{
    enum store_outcome outcome;
    int rc = store_put(s, name, file, &outcome);

    if (rc == 0 && outcome == STORE_EXISTS)
        rc = err_set(E_REFUSED, "%s: somebody else makes a repository here",
                     store_place(s));
    return rc;
}

/* log/0: which features there are: none yet. That somebody else was faster is
 * fine: only who has this repository's keys can have been. */
static int repo_init_put_flags(struct store *s, const struct keyring *k)
{
    struct chain chain = {.store = s, .keys = k, .kind = ENVELOPE_LOG};
    struct chain_tip tip = {.any = false};
    struct record_log l = {.decides = 0};
    struct buf body;
    bool mine = false;
    int rc;

    buf_init(&body, 1024);
    record_log_put(RECORD_FLAGS, &l, &body);
    rc = buf_status(&body);
    if (rc == 0)
        rc = chain_put(&chain, &tip, RECORD_FLAGS, buf_bytes(&body), &mine);
    buf_release(&body);
    return rc;
}

static int repo_init_objects(struct store *s, struct keyring *k,
                             const struct repo_init_options *opt,
                             struct config *c)
{
    int64_t now = clock_realtime_ns();
    struct object_id slot;
    struct buf file;
    int rc;

    keyring_create(k);
    c->repo = k->repo;
    c->created.s = now / 1000000000;
    c->created.ns = (uint32_t)(now % 1000000000);
    c->data_public = k->epoch[0].data_public;
    c->meta_public = k->epoch[0].meta_public;
    c->founder = k->member;
    buf_init(&file, CONFIG_BYTES_MAX);
    config_put(c, &file);
    rc = buf_status(&file);
    if (rc == 0) {
        blake3_hash(buf_bytes(&file), k->config.b);
        rc = slot_list_put(s, k, opt->label ? opt->label : "", opt->secret,
                           &slot);
    }
    /* of several who try at once the config decides who has made it; all that
     * came before harms nobody, what follows is the winner's */
    if (rc == 0)
        rc = repo_init_put(s, "config", buf_bytes(&file));
    if (rc == 0)
        rc = repo_init_put_flags(s, k);
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
        rc = repo_init_check_empty(s);
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

int repo_init_finish(struct store *s, const struct keyring *k)
{
    int rc = repo_init_nothing_else(s);

    return rc < 0 ? rc : repo_init_put_flags(s, k);
}
