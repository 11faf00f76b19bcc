#include "base/fileop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#ifdef DEDUP_FAULTS
#include "base/fileop_fault.h"
#define BEFORE(class, n) fileop_fault_before(FILEOP_##class, n)
#define AFTER(class, r)  fileop_fault_after(FILEOP_##class, r)
#else
#define BEFORE(class, n) 0
#define AFTER(class, r)  (r)
#endif

/* The body of every wrapper: do call, and again after a signal. */
#define RETURN_CALL(type, class, call)                                         \
    type r_;                                                                   \
    do {                                                                       \
        r_ = BEFORE(class, NULL) ? (type)-1 : (type)AFTER(class, call);        \
    } while (r_ == -1 && errno == EINTR);                                      \
    return r_

/* The same for a transfer of at most n bytes. */
#define RETURN_TRANSFER(class, n, call)                                        \
    ssize_t r_;                                                                \
    do {                                                                       \
        r_ = BEFORE(class, &(n)) ? -1 : AFTER(class, call);                    \
    } while (r_ == -1 && errno == EINTR);                                      \
    return r_

enum fileop_domain fileop_enter(enum fileop_domain d)
{
#ifdef DEDUP_FAULTS
    return fileop_fault_enter(d);
#else
    return d;
#endif
}

int fileop_openat(int dir, const char *path, int flags, mode_t mode)
{
    RETURN_CALL(int, OPEN, openat(dir, path, flags | O_CLOEXEC, mode));
}

int fileop_openat2(int dir, const char *path, const struct open_how *how)
{
    struct open_how h = *how;

    h.flags |= O_CLOEXEC;
    RETURN_CALL(int, OPEN, (int)syscall(SYS_openat2, dir, path, &h, sizeof h));
}

/* No retry: Linux closes the descriptor even when it reports EINTR, and the
 * number may be another thread's by now. */
int fileop_close(int fd)
{
    int r;

    if (fd < 0)
        return 0;
    r = BEFORE(CLOSE, NULL) ? -1 : 0;
    if (r < 0) {
        int e = errno;

        (void)close(fd);
        errno = e;
        return r;
    }
    return (int)AFTER(CLOSE, close(fd));
}

ssize_t fileop_read(int fd, void *to, size_t n)
{
    RETURN_TRANSFER(READ, n, read(fd, to, n));
}

ssize_t fileop_pread(int fd, void *to, size_t n, uint64_t off)
{
    RETURN_TRANSFER(READ, n, pread(fd, to, n, (off_t)off));
}

ssize_t fileop_read_full(int fd, void *to, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t r = fileop_read(fd, (char *)to + done, n - done);

        if (r < 0)
            return -1;
        if (r == 0)
            break;
        done += (size_t)r;
    }
    return (ssize_t)done;
}

ssize_t fileop_pread_full(int fd, void *to, size_t n, uint64_t off)
{
    size_t done = 0;

    while (done < n) {
        ssize_t r = fileop_pread(fd, (char *)to + done, n - done, off + done);

        if (r < 0)
            return -1;
        if (r == 0)
            break;
        done += (size_t)r;
    }
    return (ssize_t)done;
}

ssize_t fileop_readlinkat(int dir, const char *path, char *to, size_t n)
{
    RETURN_CALL(ssize_t, STAT, readlinkat(dir, path, to, n));
}

off_t fileop_seek(int fd, off_t off, int whence)
{
    RETURN_CALL(off_t, STAT, lseek(fd, off, whence));
}

void fileop_advise(int fd, uint64_t off, uint64_t n, int advice)
{
    (void)posix_fadvise(fd, (off_t)off, (off_t)n, advice);
}

/* Neither is in the headers of Linux 6.1. */
enum { FILEOP_SYS_CACHESTAT = 451 };

struct fileop_cachestat {
    uint64_t cached;
    uint64_t dirty;
    uint64_t writeback;
    uint64_t evicted;
    uint64_t recently_evicted;
};

int fileop_cached(int fd, uint64_t off, uint64_t n, uint64_t *pages)
{
    struct {
        uint64_t off;
        uint64_t n;
    } range = {off, n};
    struct fileop_cachestat stat = {.cached = 0};
    int r = (int)syscall(FILEOP_SYS_CACHESTAT, fd, &range, &stat, 0);

    *pages = stat.cached;
    return r;
}

