/*
 * job_fixture: a source directory, a repository in a memory store, and the two
 * jobs between them. The clock is faked: every snapshot begins a second after
 * the one before, and whatever stands in the source has settled long ago.
 * Every failure fails the test; confined to one thread.
 */
#ifndef TESTS_JOB_JOB_FIXTURE_H
#define TESTS_JOB_JOB_FIXTURE_H

#include "repo/job/restore_job.h"
#include "repo/job/snapshot_job.h"
#include "store/memory.h"
#include "tests/support/scratch.h"

enum { JOB_PATH = SCRATCH_PATH + 64 };

struct job_fixture {
    char dir[SCRATCH_PATH]; /* holds all below */
    char src[JOB_PATH];     /* what is backed up */
    char out[JOB_PATH];     /* where it is restored; not there at first */
    char cache[JOB_PATH];
    struct store *store;
    struct repo *r;
    struct key_slot_secret secret;
    struct key_slot_secret write_secret; /* of a write key, when there is one */
};

void job_fixture_open(struct job_fixture *f);
void job_fixture_close(struct job_fixture *f);

/* job_fixture_reopen: as another process would; fresh: the cache is gone. */
void job_fixture_reopen(struct job_fixture *f, bool fresh);

/* job_fixture_add_write_key: a second member, of role write: writers rely on
 * their own packs from then on. */
void job_fixture_add_write_key(struct job_fixture *f);

/* job_fixture_as: reopen with the write key or the full one; each has a cache
 * of its own, below f->cache. */
void job_fixture_as(struct job_fixture *f, bool write);

/* What a snapshot did. */
struct job_snap {
    int rc;
    struct snapshot_job_result result;
    uint64_t problem[PROBLEMS_KINDS];
};

/* job_fixture_options: the source, series "test", 2 threads. */
struct snapshot_job_options job_fixture_options(const struct job_fixture *f);

/* job_fixture_run: one run, whatever comes of it. NULL: as above. */
struct job_snap job_fixture_run(struct job_fixture *f,
                                const struct snapshot_job_options *o);

/* job_fixture_snap: one that must succeed, without a problem. */
struct job_snap job_fixture_snap(struct job_fixture *f);

/* An entry of a snapshot: job_fixture_drop() it. */
struct job_entry {
    struct tree_entry te;
    struct buf raw;
};

/* job_fixture_find: the entry at a path below the source ("": the source
 * itself); false when there is none. */
bool job_fixture_find(struct job_fixture *f, const struct object_id *snapshot,
                      const char *path, struct job_entry *out);
void job_fixture_drop(struct job_entry *e);

/* job_fixture_root: the root of the pages of the source's directory: equal for
 * equal trees. */
struct chunk_id job_fixture_root(struct job_fixture *f,
                                 const struct object_id *snapshot);

/* What a restore did. */
struct job_restore {
    int rc;
    uint64_t entries, written, same, kept, failed, damaged, skipped;
    uint64_t bytes_written;
    uint64_t lost; /* entries that lost anything */
};

/* job_fixture_restore: the source's directory, as it was in a snapshot, into
 * target. o: NULL, or what is to be different (start, start_path, target are
 * set here). */
struct job_restore job_fixture_restore(struct job_fixture *f,
                                       const struct object_id *snapshot,
                                       const char *target,
                                       const struct restore_job_options *o);

/* job_fixture_same: whether two trees are the same to the last bit; prints the
 * differences. */
bool job_fixture_same(const char *a, const char *b);

/* job_fixture_part: whether the tree part has nothing that whole has not, to
 * the last bit. */
bool job_fixture_part(const char *whole, const char *part);

/* job_fixture_returns: restores to f->out, which must equal the source, and
 * removes it. */
void job_fixture_returns(struct job_fixture *f,
                         const struct object_id *snapshot);

/* job_fixture_write: make or replace src/name with n bytes that follow from
 * seed and do not compress. */
void job_fixture_write(struct job_fixture *f, const char *name, uint64_t seed,
                       size_t n);

/* job_fixture_damage: damage every frame in all packs of a kind. */
void job_fixture_damage(struct job_fixture *f, enum pack_kind kind);

enum { JOB_FIXTURE_FILES = 60 };

/* job_fixture_files: JOB_FIXTURE_FILES files of different sizes in a few
 * directories of the source. */
void job_fixture_files(struct job_fixture *f);

#endif
