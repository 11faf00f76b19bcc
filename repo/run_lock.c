#include "repo/run_lock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fileop.h"
#include "repo/cache_dir.h"

/* "PID SECONDS\n", of one length, so that one write replaces it. */
enum { RUN_LOCK_TEXT = 42 };

static void run_lock_sign(int fd)
{
    char text[RUN_LOCK_TEXT + 1];

    (void)snprintf(text, sizeof text, "%20ld %20" PRId64 "\n", (long)getpid(),
                   clock_realtime_ns() / CLOCK_SECOND_NS);
    if (fileop_pwrite_full(fd, text, RUN_LOCK_TEXT, 0) < 0)
        return; /* others then learn less */
}

static void run_lock_read(int fd, struct run_holder *holder)
{
    char text[RUN_LOCK_TEXT + 1];
    ssize_t n = fileop_pread_full(fd, text, RUN_LOCK_TEXT, 0);
    char *end;

    *holder = (struct run_holder){.pid = 0};
    if (n != RUN_LOCK_TEXT)
        return;
    text[n] = 0;
    holder->pid = strtoull(text, &end, 10);
    holder->since_s = strtoll(end, NULL, 10);
}

static int run_lock_try(const char *path, int *lock, struct run_holder *holder)
{
    int fd = fileop_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);

    if (fd < 0)
        return err_set_errno(E_IO, errno, "%s", path);
    if (fileop_try_lock(fd) == 0) {
        run_lock_sign(fd);
        *lock = fd;
        return 0;
    }
    if (errno != EWOULDBLOCK) {
        int rc = err_set_errno(E_IO, errno, "%s: lock", path);

        (void)fileop_close(fd);
        return rc;
    }
    run_lock_read(fd, holder);
    (void)fileop_close(fd);
    return 0;
}

int run_lock_take(const char *cache, struct bytes series, int *lock,
                  struct run_holder *holder)
{
    enum fileop_domain outer = fileop_enter(FILEOP_CACHE);
    char path[CACHE_DIR_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/run-%.*s", cache, (int)series.n,
                     (const char *)series.p);
    int rc;

    *lock = -1;
    if (n < 0 || (size_t)n >= sizeof path)
        rc = err_set(E_LIMIT, "%s: the path is too long", cache);
    else
        rc = run_lock_try(path, lock, holder);
    (void)fileop_enter(outer);
    return rc;
}

void run_lock_drop(int lock)
{
    enum fileop_domain outer = fileop_enter(FILEOP_CACHE);

    (void)fileop_close(lock);
    (void)fileop_enter(outer);
}
