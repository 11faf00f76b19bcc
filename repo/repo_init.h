/* repo_init: makes a repository. repo.h opens it. */
#ifndef REPO_REPO_INIT_H
#define REPO_REPO_INIT_H

#include "repo/key_slot.h"

struct store;

struct repo_init_options {
    uint32_t chunk_bytes; /* normal chunk size; 0: the default */
    int level;            /* as compress_pack() takes it; 0: the default */
    const char *label;    /* of the first key; NULL: none */
    const struct key_slot_secret *secret; /* what will open it */
};

/*
 * repo_init: make a repository in an empty store. The config object makes it
 * exist: of several at once one wins, the others are refused. Deletes nothing.
 *   id  out: its id; may be NULL
 * Returns 0; E_REFUSED: there is one already, or other objects are there;
 * E_UNSUPPORTED: the store cannot keep its promises; E_USAGE: an option is out
 * of range; E_NOMEM; what the store returned. After an error either no
 * repository exists and init may be tried again, or the next repo_open() finds
 * one and completes it.
 */
MUST_CHECK int repo_init(struct store *s, const struct repo_init_options *opt,
                         struct repo_id *id);

/*
 * repo_init_put_slot: put a key slot of a full key, durably. Of opt it takes
 * label and secret.
 * Returns 0; E_USAGE: the secret is none; E_NOMEM; what the store returned.
 */
MUST_CHECK int repo_init_put_slot(struct store *s, const struct keyring *k,
                                  const struct repo_init_options *opt);

/*
 * repo_init_finish: make up for the end of an init that died after its config
 * and before its first log record, provided that nothing else was ever put.
 * Returns 0: the record is there; E_REFUSED: other objects are; E_NOMEM; what
 * the store returned.
 */
MUST_CHECK int repo_init_finish(struct store *s, const struct keyring *k);

#endif
