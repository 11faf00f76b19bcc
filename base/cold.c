#include "base/cold.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/fileop.h"

enum {
    COLD_WINDOW = 2048, /* pages that are asked for at once */
    /* The kernel keeps pages in runs of up to so many bytes, and drops a run as
     * a whole: one that lay across the end of what was dropped last. */
    COLD_RUN_MAX = 4 << 20
};

static atomic_bool cold_old; /* there is no fileop_cached() */

void cold_assume_old_kernel(bool old)
{
    atomic_store(&cold_old, old);
}

static uint64_t cold_page(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t cold_granules(const struct cold *c)
{
    return (c->size + c->granule - 1) / c->granule;
}

static void cold_mark(struct cold *c, uint64_t first, uint64_t n)
{
    for (uint64_t i = first; i < first + n; i++)
        c->bit[i / 64] |= UINT64_C(1) << (i % 64);
    c->any = true;
}

static bool cold_is(const struct cold *c, uint64_t i)
{
    return c->bit[i / 64] >> (i % 64) & 1;
}

/* Granules [first, first + n): all, none, or each half apart. Returns false
 * when the kernel does not tell. */
static bool cold_count(struct cold *c, int fd, uint64_t first, uint64_t n)
{
    const uint64_t page = cold_page();
    uint64_t off = first * c->granule;
    uint64_t bytes = n * c->granule;
    uint64_t cached;

    if (bytes > c->size - off)
        bytes = c->size - off;
    if (fileop_cached(fd, off, bytes, &cached) < 0)
        return false;
    if (cached == 0)
        cold_mark(c, first, n);
    else if (cached < (bytes + page - 1) / page && n > 1)
        return cold_count(c, fd, first, n / 2) &&
               cold_count(c, fd, first + n / 2, n - n / 2);
    return true;
}

/* The granules of a window that begins at off, of which map tells. */
static void cold_window(struct cold *c, uint64_t off, const unsigned char *map,
                        size_t pages)
{
    const size_t each = c->granule / cold_page();

    for (size_t at = 0; at < pages; at += each) {
        unsigned char warm = 0;

        for (size_t i = at; i < at + each && i < pages; i++)
            warm |= map[i] & 1;
        if (!warm)
            cold_mark(c, off / c->granule + at / each, 1);
    }
}

/* Granules of more than a window are not told apart from warm ones: such a
 * file has 64 GiB. */
static void cold_map(struct cold *c, int fd)
{
    const uint64_t page = cold_page();
    unsigned char map[COLD_WINDOW];

    if (c->granule > COLD_WINDOW * page)
        return;
    for (uint64_t off = 0; off < c->size; off += COLD_WINDOW * page) {
        uint64_t n = c->size - off;

        n = n < COLD_WINDOW * page ? n : COLD_WINDOW * page;
        if (fileop_resident(fd, off, (size_t)n, map) < 0)
            return;
        cold_window(c, off, map, (size_t)((n + page - 1) / page));
    }
}

/* A mapping costs as much as a small file takes to be read: those are mapped
 * that begin cold, which have to wait for the disk anyway. */
static void cold_look_old(struct cold *c, int fd)
{
    char first;

    if (c->size >= COLD_MAP_MIN ||
        (fileop_pread_now(fd, &first, 1, 0) < 0 && errno == EAGAIN))
        cold_map(c, fd);
}

void cold_look(struct cold *c, int fd, uint64_t size)
{
    const int errnum = errno;

    c->size = size;
    c->granule = COLD_GRANULE_MIN;
    c->any = false;
    while (c->granule < cold_page() || size / COLD_GRANULES >= c->granule)
        c->granule *= 2;
    memset(c->bit, 0, (size_t)(cold_granules(c) + 63) / 64 * sizeof *c->bit);
    if (size == 0)
        return;
    if (atomic_load_explicit(&cold_old, memory_order_relaxed)) {
        cold_look_old(c, fd);
    } else if (!cold_count(c, fd, 0, cold_granules(c)) &&
               (errno == ENOSYS || errno == EPERM)) {
        cold_assume_old_kernel(true);
        cold_look_old(c, fd);
    }
    errno = errnum;
}

void cold_drop(const struct cold *c, int fd, uint64_t from, uint64_t to)
{
    uint64_t end = to < c->size ? to / c->granule : cold_granules(c);
    uint64_t i = from > COLD_RUN_MAX ? (from - COLD_RUN_MAX) / c->granule : 0;

    if (!c->any)
        return;
    while (i < end) {
        uint64_t first = i;

        while (i < end && cold_is(c, i))
            i++;
        if (i > first) {
            uint64_t off = first * c->granule;
            uint64_t last = i * c->granule;

            last = last < c->size ? last : c->size;
            fileop_advise(fd, off, last - off, POSIX_FADV_DONTNEED);
        } else {
            i++;
        }
    }
}
