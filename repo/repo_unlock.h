/* repo_unlock: from a secret to the keys. For repo.c alone. */
#ifndef REPO_REPO_UNLOCK_H
#define REPO_REPO_UNLOCK_H

#include "repo/repo.h"

enum {
    /* slots of the secret's kind that are looked at */
    REPO_UNLOCK_SLOTS_MAX = 1024,
    /* what trying slots may cost, in slots as init makes them */
    REPO_UNLOCK_BUDGET = 64
};

/*
 * repo_unlock: make r->keys, slot and slot_id from a key slot that secret
 * opens. r has its store and config. config  H(config file): the slot must have
 * been made for it
 *
 * Whoever can write to the store can add slots. Those of the secret's kind are
 * tried one after the other, the cheapest first (memory times passes; those of
 * key files cost nothing), until one opens. None is begun once those tried have
 * cost the budget: the last one may exceed it, so that at least one of any cost
 * is tried. A slot that cannot be tried does not keep the others from it.
 *
 * Returns 0, or, when no slot opens, what says most:
 *   E_USAGE        the secret is none (an empty passphrase, no key file)
 *   what the store returned, E_NOMEM: for a slot that could not be tried
 *   E_LIMIT        slots were left untried
 *   E_CORRUPT      all slots are damaged, or the config is not the slot's
 *   E_UNSUPPORTED  a newer version made the slots
 *   E_KEY          the secret is wrong
 * r->keys is then set or NULL, and repo_close()'s to free.
 */
MUST_CHECK int repo_unlock(struct repo *r, const struct key_slot_secret *secret,
                           const struct object_id *config);

#endif
