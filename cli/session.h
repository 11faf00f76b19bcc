/*
 * session: a repository opened as the command line says: which store, which
 * secret, which cache. Confined to the main thread.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli/cli.h"
#include "repo/fetch.h"
#include "repo/repo.h"
#include "store/store.h"

/* A zeroed one is closed. */
struct session {
    struct store *store;
    struct repo *repo;
    struct secrets_key key;    /* SESSION_KEYS: what it was opened with */
    struct err_record trouble; /* why it could only be opened without an
                                  index; code 0: it was not so */
};

/* session_place: what --repo says. Returns 0 or E_USAGE: nothing, or what looks
 * like a place on another machine. */
MUST_CHECK int session_place(const struct cli *cli, const char **place);

/*
 * session_open_store: test this machine, and open the store; no secret yet,
 * and no look at what is in it.
 * Returns 0; E_USAGE; E_NOREPO: no directory; E_INTERNAL: the self test failed;
 * what the store returned. s is to be closed whatever is returned.
 */
MUST_CHECK int session_open_store(struct cli *cli, struct session *s);

enum session_use {
    SESSION_WORK, /* as usual */
    SESSION_KEYS, /* the secret is kept, for who writes key slots */
    SESSION_CHECK /* nothing is said of damage, which the check will do; where
                     the log is damaged: without an index, and trouble tells */
};

/*
 * session_open: open the repository. A passphrase typed wrong may be typed
 * again, twice.
 * Returns as session_open_store(), secrets_get() and repo_open(). s is to be
 * closed whatever is returned.
 */
MUST_CHECK int session_open(struct cli *cli, enum session_use use,
                            struct session *s);

/*
 * session_open_with: open the repository with a secret that is known to be
 * right. s has its store.
 * Returns as repo_open(). s is to be closed whatever is returned.
 */
MUST_CHECK int session_open_with(struct cli *cli, const struct secrets_key *key,
                                 struct session *s);

/*
 * session_fetch: begin to read what snapshots hold.
 *   cache_bytes  as fetch_open() has it
 *   f, lane      out: the caller's, and to be freed whatever is returned
 * Returns as fetch_open() and fetch_lane_new().
 */
MUST_CHECK int session_fetch(struct session *s, size_t cache_bytes,
                             struct fetch **f, struct fetch_lane **lane);

/* session_close: what was not opened is fine. */
void session_close(struct session *s);

/* session_secret: key as the repository's lower half wants it; lent. */
struct key_slot_secret session_secret(const struct secrets_key *key);

#endif
