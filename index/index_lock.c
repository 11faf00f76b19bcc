#include "index/index_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "base/fileop.h"

int index_lock_open(const char *path, int *fd)
{
    char name[PATH_MAX];
    int n = snprintf(name, sizeof name, "%s.lock", path);

    *fd = -1;
    if (n < 0 || (size_t)n >= sizeof name)
        return err_set(E_LIMIT, "index cache %s: path too long", path);
    *fd = fileop_openat(AT_FDCWD, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return err_set_errno(errno == ENOSPC || errno == EDQUOT ? E_NOSPACE
                                                                : E_IO,
                             errno, "index cache lock %s", name);
    return 0;
}

static int index_lock_fcntl(int fd, int64_t byte, short type)
{
    struct flock range = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_SETLK, &range) == 0 ? 0 : errno;
}

int64_t index_lock_now_ms(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void index_lock_nap(int64_t waited_ms)
{
    int64_t ms = waited_ms / 8 < 1 ? 1 : waited_ms / 8;
    struct timespec nap = {.tv_nsec = (ms > 50 ? 50 : ms) * 1000000};

    (void)nanosleep(&nap, NULL);
}

int index_lock_take(int fd, int64_t byte, uint32_t wait_ms, const char *path)
{
    int64_t start = index_lock_now_ms();

    for (;;) {
        int err = index_lock_fcntl(fd, byte, F_WRLCK);
        int64_t waited = index_lock_now_ms() - start;

        if (err == 0)
            return 0;
        if (err == EINVAL || err == ENOLCK || err == EOPNOTSUPP)
            return err_set_errno(E_UNSUPPORTED, err,
                                 "index cache %s: no file locks here", path);
        if (err != EAGAIN && err != EACCES && err != EINTR)
            return err_set_errno(E_IO, err, "index cache %s: lock", path);
        if (waited >= wait_ms)
            return err_set(E_BUSY,
                           "index cache %s: in use by another process for "
                           "more than %lld ms",
                           path, (long long)waited);
        index_lock_nap(waited);
    }
}

void index_lock_drop(int fd, int64_t byte)
{
    (void)index_lock_fcntl(fd, byte, F_UNLCK);
}
