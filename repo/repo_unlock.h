/* repo_unlock: from a secret to the keys. For repo.c alone. */
#ifndef REPO_REPO_UNLOCK_H
#define REPO_REPO_UNLOCK_H

#include "repo/repo.h"

/*
 * repo_unlock: make r->keys from the first key slot that secret opens. r has
 * its store and config.
 *   config  H(config file): the slot must have been made for it
 * Returns 0; E_KEY: no slot opens; E_CORRUPT: all slots are damaged, or the
 * config is not the slot's; E_UNSUPPORTED: a newer version made the slots;
 * E_NOMEM; what the store returned. r->keys is then
 * set or NULL, and repo_close()'s to free.
 */
MUST_CHECK int repo_unlock(struct repo *r, const struct key_slot_secret *secret,
                           const struct object_id *config);

#endif
