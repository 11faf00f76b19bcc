#include "repo/keepsake_file.h"

#include <errno.h>
#include <stdio.h>

#include "base/fileop.h"
#include "base/log.h"

enum {
    KEEPSAKE_FILE_NEW_MAX = KEEPSAKE_NAME_MAX + 4,
    KEEPSAKE_FILE_TRIES = 3 /* when another run is faster */
};

static int keepsake_file_error(const char *what, const char *name)
{
    return err_set_errno(E_IO, errno, "%s %s", what, name);
}

static int keepsake_file_dir(const struct repo *r, int *dir)
{
    *dir = fileop_openat(AT_FDCWD, r->cache, O_RDONLY | O_DIRECTORY, 0);
    return *dir < 0 ? keepsake_file_error("open", r->cache) : 0;
}

/* --- reading --- */

static int keepsake_file_fill(int fd, const char *name, struct buf *file)
{
    struct stat st;
    uint8_t *to;
    ssize_t n;

    if (fileop_fstat(fd, &st) < 0)
        return keepsake_file_error("stat", name);
    if (!S_ISREG(st.st_mode) || st.st_size < 1 ||
        st.st_size > KEEPSAKE_BYTES_MAX)
        return err_set(E_CORRUPT, "%s: no file of a keepsake's size", name);
    to = buf_extend(file, (size_t)st.st_size);
    if (!to)
        return buf_status(file);
    n = fileop_read_full(fd, to, (size_t)st.st_size);
    if (n < 0)
        return keepsake_file_error("read", name);
    buf_truncate(file, (size_t)n);
    return 0;
}

/* file: out: stays empty when there is none. */
static int keepsake_file_get(int dir, const char *name, struct buf *file)
{
    /* whatever stands there must not hold the run up */
    int fd = fileop_openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    int rc;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return keepsake_file_error("open", name);
    rc = keepsake_file_fill(fd, name, file);
    (void)fileop_close(fd);
    return rc;
}

bool keepsake_file_read(const struct repo *r, struct bytes series,
                        bool complete, struct kept_frames *kept,
                        struct keepsake *out)
{
    enum fileop_domain outer = fileop_enter(FILEOP_CACHE);
    char name[KEEPSAKE_NAME_MAX];
    struct buf file;
    int dir = -1;
    int rc = keepsake_file_dir(r, &dir);
    bool found;

    *out = (struct keepsake){.plain = NULL};
    buf_init(&file, KEEPSAKE_BYTES_MAX);
    keepsake_name(r->keys, series, complete, name);
    if (rc == 0)
        rc = keepsake_file_get(dir, name, &file);
    found = rc == 0 && file.n > 0;
    if (found)
        rc = keepsake_open(r->keys, series, buf_bytes(&file), kept, out);
    buf_release(&file);
    (void)fileop_close(dir);
    (void)fileop_enter(outer);
    if (rc < 0)
        log_debug("no use of %s: %s", name, err_text());
    else if (!found)
        log_debug("there is no %s", name);
    return rc == 0 && found;
}

/* --- writing --- */

/* Whether the name still is that of the open file. */
static bool keepsake_file_is(int dir, const char *name, int fd)
{
    struct stat there;
    struct stat here;

    return fileop_fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           fileop_fstat(fd, &here) == 0 && there.st_ino == here.st_ino &&
           there.st_dev == here.st_dev;
}

/*
 * The new file, held against other runs of the series: one name for all of
 * them, so that those killed leave nothing behind that is not used again.
 * fd: out: -1: another run is writing just now, and will have its way.
 */
static int keepsake_file_hold(int dir, const char *name, int *fd)
{
    *fd = -1;
    for (int i = 0; i < KEEPSAKE_FILE_TRIES; i++) {
        int new = fileop_openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
        bool held;

        if (new < 0)
            return keepsake_file_error("create", name);
        /* where files cannot be locked two runs may spoil each other's; the
         * seal tells */
        held = fileop_try_lock(new) == 0 || errno != EWOULDBLOCK;
        if (held && keepsake_file_is(dir, name, new)) {
            *fd = new;
            return 0;
        }
        (void)fileop_close(new);
        if (!held)
            return 0;
    }
    return 0;
}

static int keepsake_file_fill_new(int fd, const char *name, struct bytes file)
{
    if (fileop_truncate(fd, 0) < 0 || fileop_write_full(fd, file.p, file.n) < 0)
        return keepsake_file_error("write", name);
    return fileop_sync(fd) < 0 ? keepsake_file_error("fsync", name) : 0;
}

static int keepsake_file_put(int dir, const char *name, struct bytes file)
{
    char new[KEEPSAKE_FILE_NEW_MAX];
    int fd;
    int rc;

    (void)snprintf(new, sizeof new, "%s.new", name);
    rc = keepsake_file_hold(dir, new, &fd);
    if (rc < 0 || fd < 0)
        return rc;
    rc = keepsake_file_fill_new(fd, new, file);
    if (rc == 0 && fileop_renameat2(dir, new, dir, name, 0) < 0)
        rc = keepsake_file_error("rename", new);
    if (rc < 0)
        err_ignore(fileop_unlinkat(dir, new, 0), "the next run takes it");
    else if (fileop_sync_dir(dir) < 0)
        rc = keepsake_file_error("fsync the directory of", name);
    (void)fileop_close(fd);
    return rc;
}

/* What a run left that was killed while it wrote; not what another one is
 * writing. */
static void keepsake_file_drop_new(int dir, const char *name)
{
    char new[KEEPSAKE_FILE_NEW_MAX];
    struct stat st;
    int fd = -1;

    (void)snprintf(new, sizeof new, "%s.new", name);
    if (fileop_fstatat(dir, new, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (keepsake_file_hold(dir, new, &fd) == 0 && fd >= 0)
        err_ignore(fileop_unlinkat(dir, new, 0), "a later run takes it");
    (void)fileop_close(fd);
}

/* The run of the checkpoint is over. */
static void keepsake_file_end(const struct repo *r, struct bytes series,
                              int dir)
{
    char name[KEEPSAKE_NAME_MAX];

    keepsake_name(r->keys, series, false, name);
    if (fileop_unlinkat(dir, name, 0) < 0 && errno != ENOENT)
        log_debug("%s was not removed", name);
    keepsake_file_drop_new(dir, name);
}

void keepsake_file_write(const struct repo *r, const struct object_id *id,
                         const struct manifest *m, struct kept_frames *kept)
{
    enum fileop_domain outer = fileop_enter(FILEOP_CACHE);
    char name[KEEPSAKE_NAME_MAX];
    struct buf file;
    int dir = -1;
    int rc = 0;

    buf_init(&file, KEEPSAKE_BYTES_MAX);
    keepsake_name(r->keys, m->series, m->complete, name);
    /* a private cache is gone before anybody could read it */
    if (!r->private_cache) {
        rc = keepsake_seal(r->keys, id, m, kept, &file);
        if (rc == 0)
            rc = keepsake_file_dir(r, &dir);
        if (rc == 0)
            rc = keepsake_file_put(dir, name, buf_bytes(&file));
        if (rc == 0 && m->complete)
            keepsake_file_end(r, m->series, dir);
    }
    (void)fileop_close(dir);
    buf_release(&file);
    (void)fileop_enter(outer);
    if (rc < 0)
        log_debug("%s was not written: %s", name, err_text());
}
