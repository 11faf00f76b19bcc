#include "cli/session.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pipe.h"
#include "cli/message.h"
#include "repo/repo_log.h"
#include "repo/selftest.h"
#include "store/local.h"

enum { SESSION_ATTEMPTS = 3 };

int session_place(const struct cli *cli, const char **place)
{
    *place = opt_text(cli->opt, OPT_REPO);
    if (!*place)
        return err_set(E_USAGE,
                       "which repository? Give --repo, or set DEDUP_REPO");
    /* s3:bucket, ssh://host/path, user@host:path: a directory of that name
     * would pass for a copy elsewhere */
    if ((*place)[strcspn(*place, ":/")] == ':')
        return err_set(E_USAGE,
                       "%s: a repository is a directory of this machine; there "
                       "is no other storage (a directory of that name is "
                       "./%s)",
                       *place, *place);
    return 0;
}

struct key_slot_secret session_secret(const struct secrets_key *key)
{
    return (struct key_slot_secret){
        .kind = key->kind == SECRETS_KEY ? KEY_SLOT_FILE : KEY_SLOT_PASSPHRASE,
        .bytes = secret_bytes(&key->secret)};
}

/* ---- the cache --------------------------------------------------------- */

static int session_cache_below(const char *dir, const char *name,
                               char out[PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s%s", dir, name);

    if (n < 0 || n >= PATH_MAX)
        return err_set(E_USAGE, "the path of the cache is too long");
    return 0;
}

/* The directory below which caches of all repositories live. */
static int session_cache_root(const struct cli *cli, char out[PATH_MAX])
{
    const char *said = opt_text(cli->opt, OPT_CACHE_DIR);
    const char *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");

    if (said)
        return session_cache_below(said, "", out);
    if (xdg && *xdg == '/') /* a relative one is to be ignored */
        return session_cache_below(xdg, "/dedup", out);
    if (geteuid() == 0)
        return session_cache_below("/var/cache/dedup", "", out);
    if (home && *home == '/')
        return session_cache_below(home, "/.cache/dedup", out);
    return err_set(E_USAGE, "there is no home directory for the cache: give "
                            "--cache-dir, or set DEDUP_CACHE_DIR");
}

/* ---- opening ----------------------------------------------------------- */

int session_open_store(struct cli *cli, struct session *s)
{
    const char *place;
    int rc = session_place(cli, &place);

    if (rc == 0)
        rc = selftest_run();
    if (rc == 0)
        rc = local_open(place, &s->store);
    return rc;
}

/* One secret, one attempt. again: a typed secret was wrong. */
static int session_unlock(struct cli *cli, const char *cache,
                          enum session_use use, struct session *s, bool *again)
{
    struct repo_open_options opt = {.cache_root = cache,
                                    .threads = pipe_threads(0),
                                    .accept_rollback =
                                        opt_has(cli->opt, OPT_ACCEPT_ROLLBACK)};
    struct key_slot_secret secret;
    struct secrets_key key;
    int rc = secrets_get(cli->secrets, cli->opt, false, cli->cancel, &key);

    if (rc == 0) {
        secret = session_secret(&key);
        opt.secret = &secret;
        rc = repo_open(s->store, &opt, &s->repo);
    }
    if (rc == E_CORRUPT && use == SESSION_CHECK && opt.secret) {
        err_save(rc, &s->trouble);
        opt.no_index = true;
        rc = repo_open(s->store, &opt, &s->repo);
    }
    *again = rc == E_KEY && key.typed;
    if (rc == 0)
        secrets_keep(cli->secrets, cli->opt, &key);
    if (rc == 0 && use == SESSION_KEYS)
        s->key = key;
    else
        secrets_key_release(&key);
    return rc;
}

/* Whether the cache holds anything: in a new repository there is nothing that
 * it could have been filled with. */
static bool session_cache_holds(const struct session *s)
{
    struct index_stats stats = {.pack_n = 0};
    struct index_reader *r = NULL;
    int rc;

    if (!s->repo->index)
        return false;
    rc = index_reader_new(s->repo->index, &r);
    if (rc == 0)
        rc = index_reader_stats(r, &stats);
    index_reader_free(r);
    return rc == 0 && stats.pack_n > 0;
}

/* What is damaged, but did not keep it from opening. */
static void session_tell_damage(const struct session *s)
{
    const struct journal_damage *damage = &s->repo->journals;

    for (size_t i = 0; i < damage->named_n; i++)
        message_warn("%s is damaged: %s", damage->named[i].name,
                     damage->named[i].why);
    if (damage->records)
        message_warn("%llu damaged record%s in %llu journal%s: snapshots may "
                     "be missing from every list; run 'dedup check', and copy "
                     "from a second copy of the repository what it names",
                     (unsigned long long)damage->records,
                     damage->records == 1 ? "" : "s",
                     (unsigned long long)damage->journals,
                     damage->journals == 1 ? "" : "s");
    if (s->repo->segments_lost)
        message_warn("%llu index object%s cannot be read; 'dedup check' tells "
                     "more",
                     (unsigned long long)s->repo->segments_lost,
                     s->repo->segments_lost == 1 ? "" : "s");
}

/* Whose key was removed sees the repository as it was then. */
static void session_tell_removed(const struct session *s)
{
    const struct keyring *k = s->repo->keys;

    if (!keyring_is_current(k))
        message_warn("this key was removed: what was written since epoch %u of "
                     "the repository's keys began can be neither listed nor "
                     "read with it",
                     (unsigned)k->held);
}

/* What the user should know about how it opened. */
static void session_tell(const struct session *s, enum session_use use)
{
    if (s->repo->private_cache)
        message_warn("the local cache cannot be used (%s); this run makes one "
                     "of its own, %s, which takes longer",
                     s->repo->cache_trouble.text, s->repo->cache);
    if (use != SESSION_CHECK)
        session_tell_damage(s);
    session_tell_removed(s);
    if (s->repo->index_rebuilt && session_cache_holds(s))
        message_detail("the local cache was filled anew");
}

int session_open(struct cli *cli, enum session_use use, struct session *s)
{
    char cache[PATH_MAX];
    struct config config;
    bool again = true;
    int rc = session_open_store(cli, s);

    /* before a passphrase is asked for */
    if (rc == 0)
        rc = repo_probe(s->store, &config);
    if (rc == 0)
        rc = session_cache_root(cli, cache);
    if (rc < 0)
        return rc;
    for (int i = 0; i < SESSION_ATTEMPTS && again; i++) {
        if (i > 0)
            message_warn("wrong passphrase, try again");
        rc = session_unlock(cli, cache, use, s, &again);
    }
    if (rc == 0)
        session_tell(s, use);
    return rc;
}

int session_open_with(struct cli *cli, const struct secrets_key *key,
                      struct session *s)
{
    struct key_slot_secret secret = session_secret(key);
    char cache[PATH_MAX];
    struct repo_open_options opt = {.secret = &secret,
                                    .cache_root = cache,
                                    .threads = pipe_threads(0),
                                    .accept_rollback =
                                        opt_has(cli->opt, OPT_ACCEPT_ROLLBACK)};
    int rc = session_cache_root(cli, cache);

    if (rc == 0)
        rc = repo_open(s->store, &opt, &s->repo);
    if (rc == 0)
        session_tell(s, SESSION_WORK);
    return rc;
}

int session_fetch(struct session *s, size_t cache_bytes, struct fetch **f,
                  struct fetch_lane **lane)
{
    int rc =
        fetch_open(s->store, s->repo->keys, s->repo->index, cache_bytes, f);

    if (rc < 0)
        return rc;
    fetch_follow(*f, repo_log_follow, s->repo);
    return fetch_lane_new(*f, lane);
}

void session_close(struct session *s)
{
    repo_close(s->repo);
    store_close(s->store);
    secrets_key_release(&s->key);
    *s = (struct session){.store = NULL};
}
