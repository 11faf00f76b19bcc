#include "cli/fresh_file.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/fileop.h"

int fresh_file_create(const char *path, int *fd)
{
    *fd = fileop_openat(AT_FDCWD, path,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (*fd < 0 && errno == EEXIST)
        return err_set(E_USAGE,
                       "%s: is there already, and is not written over: name a "
                       "new file",
                       path);
    return *fd < 0 ? err_set_errno(E_USAGE, errno, "%s", path) : 0;
}

/* The directory that path is in. */
static int fresh_file_sync_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 1;
    char dir[PATH_MAX];
    int fd;
    int rc;

    if (n >= sizeof dir)
        return err_set(E_USAGE, "%s: too long", path);
    memcpy(dir, slash ? path : ".", n);
    dir[n] = 0;
    fd = fileop_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    rc = fd < 0 || fileop_sync_dir(fd) < 0 ? -1 : 0;
    if (rc < 0)
        rc = err_set_errno(E_IO, errno, "%s", dir);
    (void)fileop_close(fd);
    return rc;
}

int fresh_file_write(int fd, const char *path, struct bytes x)
{
    if (fileop_write_full(fd, x.p, x.n) < 0 || fileop_sync(fd) < 0)
        return err_set_errno(E_IO, errno, "%s", path);
    return fresh_file_sync_dir(path);
}

int fresh_file_drop(const char *path, int rc)
{
    if (fileop_unlinkat(AT_FDCWD, path, 0) < 0)
        return err_add(rc, "%s is left behind, remove it", path);
    return rc;
}
