/*
 * member_kit: a repository with a backup by its founder and one more key, and
 * what a thief of that key can put who can write to the store: everything is
 * sealed and signed well. Every failure fails the test.
 */
#ifndef TESTS_REPO_MEMBER_KIT_H
#define TESTS_REPO_MEMBER_KIT_H

#include "repo/segment_file.h"
#include "tests/repo/catchup_kit.h"

/* Seeds of packs: the thief's, and one that nobody should rely on. */
enum { MEMBER_KIT_THIEF = 3, MEMBER_KIT_STRAY = 9 };

struct member_kit {
    struct repo_fixture f;
    struct key_slot_secret founder;
    struct key_slot_secret theirs;
    struct object_id id[1]; /* the founder's snapshot */
    struct repo *full;      /* the founder's, cache "full" */
    struct repo *thief;     /* theirs, cache "thief" */
    struct member_id member;
};

/* member_kit_make: trust is shared. */
void member_kit_make(struct member_kit *x, enum keyring_role role);
void member_kit_close(struct member_kit *x);

/* member_kit_open_as: the repository as by another process. cache: as
 * repo_fixture_repo(). */
struct repo *member_kit_open_as(struct member_kit *x,
                                const struct key_slot_secret *secret,
                                const char *cache);

/* member_kit_listed: whether the founder sees a snapshot with that cache (NULL:
 * a fresh one). member_kit_relied_on: whether its runs would rely on the chunks
 * of a seed. */
bool member_kit_listed(struct member_kit *x, const char *cache,
                       const struct object_id *id);
bool member_kit_relied_on(struct member_kit *x, const char *cache,
                          uint64_t seed);

/* member_kit_say: one record of a removal, by the founder, with a moment before
 * the next. Of one that is removed nothing stands. */
void member_kit_say(struct member_kit *x, enum record_standing standing);

/* --- what the thief puts --- */

/* member_kit_put_log: the log's next record. */
void member_kit_put_log(struct member_kit *x, enum record_log_type type,
                        const struct record_log *l);

/* member_kit_put_journal: the record behind tip of w's journal. */
void member_kit_put_journal(struct member_kit *x, const struct writer_id *w,
                            struct chain_tip *tip,
                            enum record_journal_type type,
                            const struct record_journal *says);

/* member_kit_put_open: a journal of its own, which names a generation. */
void member_kit_put_open(struct member_kit *x, struct writer_id *w,
                         struct chain_tip *tip, uint64_t generation);

/* member_kit_put_snapshot: an object signed by k, which needs the founder's
 * chunks. */
struct object_id member_kit_put_snapshot(struct member_kit *x,
                                         const struct keyring *k,
                                         uint64_t number);

/* member_kit_put_segment: a pack by as's key with the chunks of a seed, and a
 * segment that lists it. info: to be released. */
struct object_id member_kit_put_segment(struct member_kit *x, struct repo *as,
                                        uint64_t seed, struct pack_info *info);

/* member_kit_put_run: the whole of it: a journal that opens with that
 * generation, lists a pack, commits a snapshot and ends. */
struct object_id member_kit_put_run(struct member_kit *x, uint64_t generation,
                                    struct writer_id *w, struct chain_tip *tip);

#endif
