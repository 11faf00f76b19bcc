/*
 * restore_extra: what stands in a directory of the target and not in that of
 * the snapshot: what a restore that mirrors deletes. Confined to the plan.
 */
#ifndef REPO_JOB_RESTORE_EXTRA_H
#define REPO_JOB_RESTORE_EXTRA_H

#include "repo/job/restore_job.h"

/*
 * The names in one directory. Those in front of `end` are not in the snapshot,
 * those from `seen` on are not decided upon: names pass in order, so that this
 * needs no other memory. Zeroed: none.
 */
struct restore_extra {
    struct jail_names names;
    size_t end;
    size_t seen;
    size_t told; /* given by restore_extra_next() */
};

/* restore_extra_load: what is in dir now, before anything is written there.
 * 0; E_TARGET: it cannot be listed, and loses nothing; E_NOMEM. */
MUST_CHECK int restore_extra_load(struct restore_extra *x,
                                  struct jail_dir *dir);
void restore_extra_release(struct restore_extra *x);

/* restore_extra_pass: name is in the snapshot; ascending. */
void restore_extra_pass(struct restore_extra *x, struct bytes name);

/* restore_extra_end: the snapshot's directory was read to its end. */
void restore_extra_end(struct restore_extra *x);

/* restore_extra_drop: it was not: nothing in it is known to be gone. */
void restore_extra_drop(struct restore_extra *x);

/* restore_extra_next: after the end: the next name; NULL: none left. Lent. */
const char *restore_extra_next(struct restore_extra *x);

#endif
