#include "index/index_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/clock.h"
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

bool index_lock_wait(int64_t start_ns, uint32_t wait_ms)
{
    const int64_t ms = CLOCK_SECOND_NS / 1000;
    int64_t waited = clock_monotonic_ns() - start_ns;
    int64_t nap = waited / 8;

    if (waited >= wait_ms * ms)
        return false;
    clock_sleep_ns(nap < ms ? ms : nap > 50 * ms ? 50 * ms : nap);
    return true;
}

int index_lock_take(int fd, int64_t byte, uint32_t wait_ms, const char *path)
{
    int64_t start = clock_monotonic_ns();

    for (;;) {
        int err = index_lock_fcntl(fd, byte, F_WRLCK);

        if (err == 0)
            return 0;
        if (err == EINVAL || err == ENOLCK || err == EOPNOTSUPP)
            return err_set_errno(E_UNSUPPORTED, err,
                                 "index cache %s: no file locks here", path);
        if (err != EAGAIN && err != EACCES && err != EINTR)
            return err_set_errno(E_IO, err, "index cache %s: lock", path);
        if (!index_lock_wait(start, wait_ms))
            return err_set(E_BUSY, "index cache %s: in use by another process",
                           path);
    }
}

void index_lock_drop(int fd, int64_t byte)
{
    (void)index_lock_fcntl(fd, byte, F_UNLCK);
}
