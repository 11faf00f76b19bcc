/*
 * check_kit: a real repository to be damaged: a tree with everything a format
 * can hold, backed up several times while it changes, into a memory store; and
 * an oracle that says which paths of which snapshots can still be read.
 */
#ifndef TESTS_REPO_CHECK_KIT_H
#define TESTS_REPO_CHECK_KIT_H

#include "repo/check.h"
#include "repo/pack_info.h"
#include "repo/repo_log.h"
#include "repo/snapshot_list.h"
#include "store/memory.h"
#include "tests/support/scratch.h"

enum { CHECK_KIT_SNAPSHOTS = 3, CHECK_KIT_HITS = 4096 };

/* An object as it was before anything was damaged. */
struct check_kit_object {
    char name[128];
    uint8_t *p;
    size_t n;
};

/* A finding, kept. */
struct check_kit_hit {
    enum check_kind kind;
    bool damage;
    bool unread;
    bool is_dir;
    int snapshot; /* place in the kit; -1: none, or not one of ours */
    uint64_t more;
    char object[128];
    char path[512]; /* cut when longer */
    char text[256];
};

struct check_kit {
    struct store *store;
    struct key_slot_secret secret;
    char tree[SCRATCH_PATH];
    char cache[SCRATCH_PATH];
    char *tmpdir;       /* as it was before */
    struct repo *r;     /* without an index: checks with the keys only */
    struct repo *whole; /* opened before anything was damaged: the oracle's */
    struct object_id snapshot[CHECK_KIT_SNAPSHOTS];
    struct check_kit_object *object;
    size_t object_n;
    bool xattrs; /* the file system has them */
    /* of the last run */
    struct check_kit_hit hit[CHECK_KIT_HITS];
    size_t hit_n;
    struct check_summary sum;
};

/* check_kit_open: the repository with its snapshots. check_kit_bare: without
 * any, and without a tree. */
struct check_kit *check_kit_open(void);
struct check_kit *check_kit_bare(void);
void check_kit_close(struct check_kit *k);

/* check_kit_small: with one snapshot of a few files, and all objects kept. */
struct check_kit *check_kit_small(void);

/* check_kit_repo: the repository, opened as by a program; to be closed. */
struct repo *check_kit_repo(struct check_kit *k);

/* check_kit_append: one more record in its log. */
void check_kit_append(struct check_kit *k, struct repo_log_draft d);

/* check_kit_pack: a pack of two frames, in no segment, made from seed; info is
 * to be released. */
void check_kit_pack(struct check_kit *k, struct repo *r, uint64_t seed,
                    struct pack_info *info);

/* check_kit_backup: one more run over the tree. Returns what the job did. */
int check_kit_backup(struct check_kit *k, struct object_id *id);

/* check_kit_keep: remember all objects as they are now. */
void check_kit_keep(struct check_kit *k);

/* check_kit_object_at: the first object whose name begins so, from *at on;
 * *at moves behind it. NULL: no more. */
const struct check_kit_object *check_kit_object_at(const struct check_kit *k,
                                                   const char *prefix,
                                                   size_t *at);

/* check_kit_put: give an object other bytes; p NULL: delete it. */
void check_kit_put(struct check_kit *k, const char *name, const void *p,
                   size_t n);

/* check_kit_restore: an object as it was kept. */
void check_kit_restore(struct check_kit *k, const struct check_kit_object *o);

/* check_kit_run / check_kit_keyless: check; the findings are in k. Fails the
 * test when the code does not fit the findings. */
int check_kit_run(struct check_kit *k, struct repo *r,
                  const struct check_options *opt);
int check_kit_keyless(struct check_kit *k, unsigned threads);

/* check_kit_expect_clean: all is read, nothing is damaged, and there are so
 * many notes. */
void check_kit_expect_clean(struct check_kit *k, size_t notes);

/* check_kit_find: the first finding of a kind (and object, when not NULL);
 * NULL: none. */
const struct check_kit_hit *check_kit_find(const struct check_kit *k,
                                           enum check_kind kind,
                                           const char *object);

/*
 * check_kit_oracle: read every snapshot as a restore would, and hold the
 * findings of the last run against what could not be read: each path that
 * failed must be among them, and each finding must be one that failed or lie
 * below a directory that did.
 * Returns how many paths failed.
 */
size_t check_kit_oracle(struct check_kit *k);

#endif
