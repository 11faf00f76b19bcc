/*
 * owner: names of user and group ids, and back, each asked for once. The
 * name service may be slow and may fail; what it does not know is remembered
 * as unknown for the life of the cache. Any thread.
 */
#ifndef SOURCE_OWNER_H
#define SOURCE_OWNER_H

#include <stdbool.h>

#include "base/entry.h"

struct owner_cache;

/* owner_cache_new: Returns 0 or E_NOMEM. owner_cache_free: NULL is fine. */
MUST_CHECK int owner_cache_new(struct owner_cache **out);
void owner_cache_free(struct owner_cache *cache);

/*
 * owner_user, owner_group: the name of an id.
 *   name  out: lent for the life of the cache; empty: there is none, or none
 *         that an entry can hold
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int owner_user(struct owner_cache *cache, uint32_t uid,
                          struct bytes *name);
MUST_CHECK int owner_group(struct owner_cache *cache, uint32_t gid,
                           struct bytes *name);

/* What one caller asked for last: of most files the next one's owners are the
 * same. Begins zeroed. */
struct owner_last {
    bool known;
    uint32_t uid;
    uint32_t gid;
    struct bytes user;
    struct bytes group;
};

/* owner_of_entry: sets user and group of e by its uid and gid; without a cache
 * nothing. last: the caller's. Returns as owner_user. */
MUST_CHECK int owner_of_entry(struct owner_cache *cache,
                              struct owner_last *last, struct entry *e);

/*
 * owner_uid, owner_gid: the id that a name has on this machine.
 *   name      1..255 bytes
 *   fallback  what id to give when nobody has that name here
 *   id        out
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int owner_uid(struct owner_cache *cache, struct bytes name,
                         uint32_t fallback, uint32_t *id);
MUST_CHECK int owner_gid(struct owner_cache *cache, struct bytes name,
                         uint32_t fallback, uint32_t *id);

#endif
