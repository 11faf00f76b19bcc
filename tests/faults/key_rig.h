/*
 * key_rig: each way to change the keys of a repository, and what must hold
 * whatever became of it, for those who fail and kill it: every key that worked
 * works, or the one that takes its place; none that was reported as removed
 * writes; no slot of an attempt is left once it was done again.
 *
 * All but key_rig_use() is for the process that holds the store: nothing here
 * fails a test, everything returns or raises what went wrong.
 */
#ifndef TESTS_FAULTS_KEY_RIG_H
#define TESTS_FAULTS_KEY_RIG_H

#include "repo/key_slot.h"
#include "tests/faults/fault_kit.h"

struct key_rig_change {
    const char *name;
    int (*run)(struct repo *r, const struct key_rig_change *c);
    const struct key_slot_secret *by;
    const struct key_slot_secret *to; /* what opens the key that comes */
    enum keyring_role role;           /* of that key */
    /* NULL, or what does not hold */
    const char *(*holds)(const struct key_rig_change *c, bool reported,
                         bool again);
    unsigned coarse; /* how much coarser than others it is gone through: much as
                        another one, or with Argon2 */
};

extern const struct key_rig_change key_rig_changes[];
extern const size_t key_rig_n;

/* key_rig_find: the change of that name, or NULL. */
const struct key_rig_change *key_rig_find(const char *name);

/* key_rig_use: work on k's tree, cache and repository.
 *   s  the store, lent; NULL: k's local one, opened for each step */
void key_rig_use(struct fault_kit *k, struct store *s);

/*
 * key_rig_prepare: in a repository that fault_kit_init() made: members "host"
 * (write), with a run that ended and one that died, and "second" (full).
 *   snapshots  out: how many there are of the tree
 */
MUST_CHECK int key_rig_prepare(uint64_t *snapshots);

/* key_rig_open: as its holder would; *s and *r are to be closed, NULL after an
 * error. key_rig_close: both. */
MUST_CHECK int key_rig_open(const struct key_slot_secret *secret,
                            struct store **s, struct repo **r);
void key_rig_close(struct store *s, struct repo *r);

/* key_rig_run: open, change, close. opened: NULL, or called in between. */
MUST_CHECK int key_rig_run(const struct key_rig_change *c,
                           void (*opened)(void *ctx), void *ctx);

/* key_rig_again: what a person does who was told that it failed, or nothing:
 * the same again, by whatever key still works. */
MUST_CHECK int key_rig_again(const struct key_rig_change *c);

/*
 * key_rig_look: what must hold, a clean check with all data included.
 *   reported   the change was told to be done
 *   again      it has been done again
 *   snapshots  that there are
 */
MUST_CHECK int key_rig_look(const struct key_rig_change *c, bool reported,
                            bool again, uint64_t snapshots);

/* key_rig_other: another process with another full key than c's, and a cache of
 * its own, puts a record into the log: an epoch of keys (refused while a key is
 * leaving), or one that says little. */
MUST_CHECK int key_rig_other(const struct key_rig_change *c, bool rotates);

#endif
