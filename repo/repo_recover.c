#include "repo/repo_recover.h"

#include "base/blake3.h"
#include "repo/repo_role.h"
#include "repo/slot_list.h"
#include "store/store.h"

/* ---- to a sheet -------------------------------------------------------- */

/* The tip that the sheet names: of a repository that was only just made, whose
 * log nobody has read yet, its first record. */
static int repo_recover_tip(const struct repo *r, struct chain_tip *tip)
{
    struct chain log = {
        .store = r->store, .keys = r->keys, .kind = ENVELOPE_LOG};
    struct chain_record first = {.record = {.number = 0}};
    bool found = false;
    int rc;

    *tip = r->state.tip;
    if (tip->any)
        return 0;
    rc = chain_get(&log, 0, &first, &found);
    if (rc == 0 && !found)
        rc =
            err_set(E_CORRUPT, "%s: its log is missing", store_place(r->store));
    *tip = (struct chain_tip){.any = rc == 0, .number = 0, .id = first.id};
    chain_record_release(&first);
    return rc;
}

/* The config that follows from what the sheet says, and its hash. */
static int repo_recover_config(const struct recovery *v,
                               const struct keyring *k, struct buf *file,
                               struct object_id *hash)
{
    struct config c = {.repo = v->repo,
                       .created = v->created,
                       .chunk_bytes = v->chunk_bytes,
                       .level = v->level,
                       .data_public = k->epoch[0].data_public,
                       .meta_public = k->epoch[0].meta_public,
                       .founder = v->founder};
    int rc;

    config_put(&c, file);
    rc = buf_status(file);
    if (rc == 0)
        blake3_hash(buf_bytes(file), hash->b);
    return rc;
}

int repo_recover_sheet(const struct repo *r, struct recovery *out)
{
    const struct keyring *k = r->keys;
    struct chain_tip tip = {.any = false};
    struct object_id hash = {{0}};
    struct buf file;
    int rc;

    if (k->role != KEYRING_FULL)
        return err_set(E_ROLE, "only a full key has a recovery sheet");
    /* of a repository that was only just made nobody has read who is there */
    rc = r->state.tip.any ? repo_role_active(r) : 0;
    if (rc == 0)
        rc = repo_recover_tip(r, &tip);
    if (rc < 0)
        return rc;
    out->repo = r->config.repo;
    out->created = r->config.created;
    out->chunk_bytes = r->config.chunk_bytes;
    out->level = r->config.level;
    out->founder = r->config.founder;
    out->seed = k->seed;
    out->root_n = k->held;
    for (size_t i = 0; i < out->root_n; i++)
        out->root[i] = k->epoch[i].root;
    out->log_number = tip.number;
    memcpy(out->log_hash, tip.id.b, sizeof out->log_hash);
    buf_init(&file, CONFIG_BYTES_MAX);
    rc = repo_recover_config(out, k, &file, &hash);
    buf_release(&file);
    if (rc == 0 && !object_id_equal(&hash, &k->config))
        rc = err_set(E_UNSUPPORTED,
                     "the repository's config holds what a recovery sheet of "
                     "this version would lose: use the version that made it");
    return rc;
}

/* ---- from a sheet ------------------------------------------------------ */

struct repo_recover {
    struct store *store;
    const struct repo_recover_options *opt;
    struct keyring *keys;
    struct buf config; /* the file, as the sheet gives it */
};

static int repo_recover_begin(struct repo_recover *x, struct store *s,
                              const struct repo_recover_options *opt)
{
    const struct recovery *v = opt->recovery;

    *x = (struct repo_recover){.store = s, .opt = opt};
    buf_init(&x->config, CONFIG_BYTES_MAX);
    x->keys = keyring_new();
    if (!x->keys)
        return err_set(E_NOMEM, "out of memory");
    keyring_create_from(x->keys, &v->repo, v->root, v->root_n, &v->seed);
    return repo_recover_config(v, x->keys, &x->config, &x->keys->config);
}

static void repo_recover_end(struct repo_recover *x)
{
    keyring_free(x->keys);
    buf_release(&x->config);
}

static int repo_recover_other(const struct repo_recover *x,
                              const struct repo_id *other)
{
    char mine[2 * sizeof other->b + 1];
    char theirs[2 * sizeof other->b + 1];

    return err_set(E_KEY,
                   "%s: the sheet is of another repository: of %s, and this is "
                   "%s",
                   store_place(x->store),
                   id_hex(x->keys->repo.b, sizeof other->b, mine),
                   id_hex(other->b, sizeof other->b, theirs));
}

