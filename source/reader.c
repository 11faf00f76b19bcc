#include "source/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cold.h"
#include "base/limit.h"
#include "base/mem.h"
#include "source/stat_entry.h"

enum {
    READER_SEQUENTIAL_MIN = 1 << 20, /* smaller files are one read anyway */
    READER_DROP_STEP = 8 << 20       /* so much of it stays in the page cache */
};

struct reader {
    struct reader_options options;
    int fd; /* -1: nothing is open */
    struct dirfd *dir;
    char name[ENTRY_NAME_MAX + 1];
    uint64_t dev;
    uint64_t size; /* at reader_open */
    struct entry_time mtime;
    struct entry_time ctime;
    int64_t opened_ns; /* before the first look */

    uint64_t off;      /* where the next run begins */
    uint64_t end;      /* where the last one ends; <= size */
    bool sparse;       /* may have holes */
    uint64_t data_end; /* sparse: [off, data_end) is known to be data */
    uint64_t hole_end; /* sparse: [off, hole_end) is known to be a hole */
    bool cut;          /* the file ended early: its size is end now */
    struct cold cold;  /* what was not in memory before us */
    uint64_t dropped;  /* [.., dropped) has left it again, as [off, ..) will */
    struct reader_hole hole[READER_HOLES_MAX];
};

int reader_new(const struct reader_options *options, struct reader **out)
{
    struct reader *r = mem_alloc(sizeof *r);

    if (!r)
        return err_set(E_NOMEM, "out of memory for a reader");
    r->options = *options;
    r->fd = -1;
    *out = r;
    return 0;
}

void reader_free(struct reader *r)
{
    if (!r)
        return;
    reader_close(r);
    free(r);
}

/* What is cold leaves the page cache, up to end. */
static void reader_drop(struct reader *r, uint64_t end)
{
    cold_drop(&r->cold, r->fd, r->dropped, end);
    r->dropped = end;
}

void reader_close(struct reader *r)
{
    if (r->fd >= 0 && r->dropped < r->size)
        reader_drop(r, r->size);
    (void)fileop_close(r->fd);
    r->fd = -1;
    dirfd_unref(r->dir);
    r->dir = NULL;
}

static int reader_err(const struct reader *r, int errnum, const char *what)
{
    return dirfd_err(E_SOURCE, errnum, r->dir, bytes_of_str(r->name), what);
}

/*
 * Somebody holds a lease on the file (a file server's oplock): an open that
 * waits makes them give it up. It must not wait for a fifo, so what stands at
 * the name is held first.
 */
static int open_leased(int dir, const char *name, int flags)
{
    char path[32];
    struct stat st;
    int fd = -1;
    int held = fileop_openat(dir, name, O_PATH | O_NOFOLLOW, 0);
    int e;

    if (held < 0)
        return -1;
    if (fileop_fstat(held, &st) == 0 && S_ISREG(st.st_mode)) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", held);
        fd = fileop_openat(AT_FDCWD, path, flags & ~(O_NONBLOCK | O_NOFOLLOW),
                           0);
    } else {
        errno = ENOENT;
    }
    e = errno;
    (void)fileop_close(held);
    errno = e;
    return fd;
}

/* O_NONBLOCK: what was a file when it was listed may be a fifo by now. */
static int open_file(int dir, const char *name)
{
    int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_NOATIME;
    int fd = fileop_openat(dir, name, flags, 0);

    if (fd < 0 && errno == EPERM) {
        flags &= ~O_NOATIME;
        fd = fileop_openat(dir, name, flags, 0);
    }
    if (fd < 0 && errno == EAGAIN)
        fd = open_leased(dir, name, flags);
    return fd;
}

static bool errno_is_gone(int errnum)
{
    return errnum == ENOENT || errnum == ELOOP || errnum == ESTALE ||
           errnum == ENXIO || errnum == ENODEV;
}

/* The entry of the open file; what e borrows is kept. */
static int reader_fill(struct reader *r, const struct statx *st,
                       struct entry *e)
{
    struct entry now;
    int rc = 0;

