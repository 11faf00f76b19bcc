/*
 * restore_left: what a backup left out of a directory, as the snapshot tells
 * it: by its paths, by patterns, markers and sizes, by what a .dedupignore in
 * it says. What is missing in a snapshot for one of these reasons is not known
 * to be gone. Confined to the plan, but for restore_left_stays().
 */
#ifndef REPO_JOB_RESTORE_LEFT_H
#define REPO_JOB_RESTORE_LEFT_H

#include "repo/fetch.h"
#include "repo/job/restore_job.h"
#include "source/walk_roots.h"

struct restore_left;

/* What is known of one directory. Zeroed: nothing. */
struct restore_left_dir {
    struct walk_node node; /* which roots are here or below */
    struct ignore *ignore; /* a reference: the nearest .dedupignore, in it or
                              above; NULL: none */
    bool path_only; /* it is there only for the roots that are below it */
    bool unknown;   /* what was left out cannot be told, here and below */
    bool mirrors;   /* what else is in it may go, but for what stays */
};

/*
 * restore_left_new: all is lent.
 *   start_path  of what is restored: what the directories above it say counts
 * Returns 0; E_CORRUPT: the paths of the snapshot are none; E_NOMEM; what
 * reading returned.
 */
MUST_CHECK int restore_left_new(const struct restore_delete *d,
                                struct fetch_lane *lane,
                                struct bytes start_path,
                                struct restore_left **out);
void restore_left_free(struct restore_left *l); /* NULL is fine */

/* restore_left_above: the directory that the restore's start is in; NULL: the
 * start is "/". Lent. */
const struct restore_left_dir *restore_left_above(const struct restore_left *l);

/*
 * restore_left_enter: go into a directory.
 *   above  the one that it is in; NULL: it is "/"
 *   path   "srv/www"; empty: "/"
 *   te     its entry; NULL: what stands in it is not looked at
 *   out    to be released, whatever is returned
 * What cannot be read makes it unknown, and is told. Returns 0; E_NOMEM; what
 * reading returned but for damage.
 */
MUST_CHECK int restore_left_enter(struct restore_left *l,
                                  const struct restore_left_dir *above,
                                  struct bytes path,
                                  const struct tree_entry *te,
                                  struct restore_left_dir *out);
void restore_left_release(struct restore_left_dir *dir);

/*
 * restore_left_stays: whether path, in a directory that mirrors or below one
 * of its entries, was left out of the backup or could not be read then, if
 * nothing above it was. Any thread.
 *   nearest  of the directory that mirrors
 *   bytes    of a file; 0: it is none
 */
bool restore_left_stays(const struct restore_delete *d, struct ignore *nearest,
                        struct bytes path, bool is_dir, uint64_t bytes);

#endif
