#include <errno.h>
#include <stdlib.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "base/room.h"
#include "store/local_impl.h"

/* So much is written before the kernel is asked to start on it: the commit of
 * a 32 MiB pack that took 0.1 s to make then waits about half as long. */
enum {
    LOCAL_WRITER_STEP = 4 << 20,
    LOCAL_WRITER_LARGE = 1 << 20 /* so much weighs in memory */
};

struct local_writer {
    struct store_writer base;
    struct local_temp temp; /* fd -1 after a failure */
    uint64_t written;
    uint64_t started; /* bytes whose write-out was started */
};

static struct local_writer *local_writer_of(struct store_writer *w)
{
    return (struct local_writer *)(void *)w;
}

int local_writer_open(struct store *s, struct store_writer **out)
{
    struct local *l = local_of(s);
    struct local_writer *w;
    int rc = local_trust(l);

    if (rc == 0)
        rc = local_temp_ready(l);
    if (rc < 0)
        return rc;
    w = mem_alloc(sizeof *w);
    if (!w)
        return err_set(E_NOMEM, "%s: out of memory", s->place);
    w->base.store = s;
    rc = local_temp_open(l, &w->temp);
    if (rc < 0) {
        free(w);
        return rc;
    }
    *out = &w->base;
    return 0;
}

int local_writer_append(struct store_writer *base, struct bytes part)
{
    struct local_writer *w = local_writer_of(base);
    struct local *l = local_of(base->store);

    ASSERT(w->temp.fd >= 0);
    if (fileop_write_full(w->temp.fd, part.p, part.n) < 0) {
        int rc = local_fail(l, errno, "write", "an object");

        local_temp_close(l, &w->temp);
        return rc;
    }
    w->written += part.n;
    if (w->written - w->started >= LOCAL_WRITER_STEP) {
        fileop_start_sync(w->temp.fd, w->started, w->written - w->started);
        w->started = w->written;
    }
    return 0;
}

/* The object that was there: whoever put it may have died before its fsync. */
static int local_writer_settle(struct local *l, int dir, const char *leaf,
                               const char *name)
{
    uint64_t size;
    int fd;
    int rc = local_file_open(l, dir, leaf, name, &fd, &size);

    if (rc == 0 && fd >= 0)
        rc = local_sync_named(l, fd, false, name);
    (void)fileop_close(fd);
    return rc;
}

/* I8: whatever fails here, the file is not named later. */
static int local_writer_publish(struct local *l, struct local_writer *w,
                                const char *name, enum store_outcome *outcome)
{
    const char *leaf;
    int dir = -1;
    int rc;

    if (fileop_sync(w->temp.fd) < 0)
        return local_fail(l, errno, "sync", name);
    rc = local_dir_open(l, name, LOCAL_DIR_MAKE, &dir, &leaf);
    if (rc == 0)
        rc = local_temp_publish(l, &w->temp, dir, leaf, name, outcome);
    if (rc == 0 && *outcome == STORE_EXISTS)
        rc = local_writer_settle(l, dir, leaf, name);
    if (rc == 0)
        rc = local_sync_named(l, dir, true, name);
    local_dir_close(l, dir);
    return rc;
}

int local_writer_commit(struct store_writer *base, const char *name,
                        enum store_outcome *outcome)
{
    struct local_writer *w = local_writer_of(base);
    struct local *l = local_of(base->store);
    int rc = local_trust(l);

    ASSERT(w->temp.fd >= 0);
    /* a shared repository overrules the umask */
    if (rc == 0 && (l->file_mode & S_IRGRP) &&
        fileop_fchmod(w->temp.fd, l->file_mode) < 0)
        rc = local_fail(l, errno, "set the mode of", name);
    if (rc == 0)
        rc = local_writer_publish(l, w, name, outcome);
    /* it is on the disk, and next to nobody reads it soon */
    if (rc == 0 && w->written >= LOCAL_WRITER_LARGE && room_is_short())
        fileop_advise(w->temp.fd, 0, 0, POSIX_FADV_DONTNEED);
    local_temp_close(l, &w->temp);
    return rc;
}

void local_writer_free(struct store_writer *base)
{
    struct local_writer *w = local_writer_of(base);

    local_temp_close(local_of(base->store), &w->temp);
    free(w);
}
