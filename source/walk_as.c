#include "source/walk_as.h"

#include <errno.h>

#include "source/stat_entry.h"

enum { WALK_AS_DIR_MODE = 0755 };

static int walk_as_stat(int fd, struct statx *st)
{
    return fileop_statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
                        STAT_ENTRY_MASK, st);
}

/* fd, or errno, becomes the directory of the step. */
static int walk_as_graft(struct walk_as_step *s, int fd, int flags,
                         struct statx *st, struct dirfd **dir)
{
    if (fd >= 0)
        return dirfd_graft(s->parent, s->name, fd, flags, st, dir);
    s->errnum = errno;
    return 0;
}

/* The root: opened to be read, or as a path where that is not permitted. */
static int walk_as_root(struct walk_as_step *s, struct statx *st,
                        struct dirfd **dir)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
    int fd = fileop_openat(AT_FDCWD, s->from, flags | O_NOATIME, 0);

    if (fd < 0 && errno == EPERM) /* O_NOATIME belongs to its owner */
        fd = fileop_openat(AT_FDCWD, s->from, flags, 0);
    if (fd < 0 && errno == EACCES) {
        flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
        fd = fileop_openat(AT_FDCWD, s->from, flags, 0);
        s->path = fd >= 0;
    }
    if (fd >= 0 && walk_as_stat(fd, st) < 0) {
        int errnum = errno;

        (void)fileop_close(fd);
        errno = errnum;
        fd = -1;
    }
    if (s->path)
        s->errnum = EACCES;
    return walk_as_graft(s, fd, flags, st, dir);
}

/* One that stands for a directory that is not there. */
static int walk_as_bare(struct walk_as_step *s, struct statx *st,
                        struct dirfd **dir)
{
    int flags = O_PATH | O_DIRECTORY;
    int fd = fileop_openat(s->parent_fd, ".", flags, 0);

    s->bare = true;
    if (fd >= 0 && walk_as_stat(fd, st) < 0) {
        int errnum = errno;

        (void)fileop_close(fd);
        errno = errnum;
        fd = -1;
    }
    if (fd >= 0) {
        st->stx_mode = S_IFDIR | WALK_AS_DIR_MODE;
        st->stx_uid = st->stx_gid = 0;
        st->stx_nlink = 1;
        st->stx_ino = 0;
        st->stx_mask &= ~(unsigned)STATX_BTIME;
    }
    return walk_as_graft(s, fd, flags, st, dir);
}

/* One that is there, if it is. */
static int walk_as_real(struct walk_as_step *s, struct statx *st,
                        struct dirfd **dir)
{
    int rc = dirfd_open(s->parent, s->name, 0, st, dir, &s->errnum);

    if (rc == 0 && !*dir) /* perhaps it may not be read */
        rc = dirfd_open(s->parent, s->name, O_PATH, st, dir, &s->errnum);
    s->errnum = 0;
    return rc;
}

int walk_as_open(struct walk_as_step *s, struct statx *st, struct dirfd **dir)
{
    int rc = 0;

    *dir = NULL;
    s->path = false;
    s->errnum = 0;
    if (s->from)
        return walk_as_root(s, st, dir);
    if (!s->bare)
        rc = walk_as_real(s, st, dir);
    return rc < 0 || *dir ? rc : walk_as_bare(s, st, dir);
}
