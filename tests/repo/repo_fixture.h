/*
 * repo_fixture: a repository in a memory store, with a cache directory, and
 * backups of a few chunks whose content follows from a number: the snapshot's
 * options say which, so that whoever finds the snapshot knows what it needs.
 */
#ifndef TESTS_REPO_REPO_FIXTURE_H
#define TESTS_REPO_REPO_FIXTURE_H

#include "repo/repo.h"
#include "repo/snapshot_list.h"
#include "repo/writer.h"
#include "store/memory.h"

enum { REPO_FIXTURE_CHUNKS = 3, REPO_FIXTURE_CHUNK_BYTES = 700 };

struct repo_fixture {
    struct store *store;
    char cache[64];   /* root of caches, removed at the end */
    unsigned fresh_n; /* fresh caches made so far */
    struct key_slot_secret secret;
};

/* repo_fixture_open: an empty store. */
void repo_fixture_open(struct repo_fixture *f);
void repo_fixture_close(struct repo_fixture *f);

/* repo_fixture_init: repo_init() in it. */
int repo_fixture_init(struct repo_fixture *f);

/* repo_fixture_make: an empty store with a repository in it. */
void repo_fixture_make(struct repo_fixture *f);

/* repo_fixture_repo: repo_open(); cache: name of the cache to use, NULL: one
 * that nobody has used. */
int repo_fixture_repo(struct repo_fixture *f, const char *cache,
                      struct repo **r);

/* repo_fixture_pack: write a pack with the chunks of seed, which nobody knows
 * of yet. info is zeroed; writer_publish() releases it. Fails the test. */
void repo_fixture_pack(struct repo_fixture *f, struct repo *r, uint64_t seed,
                       struct pack_info *info);

/* repo_fixture_publish: write a pack with the chunks of seed and publish it. */
int repo_fixture_publish(struct repo_fixture *f, struct writer *w,
                         struct repo *r, uint64_t seed);

/* repo_fixture_commit: commit a snapshot that needs the chunks of seed. */
int repo_fixture_commit(struct writer *w, struct repo *r, uint64_t seed,
                        struct object_id *id);

/* repo_fixture_backup: open, publish, commit, end, close. id is set as soon as
 * the commit has returned 0. */
int repo_fixture_backup(struct repo_fixture *f, const char *cache,
                        uint64_t seed, struct object_id *id);

/*
 * repo_fixture_check: with a fresh cache: every snapshot that is listed has all
 * of its chunks, readable and right. Fails the test otherwise.
 *   want, want_n  snapshots that must be there
 * Returns how many there are.
 */
size_t repo_fixture_check(struct repo_fixture *f, const struct object_id *want,
                          size_t want_n);

#endif
