/* export_member: one entry of a snapshot as an archive is to hold it. Plain
 * data; borrows all that it points to. */
#ifndef REPO_JOB_EXPORT_MEMBER_H
#define REPO_JOB_EXPORT_MEMBER_H

#include "repo/job/export_runs.h"

struct export_member {
    const struct entry *e; /* its xattr: complete */
    struct bytes path;     /* in the archive: "srv/www/x"; empty: the directory
                              that the archive begins with */
    struct bytes link;     /* where the same file stands already; empty: it does
                              not */
    const struct export_runs *runs; /* ENTRY_FILE: what is no hole */
};

#endif
