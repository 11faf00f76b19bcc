/*
 * current: the path that a job is at, for a progress line. One thread, the
 * job's consume stage, tells; any other may ask. Neither waits for the other:
 * who comes in the wrong moment leaves it at that.
 */
#ifndef REPO_JOB_CURRENT_H
#define REPO_JOB_CURRENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

enum { CURRENT_MAX = 512 }; /* bytes of a path; longer ones lose directories */

/* Zeroed: nowhere yet. */
struct current {
    uint8_t dir[CURRENT_MAX]; /* of who tells alone: "/srv/www" */
    size_t dir_n;
    size_t deep;      /* directories entered that dir has no room for */
    atomic_bool held; /* who has set it may touch what follows */
    uint8_t path[CURRENT_MAX];
    size_t path_n;
};

/* current_enter, current_leave: into the directory name (the root's is empty),
 * and out of the innermost. */
void current_enter(struct current *c, struct bytes name);
void current_leave(struct current *c);

/* current_at: at the entry name of the innermost directory. */
void current_at(struct current *c, struct bytes name);

/* current_path: where it was last, into path. Returns how many bytes; 0:
 * nobody knows just now. */
size_t current_path(struct current *c, uint8_t path[CURRENT_MAX]);

#endif
