/*
 * keepsake_file: keepsakes in the cache directory; docs/keepsake.md. Nothing
 * that goes wrong here stops anybody: a keepsake that cannot be had costs a
 * run the time of reading everything, and log_debug() tells why. Confined to
 * one thread.
 */
#ifndef REPO_KEEPSAKE_FILE_H
#define REPO_KEEPSAKE_FILE_H

#include "repo/keepsake.h"
#include "repo/repo.h"

/*
 * keepsake_file_read: one of a series.
 *   complete  that of the last snapshot; else of the last checkpoint
 *   kept  as keepsake_open()
 *   out   to be released when true is returned
 * False: there is none that could be used.
 */
bool keepsake_file_read(const struct repo *r, struct bytes series,
                        bool complete, struct kept_frames *kept,
                        struct keepsake *out);

/*
 * keepsake_file_write: keep what the next run needs, in the place of what was
 * kept before, which stays until the new one is durable. m is the snapshot id,
 * which has been committed; kept holds the frames that its tree lies in. What
 * was kept of checkpoints goes when m is complete.
 */
void keepsake_file_write(const struct repo *r, const struct object_id *id,
                         const struct manifest *m, struct kept_frames *kept);

#endif