int fileop_resident(int fd, uint64_t off, size_t n, unsigned char *map)
{
    void *p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, (off_t)off);
    int r, e;

    if (p == MAP_FAILED)
        return -1;
    r = mincore(p, n, map);
    e = errno;
    (void)munmap(p, n);
    errno = e;
    return r;
}

ssize_t fileop_pread_now(int fd, void *to, size_t n, uint64_t off)
{
    struct iovec v = {to, n};

    return preadv2(fd, &v, 1, (off_t)off, RWF_NOWAIT);
}

ssize_t fileop_write(int fd, const void *from, size_t n)
{
    RETURN_TRANSFER(WRITE, n, write(fd, from, n));
}

ssize_t fileop_pwrite(int fd, const void *from, size_t n, uint64_t off)
{
    RETURN_TRANSFER(WRITE, n, pwrite(fd, from, n, (off_t)off));
}

/* A device that takes nothing and reports nothing would hold the loops below
 * for ever. */
static int fileop_stuck(void)
{
    errno = EIO;
    return -1;
}

int fileop_write_full(int fd, const void *from, size_t n)
{
    const char *p = from;

    while (n > 0) {
        ssize_t r = fileop_write(fd, p, n);

        if (r < 0)
            return -1;
        if (r == 0)
            return fileop_stuck();
        p += r;
        n -= (size_t)r;
    }
    return 0;
}

int fileop_pwrite_full(int fd, const void *from, size_t n, uint64_t off)
{
    const char *p = from;

    while (n > 0) {
        ssize_t r = fileop_pwrite(fd, p, n, off);

        if (r < 0)
            return -1;
        if (r == 0)
            return fileop_stuck();
        p += r;
        off += (uint64_t)r;
        n -= (size_t)r;
    }
    return 0;
}

int fileop_truncate(int fd, uint64_t size)
{
    RETURN_CALL(int, WRITE, ftruncate(fd, (off_t)size));
}

int fileop_allocate(int fd, int mode, uint64_t off, uint64_t n)
{
    RETURN_CALL(int, WRITE, fallocate(fd, mode, (off_t)off, (off_t)n));
}

int fileop_sync(int fd)
{
    RETURN_CALL(int, SYNC, fsync(fd));
}

int fileop_sync_dir(int dir)
{
    int r = fileop_sync(dir);

    return r < 0 && errno == EINVAL ? 0 : r;
}

void fileop_start_sync(int fd, uint64_t off, uint64_t n)
{
    (void)sync_file_range(fd, (off_t)off, (off_t)n, SYNC_FILE_RANGE_WRITE);
}

int fileop_sync_fs(int fd)
{
    RETURN_CALL(int, SYNC, syncfs(fd));
}

int fileop_try_lock(int fd)
{
    RETURN_CALL(int, META, flock(fd, LOCK_EX | LOCK_NB));
}

int fileop_linkat(int from_dir, const char *from, int to_dir, const char *to,
                  int flags)
{
    RETURN_CALL(int, NAME, linkat(from_dir, from, to_dir, to, flags));
}

int fileop_link_fd(int fd, int to_dir, const char *to)
{
    char path[32];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return fileop_linkat(AT_FDCWD, path, to_dir, to, AT_SYMLINK_FOLLOW);
}

int fileop_renameat2(int from_dir, const char *from, int to_dir, const char *to,
                     unsigned flags)
{
    RETURN_CALL(int, NAME, renameat2(from_dir, from, to_dir, to, flags));
}

int fileop_unlinkat(int dir, const char *path, int flags)
{
    RETURN_CALL(int, NAME, unlinkat(dir, path, flags));
}

int fileop_mkdirat(int dir, const char *path, mode_t mode)
{
    RETURN_CALL(int, NAME, mkdirat(dir, path, mode));
}

int fileop_symlinkat(const char *target, int dir, const char *path)
{
    RETURN_CALL(int, NAME, symlinkat(target, dir, path));
}

int fileop_mknodat(int dir, const char *path, mode_t mode, dev_t dev)
{
    RETURN_CALL(int, NAME, mknodat(dir, path, mode, dev));
}

int fileop_fstat(int fd, struct stat *out)
{
    RETURN_CALL(int, STAT, fstat(fd, out));
}

int fileop_fstatat(int dir, const char *path, struct stat *out, int flags)
{
    RETURN_CALL(int, STAT, fstatat(dir, path, out, flags));
}