/* found: the very config of the sheet is there. */
static int repo_recover_look(struct repo_recover *x, bool *found)
{
    struct config other;
    struct buf file;
    int rc;

    buf_init(&file, CONFIG_BYTES_MAX);
    rc = store_get(x->store, "config", &file, found);
    if (rc == E_LIMIT)
        rc = 0; /* it is not what the sheet gives */
    if (rc == 0 && *found &&
        !bytes_equal(buf_bytes(&file), buf_bytes(&x->config))) {
        rc = config_get(buf_bytes(&file), &other, NULL);
        if (rc == 0 && memcmp(&other.repo, &x->keys->repo, sizeof other.repo))
            rc = repo_recover_other(x, &other.repo);
        else
            rc = err_set(E_REFUSED,
                         "%s: its config is not what the sheet gives: damaged, "
                         "or exchanged. Move the file 'config' out of it, and "
                         "try again",
                         store_place(x->store));
    }
    buf_release(&file);
    return rc;
}

/* A log record's file. Returns as store_get(). */
static int repo_recover_get(const struct repo_recover *x, uint64_t number,
                            struct buf *file, bool *found)
{
    struct chain log = {.kind = ENVELOPE_LOG};
    char name[RECORD_NAME_MAX];

    chain_name(&log, number, name);
    return store_get(x->store, name, file, found);
}

/* The beginning of the log opens with the sheet's keys, or they are not this
 * repository's. */
static int repo_recover_check_first(const struct repo_recover *x)
{
    struct chain log = {
        .store = x->store, .keys = x->keys, .kind = ENVELOPE_LOG};
    struct chain_record first = {.record = {.number = 0}};
    struct repo_id other;
    struct buf file;
    bool found = false;
    int rc;

    buf_init(&file, envelope_max_bytes(ENVELOPE_LOG));
    rc = repo_recover_get(x, 0, &file, &found);
    if (rc == 0 && !found)
        rc = err_set(E_NOREPO,
                     "%s: no repository there: a sheet gives back config and "
                     "keys, and nothing else",
                     store_place(x->store));
    if (rc == 0 && envelope_repo(ENVELOPE_LOG, buf_bytes(&file), &other) &&
        memcmp(&other, &x->keys->repo, sizeof other) != 0)
        rc = repo_recover_other(x, &other);
    if (rc == 0)
        rc = chain_get(&log, 0, &first, &found);
    chain_record_release(&first);
    buf_release(&file);
    return rc;
}

/* The log still holds the record that was the tip when the sheet was printed.
 */
static int repo_recover_check_age(const struct repo_recover *x)
{
    const struct recovery *v = x->opt->recovery;
    struct object_id id = {{0}};
    struct buf file;
    bool found = false;
    int rc;

    if (x->opt->accept_rollback)
        return 0;
    buf_init(&file, envelope_max_bytes(ENVELOPE_LOG));
    rc = repo_recover_get(x, v->log_number, &file, &found);
    if (rc == 0 && found)
        blake3_hash(buf_bytes(&file), id.b);
    if (rc == 0 && (!found || memcmp(id.b, v->log_hash, sizeof v->log_hash)))
        rc = err_set(E_ROLLBACK,
                     "%s is older than its recovery sheet: its log record %llu "
                     "is %s. Look for a newer copy of the repository; "
                     "--accept-rollback takes this one",
                     store_place(x->store), (unsigned long long)v->log_number,
                     found ? "another" : "missing");
    buf_release(&file);
    return rc;
}

static int repo_recover_verify(struct repo_recover *x, bool *config_there)
{
    int rc = repo_recover_look(x, config_there);

    if (rc == 0)
        rc = repo_recover_check_first(x);
    return rc < 0 ? rc : repo_recover_check_age(x);
}

int repo_recover_check(struct store *s, const struct repo_recover_options *opt)
{
    struct repo_recover x;
    bool there = false;
    int rc = repo_recover_begin(&x, s, opt);

    if (rc == 0)
        rc = repo_recover_verify(&x, &there);
    repo_recover_end(&x);
    return rc;
}

/* The config that was seen, by whomever it was put, must last (I10). */
static int repo_recover_put_config(struct repo_recover *x, bool there)
{
    enum store_outcome outcome;
    int rc = 0;

    if (!there) {
        rc = store_put(x->store, "config", buf_bytes(&x->config), &outcome);
        if (rc < 0 || outcome == STORE_CREATED)
            return rc;
        /* somebody recovers beside us: with the same bytes, or not */
        rc = repo_recover_look(x, &there);
    }
    return rc < 0 ? rc : store_make_durable(x->store, "config", NULL);
}

int repo_recover(struct store *s, const struct repo_recover_options *opt)
{
    struct object_id slot;
    struct repo_recover x;
    bool there = false;
    int rc = repo_recover_begin(&x, s, opt);

    if (rc == 0)
        rc = repo_recover_verify(&x, &there);
    /* the config makes the repository exist: it comes last */
    if (rc == 0)
        rc = slot_list_put(s, x.keys, opt->label, opt->secret, &slot);
    if (rc == 0)
        rc = repo_recover_put_config(&x, there);
    repo_recover_end(&x);
    return rc;
}
