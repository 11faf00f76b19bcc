/*
 * ahead: reads ahead across files. Who reads the files of a directory in their
 * order, as tar, cp and rsync do, soon finds the next ones in the kernel's
 * memory already: threads of our own decode them and put them there, so that
 * nobody asks for each. Of a large file the kernel itself reads ahead.
 *
 * Any thread.
 */
#ifndef FUSE_AHEAD_H
#define FUSE_AHEAD_H

#include "fuse/mount_impl.h"

struct ahead;
struct fuse_session;

/* ahead_new: m is lent; no thread yet. E_NOMEM. */
MUST_CHECK int ahead_new(struct mount *m, struct ahead **out);

/* ahead_start: from now on. se is lent until ahead_free(). E_IO: no thread. */
MUST_CHECK int ahead_start(struct ahead *a, struct fuse_session *se);

/* ahead_stop: from now on nothing is stored; while the file system still
 * answers, since a thread of ours may wait there. */
void ahead_stop(struct ahead *a);

/* ahead_free: NULL is fine. */
void ahead_free(struct ahead *a);

/* ahead_read: the kernel asked for the beginning of a file. */
void ahead_read(struct ahead *a, const struct mount_node *file);

/* ahead_listed: it was told all about the files of a directory, from its first
 * entry on. */
void ahead_listed(struct ahead *a, const struct mount_node *dir);

/* ahead_await: the end of a directory's listing was asked for: what follows is
 * its first file. Waits some milliseconds for that to be in its place, if
 * it is on its way. */
void ahead_await(struct ahead *a, uint32_t slot);

/* ahead_tidy: from time to time: let go of directories that nobody reads. */
void ahead_tidy(struct ahead *a);

#endif
