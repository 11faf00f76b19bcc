/*
 * fileop: the one seam between the house and the kernel's file operations.
 *
 * Convention, here and nowhere else: these return what the system call
 * returns, with errno set on failure, because callers branch on EEXIST,
 * ENOENT, EOPNOTSUPP and the like. The caller turns what is left into an E_*
 * with err_set_errno(). All retry on EINTR; all descriptors they open are
 * close-on-exec. Any thread.
 *
 * Paths: nothing here resolves a path safely by itself. Callers pass one
 * component relative to a directory descriptor they hold, with the NOFOLLOW
 * flag, or use fileop_openat2; "/proc/self/fd/N" paths name a descriptor.
 *
 * When linked with the fault points (base/fileop_fault.h) each call can be
 * made to fail, be cut short or kill the process. Without them a call costs
 * what the system call costs.
 */
#ifndef BASE_FILEOP_H
#define BASE_FILEOP_H

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

/*
 * Whose files an operation touches. Each folder names its own at its entrance;
 * fault plans select by it, so that a test can fail the repository's I/O and
 * prove that no source file gets the blame.
 */
enum fileop_domain {
    FILEOP_OTHER,
    FILEOP_REPO,   /* objects of a store */
    FILEOP_SOURCE, /* what is backed up */
    FILEOP_TARGET, /* what is restored */
    FILEOP_CACHE   /* the local cache and index */
};

/* fileop_enter: this thread works in d from now on; returns the domain it
 * worked in before, for the caller to enter again when it leaves. */
enum fileop_domain fileop_enter(enum fileop_domain d);

/* Opening, closing. O_CLOEXEC is added. */
MUST_CHECK int fileop_openat(int dir, const char *path, int flags, mode_t mode);
/* fileop_openat2: the raw system call; ENOSYS before Linux 5.6, and EPERM or
 * ENOSYS under some seccomp filters. */
MUST_CHECK int fileop_openat2(int dir, const char *path,
                              const struct open_how *how);
/* fileop_close: fd is gone, whatever is returned. -1 and errno matter for a
 * file that was written and not fsynced. fd -1 does nothing. */
int fileop_close(int fd);

/*
 * Reading. The plain ones may return less than asked. The full ones go on
 * until n bytes are there or the file ends, and return how many there are.
 */
MUST_CHECK ssize_t fileop_read(int fd, void *to, size_t n);
MUST_CHECK ssize_t fileop_pread(int fd, void *to, size_t n, uint64_t off);
MUST_CHECK ssize_t fileop_read_full(int fd, void *to, size_t n);
MUST_CHECK ssize_t fileop_pread_full(int fd, void *to, size_t n, uint64_t off);
MUST_CHECK ssize_t fileop_readlinkat(int dir, const char *path, char *to,
                                     size_t n);
/* fileop_seek: lseek; whence also SEEK_DATA, SEEK_HOLE (ENXIO: none left). */
MUST_CHECK off_t fileop_seek(int fd, off_t off, int whence);
/* fileop_advise: posix_fadvise; a hint, failure is of no interest. */
void fileop_advise(int fd, uint64_t off, uint64_t n, int advice);

/*
 * What of a file is in the page cache. Hints: where the kernel does not tell
 * (it is old, or the file is somebody else's) they fail, or say that all is.
 *
 * fileop_cached: how many pages that hold some of [off, off + n), n > 0.
 * ENOSYS before Linux 6.5.
 */
MUST_CHECK int fileop_cached(int fd, uint64_t off, uint64_t n, uint64_t *pages);
/* fileop_resident: the same page by page, for any kernel, at ten times the
 * cost: bit 0 of each byte of map. off begins a page; map has room for n. */
MUST_CHECK int fileop_resident(int fd, uint64_t off, size_t n,
                               unsigned char *map);
/* fileop_pread_now: pread of what is in the cache; EAGAIN: nothing, and it may
 * be on its way now; EOPNOTSUPP: the file system cannot. */
MUST_CHECK ssize_t fileop_pread_now(int fd, void *to, size_t n, uint64_t off);

/* Writing. The full ones write all n bytes and return 0, or -1 with an
 * unspecified part written. */
MUST_CHECK ssize_t fileop_write(int fd, const void *from, size_t n);
MUST_CHECK ssize_t fileop_pwrite(int fd, const void *from, size_t n,
                                 uint64_t off);
MUST_CHECK int fileop_write_full(int fd, const void *from, size_t n);
MUST_CHECK int fileop_pwrite_full(int fd, const void *from, size_t n,
                                  uint64_t off);
MUST_CHECK int fileop_truncate(int fd, uint64_t size);
/* fileop_allocate: fallocate(2) with its mode bits (0; KEEP_SIZE; PUNCH_HOLE
 * with KEEP_SIZE; ...). */
MUST_CHECK int fileop_allocate(int fd, int mode, uint64_t off, uint64_t n);

/*
 * Durability. After fileop_sync fails, what was written through any descriptor
 * of that file is void: the kernel may have dropped it and a second call may
 * lie.
 */
MUST_CHECK int fileop_sync(int fd);
/* fileop_sync_dir: the names in an open directory. A file system that has
 * nothing to do for a directory (EINVAL) counts as success. */
