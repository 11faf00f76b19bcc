/*
 * restore_write: the work stage of a restore: fetches chunks and writes them to
 * files of the jail. One state for each thread.
 */
#ifndef REPO_JOB_RESTORE_WRITE_H
#define REPO_JOB_RESTORE_WRITE_H

#include "base/cancel.h"
#include "repo/fetch.h"
#include "repo/job/restore_unit.h"

struct restore_write;

/*
 * restore_write_new: fetch is lent.
 *   verify   compare the content of files that seem to be there already
 *   dry_run  nothing is fetched but what is compared
 *   cancel   lent; looked at between pieces of a file; NULL: none
 * Returns 0, E_NOMEM, or what the index returned.
 */
MUST_CHECK int restore_write_new(struct fetch *fetch, bool verify, bool dry_run,
                                 const struct cancel *cancel,
                                 struct restore_write **out);
void restore_write_free(struct restore_write *w);

/* restore_write_unit: all items of a unit. What concerns one entry alone is
 * noted in its item; returns what ends the restore. */
MUST_CHECK int restore_write_unit(struct restore_write *w,
                                  struct restore_unit *u);

/* restore_write_item: one item, for the consume stage, when a hard link has to
 * become a file of its own. */
MUST_CHECK int restore_write_item(struct restore_write *w,
                                  struct restore_unit *u,
                                  struct restore_item *it);

/* restore_write_fatal: whether rc ends the restore: no space, no memory, the
 * store, a cancellation; not damage or trouble with one target. */
bool restore_write_fatal(int rc);

#endif
