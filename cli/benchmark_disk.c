#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fileop.h"
#include "base/mem.h"
#include "base/random.h"
#include "cli/benchmark.h"

enum { BENCHMARK_DISK_STEP = 1 << 20 };

#define BENCHMARK_DISK_NS (2 * CLOCK_SECOND_NS)

static int benchmark_disk_error(int errnum, const char *directory)
{
    bool full = errnum == ENOSPC || errnum == EDQUOT;

    return err_set_errno(full ? E_NOSPACE : E_IO, errnum, "%s: benchmark",
                         directory);
}

/* A file without a name: nothing is left, whatever happens. */
static int benchmark_disk_open(const char *directory, int *fd)
{
    *fd = fileop_openat(AT_FDCWD, directory, O_TMPFILE | O_RDWR, 0600);
    if (*fd >= 0)
        return 0;
    if (errno == EOPNOTSUPP || errno == EISDIR)
        return err_set(E_USAGE,
                       "%s: its file system has no files without a name, and "
                       "one with a name might be left behind",
                       directory);
    return err_set_errno(E_USAGE, errno, "%s: making a file for the benchmark",
                         directory);
}

/* How much may be written. */
static int benchmark_disk_room(const char *directory, int fd, uint64_t *most)
{
    struct statvfs v;
    uint64_t room;

    if (fileop_statvfs(fd, &v) < 0)
        return benchmark_disk_error(errno, directory);
    room = (uint64_t)v.f_bavail * v.f_frsize / 4;
    *most = room < BENCHMARK_DISK_MAX ? room : BENCHMARK_DISK_MAX;
    if (*most < BENCHMARK_DISK_STEP)
        return err_set(E_NOSPACE, "%s: too little is free for a benchmark",
                       directory);
    return 0;
}

static int benchmark_disk_write(const char *directory, int fd, uint8_t *data,
                                const struct cancel *cancel,
                                struct benchmark_measure *m)
{
    int64_t start = clock_monotonic_ns();
    uint64_t most = 0;
    int rc = benchmark_disk_room(directory, fd, &most);

    *m = (struct benchmark_measure){.what = "disk write"};
    while (rc == 0 && m->bytes + BENCHMARK_DISK_STEP <= most &&
           m->ns < BENCHMARK_DISK_NS) {
        data[0]++; /* no two are the same */
        if (fileop_pwrite_full(fd, data, BENCHMARK_DISK_STEP, m->bytes) < 0)
            return benchmark_disk_error(errno, directory);
        m->bytes += BENCHMARK_DISK_STEP;
        /* begun now, so that the end waits for little, as in a backup */
        fileop_start_sync(fd, m->bytes - BENCHMARK_DISK_STEP,
                          BENCHMARK_DISK_STEP);
        m->ns = clock_monotonic_ns() - start;
        rc = cancel_check(cancel);
    }
    if (rc == 0 && fileop_sync(fd) < 0)
        return benchmark_disk_error(errno, directory);
    m->ns = clock_monotonic_ns() - start;
    return rc;
}

static int benchmark_disk_read(const char *directory, int fd, uint64_t bytes,
                               uint8_t *data, const struct cancel *cancel,
                               struct benchmark_measure *m)
{
    int64_t start;
    int rc = 0;

    fileop_advise(fd, 0, bytes, POSIX_FADV_DONTNEED);
    start = clock_monotonic_ns();
    *m = (struct benchmark_measure){.what = "disk read"};
    while (rc == 0 && m->bytes < bytes && m->ns < BENCHMARK_DISK_NS) {
        ssize_t n = fileop_pread_full(fd, data, BENCHMARK_DISK_STEP, m->bytes);

        if (n != BENCHMARK_DISK_STEP)
            return benchmark_disk_error(n < 0 ? errno : EIO, directory);
        m->bytes += BENCHMARK_DISK_STEP;
        m->ns = clock_monotonic_ns() - start;
        rc = cancel_check(cancel);
    }
    return rc;
}

int benchmark_disk(const char *directory, const struct cancel *cancel,
                   benchmark_fn *fn, void *ctx)
{
    struct benchmark_measure m = {.bytes = 0};
    uint8_t *data = mem_alloc(BENCHMARK_DISK_STEP);
    int fd = -1;
    int rc = data ? random_bytes(data, BENCHMARK_DISK_STEP)
                  : err_set(E_NOMEM, "the benchmark's buffer");

    if (rc == 0)
        rc = benchmark_disk_open(directory, &fd);
    if (rc == 0)
        rc = benchmark_disk_write(directory, fd, data, cancel, &m);
    if (rc == 0)
        rc = fn(ctx, &m);
    if (rc == 0)
        rc = benchmark_disk_read(directory, fd, m.bytes, data, cancel, &m);
    if (rc == 0)
        rc = fn(ctx, &m);
    (void)fileop_close(fd); /* nothing in it is kept */
    free(data);
    return rc;
}