MUST_CHECK int fileop_sync_dir(int dir);
/* fileop_start_sync: start writing [off, off + n) to disk and do not wait. A
 * hint; an error shows up in the fileop_sync that must follow. */
void fileop_start_sync(int fd, uint64_t off, uint64_t n);
/* fileop_sync_fs: all of the file system that fd is on. */
MUST_CHECK int fileop_sync_fs(int fd);

/* fileop_try_lock: an exclusive flock(2) of an open file or directory, gone
 * with the last descriptor of this opening; -1 and EWOULDBLOCK: another holds
 * it. */
MUST_CHECK int fileop_try_lock(int fd);

/* Names. */
MUST_CHECK int fileop_linkat(int from_dir, const char *from, int to_dir,
                             const char *to, int flags);
/* fileop_link_fd: give the open file fd (also one made with O_TMPFILE) the
 * name `to`, which must not exist. Needs /proc (else ENOENT). */
MUST_CHECK int fileop_link_fd(int fd, int to_dir, const char *to);
MUST_CHECK int fileop_renameat2(int from_dir, const char *from, int to_dir,
                                const char *to, unsigned flags);
/* fileop_unlinkat: flags 0, or AT_REMOVEDIR. */
MUST_CHECK int fileop_unlinkat(int dir, const char *path, int flags);
MUST_CHECK int fileop_mkdirat(int dir, const char *path, mode_t mode);
MUST_CHECK int fileop_symlinkat(const char *target, int dir, const char *path);
MUST_CHECK int fileop_mknodat(int dir, const char *path, mode_t mode,
                              dev_t dev);

/* Looking. */
MUST_CHECK int fileop_fstat(int fd, struct stat *out);
MUST_CHECK int fileop_fstatat(int dir, const char *path, struct stat *out,
                              int flags);
MUST_CHECK int fileop_statx(int dir, const char *path, int flags, unsigned mask,
                            struct statx *out);
MUST_CHECK int fileop_statvfs(int fd, struct statvfs *out);
/* fileop_getdents: the next entries of an open directory as the kernel writes
 * them; 0 at the end. Walk them with fileop_dirent_next. */
MUST_CHECK ssize_t fileop_getdents(int dir, void *to, size_t n);

struct fileop_dirent {
    uint64_t inode;
    unsigned char type; /* DT_REG, DT_DIR, ... or DT_UNKNOWN */
    const char *name;   /* in the buffer; ends with NUL */
};

/*
 * fileop_dirent_next: the entry at *at of the n bytes that fileop_getdents
 * returned; *at (0 at first) moves behind it. "." and ".." are skipped.
 * Returns false after the last.
 */
bool fileop_dirent_next(const void *dents, size_t n, size_t *at,
                        struct fileop_dirent *out);

/* Metadata. For a descriptor opened with O_PATH use the forms with a path and
 * "/proc/self/fd/N". */
MUST_CHECK int fileop_fchmod(int fd, mode_t mode);
/* fileop_fchmodat: follows a symlink in the last component. */
MUST_CHECK int fileop_fchmodat(int dir, const char *path, mode_t mode);
MUST_CHECK int fileop_fchown(int fd, uid_t uid, gid_t gid);
/* fileop_fchownat: flags AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH. */
MUST_CHECK int fileop_fchownat(int dir, const char *path, uid_t uid, gid_t gid,
                               int flags);
MUST_CHECK int fileop_futimens(int fd, const struct timespec times[2]);
MUST_CHECK int fileop_utimensat(int dir, const char *path,
                                const struct timespec times[2], int flags);
/* fileop_get_flags, _set_flags: the inode flags of FS_IOC_GETFLAGS. */
MUST_CHECK int fileop_get_flags(int fd, unsigned *flags);
MUST_CHECK int fileop_set_flags(int fd, unsigned flags);
/* fileop_get_fsxattr, _set_fsxattr: FS_IOC_FSGETXATTR: project id and more. */
MUST_CHECK int fileop_get_fsxattr(int fd, struct fsxattr *out);
MUST_CHECK int fileop_set_fsxattr(int fd, const struct fsxattr *in);

/* Extended attributes: f: by descriptor, l: by path without following a
 * symlink in the last component, plain: following (for /proc/self/fd/N). */
MUST_CHECK ssize_t fileop_fgetxattr(int fd, const char *name, void *to,
                                    size_t n);
MUST_CHECK ssize_t fileop_lgetxattr(const char *path, const char *name,
                                    void *to, size_t n);
MUST_CHECK ssize_t fileop_getxattr(const char *path, const char *name, void *to,
                                   size_t n);
MUST_CHECK ssize_t fileop_flistxattr(int fd, char *to, size_t n);
MUST_CHECK ssize_t fileop_llistxattr(const char *path, char *to, size_t n);
MUST_CHECK ssize_t fileop_listxattr(const char *path, char *to, size_t n);
MUST_CHECK int fileop_fsetxattr(int fd, const char *name, const void *from,
                                size_t n, int flags);
MUST_CHECK int fileop_setxattr(const char *path, const char *name,
                               const void *from, size_t n, int flags);
MUST_CHECK int fileop_fremovexattr(int fd, const char *name);
MUST_CHECK int fileop_removexattr(const char *path, const char *name);

#endif