    (void)stat_entry_fill(st, e->has_atime, &now);
    now.name = e->name;
    now.user = e->uid == now.uid ? e->user : (struct bytes){0};
    now.group = e->gid == now.gid ? e->group : (struct bytes){0};
    if (r->options.owners && e->uid != now.uid)
        rc = owner_user(r->options.owners, now.uid, &now.user);
    if (rc == 0 && r->options.owners && e->gid != now.gid)
        rc = owner_group(r->options.owners, now.gid, &now.group);
    *e = now;
    return rc;
}

static int reader_opened(struct reader *r, struct entry *e, bool *vanished)
{
    struct statx st;
    int rc;

    if (fileop_statx(r->fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) < 0)
        return reader_err(r, errno, "cannot be looked at");
    if (!S_ISREG(st.stx_mode)) {
        *vanished = true;
        return 0;
    }
    rc = reader_fill(r, &st, e);
    r->dev = stat_entry_dev(&st);
    r->size = e->size;
    r->mtime = e->mtime;
    r->ctime = e->ctime;
    r->sparse = st.stx_blocks * 512 < st.stx_size;
    r->cut = false;
    r->off = r->dropped = 0;
    cold_look(&r->cold, r->fd, r->size);
    reader_range(r, 0, r->size);
    if (r->size >= READER_SEQUENTIAL_MIN)
        fileop_advise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return rc;
}

int reader_open(struct reader *r, struct dirfd *dir, struct bytes name,
                struct entry *e, bool *vanished)
{
    enum fileop_domain domain = fileop_enter(FILEOP_SOURCE);
    int at;
    int rc = 0;

    ASSERT(name.n < sizeof r->name);
    reader_close(r);
    *vanished = false;
    r->dir = dirfd_ref(dir);
    memcpy(r->name, name.p, name.n);
    r->name[name.n] = 0;
    r->opened_ns = clock_realtime_ns();
    at = dirfd_pin(dir);
    if (at >= 0) {
        r->fd = open_file(at, r->name);
        dirfd_unpin(dir);
    }
    if (r->fd >= 0)
        rc = reader_opened(r, e, vanished);
    else if (errno_is_gone(errno))
        *vanished = true;
    else
        rc = reader_err(r, errno, "cannot be opened");
    if (rc < 0 || *vanished)
        reader_close(r);
    (void)fileop_enter(domain);
    return rc;
}

int reader_attrs(struct reader *r, struct entry *e, struct arena *arena)
{
    enum fileop_domain domain = fileop_enter(FILEOP_SOURCE);
    int rc = attrs_of_fd(r->options.attrs, r->fd, r->dev, r->dir,
                         bytes_of_str(r->name), e, arena);

    (void)fileop_enter(domain);
    return rc;
}

void reader_range(struct reader *r, uint64_t off, uint64_t end)
{
    if (r->off > r->dropped)
        reader_drop(r, r->off);
    r->end = end < r->size ? end : r->size;
    r->off = r->dropped = off < r->end ? off : r->end;
    r->data_end = r->sparse ? r->off : r->end;
    r->hole_end = r->off;
}

/* Sparse: finds out what begins at off, unless that is known. */
static int reader_map(struct reader *r, uint64_t off)
{
    off_t at;

    if (off < r->data_end || off < r->hole_end)
        return 0;
    at = fileop_seek(r->fd, (off_t)off, SEEK_DATA);
    if (at < 0 && errno == ENXIO) {
        r->hole_end = r->end;
        return 0;
    }
    if (at < 0)
        goto plain;
    r->hole_end = (uint64_t)at < r->end ? (uint64_t)at : r->end;
    if (r->hole_end > off)
        return 0;
    at = fileop_seek(r->fd, (off_t)off, SEEK_HOLE);
    /* A file system that answers nonsense must not hold us here for ever. */
    if (at <= (off_t)off)
        goto plain;
    r->data_end = (uint64_t)at < r->end ? (uint64_t)at : r->end;
    return 0;
plain:
    if (errno != EINVAL && errno != ENOTSUP && at < 0)
        return reader_err(r, errno, "cannot be searched for holes");
    r->sparse = false;
    r->data_end = r->end;
    return 0;
}

