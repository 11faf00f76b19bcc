/*
 * key_remove: a member goes: docs/concurrency.md 14, M3. Dying anywhere leaves
 * a member that is leaving; removing it again goes on.
 *
 * Confined to one thread; nothing else may use the repository meanwhile.
 */
#ifndef REPO_KEY_REMOVE_H
#define REPO_KEY_REMOVE_H

#include "repo/repo.h"

struct key_remove_result {
    uint64_t journals; /* that were read */
    uint64_t damaged;  /* records of them that could not be read, or name what
                          cannot be, and gaps: void from now on */
    uint64_t left_out; /* journals that did not fit: void from now on */
    bool unfinished;   /* it was our own key: another one has to go on */
};

/*
 * key_remove: remove a member, and its slots.
 *   r      refreshed
 *   who    a member that is not removed, or one whose slots are still there
 *   force  also the key in use; also where records of its journals are damaged,
 * or journals do not fit When it returns 0, and not unfinished, nothing that
 * this key puts from now on counts, and everything that it was told is done
 * does. Returns E_ROLE; E_REFUSED: the last full key, or what force would
 * allow; E_BUSY; E_NOMEM; what the store returned.
 */
MUST_CHECK int key_remove(struct repo *r, const struct member_id *who,
                          bool force, struct key_remove_result *out);

/* key_remove_bounded: the same, where all cuts together have cuts_max bytes;
 * key_remove() takes what a record holds. */
MUST_CHECK int key_remove_bounded(struct repo *r, const struct member_id *who,
                                  bool force, size_t cuts_max,
                                  struct key_remove_result *out);

#endif
