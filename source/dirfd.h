/*
 * dirfd: directories, and files being written, that many can hold while few
 * are open.
 *
 * A struct dirfd names one directory by its parent, its name there and its
 * device and inode. Holding it costs memory only; its descriptor is opened
 * when somebody pins it and may be closed when nobody does, so that trees of
 * any depth and width need a fixed number of descriptors. It is opened again
 * one component at a time below the root, never through a symlink, and counts
 * only if it still is the same directory: nobody can move what is written or
 * read to another place.
 *
 * Pins and references may be taken and dropped by any thread; a pin is meant
 * to last for a few system calls.
 */
#ifndef SOURCE_DIRFD_H
#define SOURCE_DIRFD_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/fileop.h"

enum {
    DIRFD_OPEN_MIN = 8 /* the smallest budget of a pool */
};

struct dirfd_pool;
struct dirfd;

/*
 * dirfd_pool_new: a pool that keeps at most max_open descriptors besides those
 * that are pinned at the time, and one for each thread.
 *   flags     to open directories with, besides O_DIRECTORY and O_NOFOLLOW;
 *             O_NOATIME is dropped where it is not permitted
 *   max_open  at least DIRFD_OPEN_MIN
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int dirfd_pool_new(int flags, size_t max_open,
                              struct dirfd_pool **out);

/* dirfd_pool_free: NULL is fine. Every dirfd must have been released. */
void dirfd_pool_free(struct dirfd_pool *pool);

/*
 * dirfd_root: the top of a pool's directories; stays open while referenced.
 *   fd     an open directory, taken also on failure
 *   st     its statx
 *   label  how dirfd_path names it: "" for "/", else without '/' at its end
 * Returns 0 or E_NOMEM. The caller holds one reference.
 */
MUST_CHECK int dirfd_root(struct dirfd_pool *pool, int fd,
                          const struct statx *st, struct bytes label,
                          struct dirfd **out);

/*
 * dirfd_root_at: the same of the directory at a path, labelled as "/".
 *   st  out: its statx
 * Returns 0; E_SOURCE: it cannot be opened, or looked at; E_NOMEM.
 */
MUST_CHECK int dirfd_root_at(struct dirfd_pool *pool, const char *path,
                             struct statx *st, struct dirfd **out);

/*
 * dirfd_open: open a directory's child directory.
 *   parent      pinned by the caller
 *   name        one component, not "." or ".."
 *   extra       flags more: O_PATH where reading is not permitted or wanted
 *   st          out: its statx
 *   out         out: the child, unpinned, one reference; NULL when it could
 *               not be opened
 *   open_errno  out: why: ENOTDIR and ELOOP where no directory stands; else 0
 * Returns 0; E_NOMEM.
 */
MUST_CHECK int dirfd_open(struct dirfd *parent, const char *name, int extra,
                          struct statx *st, struct dirfd **out,
                          int *open_errno);

/*
 * dirfd_graft: a directory that stands elsewhere, as the child `name` of
 * parent; it stays open while referenced.
 *   fd     an open directory, taken also on failure
 *   flags  that it was opened with
 *   st     its statx
 * Returns 0 or E_NOMEM. The caller holds one reference.
 */
MUST_CHECK int dirfd_graft(struct dirfd *parent, const char *name, int fd,
                           int flags, const struct statx *st,
                           struct dirfd **out);

/*
 * dirfd_adopt: hold an open regular file the same way.
 *   fd     open for reading and writing; taken, also on failure
 *   flags  to open it with again, besides O_NOFOLLOW
 *   st     its statx
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int dirfd_adopt(struct dirfd *parent, const char *name, int fd,
                           int flags, const struct statx *st,
                           struct dirfd **out);

/* dirfd_ref: one reference more; returns d. */
struct dirfd *dirfd_ref(struct dirfd *d);

/* dirfd_unref: one less; NULL is fine. The last one closes and frees. */
void dirfd_unref(struct dirfd *d);

/*
 * dirfd_pin: the descriptor, which stays open until dirfd_unpin.
 * Returns it, or -1 with errno as of base/fileop.h: ESTALE when another
 * directory, or none, has taken the place. Then nothing is to be unpinned.
 */
MUST_CHECK int dirfd_pin(struct dirfd *d);

/* dirfd_unpin: ends a pin; errno is kept. */
void dirfd_unpin(struct dirfd *d);

/* dirfd_stands: whether it is open, or its name in its parent still means it,
 * for which it is not opened. */
MUST_CHECK bool dirfd_stands(struct dirfd *d);

/* dirfd_parent: lent; NULL for a root. */
struct dirfd *dirfd_parent(const struct dirfd *d);

/* dirfd_name: its name in its parent; of a root, the label. Lent. */
struct bytes dirfd_name(const struct dirfd *d);

/* dirfd_dev: the device it is on, as stat_entry_dev. dirfd_inode: the inode. */
uint64_t dirfd_dev(const struct dirfd *d);
uint64_t dirfd_inode(const struct dirfd *d);

/* dirfd_is_path: whether it was opened with O_PATH: its descriptor names the
 * directory and cannot read it. */
bool dirfd_is_path(const struct dirfd *d);

/* dirfd_path: append the path, "/" and all; name (may be empty) is put behind
 * it as one more component. Sticky failure of out as usual. */
void dirfd_path(const struct dirfd *d, struct bytes name, struct buf *out);

/*
 * dirfd_err: raise "PATH: what: <strerror(errnum)>".
 *   code  as for err_set_errno; ENOSPC and EDQUOT become E_NOSPACE when it is
 *         E_TARGET
 *   name  as for dirfd_path
 */
int dirfd_err(int code, int errnum, const struct dirfd *d, struct bytes name,
              const char *what);

#endif
