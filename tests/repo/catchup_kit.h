/*
 * catchup_kit: what tests of caches and of damaged repositories have in common,
 * over repo_fixture: opening in different ways, and objects that are taken
 * away, exchanged and brought back. Every failure fails the test.
 */
#ifndef TESTS_REPO_CATCHUP_KIT_H
#define TESTS_REPO_CATCHUP_KIT_H

#include "tests/repo/repo_fixture.h"

/* catchup_kit_start: a repository with that many backups, seeds 1 and up, made
 * with the cache "a". id: out, theirs. */
void catchup_kit_start(struct repo_fixture *f, unsigned backups,
                       struct object_id *id);

/* catchup_kit_copy_store: a copy, as a backup of it would be; to be closed. */
struct store *catchup_kit_copy_store(struct store *s);

/* catchup_kit_exchange: make f work on another store; returns the one before.
 */
struct store *catchup_kit_exchange(struct repo_fixture *f, struct store *s);

/* catchup_kit_try: what comes of opening with a cache. catchup_kit_damaged: how
 * many journal records are damaged; it must open. */
int catchup_kit_try(struct repo_fixture *f, const char *cache);
int catchup_kit_try_accepting(struct repo_fixture *f, const char *cache);
uint64_t catchup_kit_damaged(struct repo_fixture *f, const char *cache);

/* catchup_kit_finds: whether the index finds the first chunk of a seed. */
bool catchup_kit_finds(struct repo *r, enum index_purpose purpose,
                       uint64_t seed);

/* catchup_kit_knows_but: with that cache exactly the snapshots 1..n are listed,
 * and their chunks can be found; those of n + 1 cannot. Those of `lost`
 * snapshots, known from the packs alone, are for reading only.
 * catchup_kit_knows: none lost. */
void catchup_kit_knows_but(struct repo_fixture *f, const char *cache,
                           uint64_t n, uint64_t lost);
void catchup_kit_knows(struct repo_fixture *f, const char *cache, uint64_t n);

/* catchup_kit_publish_many: a pack of more chunks than go into one update of
 * the index. */
void catchup_kit_publish_many(struct repo_fixture *f, struct writer *w,
                              struct repo *r);

/* Names of objects. */
struct catchup_kit_names {
    char name[20][96];
    unsigned n;
};

/* catchup_kit_pick: those below a prefix, in order. */
void catchup_kit_pick(struct store *s, const char *prefix,
                      struct catchup_kit_names *p);

/* catchup_kit_remove / catchup_kit_get / catchup_kit_replace: one object; b of
 * catchup_kit_get() is to be released. */
void catchup_kit_remove(struct store *s, const char *name);
void catchup_kit_get(struct store *s, const char *name, struct buf *b);
void catchup_kit_replace(struct store *s, const char *name, struct bytes b);

#endif
