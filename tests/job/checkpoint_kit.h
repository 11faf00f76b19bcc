/*
 * checkpoint_kit: runs of the job_fixture that leave checkpoints, and what can
 * be asked about these. Every failure fails the test.
 */
#ifndef TESTS_JOB_CHECKPOINT_KIT_H
#define TESTS_JOB_CHECKPOINT_KIT_H

#include "base/cancel.h"
#include "repo/snapshot_list.h"
#include "tests/job/job_fixture.h"

enum { CHECKPOINTS_MAX = 24, SMALL_UNIT = 4 };

/* A run that is watched, and stopped where it is wanted. */
struct checkpoint_watch {
    struct snapshot_job_options opt;
    struct cancel cancel;
    uint64_t stop_after; /* checkpoints; 0: never */
    size_t unit_items;   /* 0: SMALL_UNIT */
    size_t n;
    struct object_id id[CHECKPOINTS_MAX];
    struct manifest_stats stats[CHECKPOINTS_MAX];
};

/* checkpoint_kit_note: on_checkpoint, ctx a watch: the next one is due as soon
 * as there is something new. */
int checkpoint_kit_note(void *ctx, const struct snapshot_job_result *so_far);

/* checkpoint_kit_tick: a hook of the store: what a run does to open takes the
 * time to the first one. */
int checkpoint_kit_tick(void *ctx, enum memory_point point, enum memory_op op,
                        const char *name);

/* checkpoint_kit_run: one with a checkpoint after each unit, on one thread. */
struct job_snap checkpoint_kit_run(struct job_fixture *f,
                                   struct checkpoint_watch *w);

/* checkpoint_kit_interrupted: one that is stopped at its n-th checkpoint, which
 * it returns. */
struct object_id checkpoint_kit_interrupted(struct job_fixture *f, uint64_t n);

/* checkpoint_kit_clean: a check of everything finds so many snapshots whole. */
void checkpoint_kit_clean(struct job_fixture *f, uint64_t snapshots);

/* checkpoint_kit_gives: how many files a checkpoint gives back; it is a part of
 * the source. */
uint64_t checkpoint_kit_gives(struct job_fixture *f,
                              const struct object_id *id);

/* What the list says of the series "test". */
struct checkpoint_census {
    size_t complete;
    size_t checkpoints; /* not superseded */
    size_t superseded;
    uint64_t number;         /* of the newest complete one */
    struct object_id newest; /* the same */
    struct object_id on;     /* the newest checkpoint */
};

struct checkpoint_census checkpoint_kit_census(struct job_fixture *f);

/* checkpoint_kit_manifest: snapshot_list_drop() it. */
struct snapshot checkpoint_kit_manifest(struct job_fixture *f,
                                        const struct object_id *id);

#endif