int fileop_statx(int dir, const char *path, int flags, unsigned mask,
                 struct statx *out)
{
    RETURN_CALL(int, STAT, statx(dir, path, flags, mask, out));
}

int fileop_statvfs(int fd, struct statvfs *out)
{
    RETURN_CALL(int, STAT, fstatvfs(fd, out));
}

ssize_t fileop_getdents(int dir, void *to, size_t n)
{
    RETURN_CALL(ssize_t, LIST, getdents64(dir, to, n));
}

bool fileop_dirent_next(const void *dents, size_t n, size_t *at,
                        struct fileop_dirent *out)
{
    while (*at < n) {
        const char *p = (const char *)dents + *at;
        uint16_t length;

        memcpy(&length, p + offsetof(struct dirent64, d_reclen), sizeof length);
        memcpy(&out->inode, p + offsetof(struct dirent64, d_ino),
               sizeof out->inode);
        out->type = (unsigned char)p[offsetof(struct dirent64, d_type)];
        out->name = p + offsetof(struct dirent64, d_name);
        *at += length;
        if (strcmp(out->name, ".") != 0 && strcmp(out->name, "..") != 0)
            return true;
    }
    return false;
}

int fileop_fchmod(int fd, mode_t mode)
{
    RETURN_CALL(int, META, fchmod(fd, mode));
}

int fileop_fchmodat(int dir, const char *path, mode_t mode)
{
    RETURN_CALL(int, META, fchmodat(dir, path, mode, 0));
}

int fileop_fchown(int fd, uid_t uid, gid_t gid)
{
    RETURN_CALL(int, META, fchown(fd, uid, gid));
}

int fileop_fchownat(int dir, const char *path, uid_t uid, gid_t gid, int flags)
{
    RETURN_CALL(int, META, fchownat(dir, path, uid, gid, flags));
}

int fileop_futimens(int fd, const struct timespec times[2])
{
    RETURN_CALL(int, META, futimens(fd, times));
}

int fileop_utimensat(int dir, const char *path, const struct timespec times[2],
                     int flags)
{
    RETURN_CALL(int, META, utimensat(dir, path, times, flags));
}

int fileop_get_flags(int fd, unsigned *flags)
{
    RETURN_CALL(int, META, ioctl(fd, FS_IOC_GETFLAGS, flags));
}

int fileop_set_flags(int fd, unsigned flags)
{
    RETURN_CALL(int, META, ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

int fileop_get_fsxattr(int fd, struct fsxattr *out)
{
    RETURN_CALL(int, META, ioctl(fd, FS_IOC_FSGETXATTR, out));
}

int fileop_set_fsxattr(int fd, const struct fsxattr *in)
{
    RETURN_CALL(int, META, ioctl(fd, FS_IOC_FSSETXATTR, in));
}

ssize_t fileop_fgetxattr(int fd, const char *name, void *to, size_t n)
{
    RETURN_CALL(ssize_t, META, fgetxattr(fd, name, to, n));
}

ssize_t fileop_lgetxattr(const char *path, const char *name, void *to, size_t n)
{
    RETURN_CALL(ssize_t, META, lgetxattr(path, name, to, n));
}

ssize_t fileop_getxattr(const char *path, const char *name, void *to, size_t n)
{
    RETURN_CALL(ssize_t, META, getxattr(path, name, to, n));
}

ssize_t fileop_flistxattr(int fd, char *to, size_t n)
{
    RETURN_CALL(ssize_t, META, flistxattr(fd, to, n));
}

ssize_t fileop_llistxattr(const char *path, char *to, size_t n)
{
    RETURN_CALL(ssize_t, META, llistxattr(path, to, n));
}

ssize_t fileop_listxattr(const char *path, char *to, size_t n)
{
    RETURN_CALL(ssize_t, META, listxattr(path, to, n));
}

int fileop_fsetxattr(int fd, const char *name, const void *from, size_t n,
                     int flags)
{
    RETURN_CALL(int, META, fsetxattr(fd, name, from, n, flags));
}

int fileop_setxattr(const char *path, const char *name, const void *from,
                    size_t n, int flags)
{
    RETURN_CALL(int, META, setxattr(path, name, from, n, flags));
}

int fileop_fremovexattr(int fd, const char *name)
{
    RETURN_CALL(int, META, fremovexattr(fd, name));
}

int fileop_removexattr(const char *path, const char *name)
{
    RETURN_CALL(int, META, removexattr(path, name));
}