/* Reads data [off, off + n) to buf. *got < n: the file ends there. */
static int reader_read(struct reader *r, uint8_t *buf, size_t n, uint64_t off,
                       size_t *got)
{
    *got = 0;
    while (*got < n) {
        size_t part = limit_piece(LIMIT_READ, n - *got);
        ssize_t k;

        limit_wait(LIMIT_READ);
        k = fileop_pread_full(r->fd, buf + *got, part, off + *got);
        if (k < 0)
            return reader_err(r, errno, "cannot be read");
        limit_charge(LIMIT_READ, (uint64_t)k);
        *got += (size_t)k;
        if ((size_t)k < part)
            break;
    }
    return 0;
}

static size_t at_most(uint64_t n, size_t max)
{
    return n < max ? (size_t)n : max;
}

/* Fills buf from r->off on; data up to a long hole, a full buffer, the end. */
static int reader_fill_data(struct reader *r, uint8_t *buf, size_t cap,
                            struct reader_run *run)
{
    size_t n = 0;
    int rc = 0;

    while (n < cap && r->off + n < r->end && rc == 0) {
        uint64_t off = r->off + n;
        size_t part;
        size_t got = 0;

        rc = r->sparse ? reader_map(r, off) : 0;
        if (rc < 0)
            break;
        if (off < r->hole_end) {
            /* What is left of a hole that began in an earlier run is short
             * as well: long ones are taken whole. */
            if (r->hole_end - off >= READER_HOLE_MIN ||
                run->hole_n == READER_HOLES_MAX)
                break;
            part = at_most(r->hole_end - off, cap - n);
            memset(buf + n, 0, part);
            r->hole[run->hole_n++] = (struct reader_hole){off, part};
            n += part;
            continue;
        }
        part = at_most(r->data_end - off, cap - n);
        rc = reader_read(r, buf + n, part, off, &got);
        if (rc < 0)
            break;
        n += got;
        if (got < part) {
            r->end = r->off + n;
            r->cut = true;
        }
    }
    run->n = n;
    return rc;
}

int reader_next(struct reader *r, uint8_t *buf, size_t cap,
                struct reader_run *run)
{
    enum fileop_domain domain = fileop_enter(FILEOP_SOURCE);
    int rc = 0;

    *run = (struct reader_run){READER_END, r->off, 0, r->hole, 0};
    if (r->off < r->end && r->sparse)
        rc = reader_map(r, r->off);
    if (rc == 0 && r->off < r->hole_end &&
        r->hole_end - r->off >= READER_HOLE_MIN) {
        run->kind = READER_HOLE;
        run->n = r->hole_end - r->off;
    } else if (rc == 0 && r->off < r->end) {
        run->kind = READER_DATA;
        rc = reader_fill_data(r, buf, cap, run);
        if (run->n == 0)
            run->kind = READER_END;
    }
    r->off += run->n;
    if (r->off - r->dropped >= READER_DROP_STEP)
        reader_drop(r, r->off);
    (void)fileop_enter(domain);
    return rc;
}

int reader_finish(struct reader *r, struct entry *e, bool *changed)
{
    enum fileop_domain domain = fileop_enter(FILEOP_SOURCE);
    struct statx st;
    struct entry now;
    int rc = 0;

    *changed = false;
    if (fileop_statx(r->fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) < 0) {
        rc = reader_err(r, errno, "cannot be looked at");
    } else {
        (void)stat_entry_fill(&st, false, &now);
        *changed = now.size != r->size || r->cut ||
                   entry_time_cmp(now.mtime, r->mtime) != 0 ||
                   entry_time_cmp(now.ctime, r->ctime) != 0;
        e->size = r->cut ? r->end : r->size;
        e->unsettled = stat_entry_unsettled(r->ctime, r->opened_ns);
    }
    reader_close(r);
    (void)fileop_enter(domain);
    return rc;
}
