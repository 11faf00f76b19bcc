/* snap_change: whether an entry is still what an earlier snapshot says of it.
 * Pure. */
#ifndef REPO_JOB_SNAP_CHANGE_H
#define REPO_JOB_SNAP_CHANGE_H

#include <stdbool.h>

#include "base/entry.h"

/* What is no change; zeroed: everything that differs is one. */
struct snap_change_rules {
    bool ignore_ctime; /* an unequal ctime alone */
    /* nor is an unequal inode number alone: for file systems that number anew
     * each time; files with several names are read again then, whose names are
     * told to be one by these numbers */
    bool ignore_inode;
};

/*
 * snap_change_none: whether all that was stored of `then` still holds, as far
 * as stat tells of `now`. An equal ctime says that neither metadata nor
 * attributes were touched.
 */
bool snap_change_none(const struct snap_change_rules *rules,
                      const struct entry *then, const struct entry *now);

/* snap_change_metadata_none: the same of mode, owner and times alone. */
bool snap_change_metadata_none(const struct snap_change_rules *rules,
                               const struct entry *then,
                               const struct entry *now);

/* snap_change_content_none: the same of all but mode, owner and ctime: where
 * these have changed, what is in it most likely has not. */
bool snap_change_content_none(const struct snap_change_rules *rules,
                              const struct entry *then,
                              const struct entry *now);

#endif
