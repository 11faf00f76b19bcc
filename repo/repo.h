/*
 * repo: a repository, as every command opens it; repo_init.h makes one. Holds
 * what all of repo/ and repo/job/ work with: store, keys, index, state.
 *
 * The fields of struct repo are for reading; only repo.c and its parts
 * (repo_cache, repo_unlock, rotate) change them. While one thread is in
 * repo_refresh() no other may use state; all else is shared freely once the
 * repository is open.
 */
#ifndef REPO_REPO_H
#define REPO_REPO_H

#include "index/index.h"
#include "repo/config.h"
#include "repo/journal_damage.h"
#include "repo/key_slot.h"
#include "repo/state.h"
#include "store/store.h"

struct repo {
    struct store *store; /* lent by whoever opened */
    struct keyring *keys;
    struct key_slot_info slot; /* what opened: the slot, and ... */
    struct object_id slot_id;  /* ... its name, ... */
    uint32_t slot_epochs;      /* ... and how many epochs it held; the others
                                  stand in the log alone */
    struct config config;
    struct index *index;
    struct state state;
    char *cache;        /* directory of the cache */
    bool private_cache; /* it is removed when the repository is closed */
    int cache_held;     /* of cache_dir_private(), when private_cache */
    unsigned threads;   /* that may read trees at once; 1 and more */
    struct err_record cache_trouble; /* why private_cache */
    bool accept_rollback;
    bool caught_up;         /* once at least: it was opened */
    bool index_rebuilt;     /* it was filled from nothing by this process */
    bool filled;            /* ... in order, in the place of an empty one */
    uint64_t segments_lost; /* segments that could not be read */
    struct journal_damage journals; /* as the last catch-up met them */
    /* the index lacks something that a damaged journal record or a lost
     * segment says, or knows it from packs alone, which are for reading only;
     * kept in the cache. Snapshots take no subtree over unseen then, and a
     * collector must refuse: what it would take for garbage may be reached by
     * a snapshot whose commit it cannot read */
    bool hurt;
};

struct repo_open_options {
    const struct key_slot_secret *secret;
    const char *cache_root; /* directory below which caches live; made */
    bool accept_rollback;
    unsigned threads; /* that may read trees at once; 0: one */
    bool no_index;    /* keys only: the index is NULL, the state empty */
};

/*
 * repo_probe: whether a repository is there, without a key.
 *   config  out, when 0 is returned
 * Returns 0; E_NOREPO; E_CORRUPT; E_UNSUPPORTED (newer format); E_STORE.
 */
MUST_CHECK int repo_probe(struct store *s, struct config *config);

/*
 * repo_open: unlock, open the cache, catch up with the store. Journal records
 * and segments that are damaged do not stop it: what they said is missing, or
 * taken from the packs themselves; journals, segments_lost and hurt tell.
 *   s    lent until repo_close()
 *   out  owns the repository
 * Returns 0; E_NOREPO; E_KEY: no slot opens with that secret; E_UNSUPPORTED:
 * newer format or feature; E_ROLLBACK; E_CORRUPT: config, all key slots or the
 * log are damaged; E_NOMEM; E_NOSPACE; E_IO;
 * what the store returned.
 */
MUST_CHECK int repo_open(struct store *s, const struct repo_open_options *opt,
                         struct repo **out);

/* repo_close: NULL is fine. Wipes the keys. */
void repo_close(struct repo *r);

/* repo_refresh: catch up with what others have written since. No reader or
 * update of the index may be open: it may be replaced. Errors as repo_open().
 */
MUST_CHECK int repo_refresh(struct repo *r);

/* repo_refresh_in_use: the same while other threads read the index: it is never
 * replaced. Returns also E_LATER, E_BUSY and E_CORRUPT of the cache. */
MUST_CHECK int repo_refresh_in_use(struct repo *r);

/* repo_node_key: where tree nodes end in this repository. */
struct node_key;
void repo_node_key(const struct repo *r, struct node_key *out);

#endif
